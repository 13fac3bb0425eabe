//! What a fork changes of the state that it took over.

use crate::ids::RunId;
use crate::record::{Entry, Forked};
use crate::state::{Asking, Phase, Stage, Stand, Start, State, Stop};

/// A run goes on from here under its own name, once a process takes it up: no life goes on, what waits waits as
/// long as it would have, and what was asked is asked again. `passed` is how long ago the point was, in ms.
pub(super) fn forked(state: &mut State, entry: &Entry, body: &Forked, passed: u64) {
    state.kept.run = Some(body.genesis.run);
    later(state, passed);
    ask_again(state, body.lineage.parent);
    super::resume::resume(state, entry);
    state.kept.phase = Phase::Suspended;
    state.kept.forked = true;
    state.kept.paused = false;
    state.kept.since_checkpoint = 0;
    state.kept.checkpoint_len = body.lineage.state.len;
    for (given, answer) in body.lineage.given.iter().zip(&entry.payloads) {
        if let Some(asking) = &mut super::agent(state, given.agent).asking {
            asking.stand = Stand::Answered { outcome: entry.seq, answer: answer.clone() };
        }
    }
}

/// What was due after a while is due after the same while.
fn later(state: &mut State, passed: u64) {
    for agent in &mut state.kept.agents {
        agent.timers.values_mut().for_each(|timer| timer.due = timer.due.saturating_add(passed));
        if let Some(pending) = &mut agent.pending {
            pending.due = pending.due.saturating_add(passed);
        }
        agent.not_before = agent.not_before.saturating_add(passed);
        if let Some(due) = agent.halt.as_mut().and_then(|halt| halt.due.as_mut()) {
            *due = due.saturating_add(passed);
        }
    }
    for supervisor in &mut state.kept.supervisors {
        supervisor.recent.iter_mut().for_each(|at| *at = at.saturating_add(passed));
        if let Stage::Starting(Start { due, .. })
        | Stage::Restarting { start: Start { due, .. }, .. }
        | Stage::Stopping(Stop { due: Some(due), .. }) = &mut supervisor.stage
        {
            *due = due.saturating_add(passed);
        }
    }
    let deadlines = state.kept.deadlines.iter();
    state.kept.deadlines = deadlines.map(|(due, id)| (due.saturating_add(passed), *id)).collect();
}

/// An answer that the parent got after the point is none to this run. What was asked was asked by the parent, if it
/// was, or by the run that it was forked from.
fn ask_again(state: &mut State, parent: RunId) {
    for agent in &mut state.kept.agents {
        if let Some(asking) = &mut agent.asking {
            asking.elsewhere.get_or_insert(parent);
        }
        let open = agent.asking.take_if(|asking| asking.is_open());
        // Nobody waits for what an agent asked that is over: the parent's record says what became of it.
        if let Some(asking) = open.filter(|_| !agent.life.is_over()) {
            agent.asking = Some(Asking { stand: Stand::Forked, ..asking });
        }
    }
}
