//! A terminal: a pair of pseudo-terminal ends for the program, and a model of what such a screen shows.

use std::fs::File;
use std::io::Read as _;
use std::os::fd::OwnedFd;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};

use rustix::fs::{Mode, OFlags};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{Winsize, tcsetwinsize};

use crate::held::wait_for;

/// A program at a terminal.
#[derive(Debug)]
pub struct Session {
    child: Child,
    /// Kept open, so that the window has a size for as long as someone asks.
    window: OwnedFd,
    seen: Arc<Mutex<Vec<u8>>>,
    reader: JoinHandle<()>,
}

/// Which streams of a program are at the terminal.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum At {
    /// Standard output and standard error.
    Both,
    /// Standard error alone; standard output is a pipe.
    Err,
}

/// What a program did at a terminal.
#[derive(Debug)]
pub struct Played {
    /// How it ended.
    pub status: ExitStatus,
    /// What the terminal was sent.
    pub sent: String,
    /// What went to standard output, if that was a pipe.
    pub out: String,
}

fn size((columns, rows): (u16, u16)) -> Winsize {
    Winsize { ws_row: rows, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 }
}

impl Session {
    /// Starts a program at a terminal with a window of so many columns and rows.
    #[must_use]
    pub fn start(mut command: Command, at: At, window: (u16, u16)) -> Self {
        let ours = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).expect("a pseudo-terminal");
        grantpt(&ours).expect("its other end is ours");
        unlockpt(&ours).expect("it can be opened");
        tcsetwinsize(&ours, size(window)).expect("it has a window");
        let name = ptsname(&ours, Vec::new()).expect("its other end has a name");
        let theirs = rustix::fs::open(&name, OFlags::RDWR | OFlags::NOCTTY, Mode::empty());
        let theirs = theirs.expect("the other end opens");
        let end = || Stdio::from(theirs.try_clone().expect("it can be shared"));
        command.stderr(end()).stdout(if at == At::Both { end() } else { Stdio::piped() });
        let child = command.spawn().expect("the program starts");
        // The program's ends must be the only ones, so that reading ends with it.
        drop(command);
        drop(theirs);
        let seen = Arc::default();
        let window = ours.try_clone().expect("it can be shared");
        let reader = read(File::from(ours), Arc::clone(&seen));
        Self { child, window, seen, reader }
    }

    /// What the terminal was sent so far.
    #[must_use]
    pub fn sent(&self) -> String {
        let seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        String::from_utf8_lossy(&seen).into_owned()
    }

    /// Changes the window.
    pub fn resize(&self, window: (u16, u16)) {
        tcsetwinsize(&self.window, size(window)).expect("it has a window");
    }

    /// The program's process, for signals.
    #[must_use]
    pub fn child(&self) -> &Child {
        &self.child
    }

    /// Waits for its end.
    #[must_use]
    pub fn end(mut self) -> Played {
        let mut out = String::new();
        if let Some(mut pipe) = self.child.stdout.take() {
            pipe.read_to_string(&mut out).expect("it is text");
        }
        let status = wait_for("its end", || self.child.try_wait().expect("a child"));
        self.reader.join().expect("it only reads");
        let seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        Played { status, sent: String::from_utf8_lossy(&seen).into_owned(), out }
    }
}

fn read(mut from: File, to: Arc<Mutex<Vec<u8>>>) -> JoinHandle<()> {
    thread::spawn(move || {
        let mut piece = [0; 4_096];
        // It fails when nobody has the other end open any more.
        while let Ok(len @ 1..) = from.read(&mut piece) {
            let mut seen = to.lock().unwrap_or_else(PoisonError::into_inner);
            seen.extend_from_slice(&piece[..len]);
        }
    })
}

/// What a screen shows, with all that has scrolled out of it. It knows line feeds, carriage returns, the
/// codes that go up and clear what is below, and colours; anything else is a failure.
#[derive(Debug)]
pub struct Screen {
    columns: usize,
    rows: usize,
    lines: Vec<Vec<char>>,
    /// By line: the next one goes on with it.
    wrapped: Vec<bool>,
    row: usize,
    column: usize,
}

