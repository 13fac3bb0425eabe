//! What agents ask of the world, and what they write.

use theater_flow_kernel::http::{Answer, HttpError, HttpErrorCode, Response};
use theater_flow_kernel::ids::Bytes;
use theater_flow_kernel::input::Input;
use theater_flow_kernel::record::{Person, SinkId};
use theater_flow_kernel::state::Asking;

use super::Kernel;
use crate::said::Outside;

impl Kernel {
    /// True if an agent is at an event that has asked.
    pub(crate) fn has_asked(&self, agent: usize) -> bool {
        self.state.kept.agents[agent].asking.is_some()
    }

    /// True if it goes on with that by itself: nobody has to decide first.
    pub(crate) fn is_asking(&self, agent: usize) -> bool {
        let asking = self.state.kept.agents[agent].asking.as_ref();
        asking.is_some_and(|asking| !asking.is_held())
    }

    /// True if an agent has answered `done`.
    pub(crate) fn is_closing(&self, agent: usize) -> bool {
        self.closing[agent]
    }

    /// How many bytes an agent has written in all.
    pub(super) fn staged(&self, agent: usize) -> u64 {
        let write = self.state.kept.agents[agent].writes.get(&SinkId::STDOUT);
        write.map_or(0, |write| write.confirmed + write.pending.len() as u64)
    }

    /// True if a byte of an agent is not in its place.
    pub(crate) fn is_unwritten(&self, agent: usize) -> bool {
        let writes = &self.state.kept.agents[agent].writes;
        writes.values().any(|write| !write.pending.is_empty())
    }

    /// Whose bytes can be written: what could not waits for the next life.
    pub(crate) fn unwritten(&self) -> Vec<usize> {
        let agents = self.state.kept.agents.iter().enumerate();
        let whole = agents.filter(|(nth, agent)| {
            self.is_unwritten(*nth) && agent.writes.values().all(|write| write.broken.is_none())
        });
        whole.map(|(nth, _)| nth).collect()
    }

    /// All that an agent wrote is in its place.
    pub(crate) fn write(&mut self, agent: usize) {
        let (upto, id) = (self.staged(agent), self.plan.agents[agent].id);
        self.input(Input::Written { agent: id, sink: SinkId::STDOUT, upto, closed: false });
    }

    /// What was asked and not answered: by whom, in which record.
    pub(crate) fn asks(&self) -> Vec<(usize, u64)> {
        let agents = self.state.kept.agents.iter().enumerate();
        let open = agents.filter_map(|(nth, agent)| {
            let asking = agent.asking.as_ref()?;
            (asking.is_open() || asking.is_held()).then_some((nth, asking.intent.seq))
        });
        open.collect()
    }

    /// What the world has yet to do before the run can be over.
    pub(crate) fn outside(&self) -> Outside {
        let mut asking = self.state.kept.agents.iter().filter_map(|agent| agent.asking.as_ref());
        let mut agents = 0..self.plan.agents.len();
        if asking.any(Asking::is_open) || !self.unwritten().is_empty() {
            Outside::Busy
        } else if agents.any(|agent| self.is_unwritten(agent)) {
            Outside::Broken
        } else {
            Outside::Calm
        }
    }

    /// The world answers, or does not answer `well`; or somebody decides that what was asked is asked again.
    pub(crate) fn answer(&mut self, (agent, intent): (usize, u64), well: bool) {
        let held = self.state.kept.agents[agent].asking.as_ref().is_some_and(Asking::is_held);
        let agent = self.plan.agents[agent].id;
        let answer: Answer = if well {
            Ok(Response { status: 200, headers: Vec::new(), body: Vec::new() })
        } else {
            Err(HttpError::new(HttpErrorCode::Timeout, "as told"))
        };
        let bytes = Bytes::from(postcard::to_allocvec(&answer).expect("plain data"));
        self.input(if held {
            let by = Person { uid: 1, name: None };
            Input::Decided { intent, repeat: true, by }
        } else if well {
            Input::Answered { agent, intent, answer: bytes }
        } else {
            Input::Unanswered { agent, intent, error: bytes }
        });
    }

    /// What an agent wrote cannot be put in its place: if it lives it crashes, whatever it is doing.
    pub(crate) fn fail_write(&mut self, agent: usize) {
        self.late = !self.is_up(agent);
        let (agent, message) = (self.plan.agents[agent].id, String::from("as told"));
        self.input(Input::WriteFailed { agent, sink: SinkId::STDOUT, message });
    }
}
