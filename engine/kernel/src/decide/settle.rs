//! What follows from the state alone: retries run out, agents stop and end, runs end.

use alloc::format;
use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;

use super::{Draft, ask, letter, supervise};
use crate::desk::{Desk, room};
use crate::ids::{AgentId, PortId, Ref};
use crate::json;
use crate::record::{
    Body, Consumed, Crash, CrashKind, Crashed, DeadLetterReason, End, Ended, Finished, Rested,
    Status, Stopped,
};
use crate::state::{AgentState, Asking, Life, Pending, Phase, Queued, State};
use crate::work::by;

/// What must follow for one agent, if anything.
pub(super) fn agent(state: &State, desk: &Desk, (id, now): (AgentId, u64)) -> Option<Draft> {
    if !matches!(state.kept.phase, Phase::Running | Phase::Stopping | Phase::Failing) {
        return None;
    }
    let agent = state.agent(id);
    let lost = ask::lost(state, id).or_else(|| removed(state, id)).or_else(|| stray(state, id));
    lost.or_else(|| match agent.life {
        Life::Up => exhausted(state, id)
            .or_else(|| agent.is_done().then(|| end(state, id, End::Done)))
            .or_else(|| is_finished(state, desk, id).then(|| end(state, id, End::Finished)))
            .or_else(|| stop(state, desk, (id, now)))
            .or_else(|| rest(state, desk, id)),
        Life::Down { .. } => exhausted(state, id).or_else(|| supervise::down(state, id)),
        Life::Over(End::Crashed | End::Stopped | End::Removed) => {
            unread(state, id).or_else(|| rest(state, desk, id))
        }
        Life::Over(_) => rest(state, desk, id),
        Life::Starting | Life::Lost => stop(state, desk, (id, now)),
        Life::Off => supervise::off(state, id),
    })
}

/// An agent with nothing left to do ends, unless the run stands still, or is kept and somebody may send it something.
fn is_finished(state: &State, desk: &Desk, id: AgentId) -> bool {
    let mut inputs = state.routes.inputs(id).iter();
    let kept = desk.is_lasting() && inputs.any(|input| !input.is_wired());
    !state.kept.paused && !kept && state.is_finished(id)
}

/// An agent that the plan does not have any more.
fn removed(state: &State, id: AgentId) -> Option<Draft> {
    let gone = state.plan.past.agents.binary_search(&id).is_ok();
    (gone && !state.agent(id).life.is_over()).then(|| end(state, id, End::Removed))
}

/// A message that another plan has no place for: it stands behind all queues that there are. What came over an edge that
/// is gone may stand there, too, and is read.
fn stray(state: &State, id: AgentId) -> Option<Draft> {
    if state.plan.past.agents.binary_search(&id).is_ok() {
        return None;
    }
    let queues: usize = state.routes.inputs(id).iter().map(|input| input.queues.len()).sum();
    let strays = state.agent(id).queues.get(queues..).unwrap_or_default();
    // All messages of such a queue are values of the input's type, or none is.
    let fits = |port: PortId, item: &Queued| {
        let inputs = state.plan.agent(id).map_or(&[][..], |agent| &agent.inputs);
        let input = inputs.iter().find(|input| input.port == port);
        let text = core::str::from_utf8(&item.body).ok();
        let is_value = |ty, text| json::check(&state.plan.types, ty, text).is_ok();
        input.zip(text).is_some_and(|(input, text)| is_value(input.ty, text))
    };
    let heads = strays.iter().filter_map(|queue| Some((queue.port, queue.items.front()?)));
    let (port, item) = heads.into_iter().find(|(port, item)| !fits(*port, item))?;
    Some(letter::draft(state, id, (item.id, port), (0, DeadLetterReason::Unfit)))
}

/// An agent that was asked to stop, once it is at no event, or its time is up.
fn stop(state: &State, desk: &Desk, (id, now): (AgentId, u64)) -> Option<Draft> {
    let agent = state.agent(id);
    let halt = agent.halt?;
    let late = halt.due.is_some_and(|due| due <= now);
    if !late && (desk.is_busy(id) || goes_on(state, id)) {
        return None;
    }
    if halt.last {
        return Some(supervise::stopped_for_good(state, id));
    }
    let killed = late && matches!(agent.life, Life::Up | Life::Starting);
    let mut causes = vec![Ref::record(halt.why), agent.last];
    causes.sort_unstable();
    causes.dedup();
    Some(Draft::new(causes, Body::Stopped(Stopped { agent: id, killed })))
}

/// True if it is at an event that has asked the world, and can go on with it: whoever reads what it emits may be
/// stopped already, with no place left.
fn goes_on(state: &State, id: AgentId) -> bool {
    let agent = state.agent(id);
    let answered = agent.asking.as_ref().is_some_and(|asking| asking.so_far().is_some());
    agent.is_asking() && !(answered && room(state, id).contains(&0))
}

/// A cycle to which nothing more can come, and in which nothing moves: its feedback edges close. This follows
/// from the state alone: an agent with an event in a worker's hands still has that event, too.
fn rest(state: &State, desk: &Desk, id: AgentId) -> Option<Draft> {
    if state.kept.paused || desk.is_lasting() {
        return None;
    }
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
        | DeadLetterReason::Closed
        | DeadLetterReason::Unfit => String::new(),
    };
    let crash = Crash { kind: CrashKind::Fault, message: why };
    let by = by(id, agent.incarnations, pending.failed);
    let body = Crashed { by, consumed: None, parts: vec![], crash, fuel: 0 };
    Draft::new(vec![Ref::record(pending.failure)], Body::Crashed(body))
}

pub(super) fn end(state: &State, id: AgentId, how: End) -> Draft {
    let agent = state.agent(id);
    let ended = Ended { agent: id, how, unread: agent.depth() as u64 };
    Draft::new(vec![agent.last], Body::Ended(ended))
}

/// Messages that an agent leaves that did not end well.
fn unread(state: &State, id: AgentId) -> Option<Draft> {
    let agent = state.agent(id);
    let queue = agent.queues.get(agent.oldest()?)?;
    let message = (queue.items.front()?.id, queue.port);
    let attempts = agent.failed_at(message.0, message.1).map_or(0, |pending| pending.failed);
    Some(letter::draft(state, id, message, (attempts, DeadLetterReason::Ended)))
}

/// What must follow for the run once all its agents have ended: it is over.
pub(super) fn run(state: &State) -> Option<Draft> {
    let phase = state.kept.phase;
    let open = match phase {
        Phase::Running | Phase::Stopping => !state.kept.paused,
        Phase::Failing => true,
        _ => false,
    };
    if !open || state.kept.alive > 0 {
        return None;
    }
    if state.kept.agents.iter().any(|agent| agent.asking.as_ref().is_some_and(Asking::is_open)) {
        return None;
    }
    if state.kept.agents.iter().any(AgentState::writes_on) {
        return None;
    }
    let dead_letters = state.kept.dead_letters;
    let status = match (phase, dead_letters) {
        (Phase::Failing, _) => Status::Failed,
        // A temporary agent may have ended on a write that failed.
        _ if !state.all_written() => Status::Failed,
        (_, 0) => Status::Completed,
        _ => Status::Degraded,
    };
    Some(Draft::new(vec![state.last()], Body::Finished(Finished { status, dead_letters })))
}
