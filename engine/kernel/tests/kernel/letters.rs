//! Dead letters that somebody has tried again, or drops.

use theater_flow_kernel::ids::{AgentId, Ref};
use theater_flow_kernel::input::Input;
use theater_flow_kernel::plan::Overflow;
use theater_flow_kernel::record::{
    Body, Consumed, DeadLetterReason, Next, Person, Resolved, SinkId, Status,
};
use theater_flow_kernel::state::{Phase, Refusal, State};

use crate::common::Rng;
use crate::common::audit::audit;
use crate::common::guests::{Bad, Kind};
use crate::common::plans::Build;
use crate::common::sim::{Options, Sim};

const BAD: AgentId = AgentId(1);

fn person() -> Person {
    Person { uid: 7, name: None }
}

fn retry(sim: &mut Sim, letter: u64) {
    sim.input(Input::Retry { letter, by: person() });
}

fn discard(sim: &mut Sim, letter: u64) {
    sim.input(Input::Discard { letter, by: person() });
}

/// Twenty messages through an agent that fails at one of them so many times.
fn failing(times: u32) -> Sim {
    let build =
        Build::chain(20, &[Kind::Bad { at: &["4"], how: Bad::FaultSometimes }, Kind::Stdout]);
    let sim = Sim::new(build, Options::calm(3));
    sim.outside.lock().expect("one thread").failures_each = times;
    sim
}

/// Runs until there is a letter: its record.
fn until_a_letter(sim: &mut Sim) -> u64 {
    sim.run_until(|state| state.kept.dead_letters > 0);
    letters(&sim.state)[0]
}

fn letters(state: &State) -> Vec<u64> {
    state.kept.letters.iter().map(|(seq, _)| seq).collect()
}

/// What became of the message of a letter after record `since`: the attempts at it with their causes.
fn attempts(sim: &Sim, message: Ref, since: u64) -> Vec<(u32, Vec<Ref>)> {
    let later = sim.entries.iter().filter(|entry| entry.seq > since);
    let about = later.filter_map(|entry| match &entry.body {
        Body::Transaction(body) => Some((entry, body.by, &body.consumed)),
        Body::Faulted(body) => Some((entry, body.by, &body.consumed)),
        _ => None,
    });
    about
        .filter(
            |(_, _, consumed)| matches!(consumed, Consumed::Message { id, .. } if *id == message),
        )
        .filter(|(_, by, _)| by.agent == BAD)
        .map(|(entry, by, _)| (by.attempt, entry.causes.clone()))
        .collect()
}

#[test]
fn what_is_tried_again_counts_as_never_tried() {
    let mut sim = failing(5);
    let letter = until_a_letter(&mut sim);
    let kept = sim.state.kept.letters.get(letter).expect("it is kept").clone();
    assert_eq!((kept.agent, kept.attempts, &kept.message.body[..]), (BAD, 4, &b"4"[..]));
    retry(&mut sim, letter);
    let retried = sim.entries.last().expect("a record").clone();
    let (message, port) = (kept.message.id, kept.port);
    let expected = Resolved { letter, agent: BAD, message, port, by: person() };
    assert_eq!(retried.body, Body::Retried(expected));
    assert_eq!(retried.causes, [Ref::record(letter)]);
    assert_eq!((sim.state.kept.dead_letters, letters(&sim.state)), (0, vec![]));
    let (status, sim) = sim.run();
    audit(&sim.plan, &sim.entries);
    assert_eq!(status, Status::Completed, "nothing is left of it");
    let tried = attempts(&sim, message, retried.seq);
    let counts: Vec<u32> = tried.iter().map(|(attempt, _)| *attempt).collect();
    assert_eq!(counts, [1, 2], "a fifth failure, and then it passes");
    for (_, causes) in tried {
        assert!(causes.contains(&Ref::record(retried.seq)), "{causes:?}");
    }
    let mut lines = sim.lines("stdout of a2");
    lines.sort_by_key(|line| line.trim_matches('"').parse::<u32>().unwrap_or(4));
    assert_eq!(lines.len(), 20, "{lines:?}");
}

#[test]
fn what_is_tried_again_waits_before_what_came_after_it() {
    let mut sim = failing(4);
    let letter = until_a_letter(&mut sim);
    sim.hold(BAD);
    sim.run_until(|state| state.agent(BAD).depth() > 2);
    let message = sim.state.kept.letters.get(letter).expect("it is kept").message.id;
    retry(&mut sim, letter);
    let queue = &sim.state.agent(BAD).queues[0].items;
    assert_eq!(queue[0].id, message);
    assert!(queue.iter().map(|item| item.id).is_sorted());
    sim.let_go();
    let (status, sim) = sim.run();
    audit(&sim.plan, &sim.entries);
    assert_eq!(status, Status::Completed);
}

