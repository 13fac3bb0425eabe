//! What follows from the state alone: retries run out, supervisors decide, agents and runs end.

use alloc::format;
use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;

use super::{Draft, ask, letter};
use crate::ids::{AgentId, Ref, SupervisorId};
use crate::plan::{Child, Restart};
use crate::record::{
    Body, Consumed, Crash, CrashKind, Crashed, DeadLetterReason, End, Ended, Escalated, Finished,
    Next, Restarted, Rested, Status,
};
use crate::state::{AgentState, Asking, Life, Pending, Phase, State};
use crate::supervise;
use crate::work::by;

/// What must follow for one agent, if anything.
pub(super) fn agent(state: &State, id: AgentId, now: u64) -> Option<Draft> {
    if matches!(state.kept.phase, Phase::Running | Phase::Stopping | Phase::Failing)
        && let Some(lost) = ask::lost(state, id)
    {
        return Some(lost);
    }
    if !matches!(state.kept.phase, Phase::Running | Phase::Stopping) {
        return None;
    }
    let agent = state.agent(id);
    match agent.life {
        Life::Up => exhausted(state, id)
            .or_else(|| done(state, id, now))
            .or_else(|| state.is_finished(id).then(|| end(state, id, End::Finished)))
            .or_else(|| rest(state, id)),
        Life::Down { crash, again } => {
            exhausted(state, id).or_else(|| Some(crashed(state, id, (crash, again), now)))
        }
        Life::Over(End::Crashed | End::Stopped) => unread(state, id).or_else(|| rest(state, id)),
        Life::Over(_) => rest(state, id),
        Life::Starting => None,
    }
}

/// A cycle to which nothing more can come, and in which nothing moves: its feedback edges close. This follows
/// from the state alone: an agent with an event in a worker's hands still has that event, too.
fn rest(state: &State, id: AgentId) -> Option<Draft> {
    let cycle = state.routes.cycle_of(id)?;
    let agents = &state.routes.cycles()[cycle];
    if state.kept.rested[cycle] || !agents.iter().all(|id| is_still(state, *id, cycle)) {
        return None;
    }
    let mut causes: Vec<Ref> = agents.iter().map(|id| state.agent(*id).last).collect();
    causes.sort_unstable();
    causes.dedup();
    Some(Draft::new(causes, Body::Rested(Rested { agents: agents.clone() })))
}

/// True if this agent of a cycle does nothing more unless something comes over a feedback edge.
fn is_still(state: &State, id: AgentId, cycle: usize) -> bool {
    let agent = state.agent(id);
    let over = agent.life.is_over();
    let outside = |producer: &&AgentId| state.routes.cycle_of(**producer) != Some(cycle);
    let done = |producer: &AgentId| state.agent(*producer).life.is_over();
    let mut inputs = state.routes.inputs(id).iter().zip(&agent.closed);
    agent.depth() == 0
        && (over || agent.is_quiet() && state.closed_input(id).is_none())
        && inputs.all(|(input, closed)| {
            let alone = input.feedback.is_empty() && input.producers.iter().all(|p| outside(&p));
            let ended = input.producers.iter().filter(outside).all(done);
            ended && (over || *closed || !alone)
        })
}

/// An event that was tried as often as it may be.
fn exhausted(state: &State, id: AgentId) -> Option<Draft> {
    let agent = state.agent(id);
    let plan = state.plan.agent(id)?;
    let pending = agent.pending.as_ref()?;
    let hopeless = pending.unknown || pending.hopeless && !plan.is_fresh();
    match pending.consumed {
        Consumed::Message { id: message, port } if hopeless || pending.failed > plan.retry.max => {
            let why = (pending.failed, pending.why.clone());
            Some(letter::draft(state, id, (message, port), why))
        }
        Consumed::Message { .. } => None,
        _ if agent.life == Life::Up && (pending.unknown || pending.failed > plan.retry.max) => {
            Some(gave_up(agent, id, pending))
        }
        _ => None,
    }
}

/// An event that is not a message cannot be set aside: the agent cannot go on without it.
fn gave_up(agent: &AgentState, id: AgentId, pending: &Pending) -> Draft {
    let why = match &pending.why {
        DeadLetterReason::Fault(fault) => format!("{}: {}", fault.code, fault.message),
        DeadLetterReason::Crash(crash) => crash.message.clone(),
        DeadLetterReason::Ended
        | DeadLetterReason::Overflow
        | DeadLetterReason::Rounds
        | DeadLetterReason::Closed => String::new(),
    };
    let crash = Crash { kind: CrashKind::Fault, message: why };
    let by = by(id, agent.incarnations, pending.failed);
    let body = Crashed { by, consumed: None, parts: vec![], crash, fuel: 0 };
    Draft::new(vec![Ref::record(pending.failure)], Body::Crashed(body))
}

/// An agent that answered `done`: a permanent one is started again, and it counts.
fn done(state: &State, id: AgentId, now: u64) -> Option<Draft> {
    let agent = state.agent(id);
    let written = || agent.writes.values().all(|write| write.pending.is_empty());
    if agent.mode != Next::Done || agent.pending.is_some() || !written() {
        return None;
    }
    let restart = state.plan.agent(id)?.restart;
    Some(match restart {
        Restart::Permanent => {
            let failed = Failed { child: Child::Agent(id), cause: agent.last, counted: true };
            supervise(state, &failed, now)
        }
        Restart::Transient | Restart::Temporary => end(state, id, End::Done),
    })
}

fn end(state: &State, id: AgentId, how: End) -> Draft {
    let agent = state.agent(id);
    let ended = Ended { agent: id, how, unread: agent.depth() as u64 };
    Draft::new(vec![agent.last], Body::Ended(ended))
}

