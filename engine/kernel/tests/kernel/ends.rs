//! Stopping, and failing writes.

use theater_flow_kernel::ids::AgentId;
use theater_flow_kernel::input::Input;
use theater_flow_kernel::plan::Restart;
use theater_flow_kernel::record::{Body, SinkId, Status};
use theater_flow_kernel::state::{AgentState, Life, Phase};

use crate::common::audit::audit;
use crate::common::guests::Kind;
use crate::common::plans::Build;
use crate::common::sim::{Options, Sim};

fn chain() -> Build {
    Build::chain(40, &[Kind::Split { n: 2 }, Kind::Counter, Kind::Append])
}

#[test]
fn a_stopped_run_goes_on_to_the_same_result() {
    let (_, calm) = Sim::new(chain(), Options::calm(0)).run();
    let lines = calm.lines("/abs/out/a2");
    assert_eq!(lines.len(), 80);
    for seed in 0..30 {
        let mut sim = Sim::new(chain(), Options { cut: true, ..Options::calm(seed) });
        for _ in 0..seed * 10 {
            sim.step();
        }
        if sim.state.kept.phase == Phase::Running {
            sim.stop();
            assert_eq!(sim.state.kept.phase, Phase::Suspended);
            let waiting: usize = sim.state.kept.agents.iter().map(AgentState::depth).sum();
            let started = sim.state.kept.agents.iter().all(|agent| agent.started);
            assert!(!started || waiting == 0, "seed {seed}: mailboxes are empty");
            let redo: usize = sim.state.kept.agents.iter().map(|agent| agent.redo.len()).sum();
            assert_eq!(redo, 0, "seed {seed}: nothing is left to be handled again");
            sim.resume();
        }
        let (status, sim) = sim.run();
        audit(&sim.plan, &sim.entries);
        assert_eq!(status, Status::Completed);
        assert_eq!(sim.lines("/abs/out/a2"), lines, "seed {seed}");
    }
}

#[test]
fn nothing_comes_after_the_end() {
    let (_, mut sim) = Sim::new(chain(), Options::calm(0)).run();
    let len = sim.entries.len();
    sim.input(Input::Stop { by: String::from("late") });
    sim.input(Input::Suspend { why: String::from("late") });
    sim.input(Input::Written { agent: AgentId(3), sink: SinkId(1), upto: 1, closed: true });
    sim.input(Input::Resume(crate::common::sim::facts()));
    assert_eq!(sim.entries.len(), len);
    let mut stopped = Sim::new(chain(), Options::calm(0));
    stopped.input(Input::Suspend { why: String::from("now") });
    let len = stopped.entries.len();
    stopped.input(Input::Stop { by: String::from("late") });
    assert_eq!(stopped.entries.len(), len);
}

/// Fails the first write of the last agent.
fn fail_a_write(sim: &mut Sim) {
    let waits = |agent: &AgentState| agent.writes.values().any(|write| !write.pending.is_empty());
    sim.run_until(|state| waits(state.agent(AgentId(3))));
    let sink = *sim.state.agent(AgentId(3)).writes.keys().next().expect("something waits");
    let message = String::from("disk full");
    sim.input(Input::WriteFailed { agent: AgentId(3), sink, message });
}

#[test]
fn a_failed_write_is_a_crash_and_is_tried_again() {
    let (_, calm) = Sim::new(chain(), Options::calm(0)).run();
    for seed in 0..20 {
        let mut sim = Sim::new(chain(), Options { cut: true, ..Options::calm(seed) });
        fail_a_write(&mut sim);
        let (status, sim) = sim.run();
        audit(&sim.plan, &sim.entries);
        assert_eq!(status, Status::Completed);
        assert_eq!(sim.lines("/abs/out/a2"), calm.lines("/abs/out/a2"));
        assert!(sim.entries.iter().any(|entry| matches!(entry.body, Body::Restarted(_))));
    }
}

#[test]
fn a_write_that_fails_between_two_lives_does_not_keep_the_agent_from_starting() {
    let mut sim = Sim::new(chain(), Options::calm(1));
    fail_a_write(&mut sim);
    let sink = *sim.state.agent(AgentId(3)).writes.keys().next().unwrap();
    sim.run_until(|state| state.agent(AgentId(3)).life == Life::Starting);
    let broken = sim.state.agent(AgentId(3)).writes[&sink].broken;
    assert!(broken.is_some(), "nothing is written before it lives again");
    sim.resume();
    let broken = sim.state.agent(AgentId(3)).writes[&sink].broken;
    assert!(broken.is_some(), "nor if its process was killed meanwhile");
    let message = String::from("disk still full");
    sim.input(Input::WriteFailed { agent: AgentId(3), sink, message });
    let (status, sim) = sim.run();
    assert_eq!(status, Status::Completed);
    assert_eq!(sim.lines("/abs/out/a2").len(), 80);
}

#[test]
fn bytes_that_a_temporary_agent_could_not_write_fail_the_run() {
    let mut build = chain();
    build.agent(3).restart = Restart::Temporary;
    let mut sim = Sim::new(build, Options::calm(1));
    fail_a_write(&mut sim);
    assert_eq!(sim.run().0, Status::Failed);
}

#[test]
fn half_a_replacement_never_takes_the_old_contents_place() {
    let mut build = Build::chain(40, &[Kind::Pass, Kind::Replace]);
    build.root().intensity = 0;
    let bad = crate::common::guests::Bad::Trap;
    let id = build.add("bad", Kind::Bad { at: &["20"], how: bad }, &["in"], &[]);
    build.wire((AgentId(0), 0), (id, 0));
    let sim = Sim::new(build, Options::calm(1));
    let old = b"old\n".to_vec();
    sim.outside.lock().unwrap().files.insert(String::from("/abs/out/a1"), old);
    let (status, sim) = sim.run();
    assert_eq!(status, Status::Failed);
    assert_eq!(sim.lines("/abs/out/a1"), ["old"]);
    assert_eq!(sim.sorted_files().len(), 1, "{:?}", sim.sorted_files());
}
