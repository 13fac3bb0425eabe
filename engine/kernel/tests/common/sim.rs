//! A loop around the kernel: random schedules, flushes, writes, checkpoints, crashes; all from one seed.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

use theater_flow_kernel::decide::advance;
use theater_flow_kernel::desk::Desk;
use theater_flow_kernel::fold::fold;
use theater_flow_kernel::ids::{AgentId, Digest, RunId};
use theater_flow_kernel::input::{Beginning, Input, Stamped};
use theater_flow_kernel::plan::Plan;
use theater_flow_kernel::record::{EngineFacts, Entry, Status};
use theater_flow_kernel::state::{Phase, State};
use theater_flow_kernel::work::{Activation, Report, Sinks};

use super::Rng;
use super::guests::{Kind, Native};
use super::plans::Build;
use super::world::Outside;

/// How a run is disturbed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Options {
    pub(crate) seed: u64,
    /// The process crashes about once in so many steps; 0 for never.
    pub(crate) crash: usize,
    /// A checkpoint is taken about once in so many steps; 0 for never.
    pub(crate) checkpoint: usize,
    /// Batches are cut short at random.
    pub(crate) cut: bool,
}

impl Options {
    /// A run without disturbance.
    pub(crate) fn calm(seed: u64) -> Self {
        Self { seed, crash: 0, checkpoint: 0, cut: false }
    }
}

/// See the [module](self).
pub(crate) struct Sim {
    pub(crate) plan: Arc<Plan>,
    pub(crate) state: State,
    pub(crate) entries: Vec<Arc<Entry>>,
    pub(crate) outside: Arc<Mutex<Outside>>,
    /// All inputs since the process began.
    pub(crate) inputs: Vec<Stamped>,
    pub(crate) crashes: u32,
    /// States written down: before which record, and their bytes.
    pub(crate) checkpoints: Vec<(u64, Vec<u8>)>,
    pub(super) kinds: Vec<Kind>,
    /// What other components do.
    pub(crate) components: BTreeMap<Digest, Kind>,
    pub(super) desk: Desk,
    pub(super) instances: Vec<Option<Native>>,
    pub(super) given: Vec<Activation>,
    /// Work that no worker begins for now.
    pub(super) stuck: Vec<Activation>,
    pub(super) reports: Vec<Report>,
    pub(super) written: Vec<Input>,
    /// Answers to what was asked outside, on their way.
    pub(super) answers: Vec<Input>,
    /// What was asked outside since the process began: who, after which record.
    pub(super) asked: BTreeSet<(AgentId, u64)>,
    pub(super) flushed: usize,
    pub(super) rng: Rng,
    pub(super) options: Options,
}

impl Sim {
    /// A run that has begun.
    pub(crate) fn new(build: Build, options: Options) -> Self {
        let (plan, kinds) = build.done();
        let mut sim = Self {
            state: State::new(Arc::clone(&plan)),
            entries: Vec::new(),
            outside: Arc::new(Mutex::new(Outside::new(options.seed))),
            inputs: Vec::new(),
            crashes: 0,
            checkpoints: Vec::new(),
            kinds,
            components: BTreeMap::new(),
            desk: Desk::new(&plan),
            instances: plan.agents.iter().map(|_| None).collect(),
            given: Vec::new(),
            stuck: Vec::new(),
            reports: Vec::new(),
            written: Vec::new(),
            answers: Vec::new(),
            asked: BTreeSet::new(),
            flushed: 0,
            rng: Rng::new(options.seed ^ 0xABCD),
            options,
            plan,
        };
        let (run, plan) = (RunId([7; 16]), Digest::default());
        let begin = Beginning { run, plan, engine: facts(), components: Vec::new() };
        sim.input(Input::Begin(begin));
        sim
    }

    /// Runs to the end and says how it ended.
    pub(crate) fn run(mut self) -> (Status, Self) {
        for _ in 0..200_000 {
            if let Phase::Finished(status) = self.state.kept.phase {
                return (status, self);
            }
            self.step();
        }
        panic!("no end after 200,000 steps: {:?}", self.options);
    }

