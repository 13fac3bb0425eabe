//! A run in this process: the driver with the real log, workers, sinks and clock.

mod clock;
mod components;
mod decide;
mod fork;
mod head;
mod left;
mod serve;

use std::collections::HashMap;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use theater_flow_host::{Actor, Host, LoadError};
use theater_flow_kernel::gate::World;
use theater_flow_kernel::ids::{Digest, RunId};
use theater_flow_kernel::input::Beginning;
use theater_flow_kernel::plan::Plan;
use theater_flow_kernel::record::{EngineFacts, Status};
use theater_flow_kernel::state::State;

pub use clock::{RealClock, now_ms};
use components::components;
pub(crate) use components::keep_components;
pub use components::{Kept, kept, load_components};
pub use fork::begin_fork;
pub(crate) use head::{check_head, check_name, new_head};
pub use left::Left;
pub use serve::TellRemains;

use crate::driver::{Driver, Event, Parts};
use crate::envoy::Envoy;
use crate::head::HeadError;
use crate::journal::{Flushed, Journal, JournalError};
use crate::recover::{RecoverError, Recovered};
use crate::reload::Reloader;
use crate::scribe::{Book, ScribeThread};
use crate::sinks::{SinkThread, Sinks};
use crate::store::{SharedStore, SledStore, StoreError};
use crate::workers::{Actors, Crew, Orders, Pool};
use crate::world::{Outside, RealWorld};

/// How long readers of a run's log may hold up its next owner.
pub(crate) const READERS: Duration = Duration::from_secs(30);
/// Why a run cannot be begun or taken up.
#[derive(Debug, thiserror::Error)]
pub enum SessionError {
    /// The log cannot be opened or made.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The log cannot be read or written.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// The log adds up to nothing.
    #[error(transparent)]
    Recover(#[from] RecoverError),
    /// The head cannot be read.
    #[error(transparent)]
    Head(#[from] HeadError),
    /// The log ends before the head, or differs from it.
    #[error(
        "the log holds {records} records, but `head.json` names record {named}: the log was cut or replaced"
    )]
    Behind {
        /// What the log holds.
        records: u64,
        /// What the head names.
        named: u64,
    },
    /// The folder holds the log of another run.
    #[error("the folder of run {folder} holds the log of run {run}")]
    Another {
        /// What the folder is named.
        folder: String,
        /// What the log says.
        run: RunId,
    },
    /// The process that made the run was killed before its first record was durable.
    #[error("the run never began: nothing was recorded, and nothing happened")]
    NeverBegan,
    /// The run is over.
    #[error("the run has already {}", past(*.0))]
    Over(Status),
    /// A component that the plan names is nowhere to be found.
    #[error("the component {digest} of `{actor}` is not in {}", .folder.display())]
    NoComponent {
        /// The actor.
        actor: String,
        /// The component.
        digest: Digest,
        /// Where it was looked for.
        folder: PathBuf,
    },
    /// The kept copy of a component is not what its digest says.
    #[error("the component of `{actor}` is damaged: {} is not what was kept", .path.display())]
    DamagedComponent {
        /// The actor.
        actor: String,
        /// The file.
        path: PathBuf,
    },
    /// A component is there but cannot be loaded.
    #[error("the component of `{actor}`: {source}")]
    Component {
        /// The actor.
        actor: String,
        /// Why.
        source: LoadError,
    },
}

const fn past(status: Status) -> &'static str {
    match status {
        Status::Completed => "completed",
        Status::Degraded => "completed, with dead letters",
        Status::Failed => "failed",
    }
}

/// Where a run is kept.
#[derive(Clone, Debug)]
pub struct Place {
    /// The run's folder.
    pub folder: PathBuf,
    /// The folder of components, by digest.
    pub components: PathBuf,
}

impl Place {
    pub(crate) fn database(&self) -> PathBuf {
        self.folder.join("db")
    }

    fn component(&self, digest: Digest) -> PathBuf {
        self.components.join(format!("{digest}.wasm"))
    }
}

