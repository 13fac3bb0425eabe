//! What outlives a process: its log's disk, files, standard output, and time.

use std::collections::VecDeque;
use std::io::{self, ErrorKind};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use theater_flow_kernel::http::{Answer, HttpError, HttpErrorCode, Request, Response};
use theater_flow_kernel::ids::{AgentId, Bytes};

use super::dice::Dice;
use super::files::Files;
use crate::driver::Errand;
use crate::journal::{self, Flushed, Journal, JournalError};
use crate::memory::{Disk, Fault, MemoryStore};
use crate::store::StoreError;

/// A simulated machine. Clones are the same machine.
#[derive(Clone, Debug)]
pub struct Machine {
    log: Disk,
    inner: Arc<Mutex<Inner>>,
}

#[derive(Debug)]
pub(super) struct Inner {
    pub(super) now: u64,
    /// What the world has of chance: salts and random bytes.
    pub(super) dice: Dice,
    pub(super) files: Files,
    pub(super) stdin: VecDeque<u8>,
    pub(super) prints: Vec<Print>,
    /// The keys of requests that were made.
    asks: Vec<String>,
    /// No request gets an answer.
    offline: bool,
    /// Whose bytes are printed next, and at which offset of its output.
    pub(super) printing: (AgentId, u64),
    points: Vec<Point>,
    fate: Option<Fate>,
    dead: bool,
    fouls: Vec<String>,
}

/// A write point: a step that changes what outlives the process.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Point {
    /// Which step.
    pub what: What,
    /// What it consists of: values of a commit, bytes of a write. More than one can be torn.
    pub size: usize,
}

/// The kinds of write point.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum What {
    /// A commit of the log.
    Commit,
    /// A file is made.
    Create(String),
    /// Bytes go to a file.
    Write(String),
    /// A file is synced.
    Sync(String),
    /// A file takes another one's place.
    Rename(String),
    /// A file is removed.
    Remove(String),
    /// The names in a folder are synced.
    SyncFolder(String),
    /// Bytes go to standard output.
    Print,
    /// A request is made, under this key.
    Ask(String),
}

/// What is to happen at a write point.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Fate {
    /// The point, counted from 0 over the machine's life.
    pub point: usize,
    /// How.
    pub how: How,
    /// The machine loses its power with the process: what is not synced may be lost.
    pub power: bool,
}

/// How a write point fails.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum How {
    /// The process dies before it.
    Before,
    /// The process dies after it, before it knows.
    After,
    /// The process dies when so much of it is done.
    Torn(usize),
    /// There is no space; the process lives.
    Full,
}

/// Bytes on standard output.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Print {
    /// Whose.
    pub agent: AgentId,
    /// The offset in what this agent staged.
    pub offset: u64,
    /// The bytes.
    pub bytes: Vec<u8>,
}

