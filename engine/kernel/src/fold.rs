//! What a record changes. The only place where [`State`] changes: live, in recovery and in replay alike.

mod ask;
mod call;
mod fork;

use alloc::collections::VecDeque;
use alloc::sync::Arc;
use alloc::vec::Vec;

use crate::ids::{AgentId, PortId, Ref, SupervisorId};
use crate::plan::{Child, Restart};
use crate::record::{
    Body, Confirmed, Crashed, DeadLettered, Dropped, End, Ended, Entry, Escalated, Incarnation,
    Next, Restarted, Rested, SinkId, Snapshot,
};
use crate::record::{Consumed, CrashKind};
use crate::state::{
    AgentState, Asking, GaveUp, Life, Pending, Phase, Queued, Saved, State, SupervisorState,
    WriteOp, WriteWhat,
};
use crate::work::Sinks;

/// Bytes that a record takes in the log besides its payloads, about.
const RECORD_BYTES: u64 = 160;

/// Takes a record into the state. Records come in order, from the first or from a checkpoint on.
pub fn fold(state: &mut State, entry: &Arc<Entry>) {
    let passed = entry.at.saturating_sub(state.kept.now);
    state.kept.next_seq = entry.seq + 1;
    state.kept.now = entry.at;
    state.kept.since_checkpoint += RECORD_BYTES + entry.payload_bytes() as u64;
    match &entry.body {
        Body::Genesis(genesis) => {
            state.kept.run = Some(genesis.run);
            begin(state);
        }
        Body::Resumed(_) => resume(state, entry),
        Body::Incarnation(body) => incarnation(state, entry, body),
        Body::Transaction(body) => call::transaction(state, entry, body),
        Body::Faulted(body) => call::faulted(state, entry, body),
        Body::Crashed(body) => crashed(state, entry, body),
        Body::Restarted(body) => restarted(state, entry, body),
        Body::Escalated(body) => escalated(state, entry, body),
        Body::DeadLettered(body) => dead_lettered(state, entry, body),
        Body::Snapshot(body) => snapshot(state, entry, body),
        Body::Confirmed(body) => confirmed(state, body),
        Body::Ended(body) => ended(state, entry.seq, *body),
        Body::Checkpoint(body) => {
            state.kept.since_checkpoint = 0;
            state.kept.checkpoint_len = body.len;
        }
        Body::Stopping(_) => {
            state.kept.phase = Phase::Stopping;
            touch_all(state);
        }
        Body::Suspended(_) => state.kept.phase = Phase::Suspended,
        Body::Finished(body) => state.kept.phase = Phase::Finished(body.status),
        Body::Dropped(body) => dropped(state, entry.seq, body),
        Body::Rested(body) => rested(state, entry.seq, body),
        Body::Intent(body) => ask::intent(state, entry, body),
        Body::Outcome(body) => ask::outcome(state, entry, body),
        Body::Forked(body) => fork::forked(state, entry, body, passed),
        Body::Decided(body) => ask::decided(state, entry.seq, body),
        Body::Waiting(_) => state.kept.phase = Phase::Waiting,
        Body::Pruned(_) => {}
    }
}

fn touch_all(state: &mut State) {
    state.touched = state.plan.agents.iter().map(|agent| agent.id).collect();
}

/// All agents are to be started, in the order of the tree.
fn begin(state: &mut State) {
    state.kept.phase = Phase::Running;
    state.kept.to_start = tree_order(state).into();
    touch_all(state);
}

fn tree_order(state: &State) -> Vec<AgentId> {
    let root = state.plan.supervisors.first();
    root.map_or_else(Vec::new, |root| state.agents_below(Child::Supervisor(root.id)))
}