    /// Runs until `enough`.
    pub(crate) fn run_until(&mut self, enough: impl Fn(&State) -> bool) {
        for _ in 0..200_000 {
            if enough(&self.state) {
                return;
            }
            self.step();
        }
        panic!("not reached after 200,000 steps: {:?}", self.options);
    }

    /// Runs until so many records are durable, and no further than that needs.
    pub(crate) fn run_until_durable(&mut self, records: usize) {
        while self.flushed < records && !matches!(self.state.kept.phase, Phase::Finished(_)) {
            self.step();
        }
    }

    /// What an agent does: what its component does, if that is another than at first.
    pub(super) fn kind(&self, agent: AgentId) -> Kind {
        let component = self.state.plan.agents[agent.index()].component;
        let other = self.components.get(&component);
        other.unwrap_or_else(|| &self.kinds[agent.index()]).clone()
    }

    /// A guest of this run, as a life of it begins.
    pub(crate) fn native(&self, agent: AgentId, lives: u32, sinks: Sinks) -> Native {
        let kind = self.kind(agent);
        Native::new((&self.state.plan, agent), (kind, lives), sinks, &self.outside)
    }

    /// One thing happens.
    pub(crate) fn step(&mut self) {
        let Options { crash, checkpoint, .. } = self.options;
        if crash > 0 && self.rng.one_in(crash) {
            return self.crash();
        }
        if checkpoint > 0 && self.rng.one_in(checkpoint) {
            return self.checkpoint();
        }
        match self.rng.below(8) {
            0 | 1 if !self.given.is_empty() => self.perform(),
            2 | 3 if !self.reports.is_empty() => self.report(),
            4 if self.flushed < self.entries.len() => self.flush(),
            5 if !self.written.is_empty() => self.confirm(),
            5 if !self.answers.is_empty() => self.answer(),
            6 if self.write() => {}
            7 if self.ask() => {}
            _ => self.something(),
        }
    }

    /// Whatever can be done, in a fixed order; at last, time passes.
    fn something(&mut self) {
        if !self.reports.is_empty() {
            self.report();
        } else if !self.given.is_empty() {
            self.perform();
        } else if self.flushed < self.entries.len() {
            self.flushed = self.entries.len();
        } else if !self.written.is_empty() {
            self.confirm();
        } else if !self.answers.is_empty() {
            self.answer();
        } else if !self.write() && !self.ask() && !self.approve() {
            let Some(due) = self.desk.next_due() else { self.stuck() };
            let mut outside = self.outside.lock().expect("one thread");
            outside.now = outside.now.max(due);
            drop(outside);
            if self.state.next_deadline().is_some_and(|deadline| deadline <= due) {
                self.input(Input::Tick);
            }
            self.dispatch();
        }
    }

    fn stuck(&self) -> ! {
        let agents = self.state.plan.agents.iter().map(|agent| {
            let state = self.state.agent(agent.id);
            let depth = state.depth();
            format!(
                "{}: {:?} {:?} {:?} closed {:?} depth {depth}",
                agent.name, state.life, state.halt, state.mode, state.closed
            )
        });
        let agents: Vec<String> = agents.collect();
        let kept = &self.state.kept;
        panic!(
            "stuck: {:?}, {:?}, {agents:#?}, {:?}",
            self.options, kept.to_start, kept.supervisors
        );
    }

    /// Gives an input to the kernel, and its work to the workers.
    pub(crate) fn input(&mut self, input: Input) {
        let salt = self.rng.salt();
        let mut outside = self.outside.lock().expect("one thread");
        outside.now += u64::from(self.rng.one_in(4));
        let wall_ms = outside.now;
        drop(outside);
        let stamped = Stamped { wall_ms, salt, input };
        self.inputs.push(stamped.clone());
        let reloads = match &stamped.input {
            Input::Reload(switch) => postcard::from_bytes::<Plan>(&switch.offer.plan).ok(),
            _ => None,
        };
        if let Some(plan) = &reloads {
            self.desk.fit(plan);
        }
        let step = advance(&mut self.state, &self.desk, stamped);
        if reloads.is_some() {
            self.desk.wake();
            self.instances.resize_with(self.state.plan.agents.len(), || None);
        }
        self.desk.note(&step);
        self.entries.extend(step.entries);
        self.dispatch();
    }

