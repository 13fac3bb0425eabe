//! Dead letters: the JSON object that the dead-letter agent gets, and what somebody decides about those that the
//! engine keeps.

use alloc::format;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec;

use super::Draft;
use crate::ids::{AgentId, Bytes, PortId, Ref, Salt};
use crate::limits;
use crate::record::{Body, Consumed, DeadLetterReason, DeadLettered, Payload, Person, Resolved};
use crate::state::{AgentState, Letter, State};

/// The record that sets a message aside. It goes to the dead-letter agent if there is one that takes
/// letters from this agent, still lives, and has room.
pub(super) fn draft(
    state: &State,
    id: AgentId,
    message: (Ref, PortId),
    (attempts, why): (u32, DeadLetterReason),
) -> Draft {
    let (message, port) = message;
    let agent = state.agent(id);
    let failure = agent.failed_at(message, port).map(|pending| Ref::record(pending.failure));
    let ended = (why == DeadLetterReason::Ended).then_some(agent.last);
    let causes = [message].into_iter().chain(failure).chain(ended).collect();
    let bytes =
        takes_letters(state, id).then(|| text(state, id, (message, port), (attempts, &why)));
    let bytes = bytes.flatten();
    let letter = bytes.as_ref().map(|bytes| Payload::commit(&Salt::default(), bytes));
    let body = Body::DeadLettered(DeadLettered { agent: id, message, port, attempts, why, letter });
    Draft { payloads: bytes.into_iter().collect(), ..Draft::new(causes, body) }
}

/// Commits to the record's own payload under its salt, which is drawn last.
pub(super) fn commit(draft: &mut Draft, salt: &Salt) {
    let payload = draft.payloads.last().map(|bytes| Payload::commit(salt, bytes));
    match &mut draft.body {
        Body::DeadLettered(body) => body.letter = payload,
        Body::Outcome(body) => body.answer = payload,
        Body::Received(body) => body.value = payload.unwrap_or(body.value),
        _ => {}
    }
}

fn takes_letters(state: &State, from: AgentId) -> bool {
    let Some(letters) = &state.plan.dead_letter else {
        return false;
    };
    let to = state.agent(letters.agent);
    let inputs = state.routes.inputs(letters.agent).iter().zip(&to.closed);
    let open = || inputs.clone().any(|(input, closed)| input.port == letters.port && !closed);
    let gone = || state.plan.past.agents.binary_search(&from).is_ok() && open();
    (letters.feeders.contains(&from) || gone())
        && !to.life.is_over()
        && to.depth() < limits::CAPACITY_MAX as usize
}

/// Somebody has a letter tried again.
pub(super) fn retried(state: &State, letter: u64, by: Person) -> Option<Draft> {
    let kept = state.retriable(letter).ok()?;
    let resolved = resolved(kept, letter, by);
    Some(Draft::new(vec![Ref::record(letter)], Body::Retried(resolved)))
}

/// Somebody drops a letter.
pub(super) fn discarded(state: &State, letter: u64, by: Person) -> Option<Draft> {
    let kept = state.kept.letters.get(letter)?;
    let resolved = resolved(kept, letter, by);
    Some(Draft::new(vec![Ref::record(letter)], Body::Discarded(resolved)))
}

fn resolved(kept: &Letter, letter: u64, by: Person) -> Resolved {
    Resolved { letter, agent: kept.agent, message: kept.message.id, port: kept.port, by }
}

/// The record that had a message tried again that was a dead letter before.
pub(super) fn again(agent: &AgentState, consumed: &Consumed) -> Option<Ref> {
    let Consumed::Message { id, port } = consumed else { return None };
    agent.again.get(&(*id, *port)).copied().map(Ref::record)
}

/// `{agent, port, message, code, text, attempts, body}`; `port` is empty for an input that is gone.
fn text(
    state: &State,
    id: AgentId,
    (message, port): (Ref, PortId),
    (attempts, why): (u32, &DeadLetterReason),
) -> Option<Bytes> {
    let agent = state.plan.agent(id)?;
    // One that the plan does not have any more has no name in it.
    let input = agent.inputs.iter().find(|input| input.port == port);
    let input = input.map_or("", |input| &input.name);
    let (queue, at) = state.agent(id).find(message, port)?;
    let body = core::str::from_utf8(&state.agent(id).queues[queue].items[at].body).ok()?;
    let (code, text) = match why {
        DeadLetterReason::Fault(fault) => (fault.code.as_str(), fault.message.as_str()),
        DeadLetterReason::Crash(crash) => ("crash", crash.message.as_str()),
        DeadLetterReason::Ended => ("ended", "the agent has ended and will not come back"),
        DeadLetterReason::Overflow => ("overflow", "the agent had no place for it"),
        DeadLetterReason::Rounds => ("rounds", "it has gone round as often as it may"),
        DeadLetterReason::Closed => ("closed", "its cycle had come to rest"),
        DeadLetterReason::Unfit => ("unfit", "the plan has no place for it any more"),
    };
    let [name, input, code, text] = [&agent.name, input, code, text].map(quote);
    let letter = format!(
        r#"{{"agent":{name},"port":{input},"message":"{message}","code":{code},"text":{text},"attempts":{attempts},"body":{body}}}"#
    );
    Some(Arc::from(letter.into_bytes()))
}

/// A JSON string.
fn quote(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for c in text.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            c if u32::from(c) < 0x20 => out.extend(format!("\\u{:04x}", u32::from(c)).chars()),
            c => out.push(c),
        }
    }
    out.push('"');
    out
}
