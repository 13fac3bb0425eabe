//! `probe` and `probe-full`: actors that misbehave on demand, for the engine's tests.
//!
//! They are one actor over [`Reach`]: `probe` imports the outbox and the log alone, `probe-full`
//! everything there is.

use std::cell::Cell;
use std::marker::PhantomData;

use serde::{Deserialize, Serialize};
use theater_flow_sdk::{Actor, ConfigFault, Cx, Event, Fault, Next, Port};

mod config;
mod deeds;
mod reach;
#[cfg(test)]
mod tests;

pub use config::Config;
use config::Rule;
pub use reach::{Everything, Nothing, Reach};

/// The probe that imports the outbox and the log alone.
pub type Probe = Probing<Nothing>;
/// The probe that imports everything.
pub type ProbeFull = Probing<Everything>;

/// Messages that `produce` sends in one event.
const PRODUCED_PER_EVENT: u64 = 256;

/// The actor.
pub struct Probing<R> {
    config: Config,
    pad: String,
    /// What no snapshot knows: the very thing that an actor must not have.
    forgotten: Cell<u64>,
    reach: PhantomData<R>,
}

/// What survives.
#[derive(Default, Debug, Serialize, Deserialize)]
pub struct State {
    /// Messages that came.
    count: u64,
    /// Messages that `produce` sent.
    produced: u64,
    /// How often each rule's event came, in the rules' order.
    seen: Vec<u64>,
}

#[derive(Serialize)]
struct Produced<'a> {
    n: u64,
    pad: &'a str,
}

impl<R: Reach> Actor for Probing<R> {
    type Config = Config;
    type State = State;

    const DOC: &'static str = R::DOC;

    fn ports(config: &Config) -> Result<Vec<Port>, Vec<ConfigFault>> {
        config.ports(R::FULL)
    }

    fn new(config: Config) -> Result<Self, Fault> {
        if let Some(message) = config.init_fault() {
            return Err(Fault::new("probe", message));
        }
        let pad = "x".repeat(config.pad);
        Ok(Self {
            config,
            pad,
            forgotten: Cell::new(0),
            reach: PhantomData,
        })
    }

    fn handle(&self, state: &mut State, event: Event, cx: &mut Cx) -> Result<Next, Fault> {
        self.forgotten.set(self.forgotten.get() + 1);
        state.seen.resize(self.config.on.len(), 0);
        state.count += u64::from(matches!(event, Event::Message(_)));
        if let (true, Event::Message(message)) = (self.config.echo, &event) {
            cx.emit_json("out", &message.body)?;
        }
        let mut next = self.produce(state, &event, cx)?;
        for (nth, rule) in self.config.on.iter().enumerate() {
            if applies(rule, nth, state, &event)
                && let Some(other) = deeds::perform(self, rule, state, cx)?
            {
                next = other;
            }
        }
        Ok(next)
    }
}

impl<R: Reach> Probing<R> {
    /// Sends the next messages of `produce`.
    fn produce(&self, state: &mut State, event: &Event, cx: &mut Cx) -> Result<Next, Fault> {
        if !matches!(event, Event::Start | Event::Pull) || state.produced >= self.config.produce {
            return Ok(Next::Wait);
        }
        if matches!(event, Event::Pull) {
            let until = self.config.produce.min(state.produced + PRODUCED_PER_EVENT);
            for n in state.produced..until {
                cx.emit("out", &Produced { n, pad: &self.pad })?;
            }
            state.produced = until;
        }
        let over = state.produced >= self.config.produce;
        Ok(if over { Next::Wait } else { Next::More })
    }
}

/// Counts a rule's event and says whether it is the one that the rule waits for.
fn applies(rule: &Rule, nth: usize, state: &mut State, event: &Event) -> bool {
    let Some(seen) = state.seen.get_mut(nth).filter(|_| rule.fits(event)) else {
        return false;
    };
    *seen += 1;
    rule.nth.is_none_or(|nth| nth == *seen)
}
