//! Runs every recorded guest call of a run again, with the recorded answers and without touching the
//! world, and compares what the guests do: emissions, staged writes, fuel, snapshots.

mod recital;

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use theater_flow_host::Instance;
use theater_flow_kernel::desk;
use theater_flow_kernel::fold::fold;
use theater_flow_kernel::gate::{
    Claimed, FileError, FileErrorCode, FolderEntry, Located, Stat, StdinError, World,
};
use theater_flow_kernel::ids::{AgentId, Salt};
use theater_flow_kernel::perform;
use theater_flow_kernel::record::{Body, Consumed, Crash, CrashKind, Entry, Incarnation, Snapshot};
use theater_flow_kernel::state::{Life, State};
use theater_flow_kernel::work::{Begin, Redo};

pub use recital::Recital;

use crate::journal::Journal;
use crate::recover::{self, RecoverError};
use crate::store::Store;
use crate::workers::Crew;

/// Which guest calls of a run to make again.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Span {
    /// From this record on.
    pub from: u64,
    /// Up to this record; `None` for the last.
    pub until: Option<u64>,
    /// Only those of these agents, which have another component or config than in the run: each up to its
    /// first difference, and without comparing fuel and snapshots, which are theirs alone. `None` for all
    /// agents, as they were, up to the first difference of any.
    pub changed: Option<BTreeSet<AgentId>>,
    /// Those of the changed agents that keep nothing in mind from one event to the next: they go on after a
    /// difference, and all their calls are compared.
    pub stateless: BTreeSet<AgentId>,
}

/// Where a replay differed from the record.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Difference {
    /// The record.
    pub seq: u64,
    /// Whose call it was.
    pub agent: AgentId,
    /// How it differed.
    pub message: String,
    /// Further records of the agent whose calls differ.
    pub also: Vec<u64>,
    /// What the record would say now, if the call could be made again from the start.
    pub now: Option<Entry>,
}

/// What a replay did.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Replayed {
    /// Records looked at.
    pub records: u64,
    /// Guest calls made again.
    pub calls: u64,
    /// Guest calls that were not made again, since the agent's state at that point could not be.
    pub skipped: u64,
    /// The first difference of each agent, in the order of the record.
    pub differences: Vec<Difference>,
}

/// A world that is not there: whatever asks it is a leak.
pub struct NoWorld;

impl World for NoWorld {
    fn now_ms(&mut self) -> u64 {
        0
    }

    fn random(&mut self, _len: u32) -> Vec<u8> {
        Vec::new()
    }

    fn salt(&mut self) -> Salt {
        Salt::default()
    }

    fn read(&mut self, _at: &Located<'_>, _offset: u64, _len: u32) -> Result<Vec<u8>, FileError> {
        Err(nothing())
    }

    fn stat(&mut self, _at: &Located<'_>) -> Result<Stat, FileError> {
        Err(nothing())
    }

    fn list(&mut self, _at: &Located<'_>) -> Result<Vec<FolderEntry>, FileError> {
        Err(nothing())
    }

    fn claim(&mut self, _at: &Located<'_>, _replace: bool) -> Result<Claimed, FileError> {
        Err(nothing())
    }

    fn stdin(&mut self, _len: u32) -> Result<Vec<u8>, StdinError> {
        Err(StdinError::Interrupted)
    }
}

fn nothing() -> FileError {
    FileError::new(FileErrorCode::Io, "a replay has no files")
}

/// A span of a run to be made again.
pub struct Replay<'a> {
    /// Makes instances in the recital's world.
    pub crew: &'a Crew,
    /// Answers where a guest does something new.
    pub recital: &'a Recital,
    /// Which part of the run.
    pub span: Span,
}

/// Runs a whole log again, up to its first difference. `crew` makes instances in [`NoWorld`].
///
/// # Errors
/// If the log cannot be read.
pub fn replay<S: Store>(journal: &Journal<S>, crew: &Crew) -> Result<Replayed, RecoverError> {
    Replay { crew, recital: &Recital::default(), span: Span::default() }.run(journal)
}

