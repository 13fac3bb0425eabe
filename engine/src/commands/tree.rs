//! `tree`: the supervisors and agents of a run, now or after any of its records.

use theater_flow_kernel::ids::Ref;

use super::{live, read};
use crate::cli;
use crate::exit::{Exit, Problem};
use crate::recover;
use crate::render::Screen;
use crate::revisions;
use crate::runs::RunDir;
use crate::view::{self, Branch, View};

pub(super) fn tree(screen: &Screen, run: &RunDir, args: &cli::Tree) -> Result<Exit, Problem> {
    let owner = if args.at.is_none() { live::owner(run)? } else { None };
    let tree = match (args.at, owner) {
        (_, Some(client)) => {
            let value = client.tree().map_err(|error| Problem::failed(error.to_string()))?;
            serde_json::from_value(value).map_err(|error| Problem::failed(error.to_string()))?
        }
        (at, None) => {
            if at.is_none() {
                tell_if_at_rest(screen, run);
            }
            recorded(screen, run, at)?
        }
    };
    let Some(tree) = tree else {
        return Err(Problem::failed("the plan has no supervisor"));
    };
    if screen.is_json() {
        screen.json(&tree)?;
    } else {
        for line in view::tree_lines(&tree, screen.look()) {
            screen.line(&line)?;
        }
    }
    Ok(Exit::Ok)
}

/// Tells of a run that is not over that nobody runs it: agents that were up are so in its log.
fn tell_if_at_rest(screen: &Screen, run: &RunDir) {
    let (id, status) = (run.id, run.listed().status);
    if matches!(status.as_str(), "suspended" | "interrupted" | "waiting") {
        screen.say(&format!("no process runs {id}, which is {status}: as its last record left it"));
    }
}

/// The tree after a record, by default the last, as the log has it.
fn recorded(screen: &Screen, run: &RunDir, at: Option<u64>) -> Result<Option<Branch>, Problem> {
    let journal = read::log(run)?;
    let plan = recover::plan(&journal)?;
    let records = journal.flushed().seq;
    let end = match at {
        Some(at) if at >= records => return Err(read::no_record(Ref::record(at), records)),
        Some(at) => {
            read::stands_here(&journal, at)?;
            at + 1
        }
        None => records,
    };
    read::warn(screen, &journal, end)?;
    let state = recover::state(&journal, end)?;
    let mut tree = view::tree(&state, state.kept.now);
    if let Some(tree) = &mut tree {
        let plans = revisions::plans(&journal)?;
        tree.explain(&View::new(&plan).after(&plans), &mut |seq| live::row(&journal, seq).ok());
    }
    Ok(tree)
}