/// What is needed to run a plan.
pub struct Cast {
    /// The engine that runs guests.
    pub host: Arc<Host>,
    /// The plan.
    pub plan: Arc<Plan>,
    /// Its components.
    pub actors: HashMap<Digest, Actor>,
}

/// The same, for all who need it while the plan changes.
pub(crate) struct Shared {
    pub(crate) host: Arc<Host>,
    pub(crate) plan: PlanInForce,
    pub(crate) actors: Actors,
}

impl Shared {
    fn of(Cast { host, plan, actors }: Cast) -> Self {
        Self { host, plan: PlanInForce::new(plan), actors: actors.into() }
    }
}

/// Where guests' standard output goes.
pub type Stdout = Box<dyn Write + Send>;

/// Where a run meets the rest of the process.
struct Ends {
    sender: Sender<Event>,
    outside: Outside,
    stdout: Stdout,
    /// When its last record was made, in ms since 1970.
    last: u64,
}

/// A run in this process.
pub struct Session {
    run: RunId,
    driver: Driver<ScribeThread, Pool, SinkThread, RealClock, Envoy>,
    events: Receiver<Event>,
    sender: Sender<Event>,
    plan: PlanInForce,
    reader: SharedStore,
    reloader: Reloader,
}

/// The plan that a run has now. Clones show the same.
#[derive(Clone)]
pub struct PlanInForce(Arc<RwLock<Arc<Plan>>>);

impl PlanInForce {
    fn new(plan: Arc<Plan>) -> Self {
        Self(Arc::new(RwLock::new(plan)))
    }

    /// The plan.
    #[must_use]
    pub fn get(&self) -> Arc<Plan> {
        Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Shows another one from now on, if it is another.
    fn set(&self, plan: &Arc<Plan>) {
        if !Arc::ptr_eq(&self.get(), plan) {
            *self.0.write().unwrap_or_else(PoisonError::into_inner) = Arc::clone(plan);
        }
    }
}

impl Session {
    /// Begins a run: makes its folder, its log and its first record.
    ///
    /// # Panics
    /// Never: a plan is plain data.
    pub fn begin(
        place: &Place,
        cast: Cast,
        run: RunId,
        stdout: Stdout,
    ) -> Result<Self, SessionError> {
        keep_components(place, &cast.plan)?;
        let bytes = postcard::to_allocvec(&*cast.plan).expect("plans are plain data");
        let plan = Digest::of(&bytes);
        let head = new_head(run, &cast.plan, Flushed::default(), None);
        // Before there is a log, so that one without a head is one whose head was removed.
        head.write(&place.folder)?;
        let store = SledStore::create(&place.database())?;
        let reader = store.share();
        let journal = Journal::create(store)?;
        let book = Book { journal, plan: Some(bytes), head, folder: place.folder.clone() };
        let (sender, events) = channel();
        let engine = facts(&cast.host);
        let components = components(&cast.plan).into_iter().collect();
        let state = State::new(Arc::clone(&cast.plan));
        let ends = Ends { sender: sender.clone(), outside: Outside::default(), stdout, last: 0 };
        let beginning = Beginning { run, plan, engine, components };
        let cast = Shared::of(cast);
        let plan = cast.plan.clone();
        let reloader = Reloader::new(place.clone(), &cast, sender.clone(), reader.clone());
        let driver = Driver::begin(state, parts(cast, run, book, ends), beginning);
        Ok(Self { run, driver, events, sender, plan, reader, reloader })
    }

