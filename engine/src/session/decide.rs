//! A decision about a run that no process runs.

use theater_flow_kernel::decide::advance;
use theater_flow_kernel::desk::Desk;
use theater_flow_kernel::input::{Input, Stamped};
use theater_flow_kernel::record::Person;
use theater_flow_kernel::state::{Phase, State};

use super::{Left, Place, RealClock, SessionError};
use crate::driver::Clock as _;
use crate::recover::Recovered;
use crate::scribe::Book;

impl Left {
    /// What the log adds up to.
    #[must_use]
    pub fn state(&self) -> &State {
        &self.recovered.state
    }

    /// Records that somebody decided about what was asked in record `intent`: whoever resumes the run acts on it.
    /// False if that does not wait for a decision; then nothing is recorded.
    ///
    /// # Errors
    /// If the log cannot be written.
    pub fn decide(
        self,
        place: &Place,
        (intent, repeat): (u64, bool),
        by: Person,
    ) -> Result<bool, SessionError> {
        let Self { head, journal, reader, recovered: Recovered { mut state, .. }, .. } = self;
        drop(reader);
        if !state.held().any(|(_, asking)| asking.intent.seq == intent) {
            return Ok(false);
        }
        let mut inputs = vec![Input::Decided { intent, repeat, by }];
        if !matches!(state.kept.phase, Phase::Suspended | Phase::Waiting) {
            // What is decided now is not done by the process that was killed: the record must say so.
            let why = String::from("its process ended without a word");
            inputs.insert(0, Input::Suspend { why });
        }
        let (desk, mut clock) = (Desk::new(&state.plan), RealClock::default());
        let mut entries = Vec::new();
        for input in inputs {
            let (wall_ms, salt) = (clock.now_ms(), clock.salt());
            let step = advance(&mut state, &desk, Stamped { wall_ms, salt, input });
            entries.extend(step.entries);
        }
        let mut book = Book { journal, plan: None, head, folder: place.folder.clone() };
        if state.held().next().is_none() {
            book.head.status = String::from("suspended");
        }
        book.put(entries)?;
        Ok(true)
    }
}
