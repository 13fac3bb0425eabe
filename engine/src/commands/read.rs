//! Commands that read the record: from the run's owner if it lives, else from a copy of its log.

use std::io;

use serde_json::Value;
use theater_flow_kernel::ids::Ref;

use super::live;
use crate::cli::Events;
use crate::exit::{Exit, Problem};
use crate::journal::{Journal, JournalError};
use crate::log::Log;
use crate::recover;
use crate::render::Screen;
use crate::revisions;
use crate::runs::RunDir;
use crate::socket::{Client, Heard};
use crate::store::Store;
use crate::view::{self, Detail, Filter, Row};

/// A run's log, as it is now.
pub(super) fn log(run: &RunDir) -> Result<Journal<Log>, Problem> {
    Ok(Journal::open(open(run)?)?)
}

pub(super) fn open(run: &RunDir) -> Result<Log, Problem> {
    Ok(match live::owner(run)? {
        Some(owner) => Log::live(&run.db(), owner)?,
        None => Log::at_rest(&run.db())?,
    })
}

/// Tells that a checkpoint from which the state before record `seq` would be made is damaged.
pub(super) fn warn<S: Store>(
    screen: &Screen,
    journal: &Journal<S>,
    seq: u64,
) -> Result<(), Problem> {
    if let Some(warning) = recover::warning(journal, seq)? {
        screen.tell(&format!("warning: {warning}"));
    }
    Ok(())
}

pub(super) fn events(screen: &Screen, run: &RunDir, args: &Events) -> Result<Exit, Problem> {
    if let Some(client) = live::owner(run)? {
        return live_events(screen, &client, args);
    }
    let journal = log(run)?;
    let plan = recover::plan(&journal)?;
    let filter = Filter::new(&plan, args.agent.as_deref(), args.kind.as_deref())?;
    let plans = revisions::plans(&journal)?;
    let view = live::view(&journal, &plan)?.after(&plans);
    for stored in journal.records(0)? {
        let row = Row::of_stored(&stored?).map_err(JournalError::from)?;
        if !filter.matches(&row) {
            continue;
        }
        if screen.is_json() {
            screen.json_line(&view.line(&row, Detail::Line).to_string())?;
        } else {
            screen.line(&view.summary_line(&row, screen.look()))?;
        }
    }
    Ok(Exit::Ok)
}

/// The owner sends lines of JSON; what is not wanted is left out here.
fn live_events(screen: &Screen, client: &Client, args: &Events) -> Result<Exit, Problem> {
    follow(screen, client, args.follow, &mut |line| {
        let value: Value = serde_json::from_str(line)?;
        match is_wanted(&value, args) {
            false => Ok(()),
            true if screen.is_json() => screen.json_line(line),
            true => screen.line(&view::live_line(&value, screen.look())),
        }
    })
}

/// Hands the records of a live run on. What was printed is written out before a wait.
pub(super) fn follow(
    screen: &Screen,
    client: &Client,
    follow: bool,
    tell: &mut dyn FnMut(&str) -> io::Result<()>,
) -> Result<Exit, Problem> {
    let mut failed = None;
    let mut each = |heard: Heard<'_>| {
        let told = match heard {
            Heard::Line(line) => tell(line),
            Heard::Pause if follow => screen.flush(),
            Heard::Pause => Ok(()),
        };
        failed = told.err();
        failed.is_none()
    };
    let ended = client.events(0, follow, &mut each);
    match failed {
        Some(error) => Err(error.into()),
        None => ended.map(|()| Exit::Ok).map_err(|error| Problem::failed(error.to_string())),
    }
}

fn is_wanted(line: &Value, args: &Events) -> bool {
    let about = args.agent.as_deref().is_none_or(|agent| line["agent"] == agent);
    let parts = line["parts"].as_array().map_or(&[][..], Vec::as_slice);
    let denied = line["answer"]["err"]["code"] == "denied";
    let of_kind = |kind: &str| {
        line["kind"] == kind
            || parts.iter().any(|part| part["kind"] == kind)
            || kind == "denial" && denied
    };
    about && args.kind.as_deref().is_none_or(of_kind)
}

pub(super) fn show(screen: &Screen, run: &RunDir, what: Ref) -> Result<Exit, Problem> {
    if let Some(client) = live::owner(run)? {
        return show_live(screen, &client, what);
    }
    let journal = log(run)?;
    let plan = recover::plan(&journal)?;
    let records = journal.flushed().seq;
    if what.seq >= records {
        return Err(no_record(what, records));
    }
    let row = live::row(&journal, what.seq)?;
    let plans = revisions::plans(&journal)?;
    let view = live::view(&journal, &plan)?.after(&plans);
    if screen.is_json() {
        let line = match what.part {
            Some(part) => view.part_line(&row, part).ok_or_else(|| no_part(what))?,
            None => view.line(&row, Detail::Full),
        };
        screen.json_line(&line.to_string())?;
        return Ok(Exit::Ok);
    }
    let causes = live::causes(&journal, &row)?;
    let text = view.show(&row, what.part, &causes, screen.look());
    let text = text.ok_or_else(|| no_part(what))?;
    screen.line(text.trim_end())?;
    Ok(Exit::Ok)
}

pub(super) fn no_record(what: Ref, records: u64) -> Problem {
    Problem::usage(format!("there is no record {}: the run has {records}, from 0", what.seq))
}

/// Refuses a record of the run that this one was forked from, but for the last of them, after which this one's
/// own state begins.
pub(super) fn stands_here(journal: &Journal<Log>, at: u64) -> Result<(), JournalError> {
    if at + 1 < journal.first() {
        journal.stored(at)?;
    }
    Ok(())
}

fn show_live(screen: &Screen, client: &Client, what: Ref) -> Result<Exit, Problem> {
    let shown = client.show(what, screen.look());
    let shown = shown.map_err(|error| Problem::failed(error.to_string()))?;
    let records = shown["records"].as_u64().unwrap_or(0);
    if what.seq >= records {
        return Err(no_record(what, records).with_help(Some("the run goes on".into())));
    }
    match (shown["json"].as_str(), shown["text"].as_str()) {
        (Some(json), _) if screen.is_json() => screen.json_line(json)?,
        (_, Some(text)) => screen.line(text.trim_end())?,
        _ => return Err(no_part(what)),
    }
    Ok(Exit::Ok)
}

pub(super) fn no_part(what: Ref) -> Problem {
    Problem::usage(format!("record {} has no part {what}", what.seq))
}
