//! What an input means.

use alloc::format;
use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;

use super::{Draft, ask, letter, live};
use crate::gate::Ask;
use crate::ids::{AgentId, Digest, Ref};
use crate::input::Input;
use crate::limits;
use crate::plan::Agent;
use crate::record::{
    Body, Checkpoint, Confirmed, Consumed, Crash, CrashKind, Crashed, Faulted, Genesis,
    Incarnation, Intent, Part, Payload, Repeated, Resumed, SinkId, Snapshot, Stopping, Suspended,
    Transaction,
};
use crate::state::{Life, Phase, Stand, State, WriteWhat};
use crate::work::{Begun, Call, Outcome, Taken, Trace, by};

/// True if this is the life that the agent lives.
pub(super) fn is_this_life(state: &State, id: AgentId, incarnation: u32) -> bool {
    let agent = state.agent(id);
    agent.life == Life::Up && agent.incarnations == incarnation
}

/// True if this is the life that the agent waits for, and it is its turn: it may have been stopped in between.
pub(super) fn is_next_life(state: &State, id: AgentId, (incarnation, now): (u32, u64)) -> bool {
    let agent = state.agent(id);
    let turn = match agent.life {
        Life::Starting => agent.not_before <= now,
        Life::Lost => state.kept.to_start.front() == Some(&id),
        Life::Off | Life::Up | Life::Down { .. } | Life::Over(_) => false,
    };
    turn && agent.incarnations + 1 == incarnation
}

/// A life began, or failed to.
pub(super) fn begun(state: &State, id: AgentId, begun: Begun) -> Draft {
    let agent = state.agent(id);
    let n = agent.incarnations + 1;
    let Trace { salt, parts, payloads, fuel } = begun.call;
    let body = if let Some(crash) = begun.crash {
        Body::Crashed(Crashed { by: by(id, n, 0), consumed: None, parts, crash, fuel })
    } else {
        let (component, config) = describe(state.plan.agent(id));
        let from = begun.origin;
        Body::Incarnation(Incarnation {
            agent: id,
            instance: 0,
            n,
            from,
            component,
            config,
            parts,
            fuel,
        })
    };
    Draft { causes: vec![agent.last], body, salt: Some(salt), payloads }
}

fn describe(agent: Option<&Agent>) -> (Digest, Digest) {
    agent.map_or_else(Default::default, |agent| {
        (agent.component, Digest::of(agent.config.as_bytes()))
    })
}

/// A guest was called.
pub(super) fn call(state: &State, (id, at): (AgentId, u64), call: Call) -> Draft {
    let agent = state.agent(id);
    let Call { consumed, attempt, trace, outcome } = call;
    let by = by(id, agent.incarnations, attempt);
    let causes = causes_of(state, id, &consumed);
    let Trace { salt, parts, mut payloads, fuel } = trace;
    let body = match outcome {
        Outcome::Next(next) => match too_many_timers(state, id, &parts) {
            None => Body::Transaction(Transaction { by, consumed, parts, next, fuel }),
            Some(crash) => {
                Body::Crashed(Crashed { by, consumed: Some(consumed), parts, crash, fuel })
            }
        },
        Outcome::Fault(fault) => Body::Faulted(Faulted { by, consumed, parts, fault, fuel }),
        Outcome::Asked(Ask { call, args: bytes }) => {
            let (args, n, key) = (Payload::commit(&salt, &bytes), 0, String::new());
            let intent = Intent { by, consumed, parts, n, call, args, key, fuel };
            let body = ask::intent(state, (at, &bytes), intent);
            payloads.extend(matches!(body, Body::Intent(_)).then_some(bytes));
            body
        }
        Outcome::Crash(crash) => {
            Body::Crashed(Crashed { by, consumed: Some(consumed), parts, crash, fuel })
        }
    };
    Draft { causes, body, salt: Some(salt), payloads }
}

fn too_many_timers(state: &State, id: AgentId, parts: &[Part]) -> Option<Crash> {
    let set = parts.iter().filter(|part| matches!(part, Part::TimerSet { .. })).count();
    let message = || format!("more than {} timers are set", limits::TIMERS_PER_AGENT);
    (set > 0 && state.agent(id).timers.len() + set > limits::TIMERS_PER_AGENT)
        .then(|| Crash { kind: CrashKind::Limit, message: message() })
}

/// What a call follows from: what it is about, and the failure that it comes after.
fn causes_of(state: &State, id: AgentId, consumed: &Consumed) -> Vec<Ref> {
    let agent = state.agent(id);
    let mut causes = match consumed {
        Consumed::Start | Consumed::Pull => vec![agent.last],
        Consumed::Message { id, .. } => vec![*id],
        Consumed::Timer { name } => {
            vec![agent.timers.get(name).map_or(agent.last, |timer| timer.set)]
        }
        Consumed::Closed { port } => {
            let inputs = state.routes.inputs(id).iter().filter(|input| input.port == *port);
            let producers = inputs.flat_map(|input| input.producers.iter().chain(&input.feedback));
            producers.map(|producer| state.agent(*producer).last).collect()
        }
    };
    causes.extend(letter::again(agent, consumed));
    let failure = agent.pending.as_ref().filter(|pending| pending.consumed == *consumed);
    causes.extend(failure.map(|pending| Ref::record(pending.failure)));
    let asking = agent.asking.as_ref().filter(|asking| asking.consumed == *consumed);
    if let Some(Stand::Answered { outcome, .. }) = asking.map(|asking| &asking.stand) {
        causes.push(Ref::record(*outcome));
    }
    if causes.is_empty() {
        causes.push(agent.last);
    }
    causes.sort_unstable();
    causes.dedup();
    causes
}

