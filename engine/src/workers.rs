//! Workers: threads that run guests, one activation at a time each.

mod audition;
mod instances;
mod orders;

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::Sender;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, RwLock};

use theater_flow_host::{Actor, Host, Instance, Kill};
use theater_flow_kernel::gate::{Gate, World};
use theater_flow_kernel::ids::{AgentId, Bytes, Digest};
use theater_flow_kernel::perform;
use theater_flow_kernel::plan::Plan;
use theater_flow_kernel::record::{Crash, CrashKind, Origin};
use theater_flow_kernel::work::{
    Activation, Begin, Begun, Done, Guest, Report, Taken, Trace, Work,
};

use crate::driver::{Audition, Auditioned, Event, Tried, Workers};
use crate::world::Stdin;

pub use instances::{Instances, work};
pub use orders::Orders;

/// What is said of a call in which the engine itself failed.
const FAILED: &str = "the engine failed at this call";

/// Makes a world for an instance of an agent.
pub type Worlds = Box<dyn Fn(AgentId) -> std::io::Result<Box<dyn World>> + Send + Sync>;

/// The components of a run, loaded. Clones share them: a run that goes over to another plan needs others.
#[derive(Clone, Default)]
pub struct Actors(Arc<RwLock<HashMap<Digest, Actor>>>);

impl Actors {
    /// The component of this digest.
    #[must_use]
    pub fn get(&self, component: Digest) -> Option<Actor> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).get(&component).cloned()
    }

    /// Forgets those that this plan does not need.
    pub fn keep_only(&self, plan: &Plan) {
        let needed: BTreeSet<Digest> = plan.present().map(|agent| agent.component).collect();
        let mut actors = self.0.write().unwrap_or_else(PoisonError::into_inner);
        actors.retain(|component, _| needed.contains(component));
    }

    /// Adds some to those that there are.
    pub fn add(&self, actors: HashMap<Digest, Actor>) {
        self.0.write().unwrap_or_else(PoisonError::into_inner).extend(actors);
    }
}

impl From<HashMap<Digest, Actor>> for Actors {
    fn from(actors: HashMap<Digest, Actor>) -> Self {
        Self(Arc::new(RwLock::new(actors)))
    }
}

/// Makes instances of a plan's agents, with a world for each.
pub struct Crew {
    host: Arc<Host>,
    /// The plan, if it is not to be the run's.
    plan: Option<Arc<Plan>>,
    actors: Actors,
    world: Worlds,
    orders: Arc<Orders>,
}

impl Crew {
    /// A crew for a run; `actors` holds every component that its plan names.
    pub fn new(host: Arc<Host>, actors: impl Into<Actors>, world: Worlds) -> Self {
        let actors = actors.into();
        Self { host, plan: None, actors, world, orders: Arc::default() }
    }

    /// This crew, which plays by another plan than the run's.
    #[must_use]
    pub fn by(self, plan: Arc<Plan>) -> Self {
        Self { plan: Some(plan), ..self }
    }

    /// This crew, whose calls end as these orders say.
    #[must_use]
    pub fn under(self, orders: Arc<Orders>) -> Self {
        Self { orders, ..self }
    }

    /// Begins a life. The instance is there if it lives.
    #[must_use]
    pub fn begin(&self, id: AgentId, begin: &Begin) -> (Option<Instance>, Option<Begun>) {
        match self.instantiate(id, begin, self.orders.kill(id)) {
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

    fn instantiate(&self, id: AgentId, begin: &Begin, kill: Kill) -> Result<Instance, Crash> {
        let missing =
            || Crash { kind: CrashKind::Init, message: String::from("no such component") };
        let plan = self.plan.as_ref().unwrap_or(&begin.plan);
        let agent = plan.agent(id).ok_or_else(missing)?;
        let actor = self.actors.get(agent.component).ok_or_else(missing)?;
        let world = (self.world)(id).map_err(|error| Crash {
            kind: CrashKind::Init,
            message: format!("the system gives no randomness: {error}"),
        })?;
        let gate = Gate::new(Arc::clone(plan), id, begin.sinks.clone(), world);
        self.host.mortal(&actor, gate, kill)
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
    /// What a state of another component (`from`: its digest, in hex) is as an agent's own keeps it. `None` if that has
    /// no way to do so.
    fn migrate(&self, id: AgentId, how: &Begin, from: &str) -> Option<Result<Bytes, Crash>> {
        let _ = (id, how, from);
        None
    }
    /// Tries out whether a life can begin.
    fn audition(&self, given: &Audition) -> Tried {
        match self.begin(given.agent, &given.begin).1 {
            Some(Begun { crash: Some(crash), .. }) => Tried::Unfit(crash.message),
            Some(_) => Tried::Fits(None),
            None => Tried::Unknown(String::from("its call was interrupted")),
        }
    }
}

impl Troupe for Crew {
    type Guest = Instance;

    fn begin(&self, id: AgentId, how: &Begin) -> (Option<Instance>, Option<Begun>) {
        Self::begin(self, id, how)
    }

    fn lives(guest: &Instance) -> bool {
        guest.is_alive()
    }

    fn migrate(&self, id: AgentId, how: &Begin, from: &str) -> Option<Result<Bytes, Crash>> {
        let saved = how.saved.as_deref()?;
        let made = self.instantiate(id, how, self.orders.kill(id));
        let migrated = made.map(|mut instance| perform::migrate(&mut instance, from, saved));
        migrated.transpose().map(|migrated| migrated.flatten().map(Bytes::from))
    }

    fn audition(&self, given: &Audition) -> Tried {
        self.try_out(given).unwrap_or_else(|tried| tried)
    }
}

/// What is reported of work in which the engine itself failed.
fn failed(begins: Option<Origin>) -> Done {
    let message = String::from(FAILED);
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
    /// Agents whose calls may wait for standard input, and so need threads of their own.
    waiting: BTreeSet<AgentId>,
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
        Self { shared, stdin, waiting: BTreeSet::new() }
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

    /// Tries a successor out.
    fn audition(&self, given: &Audition) {
        let (agent, nth) = (given.agent, given.nth);
        let tried = catch_unwind(AssertUnwindSafe(|| self.crew.audition(given)));
        let tried = tried.unwrap_or_else(|_| Tried::Unknown(String::from(FAILED)));
        // Nobody listens once the run is let go.
        let _ = self.reports.send(Event::Auditioned(Auditioned { agent, nth, tried }));
    }

    fn perform(&self, activation: Activation) {
        let (agent, incarnation) = (activation.agent, activation.incarnation);
        let origin = match &activation.work {
            Work::Begin(begin) => Some(begin.origin),
            Work::Handle(_) | Work::Snapshot | Work::Drop => None,
        };
        let orders = &self.crew.orders;
        let order = orders.of(agent);
        let stop = || order.is_halted();
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
        let id = activation.agent;
        if let Work::Drop = activation.work {
            // At once: somebody else may begin in its place.
            drop(lock(&self.shared.instances).remove(&id));
            return;
        }
        self.shared.crew.orders.clear(id);
        if let Work::Begin(begin) = &activation.work {
            if begin.plan.agent(id).is_some_and(|agent| agent.grants.stdin) {
                self.waiting.insert(id)
            } else {
                self.waiting.remove(&id)
            };
        }
        if self.waiting.contains(&id) {
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

    fn audition(&mut self, audition: Audition) {
        let shared = Arc::clone(&self.shared);
        // A thread of its own: it happens seldom, and must not wait behind the agents' work.
        std::thread::spawn(move || shared.audition(&audition));
    }

    fn room(&self) -> usize {
        self.shared.crew.host.room()
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
