//! What somebody does to a run that is simulated while it goes on.

use theater_flow_kernel::decide::{NoWayIn, way_in};
use theater_flow_kernel::ids::{AgentId, Bytes, PortId};
use theater_flow_kernel::input::Input;
use theater_flow_kernel::record::Person;

use super::sim::Sim;

pub(crate) const SOMEBODY: Person = Person { uid: 7, name: None };

impl Sim {
    pub(crate) fn pause(&mut self) {
        self.input(Input::Pause { by: Some(SOMEBODY) });
    }

    pub(crate) fn go_on(&mut self) {
        self.input(Input::Continue { by: Some(SOMEBODY) });
    }

    /// The run is kept when nothing is left to do, until its process ends.
    pub(crate) fn keep_on(&mut self) {
        self.desk.keep_on();
    }

    /// Somebody sends a message to an agent's first input.
    pub(crate) fn send(&mut self, agent: AgentId, value: &str) -> Result<(), NoWayIn> {
        let way = (agent, self.first_input(agent));
        let records = self.entries.len();
        let found = way_in(&self.state, &self.desk, way);
        let (value, by) = (Bytes::from(value.as_bytes()), SOMEBODY);
        self.input(Input::Receive { agent, port: way.1, value, by });
        let kind = |nth: usize| self.entries.get(nth).map(|entry| entry.body.kind());
        assert_eq!(found.is_ok(), kind(records) == Some("received"), "{found:?}");
        found
    }

    fn first_input(&self, agent: AgentId) -> PortId {
        self.state.plan.agents[agent.index()].inputs[0].port
    }

    /// Runs until nothing happens unless time passes.
    pub(crate) fn settle(&mut self) {
        for _ in 0..200_000 {
            let still = self.given.is_empty()
                && self.reports.is_empty()
                && self.written.is_empty()
                && self.answers.is_empty()
                && self.flushed == self.entries.len();
            if still && !self.write() && !self.ask() {
                return;
            }
            if !still {
                self.step();
            }
        }
        panic!("it does not come to rest: {:?}", self.options);
    }
}
