//! Plans that could do harm: what they would break is refused, or kept.

use std::collections::BTreeMap;

use theater_flow_kernel::gate::{Gate, Stop};
use theater_flow_kernel::ids::{AgentId, Digest, SupervisorId};
use theater_flow_kernel::input::Input;
use theater_flow_kernel::plan::{AutoShutdown, Child, Overflow, Plan, Restart, Strategy};
use theater_flow_kernel::record::{
    Carry, Consumed, Crash, CrashKind, DeadLetterReason, Next, Part, Person, Status,
};
use theater_flow_kernel::reload::{Misfits, Obstacle};
use theater_flow_kernel::state::{Life, Phase, Refusal, Stage};
use theater_flow_kernel::types::Type;
use theater_flow_kernel::work::Event;

use crate::common::guests::{Bad, Kind};
use crate::common::plans::{Build, supervisor};
use crate::common::sim::{Options, Sim};

fn plan(build: Build) -> Plan {
    Plan::clone(&build.done().0)
}

fn named(sim: &Sim, name: &str) -> AgentId {
    sim.state.plan.named(name).expect("it is there").id
}

fn one_for_one(id: u32, children: &[Child]) -> theater_flow_kernel::plan::Supervisor {
    supervisor(id, Strategy::OneForOne, children.to_vec())
}

/// Sets a timer at its beginning, and crashes at it.
fn crashes_in_time(gate: &mut Gate, _: u32, event: &Event) -> Result<Next, Stop> {
    match event {
        Event::Start => gate.timer_set("t", 5)?,
        Event::Timer { .. } => {
            let (kind, message) = (CrashKind::Timeout, String::from("no"));
            return Err(Stop::Crash(Crash { kind, message }));
        }
        _ => {}
    }
    Ok(Next::Wait)
}

/// One that crashes again and again beside a group, which has one more in the next plan.
fn crashing(retries: u32, more: bool) -> Build {
    let mut build = Build::new();
    let bad = build.add("bad", Kind::Does(crashes_in_time), &[], &[]);
    build.agent(bad.0).grants.timer = true;
    build.agent(bad.0).retry.max = retries;
    let source = build.add("source", Kind::Source { n: 2_000, k: 1 }, &[], &["out"]);
    let mut group = vec![Child::Agent(source)];
    for name in ["sink", "more"].into_iter().take(1 + usize::from(more)) {
        let sink = build.add(name, Kind::Stdout, &["in"], &[]);
        build.wire((source, 0), (sink, 0));
        group.push(Child::Agent(sink));
    }
    let below = [Child::Agent(bad), Child::Supervisor(SupervisorId(2))];
    let all = supervisor(1, Strategy::OneForAll, below.to_vec());
    let mut root = one_for_one(0, &[Child::Supervisor(SupervisorId(1))]);
    root.intensity = 50;
    build.supervisors(vec![root, all, one_for_one(2, &group)]);
    build
}

/// Fewer retries than it has had already: its supervisor stops all below it at once, also who is only coming.
#[test]
fn what_follows_at_once_may_be_about_somebody_new() {
    let mut sim = Sim::new(crashing(30, false), Options::calm(1));
    let more = (Digest::of(b"more"), Kind::Stdout);
    sim.components = BTreeMap::from([more]);
    let bad = named(&sim, "bad");
    sim.run_until(|state| {
        let one = state.agent(bad);
        let failed = |nth: &u32| *nth >= 2;
        one.life == Life::Up && one.pending.as_ref().is_some_and(|one| failed(&one.failed))
    });
    let pending = sim.state.agent(bad).pending.as_ref().map(|one| one.consumed.clone());
    assert!(matches!(pending, Some(Consumed::Timer { .. })));
    let next = plan(crashing(1, true));
    sim.reload(next, (Carry::As, Misfits::Refuse)).expect("it goes over");
    let more = named(&sim, "more");
    sim.run_until(|state| state.agent(more).incarnations > 0);
}

