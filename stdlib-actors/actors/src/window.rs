//! `std/window`: figures of groups of messages, sent at intervals.

use theater_flow_sdk::{Actor, ConfigFault, Cx, Event, Fault, Next, Port};

#[cfg(test)]
mod tests;

use crate::aggregate::{Config, Core, Flush, State, bad_config, schema};

/// The name of the timer.
const TIMER: &str = "flush";
/// The longest interval, in ms: a day.
const LONGEST: u64 = 86_400_000;
const UNITS: [(&str, u64); 4] = [("ms", 1), ("s", 1_000), ("m", 60_000), ("h", 3_600_000)];

/// The actor.
pub struct Window {
    core: Core,
    /// Between two flushes, in ms.
    every: u64,
}

impl Actor for Window {
    type Config = Config;
    type State = State;

    const DOC: &'static str = include_str!("../../docs/window.md");
    const CONFIG_SCHEMA: &'static str = schema!(
        r#"["take", "flush"]"#,
        r#"{
      "type": "object",
      "additionalProperties": false,
      "required": ["every"],
      "description": "When groups are sent and begin anew, beside the end.",
      "properties": { "every": { "type": "string", "pattern": "^[0-9]+(ms|s|m|h)$", "description": "The interval: `10ms` to `24h`." } }
    }"#
    );

    fn ports(config: &Config) -> Result<Vec<Port>, Vec<ConfigFault>> {
        match (config.core(), every(&config.flush)) {
            (Ok(core), Ok(_)) => Ok(core.ports()),
            (core, every) => {
                let mut faults = core.err().unwrap_or_default();
                faults.extend(every.err());
                Err(faults)
            }
        }
    }

    fn new(config: Config) -> Result<Self, Fault> {
        let every = every(&config.flush).map_err(|fault| bad_config(&[fault]))?;
        let core = config.core().map_err(|faults| bad_config(&faults))?;
        Ok(Self { core, every })
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

fn every(flush: &Flush) -> Result<u64, ConfigFault> {
    let Flush::Every(text) = flush else {
        let message =
            "expected { every = \"10s\" }; `std/aggregate` flushes by count or at the end";
        return Err(ConfigFault::at(&["flush"], message));
    };
    milliseconds(text)
        .filter(|every| (10..=LONGEST).contains(every))
        .ok_or_else(|| {
            let message = "expected a time from `10ms` to `24h`: a whole number with ms, s, m or h";
            ConfigFault::at(&["flush", "every"], message)
        })
}

fn milliseconds(text: &str) -> Option<u64> {
    let (number, unit) = text.split_at(text.find(|c: char| !c.is_ascii_digit())?);
    let (_, factor) = UNITS.iter().find(|(name, _)| *name == unit)?;
    number.parse::<u64>().ok()?.checked_mul(*factor)
}
