//! What becomes of messages that are set aside.

use super::{agent, take};
use crate::ids::Ref;
use crate::record::{Consumed, DeadLetterReason, DeadLettered, Entry, Resolved};
use crate::state::{Letter, Queued, State};

/// A message leaves its mailbox: for the dead-letter agent's, or to be kept by the engine.
pub(super) fn dead_lettered(state: &mut State, entry: &Entry, body: &DeadLettered) {
    let reader = agent(state, body.agent);
    let (id, port) = (body.message, body.port);
    let message = Consumed::Message { id, port };
    let _ = reader.pending.take_if(|pending| pending.consumed == message);
    reader.letters += 1;
    // What it leaves unread is no failure of its own, and follows from its end.
    if body.why != DeadLetterReason::Ended {
        reader.failure = Some(entry.seq);
        reader.last = Ref::record(entry.seq);
    }
    let queue = reader.find(id, port).map(|(queue, _)| queue);
    let taken = queue.zip(take(state, body.agent, (id, port)));
    state.touched.push(body.agent);
    let letters = state.plan.dead_letter.as_ref().map(|letters| (letters.agent, letters.port));
    if let (Some((to, port)), Some(_), Some(letter)) = (letters, body.letter, entry.payloads.last())
    {
        if let Some(queue) = state.routes.letters(to, port) {
            let letter = Queued { id: Ref::record(entry.seq), body: letter.clone(), round: 0 };
            agent(state, to).queues[queue].items.push_back(letter);
            state.touched.push(to);
        }
        return;
    }
    state.kept.dead_letters += 1;
    if let Some((queue, message)) = taken {
        keep(state, entry, body, (queue, message));
    }
}

fn keep(state: &mut State, entry: &Entry, body: &DeadLettered, (queue, message): (usize, Queued)) {
    let letter = Letter {
        at: entry.at,
        agent: body.agent,
        port: body.port,
        queue: u32::try_from(queue).unwrap_or(u32::MAX),
        message,
        attempts: body.attempts,
        why: body.why.clone(),
    };
    state.kept.letters.keep(entry.seq, letter);
}

/// A dead letter waits again where it had waited: before what was emitted after it.
pub(super) fn retried(state: &mut State, seq: u64, body: &Resolved) {
    let Some(Letter { queue, message, .. }) = state.kept.letters.take(body.letter) else {
        return;
    };
    state.kept.dead_letters = state.kept.dead_letters.saturating_sub(1);
    let reader = agent(state, body.agent);
    let Some(queue) = reader.queues.get_mut(queue as usize) else { return };
    let at = queue.items.partition_point(|item| item.id < message.id);
    queue.items.insert(at, message);
    reader.again.insert((body.message, body.port), seq);
    state.touched.push(body.agent);
}

/// A dead letter is nobody's any more.
pub(super) fn discarded(state: &mut State, body: &Resolved) {
    if state.kept.letters.take(body.letter).is_some() {
        state.kept.dead_letters = state.kept.dead_letters.saturating_sub(1);
    }
}
