//! What a flush sends.

use serde::Serialize;
use serde::ser::{SerializeMap, Serializer};
use serde_json::value::{RawValue, to_raw_value};
use theater_flow_sdk::{Cx, Fault, Level};

use super::Core;
use super::config::Emit;
use super::groups::{Group, State};
use super::tally::Tally;
use crate::order;

/// One group in the output.
struct Row<'r> {
    core: &'r Core,
    /// `None`: the group of all others.
    by: Option<&'r [Box<RawValue>]>,
    taken: &'r [Tally],
}

/// All groups as one message.
#[derive(Serialize)]
struct Whole<'r> {
    groups: Vec<Row<'r>>,
    /// Messages.
    count: u64,
    /// Groups beyond `limit`.
    omitted: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    other: Option<Row<'r>>,
}

impl Serialize for Row<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self { core, by, taken } = self;
        let mut map = serializer.serialize_map(None)?;
        for (at, name) in core.by.iter().enumerate() {
            map.serialize_entry(name, &by.map(|by| &by[at]))?;
        }
        for (take, tally) in core.takes.iter().zip(*taken) {
            map.serialize_entry(&take.name, &tally.shown())?;
            if let Some(name) = take.dropped() {
                map.serialize_entry(&name, &tally.dropped())?;
            }
        }
        if by.is_none() {
            map.serialize_entry("other", &true)?;
        }
        map.end()
    }
}

impl Core {
    /// Makes rows of the groups, which begin anew; the rows are sent by [`Core::send`].
    pub(crate) fn flush(&self, state: &mut State, cx: &mut Cx) -> Result<(), Fault> {
        let lone = self.lone();
        let mut groups: Vec<&Group> = state.groups.0.values().collect();
        if groups.is_empty() && self.by.is_empty() && state.other.is_none() {
            // Without `by` there is one group, even if nothing came.
            groups.push(&lone);
        }
        self.sort(&mut groups)?;
        let omitted = groups.len().saturating_sub(self.limit);
        groups.truncate(self.limit);
        let rows = groups.iter().map(|group| Row::of(self, group));
        let other = state.other.as_ref().map(|taken| Row {
            core: self,
            by: None,
            taken,
        });
        let rows: Vec<Box<RawValue>> = match self.emit {
            Emit::Groups => rows.chain(other).map(|row| raw(&row)).collect(),
            Emit::All => {
                let (groups, count) = (rows.collect(), state.count);
                let whole = Whole {
                    groups,
                    count,
                    omitted,
                    other,
                };
                raw(&whole).map(|whole| vec![whole])
            }
        }?;
        if omitted > 0 && self.emit == Emit::Groups {
            let text = format!(
                "{omitted} groups beyond `limit` {} are left out",
                self.limit
            );
            cx.log(Level::Info, &text);
        }
        state.outgoing.extend(rows);
        state.groups.0.clear();
        state.other = None;
        (state.count, state.bytes, state.flushed) = (0, 0, true);
        Ok(())
    }

    /// The flush at the end. If all that came was sent there is nothing left to say.
    pub(crate) fn flush_last(&self, state: &mut State, cx: &mut Cx) -> Result<(), Fault> {
        if state.count > 0 || !state.flushed {
            self.flush(state, cx)?;
        }
        state.closed = true;
        Ok(())
    }

    fn lone(&self) -> Group {
        let taken = self.takes.iter().map(Tally::new).collect();
        let by = Vec::new();
        Group { by, taken }
    }

    /// The groups come in the order of their keys, which also decides between equals.
    fn sort(&self, groups: &mut [&Group]) -> Result<(), Fault> {
        let Some(order) = &self.order else {
            return Ok(());
        };
        let mut keys = Vec::with_capacity(groups.len());
        for (at, group) in groups.iter().enumerate() {
            let value = match order.at.checked_sub(self.by.len()) {
                None => group.by[order.at].clone(),
                Some(take) => raw(&group.taken[take].shown())?,
            };
            let mut key = Vec::new();
            if order.descending {
                order::encode_descending(Some(&value), &mut key)?;
            } else {
                order::encode(Some(&value), &mut key)?;
            }
            keys.push((key, at));
        }
        keys.sort_unstable();
        let sorted: Vec<&Group> = keys.iter().map(|(_, at)| groups[*at]).collect();
        groups.copy_from_slice(&sorted);
        Ok(())
    }
}

impl<'r> Row<'r> {
    fn of(core: &'r Core, group: &'r Group) -> Self {
        Self {
            core,
            by: Some(&group.by),
            taken: &group.taken,
        }
    }
}

fn raw(value: &impl Serialize) -> Result<Box<RawValue>, Fault> {
    to_raw_value(value).map_err(|error| Fault::new("not-json", error.to_string()))
}
