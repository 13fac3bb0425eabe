//! Who has to come to rest before a run goes over to another plan, and what is in the way.

use theater_flow_kernel::ids::{AgentId, PortId, Ref, SupervisorId};
use theater_flow_kernel::reload::{Misfits, Obstacle, gone, obstacle};
use theater_flow_kernel::state::{Phase, State};

use super::{Refused, Reloading};
use crate::driver::{Clock, Driver, Errands, Outputs, Scribe, Workers};

impl<S: Scribe, W: Workers, O: Outputs, C: Clock, E: Errands> Driver<S, W, O, C, E> {
    /// Goes on with a reload that is under way.
    pub(in crate::driver) fn reload_further(&mut self, now: u64) {
        let Some(mut reloading) = self.reloading.take() else { return };
        reloading.times.pass(now);
        if let Some(refused) = self.look_at_gone(&mut reloading, now) {
            return self.refuse(*reloading, refused);
        }
        self.let_rest(&mut reloading, now);
        let stands = obstacle(&self.state, &self.desk, &reloading.plan, &reloading.switch);
        let Some(obstacle) = stands else { return self.try_out(reloading, now) };
        match self.refusal(&reloading, &obstacle) {
            Some(refused) => self.refuse(*reloading, refused),
            None => self.reloading = Some(reloading),
        }
    }

    /// When somebody's time is up next, in ms since 1970.
    pub(in crate::driver) fn reload_due(&self) -> Option<u64> {
        self.reloading.as_ref()?.times.next()
    }

    /// Nothing is under way: an agent that is to go and has messages that it cannot handle, as its readers stand still
    /// or it would ask the world, has its time for nothing. True if that changed something.
    pub(in crate::driver) fn reload_if_stuck(&mut self, now: u64) -> bool {
        let next = self.desk.next_due();
        let Some(reloading) = self.reloading.as_mut().filter(|_| self.state.all_written()) else {
            return false;
        };
        let waits = |id: &AgentId| gone(&self.state, &self.desk, *id, false).is_some();
        let waits: Vec<AgentId> = reloading.course.gone.iter().copied().filter(waits).collect();
        let hurries = reloading.times.hurry(&waits, next);
        if hurries {
            self.reload_further(now);
        }
        hurries
    }

    /// Lets all come to rest whose turn it is. Each has its time from then on.
    fn let_rest(&mut self, reloading: &mut Reloading, now: u64) {
        let Reloading { course, times, switch, .. } = reloading;
        let leave = &switch.leave;
        let has_handled = |id| gone(&self.state, &self.desk, id, leave.contains(&id)).is_none();
        let rest: Vec<AgentId> = course.rest(has_handled).chain(leave.iter().copied()).collect();
        for id in &rest {
            if self.desk.is_busy(*id) {
                self.workers.halt(*id);
            }
            if let Some(agent) = self.state.plan.agent(*id)
                && course.moved.binary_search(id).is_ok()
            {
                times.give(agent, now);
            }
        }
        self.desk.rest(rest);
    }

    /// Looks at those that go and have not handled all in their time. What they have left becomes dead letters if it
    /// may; then they end what they are at, and have their time again for that.
    fn look_at_gone(&self, reloading: &mut Reloading, now: u64) -> Option<Refused> {
        if self.state.kept.phase != Phase::Running {
            return None;
        }
        let Reloading { course, times, switch, .. } = reloading;
        for id in course.gone.iter().copied() {
            let left = switch.leave.contains(&id);
            let Some(stays) = gone(&self.state, &self.desk, id, left) else { continue };
            let asks = matches!(stays, Obstacle::Asking(_));
            if asks && self.is_held(id) {
                return Some(Refused::Undecided { agent: name(&self.state, id) });
            }
            if !times.is_late(id) {
                continue;
            }
            let agent = self.state.plan.agent(id)?;
            if switch.misfits == Misfits::Refuse || left || asks {
                return Some(self.stayed(&stays, left));
            }
            switch.leave.insert(id);
            times.give_again(agent, now);
        }
        None
    }

    /// Why an agent that is to go has not gone in its time.
    fn stayed(&self, stays: &Obstacle, left: bool) -> Refused {
        let messages = |id: &AgentId| self.state.agent(*id).depth();
        match stays {
            Obstacle::Asking(id) => Refused::Late { agent: name(&self.state, *id), asks: true },
            Obstacle::Unwritten(id) => Refused::Unwritten { agent: name(&self.state, *id) },
            Obstacle::Unread(id) => {
                Refused::Unread { agent: name(&self.state, *id), messages: messages(id) }
            }
            // It is at one of them.
            Obstacle::Busy(id) if !left && messages(id) > 0 => {
                Refused::Unread { agent: name(&self.state, *id), messages: messages(id) }
            }
            Obstacle::Busy(id) | Obstacle::Unsaved(id) => {
                Refused::Late { agent: name(&self.state, *id), asks: false }
            }
            _ => Refused::Ending,
        }
    }

    /// Why a reload comes to nothing, if what is in its way does not go by itself, or not in its time.
    fn refusal(&self, reloading: &Reloading, obstacle: &Obstacle) -> Option<Refused> {
        let times = &reloading.times;
        let agent = |id: &AgentId| name(&self.state, *id);
        Some(match obstacle {
            Obstacle::Phase => Refused::Ending,
            Obstacle::Withdrawn => Refused::NoProposal,
            Obstacle::Misfit { agent, port, message } => {
                misfit(&self.state, *agent, (*port, *message))
            }
            Obstacle::Asking(id) | Obstacle::Closing(id) if self.is_held(*id) => {
                Refused::Undecided { agent: agent(id) }
            }
            Obstacle::Asking(id) if times.is_late(*id) => {
                Refused::Late { agent: agent(id), asks: true }
            }
            Obstacle::Busy(id) if times.is_late(*id) => {
                Refused::Late { agent: agent(id), asks: false }
            }
            Obstacle::Unsaved(id) if times.is_late(*id) => Refused::Unsaved { agent: agent(id) },
            Obstacle::Closing(id) if times.are_supervisors_late() => {
                let asks = self.state.agent(*id).asking.is_some();
                Refused::Late { agent: agent(id), asks }
            }
            Obstacle::Over(id) => Refused::Ended { supervisor: supervisor(&self.state, *id) },
            Obstacle::Supervisor(id) if times.are_supervisors_late() => {
                Refused::Supervising { supervisor: supervisor(&self.state, *id) }
            }
            Obstacle::Resuming if times.are_supervisors_late() => Refused::Resuming,
            _ => return None,
        })
    }

    /// True if somebody's decision is waited for, which may take for ever.
    fn is_held(&self, id: AgentId) -> bool {
        self.state.held().any(|(agent, _)| agent == id)
    }
}

/// An agent's name.
pub(super) fn name(state: &State, id: AgentId) -> String {
    state.plan.agent(id).map_or_else(String::new, |agent| agent.name.clone())
}

fn supervisor(state: &State, id: SupervisorId) -> String {
    let known = state.plan.supervisors.get(id.index());
    known.map_or_else(String::new, |supervisor| supervisor.name.clone())
}

fn misfit(state: &State, agent: AgentId, (port, message): (PortId, Ref)) -> Refused {
    let known = state.plan.agent(agent);
    let input = known.and_then(|known| known.inputs.iter().find(|input| input.port == port));
    Refused::Misfit {
        agent: name(state, agent),
        port: input.map_or_else(String::new, |input| input.name.clone()),
        message: message.to_string(),
    }
}
