//! Bytes that are stored for ever: the preimages and hashes of fixed entries.

use std::sync::Arc;

use theater_flow_kernel::ids::{AgentId, Bytes, Digest, Fault, PortId, Ref, RunId, SupervisorId};
use theater_flow_kernel::record::{
    Body, Call, Carry, Checkpoint, Confirmed, Consumed, Continued, Counts, Crash, CrashKind,
    Crashed, DeadLetterReason, DeadLettered, Decided, DropChoice, Dropped, End, Ended, Entry,
    Escalated, Faulted, Finished, Forked, Genesis, Given, Incarnation, Intent, Known, Level,
    Lineage, Move, Next, NextPlan, Origin, Outcome, Part, Paused, Payload, Person, Proposed,
    Pruned, Pruning, Received, Refused, Reloaded, Repeated, Resolved, Restarted, Rested, Resumed,
    ShutDown, SinkId, Snapshot, Status, Stopped, Stopping, Suspended, Transaction, Waiting, link,
};
use theater_flow_kernel::work::by;

use crate::common::sim::facts;

fn payload(bytes: &[u8]) -> Payload {
    Payload::commit(&[9; 16], bytes)
}

/// One of each kind of part.
fn parts() -> Vec<Part> {
    let (sink, name) = (SinkId(1), String::from("n"));
    let [args, answer] = [payload(b"a"), payload(b"b")];
    vec![
        Part::Emission { port: PortId(3), payload: payload(b"{}") },
        Part::Answer { call: Call::ClockNow, args, answer },
        Part::Denial { call: Call::Emit, args, answer },
        Part::Opened {
            sink,
            name: name.clone(),
            path: String::from("/p"),
            base: 300,
            replace: true,
        },
        Part::Staged { sink, offset: 300, payload: payload(b"c") },
        Part::Closed { sink },
        Part::Log { level: Level::Warn, payload: payload(b"d") },
        Part::LogDropped { lines: 2 },
        Part::TimerSet { name: name.clone(), after_ms: 1_000 },
        Part::TimerCancelled { name },
    ]
}

/// One of each kind of record, in the order of the enum.
fn bodies() -> Vec<Body> {
    [
        beginnings(),
        calls(),
        decisions(),
        ends(),
        asks(),
        forks(),
        prunings(),
        supervision(),
        letters(),
        reloads(),
        lives(),
    ]
    .concat()
}

fn beginnings() -> Vec<Body> {
    let (agent, engine) = (AgentId(1), facts());
    let components = vec![(String::from("std/x"), Digest([2; 32]))];
    let (run, plan) = (RunId([1; 16]), Digest([1; 32]));
    let repeated = vec![Repeated { agent, from: 1, to: 2 }];
    let (instance, n, from, parts, fuel) = (0, 1, Origin::Fresh, vec![], 7);
    let (component, config) = (Digest([3; 32]), Digest([4; 32]));
    vec![
        Body::Genesis(Genesis { run, plan, engine: engine.clone(), components }),
        Body::Resumed(Resumed { engine, repeated }),
        Body::Incarnation(Incarnation { agent, instance, n, from, component, config, parts, fuel }),
    ]
}

fn calls() -> Vec<Body> {
    let (by, next, fuel) = (by(AgentId(1), 2, 3), Next::More, 9);
    let (code, message) = (String::from("c"), String::from("m"));
    let crash = Crash { kind: CrashKind::Write, message: message.clone() };
    let fault = Fault { code, message };
    let consumed = Consumed::Message { id: Ref::part(5, 1), port: PortId(2) };
    let crashed = Some(consumed.clone());
    vec![
        Body::Transaction(Transaction { by, consumed, parts: parts(), next, fuel }),
        Body::Faulted(Faulted { by, consumed: Consumed::Start, parts: vec![], fault, fuel }),
        Body::Crashed(Crashed { by, consumed: crashed, parts: vec![], crash, fuel }),
    ]
}

fn decisions() -> Vec<Body> {
    let (agent, port, message) = (AgentId(1), PortId(2), Ref::part(5, 1));
    let (supervisor, agents, count, counted) = (SupervisorId(0), vec![agent], 1, true);
    let (attempts, why, letter) = (4, DeadLetterReason::Ended, Some(payload(b"l")));
    vec![
        Body::Restarted(Restarted { supervisor, agents, count, counted }),
        Body::Escalated(Escalated { supervisor: SupervisorId(1), count: 4 }),
        Body::DeadLettered(DeadLettered { agent, message, port, attempts, why, letter }),
    ]
}