/// A snapshot was taken, or crashed the instance.
pub(super) fn snapshot(state: &State, id: AgentId, taken: Taken) -> Draft {
    let agent = state.agent(id);
    let incarnation = agent.incarnations;
    let Trace { salt, parts, mut payloads, fuel } = taken.trace;
    let body = match taken.state {
        Ok((state, bytes)) => {
            payloads.push(bytes);
            Body::Snapshot(Snapshot { agent: id, instance: 0, incarnation, state, parts, fuel })
        }
        Err(crash) => Body::Crashed(Crashed {
            by: by(id, incarnation, 0),
            consumed: None,
            parts,
            crash,
            fuel,
        }),
    };
    Draft { causes: vec![agent.last], body, salt: Some(salt), payloads }
}

/// Inputs that are one record each, or none.
pub(super) fn other(state: &State, input: Input) -> Option<Draft> {
    let last = vec![state.last()];
    let open = matches!(state.kept.phase, Phase::Running | Phase::Stopping | Phase::Failing);
    match input {
        Input::Begin(begin) => {
            let (run, plan, engine, components) =
                (begin.run, begin.plan, begin.engine, begin.components);
            Some(Draft::new(vec![], Body::Genesis(Genesis { run, plan, engine, components })))
        }
        Input::Resume(engine) => {
            let repeated = repeated(state);
            Some(Draft::new(last, Body::Resumed(Resumed { engine, repeated })))
        }
        Input::Written { agent, sink, upto, closed } => {
            let causes = vec![staged_by(state, agent, sink)];
            Some(Draft::new(causes, Body::Confirmed(Confirmed { agent, sink, upto, closed })))
        }
        Input::WriteFailed { agent, sink, message } => {
            Some(write_failed(state, agent, sink, message))
        }
        Input::Answered { agent, intent, answer } => ask::answered(state, agent, intent, answer),
        Input::Unanswered { agent, intent, error } => {
            ask::unanswered(state, agent, (intent, error))
        }
        Input::Decided { intent, repeat, by } => ask::decided(state, intent, (repeat, by)),
        Input::Retry { letter, by } => letter::retried(state, letter, by),
        Input::Discard { letter, by } => letter::discarded(state, letter, by),
        Input::Pause { by } => live::paused(state, by),
        Input::Continue { by } => live::continued(state, by),
        Input::Wait => ask::waiting(state),
        Input::Stop { by } => {
            let stopping = Body::Stopping(Stopping { by });
            (state.kept.phase == Phase::Running).then(|| Draft::new(last, stopping))
        }
        Input::Checkpointed { upto, digest, len } => {
            Some(Draft::new(last, Body::Checkpoint(Checkpoint { upto, digest, len })))
        }
        Input::Suspend { why } => {
            open.then(|| Draft::new(last, Body::Suspended(Suspended { why })))
        }
        Input::Report(_)
        | Input::Reload(_)
        | Input::Propose(_)
        | Input::Refuse(_)
        | Input::Receive { .. }
        | Input::Tick => None,
    }
}

/// Standard output that was staged and not confirmed. What was staged before a fork was written nowhere by the fork.
fn repeated(state: &State) -> Vec<Repeated> {
    if state.kept.forked {
        return vec![];
    }
    let agents = state.plan.agents.iter().map(|agent| (agent.id, state.agent(agent.id)));
    let stdouts = agents.filter_map(|(id, agent)| Some((id, agent.writes.get(&SinkId::STDOUT)?)));
    let spans = stdouts.filter_map(|(agent, write)| {
        let last = write.pending.iter().rev().find_map(|op| match &op.what {
            WriteWhat::Bytes { offset, bytes } => Some(offset + bytes.len() as u64),
            WriteWhat::Close | WriteWhat::Abandon => None,
        })?;
        Some(Repeated { agent, from: write.confirmed, to: last })
    });
    spans.collect()
}

/// The record that staged the first bytes that wait at a sink.
fn staged_by(state: &State, id: AgentId, sink: SinkId) -> Ref {
    let agent = state.agent(id);
    let first = agent.writes.get(&sink).and_then(|write| write.pending.front());
    first.map_or(agent.last, |op| Ref::record(op.seq))
}

/// A failed write is a crash of the agent that staged it.
fn write_failed(state: &State, id: AgentId, sink: SinkId, message: String) -> Draft {
    let causes = vec![staged_by(state, id, sink)];
    let crash = Crash { kind: CrashKind::Write, message };
    let by = by(id, state.agent(id).incarnations, 0);
    Draft::new(causes, Body::Crashed(Crashed { by, consumed: None, parts: vec![], crash, fuel: 0 }))
}
