//! What agents do, and what is done to them.

use theater_flow_kernel::plan::Restart;

use super::{Doing, Exit, Model, Then, Who};
use crate::said::{How, Said, Stop};

/// How an agent stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Stand {
    /// It is not alive, and has never been or may come again.
    Down,
    /// Its supervisor waits for its start, which begins at this time.
    Starting { due: u64 },
    /// It lived when its process ended, and is to be started again.
    Lost,
    /// It is alive.
    Up,
    /// It is alive, or being started, told to stop, and killed at this time.
    Asked { kill: Option<u64>, born: bool },
    /// It never comes again.
    Over(How),
}

#[expect(clippy::struct_excessive_bools, reason = "each may be so whatever the others are")]
pub(super) struct Agent {
    pub(super) stand: Stand,
    /// It handles an event.
    pub(super) busy: bool,
    /// It has asked, and has not come to the end of the event.
    pub(super) asking: bool,
    /// It has answered `done`, and ends once all it wrote is in its place.
    pub(super) closing: bool,
    /// Its life ended in a crash.
    pub(super) crashed: bool,
    /// It goes down with a sibling, and does not come back.
    pub(super) for_good: bool,
    /// It is to be started again, or to be stopped before that, since its process ended.
    pub(super) lost: bool,
}

impl Agent {
    pub(super) fn new(stand: Stand) -> Self {
        let (busy, asking, closing) = (false, false, false);
        Self { stand, busy, asking, closing, crashed: false, for_good: false, lost: false }
    }

    /// It handles an event, what it asked at it included. What it has to be started again for waits.
    fn is_busy(&self) -> bool {
        self.busy || self.asking && !self.lost
    }
}

impl Stand {
    /// As it is once its start has succeeded.
    fn born(self) -> Self {
        match self {
            Self::Asked { kill, .. } => Self::Asked { kill, born: true },
            other => other,
        }
    }
}

impl Model<'_> {
    /// An agent's start succeeded. It may come to its end at once.
    pub(crate) fn begun(&mut self, agent: usize, end: Option<How>) {
        self.said.push(Said::Up(agent));
        let asked_for = self.agents[agent].stand;
        let asked = matches!(asked_for, Stand::Asked { .. });
        self.agents[agent].stand = Stand::Up;
        self.agents[agent].busy = false;
        self.agents[agent].lost = false;
        if !asked {
            self.is_up(Who::Agent(agent));
        }
        match end {
            Some(How::Done) => self.done(agent),
            Some(_) => self.ran_out(agent),
            None if asked => {
                self.agents[agent].stand = asked_for.born();
                self.leave_now(agent);
            }
            None => {}
        }
    }

    /// An agent's start failed.
    pub(crate) fn not_begun(&mut self, agent: usize) {
        self.said.push(Said::Crashed(agent));
        let was = std::mem::replace(&mut self.agents[agent].stand, Stand::Down);
        self.agents[agent].lost = false;
        match was {
            Stand::Asked { .. } => {
                self.agents[agent].crashed = true;
                self.taken(Who::Agent(agent));
            }
            Stand::Lost => {
                self.agents[agent].crashed = true;
                self.exit(Who::Agent(agent), Exit::Crash { counted: true });
            }
            _ => self.cannot_start(Who::Agent(agent)),
        }
    }

    /// An agent crashed; again at the same message, if that does not count.
    pub(crate) fn crashed(&mut self, agent: usize, counted: bool) {
        self.said.push(Said::Crashed(agent));
        self.agents[agent].crashed = true;
        self.agents[agent].stand = Stand::Down;
        self.exit(Who::Agent(agent), Exit::Crash { counted });
    }

    /// An agent answered `done`.
    pub(crate) fn done(&mut self, agent: usize) {
        let permanent = self.tree.agents[agent].restart == Restart::Permanent;
        self.agents[agent].stand = if permanent { Stand::Down } else { Stand::Over(How::Done) };
        self.exit(Who::Agent(agent), Exit::Normal);
    }

    /// Nothing is left for an agent to do. That is no exit, but a significant child has ended by itself.
    pub(crate) fn ran_out(&mut self, agent: usize) {
        self.agents[agent].stand = Stand::Over(How::Finished);
        self.exit(Who::Agent(agent), Exit::Normal);
    }

    /// An agent's worker is through with an event, or with what an earlier life left it.
    pub(crate) fn rested(&mut self, agent: usize) {
        self.agents[agent].busy = false;
        if matches!(self.agents[agent].stand, Stand::Asked { .. }) {
            self.leave_now(agent);
        }
    }

    /// Whether an agent handles an event is for its worker to say.
    pub(crate) fn set_busy(&mut self, agent: usize, busy: bool) {
        self.agents[agent].busy = busy;
    }

    /// And whether it has asked at it, for the world.
    pub(crate) fn set_asking(&mut self, agent: usize, asking: bool) {
        self.agents[agent].asking = asking;
    }

    /// And whether it is done, but for what it wrote.
    pub(crate) fn set_closing(&mut self, agent: usize, closing: bool) {
        self.agents[agent].closing = closing;
    }

    /// How an agent stands.
    pub(crate) fn stand(&self, agent: usize) -> Stand {
        self.agents[agent].stand
    }

    /// An agent that was told to stop is not alive any more.
    pub(super) fn gone(&mut self, agent: usize, how: Stop) {
        self.put_down(agent, how);
        self.taken(Who::Agent(agent));
    }

    pub(super) fn put_down(&mut self, agent: usize, how: Stop) {
        let lives = matches!(self.agents[agent].stand, Stand::Up | Stand::Asked { born: true, .. });
        if lives && !self.agents[agent].closing {
            self.said.push(Said::Gone { agent, how });
        }
        self.agents[agent].stand = Stand::Down;
        self.agents[agent].lost = false;
    }

    pub(super) fn stop_agent(&mut self, nth: usize) {
        let shutdown = self.tree.agents[nth].shutdown;
        match self.agents[nth].stand {
            Stand::Over(_) => self.taken(Who::Agent(nth)),
            Stand::Down if !self.ends_with(nth) => self.taken(Who::Agent(nth)),
            // Its end is still to be noted.
            Stand::Down => {
                self.leaving.insert(nth);
            }
            stand @ (Stand::Up | Stand::Starting { .. } | Stand::Lost) => {
                let (kill, born) = (self.deadline(shutdown), stand == Stand::Up);
                self.agents[nth].stand = Stand::Asked { kill, born };
                self.leaving.insert(nth);
            }
            Stand::Asked { .. } => {}
        }
    }

    pub(super) fn leave_now(&mut self, nth: usize) {
        match self.agents[nth].stand {
            Stand::Asked { kill: Some(kill), .. } if kill <= self.now => {
                self.gone(nth, Stop::Killed);
            }
            Stand::Asked { .. } if !self.agents[nth].is_busy() => self.gone(nth, Stop::Calmly),
            Stand::Down => self.taken(Who::Agent(nth)),
            _ => {}
        }
    }

    /// True if an agent that is down and that its supervisor stops does not come again.
    fn ends_with(&self, nth: usize) -> bool {
        let mut at = self.above[nth];
        let mut last = self.agents[nth].for_good || self.has_crashed_for_good(nth);
        while at > 0 {
            last |= self.supervisors[at].for_good;
            at = self.above_supervisor[at];
        }
        last || matches!(&self.supervisors[0].doing, Doing::Stopping { then, .. } if !matches!(then, Then::Start(..)))
    }

    pub(super) fn has_crashed_for_good(&self, nth: usize) -> bool {
        self.agents[nth].crashed && self.tree.agents[nth].restart == Restart::Temporary
    }
}
