//! What a replay found: for people and as JSON.

use theater_flow_kernel::ids::RunId;
use theater_flow_kernel::record::Body;

use super::diff::{Side, differing};
use super::json::Json;
use super::{Detail, Row, View};
use crate::render::escape::escape;
use crate::render::{Look, Tone, columns, fit};
use crate::replay::Replayed;

/// Differences that are told in full; of more there is one line each.
const FULL: usize = 3;
/// Further records that are named, at most.
const ALSO: usize = 12;
/// Lines of what differs in one record, at most.
const WORDS: usize = 8;

/// A difference with all that it takes to understand it.
pub struct Told {
    /// Whose.
    pub agent: String,
    /// The record.
    pub row: Row,
    /// The one that emitted the message it is about.
    pub from: Option<Row>,
    /// Further records of the agent whose calls differ.
    pub also: Vec<u64>,
    /// What the record would be now.
    pub now: Option<Row>,
    /// What it follows from.
    pub causes: Vec<Row>,
    /// Where the call first left the record.
    pub message: String,
    /// The nearest cause, in plain words.
    pub why: String,
}

/// A replay that is over.
pub struct ReplayView<'a> {
    /// The run.
    pub run: RunId,
    /// Shows its records.
    pub view: View<'a>,
    /// What was done.
    pub did: &'a Replayed,
    /// Its differences.
    pub told: &'a [Told],
    /// With another file: the agents that are others there, and in what.
    pub changed: Option<Vec<(&'a str, &'a str)>>,
    /// Agents that the other file does not have.
    pub left: &'a [String],
}

/// True if both are the same deed, whatever it cost.
#[must_use]
pub fn same_but_fuel(left: &Row, right: &Row) -> bool {
    let same = match (&left.record.body, &right.record.body) {
        (Body::Transaction(left), Body::Transaction(right)) => left.next == right.next,
        (Body::Faulted(left), Body::Faulted(right)) => left.fault == right.fault,
        // What is asked is a payload.
        (Body::Intent(left), Body::Intent(right)) => left.call == right.call,
        (Body::Crashed(left), Body::Crashed(right)) => left.crash.kind == right.crash.kind,
        _ => false,
    };
    // Not the parts themselves: they hold digests under salts of their own.
    same && left.payloads == right.payloads
        && left.record.body.parts().len() == right.record.body.parts().len()
}

/// What makes an agent another (`component`, `config`, `grants`, `limits`, with commas between), as one says it.
#[must_use]
pub fn others(what: &str) -> String {
    let other = |what| match what {
        "grants" | "limits" => format!("other {what}"),
        _ => format!("another {what}"),
    };
    let others: Vec<String> = what.split(", ").map(other).collect();
    others.join(" and ")
}

/// The line that names further records whose calls differ.
fn also(seqs: &[u64]) -> Option<String> {
    let shown: Vec<String> = seqs.iter().take(ALSO).map(u64::to_string).collect();
    let left = seqs.len().checked_sub(ALSO).filter(|left| *left > 0);
    let left = left.map_or_else(String::new, |left| format!(" and {left} more"));
    (!seqs.is_empty()).then(|| format!("  also differs at {}{left}", shown.join(", ")))
}

/// What a call cost.
const fn fuel(body: &Body) -> Option<u64> {
    match body {
        Body::Transaction(body) => Some(body.fuel),
        Body::Faulted(body) => Some(body.fuel),
        Body::Crashed(body) => Some(body.fuel),
        Body::Intent(body) => Some(body.fuel),
        _ => None,
    }
}

