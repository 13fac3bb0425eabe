//! Reloads of a run that this process runs: another plan is compiled while the run goes on, what it needs is kept and
//! loaded, and only then the run is told.

mod told;

use std::sync::mpsc::{Receiver, Sender, sync_channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, TryLockError};
use std::time::{Duration, Instant};

use theater_flow_dsl::{Compiled, Fault, Mode, Severity, keep_set};
use theater_flow_host::Host;
use theater_flow_kernel::ids::Digest;
use theater_flow_kernel::plan::Plan;
use theater_flow_kernel::record::{self, Body, Person};

use crate::compile::{Fetcher, Pipeline};
use crate::driver::{self, Choices, Event, Outcome, Refusal};
use crate::journal::{Journal, JournalError};
use crate::recover::{self, RecoverError};
use crate::revisions::{self, NoRevision, revisions};
use crate::session::{self, Place, PlanInForce, SessionError, Shared};
use crate::store::{Reader, SharedStore};
use crate::watch::Reads;
use crate::workers::Actors;

pub use told::Told;

/// Faults of a file that are named in the record of its refusal.
const NAMED: usize = 3;

/// Has a run go over to other plans. Clones are for the same run.
#[derive(Clone)]
pub struct Reloader {
    place: Place,
    host: Arc<Host>,
    actors: Actors,
    plan: PlanInForce,
    events: Sender<Event>,
    reader: SharedStore,
    /// One at a time.
    turn: Arc<Mutex<()>>,
}

/// What a reload did, or why it did nothing.
pub struct Done {
    /// What the run did.
    pub outcome: Outcome,
    /// How long all of it took.
    pub took: Duration,
    /// The file as it was compiled, which may have warnings; nothing if no file was.
    pub compiled: Option<Compiled>,
}

