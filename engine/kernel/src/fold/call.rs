//! What a guest call changes.

use alloc::string::String;
use alloc::sync::Arc;

use super::{agent, ask, retire, take};
use crate::ids::{AgentId, Bytes, PortId, Ref};
use crate::record::{
    Attempt, Consumed, CrashKind, Crashed, DeadLetterReason, End, Entry, Faulted, Next, Part,
    SinkId, Transaction,
};
use crate::state::{AgentState, Life, Pending, Queued, State, Timer, Write, WriteOp, WriteWhat};
use crate::work::{Event, Redo, Sink};

/// A handled event: it is consumed, and its parts take effect.
pub(super) fn transaction(state: &mut State, entry: &Arc<Entry>, body: &Transaction) {
    let id = body.by.agent;
    let round = round(state.agent(id), &body.consumed);
    let event = consume(state, id, &body.consumed);
    let mut payloads = entry.payloads.iter();
    for (nth, part) in (0_u32..).zip(&body.parts) {
        let here = Ref::part(entry.seq, nth);
        let payload = payloads.clone().next();
        match (part, payload) {
            (Part::Emission { port, .. }, Some(body)) => deliver(state, (*port, here), body, round),
            _ => effect(state, id, (here, entry.at), part, payload),
        }
        let _ = payloads.by_ref().take(part.payloads().count()).count();
    }
    ask::settle(state, id, &body.consumed);
    let agent = agent(state, id);
    agent.calls += 1;
    agent.mode = body.next;
    if !matches!(body.consumed, Consumed::Timer { .. }) {
        agent.round = round;
    }
    // A fresh life handles `start` before the message that the one before it failed at.
    // One that is done handles nothing any more.
    let settled =
        |pending: &mut Pending| pending.consumed == body.consumed || body.next == Next::Done;
    let _ = agent.pending.take_if(settled);
    agent.handled += u64::from(matches!(body.consumed, Consumed::Message { .. }));
    remember(state, entry, body.by, event);
    retire(state, id, entry.seq);
}

/// The round of what is emitted at an event. A pull belongs to the message that was answered with `more`;
/// what nobody sent begins anew.
fn round(agent: &AgentState, consumed: &Consumed) -> u32 {
    match consumed {
        Consumed::Message { id, port } => {
            let found = agent.find(*id, *port);
            found.map_or(0, |(queue, at)| agent.queues[queue].items[at].round)
        }
        Consumed::Pull => agent.round,
        Consumed::Start | Consumed::Closed { .. } | Consumed::Timer { .. } => 0,
    }
}

/// An event answered with a fault: it stays, and is tried again later.
pub(super) fn faulted(state: &mut State, entry: &Arc<Entry>, body: &Faulted) {
    let event = peek(state, body.by.agent, &body.consumed);
    fail(state, entry, body.by, (&body.consumed, DeadLetterReason::Fault(body.fault.clone())));
    remember(state, entry, body.by, event);
    let agent = agent(state, body.by.agent);
    agent.faults += 1;
    agent.failure = Some(entry.seq);
}

/// The event of a crash: it stays too. True if it is a message that has crashed before.
pub(super) fn crash_event(state: &mut State, entry: &Entry, body: &Crashed) -> bool {
    let Some(consumed) = &body.consumed else {
        return false;
    };
    let pending = agent(state, body.by.agent).pending.as_ref();
    let pending = pending.filter(|pending| pending.consumed == *consumed);
    let before = pending.is_some_and(|pending| pending.crashed);
    fail(state, entry, body.by, (consumed, DeadLetterReason::Crash(body.crash.clone())));
    if let Some(pending) = &mut agent(state, body.by.agent).pending {
        pending.crashed = true;
        let asked = body.parts.iter().any(|part| matches!(part, Part::Answer { .. }));
        // How long a call takes is the machine's doing, not the guest's alone.
        pending.hopeless = !asked && body.crash.kind != CrashKind::Timeout;
    }
    before && matches!(consumed, Consumed::Message { .. })
}

/// Notes a failed attempt.
fn fail(
    state: &mut State,
    entry: &Entry,
    by: Attempt,
    (consumed, why): (&Consumed, DeadLetterReason),
) {
    let retry = state.plan.agent(by.agent).map(|agent| agent.retry);
    let due = entry.at + retry.map_or(0, |retry| retry.wait.after_ms(by.attempt));
    let unknown = ask::settle(state, by.agent, consumed);
    let agent = agent(state, by.agent);
    let before = agent.pending.as_ref().filter(|pending| pending.consumed == *consumed);
    let crashed = before.is_some_and(|pending| pending.crashed);
    agent.pending = Some(Pending {
        consumed: consumed.clone(),
        failed: by.attempt,
        due,
        failure: entry.seq,
        why,
        hopeless: false,
        crashed,
        unknown,
    });
    state.touched.push(by.agent);
}

/// Keeps the call for the next life, unless nothing would be left to rebuild.
fn remember(state: &mut State, entry: &Arc<Entry>, by: Attempt, event: Option<Event>) {
    let keeps_state =
        state.plan.agent(by.agent).is_some_and(|agent| !agent.stateless && !agent.is_fresh());
    let agent = agent(state, by.agent);
    agent.last = Ref::record(entry.seq);
    if keeps_state && let Some(event) = event {
        agent.redo_bytes += (160 + event.len() + entry.payload_bytes()) as u64;
        agent.redo.push(Redo { event, entry: Arc::clone(entry) });
    }
    state.touched.push(by.agent);
}

