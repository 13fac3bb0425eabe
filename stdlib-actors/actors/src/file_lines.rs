//! `std/file-lines`: the lines of a text file, one message each.

use serde::{Deserialize, Serialize};
use theater_flow_sdk::{Actor, ConfigFault, Cx, Event, Fault, Next, Port};

use crate::text_lines::{self, Encoding, Form, Lines, Source, default_max_line};

#[cfg(test)]
mod tests;

/// Bytes of one read.
const READ_BYTES: u32 = 32 << 10;

/// The actor.
pub struct FileLines(Config);

/// See [`FileLines::CONFIG_SCHEMA`].
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Config {
    path: String,
    #[serde(default = "default_max_line")]
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

    const CONFIG_SCHEMA: &'static str = r#"{
  "$schema": "http://json-schema.org/draft-07/schema#",
  "type": "object",
  "additionalProperties": false,
  "required": ["path"],
  "properties": {
    "path": { "type": "string", "minLength": 1, "description": "The file." },
    "max-line": { "type": "integer", "minimum": 1, "maximum": 2097152, "default": 1048576, "description": "Bytes of a line that are kept." },
    "encoding": { "enum": ["lossy", "utf8"], "default": "lossy", "description": "What to do with bytes that are not UTF-8: replace them, or fault." }
  }
}"#;

    fn ports(config: &Config) -> Result<Vec<Port>, Vec<ConfigFault>> {
        let mut faults = Vec::new();
        if config.path.is_empty() {
            faults.push(ConfigFault::at(&["path"], "a path cannot be empty"));
        }
        text_lines::check(config.max_line, &mut faults);
        if !faults.is_empty() {
            return Err(faults);
        }
        let line = Port::output("out", text_lines::LINE);
        Ok(vec![line.doc("The lines in their order, counted from 1.")])
    }

    fn new(config: Config) -> Result<Self, Fault> {
        Ok(Self(config))
    }

    fn handle(&self, state: &mut State, event: Event, cx: &mut Cx) -> Result<Next, Fault> {
        let &Config {
            max_line, encoding, ..
        } = &self.0;
        let State { offset, lines } = state;
        let path = &self.0.path;
        match event {
            Event::Start => Ok(Next::More),
            Event::Pull => lines.pull(Form { max_line, encoding }, &mut File { path, offset }, cx),
            _ => Ok(Next::Wait),
        }
    }
}
