//! Faults, crashes, retries and dead letters.

use theater_flow_kernel::ids::Ref;
use theater_flow_kernel::plan::{Backoff, Restart, Restore, Wait};
use theater_flow_kernel::record::{Body, CrashKind, DeadLetterReason, End, Status};

use crate::common::audit::audit;
use crate::common::guests::{Bad, Kind};
use crate::common::plans::Build;
use crate::common::sim::{Options, Sim};

/// Ten messages through a bad agent to standard output.
fn through(how: Bad, at: &'static [&'static str]) -> Build {
    Build::chain(10, &[Kind::Bad { at, how }, Kind::Stdout])
}

fn run(build: Build, seed: u64) -> (Status, Sim) {
    let (status, sim) = Sim::new(build, Options { cut: true, ..Options::calm(seed) }).run();
    audit(&sim.plan, &sim.entries);
    (status, sim)
}

fn all<T>(sim: &Sim, pick: impl Fn(u64, &Body) -> Option<T>) -> Vec<T> {
    sim.entries.iter().filter_map(|entry| pick(entry.seq, &entry.body)).collect()
}

fn times(sim: &Sim, pick: impl Fn(&Body) -> bool) -> Vec<u64> {
    sim.entries.iter().filter(|entry| pick(&entry.body)).map(|entry| entry.at).collect()
}

fn letters(sim: &Sim) -> Vec<(u32, DeadLetterReason)> {
    all(sim, |_, body| match body {
        Body::DeadLettered(letter) => Some((letter.attempts, letter.why.clone())),
        _ => None,
    })
}

fn without(skipped: &[u32]) -> Vec<String> {
    (0..10).filter(|n| !skipped.contains(n)).map(|n| n.to_string()).collect()
}

#[test]
fn waits_grow_as_the_policy_says() {
    let wait = |backoff, failed| Wait { backoff, base_ms: 100, cap_ms: 350 }.after_ms(failed);
    let waits = |backoff| [1, 2, 3, 4, 200].map(|failed| wait(backoff, failed));
    assert_eq!(waits(Backoff::Constant), [100; 5]);
    assert_eq!(waits(Backoff::Linear), [100, 200, 300, 350, 350]);
    assert_eq!(waits(Backoff::Exponential), [100, 200, 350, 350, 350]);
}

#[test]
fn a_fault_is_tried_again_as_often_and_as_late_as_the_policy_says() {
    let (status, sim) = run(through(Bad::Fault, &["4"]), 1);
    assert_eq!(status, Status::Degraded);
    assert_eq!(sim.lines("stdout of a2"), without(&[4]));
    let faults = all(&sim, |_, body| match body {
        Body::Faulted(body) => Some((body.by.incarnation, body.by.attempt)),
        _ => None,
    });
    assert_eq!(faults, [(1, 1), (1, 2), (1, 3), (1, 4)]);
    let at = times(&sim, |body| matches!(body, Body::Faulted(_)));
    for (pair, wait) in at.windows(2).zip([100, 200, 400]) {
        let waited = pair[1] - pair[0];
        assert!((wait..wait + 30).contains(&waited), "{waited} instead of {wait}");
    }
    assert!(
        matches!(&letters(&sim)[..], [(4, DeadLetterReason::Fault(fault))] if fault.code == "bad")
    );
}

#[test]
fn a_fault_that_passes_loses_nothing() {
    let sim = Sim::new(through(Bad::FaultSometimes, &["2", "7"]), Options::calm(3));
    sim.outside.lock().unwrap().failures_each = 3;
    let (status, sim) = sim.run();
    assert_eq!(status, Status::Completed);
    let lines = sim.lines("stdout of a2");
    assert_eq!(lines.len(), 10);
    assert_eq!((lines[2].as_str(), lines[7].as_str()), ("\"never\"", "\"never\""));
    assert_eq!(times(&sim, |body| matches!(body, Body::Faulted(_))).len(), 6);
}

#[test]
fn letters_go_to_the_agent_that_takes_them() {
    let mut build = through(Bad::Fault, &["4", "5"]);
    let to = build.add("letters", Kind::Append, &["in"], &[]);
    let feeders = [0, 1, 2].map(theater_flow_kernel::ids::AgentId);
    build.dead_letters(to, &feeders);
    let (status, sim) = run(build, 5);
    assert_eq!(status, Status::Completed);
    let letters = sim.lines("/abs/out/letters");
    assert_eq!(letters.len(), 2);
    for (letter, body) in letters.iter().zip(4..) {
        let letter: serde_json::Value = serde_json::from_str(letter).unwrap();
        assert_eq!(letter["agent"], "a0");
        assert_eq!(letter["port"], "in");
        assert_eq!(letter["code"], "bad");
        assert_eq!(letter["text"], format!("no \"{body}\"\n"));
        assert_eq!(letter["attempts"], 4);
        assert_eq!(letter["body"], body);
        let message = letter["message"].as_str().unwrap();
        assert!(message.split_once('.').is_some(), "{message} is no part");
    }
}

