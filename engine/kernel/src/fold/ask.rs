//! What asks and their outcomes change.

use alloc::sync::Arc;

use super::agent;
use crate::ids::Ref;
use crate::record::{Consumed, Decided, Entry, Intent, Known, Outcome};
use crate::state::{Asking, Life, Stand, State};

/// A guest asked. Its call has ended, and its life with it; the next one begins at once and waits for the answer.
pub(super) fn intent(state: &mut State, entry: &Arc<Entry>, body: &Intent) {
    let id = body.by.agent;
    let agent = agent(state, id);
    let same =
        |before: &Asking| before.consumed == body.consumed && before.attempt == body.by.attempt;
    let before = agent.asking.take().filter(same);
    agent.asking = Some(Asking {
        consumed: body.consumed.clone(),
        attempt: body.by.attempt,
        since: before.as_ref().map_or(entry.at, |before| before.since),
        intent: Arc::clone(entry),
        stand: Stand::Open { after: entry.seq },
        unknown: before.is_some_and(|before| before.unknown),
        asked: entry.at,
        elsewhere: None,
    });
    agent.life = Life::Starting;
    agent.last = Ref::record(entry.seq);
    state.touched.push(id);
}

/// Something is known of an ask.
pub(super) fn outcome(state: &mut State, entry: &Arc<Entry>, body: &Outcome) {
    let agent = agent(state, body.agent);
    let over = agent.life.is_over();
    let Some(asking) = agent.asking.as_mut().filter(|asking| asking.intent.seq == body.intent)
    else {
        return;
    };
    asking.unknown |= matches!(body.how, Known::Unknown | Known::Made);
    if !matches!(asking.stand, Stand::Open { .. }) {
        asking.since = entry.at;
    }
    asking.stand = match (body.how, entry.payloads.last()) {
        (Known::Answered | Known::Unknown | Known::Made, Some(answer)) => {
            Stand::Answered { outcome: entry.seq, answer: answer.clone() }
        }
        (Known::Repeated, _) => {
            (asking.asked, asking.elsewhere) = (entry.at, None);
            Stand::Open { after: entry.seq }
        }
        _ => Stand::Held { since: entry.seq },
    };
    if over && !asking.is_open() {
        agent.asking = None;
    } else {
        agent.last = Ref::record(entry.seq);
    }
    state.touched.push(body.agent);
}

/// Somebody decided.
pub(super) fn decided(state: &mut State, seq: u64, body: &Decided) {
    let agent = agent(state, body.agent);
    if let Some(asking) = agent.asking.as_mut().filter(|asking| asking.intent.seq == body.intent) {
        asking.stand = Stand::Decided { by: seq, repeat: body.repeat };
        agent.last = Ref::record(seq);
        state.touched.push(body.agent);
    }
}

/// A process ended: nobody knows what became of what it was asked to do. The time until this one is no event's.
pub(super) fn lose(state: &mut State, now: u64) {
    for asking in state.kept.agents.iter_mut().filter_map(|agent| agent.asking.as_mut()) {
        asking.since = now;
        if matches!(asking.stand, Stand::Open { .. }) {
            asking.stand = Stand::Lost;
        }
    }
}

/// The attempt at this event is over, well or not. True if it was told of something that nobody knows.
pub(super) fn settle(state: &mut State, id: crate::ids::AgentId, consumed: &Consumed) -> bool {
    let agent = agent(state, id);
    let asking = agent.asking.take_if(|asking| asking.consumed == *consumed);
    asking.is_some_and(|asking| asking.unknown)
}