#[test]
fn what_fails_again_is_a_letter_again() {
    let mut sim = failing(u32::MAX);
    let first = until_a_letter(&mut sim);
    retry(&mut sim, first);
    let second = until_a_letter(&mut sim);
    assert!(second > first);
    assert_eq!(sim.state.retriable(first), Err(Refusal::NotKept));
    let records = sim.entries.len();
    retry(&mut sim, first);
    assert_eq!(sim.entries.len(), records, "it is not done twice");
    assert_eq!(sim.state.agent(BAD).letters, 2);
    discard(&mut sim, second);
    let (status, sim) = sim.run();
    audit(&sim.plan, &sim.entries);
    assert_eq!(status, Status::Completed, "all were dropped");
    assert!(sim.state.kept.letters.is_empty());
    assert_eq!(sim.lines("stdout of a2").len(), 19);
}

#[test]
fn a_run_that_nobody_runs_takes_it_and_the_next_process_acts_on_it() {
    let mut sim = failing(4);
    let letter = until_a_letter(&mut sim);
    sim.stop();
    assert_eq!(sim.state.kept.phase, Phase::Suspended);
    retry(&mut sim, letter);
    assert_eq!((sim.state.kept.phase, sim.state.kept.dead_letters), (Phase::Suspended, 0));
    sim.run_until_durable(sim.entries.len());
    sim.resume();
    let (status, sim) = sim.run();
    audit(&sim.plan, &sim.entries);
    assert_eq!((status, sim.lines("stdout of a2").len()), (Status::Completed, 20));
}

#[test]
fn an_agent_that_was_told_of_the_end_gets_nothing_more() {
    let mut build = Build::new();
    let bad = Kind::Bad { at: &["4"], how: Bad::Fault };
    let bad = build.add("bad", bad, &["in", "more"], &["out"]);
    for (nth, n) in [20, 400].into_iter().enumerate() {
        let source = build.add(["short", "long"][nth], Kind::Source { n, k: 2 }, &[], &["out"]);
        build.wire((source, 0), (bad, nth));
    }
    let port = build.agent(0).inputs[0].port;
    let mut sim = Sim::new(build, Options::calm(3));
    sim.run_until(|state| state.agent(bad).closed[0]);
    let kept = sim.state.kept.letters.iter().find(|(_, kept)| kept.port == port);
    let letter = kept.expect("it failed at one").0;
    assert_eq!(sim.state.retriable(letter).map(|_| ()), Err(Refusal::Closed));
    sim.run_until(|state| state.agent(bad).life.is_over());
    let (records, over) = (sim.entries.len(), sim.state.retriable(letter).map(|_| ()));
    assert!(matches!(over, Err(Refusal::Ended | Refusal::Over)), "{over:?}");
    retry(&mut sim, letter);
    assert_eq!(sim.entries.len(), records);
    assert_eq!(sim.run().0, Status::Degraded);
}

#[test]
fn a_full_queue_takes_no_letter() {
    let mut build = Build::new();
    let source = build.add("source", Kind::Source { n: 40, k: 20 }, &[], &["out"]);
    let sink = build.add("sink", Kind::Stdout, &["in"], &[]);
    build.wire((source, 0), (sink, 0));
    let output = &mut build.agent(0).outputs[0];
    (output.capacity, output.overflow) = (3, Overflow::Fail);
    let mut sim = Sim::new(build, Options::calm(1));
    let letter = until_a_letter(&mut sim);
    assert_eq!(sim.state.retriable(letter).map(|_| ()), Err(Refusal::Full));
    sim.run_until(|state| state.agent(sink).depth() == 0);
    assert_eq!(sim.state.retriable(letter).map(|_| ()), Ok(()));
}

/// Somebody sorts letters at random instants of a run that is disturbed in all ways.
fn sorted(build: Build, seed: u64) -> (Status, Sim, u32) {
    let options = Options { seed, crash: 40, checkpoint: 20, cut: true };
    let (mut sim, mut rng, mut done) = (Sim::new(build, options), Rng::new(seed), 0);
    for _ in 0..200_000 {
        if let Phase::Finished(status) = sim.state.kept.phase {
            return (status, sim, done);
        }
        sim.step();
        let letters = letters(&sim.state);
        if letters.is_empty() || !rng.one_in(6) {
            continue;
        }
        let letter = letters[rng.below(letters.len())];
        let before = sim.entries.len();
        if rng.one_in(4) {
            discard(&mut sim, letter);
        } else {
            retry(&mut sim, letter);
        }
        done += u32::from(sim.entries.len() > before);
    }
    panic!("no end: {options:?}");
}

#[test]
fn however_letters_are_sorted_no_message_is_lost_or_handled_twice() {
    let mut done = 0;
    for seed in 0..200 {
        let how = [Bad::Fault, Bad::FaultSometimes, Bad::Trap, Bad::TrapSometimes];
        let bad = Kind::Bad { at: &["2", "5", "11"], how: how[Rng::new(seed).below(4)] };
        let mut build = Build::chain(20, &[Kind::Pass, bad, Kind::Collect, Kind::Stdout]);
        build.root().intensity = 1_000;
        let overflow =
            [Overflow::Block, Overflow::Fail, Overflow::DropOldest, Overflow::DropNewest];
        let output = &mut build.agent(1).outputs[0];
        (output.capacity, output.overflow) = (3, overflow[Rng::new(seed + 1).below(4)]);
        let (status, sim, sorted) = sorted(build, seed);
        audit(&sim.plan, &sim.entries);
        done += sorted;
        let left = sim.state.kept.dead_letters;
        assert_eq!(left, sim.state.kept.letters.len() as u64);
        let expected = if left == 0 { Status::Completed } else { Status::Degraded };
        assert_eq!(status, expected, "seed {seed}");
    }
    assert!(done > 500, "{done}");
}

