//! What an agent could do now: it follows from the state and the time.

use alloc::collections::VecDeque;
use alloc::sync::Arc;
use alloc::vec;
use alloc::vec::Vec;

use crate::ids::AgentId;
use crate::limits;
use crate::record::{Consumed, Next, Origin};
use crate::state::{AgentState, Asking, Life, Pending, Phase, Reader, Spill, State};
use crate::work::{Batch, Begin, Event, Work};

/// What time it is, and what beside the state decides about an agent.
#[derive(Clone, Copy)]
pub(super) struct When {
    /// In ms since 1970.
    pub(super) now: u64,
    /// See [`Desk::keep_on`](super::Desk::keep_on).
    pub(super) lasting: bool,
    /// See [`Desk::let_leave`](super::Desk::let_leave).
    pub(super) leaves: bool,
}

/// What an agent could do now.
pub(super) enum Ready {
    Work(Work),
    At(u64),
    Nothing,
}

/// What an agent that is to come to rest has left to do.
pub(super) fn remaining(state: &State, id: AgentId, when: When) -> Ready {
    let agent = state.agent(id);
    let unsaved = state.plan.agent(id).is_some_and(|plan| agent.is_unsaved(plan));
    match agent.life {
        _ if agent.asking.is_some() || agent.halt.is_some() => next(state, id, when),
        Life::Starting | Life::Lost => next(state, id, when),
        Life::Up if unsaved => Ready::Work(Work::Snapshot),
        _ => Ready::Nothing,
    }
}

/// What an agent could do now.
pub(super) fn next(state: &State, id: AgentId, when: When) -> Ready {
    let agent = state.agent(id);
    let open = matches!(state.kept.phase, Phase::Running | Phase::Stopping | Phase::Failing);
    match agent.life {
        // One that is asked to stop goes on with what it has asked.
        Life::Starting if open && (agent.halt.is_none() || agent.is_asking()) => {
            if !state.kept.to_start.is_empty() || state.is_left_behind() {
                Ready::Nothing
            } else if agent.not_before > when.now {
                Ready::At(agent.not_before)
            } else {
                Ready::Work(Work::Begin(begin(state, id)))
            }
        }
        Life::Lost if open && agent.halt.is_none() && state.kept.to_start.front() == Some(&id) => {
            Ready::Work(Work::Begin(begin(state, id)))
        }
        Life::Up if open && agent.halt.is_none() && wants_snapshot(state, id) => {
            Ready::Work(Work::Snapshot)
        }
        Life::Up if open && !agent.is_behind() && (when.leaves || goes_on(state, agent)) => {
            handle(state, id, when)
        }
        _ => Ready::Nothing,
    }
}

/// True unless the run stands still. What has asked is under way, and goes on to its end.
fn goes_on(state: &State, agent: &AgentState) -> bool {
    !state.kept.paused || agent.asking.is_some() || agent.halt.is_some()
}

/// True if re-handling what it did since its last snapshot would cost more than a new one. Who asks re-handles
/// it after each ask.
fn wants_snapshot(state: &State, id: AgentId) -> bool {
    let agent = state.agent(id);
    let asks = state.plan.agent(id).is_some_and(|agent| agent.grants.asks());
    agent.wants_snapshot() || asks && agent.redo.len() >= limits::REDO_CALLS_OF_ASKERS
}

/// How an agent's next life begins.
#[must_use]
pub fn begin(state: &State, id: AgentId) -> Begin {
    let agent = state.agent(id);
    let redone = u32::try_from(agent.redo.len()).unwrap_or(u32::MAX);
    let snapshot = agent.saved.as_ref().map(|saved| saved.seq);
    let origin = if agent.started || snapshot.is_some() || redone > 0 {
        Origin::Checkpoint { snapshot, redone }
    } else {
        Origin::Fresh
    };
    let sinks = if redone > 0 { &agent.saved_sinks } else { &agent.sinks };
    Begin {
        plan: Arc::clone(&state.plan),
        origin,
        saved: agent.saved.as_ref().map(|saved| saved.state.clone()),
        redo: agent.redo.clone(),
        sinks: sinks.clone(),
    }
}

