//! The only place that prints. Results go to standard output, all else to standard error.
//!
//! Text that others wrote (guests, files) is escaped where it is put into a line, and once more scrubbed
//! here: nothing but colours of our own reaches a terminal as a control code.

pub mod escape;
mod faults;
mod live;
#[cfg(test)]
mod tests;

use std::fs::File;
use std::io::{self, BufWriter, IsTerminal, Write};
use std::os::fd::AsFd;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, TryLockError};

pub use faults::{SourceText, fault_lines, fault_values, position};
use live::Live;
pub use live::Size;
use serde::Serialize;
use unicode_width::UnicodeWidthChar;

/// Columns, where there is no terminal to ask.
const WIDTH: usize = 100;
/// Fewer columns than this are not heeded.
const WIDTH_MIN: usize = 40;

/// What lines should look like.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Look {
    /// Columns; `None` if lines may be as long as they like.
    pub width: Option<usize>,
    /// Colours are wanted.
    pub colour: bool,
}

/// What a piece of text is, for its colour.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Tone {
    /// As it is.
    Plain,
    /// Of less interest.
    Faint,
    /// A name, a heading.
    Strong,
    /// It went well.
    Good,
    /// To be looked at.
    Warn,
    /// It went wrong.
    Bad,
}

impl Look {
    /// Neither colours nor a width.
    pub const PLAIN: Self = Self { width: None, colour: false };

    /// The text in its colour.
    #[must_use]
    pub fn paint(self, tone: Tone, text: &str) -> String {
        let code = match tone {
            _ if !self.colour => return text.to_owned(),
            Tone::Plain => return text.to_owned(),
            Tone::Faint => "2",
            Tone::Strong => "1",
            Tone::Good => "32",
            Tone::Warn => "33",
            Tone::Bad => "31",
        };
        format!("\u{1b}[{code}m{text}\u{1b}[0m")
    }
}

/// The first `columns` columns of an uncoloured line; `…` stands for the rest.
#[must_use]
pub fn fit(line: &str, columns: usize) -> String {
    let mut used = 0;
    let mut cut = 0;
    for (at, c) in line.char_indices() {
        used += c.width().unwrap_or(0);
        if used > columns {
            return format!("{}…", &line[..cut]);
        }
        if used < columns {
            cut = at + c.len_utf8();
        }
    }
    line.to_owned()
}

/// Columns that a text takes.
#[must_use]
pub fn columns(text: &str) -> usize {
    text.chars().map(|c| c.width().unwrap_or(0)).sum()
}

/// Where everything that is said goes.
pub struct Screen {
    json: bool,
    quiet: bool,
    out: Stream,
    err: Stream,
    live: Live,
}

/// One of the two streams.
struct Stream {
    look: Look,
    terminal: bool,
    writer: Mutex<BufWriter<Box<dyn Write + Send>>>,
}

impl Stream {
    fn new(writer: Box<dyn Write + Send>, terminal: bool) -> Self {
        let plain = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        let dumb = std::env::var_os("TERM").is_some_and(|value| value == "dumb");
        let width = terminal.then(|| terminal_width().unwrap_or(WIDTH).max(WIDTH_MIN));
        let look = Look { width, colour: terminal && !plain && !dumb };
        Self { look, terminal, writer: Mutex::new(BufWriter::new(writer)) }
    }

    /// A thread that died while it printed has left nothing worse than half a line.
    fn lock(&self) -> MutexGuard<'_, BufWriter<Box<dyn Write + Send>>> {
        self.writer.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self, bytes: &[u8]) -> io::Result<()> {
        let mut writer = self.lock();
        writer.write_all(bytes)?;
        // Someone may be watching.
        if self.terminal { writer.flush() } else { Ok(()) }
    }

    /// Past the buffer, so that nothing of a failed write is kept.
    fn write_now(&self, bytes: &[u8]) -> io::Result<()> {
        let mut writer = self.lock();
        writer.flush()?;
        let writer = writer.get_mut();
        writer.write_all(bytes)?;
        writer.flush()
    }
}

fn terminal_width() -> Option<usize> {
    let said = std::env::var("COLUMNS").ok().and_then(|columns| columns.parse().ok());
    said.or_else(|| {
        let (terminal_size::Width(width), _) = terminal_size::terminal_size()?;
        Some(usize::from(width))
    })
}

impl Screen {
    /// The process's own streams.
    #[must_use]
    pub fn standard(json: bool, quiet: bool) -> Self {
        let (out, err) = (io::stdout(), io::stderr());
        let (out_terminal, err_terminal) = (out.is_terminal(), err.is_terminal());
        // A descriptor of our own: what a failed write leaves in the buffer of the standard library's
        // handle would be written once more later.
        let out: Box<dyn Write + Send> = match out.as_fd().try_clone_to_owned() {
            Ok(own) => Box::new(File::from(own)),
            Err(_) => Box::new(out),
        };
        let live = Live::standard(quiet, out_terminal && live::is_one_terminal());
        let err = Stream::new(Box::new(err), err_terminal);
        Self { json, quiet, out: Stream::new(out, out_terminal), err, live }
    }