/// Takes an event from where it waited.
fn consume(state: &mut State, id: AgentId, consumed: &Consumed) -> Option<Event> {
    match consumed {
        Consumed::Start => {
            agent(state, id).started = true;
            Some(Event::Start)
        }
        Consumed::Pull => Some(Event::Pull),
        Consumed::Message { id: message, port } => {
            let body = take(state, id, (*message, *port))?.body;
            Some(Event::Message { id: *message, port: *port, body })
        }
        Consumed::Closed { port } => {
            let nth = state.routes.inputs(id).iter().position(|input| input.port == *port)?;
            agent(state, id).closed[nth] = true;
            Some(Event::Closed { port: *port })
        }
        Consumed::Timer { name } => {
            agent(state, id).timers.remove(name);
            Some(Event::Timer { name: name.clone() })
        }
    }
}

/// An event that stays where it waits.
fn peek(state: &State, id: AgentId, consumed: &Consumed) -> Option<Event> {
    Some(match consumed {
        Consumed::Start => Event::Start,
        Consumed::Pull => Event::Pull,
        Consumed::Message { id: message, port } => {
            let body = state.agent(id).content(*message, *port)?.clone();
            Event::Message { id: *message, port: *port, body }
        }
        Consumed::Closed { port } => Event::Closed { port: *port },
        Consumed::Timer { name } => Event::Timer { name: name.clone() },
    })
}

/// What a part of a transaction changes. `here` is the part, and the record's time.
fn effect(state: &mut State, id: AgentId, here: (Ref, u64), part: &Part, payload: Option<&Bytes>) {
    let (part_ref, at) = here;
    match (part, payload) {
        (Part::Opened { sink, name, path, base, replace }, _) => {
            let write =
                Write { path: path.clone(), replace: *replace, base: *base, ..empty_write(*base) };
            open(agent(state, id), (*sink, name), write, part_ref.seq);
        }
        (Part::Staged { sink, offset, .. }, Some(bytes)) => {
            let what = WriteWhat::Bytes { offset: *offset, bytes: bytes.clone() };
            stage(
                agent(state, id),
                *sink,
                *offset + bytes.len() as u64,
                WriteOp { seq: part_ref.seq, what },
            );
        }
        (Part::Closed { sink }, _) => {
            let agent = agent(state, id);
            let name = agent.sinks.open.iter().find(|(_, open)| open.id == *sink);
            if let Some(name) = name.map(|(name, _)| name.clone()) {
                agent.sinks.close(&name);
            }
            if let Some(write) = agent.writes.get_mut(sink) {
                write.pending.push_back(WriteOp { seq: part_ref.seq, what: WriteWhat::Close });
            }
        }
        (Part::TimerSet { name, after_ms }, _) => {
            let timer = Timer { due: at.saturating_add(*after_ms), set: part_ref };
            agent(state, id).timers.insert(name.clone(), timer);
        }
        (Part::TimerCancelled { name }, _) => {
            agent(state, id).timers.remove(name);
        }
        _ => {}
    }
}

/// Puts a message into the mailbox of each reader that has not ended well: what comes for one that crashed for
/// good becomes a dead letter, and so does what comes over a feedback edge to one that has finished.
fn deliver(state: &mut State, (port, id): (PortId, Ref), body: &Bytes, round: u32) {
    let routes = Arc::clone(&state.routes);
    let Some(route) = routes.output(port) else {
        return;
    };
    agent(state, route.agent).emitted += 1;
    for reader in &route.readers {
        let to = agent(state, reader.agent);
        let gone = match to.life {
            Life::Over(End::Finished) => !reader.feedback,
            Life::Over(End::Done) => true,
            _ => false,
        };
        if !gone {
            let round = round.saturating_add(u32::from(reader.feedback));
            to.queues[reader.queue].items.push_back(Queued { id, body: body.clone(), round });
            state.touched.push(reader.agent);
        }
    }
}

fn empty_write(base: u64) -> Write {
    Write {
        path: String::new(),
        replace: false,
        base,
        confirmed: base,
        pending: alloc::collections::VecDeque::new(),
        broken: None,
        roots: None,
    }
}

/// Opens a sink; one that was open under the same name is abandoned.
fn open(agent: &mut AgentState, (sink, name): (SinkId, &str), write: Write, seq: u64) {
    let opened = Sink { id: sink, len: write.base, barred: false };
    agent.writes.insert(sink, write);
    agent.sinks.next = agent.sinks.next.max(sink.0 + 1);
    let old = agent.sinks.open.insert(String::from(name), opened);
    if let Some(write) = old.and_then(|old| agent.writes.get_mut(&old.id)) {
        write.pending.push_back(WriteOp { seq, what: WriteWhat::Abandon });
    }
}

fn stage(agent: &mut AgentState, sink: SinkId, len: u64, op: WriteOp) {
    if let WriteWhat::Bytes { bytes, .. } = &op.what {
        agent.unwritten += bytes.len() as u64;
    }
    if let Some(open) = agent.sinks.open.values_mut().find(|open| open.id == sink) {
        open.len = len;
    }
    agent.writes.entry(sink).or_insert_with(|| empty_write(0)).pending.push_back(op);
}
