//! What the decisions of supervisors change.

use alloc::sync::Arc;

use super::{agent, forget, resume, supervise, touch_all};
use crate::ids::{Ref, SupervisorId};
use crate::plan::Child;
use crate::record::{Entry, Escalated, Restarted, ShutDown, Stopped};
use crate::state::{Exit, Life, Phase, Stage, State};
use crate::supervise::{casualties, window};

/// A supervisor starts a child again, and whoever goes down with it, once they are stopped.
pub(super) fn restarted(state: &mut State, entry: &Entry, body: &Restarted) {
    let plan = Arc::clone(&state.plan);
    let (Some(plan), Some(supervisor)) = (
        plan.supervisors.get(body.supervisor.index()),
        state.kept.supervisors.get_mut(body.supervisor.index()),
    ) else {
        return;
    };
    let Some(Exit::Down { child, .. }) = supervisor.exits.pop_front() else {
        return;
    };
    supervisor.restarts += 1;
    supervisor.last = Some(entry.seq);
    if body.counted {
        supervisor.recent = window(&supervisor.recent, entry.at, plan.period_ms);
    }
    let (_, failed) = state.routes.place(child);
    let down = casualties(
        plan.strategy,
        plan.children.len(),
        usize::try_from(failed).unwrap_or(usize::MAX),
    );
    let place = |at| u32::try_from(at).unwrap_or(u32::MAX);
    let (from, to) = (place(down.start), place(down.end));
    supervisor.stage = Stage::Clearing { from, to, left: to, count: body.count, why: entry.seq };
    supervise::go_on(state, body.supervisor);
}

pub(super) fn escalated(state: &mut State, seq: u64, body: &Escalated) {
    let id = body.supervisor;
    if let Stage::Starting(start) = state.stage(id) {
        let children = state.plan.supervisors.get(id.index()).map(|plan| &plan.children);
        let failed = children.and_then(|children| children.get(start.at as usize).copied());
        if let Some(failed) = failed {
            supervise::take_down(state, failed);
        }
    }
    if let Some(supervisor) = state.kept.supervisors.get_mut(id.index()) {
        supervisor.gave_up = true;
        supervisor.last = Some(seq);
    }
    if id == SupervisorId(0) {
        fail(state, seq, body.count == 0);
    } else {
        supervise::end(state, id, (seq, body.count == 0));
    }
}

pub(super) fn shut_down(state: &mut State, seq: u64, body: ShutDown) {
    if let Some(supervisor) = state.kept.supervisors.get_mut(body.supervisor.index()) {
        supervisor.last = Some(seq);
    }
    supervise::end(state, body.supervisor, (seq, false));
}

/// A supervisor stopped an agent. What waits for it waits on; what it asked the world is still awaited.
pub(super) fn stopped(state: &mut State, seq: u64, body: Stopped) {
    if state.agent(body.agent).life == Life::Up {
        forget(state, body.agent);
    }
    supervise::take_down(state, Child::Agent(body.agent));
    agent(state, body.agent).last = Ref::record(seq);
    state.touched.push(body.agent);
    resume::next(state);
    supervise::turned(state, Child::Agent(body.agent));
}

/// The root ends, and the run with it: it has failed.
pub(super) fn fail(state: &mut State, seq: u64, at_start: bool) {
    state.kept.phase = Phase::Failing;
    if let Some(root) = state.kept.supervisors.first_mut() {
        root.gave_up = true;
    }
    touch_all(state);
    if !matches!(state.stage(SupervisorId(0)), Stage::Stopping(_) | Stage::Over) {
        supervise::end(state, SupervisorId(0), (seq, at_start));
    }
}
