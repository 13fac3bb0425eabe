//! The gate by itself: paths, bounds, and what counts as a difference.

use std::sync::{Arc, Mutex};

use theater_flow_kernel::gate::{EmitError, FileErrorCode, Gate, Mode, Stop, locate};
use theater_flow_kernel::ids::AgentId;
use theater_flow_kernel::limits;
use theater_flow_kernel::plan::Root;
use theater_flow_kernel::record::{
    Body, Consumed, CrashKind, Entry, Level, Next, Part, Transaction,
};
use theater_flow_kernel::work::{Sinks, Trace, by};

use crate::common::guests::Kind;
use crate::common::plans::Build;
use crate::common::world::{Fake, Outside};

struct Bench {
    gate: Gate,
    outside: Arc<Mutex<Outside>>,
}

/// A gate of an agent with the output `out`, `files` to read and `out` to write.
fn bench() -> Bench {
    let mut build = Build::new();
    let agent = build.add("a", Kind::Pass, &["in"], &["out"]);
    let (plan, _) = build.done();
    let outside = Arc::new(Mutex::new(Outside::new(1)));
    outside
        .lock()
        .expect("one thread")
        .files
        .insert(String::from("/abs/files/x"), b"hello".to_vec());
    let world = Fake { outside: Arc::clone(&outside), agent };
    let mut gate = Gate::new(plan, agent, Sinks::default(), Box::new(world));
    gate.open(Mode::Live);
    Bench { gate, outside }
}

fn crash<T: std::fmt::Debug>(result: Result<T, Stop>) -> CrashKind {
    match result {
        Err(Stop::Crash(crash)) => crash.kind,
        other => panic!("no crash: {other:?}"),
    }
}

fn entry(trace: Trace) -> Arc<Entry> {
    let Trace { salt, parts, payloads, fuel } = trace;
    let (by, consumed, next) = (by(AgentId(0), 1, 1), Consumed::Pull, Next::Wait);
    let body = Body::Transaction(Transaction { by, consumed, parts, next, fuel });
    Arc::new(Entry { seq: 1, at: 1, causes: Vec::new(), body, salt, payloads })
}

#[test]
fn paths_are_found_under_the_longest_root() {
    let root = |name: &str| Root { name: String::from(name), path: String::from("/abs") };
    let roots = ["../data", "../data/in", "/srv", "rel/", "/"].map(root);
    let cases = [
        ("../data/x", Some(("../data", "x"))),
        ("../data", Some(("../data", ""))),
        ("../data/", Some(("../data", ""))),
        ("../data/in/x//y/./z", Some(("../data/in", "x/y/z"))),
        ("../data/inner", Some(("../data", "inner"))),
        ("../data/../secret", None),
        ("../data/x/..", None),
        ("../dat", None),
        ("..", None),
        ("../data2", None),
        ("/srv/a", Some(("/srv", "a"))),
        ("/srvx/a", Some(("/", "srvx/a"))),
        ("rel/a", Some(("rel/", "a"))),
        ("rel", Some(("rel/", ""))),
        ("relx", None),
        ("/srv/a\0b", None),
        ("/srv/...", Some(("/srv", "..."))),
        ("other", None),
    ];
    for (path, expected) in cases {
        let found = locate(&roots, path);
        let found = found.as_ref().map(|at| (at.root.name.as_str(), at.rest.as_str()));
        assert_eq!(found, expected, "{path:?}");
    }
    assert_eq!(locate(&roots[..4], ""), None);
    assert_eq!(locate(&[], "/"), None);
    let same = [root("/srv"), root("/srv/")];
    assert_eq!(locate(&same, "/srv/a").unwrap().rest, "a");
}

#[test]
fn values_that_may_not_leave_are_refused_and_the_refusal_is_recorded() {
    let mut bench = bench();
    assert_eq!(bench.gate.emit("out", "1").unwrap(), Ok(()));
    let unknown = bench.gate.emit("nowhere", "1").unwrap();
    assert_eq!(unknown, Err(EmitError::UnknownPort(String::from("nowhere"))));
    let wrong = bench.gate.emit("out", "{").unwrap();
    assert!(matches!(wrong, Err(EmitError::WrongType { .. })));
    let large = format!("\"{}\"", "x".repeat(limits::PAYLOAD_BYTES));
    let large = bench.gate.emit("out", &large).unwrap();
    assert_eq!(large, Err(EmitError::TooLarge(limits::PAYLOAD_BYTES as u64)));
    let trace = bench.gate.close(true, 5).unwrap();
    let denied = trace.parts.iter().filter(|part| matches!(part, Part::Denial { .. })).count();
    assert_eq!((trace.parts.len(), denied, trace.fuel), (4, 3, 5));
    assert!(trace.payloads.iter().all(|bytes| bytes.len() < 2_000), "a refusal is short");
}

