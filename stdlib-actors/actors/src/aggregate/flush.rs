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
        let mut order = self.sorted(state)?;
        let omitted = order.len().saturating_sub(self.limit);
        order.truncate(self.limit);
        let groups = std::mem::take(&mut state.groups.0);
        let mut groups: Vec<Group> = groups.into_values().collect();
        if groups.is_empty() && self.by.is_empty() && state.other.is_none() {
            // Without `by` there is one group, even if nothing came.
            groups.push(self.lone());
            order.push(0);
        }
        let other = state.other.take();
        let other = other.as_ref().map(|taken| Row::other(self, taken));
        if self.emit == Emit::All {
            let groups = order.iter().map(|at| Row::of(self, &groups[*at])).collect();
            let whole = Whole {
                groups,
                count: state.count,
                omitted,
                other,
            };
            state.outgoing.push_back(raw(&whole)?);
        } else {
            for at in order {
                // It goes as its row comes, so that there is never twice as much.
                let group = std::mem::take(&mut groups[at]);
                state.outgoing.push_back(raw(&Row::of(self, &group))?);
            }
            if let Some(other) = other {
                state.outgoing.push_back(raw(&other)?);
            }
            self.say_omitted(omitted, cx);
        }
        (state.count, state.bytes, state.flushed) = (0, 0, true);
        Ok(())
    }

    fn say_omitted(&self, omitted: usize, cx: &mut Cx) {
        if omitted > 0 {
            let limit = self.limit;
            let text = format!("{omitted} groups beyond `limit` {limit} are left out");
            cx.log(Level::Info, &text);
        }
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

    /// The places of the groups, which stand in the order of their keys, in the order that is wanted;
    /// of equals in the order of their keys.
    fn sorted(&self, state: &State) -> Result<Vec<usize>, Fault> {
        let Some(order) = &self.order else {
            return Ok((0..state.groups.0.len()).collect());
        };
        let mut keys = Vec::with_capacity(state.groups.0.len());
        for (at, group) in state.groups.0.values().enumerate() {
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
        Ok(keys.into_iter().map(|(_, at)| at).collect())
    }
}

impl<'r> Row<'r> {
    const fn other(core: &'r Core, taken: &'r [Tally]) -> Self {
        let by = None;
        Self { core, by, taken }
    }

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
