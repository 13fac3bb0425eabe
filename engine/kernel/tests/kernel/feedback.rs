//! Cycles: messages go round as often as they may, and at the end everything comes to rest.

use std::collections::BTreeMap;
use std::sync::Arc;

use theater_flow_kernel::fold::fold;
use theater_flow_kernel::gate::{Gate, Stop};
use theater_flow_kernel::ids::{AgentId, Ref};
use theater_flow_kernel::limits;
use theater_flow_kernel::record::{Body, Consumed, DeadLetterReason, End, Next, Status};
use theater_flow_kernel::state::{Life, State};
use theater_flow_kernel::work::Event;

use crate::common::Rng;
use crate::common::audit::audit;
use crate::common::guests::{Bad, Kind};
use crate::common::plans::Build;
use crate::common::sim::{Options, Sim, folded};

pub(crate) fn wild(seed: u64) -> Options {
    Options { seed, crash: 35, checkpoint: 15, cut: true }
}

/// No message is handled in a round beyond what the edges allow, nor one that came over a feedback edge
/// beyond what that edge allows.
pub(crate) fn check_rounds(sim: &Sim) {
    let edges = sim.plan.agents.iter().flat_map(|agent| &agent.inputs).flat_map(|i| &i.feedback);
    let most = edges.map(|edge| edge.rounds).max().unwrap_or(0);
    let mut state = State::new(Arc::clone(&sim.plan));
    for entry in &sim.entries {
        if let Body::Transaction(body) = &entry.body
            && let Consumed::Message { id, port } = body.consumed
        {
            let agent = state.agent(body.by.agent);
            let (queue, at) = agent.find(id, port).expect("it waits");
            let spills = state.routes.spills(body.by.agent);
            let spill = spills.iter().find(|spill| spill.queue == queue);
            let bound = spill.and_then(|spill| spill.rounds).unwrap_or(most);
            assert!(agent.queues[queue].items[at].round <= bound, "at {}", entry.seq);
        }
        fold(&mut state, entry);
        state.touched.clear();
    }
}

fn letters(sim: &Sim, reason: &DeadLetterReason) -> usize {
    let why = |body: &Body| match body {
        Body::DeadLettered(body) => body.why == *reason,
        _ => false,
    };
    sim.entries.iter().filter(|entry| why(&entry.body)).count()
}

/// An edge: from an agent's output to an agent's input, with the rounds that it allows if it feeds back.
pub(crate) type Edge = ((AgentId, usize), (AgentId, usize), Option<u32>);

/// A random graph with cycles, of agents that keep nothing; its edges; and what the agents do.
pub(crate) struct Cyclic {
    pub(crate) build: Build,
    pub(crate) edges: Vec<Edge>,
    pub(crate) kinds: Vec<Kind>,
    outputs: Vec<usize>,
}

impl Cyclic {
    pub(crate) fn random(seed: u64) -> Self {
        let mut rng = Rng::new(seed ^ 0xFEED);
        let mut new =
            Self { build: Build::new(), edges: Vec::new(), kinds: Vec::new(), outputs: Vec::new() };
        let sources = 1 + rng.below(2);
        for _ in 0..sources {
            let (n, k) = (1 + rng.number(8), 1 + rng.number(3));
            new.add(Kind::Source { n, k }, &[], &["out"]);
        }
        for _ in 0..=rng.below(4) {
            let split = Kind::Split { n: rng.number(3) };
            let kinds = [Kind::Pass, Kind::Pass, Kind::Filter, split];
            let kind = kinds[rng.below(kinds.len())].clone();
            let outs: &[&str] = if rng.one_in(4) { &["out", "too"] } else { &["out"] };
            let inputs: &[&str] = if rng.one_in(3) { &["a", "b"] } else { &["in"] };
            let id = new.add(kind, inputs, outs);
            for input in 0..inputs.len() {
                let from = rng.below(id.index());
                let output = rng.below(new.outputs[from]);
                new.join(((at(from), output), (id, input), None));
            }
        }
        for _ in 0..=rng.below(3) {
            new.close_a_cycle(sources, &mut rng);
        }
        new.ends(&mut rng);
        new
    }

