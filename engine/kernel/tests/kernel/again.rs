//! Plans in which somebody sends again where nobody sent any more: who had ended is started again, inputs that had closed
//! are open, cycles that had come to rest move, whenever the run goes over.

use std::collections::BTreeMap;

use theater_flow_kernel::gate::{Gate, Stop};
use theater_flow_kernel::ids::{AgentId, Digest, SupervisorId};
use theater_flow_kernel::plan::{Child, Overflow, Plan, Strategy, Wait};
use theater_flow_kernel::record::{
    Body, Carry, Crash, CrashKind, DeadLetterReason, End, Next, Status,
};
use theater_flow_kernel::reload::Misfits;
use theater_flow_kernel::state::{Life, Phase, State};
use theater_flow_kernel::work::Event;

use crate::common::audit::audit;
use crate::common::guests::Kind;
use crate::common::plans::{Build, supervisor};
use crate::common::sim::{Options, Sim, folded};

/// Agents by name, with what they do.
type Cast = [(&'static str, Kind)];

/// A run of the first plan.
fn begin(build: Build, cast: &Cast, seed: u64) -> Sim {
    let mut sim = Sim::new(build, Options { cut: true, ..Options::calm(seed) });
    let known = cast.iter().map(|(name, kind)| (Digest::of(name.as_bytes()), kind.clone()));
    sim.components = known.collect::<BTreeMap<_, _>>();
    sim
}

/// Lets a run go over to another plan after each number of steps that it can take in the first one, and run to its
/// end. How often it had not ended before.
fn at_each_step(sim: impl Fn() -> Sim, next: &Plan, check: impl Fn(&Sim, Status)) -> usize {
    for steps in 0.. {
        let mut sim = sim();
        for _ in 0..steps {
            if !matches!(sim.state.kept.phase, Phase::Finished(_)) {
                sim.step();
            }
        }
        match sim.reload(next.clone(), (Carry::As, Misfits::Refuse)) {
            Ok(()) => {}
            Err(None) => return steps,
            Err(Some(why)) => panic!("after {steps} steps: {why:?}"),
        }
        if steps % 2 == 1 {
            sim.crash_each(25);
        }
        let (status, sim) = sim.run();
        let again = folded(State::new(sim.plan.clone()), &sim.entries);
        assert_eq!(again.kept, sim.state.kept, "the records alone say all, after {steps} steps");
        check(&sim, status);
    }
    0
}

fn named(sim: &Sim, name: &str) -> AgentId {
    sim.state.plan.named(name).expect("it is there").id
}

fn printed(sim: &Sim, name: &str) -> Vec<String> {
    sim.lines(&format!("stdout of {:?}", named(sim, name)))
}

const FEW: u32 = 3;
const MORE: u32 = 4;
const LONG: u32 = 12;

fn cast() -> Vec<(&'static str, Kind)> {
    vec![
        ("few", Kind::Source { n: FEW, k: 2 }),
        ("more", Kind::Source { n: MORE, k: 2 }),
        ("long", Kind::Source { n: LONG, k: 1 }),
        ("pass", Kind::Pass),
        ("count", Kind::Counter),
        ("sink", Kind::Stdout),
        ("other", Kind::Stdout),
        ("file", Kind::Append),
        ("letters", Kind::Stdout),
    ]
}

/// A short row that ends early, and a long one that keeps the run alive; `more` feeds the short one, too, if it is
/// there.
fn rows(more: bool) -> Build {
    let cast = cast();
    let kind = |name: &str| cast.iter().find(|one| one.0 == name).expect("it plays").1.clone();
    let mut build = Build::new();
    let few = build.add("few", kind("few"), &[], &["out"]);
    let pass = build.add("pass", kind("pass"), &["in"], &["out"]);
    build.agent(pass.0).retry.wait = Wait::NONE;
    // What failed is to be tried again, not forgotten.
    build.agent(pass.0).stateless = false;
    let count = build.add("count", kind("count"), &["in"], &["out"]);
    let sink = build.add("sink", kind("sink"), &["in"], &[]);
    let long = build.add("long", kind("long"), &[], &["out"]);
    let other = build.add("other", kind("other"), &["in"], &[]);
    let file = build.add("file", kind("file"), &["in"], &[]);
    build.wire((few, 0), (pass, 0));
    build.wire((pass, 0), (count, 0));
    build.wire((pass, 0), (file, 0));
    build.wire((count, 0), (sink, 0));
    build.wire((long, 0), (other, 0));
    if more {
        let more = build.add("more", kind("more"), &[], &["out"]);
        build.wire((more, 0), (pass, 0));
    }
    // The supervisor of one that crashes is no other in the next plan.
    let rest = (0..build.len()).map(AgentId).filter(|id| *id != pass).map(Child::Agent).collect();
    let one = |id, children| supervisor(id, Strategy::OneForOne, children);
    let below = [SupervisorId(1), SupervisorId(2)].map(Child::Supervisor).to_vec();
    build.supervisors(vec![one(0, below), one(1, vec![Child::Agent(pass)]), one(2, rest)]);
    build
}

fn plan(build: Build) -> Plan {
    Plan::clone(&build.done().0)
}

#[test]
fn what_comes_again_comes_through_to_the_end_of_the_row() {
    let mut after = 0;
    for seed in 0..8 {
        after += at_each_step(
            || begin(rows(false), &cast(), seed),
            &plan(rows(true)),
            |sim, status| {
                assert_eq!(status, Status::Completed);
                let lines = printed(sim, "sink").len();
                assert_eq!(lines, (FEW + MORE) as usize, "{:?}", printed(sim, "sink"));
                assert_eq!(printed(sim, "other").len(), LONG as usize);
                assert_eq!(sim.lines("/abs/out/file").len(), (FEW + MORE) as usize);
                assert_eq!(sim.state.kept.dead_letters, 0);
                for agent in &sim.state.kept.agents {
                    assert_eq!(agent.depth(), 0, "nothing is left unread");
                }
            },
        );
    }
    assert!(after > 100, "{after} runs");
}

/// Passes all on, and crashes the first time that its input closes.
fn stumbles(gate: &mut Gate, lives: u32, event: &Event) -> Result<Next, Stop> {
    match event {
        Event::Closed { .. } if lives == 0 => {
            let message = String::from("at its end");
            return Err(Stop::Crash(Crash { kind: CrashKind::Trap, message }));
        }
        Event::Message { body, .. } => {
            let port = gate.agent().outputs[0].name.clone();
            let text = std::str::from_utf8(body).expect("JSON is text");
            gate.emit(&port, text)?.expect("it may emit");
        }
        _ => {}
    }
    Ok(Next::Wait)
}

/// An end that is to be tried again is none any more.
#[test]
fn a_close_that_failed_is_not_tried_again_where_somebody_sends() {
    let cast: Vec<_> = cast()
        .into_iter()
        .map(|(name, kind)| (name, if name == "pass" { Kind::Does(stumbles) } else { kind }))
        .collect();
    for seed in 0..8 {
        at_each_step(
            || begin(rows(false), &cast, seed),
            &plan(rows(true)),
            |sim, status| {
                assert_eq!(status, Status::Completed);
                assert_eq!(printed(sim, "sink").len(), (FEW + MORE) as usize);
            },
        );
    }
}

/// Who has ended and reads nobody new stays ended.
#[test]
fn who_has_nothing_more_to_read_is_not_started_again() {
    let mut sim = begin(rows(false), &cast(), 1);
    let sink = named(&sim, "sink");
    sim.run_until(|state| state.agent(sink).life == Life::Over(End::Finished));
    let lives = sim.state.agent(sink).incarnations;
    let mut next = plan(rows(false));
    next.agents[4].retry.max += 1;
    sim.reload(next, (Carry::As, Misfits::Refuse)).expect("it goes over");
    let (status, sim) = sim.run();
    assert_eq!((status, sim.state.agent(sink).incarnations), (Status::Completed, lives));
}

/// Who is new and reads only who has ended has nothing to send: what its readers wrote is whole, and stays.
#[test]
fn another_name_in_a_row_that_has_ended_starts_nobody_again() {
    let mut cast = cast();
    cast.push(("through", Kind::Pass));
    let mut sim = begin(rows(false), &cast, 1);
    let sink = named(&sim, "sink");
    sim.run_until(|state| state.agent(sink).life == Life::Over(End::Finished));
    let lives = sim.state.agent(sink).incarnations;
    let mut next = plan(rows(false));
    let pass = next.agents.iter_mut().find(|agent| agent.name == "pass").expect("it is there");
    (pass.name, pass.component) = (String::from("through"), Digest::of(b"through"));
    sim.reload(next, (Carry::As, Misfits::Refuse)).expect("it goes over");
    let (status, sim) = sim.run();
    assert_eq!((status, sim.state.agent(sink).incarnations), (Status::Completed, lives));
    assert_eq!(sim.state.agent(named(&sim, "through")).incarnations, 1);
}

/// A cycle of two, fed by `few`, and by `more` if it is there.
fn cycle(more: bool) -> Build {
    let mut build = Build::new();
    let few = build.add("few", Kind::Source { n: FEW, k: 2 }, &[], &["out"]);
    let pass = build.add("pass", Kind::Pass, &["in", "back"], &["out"]);
    let sink = build.add("sink", Kind::Stdout, &["in"], &[]);
    let long = build.add("long", Kind::Source { n: LONG, k: 1 }, &[], &["out"]);
    let other = build.add("other", Kind::Pass, &["in", "too"], &["out"]);
    build.wire((few, 0), (pass, 0));
    build.wire((pass, 0), (other, 0));
    build.wire((pass, 0), (sink, 0));
    build.wire((long, 0), (other, 1));
    build.feed_back((other, 0), (pass, 1), 1);
    if more {
        let more = build.add("more", Kind::Source { n: MORE, k: 2 }, &[], &["out"]);
        build.wire((more, 0), (pass, 0));
    }
    build
}

#[test]
fn a_cycle_that_is_fed_again_goes_round_again() {
    let mut cast = cast();
    cast.retain(|(name, _)| *name != "other");
    cast.push(("other", Kind::Pass));
    let mut after = 0;
    for seed in 0..8 {
        after += at_each_step(
            || begin(cycle(false), &cast, seed),
            &plan(cycle(true)),
            |sim, status| {
                assert_eq!(status, Status::Degraded, "what went round once is a dead letter");
                let closed = |body: &Body| match body {
                    Body::DeadLettered(letter) => letter.why == DeadLetterReason::Closed,
                    _ => false,
                };
                let late = sim.entries.iter().any(|entry| closed(&entry.body));
                assert!(!late, "nothing came to a cycle at rest");
                let lines = printed(sim, "sink").len();
                assert_eq!(
                    lines,
                    2 * (FEW + MORE) as usize + LONG as usize,
                    "each goes round once"
                );
            },
        );
    }
    assert!(after > 100, "{after} runs");
}

/// Two that send to one reader, which cannot keep up, and a third one that comes before them.
fn spilling(third: bool) -> Build {
    let mut build = Build::new();
    let names: &[&str] = if third { &["more", "few", "long"] } else { &["few", "long"] };
    let sources: Vec<AgentId> = names
        .iter()
        .map(|name| build.add(name, Kind::Source { n: LONG, k: 3 }, &[], &["out"]))
        .collect();
    let sink = build.add("sink", Kind::Stdout, &["in"], &[]);
    for source in sources {
        build.wire((source, 0), (sink, 0));
        let output = &mut build.agent(source.0).outputs[0];
        (output.capacity, output.overflow) = (2, Overflow::DropOldest);
    }
    build
}

#[test]
fn what_is_in_hand_is_not_dropped_where_queues_change_places() {
    let cast: Vec<(&str, Kind)> = ["few", "more", "long"]
        .map(|name| (name, Kind::Source { n: LONG, k: 3 }))
        .into_iter()
        .chain([("sink", Kind::Stdout)])
        .collect();
    for seed in 0..30 {
        at_each_step(
            || begin(spilling(false), &cast, seed),
            &plan(spilling(true)),
            |sim, status| {
                assert_eq!(status, Status::Completed);
                let dropped = sim.state.agent(named(sim, "sink")).dropped;
                assert_eq!(printed(sim, "sink").len() as u64 + dropped, u64::from(3 * LONG));
            },
        );
    }
}

/// A reader more, if it is there, and one that takes dead letters.
fn with_letters(bad: bool) -> Build {
    let mut build = rows(false);
    let letters = build.add("letters", Kind::Stdout, &["in"], &[]);
    if bad {
        let bad = build.add("bad", Kind::Stdout, &["in"], &[]);
        build.wire((AgentId(4), 0), (bad, 0));
        build.dead_letters(letters, &[AgentId(0), AgentId(1), AgentId(2), AgentId(4), bad]);
    } else {
        build.dead_letters(letters, &[AgentId(0), AgentId(1), AgentId(2), AgentId(4)]);
    }
    build
}

#[test]
fn what_somebody_who_goes_leaves_is_told_to_who_takes_dead_letters() {
    let mut cast = cast();
    cast.push(("bad", Kind::Stdout));
    let mut sim = begin(with_letters(true), &cast, 2);
    let bad = named(&sim, "bad");
    sim.fill(bad);
    let unread = sim.state.agent(bad).depth();
    assert!(unread > 0);
    sim.leave(plan(with_letters(false)));
    let (status, sim) = sim.run();
    audit(&sim.plan, &sim.entries);
    assert_eq!(status, Status::Completed, "somebody took them all");
    let letters = printed(&sim, "letters");
    assert_eq!(letters.len(), unread);
    assert!(letters[0].contains(r#""agent":"bad","port":"in""#), "{letters:?}");
}
