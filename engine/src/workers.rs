//! Workers: threads that run guests, one activation at a time each.

use std::collections::{HashMap, VecDeque};
use std::sync::mpsc::Sender;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

use theater_flow_host::{Actor, Host, Instance};
use theater_flow_kernel::gate::{Gate, World};
use theater_flow_kernel::ids::{AgentId, Digest};
use theater_flow_kernel::perform;
use theater_flow_kernel::plan::Plan;
use theater_flow_kernel::record::{Crash, CrashKind};
use theater_flow_kernel::work::{
    Activation, Batch, Begin, Begun, Call, Done, Outcome, Report, Trace, Work,
};

use crate::driver::{Event, Workers};

/// Makes a world for an instance of an agent.
pub type Worlds = Box<dyn Fn(AgentId) -> std::io::Result<Box<dyn World>> + Send + Sync>;

/// Makes instances of a plan's agents, with a world for each.
pub struct Crew {
    host: Arc<Host>,
    plan: Arc<Plan>,
    actors: HashMap<Digest, Actor>,
    world: Worlds,
}

impl Crew {
    /// A crew for `plan`; `actors` holds every component it names.
    pub fn new(
        host: Arc<Host>,
        plan: Arc<Plan>,
        actors: HashMap<Digest, Actor>,
        world: Worlds,
    ) -> Self {
        Self { host, plan, actors, world }
    }

    /// Begins a life. The instance is there if it lives.
    #[must_use]
    pub fn begin(&self, id: AgentId, begin: &Begin) -> (Option<Instance>, Option<Begun>) {
        match self.instantiate(id, begin) {
            Ok(mut instance) => {
                let outcome = perform::begin(&mut instance, begin);
                let lives = outcome.as_ref().is_some_and(|begun| begun.crash.is_none());
                (lives.then_some(instance), outcome)
            }
            Err(crash) => {
                let call = Trace::default();
                (None, Some(Begun { origin: begin.origin, call, crash: Some(crash) }))
            }
        }
    }

    fn instantiate(&self, id: AgentId, begin: &Begin) -> Result<Instance, Crash> {
        let missing =
            || Crash { kind: CrashKind::Init, message: String::from("no such component") };
        let agent = self.plan.agent(id).ok_or_else(missing)?;
        let actor = self.actors.get(&agent.component).ok_or_else(missing)?;
        let world = (self.world)(id).map_err(|error| Crash {
            kind: CrashKind::Init,
            message: format!("the system gives no randomness: {error}"),
        })?;
        let gate = Gate::new(Arc::clone(&self.plan), id, begin.sinks.clone(), world);
        self.host.instance(actor, gate)
    }

    /// True if calls of this agent may wait for standard input, and so need a thread of their own.
    fn may_wait(&self, id: AgentId) -> bool {
        self.plan.agent(id).is_some_and(|agent| agent.grants.stdin)
    }
}

/// The instances that live, but for those that are at work.
pub type Instances = Mutex<HashMap<AgentId, Instance>>;

/// Does an activation's work on the instances at hand. `None` for what is not reported.
pub fn work(crew: &Crew, instances: &Instances, given: Activation) -> Option<Report> {
    let Activation { agent, incarnation, work } = given;
    let held = lock(instances).remove(&agent);
    let (instance, done) = match (work, held) {
        (Work::Drop, _) => return None,
        (Work::Begin(how), old) => {
            drop(old);
            let (instance, begun) = crew.begin(agent, &how);
            (instance, begun.map_or(Done::Handled(Vec::new()), Done::Begun))
        }
        (Work::Handle(batch), Some(mut instance)) => {
            let done = perform::handle(&mut instance, batch, &|| false);
            (instance.is_alive().then_some(instance), done)
        }
        (Work::Handle(batch), None) => (None, gone(batch)),
        (Work::Snapshot, Some(mut instance)) => {
            let taken = perform::snapshot(&mut instance);
            let done = taken.map_or(Done::Handled(Vec::new()), Done::Snapshot);
            (instance.is_alive().then_some(instance), done)
        }
        // Its call was abandoned because the run stops: what it did before is in the log.
        (Work::Snapshot, None) => (None, Done::Handled(Vec::new())),
    };
    if let Some(instance) = instance {
        lock(instances).insert(agent, instance);
    }
    Some(Report { agent, incarnation, done })
}

/// An instance that is not there can handle nothing: a new life is needed. This says nothing of the
/// event, so it is no crash that would come again.
fn gone(batch: Batch) -> Done {
    let Batch { events, attempt, .. } = batch;
    let calls = events.front().map(|event| {
        let crash =
            Crash { kind: CrashKind::Timeout, message: String::from("the instance is gone") };
        let outcome = Outcome::Crash(crash);
        Call { consumed: event.consumed(), attempt, trace: Trace::default(), outcome }
    });
    Done::Handled(calls.into_iter().collect())
}

/// A mutex is only poisoned if a worker panicked, which loses that worker's instance and nothing else.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What the threads share.
struct Shared {
    crew: Crew,
    instances: Instances,
    queue: Mutex<Queue>,
    filled: Condvar,
    reports: Sender<Event>,
}

#[derive(Default)]
struct Queue {
    work: VecDeque<Activation>,
    closed: bool,
}

/// Threads that take work from one queue.
pub struct Pool {
    shared: Arc<Shared>,
    threads: Vec<JoinHandle<()>>,
    interrupt: Box<dyn Fn() + Send>,
}

impl Pool {
    /// `threads` workers. Reports go to `reports`; `interrupt` ends waits for standard input.
    #[must_use]
    pub fn new(
        crew: Crew,
        threads: usize,
        reports: Sender<Event>,
        interrupt: Box<dyn Fn() + Send>,
    ) -> Self {
        let shared = Arc::new(Shared {
            crew,
            instances: Mutex::default(),
            queue: Mutex::default(),
            filled: Condvar::new(),
            reports,
        });
        let threads = (0..threads.max(1)).map(|_| {
            let shared = Arc::clone(&shared);
            std::thread::spawn(move || shared.serve())
        });
        Self { threads: threads.collect(), shared, interrupt }
    }
}

impl Shared {
    fn serve(&self) {
        while let Some(activation) = self.take() {
            self.perform(activation);
        }
    }

    fn take(&self) -> Option<Activation> {
        let mut queue = lock(&self.queue);
        loop {
            if queue.closed {
                return None;
            }
            if let Some(activation) = queue.work.pop_front() {
                return Some(activation);
            }
            queue = self.filled.wait(queue).unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn perform(&self, activation: Activation) {
        if let Some(report) = work(&self.crew, &self.instances, activation) {
            // Nobody listens once the run is let go; what is not reported was not done.
            let _ = self.reports.send(Event::Report(report));
        }
    }
}

impl Workers for Pool {
    fn submit(&mut self, activation: Activation) {
        if self.shared.crew.may_wait(activation.agent) {
            let shared = Arc::clone(&self.shared);
            std::thread::spawn(move || shared.perform(activation));
            return;
        }
        lock(&self.shared.queue).work.push_back(activation);
        self.shared.filled.notify_one();
    }

    fn interrupt(&mut self) {
        (self.interrupt)();
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        (self.interrupt)();
        let mut queue = lock(&self.shared.queue);
        queue.closed = true;
        queue.work.clear();
        drop(queue);
        self.shared.filled.notify_all();
        for thread in self.threads.drain(..) {
            // A worker that panicked has nothing left to say.
            let _ = thread.join();
        }
    }
}
