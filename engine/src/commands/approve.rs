//! `approve`: what waits for somebody to decide, and their decisions.

use std::path::Path;
use std::sync::Arc;

use serde_json::{Value, json};
use theater_flow_kernel::record::{Body, Known};

use super::{live, place, read, reload, run};
use crate::cli;
use crate::exit::{Exit, Problem};
use crate::journal::{Journal, JournalError};
use crate::person::myself;
use crate::recover;
use crate::reload::Told;
use crate::render::{Look, Screen};
use crate::runs::RunDir;
use crate::session::Left;
use crate::store::Store;
use crate::view::{self, Held, HeldPlan, Undecided};

pub(super) fn approve(
    screen: &Arc<Screen>,
    run: &RunDir,
    folder: &Path,
    args: &cli::Approve,
) -> Result<Exit, Problem> {
    match args.id {
        None => list(screen, run),
        Some(id) => decide(screen, (run, folder), id, !args.fail),
    }
}

/// Lists what waits.
fn list(screen: &Screen, run: &RunDir) -> Result<Exit, Problem> {
    let held: Vec<Undecided> = if let Some(client) = live::owner(run)? {
        let value = client.waiting().map_err(|error| Problem::failed(error.to_string()))?;
        serde_json::from_value(value).map_err(|error| Problem::failed(error.to_string()))?
    } else {
        let journal = read::log(run)?;
        let state = recover::state(&journal, journal.flushed().seq)?;
        undecided(&journal, view::held(&state), state.proposal())?
    };
    for held in &held {
        if screen.is_json() {
            screen.json(held)?;
        } else {
            for line in held.lines(screen.look()) {
                screen.line(&line)?;
            }
        }
    }
    if held.is_empty() {
        screen.say(&format!("nothing in run {} waits for a decision", run.id));
    }
    Ok(Exit::Ok)
}

/// All that waits: these requests, and the plan that a record proposes. One that is not durable yet is left out.
pub(super) fn undecided<S: Store>(
    journal: &Journal<S>,
    held: Vec<Held>,
    proposal: Option<u64>,
) -> Result<Vec<Undecided>, JournalError> {
    let durable = proposal.filter(|seq| *seq < journal.flushed().seq);
    let plan = durable.map(|seq| live::row(journal, seq)).transpose()?;
    let plan = plan.and_then(|row| HeldPlan::of(&row.record)).map(Undecided::Plan);
    Ok(held.into_iter().map(Undecided::Request).chain(plan).collect())
}

/// Records a decision: by the run's owner if it lives, else by this process, which leaves it then.
fn decide(
    screen: &Arc<Screen>,
    (run, folder): (&RunDir, &Path),
    id: u64,
    repeat: bool,
) -> Result<Exit, Problem> {
    let (recorded, lives) = if let Some(client) = live::owner(run)? {
        let value = client.approve(id, repeat);
        let mut value = value.map_err(|error| Problem::failed(error.to_string()))?;
        if let Ok(told) = serde_json::from_value::<Told>(value["reload"].take()) {
            return reload::tell(screen, run, &told);
        }
        if value["plan"] == true {
            return plan_refused(screen, run, id);
        }
        (refused(&value), true)
    } else if proposal(run)? == Some(id) {
        return decide_plan(screen, (run, folder), id, repeat);
    } else {
        (at_rest((run, folder), id, repeat)?, false)
    };
    if let Some(why) = recorded {
        let help = format!("`theater-flow approve {}` lists what waits", run.id);
        return Err(Problem::usage(why).with_help(Some(help)));
    }
    let what = if repeat { "is made again" } else { "is not made again" };
    let goes_on = if lives {
        String::new()
    } else {
        format!("; `theater-flow resume {}` goes on with it", run.id)
    };
    screen.say(&format!("{id} {what}{goes_on}"));
    if screen.is_json() {
        let decision = if repeat { "repeat" } else { "fail" };
        screen.json(&json!({ "run": run.id.to_string(), "id": id, "decision": decision }))?;
    }
    Ok(Exit::Ok)
}