impl Replay<'_> {
    /// Makes the calls again.
    ///
    /// # Errors
    /// If the log cannot be read.
    pub fn run<S: Store>(self, journal: &Journal<S>) -> Result<Replayed, RecoverError> {
        let plan = recover::plan(journal)?;
        let (from, until) =
            (self.span.from.max(journal.first()), self.span.until.unwrap_or(u64::MAX));
        let state = recover::state(journal, &plan, from)?;
        let mut again = Again {
            replay: self,
            state,
            live: HashMap::new(),
            lost: BTreeSet::new(),
            differed: BTreeSet::new(),
            inexact: BTreeSet::new(),
            did: Replayed::default(),
        };
        // Before its first record, what lives in a fork's state lived in its parent.
        if from > journal.first() {
            again.enter(from);
        }
        for entry in recover::entries(journal, from)? {
            let entry = Arc::new(entry?);
            let first = again.replay.span.changed.is_none() && !again.did.differences.is_empty();
            if first || entry.seq > until {
                break;
            }
            again.record(&entry);
            fold(&mut again.state, &entry);
            again.state.touched.clear();
        }
        Ok(again.did)
    }
}

/// A replay under way.
struct Again<'a> {
    replay: Replay<'a>,
    state: State,
    live: HashMap<AgentId, Instance>,
    /// Agents whose state cannot be made again before their next life.
    lost: BTreeSet<AgentId>,
    /// Agents that have differed.
    differed: BTreeSet<AgentId>,
    /// Agents that have come to where they are another way than in the run: their fuel may differ.
    inexact: BTreeSet<AgentId>,
    did: Replayed,
}

