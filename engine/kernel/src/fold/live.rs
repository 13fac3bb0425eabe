//! What somebody did to a run that goes on.

use super::{agent, touch_all};
use crate::ids::Ref;
use crate::record::{Entry, Received};
use crate::state::{Queued, State};

/// What waited while the run stood still is looked at again: also timers and retries whose time has passed.
pub(super) fn continued(state: &mut State) {
    state.kept.paused = false;
    touch_all(state);
    state.stirred = state.plan.supervisors.iter().map(|supervisor| supervisor.id).collect();
}

/// A message from outside stands behind all that waits for its agent: nothing there is as young.
pub(super) fn received(state: &mut State, entry: &Entry, body: &Received) {
    let queue = state.routes.outside(body.agent, body.port);
    let (Some(queue), Some(value)) = (queue, entry.payloads.last()) else { return };
    let message = Queued { id: Ref::record(entry.seq), body: value.clone(), round: 0 };
    if let Some(queue) = agent(state, body.agent).queues.get_mut(queue) {
        queue.items.push_back(message);
    }
    state.touched.push(body.agent);
}