#[test]
fn an_event_emits_so_much_and_no_more() {
    let mut bench = bench();
    for _ in 0..limits::EMISSIONS_PER_EVENT {
        bench.gate.emit("out", "1").unwrap().unwrap();
    }
    let full = Err(EmitError::Full(limits::EMISSIONS_PER_EVENT));
    assert_eq!(bench.gate.emit("out", "1").unwrap(), full);
    bench.gate.close(true, 0).unwrap();
    bench.gate.open(Mode::Live);
    assert_eq!(bench.gate.emit("out", "1").unwrap(), Ok(()));
}

#[test]
fn what_goes_beyond_a_bound_ends_the_call() {
    let mut bench = bench();
    let long = "n".repeat(limits::NAME_BYTES + 1);
    assert_eq!(crash(bench.gate.timer_set(&long, 1)), CrashKind::Limit);
    assert_eq!(crash(bench.gate.timer_cancel(&long)), CrashKind::Limit);
    assert_eq!(crash(bench.gate.file_read(&long, 0, 1)), CrashKind::Limit);
    assert_eq!(crash(bench.gate.file_append(&long, b"x")), CrashKind::Limit);
    let bytes = vec![0; limits::PAYLOAD_BYTES + 1];
    assert_eq!(crash(bench.gate.stdout(&bytes)), CrashKind::Limit);
    for _ in 0..limits::PARTS_PER_EVENT {
        bench.gate.timer_cancel("t").unwrap();
    }
    assert_eq!(crash(bench.gate.timer_cancel("t")), CrashKind::Limit);
    bench.gate.open(Mode::Live);
    let bytes = vec![0; limits::PAYLOAD_BYTES];
    for _ in 0..limits::EVENT_BYTES / limits::PAYLOAD_BYTES {
        bench.gate.stdout(&bytes).unwrap();
    }
    assert_eq!(crash(bench.gate.stdout(b"x")), CrashKind::Limit);
}

#[test]
fn a_call_that_did_all_it_may_can_still_drop_log_lines() {
    let mut bench = bench();
    for _ in 0..limits::LOG_LINES_PER_EVENT {
        bench.gate.log(Level::Info, "line").unwrap();
    }
    for _ in limits::LOG_LINES_PER_EVENT as usize..limits::PARTS_PER_EVENT {
        bench.gate.timer_cancel("t").unwrap();
    }
    bench.gate.log(Level::Info, "dropped").unwrap();
    let trace = bench.gate.close(true, 0).unwrap();
    assert_eq!(trace.parts.last(), Some(&Part::LogDropped { lines: 1 }));
}

#[test]
fn log_lines_are_cut_and_counted() {
    let mut bench = bench();
    bench.gate.open(Mode::Quiet);
    bench.gate.log(Level::Warn, &"é".repeat(limits::LOG_LINE_BYTES)).unwrap();
    for _ in 1..limits::LOG_LINES_PER_EVENT + 7 {
        bench.gate.log(Level::Info, "line").unwrap();
    }
    let trace = bench.gate.close(true, 0).unwrap();
    assert_eq!(trace.parts.len(), limits::LOG_LINES_PER_EVENT as usize + 1);
    assert_eq!(trace.parts.last(), Some(&Part::LogDropped { lines: 7 }));
    let first = String::from_utf8(trace.payloads[0].to_vec()).unwrap();
    assert!(first.ends_with("é… (16384 bytes)"), "{}", &first[first.len() - 40..]);
}

#[test]
fn outside_of_handle_only_log_may_be_called() {
    let calls: [fn(&mut Gate) -> bool; 8] = [
        |gate| gate.emit("out", "1").is_err(),
        |gate| gate.now().is_err(),
        |gate| gate.random(1).is_err(),
        |gate| gate.stdin(1).is_err(),
        |gate| gate.timer_set("t", 1).is_err(),
        |gate| gate.stdout(b"x").is_err(),
        |gate| gate.file_read("files/x", 0, 1).is_err(),
        |gate| gate.file_append("out/x", b"x").is_err(),
    ];
    for (nth, call) in calls.iter().enumerate() {
        let mut bench = bench();
        bench.gate.open(Mode::Quiet);
        assert!(call(&mut bench.gate), "call {nth}");
        assert_eq!(bench.outside.lock().unwrap().calls, 0);
    }
}

#[test]
fn files_outside_of_the_roots_are_denied_without_asking_the_world() {
    let mut bench = bench();
    let code = |result: Result<_, theater_flow_kernel::gate::FileError>| result.unwrap_err().code;
    for path in ["out/x", "files/../x", "filesx", "", "/etc/passwd"] {
        assert_eq!(
            code(bench.gate.file_read(path, 0, 1).unwrap().map(|_| ())),
            FileErrorCode::Denied
        );
    }
    assert_eq!(code(bench.gate.file_append("files/x", b"x").unwrap()), FileErrorCode::Denied);
    assert_eq!(code(bench.gate.file_replace("").unwrap()), FileErrorCode::Denied);
    assert_eq!(code(bench.gate.file_close("out/x").unwrap()), FileErrorCode::Conflict);
    assert_eq!(code(bench.gate.file_close("").unwrap()), FileErrorCode::Conflict);
    assert_eq!(bench.outside.lock().unwrap().calls, 0);
    assert_eq!(bench.gate.close(true, 0).unwrap().parts.len(), 9);
}

