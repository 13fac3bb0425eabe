//! Channels whose producers do not wait: what finds no place is dropped or set aside, never silently.

use std::sync::Arc;

use theater_flow_kernel::ids::AgentId;
use theater_flow_kernel::plan::{Overflow, Restart};
use theater_flow_kernel::record::{Body, DeadLetterReason, DropChoice, Status};
use theater_flow_kernel::state::State;

use crate::common::Rng;
use crate::common::audit::audit;
use crate::common::guests::{Bad, Kind};
use crate::common::plans::Build;
use crate::common::sim::{Options, Sim, folded};
use crate::dags::random;

const DROPS: [Overflow; 2] = [Overflow::DropOldest, Overflow::DropNewest];

/// A source of `n` messages, `k` at a time, and a writer behind a channel of `capacity` places.
fn pair(n: u32, k: u32, (capacity, overflow): (u32, Overflow)) -> Build {
    let mut build = Build::new();
    let source = build.add("source", Kind::Source { n, k }, &[], &["out"]);
    let sink = build.add("sink", Kind::Stdout, &["in"], &[]);
    build.wire((source, 0), (sink, 0));
    let output = &mut build.agent(0).outputs[0];
    (output.capacity, output.overflow) = (capacity, overflow);
    build
}

fn lines(sim: &Sim) -> Vec<u32> {
    sim.lines("stdout of a1").iter().map(|line| line.parse().expect("a number")).collect()
}

/// Every step that is not a crash of the process or a checkpoint is in the order of a queue.
fn wild(seed: u64) -> Options {
    Options { seed, crash: 30, checkpoint: 15, cut: true }
}

#[test]
fn what_is_dropped_is_named_and_nothing_else_is_missing() {
    for overflow in DROPS {
        let mut missing = 0;
        for seed in 0..60 {
            for options in [Options::calm(seed), wild(seed)] {
                let (status, sim) = Sim::new(pair(60, 7, (5, overflow)), options).run();
                audit(&sim.plan, &sim.entries);
                assert_eq!(status, Status::Completed, "drops are no dead letters: {options:?}");
                let written = lines(&sim);
                assert!(written.is_sorted_by(|a, b| a < b), "{written:?}");
                let sink = sim.state.agent(AgentId(1));
                assert_eq!(written.len() as u64 + sink.dropped, 60, "{options:?}");
                assert_eq!(sink.handled, written.len() as u64);
                missing += sink.dropped;
            }
        }
        assert!(missing > 0, "{overflow:?} never dropped anything");
    }
}

#[test]
fn the_oldest_or_the_newest_make_place() {
    for (overflow, which, kept) in [
        (Overflow::DropOldest, DropChoice::Oldest, 17..20),
        (Overflow::DropNewest, DropChoice::Newest, 0..3),
    ] {
        // One event emits all: the reader cannot have begun.
        let (status, sim) = Sim::new(pair(20, 20, (3, overflow)), Options::calm(1)).run();
        assert_eq!(status, Status::Completed);
        assert_eq!(lines(&sim), kept.collect::<Vec<u32>>());
        let dropped = sim.entries.iter().filter_map(|entry| match &entry.body {
            Body::Dropped(body) => Some((body.which, body.messages.len())),
            _ => None,
        });
        assert_eq!(dropped.collect::<Vec<_>>(), [(which, 17)], "one record for one event");
    }
}

#[test]
fn what_finds_no_place_can_be_a_dead_letter() {
    let (status, sim) = Sim::new(pair(20, 20, (3, Overflow::Fail)), Options::calm(1)).run();
    audit(&sim.plan, &sim.entries);
    assert_eq!(status, Status::Degraded);
    assert_eq!(lines(&sim), [0, 1, 2]);
    assert_eq!(sim.state.kept.dead_letters, 17);
    let reasons = sim.entries.iter().filter_map(|entry| match &entry.body {
        Body::DeadLettered(body) => Some((body.why.clone(), body.attempts)),
        _ => None,
    });
    assert!(reasons.into_iter().all(|reason| reason == (DeadLetterReason::Overflow, 0)));
}

