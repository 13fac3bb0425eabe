//! Does the work of an [`Activation`](crate::work::Activation) on a [`Guest`].

use alloc::format;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;

use crate::gate::{Mode, SoFar, Stop};
use crate::ids::{Bytes, Fault};
use crate::limits;
use crate::record::{Body, Crash, CrashKind, Next, Part, Payload};
use crate::work::{
    Batch, Begin, Begun, Call, Called, Done, Event, Guest, Outcome, Redo, Taken, Trace,
};

/// Begins a life: `init`, then the recorded calls again.
pub fn begin(guest: &mut impl Guest, begin: &Begin) -> Option<Begun> {
    guest.gate().open(Mode::Quiet);
    let called = guest.init(begin.saved.as_deref());
    let (trace, outcome) = end(guest, called)?;
    let crash = match outcome {
        // What was handled is the same after a snapshot, but memory is laid out otherwise, so that the
        // same work may take other fuel.
        Outcome::Next(()) => {
            let exact = begin.saved.is_none();
            begin.redo.iter().find_map(|redo| repeat(guest, redo, exact))
        }
        Outcome::Fault(fault) => Some(init_fault(&fault)),
        Outcome::Crash(crash) => Some(Crash { kind: CrashKind::Init, ..crash }),
        Outcome::Asked(_) => Some(asked_outside()),
    };
    Some(Begun { origin: begin.origin, call: trace, crash })
}

/// Turns what an agent kept in mind as another component (`from`: its digest, in hex) into what this one keeps. `None`
/// if it has no way to; then it begins with that as it is, or does not.
pub fn migrate(guest: &mut impl Guest, from: &str, saved: &[u8]) -> Option<Result<Vec<u8>, Crash>> {
    guest.gate().open(Mode::Quiet);
    let called = guest.migrate(from, saved)?;
    Some(match end(guest, called) {
        Some((_, Outcome::Next(state))) => Ok(state),
        Some((_, Outcome::Fault(Fault { code, message }))) => {
            Err(Crash { kind: CrashKind::Init, message: format!("migrate: {code}: {message}") })
        }
        Some((_, Outcome::Crash(Crash { kind, message }))) => {
            Err(Crash { kind, message: format!("migrate: {message}") })
        }
        Some((_, Outcome::Asked(_))) => Err(asked_outside()),
        None => Err(interrupted("migrate")),
    })
}

/// Tries whether a component can begin with a state. A crash says that it cannot, but for a timeout: that says nothing of
/// the state, since another time there may be none.
///
/// # Errors
/// If it does not begin.
pub fn try_out(guest: &mut impl Guest, saved: Option<&[u8]>) -> Result<(), Crash> {
    guest.gate().open(Mode::Quiet);
    let called = guest.init(saved);
    match end(guest, called) {
        Some((_, Outcome::Next(()))) => Ok(()),
        Some((_, Outcome::Fault(fault))) => Err(init_fault(&fault)),
        Some((_, Outcome::Crash(crash))) => Err(crash),
        Some((_, Outcome::Asked(_))) => Err(asked_outside()),
        None => Err(interrupted("init")),
    }
}

fn interrupted(function: &str) -> Crash {
    Crash { kind: CrashKind::Timeout, message: format!("`{function}` was interrupted") }
}

/// An `init` that answers a fault cannot be lived with.
fn init_fault(fault: &Fault) -> Crash {
    Crash { kind: CrashKind::Init, message: format!("init: {}: {}", fault.code, fault.message) }
}

/// The gate lets nothing be asked outside of `handle`.
fn asked_outside() -> Crash {
    Crash { kind: CrashKind::Init, message: String::from("it asked outside of `handle`") }
}

/// Makes a recorded call again, with the recorded answers, and says how it differed. The guest has done
/// exactly what it had done before the recorded call, so fuel is compared too.
pub fn again(guest: &mut impl Guest, redo: &Redo) -> Option<Crash> {
    repeat(guest, redo, true)
}

