//! Two runs side by side: for people and as JSON.

use theater_flow_kernel::ids::RunId;
use theater_flow_kernel::record::{Body, Consumed, Next};

use super::json::Json;
use super::{Row, View, count, line, table};
use crate::compare::{Comparison, First, Output, Pair, RUN, Tally};
use crate::render::escape::escape;
use crate::render::{Look, Tone, columns, fit};

/// Lines of what differs in one record, at most.
const DIFFERING: usize = 8;
/// Agents and places that are listed, at most.
const LISTED: usize = 40;

/// A run that is compared.
pub struct Side<'a> {
    /// Which it is.
    pub run: RunId,
    /// Shows its records.
    pub view: View<'a>,
    /// The record of the first difference, and the one that emitted the message it is about.
    pub first: Option<(Row, Option<Row>)>,
}

/// What a record says in one respect.
type Word = (String, String);

impl View<'_> {
    /// The number of the record that emitted what a call handled.
    #[must_use]
    pub fn handled(row: &Row) -> Option<u64> {
        match consumed(row)? {
            Consumed::Message { id, .. } => Some(id.seq),
            _ => None,
        }
    }

    /// What a record says, respect by respect.
    fn words(&self, row: &Row, from: Option<&Row>) -> Vec<Word> {
        let mut words = vec![(String::from("kind"), row.record.body.kind().to_owned())];
        if let Some(consumed) = consumed(row) {
            let event = match consumed {
                Consumed::Message { id, port } => {
                    let from = from.and_then(|from| {
                        id.part.map_or_else(
                            || Some(self.summary(from)),
                            |i| self.part_summary(from, i),
                        )
                    });
                    format!("{} {}", escape(self.port(*port)), from.unwrap_or_default())
                }
                Consumed::Start => "start".to_owned(),
                Consumed::Pull => "pull".to_owned(),
                Consumed::Closed { port } => format!("{} closed", escape(self.port(*port))),
                Consumed::Timer { name } => format!("timer {}", escape(name)),
            };
            words.push((String::from("event"), event));
        }
        for (i, part, payloads) in row.parts() {
            words.push((format!(".{i}"), self.part_brief(row, (part, payloads))));
            if let theater_flow_kernel::record::Part::Answer { call, .. } = part
                && let Some(answer) = payloads.get(1).and_then(Option::as_ref)
            {
                let answer = super::call::answer(*call, false, answer).to_string();
                words.push((format!(".{i} got"), fit(&escape(&answer), 160)));
            }
        }
        words.push((String::from("ends in"), self.ending(row)));
        words
    }

    fn ending(&self, row: &Row) -> String {
        match &row.record.body {
            Body::Transaction(body) => match body.next {
                Next::Wait => "wait".to_owned(),
                next => line::next(next).to_owned(),
            },
            Body::Faulted(body) => {
                format!("fault {}: {}", escape(&body.fault.code), escape(&body.fault.message))
            }
            _ => self.summary(row),
        }
    }
}

const fn consumed(row: &Row) -> Option<&Consumed> {
    match &row.record.body {
        Body::Transaction(body) => Some(&body.consumed),
        Body::Faulted(body) => Some(&body.consumed),
        Body::Crashed(body) => body.consumed.as_ref(),
        Body::Intent(body) => Some(&body.consumed),
        _ => None,
    }
}

/// What each side says in one respect.
pub(super) type Words = Pair<String>;

/// What differs between two records: the respect, and what each side says.
pub(super) fn differing(sides: (&Side<'_>, &Side<'_>)) -> Vec<(String, Words)> {
    let words = |side: &Side<'_>| {
        let first = side.first.as_ref();
        first.map_or_else(Vec::new, |(row, from)| side.view.words(row, from.as_ref()))
    };
    let (left, right) = (words(sides.0), words(sides.1));
    let mut names: Vec<&String> = left.iter().map(|(name, _)| name).collect();
    names.extend(
        right
            .iter()
            .map(|(name, _)| name)
            .filter(|name| !left.iter().any(|(known, _)| known == *name)),
    );
    let of = |words: &[Word], name: &str| {
        words.iter().find(|(known, _)| known == name).map(|(_, word)| word.clone())
    };
    let pairs = names.into_iter().map(|name| (name.clone(), (of(&left, name), of(&right, name))));
    pairs.filter(|(_, (left, right))| left != right).collect()
}

