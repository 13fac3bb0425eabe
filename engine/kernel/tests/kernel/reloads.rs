//! Runs that go over to other plans while messages are under way: none is lost, none comes twice, all in order.

use std::collections::{BTreeMap, BTreeSet};

use theater_flow_kernel::desk::Desk;
use theater_flow_kernel::ids::{AgentId, Digest};
use theater_flow_kernel::input::{Input, Offer, Proposal, Switch};
use theater_flow_kernel::plan::{Child, Plan};
use theater_flow_kernel::record::{Body, Carry, Person, Refused, Status};
use theater_flow_kernel::reload::{Misfits, Obstacle, adopt, diff, obstacle};
use theater_flow_kernel::state::State;
use theater_flow_kernel::types::Type;

use crate::common::Rng;
use crate::common::guests::Kind;
use crate::common::plans::{Build, supervisor};
use crate::common::sim::{Options, Sim, folded};

/// Messages of the source.
const MESSAGES: u32 = 60;

/// A row of stages between a source and a sink, by name, each with the version of its component, and a counter of
/// what has come beside them.
#[derive(Clone, Debug)]
struct Row {
    stages: Vec<(String, u32)>,
    named: usize,
    capacity: u32,
    counter: u32,
}

impl Row {
    fn new() -> Self {
        Self { stages: vec![(String::from("s0"), 0)], named: 1, capacity: 4, counter: 0 }
    }

    /// Stages come, go, change places and components.
    fn edit(&mut self, rng: &mut Rng) {
        match rng.below(6) {
            0 | 1 if self.stages.len() < 5 => {
                let at = rng.below(self.stages.len() + 1);
                self.stages.insert(at, (format!("s{}", self.named), 0));
                self.named += 1;
            }
            2 if !self.stages.is_empty() => {
                let at = rng.below(self.stages.len());
                self.stages.remove(at);
            }
            3 if !self.stages.is_empty() => {
                let at = rng.below(self.stages.len());
                self.stages[at].1 += 1;
            }
            4 => self.counter += 1,
            _ => self.capacity = 1 + rng.number(6),
        }
    }

    fn plan(&self) -> Plan {
        let mut build = Build::new();
        let source = build.add("source", Kind::Source { n: MESSAGES, k: 2 }, &[], &["out"]);
        let mut last = source;
        let mut row = vec![Child::Agent(source)];
        for (name, version) in &self.stages {
            let id = build.add(name, Kind::Pass, &["in"], &["out"]);
            build.agent(id.0).component = component(name, *version);
            build.wire((last, 0), (id, 0));
            row.push(Child::Agent(id));
            last = id;
        }
        let sink = build.add("sink", Kind::Stdout, &["in"], &[]);
        build.wire((last, 0), (sink, 0));
        let counter = build.add("counter", Kind::Counter, &["in"], &["out"]);
        build.agent(counter.0).component = component("counter", self.counter);
        build.wire((source, 0), (counter, 0));
        let tally = build.add("counted", Kind::Stdout, &["in"], &[]);
        build.wire((counter, 0), (tally, 0));
        for id in 0..build.len() {
            for output in &mut build.agent(id).outputs {
                output.capacity = self.capacity;
            }
        }
        let beside = [sink, counter, tally].map(Child::Agent);
        let one =
            |id, children| supervisor(id, theater_flow_kernel::plan::Strategy::OneForOne, children);
        let below = theater_flow_kernel::ids::SupervisorId(1);
        let root = [Child::Supervisor(below)].into_iter().chain(beside).collect();
        let mut supervisors = vec![one(0, root), one(1, row)];
        for supervisor in &mut supervisors {
            supervisor.intensity = 1_000;
        }
        build.supervisors(supervisors);
        Plan::clone(&build.done().0)
    }
}

fn component(name: &str, version: u32) -> Digest {
    Digest::of(format!("{name} {version}").as_bytes())
}

/// A run of the row, whose guests are known by their components.
fn begin(row: &Row, options: Options) -> Sim {
    let plan = row.plan();
    let mut build = Build::new();
    for agent in &plan.agents {
        build.add(&agent.name, Kind::Pass, &[], &[]);
    }
    build.set(plan);
    let mut sim = Sim::new(build, options);
    sim.components = kinds();
    sim
}