fn ends() -> Vec<Body> {
    let (agent, sink, why) = (AgentId(1), SinkId(1), String::from("w"));
    let (instance, incarnation, parts, fuel) = (0, 2, vec![], 1);
    let (state, status) = (payload(b"s"), Status::Failed);
    let messages = vec![Ref::part(5, 1), Ref::part(6, 0)];
    vec![
        Body::Snapshot(Snapshot { agent, instance, incarnation, state, parts, fuel }),
        Body::Confirmed(Confirmed { agent, sink, upto: 301, closed: true }),
        Body::Ended(Ended { agent, how: End::Stopped, unread: 3 }),
        Body::Checkpoint(Checkpoint { upto: 12, digest: Digest([5; 32]), len: 100 }),
        Body::Stopping(Stopping { by: why.clone() }),
        Body::Suspended(Suspended { why }),
        Body::Finished(Finished { status, dead_letters: 2 }),
        Body::Dropped(Dropped { agent, port: PortId(2), messages, which: DropChoice::Newest }),
        Body::Rested(Rested { agents: vec![agent, AgentId(2)] }),
    ]
}

fn asks() -> Vec<Body> {
    let (by, consumed, fuel) = (by(AgentId(1), 2, 3), Consumed::Pull, 9);
    let (n, call, args, key) = (2, Call::HttpSend, payload(b"q"), String::from("r/a/e/2"));
    let (agent, intent, how, answer) = (AgentId(1), 300, Known::Unknown, Some(payload(b"r")));
    let person = Person { uid: 1000, name: Some(String::from("p")) };
    vec![
        Body::Intent(Intent { by, consumed, parts: parts(), n, call, args, key, fuel }),
        Body::Outcome(Outcome { agent, intent, how, answer }),
        Body::Waiting(Waiting { intents: vec![300, 7] }),
        Body::Decided(Decided { agent, intent, repeat: true, by: person }),
    ]
}

fn forks() -> Vec<Body> {
    let (run, plan, components) = (RunId([1; 16]), Digest([1; 32]), vec![]);
    let genesis = Genesis { run, plan, engine: facts(), components };
    let lineage = Lineage {
        parent: RunId([2; 16]),
        seq: 300,
        hash: Digest([3; 32]),
        state: Checkpoint { upto: 301, digest: Digest([5; 32]), len: 100 },
        changed: vec![String::from("w")],
        given: vec![Given { of: Ref::part(301, 2), agent: AgentId(1), answer: payload(b"g") }],
    };
    vec![Body::Forked(Box::new(Forked { genesis, lineage }))]
}

fn supervision() -> Vec<Body> {
    vec![
        Body::Stopped(Stopped { agent: AgentId(1), killed: true }),
        Body::ShutDown(ShutDown { supervisor: SupervisorId(2) }),
    ]
}

fn prunings() -> Vec<Body> {
    let (what, checkpoints) = (Pruning::Of(Ref::part(300, 1)), vec![12, 301]);
    vec![Body::Pruned(Pruned { what, payloads: 2, bytes: 300, checkpoints })]
}

fn letters() -> Vec<Body> {
    let (letter, agent, message, port) = (300, AgentId(1), Ref::part(5, 1), PortId(2));
    let by = Person { uid: 1000, name: None };
    let resolved = Resolved { letter, agent, message, port, by };
    vec![Body::Retried(resolved.clone()), Body::Discarded(resolved)]
}

fn reloads() -> Vec<Body> {
    let by = Some(Person { uid: 1000, name: None });
    let next = NextPlan {
        revision: 2,
        before: Some(299),
        from: Digest([1; 32]),
        to: Digest([2; 32]),
        source: Digest([3; 32]),
        plan: payload(b"plan"),
        changes: payload(b"~ a: rewire"),
        counts: Counts { added: 1, changed: 2, removed: 3 },
    };
    let step = |how, state| Move { agent: AgentId(1), how, state };
    let state = Some(payload(b"state"));
    let moves = vec![step(Carry::As, None), step(Carry::Migrated, state), step(Carry::Fresh, None)];
    let (source, proposal, why) = (Some(Digest([3; 32])), Some(300), String::from("no"));
    vec![
        Body::Reloaded(Box::new(Reloaded {
            next: next.clone(),
            moves,
            set_aside: 4,
            again: vec![AgentId(1)],
            proposal,
            by: by.clone(),
        })),
        Body::Proposed(Box::new(Proposed { next, widens: vec!["w".into()], by: by.clone() })),
        Body::Refused(Box::new(Refused { source, proposal, why, by })),
    ]
}

