//! Reading a log for a replay: which agent is to make which call, with all that it needs.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use theater_flow_kernel::decide::follows;
use theater_flow_kernel::desk;
use theater_flow_kernel::fold::fold;
use theater_flow_kernel::ids::{AgentId, Bytes};
use theater_flow_kernel::plan::{Agent, Child, Plan};
use theater_flow_kernel::record::{Body, Carry, Consumed, CrashKind, Crashed, Entry, Reloaded};
use theater_flow_kernel::state::{Life, State};
use theater_flow_kernel::work::{Begin, Event};

use super::Replay;
use crate::journal::{Journal, JournalError};
use crate::recover::{self, RecoverError};
use crate::store::Store;

/// Bytes that a call takes while it waits, besides its payloads, about.
const CALL_BYTES: usize = 512;

/// Something for one agent to do.
pub(super) struct Job {
    /// The record that it is about.
    pub(super) seq: u64,
    /// What.
    pub(super) deed: Deed,
    /// How to come to life again for it, for an agent that keeps nothing in mind and goes on after it has
    /// differed.
    pub(super) anew: Option<Begin>,
    /// The calls of the replay up to this one, itself included, as one thread would count them.
    pub(super) nth: u64,
}

/// What there is to do.
pub(super) enum Deed {
    /// Come to where the span begins.
    Enter(Begin),
    /// The beginning of a life.
    Begin(Begin, Arc<Entry>),
    /// An event; `None` if the one that the record names does not wait there.
    Handle(Option<Event>, Arc<Entry>),
    /// A snapshot.
    Snapshot(Arc<Entry>),
    /// Another component makes the state that there was its own: how that begins, the digest of the component before
    /// it, and what came of it.
    Migrate(Begin, String, Bytes),
    /// The end of a life, without a call.
    End,
    /// A supervisor decides about it, and not as the record says.
    Otherwise,
}

impl Deed {
    /// How many guest calls it takes.
    pub(super) fn calls(&self) -> u64 {
        match self {
            Self::Enter(begin) | Self::Begin(begin, _) => 1 + begin.redo.len() as u64,
            Self::Handle(Some(_), _) | Self::Snapshot(_) | Self::Migrate(..) => 1,
            Self::Handle(None, _) | Self::End | Self::Otherwise => 0,
        }
    }
}

impl Job {
    /// What it holds in memory, about. What the kernel's state holds as well counts nothing.
    pub(super) fn bytes(&self) -> usize {
        CALL_BYTES
            + match &self.deed {
                Deed::Enter(_) | Deed::End | Deed::Otherwise => 0,
                Deed::Begin(_, entry) | Deed::Snapshot(entry) => entry.payload_bytes(),
                Deed::Migrate(.., state) => state.len(),
                Deed::Handle(event, entry) => {
                    event.as_ref().map_or(0, Event::len) + entry.payload_bytes()
                }
            }
    }
}

/// The reader of one replay.
pub(super) struct Reading<'a, 'r, T> {
    replay: &'a Replay<'r, T>,
    state: State,
    /// By agent: its records are replayed from here on.
    entrances: BTreeMap<u64, Vec<AgentId>>,
    /// By agent.
    entered: Vec<bool>,
    /// The log's first record. What lives in a fork's state before it lived in its parent.
    born: u64,
    /// The first record that is read.
    pub(super) from: u64,
    calls: u64,
}

impl<'a, 'r, T> Reading<'a, 'r, T> {
    pub(super) fn new<S: Store>(
        replay: &'a Replay<'r, T>,
        journal: &Journal<S>,
        plan: &Arc<Plan>,
    ) -> Result<Self, RecoverError> {
        let born = journal.first();
        let from = replay.span.from.max(born);
        let mut state = recover::state(journal, from)?;
        let wanted = plan.agents.iter().map(|agent| agent.id).filter(|id| replay.wants(*id));
        let forgetful = wanted.clone().filter(|id| from > born && is_lost(&state, *id));
        let births = births(journal, from, forgetful.collect())?;
        let mut entrances: BTreeMap<u64, Vec<AgentId>> = BTreeMap::new();
        for id in wanted {
            let at = births.get(&id).copied().unwrap_or(from);
            entrances.entry(at).or_default().push(id);
        }
        let first = births.values().copied().min().unwrap_or(from);
        if first < from {
            state = recover::state(journal, first)?;
        }
        let entered = vec![false; plan.agents.len()];
        Ok(Self { replay, state, entrances, entered, born, from: first, calls: 0 })
    }

    /// What there is to do before the next record, whose seq this is, is looked at: for the agents that live when
    /// their part of the log begins.
    pub(super) fn enter(&mut self, seq: u64, jobs: &mut Vec<(AgentId, Job)>) {
        while let Some(entrance) = self.entrances.first_entry().filter(|next| *next.key() <= seq) {
            for id in entrance.remove() {
                self.entered[id.index()] = true;
                if lives(&self.state, id) && seq > self.born {
                    let deed = Deed::Enter(desk::begin(&self.state, id));
                    jobs.push((id, self.job(seq, deed, None)));
                }
            }
        }
    }

