//! One life of a process on a [`Machine`], from its first step to its last.

use std::collections::VecDeque;
use std::sync::Arc;

use theater_flow_kernel::ids::{Digest, RunId};
use theater_flow_kernel::input::Beginning;
use theater_flow_kernel::plan::Plan;
use theater_flow_kernel::record::EngineFacts;
use theater_flow_kernel::state::{Phase, State};
use theater_flow_kernel::work::Work;

use super::dice::Dice;
use super::ground::{Printer, SimGround};
use super::ledger::Ledger;
use super::machine::Machine;
use super::queue::{Queue, Task, Watch};
use crate::driver::{Auditioned, Commit, DRAIN_MS, Driver, Ending, Errand, Event, Job, Parts};
use crate::journal::{self, Journal, JournalError};
use crate::memory::MemoryStore;
use crate::recover::{self, RecoverError};
use crate::sinks::Sinks;
use crate::workers::{Instances, Troupe, work};
use crate::world::Claims;

/// Every simulated run's id.
pub const RUN: RunId = RunId([7; 16]);
/// A run that takes more steps than this will not end.
const STEPS: usize = 200_000;

/// In which order things happen.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Schedule {
    /// What the order is drawn from.
    pub seed: u64,
    /// Batches are cut short, and time passes while there is work.
    pub rough: bool,
}

/// How a process ended.
#[derive(Debug)]
pub enum End {
    /// By itself.
    Ended(Ending),
    /// At a write point, as its [fate](super::Fate) had it.
    Died,
    /// It waits for what will never come, or goes on for ever. This is what it looked like.
    Stuck(String),
}

type Drives = Driver<Queue<Commit>, Queue<Task>, Queue<Job>, Watch, Queue<Errand>>;

type PartsOf = Parts<Queue<Commit>, Queue<Task>, Queue<Job>, Watch, Queue<Errand>>;

/// A process.
pub struct Process<T: Troupe> {
    machine: Machine,
    driver: Drives,
    commits: Queue<Commit>,
    work: Queue<Task>,
    jobs: Queue<Job>,
    errands: Queue<Errand>,
    journal: Journal<MemoryStore>,
    plan: Option<Vec<u8>>,
    troupe: T,
    instances: Instances<T::Guest>,
    sinks: Sinks<Printer, SimGround>,
    /// News on its way to the driver. What one source says comes in order.
    news: [VecDeque<Event>; 4],
    ledger: Ledger,
    dice: Dice,
    schedule: Schedule,
    stop_at: Option<u64>,
}

/// Where news comes from: positions in [`Process::news`].
const LOG: usize = 0;
const GUESTS: usize = 1;
const SINKS: usize = 2;
const WORLD: usize = 3;

impl<T: Troupe> Process<T> {
    /// Begins the run of `plan` on a machine whose log is empty, or takes it up from there. `None` if the
    /// run is over.
    ///
    /// # Errors
    /// If the log adds up to nothing.
    pub fn start(
        machine: &Machine,
        plan: &Arc<Plan>,
        troupe: T,
        schedule: Schedule,
    ) -> Result<Option<Self>, RecoverError> {
        machine.revive();
        let seed = schedule.seed ^ machine.points().len() as u64;
        let schedule = Schedule { seed, ..schedule };
        let journal = match Journal::open(machine.log().open()) {
            Err(JournalError::Empty) => {
                return Self::begin(machine, plan, troupe, schedule).map(Some);
            }
            other => other?,
        };
        let flushed = journal.flushed();
        let state = recover::state(&journal, flushed.seq)?;
        if matches!(state.kept.phase, Phase::Finished(_)) {
            return Ok(None);
        }
        let mut ledger = Ledger::default();
        for entry in recover::entries(&journal, 0)? {
            ledger.note(&entry?);
        }
        let parts = Handed::new(machine, schedule.seed);
        let driver = Driver::resume(state, parts.parts(), flushed, facts());
        let mut process = Self::new((machine, schedule), (driver, parts), journal, troupe);
        process.ledger = ledger;
        Ok(Some(process))
    }

    fn begin(
        machine: &Machine,
        plan: &Arc<Plan>,
        troupe: T,
        schedule: Schedule,
    ) -> Result<Self, RecoverError> {
        // What a torn first commit left behind is nobody's log.
        machine.log().change(std::collections::BTreeMap::clear);
        let journal = Journal::create(machine.log().open())?;
        let bytes = postcard::to_allocvec(&**plan).expect("plans are plain data");
        let components = plan.agents.iter().map(|agent| (agent.actor.clone(), agent.component));
        let beginning = Beginning {
            run: RUN,
            plan: Digest::of(&bytes),
            engine: facts(),
            components: components.collect(),
        };
        let parts = Handed::new(machine, schedule.seed);
        let driver = Driver::begin(State::new(Arc::clone(plan)), parts.parts(), beginning);
        let mut process = Self::new((machine, schedule), (driver, parts), journal, troupe);
        process.plan = Some(bytes);
        Ok(process)
    }

