//! Another plan for a run that is simulated.

use std::collections::BTreeSet;

use theater_flow_kernel::ids::AgentId;
use theater_flow_kernel::input::{Input, Moved, Offer, Switch};
use theater_flow_kernel::plan::Plan;
use theater_flow_kernel::record::Carry;
use theater_flow_kernel::reload::{Course, Misfits, Obstacle, adopt, diff, has_handled, obstacle};
use theater_flow_kernel::state::Phase;

use super::sim::Sim;

impl Sim {
    /// Runs until an agent that gets no further event has messages.
    pub(crate) fn fill(&mut self, agent: AgentId) {
        self.desk.rest([agent]);
        while self.state.agent(agent).depth() == 0 || self.desk.is_busy(agent) {
            self.step();
        }
    }

    /// From now on, once all is durable that there is, the process crashes about once in so many steps.
    pub(crate) fn crash_each(&mut self, steps: usize) {
        self.run_until_durable(self.entries.len());
        self.options.crash = steps;
    }

    /// Lets the run go over to another plan: what those who go have not handled becomes dead letters.
    pub(crate) fn leave(&mut self, plan: Plan) {
        let plan = adopt(&self.state.plan, plan);
        let offer = Offer::new(&self.state.plan, &plan, &diff(&self.state.plan, &plan));
        let leave = plan.past.agents.iter().copied().collect();
        let (moves, misfits) = (vec![], Misfits::SetAside);
        let switch = Switch { offer, moves, misfits, leave, proposal: None, by: None };
        while obstacle(&self.state, &self.desk, &plan, &switch).is_some() {
            self.step();
        }
        self.input(Input::Reload(Box::new(switch)));
    }

    /// Lets the run go over to another plan as soon as it can; `how` says with which state. The obstacle that does
    /// not go away by itself, if there is one, or that the run is over, or crashed meanwhile.
    pub(crate) fn reload(
        &mut self,
        plan: Plan,
        (how, misfits): (Carry, Misfits),
    ) -> Result<(), Option<Obstacle>> {
        let plan = adopt(&self.state.plan, plan);
        let changes = diff(&self.state.plan, &plan);
        let course = Course::of(&self.state.plan, &changes);
        let lives = self.crashes;
        let moves = course.moved.iter().map(|agent| Moved { agent: *agent, how, state: None });
        let switch = Switch {
            offer: Offer::new(&self.state.plan, &plan, &changes),
            moves: moves.collect(),
            misfits,
            leave: BTreeSet::new(),
            proposal: None,
            by: None,
        };
        self.desk.let_leave(course.gone.iter().copied());
        let mut last = None;
        for _ in 0..20_000 {
            if self.crashes > lives || matches!(self.state.kept.phase, Phase::Finished(_)) {
                return Err(None);
            }
            let rest: Vec<_> = course.rest(|id| has_handled(&self.state, &self.desk, id)).collect();
            self.desk.rest(rest);
            self.dispatch();
            last = obstacle(&self.state, &self.desk, &plan, &switch);
            match &last {
                None => {
                    let revision = self.state.kept.revision;
                    self.input(Input::Reload(Box::new(switch)));
                    assert_eq!(self.state.kept.revision, revision + 1);
                    return Ok(());
                }
                Some(Obstacle::Misfit { .. } | Obstacle::Over(_)) => break,
                Some(_) => self.step(),
            }
        }
        self.desk.wake();
        Err(last)
    }
}
