//! The same inputs give the same log; the log gives the same state.

use std::sync::Arc;

use theater_flow_kernel::decide::advance;
use theater_flow_kernel::desk::Desk;
use theater_flow_kernel::ids::Digest;
use theater_flow_kernel::record::{Entry, Linked, link};
use theater_flow_kernel::state::State;

use crate::common::sim::{Options, Sim, folded};
use crate::dags::random;

fn chain(entries: &[Arc<Entry>]) -> Vec<Linked> {
    let mut prev = Digest::default();
    let link = |entry: &Arc<Entry>| {
        let linked = link(prev, entry);
        prev = linked.hash;
        linked
    };
    entries.iter().map(link).collect()
}

#[test]
fn the_same_inputs_give_the_same_bytes() {
    for seed in 0..40 {
        let options = Options { cut: true, checkpoint: 30, ..Options::calm(seed) };
        let (_, sim) = Sim::new(random(seed), options).run();
        let mut state = State::new(Arc::clone(&sim.plan));
        let desk = Desk::new(&sim.plan);
        let inputs = sim.inputs.iter().cloned();
        let again = inputs.flat_map(|input| advance(&mut state, &desk, input).entries);
        let again: Vec<Arc<Entry>> = again.collect();
        assert_eq!(chain(&again), chain(&sim.entries), "seed {seed}");
        assert_eq!(state, sim.state, "seed {seed}");
    }
}

#[test]
fn the_log_adds_up_to_the_state() {
    for seed in 0..40 {
        let options = Options { seed, cut: true, checkpoint: 10, crash: 60 };
        let (_, sim) = Sim::new(random(seed), options).run();
        let start = State::new(Arc::clone(&sim.plan));
        assert_eq!(folded(start, &sim.entries).kept, sim.state.kept, "seed {seed}");
        for (_, bytes) in &sim.checkpoints {
            let from = State::from_checkpoint(bytes, |at| sim.plan_of(at)).expect("it is one");
            assert_eq!(folded(from, &sim.entries).kept, sim.state.kept, "seed {seed}");
        }
    }
}

#[test]
fn bytes_that_are_no_checkpoint_are_refused() {
    let (_, sim) = Sim::new(random(1), Options::calm(1)).run();
    let bytes = sim.state.to_checkpoint();
    assert!(State::from_checkpoint(&bytes[..bytes.len() / 2], |at| sim.plan_of(at)).is_none());
    let other = crate::common::plans::Build::chain(1, &[]).done().0;
    assert!(State::from_checkpoint(&bytes, |_| Some(other)).is_none());
}