fn lives() -> Vec<Body> {
    let by = Person { uid: 1000, name: None };
    let (agent, port, value) = (AgentId(1), PortId(2), payload(b"1"));
    vec![
        Body::Paused(Paused { by: Some(by.clone()) }),
        Body::Continued(Continued { by: None }),
        Body::Received(Received { agent, port, value, by }),
    ]
}

fn entry(seq: u64, body: Body) -> Entry {
    let causes = vec![Ref::record(0), Ref::part(300, 2)];
    let payloads: Vec<Bytes> = vec![Arc::from(&b"beside"[..])];
    Entry { seq, at: 1_700_000_000_000, causes, body, salt: [9; 16], payloads }
}

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").expect("a string takes all");
        text
    })
}

/// The kind, the hash and the preimage of each, one a line.
fn lines() -> String {
    let lines = (0..).zip(bodies()).map(|(seq, body)| {
        let kind = body.kind();
        let linked = link(Digest([6; 32]), &entry(seq, body));
        format!("{kind} {} {}\n", linked.hash, hex(&linked.preimage))
    });
    lines.collect()
}

#[test]
fn stored_bytes_are_what_they_were() {
    assert_eq!(
        lines(),
        include_str!("golden.txt"),
        "stored types are frozen: old logs must stay readable"
    );
}

#[test]
fn what_lies_beside_a_record_is_not_hashed() {
    let one = entry(1, bodies().remove(0));
    let other = Entry { salt: [1; 16], payloads: Vec::new(), ..one.clone() };
    assert_eq!(link(Digest::default(), &one), link(Digest::default(), &other));
    assert_ne!(link(Digest([1; 32]), &one).hash, link(Digest([2; 32]), &one).hash);
}

#[test]
fn preimages_read_back() {
    for body in bodies() {
        let linked = link(Digest([6; 32]), &entry(4, body.clone()));
        let record: theater_flow_kernel::record::Record =
            postcard::from_bytes(&linked.preimage).unwrap();
        assert_eq!((record.version, record.seq, &record.body), (1, 4, &body));
        assert_eq!(theater_flow_kernel::record::hash(&linked.preimage), linked.hash);
    }
}

/// The first byte of an enum's encoding is its place.
fn places<T: serde::Serialize>(values: &[T]) -> Vec<u8> {
    values.iter().map(|value| postcard::to_allocvec(value).expect("plain data")[0]).collect()
}

#[test]
fn enums_keep_their_order() {
    fn counted<T: serde::Serialize>(values: &[T]) {
        let expected: Vec<u8> = (0..).take(values.len()).collect();
        assert_eq!(places(values), expected);
    }
    counted(&bodies());
    counted(&parts());
    {
        use CrashKind::{Divergence, Fault, Fuel, Init, Limit, Memory, Timeout, Trap, Write};
        counted(&[Trap, Fuel, Memory, Limit, Timeout, Divergence, Init, Fault, Write]);
    }
    {
        use Call::{
            ClockNow, Emit, FilesAppend, FilesClose, FilesList, FilesRead, FilesReplace, FilesStat,
            HttpSend, RandomBytes, StdinRead,
        };
        counted(&[
            Emit,
            ClockNow,
            RandomBytes,
            FilesRead,
            FilesStat,
            FilesList,
            FilesAppend,
            FilesReplace,
            FilesClose,
            StdinRead,
            HttpSend,
        ]);
    }
    counted(&[End::Finished, End::Done, End::Crashed, End::Stopped]);
    counted(&[Status::Completed, Status::Degraded, Status::Failed]);
    counted(&[Next::Wait, Next::More, Next::Done]);
    counted(&[Level::Debug, Level::Info, Level::Warn, Level::Error]);
    counted(&[Origin::Fresh, Origin::Checkpoint { snapshot: Some(1), redone: 2 }]);
    let (port, name) = (PortId(1), String::from("t"));
    let message = Consumed::Message { id: Ref::record(1), port };
    counted(&[
        Consumed::Start,
        Consumed::Pull,
        message,
        Consumed::Closed { port },
        Consumed::Timer { name },
    ]);
    let fault = DeadLetterReason::Fault(Fault { code: String::new(), message: String::new() });
    let crash = DeadLetterReason::Crash(Crash { kind: CrashKind::Trap, message: String::new() });
    {
        use DeadLetterReason::{Closed, Ended, Overflow, Rounds};
        counted(&[fault, crash, Ended, Overflow, Rounds, Closed]);
    }
    counted(&[Known::Answered, Known::Repeated, Known::Unknown, Known::Held, Known::Made]);
    counted(&[DropChoice::Oldest, DropChoice::Newest]);
    counted(&[Pruning::Before(1), Pruning::Of(Ref::record(1))]);
}
