//! Supervisors at work: they start and stop children one at a time, and take in what happens to them. All of this
//! follows from records; what has to be decided is in [`decide`](crate::decide).

use super::agent;
use super::exits::{forget_significant, happened, is_significant, settle_exits};
use crate::ids::{AgentId, Ref, SupervisorId};
use crate::plan::{Child, Restart};
use crate::record::Next;
use crate::state::{Exit, Halt, Life, Stage, Start, State, Stop, SupervisorState};
use crate::supervise::{deadline, earlier, returns_after_normal};

/// How far a child has come that is to be started.
enum Brought {
    Up,
    Waits,
    Failed,
}

/// Starts a supervisor whose turn has come, as one that has restarted nothing yet.
pub(super) fn begin(state: &mut State, id: SupervisorId, start: Start) {
    let children = state.plan.supervisors.get(id.index()).map_or(&[][..], |plan| &plan.children);
    let significant = children.iter().filter(|child| is_significant(state, **child)).count();
    let significant = u32::try_from(significant).unwrap_or(u32::MAX);
    let begun = Stage::Starting(Start { at: 0, ..start });
    if let Some(supervisor) = state.kept.supervisors.get_mut(id.index()) {
        let (restarts, last) = (supervisor.restarts, supervisor.last);
        let fresh = SupervisorState::default();
        *supervisor = SupervisorState { stage: begun, significant, restarts, last, ..fresh };
    }
}

/// Ends a supervisor with all below it, youngest first.
pub(super) fn end(state: &mut State, id: SupervisorId, (why, at_start): (u64, bool)) {
    let last = id == SupervisorId(0);
    let left = children(state, id);
    let stop = Stop { left, due: None, why, asked: false, last, at_start };
    if let Some(supervisor) = state.kept.supervisors.get_mut(id.index()) {
        supervisor.stage = Stage::Stopping(stop);
        supervisor.exits.clear();
        supervisor.recent.clear();
    }
    go_on(state, id);
}

/// Lets the supervisor of a child that has come up or gone down go on.
pub(super) fn turned(state: &mut State, child: Child) {
    go_on(state, state.routes.parent(child));
}

/// Lets a supervisor go on until it has to wait for a child, and then whoever waits for it.
pub(super) fn go_on(state: &mut State, id: SupervisorId) {
    let mut id = id;
    while step(state, id) {
        let above = state.routes.parent(Child::Supervisor(id));
        if above == id {
            return;
        }
        id = above;
    }
}

/// True if it has come up, or gone down.
fn step(state: &mut State, id: SupervisorId) -> bool {
    match state.stage(id) {
        Stage::Starting(start) => start_children(state, id, (start, None)),
        Stage::Restarting { start, to } => start_children(state, id, (start, Some(to))),
        Stage::Clearing { .. } | Stage::Stopping(_) => stop_children(state, id),
        Stage::Off | Stage::Up | Stage::Down { .. } | Stage::Over => false,
    }
}

/// Starts children up to a position, or all of them, when the supervisor itself is being started.
fn start_children(state: &mut State, id: SupervisorId, how: (Start, Option<u32>)) -> bool {
    let (mut start, to) = how;
    let failed = loop {
        set(state, id, to.map_or(Stage::Starting(start), |to| Stage::Restarting { start, to }));
        let child = child_at(state, id, start.at).filter(|_| to.is_none_or(|to| start.at < to));
        match child.map(|child| bring(state, child, start)) {
            Some(Brought::Up) => start.at += 1,
            Some(Brought::Waits) => return false,
            Some(Brought::Failed) => break true,
            None => break false,
        }
    };
    if failed && to.is_none() {
        state.stirred.push(id);
        return false;
    }
    // A failed restart is one more exit of that child, behind what else has happened.
    set(state, id, Stage::Up);
    settle_exits(state, id);
    to.is_none()
}

