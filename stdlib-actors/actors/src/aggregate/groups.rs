//! The groups between two flushes.

use std::collections::{BTreeMap, VecDeque};

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::value::RawValue;
use theater_flow_sdk::{Cx, Fault, Message, Next};

use super::Core;
use super::config::Overflow;
use super::tally::{Change, Tally};
use crate::basis::{Basis, bad_snapshot};
use crate::order;

/// Bytes of memory of a group and of a tally, beside what they keep.
const GROUP: usize = 96;
const TALLY: usize = 56;
/// Messages of one event: half of what an event may emit.
const SENT_PER_EVENT: usize = 512;
/// Bytes of one event, so that large groups do not make a huge transaction.
const BYTES_PER_EVENT: usize = 1 << 20;

/// Everything that was taken and not sent yet.
#[derive(Default, Debug, Serialize, Deserialize)]
pub struct State {
    pub(super) groups: Groups,
    /// Of the messages whose group would be one too many.
    pub(super) other: Option<Vec<Tally>>,
    /// Messages since the last flush.
    pub(super) count: u64,
    /// Bytes of memory that the groups take, at a guess.
    pub(super) bytes: usize,
    /// Rows of the last flush that wait to be sent.
    pub(super) outgoing: VecDeque<Box<RawValue>>,
    /// There was a flush.
    pub(super) flushed: bool,
    /// Nothing more will come.
    pub(super) closed: bool,
    #[serde(default)]
    basis: Basis,
}

impl State {
    /// Bytes of memory that the groups take, at a guess.
    pub(crate) const fn bytes(&self) -> usize {
        self.bytes
    }

    pub(crate) const fn is_closed(&self) -> bool {
        self.closed
    }

    pub(crate) fn is_sending(&self) -> bool {
        !self.outgoing.is_empty()
    }

    /// There is something in it that a config has made.
    fn holds_any(&self) -> bool {
        !self.groups.0.is_empty() || self.other.is_some() || self.is_sending()
    }
}

/// Messages that agree in the fields of `by`.
#[derive(Default, Debug, Serialize, Deserialize)]
pub(super) struct Group {
    /// The values, as the first message has them.
    pub(super) by: Vec<Box<RawValue>>,
    pub(super) taken: Vec<Tally>,
}

/// Groups in the order of their keys. A snapshot has no keys: they follow from the values.
#[derive(Default, Debug)]
pub(super) struct Groups(pub(super) BTreeMap<Box<[u8]>, Group>);

impl Serialize for Groups {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.values())
    }
}

impl<'de> Deserialize<'de> for Groups {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let keyed = |group: Group| {
            let key = key(group.by.iter().map(|value| Some(&**value)))?;
            Ok((key.into_boxed_slice(), group))
        };
        let groups: Vec<Group> = Vec::deserialize(deserializer)?;
        let groups: Result<_, Fault> = groups.into_iter().map(keyed).collect();
        groups
            .map(Self)
            .map_err(|fault| serde::de::Error::custom(fault.message))
    }
}

fn key<'v>(values: impl Iterator<Item = Option<&'v RawValue>>) -> Result<Vec<u8>, Fault> {
    let mut key = Vec::with_capacity(32);
    for value in values {
        order::encode(value, &mut key)?;
    }
    Ok(key)
}

/// What a message will change, once everything that can fail has been tried.
pub(crate) struct Planned {
    key: Vec<u8>,
    place: Place,
    changes: Vec<Change>,
    /// Bytes that the groups take then.
    bytes: usize,
}

/// Where a message counts.
enum Place {
    Known,
    /// In a group that begins with it: the values of `by`.
    New(Vec<Box<RawValue>>),
    /// Among all others.
    Other,
}

impl Core {
    /// See [`Actor::take_up`](theater_flow_sdk::Actor::take_up).
    pub(crate) fn take_up(&self, state: &mut State) -> Result<(), Fault> {
        let (holds_any, is_sending) = (state.holds_any(), state.is_sending());
        state.basis.go_over(&self.basis, |key| match key {
            // Only one of them has set a timer when it started.
            "actor" => true,
            "emit" => is_sending,
            _ => holds_any,
        })?;
        if self.fits(state) {
            return Ok(());
        }
        let text = "its groups were made with other `by` and `take` than the config has";
        Err(bad_snapshot(text))
    }

