//! `plans`: the plans that a run has had, and what differs between two of them.

use serde_json::{Value, json};
use theater_flow_kernel::plan::Plan;
use theater_flow_kernel::reload::{Changes, Widening};

use super::{read, reload};
use crate::cli;
use crate::exit::{Exit, Problem};
use crate::journal::Journal;
use crate::log::Log;
use crate::render::Screen;
use crate::revisions::{self, NoRevision, Revision};
use crate::runs::RunDir;
use crate::view;

pub(super) fn plans(screen: &Screen, run: &RunDir, args: &cli::Plans) -> Result<Exit, Problem> {
    let journal = read::log(run)?;
    let all = revisions(&journal)?;
    if let Some(from) = args.from {
        return difference(screen, &journal, &all, (from, args.to));
    }
    if screen.is_json() {
        for revision in &all {
            screen.json_line(&view::revision_json(revision).to_string())?;
        }
    } else {
        for line in view::revision_lines(&all, screen.look()) {
            screen.line(&line)?;
        }
    }
    Ok(Exit::Ok)
}

pub(super) fn revisions(journal: &Journal<Log>) -> Result<Vec<Revision>, Problem> {
    Ok(revisions::revisions(journal)?)
}

/// The revision of this number.
pub(super) fn numbered(all: &[Revision], number: u32) -> Result<&Revision, Problem> {
    revisions::numbered(all, number).map_err(|error: NoRevision| {
        let help = String::from("`theater-flow plans RUN` lists them");
        Problem::usage(error.to_string()).with_help(Some(help))
    })
}

/// Shows what differs between two revisions.
fn difference(
    screen: &Screen,
    journal: &Journal<Log>,
    all: &[Revision],
    (from, to): (u32, Option<u32>),
) -> Result<Exit, Problem> {
    let in_force = all.iter().rev().find(|one| !one.waits).map_or(0, |one| one.number);
    let (from, to) = (numbered(all, from)?, of_any(all, to.unwrap_or(in_force))?);
    let (old, new) = (revisions::plan(journal, from)?, revisions::plan(journal, to)?);
    let changes = reload::changes(&old, Plan::clone(&new));
    if screen.is_json() {
        let mut value = changes_json(&changes);
        (value["from"], value["to"]) = (json!(from.number), json!(to.number));
        screen.json(&value)?;
    } else {
        show_changes(screen, &changes)?;
    }
    Ok(Exit::Ok)
}

/// As [`numbered`], also of the one that waits.
fn of_any(all: &[Revision], number: u32) -> Result<&Revision, Problem> {
    match all.iter().find(|one| one.waits && one.number == number) {
        Some(waiting) => Ok(waiting),
        None => numbered(all, number),
    }
}

/// What differs, as JSON: `changes`, each with `name`, `kind` and `keys`, `forgets`, `widens`, each with `agent`, `what` and `detail`, and how many
/// they are.
pub(super) fn changes_json(changes: &Changes) -> Value {
    let counts = changes.counts();
    let all: Vec<Value> = changes
        .all
        .iter()
        .map(|change| {
            let (kind, keys) = (change.kind.word(), change.kind.keys());
            json!({ "name": change.name, "sign": change.kind.sign(), "kind": kind, "keys": keys })
        })
        .collect();
    let widens: Vec<Value> = changes
        .widenings
        .iter()
        .map(|Widening { agent, what, detail }| json!({ "agent": agent, "what": what, "detail": detail }))
        .collect();
    json!({
        "added": counts.added,
        "changed": counts.changed,
        "removed": counts.removed,
        "changes": all,
        "forgets": changes.forgets,
        "widens": widens,
    })
}

/// The same for people, as a table.
pub(super) fn show_changes(screen: &Screen, changes: &Changes) -> Result<(), Problem> {
    for line in view::change_lines(changes, screen.look()) {
        screen.line(&line)?;
    }
    if changes.is_empty() {
        screen.say("nothing differs in meaning");
    }
    Ok(())
}
