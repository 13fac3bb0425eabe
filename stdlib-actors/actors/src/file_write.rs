//! `std/file-write`: messages to a file, one line each, or each to the file that it names.

use serde::{Deserialize, Serialize};
use theater_flow_sdk::{
    Actor, Bounds, Config, ConfigFault, ConfigSchema, Cx, Event, Fault, Member, Message, Next,
    Place, Port, Schema,
};

use crate::lines::{self, Format};

mod item;
#[cfg(test)]
mod tests;

/// Files that are open at a time: as many as the host allows.
const OPEN_FILES: usize = 256;

/// The actor.
pub struct FileWrite {
    config: Keys,
    target: Target,
}

/// What the pipeline file says.
#[derive(Debug, Deserialize)]
#[serde(transparent)]
pub struct Config(Keys);

#[derive(Debug, Deserialize, Config)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Keys {
    /// The one file for all messages.
    #[config(min_length = 1)]
    path: Option<String>,
    /// The field that names the file for its message, below `folder`.
    path_field: Option<String>,
    /// The folder that the files named by `path-field` stay below.
    #[config(min_length = 1)]
    folder: Option<String>,
    /// What is written: the message as a line of JSON, or text.
    #[serde(default)]
    format: Format,
    /// With `text`: the field to write; without it the whole message.
    field: Option<String>,
    /// A line that stands before all others, in a file that is replaced by all messages.
    header: Option<String>,
    /// What becomes of what is in a file: it is replaced, by all messages or with `path-field` by
    /// each, or added to.
    #[serde(default)]
    mode: Mode,
}

impl ConfigSchema for Config {
    const SCHEMA: Schema = Schema::Members(&[
        Member::Like(&Keys::SCHEMA),
        Member::Json(
            "oneOf",
            r#"[{"required":["path"]},{"required":["path-field","folder"]}]"#,
        ),
        // Else the one of the two would let half of the other stand beside it.
        Member::Json(
            "dependencies",
            r#"{"path-field":["folder"],"folder":["path-field"]}"#,
        ),
    ]);

    fn check(&self, bounds: &Bounds, at: &mut Place) {
        self.0.check(bounds, at);
    }
}

#[derive(Clone, Copy, PartialEq, Default, Debug, Deserialize, Config)]
#[serde(rename_all = "kebab-case")]
enum Mode {
    #[default]
    Replace,
    Append,
}

/// Where messages go.
#[derive(Debug)]
enum Target {
    /// All to one file.
    One(String),
    /// Each to the file below the folder that its field names.
    Named { field: String, folder: String },
}

/// What the actor remembers.
#[derive(Default, Debug, Serialize, Deserialize)]
pub struct State {
    /// The files that the host has open for this agent, the least recently used first.
    open: Vec<String>,
}

impl Actor for FileWrite {
    type Config = Config;
    type State = State;

    const DOC: &'static str = include_str!("../../docs/file-write.md");

    fn ports(Config(config): &Config) -> Result<Vec<Port>, Vec<ConfigFault>> {
        let mut faults = Vec::new();
        config.check_target(&mut faults);
        config.check_header(&mut faults);
        lines::check(config.format, config.field.as_deref(), &mut faults);
        if !faults.is_empty() {
            return Err(faults);
        }
        Ok(vec![Port::input("in", "json").doc("What is written.")])
    }

    fn new(Config(config): Config) -> Result<Self, Fault> {
        let parts = (
            config.path.clone(),
            config.path_field.clone(),
            config.folder.clone(),
        );
        let target = match parts {
            (Some(path), None, None) => Target::One(path),
            (None, Some(field), Some(folder)) => Target::Named { field, folder },
            _ => {
                return Err(Fault::new(
                    "bad-config",
                    "expected `path`, or `path-field` and `folder`",
                ));
            }
        };
        Ok(Self { config, target })
    }

    fn handle(&self, state: &mut State, event: Event, cx: &mut Cx) -> Result<Next, Fault> {
        match (event, &self.target) {
            // Not only at the first message: without one the new file is empty.
            (Event::Start, Target::One(path)) => self.begin(state, path, cx)?,
            (Event::Message(message), Target::One(path)) => self.add(state, path, &message, cx)?,
            (Event::Message(message), Target::Named { field, folder }) => {
                let path = item::path(folder, &lines::text(field, &message)?)?;
                match self.config.mode {
                    Mode::Replace => self.put(&path, &message, cx)?,
                    Mode::Append => self.add_to(state, path, &message, cx)?,
                }
            }
            (Event::Closed(_), _) => {
                for path in &state.open {
                    close(path, cx)?;
                }
                // The state changes last: a fault takes back what the host has done.
                state.open.clear();
            }
            _ => {}
        }
        Ok(Next::Wait)
    }
}

