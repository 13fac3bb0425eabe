//! Trying out successors before a run goes over to them.

use std::collections::BTreeMap;
use std::sync::Arc;

use theater_flow_kernel::ids::{AgentId, Bytes};
use theater_flow_kernel::record::{Carry, Origin};
use theater_flow_kernel::state::{Life, State};
use theater_flow_kernel::work::{Begin, Sinks};

use super::{Refused, Reloading, name};
use crate::driver::{Clock, Driver, Errands, Outputs, Scribe, Workers};

/// A successor is to be tried out: a life that begins with this state and ends at once.
pub struct Audition {
    /// Who.
    pub agent: AgentId,
    /// Its number: what becomes of it may be told when nobody waits for it any more.
    pub nth: u64,
    /// How its life begins.
    pub begin: Begin,
    /// If the state is of another component: the digest of that, in hex. A successor that can makes it its own first.
    pub from: Option<String>,
}

/// What became of it.
pub struct Auditioned {
    /// Who.
    pub agent: AgentId,
    /// See [`Audition::nth`].
    pub nth: u64,
    /// The state that it began with, if it made one of the one that there was; or why it did not begin.
    pub result: Result<Option<Bytes>, String>,
}

/// A successor that is tried out.
pub(super) struct Trial {
    nth: u64,
    /// The snapshot that it begins with.
    saved: Option<u64>,
    /// It has begun.
    passed: bool,
}

impl<S: Scribe, W: Workers, O: Outputs, C: Clock, E: Errands> Driver<S, W, O, C, E> {
    /// All are at rest: successors are tried out, and if all can begin, the run goes over.
    pub(super) fn try_out(&mut self, mut reloading: Box<Reloading>, now: u64) {
        // An agent that rests may be stopped and started again all the same, and then go on from elsewhere.
        let is_past = |(id, trial): (&AgentId, &Trial)| snapshot(&self.state, *id) != trial.saved;
        if reloading.tried.as_ref().is_none_or(|tried| tried.iter().any(is_past)) {
            self.try_all_out(&mut reloading);
        }
        let passed = |tried: &BTreeMap<AgentId, Trial>| tried.values().all(|trial| trial.passed);
        if reloading.tried.as_ref().is_some_and(passed) {
            return self.go_over(*reloading, now);
        }
        self.reloading = Some(reloading);
    }

    fn try_all_out(&mut self, reloading: &mut Reloading) {
        for moved in &mut reloading.switch.moves {
            (moved.how, moved.state) = (Carry::As, None);
        }
        reloading.tried = Some(BTreeMap::new());
        let moved = reloading.course.moved.iter().copied();
        let live: Vec<AgentId> = moved.filter(|id| !self.state.agent(*id).life.is_over()).collect();
        for id in live {
            self.try_one_out(reloading, id);
        }
    }

    fn try_one_out(&mut self, reloading: &mut Reloading, id: AgentId) {
        self.auditions += 1;
        let trial = Trial { nth: self.auditions, saved: snapshot(&self.state, id), passed: false };
        self.workers.audition(audition(&self.state, reloading, (id, trial.nth)));
        reloading.tried.get_or_insert_default().insert(id, trial);
    }

    /// A successor was tried out.
    pub(in crate::driver) fn auditioned(&mut self, auditioned: Auditioned) {
        let Auditioned { agent, nth, result } = auditioned;
        let Some(mut reloading) = self.reloading.take() else { return };
        let trial = reloading.tried.as_mut().and_then(|tried| tried.get_mut(&agent));
        let moved = reloading.switch.moves.iter_mut().find(|moved| moved.agent == agent);
        match (result, trial.filter(|trial| trial.nth == nth).zip(moved)) {
            // Of another reload, which came to nothing.
            (_, None) => {}
            (Ok(state), Some((trial, moved))) => {
                trial.passed = true;
                if state.is_some() {
                    (moved.how, moved.state) = (Carry::Migrated, state);
                }
            }
            (Err(_), Some((_, moved))) if reloading.choices.fresh && moved.how == Carry::As => {
                moved.how = Carry::Fresh;
                self.try_one_out(&mut reloading, agent);
            }
            (Err(why), Some(_)) => {
                let agent = name(&self.state, agent);
                return self.refuse(*reloading, Refused::State { agent, why });
            }
        }
        self.reloading = Some(reloading);
    }
}

/// The snapshot that an agent goes on from.
fn snapshot(state: &State, id: AgentId) -> Option<u64> {
    state.agent(id).saved.as_ref().map(|saved| saved.seq)
}

/// How a successor is tried out: with what the snapshot holds, or with nothing.
fn audition(state: &State, reloading: &Reloading, (id, nth): (AgentId, u64)) -> Audition {
    let agent = state.agent(id);
    let moved = reloading.switch.moves.iter().find(|moved| moved.agent == id);
    let fresh = moved.is_some_and(|moved| moved.how == Carry::Fresh);
    let saved = agent.saved.as_ref().filter(|_| !fresh);
    let started = agent.started && !fresh && agent.life != Life::Off;
    let origin = match saved {
        Some(saved) => Origin::Checkpoint { snapshot: Some(saved.seq), redone: 0 },
        None if started => Origin::Checkpoint { snapshot: None, redone: 0 },
        None => Origin::Fresh,
    };
    let component = |agent: &theater_flow_kernel::plan::Agent| agent.component;
    let before = state.plan.agent(id).map(component);
    let other = before != reloading.plan.agent(id).map(component);
    let from = before.filter(|_| other).map(|component| component.to_string());
    let saved = saved.map(|saved| saved.state.clone());
    // What it writes is not its successor's to try out.
    let (plan, redo, sinks) = (Arc::clone(&reloading.plan), vec![], Sinks::default());
    Audition { agent: id, nth, begin: Begin { plan, origin, saved, redo, sinks }, from }
}
