//! What becomes of messages for which there is no place, at queues for which no producer waits.

use alloc::vec;
use alloc::vec::Vec;

use super::{Draft, letter};
use crate::desk::Desk;
use crate::ids::{AgentId, Ref};
use crate::plan::Overflow;
use crate::record::{Body, Consumed, DeadLetterReason, DropChoice, Dropped};
use crate::state::{Queue, Spill, State};

/// What must follow for the mailbox of one agent, if anything. It is asked after each record that may have put
/// something into the mailbox, so that what stands beyond a bound came last.
pub(super) fn agent(state: &State, desk: &Desk, id: AgentId) -> Option<Draft> {
    state.routes.spills(id).iter().find_map(|spill| one(state, desk, (id, spill)))
}

fn one(state: &State, desk: &Desk, (id, spill): (AgentId, &Spill)) -> Option<Draft> {
    let queue = &state.agent(id).queues[spill.queue];
    let last = queue.items.back()?;
    let message = |at: usize| Some((queue.items.get(at)?.id, queue.port));
    let set_aside = |at: usize, why| Some(letter::draft(state, id, message(at)?, (0, why)));
    if let Some(rounds) = spill.rounds {
        if state.has_rested(id) {
            return set_aside(0, DeadLetterReason::Closed);
        }
        if last.round > rounds {
            let beyond = queue.items.iter().rev().take_while(|item| item.round > rounds).count();
            return set_aside(queue.items.len() - beyond, DeadLetterReason::Rounds);
        }
    }
    let excess = queue.items.len().checked_sub(spill.places).filter(|excess| *excess > 0)?;
    let (from, which) = match spill.overflow {
        Overflow::Block => return None,
        Overflow::Fail => return set_aside(spill.places, DeadLetterReason::Overflow),
        Overflow::DropNewest => (spill.places, DropChoice::Newest),
        Overflow::DropOldest => {
            // What is handed out had a place, so that at least as many as find none are left.
            let kept = held(state, desk, (id, spill.queue)).min(spill.places);
            (kept, DropChoice::Oldest)
        }
    };
    let messages = ids(queue, from, excess);
    let dropped = Dropped { agent: id, port: queue.port, messages, which };
    Some(Draft::new(vec![last.id], Body::Dropped(dropped)))
}

fn ids(queue: &Queue, from: usize, count: usize) -> Vec<Ref> {
    queue.items.iter().skip(from).take(count).map(|item| item.id).collect()
}

/// How many of the oldest messages of a queue must stay: a worker has them, or one of them is to be
/// tried again or has asked.
fn held(state: &State, desk: &Desk, (id, nth): (AgentId, usize)) -> usize {
    let agent = state.agent(id);
    let Queue { port, items } = &agent.queues[nth];
    let failed = agent.pending.as_ref().map(|pending| &pending.consumed);
    let asking = agent.asking.as_ref().map(|asking| &asking.consumed);
    let again = failed.into_iter().chain(asking).filter_map(|consumed| match consumed {
        Consumed::Message { id, port } => Some((*id, *port)),
        _ => None,
    });
    let all = again.chain(desk.messages(id).iter().copied()).filter(|(_, of)| of == port);
    let place = |message: Ref| items.binary_search_by_key(&message, |item| item.id).ok();
    all.filter_map(|(message, _)| place(message)).max().map_or(0, |last| last + 1)
}
