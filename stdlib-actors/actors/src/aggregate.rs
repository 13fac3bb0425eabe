//! `std/aggregate`: figures of groups of messages.

use theater_flow_sdk::{Actor, ConfigFault, Cx, Event, Fault, Next, Port};

mod config;
mod flush;
mod flushing;
mod groups;
mod take;
mod tally;
#[cfg(test)]
mod tests;

pub use config::Config;
pub(crate) use config::Table;
pub use flushing::Flush;
pub(crate) use groups::Planned;
pub use groups::State;

use crate::basis::Basis;
use crate::fields::Fields;
use config::{Emit, Overflow};
use take::Take;

/// The actor.
pub struct Aggregate {
    core: Core,
    /// Messages between two flushes.
    count: u64,
}

/// What `std/aggregate`, `std/window` and `std/report` share: all but the time at which they flush.
pub(crate) struct Core {
    /// Names of the fields of `by`, which are picked first.
    by: Vec<String>,
    fields: Fields,
    takes: Vec<Take>,
    emit: Emit,
    order: Option<Order>,
    limit: usize,
    max_groups: usize,
    overflow: Overflow,
    max_bytes: usize,
    /// What a state is of.
    basis: Basis,
}

/// By which field of the output the groups are sorted, if not by their keys.
struct Order {
    /// Counted through the names of `by` and `take`.
    at: usize,
    descending: bool,
}

impl Core {
    /// That of one actor: the states of two of them look the same.
    pub(crate) fn of(self, actor: &str) -> Self {
        let basis = self.basis.with("actor", actor);
        Self { basis, ..self }
    }

    /// The ports of both actors.
    pub(crate) fn ports(&self) -> Vec<Port> {
        let sent = match self.emit {
            Emit::Groups => "One message for each group.",
            Emit::All => "All groups in one message.",
        };
        vec![
            Port::input("in", "json").doc("What is counted."),
            Port::output("out", "$Out").doc(sent),
        ]
    }
}

impl Actor for Aggregate {
    type Config = Config<Flush>;
    type State = State;

    const DOC: &'static str = include_str!("../../docs/aggregate.md");

    fn ports(config: &Self::Config) -> Result<Vec<Port>, Vec<ConfigFault>> {
        Ok(config.core()?.ports())
    }

    fn new(config: Self::Config) -> Result<Self, Fault> {
        let count = config.flush.count();
        let core = config.core().map_err(|faults| bad_config(&faults))?;
        let core = core.of("std/aggregate");
        Ok(Self { core, count })
    }

    fn take_up(&self, state: &mut State) -> Result<(), Fault> {
        self.core.take_up(state)
    }

    fn handle(&self, state: &mut State, event: Event, cx: &mut Cx) -> Result<Next, Fault> {
        match event {
            Event::Message(message) => {
                self.core.take(state, &message)?;
                if state.count < self.count {
                    return Ok(Next::Wait);
                }
                self.core.flush(state, cx)?;
                Ok(Next::More)
            }
            Event::Pull => Core::send(state, cx),
            Event::Closed(_) => {
                self.core.flush_last(state, cx)?;
                Ok(Next::More)
            }
            _ => Ok(Next::Wait),
        }
    }
}

/// What [`Actor::ports`] has found before.
pub(crate) fn bad_config(faults: &[ConfigFault]) -> Fault {
    let text = |fault: &ConfigFault| format!("config{}: {}", fault.pointer, fault.message);
    let texts: Vec<String> = faults.iter().map(text).collect();
    Fault::new("bad-config", texts.join("; "))
}
