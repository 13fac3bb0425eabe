//! What an ask means, and what is known of it.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec;
use alloc::vec::Vec;

use super::Draft;
use crate::http::{self, Answer, HttpErrorCode, OnUnknown, Request};
use crate::ids::{AgentId, Bytes, Ref, Salt};
use crate::limits;
use crate::record::{
    Body, Consumed, Crash, CrashKind, Crashed, Decided, Intent, Known, Outcome, Payload, Person,
    Waiting,
};
use crate::state::{Asking, Stand, State};

/// A guest asked: the intent with its number and its key, or how its attempt ends instead.
pub(super) fn intent(state: &State, (at, args): (u64, &[u8]), intent: Intent) -> Body {
    let id = intent.by.agent;
    let same = |asking: &&Asking| {
        asking.consumed == intent.consumed && asking.attempt == intent.by.attempt
    };
    let before = state.agent(id).asking.as_ref().filter(same);
    let n = before.and_then(Asking::intent).map_or(0, |intent| intent.n) + 1;
    let plan = state.plan.agent(id);
    let late = before.zip(plan).is_some_and(|(asking, plan)| asking.deadline(plan) <= at);
    let crash = if late {
        let message = String::from("the event took longer than its timeout, with what it asked");
        Crash { kind: CrashKind::Timeout, message }
    } else if n > limits::ASKS_PER_EVENT {
        let message = format!("more than {} asks at one event", limits::ASKS_PER_EVENT);
        Crash { kind: CrashKind::Limit, message }
    } else {
        let asked: Option<Request> = postcard::from_bytes(args).ok();
        let own = asked.as_ref().and_then(Request::key).map(String::from);
        let key = own.unwrap_or_else(|| key(state, id, &intent.consumed, n));
        return Body::Intent(Intent { n, key, ..intent });
    };
    let Intent { by, consumed, parts, fuel, .. } = intent;
    Body::Crashed(Crashed { by, consumed: Some(consumed), parts, crash, fuel })
}

/// The idempotency key: the same for each try at the same ask of the same event.
fn key(state: &State, id: AgentId, consumed: &Consumed, n: u32) -> String {
    let run = state.kept.run.map_or_else(String::new, |run| run.to_string());
    let name = state.plan.agent(id).map_or("", |agent| agent.name.as_str());
    let agent = state.agent(id);
    let input = |port| {
        let plan = state.plan.agent(id);
        let found = plan.and_then(|agent| agent.inputs.iter().find(|input| input.port == port));
        found.map_or("", |input| input.name.as_str())
    };
    let event = match consumed {
        Consumed::Start => String::from("start"),
        Consumed::Pull => format!("pull-{}", agent.calls),
        Consumed::Message { id, port } => format!("{id}-{}", input(*port)),
        Consumed::Closed { port } => format!("closed-{}", input(*port)),
        Consumed::Timer { name } => {
            let set = agent.timers.get(name).map_or(agent.last, |timer| timer.set);
            format!("timer-{set}")
        }
    };
    format!("{run}/{name}/{event}/{n}")
}

/// The world answered.
pub(super) fn answered(state: &State, id: AgentId, intent: u64, answer: Bytes) -> Option<Draft> {
    let asking = open(state, id, intent)?;
    Some(outcome(id, asking, Known::Answered, Some(answer)))
}

/// The world was asked and did not answer. What may be repeated is an error like others: the guest, or the event's
/// next attempt, asks again.
pub(super) fn unanswered(
    state: &State,
    id: AgentId,
    (intent, error): (u64, Bytes),
) -> Option<Draft> {
    let asking = open(state, id, intent)?;
    let answer: Option<Answer> = postcard::from_bytes(&error).ok();
    let why = answer.and_then(Answer::err);
    let done = why.as_ref().is_some_and(|why| why.code == HttpErrorCode::TooLarge);
    let why = why.map_or_else(String::new, |why| why.message);
    // Nobody waits for what an agent asked that is over.
    let wanted = state.plan.agent(id).filter(|_| !state.agent(id).life.is_over());
    Some(match wanted.map_or(OnUnknown::Fail, |plan| asking.on_unknown(plan)) {
        OnUnknown::Retry => outcome(id, asking, Known::Answered, Some(error)),
        _ if done => outcome(id, asking, Known::Made, Some(error)),
        OnUnknown::Ask => outcome(id, asking, Known::Held, Some(error)),
        OnUnknown::Fail => outcome(id, asking, Known::Unknown, unknown(state, asking, &why)),
    })
}

