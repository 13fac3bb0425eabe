//! `std/file-lines`: the lines of a text file, one message each.

use serde::{Deserialize, Serialize};
use theater_flow_sdk::{Actor, Config, ConfigFault, Cx, Event, Fault, Next, Port};

use crate::basis::Basis;
use crate::text_lines::{Encoding, Form, Lines, Numbered, Source, default_max_line};

#[cfg(test)]
mod tests;

/// Bytes of one read.
const READ_BYTES: u32 = 32 << 10;

/// The actor.
pub struct FileLines(Config);

/// What the pipeline file says.
#[derive(Debug, Deserialize, Config)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Config {
    /// The file.
    #[config(min_length = 1)]
    path: String,
    /// Bytes of a line that are kept.
    // At most so many that a line is a payload: every byte may take six in JSON, and it holds 16 MiB.
    #[serde(default = "default_max_line")]
    #[config(minimum = 1, maximum = 2_097_152)]
    max_line: usize,
    #[serde(default)]
    encoding: Encoding,
}

/// Where in the file the actor stands.
#[derive(Default, Debug, Serialize, Deserialize)]
pub struct State {
    /// Where the next read begins.
    offset: u64,
    lines: Lines,
    /// The path.
    #[serde(default)]
    basis: Basis,
}

struct File<'a> {
    path: &'a str,
    offset: &'a mut u64,
}

impl Source for File<'_> {
    const READS_PER_EVENT: u32 = 16;
    const WAITS: bool = false;

    fn path(&self) -> &str {
        self.path
    }

    fn read(&mut self, cx: &mut Cx) -> Result<Vec<u8>, Fault> {
        let chunk = cx.outside.read(self.path, *self.offset, READ_BYTES);
        let chunk = chunk.map_err(|error| Fault::file("read", self.path, &error))?;
        *self.offset += chunk.len() as u64;
        Ok(chunk)
    }
}

impl Actor for FileLines {
    type Config = Config;
    type State = State;

    const DOC: &'static str = include_str!("../../docs/file-lines.md");

    fn ports(_: &Config) -> Result<Vec<Port>, Vec<ConfigFault>> {
        let line = Port::output_of::<Numbered>("out");
        Ok(vec![line.doc("The lines in their order, counted from 1.")])
    }

    fn new(config: Config) -> Result<Self, Fault> {
        Ok(Self(config))
    }

    fn take_up(&self, state: &mut State) -> Result<(), Fault> {
        let basis = Basis::default().with("path", &*self.0.path);
        let begun = state.offset > 0 || state.lines.have_ended();
        state.basis.go_over(&basis, |_| begun)
    }

    fn handle(&self, state: &mut State, event: Event, cx: &mut Cx) -> Result<Next, Fault> {
        let &Config {
            max_line, encoding, ..
        } = &self.0;
        let State { offset, lines, .. } = state;
        let path = &self.0.path;
        match event {
            Event::Start => Ok(Next::More),
            Event::Pull => lines.pull(Form { max_line, encoding }, &mut File { path, offset }, cx),
            _ => Ok(Next::Wait),
        }
    }
}