/// Starts a child, unless that was done already.
fn bring(state: &mut State, child: Child, start: Start) -> Brought {
    match child {
        Child::Agent(id) => match state.agent(id).life {
            Life::Up | Life::Lost | Life::Over(_) => Brought::Up,
            Life::Starting => Brought::Waits,
            Life::Down { .. } => Brought::Failed,
            Life::Off => {
                bring_agent(state, id, start);
                Brought::Waits
            }
        },
        Child::Supervisor(id) => {
            if state.stage(id) == Stage::Off {
                begin(state, id, start);
                step(state, id);
            }
            match state.stage(id) {
                Stage::Up | Stage::Clearing { .. } | Stage::Restarting { .. } | Stage::Over => {
                    Brought::Up
                }
                Stage::Off | Stage::Starting(_) | Stage::Stopping(_) => Brought::Waits,
                Stage::Down { .. } => Brought::Failed,
            }
        }
    }
}

fn bring_agent(state: &mut State, id: AgentId, start: Start) {
    let permanent = state.plan.agent(id).is_some_and(|plan| returns_after_normal(plan.restart));
    let agent = agent(state, id);
    agent.life = Life::Starting;
    agent.not_before = start.due;
    agent.last = Ref::record(start.why);
    agent.restarts += u64::from(agent.incarnations > 0);
    if permanent && agent.mode == Next::Done {
        agent.mode = Next::Wait;
    }
    state.touched.push(id);
}

/// Stops the children that are to be stopped, youngest first; then they are started again, or the supervisor is down.
fn stop_children(state: &mut State, id: SupervisorId) -> bool {
    loop {
        let (from, left, due, why, last) = match state.stage(id) {
            Stage::Clearing { from, left, why, .. } => (from, left, None, why, None),
            Stage::Stopping(stop) => (0, stop.left, stop.due, stop.why, Some(stop.last)),
            _ => return false,
        };
        let turn = left.checked_sub(1).filter(|turn| *turn >= from);
        let Some((turn, child)) = turn.and_then(|turn| Some((turn, child_at(state, id, turn)?)))
        else {
            break;
        };
        // A temporary child that goes down with a sibling does not come again.
        let last = last.unwrap_or_else(|| restart(state, child) == Restart::Temporary);
        if !halt(state, child, Halt { due, why, last }) {
            return false;
        }
        match &mut state.kept.supervisors[id.index()].stage {
            Stage::Clearing { left, .. } | Stage::Stopping(Stop { left, .. }) => *left = turn,
            _ => return false,
        }
    }
    match state.stage(id) {
        Stage::Clearing { from, to, count, why, .. } => {
            let delay = state.plan.supervisors[id.index()].delay.after_ms(count.max(1));
            let due = state.kept.now.saturating_add(delay);
            start_children(state, id, (Start { at: from, due, why }, Some(to)))
        }
        Stage::Stopping(stop) => {
            is_down(state, id, stop);
            true
        }
        _ => false,
    }
}

/// All children of a supervisor are down, and so is it.
fn is_down(state: &mut State, id: SupervisorId, stop: Stop) {
    let Stop { why, at_start, .. } = stop;
    let child = Child::Supervisor(id);
    if stop.last {
        // Some may have been stopped for a time, before it was known that nobody comes back.
        over(state, id);
        forget_significant(state, child);
    } else if stop.asked {
        set(state, id, Stage::Off);
    } else {
        set(state, id, Stage::Down { why, at_start });
        happened(state, child, Exit::Down { child, seq: why });
    }
}

/// Asks a child to stop. True if it is down already.
fn halt(state: &mut State, child: Child, how: Halt) -> bool {
    match child {
        Child::Agent(id) => halt_agent(state, id, how),
        Child::Supervisor(id) => halt_supervisor(state, id, how),
    }
}

