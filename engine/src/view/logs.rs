//! What agents said, and what went wrong with them: one line each.

use serde_json::Value;
use theater_flow_kernel::record::{Body, DeadLetterReason, Part};

use super::json::Json;
use super::line::{crash_text, crashed};
use super::part::level;
use super::{Row, View, time};
use crate::render::escape::escape;
use crate::render::{Look, Tone, columns, fit};

/// The levels, from the least to the most urgent.
pub const LEVELS: [&str; 4] = ["debug", "info", "warn", "error"];

/// Columns of an agent's name; a longer one is cut.
const AGENT: usize = 14;
/// Columns of a place, as in `12345.12`.
const PLACE: usize = 9;

/// A line that an agent logged, or what went wrong.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LogLine {
    /// The record.
    pub seq: u64,
    /// The part that is the line; `None` if the record as a whole says it.
    pub part: Option<u32>,
    /// When, in ms since 1970.
    pub at: u64,
    /// The agent's name; `-` if it is about none.
    pub agent: String,
    /// One of [`LEVELS`].
    pub level: String,
    /// The kind of the part or the record: `log`, `log-dropped`, `faulted`, `crashed`, ….
    pub kind: String,
    /// As it was written; for people it is still to be escaped.
    pub text: String,
}

impl View<'_> {
    /// The log lines in a record, and what it says if it is itself a failure.
    #[must_use]
    pub fn logs(&self, row: &Row) -> Vec<LogLine> {
        let line = |part, level: &str, kind: &str, text| LogLine {
            seq: row.record.seq,
            part,
            at: row.record.at,
            agent: self.about(row).to_owned(),
            level: level.to_owned(),
            kind: kind.to_owned(),
            text,
        };
        let parts = row.parts().filter_map(|(i, part, payloads)| {
            let kind = super::part::kind(part);
            match part {
                Part::Log { level: loud, .. } => {
                    let text = payloads.first().and_then(Option::as_ref).map_or_else(
                        || ERASED.to_owned(),
                        |bytes| String::from_utf8_lossy(bytes).into_owned(),
                    );
                    Some(line(Some(i), level(*loud), kind, text))
                }
                Part::LogDropped { lines } => {
                    Some(line(Some(i), "warn", kind, dropped((*lines).into())))
                }
                _ => None,
            }
        });
        let failure = self.failure(&row.record.body);
        let failure = failure.map(|text| line(None, "error", row.record.body.kind(), text));
        parts.chain(failure).collect()
    }

    fn failure(&self, body: &Body) -> Option<String> {
        match body {
            Body::Faulted(body) => Some(said(&body.fault.code, &body.fault.message)),
            Body::Crashed(body) => Some(crashed(&body.crash)),
            Body::DeadLettered(body) => {
                let why = match &body.why {
                    DeadLetterReason::Fault(fault) => said(&fault.code, &fault.message),
                    DeadLetterReason::Crash(crash) => crashed(crash),
                    DeadLetterReason::Ended => READER_ENDED.to_owned(),
                    DeadLetterReason::Overflow => NO_PLACE.to_owned(),
                    DeadLetterReason::Rounds => TOO_MANY_ROUNDS.to_owned(),
                    DeadLetterReason::Closed => CYCLE_RESTED.to_owned(),
                    DeadLetterReason::Unfit => NO_PLACE_ANY_MORE.to_owned(),
                };
                Some(set_aside(&body.message.to_string(), &why))
            }
            Body::Escalated(body) => {
                Some(supervisor_gave_up(self.supervisor(body.supervisor), body.count.into()))
            }
            _ => None,
        }
    }
}

pub(super) const ERASED: &str = "(erased)";
pub(super) const READER_ENDED: &str = "its reader has ended";
pub(super) const NO_PLACE_ANY_MORE: &str = "the plan has no place for it any more";
pub(super) const NO_PLACE: &str = "its reader had no place for it";
pub(super) const TOO_MANY_ROUNDS: &str = "it has gone round as often as it may";
pub(super) const CYCLE_RESTED: &str = "its cycle had come to rest";

fn said(code: &str, message: &str) -> String {
    format!("{code}: {message}")
}

fn set_aside(message: &str, why: &str) -> String {
    format!("message {message} was set aside: {why}")
}

fn supervisor_gave_up(name: &str, one_too_many: u64) -> String {
    gave_up(&format!("supervisor `{name}`"), one_too_many)
}

/// Why a supervisor gave up; 0: not for its restarts.
pub(super) fn gave_up(who: &str, one_too_many: u64) -> String {
    match one_too_many {
        0 => format!("{who} could not start all its children"),
        nth => format!("{who} gave up, since restart {nth} in its window was one too many"),
    }
}