#[test]
fn an_agent_that_is_done_gets_nothing_more() {
    let mut build = Build::new();
    let source = build.add("source", Kind::Source { n: 40, k: 20 }, &[], &["out"]);
    let sink = build.add("sink", Kind::DoneAt(3), &["in"], &["out"]);
    build.wire((source, 0), (sink, 0));
    let output = &mut build.agent(0).outputs[0];
    (output.capacity, output.overflow) = (3, Overflow::Fail);
    let mut sim = Sim::new(build, Options::calm(1));
    let letter = until_a_letter(&mut sim);
    // It waits for what it wrote, and would end without a look at what waits for it.
    sim.run_until(|state| state.agent(sink).mode == Next::Done);
    assert!(!sim.state.agent(sink).life.is_over());
    assert_eq!(sim.state.retriable(letter).map(|_| ()), Err(Refusal::Ended));
}

#[test]
fn a_run_whose_root_gave_up_takes_no_letter_whoever_runs_it() {
    let bad = Kind::Bad { at: &["1", "2", "3", "4"], how: Bad::Trap };
    let mut sim = Sim::new(Build::chain(12, &[bad, Kind::Stdout]), Options::calm(1));
    sim.run_until(|state| state.kept.phase == Phase::Failing);
    let letter = letters(&sim.state)[0];
    assert_eq!(sim.state.retriable(letter).map(|_| ()), Err(Refusal::Over));
    sim.stop();
    assert_eq!(sim.state.kept.phase, Phase::Suspended);
    assert_eq!(sim.state.retriable(letter).map(|_| ()), Err(Refusal::Over));
}

#[test]
fn what_an_agent_leaves_unread_is_no_failure_of_its_own() {
    let bad = Kind::Bad { at: &["1", "2", "3", "4"], how: Bad::Trap };
    let (status, sim) = Sim::new(Build::chain(12, &[bad, Kind::Stdout]), Options::calm(1)).run();
    assert_eq!(status, Status::Failed);
    let last = sim.entries.iter().rfind(|entry| matches!(entry.body, Body::DeadLettered(_)));
    let Some(Body::DeadLettered(unread)) = last.map(|entry| &entry.body) else {
        panic!("some are unread")
    };
    assert_eq!((unread.agent, &unread.why), (BAD, &DeadLetterReason::Ended));
    let failure = sim.state.agent(BAD).failure.and_then(|seq| usize::try_from(seq).ok());
    let Some(Body::DeadLettered(poison)) = failure.map(|seq| &sim.entries[seq].body) else {
        panic!("the fourth of those that it crashed at")
    };
    assert!(matches!(poison.why, DeadLetterReason::Crash(_)), "{poison:?}");
}

#[test]
fn what_an_agent_leaves_unread_keeps_its_attempts_and_says_why_it_ended() {
    let bad = Kind::Bad { at: &["4"], how: Bad::FaultSometimes };
    let mut build = Build::chain(12, &[bad, Kind::Stdout]);
    build.root().intensity = 0;
    build.agent(BAD.0).retry.max = 100;
    let mut sim = Sim::new(build, Options::calm(3));
    sim.outside.lock().expect("one thread").failures_each = 50;
    let pending = |state: &State| state.agent(BAD).pending.clone();
    sim.run_until(|state| pending(state).is_some_and(|pending| pending.failed > 2));
    let tried = pending(&sim.state).expect("it is tried again");
    let message = String::from("gone");
    sim.input(Input::WriteFailed { agent: AgentId(2), sink: SinkId::STDOUT, message });
    let (status, sim) = sim.run();
    assert_eq!(status, Status::Failed);
    let ended = sim
        .entries
        .iter()
        .find(|entry| matches!(&entry.body, Body::Ended(body) if body.agent == BAD));
    let ended = Ref::record(ended.expect("it ended").seq);
    let left = sim.entries.iter().filter_map(|entry| match &entry.body {
        Body::DeadLettered(body) if body.agent == BAD => Some((&entry.causes, body)),
        _ => None,
    });
    let left: Vec<_> = left.collect();
    let (causes, first) = left[0];
    assert_eq!((first.attempts, &first.why), (tried.failed, &DeadLetterReason::Ended));
    assert_eq!(causes[..], [first.message, Ref::record(tried.failure), ended]);
    for (causes, letter) in &left[1..] {
        assert_eq!((letter.attempts, &causes[..]), (0, &[letter.message, ended][..]));
    }
}