impl ReplayView<'_> {
    /// For people: one line if all is well, else the differences.
    #[must_use]
    pub fn lines(&self, look: Look) -> Vec<String> {
        let mut lines = self.with_lines();
        if self.told.is_empty() {
            lines.push(format!(
                "run {} replayed events={} calls={}{}: no difference",
                self.run,
                self.did.records,
                self.did.calls,
                self.skipped()
            ));
            return lines;
        }
        for (nth, told) in self.told.iter().enumerate() {
            lines.push(format!(
                "run {} differs at record {} of `{}`: {}",
                self.run,
                told.row.record.seq,
                escape(&told.agent),
                escape(&self.message(told))
            ));
            if nth < FULL {
                self.difference(told, look, &mut lines);
            }
            lines.extend(also(&told.also));
        }
        if self.changed.is_some() {
            lines.push(format!(
                "agents that do otherwise: {} of {}; calls={}{}",
                self.told.len(),
                self.changed.as_ref().map_or(0, Vec::len),
                self.did.calls,
                self.skipped()
            ));
        }
        lines
    }

    fn skipped(&self) -> String {
        if self.did.skipped == 0 { String::new() } else { format!(" skipped={}", self.did.skipped) }
    }

    fn with_lines(&self) -> Vec<String> {
        let Some(changed) = &self.changed else { return vec![] };
        let mut lines: Vec<String> = changed
            .iter()
            .map(|(agent, what)| format!("`{}` has {}", escape(agent), others(what)))
            .collect();
        if changed.is_empty() {
            lines.push(String::from("no agent of the run is another in the file"));
        }
        lines.extend(
            self.left.iter().map(|agent| format!("`{}` is not in the file", escape(agent))),
        );
        lines
    }

    fn difference(&self, told: &Told, look: Look, lines: &mut Vec<String>) {
        let mut row = |name: &str, text: &str| {
            let head = format!("  {name:<10}");
            let room = look.width.map_or(usize::MAX, |all| all.saturating_sub(columns(&head)));
            let line = format!("{}{}", look.paint(Tone::Strong, &head), fit(text, room.max(1)));
            lines.push(line.trim_end().to_owned());
        };
        // Else it could not even be brought to where the replay begins.
        if self.view.about(&told.row) == told.agent {
            row("expected", &self.view.summary(&told.row));
        }
        if let Some(now) = &told.now {
            row("actual", &self.view.summary(now));
        }
        for (nth, (name, (expected, actual))) in self.words(told).iter().enumerate() {
            if nth == WORDS {
                row("…", "more differs; `--json` has all");
                break;
            }
            if nth == 0 {
                row("differs", "");
            }
            for (mark, word) in [("-", expected), ("+", actual)] {
                let word = word.as_deref().unwrap_or("(nothing)");
                row("", &format!("{mark} {name}  {word}"));
            }
        }
        for (nth, cause) in told.causes.iter().enumerate() {
            let agent = escape(self.view.about(cause));
            let said = self.view.summary(cause);
            let text =
                format!("{}  {agent}  {}  {said}", cause.record.seq, cause.record.body.kind());
            row(if nth == 0 { "causes" } else { "" }, &text);
        }
        row("because", &escape(&told.why));
    }

    /// How the call differed, in a few words.
    fn message(&self, told: &Told) -> String {
        let Some(now) = &told.now else { return told.message.clone() };
        let words = self.words(told);
        let what = match words.first() {
            Some((name, (Some(_), Some(_)))) => format!("{name} is another"),
            Some((name, (Some(_), None))) => format!("{name} does not come"),
            Some((name, _)) => format!("{name} comes besides"),
            None => match (fuel(&told.row.record.body), fuel(&now.record.body)) {
                (Some(then), Some(now)) if then != now => {
                    format!("it took {now} fuel, the record says {then}")
                }
                _ => told.message.clone(),
            },
        };
        if what.starts_with('.') { format!("part {what}") } else { what }
    }

    fn words(&self, told: &Told) -> Vec<(String, super::diff::Words)> {
        let Some(now) = &told.now else { return vec![] };
        let side = |row: &Row| Side {
            run: self.run,
            view: self.view.clone(),
            first: Some((row.clone(), told.from.clone())),
        };
        differing((&side(&told.row), &side(now)))
    }

    /// As one object.
    #[must_use]
    pub fn json(&self) -> Json {
        let mut differences: Vec<Json> =
            self.told.iter().map(|told| self.difference_json(told)).collect();
        let ok = differences.is_empty();
        let mut fields = vec![
            ("ok", ok.into()),
            ("records", self.did.records.into()),
            ("calls", self.did.calls.into()),
            ("skipped", self.did.skipped.into()),
        ];
        if let Some(changed) = &self.changed {
            let changed = changed.iter().map(|(agent, what)| {
                Json::Object(vec![("agent", Json::text(agent)), ("other", Json::text(what))])
            });
            fields.push(("changed", changed.collect()));
            fields.push(("left", self.left.iter().map(Json::text).collect()));
            fields.push(("differences", Json::List(differences)));
        } else {
            fields.push(("difference", differences.pop().into()));
        }
        Json::Object(fields)
    }

    fn difference_json(&self, told: &Told) -> Json {
        let words = self.words(told).into_iter().map(|(name, (expected, actual))| {
            let side = |word: Option<String>| Json::from(word.map(Json::Text));
            let (expected, actual) = (side(expected), side(actual));
            Json::Object(vec![
                ("what", Json::Text(name)),
                ("expected", expected),
                ("actual", actual),
            ])
        });
        // Hash and links of what never was a record mean nothing.
        let now = told.now.as_ref().map(|now| match self.view.line(now, Detail::Full) {
            Json::Object(fields) => Json::Object(
                fields.into_iter().filter(|(name, _)| !matches!(*name, "hash" | "prev")).collect(),
            ),
            other => other,
        });
        let causes = told.row.record.causes.iter().map(Json::text);
        Json::Object(vec![
            ("seq", told.row.record.seq.into()),
            ("agent", Json::text(&told.agent)),
            ("message", Json::Text(self.message(told))),
            ("causes", causes.collect()),
            ("also", told.also.iter().map(|seq| Json::Number(*seq)).collect()),
            ("because", Json::text(&told.why)),
            ("differs", words.collect()),
            ("expected", self.view.line(&told.row, Detail::Full)),
            ("actual", now.into()),
        ])
    }
}
