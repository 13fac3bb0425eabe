//! Lines at the bottom of a terminal that change in place, below all else that is printed there.
//!
//! Whatever is printed on that terminal goes through [`Live::above`], which takes the lines away, prints,
//! and puts them back in one write: nothing is torn. The cursor rests below the lines; a kill leaves them
//! where they are, and whoever prints next begins on a line of its own.

use std::fmt::Write as _;
use std::io;
use std::os::fd::AsFd as _;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::{Look, Screen, escape};

/// Switches progress off.
const VARIABLE: &str = "THEATER_FLOW_PROGRESS";
/// The size of a terminal that does not say it.
const SIZE: Size = Size { columns: 80, rows: 24 };

/// The size of a terminal.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Size {
    /// Characters in a line.
    pub columns: usize,
    /// Lines.
    pub rows: usize,
}

/// What changes in place on standard error.
#[derive(Default)]
pub(super) struct Live {
    /// Progress is wanted, and someone may see it.
    wanted: bool,
    /// The terminal can take lines away.
    can_redraw: bool,
    /// Standard output goes to the same terminal.
    pub(super) shares: bool,
    region: Mutex<Region>,
}

/// The lines, and where the cursor stands.
#[derive(Default)]
struct Region {
    /// Ready to be printed; none if nothing is shown.
    lines: Vec<String>,
    /// How many of them stand on the terminal now.
    drawn: usize,
    /// What was printed last has no end of line: the lines wait, since they could not be put below it
    /// and taken away again.
    open: bool,
}

impl Region {
    /// The codes that take the lines away.
    fn erase(&mut self) -> String {
        match std::mem::take(&mut self.drawn) {
            0 => String::new(),
            rows => format!("\r\u{1b}[{rows}A\u{1b}[J"),
        }
    }

    /// The lines, if they may be put where the cursor is.
    fn draw(&mut self) -> String {
        let mut text = String::new();
        if !self.open {
            self.drawn = self.lines.len();
            for line in &self.lines {
                let _ = writeln!(text, "{line}");
            }
        }
        text
    }
}

/// True if standard output and standard error are the same terminal.
pub(super) fn is_one_terminal() -> bool {
    let device = |fd| rustix::fs::fstat(fd).map(|stat| stat.st_rdev).ok();
    let (out, err) = (io::stdout(), io::stderr());
    device(out.as_fd()).is_some_and(|out| device(err.as_fd()) == Some(out))
}

impl Live {
    /// That of this process's standard error.
    pub(super) fn standard(quiet: bool, shares: bool) -> Self {
        let never = std::env::var_os(VARIABLE).is_some_and(|value| value == "never");
        let wanted = !quiet && !never && io::IsTerminal::is_terminal(&io::stderr());
        let kind = std::env::var_os("TERM").unwrap_or_default();
        let can_redraw = wanted && !kind.is_empty() && kind != "dumb";
        Self { wanted, can_redraw, shares, region: Mutex::default() }
    }

    fn lock(&self) -> MutexGuard<'_, Region> {
        self.region.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Prints above the lines.
    pub(super) fn above(
        &self,
        bytes: &[u8],
        write: impl FnOnce(&[u8]) -> io::Result<()>,
    ) -> io::Result<()> {
        if !self.can_redraw || bytes.is_empty() {
            return write(bytes);
        }
        let mut region = self.lock();
        let mut all = region.erase().into_bytes();
        all.extend_from_slice(bytes);
        region.open = !bytes.ends_with(b"\n");
        all.extend_from_slice(region.draw().as_bytes());
        write(&all)
    }

    /// Shows these lines instead of those before.
    fn show(&self, lines: Vec<String>, write: impl FnOnce(&[u8]) -> io::Result<()>) {
        let mut region = self.lock();
        let mut all = region.erase();
        region.lines = lines;
        all.push_str(&region.draw());
        if !all.is_empty() {
            // Nobody may be there to see it.
            let _ = write(all.as_bytes());
        }
    }
}

impl Screen {
    /// True if the progress of a run is to be told: standard error is a terminal, and nobody said no.
    #[must_use]
    pub const fn wants_progress(&self) -> bool {
        self.live.wanted
    }

    /// True if that may be in lines that change in place.
    #[must_use]
    pub const fn can_redraw(&self) -> bool {
        self.live.can_redraw
    }

    /// The size that the terminal of standard error has now.
    #[must_use]
    pub fn live_size(&self) -> Size {
        let size = terminal_size::terminal_size_of(io::stderr());
        size.map_or(SIZE, |(columns, rows)| Size {
            columns: usize::from(columns.0),
            rows: usize::from(rows.0),
        })
    }

    /// Shows these lines below all else, in the place of those before; none takes them away. Lines that
    /// are wider or more than the terminal has room for would leave traces: see
    /// [`live_size`](Self::live_size).
    pub fn show_live(&self, lines: &[String]) {
        if self.can_redraw() {
            let Look { colour, .. } = self.err_look();
            let lines = lines.iter().map(|line| escape::scrub(line, colour).into_owned());
            self.live.show(lines.collect(), |bytes| self.err.write(bytes));
        }
    }
}
