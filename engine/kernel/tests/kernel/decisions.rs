//! What somebody has to decide about: it waits, also without a process; and the time that passes is no event's.

use theater_flow_kernel::http::OnUnknown;
use theater_flow_kernel::ids::AgentId;
use theater_flow_kernel::input::Input;
use theater_flow_kernel::record::{Body, CrashKind, Known, Person, Status};
use theater_flow_kernel::state::{Phase, Stand, State};

use super::asks::{ASKER, chain, check, made, outcomes};
use crate::common::sim::{Options, Sim};

fn decide(sim: &mut Sim, intent: u64, repeat: bool) {
    let by = Person { uid: 7, name: Some(String::from("p")) };
    sim.input(Input::Decided { intent, repeat, by });
}

fn asking(sim: &Sim) -> &theater_flow_kernel::state::Asking {
    sim.state.agent(ASKER).asking.as_ref().expect("it asks")
}

/// A run whose process died while it asked, taken up: somebody has to decide. The record of the intent.
fn held(on_unknown: OnUnknown) -> (Sim, u64) {
    let mut sim = Sim::new(chain(("POST", false), Some(on_unknown)), Options::calm(2));
    sim.run_until(|state| state.agent(ASKER).asking.is_some());
    sim.run_until_durable(usize::try_from(asking(&sim).intent.seq).expect("it is small") + 1);
    sim.crash();
    let intent = asking(&sim).intent.seq;
    (sim, intent)
}

/// The last record.
fn last(sim: &Sim) -> &Body {
    &sim.entries.last().expect("a record").body
}

#[test]
fn a_decision_needs_no_process_and_the_next_one_acts_on_it() {
    for (repeat, how) in [(true, Known::Repeated), (false, Known::Unknown)] {
        let (mut sim, intent) = held(OnUnknown::Ask);
        assert!(asking(&sim).is_held());
        sim.input(Input::Wait);
        let Body::Waiting(waiting) = last(&sim) else { panic!("{:?}", last(&sim)) };
        assert_eq!((&waiting.intents, sim.state.kept.phase), (&vec![intent], Phase::Waiting));
        decide(&mut sim, intent, repeat);
        let Body::Decided(decided) = last(&sim) else { panic!("{:?}", last(&sim)) };
        assert_eq!((decided.agent, decided.intent, decided.repeat), (ASKER, intent, repeat));
        assert_eq!(decided.by, Person { uid: 7, name: Some(String::from("p")) });
        assert_eq!(sim.state.held().count(), 0);
        let records = sim.entries.len();
        decide(&mut sim, intent, !repeat);
        assert_eq!(sim.entries.len(), records, "nothing is decided twice");
        sim.resume();
        let (status, sim) = sim.run();
        check(&sim);
        assert_eq!((status, outcomes(&sim, how)), (Status::Completed, 1));
        assert_eq!(outcomes(&sim, Known::Held), 1, "it is not asked again");
    }
}

#[test]
fn a_process_that_dies_before_it_acts_leaves_the_decision() {
    let (mut sim, intent) = held(OnUnknown::Ask);
    decide(&mut sim, intent, true);
    let decided = sim.entries.iter().position(|entry| matches!(entry.body, Body::Decided(_)));
    sim.entries.truncate(decided.expect("it is recorded") + 1);
    sim.resume();
    let (status, sim) = sim.run();
    check(&sim);
    assert_eq!((status, outcomes(&sim, Known::Held)), (Status::Completed, 1));
    assert!(made(&sim).values().all(|times| *times <= 2));
}

#[test]
fn what_is_made_again_after_a_decision_can_be_unknown_again() {
    let (mut sim, intent) = held(OnUnknown::Ask);
    decide(&mut sim, intent, true);
    assert!(matches!(asking(&sim).stand, Stand::Open { .. }));
    sim.run_until_durable(sim.entries.len());
    sim.resume();
    assert!(asking(&sim).is_held(), "{:?}", asking(&sim).stand);
    let (status, sim) = sim.run();
    check(&sim);
    assert_eq!((status, outcomes(&sim, Known::Held)), (Status::Completed, 2));
}

#[test]
fn nobody_decides_about_what_does_not_wait() {
    let (mut sim, intent) = held(OnUnknown::Retry);
    let records = sim.entries.len();
    for id in [0, intent, intent + 1, u64::MAX] {
        decide(&mut sim, id, true);
    }
    sim.input(Input::Wait);
    assert_eq!((sim.entries.len(), sim.state.kept.phase), (records, Phase::Running));
    let (_, sim) = sim.run();
    check(&sim);
}

/// Lets an hour pass, of which the run knows nothing.
fn an_hour_later(sim: &Sim) {
    sim.outside.lock().expect("one thread").now += 3_600_000;
}

#[test]
fn the_time_of_an_event_stands_still_while_nobody_runs_it_or_it_waits_for_somebody() {
    for on_unknown in [OnUnknown::Retry, OnUnknown::Ask] {
        let mut build = chain(("POST", true), Some(on_unknown));
        build.agent(1).timeout_ms = 60_000;
        let mut sim = Sim::new(build, Options::calm(2));
        let second = |state: &State| {
            let asking = state.agent(ASKER).asking.as_ref();
            asking.and_then(|asking| asking.intent()).is_some_and(|intent| intent.n == 2)
        };
        sim.run_until(second);
        sim.run_until_durable(usize::try_from(asking(&sim).intent.seq).expect("it is small") + 1);
        an_hour_later(&sim);
        sim.crash();
        if on_unknown == OnUnknown::Ask {
            an_hour_later(&sim);
            let intent = asking(&sim).intent.seq;
            decide(&mut sim, intent, true);
        }
        let left = asking(&sim).deadline(&sim.plan.agents[ASKER.index()]) - sim.state.kept.now;
        let least = if on_unknown == OnUnknown::Ask { 60_000 } else { 0 };
        assert!(left >= least, "{on_unknown:?}: {left} ms are left");
        let (status, sim) = sim.run();
        check(&sim);
        assert_eq!(status, Status::Completed, "{on_unknown:?}");
        let late = |body: &Body| matches!(body, Body::Crashed(body) if body.crash.kind == CrashKind::Timeout);
        assert!(!sim.entries.iter().any(|entry| late(&entry.body)), "{on_unknown:?}");
    }
}

/// An answer that comes while its agent begins a new life, and one that comes twice.
#[test]
fn an_answer_counts_whenever_it_comes_and_once() {
    let mut sim = Sim::new(chain(("POST", false), None), Options::calm(4));
    sim.run_until(|state| state.agent(ASKER).asking.is_some());
    let intent = asking(&sim).intent.seq;
    let answer: theater_flow_kernel::http::Answer =
        Err(theater_flow_kernel::http::unknown("broke off", "k"));
    let answer: theater_flow_kernel::ids::Bytes =
        postcard::to_allocvec(&answer).expect("plain data").into();
    for (agent, of) in [(AgentId(0), intent), (ASKER, intent + 1), (ASKER, intent), (ASKER, intent)]
    {
        sim.input(Input::Answered { agent, intent: of, answer: answer.clone() });
    }
    assert_eq!(outcomes(&sim, Known::Answered), 1);
    let (status, sim) = sim.run();
    check(&sim);
    assert_eq!(status, Status::Completed);
}
