//! How a process lets its run go: when it is asked to stop, and when nothing can be done.

use theater_flow_kernel::input::Input;
use theater_flow_kernel::state::Phase;

use super::{Clock, Driver, Errands, Outputs, Scribe, Workers};

/// How long a stopping run waits for its mailboxes to empty, in ms.
const DRAIN_MS: u64 = 10_000;

/// Where a stop stands.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Stop {
    No,
    /// Mailboxes empty until this time, in ms.
    Draining(u64),
    /// Snapshots are taken and staged bytes written until this time.
    Closing(u64),
    /// The last record is written.
    Left,
}

impl<S: Scribe, W: Workers, O: Outputs, C: Clock, E: Errands> Driver<S, W, O, C, E> {
    pub(super) fn ask_to_stop(&mut self, by: String) {
        if self.stop == Stop::No && self.state.kept.phase == Phase::Running {
            let until = self.clock.now_ms() + DRAIN_MS;
            self.stop = Stop::Draining(until);
            self.input(Input::Stop { by });
            self.workers.interrupt();
        }
    }

    /// A stop has taken as long as it may.
    pub(super) fn is_late(&self, now: u64) -> bool {
        matches!(self.stop, Stop::Draining(until) | Stop::Closing(until) if now >= until)
    }

    /// No work is under way, or none is waited for: a stop goes on.
    pub(super) fn stop_further(&mut self, now: u64) {
        match self.stop {
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

    /// True unless the run is over, or will be once what was staged is written.
    pub(super) fn can_stop(&self) -> bool {
        let failing = self.state.kept.phase == Phase::Failing;
        let now = self.stop == Stop::Closing(0);
        matches!(self.state.kept.phase, Phase::Running | Phase::Stopping) || failing && now
    }

    /// The last records of a run that is stopped: a checkpoint, and that it was let go.
    pub(super) fn leave_if_written(&mut self, until: u64, now: u64) {
        if self.can_stop() && (self.state.all_written() || now >= until) {
            self.stop = Stop::Left;
            self.checkpoint();
            self.input(Input::Suspend { why: String::from("stopped") });
        }
    }

    /// Nothing is under way or due: if somebody has to decide first, nobody needs to wait here for that.
    pub(super) fn leave_if_held(&mut self) {
        let idle = self.desk.next_due().is_none() && self.state.all_written();
        let running = self.stop == Stop::No && self.state.kept.phase == Phase::Running;
        if running && idle && self.state.held().next().is_some() {
            self.stop = Stop::Left;
            self.checkpoint();
            self.input(Input::Wait);
        }
    }
}
