//! The scribe: a thread that owns the journal. While one commit syncs, the next gathers.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use theater_flow_kernel::plan::Plan;
use theater_flow_kernel::record::{Body, Entry, Status};

use crate::driver::{Commit, Event, Scribe};
use crate::head::Head;
use crate::journal::{self, Flushed, Journal, JournalError};
use crate::store::Store;

/// Records of one commit, about.
const COMMIT_RECORDS: usize = 8_192;
/// `head.json` is written at most this often while the run goes on.
const HEAD_PACE: Duration = Duration::from_millis(100);

/// A journal with the head beside it.
pub struct Book<S> {
    /// The log.
    pub journal: Journal<S>,
    /// The plan's bytes, for the first commit.
    pub plan: Option<Vec<u8>>,
    /// What the head says.
    pub head: Head,
    /// The run's folder.
    pub folder: PathBuf,
}

impl<S: Store> Book<S> {
    /// Writes the head. A lower bound that lags is still one; the next write tries again.
    fn note(&self) {
        if self.head.seq > 0 {
            let _ = self.head.write(&self.folder);
        }
    }

    /// Makes records durable, and notes them in the head, whose status they change.
    ///
    /// # Errors
    /// If the log cannot be written.
    pub fn put(&mut self, entries: Vec<Arc<Entry>>) -> Result<Flushed, JournalError> {
        let (flushed, _) = self.commit(&Commit { entries, checkpoint: None })?;
        self.note();
        Ok(flushed)
    }

    /// Makes a commit durable. True if the head says something else of the run now.
    fn commit(&mut self, commit: &Commit) -> Result<(Flushed, bool), JournalError> {
        let flushed = self.journal.commit(journal::Commit {
            entries: &commit.entries,
            checkpoint: commit.checkpoint.as_ref().map(|checkpoint| &checkpoint.bytes[..]),
            plan: self.plan.as_deref(),
        })?;
        self.plan = None;
        let status = commit.entries.iter().rev().find_map(|entry| status(&entry.body));
        let mut changed = status.is_some_and(|status| status != self.head.status);
        if let Some(status) = status {
            self.head.status = String::from(status);
        }
        for entry in &commit.entries {
            changed |= self.head.reloads.note(entry.seq, entry.at, &entry.body);
            if let Some(plan) = plan_of(entry) {
                self.head.name = plan.name;
            }
        }
        self.head.at = commit.entries.last().map_or(self.head.at, |entry| entry.at);
        (self.head.seq, self.head.head) = (flushed.seq, flushed.head);
        Ok((flushed, changed))
    }
}

/// The plan that a run goes over to with a record.
fn plan_of(entry: &Entry) -> Option<Plan> {
    let Body::Reloaded(_) = entry.body else { return None };
    postcard::from_bytes(entry.payloads.first()?).ok()
}

/// The run's status after a record, if the record says it.
#[must_use]
pub fn status(body: &Body) -> Option<&'static str> {
    match body {
        Body::Genesis(_) | Body::Resumed(_) | Body::Continued(_) => Some("running"),
        Body::Paused(_) => Some("paused"),
        Body::Stopping(_) => Some("stopping"),
        Body::Suspended(_) | Body::Forked(_) => Some("suspended"),
        Body::Waiting(_) => Some("waiting"),
        Body::Finished(finished) => Some(status_name(finished.status)),
        _ => None,
    }
}

/// A status as it is shown.
#[must_use]
pub const fn status_name(status: Status) -> &'static str {
    match status {
        Status::Completed => "completed",
        Status::Degraded => "degraded",
        Status::Failed => "failed",
    }
}

/// The thread.
pub struct ScribeThread {
    commits: Option<Sender<Commit>>,
    thread: Option<JoinHandle<()>>,
}

impl ScribeThread {
    /// Starts it. What became of each commit goes to `events`.
    pub fn new<S: Store + 'static>(book: Book<S>, events: Sender<Event>) -> Self {
        let (commits, receiver) = channel();
        let thread = std::thread::spawn(move || serve(book, &receiver, &events));
        Self { commits: Some(commits), thread: Some(thread) }
    }
}

fn serve<S: Store>(mut book: Book<S>, commits: &Receiver<Commit>, events: &Sender<Event>) {
    let mut held = None;
    // When the head is to be written. The first time at once, so that no run is long without one.
    let mut due = None;
    let mut noted = false;
    loop {
        let next = held.take().map_or_else(|| wait(commits, due), Ok);
        let commit = match next {
            Ok(commit) => gather(commit, commits, &mut held),
            Err(RecvTimeoutError::Timeout) => {
                book.note();
                due = None;
                continue;
            }
            Err(RecvTimeoutError::Disconnected) => break,
        };
        let event = match book.commit(&commit) {
            Ok((flushed, changed)) => {
                let late = due.is_some_and(|due| due <= Instant::now());
                if changed || late || !noted {
                    book.note();
                    (due, noted) = (None, true);
                } else {
                    due = due.or_else(|| Some(Instant::now() + HEAD_PACE));
                }
                Event::Flushed(flushed)
            }
            Err(error) => Event::StoreFailed(error),
        };
        let failed = matches!(event, Event::StoreFailed(_));
        if events.send(event).is_err() || failed {
            return;
        }
    }
    book.note();
}

/// Waits for a commit, or until the head is due.
fn wait(commits: &Receiver<Commit>, due: Option<Instant>) -> Result<Commit, RecvTimeoutError> {
    match due {
        Some(due) => commits.recv_timeout(due.saturating_duration_since(Instant::now())),
        None => commits.recv().map_err(|_| RecvTimeoutError::Disconnected),
    }
}

/// Adds what has come in the meantime. A commit holds one checkpoint at most.
fn gather(mut commit: Commit, commits: &Receiver<Commit>, held: &mut Option<Commit>) -> Commit {
    while commit.entries.len() < COMMIT_RECORDS
        && let Ok(more) = commits.try_recv()
    {
        if commit.checkpoint.is_some() && more.checkpoint.is_some() {
            *held = Some(more);
            break;
        }
        commit.entries.extend(more.entries);
        commit.checkpoint = commit.checkpoint.or(more.checkpoint);
    }
    commit
}

impl Scribe for ScribeThread {
    fn append(&mut self, commit: Commit) {
        if let Some(commits) = &self.commits {
            // The thread ends early only after it said that the store failed.
            let _ = commits.send(commit);
        }
    }
}

impl Drop for ScribeThread {
    fn drop(&mut self) {
        self.commits = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