/// A crashed agent: its supervisor decides.
fn crashed(state: &State, id: AgentId, (crash, again): (u64, bool), now: u64) -> Draft {
    let child = Child::Agent(id);
    if state.agent(id).incarnations == 0 {
        // As in OTP, a child of any kind that cannot be started at first ends its supervisor's start.
        let supervisor = state.routes.parent(child);
        let escalated = Escalated { supervisor, count: 0 };
        return Draft::new(vec![Ref::record(crash)], Body::Escalated(escalated));
    }
    if is_temporary(state, id) {
        return end(state, id, End::Crashed);
    }
    supervise(state, &Failed { child, cause: Ref::record(crash), counted: !again }, now)
}

fn is_temporary(state: &State, id: AgentId) -> bool {
    state.plan.agent(id).is_some_and(|agent| agent.restart == Restart::Temporary)
}

/// A child that its supervisor has to decide about.
struct Failed {
    child: Child,
    cause: Ref,
    counted: bool,
}

/// Restarts the child, and whoever goes down with it, or gives up.
fn supervise(state: &State, failed: &Failed, now: u64) -> Draft {
    let id = state.routes.parent(failed.child);
    let supervisor = &state.plan.supervisors[id.index()];
    let recent = &state.kept.supervisors[id.index()].recent;
    let window = supervise::window(recent, now, supervisor.period_ms).len();
    let count = u32::try_from(window - usize::from(!failed.counted)).unwrap_or(u32::MAX);
    let causes = vec![failed.cause];
    if count > supervisor.intensity {
        return Draft::new(causes, Body::Escalated(Escalated { supervisor: id, count }));
    }
    let children = supervise::casualties(supervisor.strategy, &supervisor.children, failed.child);
    if let Some(id) = bystander(state, children) {
        let ended = Ended { agent: id, how: End::Stopped, unread: state.agent(id).depth() as u64 };
        return Draft::new(causes, Body::Ended(ended));
    }
    let below = children.iter().flat_map(|child| state.agents_below(*child));
    let agents: Vec<AgentId> = below.filter(|id| !state.agent(*id).life.is_over()).collect();
    let counted = failed.counted;
    Draft::new(causes, Body::Restarted(Restarted { supervisor: id, agents, count, counted }))
}

/// The youngest temporary agent among the children that go down: as in OTP, it is not started again.
fn bystander(state: &State, children: &[Child]) -> Option<AgentId> {
    children.iter().rev().find_map(|child| match child {
        Child::Agent(id) if is_temporary(state, *id) && !state.agent(*id).life.is_over() => {
            Some(*id)
        }
        _ => None,
    })
}

/// Messages that a temporary agent leaves.
fn unread(state: &State, id: AgentId) -> Option<Draft> {
    let agent = state.agent(id);
    let queue = agent.queues.get(agent.oldest()?)?;
    let message = (queue.items.front()?.id, queue.port);
    Some(letter::draft(state, id, message, (0, DeadLetterReason::Ended)))
}

/// A supervisor that gave up: its own supervisor decides.
pub(super) fn supervisors(state: &State, now: u64) -> Option<Draft> {
    if state.kept.phase == Phase::Failing {
        return None;
    }
    let all = (0_u32..).zip(&state.kept.supervisors);
    let (id, gave_up) =
        all.skip(1).find_map(|(id, supervisor)| Some((SupervisorId(id), supervisor.failed?)))?;
    let (child, cause) = (Child::Supervisor(id), Ref::record(gave_up.seq));
    if gave_up.at_start {
        let supervisor = state.routes.parent(child);
        return Some(Draft::new(vec![cause], Body::Escalated(Escalated { supervisor, count: 0 })));
    }
    Some(supervise(state, &Failed { child, cause, counted: true }, now))
}

/// What must follow for the run: after the root gave up its agents end, youngest first; at the end it is over.
pub(super) fn run(state: &State) -> Option<Draft> {
    let phase = state.kept.phase;
    if phase == Phase::Failing
        && state.kept.alive > 0
        && let Some(root) = state.plan.supervisors.first()
    {
        let order = state.agents_below(Child::Supervisor(root.id));
        let youngest = order.into_iter().rev().find(|id| !state.agent(*id).life.is_over())?;
        let mut draft = end(state, youngest, End::Stopped);
        let gave_up = state.kept.supervisors.first().and_then(|root| root.failed);
        draft.causes.extend(gave_up.map(|gave_up| Ref::record(gave_up.seq)));
        return Some(draft);
    }
    if !matches!(phase, Phase::Running | Phase::Stopping | Phase::Failing) || state.kept.alive > 0 {
        return None;
    }
    if state.kept.agents.iter().any(|agent| agent.asking.as_ref().is_some_and(Asking::is_open)) {
        return None;
    }
    let writes = state.kept.agents.iter().flat_map(|agent| agent.writes.values());
    let mut unwritten = writes.filter(|write| !write.pending.is_empty()).peekable();
    let lost = unwritten.peek().is_some();
    if unwritten.any(|write| write.broken.is_none()) {
        return None;
    }
    let dead_letters = state.kept.dead_letters;
    let status = match (phase, dead_letters) {
        (Phase::Failing, _) => Status::Failed,
        // A temporary agent may have ended on a write that failed.
        _ if lost => Status::Failed,
        (_, 0) => Status::Completed,
        _ => Status::Degraded,
    };
    Some(Draft::new(vec![state.last()], Body::Finished(Finished { status, dead_letters })))
}