impl Machine {
    /// A machine with empty disks. `seed` is for the randomness that agents are given.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        let inner = Inner {
            now: 1_700_000_000_000,
            dice: Dice::new(seed ^ 0x00C0_FFEE),
            files: Files::default(),
            stdin: VecDeque::new(),
            prints: Vec::new(),
            asks: Vec::new(),
            offline: false,
            printing: (AgentId(0), 0),
            points: Vec::new(),
            fate: None,
            dead: false,
            fouls: Vec::new(),
        };
        Self { log: Disk::default(), inner: Arc::new(Mutex::new(inner)) }
    }

    pub(super) fn inner(&self) -> MutexGuard<'_, Inner> {
        // A test that panicked while it held the machine changed it nonetheless.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The disk of the log.
    #[must_use]
    pub fn log(&self) -> &Disk {
        &self.log
    }

    /// The time, in ms since 1970.
    #[must_use]
    pub fn now(&self) -> u64 {
        self.inner().now
    }

    /// Puts a file on the disk, durably, at an absolute path.
    pub fn put(&self, path: &str, bytes: &[u8]) {
        let mut inner = self.inner();
        inner.files.create(path);
        if let Some(node) = inner.files.node(path) {
            inner.files.write(node, 0, bytes);
            inner.files.sync(node);
        }
        inner.files.sync_names();
    }

    /// Puts bytes behind those that wait on standard input, which ends after them.
    pub fn feed(&self, bytes: &[u8]) {
        self.inner().stdin.extend(bytes);
    }

    /// A file's bytes.
    #[must_use]
    pub fn file(&self, path: &str) -> Option<Vec<u8>> {
        self.inner().files.bytes(path).map(<[u8]>::to_vec)
    }

    /// The paths of all files.
    #[must_use]
    pub fn paths(&self) -> Vec<String> {
        self.inner().files.paths().cloned().collect()
    }

    /// Bytes of a file, or of the longest beside it, that a power cut leaves.
    pub(super) fn synced_len(&self, path: &str, beside: bool) -> u64 {
        let inner = self.inner();
        if !beside {
            return inner.files.synced_len(path) as u64;
        }
        let near = inner.files.paths().filter(|near| near.starts_with(&format!("{path}.")));
        near.map(|near| inner.files.synced_len(near) as u64).max().unwrap_or(0)
    }

    /// All that came out of standard output, in order.
    #[must_use]
    pub fn prints(&self) -> Vec<Print> {
        self.inner().prints.clone()
    }

    /// The keys of the requests that were made, in order.
    #[must_use]
    pub fn asks(&self) -> Vec<String> {
        self.inner().asks.clone()
    }

    /// Takes the network away: every request fails.
    pub fn unplug(&self) {
        self.inner().offline = true;
    }

    /// Makes a request: a write point. The answer says what was asked.
    pub(super) fn ask(&self, errand: &Errand) -> Option<Bytes> {
        let key = errand.key.clone();
        let request: Request = postcard::from_bytes(&errand.args).ok()?;
        let mut inner = self.inner();
        if inner.offline {
            let why = "a test makes no request: let a mock stand in for this agent";
            let answer: Answer = Err(HttpError::new(HttpErrorCode::Connect, why));
            return postcard::to_allocvec(&answer).ok().map(Bytes::from);
        }
        let made = inner.step(What::Ask(key.clone()), 1, |inner, size| {
            inner.asks.extend((size > 0).then_some(key));
        });
        let answer: Answer = match made {
            Ok(()) => Ok(Response { status: 200, headers: Vec::new(), body: request.body }),
            Err(_) if inner.dead => return None,
            Err(error) => Err(HttpError::new(HttpErrorCode::Connect, error.to_string())),
        };
        postcard::to_allocvec(&answer).ok().map(Bytes::from)
    }

    /// The write points so far.
    #[must_use]
    pub fn points(&self) -> Vec<Point> {
        self.inner().points.clone()
    }

    /// What is to happen at a write point that is still to come; it replaces what was to happen before.
    pub fn doom(&self, fate: Fate) {
        self.inner().fate = Some(fate);
    }

    /// Rules that were broken: an effect before its record was durable, a confirmation before its effect.
    #[must_use]
    pub fn fouls(&self) -> Vec<String> {
        self.inner().fouls.clone()
    }

    pub(super) fn foul(&self, what: String) {
        self.inner().fouls.push(what);
    }

    pub(super) fn is_dead(&self) -> bool {
        self.inner().dead
    }

    /// Another process may run.
    pub(super) fn revive(&self) {
        self.inner().dead = false;
    }

    /// A commit of the log: a write point.
    pub(super) fn commit(
        &self,
        journal: &mut Journal<MemoryStore>,
        commit: journal::Commit<'_>,
    ) -> Result<Flushed, JournalError> {
        let before = self.log_len();
        let (point, fate) = self.inner().arrive(What::Commit, 1);
        if let Some(fate) = fate {
            self.log.fail(self.log.commits(), fault(fate.how));
        }
        let result = journal.commit(commit);
        let mut inner = self.inner();
        inner.points[point].size = self.log_len().saturating_sub(before);
        if let (Err(JournalError::Store(StoreError::Crashed)), Some(fate)) = (&result, fate) {
            inner.die(fate);
        }
        result
    }

    fn log_len(&self) -> usize {
        let mut len = 0;
        self.log.change(|tree| len = tree.len());
        len
    }
}

const fn fault(how: How) -> Fault {
    match how {
        How::Before => Fault::Before,
        How::After => Fault::After,
        How::Torn(kept) => Fault::Torn(kept),
        How::Full => Fault::Full,
    }
}

impl Inner {
    /// Counts a write point, and says what is to happen there.
    fn arrive(&mut self, what: What, size: usize) -> (usize, Option<Fate>) {
        let point = self.points.len();
        self.points.push(Point { what, size });
        (point, self.fate.take_if(|fate| fate.point == point))
    }

    fn die(&mut self, fate: Fate) {
        self.dead = true;
        if fate.power {
            let Self { files, dice, .. } = self;
            files.cut(dice);
        }
    }

    /// A write point: does the step, or as much of it as fate has it.
    pub(super) fn step(
        &mut self,
        what: What,
        size: usize,
        act: impl FnOnce(&mut Self, usize),
    ) -> io::Result<()> {
        if self.dead {
            return Err(died());
        }
        let (_, fate) = self.arrive(what, size);
        match fate.map(|fate| fate.how) {
            Some(How::Before) => {}
            Some(How::Full) => return Err(ErrorKind::StorageFull.into()),
            Some(How::Torn(kept)) => act(self, kept.min(size)),
            Some(How::After) | None => act(self, size),
        }
        match fate {
            Some(fate) => {
                self.die(fate);
                Err(died())
            }
            None => Ok(()),
        }
    }
}

fn died() -> io::Error {
    io::Error::other("the process died")
}