/// Why a run goes on with the plan that it has.
#[derive(Debug, thiserror::Error)]
pub enum ReloadError {
    /// The file has faults, which are in what was compiled.
    #[error("{}", faults(.0))]
    Faults(Box<Compiled>),
    /// What the plan needs is not there.
    #[error(transparent)]
    Session(#[from] SessionError),
    /// The run did not go over to it.
    #[error("{0}")]
    Refused(driver::Refused),
    /// The log cannot be read.
    #[error(transparent)]
    Recover(#[from] RecoverError),
    /// There is no such plan.
    #[error(transparent)]
    NoRevision(#[from] NoRevision),
    /// What was read is not what was to be read.
    #[error("the file changed while it was read")]
    Changed,
    /// The run has ended, or is about to.
    #[error("the run is at its end")]
    Over,
}

impl Reloader {
    pub(crate) fn new(
        place: Place,
        shared: &Shared,
        events: Sender<Event>,
        reader: SharedStore,
    ) -> Self {
        let Shared { host, actors, plan } = shared;
        let (host, actors, plan) = (Arc::clone(host), actors.clone(), plan.clone());
        Self { place, host, actors, plan, events, reader, turn: Arc::default() }
    }

    /// Goes over to what a file says now, with these values of its params and those that were given before. That it
    /// has faults is recorded.
    ///
    /// # Errors
    /// If the run goes on with the plan that it has, also since another reload is under way.
    pub fn reload(
        &self,
        pipeline: &Pipeline,
        set: &[(String, String)],
        by: Option<Person>,
    ) -> Result<Done, ReloadError> {
        let turn = self.turn()?;
        self.compile((pipeline, set, by), &mut |_| true, &turn)
    }

    /// The same, if `agrees` to what was read besides the pipeline's own file. A reload that is under way is waited
    /// for: whoever saves twice gets what they saved last.
    ///
    /// # Errors
    /// If the run goes on with the plan that it has.
    pub fn reload_if(
        &self,
        pipeline: &Pipeline,
        set: &[(String, String)],
        by: Option<Person>,
        agrees: &mut dyn FnMut(&Reads) -> bool,
    ) -> Result<Done, ReloadError> {
        let turn = self.turn.lock().unwrap_or_else(PoisonError::into_inner);
        self.compile((pipeline, set, by), agrees, &turn)
    }

    /// Who asks for a reload does not wait for another's end: there may be many who ask, and few threads to wait on.
    fn turn(&self) -> Result<MutexGuard<'_, ()>, ReloadError> {
        match self.turn.try_lock() {
            Ok(turn) => Ok(turn),
            Err(TryLockError::Poisoned(turn)) => Ok(turn.into_inner()),
            Err(TryLockError::WouldBlock) => Err(ReloadError::Refused(driver::Refused::Busy)),
        }
    }

    fn compile(
        &self,
        (pipeline, set, by): (&Pipeline, &[(String, String)], Option<Person>),
        agrees: &mut dyn FnMut(&Reads) -> bool,
        _turn: &MutexGuard<'_, ()>,
    ) -> Result<Done, ReloadError> {
        let began = Instant::now();
        let mut fetcher = Fetcher::new(Arc::clone(&self.host));
        let set = keep_set(&self.plan.get(), &pipeline.text, set);
        let mut compiled = fetcher.compile(pipeline, &set, Mode::Run);
        if !agrees(fetcher.reads()) {
            return Err(ReloadError::Changed);
        }
        let Some(plan) = compiled.plan.take() else {
            let error = ReloadError::Faults(Box::new(compiled));
            let source = Some(Digest::of(pipeline.text.as_bytes()));
            self.note(record::Refused { source, proposal: None, why: error.to_string(), by })?;
            return Err(error);
        };
        session::keep_components(&self.place, &plan)?;
        self.actors.add(fetcher.into_actors());
        let outcome = self.go(plan, None, by)?;
        Ok(Done { outcome, took: began.elapsed(), compiled: Some(compiled) })
    }

    /// Goes over to the plan of a proposal, since somebody approves it.
    ///
    /// # Errors
    /// If the run goes on with the plan that it has.
    pub fn approve(&self, proposal: u64, by: Person) -> Result<Done, ReloadError> {
        self.known((Some(proposal), by), |journal| {
            let known = proposal < journal.flushed().seq
                && matches!(recover::body(journal, proposal)?, Body::Proposed(_));
            if known {
                Ok(recover::plan_in(journal, proposal)?)
            } else {
                Err(ReloadError::Refused(driver::Refused::NoProposal))
            }
        })
    }

    /// Goes back to a plan that the run had before.
    ///
    /// # Errors
    /// If the run goes on with the plan that it has.
    pub fn roll_back(&self, revision: u32, by: Person) -> Result<Done, ReloadError> {
        self.known((None, by), |journal| {
            let all = revisions(journal)?;
            let one = revisions::numbered(&all, revision)?;
            Ok(revisions::plan(journal, one)?)
        })
    }

    /// Refuses a plan that waits for approval. False if it does not.
    ///
    /// # Errors
    /// If nothing can be recorded any more.
    pub fn refuse(&self, proposal: u64, by: Person) -> Result<bool, ReloadError> {
        self.note(record::Refused::proposal(proposal, by))
    }

    /// Goes over to a plan that the run's log has.
    fn known(
        &self,
        (proposal, by): (Option<u64>, Person),
        find: impl Fn(&Journal<Reader<'_>>) -> Result<Arc<Plan>, ReloadError>,
    ) -> Result<Done, ReloadError> {
        let _turn = self.turn()?;
        let began = Instant::now();
        let found = self.reader.beside(|store| Ok::<_, JournalError>(find(&Journal::open(store)?)));
        let plan = found.map_err(RecoverError::from)??;
        self.actors.add(session::load_components(&self.place, &self.host, &plan)?);
        let outcome = self.go(Plan::clone(&plan), proposal, Some(by))?;
        Ok(Done { outcome, took: began.elapsed(), compiled: None })
    }

    /// Tells the run, and waits until it is over. Then the components are kept that the run needs, whatever came of it:
    /// those of other plans are loaded again from where they are kept if one is gone over to.
    fn go(
        &self,
        plan: Plan,
        proposal: Option<u64>,
        by: Option<Person>,
    ) -> Result<Outcome, ReloadError> {
        let (reply, told) = sync_channel(1);
        let choices = Choices::of(&plan);
        let reload = driver::Reload { plan, choices, proposal, by, reply };
        let told = self.tell(Event::Reload(Box::new(reload)), &told);
        self.actors.keep_only(&self.plan.get());
        self.host.forget_unused();
        told?.map_err(ReloadError::Refused)
    }

    /// Has a refusal recorded.
    fn note(&self, refused: record::Refused) -> Result<bool, ReloadError> {
        let (reply, told) = sync_channel(1);
        self.tell(Event::Refuse(Refusal { refused, reply }), &told)
    }

    fn tell<T>(&self, event: Event, told: &Receiver<T>) -> Result<T, ReloadError> {
        self.events.send(event).map_err(|_| ReloadError::Over)?;
        told.recv().map_err(|_| ReloadError::Over)
    }
}

/// The first faults of a file, in a few words.
fn faults(compiled: &Compiled) -> String {
    let errors: Vec<&Fault> =
        compiled.faults.iter().filter(|fault| fault.severity == Severity::Error).collect();
    let named = errors.iter().take(NAMED).map(|fault| format!("{} {}", fault.code, fault.message));
    let more = match errors.len().saturating_sub(NAMED) {
        0 => String::new(),
        more => format!("; and {more} more"),
    };
    format!("the file has faults: {}{more}", named.collect::<Vec<_>>().join("; "))
}
