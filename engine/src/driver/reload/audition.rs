//! Trying out successors before a run goes over to them.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use theater_flow_kernel::ids::{AgentId, Bytes};
use theater_flow_kernel::record::{Carry, Origin};
use theater_flow_kernel::state::{Life, State};
use theater_flow_kernel::work::{Begin, Sinks};

use super::{Refused, Reloading};
use crate::driver::{Clock, Driver, Errands, Outputs, Scribe, Workers};

/// Successors that are tried out at a time: each takes the place of an instance meanwhile.
const AT_ONCE: usize = 4;

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
    /// True once nobody waits for it: what it is at ends at once.
    pub given_up: Arc<AtomicBool>,
}

/// What became of it.
pub struct Auditioned {
    /// Who.
    pub agent: AgentId,
    /// See [`Audition::nth`].
    pub nth: u64,
    /// Whether it can begin.
    pub tried: Tried,
}

/// Whether a successor can begin with the state that there is.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Tried {
    /// It can. If it made a state of its own of the one that there was, this is it.
    Fits(Option<Bytes>),
    /// It cannot: it says no, traps, or takes more than it may. So it would another time.
    Unfit(String),
    /// Nobody knows: there was no room for it, its call was interrupted or took too long, or the engine failed. That says
    /// nothing of the state.
    Unknown(String),
}

/// A successor that is tried out. Whatever it does is given up once nobody waits for it.
pub(super) struct Trial {
    nth: u64,
    /// The snapshot that it begins with.
    saved: Option<u64>,
    stand: Stand,
    given_up: Arc<AtomicBool>,
}

/// Where a trial stands.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Stand {
    /// Others are tried out first.
    Waits,
    UnderWay,
    Passed,
}

impl Trial {
    fn new(nth: u64, saved: Option<u64>) -> Self {
        Self { nth, saved, stand: Stand::Waits, given_up: Arc::default() }
    }
}

impl Drop for Trial {
    fn drop(&mut self) {
        self.given_up.store(true, Ordering::Relaxed);
    }
}

impl<S: Scribe, W: Workers, O: Outputs, C: Clock, E: Errands> Driver<S, W, O, C, E> {
    /// All are at rest: successors are tried out, and if all can begin, the run goes over.
    pub(super) fn try_out(&mut self, mut reloading: Box<Reloading>, now: u64) {
        // An agent that rests may be stopped and started again all the same, and then go on from elsewhere.
        let is_past = |(id, trial): (&AgentId, &Trial)| snapshot(&self.state, *id) != trial.saved;
        if reloading.tried.as_ref().is_none_or(|tried| tried.iter().any(is_past)) {
            self.try_all_out(&mut reloading);
        }
        self.try_some_out(&mut reloading);
        let passed = |trial: &Trial| trial.stand == Stand::Passed;
        if reloading.tried.as_ref().is_some_and(|tried| tried.values().all(passed)) {
            return self.go_over(*reloading, now);
        }
        self.reloading = Some(reloading);
    }

    /// Begins with all anew.
    fn try_all_out(&mut self, reloading: &mut Reloading) {
        for moved in &mut reloading.switch.moves {
            (moved.how, moved.state) = (Carry::As, None);
        }
        let moved = reloading.course.moved.iter().copied();
        let live = moved.filter(|id| !self.state.agent(*id).life.is_over());
        // A run must not go over to a plan of which somebody cannot even begin.
        let known = |id: &AgentId| id.index() < self.state.kept.agents.len();
        let new = reloading.plan.present().map(|agent| agent.id).filter(|id| !known(id));
        let all: Vec<AgentId> = live.chain(new).collect();
        reloading.tried = Some(all.into_iter().map(|id| (id, self.trial(id))).collect());
    }

    fn trial(&mut self, id: AgentId) -> Trial {
        self.auditions += 1;
        Trial::new(self.auditions, snapshot(&self.state, id))
    }

    /// Hands out what may be under way at a time.
    fn try_some_out(&mut self, reloading: &mut Reloading) {
        let Some(mut tried) = reloading.tried.take() else { return };
        let under_way = tried.values().filter(|trial| trial.stand == Stand::UnderWay).count();
        let waiting = tried.iter_mut().filter(|(_, trial)| trial.stand == Stand::Waits);
        for (id, trial) in waiting.take(AT_ONCE.saturating_sub(under_way)) {
            trial.stand = Stand::UnderWay;
            self.workers.audition(audition(&self.state, reloading, (*id, trial)));
        }
        reloading.tried = Some(tried);
    }

    /// A successor was tried out.
    pub(in crate::driver) fn auditioned(&mut self, auditioned: Auditioned) {
        let Auditioned { agent, nth, tried } = auditioned;
        let Some(mut reloading) = self.reloading.take() else { return };
        let trial = reloading.tried.as_mut().and_then(|tried| tried.get_mut(&agent));
        let moved = reloading.switch.moves.iter_mut().find(|moved| moved.agent == agent);
        let Some(trial) = trial.filter(|trial| trial.nth == nth) else {
            // Of another reload, which came to nothing.
            self.reloading = Some(reloading);
            return;
        };
        // Who is new has no state to begin with.
        let fresh = moved.as_ref().is_none_or(|moved| moved.how == Carry::Fresh);
        let name = reloading.plan.agent(agent).map_or_else(String::new, |one| one.name.clone());
        match tried {
            Tried::Fits(state) => {
                trial.stand = Stand::Passed;
                if let Some(moved) = moved.filter(|_| state.is_some()) {
                    (moved.how, moved.state) = (Carry::Migrated, state);
                }
            }
            Tried::Unfit(_) if reloading.choices.fresh && !fresh => {
                if let Some(moved) = moved {
                    moved.how = Carry::Fresh;
                }
                *trial = self.trial(agent);
            }
            Tried::Unfit(why) => {
                return self.refuse(*reloading, Refused::State { agent: name, fresh, why });
            }
            Tried::Unknown(why) => {
                return self.refuse(*reloading, Refused::Untried { agent: name, why });
            }
        }
        self.reloading = Some(reloading);
    }
}

/// The snapshot that an agent goes on from.
fn snapshot(state: &State, id: AgentId) -> Option<u64> {
    state.kept.agents.get(id.index())?.saved.as_ref().map(|saved| saved.seq)
}

/// How a successor is tried out: with what the snapshot holds, or with nothing.
fn audition(state: &State, reloading: &Reloading, (id, trial): (AgentId, &Trial)) -> Audition {
    let agent = state.kept.agents.get(id.index());
    let moved = reloading.switch.moves.iter().find(|moved| moved.agent == id);
    let fresh = moved.is_some_and(|moved| moved.how == Carry::Fresh);
    let saved = agent.and_then(|agent| agent.saved.as_ref()).filter(|_| !fresh);
    let started = !fresh && agent.is_some_and(|agent| agent.started && agent.life != Life::Off);
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
    let begin = Begin { plan, origin, saved, redo, sinks };
    let (nth, given_up) = (trial.nth, Arc::clone(&trial.given_up));
    Audition { agent: id, nth, begin, from, given_up }
}
