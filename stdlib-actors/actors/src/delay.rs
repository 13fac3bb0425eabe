//! `std/delay`: messages, some time later.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};
use theater_flow_sdk::{Actor, Config, ConfigFault, Cx, Event, Fault, Level, Next, Port};

use crate::duration::{MONTH_MS, Period};

#[cfg(test)]
mod tests;

/// The name of the one timer.
const DUE: &str = "due";
/// Messages of one event: half of what an event may emit.
const MESSAGES_PER_EVENT: usize = 512;
/// Bytes of all messages that are held: a snapshot holds them too, and the instance's memory.
const HELD_BYTES: usize = 8 << 20;

/// The actor.
pub struct Delay {
    wait: u64,
    max: usize,
}

/// What the pipeline file says.
#[derive(Debug, Deserialize, Config)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Config {
    /// How long each message is held, such as "500ms" or "1h"; 30 days at most.
    r#for: Period<1, MONTH_MS>,
    /// How many messages are held at most; beyond it the oldest leave early.
    #[serde(default = "default_max")]
    #[config(minimum = 1, maximum = 65_536)]
    max: usize,
}

const fn default_max() -> usize {
    16_384
}

/// The messages that are held.
#[derive(Default, Debug, Serialize, Deserialize)]
pub struct State {
    held: VecDeque<Held>,
    /// Bytes of all of them.
    bytes: usize,
    /// The timer is set: not later than the first is due, or it may be earlier.
    armed: bool,
    /// Some left early since the last time that nothing was held, and the log says so.
    warned: bool,
}

#[derive(Debug, Serialize, Deserialize)]
struct Held {
    /// In ms since 1970.
    due: u64,
    body: String,
}

impl Actor for Delay {
    type Config = Config;
    type State = State;

    const DOC: &'static str = include_str!("../../docs/delay.md");

    fn ports(_: &Config) -> Result<Vec<Port>, Vec<ConfigFault>> {
        Ok(vec![
            Port::input("in", "$T").doc("What is held."),
            Port::output("out", "$T").doc("The same, in the same order, some time later."),
        ])
    }

    fn new(config: Config) -> Result<Self, Fault> {
        let wait = config.r#for.ms();
        let wait = wait.map_err(|message| Fault::new("bad-config", message))?;
        Ok(Self {
            wait,
            max: config.max,
        })
    }

    fn handle(&self, state: &mut State, event: Event, cx: &mut Cx) -> Result<Next, Fault> {
        match event {
            Event::Message(message) => {
                let now = cx.outside.now();
                let (due, body) = (now.saturating_add(self.wait), message.body);
                state.bytes += body.len();
                state.held.push_back(Held { due, body });
                self.release(state, now, cx)
            }
            Event::Timer(_) => {
                let now = cx.outside.now();
                state.armed = false;
                self.release(state, now, cx)
            }
            Event::Pull => {
                let now = cx.outside.now();
                self.release(state, now, cx)
            }
            _ => Ok(Next::Wait),
        }
    }
}

impl Delay {
    /// Sends what is due, and what there is no place for, and sets the timer for the rest.
    ///
    /// There is no way to hold the mailbox instead until something is due: an actor that answers
    /// `more` is pulled again at once, and each pull is a record.
    fn release(&self, state: &mut State, now: u64, cx: &mut Cx) -> Result<Next, Fault> {
        self.turn_back(state, now);
        let mut sent = 0;
        while let Some(first) = state.held.front() {
            let is_full = state.held.len() > self.max || state.bytes > HELD_BYTES;
            if first.due > now && !is_full {
                break;
            }
            if sent == MESSAGES_PER_EVENT {
                return Ok(Next::More);
            }
            if first.due > now && !state.warned {
                let most = self.max;
                let text = format!(
                    "messages leave early: at most {most} are held, of at most {HELD_BYTES} bytes"
                );
                cx.log(Level::Warn, &text);
                state.warned = true;
            }
            cx.emit_json("out", &first.body)?;
            sent += 1;
            state.bytes -= first.body.len();
            state.held.pop_front();
        }
        match state.held.front() {
            Some(first) if !state.armed => {
                cx.outside.set_timer(DUE, first.due - now);
                state.armed = true;
            }
            Some(_) => {}
            None => state.warned = false,
        }
        Ok(Next::Wait)
    }

    /// After the clock was set back, or `for` became less, nothing waits longer than it would from
    /// now on.
    fn turn_back(&self, state: &mut State, now: u64) {
        let latest = now.saturating_add(self.wait);
        let back = state.held.back().is_some_and(|last| last.due > latest)
            || state.held.front().is_some_and(|first| first.due > latest);
        if back {
            for held in &mut state.held {
                held.due = held.due.min(latest);
            }
            state.armed = false;
        }
    }
}