/// One group shuts itself down; one of the other may stand below it.
fn shut_down(moved: bool) -> Build {
    let mut build = Build::new();
    let few = build.add("few", Kind::Source { n: 3, k: 1 }, &[], &["out"]);
    build.agent(few.0).significant = true;
    let sink = build.add("sink", Kind::Stdout, &["in"], &[]);
    build.wire((few, 0), (sink, 0));
    let long = build.add("long", Kind::Source { n: 200, k: 1 }, &[], &["out"]);
    let late = build.add("late", Kind::Stdout, &["in"], &[]);
    build.wire((long, 0), (late, 0));
    let (mut a, mut b) = (vec![Child::Agent(few), Child::Agent(sink)], vec![Child::Agent(long)]);
    if moved { &mut a } else { &mut b }.push(Child::Agent(late));
    let mut one = one_for_one(1, &a);
    (one.auto_shutdown, one.restart) = (AutoShutdown::AnySignificant, Restart::Temporary);
    let below = [SupervisorId(1), SupervisorId(2)].map(Child::Supervisor);
    build.supervisors(vec![one_for_one(0, &below), one, one_for_one(2, &b)]);
    build
}

#[test]
fn nobody_is_put_below_a_supervisor_that_has_ended() {
    let mut sim = Sim::new(shut_down(false), Options::calm(1));
    sim.run_until(|state| state.stage(SupervisorId(1)) == Stage::Over);
    let refused = sim.reload(plan(shut_down(true)), (Carry::As, Misfits::Refuse));
    assert_eq!(refused, Err(Some(Obstacle::Over(SupervisorId(1)))));
    let late = named(&sim, "late");
    let (_, sim) = sim.run();
    assert_eq!(sim.state.agent(late).handled, 200);
}

/// A reader of one that waits for it, and of one that does not.
fn two(both: bool) -> Build {
    let mut build = Build::new();
    let one = build.add("one", Kind::Source { n: 60, k: 30 }, &[], &["out"]);
    let two = build.add("two", Kind::Source { n: 3, k: 1 }, &[], &["out"]);
    let sink = build.add("sink", Kind::Stdout, &["in"], &[]);
    let other = build.add("other", Kind::Stdout, &["in"], &[]);
    build.agent(one.0).outputs[0].capacity = 100;
    let output = &mut build.agent(two.0).outputs[0];
    (output.capacity, output.overflow) = (100, Overflow::DropOldest);
    if both {
        build.wire((one, 0), (sink, 0));
    }
    build.wire((one, 0), (other, 0));
    build.wire((two, 0), (sink, 0));
    build
}

#[test]
fn what_came_over_an_edge_that_is_gone_is_not_dropped() {
    for seed in 0..6 {
        let mut sim = Sim::new(two(true), Options { crash: 40, ..Options::calm(seed) });
        let sink = named(&sim, "sink");
        sim.run_until(|state| state.agent(sink).depth() > 20);
        let mut next = plan(two(false));
        next.agents[1].outputs[0].capacity = 2;
        match sim.reload(next, (Carry::As, Misfits::Refuse)) {
            Ok(()) | Err(None) => {}
            Err(Some(why)) => panic!("{seed}: {why:?}"),
        }
        let (status, sim) = sim.run();
        let dropped = sim.state.agent(sink).dropped;
        assert_eq!((status, sim.state.kept.dead_letters), (Status::Completed, 0));
        assert!(dropped <= 3, "what its producer does not wait for may be dropped: {dropped}");
        let printed = sim.lines(&format!("stdout of {sink:?}"));
        assert!(printed.len() as u64 + dropped >= 60, "{seed}: {} and {dropped}", printed.len());
    }
}

/// A row with somebody who cannot handle one message.
fn row(ty: Type, version: &str) -> Plan {
    let how = Kind::Bad { at: &["4"], how: Bad::Fault };
    let mut build = Build::chain(400, &[how, Kind::Stdout]);
    build.agent(1).component = Digest::of(version.as_bytes());
    build.agent(1).retry.max = 0;
    let mut plan = plan(build);
    plan.agents[1].inputs[0].ty = plan.types.intern(ty);
    plan
}