/// As [`again`], for a guest that has come here another way, from a snapshot or with another component: the
/// same work may take other fuel.
pub fn alike(guest: &mut impl Guest, redo: &Redo) -> Option<Crash> {
    repeat(guest, redo, false)
}

fn repeat(guest: &mut impl Guest, redo: &Redo, exact: bool) -> Option<Crash> {
    guest.gate().open(Mode::Redo(Arc::clone(&redo.entry)));
    let called = guest.handle(&redo.event);
    let (trace, outcome) = end(guest, called)?;
    let same = match (&redo.entry.body, &outcome) {
        (Body::Transaction(then), Outcome::Next(next)) => {
            then.next == *next && (then.fuel == trace.fuel || !exact)
        }
        (Body::Faulted(then), Outcome::Fault(fault)) => {
            then.fault == *fault && (then.fuel == trace.fuel || !exact)
        }
        // The gate has compared what is asked.
        (Body::Intent(then), Outcome::Asked(_)) => then.fuel == trace.fuel || !exact,
        (Body::Crashed(then), outcome) => same_crash(then.crash.kind, outcome),
        _ => false,
    };
    match outcome {
        _ if same => None,
        Outcome::Crash(crash) if crash.kind == CrashKind::Divergence => Some(crash),
        other => {
            Some(Crash { kind: CrashKind::Divergence, message: changed(redo, &other, trace.fuel) })
        }
    }
}

/// Whether a call that crashed would have crashed now. A timeout is the world's doing, and timers are
/// counted by the kernel: neither shows in the call itself.
fn same_crash(then: CrashKind, now: &Outcome) -> bool {
    match now {
        Outcome::Crash(crash) => crash.kind == then || then == CrashKind::Timeout,
        Outcome::Next(_) | Outcome::Fault(_) | Outcome::Asked(_) => {
            matches!(then, CrashKind::Timeout | CrashKind::Limit)
        }
    }
}

fn changed(redo: &Redo, now: &Outcome, fuel: u64) -> String {
    let (then, spent) = match &redo.entry.body {
        Body::Transaction(body) => (answered(body.next), body.fuel),
        Body::Faulted(body) => (format!("the fault {}", body.fault.code), body.fuel),
        Body::Intent(body) => (String::from(body.call.name()), body.fuel),
        Body::Crashed(body) => (crashed(&body.crash), body.fuel),
        other => (String::from(other.kind()), 0),
    };
    let now = match now {
        Outcome::Next(next) => answered(*next),
        Outcome::Fault(fault) => format!("the fault {}", fault.code),
        Outcome::Crash(crash) => crashed(crash),
        Outcome::Asked(ask) => String::from(ask.call.name()),
    };
    let seq = redo.entry.seq;
    format!(
        "record {seq} ended in {then} with fuel {spent}; handled again it ended in {now} with fuel {fuel}"
    )
}

fn answered(next: Next) -> String {
    String::from(match next {
        Next::Wait => "`wait`",
        Next::More => "`more`",
        Next::Done => "`done`",
    })
}

fn crashed(crash: &Crash) -> String {
    format!("a crash: {}", crash.message)
}