#[test]
fn the_dead_letter_agent_takes_what_finds_no_place() {
    for seed in 0..30 {
        let mut build = pair(30, 10, (4, Overflow::Fail));
        let letters = build.add("letters", Kind::Append, &["in"], &[]);
        build.dead_letters(letters, &[AgentId(0), AgentId(1)]);
        let (status, sim) = Sim::new(build, wild(seed)).run();
        audit(&sim.plan, &sim.entries);
        assert_eq!(status, Status::Completed);
        let letters = sim.lines("/abs/out/letters");
        assert_eq!(letters.len() + lines(&sim).len(), 30, "seed {seed}");
        for letter in letters {
            assert!(letter.contains(r#""agent":"sink","port":"in","#), "{letter}");
            assert!(letter.contains(r#""code":"overflow""#), "{letter}");
        }
    }
}

/// A source with a slow reader (it never begins) and a fast one on the same output.
#[test]
fn a_slow_reader_never_holds_a_fast_one() {
    for overflow in DROPS {
        let mut build = pair(500, 3, (4, overflow));
        let slow = build.add("slow", Kind::Stdout, &["in"], &[]);
        build.wire((AgentId(0), 0), (slow, 0));
        let mut sim = Sim::new(build, Options::calm(5));
        sim.run_until(|state| state.agent(slow).started);
        // What is given to it from now on is never done.
        let until = |sim: &Sim| sim.state.agent(AgentId(0)).life.is_over();
        for _ in 0..100_000 {
            if until(&sim) {
                break;
            }
            sim.hold(slow);
            sim.step();
        }
        assert!(until(&sim), "{overflow:?}: the source waits");
        sim.let_go();
        let (status, sim) = sim.run();
        audit(&sim.plan, &sim.entries);
        assert_eq!(status, Status::Completed);
        assert!(sim.state.agent(slow).dropped > 300, "{overflow:?}");
    }
}

#[test]
fn a_message_that_is_to_be_tried_again_stays() {
    let mut waited = 0;
    for seed in 0..60 {
        let mut build = pair(40, 5, (2, Overflow::DropOldest));
        let bad = Kind::Bad { at: &["0", "3", "20"], how: Bad::Fault };
        let checker = build.add("checker", bad, &["in"], &["out"]);
        build.wire((AgentId(0), 0), (checker, 0));
        let (status, sim) = Sim::new(build, wild(seed)).run();
        audit(&sim.plan, &sim.entries);
        let letters = sim.state.agent(checker).letters;
        waited += letters;
        let expected = if letters > 0 { Status::Degraded } else { Status::Completed };
        assert_eq!(status, expected, "seed {seed}");
    }
    assert!(waited > 0, "nothing was ever tried again");
}

#[test]
fn a_reader_that_ended_badly_leaves_nothing_unnamed() {
    for overflow in [Overflow::DropOldest, Overflow::DropNewest, Overflow::Fail] {
        for seed in 0..20 {
            let mut build = pair(40, 5, (3, overflow));
            let bad = Kind::Bad { at: &["2"], how: Bad::Trap };
            let checker = build.add("checker", bad, &["in"], &["out"]);
            build.wire((AgentId(0), 0), (checker, 0));
            build.agent(2).restart = Restart::Temporary;
            let (_, sim) = Sim::new(build, wild(seed)).run();
            audit(&sim.plan, &sim.entries);
            let reader = sim.state.agent(checker);
            assert_eq!(reader.handled + reader.letters + reader.dropped, 40, "seed {seed}");
        }
    }
}

#[test]
fn random_graphs_with_any_policy_lose_only_what_is_named() {
    let (mut dropped, mut letters) = (0, 0);
    for seed in 0..120 {
        let policies =
            [Overflow::Block, Overflow::DropOldest, Overflow::DropNewest, Overflow::Fail];
        let mut rng = Rng::new(seed ^ 0x77);
        let mut build = random(seed);
        for id in 0..build.len() {
            for output in &mut build.agent(id).outputs {
                output.overflow = policies[rng.below(4)];
            }
        }
        let (status, sim) = Sim::new(build, wild(seed)).run();
        audit(&sim.plan, &sim.entries);
        let again = folded(State::new(Arc::clone(&sim.plan)), &sim.entries);
        assert_eq!(again.kept, sim.state.kept, "seed {seed}");
        let kept = sim.state.kept.dead_letters;
        assert_eq!(status == Status::Degraded, kept > 0, "seed {seed}");
        letters += kept;
        dropped += sim.state.kept.agents.iter().map(|agent| agent.dropped).sum::<u64>();
    }
    assert!(dropped > 100 && letters > 100, "{dropped} dropped, {letters} letters");
}