    fn new(
        (machine, schedule): (&Machine, Schedule),
        (driver, handed): (Drives, Handed),
        journal: Journal<MemoryStore>,
        troupe: T,
    ) -> Self {
        let printer = Printer(machine.clone());
        let sinks = Sinks::new(RUN, Claims::default(), printer);
        let Handed { commits, work, jobs, errands, .. } = handed;
        Self {
            machine: machine.clone(),
            driver,
            commits,
            work,
            jobs,
            errands,
            journal,
            plan: None,
            troupe,
            instances: Instances::default(),
            sinks: sinks.on(SimGround(machine.clone())),
            news: Default::default(),
            ledger: Ledger::default(),
            dice: Dice::new(schedule.seed),
            schedule,
            stop_at: None,
        }
    }

    /// The run is to be asked to stop when all that is due before this time is done, in ms since 1970.
    pub fn stop_at(&mut self, ms: u64) {
        self.stop_at = Some(ms);
    }

    /// The state after all records so far, durable or not.
    pub fn state(&self) -> &State {
        self.driver.state()
    }

    /// Something comes from outside.
    pub fn tell(&mut self, event: Event) {
        self.driver.on(event);
    }

    /// Goes on to the end.
    pub fn run(mut self) -> End {
        for _ in 0..STEPS {
            if let Some(end) = self.step() {
                return end;
            }
        }
        End::Stuck(format!("no end after {STEPS} steps: {:?}", self.driver.state().kept))
    }

    /// One thing happens. How the process ended, if it did.
    pub fn step(&mut self) -> Option<End> {
        let busy = self.news.iter().any(|news| !news.is_empty());
        if !(busy && self.dice.one_in(3))
            && let Some(ending) = self.driver.turn().or_else(|| self.turn_again())
        {
            return Some(End::Ended(ending));
        }
        if self.schedule.rough && self.dice.one_in(8) {
            self.machine.inner().now += self.dice.below(100) as u64;
        }
        let waiting = [
            self.commits.len(),
            self.work.len(),
            self.jobs.len(),
            self.news[LOG].len(),
            self.news[GUESTS].len(),
            self.news[SINKS].len(),
            self.news[WORLD].len(),
            self.errands.len(),
        ];
        let kinds: Vec<usize> = (0..waiting.len()).filter(|kind| waiting[*kind] > 0).collect();
        let Some(kind) = kinds.get(self.dice.below(kinds.len())).copied() else {
            return self.pass_time();
        };
        match kind {
            0 => self.commit(),
            1 => self.perform(waiting[kind]),
            2 => self.write(waiting[kind]),
            7 => self.fetch(waiting[kind]),
            other => self.hear(other - 3),
        }
        self.machine.is_dead().then_some(End::Died)
    }

    /// The driver wants another turn at once: a foul, if there is nothing that it does then.
    fn turn_again(&mut self) -> Option<Ending> {
        let now = self.machine.now();
        let is_due = |driver: &Drives| driver.wake_at().is_some_and(|due| due <= now);
        if !is_due(&self.driver) {
            return None;
        }
        let given = |this: &Self| {
            let gave = [this.commits.len(), this.work.len(), this.jobs.len(), this.errands.len()];
            (this.driver.state().kept.next_seq, gave)
        };
        let before = given(self);
        let ending = self.driver.turn();
        if ending.is_none() && given(self) == before && is_due(&self.driver) {
            self.machine.foul(format!("it is awake for nothing: {:?}", self.driver.state().kept));
        }
        ending
    }

    /// Nothing can happen now: it is later at once.
    fn pass_time(&mut self) -> Option<End> {
        let due = self.driver.wake_at();
        if let Some(stop) = self.stop_at.take_if(|stop| due.is_none_or(|due| due >= *stop)) {
            let now = self.machine.now().max(stop);
            self.machine.inner().now = now;
            let (by, within_ms) = (String::from("the clock"), DRAIN_MS);
            self.driver.on(Event::Stop { by, within_ms });
            return None;
        }
        let Some(at) = due else {
            return Some(End::Stuck(format!("{:?}", self.driver.state().kept)));
        };
        let mut inner = self.machine.inner();
        inner.now = inner.now.max(at);
        None
    }

