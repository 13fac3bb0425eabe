//! `std/split`: the items of a list, one message each.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use theater_flow_sdk::{Actor, Config, ConfigFault, Cx, Event, Fault, Message, Next, Port};

#[cfg(test)]
mod tests;

use crate::fields::{Fields, Reference};

/// Items of one event: half of what an event may emit.
const SENT_PER_EVENT: usize = 512;
/// Bytes of one event, so that long items do not make a huge transaction.
const BYTES_PER_EVENT: usize = 1 << 20;

/// The actor.
pub struct Split {
    /// Where the list stands, if it is not the whole message.
    field: Option<(String, Fields)>,
}

/// What the pipeline file says.
#[derive(Debug, Deserialize, Config)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// The field that holds the list: a name, names with dots between them, or a JSON pointer. By
    /// default the message is the list.
    field: Option<Reference>,
}

/// A list of which some items wait to be sent.
#[derive(Default, Debug, Serialize, Deserialize)]
pub struct State {
    rest: Option<Rest>,
}

#[derive(Debug, Serialize, Deserialize)]
struct Rest {
    list: Box<RawValue>,
    /// Where in its text the next item stands, or a comma before it.
    at: usize,
}

impl Actor for Split {
    type Config = Config;
    type State = State;

    const DOC: &'static str = include_str!("../../docs/split.md");

    fn ports(config: &Config) -> Result<Vec<Port>, Vec<ConfigFault>> {
        let (given, sent) = match config.field {
            Some(_) => ("json", "$Item"),
            None => ("list<$T>", "$T"),
        };
        Ok(vec![
            Port::input("in", given).doc("Lists."),
            Port::output("out", sent).doc("Their items, in their order."),
        ])
    }

    fn new(config: Config) -> Result<Self, Fault> {
        let with_fields = |field: Reference| {
            let name = field.as_str();
            (name.to_owned(), Fields::new([name]))
        };
        Ok(Self {
            field: config.field.map(with_fields),
        })
    }

    fn handle(&self, state: &mut State, event: Event, cx: &mut Cx) -> Result<Next, Fault> {
        match event {
            Event::Message(message) => {
                let list = self.list(&message)?;
                if let Some(at) = send(list.get(), 1, cx)? {
                    let list = list.to_owned();
                    state.rest = Some(Rest { list, at });
                }
            }
            Event::Pull => {
                if let Some(Rest { list, at }) = &mut state.rest {
                    match send(list.get(), *at, cx)? {
                        Some(next) => *at = next,
                        None => state.rest = None,
                    }
                }
            }
            _ => {}
        }
        let done = state.rest.is_none();
        Ok(if done { Next::Wait } else { Next::More })
    }
}

impl Split {
    fn list<'m>(&self, message: &'m Message) -> Result<&'m RawValue, Fault> {
        let (value, what) = match &self.field {
            None => (Some(message.read()?), "the message".to_owned()),
            Some((name, field)) => {
                let value = field.pick(message)?.into_iter().next().flatten();
                (value, format!("`{name}`"))
            }
        };
        let list = value.filter(|value| value.get().starts_with('['));
        list.ok_or_else(|| {
            let shown: String = value
                .map_or("null", RawValue::get)
                .chars()
                .take(80)
                .collect();
            Fault::new("not-a-list", format!("{what} is no list: {shown}"))
        })
    }
}

/// Sends as many items as fit one event, and gives the place where it has to go on.
fn send(list: &str, from: usize, cx: &mut Cx) -> Result<Option<usize>, Fault> {
    let (mut sent, mut at) = (0, from);
    while let Some((item, end)) = item(list, at)? {
        if sent >= SENT_PER_EVENT || at - from >= BYTES_PER_EVENT {
            return Ok(Some(at));
        }
        cx.emit_json("out", item.get())?;
        sent += 1;
        at = end;
    }
    Ok(None)
}

/// The item at a place of a list's text, and where it ends. The text is known to be a list.
fn item(list: &str, at: usize) -> Result<Option<(&RawValue, usize)>, Fault> {
    let rest = list.get(at..).unwrap_or_default();
    let trimmed = rest.trim_start_matches([' ', '\t', '\n', '\r', ',']);
    if trimmed.starts_with(']') || trimmed.is_empty() {
        return Ok(None);
    }
    let mut reader = serde_json::Deserializer::from_str(trimmed);
    let item = <&RawValue>::deserialize(&mut reader)
        .map_err(|error| Fault::new("bad-message", format!("an item: {error}")))?;
    let end = list.len() - trimmed.len() + item.get().len();
    Ok(Some((item, end)))
}