impl Keys {
    /// What is added to does not begin here, and what each message replaces has no lines of others.
    fn check_header(&self, faults: &mut Vec<ConfigFault>) {
        if self.header.is_some() && (self.path.is_none() || self.mode == Mode::Append) {
            let message = "`header` goes with `path` and `mode = \"replace\"`";
            faults.push(ConfigFault::at(&["header"], message));
        }
    }

    fn check_target(&self, faults: &mut Vec<ConfigFault>) {
        let mut fault = |at: &[&str], message: &str| faults.push(ConfigFault::at(at, message));
        match (&self.path, &self.path_field, &self.folder) {
            (Some(_), Some(_), _) => {
                let message = "`path` is one file for all messages; choose one of the two";
                fault(&["path-field"], message);
            }
            (Some(_), None, Some(_)) => fault(&["folder"], "`folder` goes with `path-field`"),
            (None, None, _) => fault(&[], "expected `path`, or `path-field` and `folder`"),
            (None, Some(_), None) => {
                fault(
                    &[],
                    "`path-field` needs `folder`, below which the files stay",
                );
            }
            (Some(_), None, None) | (None, Some(_), Some(_)) => {}
        }
    }
}

impl FileWrite {
    /// Opens the one file.
    fn begin(&self, state: &mut State, path: &str, cx: &mut Cx) -> Result<(), Fault> {
        if !state.open.is_empty() {
            return Ok(());
        }
        match self.config.mode {
            Mode::Replace => self.start(path, cx)?,
            // Nothing is added, but the file is made, as replacing it would, and it shows now
            // whether it can be written.
            Mode::Append => append(path, &[], cx)?,
        }
        state.open.push(path.to_owned());
        Ok(())
    }

    /// Begins a new content for the one file.
    fn start(&self, path: &str, cx: &mut Cx) -> Result<(), Fault> {
        replace(path, cx)?;
        match &self.config.header {
            Some(header) => append(path, format!("{header}\n").as_bytes(), cx),
            None => Ok(()),
        }
    }

    /// Adds a line to the one file.
    fn add(&self, state: &mut State, path: &str, of: &Message, cx: &mut Cx) -> Result<(), Fault> {
        let line = lines::line(self.config.format, self.config.field.as_deref(), of)?;
        let is_open = !state.open.is_empty();
        // Begun here too, should the start have ended as a dead letter.
        if !is_open && self.config.mode == Mode::Replace {
            self.start(path, cx)?;
        }
        append(path, &line, cx)?;
        if !is_open {
            state.open.push(path.to_owned());
        }
        Ok(())
    }

    /// Puts a message into the place of what is in a file, whole.
    fn put(&self, path: &str, of: &Message, cx: &mut Cx) -> Result<(), Fault> {
        let content = lines::content(self.config.format, self.config.field.as_deref(), of)?;
        replace(path, cx)?;
        if !content.is_empty() {
            append(path, &content, cx)?;
        }
        close(path, cx)
    }

    /// Adds a line to one of many files. If too many are open, the least recently used is closed.
    fn add_to(
        &self,
        state: &mut State,
        path: String,
        of: &Message,
        cx: &mut Cx,
    ) -> Result<(), Fault> {
        let line = lines::line(self.config.format, self.config.field.as_deref(), of)?;
        let found = state.open.iter().rposition(|open| *open == path);
        let gone = found.or((state.open.len() >= OPEN_FILES).then_some(0));
        if let (None, Some(oldest)) = (found, gone) {
            close(&state.open[oldest], cx)?;
        }
        append(&path, &line, cx)?;
        if let Some(at) = gone {
            state.open.remove(at);
        }
        state.open.push(path);
        Ok(())
    }
}

fn replace(path: &str, cx: &mut Cx) -> Result<(), Fault> {
    let begun = cx.outside.replace(path);
    begun.map_err(|error| Fault::file("replace", path, &error))
}

fn append(path: &str, bytes: &[u8], cx: &mut Cx) -> Result<(), Fault> {
    let appended = cx.outside.append(path, bytes);
    appended.map_err(|error| Fault::file("write to", path, &error))
}

fn close(path: &str, cx: &mut Cx) -> Result<(), Fault> {
    let closed = cx.outside.close(path);
    closed.map_err(|error| Fault::file("close", path, &error))
}
