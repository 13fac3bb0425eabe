//! `state`: what an agent kept in mind at a point of a run.

use std::path::Path;
use std::sync::Arc;

use theater_flow_kernel::ids::Bytes;
use theater_flow_kernel::plan::Plan;

use super::{ELSEWHERE, check, place, read};
use crate::cli;
use crate::exit::{Exit, Problem};
use crate::rebuild::{self, Ground, NoState};
use crate::recover;
use crate::render::Screen;
use crate::replay::NoWorld;
use crate::runs::RunDir;
use crate::session::load_components;
use crate::view::{self, StateView};
use crate::workers::Crew;

pub(super) fn state(
    screen: &Screen,
    run: &RunDir,
    folder: &Path,
    args: &cli::State,
) -> Result<Exit, Problem> {
    let journal = read::log(run)?;
    let plan = recover::plan(&journal)?;
    let id = view::agent_id(&plan, &args.agent)?;
    let records = journal.flushed().seq;
    let at = args.at.unwrap_or(records - 1);
    if at >= records {
        return Err(read::no_record(theater_flow_kernel::ids::Ref::record(at), records));
    }
    read::stands_here(&journal, at)?;
    read::warn(screen, &journal, at + 1)?;
    let Ground { begin, plan, ended } = rebuild::ground(&journal, &plan, (id, at))?;
    let bytes: Bytes = match &begin.saved {
        Some(saved) if begin.redo.is_empty() => saved.clone(),
        _ => {
            let crew = crew(&plan, &args.agent, (folder, run))?;
            rebuild::state(&crew, &plan, id, &begin)?
        }
    };
    if args.raw {
        screen.guest_bytes(&bytes)?;
        return Ok(Exit::Ok);
    }
    let stateless = plan.agent(id).is_some_and(|agent| agent.stateless);
    let shown =
        StateView { agent: &args.agent, at, ended, stateless, begin: &begin, bytes: &bytes };
    if screen.is_json() {
        screen.json_line(&shown.json().to_string())?;
    } else {
        for line in shown.lines(screen.look()) {
            screen.line(&line)?;
        }
    }
    Ok(Exit::Ok)
}

/// A crew for one agent: no other component is needed, nor has to be there.
fn crew(plan: &Arc<Plan>, agent: &str, (folder, run): (&Path, &RunDir)) -> Result<Crew, Problem> {
    let host = check::instances_host(1)?;
    let agents = plan.agents.iter().filter(|known| known.name == agent).cloned().collect();
    let alone = Plan { agents, ..Plan::clone(plan) };
    let actors = load_components(&place(folder, run), &host, &alone)?;
    Ok(Crew::new(host, actors, Box::new(|_| Ok(Box::new(NoWorld)))))
}

impl From<NoState> for Problem {
    fn from(error: NoState) -> Self {
        match error {
            NoState::Recover(error) => error.into(),
            NoState::NotBegun { .. } | NoState::Lost { .. } => Self::usage(error.to_string()),
            NoState::Elsewhere { .. } => {
                Self::usage(error.to_string()).with_help(Some(String::from(ELSEWHERE)))
            }
            NoState::Differs { .. } => Self::differs(error.to_string()),
        }
    }
}