    fn add(&mut self, kind: Kind, inputs: &[&str], outputs: &[&str]) -> AgentId {
        self.kinds.push(kind.clone());
        self.outputs.push(outputs.len());
        self.build.add(&format!("a{}", self.kinds.len() - 1), kind, inputs, outputs)
    }

    fn join(&mut self, edge: Edge) {
        if self.edges.iter().any(|(from, to, _)| (*from, *to) == (edge.0, edge.1)) {
            return;
        }
        match edge.2 {
            None => self.build.wire(edge.0, edge.1),
            Some(rounds) => self.build.feed_back(edge.0, edge.1, rounds),
        }
        self.edges.push(edge);
    }

    /// From something that an agent feeds, back to it.
    fn close_a_cycle(&mut self, sources: usize, rng: &mut Rng) {
        let to = sources + rng.below(self.kinds.len() - sources);
        let mut fed = vec![at(to)];
        for nth in 0.. {
            let Some(from) = fed.get(nth).copied() else { break };
            for (edge, reader, _) in &self.edges {
                if edge.0 == from && !fed.contains(&reader.0) {
                    fed.push(reader.0);
                }
            }
        }
        let from = fed[rng.below(fed.len())];
        let output = rng.below(self.outputs[from.index()]);
        self.join(((from, output), (at(to), 0), Some(1 + rng.number(3))));
    }

    /// A writer for some of the outputs, and small channels.
    fn ends(&mut self, rng: &mut Rng) {
        for from in 0..self.outputs.len() {
            for output in 0..self.outputs[from] {
                self.build.agent(at(from).0).outputs[output].capacity = 1 + rng.number(4);
                if rng.one_in(2) {
                    let sink = self.add(Kind::Stdout, &["in"], &[]);
                    self.join(((at(from), output), (sink, 0), None));
                }
            }
        }
    }

    /// Messages that each agent handles, and those that go round too often; `None` if they are too many for
    /// a test. Each message by itself, depth first: no queues, no time.
    pub(crate) fn model(&self) -> Option<(BTreeMap<AgentId, u64>, usize)> {
        let (mut handled, mut beyond) = (BTreeMap::new(), 0);
        let mut flying: Vec<(AgentId, String, u32)> = Vec::new();
        let mut send = |from: AgentId, body: &str, round, flying: &mut Vec<_>| {
            for (_, to, rounds) in self.edges.iter().filter(|edge| edge.0.0 == from) {
                let round = round + u32::from(rounds.is_some());
                if rounds.is_some_and(|rounds| round > rounds) {
                    beyond += 1;
                } else {
                    flying.push((to.0, String::from(body), round));
                }
            }
        };
        for (nth, kind) in self.kinds.iter().enumerate() {
            if let Kind::Source { n, .. } = kind {
                (0..*n).for_each(|i| send(at(nth), &i.to_string(), 0, &mut flying));
            }
        }
        for _ in 0..700 {
            let Some((to, body, round)) = flying.pop() else {
                return Some((handled, beyond));
            };
            *handled.entry(to).or_default() += 1;
            match &self.kinds[to.index()] {
                Kind::Filter if body.bytes().map(u32::from).sum::<u32>() % 2 == 1 => {}
                Kind::Split { n } => {
                    (0..*n).for_each(|i| send(to, &format!("[{body},{i}]"), round, &mut flying));
                }
                _ => send(to, &body, round, &mut flying),
            }
        }
        None
    }
}

fn at(nth: usize) -> AgentId {
    AgentId(u32::try_from(nth).expect("few agents"))
}

#[test]
fn random_graphs_with_feedback_end_as_the_model_says() {
    let (mut graphs, mut beyond_all, mut crashes) = (0, 0, 0);
    for seed in 0..150 {
        let cyclic = Cyclic::random(seed);
        let Some((handled, beyond)) = cyclic.model() else { continue };
        graphs += 1;
        beyond_all += beyond;
        for options in [Options::calm(seed), wild(seed + 1_000)] {
            let (status, sim) = Sim::new(Cyclic::random(seed).build, options).run();
            audit(&sim.plan, &sim.entries);
            check_rounds(&sim);
            let again = folded(State::new(Arc::clone(&sim.plan)), &sim.entries);
            assert_eq!(again.kept, sim.state.kept, "{options:?}");
            let expected = if beyond > 0 { Status::Degraded } else { Status::Completed };
            assert_eq!(status, expected, "{options:?}");
            assert_eq!(letters(&sim, &DeadLetterReason::Rounds), beyond, "{options:?}");
            for agent in &sim.plan.agents {
                let count = sim.state.agent(agent.id).handled;
                let model = handled.get(&agent.id).copied().unwrap_or(0);
                assert_eq!(count, model, "{} with {options:?}", agent.name);
            }
            crashes += sim.crashes;
        }
    }
    assert!(graphs > 100 && beyond_all > 500 && crashes > 300, "{graphs} {beyond_all} {crashes}");
}

