//! A run that goes on from a point of another: the state after one of its records, under an own name.
//!
//! Numbers go on: the first record of a fork has the seq after the point and continues its hash, so that what
//! the state names keeps its meaning, and both runs are one chain up to there. The state is stored beside that
//! record. What a fork costs is the size of the state, not of the history before it.

mod files;
mod given;
mod graft;
mod open;
mod page;
mod staged;

use std::sync::Arc;

use theater_flow_kernel::block::Flaw;
use theater_flow_kernel::ids::{AgentId, Bytes, Ref, RunId};
use theater_flow_kernel::plan::Plan;
use theater_flow_kernel::record;
use theater_flow_kernel::state::{Phase, State};

use crate::journal::{Flushed, Journal, JournalError};
use crate::rebuild::NoState;
use crate::recover::{self, RecoverError};
use crate::session::SessionError;
use crate::store::Store;

pub use files::{FilesError, move_files};
pub use given::{Answered, GivenError};
pub use graft::Snapshots;
pub use open::{OpenFile, OpenFiles, open_before, taken_over};

/// The folder below a fork's own that holds what it writes where its parent would have written.
pub const FILES: &str = "files";

/// A point of a run.
#[derive(Clone, Debug)]
pub struct Point {
    /// The run.
    pub run: RunId,
    /// What it runs.
    pub plan: Arc<Plan>,
    /// How far its log reaches there: the seq after the point, and the hash of the record at the point.
    pub flushed: Flushed,
    /// What all records up to the point add up to.
    pub state: State,
}

/// How a run goes on from a point of another.
#[derive(Clone, Debug)]
pub struct Fork {
    /// What it runs.
    pub plan: Plan,
    /// The state that it takes over, as `plan` has it.
    pub state: State,
    /// What is not as in the parent, in words.
    pub changed: Vec<String>,
    /// Answers that stand in place of recorded ones.
    pub given: Vec<Instead>,
}

/// An answer that stands in place of a recorded one.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Instead {
    /// The part that holds the recorded one, or the record of the outcome.
    pub of: Ref,
    /// Who asked.
    pub agent: AgentId,
    /// The answer, in the encoding of the gate.
    pub answer: Bytes,
}

/// Why a run cannot be forked there.
#[derive(Debug, thiserror::Error)]
pub enum ForkError {
    /// Its log adds up to nothing there.
    #[error(transparent)]
    Recover(#[from] RecoverError),
    /// Nothing is left to go on with.
    #[error("the run was over at record {at}: nothing goes on from there")]
    Over {
        /// The record.
        at: u64,
    },
    /// Its root is being stopped for good.
    #[error(
        "the run was coming to its end at record {at}: its root had given up, or shut itself down"
    )]
    Ending {
        /// The record.
        at: u64,
    },
    /// What it has written is not there any more.
    #[error(transparent)]
    Files(#[from] FilesError),
    /// A component of the run is not to be found.
    #[error(transparent)]
    Components(#[from] SessionError),
    /// The state there does not fit the other plan.
    #[error("the other file has no place for what waits there: {}", .0.join("; "))]
    Unfit(Vec<String>),
    /// An agent's state there cannot be made again.
    #[error(transparent)]
    State(#[from] NoState),
    /// An answer cannot be given.
    #[error(transparent)]
    Given(#[from] GivenError),
}

impl From<JournalError> for ForkError {
    fn from(error: JournalError) -> Self {
        Self::Recover(error.into())
    }
}

impl Point {
    /// The point after record `at`, which must be there. Costs what the log since the last checkpoint before it
    /// costs.
    ///
    /// # Errors
    /// If the log is damaged there, or the run was over or about to be.
    pub fn find<S: Store>(journal: &Journal<S>, at: u64) -> Result<Self, ForkError> {
        let stored = journal.stored(at)?;
        if record::hash(&stored.preimage) != stored.hash {
            return Err(JournalError::from(stored.damage(Flaw::Hash)).into());
        }
        let hash = stored.hash;
        let run = recover::genesis(journal)?.run;
        let mut state = recover::state(journal, at + 1)?;
        // It is the fork's first, and stands beside its log.
        state.kept.reloaded = None;
        state.kept.proposed = None;
        let plan = Arc::clone(&state.plan);
        if let Phase::Finished(_) = state.kept.phase {
            return Err(ForkError::Over { at });
        }
        if state.is_ending() {
            return Err(ForkError::Ending { at });
        }
        Ok(Self { run, plan, flushed: Flushed { seq: at + 1, head: hash }, state })
    }

    /// A fork that goes on from here with nothing changed.
    #[must_use]
    pub fn unchanged(&self) -> Fork {
        let (plan, state) = (Plan::clone(&self.plan), self.state.clone());
        Fork { plan, state, changed: vec![], given: vec![] }
    }
}
