//! `std/file-lines`: the lines of a text file, one message each.

use serde::{Deserialize, Serialize};
use theater_flow_sdk::{Actor, ConfigFault, Cx, Event, Fault, Level, Next, Port};

mod cutter;
#[cfg(test)]
mod tests;

use cutter::{Cutter, Piece};

/// Lines of one event: half of what an event may emit, so that a line is never refused.
const LINES_PER_EVENT: u32 = 512;
/// Text of one event, so that long lines do not make a huge transaction.
const BYTES_PER_EVENT: usize = 1 << 20;
/// Reads of one event: the way through a very long line takes more than one event.
const READS_PER_EVENT: u32 = 16;
/// Bytes of one read.
const READ_BYTES: u32 = 32 << 10;
/// The longest `max-line`: every byte may take six in JSON, and a payload holds 16 MiB.
const MAX_LINE_BYTES: usize = 2 << 20;

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

#[derive(Clone, Copy, PartialEq, Default, Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Encoding {
    #[default]
    Lossy,
    Utf8,
}

const fn default_max_line() -> usize {
    1 << 20
}

/// Where in the file the actor stands. What was read and not sent is kept, so that a restored actor
/// reads the same bytes at the same places.
#[derive(Default, Debug, Serialize, Deserialize)]
pub struct State {
    /// Where the next read begins.
    offset: u64,
    /// Lines sent.
    line: u64,
    cutter: Cutter,
    /// A line was cut, and the log says so.
    warned: bool,
}

/// What one event has done so far.
#[derive(Default)]
struct Sent {
    lines: u32,
    bytes: usize,
    reads: u32,
}

#[derive(Serialize)]
struct Numbered<'a> {
    path: &'a str,
    line: u64,
    text: &'a str,
}

impl Actor for FileLines {
    type Config = Config;
    type State = State;

    const DOC: &'static str = "\
Sends the lines of a text file, one message each.

Lines are counted from 1. A line ends at \\n or \\r\\n, which it does not hold; the last one may end
with the file. Of a line longer than `max-line` bytes the rest is dropped, with one warning a file.
Bytes that are not UTF-8 become U+FFFD, or with `encoding = \"utf8\"` a fault, `invalid-utf8`.
A byte order mark stays in the first line. Grant: files = { read = [the path or a folder above it] }.
Uses: files, log, outbox.";

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
        if !(1..=MAX_LINE_BYTES).contains(&config.max_line) {
            let message = format!("a line has 1 to {MAX_LINE_BYTES} bytes");
            faults.push(ConfigFault::at(&["max-line"], message));
        }
        if !faults.is_empty() {
            return Err(faults);
        }
        let line = Port::output("out", "{ path: string, line: u64, text: string }");
        Ok(vec![line.doc("The lines in their order, counted from 1.")])
    }

    fn new(config: Config) -> Result<Self, Fault> {
        Ok(Self(config))
    }

    fn handle(&self, state: &mut State, event: Event, cx: &mut Cx) -> Result<Next, Fault> {
        match event {
            Event::Start => Ok(Next::More),
            Event::Pull => self.pull(state, cx),
            _ => Ok(Next::Wait),
        }
    }
}

impl FileLines {
    /// Sends as many lines as fit one event. A fault would take back the lines before it, so it has
    /// to wait until it stands first in an event.
    fn pull(&self, state: &mut State, cx: &mut Cx) -> Result<Next, Fault> {
        let mut sent = Sent::default();
        let next = loop {
            match self.step(state, &mut sent, cx) {
                Ok(None) => {}
                Ok(Some(next)) => break next,
                Err(_) if sent.lines > 0 => break Next::More,
                Err(fault) => return Err(fault),
            }
        };
        state.cutter.compact();
        Ok(next)
    }

    /// Sends one line or reads one chunk; answers when the event is over.
    fn step(&self, state: &mut State, sent: &mut Sent, cx: &mut Cx) -> Result<Option<Next>, Fault> {
        match state.cutter.piece(self.0.max_line) {
            Piece::Line { text, cut } => {
                let number = state.line + 1;
                let text = self.decode(text, number)?;
                cx.emit(
                    "out",
                    &Numbered {
                        path: &self.0.path,
                        line: number,
                        text: &text,
                    },
                )?;
                sent.lines += 1;
                sent.bytes += text.len();
                state.line = number;
                state.cutter.advance();
                if cut && !state.warned {
                    state.warned = true;
                    self.warn(number, cx);
                }
                let full = sent.lines >= LINES_PER_EVENT || sent.bytes >= BYTES_PER_EVENT;
                Ok(full.then_some(Next::More))
            }
            Piece::Unfinished if sent.reads < READS_PER_EVENT => {
                self.read(state, cx)?;
                sent.reads += 1;
                Ok(None)
            }
            Piece::Unfinished => Ok(Some(Next::More)),
            Piece::End => Ok(Some(Next::Wait)),
        }
    }

    fn read(&self, state: &mut State, cx: &mut Cx) -> Result<(), Fault> {
        let path = &self.0.path;
        let chunk = cx.outside.read(path, state.offset, READ_BYTES);
        let chunk = chunk.map_err(|error| Fault::file("read", path, &error))?;
        state.offset += chunk.len() as u64;
        state.cutter.push(&chunk);
        Ok(())
    }

    fn decode<'a>(&self, text: &'a [u8], number: u64) -> Result<std::borrow::Cow<'a, str>, Fault> {
        match self.0.encoding {
            Encoding::Lossy => Ok(String::from_utf8_lossy(text)),
            Encoding::Utf8 => str::from_utf8(text).map(Into::into).map_err(|error| {
                let (path, at) = (&self.0.path, error.valid_up_to() + 1);
                let message = format!("`{path}`, line {number}: byte {at} of it is not UTF-8");
                Fault::new("invalid-utf8", message)
            }),
        }
    }

    fn warn(&self, number: u64, cx: &mut Cx) {
        let Config { path, max_line, .. } = &self.0;
        let text = format!(
            "`{path}`, line {number} is longer than {max_line} bytes: the rest of it, and of any \
             such line after it, is dropped"
        );
        cx.log(Level::Warn, &text);
    }
}
