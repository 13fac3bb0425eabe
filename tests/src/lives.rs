//! A pipeline that sends every line of its input to a file and to standard output, and the lives of the
//! processes that run it: begun, killed at some instant, and taken up by the next.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use crate::{LIMIT, program, warm};

/// Between two looks at a process.
const LOOK: Duration = Duration::from_millis(1);

/// What `file-write` does with what is in its file.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Mode {
    /// The new content takes its place when the input closes.
    Replace,
    /// Lines are added to it.
    Append,
}

/// The pipeline in a folder of its own, with its input and outputs.
#[derive(Debug)]
pub struct Copying {
    folder: PathBuf,
    /// What the output file must hold in the end.
    pub output: Vec<u8>,
    /// What must have been printed in the end.
    pub printed: Vec<u8>,
}

impl Copying {
    /// Writes the input of `lines` lines and the pipeline. With [`Mode::Append`] the output file is there
    /// before, and not empty.
    #[must_use]
    pub fn new(folder: &Path, lines: usize, mode: Mode) -> Self {
        let each = |n| format!("the line of number {n}\n");
        let text = (1..=lines).map(each).collect::<Vec<_>>().concat();
        let printed = (1..=lines).map(found).collect::<Vec<_>>().concat();
        let before = match mode {
            Mode::Replace => "",
            Mode::Append => "what stood here before\n",
        };
        let word = if mode == Mode::Append { "append" } else { "replace" };
        let write = |name: &str, text: &str| {
            fs::write(folder.join(name), text).expect("a file can be written");
        };
        write("in.txt", &text);
        write("copying.toml", &PIPELINE.replace("MODE", word));
        write("stdout.txt", "");
        write("stderr.txt", "");
        if mode == Mode::Append {
            write("out.jsonl", before);
        }
        warm::lay_out(&folder.join(".theater-flow/cache"));
        let (output, printed) = (format!("{before}{printed}").into(), printed.into());
        Self { folder: folder.to_owned(), output, printed }
    }

    /// A file in the folder.
    #[must_use]
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// What a file holds; nothing if it is not there.
    #[must_use]
    pub fn read(&self, name: &str) -> Vec<u8> {
        fs::read(self.path(name)).unwrap_or_default()
    }

    /// Bytes of a file; 0 if it is not there.
    #[must_use]
    pub fn size(&self, name: &str) -> u64 {
        fs::metadata(self.path(name)).map_or(0, |meta| meta.len())
    }

    /// The program in this folder.
    #[must_use]
    pub fn command(&self, line: &str) -> Command {
        let mut command = Command::new(program());
        command.args(line.split_whitespace()).current_dir(&self.folder).stdin(Stdio::null());
        command.env_remove("THEATER_FLOW_DATA").env_remove("NO_COLOR");
        command
    }

    /// The folder of the newest run.
    #[must_use]
    pub fn run(&self) -> Option<PathBuf> {
        let entries = fs::read_dir(self.path(".theater-flow/runs")).ok()?;
        entries.flatten().map(|entry| entry.path()).max()
    }

    /// Starts the program; what it writes to standard output comes behind what is in `stdout.txt`.
    #[must_use]
    pub fn start(&self, line: &str) -> Life {
        let append = |name| {
            let open = OpenOptions::new().append(true).create(true).open(self.path(name));
            open.expect("a file can be opened")
        };
        let err = File::create(self.path("stderr.txt")).expect("a file can be made");
        let (from, began) = (self.size("stdout.txt"), now_ms());
        let mut command = self.command(line);
        let child = command.stdout(append("stdout.txt")).stderr(err).spawn();
        let child = child.expect("the program starts");
        Life { child, from, began, folder: self.folder.clone() }
    }

    /// Removes all that a run left, so that another can begin.
    pub fn clear(&self) {
        let _ = fs::remove_dir_all(self.path(".theater-flow/runs"));
        let _ = fs::remove_file(self.path("out.jsonl"));
        let before = self.output.strip_suffix(&self.printed[..]).unwrap_or_default();
        if !before.is_empty() {
            fs::write(self.path("out.jsonl"), before).expect("a file can be written");
        }
        fs::write(self.path("stdout.txt"), "").expect("a file can be written");
    }
}

