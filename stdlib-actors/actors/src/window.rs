//! `std/window`: figures of groups of messages, sent at intervals.

use serde::Deserialize;
use theater_flow_sdk::{Actor, Config, ConfigFault, Cx, Event, Fault, Next, Port};

#[cfg(test)]
mod tests;

use crate::aggregate::{Config, Core, State, bad_config};
use crate::duration::{DAY_MS, Period};

/// The name of the timer.
const TIMER: &str = "flush";

/// The actor.
pub struct Window {
    core: Core,
    /// Between two flushes, in ms.
    every: u64,
}

/// When groups are sent and begin anew, beside the end.
#[derive(Debug, Deserialize, Config)]
#[serde(
    deny_unknown_fields,
    expecting = "{ every = \"10s\" }; `std/aggregate` flushes by count or at the end"
)]
pub struct Every {
    /// The interval: `10ms` to `24h`.
    every: Period<10, DAY_MS>,
}

impl Actor for Window {
    type Config = Config<Every>;
    type State = State;

    const DOC: &'static str = include_str!("../../docs/window.md");

    fn ports(config: &Self::Config) -> Result<Vec<Port>, Vec<ConfigFault>> {
        Ok(config.core()?.ports())
    }

    fn new(config: Self::Config) -> Result<Self, Fault> {
        let every = config.flush.every.ms();
        let every = every.map_err(|message| Fault::new("bad-config", message))?;
        let core = config.core().map_err(|faults| bad_config(&faults))?;
        let core = core.of("std/window");
        Ok(Self { core, every })
    }

    fn take_up(&self, state: &mut State) -> Result<(), Fault> {
        self.core.take_up(state)
    }

    fn handle(&self, state: &mut State, event: Event, cx: &mut Cx) -> Result<Next, Fault> {
        match event {
            Event::Start => cx.outside.set_timer(TIMER, self.every),
            Event::Message(message) => self.core.take(state, &message)?,
            Event::Timer(_) if !state.is_closed() => {
                cx.outside.set_timer(TIMER, self.every);
                // Readers that are slow get fewer and larger windows, not a queue of them.
                if !state.is_sending() {
                    self.core.flush(state, cx)?;
                }
                return Ok(Next::More);
            }
            Event::Closed(_) => {
                cx.outside.cancel_timer(TIMER);
                self.core.flush_last(state, cx)?;
                return Ok(Next::More);
            }
            Event::Pull => return Core::send(state, cx),
            _ => {}
        }
        Ok(Next::Wait)
    }
}
