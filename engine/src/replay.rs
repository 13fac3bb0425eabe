//! Runs every recorded guest call of a run again, with the recorded answers and without touching the
//! world, and compares what the guests do: emissions, staged writes, fuel, snapshots.
//!
//! What a guest does depends on nothing but its own records, so agents are made to do it side by side: one
//! thread reads the log, folds it and hands each agent its calls with all that they need, and as
//! many threads as there are processors make them, each agent's in their order. What is found is what
//! one thread would find that makes one call after the other.

mod lane;
mod lanes;
mod now;
mod reading;
mod recital;

use std::collections::BTreeSet;
use std::thread;

use theater_flow_kernel::gate::{
    Claimed, FileError, FileErrorCode, FolderEntry, Located, Stat, StdinError, World,
};
use theater_flow_kernel::ids::{AgentId, Salt};
use theater_flow_kernel::record::Entry;

pub use recital::Recital;

use crate::journal::Journal;
use crate::recover::{self, RecoverError};
use crate::store::Store;
use crate::workers::Troupe;

/// Which guest calls of a run to make again.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Span {
    /// From this record on.
    pub from: u64,
    /// Up to this record; `None` for the last.
    pub until: Option<u64>,
    /// Only those of these agents, which have another component or config than in the run: each up to its
    /// first difference, and without comparing fuel and snapshots, which are theirs alone. `None` for all
    /// agents, as they were, up to the first difference of any.
    pub changed: Option<BTreeSet<AgentId>>,
    /// Those of the changed agents that keep nothing in mind from one event to the next: they go on after a
    /// difference, and all their calls are compared.
    pub stateless: BTreeSet<AgentId>,
}

/// Where a replay differed from the record.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Difference {
    /// The record.
    pub seq: u64,
    /// Whose call it was.
    pub agent: AgentId,
    /// How it differed.
    pub message: String,
    /// Further records of the agent whose calls differ.
    pub also: Vec<u64>,
    /// What the record would say now, if the call could be made again from the start.
    pub now: Option<Entry>,
}

/// What a replay did.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Replayed {
    /// Records of the span that were looked at: all, or up to the difference that ended the replay.
    pub records: u64,
    /// Guest calls made again for these, those included that brought agents to where the span begins.
    pub calls: u64,
    /// Guest calls of changed agents that were not made again: after a difference, what such an agent keeps in
    /// mind is no longer comparable.
    pub skipped: u64,
    /// The first difference of each agent, in the order of the record.
    pub differences: Vec<Difference>,
}

/// A world that is not there: whatever asks it is a leak.
pub struct NoWorld;

impl World for NoWorld {
    fn now_ms(&mut self) -> u64 {
        0
    }

    fn random(&mut self, _len: u32) -> Vec<u8> {
        Vec::new()
    }

    fn salt(&mut self) -> Salt {
        Salt::default()
    }

    fn read(&mut self, _at: &Located<'_>, _offset: u64, _len: u32) -> Result<Vec<u8>, FileError> {
        Err(nothing())
    }

    fn stat(&mut self, _at: &Located<'_>) -> Result<Stat, FileError> {
        Err(nothing())
    }

    fn list(&mut self, _at: &Located<'_>) -> Result<Vec<FolderEntry>, FileError> {
        Err(nothing())
    }

    fn claim(&mut self, _at: &Located<'_>, _replace: bool) -> Result<Claimed, FileError> {
        Err(nothing())
    }

    fn stdin(&mut self, _len: u32) -> Result<Vec<u8>, StdinError> {
        Err(StdinError::Interrupted)
    }
}

fn nothing() -> FileError {
    FileError::new(FileErrorCode::Io, "a replay has no files")
}

/// A span of a run to be made again.
pub struct Replay<'a, T> {
    /// Makes instances in the recital's world.
    pub crew: &'a T,
    /// If those are others than in the run: makes them as they were. They do what comes before the span, which is
    /// not compared, and hand over what they have in mind there.
    pub before: Option<&'a T>,
    /// Answers where a guest does something new.
    pub recital: &'a Recital,
    /// Which part of the run.
    pub span: Span,
}

/// How a replay goes about its work. It finds the same whatever this says.
pub struct Pace<'a> {
    /// Threads that make guest calls.
    pub threads: usize,
    /// Is told now and then which record is being read.
    pub tell: &'a mut dyn FnMut(u64),
}

/// Runs a whole log again, up to its first difference. `crew` makes instances in [`NoWorld`].
///
/// # Errors
/// If the log cannot be read.
pub fn replay<S: Store>(
    journal: &Journal<S>,
    crew: &(impl Troupe<Guest: Send> + Sync),
) -> Result<Replayed, RecoverError> {
    Replay { crew, before: None, recital: &Recital::default(), span: Span::default() }.run(journal)
}

impl<T: Troupe<Guest: Send> + Sync> Replay<'_, T> {
    /// Makes the calls again, on all processors.
    ///
    /// # Errors
    /// If the log cannot be read.
    pub fn run<S: Store>(self, journal: &Journal<S>) -> Result<Replayed, RecoverError> {
        let threads = thread::available_parallelism().map_or(2, usize::from);
        self.run_at(journal, Pace { threads, tell: &mut |_| {} })
    }

    /// Makes the calls again.
    ///
    /// # Errors
    /// If the log cannot be read.
    pub fn run_at<S: Store>(
        self,
        journal: &Journal<S>,
        mut pace: Pace<'_>,
    ) -> Result<Replayed, RecoverError> {
        let plan = recover::plan(journal)?;
        let mut did = lanes::run(&self, journal, &plan, &mut pace)?;
        now::tell(&self, journal, &mut did.differences)?;
        Ok(did)
    }
}

impl<T> Replay<'_, T> {
    /// True if the agent's calls are to be made again.
    fn wants(&self, id: AgentId) -> bool {
        self.span.changed.as_ref().is_none_or(|changed| changed.contains(&id))
    }

    /// True if the replay ends at its first difference.
    fn ends_at_first(&self) -> bool {
        self.span.changed.is_none()
    }
}