/// Sends numbers below 100 back, ten times as large, and the rest on.
fn critic(gate: &mut Gate, _: u32, event: &Event) -> Result<Next, Stop> {
    if let Event::Message { body, .. } = event {
        let n: u32 = String::from_utf8_lossy(body).parse().unwrap_or(100);
        let (port, n) = if n < 100 { ("revise", n * 10) } else { ("accept", n) };
        gate.emit(port, &n.to_string())?.expect("a number to an output");
    }
    Ok(Next::Wait)
}

/// A writer, a critic who sends drafts back, and a reader of what is accepted.
fn letters_and_critics(rounds: u32) -> Build {
    let mut build = Build::new();
    let topics = build.add("topics", Kind::Source { n: 12, k: 5 }, &[], &["out"]);
    let writer = build.add("writer", Kind::Pass, &["topic", "back"], &["out"]);
    let critic = build.add("critic", Kind::Does(critic), &["in"], &["accept", "revise"]);
    let reader = build.add("reader", Kind::Append, &["in"], &[]);
    build.wire((topics, 0), (writer, 0));
    build.wire((writer, 0), (critic, 0));
    build.wire((critic, 0), (reader, 0));
    build.feed_back((critic, 1), (writer, 1), rounds);
    build
}

#[test]
fn a_critic_and_a_writer_come_to_an_end_together() {
    for seed in 0..40 {
        for options in [Options::calm(seed), wild(seed)] {
            let (status, sim) = Sim::new(letters_and_critics(2), options).run();
            audit(&sim.plan, &sim.entries);
            assert_eq!(status, Status::Degraded, "0 never gets better");
            assert_eq!(sim.state.kept.dead_letters, 1);
            assert_eq!(letters(&sim, &DeadLetterReason::Rounds), 1);
            let mut lines = sim.lines("/abs/out/reader");
            lines.sort_unstable();
            let expected = ["100", "100", "110", "200", "300", "400", "500", "600", "700"];
            assert_eq!(lines, [&expected[..], &["800", "900"]].concat());
            let rested = sim.entries.iter().filter(|entry| entry.body.kind() == "rested");
            assert_eq!(rested.count(), 1);
            let finished = Life::Over(End::Finished);
            assert!((1..4).all(|id| sim.state.agent(AgentId(id)).life == finished));
        }
    }
}

#[test]
fn a_run_that_stops_in_the_middle_of_a_cycle_goes_on() {
    let mut left = 0;
    for seed in 0..40 {
        let mut sim =
            Sim::new(letters_and_critics(2), Options { cut: true, ..Options::calm(seed) });
        sim.run_until(|state| state.agent(AgentId(2)).emitted > 3);
        sim.stop();
        left += u32::from(!sim.state.agent(AgentId(0)).life.is_over());
        sim.resume();
        let (status, sim) = sim.run();
        audit(&sim.plan, &sim.entries);
        assert_eq!((status, sim.lines("/abs/out/reader").len()), (Status::Degraded, 11));
    }
    assert!(left > 0, "every run was over before it stopped");
}

#[test]
fn faults_and_crashes_within_a_cycle_change_no_round() {
    for (at, how) in [(&["40", "500"], Bad::FaultSometimes), (&["40", "500"], Bad::TrapSometimes)] {
        for seed in 0..20 {
            let mut build = letters_and_critics(2);
            let doubt = build.add("doubt", Kind::Bad { at, how }, &["in"], &["out"]);
            let back = build.agent(1).outputs[0].clone();
            // Between the writer and the critic.
            build.agent(2).inputs[0].from.clear();
            build.agent(1).outputs[0].readers.clear();
            build.wire((AgentId(1), 0), (doubt, 0));
            build.wire((doubt, 0), (AgentId(2), 0));
            assert_eq!(build.agent(1).outputs[0].port, back.port);
            build.root().intensity = 1_000;
            let sim = Sim::new(build, wild(seed));
            sim.outside.lock().unwrap().failures_each = 1;
            let (status, sim) = sim.run();
            audit(&sim.plan, &sim.entries);
            check_rounds(&sim);
            assert_eq!(status, Status::Degraded, "seed {seed}");
            assert_eq!(letters(&sim, &DeadLetterReason::Rounds), 1, "seed {seed}");
        }
    }
}

