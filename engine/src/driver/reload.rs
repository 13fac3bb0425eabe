//! Going over to another plan while the run goes on: whoever changes comes to rest, its successor is tried out with its
//! state, and one record switches all. Until that is written nothing has happened; if it cannot be, all go on as before.

mod audition;
mod outcome;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::mpsc::SyncSender;

use theater_flow_kernel::ids::AgentId;
use theater_flow_kernel::input::{Input, Moved, Offer, Proposal, Switch};
use theater_flow_kernel::limits;
use theater_flow_kernel::plan::{OnStateMismatch, OnTypeMismatch, Plan, Shutdown};
use theater_flow_kernel::record::{self, Carry, Person};
use theater_flow_kernel::reload::{
    Changes, Course, Misfits, Obstacle, adopt, diff, has_handled, obstacle,
};
use theater_flow_kernel::state::{Phase, State};

pub use audition::{Audition, Auditioned};
pub use outcome::{Outcome, Refused};

use audition::Trial;

use super::{Clock, Driver, Errands, Outputs, Scribe, Workers};

/// How long a supervisor may take to end what it is at, and who stays to be told of a close, in ms.
const SUPERVISING_MS: u64 = 10_000;

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
    /// When the time of each is up, unless it is.
    due: BTreeMap<AgentId, u64>,
    /// Whose time is up.
    late: BTreeSet<AgentId>,
    /// When that of supervisors and of who stays is up, unless it is.
    supervisors: Option<u64>,
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
        let widens: Vec<String> = changes.widenings.iter().map(outcome::words).collect();
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
        let due = |id: &AgentId| {
            let shutdown = self.state.plan.agent(*id).map(|agent| agent.shutdown);
            Some((*id, since.saturating_add(time_of(shutdown?))))
        };
        let due = course.moved.iter().chain(&course.gone).filter_map(due).collect();
        let moves = course.moved.iter();
        let moves = moves.map(|agent| Moved { agent: *agent, how: Carry::As, state: None });
        let (moves, misfits) = (moves.collect(), choices.misfits);
        let offer = Offer::new(&self.state.plan, &plan, changes);
        let switch = Switch { offer, moves, misfits, leave: false, proposal, by };
        let plan = Arc::new(plan);
        let (late, supervisors) = (BTreeSet::new(), Some(since.saturating_add(SUPERVISING_MS)));
        self.reloading = Some(Box::new(Reloading {
            course,
            plan,
            switch,
            choices,
            reply,
            since,
            due,
            late,
            supervisors,
            tried: None,
        }));
    }

    /// Goes on with a reload that is under way.
    pub(super) fn reload_further(&mut self, now: u64) {
        let Some(mut reloading) = self.reloading.take() else { return };
        reloading.look_at(now);
        let handled = |id| has_handled(&self.state, &self.desk, id);
        let rest: Vec<AgentId> = reloading.course.rest(handled).collect();
        for id in &rest {
            if self.desk.is_busy(*id) {
                self.workers.halt(*id);
            }
        }
        self.desk.rest(rest);
        let stands = obstacle(&self.state, &self.desk, &reloading.plan, &reloading.switch);
        match stands {
            None => return self.try_out(reloading, now),
            Some(Obstacle::Phase) => return self.refuse(*reloading, Refused::Ending),
            Some(Obstacle::Withdrawn) => return self.refuse(*reloading, Refused::NoProposal),
            Some(Obstacle::Misfit { agent, port, message }) => {
                let refused = misfit(&self.state, agent, port, message);
                return self.refuse(*reloading, refused);
            }
            Some(obstacle) => {
                let left = reloading.switch.leave;
                if let Some(refused) = self.late(&mut reloading, &obstacle) {
                    return self.refuse(*reloading, refused);
                }
                if reloading.switch.leave != left {
                    // It may be that nothing else stands in the way: nobody would come back to it.
                    self.reloading = Some(reloading);
                    return self.reload_further(now);
                }
            }
        }
        self.reloading = Some(reloading);
    }

    /// When somebody's time is up next, in ms since 1970.
    pub(super) fn reload_due(&self) -> Option<u64> {
        let reloading = self.reloading.as_ref()?;
        reloading.due.values().copied().chain(reloading.supervisors).min()
    }

    /// Says who has taken longer than it may. What one that goes has not handled by then becomes dead letters.
    fn late(&self, reloading: &mut Reloading, obstacle: &Obstacle) -> Option<Refused> {
        let late = |id: &AgentId| reloading.late.contains(id);
        // Somebody's decision may take for ever.
        let held = |id: &AgentId| self.state.held().any(|(agent, _)| agent == *id);
        match obstacle {
            Obstacle::Asking(id) | Obstacle::Closing(id) if held(id) => {
                Some(Refused::Undecided { agent: name(&self.state, *id) })
            }
            Obstacle::Asking(id) if late(id) => {
                Some(Refused::Late { agent: name(&self.state, *id), asks: true })
            }
            Obstacle::Busy(id) | Obstacle::Unsaved(id) if late(id) => {
                Some(Refused::Late { agent: name(&self.state, *id), asks: false })
            }
            Obstacle::Unread(id) | Obstacle::Unwritten(id) if late(id) => {
                reloading.switch.leave = true;
                None
            }
            Obstacle::Closing(id) if reloading.supervisors.is_none() => {
                let asks = self.state.agent(*id).asking.is_some();
                Some(Refused::Late { agent: name(&self.state, *id), asks })
            }
            Obstacle::Supervisor(id) if reloading.supervisors.is_none() => {
                let supervisor = self.state.plan.supervisors.get(id.index());
                let supervisor = supervisor.map_or_else(String::new, |one| one.name.clone());
                Some(Refused::Supervising { supervisor })
            }
            _ => None,
        }
    }

    /// Writes it down.
    fn go_over(&mut self, reloading: Reloading, now: u64) {
        let Reloading { switch, reply, since, .. } = reloading;
        let seq = self.state.kept.next_seq;
        let counts = switch.offer.counts;
        self.input(Input::Reload(Box::new(switch)));
        self.desk.fit(&self.state.plan);
        self.desk.wake();
        let revision = self.state.kept.revision;
        let done = Outcome::Reloaded { revision, counts, paused_ms: now.saturating_sub(since) };
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

    /// There is no plan to go over to, or somebody refuses the one that waits: all who look later are to see it.
    pub(super) fn refused(&mut self, Refusal { refused, reply }: Refusal) {
        let seq = self.state.kept.next_seq;
        self.input(Input::Refuse(Box::new(refused)));
        let recorded = self.state.kept.next_seq > seq;
        self.tell_later(seq, (reply, recorded));
    }
}

