//! `std/timer`: a message every so often.

use serde::{Deserialize, Serialize};
use theater_flow_sdk::{Actor, Config, ConfigFault, Cx, Event, Fault, Next, Port, Typed};

use crate::duration::{MONTH_MS, Period};

/// The name of the one timer.
const TICK: &str = "tick";

/// The actor.
pub struct Timer {
    every: u64,
    count: Option<u64>,
    at_start: bool,
}

/// What the pipeline file says.
#[derive(Debug, Deserialize, Config)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Config {
    /// The time from one tick to the next, such as "500ms" or "1h"; 30 days at most.
    every: Period<1, MONTH_MS>,
    /// After how many ticks it ends; without it never.
    #[config(minimum = 1)]
    count: Option<u64>,
    /// The first tick comes at once, and not after one period.
    #[serde(default)]
    at_start: bool,
}

/// Where the actor stands in its beat.
#[derive(Default, Debug, Serialize, Deserialize)]
pub struct State {
    /// Ticks sent.
    n: u64,
    /// When the next one is due, in ms since 1970: a whole number of periods after the start, so
    /// that what a tick is late does not add up.
    due: u64,
}

#[derive(Serialize, Typed)]
struct Tick {
    n: u64,
    at: u64,
}

impl Actor for Timer {
    type Config = Config;
    type State = State;

    const DOC: &'static str = include_str!("../../docs/timer.md");

    fn ports(_: &Config) -> Result<Vec<Port>, Vec<ConfigFault>> {
        let tick = Port::output_of::<Tick>("out");
        Ok(vec![tick.doc(
            "The number of the tick, from 1, and its time in ms since 1970.",
        )])
    }

    fn new(config: Config) -> Result<Self, Fault> {
        let every = config.every.ms();
        let every = every.map_err(|message| Fault::new("bad-config", message))?;
        let Config {
            count, at_start, ..
        } = config;
        Ok(Self {
            every,
            count,
            at_start,
        })
    }

    fn handle(&self, state: &mut State, event: Event, cx: &mut Cx) -> Result<Next, Fault> {
        match event {
            Event::Start => {
                let now = cx.outside.now();
                let n = u64::from(self.at_start);
                if self.at_start {
                    cx.emit("out", &Tick { n, at: now })?;
                }
                self.arm(state, State { n, due: now }, now, cx);
            }
            // A reload may have left fewer than were sent.
            Event::Timer(_) if self.count.is_none_or(|count| state.n < count) => {
                let at = cx.outside.now();
                let n = state.n + 1;
                cx.emit("out", &Tick { n, at })?;
                let due = state.due;
                self.arm(state, State { n, due }, at, cx);
            }
            _ => {}
        }
        Ok(Next::Wait)
    }
}

impl Timer {
    /// Sets the timer for the first beat after `now`, unless all ticks are sent: those that were
    /// missed are not made up for.
    fn arm(&self, state: &mut State, State { n, due }: State, now: u64, cx: &mut Cx) {
        let missed = now.saturating_sub(due) / self.every;
        let mut due = due.saturating_add((missed + 1).saturating_mul(self.every));
        // A clock that was set back is a new beginning.
        due = due.min(now.saturating_add(self.every));
        if self.count.is_none_or(|count| n < count) {
            cx.outside.set_timer(TICK, due.saturating_sub(now).max(1));
        }
        *state = State { n, due };
    }
}

#[cfg(test)]
mod tests {
    use theater_flow_sdk::Trial;

    use super::*;

    /// At 1,000 ms, just started.
    fn trial(config: &str) -> (Trial<Timer>, Vec<String>) {
        let mut trial = Trial::<Timer>::new(config).expect("a good config");
        trial.outside().now = 1_000;
        let handled = trial.handle(Event::Start);
        assert_eq!(handled.next, Ok(Next::Wait));
        (trial, bodies(handled.emitted))
    }

    fn bodies(emitted: Vec<(String, String)>) -> Vec<String> {
        emitted.into_iter().map(|(_, body)| body).collect()
    }

    /// The tick at a time, and how long the timer is set for after it.
    fn tick(trial: &mut Trial<Timer>, now: u64) -> (Vec<String>, Option<u64>) {
        trial.restore().expect("no fault");
        trial.outside().now = now;
        trial.outside().timers.clear();
        let handled = trial.handle(Event::Timer(TICK.into()));
        let set = trial.outside().timers.get(TICK).copied();
        (bodies(handled.emitted), set)
    }

    #[test]
    fn ticks_keep_to_the_beat_and_missed_ones_are_left_out() {
        let (mut trial, first) = trial(r#"{"every":"100ms"}"#);
        assert!(first.is_empty());
        assert_eq!(trial.outside().timers[TICK], 100);
        for (now, body, set) in [
            (1_100, r#"{"n":1,"at":1100}"#, 100),
            (1_207, r#"{"n":2,"at":1207}"#, 93),
            (1_399, r#"{"n":3,"at":1399}"#, 1),
            (1_400, r#"{"n":4,"at":1400}"#, 100),
            (9_950, r#"{"n":5,"at":9950}"#, 50),
            (10_000, r#"{"n":6,"at":10000}"#, 100),
            // The clock was set back.
            (500, r#"{"n":7,"at":500}"#, 100),
            (600, r#"{"n":8,"at":600}"#, 100),
        ] {
            assert_eq!(
                tick(&mut trial, now),
                (vec![body.to_owned()], Some(set)),
                "{now}"
            );
        }
    }

    #[test]
    fn the_first_tick_may_come_at_once_and_the_last_sets_no_timer() {
        let (mut trial, first) = trial(r#"{"every":"1s","at-start":true,"count":2}"#);
        assert_eq!(first, [r#"{"n":1,"at":1000}"#]);
        assert_eq!(trial.outside().timers[TICK], 1_000);
        assert_eq!(
            tick(&mut trial, 2_000),
            (vec![r#"{"n":2,"at":2000}"#.to_owned()], None)
        );
        let (mut trial, _) = self::trial(r#"{"every":"1s","at-start":true,"count":1}"#);
        assert!(trial.outside().timers.is_empty());
    }

    #[test]
    fn bad_configs_are_refused_with_their_places() {
        for (config, pointers) in [
            ("{}", &[""][..]),
            (r#"{"every":"1"}"#, &["/every"]),
            (r#"{"every":5}"#, &["/every"]),
            (r#"{"every":"0s","count":0}"#, &["/every", "/count"]),
            (r#"{"every":"1s","at":1}"#, &["/at"]),
        ] {
            let faults = Trial::<Timer>::new(config).err().expect("a bad config");
            let found: Vec<&str> = faults.iter().map(|fault| &fault.pointer[..]).collect();
            assert_eq!(found, pointers, "{config}");
        }
    }
}
