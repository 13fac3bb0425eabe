//! Messages that somebody sends to a run, and runs that are kept so that somebody can.

use theater_flow_kernel::decide::NoWayIn;
use theater_flow_kernel::ids::{AgentId, Ref};
use theater_flow_kernel::input::Input;
use theater_flow_kernel::limits;
use theater_flow_kernel::plan::{Overflow, Restore};
use theater_flow_kernel::record::{Body, Carry, Consumed, Person, Status};
use theater_flow_kernel::reload::Misfits;
use theater_flow_kernel::state::{Life, Phase, State};

use crate::common::Rng;
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

/// The records alone say what the state is.
fn is_folded(sim: &Sim) {
    let again = folded(State::new(sim.plan.clone()), &sim.entries);
    assert_eq!(again.kept, sim.state.kept);
}

#[test]
fn a_message_from_outside_stands_behind_all_that_is_there() {
    let mut build = Build::chain(100, &[Kind::Pass, Kind::Stdout]);
    build.agent(0).outputs[0].capacity = 64;
    let mut sim = Sim::new(build, Options { cut: true, ..Options::calm(6) });
    sim.hold(FIRST);
    sim.run_until(|state| state.agent(FIRST).depth() > 3);
    sim.pause();
    let waits = |sim: &Sim| -> Vec<Ref> {
        sim.state.agent(FIRST).queues[0].items.iter().map(|item| item.id).collect()
    };
    let before = waits(&sim);
    sim.send(FIRST, "\"sent\"").expect("there is a place");
    let record = sim.entries.last().expect("a record").clone();
    let Body::Received(body) = &record.body else { panic!("{record:?}") };
    assert_eq!((body.agent, &body.by), (FIRST, &SOMEBODY));
    assert_eq!(waits(&sim), [&before[..], &[Ref::record(record.seq)]].concat());
    sim.go_on();
    sim.let_go();
    let (status, sim) = sim.run();
    audit(&sim.plan, &sim.entries);
    is_folded(&sim);
    let handles = |body: &Body| match body {
        Body::Transaction(body) => {
            matches!(body.consumed, Consumed::Message { id, .. } if id == Ref::record(record.seq))
        }
        _ => false,
    };
    let found = sim.entries.iter().find(|entry| handles(&entry.body)).expect("it was handled");
    assert!(found.causes.contains(&Ref::record(record.seq)), "{:?}", found.causes);
    assert_eq!((status, sim.lines("stdout of a2").len()), (Status::Completed, 101));
}

#[test]
fn what_is_full_closed_or_over_takes_nothing() {
    let mut sim = Sim::new(Build::chain(2, &[Kind::Pass, Kind::Stdout]), Options::calm(7));
    sim.pause();
    sim.settle();
    for _ in 0..4 {
        sim.send(FIRST, "1").expect("there is a place");
    }
    assert_eq!(sim.send(FIRST, "1"), Err(NoWayIn::Full(4)));
    sim.go_on();
    sim.run_until(|state| {
        state.agent(AgentId(0)).life.is_over() && state.agent(FIRST).depth() == 0
    });
    assert!(matches!(sim.send(FIRST, "1"), Err(NoWayIn::Closed | NoWayIn::Ended)));
    sim.run_until(|state| state.agent(FIRST).life.is_over());
    assert_eq!(sim.send(FIRST, "1"), Err(NoWayIn::Ended));
    let (status, mut sim) = sim.run();
    assert_eq!((status, sim.lines("stdout of a2").len()), (Status::Completed, 6));
    assert_eq!(sim.send(SECOND, "1"), Err(NoWayIn::Ending));
}

#[test]
fn one_that_stops_takes_nothing() {
    let mut sim = Sim::new(Build::chain(9, &[Kind::Stdout]), Options::calm(7));
    sim.stop();
    assert_eq!(sim.send(FIRST, "1"), Err(NoWayIn::Ending));
}