    pub(super) fn dispatch(&mut self) {
        let now = self.outside.lock().expect("one thread").now;
        let given = self.desk.dispatch(&self.state, now);
        self.given.extend(given);
    }

    fn flush(&mut self) {
        self.flushed += 1 + self.rng.below(self.entries.len() - self.flushed);
    }

    pub(crate) fn checkpoint(&mut self) {
        let bytes = self.state.to_checkpoint();
        let upto = self.state.kept.next_seq;
        let (digest, len) = (Digest::of(&bytes), bytes.len() as u64);
        self.checkpoints.push((upto, bytes));
        self.input(Input::Checkpointed { upto, digest, len });
    }

    /// The process dies: what is not durable is lost, and so are all instances and all work under way.
    pub(crate) fn crash(&mut self) {
        self.crashes += 1;
        let kept = self.flushed + self.rng.below(self.entries.len() - self.flushed + 1);
        if kept == 0 {
            return;
        }
        self.entries.truncate(kept);
        self.flushed = kept;
        self.resume();
    }

    /// A process takes the run up from what is durable.
    pub(crate) fn resume(&mut self) {
        self.checkpoints.retain(|(upto, _)| *upto < self.entries.len() as u64);
        self.state = self.rebuilt();
        self.desk = Desk::new(&self.state.plan);
        self.instances.iter_mut().for_each(|instance| *instance = None);
        self.given.clear();
        self.stuck.clear();
        self.reports.clear();
        self.written.clear();
        self.answers.clear();
        self.asked.clear();
        self.inputs.clear();
        if !matches!(self.state.kept.phase, Phase::Finished(_)) {
            self.input(Input::Resume(facts()));
        }
        if self.state.kept.paused {
            self.input(Input::Continue { by: None });
        }
    }

    /// The state that the entries add up to, from genesis or from a checkpoint.
    fn rebuilt(&mut self) -> State {
        let start = State::new(Arc::clone(&self.plan));
        if self.checkpoints.is_empty() {
            return folded(start, &self.entries);
        }
        let nth = self.checkpoints.len() - 1 - self.rng.below(self.checkpoints.len().min(3));
        let plan = |reloaded| self.plan_of(reloaded);
        let state = State::from_checkpoint(&self.checkpoints[nth].1, plan);
        let state = folded(state.expect("it is one"), &self.entries);
        if self.rng.one_in(8) {
            assert_eq!(state.kept, folded(start, &self.entries).kept, "{:?}", self.options);
        }
        state
    }

    /// The plan in a record, or the first.
    pub(crate) fn plan_of(&self, reloaded: Option<u64>) -> Option<Arc<Plan>> {
        let Some(seq) = reloaded else { return Some(Arc::clone(&self.plan)) };
        let entry = self.entries.get(usize::try_from(seq).ok()?)?;
        postcard::from_bytes(entry.payloads.first()?).ok().map(Arc::new)
    }

    /// Stops the run: mailboxes empty, snapshots are taken, the process lets go.
    pub(crate) fn stop(&mut self) {
        self.input(Input::Stop { by: String::from("test") });
        for _ in 0..10_000 {
            if self.given.is_empty() && self.reports.is_empty() {
                break;
            }
            self.something();
        }
        let closing = self.desk.close(&self.state);
        self.given.extend(closing);
        while !(self.given.is_empty() && self.reports.is_empty()) {
            self.something();
        }
        self.input(Input::Suspend { why: String::from("stopped") });
        self.flushed = self.entries.len();
    }
}

/// Takes the entries from where the state stands on into it.
pub(crate) fn folded(mut state: State, entries: &[Arc<Entry>]) -> State {
    let from = usize::try_from(state.kept.next_seq).expect("small logs");
    for entry in entries.get(from..).unwrap_or_default() {
        fold(&mut state, entry);
        state.touched.clear();
    }
    state
}

pub(crate) fn facts() -> EngineFacts {
    EngineFacts { engine: String::from("0.1.0"), wasmtime: String::from("48"), flags: Vec::new() }
}
