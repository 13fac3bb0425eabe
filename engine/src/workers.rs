//! Workers: threads that run guests, one activation at a time each.

mod orders;

use std::collections::{HashMap, VecDeque};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::Sender;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use theater_flow_host::{Actor, Host, Instance};
use theater_flow_kernel::gate::{Gate, World};
use theater_flow_kernel::ids::{AgentId, Digest};
use theater_flow_kernel::perform;
use theater_flow_kernel::plan::Plan;
use theater_flow_kernel::record::{Crash, CrashKind, Origin};
use theater_flow_kernel::work::{
    Activation, Batch, Begin, Begun, Call, Done, Guest, Outcome, Report, Taken, Trace, Work,
};

use crate::driver::{Event, Workers};
use crate::world::Stdin;

pub use orders::Orders;

/// Makes a world for an instance of an agent.
pub type Worlds = Box<dyn Fn(AgentId) -> std::io::Result<Box<dyn World>> + Send + Sync>;

/// Makes instances of a plan's agents, with a world for each.
pub struct Crew {
    host: Arc<Host>,
    plan: Arc<Plan>,
    actors: HashMap<Digest, Actor>,
    world: Worlds,
    orders: Arc<Orders>,
}

impl Crew {
    /// A crew for `plan`; `actors` holds every component it names.
    pub fn new(
        host: Arc<Host>,
        plan: Arc<Plan>,
        actors: HashMap<Digest, Actor>,
        world: Worlds,
    ) -> Self {
        let orders = Arc::new(Orders::new(&plan));
        Self { host, plan, actors, world, orders }
    }

    /// This crew, whose calls end as these orders say.
    #[must_use]
    pub fn under(self, orders: Arc<Orders>) -> Self {
        Self { orders, ..self }
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
        self.host.mortal(actor, gate, self.orders.kill(id))
    }

    /// True if calls of this agent may wait for standard input, and so need a thread of their own.
    fn may_wait(&self, id: AgentId) -> bool {
        self.plan.agent(id).is_some_and(|agent| agent.grants.stdin)
    }
}

/// Whoever begins lives: a [`Crew`], or one of simulated actors.
pub trait Troupe {
    /// What lives.
    type Guest: Guest;

    /// Begins a life. The guest is there if it lives.
    fn begin(&self, id: AgentId, how: &Begin) -> (Option<Self::Guest>, Option<Begun>);
    /// False if a call has ended the guest's life.
    fn lives(guest: &Self::Guest) -> bool;
}

impl Troupe for Crew {
    type Guest = Instance;

    fn begin(&self, id: AgentId, how: &Begin) -> (Option<Instance>, Option<Begun>) {
        Self::begin(self, id, how)
    }

    fn lives(guest: &Instance) -> bool {
        guest.is_alive()
    }
}

/// The instances that live, but for those that are at work.
pub type Instances<G = Instance> = Mutex<HashMap<AgentId, G>>;

/// Does an activation's work on the instances at hand. `None` for what is not reported. `stop` is asked before each
/// event.
pub fn work<T: Troupe>(
    crew: &T,
    instances: &Instances<T::Guest>,
    given: Activation,
    stop: &dyn Fn() -> bool,
) -> Option<Report> {
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
            let done = perform::handle(&mut instance, batch, stop);
            (T::lives(&instance).then_some(instance), done)
        }
        (Work::Handle(batch), None) => (None, gone(batch)),
        (Work::Snapshot, Some(mut instance)) => {
            let taken = perform::snapshot(&mut instance);
            let done = taken.map_or(Done::Handled(Vec::new()), Done::Snapshot);
            (T::lives(&instance).then_some(instance), done)
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

/// What is reported of work in which the engine itself failed.
fn failed(begins: Option<Origin>) -> Done {
    let message = String::from("the engine failed at this call");
    let (call, trace) = (Trace::default(), Trace::default());
    match begins {
        Some(origin) => {
            let crash = Some(Crash { kind: CrashKind::Init, message });
            Done::Begun(Begun { origin, call, crash })
        }
        None => {
            Done::Snapshot(Taken { trace, state: Err(Crash { kind: CrashKind::Trap, message }) })
        }
    }
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

/// Threads that take work from one queue. They end by themselves after it is dropped: a guest that
/// computes for long must not hold up a stop.
pub struct Pool {
    shared: Arc<Shared>,
    stdin: Stdin,
}

impl Pool {
    /// `threads` workers. Reports go to `reports`; `stdin` is what calls may wait for.
    #[must_use]
    pub fn new(crew: Crew, threads: usize, reports: Sender<Event>, stdin: Stdin) -> Self {
        let shared = Arc::new(Shared {
            crew,
            instances: Mutex::default(),
            queue: Mutex::default(),
            filled: Condvar::new(),
            reports,
        });
        for _ in 0..threads.max(1) {
            let shared = Arc::clone(&shared);
            std::thread::spawn(move || shared.serve());
        }
        Self { shared, stdin }
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
        let (agent, incarnation) = (activation.agent, activation.incarnation);
        let origin = match &activation.work {
            Work::Begin(begin) => Some(begin.origin),
            Work::Handle(_) | Work::Snapshot | Work::Drop => None,
        };
        let orders = &self.crew.orders;
        let stop = || orders.is_halted(agent);
        let done =
            catch_unwind(AssertUnwindSafe(|| work(&self.crew, &self.instances, activation, &stop)));
        // A fault of the engine itself costs the instance, not the run.
        let report =
            done.unwrap_or_else(|_| Some(Report { agent, incarnation, done: failed(origin) }));
        if let Some(mut report) = report {
            if orders.is_killed(agent) {
                // Nothing of a life that is over: the next one may have the same number, if this one never began.
                lock(&self.instances).remove(&agent);
                report.done = Done::Handled(Vec::new());
            }
            // Nobody listens once the run is let go; what is not reported was not done.
            let _ = self.reports.send(Event::Report(report));
        }
    }
}

impl Workers for Pool {
    fn submit(&mut self, activation: Activation) {
        self.shared.crew.orders.clear(activation.agent);
        if self.shared.crew.may_wait(activation.agent) {
            let shared = Arc::clone(&self.shared);
            std::thread::spawn(move || shared.perform(activation));
            return;
        }
        lock(&self.shared.queue).work.push_back(activation);
        self.shared.filled.notify_one();
    }

    fn halt(&mut self, agent: AgentId) {
        self.shared.crew.orders.halt(agent);
    }

    fn kill(&mut self, agent: AgentId) {
        self.shared.crew.orders.end(agent);
        self.stdin.look_up();
    }

    fn interrupt(&mut self) {
        self.stdin.interrupt();
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        self.stdin.interrupt();
        let mut queue = lock(&self.shared.queue);
        queue.closed = true;
        queue.work.clear();
        drop(queue);
        self.shared.filled.notify_all();
    }
}
