//! The tray: staged bytes on their way out. Which sink has something durable to be written, and when.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use theater_flow_kernel::ids::AgentId;
use theater_flow_kernel::plan::Root;
use theater_flow_kernel::record::{Body, Entry, Part, SinkId};
use theater_flow_kernel::state::{State, Write, WriteWhat};

/// Bytes of one job; what may stand twice on standard output after a kill.
const JOB_BYTES: usize = 256 << 10;
/// A file is written (and synced) at most this often while more is coming, in ms.
const FILE_PACE_MS: u64 = 50;

type Key = (AgentId, SinkId);

/// Staged bytes to be written, in order.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Job {
    /// Whose.
    pub agent: AgentId,
    /// Where: 0 is standard output.
    pub sink: SinkId,
    /// The file, absolute; empty for standard output.
    pub path: String,
    /// Through which of these it is found.
    pub roots: Vec<Root>,
    /// What is written goes beside the file, and takes its place when the sink is closed.
    pub replace: bool,
    /// Bytes that stood in the file before the run wrote to it.
    pub base: u64,
    /// All bytes before this offset are in their place.
    pub confirmed: u64,
    /// What is to be done.
    pub ops: Vec<WriteWhat>,
}

/// See the [module](self).
#[derive(Default)]
pub(super) struct Tray {
    /// Sinks that may have something to be written.
    full: BTreeSet<Key>,
    /// Sinks that have a job under way.
    out: BTreeSet<Key>,
    /// By sink: the record that must be durable before the next job, and when that may begin.
    after: BTreeMap<Key, (u64, u64)>,
    /// By agent: the record of its last job, which must be durable before any next one. What follows in a
    /// file that was closed and opened again must not be there while the log could still lose its closing.
    agents: BTreeMap<AgentId, u64>,
    next_due: Option<u64>,
}

impl Tray {
    /// Looks at new records for what they stage.
    pub(super) fn note(&mut self, state: &State, entries: &[Arc<Entry>]) {
        for entry in entries {
            let stages = match &entry.body {
                Body::Transaction(body) => body.parts.iter().any(|part| {
                    matches!(part, Part::Staged { .. } | Part::Closed { .. } | Part::Opened { .. })
                }),
                Body::Incarnation(_) | Body::Ended(_) => true,
                _ => false,
            };
            if stages && let Some(id) = entry.body.agent() {
                self.add(state, id);
            }
        }
    }

    /// Every sink of every agent may have something. It goes out once all records so far are durable:
    /// who reads standard output must find in the log what may stand there twice.
    pub(super) fn add_all(&mut self, state: &State) {
        for agent in &state.plan.agents {
            self.add(state, agent.id);
        }
        self.after.extend(self.full.iter().map(|key| (*key, (state.kept.next_seq, 0))));
    }

    fn add(&mut self, state: &State, id: AgentId) {
        let writes = state.agent(id).writes.iter();
        self.full.extend(
            writes.filter(|(_, write)| !write.pending.is_empty()).map(|(sink, _)| (id, *sink)),
        );
    }

    /// A job is done, and was recorded before `next_seq`. The next one waits until that is durable: so at
    /// most one job's bytes can be written twice.
    pub(super) fn done(&mut self, key: Key, next_seq: u64, now: u64) {
        self.out.remove(&key);
        self.full.insert(key);
        self.after.insert(key, (next_seq, now + FILE_PACE_MS));
        self.agents.insert(key.0, next_seq);
    }

    /// When a sink that waits may be written again, in ms since 1970.
    pub(super) fn next_due(&self) -> Option<u64> {
        self.next_due
    }

    /// The jobs that can begin: what they write is durable in the log (`flushed` is the first seq that is
    /// not). While the run is busy, a file waits for more to come.
    pub(super) fn jobs(&mut self, state: &State, flushed: u64, now: u64, idle: bool) -> Vec<Job> {
        self.next_due = None;
        let mut jobs = Vec::new();
        let full: Vec<Key> = self.full.difference(&self.out).copied().collect();
        for key in full {
            let Some(write) = state.agent(key.0).writes.get(&key.1) else {
                self.forget(key);
                continue;
            };
            if write.pending.is_empty() {
                self.full.remove(&key);
                continue;
            }
            let (after, pace) = self.after.get(&key).copied().unwrap_or_default();
            let after = after.max(self.agents.get(&key.0).copied().unwrap_or(0));
            let ready =
                write.pending.front().is_some_and(|op| op.seq < flushed) && after <= flushed;
            if !ready || write.broken.is_some() || is_behind(state, key, write) {
                continue;
            }
            let paced = key.1 != SinkId::STDOUT && !idle && pace > now;
            if paced && !is_large(write) {
                self.next_due = Some(self.next_due.map_or(pace, |due| due.min(pace)));
                continue;
            }
            self.out.insert(key);
            jobs.push(job(key, (state, write), flushed));
        }
        jobs
    }

    fn forget(&mut self, key: Key) {
        self.full.remove(&key);
        self.after.remove(&key);
    }
}

/// True if the agent has an earlier sink on the same file that is not written to its end.
fn is_behind(state: &State, (agent, sink): Key, write: &Write) -> bool {
    let earlier = state.agent(agent).writes.range(..sink);
    sink != SinkId::STDOUT && earlier.into_iter().any(|(_, other)| other.path == write.path)
}

/// True if there is enough for a job.
fn is_large(write: &Write) -> bool {
    let mut bytes = 0;
    write.pending.iter().any(|op| {
        bytes += len(&op.what);
        bytes >= JOB_BYTES || !matches!(op.what, WriteWhat::Bytes { .. })
    })
}

fn len(what: &WriteWhat) -> usize {
    match what {
        WriteWhat::Bytes { bytes, .. } => bytes.len(),
        WriteWhat::Close | WriteWhat::Abandon => 0,
    }
}

/// All that is durable, up to a job's size; at least one thing.
fn job((agent, sink): Key, (state, write): (&State, &Write), flushed: u64) -> Job {
    let mut bytes = 0;
    let durable = write.pending.iter().take_while(|op| op.seq < flushed);
    let ops = durable.take_while(|op| {
        let first = bytes == 0;
        bytes += len(&op.what);
        first || bytes <= JOB_BYTES
    });
    let ops = ops.map(|op| op.what.clone()).collect();
    let granted = || state.plan.agent(agent).map(|agent| agent.grants.write.clone());
    let roots = write.roots.clone().or_else(granted).unwrap_or_default();
    let Write { path, replace, base, confirmed, .. } = write;
    let (path, replace, base, confirmed) = (path.clone(), *replace, *base, *confirmed);
    Job { agent, sink, path, roots, replace, base, confirmed, ops }
}