#[test]
fn what_is_fed_back_after_the_cycle_has_come_to_rest_is_a_dead_letter() {
    for seed in 0..40 {
        let mut build = Build::new();
        let source = build.add("source", Kind::Source { n: 5, k: 2 }, &[], &["out"]);
        // It emits once more when all its inputs are closed.
        let sum = build.add("sum", Kind::Collect, &["in", "back"], &["out"]);
        let filter = build.add("filter", Kind::Pass, &["in"], &["out"]);
        build.wire((source, 0), (sum, 0));
        build.wire((sum, 0), (filter, 0));
        build.feed_back((filter, 0), (sum, 1), 1);
        let (status, sim) = Sim::new(build, wild(seed)).run();
        audit(&sim.plan, &sim.entries);
        assert_eq!(status, Status::Degraded);
        let counts = [DeadLetterReason::Rounds, DeadLetterReason::Closed];
        assert_eq!(counts.map(|reason| letters(&sim, &reason)), [5, 1], "seed {seed}");
    }
}

const EVENTS: u32 = limits::FEEDBACK_MESSAGES / limits::EMISSIONS_PER_EVENT + 2;

fn amplify(gate: &mut Gate, _: u32, event: &Event) -> Result<Next, Stop> {
    if let Event::Message { body, .. } = event
        && **body != *b"true"
    {
        for _ in 0..limits::EMISSIONS_PER_EVENT {
            gate.emit("out", "true")?.expect("a value to an output");
        }
    }
    Ok(Next::Wait)
}

#[test]
fn a_feedback_edge_holds_so_many_and_never_holds_its_producer() {
    let mut build = Build::new();
    let source = build.add("source", Kind::Source { n: EVENTS, k: EVENTS }, &[], &["out"]);
    let own = build.add("own", Kind::Does(amplify), &["in", "back"], &["out"]);
    build.wire((source, 0), (own, 0));
    build.feed_back((own, 0), (own, 1), 9);
    let (status, sim) = Sim::new(build, Options::calm(1)).run();
    audit(&sim.plan, &sim.entries);
    let beyond = letters(&sim, &DeadLetterReason::Overflow);
    assert_eq!(beyond as u64, 2 * u64::from(limits::EMISSIONS_PER_EVENT));
    assert_eq!((status, sim.state.kept.dead_letters), (Status::Degraded, beyond as u64));
    let handled = u64::from(EVENTS + limits::FEEDBACK_MESSAGES);
    assert_eq!(sim.state.agent(own).handled, handled);
}

#[test]
fn what_was_fed_back_is_taken_first() {
    let (_, sim) = Sim::new(letters_and_critics(2), Options::calm(3)).run();
    let mut state = State::new(Arc::clone(&sim.plan));
    let mut seen = 0;
    for entry in &sim.entries {
        let writer = state.agent(AgentId(1));
        let first: Option<Ref> = writer.queues[1].items.front().map(|item| item.id);
        let desk = {
            let mut desk = theater_flow_kernel::desk::Desk::new(&sim.plan);
            desk.touch(&[AgentId(1)]);
            desk.dispatch(&state, state.kept.now)
        };
        if let (Some(first), Some(work)) = (first, desk.first())
            && let theater_flow_kernel::work::Work::Handle(batch) = &work.work
            && writer.pending.is_none()
        {
            let begins = batch.events.front().map(Event::consumed);
            let expected = Consumed::Message { id: first, port: writer.queues[1].port };
            if begins != Some(Consumed::Start) {
                assert_eq!(begins, Some(expected), "at {}", entry.seq);
                seen += u32::from(!writer.queues[0].items.is_empty());
            }
        }
        fold(&mut state, entry);
        state.touched.clear();
    }
    assert!(seen > 0, "nothing else ever waited");
}
