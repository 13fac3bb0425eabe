//! What a log adds up to: the plan it names, and the state after its last record.

use std::sync::Arc;

use theater_flow_kernel::block::{Damage, Flaw};
use theater_flow_kernel::fold::fold;
use theater_flow_kernel::ids::Digest;
use theater_flow_kernel::plan::Plan;
use theater_flow_kernel::record::{Body, Entry, Genesis, Lineage};
use theater_flow_kernel::state::State;
use theater_flow_kernel::verify::Verifier;

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
    /// What a fork took over is whole, but not of a form that this version knows.
    #[error(
        "the state at record {seq} was written down by another version of theater-flow, and this one cannot read it"
    )]
    OtherVersion {
        /// The record that names it.
        seq: u64,
    },
    /// The record of a reload does not hold its plan.
    #[error("record {0} holds no plan that this version can read")]
    NoPlanIn(u64),
    /// What would have to be made again is not there any more.
    #[error("payloads of record {seq} were erased, so what it did cannot be made again")]
    Erased {
        /// The record.
        seq: u64,
    },
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
    body(journal, journal.first())
}

/// What a record says.
pub(crate) fn body<S: Store>(journal: &Journal<S>, seq: u64) -> Result<Body, RecoverError> {
    Ok(journal.stored(seq)?.record().map_err(JournalError::from)?.body)
}

/// The plan that the run has after its last record. Who was in an earlier one is in it too, so that it names all that
/// records speak of, but for ports that an agent has no longer.
pub fn plan<S: Store>(journal: &Journal<S>) -> Result<Arc<Plan>, RecoverError> {
    plan_at(journal, journal.flushed().seq)
}

/// The plan that the run has before record `seq`.
pub fn plan_at<S: Store>(journal: &Journal<S>, seq: u64) -> Result<Arc<Plan>, RecoverError> {
    let (from, plan) = match nearest(journal, seq) {
        Ok(Recovered { state, .. }) => (state.kept.next_seq, state.plan),
        // What a fork took over needs no plan of its own: it goes on with the one beside its log.
        Err(RecoverError::OtherVersion { .. }) => (journal.first(), first_plan(journal)?),
        Err(error) => return Err(error),
    };
    let mut newest = None;
    for record in journal.bare(from)? {
        let record = record?;
        if record.seq >= seq {
            break;
        }
        if matches!(record.body, Body::Reloaded(_)) {
            newest = Some(record.seq);
        }
    }
    Ok(match newest {
        Some(seq) => plan_in(journal, seq)?,
        None => plan,
    })
}

/// The plan that a log's first record names.
pub fn first_plan<S: Store>(journal: &Journal<S>) -> Result<Arc<Plan>, RecoverError> {
    let digest = genesis(journal)?.plan;
    let bytes = journal.plan(digest)?.ok_or(RecoverError::NoPlan(digest))?;
    postcard::from_bytes(&bytes).map(Arc::new).map_err(|_| RecoverError::NoPlan(digest))
}

/// All plans that the run has had, the first one first. Looks at every record.
pub fn plans<S: Store>(journal: &Journal<S>) -> Result<Vec<Arc<Plan>>, RecoverError> {
    let mut plans = vec![first_plan(journal)?];
    for record in journal.bare(journal.first())? {
        let record = record?;
        if matches!(record.body, Body::Reloaded(_)) {
            plans.push(plan_in(journal, record.seq)?);
        }
    }
    Ok(plans)
}

/// The plan in the record of a reload, or of one that waits to be approved.
pub fn plan_in<S: Store>(journal: &Journal<S>, seq: u64) -> Result<Arc<Plan>, RecoverError> {
    let entry = journal.stored(seq)?.to_entry().map_err(JournalError::from)?;
    let plan = entry.payloads.first().and_then(|bytes| postcard::from_bytes(bytes).ok());
    plan.map(Arc::new).ok_or(RecoverError::NoPlanIn(seq))
}

/// A state, and how it was come by.
#[derive(Debug)]
pub struct Recovered {
    /// The state.
    pub state: State,
    /// Checkpoints that would have been nearer but are of no use, the newest first.
    pub passed: Vec<Passed>,
}

/// A checkpoint that is of no use.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Passed {
    /// What it is up to.
    pub upto: u64,
    /// It is not what was written; else it is of a form that this version does not know.
    pub damaged: bool,
}