fn halt_agent(state: &mut State, id: AgentId, how: Halt) -> bool {
    let temporary = restart(state, Child::Agent(id)) == Restart::Temporary;
    let before = state.agent(id).halt;
    match state.agent(id).life {
        Life::Over(_) => return true,
        Life::Off if !how.last => return true,
        // A temporary one that crashed by itself ends by that.
        Life::Down { .. } if !how.last && !temporary => {
            take_down(state, Child::Agent(id));
            return true;
        }
        _ => {}
    }
    let own = state.plan.agent(id).and_then(|plan| deadline(plan.shutdown, state.kept.now));
    let due = earlier(how.due, before.map_or(own, |before| before.due));
    let last = how.last || before.is_some_and(|before| before.last);
    set_halt(state, id, Some(Halt { due, last, ..how }));
    state.touched.push(id);
    false
}

fn halt_supervisor(state: &mut State, id: SupervisorId, how: Halt) -> bool {
    let own = state.plan.supervisors.get(id.index());
    let own = own.and_then(|plan| deadline(plan.shutdown, state.kept.now));
    let stop = match state.stage(id) {
        Stage::Over => return true,
        Stage::Off | Stage::Down { .. } if how.last => {
            over(state, id);
            forget_significant(state, Child::Supervisor(id));
            return true;
        }
        Stage::Off | Stage::Down { .. } => {
            take_down(state, Child::Supervisor(id));
            return true;
        }
        Stage::Stopping(stop) => {
            let own = if stop.asked { None } else { own };
            let due = earlier(stop.due, earlier(own, how.due));
            Stop { due, asked: true, last: stop.last || how.last, ..stop }
        }
        Stage::Starting(_) | Stage::Up | Stage::Clearing { .. } | Stage::Restarting { .. } => {
            let (left, due) = (children(state, id), earlier(own, how.due));
            let Halt { why, last, .. } = how;
            Stop { left, due, why, asked: true, last, at_start: false }
        }
    };
    set(state, id, Stage::Stopping(stop));
    state.kept.supervisors[id.index()].exits.clear();
    step(state, id)
}

/// A child is down, and its supervisor knows.
pub(super) fn take_down(state: &mut State, child: Child) {
    match child {
        Child::Agent(id) => {
            set_halt(state, id, None);
            agent(state, id).life = Life::Off;
        }
        Child::Supervisor(id) => set(state, id, Stage::Off),
    }
}

/// Sets or clears what an agent was asked.
pub(super) fn set_halt(state: &mut State, id: AgentId, halt: Option<Halt>) {
    let before = core::mem::replace(&mut agent(state, id).halt, halt);
    if let Some(due) = before.and_then(|before| before.due) {
        state.kept.deadlines.remove(&(due, id));
    }
    if let Some(due) = halt.and_then(|halt| halt.due) {
        state.kept.deadlines.insert((due, id));
    }
}

/// A supervisor that is down does not come back, and nothing below it: its agents have yet to end.
pub(super) fn over(state: &mut State, id: SupervisorId) {
    set(state, id, Stage::Over);
    let plan = alloc::sync::Arc::clone(&state.plan);
    for child in plan.supervisors.get(id.index()).map_or(&[][..], |plan| &plan.children) {
        match child {
            Child::Agent(id) => state.touched.push(*id),
            Child::Supervisor(id) => over(state, *id),
        }
    }
}

pub(super) fn restart(state: &State, child: Child) -> Restart {
    let restart = match child {
        Child::Agent(id) => state.plan.agent(id).map(|plan| plan.restart),
        Child::Supervisor(id) => state.plan.supervisors.get(id.index()).map(|plan| plan.restart),
    };
    restart.unwrap_or(Restart::Permanent)
}

fn set(state: &mut State, id: SupervisorId, to: Stage) {
    if let Some(supervisor) = state.kept.supervisors.get_mut(id.index()) {
        supervisor.stage = to;
    }
}

fn child_at(state: &State, id: SupervisorId, place: u32) -> Option<Child> {
    state.plan.supervisors.get(id.index())?.children.get(place as usize).copied()
}

fn children(state: &State, id: SupervisorId) -> u32 {
    let children = state.plan.supervisors.get(id.index()).map_or(0, |plan| plan.children.len());
    u32::try_from(children).unwrap_or(u32::MAX)
}
