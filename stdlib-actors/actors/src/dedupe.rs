//! `std/dedupe`: each message once.

use std::collections::{HashSet, VecDeque};
use std::hash::{BuildHasherDefault, Hasher};

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use theater_flow_sdk::{
    Actor, Config, ConfigFault, Cx, Event, Fault, Level, Message, Next, Port, bytes,
};

#[cfg(test)]
mod tests;

use crate::basis::Basis;
use crate::fields::{Fields, Reference};
use crate::mark::mark;
use crate::order;

/// A snapshot is made every few thousand messages at the latest, and all marks are in it.
const REMEMBER: usize = 65_536;
/// Bytes of a mark in a snapshot.
const MARK: usize = 16;

/// The actor.
pub struct Dedupe {
    /// What marks are made of.
    basis: Basis,
    /// `None`: the whole message.
    fields: Option<Fields>,
    remember: usize,
    duplicates: bool,
}

/// What the pipeline file says.
#[derive(Debug, Deserialize, Config)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Config {
    /// Fields whose values tell messages apart: names, names with dots between them, or JSON
    /// pointers. Without any, all of the text does.
    #[serde(default)]
    #[config(max_items = 16)]
    by: Vec<Reference>,
    /// How many are remembered; the oldest are forgotten.
    #[serde(default = "default_remember")]
    #[config(minimum = 1, maximum = 1_000_000)]
    remember: usize,
    /// Send what was seen before to the output `duplicates`, instead of dropping it.
    #[serde(default)]
    duplicates: bool,
}

const fn default_remember() -> usize {
    REMEMBER
}

/// What was seen.
#[derive(Default, Debug, Serialize, Deserialize)]
pub struct State {
    seen: Seen,
    /// Something was forgotten, and the log says so.
    warned: bool,
    #[serde(default)]
    basis: Basis,
}

/// Marks in the order of their first arrival. Nothing ever goes through the set in its own order.
#[derive(Default, Debug)]
struct Seen {
    set: HashSet<u128, BuildHasherDefault<Low>>,
    queue: VecDeque<u128>,
}

/// A mark is a hash already.
#[derive(Default)]
struct Low(u64);

impl Hasher for Low {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for (at, byte) in bytes.iter().enumerate() {
            self.0 ^= u64::from(*byte) << (8 * (at % 8));
        }
    }

    #[expect(clippy::cast_possible_truncation, reason = "half of it will do")]
    fn write_u128(&mut self, mark: u128) {
        self.0 = mark as u64;
    }
}

impl Seen {
    fn add(&mut self, mark: u128) {
        self.set.insert(mark);
        self.queue.push_back(mark);
    }

    fn forget_oldest(&mut self) {
        if let Some(mark) = self.queue.pop_front() {
            self.set.remove(&mark);
        }
    }
}

impl Serialize for Seen {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut marks = Vec::with_capacity(self.queue.len() * MARK);
        for mark in &self.queue {
            marks.extend_from_slice(&mark.to_be_bytes());
        }
        bytes::serialize(&marks, serializer)
    }
}

impl<'de> Deserialize<'de> for Seen {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let marks = bytes::deserialize(deserializer)?;
        let mut seen = Self::default();
        for mark in marks.as_chunks::<MARK>().0 {
            seen.add(u128::from_be_bytes(*mark));
        }
        Ok(seen)
    }
}

impl Actor for Dedupe {
    type Config = Config;
    type State = State;

    const DOC: &'static str = include_str!("../../docs/dedupe.md");

    fn ports(config: &Config) -> Result<Vec<Port>, Vec<ConfigFault>> {
        let mut ports = vec![
            Port::input("in", "$T").doc("Messages, some of them more than once."),
            Port::output("out", "$T").doc("The first of each."),
        ];
        if config.duplicates {
            ports.push(Port::output("duplicates", "$T").doc("All but the first of each."));
        }
        Ok(ports)
    }

    fn new(config: Config) -> Result<Self, Fault> {
        let by: Vec<&str> = config.by.iter().map(Reference::as_str).collect();
        let fields = Fields::new(by.iter().copied());
        Ok(Self {
            basis: Basis::default().with("by", by),
            fields: (!config.by.is_empty()).then_some(fields),
            remember: config.remember,
            duplicates: config.duplicates,
        })
    }

    fn take_up(&self, state: &mut State) -> Result<(), Fault> {
        let any = !state.seen.queue.is_empty();
        state.basis.go_over(&self.basis, |_| any)?;
        // It may remember less than the one before it.
        while state.seen.queue.len() > self.remember {
            state.seen.forget_oldest();
        }
        Ok(())
    }

    fn handle(&self, state: &mut State, event: Event, cx: &mut Cx) -> Result<Next, Fault> {
        let Event::Message(message) = event else {
            return Ok(Next::Wait);
        };
        let mark = self.mark(&message)?;
        if state.seen.set.contains(&mark) {
            if self.duplicates {
                cx.emit_json("duplicates", &message.body)?;
            }
            return Ok(Next::Wait);
        }
        cx.emit_json("out", &message.body)?;
        if state.seen.queue.len() >= self.remember {
            state.seen.forget_oldest();
            if !state.warned {
                state.warned = true;
                self.warn(cx);
            }
        }
        state.seen.add(mark);
        Ok(Next::Wait)
    }
}

impl Dedupe {
    fn mark(&self, message: &Message) -> Result<u128, Fault> {
        let Some(fields) = &self.fields else {
            return Ok(mark(message.body.as_bytes()));
        };
        let mut key = Vec::with_capacity(64);
        for value in fields.pick(message)? {
            order::encode(value, &mut key)?;
        }
        Ok(mark(&key))
    }

    fn warn(&self, cx: &mut Cx) {
        let text = format!(
            "more than {} different messages: the oldest are forgotten, and come through again",
            self.remember
        );
        cx.log(Level::Warn, &text);
    }
}
