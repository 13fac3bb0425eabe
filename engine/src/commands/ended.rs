//! Why a run did not end well: what stands before its last line.

use std::collections::BTreeSet;

use theater_flow_kernel::ids::{RunId, SupervisorId};
use theater_flow_kernel::plan::Plan;
use theater_flow_kernel::record::{Body, CrashKind, Status};

use crate::journal::{Journal, JournalError};
use crate::render::Screen;
use crate::runs::RunDir;
use crate::store::SledStore;
use crate::view::{Row, View};

/// Records looked through, from the last one back: a reason that lies before them is only counted.
const LOOK_BACK: u64 = 65_536;

/// The records that say what went wrong.
#[derive(Default)]
struct Reasons {
    /// The root gave up, and what it followed from: first the root's decision, then those of the supervisors below,
    /// and what the lowest of these could not deal with.
    chain: Vec<Row>,
    /// What the lowest of these follows from, if that does not stand in this log.
    before: Option<Before>,
    /// What could not be written.
    unwritten: Option<Row>,
    /// The last message that nobody has taken, tried again or dropped.
    letter: Option<Row>,
    letters: u64,
}

/// A record of a run that this one was forked from.
struct Before {
    run: RunId,
    seq: u64,
}

/// Tells why a run of `plan`, which is over, is `failed` or `degraded`. This process owns it.
pub(super) fn tell_why(screen: &Screen, run: &RunDir, plan: &Plan, status: Status) {
    // What cannot be read is no reason to end otherwise: the log is there to be looked at.
    let found = reasons(run).unwrap_or_default();
    let view = View::new(plan);
    let (message, help) = match status {
        Status::Completed => return,
        Status::Degraded => {
            let help = format!("`theater-flow dlq {}` lists them", run.id);
            (degraded(&view, &found), help)
        }
        Status::Failed => (failed(&view, &found), failed_help(run.id, &found)),
    };
    screen.problem(&message, Some(&help));
}

fn reasons(run: &RunDir) -> Result<Reasons, JournalError> {
    let journal = Journal::open(SledStore::open(&run.db())?)?;
    let mut found = Reasons::default();
    let (mut gave_up, mut kept) = (None, BTreeSet::new());
    for stored in journal.records(journal.flushed().seq.saturating_sub(LOOK_BACK))? {
        let row = Row::of_stored(&stored?)?;
        match &row.record.body {
            Body::Escalated(body) if body.supervisor == SupervisorId(0) => gave_up = Some(row),
            Body::Crashed(body) if body.crash.kind == CrashKind::Write => {
                found.unwritten = Some(row);
            }
            // What an agent took is no longer a message that nobody could handle.
            Body::DeadLettered(body) if body.letter.is_none() => {
                kept.insert(row.record.seq);
            }
            Body::Retried(body) | Body::Discarded(body) => {
                kept.remove(&body.letter);
            }
            Body::Finished(body) => found.letters = body.dead_letters,
            _ => {}
        }
    }
    if let Some(letter) = kept.last() {
        found.letter = Some(Row::of_stored(&journal.stored(*letter)?)?);
    }
    found.chain = gave_up.map(|row| chain(&journal, row)).unwrap_or_default();
    found.before = before(run, &journal, &found.chain);
    Ok(found)
}

/// A decision to give up, and what it follows from: decisions to give up, and at last what is none.
fn chain(journal: &Journal<SledStore>, gave_up: Row) -> Vec<Row> {
    let mut chain = vec![gave_up];
    while let Some(Row { record, .. }) = chain.last()
        && matches!(record.body, Body::Escalated(_))
        && let Some(cause) = record.causes.first()
        && let Ok(stored) = journal.stored(cause.seq)
        && let Ok(row) = Row::of_stored(&stored)
    {
        chain.push(row);
    }
    chain
}

/// What a chain follows from that ends with a decision to give up.
fn before(run: &RunDir, journal: &Journal<SledStore>, chain: &[Row]) -> Option<Before> {
    let Row { record, .. } = chain.last()?;
    let seq = record.causes.first()?.seq;
    let gave_up = matches!(record.body, Body::Escalated(_));
    let elsewhere = gave_up && seq < journal.first();
    elsewhere.then(|| Before { run: run.holding(seq).id, seq })
}

fn failed(view: &View<'_>, found: &Reasons) -> String {
    let Some(root) = found.chain.first() else {
        let unwritten = found.unwritten.as_ref().map(|row| happened(view, row));
        return unwritten.unwrap_or_else(|| String::from("the root supervisor gave up"));
    };
    let gave_up = view.summary(root);
    let message = match (&found.before, &found.chain[1..]) {
        (Some(Before { run, seq }), _) => {
            format!("{gave_up}: that follows from record {seq} of run {run}, before it was forked")
        }
        (None, [.., last]) => format!("{gave_up}: {}", happened(view, last)),
        (None, []) => gave_up,
    };
    if found.chain.len() + usize::from(found.before.is_some()) <= 2 {
        return message;
    }
    let steps =
        found.chain.iter().rev().map(|row| format!("{} ({})", step(view, row), row.record.seq));
    format!("{message}\n in turn: {}", steps.collect::<Vec<_>>().join(", "))
}

fn failed_help(run: RunId, found: &Reasons) -> String {
    match (&found.before, &found.chain[..]) {
        (Some(Before { run, seq }), [_]) => format!("`theater-flow show {run} {seq}` shows it"),
        (Some(Before { run, seq }), _) => {
            format!("`theater-flow why {run} {seq}` tells what led to it")
        }
        (None, [root, _, _, ..]) => {
            format!("`theater-flow why {run} {}` tells what led to it", root.record.seq)
        }
        _ => format!("`theater-flow events {run} --kind crashed` lists them"),
    }
}

/// What a supervisor could not deal with.
fn happened(view: &View<'_>, row: &Row) -> String {
    let (step, seq) = (step(view, row), row.record.seq);
    match &row.record.body {
        Body::Crashed(_) => format!("{step} (record {seq}): {}", view.summary(row)),
        _ => format!("{step} (record {seq})"),
    }
}

/// One step on the way to a run's failure, in a few words.
fn step(view: &View<'_>, row: &Row) -> String {
    match &row.record.body {
        Body::Crashed(_) => format!("`{}` crashed", view.about(row)),
        Body::Escalated(body) if body.count == 0 => view.summary(row),
        Body::Escalated(body) => format!("{} gave up", view.supervisor(body.supervisor)),
        Body::ShutDown(body) => format!("{} shut itself down", view.supervisor(body.supervisor)),
        // Nothing else takes an agent down that comes again.
        _ => format!("`{}` was done", view.about(row)),
    }
}

fn degraded(view: &View<'_>, found: &Reasons) -> String {
    let count = match found.letters {
        1 => String::from("1 event could not be handled"),
        more => format!("{more} events could not be handled"),
    };
    // Those of a run that this one was forked from do not stand in its log.
    let Some(row) = &found.letter else { return count };
    let which = if found.letters == 1 { "" } else { ", the last of them" };
    let (agent, seq) = (view.about(row), row.record.seq);
    format!("{count}{which} by `{agent}` (record {seq}): {}", view.summary(row))
}
