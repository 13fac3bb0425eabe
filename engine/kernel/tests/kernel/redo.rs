//! What a new life handles again.

use std::cell::Cell;

use theater_flow_kernel::ids::AgentId;
use theater_flow_kernel::record::{Body, CrashKind, Origin, Part, Status};

use crate::common::audit::audit;
use crate::common::guests::{Bad, Kind};
use crate::common::plans::Build;
use crate::common::sim::{Options, Sim};

/// A source, the agent in question, standard output.
fn chain(kind: Kind) -> Build {
    Build::chain(30, &[kind, Kind::Stdout])
}

#[test]
fn a_counter_goes_on_where_it_was() {
    let expected: Vec<String> = (1..=30).map(|n: u32| n.to_string()).collect();
    for seed in 0..20 {
        let wild = Options { seed, crash: 10, checkpoint: 10, cut: true };
        let (status, sim) = Sim::new(chain(Kind::Counter), wild).run();
        audit(&sim.plan, &sim.entries);
        assert_eq!(status, Status::Completed);
        assert_eq!(sim.lines("stdout of a2"), expected, "seed {seed}");
    }
}

#[test]
fn who_is_restarted_often_does_not_make_all_its_calls_again_each_time() {
    let bad: Vec<String> = (0..400).filter(|n| n % 2 == 0).map(|n| n.to_string()).collect();
    let bad: Vec<&str> = bad.iter().map(|n| &*n.clone().leak()).collect();
    let kind = Kind::Bad { at: bad.leak(), how: Bad::Trap };
    let mut build = Build::chain(400, &[kind, Kind::Stdout]);
    build.root().intensity = 1_000;
    let (_, sim) = Sim::new(build, Options::calm(1)).run();
    let redone = sim.entries.iter().filter_map(|entry| match &entry.body {
        Body::Incarnation(body) => match body.from {
            Origin::Checkpoint { redone, .. } if body.agent.0 == 1 => Some(redone),
            _ => None,
        },
        _ => None,
    });
    let redone: Vec<u32> = redone.collect();
    assert!(redone.len() >= 199, "{} restarts", redone.len());
    // As many as it has made in all lives, a snapshot pays for what is made again.
    assert!(redone.iter().all(|redone| *redone < 100), "{redone:?}");
}

#[test]
fn recorded_answers_come_again_and_the_world_is_not_asked() {
    for seed in 0..20 {
        let mut sim = Sim::new(chain(Kind::Reader), Options::calm(seed));
        sim.run_until(|state| state.agent(AgentId(1)).handled >= 20);
        sim.resume();
        let before = sim.outside.lock().unwrap().calls;
        let redone = sim.state.agent(AgentId(1)).redo.len();
        assert!(redone >= 20);
        sim.run_until(|state| state.agent(AgentId(1)).incarnations == 2);
        assert_eq!(sim.outside.lock().unwrap().calls, before);
        let (status, sim) = sim.run();
        assert_eq!(status, Status::Completed);
        let written = sim.lines("stdout of a2");
        let answered =
            sim.entries.iter().filter(|entry| matches!(entry.body, Body::Transaction(_)));
        let answered = answered.flat_map(|entry| entry.body.parts());
        assert_eq!(answered.filter(|part| matches!(part, Part::Answer { .. })).count(), 60);
        assert_eq!(written.len(), 30);
    }
}

#[test]
fn a_snapshot_that_forgets_is_a_divergence() {
    let mut sim = Sim::new(chain(Kind::Forgetful), Options::calm(1));
    sim.run_until(|state| state.agent(AgentId(1)).handled >= 5);
    sim.stop();
    sim.resume();
    let seen = Cell::new(0);
    sim.run_until(|state| {
        seen.set(state.agent(AgentId(1)).handled);
        seen.get() >= 10
    });
    // Since the snapshot was taken, its calls are right; but a new life of it begins from nothing.
    sim.resume();
    let (status, sim) = sim.run();
    audit(&sim.plan, &sim.entries);
    assert_eq!(status, Status::Completed, "what it does is the same from the same snapshot on");
    let (status, sim) = lying().run();
    audit(&sim.plan, &sim.entries);
    assert_eq!(status, Status::Failed);
    let crashes = sim.entries.iter().filter_map(|entry| match &entry.body {
        Body::Crashed(body) => Some(body.crash.kind),
        _ => None,
    });
    let crashes: Vec<CrashKind> = crashes.collect();
    assert_eq!(crashes, [CrashKind::Divergence; 4]);
}

/// A run whose agent took a snapshot in mid-life that forgets what it knew, and then went on with what it
/// knew.
fn lying() -> Sim {
    use theater_flow_kernel::input::Input;
    let mut sim = Sim::new(chain(Kind::Forgetful), Options::calm(1));
    sim.run_until(|state| {
        state.agent(AgentId(1)).handled >= 5 && state.agent(AgentId(1)).handled < 25
    });
    let snapshot = sim.snapshot_now(AgentId(1));
    sim.input(Input::Report(snapshot));
    let handled = sim.state.agent(AgentId(1)).handled;
    sim.run_until(|state| state.agent(AgentId(1)).handled > handled + 2);
    sim.resume();
    sim
}

#[test]
fn faults_are_handled_again_too() {
    for seed in 0..20 {
        let bad = Kind::Bad { at: &["3", "9"], how: Bad::Fault };
        let mut sim = Sim::new(chain(bad), Options { cut: true, ..Options::calm(seed) });
        sim.run_until(|state| state.agent(AgentId(1)).handled >= 15);
        sim.resume();
        let (status, sim) = sim.run();
        audit(&sim.plan, &sim.entries);
        assert_eq!(status, Status::Degraded);
        assert_eq!(sim.lines("stdout of a2").len(), 28);
        assert!(!sim.entries.iter().any(|entry| matches!(entry.body, Body::Crashed(_))));
    }
}
