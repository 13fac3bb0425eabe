//! What follows when a process takes a run up.

use alloc::collections::VecDeque;
use alloc::vec::Vec;

use super::{agent, ask, forget, supervise, touch_all};
use crate::ids::{AgentId, Ref, SupervisorId};
use crate::plan::Child;
use crate::record::Entry;
use crate::state::{Life, Phase, Stage, State};

/// A process ended and another one took over: every life is lost, nothing else is. Supervisors go on with what they
/// were doing, once all that lived is started again.
pub(super) fn resume(state: &mut State, entry: &Entry) {
    let gave_up = state.kept.supervisors.first().is_some_and(|root| root.gave_up);
    let failing = state.kept.phase == Phase::Failing || gave_up;
    state.kept.phase = if failing { Phase::Failing } else { Phase::Running };
    state.kept.forked = false;
    ask::lose(state, entry.at);
    let mut to_start = VecDeque::new();
    for id in tree_order(state) {
        let lived = lived(state, id);
        let agent = agent(state, id);
        // Who is to live again tries then.
        if agent.life.is_over() {
            agent.writes.values_mut().for_each(|write| write.broken = None);
        }
        if let Some(pending) = agent.pending.as_mut().filter(|_| lived) {
            pending.due = pending.due.min(entry.at);
        }
        if lived || agent.life == Life::Starting {
            agent.last = Ref::record(entry.seq);
        }
        if lived {
            let up = core::mem::replace(&mut agent.life, Life::Lost) == Life::Up;
            to_start.push_back(id);
            if up {
                forget(state, id);
            }
        }
    }
    state.kept.to_start = to_start;
    for id in 0..state.kept.supervisors.len() {
        supervise::go_on(state, SupervisorId(u32::try_from(id).unwrap_or(u32::MAX)));
    }
    state.stirred = state.plan.supervisors.iter().map(|supervisor| supervisor.id).collect();
    touch_all(state);
}

/// True if an agent lived, or was to live after an ask; one that its supervisor starts has yet to.
fn lived(state: &State, id: AgentId) -> bool {
    let (above, place) = state.routes.place(Child::Agent(id));
    match state.agent(id).life {
        Life::Up | Life::Lost => true,
        Life::Starting => match state.stage(above) {
            Stage::Starting(start) | Stage::Restarting { start, .. } => start.at != place,
            _ => true,
        },
        Life::Off | Life::Down { .. } | Life::Over(_) => false,
    }
}

fn tree_order(state: &State) -> Vec<AgentId> {
    state.agents_below(Child::Supervisor(SupervisorId(0)))
}

/// One that was to be started again has been, or ended: the next one's turn has come.
pub(super) fn next(state: &mut State) {
    let before = state.kept.to_start.len();
    while let Some(first) = state.kept.to_start.front().copied()
        && state.agent(first).life != Life::Lost
    {
        state.kept.to_start.pop_front();
    }
    if state.kept.to_start.len() == before {
        return;
    }
    match state.kept.to_start.front() {
        Some(first) => state.touched.push(*first),
        None => touch_all(state),
    }
}
