//! `std/filter`: the messages for which a jq expression holds.

use serde::Deserialize;
use theater_flow_sdk::{Actor, Config, ConfigFault, Cx, Event, Fault, Message, Next, Port};

use crate::jq::{self, OnError, Program, REJECTED};

#[cfg(test)]
mod tests;

/// The actor.
pub struct Filter {
    program: Program,
    on_error: OnError,
    rejected: bool,
}

/// What the pipeline file says.
#[derive(Debug, Deserialize, Config)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Config {
    /// The jq expression: the message goes to `out` if its first value is neither false nor null.
    #[config(min_length = 1, max_length = 65_536)]
    when: String,
    /// Whether the other messages go to the output `rejected`; else they are dropped.
    #[serde(default)]
    rejected: bool,
    /// What becomes of a message for which the expression fails: a fault, nothing, or it goes to
    /// `rejected`.
    #[serde(default)]
    on_error: OnError,
}

impl Actor for Filter {
    type Config = Config;
    type State = ();

    const DOC: &'static str = include_str!("../../docs/filter.md");

    fn ports(config: &Config) -> Result<Vec<Port>, Vec<ConfigFault>> {
        Program::at(&["when"], &config.when)?;
        let mut ports = vec![
            Port::input("in", "$T").doc("Any values."),
            Port::output("out", "$T").doc("Those for which the expression holds."),
        ];
        if config.rejected || config.on_error == OnError::Reject {
            ports.push(Port::output(REJECTED, "$T").doc("The others, as the config says."));
        }
        Ok(ports)
    }

    fn new(config: Config) -> Result<Self, Fault> {
        let program = Program::compile(&config.when)
            .map_err(|messages| Fault::new("bad-expression", messages.join("; ")))?;
        Ok(Self {
            program,
            on_error: config.on_error,
            rejected: config.rejected,
        })
    }

    fn handle(&self, (): &mut (), event: Event, cx: &mut Cx) -> Result<Next, Fault> {
        if let Event::Message(message) = event
            && let Some(port) = self.port(&message)?
        {
            cx.emit_json(port, &message.body)?;
        }
        Ok(Next::Wait)
    }
}

impl Filter {
    /// Where a message goes.
    fn port(&self, message: &Message) -> Result<Option<&'static str>, Fault> {
        let input = jq::read(message)?;
        Ok(match (self.program.holds(input), self.on_error) {
            (Ok(true), _) => Some("out"),
            (Ok(false), _) => self.rejected.then_some(REJECTED),
            (Err(failure), OnError::Fault) => return Err(failure.fault(&message.body)),
            (Err(_), OnError::Skip) => None,
            (Err(_), OnError::Reject) => Some(REJECTED),
        })
    }
}