/// All that is to be said of a comparison, for people.
#[must_use]
pub fn diff_lines(found: &Comparison, sides: (&Side<'_>, &Side<'_>), look: Look) -> Vec<String> {
    let strong = |text: &str| look.paint(Tone::Strong, text);
    let mut lines = vec![verdict(found, look)];
    for (name, side, goes_on) in
        [("first ", sides.0, found.go_on.0), ("second", sides.1, found.go_on.1)]
    {
        let so_far = if goes_on { ", so far: it goes on" } else { "" };
        lines.push(format!("  {name}  {}{so_far}", side.run));
    }
    if !found.plans.is_empty() {
        lines.extend([String::new(), strong("plans")]);
        lines.extend(listed(found.plans.iter().map(|word| format!("  {}", escape(word)))));
    }
    if let Some(first) = &found.first {
        lines.push(String::new());
        first_lines(first, sides, look, &mut lines);
    }
    let so_far = so_far(found);
    for agent in &found.reordered {
        lines.push(format!("`{}` did the same in another order{so_far}", escape(agent)));
    }
    for agent in &found.undecided {
        let agent = escape(agent);
        lines.push(format!(
            "`{agent}`: too early to tell, since a run that goes on may yet do what the other did"
        ));
    }
    if found.erased > 0 && !found.is_same() {
        let gone = count(found.erased, "other record", "other records");
        lines.push(format!("{gone} cannot be compared: erased by prune"));
    }
    lines.extend([String::new(), strong("agents")]);
    let mut rows = vec![heads()];
    rows.extend(found.agents.iter().take(LISTED).map(|(name, pair)| tally_row(name, *pair)));
    lines.extend(table::lines(&rows, None).into_iter().map(|line| format!("  {line}")));
    lines.extend(more(found.agents.len()));
    if !found.outputs.is_empty() {
        lines.extend([String::new(), strong("outputs")]);
        let outputs = found.outputs.iter().map(|((agent, name), pair)| {
            let place = if name.is_empty() { "stdout" } else { name.as_str() };
            format!("  {} to {}: {}", escape(agent), escape(place), output_words(*pair))
        });
        lines.extend(listed(outputs));
    }
    lines
}

/// What is to be added to what holds only up to now.
const fn so_far(found: &Comparison) -> &'static str {
    if matches!(found.go_on, (false, false)) { "" } else { " so far" }
}

fn verdict(found: &Comparison, look: Look) -> String {
    let so_far = so_far(found);
    match (&found.first, found.is_same()) {
        (None, true) if found.not_compared() > 0 => {
            let gone = count(found.not_compared(), "thing", "things");
            let text = format!(
                "no difference was found{so_far}, but {gone} cannot be compared: erased by prune"
            );
            look.paint(Tone::Warn, &text)
        }
        (None, true) if !found.undecided.is_empty() => {
            look.paint(Tone::Warn, "no difference was found so far")
        }
        (None, true) => look.paint(Tone::Good, &format!("the runs did the same{so_far}")),
        (None, false) => {
            look.paint(Tone::Warn, "the runs did the same in another order, and wrote otherwise")
        }
        _ => look.paint(Tone::Warn, "the runs differ"),
    }
}

fn listed(lines: impl Iterator<Item = String>) -> Vec<String> {
    let mut lines: Vec<String> = lines.collect();
    let all = lines.len();
    lines.truncate(LISTED);
    lines.extend(more(all));
    lines
}

fn more(all: usize) -> Option<String> {
    all.checked_sub(LISTED)
        .filter(|left| *left > 0)
        .map(|left| format!("  … {left} more; `--json` has all"))
}

fn first_lines(first: &First, sides: (&Side<'_>, &Side<'_>), look: Look, lines: &mut Vec<String>) {
    let who = if first.agent == RUN {
        "of the run".into()
    } else {
        format!("of `{}`", escape(&first.agent))
    };
    lines.push(look.paint(Tone::Strong, &format!("first difference, {who}")));
    for (name, side) in [("first ", sides.0), ("second", sides.1)] {
        let said = match &side.first {
            Some((row, _)) => {
                format!(
                    "{}  {}  {}",
                    row.record.seq,
                    row.record.body.kind(),
                    side.view.summary(row)
                )
            }
            None => "nothing like it".to_owned(),
        };
        let head = format!("  {name}  ");
        let room = look.width.map_or(usize::MAX, |all| all.saturating_sub(columns(&head)));
        lines.push(format!("{head}{}", fit(&said, room.max(1))));
    }
    if sides.0.first.is_none() || sides.1.first.is_none() {
        return;
    }
    let words = differing(sides);
    for (name, (left, right)) in words.iter().take(DIFFERING) {
        lines.push(format!("  {name}"));
        for (mark, word) in [("-", left), ("+", right)] {
            let word = word.as_deref().unwrap_or("(nothing)");
            let room = look.width.map_or(usize::MAX, |all| all.saturating_sub(6)).max(1);
            lines.push(format!("    {mark} {}", fit(word, room)));
        }
    }
    if let Some(left) = words.len().checked_sub(DIFFERING).filter(|left| *left > 0) {
        let others = count(left as u64, "other difference", "other differences");
        lines.push(format!("  … {others} in it; `--json` has all"));
    }
}