#[test]
fn letters_of_another_type_are_not_tried_again() {
    let mut build = Build::chain(400, &[Kind::Pass, Kind::Stdout]);
    build.set(row(Type::Json, "bad"));
    let mut sim = Sim::new(build, Options::calm(3));
    let bad = Kind::Bad { at: &["4"], how: Bad::Fault };
    let kinds = [("bad", bad), ("other", Kind::Pass)];
    sim.components = kinds.map(|(name, kind)| (Digest::of(name.as_bytes()), kind)).into();
    sim.run_until(|state| state.kept.dead_letters > 0);
    sim.reload(row(Type::String, "other"), (Carry::As, Misfits::SetAside)).expect("it goes over");
    let letters: Vec<u64> = sim.state.kept.letters.iter().map(|(seq, _)| seq).collect();
    let unfit = sim.state.kept.letters.iter().any(|(_, one)| one.why == DeadLetterReason::Unfit);
    assert!(unfit && letters.len() > 1, "{letters:?}");
    for letter in letters {
        assert_eq!(sim.state.retriable(letter).map(|_| ()), Err(Refusal::Unfit));
        let records = sim.entries.len();
        sim.input(Input::Retry { letter, by: Person { uid: 7, name: None } });
        assert_eq!(sim.entries.len(), records);
    }
}

/// One that takes dead letters, slowly, and may go.
fn with_letters(there: bool) -> Build {
    let at = &["4", "5", "6", "7", "8", "9", "10", "11"];
    let mut build = Build::chain(400, &[Kind::Bad { at, how: Bad::Trap }, Kind::Stdout]);
    build.root().intensity = 1_000;
    build.agent(1).retry.max = 0;
    if there {
        let letters = build.add("letters", Kind::Stdout, &["in"], &[]);
        build.dead_letters(letters, &[AgentId(0), AgentId(1), AgentId(2)]);
    }
    build
}

#[test]
fn who_takes_dead_letters_handles_them_before_it_goes() {
    for seed in 0..10 {
        let mut sim = Sim::new(with_letters(true), Options::calm(seed));
        let letters = named(&sim, "letters");
        sim.run_until(|state| state.agent(letters).depth() > 0);
        let next = plan(with_letters(false));
        sim.reload(next, (Carry::As, Misfits::Refuse)).expect("it goes over");
        assert_eq!(sim.state.agent(letters).depth(), 0);
        assert!(sim.state.agent(letters).handled > 0);
    }
}

/// Writes a line to a file at each message, and closes it.
fn a_line_at_each(gate: &mut Gate, _: u32, event: &Event) -> Result<Next, Stop> {
    if let Event::Message { .. } = event {
        gate.file_append("out/x", b"aaa\n")?.expect("granted");
        gate.file_close("out/x")?.expect("it is open");
    }
    Ok(Next::Wait)
}

fn writing_to(path: &str) -> Build {
    let mut build = Build::chain(20, &[Kind::Does(a_line_at_each)]);
    build.agent(1).grants.write[0].path = path.into();
    build
}

/// The same name is another file there.
#[test]
fn a_file_of_another_place_begins_with_what_it_holds() {
    let mut sim = Sim::new(writing_to("/abs/out"), Options::calm(1));
    sim.run_until(|state| state.agent(AgentId(1)).handled >= 5);
    let from = sim.entries.len();
    let next = plan(writing_to("/other/out"));
    sim.reload(next, (Carry::As, Misfits::Refuse)).expect("it goes over");
    while !matches!(sim.state.kept.phase, Phase::Finished(_)) {
        sim.step();
    }
    let opened = sim.entries[from..].iter().flat_map(|entry| entry.body.parts());
    let opened = opened.filter_map(|part| match part {
        Part::Opened { path, base, .. } => Some((path.as_str(), *base)),
        _ => None,
    });
    let other = opened.filter(|(path, _)| *path == "/other/out/x").map(|(_, base)| base);
    assert!(other.eq((0..).map(|nth| 4 * nth).take(sim.lines("/other/out/x").len())));
    assert_eq!(sim.lines("/abs/out/x").len() + sim.lines("/other/out/x").len(), 20);
}