/// A process ended and another one took over: every life is lost, nothing else is.
fn resume(state: &mut State, entry: &Entry) {
    let gave_up = state.kept.supervisors.first().is_some_and(|root| root.failed.is_some());
    let failing = state.kept.phase == Phase::Failing || gave_up;
    state.kept.phase = if failing { Phase::Failing } else { Phase::Running };
    state.kept.forked = false;
    ask::lose(state, entry.at);
    let mut to_start = VecDeque::new();
    for id in tree_order(state) {
        let agent = agent(state, id);
        for write in agent.writes.values_mut() {
            write.broken = None;
        }
        if !matches!(agent.life, Life::Up | Life::Starting) {
            continue;
        }
        let up = agent.life == Life::Up;
        if let Some(pending) = &mut agent.pending {
            pending.due = pending.due.min(entry.at);
        }
        agent.life = Life::Starting;
        agent.last = Ref::record(entry.seq);
        to_start.push_back(id);
        if up {
            forget(state, id);
        }
    }
    state.kept.to_start = to_start;
    touch_all(state);
}

fn agent(state: &mut State, id: AgentId) -> &mut AgentState {
    &mut state.kept.agents[id.index()]
}

fn incarnation(state: &mut State, entry: &Entry, body: &Incarnation) {
    state.kept.to_start.retain(|waiting| *waiting != body.agent);
    let agent = agent(state, body.agent);
    agent.life = Life::Up;
    agent.incarnations = body.n;
    for write in agent.writes.values_mut() {
        write.broken = None;
    }
    agent.last = Ref::record(entry.seq);
    state.touched.push(body.agent);
    state.touched.extend(state.kept.to_start.front());
}

fn crashed(state: &mut State, entry: &Entry, body: &Crashed) {
    let id = body.by.agent;
    let again = call::crash_event(state, entry, body);
    let agent = agent(state, id);
    agent.last = Ref::record(entry.seq);
    agent.crashes += 1;
    agent.failure = Some(entry.seq);
    let over = agent.life.is_over();
    // Only a failed write can come when the agent does not live: it is then tried again in the next
    // life, or, after the last one, is the run's failure.
    let ends = body.crash.kind != CrashKind::Write || agent.life == Life::Up;
    if ends {
        agent.life = Life::Down { crash: entry.seq, again };
    }
    if body.crash.kind == CrashKind::Fault
        && let Some(pending) = &mut agent.pending
    {
        pending.failed = 0;
    }
    if body.crash.kind == CrashKind::Write {
        for write in agent.writes.values_mut().filter(|write| !write.pending.is_empty()) {
            write.broken = Some(entry.seq);
        }
    }
    if ends {
        forget(state, id);
        state.kept.to_start.retain(|waiting| *waiting != id);
        state.touched.extend(state.kept.to_start.front());
    }
    state.touched.push(id);
    if over {
        state.kept.phase = Phase::Failing;
        touch_all(state);
    }
}

/// Drops what an agent with `restore = "fresh"` loses with its life: state and timers, and so what it knows of
/// its inputs. Mailboxes and files stay. An agent that is done only waits for its bytes to be written.
fn forget(state: &mut State, id: AgentId) {
    let plan = state.plan.agent(id).map(|agent| (agent.is_fresh(), agent.restart));
    let Some((true, restart)) = plan else {
        return;
    };
    let wired = state.routes.inputs(id).iter().map(|input| !input.queues.is_empty());
    let closed: Vec<bool> = wired.map(|wired| !wired).collect();
    let agent = agent(state, id);
    if agent.mode == Next::Done && restart != Restart::Permanent {
        return;
    }
    agent.started = false;
    agent.mode = Next::Wait;
    agent.closed = closed;
    agent.timers.clear();
    agent.saved = None;
    agent.redo.clear();
    agent.redo_bytes = 0;
    let message = |pending: &Pending| matches!(pending.consumed, Consumed::Message { .. });
    agent.pending = agent.pending.take().filter(message);
}

