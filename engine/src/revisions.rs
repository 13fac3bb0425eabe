//! The plans that a run has had.

use std::sync::Arc;

use theater_flow_kernel::ids::Digest;
use theater_flow_kernel::plan::Plan;
use theater_flow_kernel::record::{Body, Counts, NextPlan, Person};

use crate::journal::{Journal, JournalError};
use crate::recover::{self, RecoverError};
use crate::store::Store;

/// A plan of a run.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Revision {
    /// Its number, from 1; in a fork it goes on with the other run's.
    pub number: u32,
    /// The record since which it is in force, or that proposes it; the log's first for the first of a log.
    pub record: u64,
    /// When that was, in ms since 1970.
    pub at: u64,
    /// SHA-256 of its bytes.
    pub plan: Digest,
    /// SHA-256 of the text of its file.
    pub source: Digest,
    /// How much differs from the one before.
    pub counts: Counts,
    /// Messages that became dead letters with it.
    pub set_aside: u64,
    /// The proposal that was approved with it.
    pub proposal: Option<u64>,
    /// Who asked for it or approved it, if it was somebody.
    pub by: Option<Person>,
    /// It is not in force: it waits for somebody to approve it.
    pub waits: bool,
}

/// A run has no such plan.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("there is no revision {asked}: the run has {first} to {last}")]
pub struct NoRevision {
    /// The one that was asked for.
    pub asked: u32,
    /// The first that the run has.
    pub first: u32,
    /// The last.
    pub last: u32,
}

/// All plans that a run has had, the first one first, and the one that waits for approval. Costs what they are, not
/// what the log is.
///
/// # Errors
/// If the log cannot be read.
pub fn revisions<S: Store>(journal: &Journal<S>) -> Result<Vec<Revision>, RecoverError> {
    let state = recover::state(journal, journal.flushed().seq)?;
    let mut all = vec![];
    if let Some(record) = state.proposal() {
        all.push(recorded(journal, record)?.0);
    }
    let mut number = state.kept.revision;
    let mut newest = state.kept.reloaded;
    while let Some(record) = newest {
        let (revision, before) = recorded(journal, record)?;
        number = revision.number.saturating_sub(1);
        all.push(revision);
        newest = before;
    }
    all.push(first(journal, number)?);
    all.reverse();
    Ok(all)
}

/// The plans that a run has had, the first one first. Costs what they are.
///
/// # Errors
/// If the log cannot be read.
pub fn plans<S: Store>(journal: &Journal<S>) -> Result<Vec<Arc<Plan>>, RecoverError> {
    let all = match revisions(journal) {
        // Its records can be read without the state that it took over.
        Err(RecoverError::OtherVersion { .. }) => return recover::plans(journal),
        all => all?,
    };
    all.iter().filter(|one| !one.waits).map(|one| plan(journal, one)).collect()
}

/// A plan that stands in a record, and the record that has the one before it.
fn recorded<S: Store>(
    journal: &Journal<S>,
    record: u64,
) -> Result<(Revision, Option<u64>), RecoverError> {
    let stored = journal.stored(record)?.record().map_err(JournalError::from)?;
    let (next, set_aside, proposal, by, waits) = match stored.body {
        Body::Reloaded(body) => (body.next, body.set_aside, body.proposal, body.by, false),
        Body::Proposed(body) => (body.next, 0, None, body.by, true),
        _ => return Err(RecoverError::NoPlanIn(record)),
    };
    let NextPlan { revision: number, before, to: plan, source, counts, .. } = next;
    let at = stored.at;
    let revision =
        Revision { number, record, at, plan, source, counts, set_aside, proposal, by, waits };
    Ok((revision, before))
}

/// The plan with which a log begins.
fn first<S: Store>(journal: &Journal<S>, number: u32) -> Result<Revision, RecoverError> {
    let record = journal.first();
    let at = journal.stored(record)?.record().map_err(JournalError::from)?.at;
    let plan = recover::genesis(journal)?.plan;
    let source = recover::first_plan(journal)?.source;
    let (counts, set_aside, proposal, by, waits) = (Counts::default(), 0, None, None, false);
    Ok(Revision { number, record, at, plan, source, counts, set_aside, proposal, by, waits })
}

/// The revision of this number, if it is or was in force.
///
/// # Errors
/// If there is none.
pub fn numbered(all: &[Revision], asked: u32) -> Result<&Revision, NoRevision> {
    let mut past = all.iter().filter(|one| !one.waits);
    let number = |one: Option<&Revision>| one.map_or(0, |one| one.number);
    let (first, last) = (number(past.clone().next()), number(past.clone().next_back()));
    past.find(|one| one.number == asked).ok_or(NoRevision { asked, first, last })
}

/// The plan of a revision.
///
/// # Errors
/// If the log cannot be read.
pub fn plan<S: Store>(
    journal: &Journal<S>,
    revision: &Revision,
) -> Result<Arc<Plan>, RecoverError> {
    if revision.record == journal.first() {
        recover::first_plan(journal)
    } else {
        recover::plan_in(journal, revision.record)
    }
}
