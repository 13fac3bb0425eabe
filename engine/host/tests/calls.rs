//! What guests can do in a call, and how each end of a call comes out.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use std::sync::Arc;
use support::{
    ECHO, LIMITS, Parts, TestWorld, actor, all, crash, crash_of, gate, handle, handling, host,
    kind_of, limited, live, message, plan,
};
use theater_flow_kernel::gate::{Mode, StdinError, Stop};
use theater_flow_kernel::ids::Fault;
use theater_flow_kernel::limits;
use theater_flow_kernel::plan::{Grants, GuestLimits};
use theater_flow_kernel::record::{CrashKind, Next, Part};
use theater_flow_kernel::work::{Event, Guest};

#[test]
fn an_echo_emits_what_it_got() {
    let host = host();
    let actor = handling(&host, ECHO);
    let mut instance = live(&host, &actor);
    let (called, trace) = handle(&mut instance, &message(r#"{"é":1}"#));
    assert_eq!(called.result, Ok(Ok(Next::Wait)));
    assert!(called.fuel > 64 && called.fuel < 1_000, "{}", called.fuel);
    assert!(matches!(trace.parts[..], [Part::Emission { .. }]));
    assert_eq!(&*trace.payloads[0], r#"{"é":1}"#.as_bytes());
}

#[test]
fn every_event_arrives_as_its_case() {
    // Emits nothing; the answer's `next` is the event's case modulo 3, to see it from outside.
    let host = host();
    let actor = handling(
        &host,
        "(i32.store8 (i32.const 1124) (i32.rem_u (local.get $case) (i32.const 3)))",
    );
    let mut instance = live(&host, &actor);
    let closed = Event::Closed { port: theater_flow_kernel::ids::PortId(0) };
    let timer = Event::Timer { name: String::from("t") };
    let cases = [
        (Event::Start, Next::Wait),
        (Event::Pull, Next::More),
        (message("1"), Next::Done),
        (closed, Next::Wait),
        (timer, Next::More),
    ];
    for (event, next) in cases {
        assert_eq!(handle(&mut instance, &event).0.result, Ok(Ok(next)), "{event:?}");
    }
}

#[test]
fn a_fault_is_a_value_and_is_bounded() {
    let host = host();
    // err { code: 1 MiB of zeros … , message: same }
    let fault = "(i32.store8 (i32.const 1120) (i32.const 1))
        (i32.store (i32.const 1124) (i32.const 16)) (i32.store (i32.const 1128) (i32.const 3))
        (i32.store (i32.const 1132) (i32.const 4096)) (i32.store (i32.const 1136) (i32.const 100000))";
    let actor = handling(&host, fault);
    let mut instance = live(&host, &actor);
    for _ in 0..2 {
        let (called, _) = handle(&mut instance, &message("1"));
        let Ok(Err(Fault { code, message })) = called.result else { panic!("{called:?}") };
        assert_eq!((code.as_str(), message.len()), ("out", limits::MESSAGE_BYTES));
    }
}

#[test]
fn state_goes_through_a_snapshot() {
    let host = host();
    let count = "(i64.store (i32.const 2048) (i64.add (i64.load (i32.const 2048)) (i64.const 1)))";
    let actor = handling(&host, count);
    let mut first = live(&host, &actor);
    for _ in 0..3 {
        assert!(handle(&mut first, &message("1")).0.result.is_ok());
    }
    let saved = first.snapshot().result.unwrap().unwrap();
    assert_eq!(saved, 3_u64.to_le_bytes());
    let gate = gate(&plan(all(), LIMITS, 30_000), TestWorld::default());
    let mut second = host.instance(&actor, gate).unwrap();
    assert_eq!(second.init(Some(&saved)).result, Ok(Ok(())));
    assert!(handle(&mut second, &message("1")).0.result.is_ok());
    assert_eq!(second.snapshot().result.unwrap().unwrap(), 4_u64.to_le_bytes());
}

#[test]
fn every_trap_has_its_kind_and_its_name() {
    let zero = "(i32.const 0)";
    let cases = [
        ("unreachable", CrashKind::Trap, "unreachable"),
        (
            "(drop (i32.div_u (i32.const 1) (i32.load (i32.const 4000))))",
            CrashKind::Trap,
            "divide by zero",
        ),
        ("(drop (i32.load (i32.const -8)))", CrashKind::Trap, "out of bounds memory access"),
        ("(drop (i32.trunc_f32_s (f32.const 1e30)))", CrashKind::Trap, "integer overflow"),
        ("(loop $l (br $l))", CrashKind::Fuel, "fuel"),
        (
            "(drop (memory.grow (i32.const 4096)))",
            CrashKind::Memory,
            "memory; the limit is 16777216",
        ),
        ("(loop $l (drop (memory.grow (i32.const 16))) (br $l))", CrashKind::Memory, "limit"),
        ("(i32.store8 (i32.const 1120) (i32.const 9))", CrashKind::Trap, ""),
    ];
    assert_eq!(zero.len(), 13);
    for (body, kind, name) in cases {
        let crash = crash_of(body);
        assert_eq!(crash.kind, kind, "{body}: {crash:?}");
        assert!(crash.message.contains(name), "{body}: {crash:?}");
    }
}

#[test]
fn recursion_without_end_is_a_trap() {
    let host = host();
    let more = "(func $deep (param i32) (result i32)
        (i32.add (call $deep (i32.add (local.get 0) (i32.const 1))) (local.get 0)))";
    let parts = Parts { handle: "(drop (call $deep (i32.const 1)))", more, ..Parts::default() };
    let mut instance = live(&host, &actor(&host, parts));
    let found = crash(handle(&mut instance, &message("1")).0);
    assert_eq!(found.kind, CrashKind::Trap);
    assert!(found.message.contains("call stack exhausted"), "{found:?}");
}

#[test]
fn tables_cannot_be_grown_without_end() {
    let host = host();
    let handle_body = "(loop $l (drop (table.grow $t (ref.null func) (i32.const 1000))) (br $l))";
    let parts = Parts { handle: handle_body, more: "(table $t 1 funcref)", ..Parts::default() };
    let mut instance = live(&host, &actor(&host, parts));
    let found = crash(handle(&mut instance, &message("1")).0);
    assert_eq!(found.kind, CrashKind::Memory, "{found:?}");
    assert!(found.message.contains("65536"), "{found:?}");
}

#[test]
fn growth_beyond_the_component_s_own_maximum_is_refused_as_wasm_says() {
    let host = host();
    let body = "(if (i32.ne (memory.grow (i32.const 10)) (i32.const -1)) (then unreachable))";
    let parts = Parts { handle: body, memory: "2 4", ..Parts::default() };
    let mut instance = live(&host, &actor(&host, parts));
    assert_eq!(handle(&mut instance, &message("1")).0.result, Ok(Ok(Next::Wait)));
}

#[test]
fn a_memory_larger_than_the_limit_from_the_start_is_a_crash() {
    let host = host();
    let actor = actor(&host, Parts { memory: "300", ..Parts::default() });
    let gate = gate(&plan(all(), LIMITS, 30_000), TestWorld::default());
    let crash = host.instance(&actor, gate).unwrap_err();
    assert_eq!(crash.kind, CrashKind::Memory, "{crash:?}");
}

#[test]
fn a_flood_gets_full_and_a_guest_that_goes_on_pays() {
    let host = host();
    let actor = handling(&host, &format!("(loop $l {ECHO} (br $l))"));
    let limits = GuestLimits { fuel: 400_000, ..LIMITS };
    let mut instance = limited(&host, &actor, limits);
    let (called, trace) = handle(&mut instance, &message("1"));
    assert_eq!(crash(called).kind, CrashKind::Fuel);
    let emitted = trace.parts.iter().filter(|part| matches!(part, Part::Emission { .. })).count();
    assert_eq!(emitted, limits::EMISSIONS_PER_EVENT as usize);
}

#[test]
fn host_work_is_charged() {
    let host = host();
    let actor = handling(&host, ECHO);
    let mut instance = live(&host, &actor);
    let fuel = |instance: &mut _, len: usize| {
        let body = format!("\"{}\"", "x".repeat(len));
        handle(instance, &message(&body)).0.fuel
    };
    let (small, large) = (fuel(&mut instance, 10), fuel(&mut instance, 10_010));
    assert!(large - small >= 10_000, "{small} {large}");
}

/// Emits `len` bytes from address 131072, after growing memory to hold them.
fn shout(len: usize) -> String {
    format!(
        "(drop (memory.grow (i32.const {})))
         (call $emit (i32.const 16) (i32.const 3) (i32.const 131072) (i32.const {len}) (i32.const 3072))
         (if (i32.ne (i32.load8_u (i32.const 3072)) (i32.const 1)) (then unreachable))
         (if (i32.ne (i32.load8_u (i32.const 3080)) (i32.const 2)) (then unreachable))",
        len / 65_536 + 1
    )
}

#[test]
fn a_value_a_little_too_long_is_answered_and_one_far_too_long_is_a_crash() {
    let host = host();
    let limits = GuestLimits { memory: 256 << 20, fuel: 2_000_000_000 };
    let mut instance = limited(&host, &handling(&host, &shout(limits::PAYLOAD_BYTES + 1)), limits);
    let (called, trace) = handle(&mut instance, &message("1"));
    assert_eq!(called.result, Ok(Ok(Next::Wait)));
    assert!(matches!(trace.parts[..], [Part::Denial { .. }]));

    let mut instance = limited(&host, &handling(&host, &shout(100_000_000)), limits);
    let found = crash(handle(&mut instance, &message("1")).0);
    assert_eq!(found.kind, CrashKind::Limit, "{found:?}");
}

#[test]
fn text_that_is_not_utf8_is_a_trap() {
    let body = "(i32.store8 (i32.const 4096) (i32.const 255))
        (call $emit (i32.const 16) (i32.const 3) (i32.const 4096) (i32.const 1) (i32.const 3072))";
    assert_eq!(kind_of(body), CrashKind::Trap);
    let outside =
        "(call $emit (i32.const 16) (i32.const 3) (i32.const -16) (i32.const 4) (i32.const 3072))";
    assert_eq!(kind_of(outside), CrashKind::Trap);
}

#[test]
fn a_snapshot_over_its_bound_is_a_crash() {
    let host = host();
    let size = limits::SNAPSHOT_BYTES + 1;
    let snapshot = format!(
        "(drop (memory.grow (i32.const 2000)))
         (i32.store (i32.const 1152) (i32.const 0)) (i32.store (i32.const 1156) (i32.const {size}))"
    );
    let parts = Parts { snapshot: &snapshot, ..Parts::default() };
    let limits = GuestLimits { memory: 256 << 20, ..LIMITS };
    let mut instance = limited(&host, &actor(&host, parts), limits);
    instance.gate().open(Mode::Quiet);
    assert_eq!(crash(instance.snapshot()).kind, CrashKind::Limit);
}

#[test]
fn after_a_crash_an_instance_only_crashes() {
    let host = host();
    let mut instance = live(&host, &handling(&host, "unreachable"));
    assert!(handle(&mut instance, &message("1")).0.result.is_err());
    let found = crash(handle(&mut instance, &message("1")).0);
    assert_eq!(found.kind, CrashKind::Trap);
    assert!(found.message.contains("ended before"), "{found:?}");
    assert!(instance.snapshot().result.is_err());
    assert!(instance.init(None).result.is_err());
}

#[test]
fn time_is_the_outer_net() {
    let host = host();
    let actor = handling(&host, "(loop $l (br $l))");
    let limits = GuestLimits { fuel: u64::MAX / 4, ..LIMITS };
    let gate = gate(&plan(all(), limits, 50), TestWorld::default());
    let mut instance = host.instance(&actor, gate).unwrap();
    let found = crash(handle(&mut instance, &message("1")).0);
    assert_eq!(found.kind, CrashKind::Timeout);
}

const STDIN: &str = r#"(import "theater:flow/stdin@0.1.0" "read" (func $stdin (param i32 i32)))"#;

#[test]
fn a_stop_comes_out_unchanged() {
    let host = host();
    let parts = Parts {
        imports: STDIN,
        handle: "(call $stdin (i32.const 9) (i32.const 3072))",
        ..Parts::default()
    };
    let actor = actor(&host, parts);
    let world = TestWorld { stdin: Err(StdinError::Interrupted) };
    let gate = gate(&plan(all(), LIMITS, 30_000), world);
    let mut instance = host.instance(&actor, gate).unwrap();
    instance.gate().open(Mode::Live);
    assert_eq!(instance.handle(&Event::Start).result, Err(Stop::Interrupted));
}

#[test]
fn calls_outside_of_handle_are_refused_by_the_gate() {
    let host = host();
    let snapshot =
        "(call $emit (i32.const 16) (i32.const 3) (i32.const 64) (i32.const 1) (i32.const 3072))";
    let mut instance = live(&host, &actor(&host, Parts { snapshot, ..Parts::default() }));
    instance.gate().open(Mode::Quiet);
    let found = crash(instance.snapshot());
    assert!(found.message.contains("outside of `handle`"), "{found:?}");
}

const WORLD: &str = r#"
    (import "theater:flow/clock@0.1.0" "now" (func $now (result i64)))
    (import "theater:flow/random@0.1.0" "bytes" (func $random (param i32 i32)))
    (import "theater:flow/timer@0.1.0" "set" (func $set (param i32 i32 i64)))
    (import "theater:flow/stdout@0.1.0" "write" (func $stdout (param i32 i32)))
    (import "theater:flow/log@0.1.0" "write" (func $log (param i32 i32 i32)))
    (import "theater:flow/files@0.1.0" "read" (func $read (param i32 i32 i64 i32 i32)))
    (import "theater:flow/files@0.1.0" "append" (func $append (param i32 i32 i32 i32 i32)))"#;

const WORLDLY: &str = "
    (if (i64.ne (call $now) (i64.const 1234567)) (then unreachable))
    (call $random (i32.const 5) (i32.const 3072))
    (if (i32.ne (i32.load (i32.const 3076)) (i32.const 5)) (then unreachable))
    (call $set (i32.const 16) (i32.const 3) (i64.const 50))
    (call $stdout (i32.const 16) (i32.const 3))
    (call $log (i32.const 2) (i32.const 16) (i32.const 3))
    (call $read (i32.const 48) (i32.const 6) (i64.const 0) (i32.const 4) (i32.const 3072))
    (if (i32.load8_u (i32.const 3072)) (then unreachable))
    (call $append (i32.const 48) (i32.const 6) (i32.const 16) (i32.const 3) (i32.const 3072))
    (if (i32.load8_u (i32.const 3072)) (then unreachable))";

#[test]
fn each_import_reaches_its_method_of_the_gate() {
    let host = host();
    let parts = Parts { imports: WORLD, handle: WORLDLY, ..Parts::default() };
    let actor = actor(&host, parts);
    let mut instance = live(&host, &actor);
    let (called, trace) = handle(&mut instance, &Event::Start);
    assert_eq!(called.result, Ok(Ok(Next::Wait)));
    let seen: Vec<String> = trace
        .parts
        .iter()
        .map(|part| format!("{part:?}").split([' ', '{', '(']).next().unwrap().to_string())
        .collect();
    let expected =
        ["Answer", "Answer", "TimerSet", "Staged", "Log", "Answer", "Answer", "Opened", "Staged"];
    assert_eq!(seen, expected);
}

#[test]
fn an_import_without_its_grant_is_refused_by_name() {
    let host = host();
    let parts = Parts { imports: WORLD, handle: WORLDLY, ..Parts::default() };
    let actor = actor(&host, parts);
    let part_of = |grants: Grants| {
        let gate = gate(&plan(grants, LIMITS, 30_000), TestWorld::default());
        host.instance(&actor, gate).unwrap_err()
    };
    let cases = [
        (Grants::default(), "clock"),
        (Grants { random: false, ..all() }, "random"),
        (Grants { timer: false, ..all() }, "timer"),
        (Grants { stdout: false, ..all() }, "stdout"),
        (Grants { read: Vec::new(), write: Vec::new(), ..all() }, "files"),
    ];
    for (grants, name) in cases {
        let crash = part_of(grants);
        assert_eq!(crash.kind, CrashKind::Init);
        assert!(crash.message.contains(&format!("theater:flow/{name}@0.1.0")), "{crash:?}");
    }
    // What it does not import need not be granted.
    let gate = gate(&plan(Grants { stdin: false, ..all() }, LIMITS, 30_000), TestWorld::default());
    assert!(host.instance(&actor, gate).is_ok());
}

#[test]
fn fuel_is_the_same_for_every_instance_and_every_reuse_of_a_slot() {
    let host = host();
    let parts = Parts { imports: WORLD, handle: WORLDLY, ..Parts::default() };
    let actor = actor(&host, parts);
    let life = || {
        let gate = gate(&plan(all(), LIMITS, 30_000), TestWorld::default());
        let mut instance = host.instance(&actor, gate).unwrap();
        let init = instance.init(Some(&[1; 100])).fuel;
        let events = [Event::Start, message("1"), Event::Pull];
        let handled: Vec<u64> =
            events.iter().map(|event| handle(&mut instance, event).0.fuel).collect();
        let traces: Vec<_> = events.iter().map(|event| handle(&mut instance, event).1).collect();
        instance.gate().open(Mode::Quiet);
        (init, handled, traces, instance.snapshot())
    };
    let first = life();
    for _ in 0..100 {
        assert_eq!(life(), first);
    }
    let other = support::host();
    let again = other.load(&support::component(&support::core(parts))).unwrap();
    let gate = gate(&plan(all(), LIMITS, 30_000), TestWorld::default());
    let mut instance = other.instance(&again, gate).unwrap();
    assert_eq!(instance.init(Some(&[1; 100])).fuel, first.0);
}

#[test]
fn a_redone_call_is_answered_by_its_record() {
    use theater_flow_kernel::ids::AgentId;
    use theater_flow_kernel::record::{Body, Entry, Transaction};
    use theater_flow_kernel::work::by;
    let host = host();
    let parts = Parts { imports: WORLD, handle: WORLDLY, ..Parts::default() };
    let actor = actor(&host, parts);
    let (called, trace) = handle(&mut live(&host, &actor), &Event::Start);
    let body = Body::Transaction(Transaction {
        by: by(AgentId(0), 1, 1),
        consumed: Event::Start.consumed(),
        parts: trace.parts.clone(),
        next: Next::Wait,
        fuel: called.fuel,
    });
    let (salt, payloads) = (trace.salt, trace.payloads);
    let entry = Entry { seq: 5, at: 0, causes: Vec::new(), body, salt, payloads };
    let mut again = live(&host, &actor);
    again.gate().open(Mode::Redo(Arc::new(entry)));
    let redone = again.handle(&Event::Start);
    assert_eq!(redone, called);
    assert!(again.gate().close(true, redone.fuel).is_ok());
}
