//! `diff`: two runs side by side.

use theater_flow_kernel::record::Lineage;

use super::{live, read};
use crate::compare::{Account, Comparison};
use crate::exit::{Exit, Problem};
use crate::journal::Journal;
use crate::log::Log;
use crate::recover;
use crate::render::Screen;
use crate::runs::RunDir;
use crate::view::{self, Side, View};

pub(super) fn diff(screen: &Screen, runs: (&RunDir, &RunDir)) -> Result<Exit, Problem> {
    let (left, right) = (log(runs.0)?, log(runs.1)?);
    let (plan, other) = (recover::plan(&left.0)?, recover::plan(&right.0)?);
    let from = in_common(&left.0, &right.0)?;
    let mut accounts = (Account::of(&left.0, &plan, from)?, Account::of(&right.0, &other, from)?);
    (accounts.0.goes_on, accounts.1.goes_on) = (left.1, right.1);
    let found = Comparison::of((&accounts.0, &accounts.1), (&plan, &other));
    drop(accounts);
    let records = found.first.as_ref().map_or((None, None), |first| first.records);
    let left = Side { run: runs.0.id, view: View::new(&plan), first: record(&left.0, records.0)? };
    let right =
        Side { run: runs.1.id, view: View::new(&other), first: record(&right.0, records.1)? };
    if screen.is_json() {
        screen.json_line(&view::diff_json(&found, (&left, &right)).to_string())?;
    } else {
        for line in view::diff_lines(&found, (&left, &right), screen.look()) {
            screen.line(&line)?;
        }
    }
    Ok(if found.is_same() { Exit::Ok } else { Exit::Differs })
}

/// The first record that two runs do not have in common: one may be a fork of the other, or both of a third.
fn in_common(left: &Journal<Log>, right: &Journal<Log>) -> Result<u64, Problem> {
    let runs = (recover::genesis(left)?.run, recover::genesis(right)?.run);
    let (lineage, other) = (recover::lineage(left)?, recover::lineage(right)?);
    let of = |lineage: Option<&Lineage>, run| {
        lineage.filter(|from| from.parent == run).map(|from| from.seq + 1)
    };
    let related = of(other.as_ref(), runs.0).or_else(|| of(lineage.as_ref(), runs.1));
    Ok(related.unwrap_or(0))
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