#[test]
fn what_fails_is_a_dead_letter_and_can_be_tried_again() {
    let bad = Kind::Bad { at: &["\"poison\""], how: Bad::FaultSometimes };
    let mut sim = Sim::new(Build::chain(9, &[bad, Kind::Stdout]), Options::calm(8));
    sim.outside.lock().expect("one thread").failures_each = 4;
    sim.keep_on();
    sim.send(FIRST, "\"poison\"").expect("there is a place");
    let received = Ref::record(sim.state.kept.next_seq - 1);
    sim.run_until(|state| state.kept.dead_letters > 0);
    let (letter, kept) = sim.state.kept.letters.iter().next().expect("it is kept");
    assert_eq!((kept.message.id, &kept.message.body[..]), (received, &b"\"poison\""[..]));
    sim.input(Input::Retry { letter, by: Person { uid: 7, name: None } });
    sim.settle();
    assert_eq!(sim.state.kept.dead_letters, 0);
    sim.stop();
    sim.resume();
    let (status, sim) = sim.run();
    assert_eq!((status, sim.lines("stdout of a2").len()), (Status::Completed, 10));
}

/// Agents that nobody in the run sends to, which begin anew after a crash.
fn open_ended() -> Build {
    let mut build = Build::new();
    let open = build.add("open", Kind::Counter, &["in"], &["out"]);
    let print = build.add("print", Kind::Stdout, &["in"], &[]);
    build.wire((open, 0), (print, 0));
    build
}

#[test]
fn an_input_that_nobody_in_the_run_sends_to_takes_messages() {
    let open = AgentId(0);
    let mut sim = Sim::new(open_ended(), Options::calm(9));
    sim.keep_on();
    sim.settle();
    assert_eq!(sim.state.agent(open).life, Life::Up, "the run is kept");
    for n in 0..limits::CAPACITY.min(50) {
        sim.send(open, &n.to_string()).expect("there is a place");
    }
    sim.settle();
    sim.crash();
    sim.keep_on();
    sim.send(open, "99").expect("there is a place");
    sim.settle();
    sim.stop();
    sim.resume();
    let (status, sim) = sim.run();
    is_folded(&sim);
    let counts: Vec<String> = (1..=51).map(|n| n.to_string()).collect();
    assert_eq!((status, sim.lines("stdout of a1")), (Status::Completed, counts));
}

#[test]
fn without_that_wish_such_an_agent_ends() {
    let sim = Sim::new(open_ended(), Options::calm(9));
    let (status, mut sim) = sim.run();
    assert_eq!(status, Status::Completed);
    assert_eq!(sim.send(AgentId(0), "1"), Err(NoWayIn::Ending));
}

#[test]
fn a_life_from_nothing_keeps_such_an_input_open() {
    let mut build = open_ended();
    build.agent(0).restore = Restore::Fresh;
    build.becomes(AgentId(0), Kind::Bad { at: &["1"], how: Bad::Trap });
    let mut sim = Sim::new(build, Options::calm(9));
    sim.keep_on();
    for n in 0..3 {
        sim.send(AgentId(0), &n.to_string()).expect("there is a place");
        sim.settle();
    }
    sim.run_until(|state| state.kept.dead_letters == 1);
    sim.settle();
    assert_eq!(sim.lines("stdout of a1"), ["0", "2"]);
}

#[test]
fn a_kept_run_waits_for_messages_and_ends_once_it_is_not_kept() {
    let mut sim = Sim::new(Build::chain(3, &[Kind::Collect, Kind::Stdout]), Options::calm(10));
    sim.keep_on();
    sim.settle();
    assert_eq!(sim.state.agent(FIRST).closed, [false], "nobody tells it that no more comes");
    assert!(sim.state.agent(AgentId(0)).life.is_over());
    sim.send(FIRST, "7").expect("its producers have ended, but somebody outside has not");
    sim.settle();
    sim.stop();
    assert_eq!(sim.state.agent(FIRST).closed, [false]);
    sim.resume();
    let (status, sim) = sim.run();
    let printed = sim.lines("stdout of a2");
    assert_eq!(status, Status::Completed);
    assert_eq!(printed, ["0", "1", "2", "7", "\"count 4\""]);
}

