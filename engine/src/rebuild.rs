//! An agent's state at any point of a run: from a snapshot in the record if one stands exactly there, else
//! by running the agent again from the last one, with the recorded answers and without the world.

use std::sync::Arc;

use theater_flow_kernel::desk;
use theater_flow_kernel::fold::fold;
use theater_flow_kernel::ids::{AgentId, Bytes};
use theater_flow_kernel::perform;
use theater_flow_kernel::plan::{Agent, Plan};
use theater_flow_kernel::record::{Body, Origin};
use theater_flow_kernel::state::{Life, State};
use theater_flow_kernel::work::{Begin, Redo};

use crate::journal::{Journal, JournalError};
use crate::recover::{self, RecoverError};
use crate::store::Store;
use crate::workers::Crew;

/// From what an agent's state can be made again.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Ground {
    /// How a life begins that comes to it.
    pub begin: Begin,
    /// The plan that the run had there.
    pub plan: Arc<Plan>,
    /// The record of the agent's end, if it had ended: the state is the one that it ended with.
    pub ended: Option<u64>,
}

/// Why an agent has no state there.
#[derive(Debug, thiserror::Error)]
pub enum NoState {
    /// The log adds up to nothing.
    #[error(transparent)]
    Recover(#[from] RecoverError),
    /// It comes later.
    #[error("`{agent}` has not begun at record {at}")]
    NotBegun {
        /// Who.
        agent: String,
        /// Where.
        at: u64,
    },
    /// Its life had ended, and the next begins from nothing.
    #[error(
        "`{agent}` has no state at record {at}: its life had ended, and with `restore = \"fresh\"` nothing is kept"
    )]
    Lost {
        /// Who.
        agent: String,
        /// Where.
        at: u64,
    },
    /// Its end, and with it its last state, stands in the run that this one was forked from.
    #[error(
        "`{agent}` had ended when this run was forked, and its state stands in the run that it was forked from"
    )]
    Elsewhere {
        /// Who.
        agent: String,
    },
    /// What it did cannot be done again.
    #[error("`{agent}` does not come to the same state again: {why}")]
    Differs {
        /// Who.
        agent: String,
        /// How.
        why: String,
    },
}

impl From<JournalError> for NoState {
    fn from(error: JournalError) -> Self {
        Self::Recover(error.into())
    }
}

/// From what the state of an agent after record `at` can be made. The record must be there. `plan` is the run's last one.
///
/// # Errors
/// If the log cannot be read, or the agent has no state there.
pub fn ground<S: Store>(
    journal: &Journal<S>,
    plan: &Arc<Plan>,
    (id, at): (AgentId, u64),
) -> Result<Ground, NoState> {
    let name = || plan.agent(id).map_or_else(String::new, |agent| agent.name.clone());
    let mut state = recover::state(journal, at + 1)?;
    let mut ended = None;
    if state.kept.agents.get(id.index()).is_some_and(|agent| agent.life.is_over()) {
        let is_end = |body: &Body| matches!(body, Body::Ended(body) if body.agent == id);
        ended = match last(journal, at, is_end) {
            Err(JournalError::Before { .. }) => return Err(NoState::Elsewhere { agent: name() }),
            found => found?,
        };
        let before = ended.unwrap_or(at + 1);
        state = recover::state(journal, before)?;
    }
    let agent = state.kept.agents.get(id.index()).filter(|agent| agent.incarnations > 0);
    let agent = agent.ok_or_else(|| NoState::NotBegun { agent: name(), at })?;
    let plan = Arc::clone(&state.plan);
    if !plan.agent(id).is_some_and(Agent::is_fresh) {
        return Ok(Ground { begin: desk::begin(&state, id), plan, ended });
    }
    if agent.life != Life::Up {
        return Err(NoState::Lost { agent: name(), at });
    }
    Ok(Ground { begin: since_birth(journal, id, &state)?, plan, ended })
}

/// The last record up to `at` of which `wanted` holds. Read from the end: what is looked for is near it.
fn last<S: Store>(
    journal: &Journal<S>,
    at: u64,
    wanted: impl Fn(&Body) -> bool,
) -> Result<Option<u64>, JournalError> {
    let mut seq = at;
    loop {
        let records = journal.around(seq)?;
        let found = records.iter().rev().find(|record| record.seq <= at && wanted(&record.body));
        if let Some(found) = found {
            return Ok(Some(found.seq));
        }
        match records.first().and_then(|first| first.seq.checked_sub(1)) {
            Some(before) => seq = before,
            None => return Ok(None),
        }
    }
}

/// How a life begins that does all that the agent did in this one, whose calls nobody keeps.
fn since_birth<S: Store>(journal: &Journal<S>, id: AgentId, end: &State) -> Result<Begin, NoState> {
    let upto = end.kept.next_seq;
    let born = last(
        journal,
        upto.saturating_sub(1),
        |body| matches!(body, Body::Incarnation(body) if body.agent == id),
    )?;
    let born = born.unwrap_or(0) + 1;
    let mut state = recover::state(journal, born)?;
    let mut begin = Begin {
        plan: Arc::clone(&state.plan),
        origin: Origin::Fresh,
        // With what it was carried over, if that was so.
        saved: state.agent(id).saved.as_ref().map(|saved| saved.state.clone()),
        redo: vec![],
        sinks: state.agent(id).sinks.clone(),
    };
    for entry in recover::entries(journal, born)? {
        let entry = Arc::new(entry?);
        if entry.seq >= upto {
            break;
        }
        let consumed = match &entry.body {
            Body::Transaction(body) if body.by.agent == id => Some(&body.consumed),
            Body::Faulted(body) if body.by.agent == id => Some(&body.consumed),
            _ => None,
        };
        if let Some(event) = consumed.and_then(|event| desk::event(state.agent(id), event)) {
            begin.redo.push(Redo { event, entry: Arc::clone(&entry) });
        }
        fold(&mut state, &entry);
        state.touched.clear();
        if matches!(&entry.body, Body::Snapshot(body) if body.agent == id) {
            begin.saved = entry.payloads.last().cloned();
            begin.redo.clear();
            begin.sinks = state.agent(id).sinks.clone();
        }
    }
    Ok(begin)
}

/// The state as the agent's own snapshot. `crew` makes instances in [`NoWorld`](crate::replay::NoWorld).
///
/// # Errors
/// If the component does otherwise than it did.
pub fn state(crew: &Crew, plan: &Plan, id: AgentId, begin: &Begin) -> Result<Bytes, NoState> {
    let differs = |why: String| {
        let agent = plan.agent(id).map_or_else(String::new, |agent| agent.name.clone());
        NoState::Differs { agent, why }
    };
    let (instance, life) = crew.begin(id, begin);
    if let Some(crash) = life.and_then(|life| life.crash) {
        return Err(differs(crash.message));
    }
    let taken = instance.and_then(|mut instance| perform::snapshot(&mut instance));
    let taken = taken.ok_or_else(|| differs(String::from("the call was interrupted")))?;
    match taken.state {
        Ok((_, bytes)) => Ok(bytes),
        Err(crash) => Err(differs(crash.message)),
    }
}
