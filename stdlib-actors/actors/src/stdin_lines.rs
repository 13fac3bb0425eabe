//! `std/stdin-lines`: the lines of standard input, one message each.

use serde::Deserialize;
use theater_flow_sdk::{Actor, ConfigFault, Cx, Event, Fault, Next, Port};

use crate::text_lines::{self, Encoding, Form, Lines, Source, default_max_line};

#[cfg(test)]
mod tests;

/// Bytes of one read: all that the host gives at a time.
const READ_BYTES: u32 = 64 << 10;

/// The actor.
pub struct StdinLines(Config);

/// See [`StdinLines::CONFIG_SCHEMA`].
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Config {
    #[serde(default = "default_max_line")]
    max_line: usize,
    #[serde(default)]
    encoding: Encoding,
}

/// What was read and not yet sent.
#[derive(Default, Debug, serde::Serialize, Deserialize)]
#[serde(transparent)]
pub struct State(Lines);

struct Stdin;

impl Source for Stdin {
    const READS_PER_EVENT: u32 = 1;
    const WAITS: bool = true;

    fn path(&self) -> &'static str {
        "-"
    }

    fn read(&mut self, cx: &mut Cx) -> Result<Vec<u8>, Fault> {
        let chunk = cx.outside.read_stdin(READ_BYTES);
        chunk.map_err(|error| Fault::new("io", format!("cannot read standard input: {error}")))
    }
}

impl Actor for StdinLines {
    type Config = Config;
    type State = State;

    const DOC: &'static str = include_str!("../../docs/stdin-lines.md");

    const CONFIG_SCHEMA: &'static str = r#"{
  "$schema": "http://json-schema.org/draft-07/schema#",
  "type": "object",
  "additionalProperties": false,
  "properties": {
    "max-line": { "type": "integer", "minimum": 1, "maximum": 2097152, "default": 1048576, "description": "Bytes of a line that are kept." },
    "encoding": { "enum": ["lossy", "utf8"], "default": "lossy", "description": "What to do with bytes that are not UTF-8: replace them, or fault." }
  }
}"#;

    fn ports(config: &Config) -> Result<Vec<Port>, Vec<ConfigFault>> {
        let mut faults = Vec::new();
        text_lines::check(config.max_line, &mut faults);
        if !faults.is_empty() {
            return Err(faults);
        }
        let line = Port::output("out", text_lines::LINE);
        Ok(vec![line.doc(
            "The lines in their order, counted from 1; `path` is \"-\".",
        )])
    }

    fn new(config: Config) -> Result<Self, Fault> {
        Ok(Self(config))
    }

    fn handle(&self, state: &mut State, event: Event, cx: &mut Cx) -> Result<Next, Fault> {
        let Config { max_line, encoding } = self.0;
        match event {
            Event::Start => Ok(Next::More),
            Event::Pull => state.0.pull(Form { max_line, encoding }, &mut Stdin, cx),
            _ => Ok(Next::Wait),
        }
    }
}
