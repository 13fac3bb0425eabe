//! `std/stdin-lines`: the lines of standard input, one message each.

use serde::Deserialize;
use theater_flow_sdk::{Actor, Config, ConfigFault, Cx, Event, Fault, Next, Port};

use crate::text_lines::{Encoding, Form, Lines, Numbered, Source, default_max_line};

#[cfg(test)]
mod tests;

/// Bytes of one read: all that the host gives at a time.
const READ_BYTES: u32 = 64 << 10;

/// The actor.
pub struct StdinLines(Config);

/// What the pipeline file says.
#[derive(Debug, Deserialize, Config)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Config {
    /// Bytes of a line that are kept.
    // As in `std/file-lines`.
    #[serde(default = "default_max_line")]
    #[config(minimum = 1, maximum = 2_097_152)]
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

    fn ports(_: &Config) -> Result<Vec<Port>, Vec<ConfigFault>> {
        let line = Port::output_of::<Numbered>("out");
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