fn heads() -> Vec<String> {
    ["agent", "calls", "emissions", "faults", "crashes", "dead letters", "fuel"]
        .map(String::from)
        .to_vec()
}

/// The figures of an agent, in the order of their heads.
const fn figures(tally: Tally) -> [u64; 6] {
    let Tally { calls, emissions, faults, crashes, dead_letters, fuel } = tally;
    [calls, emissions, faults, crashes, dead_letters, fuel]
}

fn tally_row(name: &str, (left, right): Pair<Tally>) -> Vec<String> {
    let mut row = vec![escape(name).into_owned()];
    let (left, right) = (left.map(figures), right.map(figures));
    row.extend((0..6).map(|nth| {
        let cell =
            |side: Option<[u64; 6]>| side.map_or_else(|| "-".into(), |all| all[nth].to_string());
        let (left, right) = (cell(left), cell(right));
        if left == right { left } else { format!("{left} → {right}") }
    }));
    row
}

fn output_words((left, right): Pair<Output>) -> String {
    match (left, right) {
        (Some(left), Some(right)) if left.is_unknown(&right) => {
            format!("{} B, cannot be compared: erased by prune", left.bytes)
        }
        (Some(left), Some(right)) if left.is_same(&right) && left.bytes == right.bytes => {
            format!("{} B, the same", left.bytes)
        }
        (Some(left), Some(right)) if left.is_same(&right) => {
            let (left, right) = (left.bytes, right.bytes);
            format!("{left} B → {right} B, the same but for the numbers of records")
        }
        (Some(left), Some(right)) if left.bytes == right.bytes => {
            format!("{} B, other content", left.bytes)
        }
        (Some(left), Some(right)) => format!("{} B → {} B", left.bytes, right.bytes),
        (Some(left), None) => format!("{} B in the first only", left.bytes),
        (None, Some(right)) => format!("{} B in the second only", right.bytes),
        (None, None) => String::new(),
    }
}

/// All that is to be said of a comparison, as one object.
#[must_use]
pub fn diff_json(found: &Comparison, sides: (&Side<'_>, &Side<'_>)) -> Json {
    let record = |side: &Side<'_>| {
        let first = side.first.as_ref();
        first.map(|(row, _)| side.view.line(row, super::Detail::Full))
    };
    let first = found.first.as_ref().map(|first| {
        let words = differing(sides).into_iter().map(|(name, (left, right))| {
            let side = |word: Option<String>| Json::from(word.map(Json::Text));
            Json::Object(vec![
                ("what", Json::Text(name)),
                ("first", side(left)),
                ("second", side(right)),
            ])
        });
        Json::Object(vec![
            ("agent", Json::text(&first.agent)),
            ("first", record(sides.0).into()),
            ("second", record(sides.1).into()),
            ("differs", words.collect()),
        ])
    });
    let agents = found.agents.iter().map(|(name, (left, right))| {
        let side = |tally: &Option<Tally>| Json::from(tally.map(tally_json));
        Json::Object(vec![
            ("agent", Json::text(name)),
            ("first", side(left)),
            ("second", side(right)),
        ])
    });
    let outputs = found.outputs.iter().map(|((agent, name), (left, right))| {
        let side = |output: &Option<Output>| Json::from(output.map(output_json));
        Json::Object(vec![
            ("agent", Json::text(agent)),
            ("name", Json::text(if name.is_empty() { "stdout" } else { name })),
            ("first", side(left)),
            ("second", side(right)),
        ])
    });
    let is_known = !found.is_same() || found.not_compared() == 0 && found.undecided.is_empty();
    let same = is_known.then(|| Json::from(found.is_same()));
    Json::Object(vec![
        ("same", same.into()),
        ("not_compared", found.not_compared().into()),
        ("runs", [sides.0.run, sides.1.run].into_iter().map(Json::text).collect()),
        ("go_on", [found.go_on.0, found.go_on.1].into_iter().map(Json::from).collect()),
        ("plans", found.plans.iter().map(Json::text).collect()),
        ("first_difference", first.into()),
        ("reordered", found.reordered.iter().map(Json::text).collect()),
        ("undecided", found.undecided.iter().map(Json::text).collect()),
        ("agents", agents.collect()),
        ("outputs", outputs.collect()),
    ])
}

fn tally_json(tally: Tally) -> Json {
    let names = ["calls", "emissions", "faults", "crashes", "dead_letters", "fuel"];
    Json::Object(names.into_iter().zip(figures(tally).map(Json::Number)).collect())
}

fn output_json(output: Output) -> Json {
    Json::Object(vec![
        ("bytes", output.bytes.into()),
        ("sha256", output.digest.map(Json::text).into()),
    ])
}
