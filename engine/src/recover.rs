//! What a log adds up to: the plan it names, and the state after its last record.

use std::sync::Arc;

use theater_flow_kernel::fold::fold;
use theater_flow_kernel::ids::Digest;
use theater_flow_kernel::plan::Plan;
use theater_flow_kernel::record::{Body, Entry, Genesis, Lineage};
use theater_flow_kernel::state::State;

use crate::journal::{Journal, JournalError};
use crate::store::Store;

/// Why a log adds up to nothing.
#[derive(Debug, thiserror::Error)]
pub enum RecoverError {
    /// It cannot be read.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// It does not begin with a genesis.
    #[error("the log's first record is not a genesis")]
    NoGenesis,
    /// The plan is not there, or is another one.
    #[error("the plan {0} is missing from the log, or damaged")]
    NoPlan(Digest),
    /// A checkpoint cannot be read by this version, or is of another plan.
    #[error("the checkpoint before record {0} does not fit its plan")]
    Checkpoint(u64),
}

/// What a log's first record says that the run depends on.
pub fn genesis<S: Store>(journal: &Journal<S>) -> Result<Genesis, RecoverError> {
    match first(journal)? {
        Body::Genesis(genesis) => Ok(genesis),
        Body::Forked(body) => Ok(body.genesis),
        _ => Err(RecoverError::NoGenesis),
    }
}

/// Where a fork comes from; `None` for a run that began by itself.
pub fn lineage<S: Store>(journal: &Journal<S>) -> Result<Option<Lineage>, RecoverError> {
    match first(journal)? {
        Body::Forked(body) => Ok(Some(body.lineage)),
        _ => Ok(None),
    }
}

fn first<S: Store>(journal: &Journal<S>) -> Result<Body, RecoverError> {
    let stored = journal.stored(journal.first())?;
    Ok(stored.record().map_err(JournalError::from)?.body)
}

/// The plan that a log's first record names.
pub fn plan<S: Store>(journal: &Journal<S>) -> Result<Arc<Plan>, RecoverError> {
    let digest = genesis(journal)?.plan;
    let bytes = journal.plan(digest)?.ok_or(RecoverError::NoPlan(digest))?;
    postcard::from_bytes(&bytes).map(Arc::new).map_err(|_| RecoverError::NoPlan(digest))
}

/// The state after the record before `seq`, from the last checkpoint before it. Costs what the log since
/// then costs.
pub fn state<S: Store>(
    journal: &Journal<S>,
    plan: &Arc<Plan>,
    seq: u64,
) -> Result<State, RecoverError> {
    let mut state = match journal.checkpoint(seq)? {
        Some((named, bytes)) => State::from_checkpoint(Arc::clone(plan), &bytes)
            .ok_or(RecoverError::Checkpoint(named.upto))?,
        None if journal.first() > 0 => {
            return Err(JournalError::Before { seq, first: journal.first() }.into());
        }
        None => State::new(Arc::clone(plan)),
    };
    let from = state.kept.next_seq;
    if from < seq {
        for entry in entries(journal, from)? {
            let entry = Arc::new(entry?);
            if entry.seq >= seq {
                break;
            }
            fold(&mut state, &entry);
            state.touched.clear();
        }
    }
    Ok(state)
}

/// The records from `from` on, with their payloads.
pub fn entries<S: Store>(
    journal: &Journal<S>,
    from: u64,
) -> Result<impl Iterator<Item = Result<Entry, JournalError>> + '_, JournalError> {
    let records = journal.records(from)?;
    Ok(records.map(|stored| Ok(stored?.to_entry()?)))
}
