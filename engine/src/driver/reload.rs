//! Going over to another plan while the run goes on: whoever changes comes to rest, its successor is tried out with its
//! state, and one record switches all. Until that is written nothing has happened; if it cannot be, all go on as before.

mod audition;
mod outcome;
mod rest;
mod times;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::mpsc::SyncSender;

use theater_flow_kernel::ids::AgentId;
use theater_flow_kernel::input::{Input, Moved, Offer, Proposal, Switch};
use theater_flow_kernel::plan::{OnStateMismatch, OnTypeMismatch, Plan};
use theater_flow_kernel::record::{self, Body, Carry, Person};
use theater_flow_kernel::reload::{Changes, Course, Misfits, adopt, diff};
use theater_flow_kernel::state::{Life, Phase};

pub use audition::{Audition, Auditioned, Tried};
pub use outcome::{Outcome, Refused};

use audition::Trial;
use rest::name;
use times::Times;

use super::{Clock, Driver, Errands, Outputs, Scribe, Workers};

/// Somebody wants a run to go over to another plan.
pub struct Reload {
    /// The plan as it was compiled. Its components are at hand.
    pub plan: Plan,
    /// What is to be done with what does not fit.
    pub choices: Choices,
    /// The proposal that was approved with it.
    pub proposal: Option<u64>,
    /// Who asks for it or approved it, if it is somebody.
    pub by: Option<Person>,
    /// Told once that is durable. Dropped if this process can record nothing more.
    pub reply: SyncSender<Result<Outcome, Refused>>,
}

/// Somebody refuses a plan that waits for approval, or has found out that there is none to go over to.
pub struct Refusal {
    /// As it is recorded.
    pub refused: record::Refused,
    /// Told true once that is durable, false if that plan does not wait. Dropped if this process can record nothing
    /// more.
    pub reply: SyncSender<bool>,
}

/// What is to be done with what does not fit the new plan.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Choices {
    /// A state that a successor cannot begin with is left behind; else nothing is done.
    pub fresh: bool,
    /// Messages that are no values of their inputs' types become dead letters; else nothing is done.
    pub misfits: Misfits,
}

impl Choices {
    /// What the plan's file says.
    #[must_use]
    pub const fn of(plan: &Plan) -> Self {
        let rules = &plan.reload;
        let fresh = matches!(rules.on_state_mismatch, OnStateMismatch::Fresh);
        let misfits = match rules.on_type_mismatch {
            OnTypeMismatch::Reject => Misfits::Refuse,
            OnTypeMismatch::DeadLetter => Misfits::SetAside,
        };
        Self { fresh, misfits }
    }
}

/// A reload that is under way.
pub(super) struct Reloading {
    course: Course,
    plan: Arc<Plan>,
    switch: Switch,
    choices: Choices,
    reply: SyncSender<Result<Outcome, Refused>>,
    /// Since when somebody is kept from working, in ms.
    since: u64,
    times: Times,
    /// Who is tried out; `None` before all have come to rest.
    tried: Option<BTreeMap<AgentId, Trial>>,
}

impl<S: Scribe, W: Workers, O: Outputs, C: Clock, E: Errands> Driver<S, W, O, C, E> {
    /// Somebody wants the run to go over to another plan.
    pub(super) fn reload(&mut self, reload: Reload) {
        let refused = match reload.proposal {
            _ if self.reloading.is_some() => Some(Refused::Busy),
            _ if self.state.kept.phase != Phase::Running => Some(Refused::Ending),
            Some(id) if self.state.proposal() != Some(id) => Some(Refused::NoProposal),
            _ => None,
        };
        if let Some(refused) = refused {
            // Whoever asked may have given up waiting; so everywhere here.
            return drop(reload.reply.send(Err(refused)));
        }
        let plan = adopt(&self.state.plan, reload.plan.clone());
        let changes = diff(&self.state.plan, &plan);
        if changes.is_empty() {
            self.withdraw(reload);
        } else if changes.widenings.is_empty() || reload.proposal.is_some() {
            self.set_out(reload, plan, &changes);
        } else {
            self.propose(reload, &plan, &changes);
        }
    }

    /// The run has the plan already. What waits for approval is asked for no more.
    fn withdraw(&mut self, reload: Reload) {
        let seq = self.state.kept.next_seq;
        if let Some(proposal) = self.state.proposal() {
            let why = String::from("it is asked for no more");
            let (source, proposal, by) = (Some(reload.plan.source), Some(proposal), reload.by);
            let refused = record::Refused { source, proposal, why, by };
            self.input(Input::Refuse(Box::new(refused)));
        }
        let same = Outcome::Same { revision: self.state.kept.revision };
        self.tell_later(seq, (reload.reply, Ok(same)));
    }