impl Reloading {
    /// Finds out whose time is up. That wakes nobody a second time.
    fn look_at(&mut self, now: u64) {
        let late = self.due.extract_if(.., |_, due| *due <= now).map(|(id, _)| id);
        self.late.extend(late);
        self.supervisors = self.supervisors.filter(|due| now < *due);
    }
}

/// How long an agent may take to come to rest, in ms.
const fn time_of(shutdown: Shutdown) -> u64 {
    match shutdown {
        // It is not killed here, and what it has in mind has to be saved: that takes some time.
        Shutdown::BrutalKill => limits::SHUTDOWN_MS,
        Shutdown::After(ms) => ms,
        // Who is at rest already must not be held up for ever by one that is not.
        Shutdown::Infinity => limits::RELOAD_MS,
    }
}

fn name(state: &State, id: AgentId) -> String {
    state.plan.agent(id).map_or_else(String::new, |agent| agent.name.clone())
}

fn misfit(
    state: &State,
    agent: AgentId,
    port: theater_flow_kernel::ids::PortId,
    message: theater_flow_kernel::ids::Ref,
) -> Refused {
    let known = state.plan.agent(agent);
    let input = known.and_then(|known| known.inputs.iter().find(|input| input.port == port));
    Refused::Misfit {
        agent: name(state, agent),
        port: input.map_or_else(String::new, |input| input.name.clone()),
        message: message.to_string(),
    }
}
