//! Runs that somebody lets stand still and go on.

use theater_flow_kernel::ids::AgentId;
use theater_flow_kernel::input::Input;
use theater_flow_kernel::record::{Body, Carry, Status};
use theater_flow_kernel::reload::Misfits;
use theater_flow_kernel::state::{Life, Phase, State};

use crate::common::audit::audit;
use crate::common::guests::{Bad, Kind};
use crate::common::live::SOMEBODY;
use crate::common::plans::Build;
use crate::common::sim::{Options, Sim, folded};

const FIRST: AgentId = AgentId(1);
const SECOND: AgentId = AgentId(2);

fn numbers(to: u32) -> Vec<String> {
    (0..to).map(|n| n.to_string()).collect()
}

fn kinds(sim: &Sim, from: usize) -> Vec<&'static str> {
    sim.entries[from..].iter().map(|entry| entry.body.kind()).collect()
}

/// The records alone say what the state is.
fn is_folded(sim: &Sim) {
    let again = folded(State::new(sim.plan.clone()), &sim.entries);
    assert_eq!(again.kept, sim.state.kept);
}

#[test]
fn a_run_that_stands_still_ends_what_is_in_hand_and_begins_nothing() {
    let mut sim = Sim::new(Build::chain(30, &[Kind::Pass, Kind::Stdout]), Options::calm(1));
    sim.run_until(|state| state.agent(SECOND).handled > 5);
    sim.pause();
    let handled = sim.state.agent(SECOND).handled;
    sim.settle();
    let after = sim.state.kept.next_seq;
    assert!(sim.state.kept.paused && sim.state.kept.phase == Phase::Running);
    assert!(sim.state.agent(SECOND).handled >= handled);
    sim.input(Input::Tick);
    sim.settle();
    assert_eq!(sim.state.kept.next_seq, after, "{:?}", kinds(&sim, 0));
    sim.go_on();
    let (status, sim) = sim.run();
    audit(&sim.plan, &sim.entries);
    is_folded(&sim);
    assert_eq!((status, sim.lines("stdout of a2")), (Status::Completed, numbers(30)));
}

#[test]
fn it_says_so_once() {
    let mut sim = Sim::new(Build::chain(3, &[Kind::Stdout]), Options::calm(1));
    sim.go_on();
    sim.pause();
    sim.pause();
    sim.go_on();
    sim.go_on();
    let by = |body: &Body| match body {
        Body::Paused(body) => Some((true, body.by.clone())),
        Body::Continued(body) => Some((false, body.by.clone())),
        _ => None,
    };
    let said: Vec<_> = sim.entries.iter().filter_map(|entry| by(&entry.body)).collect();
    assert_eq!(said, [(true, Some(SOMEBODY)), (false, Some(SOMEBODY))]);
}

#[test]
fn a_run_does_not_end_while_it_stands_still() {
    let mut sim = Sim::new(Build::chain(3, &[Kind::Stdout]), Options::calm(1));
    sim.run_until(|state| state.agent(FIRST).closed[0] || state.agent(FIRST).handled == 3);
    sim.pause();
    sim.settle();
    assert_eq!(sim.state.kept.phase, Phase::Running);
    assert!(!sim.state.agent(FIRST).life.is_over());
    sim.go_on();
    assert_eq!(sim.run().0, Status::Completed);
}

#[test]
fn timers_wait_and_are_not_lost() {
    let mut sim = Sim::new(Build::chain(4, &[Kind::Timer, Kind::Stdout]), Options::calm(2));
    sim.run_until(|state| state.agent(FIRST).timers.len() > 1);
    sim.pause();
    sim.settle();
    let left: Vec<String> = sim.state.agent(FIRST).timers.keys().cloned().collect();
    sim.outside.lock().expect("one thread").now += 100_000;
    sim.input(Input::Tick);
    sim.settle();
    assert!(left.iter().eq(sim.state.agent(FIRST).timers.keys()), "none has come");
    sim.go_on();
    let (status, sim) = sim.run();
    assert_eq!(status, Status::Completed);
    let mut came = sim.lines("stdout of a2");
    came.sort_unstable();
    assert_eq!(came, ["\"t1\"", "\"t2\"", "\"t3\"", "\"t4\""]);
}