    /// Takes up a run whose owner is gone.
    pub fn resume(
        place: &Place,
        left: Left,
        host: Arc<Host>,
        stdout: Stdout,
    ) -> Result<Self, SessionError> {
        let Left { run, head, journal, reader, recovered: Recovered { state, .. }, .. } = left;
        let plan = Arc::clone(&state.plan);
        let actors = load_components(place, &host, &plan)?;
        let engine = facts(&host);
        let flushed = journal.flushed();
        let last = state.kept.now;
        let (sender, events) = channel();
        let book = Book { journal, plan: None, head, folder: place.folder.clone() };
        let ends = Ends { sender: sender.clone(), outside: outside_of(&state), stdout, last };
        let cast = Shared::of(Cast { host, plan, actors });
        let plan = cast.plan.clone();
        let reloader = Reloader::new(place.clone(), &cast, sender.clone(), reader.clone());
        let driver = Driver::resume(state, parts(cast, run, book, ends), flushed, engine);
        Ok(Self { run, driver, events, sender, plan, reader, reloader })
    }

    /// This run, which is taken up for something else than to go on: see [`Driver::stand_still`].
    #[must_use]
    pub fn still(mut self) -> Self {
        self.driver.stand_still();
        self
    }

    /// The run.
    #[must_use]
    pub fn run(&self) -> RunId {
        self.run
    }

    /// What it runs now.
    #[must_use]
    pub fn plan(&self) -> &Arc<Plan> {
        &self.driver.state().plan
    }

    /// What it runs at any time, for others.
    #[must_use]
    pub fn plan_in_force(&self) -> PlanInForce {
        self.plan.clone()
    }

    /// Has the run go over to other plans.
    #[must_use]
    pub fn reloader(&self) -> Reloader {
        self.reloader.clone()
    }

    /// The state after all records so far, durable or not.
    #[must_use]
    pub fn state(&self) -> &State {
        self.driver.state()
    }

    /// The run is kept when nothing is left to do, until it is stopped.
    pub fn keep_on(&mut self) {
        self.driver.keep_on();
    }

    /// The last durable record.
    #[must_use]
    pub fn flushed(&self) -> Flushed {
        self.driver.flushed()
    }

    /// Its log, for reading while it is written.
    #[must_use]
    pub fn reader(&self) -> SharedStore {
        self.reader.clone()
    }

    /// Where others may send events to.
    #[must_use]
    pub fn sender(&self) -> Sender<Event> {
        self.sender.clone()
    }
}

/// What this program is made of, for the record.
#[must_use]
pub fn facts(host: &Host) -> EngineFacts {
    host.facts(env!("CARGO_PKG_VERSION"))
}

fn parts(
    cast: Shared,
    run: RunId,
    book: Book<SledStore>,
    ends: Ends,
) -> Parts<ScribeThread, Pool, SinkThread, RealClock, Envoy> {
    let Ends { sender, outside, stdout, last } = ends;
    let stdin = outside.stdin.clone();
    let claims = outside.claims.clone();
    let sinks = Sinks::new(run, claims, stdout);
    let errands = Envoy::new(sender.clone());
    let orders = Arc::new(Orders::default());
    let theirs = Arc::clone(&orders);
    let worlds = Box::new(move |agent| {
        let world = RealWorld::new(agent, &outside).under(Arc::clone(&theirs));
        Ok(Box::new(world) as Box<dyn World>)
    });
    let crew = Crew::new(cast.host, cast.actors, worlds).under(orders);
    let threads = std::thread::available_parallelism().map_or(2, usize::from);
    Parts {
        scribe: ScribeThread::new(book, sender.clone()),
        workers: Pool::new(crew, threads, sender.clone(), stdin),
        outputs: SinkThread::new(sinks, sender),
        clock: RealClock::after(last),
        errands,
    }
}

/// The outside of a run that is taken up: files that are open stay their agents'.
fn outside_of(state: &State) -> Outside {
    let outside = Outside::default();
    for agent in &state.plan.agents {
        let files = state.agent(agent.id).writes.values().filter(|write| !write.path.is_empty());
        files.for_each(|write| outside.claims.hold(agent.id, Path::new(&write.path)));
    }
    outside
}

/// Where a run is kept below a data folder.
#[must_use]
pub fn place(data: &Path, folder: PathBuf) -> Place {
    Place { folder, components: data.join("components") }
}
