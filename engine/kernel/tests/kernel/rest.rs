//! Whatever fails on the way, cycles come to rest.
//!
//! The bound: a message's round grows by one over each feedback edge and never beyond what that edge allows, and
//! without its feedback edges the graph has no cycle. So no message is handled in a round beyond the most that
//! an edge allows, and no agent handles more messages than come to it when nothing fails: a fault, a crash or
//! an attempt more takes messages away and adds none.

use theater_flow_kernel::ids::AgentId;
use theater_flow_kernel::record::Status;

use crate::common::Rng;
use crate::common::audit::audit;
use crate::common::guests::{Bad, Kind};
use crate::common::sim::{Options, Sim};
use crate::feedback::{Cyclic, check_rounds, wild};

const BAD: [Bad; 6] = [
    Bad::Fault,
    Bad::FaultSometimes,
    Bad::Trap,
    Bad::TrapAfterRead,
    Bad::TrapSometimes,
    Bad::Timeout,
];

/// Makes some of the agents that pass messages on fail at some of them, and the root give up soon or late.
fn spoil(cyclic: &mut Cyclic, rng: &mut Rng) -> usize {
    const AT: [&[&str]; 3] = [&["0"], &["1", "2", "[0,1]"], &["0", "3", "4", "[1,0]", "[[0,0],1]"]];
    let mut bad = 0;
    for at in 0..cyclic.kinds.len() {
        if matches!(cyclic.kinds[at], Kind::Pass) && rng.one_in(2) {
            let (at_messages, how) = (AT[rng.below(AT.len())], BAD[rng.below(BAD.len())]);
            let id = AgentId(u32::try_from(at).expect("few agents"));
            cyclic.build.becomes(id, Kind::Bad { at: at_messages, how });
            bad += 1;
        }
    }
    cyclic.build.root().intensity = if rng.one_in(4) { rng.number(3) } else { 1_000 };
    bad
}

/// Feedback edges that share an agent with another one.
fn overlapping(cyclic: &Cyclic) -> bool {
    let back = cyclic.edges.iter().filter(|edge| edge.2.is_some());
    let mut ends: Vec<AgentId> = back.flat_map(|(from, to, _)| [from.0, to.0]).collect();
    let all = ends.len();
    ends.sort_unstable();
    ends.dedup();
    all > 2 && ends.len() < all
}

#[test]
fn spoilt_graphs_with_feedback_come_to_rest() {
    let (mut spoilt, mut overlaps, mut given_up, mut letters, mut crashes) = (0, 0, 0, 0, 0);
    for seed in 0..300 {
        let mut rng = Rng::new(seed ^ 0x5E11);
        let mut cyclic = Cyclic::random(seed);
        // What a filter drops depends on what the agents before it make of a message.
        let filters = cyclic.kinds.iter_mut().filter(|kind| matches!(kind, Kind::Filter));
        filters.for_each(|kind| *kind = Kind::Pass);
        let Some((most, beyond)) = cyclic.model() else { continue };
        if spoil(&mut cyclic, &mut rng) == 0 {
            continue;
        }
        spoilt += 1;
        overlaps += u32::from(overlapping(&cyclic));
        let options = if rng.one_in(3) { Options::calm(seed) } else { wild(seed) };
        let sim = Sim::new(cyclic.build, options);
        sim.outside.lock().expect("one thread").failures_each = rng.number(6);
        // That it comes back at all is the point: it runs until the run is over.
        let (status, sim) = sim.run();
        audit(&sim.plan, &sim.entries);
        check_rounds(&sim);
        for agent in &sim.plan.agents {
            let handled = sim.state.agent(agent.id).handled;
            let most = most.get(&agent.id).copied().unwrap_or(0);
            assert!(handled <= most, "{}: {handled} of {most}, {options:?}", agent.name);
        }
        if beyond == 0 && sim.state.kept.dead_letters == 0 && status != Status::Failed {
            assert_eq!(status, Status::Completed, "{options:?}");
        }
        given_up += u32::from(status == Status::Failed);
        letters += sim.state.kept.dead_letters;
        crashes += sim.crashes;
    }
    assert!(spoilt > 100 && overlaps > 50, "{spoilt} graphs, {overlaps} with cycles that overlap");
    assert!(given_up > 10 && letters > 300, "{given_up} given up, {letters} dead letters");
    assert!(crashes > 200, "{crashes} crashes of the process");
}