impl Screen {
    /// An empty one.
    #[must_use]
    pub fn new((columns, rows): (u16, u16)) -> Self {
        let (columns, rows) = (columns.into(), rows.into());
        Self { columns, rows, lines: vec![vec![]], wrapped: vec![false], row: 0, column: 0 }
    }

    /// What one of this size shows after it was sent this.
    #[must_use]
    pub fn after(window: (u16, u16), sent: &str) -> Self {
        let mut screen = Self::new(window);
        screen.send(sent);
        screen
    }

    /// Takes what is sent.
    ///
    /// # Panics
    /// At a code that it does not know.
    pub fn send(&mut self, sent: &str) {
        let mut rest = sent.chars();
        while let Some(c) = rest.next() {
            match c {
                '\r' => self.column = 0,
                '\n' => self.down(),
                '\u{1b}' => {
                    assert_eq!(rest.next(), Some('['), "{sent:?}");
                    let code: String =
                        rest.by_ref().take_while_inclusive(|c| !c.is_ascii_alphabetic());
                    self.code(&code);
                }
                c => self.put(c),
            }
        }
    }

    fn code(&mut self, code: &str) {
        let (number, what) = code.split_at(code.len() - 1);
        match what {
            "A" => {
                let up = number.parse().expect("a number of rows");
                let top = self.lines.len().saturating_sub(self.rows);
                self.row = self.row.saturating_sub(up).max(top);
            }
            "J" => {
                assert_eq!(number, "", "only what is below is cleared");
                self.lines[self.row].truncate(self.column);
                self.wrapped[self.row] = false;
                self.lines[self.row + 1..].iter_mut().for_each(Vec::clear);
                self.wrapped[self.row + 1..].fill(false);
            }
            "m" => {}
            _ => panic!("the code {code} is not known"),
        }
    }

    fn down(&mut self) {
        self.row += 1;
        if self.row == self.lines.len() {
            self.lines.push(vec![]);
            self.wrapped.push(false);
        }
    }

    fn put(&mut self, c: char) {
        assert!(!c.is_control(), "{c:?} is printed");
        if self.column == self.columns {
            self.wrapped[self.row] = true;
            self.column = 0;
            self.down();
        }
        let line = &mut self.lines[self.row];
        if line.len() <= self.column {
            line.resize(self.column + 1, ' ');
        }
        line[self.column] = c;
        self.column += 1;
    }

    /// All lines from the first that was ever printed, those that were too wide put together again.
    #[must_use]
    pub fn text(&self) -> Vec<String> {
        let mut text = vec![];
        let mut line = String::new();
        for (row, wrapped) in self.lines.iter().zip(&self.wrapped) {
            line.extend(row);
            if !wrapped {
                text.push(std::mem::take(&mut line).trim_end().to_owned());
            }
        }
        while text.last().is_some_and(String::is_empty) {
            text.pop();
        }
        text
    }
}

/// `take_while` that keeps the one that ended it.
trait TakeWhileInclusive: Iterator<Item = char> {
    fn take_while_inclusive(self, more: impl Fn(char) -> bool) -> String;
}

impl<I: Iterator<Item = char>> TakeWhileInclusive for I {
    fn take_while_inclusive(self, more: impl Fn(char) -> bool) -> String {
        let mut taken = String::new();
        for c in self {
            taken.push(c);
            if !more(c) {
                break;
            }
        }
        taken
    }
}

#[test]
fn a_screen_shows_what_it_is_sent() {
    let text = |sent| Screen::after((5, 3), sent).text();
    assert_eq!(text("ab\r\nc"), ["ab", "c"]);
    assert_eq!(text("abcdefg\r\nh"), ["abcdefg", "h"]);
    assert_eq!(text("abcde\r\nh"), ["abcde", "h"]);
    assert_eq!(text("a\r\nb\r\n\r\u{1b}[1A\u{1b}[Jc\r\n"), ["a", "c"]);
    assert_eq!(text("1\r\n2\r\n3\r\n4\r\n\u{1b}[9A\u{1b}[J"), ["1", "2"]);
    assert_eq!(text("\u{1b}[31mred\u{1b}[0m"), ["red"]);
}
