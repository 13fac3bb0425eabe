//! The loop of a run in this process.

use std::sync::mpsc::RecvTimeoutError;
use std::time::Duration;

use super::Session;
use crate::driver::{Ending, Remains};
use crate::journal::Flushed;

/// Events taken in before work is given out again.
const EVENTS_PER_TURN: usize = 1_024;
/// Before the first word about what a run that stops or ends waits for, in ms: what is over at once needs none.
const BEFORE_WORDS_MS: u64 = 500;
/// Between two such words, in ms.
const BETWEEN_WORDS_MS: u64 = 2_000;

/// Hears what a run that stops or ends waits for, and for how many ms more it does if that has a bound.
pub type TellRemains<'a> = &'a mut dyn FnMut(&[Remains], Option<u64>);

impl Session {
    /// Runs until the run is over, stopped, or cannot be written down. Says how far the log reaches, which stays open
    /// for readers until this is dropped. Once it was asked to stop, or its root ends, `tell` hears every few seconds what it waits for.
    #[must_use]
    pub fn serve(&mut self, tell: TellRemains<'_>) -> (Ending, Flushed) {
        let mut told = None;
        loop {
            let ending = self.driver.turn();
            self.plan.set(&self.driver.state().plan);
            if let Some(ending) = ending {
                let flushed = self.driver.flushed();
                return (ending, flushed);
            }
            self.tell_remains(&mut told, tell);
            self.wait(told);
        }
    }

    /// Tells what a stop or an end waits for, if it is time to. `next` is when that is, in ms since 1970.
    fn tell_remains(&mut self, next: &mut Option<u64>, tell: TellRemains<'_>) {
        let now = self.driver.now_ms();
        if !self.driver.is_draining() {
            *next = None;
        } else if next.is_some_and(|next| now >= next) {
            let (remains, left) = self.driver.draining();
            tell(&remains, left);
            *next = Some(now + BETWEEN_WORDS_MS);
        } else if next.is_none() {
            *next = Some(now + BEFORE_WORDS_MS);
        }
    }

    /// Waits for an event, or until the driver must look at the time, or it is `until`.
    fn wait(&mut self, until: Option<u64>) {
        let first = match self.driver.wake_at().into_iter().chain(until).min() {
            Some(at) => {
                let left = at.saturating_sub(self.driver.now_ms());
                self.events.recv_timeout(Duration::from_millis(left))
            }
            None => self.events.recv().map_err(|_| RecvTimeoutError::Disconnected),
        };
        let Ok(first) = first else { return };
        self.driver.on(first);
        for _ in 1..EVENTS_PER_TURN {
            match self.events.try_recv() {
                Ok(event) => self.driver.on(event),
                Err(_) => return,
            }
        }
    }
}
