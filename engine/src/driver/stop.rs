//! Letting a run go: sources stop, mailboxes empty, snapshots are taken and staged bytes written, for as long as whoever
//! asked for it gives; then a checkpoint, and the record that the run was let go.

use theater_flow_kernel::input::Input;
use theater_flow_kernel::state::{AgentState, Phase, Stand};

use super::{Clock, Driver, Errands, Outputs, Scribe, Workers};

/// How long a stopping run waits for its mailboxes to empty unless somebody says otherwise, in ms.
pub const DRAIN_MS: u64 = 10_000;

/// Where a stop stands.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Stop {
    /// Nobody has asked for one.
    No,
    /// Mailboxes empty until this time, in ms.
    Draining(u64),
    /// Snapshots are taken and staged bytes written until this time.
    Closing(u64),
    /// The last record is written.
    Left,
}

/// What an agent of a stopping run has yet to do.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Remains {
    /// By name.
    pub agent: String,
    /// Messages that wait for it, the one in its hands included.
    pub messages: u64,
    /// A call is under way.
    pub works: bool,
    /// It waits for the world's answer.
    pub asks: bool,
    /// Bytes that it staged and that are not written.
    pub bytes: u64,
}

impl<S: Scribe, W: Workers, O: Outputs, C: Clock, E: Errands> Driver<S, W, O, C, E> {
    /// True while the run comes to its end or a stop: both may wait for something.
    pub fn is_draining(&self) -> bool {
        match self.stop {
            Stop::Draining(until) | Stop::Closing(until) => until > 0,
            // Once it is over, only the log is waited for.
            Stop::No => {
                let over = matches!(self.state.kept.phase, Phase::Finished(_));
                self.state.is_ending() && !over
            }
            Stop::Left => false,
        }
    }

    /// What the end or the stop waits for, and for how many ms more at most if that has a bound.
    pub fn draining(&mut self) -> (Vec<Remains>, Option<u64>) {
        let left = match self.stop {
            Stop::Draining(until) | Stop::Closing(until) => {
                Some(until.saturating_sub(self.clock.now_ms()))
            }
            Stop::No | Stop::Left => None,
        };
        let agents = self.state.plan.agents.iter();
        let remains = agents.map(|agent| {
            let (known, works) = (self.state.agent(agent.id), self.desk.is_busy(agent.id));
            remains(&agent.name, known, works)
        });
        let some = |of: &Remains| of.messages > 0 || of.works || of.asks || of.bytes > 0;
        (remains.filter(some).collect(), left)
    }

    /// Someone asks the run to stop, and gives it so many ms. Whoever asks again gives it another time.
    pub(super) fn ask_to_stop(&mut self, by: String, within_ms: u64) {
        let until = self.clock.now_ms().saturating_add(within_ms);
        match self.stop {
            Stop::No if self.state.kept.phase == Phase::Running => {
                self.stop = Stop::Draining(until);
                self.input(Input::Stop { by });
                self.workers.interrupt();
            }
            // It comes to its end anyway, if that does not take too long.
            Stop::No if self.state.kept.phase == Phase::Failing => {
                self.stop = Stop::Draining(until);
            }
            Stop::Draining(_) => self.stop = Stop::Draining(until),
            Stop::Closing(1..) => self.stop = Stop::Closing(until),
            Stop::No | Stop::Closing(_) | Stop::Left => {}
        }
    }

    /// A stop has taken as long as it may.
    pub(super) fn is_late(&self, now: u64) -> bool {
        matches!(self.stop, Stop::Draining(until) | Stop::Closing(until) if now >= until)
    }

    /// No work is under way, or none is waited for: a stop goes on.
    pub(super) fn stop_further(&mut self, now: u64) {
        match self.stop {
            // It is over once all are down and all is written, and is left before that only if it has no more time.
            Stop::Draining(until) | Stop::Closing(until)
                if self.state.kept.phase == Phase::Failing =>
            {
                if now >= until {
                    self.leave();
                }
            }
            Stop::Draining(until) if now < until && self.goes_on_before(until) => {}
            Stop::Draining(until) => {
                self.stop = Stop::Closing(until);
                for activation in self.desk.close(&self.state) {
                    self.workers.submit(activation);
                }
                if self.desk.is_idle() {
                    self.leave_if_written(until, now);
                }
            }
            Stop::Closing(until) => self.leave_if_written(until, now),
            Stop::No | Stop::Left => {}
        }
    }

    /// True if messages wait for an attempt or a life that begins in this time. Timers are left to the next process.
    fn goes_on_before(&self, until: u64) -> bool {
        let waits = |agent: &AgentState| !agent.life.is_over() && agent.depth() > 0;
        !self.state.kept.paused
            && self.desk.next_due().is_some_and(|due| due < until)
            && self.state.kept.agents.iter().any(waits)
    }

    /// True unless the run is over.
    pub(super) fn can_stop(&self) -> bool {
        matches!(self.state.kept.phase, Phase::Running | Phase::Stopping | Phase::Failing)
    }

    fn leave_if_written(&mut self, until: u64, now: u64) {
        if self.can_stop() && (self.state.all_written() || now >= until) {
            self.leave();
        }
    }

    /// The last records of a run that is stopped: a checkpoint, if it is worth its place, and that it was let go.
    fn leave(&mut self) {
        self.stop = Stop::Left;
        // That it was let go is the last that is said of it here.
        self.refuse_if_under_way();
        self.last_checkpoint();
        self.input(Input::Suspend { why: String::from("stopped") });
    }

    /// Nothing is under way or due: if somebody has to decide first, nobody needs to wait here for that.
    pub(super) fn leave_if_held(&mut self) {
        let idle = self.desk.next_due().is_none() && self.state.all_written();
        let running = self.stop == Stop::No && self.state.kept.phase == Phase::Running;
        // Whoever wants another plan is served first.
        let running = running && self.reloading.is_none();
        let running = running && !self.state.kept.paused && !self.desk.is_lasting();
        if running && idle && self.state.held().next().is_some() {
            self.stop = Stop::Left;
            self.last_checkpoint();
            self.input(Input::Wait);
        }
    }
}

fn remains(name: &str, agent: &AgentState, works: bool) -> Remains {
    let asks = agent.asking.as_ref().is_some_and(|ask| matches!(ask.stand, Stand::Open { .. }));
    Remains {
        agent: name.to_owned(),
        messages: agent.depth() as u64,
        works,
        asks,
        bytes: agent.unwritten,
    }
}
