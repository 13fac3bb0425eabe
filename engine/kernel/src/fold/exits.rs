//! What happens to children of a supervisor, and waits for it.

use super::supervise::{over, restart, turned};
use crate::ids::{AgentId, SupervisorId};
use crate::plan::{Child, Restart};
use crate::record::End;
use crate::state::{Exit, Halt, Life, Stage, State};
use crate::supervise::{returns_after_normal, shuts_down};

/// An agent crashed, or is permanent and done: its supervisor has to do something about it.
pub(super) fn went_down(state: &mut State, id: AgentId, seq: u64) {
    let child = Child::Agent(id);
    if restart(state, child) != Restart::Temporary {
        happened(state, child, Exit::Down { child, seq });
    }
    turned(state, child);
}

/// An agent ended. If it is a significant one, and it did so by itself, that may end its supervisor: also while it is
/// stopped for a time, since it does not come again.
pub(super) fn ended(state: &mut State, id: AgentId, how: (End, Option<Halt>, u64)) {
    let (how, halt, seq) = how;
    let child = Child::Agent(id);
    if matches!(how, End::Stopped | End::Removed) || halt.is_some_and(|halt| halt.last) {
        forget_significant(state, child);
    } else if is_significant_in_plan(state, child) {
        happened(state, child, Exit::Ended { seq });
    }
    turned(state, child);
}

/// Something happened to a child. A supervisor that is about to stop it anyway, or waits for its start, sees it then.
pub(super) fn happened(state: &mut State, child: Child, exit: Exit) {
    let (above, place) = state.routes.place(child);
    let now = state.stage(above);
    let waits = matches!(now, Stage::Starting(start) if start.at == place);
    if !(now.is_up() || matches!(now, Stage::Starting(_))) || waits {
        return;
    }
    if let Some(supervisor) = state.kept.supervisors.get_mut(above.index()) {
        supervisor.exits.push_back(exit);
    }
    settle_exits(state, above);
}

/// Drops what needs no decision from the head of what has happened to the children of a supervisor that has time for it.
pub(super) fn settle_exits(state: &mut State, id: SupervisorId) {
    while state.stage(id) == Stage::Up
        && let Some(exit) = state.kept.supervisors[id.index()].exits.front().copied()
    {
        let left = match exit {
            Exit::Down { child, seq } if !is_down_since(state, child, seq) => None,
            Exit::Down { child: Child::Supervisor(below), seq } if stays_away(state, below) => {
                over(state, below);
                let significant = is_significant_in_plan(state, Child::Supervisor(below));
                significant.then_some(Exit::Ended { seq })
            }
            Exit::Ended { seq } => {
                let auto = state.plan.supervisors[id.index()].auto_shutdown;
                let active = &mut state.kept.supervisors[id.index()].significant;
                *active = active.saturating_sub(1);
                shuts_down(auto, *active).then_some(Exit::ShutDown { seq })
            }
            Exit::Down { .. } | Exit::ShutDown { .. } => {
                state.stirred.push(id);
                return;
            }
        };
        let exits = &mut state.kept.supervisors[id.index()].exits;
        match (left, exits.front_mut()) {
            (Some(left), Some(head)) => *head = left,
            _ => drop(exits.pop_front()),
        }
    }
}

/// True if a child went down in this record, and nobody has dealt with it.
fn is_down_since(state: &State, child: Child, record: u64) -> bool {
    match child {
        Child::Agent(id) => {
            matches!(state.agent(id).life, Life::Down { seq, .. } if seq == record)
        }
        Child::Supervisor(id) => {
            matches!(state.stage(id), Stage::Down { why, .. } if why == record)
        }
    }
}

/// True if a supervisor that is down is not started again: its end was a normal one. A start that failed is tried again.
fn stays_away(state: &State, id: SupervisorId) -> bool {
    let at_start = matches!(state.stage(id), Stage::Down { at_start: true, .. });
    !at_start && !returns_after_normal(restart(state, Child::Supervisor(id)))
}

pub(super) fn forget_significant(state: &mut State, child: Child) {
    if is_significant_in_plan(state, child) {
        let above = state.routes.parent(child);
        let active = &mut state.kept.supervisors[above.index()].significant;
        *active = active.saturating_sub(1);
    }
}

/// True for a significant child that is not over.
pub(super) fn is_significant(state: &State, child: Child) -> bool {
    let over = match child {
        Child::Agent(id) => state.agent(id).life.is_over(),
        Child::Supervisor(id) => state.stage(id) == Stage::Over,
    };
    !over && is_significant_in_plan(state, child)
}

fn is_significant_in_plan(state: &State, child: Child) -> bool {
    match child {
        Child::Agent(id) => state.plan.agent(id).is_some_and(|plan| plan.significant),
        Child::Supervisor(id) => {
            state.plan.supervisors.get(id.index()).is_some_and(|plan| plan.significant)
        }
    }
}