#[test]
fn what_a_failed_call_opened_and_wrote_is_undone() {
    let staged = |gate: &mut Gate, kept| {
        gate.open(Mode::Live);
        gate.stdout(b"abc").unwrap();
        gate.file_append("out/x", b"12345").unwrap().unwrap();
        let trace = gate.close(kept, 0).unwrap();
        let parts = trace.parts.iter().filter_map(|part| match part {
            Part::Staged { sink, offset, .. } => Some((sink.0, *offset)),
            _ => None,
        });
        parts.collect::<Vec<_>>()
    };
    let mut bench = bench();
    assert_eq!(staged(&mut bench.gate, false), [(0, 0), (1, 0)]);
    assert_eq!(staged(&mut bench.gate, true), [(0, 0), (1, 0)]);
    assert_eq!(staged(&mut bench.gate, true), [(0, 3), (1, 5)]);
}

/// One of each kind of thing a guest can do.
fn everything(gate: &mut Gate) -> Result<(), Stop> {
    gate.emit("out", "1")?.expect("granted");
    gate.emit("nowhere", "1")?.expect_err("no such output");
    gate.now()?;
    gate.random(3)?;
    gate.file_read("files/x", 1, 2)?.expect("granted");
    gate.log(Level::Info, "line")?;
    gate.timer_set("t", 5)?;
    gate.timer_cancel("t")?;
    gate.stdout(b"bytes")?;
    gate.file_append("out/x", b"x")?.expect("granted");
    gate.file_close("out/x")?.expect("granted");
    Ok(())
}

fn recorded() -> Arc<Entry> {
    let mut bench = bench();
    everything(&mut bench.gate).expect("within all bounds");
    entry(bench.gate.close(true, 0).expect("within all bounds"))
}

#[test]
fn the_same_calls_again_are_answered_by_the_record() {
    let recorded = recorded();
    let mut bench = bench();
    bench.gate.open(Mode::Redo(Arc::clone(&recorded)));
    everything(&mut bench.gate).unwrap();
    bench.gate.close(true, 0).unwrap();
    assert_eq!(bench.outside.lock().unwrap().calls, 0);
}

#[test]
fn every_difference_is_a_divergence() {
    type Other = fn(&mut Gate) -> Result<(), Stop>;
    let others: [(usize, Other); 12] = [
        (0, |gate| gate.emit("out", "2").map(drop)),
        (0, |gate| gate.now().map(drop)),
        (1, |gate| gate.emit("elsewhere", "1").map(drop)),
        (2, |gate| gate.random(1).map(drop)),
        (3, |gate| gate.random(4).map(drop)),
        (4, |gate| gate.file_read("files/x", 2, 2).map(drop)),
        (4, |gate| gate.file_stat("files/x").map(drop)),
        (5, |gate| gate.log(Level::Warn, "line")),
        (6, |gate| gate.timer_set("t", 6)),
        (7, |gate| gate.timer_cancel("u")),
        (8, |gate| gate.stdout(b"other")),
        (9, |gate| gate.file_append("out/y", b"x").map(drop)),
    ];
    for (nth, other) in others {
        let recorded = recorded();
        let Body::Transaction(body) = &recorded.body else { unreachable!() };
        // The record from this part on, so that the other call is the first one.
        let skipped: usize = body.parts[..nth].iter().map(|part| part.payloads().count()).sum();
        let trace = Trace {
            salt: recorded.salt,
            parts: body.parts[nth..].to_vec(),
            payloads: recorded.payloads[skipped..].to_vec(),
            fuel: 0,
        };
        let mut bench = bench();
        bench.gate.open(Mode::Redo(entry(trace)));
        assert_eq!(crash(other(&mut bench.gate)), CrashKind::Divergence, "part {nth}");
        assert_eq!(bench.outside.lock().unwrap().calls, 0);
    }
}

#[test]
fn parts_too_many_or_too_few_are_a_divergence() {
    let recorded = recorded();
    let mut more = bench();
    more.gate.open(Mode::Redo(Arc::clone(&recorded)));
    everything(&mut more.gate).unwrap();
    assert_eq!(crash(more.gate.emit("out", "1")), CrashKind::Divergence);
    let mut less = bench();
    less.gate.open(Mode::Redo(recorded));
    less.gate.emit("out", "1").unwrap().unwrap();
    assert_eq!(crash(less.gate.close(true, 0)), CrashKind::Divergence);
}

#[test]
fn an_answer_that_is_lost_is_a_divergence_and_no_panic() {
    let mut lost = (*recorded()).clone();
    lost.payloads.truncate(3);
    let mut bench = bench();
    bench.gate.open(Mode::Redo(Arc::new(lost)));
    assert_eq!(crash(everything(&mut bench.gate)), CrashKind::Divergence);
}
