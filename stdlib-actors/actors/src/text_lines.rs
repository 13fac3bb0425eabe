//! Sends the lines of a text that comes in chunks, one message each: what `std/file-lines` and
//! `std/stdin-lines` share.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};
use theater_flow_sdk::{Config, Cx, Fault, Level, Next, Typed};

use crate::cutter::{Cutter, Piece};

/// Lines of one event: half of what an event may emit, so that a line is never refused.
pub(crate) const LINES_PER_EVENT: u32 = 512;
/// Text of one event, so that long lines do not make a huge transaction.
const BYTES_PER_EVENT: usize = 1 << 20;

/// What to do with bytes that are not UTF-8: replace them, or fault.
#[derive(Clone, Copy, PartialEq, Default, Debug, Deserialize, Config)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Encoding {
    #[default]
    Lossy,
    Utf8,
}

/// What a config says of lines.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Form {
    pub(crate) max_line: usize,
    pub(crate) encoding: Encoding,
}

pub(crate) const fn default_max_line() -> usize {
    1 << 20
}

/// Where the text comes from.
pub(crate) trait Source {
    /// Reads of one event: the way through a very long line takes more than one event.
    const READS_PER_EVENT: u32;
    /// A read may wait for long, so that what was sent must leave before it.
    const WAITS: bool;

    /// The path that stands in the messages.
    fn path(&self) -> &str;
    /// The next chunk; an empty one is the end.
    fn read(&mut self, cx: &mut Cx) -> Result<Vec<u8>, Fault>;
}

/// How far the text has been sent. What was read and not sent is kept, so that a restored actor
/// reads the same bytes at the same places.
#[derive(Default, Debug, Serialize, Deserialize)]
pub(crate) struct Lines {
    /// Lines sent.
    pub(crate) line: u64,
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

/// A line as it is sent.
#[derive(Serialize, Typed)]
pub(crate) struct Numbered<'a> {
    path: &'a str,
    line: u64,
    text: &'a str,
}

impl Lines {
    /// The end of the text has been read.
    pub(crate) const fn have_ended(&self) -> bool {
        self.cutter.has_ended()
    }

    /// Sends as many lines as fit one event. A fault would take back the lines before it, so it has
    /// to wait until it stands first in an event.
    pub(crate) fn pull<S: Source>(
        &mut self,
        form: Form,
        source: &mut S,
        cx: &mut Cx,
    ) -> Result<Next, Fault> {
        let mut sent = Sent::default();
        let next = loop {
            match self.step(form, source, &mut sent, cx) {
                Ok(None) => {}
                Ok(Some(next)) => break next,
                Err(_) if sent.lines > 0 => break Next::More,
                Err(fault) => return Err(fault),
            }
        };
        self.cutter.compact();
        Ok(next)
    }

    /// Sends one line or reads one chunk; answers when the event is over.
    fn step<S: Source>(
        &mut self,
        form: Form,
        source: &mut S,
        sent: &mut Sent,
        cx: &mut Cx,
    ) -> Result<Option<Next>, Fault> {
        match self.cutter.piece(form.max_line) {
            Piece::Line { text, cut } => {
                let line = self.line + 1;
                let path = source.path();
                let text = decode(form.encoding, text, (path, line))?;
                let text = text.as_ref();
                cx.emit("out", &Numbered { path, line, text })?;
                sent.lines += 1;
                sent.bytes += text.len();
                self.line = line;
                self.cutter.advance();
                if cut && !self.warned {
                    self.warned = true;
                    warn(form.max_line, (path, line), cx);
                }
                let full = sent.lines >= LINES_PER_EVENT || sent.bytes >= BYTES_PER_EVENT;
                Ok(full.then_some(Next::More))
            }
            Piece::Unfinished if S::WAITS && sent.lines > 0 => Ok(Some(Next::More)),
            Piece::Unfinished if sent.reads < S::READS_PER_EVENT => {
                self.cutter.push(&source.read(cx)?);
                sent.reads += 1;
                Ok(None)
            }
            Piece::Unfinished => Ok(Some(Next::More)),
            Piece::End => Ok(Some(Next::Wait)),
        }
    }
}

fn decode<'a>(
    encoding: Encoding,
    text: &'a [u8],
    (path, line): (&str, u64),
) -> Result<Cow<'a, str>, Fault> {
    match encoding {
        Encoding::Lossy => Ok(String::from_utf8_lossy(text)),
        Encoding::Utf8 => str::from_utf8(text).map(Into::into).map_err(|error| {
            let at = error.valid_up_to() + 1;
            let message = format!("`{path}`, line {line}: byte {at} of it is not UTF-8");
            Fault::new("invalid-utf8", message)
        }),
    }
}

fn warn(max_line: usize, (path, line): (&str, u64), cx: &mut Cx) {
    let text = format!(
        "`{path}`, line {line} is longer than {max_line} bytes: the rest of it, and of any such \
         line after it, is dropped"
    );
    cx.log(Level::Warn, &text);
}