/// The plan of a run that waits for approval.
fn proposal(run: &RunDir) -> Result<Option<u64>, Problem> {
    let journal = read::log(run)?;
    Ok(recover::state(&journal, journal.flushed().seq)?.proposal())
}

/// Decides about a plan of a run that nobody runs.
fn decide_plan(
    screen: &Arc<Screen>,
    (run, folder): (&RunDir, &Path),
    id: u64,
    approved: bool,
) -> Result<Exit, Problem> {
    if !approved {
        let _owner = run::own(run)?;
        let place = place(folder, run);
        Left::open(&place)?.refuse(&place, id, myself())?;
        return plan_refused(screen, run, id);
    }
    let journal = read::log(run)?;
    let agents = recover::plan_in(&journal, id)?.agents.len();
    drop(journal);
    let told = reload::at_rest(screen, (run, folder), agents, move |reloader| {
        Told::of(&reloader.approve(id, myself()), None, Look::PLAIN)
    })?;
    reload::tell(screen, run, &told)
}

/// A plan waits no more, since somebody has refused it.
fn plan_refused(screen: &Screen, run: &RunDir, id: u64) -> Result<Exit, Problem> {
    screen.say(&format!("{id} is not applied: the run goes on with the plan that it has"));
    if screen.is_json() {
        screen.json(&json!({ "run": run.id.to_string(), "id": id, "decision": "fail" }))?;
    }
    Ok(Exit::Ok)
}

/// Why the owner did not record a decision, if it did not.
fn refused(value: &Value) -> Option<String> {
    if value["recorded"] == true {
        return None;
    }
    Some(value["why"].as_str().unwrap_or("it does not wait for a decision").to_owned())
}

fn at_rest(
    (run, folder): (&RunDir, &Path),
    id: u64,
    repeat: bool,
) -> Result<Option<String>, Problem> {
    let _owner = run::own(run)?;
    let place = place(folder, run);
    let left = Left::open(&place)?;
    if left.decide(&place, (id, repeat), myself())? {
        return Ok(None);
    }
    Ok(Some(why_not(&read::log(run)?, id)?))
}

/// Why no decision about record `id` is waited for.
pub(super) fn why_not<S: Store>(journal: &Journal<S>, id: u64) -> Result<String, JournalError> {
    let records = journal.flushed().seq;
    if id >= records {
        return Ok(format!("there is no record {id}: the run has {records}, from 0"));
    }
    let first = live::row(journal, id)?;
    if let Body::Proposed(_) = first.record.body {
        return Ok(format!("the plan of record {id} waits no more: a later record says why"));
    }
    if !matches!(first.record.body, Body::Intent(_)) {
        let kind = first.record.body.kind();
        return Ok(format!(
            "record {id} is neither a request nor a plan that was proposed, but `{kind}`: nothing waits there"
        ));
    }
    let mut said = None;
    for stored in journal.records(id)? {
        let record = stored?.record()?;
        match record.body {
            Body::Decided(body) if body.intent == id => {
                let (by, seq) = (&body.by, record.seq);
                return Ok(format!("{id} was decided before, by {by} (record {seq})"));
            }
            Body::Outcome(body) if body.intent == id => {
                said = Some((body.how, record.seq));
            }
            _ => {}
        }
    }
    Ok(match said {
        Some((Known::Answered, seq)) => format!("{id} was answered (record {seq})"),
        Some((_, seq)) => format!("nobody has to decide about {id} (record {seq} says why)"),
        None => format!("{id} is being made, or was when the run's process ended"),
    })
}

/// Tells what a run waits for that has just been let go, before its last line.
pub(super) fn tell(screen: &Screen, run: &RunDir, held: &[Held]) {
    let requests = match held.len() {
        1 => String::from("1 request waits"),
        more => format!("{more} requests wait"),
    };
    screen.tell(&format!(
        "{requests} for somebody to decide: nobody knows whether what was asked has been done"
    ));
    for held in held {
        screen.tell(&format!("  {}", held.brief()));
    }
    if let Some(first) = held.first() {
        let (run, id) = (run.id, first.id);
        screen.tell(&format!("`theater-flow approve {run} {id}` makes it again, `theater-flow approve {run} {id} --fail` does not; then `theater-flow resume {run}`"));
    }
}
