//! Random graphs, schedules and crashes: nothing lost, nothing repeated, and an end.

use theater_flow_kernel::plan::{Child, Strategy};
use theater_flow_kernel::record::Status;

use crate::common::Rng;
use crate::common::audit::audit;
use crate::common::guests::Kind;
use crate::common::plans::{Build, supervisor};
use crate::common::sim::{Options, Sim};
use theater_flow_kernel::ids::{AgentId, SupervisorId};

/// A random graph: sources, then layers, then a writer for each output that nobody reads.
pub(crate) fn random(seed: u64) -> Build {
    let mut rng = Rng::new(seed);
    let mut build = Build::new();
    let mut outputs: Vec<(AgentId, usize, u32)> = Vec::new();
    for nth in 0..=rng.below(3) {
        let (n, k) = (rng.number(30), 1 + rng.number(4));
        let id = build.add(&format!("s{nth}"), Kind::Source { n, k }, &[], &["out"]);
        outputs.push((id, 0, 0));
    }
    for nth in 0..rng.below(6) {
        middle(&mut build, &mut rng, &mut outputs, nth);
    }
    let ends: Vec<_> = outputs.iter().filter(|(_, _, readers)| *readers == 0).copied().collect();
    for (nth, (id, output, _)) in ends.into_iter().enumerate() {
        let kind = [Kind::Stdout, Kind::Append, Kind::Replace][rng.below(3)].clone();
        let sink = build.add(&format!("w{nth}"), kind, &["in"], &[]);
        build.wire((id, output), (sink, 0));
    }
    for (id, _, _) in outputs {
        for output in &mut build.agent(id.0).outputs {
            output.capacity = 1 + rng.number(5);
        }
    }
    build
}

/// An agent that reads one to three of the outputs so far, over one or two inputs.
fn middle(build: &mut Build, rng: &mut Rng, outputs: &mut Vec<(AgentId, usize, u32)>, nth: usize) {
    let split = Kind::Split { n: rng.number(4) };
    let kinds = [Kind::Pass, Kind::Filter, split, Kind::Collect, Kind::Counter, Kind::Timer];
    let kind = kinds[rng.below(kinds.len())].clone();
    let inputs: &[&str] = if rng.one_in(3) { &["a", "b"] } else { &["in"] };
    let outs: &[&str] = if rng.one_in(4) { &["out", "too"] } else { &["out"] };
    let id = build.add(&format!("m{nth}"), kind, inputs, outs);
    for input in 0..inputs.len() {
        let mut read: Vec<usize> = (0..=rng.below(2)).map(|_| rng.below(outputs.len())).collect();
        read.sort_unstable();
        read.dedup();
        for from in read {
            let output = &mut outputs[from];
            output.2 += 1;
            build.wire((output.0, output.1), (id, input));
        }
    }
    outputs.extend((0..outs.len()).map(|output| (id, output, 0)));
}

#[test]
fn random_graphs_lose_and_repeat_nothing_and_end() {
    for seed in 0..100 {
        let calm = Sim::new(random(seed), Options::calm(seed)).run();
        audit(&calm.1.plan, &calm.1.entries);
        assert_eq!(calm.0, Status::Completed, "seed {seed}");
        let cut = Options { cut: true, checkpoint: 50, ..Options::calm(seed + 1_000) };
        let (status, other) = Sim::new(random(seed), cut).run();
        audit(&other.plan, &other.entries);
        assert_eq!(status, Status::Completed, "seed {seed}");
        assert_eq!(calm.1.sorted_files(), other.sorted_files(), "seed {seed}");
    }
}

#[test]
fn crashes_of_the_process_change_nothing_that_is_written() {
    let mut crashes = 0;
    for seed in 0..50 {
        let (_, calm) = Sim::new(random(seed), Options::calm(seed)).run();
        let wild = Options { seed: seed + 500, crash: 40, checkpoint: 20, cut: true };
        let (status, sim) = Sim::new(random(seed), wild).run();
        audit(&sim.plan, &sim.entries);
        assert_eq!(status, Status::Completed, "seed {seed}");
        assert_eq!(calm.sorted_files(), sim.sorted_files(), "seed {seed}");
        crashes += sim.crashes;
    }
    assert!(crashes > 200, "only {crashes} crashes");
}

#[test]
fn a_chain_writes_the_same_bytes_whatever_happens() {
    let build = || {
        let kinds = [Kind::Split { n: 3 }, Kind::Counter, Kind::Collect, Kind::Append];
        let mut build = Build::chain(20, &kinds);
        let agents =
            |ids: &[u32]| ids.iter().map(|id| Child::Agent(AgentId(*id))).collect::<Vec<_>>();
        let mut root = agents(&[0, 1]);
        root.push(Child::Supervisor(SupervisorId(1)));
        let root = supervisor(0, Strategy::OneForAll, root);
        build.supervisors(vec![root, supervisor(1, Strategy::RestForOne, agents(&[2, 3, 4]))]);
        build
    };
    let (_, calm) = Sim::new(build(), Options::calm(1)).run();
    let lines = calm.lines("/abs/out/a3");
    assert_eq!(lines.len(), 61);
    for seed in 0..20 {
        let wild = Options { seed, crash: 12, checkpoint: 20, cut: true };
        let (status, sim) = Sim::new(build(), wild).run();
        assert_eq!(status, Status::Completed);
        assert_eq!(sim.lines("/abs/out/a3"), lines, "seed {seed}");
    }
}