impl Again<'_> {
    /// Brings the agents that live at the beginning of the span to where they were.
    fn enter(&mut self, from: u64) {
        for id in (0..).map(AgentId).take(self.state.plan.agents.len()) {
            let agent = self.state.agent(id);
            if !self.is_wanted(id) || agent.life != Life::Up {
                continue;
            }
            if self.forgets(id) && agent.started {
                self.lost.insert(id);
                continue;
            }
            self.inexact.insert(id);
            match self.bring(id) {
                Ok(instance) => drop(self.live.insert(id, instance)),
                Err(crash) => self.differs(from, id, crash.message, None),
            }
        }
    }

    fn is_wanted(&self, id: AgentId) -> bool {
        self.replay.span.changed.as_ref().is_none_or(|changed| changed.contains(&id))
    }

    /// True for an agent of which nobody keeps what it did in its life.
    fn forgets(&self, id: AgentId) -> bool {
        let plan = self.state.plan.agent(id);
        plan.is_some_and(|agent| agent.is_fresh() && !agent.stateless)
    }

    /// A new instance that has done what the agent has done so far.
    fn bring(&mut self, id: AgentId) -> Result<Instance, Crash> {
        let mut begin = desk::begin(self.state.agent(id));
        let redo = std::mem::take(&mut begin.redo);
        let mut instance = self.begin_with(id, &begin)?;
        self.did.calls += redo.len() as u64;
        match redo.iter().find_map(|redo| perform::alike(&mut instance, redo)) {
            Some(crash) => Err(crash),
            None => Ok(instance),
        }
    }

    fn begin_with(&mut self, id: AgentId, begin: &Begin) -> Result<Instance, Crash> {
        self.did.calls += 1 + begin.redo.len() as u64;
        let (instance, life) = self.replay.crew.begin(id, begin);
        match (life.and_then(|life| life.crash), instance) {
            (Some(crash), _) => Err(crash),
            (None, Some(instance)) => Ok(instance),
            (None, None) => {
                let message = String::from("the call was interrupted");
                Err(Crash { kind: CrashKind::Init, message })
            }
        }
    }

    fn differs(&mut self, seq: u64, agent: AgentId, message: String, now: Option<Entry>) {
        let known = self.did.differences.iter_mut().find(|known| known.agent == agent);
        match known {
            Some(known) => known.also.push(seq),
            None => {
                self.did.differences.push(Difference { seq, agent, message, also: vec![], now });
            }
        }
        self.live.remove(&agent);
        let goes_on = self.replay.span.stateless.contains(&agent);
        match goes_on.then(|| self.bring(agent)) {
            Some(Ok(instance)) => drop(self.live.insert(agent, instance)),
            Some(Err(_)) | None => drop(self.differed.insert(agent)),
        }
    }

    /// Makes the guest call of a record, and notes how it differed.
    fn record(&mut self, entry: &Arc<Entry>) {
        let Some(id) = entry.body.agent().filter(|id| self.is_wanted(*id)) else {
            self.did.records += 1;
            return;
        };
        if let Body::Incarnation(_) = entry.body {
            self.lost.remove(&id);
        }
        if self.differed.contains(&id) || self.lost.contains(&id) {
            let calls = matches!(
                entry.body,
                Body::Incarnation(_)
                    | Body::Transaction(_)
                    | Body::Faulted(_)
                    | Body::Crashed(_)
                    | Body::Snapshot(_)
                    | Body::Intent(_)
            );
            self.did.skipped += u64::from(calls);
        } else if let Some((message, now)) = self.call(entry, id) {
            self.differs(entry.seq, id, message, now);
            return;
        }
        self.did.records += 1;
    }

    fn call(&mut self, entry: &Arc<Entry>, id: AgentId) -> Option<(String, Option<Entry>)> {
        match &entry.body {
            Body::Incarnation(body) => self.begin(body).map(|message| (message, None)),
            Body::Transaction(body) => self.handle(entry, id, &body.consumed),
            Body::Faulted(body) => self.handle(entry, id, &body.consumed),
            Body::Crashed(body) => {
                let consumed = body.consumed.as_ref();
                let differs = consumed.and_then(|consumed| self.handle(entry, id, consumed));
                self.live.remove(&id);
                differs
            }
            // The life ends where it asked.
            Body::Intent(body) => {
                let differs = self.handle(entry, id, &body.consumed);
                self.live.remove(&id);
                differs
            }
            Body::Snapshot(body) => self.snapshot(entry, body).map(|message| (message, None)),
            Body::Ended(_) => {
                self.live.remove(&id);
                None
            }
            _ => None,
        }
    }

    fn begin(&mut self, body: &Incarnation) -> Option<String> {
        let id = body.agent;
        self.live.remove(&id);
        if self.replay.span.changed.is_some() {
            self.inexact.insert(id);
            return match self.bring(id) {
                Ok(instance) => {
                    self.live.insert(id, instance);
                    None
                }
                Err(crash) => Some(crash.message),
            };
        }
        self.inexact.remove(&id);
        let begin = desk::begin(self.state.agent(id));
        self.did.calls += 1 + begin.redo.len() as u64;
        let (instance, outcome) = self.replay.crew.begin(id, &begin);
        let outcome = outcome?;
        if let Some(crash) = outcome.crash {
            return Some(crash.message);
        }
        if outcome.call.fuel != body.fuel {
            return Some(format!(
                "`init` took {} fuel, the record says {}",
                outcome.call.fuel, body.fuel
            ));
        }
        self.live.extend(instance.map(|instance| (id, instance)));
        None
    }

    fn handle(
        &mut self,
        entry: &Arc<Entry>,
        id: AgentId,
        consumed: &Consumed,
    ) -> Option<(String, Option<Entry>)> {
        let Some(event) = desk::event(self.state.agent(id), consumed) else {
            let message = format!("the event {consumed:?} is not waiting at this point");
            return Some((message, None));
        };
        let Some(instance) = self.live.get_mut(&id) else {
            return Some((String::from("the agent has no instance at this point"), None));
        };
        self.did.calls += 1;
        let redo = Redo { event, entry: Arc::clone(entry) };
        let crash = if self.inexact.contains(&id) {
            perform::alike(instance, &redo)
        } else {
            perform::again(instance, &redo)
        };
        let message = crash?.message;
        Some((message, self.now(id, &redo)))
    }

    /// What the record would say now: the call once more, by instances that were just brought here, with the
    /// recorded answers as long as it asks for the same.
    fn now(&mut self, id: AgentId, redo: &Redo) -> Option<Entry> {
        let known = self.did.differences.iter().any(|known| known.agent == id);
        if known || self.forgets(id) {
            return None;
        }
        let calls = self.did.calls;
        let now = self.replay.recital.once(|| self.bring(id).ok(), redo);
        self.did.calls = calls;
        now
    }

    fn snapshot(&mut self, entry: &Arc<Entry>, body: &Snapshot) -> Option<String> {
        let Some(instance) = self.live.get_mut(&body.agent) else {
            return Some(String::from("the agent has no instance at this point"));
        };
        self.did.calls += 1;
        let taken = perform::snapshot(instance)?;
        let exact = !self.inexact.contains(&body.agent);
        match taken.state {
            Err(crash) => Some(crash.message),
            Ok(_) if self.replay.span.changed.is_some() => None,
            Ok((_, bytes)) if Some(&bytes) != entry.payloads.last() => {
                Some(String::from("the snapshot has other bytes"))
            }
            Ok(_) if exact && taken.trace.fuel != body.fuel => Some(format!(
                "the snapshot took {} fuel, the record says {}",
                taken.trace.fuel, body.fuel
            )),
            Ok(_) => None,
        }
    }
}