impl Recovered {
    /// What people are to be told, if a checkpoint is of no use.
    #[must_use]
    pub fn warning(&self) -> Option<String> {
        let newest = self.passed.first()?.upto;
        let which = match self.passed.len() {
            1 => format!("the checkpoint of record {newest}"),
            n => format!("{n} checkpoints, the newest of record {newest},"),
        };
        let why = if self.passed.iter().any(|passed| passed.damaged) {
            "`verify` says more"
        } else {
            "another version wrote it"
        };
        Some(format!(
            "{which} cannot be used; the records since an earlier one stand in for it ({why})"
        ))
    }
}

/// What people are to be told before a state is made, if a checkpoint is damaged.
pub fn warning<S: Store>(journal: &Journal<S>, seq: u64) -> Result<Option<String>, RecoverError> {
    Ok(nearest(journal, seq)?.warning())
}

/// The state after the record before `seq`, from the last checkpoint before it. Costs what the log since
/// then costs.
pub fn state<S: Store>(journal: &Journal<S>, seq: u64) -> Result<State, RecoverError> {
    Ok(recover(journal, seq)?.state)
}

/// As [`state`], and says which checkpoints were of no use. That one is damaged, or was written by a version
/// with another form of state, costs no more than the way from the one before it: all of it is in the records.
pub fn recover<S: Store>(journal: &Journal<S>, seq: u64) -> Result<Recovered, RecoverError> {
    let mut recovered = nearest(journal, seq)?;
    let state = &mut recovered.state;
    let from = state.kept.next_seq;
    if from >= seq {
        return Ok(recovered);
    }
    // What is folded is what somebody goes on with: it has to be what was written.
    let mut verifier = verifier(journal, from)?;
    for stored in journal.records(from)? {
        let stored = stored?;
        if stored.seq >= seq {
            break;
        }
        if stored.is_erased() {
            return Err(RecoverError::Erased { seq: stored.seq });
        }
        let record = verifier.check(&stored).map_err(JournalError::from)?;
        let entry = Arc::new(stored.entry_of(record).map_err(JournalError::from)?);
        fold(state, &entry);
        state.touched.clear();
    }
    Ok(recovered)
}

/// Checks the records from `from` on, which may be any of the log; the one before it is taken for granted.
pub(crate) fn verifier<S: Store>(
    journal: &Journal<S>,
    from: u64,
) -> Result<Verifier, JournalError> {
    let verifier = match from.checked_sub(1).filter(|before| *before >= journal.first()) {
        Some(before) => {
            let before = journal.stored(before)?;
            Verifier::behind(&before, before.record()?.at)
        }
        None => Verifier::default().from(journal.first()),
    };
    Ok(verifier.excusing(journal.prunings()?))
}

/// The newest whole checkpoint of the state before `seq` or earlier; the state before the first record if
/// there is none.
fn nearest<S: Store>(journal: &Journal<S>, seq: u64) -> Result<Recovered, RecoverError> {
    let mut passed = vec![];
    let mut before = Some(seq);
    while let Some(at) = before {
        let (upto, damaged) = match journal.checkpoint(at) {
            Ok(None) => break,
            Ok(Some((named, bytes))) => {
                let state = State::from_checkpoint(&bytes, |reloaded| match reloaded {
                    Some(seq) => plan_in(journal, seq).ok(),
                    None => first_plan(journal).ok(),
                });
                if let Some(state) = state.filter(|state| state.kept.next_seq == named.upto) {
                    return Ok(Recovered { state, passed });
                }
                (named.upto, false)
            }
            Err(JournalError::Damage(Damage { seq, what: Flaw::Checkpoint })) => (seq, true),
            Err(error) => return Err(error.into()),
        };
        passed.push(Passed { upto, damaged });
        before = upto.checked_sub(1);
    }
    let first = journal.first();
    if seq < first {
        return Err(JournalError::Before { seq, first }.into());
    }
    if first > 0 {
        // A fork has nothing else to begin from.
        if passed.contains(&Passed { upto: first, damaged: false }) {
            return Err(RecoverError::OtherVersion { seq: first });
        }
        return Err(JournalError::from(Damage { seq: first, what: Flaw::Checkpoint }).into());
    }
    Ok(Recovered { state: State::new(first_plan(journal)?), passed })
}

/// The records from `from` on, with their payloads.
pub fn entries<S: Store>(
    journal: &Journal<S>,
    from: u64,
) -> Result<impl Iterator<Item = Result<Entry, JournalError>> + '_, JournalError> {
    let records = journal.records(from)?;
    Ok(records.map(|stored| Ok(stored?.to_entry()?)))
}
