//! All agents of a replay, side by side on a few threads, while the log is read.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;

use theater_flow_kernel::ids::AgentId;
use theater_flow_kernel::plan::Plan;

use super::lane::{Found, Lane};
use super::reading::{Job, Reading};
use super::{Difference, Pace, Replay, Replayed};
use crate::journal::Journal;
use crate::recover::{self, RecoverError};
use crate::store::Store;
use crate::workers::Troupe;

/// Bytes of jobs that wait, at most, but for one that is longer by itself.
const WAITING_BYTES: usize = 32 << 20;
/// Records read before what there is to do is handed on.
const RECORDS: usize = 64;

/// Replays a span of a log; what the first difference of each agent would be now is not told yet.
pub(super) fn run<S: Store, T: Troupe<Guest: Send> + Sync>(
    replay: &Replay<'_, T>,
    journal: &Journal<S>,
    plan: &Arc<Plan>,
    pace: &mut Pace<'_>,
) -> Result<Replayed, RecoverError> {
    let mut reading = Reading::new(replay, journal, plan)?;
    let lanes = Lanes::new(replay, plan);
    let read = thread::scope(|scope| {
        for _ in 0..pace.threads.max(1) {
            scope.spawn(|| lanes.serve());
        }
        // They end with the reading, however it ends.
        let _closes = Closes(&lanes);
        lanes.read(&mut reading, journal, pace.tell)
    });
    lanes.outcome(read)
}

/// How far the log was read: the seq after the last record, and why no further.
struct Read {
    /// Where the span begins.
    from: u64,
    next: u64,
    error: Option<RecoverError>,
}

struct Lanes<'a, 'r, T: Troupe> {
    replay: &'a Replay<'r, T>,
    turns: Mutex<Turns<T>>,
    /// There is something to do, or there will be no more.
    filled: Condvar,
    /// Something was done.
    drained: Condvar,
    /// The first record known to differ, if a replay ends there.
    first: AtomicU64,
}

/// Says at its own end that there will be no more to do.
struct Closes<'a, 'b, 'r, T: Troupe>(&'a Lanes<'b, 'r, T>);

impl<T: Troupe> Drop for Closes<'_, '_, '_, T> {
    fn drop(&mut self) {
        self.0.turns.lock().unwrap_or_else(PoisonError::into_inner).closed = true;
        self.0.filled.notify_all();
    }
}

/// Whose turn it is.
struct Turns<T: Troupe> {
    lanes: Vec<Turn<T>>,
    /// Agents with something to do that nobody is at.
    ready: VecDeque<AgentId>,
    /// Bytes of all that is to be done or under way.
    bytes: usize,
    closed: bool,
}

struct Turn<T: Troupe> {
    /// `None` while a thread is at it.
    lane: Option<Lane<T>>,
    jobs: Vec<Job>,
}

impl<'a, 'r, T: Troupe<Guest: Send> + Sync> Lanes<'a, 'r, T> {
    fn new(replay: &'a Replay<'r, T>, plan: &Plan) -> Self {
        let turn = |id| Turn { lane: Some(Lane::new(AgentId(id))), jobs: vec![] };
        let lanes = (0..).map(turn).take(plan.agents.len()).collect();
        let turns = Turns { lanes, ready: VecDeque::new(), bytes: 0, closed: false };
        Self {
            replay,
            turns: Mutex::new(turns),
            filled: Condvar::new(),
            drained: Condvar::new(),
            first: AtomicU64::new(u64::MAX),
        }
    }