    /// Some of the commits become durable, together.
    fn commit(&mut self) {
        let mut commit = Commit::default();
        for _ in 0..=self.dice.below(self.commits.len()) {
            let two = |next: &Commit| next.checkpoint.is_some() && commit.checkpoint.is_some();
            let Some(more) = self.commits.take_first(two) else {
                break;
            };
            commit.entries.extend(more.entries);
            commit.checkpoint = commit.checkpoint.or(more.checkpoint);
        }
        for entry in &commit.entries {
            if let Some(foul) = self.ledger.unfounded(entry, &self.machine) {
                self.machine.foul(foul);
            }
        }
        let checkpoint = commit.checkpoint.as_ref().map(|checkpoint| &checkpoint.bytes[..]);
        let given =
            journal::Commit { entries: &commit.entries, checkpoint, plan: self.plan.as_deref() };
        match self.machine.commit(&mut self.journal, given) {
            Ok(flushed) => {
                self.plan = None;
                commit.entries.iter().for_each(|entry| self.ledger.note(entry));
                self.news[LOG].push_back(Event::Flushed(flushed));
            }
            Err(error) => self.news[LOG].push_back(Event::StoreFailed(error)),
        }
    }

    /// A worker does a piece of work.
    fn perform(&mut self, waiting: usize) {
        let mut given = match self.work.take(self.dice.below(waiting)) {
            Some(Task::Work(given)) => given,
            Some(Task::Audition(given)) => {
                let tried = self.troupe.audition(&given);
                let (agent, nth) = (given.agent, given.nth);
                self.news[GUESTS].push_back(Event::Auditioned(Auditioned { agent, nth, tried }));
                return;
            }
            None => return,
        };
        if self.schedule.rough
            && let Work::Handle(batch) = &mut given.work
        {
            batch.events.truncate(1 + self.dice.below(8));
            let most = u32::try_from(1 + self.dice.below(64)).unwrap_or(u32::MAX);
            batch.room.iter_mut().for_each(|room| *room = (*room).min(most));
        }
        let report = work(&self.troupe, &self.instances, given, &|| false);
        self.news[GUESTS].extend(report.map(Event::Report));
    }

    /// A job is done.
    fn write(&mut self, waiting: usize) {
        let Some(job) = self.jobs.take(self.dice.below(waiting)) else {
            return;
        };
        if let Some(foul) = self.ledger.too_early(&job) {
            self.machine.foul(foul);
        }
        self.machine.inner().printing = (job.agent, job.confirmed);
        let (agent, sink) = (job.agent, job.sink);
        let event = match self.sinks.write(&job) {
            Ok((upto, closed)) => {
                self.ledger.did((agent, sink), (upto, closed));
                Event::Written { agent, sink, upto, closed }
            }
            Err(error) => Event::WriteFailed { agent, sink, message: error.to_string() },
        };
        self.news[SINKS].push_back(event);
    }

    /// The world does what a guest asks of it.
    fn fetch(&mut self, waiting: usize) {
        let Some(errand) = self.errands.take(self.dice.below(waiting)) else {
            return;
        };
        if let Some(foul) = self.ledger.too_often(&errand, &self.machine) {
            self.machine.foul(foul);
        }
        let Errand { agent, intent, .. } = errand;
        let answer = self.machine.ask(&errand);
        self.news[WORLD].extend(answer.map(|answer| Event::Answered { agent, intent, answer }));
    }

    /// The driver hears something. Workers may overtake each other.
    fn hear(&mut self, source: usize) {
        let news = &mut self.news[source];
        let nth = if matches!(source, GUESTS | WORLD) { self.dice.below(news.len()) } else { 0 };
        if let Some(event) = news.remove(nth) {
            self.driver.on(event);
        }
    }
}

/// The ends of the queues that stay with the process, and what the driver gets besides.
struct Handed {
    commits: Queue<Commit>,
    work: Queue<Task>,
    jobs: Queue<Job>,
    errands: Queue<Errand>,
    machine: Machine,
    salts: Dice,
}

impl Handed {
    fn new(machine: &Machine, seed: u64) -> Self {
        let salts = Dice::new(!seed);
        let (commits, work, jobs) = (Queue::default(), Queue::default(), Queue::default());
        let errands = Queue::default();
        Self { commits, work, jobs, errands, machine: machine.clone(), salts }
    }

    fn parts(&self) -> PartsOf {
        Parts {
            scribe: self.commits.clone(),
            workers: self.work.clone(),
            outputs: self.jobs.clone(),
            errands: self.errands.clone(),
            clock: Watch(self.machine.clone(), self.salts.clone()),
        }
    }
}

fn facts() -> EngineFacts {
    EngineFacts {
        engine: String::from(env!("CARGO_PKG_VERSION")),
        wasmtime: String::from("simulated"),
        flags: Vec::new(),
    }
}
