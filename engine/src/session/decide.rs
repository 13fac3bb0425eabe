//! Decisions about a run that no process runs.

use std::sync::Arc;

use theater_flow_kernel::decide::advance;
use theater_flow_kernel::desk::Desk;
use theater_flow_kernel::input::{Input, Stamped};
use theater_flow_kernel::record::{Entry, Person, Refused};
use theater_flow_kernel::state::{Phase, State};

use super::{Left, Place, RealClock, SessionError};
use crate::driver::Clock as _;
use crate::letters::{Fate, Order};
use crate::recover::Recovered;
use crate::scribe::Book;

/// What is noted down in a run without running it.
struct Notes {
    state: State,
    desk: Desk,
    clock: RealClock,
    entries: Vec<Arc<Entry>>,
}

impl Notes {
    fn new(state: State) -> Self {
        let desk = Desk::new(&state.plan);
        let clock = RealClock::after(state.kept.now);
        let mut notes = Self { state, desk, clock, entries: vec![] };
        if !matches!(notes.state.kept.phase, Phase::Suspended | Phase::Waiting) {
            // What is decided now is not done by the process that was killed: the record must say so.
            notes.tell(Input::Suspend { why: String::from("its process ended without a word") });
        }
        notes
    }

    fn tell(&mut self, input: Input) {
        let (wall_ms, salt) = (self.clock.now_ms(), self.clock.salt());
        let step = advance(&mut self.state, &self.desk, Stamped { wall_ms, salt, input });
        self.entries.extend(step.entries);
    }
}

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
        if !self.state().held().any(|(_, asking)| asking.intent.seq == intent) {
            return Ok(false);
        }
        let note = |notes: &mut Notes| notes.tell(Input::Decided { intent, repeat, by });
        self.note(place, note)?;
        Ok(true)
    }

    /// Records what somebody does with dead letters: whoever resumes the run acts on it. Nothing is recorded if it
    /// can be done with none of them.
    ///
    /// # Errors
    /// If the log cannot be written.
    pub fn letters(
        self,
        place: &Place,
        order: &Order,
        by: &Person,
    ) -> Result<Vec<Fate>, SessionError> {
        let state = self.state();
        let refused = |seq: &u64| order.deed.refused(state, *seq).is_some();
        if order.which.seqs(state).iter().all(refused) {
            let nothing = |_: &mut &State, _: Input| {};
            return Ok(order.carry_out(&mut self.state(), by, |state| state, nothing));
        }
        self.note(place, |notes| order.carry_out(notes, by, |notes| &notes.state, Notes::tell))
    }

    /// Records that somebody refuses the plan that waits for approval; nothing if it does not.
    ///
    /// # Errors
    /// If the log cannot be written.
    pub fn refuse(self, place: &Place, proposal: u64, by: Person) -> Result<(), SessionError> {
        self.note(place, |notes| {
            notes.tell(Input::Refuse(Box::new(Refused::proposal(proposal, by))));
        })
    }

    /// Notes something down in the log.
    fn note<T>(self, place: &Place, what: impl FnOnce(&mut Notes) -> T) -> Result<T, SessionError> {
        let Self { head, journal, reader, recovered: Recovered { state, .. }, .. } = self;
        drop(reader);
        let mut notes = Notes::new(state);
        let done = what(&mut notes);
        let mut book = Book { journal, plan: None, head, folder: place.folder.clone() };
        if notes.state.held().next().is_none() {
            book.head.status = String::from("suspended");
        }
        book.put(notes.entries)?;
        Ok(done)
    }
}
