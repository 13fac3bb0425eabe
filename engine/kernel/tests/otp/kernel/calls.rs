//! What workers report, made by hand.

use theater_flow_kernel::gate::Ask;
use theater_flow_kernel::http::Request;
use theater_flow_kernel::ids::Bytes;
use theater_flow_kernel::plan::Agent;
use theater_flow_kernel::record::{
    self, Consumed, Crash, CrashKind, Next, Origin, Part, Payload, SinkId,
};
use theater_flow_kernel::work::{Batch, Begun, Call, Event, Outcome, Trace};

use super::Ending;

/// How long an agent that has nothing to do sleeps, in ms.
const NAP_MS: u64 = 700;

/// What a guest did at an event, if it came to an end.
pub(super) fn call(
    agent: &Agent,
    consumed: Consumed,
    (attempt, ending, staged): (u32, Ending, u64),
) -> Option<Call> {
    let name = String::from("nap");
    let nap = Part::TimerSet { name: name.clone(), after_ms: NAP_MS };
    let mut trace = Trace::default();
    let may = agent.grants.asks();
    let ending = if ending == Ending::Ask && !may { Ending::More } else { ending };
    let outcome = match ending {
        Ending::More => {
            if let Some(output) = agent.outputs.first() {
                let (port, bytes) = (output.port, Bytes::from(&b"1"[..]));
                let payload = Payload::commit(&trace.salt, &bytes);
                trace.parts.push(Part::Emission { port, payload });
                trace.payloads.push(bytes);
            }
            // One that asks for more gets no message.
            Outcome::Next(if agent.inputs.is_empty() { Next::More } else { Next::Wait })
        }
        Ending::Nap => {
            trace.parts.push(nap);
            Outcome::Next(Next::Wait)
        }
        Ending::Nothing => {
            trace.parts.push(Part::TimerCancelled { name });
            Outcome::Next(Next::Wait)
        }
        Ending::Write => {
            let bytes = Bytes::from(&b"x"[..]);
            let payload = Payload::commit(&trace.salt, &bytes);
            let sink = SinkId::STDOUT;
            trace.parts.extend([nap, Part::Staged { sink, offset: staged, payload }]);
            trace.payloads.push(bytes);
            Outcome::Next(Next::Done)
        }
        Ending::Done => {
            // Its next life, if it has one, is not without anything to do.
            trace.parts.push(nap);
            Outcome::Next(Next::Done)
        }
        Ending::Crash => Outcome::Crash(crash(CrashKind::Trap)),
        Ending::Slow => Outcome::Crash(crash(CrashKind::Timeout)),
        Ending::Ask => Outcome::Asked(ask()),
        Ending::Aborted => return None,
    };
    Some(Call { consumed, attempt, trace, outcome })
}

pub(super) fn begun(origin: Origin, ending: Ending) -> Begun {
    let crash = matches!(ending, Ending::Crash | Ending::Slow).then(|| crash(CrashKind::Init));
    Begun { origin, call: Trace::default(), crash }
}

/// The event that a worker handles first.
pub(super) fn consumed(batch: &Batch) -> Consumed {
    match batch.events.front() {
        Some(event @ (Event::Start | Event::Pull | Event::Timer { .. })) => event.consumed(),
        _ if batch.mode == Next::More => Consumed::Pull,
        event => event.expect("a batch holds something").consumed(),
    }
}

fn ask() -> Ask {
    let (method, url) = (String::from("GET"), String::from("https://a.test/"));
    let request = Request { method, url, headers: Vec::new(), body: Vec::new() };
    let args = postcard::to_allocvec(&request).expect("plain data");
    Ask { call: record::Call::HttpSend, args: Bytes::from(args) }
}

fn crash(kind: CrashKind) -> Crash {
    Crash { kind, message: String::from("as told") }
}