/// Handles events until there are no more, or one uses up room, asks to stop, faults or crashes, or
/// what they did is as long as a batch may be: a report is held in memory as a whole. An agent that
/// reads standard input handles one: the next may wait for input, and what the last one sent with it.
/// `stop` is asked before each event, but for one that is gone on with after an ask.
pub fn handle(guest: &mut impl Guest, batch: Batch, stop: &dyn Fn() -> bool) -> Done {
    let Batch { mut events, mut mode, mut attempt, mut room, mut so_far } = batch;
    let (mut calls, mut bytes) = (Vec::new(), 0);
    while calls.len() < limits::BATCH_EVENTS
        && bytes < limits::BATCH_BYTES
        && (so_far.is_some() || !stop())
        && room.iter().all(|free| *free > 0)
    {
        let first = events.front();
        let event = match first {
            Some(Event::Start | Event::Pull | Event::Timer { .. }) => events.pop_front(),
            _ if mode == Next::More => Some(Event::Pull),
            _ => events.pop_front(),
        };
        let Some(event) = event else { break };
        let Some(call) = one(guest, &event, (attempt, so_far.take())) else {
            break;
        };
        spend(guest, &call.trace, &mut room);
        bytes += call.trace.payloads.iter().map(|payload| payload.len()).sum::<usize>();
        let outcome = call.outcome.clone();
        calls.push(call);
        match outcome {
            Outcome::Next(Next::Done)
            | Outcome::Fault(_)
            | Outcome::Crash(_)
            | Outcome::Asked(_) => break,
            Outcome::Next(next) => mode = next,
        }
        attempt = 1;
        if guest.gate().agent().grants.stdin {
            break;
        }
    }
    Done::Handled(calls)
}

/// Handles one event. `None` if the run is stopping and the call leaves no record.
fn one(
    guest: &mut impl Guest,
    event: &Event,
    (attempt, so_far): (u32, Option<Arc<SoFar>>),
) -> Option<Call> {
    guest.gate().open(so_far.map_or(Mode::Live, Mode::Resume));
    let salt = guest.gate().salt();
    let called = guest.handle(event);
    let (mut trace, outcome) = end(guest, called)?;
    if matches!(outcome, Outcome::Asked(_)) {
        // What is asked is a payload too.
        trace.salt = salt;
    }
    Some(Call { consumed: event.consumed(), attempt, trace, outcome })
}

/// Takes what was emitted off the room.
fn spend(guest: &mut impl Guest, trace: &Trace, room: &mut [u32]) {
    for part in &trace.parts {
        if let Part::Emission { port, .. } = part {
            let outputs = &guest.gate().agent().outputs;
            let nth = outputs.iter().position(|output| output.port == *port);
            if let Some(free) = nth.and_then(|nth| room.get_mut(nth)) {
                *free = free.saturating_sub(1);
            }
        }
    }
}

/// Takes a snapshot. `None` if the run is stopping.
pub fn snapshot(guest: &mut impl Guest) -> Option<Taken> {
    guest.gate().open(Mode::Quiet);
    let called = guest.snapshot();
    let salt = guest.gate().salt();
    let (mut trace, outcome) = end(guest, called)?;
    let state = match outcome {
        Outcome::Next(bytes) => {
            let bytes: Bytes = Arc::from(bytes);
            trace.salt = salt;
            Ok((Payload::commit(&salt, &bytes), bytes))
        }
        Outcome::Fault(fault) => Err(init_fault(&fault)),
        Outcome::Crash(crash) => Err(crash),
        Outcome::Asked(_) => Err(asked_outside()),
    };
    Some(Taken { trace, state })
}

/// Closes the gate after a call. `None` if the call was interrupted.
fn end<T>(guest: &mut impl Guest, called: Called<T>) -> Option<(Trace, Outcome<T>)> {
    let kept = matches!(called.result, Ok(Ok(_)));
    let closed = guest.gate().close(kept, called.fuel);
    let outcome = match called.result {
        Ok(Ok(answer)) => Outcome::Next(answer),
        Ok(Err(fault)) => Outcome::Fault(fault),
        Err(Stop::Crash(crash)) => Outcome::Crash(crash),
        Err(Stop::Interrupted) => return None,
        Err(Stop::Asked(ask)) => Outcome::Asked(ask),
    };
    match (closed, outcome) {
        (Ok(trace), outcome) => Some((trace, outcome)),
        (Err(_), Outcome::Crash(crash)) | (Err(Stop::Crash(crash)), _) => {
            Some((Trace::default(), Outcome::Crash(crash)))
        }
        (Err(Stop::Interrupted | Stop::Asked(_)), _) => None,
    }
}
