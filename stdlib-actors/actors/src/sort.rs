//! `std/sort`: all messages in order.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::value::RawValue;
use theater_flow_sdk::{
    Actor, Bounds, Config, ConfigFault, ConfigSchema, Cx, Event, Fault, Message, Next, Place, Port,
    Schema,
};

#[cfg(test)]
mod tests;

use crate::fields::{self, Fields, Reference};
use crate::order;

const MAX: usize = 100_000;
/// With a snapshot of them being made there is still room in the memory that an agent has by default.
const MAX_BYTES: usize = 16 << 20;
/// Bytes of memory of a message beside its text and its key.
const HELD: usize = 48;
/// Messages of one event: half of what an event may emit.
const SENT_PER_EVENT: usize = 512;
/// Bytes of one event, so that long messages do not make a huge transaction.
const BYTES_PER_EVENT: usize = 1 << 20;

/// The actor.
pub struct Sort {
    fields: Fields,
    /// For each field, whether the largest comes first.
    descending: Vec<bool>,
    max: usize,
    max_bytes: usize,
}

/// What the pipeline file says.
#[derive(Debug, Deserialize, Config)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Config {
    /// Fields, the most important first, each with `-` before it if the largest comes first. A field
    /// is a name, names with dots between them, or a JSON pointer.
    #[config(min_items = 1, max_items = 16)]
    by: Vec<By>,
    /// Messages held.
    #[serde(default = "default_max")]
    #[config(minimum = 1, maximum = 1_000_000)]
    max: usize,
    /// Bytes of memory for them. More than the default needs more `limits.memory`, about four times
    /// as much.
    #[serde(default = "default_max_bytes")]
    #[config(minimum = 1_024, maximum = 50_331_648)]
    max_bytes: usize,
}

/// A field's reference, perhaps with `-` before it.
#[derive(Debug, Deserialize)]
#[serde(transparent)]
struct By(String);

impl By {
    /// The reference, and whether the largest comes first.
    fn parts(&self) -> (&str, bool) {
        let reference = self.0.strip_prefix('-');
        reference.map_or((self.0.as_str(), false), |reference| (reference, true))
    }
}

impl ConfigSchema for By {
    const SCHEMA: Schema = Reference::SCHEMA;

    fn check(&self, _: &Bounds, at: &mut Place) {
        fields::check(self.parts().0, at);
    }
}

const fn default_max() -> usize {
    MAX
}

const fn default_max_bytes() -> usize {
    MAX_BYTES
}

/// The messages that wait for the end.
#[derive(Default, Debug, Serialize, Deserialize)]
pub struct State {
    held: Held,
    bytes: usize,
}

/// Messages by their keys. A snapshot has no keys, since they follow from the messages: only, it
/// takes the config to make them, so that a restored actor does so at its first event.
#[derive(Default, Debug)]
struct Held {
    sorted: BTreeMap<Box<[u8]>, Box<RawValue>>,
    /// In order, of a snapshot.
    unkeyed: Vec<Box<RawValue>>,
    /// Messages that have come: the last part of a key, so that equals stay in their order.
    count: u64,
}

impl Serialize for Held {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.unkeyed.iter().chain(self.sorted.values()))
    }
}

impl<'de> Deserialize<'de> for Held {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Vec::deserialize(deserializer).map(|unkeyed| Self {
            unkeyed,
            ..Self::default()
        })
    }
}

impl Actor for Sort {
    type Config = Config;
    type State = State;

    const DOC: &'static str = include_str!("../../docs/sort.md");

    fn ports(_: &Config) -> Result<Vec<Port>, Vec<ConfigFault>> {
        Ok(vec![
            Port::input("in", "$T").doc("What is sorted."),
            Port::output("out", "$T").doc("All of it, in order, after the last has come."),
        ])
    }

    fn new(config: Config) -> Result<Self, Fault> {
        let references = config.by.iter().map(By::parts);
        Ok(Self {
            fields: Fields::new(references.clone().map(|(name, _)| name)),
            descending: references.map(|(_, descending)| descending).collect(),
            max: config.max,
            max_bytes: config.max_bytes,
        })
    }

    fn handle(&self, state: &mut State, event: Event, cx: &mut Cx) -> Result<Next, Fault> {
        self.restore(&mut state.held)?;
        match event {
            Event::Message(message) => self.hold(state, &message).map(|()| Next::Wait),
            Event::Closed(_) => Ok(Next::More),
            Event::Pull => send(state, cx),
            _ => Ok(Next::Wait),
        }
    }
}

impl Sort {
    fn restore(&self, held: &mut Held) -> Result<(), Fault> {
        for body in std::mem::take(&mut held.unkeyed) {
            let message = Message {
                port: "in".into(),
                body: body.get().to_owned(),
            };
            let key = self.key(&message, held.count)?;
            held.sorted.insert(key, body);
            held.count += 1;
        }
        Ok(())
    }

    fn hold(&self, state: &mut State, message: &Message) -> Result<(), Fault> {
        if state.held.sorted.len() >= self.max {
            let text = format!("`max`, {}, messages are held already", self.max);
            return Err(Fault::new("too-many", text));
        }
        let key = self.key(message, state.held.count)?;
        let bytes = state.bytes + message.body.len() + key.len() + HELD;
        if bytes > self.max_bytes {
            let text = format!(
                "the messages held take all of `max-bytes`, {}",
                self.max_bytes
            );
            return Err(Fault::new("too-many", text));
        }
        let body: &RawValue = message.read()?;
        state.held.sorted.insert(key, body.to_owned());
        state.held.count += 1;
        state.bytes = bytes;
        Ok(())
    }

    fn key(&self, message: &Message, count: u64) -> Result<Box<[u8]>, Fault> {
        let mut key = Vec::with_capacity(32);
        for (value, descending) in self.fields.pick(message)?.iter().zip(&self.descending) {
            if *descending {
                order::encode_descending(*value, &mut key)?;
            } else {
                order::encode(*value, &mut key)?;
            }
        }
        key.extend_from_slice(&count.to_be_bytes());
        Ok(key.into_boxed_slice())
    }
}

/// Sends as many as fit one event.
fn send(state: &mut State, cx: &mut Cx) -> Result<Next, Fault> {
    let (mut sent, mut bytes) = (0, 0);
    for body in state.held.sorted.values() {
        if sent >= SENT_PER_EVENT || bytes >= BYTES_PER_EVENT {
            break;
        }
        cx.emit_json("out", body.get())?;
        sent += 1;
        bytes += body.get().len();
    }
    for _ in 0..sent {
        state.held.sorted.pop_first();
    }
    let done = state.held.sorted.is_empty();
    Ok(if done { Next::Wait } else { Next::More })
}
