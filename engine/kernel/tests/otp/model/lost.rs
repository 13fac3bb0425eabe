//! The end of the process that runs all of it.

use super::{Doing, Model, Stand, Who};
use crate::said::Stop;

impl Model<'_> {
    /// The process ended, and another one takes over. What was being started still is; whatever lived is lost.
    pub(crate) fn killed(&mut self) {
        self.settle();
        for nth in 0..self.agents.len() {
            let awaited = self.awaits(Who::Agent(nth));
            let agent = &mut self.agents[nth];
            agent.busy = false;
            match agent.stand {
                Stand::Up => agent.stand = Stand::Lost,
                Stand::Starting { .. } if !awaited => agent.stand = Stand::Lost,
                Stand::Asked { kill, .. } => agent.stand = Stand::Asked { kill, born: false },
                _ => {}
            }
            agent.lost = matches!(agent.stand, Stand::Lost | Stand::Asked { .. });
        }
        for nth in 0..self.agents.len() {
            if matches!(self.agents[nth].stand, Stand::Asked { .. }) {
                self.gone(nth, Stop::Calmly);
            }
        }
    }

    /// True if its supervisor waits for this child's start.
    fn awaits(&self, who: Who) -> bool {
        let doing = &self.supervisors[self.parent(who)].doing;
        matches!(doing, Doing::Starting { left, .. } if left.front() == Some(&who))
    }

    /// Whose turn it is to be started again after the process ended.
    pub(crate) fn next_lost(&self) -> Option<usize> {
        self.first_lost(Who::Supervisor(0))
    }

    fn first_lost(&self, who: Who) -> Option<usize> {
        match who {
            Who::Agent(nth) => Some(nth).filter(|nth| self.agents[*nth].lost),
            Who::Supervisor(nth) => {
                self.children(nth).into_iter().find_map(|child| self.first_lost(child))
            }
        }
    }
}
