//! Running the program and looking at what it did.

use std::ffi::OsStr;
use std::fs;
use std::io::Read;
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

/// How long a command may take: far more than any needs, so that only what hangs meets it.
pub const LIMIT: Duration = Duration::from_secs(90);
/// Between two looks at a process.
const LOOK: Duration = Duration::from_millis(2);

/// A folder in which the program runs, with its data in `.theater-flow`.
#[derive(Debug)]
pub struct Scene {
    folder: TempDir,
}

impl Default for Scene {
    fn default() -> Self {
        Self::new()
    }
}

impl Scene {
    /// One with nothing in it but components that are compiled already.
    #[must_use]
    pub fn new() -> Self {
        Self::below(&std::env::temp_dir())
    }

    /// One below this folder.
    #[must_use]
    pub fn below(place: &Path) -> Self {
        let folder = tempfile::Builder::new().prefix("tf").tempdir_in(place);
        let folder = folder.expect("a temporary folder");
        let scene = Self { folder };
        scene.warm(".theater-flow");
        scene
    }

    /// Lays out components that are compiled already for another data folder of this scene.
    pub fn warm(&self, data: &str) {
        crate::warm::lay_out(&self.path().join(data).join("cache"));
    }

    /// The folder.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Writes a file, with the folders above it, and gives its path.
    pub fn file(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path().join(name);
        let folder = path.parent().expect("a file lies in a folder");
        fs::create_dir_all(folder).expect("a folder can be made");
        fs::write(&path, content).expect("a file can be written");
        path
    }

    /// A file's text; empty if there is none.
    #[must_use]
    pub fn read(&self, name: &str) -> String {
        let bytes = fs::read(self.path().join(name)).unwrap_or_default();
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// True if there is a file or a folder of that name.
    #[must_use]
    pub fn has(&self, name: &str) -> bool {
        self.path().join(name).exists()
    }

    /// The program in this folder, with nothing of this process's environment that it heeds.
    pub fn command<S: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = S>) -> Command {
        let mut command = Command::new(crate::program());
        command.args(args).current_dir(self.path()).stdin(Stdio::null());
        for heeded in ["THEATER_FLOW_DATA", "THEATER_FLOW_PROGRESS", "NO_COLOR", "COLUMNS"] {
            command.env_remove(heeded);
        }
        command
    }

    /// Runs the program to its end.
    pub fn run<S: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = S>) -> Ran {
        finish(&mut self.command(args), LIMIT)
    }

    /// Runs a line of words.
    #[must_use]
    pub fn say(&self, line: &str) -> Ran {
        self.run(line.split_whitespace())
    }

    /// The folders of the runs, in their order.
    #[must_use]
    pub fn runs(&self) -> Vec<PathBuf> {
        let entries = fs::read_dir(self.path().join(".theater-flow/runs"));
        let mut runs: Vec<PathBuf> =
            entries.into_iter().flatten().flatten().map(|entry| entry.path()).collect();
        runs.sort();
        runs
    }
}

/// What a process did.
#[derive(Debug)]
pub struct Ran {
    /// How it ended.
    pub status: ExitStatus,
    /// What it wrote to standard output.
    pub out: Vec<u8>,
    /// What it wrote to standard error.
    pub err: String,
    /// The most memory that it was seen to hold, in bytes.
    pub peak: u64,
}

/// The last line of a run.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Last {
    /// The run's id.
    pub id: String,
    /// `completed`, `degraded`, `failed` or `suspended`.
    pub status: String,
    /// How many records it has.
    pub events: u64,
    /// The hash of the last record: 64 hex digits.
    pub head: String,
}

#[expect(
    clippy::must_use_candidate,
    clippy::return_self_not_must_use,
    reason = "checks that can stand alone and be followed by others"
)]
impl Ran {
    /// Its exit code; −n if signal n ended it.
    #[must_use]
    pub fn code(&self) -> i32 {
        self.status.code().unwrap_or_else(|| -self.status.signal().unwrap_or(0))
    }

