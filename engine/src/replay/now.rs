//! What the records of calls that differ would say now.

use std::sync::Arc;

use theater_flow_kernel::desk;
use theater_flow_kernel::fold::fold;
use theater_flow_kernel::ids::AgentId;
use theater_flow_kernel::plan::Agent;
use theater_flow_kernel::record::{Body, Consumed, Entry};
use theater_flow_kernel::state::State;
use theater_flow_kernel::work::Redo;

use super::lane::bring;
use super::{Difference, Replay};
use crate::journal::Journal;
use crate::recover::{self, RecoverError};
use crate::store::Store;
use crate::workers::Troupe;

/// Makes each call that first differed once more, by instances that are brought there, with the recorded answers
/// as long as it asks for the same; and notes what its record would be. The differences stand in the order of
/// the log.
pub(super) fn tell<S: Store, T: Troupe>(
    replay: &Replay<'_, T>,
    journal: &Journal<S>,
    differences: &mut [Difference],
) -> Result<(), RecoverError> {
    let mut wanted = differences.iter_mut().peekable();
    let Some(first) = wanted.peek().map(|first| first.seq) else { return Ok(()) };
    let mut state = recover::state(journal, first)?;
    for entry in recover::entries(journal, first)? {
        let entry = Arc::new(entry?);
        while let Some(difference) = wanted.next_if(|wanted| wanted.seq == entry.seq) {
            difference.now = now(replay, &state, difference.agent, &entry);
        }
        if wanted.peek().is_none() {
            break;
        }
        fold(&mut state, &entry);
        state.touched.clear();
    }
    Ok(())
}

/// `None` if it is not a call at an event, or nobody keeps what brought the agent there.
fn now<T: Troupe>(
    replay: &Replay<'_, T>,
    state: &State,
    id: AgentId,
    entry: &Arc<Entry>,
) -> Option<Entry> {
    let plan = state.plan.agent(id)?;
    if entry.body.agent() != Some(id) || forgets(plan) {
        return None;
    }
    let agent = state.agent(id);
    let event = desk::event(agent, consumed(&entry.body)?)?;
    let redo = Redo { event, entry: Arc::clone(entry) };
    let begin = desk::begin(state, id);
    replay.recital.once(|| bring(id, &begin, replay).ok(), &redo)
}

fn forgets(agent: &Agent) -> bool {
    agent.is_fresh() && !agent.stateless
}

const fn consumed(body: &Body) -> Option<&Consumed> {
    match body {
        Body::Transaction(body) => Some(&body.consumed),
        Body::Faulted(body) => Some(&body.consumed),
        Body::Crashed(body) => body.consumed.as_ref(),
        Body::Intent(body) => Some(&body.consumed),
        _ => None,
    }
}