fn kinds() -> BTreeMap<Digest, Kind> {
    let source = (Digest::of(b"source"), Kind::Source { n: MESSAGES, k: 2 });
    let prints = ["sink", "counted"].map(|name| (Digest::of(name.as_bytes()), Kind::Stdout));
    let counters = (0..100).map(|version| (component("counter", version), Kind::Counter));
    let stages = (0..100).flat_map(|nth| (0..100).map(move |version| (nth, version)));
    let stages = stages.map(|(nth, version)| (component(&format!("s{nth}"), version), Kind::Pass));
    [source].into_iter().chain(prints).chain(counters).chain(stages).collect()
}

/// What must have been printed in the end.
fn is_whole(sim: &Sim, status: Status) {
    assert_eq!(status, Status::Completed);
    let named = |name: &str| sim.state.plan.named(name).expect("it is there").id;
    let printed = |id: AgentId| sim.lines(&format!("stdout of {id:?}"));
    let all: Vec<String> = (0..MESSAGES).map(|n| n.to_string()).collect();
    assert_eq!(printed(named("sink")), all, "each once, in order");
    let counts: Vec<String> = (1..=MESSAGES).map(|n| n.to_string()).collect();
    assert_eq!(printed(named("counted")), counts, "the state is carried over");
    assert_eq!(sim.state.kept.dead_letters, 0);
    let again = folded(State::new(sim.plan.clone()), &sim.entries);
    assert_eq!(again.kept, sim.state.kept, "the records alone say all");
}

#[test]
fn any_edits_under_load_lose_and_repeat_nothing() {
    let (mut done, mut crashed) = (0, 0);
    for seed in 0..80 {
        let crash = if seed % 2 == 0 { 0 } else { 60 };
        let options = Options { seed, crash, checkpoint: 30, cut: true };
        let (mut row, mut rng) = (Row::new(), Rng::new(seed + 77));
        let mut sim = begin(&row, options);
        for _ in 0..6 {
            let steps = rng.below(60);
            (0..steps).for_each(|_| step(&mut sim));
            let mut next = row.clone();
            (0..=rng.below(2)).for_each(|_| next.edit(&mut rng));
            match sim.reload(next.plan(), (Carry::As, Misfits::Refuse)) {
                Ok(()) => {
                    (row, done) = (next, done + 1);
                }
                Err(None) => crashed += 1,
                Err(Some(why)) => panic!("{seed}: {why:?}"),
            }
        }
        let (status, sim) = sim.run();
        is_whole(&sim, status);
        crashed += sim.crashes;
    }
    assert!(done > 200 && crashed > 100, "{done} done, {crashed} crashes");
}

/// A step, unless the run is over.
fn step(sim: &mut Sim) {
    if !matches!(sim.state.kept.phase, theater_flow_kernel::state::Phase::Finished(_)) {
        sim.step();
    }
}

#[test]
fn a_message_that_does_not_fit_refuses_or_is_set_aside() {
    let fits_not = || {
        let mut plan = Row::new().plan();
        let ty = plan.types.intern(Type::String);
        let sink = plan.agents.iter_mut().find(|agent| agent.name == "sink").expect("it is there");
        sink.inputs[0].ty = ty;
        plan
    };
    for misfits in [Misfits::Refuse, Misfits::SetAside] {
        let mut sim = begin(&Row::new(), Options::calm(3));
        let sink = sim.state.plan.named("sink").expect("it is there").id;
        sim.run_until(|state| state.agent(sink).handled >= 10);
        sim.fill(sink);
        match (misfits, sim.reload(fits_not(), (Carry::As, misfits))) {
            (Misfits::Refuse, Err(Some(Obstacle::Misfit { agent, .. }))) => {
                assert_eq!(agent, sink);
                let (status, sim) = sim.run();
                is_whole(&sim, status);
            }
            (Misfits::SetAside, Ok(())) => {
                let letters = sim.state.kept.dead_letters;
                assert!(letters > 0);
                let kept = sim.entries.iter().filter(
                    |entry| matches!(&entry.body, Body::DeadLettered(body) if body.agent == sink),
                );
                assert_eq!(kept.count() as u64, letters);
            }
            (_, other) => panic!("{other:?}"),
        }
    }
}