/// The events an agent could handle now, if every output has room.
fn handle(state: &State, id: AgentId, When { now, lasting, .. }: When) -> Ready {
    let agent = state.agent(id);
    let room = room(state, id);
    let stopping = state.kept.phase == Phase::Stopping;
    // A wait for standard input is abandoned when the run stops, and the instance with it.
    let abandoned = stopping && state.plan.agent(id).is_some_and(|agent| agent.grants.stdin);
    if agent.mode == Next::Done || abandoned || room.contains(&0) {
        return Ready::Nothing;
    }
    if let Some(asking) = &agent.asking {
        return resume(agent, asking, room);
    }
    if agent.halt.is_some() {
        return Ready::Nothing;
    }
    if let Some(pending) = &agent.pending
        && (agent.started || pending.consumed == Consumed::Start)
    {
        return again(agent, pending, (room, now));
    }
    let source = state.routes.inputs(id).iter().all(|input| input.producers.is_empty());
    // A fresh life begins with its start, and goes on with what waits for it.
    if stopping && (source || !agent.started && agent.depth() == 0) {
        return Ready::Nothing;
    }
    let mut events = if stopping { VecDeque::new() } else { timers(agent, now) };
    if !agent.started {
        events = VecDeque::from([Event::Start]);
    } else if events.len() > 1 {
        // What one timer's event does may move or cancel the next.
        events.truncate(1);
    } else {
        messages(agent, state.routes.spills(id), &mut events);
    }
    if events.is_empty()
        && agent.mode == Next::Wait
        && !lasting
        && let Some(nth) = state.closed_input(id)
    {
        let port = state.routes.inputs(id)[nth].port;
        events.push_back(Event::Closed { port });
    }
    if events.is_empty() && agent.mode == Next::Wait {
        let due = agent.timers.values().map(|timer| timer.due).min();
        return due.filter(|_| !stopping).map_or(Ready::Nothing, Ready::At);
    }
    Ready::Work(Work::Handle(Batch { events, mode: agent.mode, attempt: 1, room, so_far: None }))
}

/// An event at which the agent asked, once there is an answer. Nothing overtakes it.
fn resume(agent: &AgentState, asking: &Asking, room: Vec<u32>) -> Ready {
    let event = event(agent, &asking.consumed);
    let Some((event, so_far)) = event.zip(asking.so_far()) else {
        return Ready::Nothing;
    };
    // The mode is left out, as for a failed event.
    let (mode, so_far) = (Next::Wait, Some(so_far));
    let events = VecDeque::from([event]);
    Ready::Work(Work::Handle(Batch { events, mode, attempt: asking.attempt, room, so_far }))
}

/// A failed event, once its time has come. Nothing overtakes it.
fn again(agent: &AgentState, pending: &Pending, (room, now): (Vec<u32>, u64)) -> Ready {
    if pending.due > now {
        return Ready::At(pending.due);
    }
    let Some(event) = event(agent, &pending.consumed) else {
        return Ready::Nothing;
    };
    // The mode is left out: a failed message must come again before any pull.
    let batch = Batch {
        events: VecDeque::from([event]),
        mode: Next::Wait,
        attempt: pending.failed + 1,
        room,
        so_far: None,
    };
    Ready::Work(Work::Handle(batch))
}

/// The event that a record names, from where it waits.
#[must_use]
pub fn event(agent: &AgentState, consumed: &Consumed) -> Option<Event> {
    Some(match consumed {
        Consumed::Start => Event::Start,
        Consumed::Pull => Event::Pull,
        Consumed::Closed { port } => Event::Closed { port: *port },
        Consumed::Timer { name } => Event::Timer { name: name.clone() },
        Consumed::Message { id, port } => {
            let body = agent.content(*id, *port)?.clone();
            Event::Message { id: *id, port: *port, body }
        }
    })
}

/// Free places per output: the least over the readers that it waits for.
pub(crate) fn room(state: &State, id: AgentId) -> Vec<u32> {
    let outputs = state.plan.agent(id).map_or(&[][..], |agent| &agent.outputs);
    let free = |port| {
        let route = state.routes.output(port)?;
        let waits = |reader: &&Reader| reader.blocks && !state.agent(reader.agent).life.is_over();
        let readers = route.readers.iter().filter(waits);
        let fullest =
            readers.map(|reader| state.agent(reader.agent).queues[reader.queue].items.len()).max();
        let taken = u32::try_from(fullest?).unwrap_or(u32::MAX);
        Some(route.capacity.saturating_sub(taken))
    };
    outputs.iter().map(|output| free(output.port).unwrap_or(u32::MAX)).collect()
}

/// Timers that are due, earliest first.
fn timers(agent: &AgentState, now: u64) -> VecDeque<Event> {
    let due = agent.timers.iter().filter(|(_, timer)| timer.due <= now);
    let mut due: Vec<_> = due.map(|(name, timer)| (timer.due, timer.set, name)).collect();
    due.sort_unstable();
    due.into_iter().map(|(_, _, name)| Event::Timer { name: name.clone() }).collect()
}

/// Messages, what was fed back first, then oldest first over all queues; as many as a batch may hold.
fn messages(agent: &AgentState, spills: &[Spill], events: &mut VecDeque<Event>) {
    let mut fed_back = vec![false; agent.queues.len()];
    for spill in spills.iter().filter(|spill| spill.rounds.is_some()) {
        fed_back[spill.queue] = true;
    }
    let mut taken = vec![0_usize; agent.queues.len()];
    let mut bytes = 0;
    while events.len() < limits::BATCH_EVENTS && bytes < limits::BATCH_BYTES {
        let heads = agent.queues.iter().zip(&taken).enumerate();
        let heads = heads.filter_map(|(nth, (queue, from))| {
            Some((!fed_back[nth], queue.items.get(*from)?.id, nth))
        });
        let Some((_, id, nth)) = heads.min() else { break };
        let queue = &agent.queues[nth];
        let body = queue.items[taken[nth]].body.clone();
        taken[nth] += 1;
        bytes += body.len();
        events.push_back(Event::Message { id, port: queue.port, body });
    }
}
