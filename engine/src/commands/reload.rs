//! `reload` and `rollback`: a run goes over to another plan.

use std::path::Path;
use std::sync::Arc;
use std::thread;

use serde_json::json;
use theater_flow_dsl::{Compiled, Mode, keep_set};
use theater_flow_kernel::plan::Plan;
use theater_flow_kernel::reload::{Changes, adopt, diff};
use theater_flow_kernel::state::Phase;

use super::{check, live, place, plans, read, run};
use crate::cli;
use crate::compile::Pipeline;
use crate::driver::Event;
use crate::exit::{Exit, Problem};
use crate::person::myself;
use crate::recover;
use crate::reload::{Reloader, Told};
use crate::render::{Look, Screen};
use crate::runs::RunDir;
use crate::session::{Left, Session, SessionError};
use crate::socket::{Client, ReloadAsk};

pub(super) fn reload(
    screen: &Arc<Screen>,
    (run, folder): (&RunDir, &Path),
    args: cli::Reload,
) -> Result<Exit, Problem> {
    if args.dry_run {
        return preview(screen, run, &args);
    }
    let file = Pipeline::saved(&args.file)?;
    let told = match live::owner(run)? {
        Some(client) => live_reload(&client, &args, screen.err_look())?,
        None => match differs(screen, run, &args)? {
            Differs::Faults => return Ok(Exit::Faults),
            Differs::No(revision) => Told::Same { revision },
            Differs::Yes => {
                let (look, agents) = (screen.err_look(), check::agents(file.text.len()));
                at_rest(screen, (run, folder), agents, move |reloader| {
                    let done = reloader.reload(&file, &args.set, Some(myself()));
                    Told::of(&done, Some(&file), look)
                })?
            }
        },
    };
    tell(screen, run, &told)
}

pub(super) fn rollback(
    screen: &Arc<Screen>,
    (run, folder): (&RunDir, &Path),
    args: &cli::Rollback,
) -> Result<Exit, Problem> {
    let journal = read::log(run)?;
    let (revision, all) = (args.revision, plans::revisions(&journal)?);
    let known = plans::numbered(&all, revision)?;
    let agents = crate::revisions::plan(&journal, known)?.agents.len();
    drop(journal);
    let told = match live::owner(run)? {
        Some(client) => asked(&client, &ReloadAsk::Revision(revision))?,
        None => at_rest(screen, (run, folder), agents, move |reloader| {
            Told::of(&reloader.roll_back(revision, myself()), None, Look::PLAIN)
        })?,
    };
    tell(screen, run, &told)
}

/// Asks the run's owner.
fn live_reload(client: &Client, args: &cli::Reload, look: Look) -> Result<Told, Problem> {
    let path = std::path::absolute(&args.file);
    let path = path.map_err(|error| Problem::usage(error.to_string()))?;
    let name = args.file.display().to_string();
    let (set, Look { width, colour }) = (args.set.clone(), look);
    asked(client, &ReloadAsk::File { path, name, set, width, colour })
}

fn asked(client: &Client, ask: &ReloadAsk) -> Result<Told, Problem> {
    let value = client.reload(ask).map_err(|error| Problem::failed(error.to_string()))?;
    serde_json::from_value(value).map_err(|error| Problem::failed(error.to_string()))
}

/// Takes up a run that nobody runs, has it go over to another plan, and lets it go again.
pub(super) fn at_rest(
    screen: &Arc<Screen>,
    (run, folder): (&RunDir, &Path),
    agents: usize,
    act: impl FnOnce(Reloader) -> Told + Send + 'static,
) -> Result<Told, Problem> {
    let _owner = run::own(run)?;
    let place = place(folder, run);
    let left = Left::open(&place)?;
    let host = check::instances_host(left.agents() + agents)?;
    let mut session = Session::resume(&place, left, host, run::guest_out(screen))?.still();
    let (reloader, sender) = (session.reloader(), session.sender());
    let acts = thread::spawn(move || {
        let told = act(reloader);
        // A run that came to its end meanwhile needs no stop.
        let _ = sender.send(Event::StopNow);
        told
    });
    let (ending, _) = session.serve(&mut |_, _| {});
    // Whoever waits for an answer gets none from a run that is gone.
    drop(session);
    if let crate::driver::Ending::StoreFailed(error) = ending {
        return Err(error.into());
    }
    acts.join().map_err(|_| Problem::failed("the reload failed: an internal error"))
}

/// Tells what became of it, for people and for programs.
pub(super) fn tell(screen: &Screen, run: &RunDir, told: &Told) -> Result<Exit, Problem> {
    if let Told::Faults { faults, text, .. } = told {
        if screen.is_json() {
            faults.iter().try_for_each(|fault| screen.json(fault))?;
        } else {
            for lines in text {
                screen.tell(lines);
            }
        }
        return Ok(Exit::Faults);
    }
    if screen.is_json() {
        screen.json(told)?;
    }
    screen.tell(&told.line());
    if let Told::Proposed { proposal, .. } = told {
        let id = run.id;
        screen.tell(&format!("`theater-flow approve {id} {proposal}` applies it, `theater-flow approve {id} {proposal} --fail` does not"));
    }
    Ok(told.exit())
}

/// What a file would change of a run.
struct Preview {
    /// The number of the plan in force.
    revision: u32,
    changes: Changes,
}

/// How a file stands to what a run has.
enum Differs {
    Faults,
    /// It means the same: the number of the plan in force.
    No(u32),
    Yes,
}

fn differs(screen: &Screen, run: &RunDir, args: &cli::Reload) -> Result<Differs, Problem> {
    let Some(preview) = compare(screen, run, args)? else { return Ok(Differs::Faults) };
    Ok(if preview.changes.is_empty() { Differs::No(preview.revision) } else { Differs::Yes })
}

/// Compiles the file and compares it with the plan in force. Shows its faults.
fn compare(screen: &Screen, run: &RunDir, args: &cli::Reload) -> Result<Option<Preview>, Problem> {
    let pipeline = Pipeline::saved(&args.file)?;
    let journal = read::log(run)?;
    let state = recover::state(&journal, journal.flushed().seq)?;
    if let Phase::Finished(status) = state.kept.phase {
        return Err(SessionError::Over(status).into());
    }
    let set = keep_set(&state.plan, &pipeline.text, &args.set);
    let (_, _, compiled) = check::compile_to_run(&pipeline, &set, Mode::Run)?;
    check::show(screen, &pipeline, &compiled)?;
    let Compiled { plan: Some(plan), .. } = compiled else { return Ok(None) };
    let revision = state.kept.revision;
    Ok(Some(Preview { revision, changes: changes(&state.plan, plan) }))
}

/// What differs between a plan and one that would follow it.
pub(super) fn changes(old: &Plan, new: Plan) -> Changes {
    diff(old, &adopt(old, new))
}

fn preview(screen: &Screen, run: &RunDir, args: &cli::Reload) -> Result<Exit, Problem> {
    let Some(Preview { revision, changes }) = compare(screen, run, args)? else {
        return Ok(Exit::Faults);
    };
    if screen.is_json() {
        let mut value = plans::changes_json(&changes);
        value["outcome"] = json!("dry-run");
        value["revision"] = json!(if changes.is_empty() { revision } else { revision + 1 });
        screen.json(&value)?;
    } else {
        plans::show_changes(screen, &changes)?;
    }
    if !changes.widenings.is_empty() {
        screen.say("it would wait for approval");
    }
    Ok(Exit::Ok)
}