#[test]
fn who_begins_anew_has_forgotten_what_it_counted() {
    let mut sim = begin(&Row::new(), Options::calm(5));
    let counter = sim.state.plan.named("counter").expect("it is there").id;
    sim.run_until(|state| state.agent(counter).handled >= 20);
    let next = Row { counter: 1, ..Row::new() };
    sim.reload(next.plan(), (Carry::Fresh, Misfits::Refuse)).expect("it goes over");
    let before = sim.state.agent(counter).handled;
    let tally = sim.state.plan.named("counted").expect("it is there").id;
    let (status, sim) = sim.run();
    assert_eq!(status, Status::Completed);
    let lines = sim.lines(&format!("stdout of {tally:?}"));
    let again = u64::from(MESSAGES) - before;
    let expected: Vec<String> = (1..=before).chain(1..=again).map(|n| n.to_string()).collect();
    assert_eq!(lines, expected);
}

#[test]
fn a_proposal_that_was_refused_stands_in_the_way_of_itself() {
    let mut sim = begin(&Row::new(), Options::calm(3));
    let next = Row { counter: 1, ..Row::new() };
    let plan = adopt(&sim.state.plan, next.plan());
    let offer = Offer::new(&sim.state.plan, &plan, &diff(&sim.state.plan, &plan));
    let proposal = Proposal { offer: offer.clone(), widens: vec![String::from("w")], by: None };
    sim.input(Input::Propose(Box::new(proposal)));
    let proposal = sim.state.proposal();
    let (moves, misfits, by) = (vec![], Misfits::Refuse, None);
    let switch = Switch { offer, moves, misfits, leave: BTreeSet::new(), proposal, by };
    let stands = |sim: &Sim| obstacle(&sim.state, &Desk::new(&sim.state.plan), &plan, &switch);
    assert_ne!(stands(&sim), Some(Obstacle::Withdrawn));
    let somebody = Person { uid: 1, name: None };
    let refused = Refused::proposal(proposal.expect("it waits"), somebody);
    sim.input(Input::Refuse(Box::new(refused)));
    assert_eq!(stands(&sim), Some(Obstacle::Withdrawn));
    let revision = sim.state.kept.revision;
    sim.input(Input::Reload(Box::new(switch.clone())));
    assert_eq!(sim.state.kept.revision, revision);
}

#[test]
fn only_who_is_named_is_left_with_messages() {
    let stages = vec![(String::from("s0"), 0), (String::from("s1"), 0)];
    let mut sim = begin(&Row { stages, named: 2, ..Row::new() }, Options::calm(3));
    let named = |sim: &Sim, name: &str| sim.state.plan.named(name).expect("it is there").id;
    let (s0, s1) = (named(&sim, "s0"), named(&sim, "s1"));
    sim.run_until(|state| state.agent(s1).handled >= 5);
    sim.fill(s1);
    sim.fill(s0);
    let plan = Row { stages: Vec::new(), ..Row::new() }.plan();
    let plan = adopt(&sim.state.plan, plan);
    let offer = Offer::new(&sim.state.plan, &plan, &diff(&sim.state.plan, &plan));
    let left = |leave: &[AgentId]| Switch {
        offer: offer.clone(),
        moves: vec![],
        misfits: Misfits::SetAside,
        leave: leave.iter().copied().collect(),
        proposal: None,
        by: None,
    };
    let stands = |sim: &Sim, leave: &[AgentId]| {
        obstacle(&sim.state, &Desk::new(&sim.state.plan), &plan, &left(leave))
    };
    assert_eq!(stands(&sim, &[s1]), Some(Obstacle::Unread(s0)));
    assert_eq!(stands(&sim, &[s0]), Some(Obstacle::Unread(s1)));
    assert_eq!(stands(&sim, &[s0, s1]), None);
    let (depth, records) =
        (sim.state.agent(s0).depth() + sim.state.agent(s1).depth(), sim.entries.len());
    sim.input(Input::Reload(Box::new(left(&[s0, s1]))));
    let Body::Reloaded(body) = &sim.entries[records].body else { panic!("it goes over") };
    assert_eq!(body.set_aside, depth as u64);
    let letters = sim.entries[records..].iter();
    let letters = letters.filter(|entry| matches!(entry.body, Body::DeadLettered(_))).count();
    assert_eq!(letters, depth);
}