#[test]
fn a_trap_that_asked_nothing_is_a_dead_letter_at_once() {
    let (status, sim) = run(through(Bad::Trap, &["4"]), 1);
    assert_eq!(status, Status::Degraded);
    assert_eq!(sim.lines("stdout of a2"), without(&[4]));
    assert!(matches!(&letters(&sim)[..], [(1, DeadLetterReason::Crash(_))]));
    let crashes = all(&sim, |seq, body| matches!(body, Body::Crashed(_)).then_some(seq));
    let restarts = sim.entries.iter().filter(|entry| matches!(entry.body, Body::Restarted(_)));
    let causes: Vec<_> = restarts.flat_map(|entry| entry.causes.clone()).collect();
    assert_eq!(causes, [Ref::record(crashes[0])]);
    let lives = |agent| sim.state.agent(theater_flow_kernel::ids::AgentId(agent)).incarnations;
    assert_eq!([0, 1, 2].map(lives), [1, 2, 1]);
}

#[test]
fn a_trap_after_a_read_is_tried_again_and_counts_once() {
    let mut build = through(Bad::TrapAfterRead, &["4"]);
    build.root().intensity = 1;
    let (status, sim) = run(build, 1);
    assert_eq!(status, Status::Degraded);
    assert!(matches!(&letters(&sim)[..], [(4, DeadLetterReason::Crash(_))]));
    let restarts = all(&sim, |_, body| match body {
        Body::Restarted(body) => Some((body.count, body.counted)),
        _ => None,
    });
    assert_eq!(restarts, [(1, true), (1, false), (1, false), (1, false)]);
    assert_eq!(sim.lines("stdout of a2"), without(&[4]));
}

#[test]
fn a_timeout_may_pass_at_the_next_try() {
    let (_, sim) = run(through(Bad::Timeout, &["4"]), 1);
    assert!(
        matches!(&letters(&sim)[..], [(4, DeadLetterReason::Crash(c))] if c.kind == CrashKind::Timeout)
    );
}

#[test]
fn a_fresh_agent_starts_again_before_the_message_it_failed_at() {
    let mut build = through(Bad::TrapSometimes, &["4"]);
    build.agent(1).restore = Restore::Fresh;
    let sim = Sim::new(build, Options::calm(4));
    sim.outside.lock().unwrap().failures_each = 2;
    let (status, sim) = sim.run();
    audit(&sim.plan, &sim.entries);
    assert_eq!(status, Status::Completed);
    let events = all(&sim, |_, body| match body {
        Body::Transaction(body) if body.by.agent.0 == 1 => {
            Some((body.by.incarnation, body.by.attempt))
        }
        _ => None,
    });
    assert!(events.contains(&(2, 1)) && events.contains(&(3, 3)), "{events:?}");
    assert_eq!(sim.lines("stdout of a2").len(), 10);
}

#[test]
fn a_fresh_agent_with_a_deterministic_trap_gets_all_its_tries() {
    let mut build = through(Bad::Trap, &["4"]);
    build.agent(1).restore = Restore::Fresh;
    let (status, sim) = run(build, 1);
    assert_eq!(status, Status::Degraded);
    assert!(matches!(&letters(&sim)[..], [(4, DeadLetterReason::Crash(_))]));
}

#[test]
fn a_temporary_agent_leaves_its_messages_to_the_dead_letters() {
    for seed in 0..20 {
        let mut build = through(Bad::Trap, &["4"]);
        build.agent(1).restart = Restart::Temporary;
        let (status, sim) = run(build, seed);
        assert_eq!(status, Status::Degraded);
        assert_eq!(sim.lines("stdout of a2"), without(&[4, 5, 6, 7, 8, 9]));
        assert_eq!(letters(&sim).len(), 6, "seed {seed}");
        let ended = all(&sim, |_, body| match body {
            Body::Ended(body) if body.agent.0 == 1 => Some(body.how),
            _ => None,
        });
        assert_eq!(ended, [End::Crashed]);
    }
}

#[test]
fn a_reader_that_is_done_frees_its_producers() {
    // It ends once its lines are written; until then its mailbox fills up.
    for seed in 0..20 {
        let (status, sim) = run(Build::chain(50, &[Kind::Pass, Kind::DoneAt(3)]), seed);
        assert_eq!(status, Status::Completed);
        assert_eq!(sim.lines("stdout of a2"), ["0", "1", "2"]);
    }
}

#[test]
fn retries_survive_crashes_of_the_process() {
    for seed in 0..30 {
        let wild = Options { seed, crash: 20, checkpoint: 25, cut: true };
        let (status, sim) = Sim::new(through(Bad::Fault, &["0", "9"]), wild).run();
        audit(&sim.plan, &sim.entries);
        assert_eq!(status, Status::Degraded);
        assert_eq!(sim.lines("stdout of a2"), without(&[0, 9]));
        assert!(letters(&sim).iter().all(|(attempts, _)| *attempts == 4));
    }
}
