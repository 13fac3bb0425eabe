//! What supervisors decide.

use alloc::vec;
use alloc::vec::Vec;

use super::{Draft, settle};
use crate::ids::{AgentId, Ref, SupervisorId};
use crate::plan::{Child, Restart};
use crate::record::{Body, End, Escalated, Next, Restarted, ShutDown};
use crate::state::{Exit, Life, Phase, Stage, State, Stop};
use crate::supervise::{Verdict, casualties, verdict};

/// What a supervisor has to decide now, if anything.
pub(super) fn supervisor(state: &State, id: SupervisorId, now: u64) -> Option<Draft> {
    if !matches!(state.kept.phase, Phase::Running | Phase::Stopping | Phase::Failing) {
        return None;
    }
    match state.stage(id) {
        // As in OTP, a child of any kind that cannot be started ends the start of its supervisor.
        Stage::Starting(start) => {
            let child = state.plan.supervisors.get(id.index())?.children.get(start.at as usize)?;
            let cause = match child {
                Child::Agent(id) => agent_down(state, *id)?.0,
                Child::Supervisor(id) => match state.stage(*id) {
                    Stage::Down { why, .. } => why,
                    _ => return None,
                },
            };
            Some(gave_up(id, 0, cause))
        }
        Stage::Up => match *state.kept.supervisors.get(id.index())?.exits.front()? {
            Exit::Down { child, seq } => Some(restart(state, id, (child, seq, now))),
            Exit::ShutDown { seq } => {
                let body = Body::ShutDown(ShutDown { supervisor: id });
                Some(Draft::new(vec![Ref::record(seq)], body))
            }
            Exit::Ended { .. } => None,
        },
        _ => None,
    }
}

fn gave_up(supervisor: SupervisorId, count: u32, cause: u64) -> Draft {
    Draft::new(vec![Ref::record(cause)], Body::Escalated(Escalated { supervisor, count }))
}

/// Starts a child again, and whoever goes down with it, or gives up.
fn restart(state: &State, id: SupervisorId, failed: (Child, u64, u64)) -> Draft {
    let (child, cause, now) = failed;
    let counted = match child {
        Child::Agent(id) => !agent_down(state, id).is_some_and(|(_, again)| again),
        Child::Supervisor(_) => true,
    };
    let plan = &state.plan.supervisors[id.index()];
    let recent = &state.kept.supervisors[id.index()].recent;
    let count = match verdict(plan, recent, now, counted) {
        Verdict::GiveUp { count } => return gave_up(id, count, cause),
        Verdict::Restart { count } => count,
    };
    let (_, place) = state.routes.place(child);
    let down = casualties(plan.strategy, plan.children.len(), place as usize);
    let mut agents = Vec::new();
    for child in plan.children.get(down).unwrap_or_default() {
        returning(state, *child, true, &mut agents);
    }
    let restarted = Restarted { supervisor: id, agents, count, counted };
    Draft::new(vec![Ref::record(cause)], Body::Restarted(restarted))
}

/// The agents of a child that come again when it goes down. A temporary one does not if a sibling takes it down, or has
/// begun to, but does with its supervisor.
fn returning(state: &State, child: Child, sibling: bool, agents: &mut Vec<AgentId>) {
    match child {
        Child::Agent(id) => {
            let agent = state.agent(id);
            let last = agent.life.is_over() || agent.halt.is_some_and(|halt| halt.last);
            let stays = last || sibling && is_temporary(state, id);
            agents.extend((!stays).then_some(id));
        }
        Child::Supervisor(id) => {
            let Some(plan) = state.plan.supervisors.get(id.index()) else { return };
            let last =
                matches!(state.stage(id), Stage::Over | Stage::Stopping(Stop { last: true, .. }));
            let stays = last || sibling && plan.restart == Restart::Temporary;
            if !stays {
                plan.children.iter().for_each(|child| returning(state, *child, false, agents));
            }
        }
    }
}

fn is_temporary(state: &State, id: AgentId) -> bool {
    state.plan.agent(id).is_some_and(|agent| agent.restart == Restart::Temporary)
}

fn agent_down(state: &State, id: AgentId) -> Option<(u64, bool)> {
    match state.agent(id).life {
        Life::Down { seq, again } => Some((seq, again)),
        _ => None,
    }
}

/// What follows for an agent that is down without a decision of its supervisor: a temporary one has ended, unless it
/// is the start of its supervisor that it failed.
pub(super) fn down(state: &State, id: AgentId) -> Option<Draft> {
    let (above, place) = state.routes.place(Child::Agent(id));
    let at_start = matches!(state.stage(above), Stage::Starting(start) if start.at == place);
    if is_temporary(state, id) && !at_start {
        return Some(settle::end(state, id, End::Crashed));
    }
    let last = state.agent(id).halt.is_some_and(|halt| halt.last);
    last.then(|| stopped_for_good(state, id))
}

/// What follows for an agent that does not live and that nobody starts again.
pub(super) fn off(state: &State, id: AgentId) -> Option<Draft> {
    let above = state.routes.parent(Child::Agent(id));
    let last = state.agent(id).halt.is_some_and(|halt| halt.last);
    (last || state.stage(above) == Stage::Over).then(|| stopped_for_good(state, id))
}

/// An agent ends because its supervisor does not start it again.
pub(super) fn stopped_for_good(state: &State, id: AgentId) -> Draft {
    let agent = state.agent(id);
    let permanent = state.plan.agent(id).is_some_and(|plan| plan.restart == Restart::Permanent);
    let done = agent.mode == Next::Done && !permanent;
    let mut draft = settle::end(state, id, if done { End::Done } else { End::Stopped });
    draft.causes.extend(agent.halt.map(|halt| Ref::record(halt.why)));
    draft.causes.sort_unstable();
    draft.causes.dedup();
    draft
}
