//! `std/map`: a jq expression over each message.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};
use theater_flow_sdk::{Actor, Config, ConfigFault, Cx, Event, Fault, Message, Next, Port};

use crate::jq::{self, Failure, OnError, Program, REJECTED, Rejected};

#[cfg(test)]
mod tests;

/// Values sent in one event; the others wait for room.
const SENT: usize = 512;
/// Bytes of the values that wait.
const WAITING_BYTES: usize = 16 << 20;

/// The actor.
pub struct Map {
    program: Program,
    on_error: OnError,
}

/// What the pipeline file says.
#[derive(Debug, Deserialize, Config)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Config {
    /// The jq expression: each of its values is a message.
    #[config(min_length = 1, max_length = 65_536)]
    expr: String,
    /// What becomes of a message for which the expression fails or gives what `out` does not take: a
    /// fault, nothing, or a message on `rejected`.
    #[serde(default)]
    on_error: OnError,
}

/// What is still to be sent.
#[derive(Default, Debug, Serialize, Deserialize)]
pub struct State {
    /// JSON texts.
    waiting: VecDeque<String>,
    /// The message that they come from, while there are any.
    message: String,
}

impl Actor for Map {
    type Config = Config;
    type State = State;

    const DOC: &'static str = include_str!("../../docs/map.md");

    fn ports(config: &Config) -> Result<Vec<Port>, Vec<ConfigFault>> {
        Program::at(&["expr"], &config.expr)?;
        let mut ports = vec![
            Port::input("in", "json").doc("Any values."),
            Port::output("out", "$Out").doc("The values of the expression."),
        ];
        if config.on_error == OnError::Reject {
            let port = Port::output_of::<Rejected>(REJECTED);
            ports.push(port.doc("The messages for which the expression fails, and why."));
        }
        Ok(ports)
    }

    fn new(config: Config) -> Result<Self, Fault> {
        let program = Program::compile(&config.expr)
            .map_err(|messages| Fault::new("bad-expression", messages.join("; ")))?;
        Ok(Self {
            program,
            on_error: config.on_error,
        })
    }

    fn handle(&self, state: &mut State, event: Event, cx: &mut Cx) -> Result<Next, Fault> {
        match event {
            Event::Message(message) => {
                let waiting = self.apply(&message, cx)?;
                if !waiting.is_empty() {
                    state.waiting = waiting;
                    state.message = message.body;
                }
            }
            Event::Pull => self.go_on(state, cx)?,
            _ => {}
        }
        let more = !state.waiting.is_empty();
        Ok(if more { Next::More } else { Next::Wait })
    }
}

impl Map {
    /// Sends the first values and answers with the others.
    fn apply(&self, message: &Message, cx: &mut Cx) -> Result<VecDeque<String>, Fault> {
        let input = jq::read(message)?;
        let mut waiting = VecDeque::new();
        if let Err(failure) = self.spread(input, &mut waiting, cx) {
            self.on_error.take(&failure, &message.body, cx)?;
        }
        Ok(waiting)
    }

    fn spread(
        &self,
        input: jaq_json::Val,
        waiting: &mut VecDeque<String>,
        cx: &mut Cx,
    ) -> Result<(), Failure> {
        let mut text = Vec::new();
        let mut bytes = 0;
        for (nth, value) in self.program.run(input).enumerate() {
            text.clear();
            jq::write(&mut text, &value?)?;
            let json = String::from_utf8_lossy(&text);
            if nth < SENT {
                cx.emit_json("out", &json)?;
                continue;
            }
            bytes += json.len();
            if bytes > WAITING_BYTES {
                let reason =
                    format!("the values for one message have more than {WAITING_BYTES} bytes");
                let code = "too-many";
                return Err(Failure { code, reason });
            }
            waiting.push_back(json.into_owned());
        }
        Ok(())
    }

    /// Sends what waits, as much as one event may.
    fn go_on(&self, state: &mut State, cx: &mut Cx) -> Result<(), Fault> {
        let now = state.waiting.len().min(SENT);
        let mut values = state.waiting.iter().take(now);
        let sent = values.try_for_each(|value| cx.emit_json("out", value).map_err(Failure::from));
        if let Err(failure) = sent {
            self.on_error.take(&failure, &state.message, cx)?;
            state.waiting.clear();
        } else {
            state.waiting.drain(..now);
        }
        if state.waiting.is_empty() {
            *state = State::default();
        }
        Ok(())
    }
}