    /// Whether all groups have what the config takes: a state of an earlier version says nothing of it.
    fn fits(&self, state: &State) -> bool {
        let taken_fit = |taken: &Vec<Tally>| {
            let mut pairs = taken.iter().zip(&self.takes);
            taken.len() == self.takes.len() && pairs.all(|(tally, take)| tally.is_of(take))
        };
        let fits = |group: &Group| group.by.len() == self.by.len() && taken_fit(&group.taken);
        state.groups.0.values().all(fits) && state.other.as_ref().is_none_or(taken_fit)
    }

    /// Takes a message into its group. A fault leaves everything as it was.
    pub(crate) fn take(&self, state: &mut State, message: &Message) -> Result<(), Fault> {
        let planned = self.plan(state, message, self.max_bytes)?;
        self.apply(state, planned);
        Ok(())
    }

    /// What taking a message will change when the groups may take as many bytes, or why it cannot be
    /// taken.
    pub(crate) fn plan(
        &self,
        state: &State,
        message: &Message,
        max_bytes: usize,
    ) -> Result<Planned, Fault> {
        let picked = self.fields.pick(message)?;
        let values = &picked[..self.by.len()];
        let key = key(values.iter().copied())?;
        let known = state.groups.0.get(key.as_slice());
        let many = state.groups.0.len() >= self.max_groups;
        if known.is_none() && many && self.overflow == Overflow::Fault {
            return Err(self.too_many());
        }
        // A quarter is left to the groups that are there, which may go on to keep values.
        let short = self.overflow == Overflow::Other && state.bytes > max_bytes / 4 * 3;
        let apart = known.is_none() && (many || short);
        let taken = match known {
            Some(group) => Some(&group.taken),
            None => state.other.as_ref().filter(|_| apart),
        };
        let mut more = 0;
        if taken.is_none() {
            let by: usize = values.iter().flatten().map(|value| value.get().len()).sum();
            more = grown(0, GROUP + key.len() + by + TALLY * self.takes.len());
        }
        let mut changes = Vec::with_capacity(self.takes.len());
        for (at, take) in self.takes.iter().enumerate() {
            let change = match taken {
                Some(taken) => taken[at].plan(take, &picked, message)?,
                None => Tally::new(take).plan(take, &picked, message)?,
            };
            more += change.bytes;
            changes.push(change);
        }
        let bytes = state.bytes.saturating_add_signed(more);
        if more > 0 && bytes > max_bytes {
            return Err(full(max_bytes));
        }
        let place = match (apart, known) {
            (true, _) => Place::Other,
            (false, Some(_)) => Place::Known,
            (false, None) => Place::New(values.iter().copied().map(owned).collect()),
        };
        Ok(Planned {
            key,
            place,
            changes,
            bytes,
        })
    }

    /// Changes what was planned for the same state.
    pub(crate) fn apply(&self, state: &mut State, planned: Planned) {
        let new = || self.takes.iter().map(Tally::new).collect();
        let taken = match planned.place {
            Place::Other => state.other.get_or_insert_with(new),
            Place::Known => {
                let group = state.groups.0.get_mut(planned.key.as_slice());
                &mut group.expect("it was found when this was planned").taken
            }
            Place::New(by) => {
                let group = Group { by, taken: new() };
                let place = state.groups.0.entry(planned.key.into());
                &mut place.or_insert(group).taken
            }
        };
        for ((take, tally), change) in self.takes.iter().zip(taken).zip(planned.changes) {
            tally.apply(take, change);
        }
        state.bytes = planned.bytes;
        state.count += 1;
    }

    /// Sends as many rows as fit one event.
    pub(crate) fn send(state: &mut State, cx: &mut Cx) -> Result<Next, Fault> {
        let (mut rows, mut bytes) = (0, 0);
        for row in &state.outgoing {
            if rows >= SENT_PER_EVENT || bytes >= BYTES_PER_EVENT {
                break;
            }
            cx.emit_json("out", row.get())?;
            rows += 1;
            bytes += row.get().len();
        }
        state.outgoing.drain(..rows);
        let done = state.outgoing.is_empty();
        Ok(if done { Next::Wait } else { Next::More })
    }

    fn too_many(&self) -> Fault {
        let most = self.max_groups;
        let text = format!("this would be group {} of `max-groups` {most}", most + 1);
        Fault::new("too-many-groups", text)
    }
}

fn full(most: usize) -> Fault {
    let text = format!("the groups and what they keep take all of `max-bytes`, {most}");
    Fault::new("state-full", text)
}

fn owned(value: Option<&RawValue>) -> Box<RawValue> {
    value.map_or_else(|| RawValue::NULL.to_owned(), ToOwned::to_owned)
}

fn grown(from: usize, to: usize) -> isize {
    isize::try_from(to - from).unwrap_or(isize::MAX / 2)
}