fn restarted(state: &mut State, entry: &Entry, body: &Restarted) {
    let plan = Arc::clone(&state.plan);
    let supervisor = &plan.supervisors[body.supervisor.index()];
    if body.counted {
        let recent = &mut state.kept.supervisors[body.supervisor.index()].recent;
        *recent = crate::supervise::window(recent, entry.at, supervisor.period_ms);
    }
    for child in &supervisor.children {
        if let Child::Supervisor(id) = child
            && state.agents_below(*child).iter().any(|agent| body.agents.contains(agent))
        {
            renew(state, *id);
        }
    }
    state.kept.to_start.retain(|waiting| !body.agents.contains(waiting));
    for id in &body.agents {
        if state.agent(*id).life == Life::Up {
            forget(state, *id);
        }
        let permanent = plan.agent(*id).is_some_and(|agent| agent.restart == Restart::Permanent);
        let agent = agent(state, *id);
        agent.life = Life::Starting;
        agent.last = Ref::record(entry.seq);
        agent.restarts += 1;
        if permanent && agent.mode == Next::Done {
            agent.mode = Next::Wait;
        }
        for write in agent.writes.values_mut() {
            write.broken = None;
        }
        state.kept.to_start.push_back(*id);
    }
    state.touched.extend(&body.agents);
    state.touched.extend(state.kept.to_start.front());
}

/// A supervisor that is started again, with those below it, has restarted nothing yet.
fn renew(state: &mut State, id: SupervisorId) {
    state.kept.supervisors[id.index()] = SupervisorState::default();
    let plan = Arc::clone(&state.plan);
    for child in &plan.supervisors[id.index()].children {
        if let Child::Supervisor(below) = child {
            renew(state, *below);
        }
    }
}

fn escalated(state: &mut State, entry: &Entry, body: &Escalated) {
    let plan = Arc::clone(&state.plan);
    for child in &plan.supervisors[body.supervisor.index()].children {
        if let Child::Supervisor(id) = child {
            state.kept.supervisors[id.index()].failed = None;
        }
    }
    let supervisor = &mut state.kept.supervisors[body.supervisor.index()];
    supervisor.failed = Some(GaveUp { seq: entry.seq, at_start: body.count == 0 });
    supervisor.recent.clear();
    if body.supervisor.0 == 0 {
        state.kept.phase = Phase::Failing;
        state.kept.to_start.clear();
        touch_all(state);
    }
}

fn dead_lettered(state: &mut State, entry: &Entry, body: &DeadLettered) {
    let reader = agent(state, body.agent);
    let (id, port) = (body.message, body.port);
    let message = Consumed::Message { id, port };
    let _ = reader.pending.take_if(|pending| pending.consumed == message);
    reader.last = Ref::record(entry.seq);
    reader.letters += 1;
    reader.failure = Some(entry.seq);
    take(state, body.agent, (body.message, body.port));
    state.touched.push(body.agent);
    let letters = state.plan.dead_letter.as_ref().map(|letters| (letters.agent, letters.port));
    match (letters, body.letter, entry.payloads.last()) {
        (Some((to, port)), Some(_), Some(letter)) => {
            if let Some(queue) = state.routes.letters(to, port) {
                let letter = Queued { id: Ref::record(entry.seq), body: letter.clone(), round: 0 };
                agent(state, to).queues[queue].items.push_back(letter);
                state.touched.push(to);
            }
        }
        _ => state.kept.dead_letters += 1,
    }
}

/// Takes a message out of a reader's mailbox, and lets its producer know that there is room.
fn take(state: &mut State, reader: AgentId, (message, port): (Ref, PortId)) -> Option<Queued> {
    let input = state.routes.inputs(reader).iter().find(|input| input.port == port)?;
    let (queue, at) = state.agent(reader).find(message, port)?;
    let taken = state.kept.agents[reader.index()].queues[queue].items.remove(at);
    state.touched.extend(&input.producers);
    taken
}

/// Messages that found no place.
fn dropped(state: &mut State, seq: u64, body: &Dropped) {
    for message in &body.messages {
        take(state, body.agent, (*message, body.port));
    }
    let reader = agent(state, body.agent);
    reader.dropped += body.messages.len() as u64;
    reader.last = Ref::record(seq);
    state.touched.push(body.agent);
}

