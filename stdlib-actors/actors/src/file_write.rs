//! `std/file-write`: messages to a file, one line each.

use serde::{Deserialize, Serialize};
use theater_flow_sdk::{Actor, ConfigFault, Cx, Event, Fault, Next, Port};

use crate::lines::{self, Format};

#[cfg(test)]
mod tests;

/// The actor.
pub struct FileWrite(Config);

/// See [`FileWrite::CONFIG_SCHEMA`].
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    path: String,
    #[serde(default)]
    format: Format,
    field: Option<String>,
    #[serde(default)]
    mode: Mode,
}

#[derive(Clone, Copy, PartialEq, Default, Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Mode {
    #[default]
    Replace,
    Append,
}

/// What the actor remembers.
#[derive(Default, Debug, Serialize, Deserialize)]
pub struct State {
    /// The host has the file open for this agent.
    opened: bool,
}

impl Actor for FileWrite {
    type Config = Config;
    type State = State;

    const DOC: &'static str = "\
Writes messages to a file, one line each.

With `format = \"json-lines\"` a line is the message as it came; with `format = \"text\"` it is the
message, or its field `field`: a string without quotes, any other value as JSON.
With `mode = \"replace\"` the new content takes the old one's place, whole, when the input closes, so
running a pipeline twice gives the same file; with `mode = \"append\"` lines are added to what is
there. Grant: files = { write = [the path or a folder above it] }.
Uses: files, log.";

    const CONFIG_SCHEMA: &'static str = r#"{
  "$schema": "http://json-schema.org/draft-07/schema#",
  "type": "object",
  "additionalProperties": false,
  "required": ["path"],
  "properties": {
    "path": { "type": "string", "minLength": 1, "description": "The file." },
    "format": { "enum": ["json-lines", "text"], "default": "json-lines", "description": "What a line holds: the message as JSON, or text." },
    "field": { "type": "string", "description": "With `text`: the field to write; without it the whole message." },
    "mode": { "enum": ["replace", "append"], "default": "replace", "description": "What becomes of what is in the file." }
  }
}"#;

    fn ports(config: &Config) -> Result<Vec<Port>, Vec<ConfigFault>> {
        let mut faults = Vec::new();
        if config.path.is_empty() {
            faults.push(ConfigFault::at(&["path"], "a path cannot be empty"));
        }
        lines::check(config.format, config.field.as_deref(), &mut faults);
        if !faults.is_empty() {
            return Err(faults);
        }
        Ok(vec![Port::input("in", "json").doc("What is written.")])
    }

    fn new(config: Config) -> Result<Self, Fault> {
        Ok(Self(config))
    }

    fn handle(&self, state: &mut State, event: Event, cx: &mut Cx) -> Result<Next, Fault> {
        // The state changes last: a fault takes back what the host has begun.
        state.opened = match event {
            // Not only at the first message: without one the new file is empty.
            Event::Start => self.begin(state.opened, cx)?,
            Event::Message(message) => {
                let line = lines::line(self.0.format, self.0.field.as_deref(), &message)?;
                // Begun here too, should the start have ended as a dead letter.
                self.begin(state.opened, cx)?;
                self.append(&line, cx)?
            }
            Event::Closed(_) => self.close(state.opened, cx)?,
            _ => state.opened,
        };
        Ok(Next::Wait)
    }
}

/// Each answers whether the file is open after it.
impl FileWrite {
    fn begin(&self, opened: bool, cx: &mut Cx) -> Result<bool, Fault> {
        match self.0.mode {
            _ if opened => Ok(true),
            Mode::Replace => {
                let begun = cx.outside.replace(&self.0.path);
                begun.map_err(|error| Fault::file("replace", &self.0.path, &error))?;
                Ok(true)
            }
            // Nothing is added, but the file is made, as replacing it would, and it shows now
            // whether it can be written.
            Mode::Append => self.append(&[], cx),
        }
    }

    fn append(&self, bytes: &[u8], cx: &mut Cx) -> Result<bool, Fault> {
        let appended = cx.outside.append(&self.0.path, bytes);
        appended.map_err(|error| Fault::file("write to", &self.0.path, &error))?;
        Ok(true)
    }

    fn close(&self, opened: bool, cx: &mut Cx) -> Result<bool, Fault> {
        if opened {
            let closed = cx.outside.close(&self.0.path);
            closed.map_err(|error| Fault::file("close", &self.0.path, &error))?;
        }
        Ok(false)
    }
}
