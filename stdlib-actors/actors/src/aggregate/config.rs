//! The config of `std/aggregate` and `std/window`.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;
use theater_flow_sdk::{Config, ConfigFault};

use super::take::{FORMS, Given, Take};
use super::{Core, Order};
use crate::basis::Basis;
use crate::fields::{self, Fields, Reference};

/// Bytes of the groups and of what they keep: with a snapshot of them being made there is still room
/// in the memory that an agent has by default.
const MAX_BYTES: usize = 16 << 20;
const MAX_GROUPS: usize = 65_536;

/// What the pipeline file says. `std/aggregate` and `std/window` differ in `flush`.
#[derive(Debug, Deserialize, Config)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Config<F> {
    /// Fields whose values make a group. A field is a name, names with dots between them, or a JSON
    /// pointer. Without any, all messages are one group.
    #[serde(default)]
    #[config(max_items = 16)]
    by: Vec<Reference>,
    /// What is taken of a group's messages, under its name in the output.
    #[config(min_properties = 1, max_properties = 64)]
    take: BTreeMap<String, Given>,
    pub(crate) flush: F,
    /// A message for each group, or one with all of them.
    #[serde(default)]
    emit: Emit,
    /// How groups are sorted: `key`, or a name of the output, with `-` before it for the largest
    /// first.
    #[serde(default = "default_order")]
    order: String,
    /// Groups that are sent; the rest is left out. All by default.
    #[config(minimum = 1)]
    limit: Option<usize>,
    /// Groups at a time.
    #[serde(default = "default_max_groups")]
    #[config(minimum = 1, maximum = 1_048_576)]
    max_groups: usize,
    /// What to do with a message whose group would be one too many: fault, or count it in one group
    /// of all others.
    #[serde(default)]
    overflow: Overflow,
    /// Bytes of memory for groups and what they keep. More than the default needs more
    /// `limits.memory`, about four times as much.
    #[serde(default = "default_max_bytes")]
    #[config(minimum = 1_024, maximum = 50_331_648)]
    max_bytes: usize,
}

/// A table of `std/report`: what a config says, but for when and how the groups are sent.
#[derive(Clone, Debug, Deserialize, Config)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct Table {
    /// The input whose messages it counts.
    #[serde(default = "default_from")]
    #[config(min_length = 1)]
    pub(crate) from: String,
    /// Fields whose values make a group. A field is a name, names with dots between them, or a JSON
    /// pointer. Without any, all messages are one group.
    #[serde(default)]
    #[config(max_items = 16)]
    by: Vec<Reference>,
    /// What is taken of a group's messages, under its name in the output.
    #[config(min_properties = 1, max_properties = 64)]
    take: BTreeMap<String, Given>,
    /// How groups are sorted: `key`, or a name of the output, with `-` before it for the largest
    /// first.
    #[serde(default = "default_order")]
    order: String,
    /// Groups in the table; the rest is left out. All by default.
    #[config(minimum = 1)]
    limit: Option<usize>,
    /// Groups at a time.
    #[serde(default = "default_max_groups")]
    #[config(minimum = 1, maximum = 1_048_576)]
    max_groups: usize,
    /// What to do with a message whose group would be one too many: fault, or count it in one group
    /// of all others.
    #[serde(default)]
    overflow: Overflow,
}

impl Table {
    /// The table's core, which may keep as many bytes.
    pub(crate) fn core(&self, max_bytes: usize) -> Result<Core, Vec<ConfigFault>> {
        let table = self.clone();
        let config = Config {
            by: table.by,
            take: table.take,
            flush: (),
            emit: Emit::All,
            order: table.order,
            limit: table.limit,
            max_groups: table.max_groups,
            overflow: table.overflow,
            max_bytes,
        };
        let core = config.core()?;
        let basis = core.basis.with("from", table.from);
        Ok(Core { basis, ..core })
    }
}

fn default_from() -> String {
    "in".into()
}

#[derive(Clone, Copy, PartialEq, Eq, Default, Debug, Deserialize, Config)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Emit {
    /// A message for each group.
    #[default]
    Groups,
    /// One message with all groups.
    All,
}