    /// What gives somebody more than they have waits for somebody to approve it.
    fn propose(&mut self, reload: Reload, plan: &Plan, changes: &Changes) {
        let offer = Offer::new(&self.state.plan, plan, changes);
        let widens: Vec<String> = changes.widenings.iter().map(ToString::to_string).collect();
        let (revision, counts) = (self.state.kept.revision + 1, offer.counts);
        let seq = self.state.kept.next_seq;
        // What waits already is not asked for again.
        if self.state.kept.proposed.is_none_or(|awaited| awaited.plan != offer.to) {
            let (widens, by) = (widens.clone(), reload.by);
            self.input(Input::Propose(Box::new(Proposal { offer, widens, by })));
        }
        let proposal = self.state.proposal().ok_or(Refused::Ending);
        let told =
            proposal.map(|proposal| Outcome::Proposed { proposal, revision, counts, widens });
        self.tell_later(seq, (reload.reply, told));
    }

    /// Begins to go over to another plan.
    fn set_out(&mut self, reload: Reload, plan: Plan, changes: &Changes) {
        let Reload { choices, proposal, by, reply, .. } = reload;
        let course = Course::of(&self.state.plan, changes);
        self.desk.let_leave(course.gone.iter().copied());
        let since = self.clock.now_ms();
        let mut times = Times::new(since);
        for agent in course.gone.iter().filter_map(|id| self.state.plan.agent(*id)) {
            times.give(agent, since);
        }
        let moves = course.moved.iter();
        let moves = moves.map(|agent| Moved { agent: *agent, how: Carry::As, state: None });
        let (moves, misfits, leave) = (moves.collect(), choices.misfits, BTreeSet::new());
        let offer = Offer::new(&self.state.plan, &plan, changes);
        let switch = Switch { offer, moves, misfits, leave, proposal, by };
        let (plan, tried) = (Arc::new(plan), None);
        let reloading = Reloading { course, plan, switch, choices, reply, since, times, tried };
        match self.lacks_room(&reloading) {
            // Nobody is held up for that.
            Some(refused) => self.refuse(reloading, refused),
            None => self.reloading = Some(Box::new(reloading)),
        }
    }

    /// There must be room for the instances of all agents that are new: once the run has gone over, nobody could be told
    /// that one of them does not begin for want of it. Others go on in the places of their predecessors.
    fn lacks_room(&self, reloading: &Reloading) -> Option<Refused> {
        let new = |id: &AgentId| self.state.plan.agent(*id).is_none();
        let added = reloading.plan.present().map(|agent| agent.id).filter(new).count();
        let lives = |id: &&AgentId| self.state.agent(**id).life == Life::Up;
        let freed = reloading.course.gone.iter().filter(lives).count();
        let room = self.workers.room().saturating_add(freed);
        (added > room).then_some(Refused::NoRoom { added, room })
    }

    /// Writes it down.
    fn go_over(&mut self, reloading: Reloading, now: u64) {
        if let Some(refused) = self.lacks_room(&reloading) {
            return self.refuse(reloading, refused);
        }
        let Reloading { plan, switch, reply, since, .. } = reloading;
        let seq = self.state.kept.next_seq;
        let (counts, first) = (switch.offer.counts, self.unsent.entries.len());
        // What follows from the record may be about agents that it brings.
        self.desk.fit(&plan);
        self.input(Input::Reload(Box::new(switch)));
        self.desk.wake();
        let (set_aside, again) = match self.unsent.entries.get(first).map(|entry| &entry.body) {
            Some(Body::Reloaded(body)) => (body.set_aside, &body.again[..]),
            _ => (0, &[][..]),
        };
        let again = again.iter().map(|id| name(&self.state, *id)).collect();
        let (revision, paused_ms) = (self.state.kept.revision, now.saturating_sub(since));
        let done = Outcome::Reloaded { revision, counts, set_aside, again, paused_ms };
        self.tell_later(seq, (reply, Ok(done)));
    }

    /// The run goes on as it did. A proposal goes on waiting.
    fn refuse(&mut self, reloading: Reloading, refused: Refused) {
        self.desk.wake();
        let Reloading { switch: Switch { offer, by, .. }, reply, .. } = reloading;
        let seq = self.state.kept.next_seq;
        let (source, why) = (Some(offer.source), refused.to_string());
        let refusal = record::Refused { source, proposal: None, why, by };
        self.input(Input::Refuse(Box::new(refusal)));
        self.tell_later(seq, (reply, Err(refused)));
    }

    /// The process lets the run go: a reload that is under way comes to nothing.
    pub(super) fn refuse_if_under_way(&mut self) {
        if let Some(reloading) = self.reloading.take() {
            self.refuse(*reloading, Refused::Ending);
        }
    }

    /// There is no plan to go over to, or somebody refuses the one that waits: all who look later are to see it.
    pub(super) fn refused(&mut self, Refusal { refused, reply }: Refusal) {
        let seq = self.state.kept.next_seq;
        self.input(Input::Refuse(Box::new(refused)));
        let recorded = self.state.kept.next_seq > seq;
        self.tell_later(seq, (reply, recorded));
    }
}