    /// Standard output as text.
    #[must_use]
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.out).into_owned()
    }

    /// Checks the exit code, and that nothing panicked.
    #[track_caller]
    pub fn ends(self, code: i32) -> Self {
        assert_eq!(self.code(), code, "{self}");
        assert!(!self.err.contains("panicked at"), "{self}");
        self
    }

    /// Checks that standard error holds each of these.
    #[track_caller]
    pub fn tells<'a>(self, texts: impl IntoIterator<Item = &'a str>) -> Self {
        for text in texts {
            assert!(self.err.contains(text), "no `{text}` in:\n{self}");
        }
        self
    }

    /// The lines of standard output as JSON.
    #[track_caller]
    #[must_use]
    pub fn json(&self) -> Vec<Value> {
        let text = self.text();
        let each = |line: &str| {
            serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}\n{self}"))
        };
        text.lines().map(each).collect()
    }

    /// The last line of standard error, as `run` and `resume` end with.
    #[track_caller]
    #[must_use]
    pub fn last(&self) -> Last {
        let line = self.err.lines().last().unwrap_or_default();
        last(line).unwrap_or_else(|| panic!("`{line}` is no last line:\n{self}"))
    }
}

/// `run <id> <status> events=<n> head=<64 hex>`.
fn last(line: &str) -> Option<Last> {
    let words: Vec<&str> = line.split(' ').collect();
    let ["run", id, status, events, head] = words[..] else { return None };
    let events = events.strip_prefix("events=")?.parse().ok()?;
    let head = head.strip_prefix("head=")?;
    let is_hex = head.len() == 64 && head.bytes().all(|byte| byte.is_ascii_hexdigit());
    let (id, status, head) = (id.to_owned(), status.to_owned(), head.to_owned());
    is_hex.then_some(Last { id, status, events, head })
}

impl std::fmt::Display for Ran {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let out: String = self.text().chars().take(4_000).collect();
        write!(f, "exit {}\n-- stdout --\n{out}\n-- stderr --\n{}", self.code(), self.err)
    }
}

/// Runs a command to its end. One that takes longer than `limit` is killed, and the test fails.
pub fn finish(command: &mut Command, limit: Duration) -> Ran {
    // What the test gave stays: a closed or a broken pipe for instance.
    let mut child = command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let (out, err) = (drain(child.stdout.take()), drain(child.stderr.take()));
    let (status, peak) = wait(&mut child, limit);
    let join = |thread: JoinHandle<Vec<u8>>| thread.join().expect("it only reads");
    let ran = |status| {
        let err = String::from_utf8_lossy(&join(err)).into_owned();
        Ran { status, out: join(out), err, peak }
    };
    match status {
        Some(status) => ran(status),
        None => panic!("{command:?} took longer than {limit:?}:\n{}", ran(ExitStatus::from_raw(9))),
    }
}

/// Waits for the end of a process, and sees how much memory it takes. `None`: it had to be killed.
fn wait(child: &mut Child, limit: Duration) -> (Option<ExitStatus>, u64) {
    let end = Instant::now() + limit;
    let mut peak = 0;
    loop {
        peak = peak.max(memory_peak(child.id()));
        if let Some(status) = child.try_wait().expect("the child is there") {
            return (Some(status), peak);
        }
        if Instant::now() > end {
            let _ = child.kill();
            let _ = child.wait();
            return (None, peak);
        }
        thread::sleep(LOOK);
    }
}

/// The most memory that a process has held so far, in bytes; 0 if it is over.
fn memory_peak(pid: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kib = line.and_then(|line| line.trim().trim_end_matches(" kB").parse::<u64>().ok());
    kib.unwrap_or(0) << 10
}

fn drain<R: Read + Send + 'static>(from: Option<R>) -> JoinHandle<Vec<u8>> {
    thread::spawn(move || {
        let mut bytes = Vec::new();
        // A pipe that breaks has said all it will.
        let _ = from.map(|mut from| from.read_to_end(&mut bytes));
        bytes
    })
}