/// The message of a line, as `match` sends it and as it is printed.
fn found(n: usize) -> String {
    let text = format!("the line of number {n}");
    format!("{{\"path\":\"in.txt\",\"line\":{n},\"rule\":\"all\",\"text\":\"{text}\"}}\n")
}

/// Each agent stands between a source that can be read again and two sinks of the two kinds.
const PIPELINE: &str = r#"
format = 1
name = "copying"
description = "Sends every line to a file and to standard output"

[supervisors.root]
strategy = "one-for-one"
children = ["lines", "notes", "findings", "print"]

[agents.lines]
actor = "std/file-lines"
config = { path = "in.txt" }
grants = { files = { read = ["in.txt"] } }

[agents.notes]
actor = "std/match"
inputs = "lines"
config = { rules = { all = '.*' } }

[agents.findings]
actor = "std/file-write"
inputs = "notes"
config = { path = "out.jsonl", mode = "MODE" }
grants = { files = { write = ["out.jsonl"] } }

[agents.print]
actor = "std/stdout"
inputs = "notes"
grants = { stdout = true }
"#;

/// A process that runs the pipeline.
#[derive(Debug)]
pub struct Life {
    /// The process.
    pub child: Child,
    /// Bytes of standard output before it.
    from: u64,
    began: u64,
    folder: PathBuf,
}

/// What a process did.
#[derive(Clone, Debug)]
pub struct Past {
    /// How it ended.
    pub status: ExitStatus,
    /// Its bytes in `stdout.txt`, from and to.
    pub printed: (usize, usize),
    /// When it lived, in ms since 1970.
    pub lived: (u64, u64),
    /// What it wrote to standard error.
    pub err: String,
}

impl Life {
    /// Waits until `until` says so, or the process ends by itself, and kills it (SIGKILL).
    #[must_use]
    pub fn killed_when(mut self, mut until: impl FnMut(&Self) -> bool) -> Past {
        let limit = Instant::now() + LIMIT;
        while !self.is_over() && !until(&self) {
            assert!(Instant::now() < limit, "the process does not come so far");
            thread::sleep(LOOK);
        }
        let _ = self.child.kill();
        self.past()
    }

    /// Waits for its own end.
    #[must_use]
    pub fn ended(mut self) -> Past {
        let limit = Instant::now() + LIMIT;
        while !self.is_over() {
            if Instant::now() > limit {
                let _ = self.child.kill();
                let past = self.past();
                panic!("the process does not end: {}", past.err);
            }
            thread::sleep(LOOK);
        }
        self.past()
    }

    /// Bytes that it has printed so far.
    #[must_use]
    pub fn printed(&self) -> u64 {
        let now = fs::metadata(self.folder.join("stdout.txt")).map_or(0, |meta| meta.len());
        now.saturating_sub(self.from)
    }

    /// What it has written to standard error so far.
    #[must_use]
    pub fn err(&self) -> String {
        let bytes = fs::read(self.folder.join("stderr.txt")).unwrap_or_default();
        String::from_utf8_lossy(&bytes).into_owned()
    }

    fn is_over(&mut self) -> bool {
        self.child.try_wait().expect("the child is there").is_some()
    }

    fn past(mut self) -> Past {
        let status = self.child.wait().expect("the child is there");
        let at = |bytes| usize::try_from(bytes).expect("it fits in memory");
        let printed = (at(self.from), at(self.from + self.printed()));
        Past { status, printed, lived: (self.began, now_ms()), err: self.err() }
    }
}

impl Past {
    /// True if somebody killed it.
    #[must_use]
    pub fn was_killed(&self) -> bool {
        self.status.code().is_none()
    }
}

/// Prints what was counted, whether the test passes or not.
pub fn tell(counts: &str) {
    // Not with the macro, whose output is shown of tests that fail only.
    let _ = writeln!(io::stdout(), "{counts}");
}

fn now_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).expect("it is after 1970");
    u64::try_from(since.as_millis()).expect("it is not that late")
}
