//! The config of `std/aggregate` and `std/window`.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;
use serde_json::Value;
use theater_flow_sdk::ConfigFault;

use super::take::Take;
use super::{Core, Order};
use crate::fields::{self, Fields};

/// Bytes of the groups and of what they keep: with a snapshot of them being made there is still room
/// in the memory that an agent has by default.
const MAX_BYTES: usize = 16 << 20;
const MAX_GROUPS: usize = 65_536;
const FIELDS: usize = 16;
const TAKES: usize = 64;

/// The schema of both actors, which differ in `flush` and in what is required.
macro_rules! schema {
    ($required:literal, $flush:literal) => {
        concat!(
            r#"{
  "$schema": "http://json-schema.org/draft-07/schema#",
  "type": "object",
  "additionalProperties": false,
  "required": "#,
            $required,
            r#",
  "properties": {
    "by": { "type": "array", "items": { "type": "string", "minLength": 1 }, "maxItems": 16, "default": [], "description": "Fields whose values make a group. A field is a name, names with dots between them, or a JSON pointer. Without any, all messages are one group." },
    "take": {
      "type": "object",
      "minProperties": 1,
      "maxProperties": 64,
      "description": "What is taken of a group's messages, under its name in the output.",
      "additionalProperties": {
        "anyOf": [
          { "const": "count", "description": "How many messages there were." },
          { "type": "object", "additionalProperties": false, "required": ["sum"], "properties": { "sum": { "type": "string", "minLength": 1, "description": "The field whose numbers are added." } } },
          { "type": "object", "additionalProperties": false, "required": ["min"], "properties": { "min": { "type": "string", "minLength": 1, "description": "The field whose least number is taken." } } },
          { "type": "object", "additionalProperties": false, "required": ["max"], "properties": { "max": { "type": "string", "minLength": 1, "description": "The field whose largest number is taken." } } },
          { "type": "object", "additionalProperties": false, "required": ["mean"], "properties": { "mean": { "type": "string", "minLength": 1, "description": "The field whose arithmetic mean is taken." } } },
          { "type": "object", "additionalProperties": false, "required": ["first"], "properties": { "first": { "type": "string", "minLength": 1, "description": "The field whose first value is taken." } } },
          { "type": "object", "additionalProperties": false, "required": ["last"], "properties": { "last": { "type": "string", "minLength": 1, "description": "The field whose last value is taken." } } },
          { "type": "object", "additionalProperties": false, "required": ["distinct"], "properties": { "distinct": { "type": "string", "minLength": 1, "description": "The field whose different values are counted." } } },
          { "type": "object", "additionalProperties": false, "required": ["collect"], "properties": {
            "collect": { "type": "string", "minLength": 1, "description": "The field whose values are listed." },
            "max": { "type": "integer", "minimum": 1, "maximum": 10000, "default": 100, "description": "Values in the list; the rest is counted under `<name>-dropped`." } } },
          { "type": "object", "additionalProperties": false, "required": ["top", "by"], "properties": {
            "top": { "type": "integer", "minimum": 1, "maximum": 1000, "description": "How many messages are kept." },
            "by": { "type": "string", "minLength": 1, "description": "The field with the number by which they are chosen, the largest first." },
            "keep": { "type": "array", "items": { "type": "string", "minLength": 1 }, "minItems": 1, "maxItems": 64, "description": "The fields kept of them; all of the message by default." } } }
        ]
      }
    },
    "flush": "#,
            $flush,
            r#",
    "emit": { "enum": ["groups", "all"], "default": "groups", "description": "A message for each group, or one with all of them." },
    "order": { "type": "string", "default": "key", "description": "How groups are sorted: `key`, or a name of the output, with `-` before it for the largest first." },
    "limit": { "type": "integer", "minimum": 1, "description": "Groups that are sent; the rest is left out. All by default." },
    "max-groups": { "type": "integer", "minimum": 1, "maximum": 1048576, "default": 65536, "description": "Groups at a time." },
    "overflow": { "enum": ["fault", "other"], "default": "fault", "description": "What to do with a message whose group would be one too many: fault, or count it in one group of all others." },
    "max-bytes": { "type": "integer", "minimum": 1024, "maximum": 50331648, "default": 16777216, "description": "Bytes of memory for groups and what they keep. More than the default needs more `limits.memory`, about four times as much." }
  }
}"#
        )
    };
}
pub(crate) use schema;

/// See [`Aggregate::CONFIG_SCHEMA`](theater_flow_sdk::Actor::CONFIG_SCHEMA).
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Config {
    #[serde(default)]
    by: Vec<String>,
    take: BTreeMap<String, Value>,
    #[serde(default)]
    pub(crate) flush: Flush,
    #[serde(default)]
    emit: Emit,
    #[serde(default = "default_order")]
    order: String,
    limit: Option<usize>,
    #[serde(default = "default_max_groups")]
    max_groups: usize,
    #[serde(default)]
    overflow: Overflow,
    #[serde(default = "default_max_bytes")]
    max_bytes: usize,
}

/// When the groups are sent and begin anew, beside the end.
#[derive(Clone, Default, Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Flush {
    /// Not before the end.
    #[default]
    Close,
    /// After as many messages.
    Count(u64),
    /// At these intervals.
    Every(String),
}

#[derive(Clone, Copy, PartialEq, Eq, Default, Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Emit {
    /// A message for each group.
    #[default]
    Groups,
    /// One message with all groups.
    All,
}

/// What happens to a message whose group would be one too many.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug, Deserialize)]
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

impl Config {
    /// The actor's core, or all that is wrong.
    pub(crate) fn core(&self) -> Result<Core, Vec<ConfigFault>> {
        let mut faults = Vec::new();
        let parse = |(name, value): (&String, &Value)| Take::parse(name, value, &mut faults);
        let takes: Vec<Take> = self.take.iter().filter_map(parse).collect();
        self.check_bounds(&mut faults);
        fields::check_all(&self.by, "by", &mut faults);
        self.check_names(&takes, &mut faults);
        let order = self.order(&mut faults);
        if !faults.is_empty() {
            return Err(faults);
        }
        let mut fields = Fields::new(self.by.iter().map(String::as_str));
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
        })
    }

    fn names(&self) -> Vec<String> {
        self.by.iter().map(|by| fields::last_name(by)).collect()
    }

    fn check_bounds(&self, faults: &mut Vec<ConfigFault>) {
        let mut check = |good: bool, key: &str, message: String| {
            if !good {
                faults.push(ConfigFault::at(&[key], message));
            }
        };
        let many = format!("there are at most {FIELDS} fields");
        check(self.by.len() <= FIELDS, "by", many);
        let many = format!("there must be 1 to {TAKES} taken values");
        check((1..=TAKES).contains(&self.take.len()), "take", many);
        let zero = "a limit is at least 1".to_owned();
        check(self.limit != Some(0), "limit", zero);
        let range = format!("expected an integer from 1 to {}", MAX_GROUPS * 16);
        let good = (1..=MAX_GROUPS * 16).contains(&self.max_groups);
        check(good, "max-groups", range);
        let range = format!("expected an integer from 1024 to {}", MAX_BYTES * 3);
        let good = (1_024..=MAX_BYTES * 3).contains(&self.max_bytes);
        check(good, "max-bytes", range);
        if let Flush::Count(count) = self.flush
            && count == 0
        {
            let message = "the count is at least 1";
            faults.push(ConfigFault::at(&["flush", "count"], message));
        }
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