    /// Nobody panics while it holds this: calls are made without it.
    fn turns(&self) -> MutexGuard<'_, Turns<T>> {
        self.turns.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Reads the log, up to the span's end or the first difference that is known.
    fn read<S: Store>(
        &self,
        reading: &mut Reading<'_, '_, T>,
        journal: &Journal<S>,
        tell: &mut dyn FnMut(u64),
    ) -> Read {
        let until = self.replay.span.until.unwrap_or(u64::MAX);
        let from = self.replay.span.from.max(journal.first());
        let mut read = Read { from, next: reading.from, error: None };
        let mut jobs = vec![];
        let entries = match recover::entries(journal, reading.from) {
            Ok(entries) => entries,
            Err(error) => return Read { error: Some(error.into()), ..read },
        };
        for (nth, entry) in (1..).zip(entries) {
            let entry = match entry {
                Ok(entry) => Arc::new(entry),
                Err(error) => {
                    read.error = Some(error.into());
                    break;
                }
            };
            if entry.seq > until || entry.seq > self.first.load(Ordering::Relaxed) {
                break;
            }
            read.next = entry.seq + 1;
            reading.enter(entry.seq, &mut jobs);
            reading.record(&entry, &mut jobs);
            if nth % RECORDS == 0 {
                self.give(&mut jobs);
                tell(read.next);
            }
        }
        self.give(&mut jobs);
        tell(read.next);
        read
    }

    /// Hands jobs on, and waits while too much is to be done.
    fn give(&self, jobs: &mut Vec<(AgentId, Job)>) {
        let mut turns = self.turns();
        for (id, job) in jobs.drain(..) {
            turns.bytes += job.bytes();
            let turn = &mut turns.lanes[id.index()];
            turn.jobs.push(job);
            if turn.lane.is_some() && turn.jobs.len() == 1 {
                turns.ready.push_back(id);
            }
        }
        self.filled.notify_all();
        while turns.bytes > WAITING_BYTES {
            turns = self.drained.wait(turns).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// A thread: does what there is to do, one agent at a time, until there is no more.
    fn serve(&self) {
        while let Some((id, mut lane, jobs)) = self.take() {
            let bytes: usize = jobs.iter().map(Job::bytes).sum();
            for job in jobs {
                self.perform(&mut lane, job);
            }
            let mut turns = self.turns();
            turns.bytes -= bytes;
            let turn = &mut turns.lanes[id.index()];
            turn.lane = Some(lane);
            if !turn.jobs.is_empty() {
                turns.ready.push_back(id);
            }
            drop(turns);
            self.drained.notify_one();
            // Whoever waits for the end must see that there is nothing left.
            self.filled.notify_one();
        }
        self.filled.notify_one();
    }

    fn take(&self) -> Option<(AgentId, Lane<T>, Vec<Job>)> {
        let mut turns = self.turns();
        loop {
            if let Some(id) = turns.ready.pop_front() {
                let turn = &mut turns.lanes[id.index()];
                let lane = turn.lane.take()?;
                return Some((id, lane, std::mem::take(&mut turn.jobs)));
            }
            if turns.closed && turns.bytes == 0 {
                return None;
            }
            turns = self.filled.wait(turns).unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn perform(&self, lane: &mut Lane<T>, job: Job) {
        let seq = job.seq;
        if seq <= self.first.load(Ordering::Relaxed)
            && lane.perform(job, self.replay)
            && self.replay.ends_at_first()
        {
            self.first.fetch_min(seq, Ordering::Relaxed);
        }
    }

    /// What all of them found. All calls before the first difference were made, whichever was found first.
    fn outcome(self, read: Read) -> Result<Replayed, RecoverError> {
        let from = read.from;
        let turns = self.turns.into_inner().unwrap_or_else(PoisonError::into_inner);
        let mut did = Replayed { records: read.next.saturating_sub(from), ..Replayed::default() };
        let mut found: Vec<(AgentId, Found)> = vec![];
        for (id, turn) in (0..).map(AgentId).zip(turns.lanes) {
            let Some(lane) = turn.lane else { continue };
            did.calls += lane.calls;
            did.skipped += lane.skipped;
            found.extend(lane.found.map(|found| (id, found)));
        }
        found.sort_unstable_by_key(|(_, found)| (found.seq, found.nth));
        if self.replay.ends_at_first()
            && let Some((_, first)) = found.first()
        {
            did.records = (first.seq + 1).saturating_sub(from);
            did.calls = first.nth;
            found.truncate(1);
        }
        match read.error {
            Some(error) if found.is_empty() || !self.replay.ends_at_first() => return Err(error),
            _ => {}
        }
        did.differences = found
            .into_iter()
            .map(|(agent, Found { seq, message, also, .. })| Difference {
                seq,
                agent,
                message,
                also,
                now: None,
            })
            .collect();
        Ok(did)
    }
}