#[test]
fn a_cycle_takes_messages_from_outside() {
    let mut build = Build::chain(3, &[Kind::Filter, Kind::Pass, Kind::Stdout]);
    build.feed_back((AgentId(2), 0), (FIRST, 0), 2);
    let mut sim = Sim::new(build, Options::calm(11));
    sim.keep_on();
    sim.settle();
    sim.send(FIRST, "12").expect("there is a place");
    sim.settle();
    sim.stop();
    sim.resume();
    let (_, sim) = sim.run();
    audit(&sim.plan, &sim.entries);
    is_folded(&sim);
}

/// Where its sender is joined to the agent only after something was sent, the message comes all the same.
#[test]
fn what_was_sent_stays_where_it_is_through_a_reload() {
    let mut sim = Sim::new(open_ended(), Options::calm(12));
    sim.keep_on();
    sim.settle();
    sim.pause();
    for n in 0..3 {
        sim.send(AgentId(0), &n.to_string()).expect("there is a place");
    }
    let mut build = open_ended();
    let source = build.add("source", Kind::Source { n: 5, k: 1 }, &[], &["out"]);
    build.wire((source, 0), (AgentId(0), 0));
    let plan = (*build.done().0).clone();
    let source = plan.named("source").expect("it is there").component;
    sim.components.insert(source, Kind::Source { n: 5, k: 1 });
    sim.reload(plan, (Carry::As, Misfits::Refuse)).expect("nothing stands in the way");
    assert!(sim.state.kept.paused, "it stands still as before");
    assert_eq!(sim.state.agent(AgentId(0)).depth(), 3);
    sim.go_on();
    sim.settle();
    sim.stop();
    sim.resume();
    let (status, sim) = sim.run();
    is_folded(&sim);
    let counts: Vec<String> = (1..=8).map(|n| n.to_string()).collect();
    assert_eq!((status, sim.lines("stdout of a1")), (Status::Completed, counts));
}

/// Sends, pauses and goes on at random moments, while processes are killed: what was durably received is printed once,
/// and so is what the source sent, all in order.
#[test]
fn at_any_moment_nothing_is_lost_or_repeated() {
    for seed in 0..120 {
        let crash = if seed % 3 == 0 { 0 } else { 70 };
        let options = Options { seed, crash, checkpoint: 40, cut: true };
        let mut rng = Rng::new(seed + 5);
        let mut build = Build::chain(40, &[Kind::Pass, Kind::Pass, Kind::Stdout]);
        if seed % 4 == 1 {
            build.agent(1).outputs[0].overflow = Overflow::Fail;
            build.agent(1).outputs[0].capacity = 64;
        }
        let mut sim = Sim::new(build, options);
        let mut sent = 1_000;
        for _ in 0..400 {
            match rng.below(12) {
                0 if !sim.state.kept.paused => sim.pause(),
                1 | 2 if sim.state.kept.paused => sim.go_on(),
                3 | 4 => {
                    let to = AgentId(1 + rng.number(3));
                    sent += u32::from(sim.send(to, &sent.to_string()).is_ok());
                }
                _ if sim.state.kept.paused => sim.settle(),
                _ if matches!(sim.state.kept.phase, Phase::Finished(_)) => break,
                _ => sim.step(),
            }
        }
        sim.go_on();
        let (status, sim) = sim.run();
        audit(&sim.plan, &sim.entries);
        is_folded(&sim);
        let received = sim.entries.iter().filter_map(|entry| match &entry.body {
            Body::Received(_) => String::from_utf8(entry.payloads[0].to_vec()).ok(),
            _ => None,
        });
        let mut expected: Vec<u32> =
            received.chain(numbers(40)).map(|line| line.parse().expect("a number")).collect();
        expected.sort_unstable();
        let printed = sim.lines("stdout of a3");
        let printed: Vec<u32> = printed.iter().map(|line| line.parse().expect("ours")).collect();
        let source: Vec<u32> = printed.iter().copied().filter(|n| *n < 1_000).collect();
        assert!(source.is_sorted(), "seed {seed}: {source:?}");
        let mut all = printed;
        all.sort_unstable();
        assert_eq!((status, all), (Status::Completed, expected), "seed {seed}");
    }
}