/// An ask that this process does, and of which no record says what came of it.
fn open(state: &State, id: AgentId, intent: u64) -> Option<&Asking> {
    let asking = state.agent(id).asking.as_ref()?;
    let open = matches!(asking.stand, Stand::Open { .. }) && asking.intent.seq == intent;
    open.then_some(asking)
}

/// Somebody said what is to happen with an ask of which nobody knows what became.
pub(super) fn decided(state: &State, intent: u64, (repeat, by): (bool, Person)) -> Option<Draft> {
    let (agent, asking) = state.held().find(|(_, asking)| asking.intent.seq == intent)?;
    let Stand::Held { since } = asking.stand else { return None };
    let decided = Decided { agent, intent, repeat, by };
    Some(Draft::new(vec![Ref::record(since)], Body::Decided(decided)))
}

/// Nothing can be done before somebody decides.
pub(super) fn waiting(state: &State) -> Option<Draft> {
    let intents: Vec<u64> = state.held().map(|(_, asking)| asking.intent.seq).collect();
    let causes = state.held().map(|(id, _)| state.agent(id).last).collect();
    (!intents.is_empty()).then(|| Draft::new(causes, Body::Waiting(Waiting { intents })))
}

/// What must follow for an ask that the process before this one may have done, or that somebody has decided about.
pub(super) fn lost(state: &State, id: AgentId) -> Option<Draft> {
    let agent = state.agent(id);
    let asking = agent.asking.as_ref()?;
    match asking.stand {
        Stand::Lost | Stand::Forked => {}
        Stand::Decided { repeat: true, .. } => {
            return Some(outcome(id, asking, Known::Repeated, None));
        }
        Stand::Decided { repeat: false, .. } => {
            return Some(outcome(id, asking, Known::Unknown, unknown(state, asking, UNRECORDED)));
        }
        Stand::Open { .. } | Stand::Held { .. } | Stand::Answered { .. } => return None,
    }
    // Nobody waits for what an agent asked that is over.
    let wanted = state.plan.agent(id).filter(|_| !agent.life.is_over());
    let how = match wanted {
        // Who forks a run there wants it done again.
        Some(_) if asking.stand == Stand::Forked => OnUnknown::Retry,
        Some(plan) => asking.on_unknown(plan),
        None => OnUnknown::Fail,
    };
    let mut draft = match how {
        OnUnknown::Retry => outcome(id, asking, Known::Repeated, None),
        OnUnknown::Ask => outcome(id, asking, Known::Held, None),
        OnUnknown::Fail => outcome(id, asking, Known::Unknown, unknown(state, asking, UNRECORDED)),
    };
    draft.causes.push(agent.last);
    draft.causes.sort_unstable();
    draft.causes.dedup();
    Some(draft)
}

/// Why nobody knows what became of what a process that has ended was asked to do.
const UNRECORDED: &str = "no response was recorded";

/// What the guest is told.
fn unknown(state: &State, asking: &Asking, why: &str) -> Option<Bytes> {
    let answer: Answer = Err(http::unknown(why, &asking.key(asking.elsewhere.or(state.kept.run))));
    postcard::to_allocvec(&answer).ok().map(Bytes::from)
}

fn outcome(id: AgentId, asking: &Asking, how: Known, answer: Option<Bytes>) -> Draft {
    let intent = asking.intent.seq;
    let after = match asking.stand {
        Stand::Open { after } => after,
        Stand::Held { since } => since,
        Stand::Decided { by, .. } => by,
        Stand::Lost | Stand::Forked | Stand::Answered { .. } => intent,
    };
    let payloads: Vec<Bytes> = answer.into_iter().collect();
    let answer = payloads.last().map(|bytes| Payload::commit(&Salt::default(), bytes));
    let body = Body::Outcome(Outcome { agent: id, intent, how, answer });
    Draft { payloads, ..Draft::new(vec![Ref::record(after)], body) }
}