    /// What there is to do at this record, which is then taken into the state.
    pub(super) fn record(&mut self, entry: &Arc<Entry>, jobs: &mut Vec<(AgentId, Job)>) {
        let id = entry.body.agent().filter(|id| self.entered[id.index()]);
        if let Some((id, deed)) = id.and_then(|id| Some((id, self.deed(id, entry)?))) {
            let goes_on = self.replay.span.stateless.contains(&id);
            let anew = goes_on.then(|| desk::begin(&self.state, id));
            jobs.push((id, self.job(entry.seq, deed, anew)));
        }
        if let Body::Reloaded(body) = &entry.body {
            self.migrations(entry, body, jobs);
        }
        if !follows(&self.state, entry)
            && let Some(id) = self.decided_about(&entry.body)
        {
            jobs.push((id, self.job(entry.seq, Deed::Otherwise, None)));
        }
        fold(&mut self.state, entry);
        self.state.touched.clear();
    }

    /// The first agent that a supervisor's decision is about.
    fn decided_about(&self, body: &Body) -> Option<AgentId> {
        let (supervisor, agents) = match body {
            Body::Restarted(body) => (body.supervisor, &body.agents[..]),
            Body::Escalated(body) => (body.supervisor, &[][..]),
            Body::ShutDown(body) => (body.supervisor, &[][..]),
            _ => return None,
        };
        let below = self.state.agents_below(Child::Supervisor(supervisor));
        let entered = |id: &AgentId| self.entered.get(id.index()).is_some_and(|entered| *entered);
        agents.iter().copied().chain(below).find(entered)
    }

    /// What agents of a new plan made of the state that they had.
    fn migrations(&mut self, entry: &Entry, body: &Reloaded, jobs: &mut Vec<(AgentId, Job)>) {
        let plan = entry.payloads.first().and_then(|bytes| postcard::from_bytes(bytes).ok());
        let Some(plan) = plan.map(Arc::<Plan>::new) else { return };
        for (moved, state) in body.carried(&entry.payloads) {
            let id = moved.agent;
            let entered = self.entered.get(id.index()).is_some_and(|entered| *entered);
            let before = self.state.plan.agent(id).map(|agent| agent.component.to_string());
            let known = state.zip(before).filter(|_| entered && moved.how == Carry::Migrated);
            if let Some((state, before)) = known {
                let begin = Begin { plan: Arc::clone(&plan), ..desk::begin(&self.state, id) };
                let deed = Deed::Migrate(begin, before, state.clone());
                jobs.push((id, self.job(entry.seq, deed, None)));
            }
        }
    }

    fn job(&mut self, seq: u64, deed: Deed, anew: Option<Begin>) -> Job {
        self.calls += deed.calls();
        Job { seq, deed, anew, nth: self.calls }
    }

    fn deed(&self, id: AgentId, entry: &Arc<Entry>) -> Option<Deed> {
        let agent = self.state.agent(id);
        let handle =
            |consumed: &Consumed| Deed::Handle(desk::event(agent, consumed), Arc::clone(entry));
        Some(match &entry.body {
            Body::Incarnation(_) => Deed::Begin(desk::begin(&self.state, id), Arc::clone(entry)),
            Body::Transaction(body) => handle(&body.consumed),
            Body::Faulted(body) => handle(&body.consumed),
            Body::Intent(body) => handle(&body.consumed),
            Body::Crashed(body) => match &body.consumed {
                Some(consumed) => handle(consumed),
                None => outside(agent.life, body, || desk::begin(&self.state, id), entry),
            },
            Body::Snapshot(_) => Deed::Snapshot(Arc::clone(entry)),
            Body::Ended(_) | Body::Stopped(_) => Deed::End,
            _ => return None,
        })
    }
}

/// A crash outside of an event. What the world or the kernel did is no call, and a divergence is what cannot be
/// made again.
fn outside(life: Life, body: &Crashed, begin: impl FnOnce() -> Begin, entry: &Arc<Entry>) -> Deed {
    let guest = matches!(
        body.crash.kind,
        CrashKind::Trap | CrashKind::Fuel | CrashKind::Memory | CrashKind::Limit
    );
    match life {
        Life::Starting | Life::Lost if body.crash.kind == CrashKind::Init => {
            Deed::Begin(begin(), Arc::clone(entry))
        }
        Life::Up if guest => Deed::Snapshot(Arc::clone(entry)),
        _ => Deed::End,
    }
}

/// True for an agent that lives there. One of a later plan does not.
fn lives(state: &State, id: AgentId) -> bool {
    state.kept.agents.get(id.index()).is_some_and(|agent| agent.life == Life::Up)
}

/// True for an agent that lives there, and of which the state does not keep what it did in its life.
fn is_lost(state: &State, id: AgentId) -> bool {
    let forgets = |agent: &Agent| agent.is_fresh() && !agent.stateless;
    state.plan.agent(id).is_some_and(forgets) && lives(state, id)
}

/// Where the part of the log begins that brings these agents, who live at record `at`, to where they are: their
/// birth, or what follows a snapshot. Read from the end, as that is most often near.
fn births<S: Store>(
    journal: &Journal<S>,
    at: u64,
    mut agents: BTreeSet<AgentId>,
) -> Result<BTreeMap<AgentId, u64>, JournalError> {
    let mut births = BTreeMap::new();
    let mut next = at.checked_sub(1);
    while let Some(seq) = next.filter(|seq| *seq >= journal.first() && !agents.is_empty()) {
        let records = journal.around(seq)?;
        for record in records.iter().rev().filter(|record| record.seq <= seq) {
            let (id, from) = match &record.body {
                Body::Incarnation(body) => (body.agent, record.seq),
                Body::Snapshot(body) => (body.agent, record.seq + 1),
                _ => continue,
            };
            if agents.remove(&id) {
                births.insert(id, from);
            }
        }
        next = records.first().and_then(|first| first.seq.checked_sub(1));
    }
    Ok(births)
}
