//! What a record changes. The only place where [`State`] changes: live, in recovery and in replay alike.

mod ask;
mod call;
mod decisions;
mod exits;
mod fork;
mod letter;
mod live;
mod reload;
mod resume;
mod supervise;

use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;

use crate::ids::{AgentId, PortId, Ref, SupervisorId};
use crate::plan::{Child, Restart};
use crate::record::{
    Body, Confirmed, CrashKind, Crashed, Dropped, End, Ended, Entry, Incarnation, Next, Origin,
    Rested, SinkId, Snapshot,
};
use crate::state::{
    AgentState, Asking, Awaited, Life, Phase, Queued, Saved, Start, State, WriteOp, WriteWhat,
};

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
        Body::Resumed(_) => resume::resume(state, entry),
        Body::Incarnation(body) => incarnation(state, entry, body),
        Body::Transaction(body) => call::transaction(state, entry, body),
        Body::Faulted(body) => call::faulted(state, entry, body),
        Body::Crashed(body) => crashed(state, entry, body),
        Body::Restarted(body) => decisions::restarted(state, entry, body),
        Body::Escalated(body) => decisions::escalated(state, entry.seq, body),
        Body::DeadLettered(body) => letter::dead_lettered(state, entry, body),
        Body::Retried(body) => letter::retried(state, entry.seq, body),
        Body::Discarded(body) => letter::discarded(state, body),
        Body::Snapshot(body) => snapshot(state, entry, body),
        Body::Confirmed(body) => confirmed(state, entry.seq, body),
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
        Body::Stopped(body) => decisions::stopped(state, entry.seq, *body),
        Body::ShutDown(body) => decisions::shut_down(state, entry.seq, *body),
        Body::Reloaded(body) => reload::reloaded(state, entry, body),
        Body::Proposed(body) => {
            state.kept.proposed = Some(Awaited { proposal: entry.seq, plan: body.next.to });
        }
        Body::Refused(body) => reload::refused(state, body),
        Body::Paused(_) => state.kept.paused = true,
        Body::Continued(_) => live::continued(state),
        Body::Received(body) => live::received(state, entry, body),
    }
}

fn touch_all(state: &mut State) {
    state.touched = state.plan.agents.iter().map(|agent| agent.id).collect();
}

/// The root is started, and so all below it, in the order of the tree.
fn begin(state: &mut State) {
    state.kept.phase = Phase::Running;
    touch_all(state);
    supervise::begin(state, SupervisorId(0), Start { at: 0, due: 0, why: 0 });
    supervise::go_on(state, SupervisorId(0));
}

fn agent(state: &mut State, id: AgentId) -> &mut AgentState {
    &mut state.kept.agents[id.index()]
}

fn incarnation(state: &mut State, entry: &Entry, body: &Incarnation) {
    let agent = agent(state, body.agent);
    agent.life = Life::Up;
    agent.not_before = 0;
    agent.incarnations = body.n;
    if let Origin::Checkpoint { redone, .. } = body.from {
        agent.redone += u64::from(redone);
    }
    // Not before: a write that fails while its agent starts would be nobody's crash.
    for write in agent.writes.values_mut() {
        write.broken = None;
    }
    agent.last = Ref::record(entry.seq);
    state.touched.push(body.agent);
    resume::next(state);
    supervise::turned(state, Child::Agent(body.agent));
    // Its last bytes may have been written before it was started again after the end of a process.
    retire(state, body.agent, entry.seq);
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
        agent.life = Life::Down { seq: entry.seq, again };
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
        touch_followers(state, id);
    }
    state.touched.push(id);
    if ends {
        forget(state, id);
        resume::next(state);
        exits::went_down(state, id, entry.seq);
    }
    if over {
        decisions::fail(state, entry.seq, false);
    }
}

/// A permanent agent that has answered `done` and has written all is down, to be started again.
fn retire(state: &mut State, id: AgentId, seq: u64) {
    let permanent = state.plan.agent(id).is_some_and(|plan| plan.restart == Restart::Permanent);
    let done = permanent && state.agent(id).is_done() && state.agent(id).life == Life::Up;
    if done {
        forget(state, id);
        agent(state, id).life = Life::Down { seq, again: false };
        exits::went_down(state, id, seq);
    }
}

