//! `diff`: two runs side by side.

use theater_flow_kernel::ids::RunId;
use theater_flow_kernel::record::Lineage;

use super::{live, read};
use crate::compare::{Account, Comparison};
use crate::exit::{Exit, Problem};
use crate::journal::Journal;
use crate::log::Log;
use crate::recover;
use crate::render::Screen;
use crate::revisions;
use crate::runs::RunDir;
use crate::view::{self, Side, View};

pub(super) fn diff(screen: &Screen, runs: (&RunDir, &RunDir)) -> Result<Exit, Problem> {
    let (left, right) = (log(runs.0)?, log(runs.1)?);
    let (plan, other) = (recover::plan(&left.0)?, recover::plan(&right.0)?);
    let from = in_common((&left.0, runs.0.id), (&right.0, runs.1.id))?;
    let plans = (revisions::plans(&left.0)?, revisions::plans(&right.0)?);
    let mut accounts = (
        Account::of(&left.0, (&plan, &plans.0), from)?,
        Account::of(&right.0, (&other, &plans.1), from)?,
    );
    (accounts.0.goes_on, accounts.1.goes_on) = (left.1, right.1);
    let found = Comparison::of((&accounts.0, &accounts.1), (&plan, &other));
    drop(accounts);
    let records = found.first.as_ref().map_or((None, None), |first| first.records);
    let view = View::new(&plan).after(&plans.0);
    let left = Side { run: runs.0.id, view, first: record(&left.0, records.0)? };
    let view = View::new(&other).after(&plans.1);
    let right = Side { run: runs.1.id, view, first: record(&right.0, records.1)? };
    if screen.is_json() {
        screen.json_line(&view::diff_json(&found, (&left, &right)).to_string())?;
    } else {
        for line in view::diff_lines(&found, (&left, &right), screen.look()) {
            screen.line(&line)?;
        }
    }
    Ok(if found.is_same() { Exit::Ok } else { Exit::Differs })
}

/// The first record that two runs do not have in common: neither is a fork, or one is of the other, or both go on from
/// one record. Else what one of them did before stands in a log that the other's is not to be compared with.
fn in_common(
    (left, run): (&Journal<Log>, RunId),
    (right, other): (&Journal<Log>, RunId),
) -> Result<u64, Problem> {
    let (mine, theirs) = (recover::lineage(left)?, recover::lineage(right)?);
    let of = |lineage: &Option<Lineage>, run| {
        lineage.as_ref().filter(|from| from.parent == run).map(|from| from.seq + 1)
    };
    if let Some(from) = of(&theirs, run).or_else(|| of(&mine, other)) {
        return Ok(from);
    }
    let point = |lineage: &Option<Lineage>| lineage.as_ref().map(|from| (from.seq, from.hash));
    match (&mine, &theirs) {
        _ if point(&mine) == point(&theirs) => Ok(left.first()),
        // The one that was forked later holds less.
        (Some(from), Some(later)) if later.seq > from.seq => Err(apart(later, (other, run))),
        (Some(from), _) => Err(apart(from, (run, other))),
        (None, Some(from)) => Err(apart(from, (other, run))),
        (None, None) => Ok(0),
    }
}

fn apart(from: &Lineage, (fork, other): (RunId, RunId)) -> Problem {
    let Lineage { parent, seq, .. } = from;
    let message = format!(
        "run {fork} goes on from record {seq} of run {parent}: what came before does not stand in its log, and \
         cannot be compared with run {other}"
    );
    let help = format!(
        "`theater-flow diff {parent} {fork}` compares it with the run that it was forked from"
    );
    Problem::usage(message).with_help(Some(help))
}

/// A run's log, and whether the run goes on.
fn log(run: &RunDir) -> Result<(Journal<Log>, bool), Problem> {
    let log = read::open(run)?;
    let goes_on = log.is_live();
    Ok((Journal::open(log)?, goes_on))
}

type Shown = Option<(view::Row, Option<view::Row>)>;

/// A record, with the one that emitted the message it is about.
fn record(journal: &Journal<Log>, seq: Option<u64>) -> Result<Shown, Problem> {
    let Some(seq) = seq else { return Ok(None) };
    let row = live::row(journal, seq)?;
    let from = live::emitter(journal, &row)?;
    Ok(Some((row, from)))
}