impl Emit {
    /// As the config writes it.
    const fn as_str(self) -> &'static str {
        match self {
            Self::Groups => "groups",
            Self::All => "all",
        }
    }
}

/// What happens to a message whose group would be one too many.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug, Deserialize, Config)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Overflow {
    #[default]
    Fault,
    Other,
}

fn default_order() -> String {
    "key".into()
}

const fn default_max_groups() -> usize {
    MAX_GROUPS
}

const fn default_max_bytes() -> usize {
    MAX_BYTES
}

impl<F> Config<F> {
    /// The actor's core, or all that is wrong.
    pub(crate) fn core(&self) -> Result<Core, Vec<ConfigFault>> {
        let mut faults = Vec::new();
        let takes: Vec<Take> = self.takes()?;
        self.check_names(&takes, &mut faults);
        let order = self.order(&mut faults);
        if !faults.is_empty() {
            return Err(faults);
        }
        let mut fields = Fields::new(self.by.iter().map(Reference::as_str));
        let bound = takes.into_iter().map(|take| take.bind(&mut fields));
        let takes: Vec<Take> = bound.collect();
        Ok(Core {
            by: self.names(),
            fields,
            takes,
            emit: self.emit,
            order,
            limit: self.limit.unwrap_or(usize::MAX),
            max_groups: self.max_groups,
            overflow: self.overflow,
            max_bytes: self.max_bytes,
            basis: self.basis(),
        })
    }

    /// What groups and rows depend on. Limits and `order` count when they are applied.
    fn basis(&self) -> Basis {
        let by: Vec<&str> = self.by.iter().map(Reference::as_str).collect();
        let basis = Basis::default()
            .with("by", by)
            .with("emit", self.emit.as_str());
        self.take.iter().fold(basis, |basis, (name, given)| {
            basis.with(format!("take.{name}"), given.basis())
        })
    }

    /// What is taken, all of which the SDK has checked.
    fn takes(&self) -> Result<Vec<Take>, Vec<ConfigFault>> {
        let read = |(name, given): (&String, &Given)| {
            let bad = || ConfigFault::at(&["take", name], FORMS);
            given.read(name).ok_or_else(bad)
        };
        let takes: Result<_, ConfigFault> = self.take.iter().map(read).collect();
        takes.map_err(|fault| vec![fault])
    }

    fn names(&self) -> Vec<String> {
        let names = self.by.iter().map(|by| fields::last_name(by.as_str()));
        names.collect()
    }

    /// Every name of a row stands for one thing.
    fn check_names(&self, takes: &[Take], faults: &mut Vec<ConfigFault>) {
        let mut seen = BTreeSet::new();
        if self.overflow == Overflow::Other {
            seen.insert("other".to_owned());
        }
        for (at, name) in self.names().into_iter().enumerate() {
            let message = format!("another field of the output is named `{name}` already");
            if !seen.insert(name) {
                faults.push(ConfigFault::at(&["by", &at.to_string()], message));
            }
        }
        for take in takes {
            for name in std::iter::once(take.name.clone()).chain(take.dropped()) {
                let message = format!("another field of the output is named `{name}` already");
                if !seen.insert(name) {
                    faults.push(ConfigFault::at(&["take", &take.name], message));
                }
            }
        }
    }

    fn order(&self, faults: &mut Vec<ConfigFault>) -> Option<Order> {
        if self.order == "key" {
            return None;
        }
        let mut names = self.names();
        names.extend(self.take.keys().cloned());
        let find = |wanted: &str| names.iter().position(|name| name == wanted);
        let down = self.order.strip_prefix('-');
        let found = match (find(&self.order), down.and_then(find)) {
            (Some(at), _) => Some((at, false)),
            (None, Some(at)) => Some((at, true)),
            (None, None) => None,
        };
        if found.is_none() {
            names.retain(|name| !name.is_empty());
            let message = format!(
                "expected `key`, or one of `{}`, perhaps with `-` before it for the largest first",
                names.join("`, `")
            );
            faults.push(ConfigFault::at(&["order"], message));
        }
        found.map(|(at, descending)| Order { at, descending })
    }
}