fn dropped(lines: u64) -> String {
    let lines = super::count(lines, "more line", "more lines");
    format!("{lines} of this event not kept")
}

impl LogLine {
    /// What [`View::logs`] gives, from a record as the owner of a live run sent it.
    #[must_use]
    pub fn of_json(record: &Value) -> Vec<Self> {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let line = |part, level: String, kind: &Value, words| Self {
            seq: record["seq"].as_u64().unwrap_or(0),
            part,
            at: record["at"].as_u64().unwrap_or(0),
            agent: record["agent"].as_str().unwrap_or("-").to_owned(),
            level,
            kind: text(kind),
            text: words,
        };
        let parts = record["parts"].as_array().map(Vec::as_slice).unwrap_or_default();
        let parts = parts.iter().filter_map(|part| {
            let i = part["i"].as_u64().and_then(|i| u32::try_from(i).ok());
            match part["kind"].as_str()? {
                "log" => {
                    let words = part["text"].as_str().unwrap_or(ERASED).to_owned();
                    Some(line(i, text(&part["level"]), &part["kind"], words))
                }
                "log-dropped" => {
                    let words = dropped(part["lines"].as_u64().unwrap_or(0));
                    Some(line(i, "warn".to_owned(), &part["kind"], words))
                }
                _ => None,
            }
        });
        let failure = failure_of_json(record);
        let failure = failure.map(|words| line(None, "error".to_owned(), &record["kind"], words));
        parts.chain(failure).collect()
    }

    /// True if it is at least as urgent as `least`.
    #[must_use]
    pub fn is_at_least(&self, least: &str) -> bool {
        let rank = |level: &str| LEVELS.iter().position(|known| *known == level);
        rank(&self.level) >= rank(least)
    }

    /// As one JSON object.
    #[must_use]
    pub fn json(&self) -> Json {
        Json::Object(vec![
            ("seq", self.seq.into()),
            ("i", self.part.into()),
            ("at", self.at.into()),
            ("agent", (self.agent != "-").then(|| Json::text(&self.agent)).into()),
            ("level", Json::text(&self.level)),
            ("kind", Json::text(&self.kind)),
            ("text", Json::text(&self.text)),
        ])
    }

    /// As one harmless line: time (UTC), level, where it stands, agent, text. It is not cut: a message is
    /// to be read whole.
    #[must_use]
    pub fn line(&self, look: Look) -> String {
        let at = look.paint(Tone::Faint, &time::time_of_day(self.at));
        let level = look.paint(tone(&self.level), &format!("{:<5}", escape(&self.level)));
        let part = self.part.map(|part| format!(".{part}")).unwrap_or_default();
        let place = format!("{:>PLACE$}", format!("{}{part}", self.seq));
        let agent = fit(&escape(&self.agent), AGENT);
        let pad = " ".repeat(AGENT.saturating_sub(columns(&agent)));
        let mark = match self.kind.as_str() {
            "log" | "log-dropped" => String::new(),
            kind => look.paint(Tone::Bad, &format!("[{}] ", escape(kind))),
        };
        let text = escape(self.text.trim_end());
        format!("{at}  {level}  {place}  {agent}{pad}  {mark}{text}").trim_end().to_owned()
    }
}

fn failure_of_json(record: &Value) -> Option<String> {
    let word = |value: &Value| value.as_str().unwrap_or("?").to_owned();
    let pair = |value: &Value, first: &str| said(&word(&value[first]), &word(&value["message"]));
    let crashed = |crash: &Value| crash_text(&word(&crash["kind"]), &word(&crash["message"]));
    match record["kind"].as_str()? {
        "faulted" => Some(pair(&record["fault"], "code")),
        "crashed" => Some(crashed(&record["crash"])),
        "dead-lettered" => {
            let why = &record["why"];
            let why = match (why.get("fault"), why.get("crash")) {
                (Some(fault), _) => pair(fault, "code"),
                (_, Some(crash)) => crashed(crash),
                _ if why.get("overflow").is_some() => NO_PLACE.to_owned(),
                _ if why.get("rounds").is_some() => TOO_MANY_ROUNDS.to_owned(),
                _ if why.get("closed").is_some() => CYCLE_RESTED.to_owned(),
                _ => READER_ENDED.to_owned(),
            };
            Some(set_aside(&word(&record["message"]), &why))
        }
        "escalated" => {
            let one_too_many = record["count"].as_u64().unwrap_or(0);
            Some(supervisor_gave_up(&word(&record["supervisor"]), one_too_many))
        }
        _ => None,
    }
}

fn tone(level: &str) -> Tone {
    match level {
        "debug" => Tone::Faint,
        "warn" => Tone::Warn,
        "error" => Tone::Bad,
        _ => Tone::Plain,
    }
}