/// Drops what an agent with `restore = "fresh"` loses with its life: state and timers, and so what it knows of
/// its inputs. Mailboxes and files stay. An agent that is done only waits for its bytes to be written.
fn forget(state: &mut State, id: AgentId) {
    let plan = state.plan.agent(id).map(|agent| (agent.is_fresh(), agent.restart));
    let Some((true, restart)) = plan else {
        return;
    };
    let inputs = state.routes.inputs(id).iter();
    let closed: Vec<bool> = inputs.map(|input| !input.is_wired()).collect();
    let agent = agent(state, id);
    if agent.mode == Next::Done && restart != Restart::Permanent {
        return;
    }
    agent.started = false;
    agent.mode = Next::Wait;
    agent.closed = closed;
    agent.timers.clear();
    agent.saved = None;
    agent.forget_calls();
    agent.keep_failed_message();
}

/// Takes a message out of a reader's mailbox, and lets its producer know that there is room.
fn take(state: &mut State, reader: AgentId, (message, port): (Ref, PortId)) -> Option<Queued> {
    let input = state.routes.inputs(reader).iter().find(|input| input.port == port);
    let (queue, at) = state.agent(reader).find(message, port)?;
    let agent = &mut state.kept.agents[reader.index()];
    let taken = agent.queues[queue].items.remove(at);
    agent.again.remove(&(message, port));
    state.touched.extend(input.iter().flat_map(|input| &input.producers));
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
    agent.saved_calls = agent.calls;
    agent.forget_calls();
    agent.last = Ref::record(entry.seq);
    state.touched.push(body.agent);
}

fn confirmed(state: &mut State, seq: u64, body: &Confirmed) {
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
    touch_followers(state, body.agent);
    retire(state, body.agent, seq);
}

/// Who is to come may wait for one that is gone to have written all.
fn touch_followers(state: &mut State, id: AgentId) {
    if state.plan.past.agents.binary_search(&id).is_ok() && !state.is_left_behind() {
        touch_all(state);
    }
}

fn ended(state: &mut State, seq: u64, body: Ended) {
    state.kept.alive = state.kept.alive.saturating_sub(1);
    let halt = state.agent(body.agent).halt;
    supervise::set_halt(state, body.agent, None);
    let agent = agent(state, body.agent);
    agent.life = Life::Over(body.how);
    agent.last = Ref::record(seq);
    agent.saved = None;
    agent.forget_calls();
    agent.redo.shrink_to_fit();
    agent.timers.clear();
    agent.again.clear();
    // What was asked is still waited for: its outcome must not be hidden.
    agent.asking = agent.asking.take().filter(Asking::is_open);
    let well = matches!(body.how, End::Finished | End::Done);
    // Who is removed when it has handled all leaves nothing half done.
    let whole = well || body.how == End::Removed && agent.depth() == 0;
    if well {
        agent.queues.iter_mut().for_each(|queue| queue.items.clear());
        agent.pending = None;
    } else {
        // What it leaves unread keeps its attempts.
        agent.keep_failed_message();
    }
    close_files(agent, seq, whole);
    touch_neighbours(state, body.agent);
    resume::next(state);
    exits::ended(state, body.agent, (body.how, halt, seq));
}

/// Who ends closes all files. Half of a new content never takes the old content's place. Another plan may start the
/// agent again: it goes on behind what it has written, which may not be in its place yet.
fn close_files(agent: &mut AgentState, seq: u64, whole: bool) {
    let open = agent.sinks.open.iter().filter(|(_, sink)| sink.id != SinkId::STDOUT);
    let open: Vec<(String, SinkId)> = open.map(|(name, sink)| (name.clone(), sink.id)).collect();
    for (name, id) in open {
        let write = agent.writes.get_mut(&id);
        let kept = whole || write.as_ref().is_none_or(|write| !write.replace);
        if let Some(write) = write {
            let what = if kept { WriteWhat::Close } else { WriteWhat::Abandon };
            write.pending.push_back(WriteOp { seq, what });
        }
        if kept {
            agent.sinks.close(&name);
        } else {
            agent.sinks.open.remove(&name);
        }
    }
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
