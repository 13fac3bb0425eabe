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

/// The groups of one flush.
struct Taken {
    groups: Vec<Group>,
    /// Places of the groups that are sent, in their order.
    order: Vec<usize>,
    omitted: usize,
    other: Option<Vec<Tally>>,
    count: u64,
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
        if self.emit == Emit::All {
            let whole = self.table(state)?;
            state.outgoing.push_back(whole);
            return Ok(());
        }
        let mut taken = self.take_out(state)?;
        for at in &taken.order {
            // It goes as its row comes, so that there is never twice as much.
            let group = std::mem::take(&mut taken.groups[*at]);
            state.outgoing.push_back(raw(&Row::of(self, &group))?);
        }
        if let Some(other) = &taken.other {
            state.outgoing.push_back(raw(&Row::other(self, other))?);
        }
        self.say_omitted(taken.omitted, cx);
        Ok(())
    }

    /// All groups as one value, `{ groups, count, omitted }`; they begin anew.
    pub(crate) fn table(&self, state: &mut State) -> Result<Box<RawValue>, Fault> {
        let taken = self.take_out(state)?;
        let row = |at: &usize| Row::of(self, &taken.groups[*at]);
        raw(&Whole {
            groups: taken.order.iter().map(row).collect(),
            count: taken.count,
            omitted: taken.omitted,
            other: taken.other.as_ref().map(|taken| Row::other(self, taken)),
        })
    }

    /// Takes the groups out of the state, sorted and limited.
    fn take_out(&self, state: &mut State) -> Result<Taken, Fault> {
        let mut order = self.sorted(state)?;
        let omitted = order.len().saturating_sub(self.limit);
        order.truncate(self.limit);
        let groups = std::mem::take(&mut state.groups.0);
        let mut groups: Vec<Group> = groups.into_values().collect();
        let other = state.other.take();
        if groups.is_empty() && self.by.is_empty() && other.is_none() {
            // Without `by` there is one group, even if nothing came.
            groups.push(self.lone());
            order.push(0);
        }
        let count = std::mem::take(&mut state.count);
        (state.bytes, state.flushed) = (0, true);
        Ok(Taken {
            groups,
            order,
            omitted,
            other,
            count,
        })
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