/// A cycle's feedback edges close, which its agents have yet to be told.
fn rested(state: &mut State, seq: u64, body: &Rested) {
    let cycle = body.agents.first().and_then(|agent| state.routes.cycle_of(*agent));
    if let Some(rested) = cycle.and_then(|cycle| state.kept.rested.get_mut(cycle)) {
        *rested = true;
    }
    for id in &body.agents {
        agent(state, *id).last = Ref::record(seq);
    }
    state.touched.extend(&body.agents);
}

fn snapshot(state: &mut State, entry: &Entry, body: &Snapshot) {
    let agent = agent(state, body.agent);
    agent.saved = entry.payloads.last().map(|bytes| Saved { seq: entry.seq, state: bytes.clone() });
    agent.saved_sinks = agent.sinks.clone();
    agent.redo.clear();
    agent.redo_bytes = 0;
    agent.last = Ref::record(entry.seq);
    state.touched.push(body.agent);
}

fn confirmed(state: &mut State, body: &Confirmed) {
    let agent = agent(state, body.agent);
    let Some(write) = agent.writes.get_mut(&body.sink) else {
        return;
    };
    write.confirmed = body.upto;
    while let Some(op) = write.pending.front() {
        match &op.what {
            WriteWhat::Bytes { offset, bytes } if offset + bytes.len() as u64 <= body.upto => {
                agent.unwritten = agent.unwritten.saturating_sub(bytes.len() as u64);
            }
            WriteWhat::Close | WriteWhat::Abandon if body.closed => {}
            _ => break,
        }
        write.pending.pop_front();
    }
    if body.closed {
        // What was to be written before it was abandoned will not be.
        let left = agent.writes.remove(&body.sink).into_iter().flat_map(|write| write.pending);
        let left = left.map(|op| match op.what {
            WriteWhat::Bytes { bytes, .. } => bytes.len() as u64,
            WriteWhat::Close | WriteWhat::Abandon => 0,
        });
        agent.unwritten = agent.unwritten.saturating_sub(left.sum());
    }
    state.touched.push(body.agent);
}

fn ended(state: &mut State, seq: u64, body: Ended) {
    state.kept.alive = state.kept.alive.saturating_sub(1);
    state.kept.to_start.retain(|waiting| *waiting != body.agent);
    state.touched.extend(state.kept.to_start.front());
    let agent = agent(state, body.agent);
    agent.life = Life::Over(body.how);
    agent.last = Ref::record(seq);
    agent.saved = None;
    agent.redo = Vec::new();
    agent.redo_bytes = 0;
    agent.timers.clear();
    agent.pending = None;
    // What was asked is still waited for: its outcome must not be hidden.
    agent.asking = agent.asking.take().filter(Asking::is_open);
    if matches!(body.how, End::Finished | End::Done) {
        agent.queues.iter_mut().for_each(|queue| queue.items.clear());
    }
    let open = core::mem::take(&mut agent.sinks);
    let well = matches!(body.how, End::Finished | End::Done);
    for sink in open.open.values().filter(|sink| sink.id != SinkId::STDOUT) {
        if let Some(write) = agent.writes.get_mut(&sink.id) {
            // Half of a new content never takes the old content's place.
            let what = if well || !write.replace { WriteWhat::Close } else { WriteWhat::Abandon };
            write.pending.push_back(WriteOp { seq, what });
        }
    }
    agent.sinks = Sinks { next: open.next, ..Sinks::default() };
    touch_neighbours(state, body.agent);
}

/// An end closes channels, and takes a full reader away: whoever waited for that is looked at again.
fn touch_neighbours(state: &mut State, id: AgentId) {
    let plan = Arc::clone(&state.plan);
    let routes = Arc::clone(&state.routes);
    let outputs = plan.agents[id.index()].outputs.iter();
    let readers =
        outputs.filter_map(|output| routes.output(output.port)).flat_map(|route| &route.readers);
    state.touched.push(id);
    state.touched.extend(readers.map(|reader| reader.agent));
    state.touched.extend(routes.inputs(id).iter().flat_map(|input| &input.producers));
    state.touched.extend(plan.dead_letter.iter().map(|letters| letters.agent));
}
