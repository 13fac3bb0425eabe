//! What comes to a live run from outside: it stands still or goes on, takes messages, and shows those that are emitted.

use std::sync::mpsc::{RecvTimeoutError, SyncSender, sync_channel};

use serde_json::{Value, json};
use theater_flow_kernel::record::{Body, Part};

use super::{ANSWER_BYTES, LOOK, ShownRun};
use crate::channels::{self, Pattern};
use crate::driver::{Event, Held, Pausing, Sending};
use crate::exit::Problem;
use crate::journal::{Journal, JournalError};
use crate::person::person;
use crate::send::Unsent;
use crate::socket::Lines;
use crate::store::Reader;
use crate::view::{self, Row};

impl ShownRun {
    /// Tells the run something, and waits until it says what came of it.
    fn tell<T>(&self, event: impl FnOnce(SyncSender<T>) -> Event) -> Result<T, String> {
        let (reply, recorded) = sync_channel(1);
        let over = |_| String::from("the run ended before that was recorded");
        self.events.send(event(reply)).map_err(|_| over(RecvTimeoutError::Timeout))?;
        recorded.recv_timeout(LOOK).map_err(over)
    }

    pub(super) fn stand_still(&self, still: bool, uid: u32) -> Result<Value, String> {
        let by = person(uid);
        let held = self.tell(|reply| Event::Pause(Pausing { still, by, reply }))?;
        let (already, why) = match held {
            Held::Recorded(seq) => return Ok(json!({ "recorded": true, "seq": seq })),
            Held::Already if still => (true, "it is paused already"),
            Held::Already => (true, "it is not paused"),
            Held::Ending => (false, "it comes to its end"),
        };
        Ok(json!({ "recorded": false, "already": already, "why": why }))
    }

    pub(super) fn take_in(&self, to: &str, value: String, uid: u32) -> Result<Value, String> {
        let (to, by) = (to.to_owned(), person(uid));
        let sent = self.tell(|reply| Event::Send(Sending { to, value, by, reply }))?;
        Ok(match sent {
            Ok(seq) => json!({ "recorded": true, "seq": seq }),
            Err(why) => {
                let (wrong, help) = (why.is_wrong(), help(&why));
                let why = why.to_string();
                json!({ "recorded": false, "why": why, "help": help, "wrong": wrong })
            }
        })
    }

    pub(super) fn named_channels(&self) -> Result<(Vec<String>, u64), String> {
        self.state(|state| (channels::of(&state.plan), state.kept.next_seq))
    }

    /// The messages among the records from `from` on, as many as one answer may hold.
    pub(super) fn emitted(
        &self,
        store: Reader<'_>,
        (from, most): (u64, usize),
        pattern: &Pattern,
    ) -> Result<Lines, JournalError> {
        let journal = Journal::open(store)?;
        let mut lines = Lines { next: from, ..Lines::default() };
        if from >= journal.flushed().seq {
            return Ok(lines);
        }
        let named = self.names.named(&journal)?;
        let view = named.view();
        let mut bytes = 0;
        for stored in journal.records(from)?.take(most) {
            let row = Row::of_stored(&stored?)?;
            lines.over = view::ends_a_process(&row.record.body);
            lines.next = row.record.seq + 1;
            // What a failed attempt emitted never arrived.
            let took_effect = matches!(row.record.body, Body::Transaction(_));
            for (i, part, _) in row.parts().filter(|_| took_effect) {
                let Part::Emission { port, .. } = part else { continue };
                let channel = view.channel(&row, *port);
                if pattern.matches(&channel) {
                    let line = view.message(&row, i, &channel).to_string();
                    bytes += line.len();
                    lines.lines.push(line);
                }
            }
            if bytes > ANSWER_BYTES {
                break;
            }
        }
        Ok(lines)
    }
}

/// How what is named wrongly is named.
fn help(why: &Unsent) -> Option<String> {
    let (what, word, known) = match why {
        Unsent::NoAgent { agent, known } => ("agent", agent, known),
        Unsent::NoInput { known, .. } if known.is_empty() => {
            return Some(String::from("it has no inputs: it only sends"));
        }
        Unsent::NoInput { port, known, .. } => ("input", port, known),
        Unsent::Value { why, .. } if why.message.starts_with("not JSON") => {
            return Some(String::from("a string stands in quotes: '\"text\"'"));
        }
        _ => return None,
    };
    let known: Vec<&str> = known.iter().map(String::as_str).collect();
    match view::unknown(what, word, &known) {
        Problem::Told { help, .. } => help,
        Problem::Shown(_) | Problem::BrokenPipe => None,
    }
}