    /// A screen that keeps what it is given, for tests.
    #[must_use]
    pub fn captured(json: bool) -> (Self, Captured) {
        let seen = Captured::default();
        let out = Stream::new(Box::new(seen.out.clone()), false);
        let err = Stream::new(Box::new(seen.err.clone()), false);
        (Self { json, quiet: false, out, err, live: Live::default() }, seen)
    }

    /// True if results are JSON lines.
    #[must_use]
    pub const fn is_json(&self) -> bool {
        self.json
    }

    /// What lines on standard output should look like.
    #[must_use]
    pub const fn look(&self) -> Look {
        self.out.look
    }

    /// What lines on standard error should look like.
    #[must_use]
    pub const fn err_look(&self) -> Look {
        self.err.look
    }

    /// A line of a result for people, or several.
    pub fn line(&self, text: &str) -> io::Result<()> {
        let line = format!("{}\n", escape::scrub(text, self.out.look.colour));
        self.above(line.as_bytes(), |bytes| self.out.write(bytes))
    }

    /// A line of a result as JSON. `json` is one JSON value.
    pub fn json_line(&self, json: &str) -> io::Result<()> {
        self.line(&escape::escape_json(json))
    }

    /// As [`json_line`](Self::json_line), of anything that has a JSON form.
    pub fn json<T: Serialize>(&self, value: &T) -> io::Result<()> {
        self.json_line(&serde_json::to_string(value)?)
    }

    /// Bytes that a guest wrote to standard output. They go as they are; but a terminal is shown
    /// control characters, not given them. When this returns they have left the process.
    pub fn guest_bytes(&self, bytes: &[u8]) -> io::Result<()> {
        if !self.out.terminal {
            return self.out.write_now(bytes);
        }
        let shown = escape::escape_bytes(bytes);
        self.above(shown.as_bytes(), |bytes| self.out.write_now(bytes))
    }

    /// Prints to standard output, above the live lines if they are on the same terminal.
    fn above(&self, bytes: &[u8], write: impl FnOnce(&[u8]) -> io::Result<()>) -> io::Result<()> {
        if self.live.shares { self.live.above(bytes, write) } else { write(bytes) }
    }

    /// Writes out what waits. To be called whenever more may be long in coming, and at the end. A write
    /// that is under way is left alone: its reader may hold it up for ever.
    pub fn flush(&self) -> io::Result<()> {
        match self.out.writer.try_lock() {
            Ok(mut writer) => writer.flush(),
            Err(TryLockError::Poisoned(writer)) => writer.into_inner().flush(),
            Err(TryLockError::WouldBlock) => Ok(()),
        }
    }

    /// Progress, on standard error; nothing if quiet. Nobody may be there to read it.
    pub fn say(&self, text: &str) {
        if !self.quiet {
            self.tell(text);
        }
    }

    /// What must be said even if quiet, on standard error.
    pub fn tell(&self, text: &str) {
        // A whole line at once, so that lines of several processes do not mix.
        let line = format!("{}\n", escape::scrub(text, self.err.look.colour));
        let written = self.live.above(line.as_bytes(), |bytes| self.err.write(bytes));
        let _ = written.and_then(|()| self.err.lock().flush());
    }

    /// What is wrong and how to mend it, on standard error.
    pub fn problem(&self, message: &str, help: Option<&str>) {
        let error = self.err.look.paint(Tone::Bad, "error");
        self.tell(&format!("{error}: {}", escape::escape_lines(message)));
        if let Some(help) = help {
            let label = self.err.look.paint(Tone::Strong, "help");
            self.tell(&format!(" {label}: {}", escape::escape_lines(help)));
        }
    }

    /// What the command line's reader says: help and version on standard output, errors on standard
    /// error.
    pub fn usage(&self, error: &clap::Error) -> io::Result<()> {
        let stream = if error.use_stderr() { &self.err } else { &self.out };
        let text = error.render();
        let text = if stream.look.colour { text.ansi().to_string() } else { text.to_string() };
        let text = escape::scrub(text.trim_end_matches('\n'), stream.look.colour).into_owned();
        stream.write(format!("{text}\n").as_bytes())?;
        stream.lock().flush()
    }
}

/// What a [captured](Screen::captured) screen was given.
#[derive(Clone, Default)]
pub struct Captured {
    out: Kept,
    err: Kept,
}

#[derive(Clone, Default)]
struct Kept(Arc<Mutex<Vec<u8>>>);

impl Write for Kept {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Captured {
    /// What went to standard output and was flushed.
    #[must_use]
    pub fn out(&self) -> String {
        self.out.text()
    }

    /// What went to standard error.
    #[must_use]
    pub fn err(&self) -> String {
        self.err.text()
    }
}

impl Kept {
    fn text(&self) -> String {
        let bytes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        String::from_utf8_lossy(&bytes).into_owned()
    }
}