#[test]
fn what_has_asked_is_answered_and_goes_on_to_its_end() {
    let mut sim = Sim::new(crate::asks::chain(("GET", false), None), Options::calm(3));
    sim.run_until(|state| state.agent(FIRST).is_asking());
    sim.pause();
    let records = sim.entries.len();
    sim.settle();
    assert!(sim.state.agent(FIRST).asking.is_none(), "it is at no event any more");
    let came = kinds(&sim, records);
    assert!(came.contains(&"outcome") && came.contains(&"transaction"), "{came:?}");
    let all = u64::from(crate::asks::MESSAGES);
    assert!(sim.state.agent(FIRST).handled < all);
    sim.go_on();
    let (status, sim) = sim.run();
    let printed = sim.lines("stdout of a2").len() as u64;
    assert_eq!((status, printed), (Status::Completed, all));
}

#[test]
fn supervision_goes_on_to_its_end() {
    let bad = Kind::Bad { at: &["4"], how: Bad::Trap };
    let mut sim = Sim::new(Build::chain(30, &[bad, Kind::Stdout]), Options::calm(4));
    sim.run_until(|state| {
        matches!(state.agent(FIRST).life, Life::Down { .. } | Life::Starting)
            && state.agent(FIRST).crashes > 0
    });
    sim.pause();
    sim.settle();
    let first = sim.state.agent(FIRST);
    assert_eq!((first.life, first.incarnations), (Life::Up, 2));
    sim.go_on();
    let (status, sim) = sim.run();
    assert_eq!((status, sim.lines("stdout of a2").len()), (Status::Degraded, 29));
}

#[test]
fn a_run_that_stands_still_is_stopped_at_once_and_goes_on_when_it_is_taken_up() {
    let mut sim = Sim::new(Build::chain(30, &[Kind::Counter, Kind::Stdout]), Options::calm(5));
    sim.run_until(|state| state.agent(FIRST).depth() > 1);
    sim.pause();
    sim.settle();
    let depth = sim.state.agent(FIRST).depth();
    sim.stop();
    assert_eq!(sim.state.agent(FIRST).depth(), depth, "mailboxes are left as they are");
    assert!(sim.state.kept.paused);
    sim.resume();
    assert!(!sim.state.kept.paused);
    assert_eq!(sim.run().0, Status::Completed);
}

/// What an agent has that goes is handled though the run stands still: there is no later for it.
#[test]
fn who_goes_handles_what_it_has_also_while_the_run_stands_still() {
    let built = |side: bool| {
        let mut build = Build::chain(30, &[Kind::Stdout]);
        if side {
            let side = build.add("side", Kind::Stdout, &["in"], &[]);
            build.wire((AgentId(0), 0), (side, 0));
        }
        build
    };
    let mut sim = Sim::new(built(true), Options { cut: true, ..Options::calm(14) });
    sim.run_until(|state| state.agent(SECOND).depth() > 1);
    sim.pause();
    sim.settle();
    let left = sim.state.agent(SECOND).depth() as u64;
    let handled = sim.state.agent(SECOND).handled;
    assert!(left > 0, "something waits");
    let plan = (*built(false).done().0).clone();
    sim.reload(plan, (Carry::As, Misfits::Refuse)).expect("nothing stands in the way");
    assert_eq!((sim.state.agent(SECOND).handled, sim.state.kept.dead_letters), (handled + left, 0));
    let first = sim.state.agent(FIRST).handled;
    sim.settle();
    assert_eq!(sim.state.agent(FIRST).handled, first, "the others stand still");
    sim.go_on();
    let (status, sim) = sim.run();
    assert_eq!((status, sim.lines("stdout of a1")), (Status::Completed, numbers(30)));
}

#[test]
fn a_fork_of_a_run_that_stands_still_goes_on() {
    let mut sim = Sim::new(Build::chain(9, &[Kind::Stdout]), Options::calm(13));
    sim.pause();
    assert!(sim.state.kept.paused);
    let state = crate::forks::forked(sim.state.clone(), &[]);
    assert!(!state.kept.paused);
}
