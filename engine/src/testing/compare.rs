//! What was seen beside what was expected.

use std::collections::BTreeMap;

use serde_json::Value;
use theater_flow_dsl::Span;
use theater_flow_dsl::testing::{Letter, Messages, Records, Test, Written};
use theater_flow_kernel::ids::AgentId;

use super::same::{first_difference, unmatched};
use super::script::Script;
use super::seen::{Seen, Set};
use super::stage::Stage;
use super::{Came, Difference};

/// All differences, in file order.
pub(super) fn differences(
    test: &Test,
    stage: &Stage,
    (seen, came): (&Seen, &Came),
    scripts: &BTreeMap<AgentId, Script>,
) -> Vec<Difference> {
    let mut found = Vec::new();
    let expect = &test.expect;
    for wanted in &expect.messages {
        let none = Vec::new();
        let there = seen.messages.get(&wanted.port.id).unwrap_or(&none);
        let mut difference = messages(wanted, there);
        if let Some(difference) = &mut difference
            && stage.silent.contains(&wanted.port.agent)
        {
            difference.what += "; the agent does not run in this test, since nothing that is \
                given reaches it (see `run`)";
        }
        found.extend(difference);
    }
    found.extend(expect.records.iter().filter_map(|wanted| records(wanted, seen, stage)));
    if let Some(wanted) = &expect.dead_letters {
        found.extend(letters(&wanted.value, wanted.span, seen, stage));
    }
    found.extend(expect.files.iter().filter_map(|wanted| file(wanted, seen)));
    if let Some(wanted) = &expect.stdout {
        found.extend(text("standard output", &wanted.value, &seen.stdout, wanted.span));
    }
    for mock in &test.mocks {
        let name = stage.name(mock.agent.value);
        let script = scripts.get(&mock.agent.value);
        found.extend(script.and_then(|script| replies(name, script, mock.agent.span)));
    }
    found.extend(status(test, came));
    found.sort_by_key(|difference| difference.span);
    found
}

fn status(test: &Test, came: &Came) -> Option<Difference> {
    let wanted = &test.expect.status;
    let seen = match came {
        Came::To(ends) if *ends == wanted.value => return None,
        Came::To(ends) => String::from(ends.word()),
        Came::Nowhere => String::from("no end (a `stop` ends what goes on for ever)"),
    };
    let what = String::from("the run ended otherwise");
    let expected = Some(String::from(wanted.value.word()));
    Some(Difference { span: wanted.span, what, expected, seen: Some(seen) })
}

fn messages(wanted: &Messages, seen: &[Value]) -> Option<Difference> {
    let name = &wanted.port.name.value;
    if let Some(count) = wanted.count.as_ref().filter(|count| count.value != seen.len() as u64) {
        let what = format!("the number of messages on `{name}`");
        let (expected, seen) = (count.value.to_string(), seen.len().to_string());
        let (expected, seen) = (Some(expected), Some(seen));
        return Some(Difference { span: count.span, what, expected, seen });
    }
    if wanted.exact { exactly(wanted, seen) } else { among(wanted, seen) }
}

/// The values are all there is, in their order.
fn exactly(wanted: &Messages, seen: &[Value]) -> Option<Difference> {
    let name = &wanted.port.name;
    for (nth, value) in wanted.values.iter().enumerate() {
        let Some(there) = seen.get(nth) else {
            let what = format!("message {} on `{}` did not come", nth + 1, name.value);
            let expected = Some(value.value.to_string());
            return Some(Difference { span: value.span, what, expected, seen: None });
        };
        if let Some(place) = first_difference(&value.value, there, true) {
            let at = if place.is_empty() { place } else { format!(" at {place}") };
            let what = format!("message {} on `{}` differs{at}", nth + 1, name.value);
            let expected = Some(value.value.to_string());
            return Some(Difference {
                span: value.span,
                what,
                expected,
                seen: Some(there.to_string()),
            });
        }
    }
    let more = seen.get(wanted.values.len())?;
    let nth = wanted.values.len() + 1;
    let what = format!("message {nth} on `{}` was not expected", name.value);
    Some(Difference { span: name.span, what, expected: None, seen: Some(more.to_string()) })
}

/// Each of the values stands for another message.
fn among(wanted: &Messages, seen: &[Value]) -> Option<Difference> {
    let values: Vec<&Value> = wanted.values.iter().map(|value| &value.value).collect();
    let value = wanted.values.get(unmatched(&values, seen)?)?;
    let what = format!("no message on `{}` has this", wanted.port.name.value);
    let all: Vec<String> = seen.iter().map(Value::to_string).collect();
    let seen = if all.is_empty() { String::from("none") } else { all.join("\n") };
    let (expected, seen) = (Some(value.value.to_string()), Some(seen));
    Some(Difference { span: value.span, what, expected, seen })
}

fn records(wanted: &Records, seen: &Seen, stage: &Stage) -> Option<Difference> {
    let there = seen.count(stage, &wanted.kind.value, wanted.agent);
    if wanted.count.map_or(there > 0, |count| count == there) {
        return None;
    }
    let about = wanted.agent.map(|agent| format!(" of `{}`", stage.name(agent)));
    let what =
        format!("the number of `{}` records{}", wanted.kind.value, about.unwrap_or_default());
    let expected = wanted.count.map_or_else(|| String::from("at least 1"), |n| n.to_string());
    let (expected, seen) = (Some(expected), Some(there.to_string()));
    Some(Difference { span: wanted.kind.span, what, expected, seen })
}

fn letters(wanted: &[Letter], span: Span, seen: &Seen, stage: &Stage) -> Option<Difference> {
    let show = |set: &Set| format!("`{}` {}: {}", stage.name(set.agent), set.code, set.body);
    for (nth, letter) in wanted.iter().enumerate() {
        let code = letter.code.as_ref().map_or(String::new(), |code| format!(" {code}"));
        let body = letter.body.as_ref().map_or(String::new(), |body| format!(": {body}"));
        let expected = Some(format!("`{}`{code}{body}", stage.name(letter.agent.value)));
        let span = letter.agent.span;
        let Some(set) = seen.letters.get(nth) else {
            let what = format!("dead letter {} did not come", nth + 1);
            return Some(Difference { span, what, expected, seen: None });
        };
        let fits = set.agent == letter.agent.value
            && letter.code.as_ref().is_none_or(|code| *code == set.code)
            && letter
                .body
                .as_ref()
                .is_none_or(|body| first_difference(body, &set.body, false).is_none());
        if !fits {
            let what = format!("dead letter {} differs", nth + 1);
            return Some(Difference { span, what, expected, seen: Some(show(set)) });
        }
    }
    let more = seen.letters.get(wanted.len())?;
    let what = format!("dead letter {} was not expected", wanted.len() + 1);
    Some(Difference { span, what, expected: None, seen: Some(show(more)) })
}

fn file(wanted: &Written, seen: &Seen) -> Option<Difference> {
    let what = format!("`{}`", wanted.name.value);
    if let Some(bytes) = seen.files.get(&wanted.path) {
        return text(&what, &wanted.text, bytes, wanted.name.span);
    }
    let what = format!("the file {what} is not there");
    Some(Difference { span: wanted.name.span, what, expected: None, seen: None })
}

/// Compares texts line by line, and shows the first line that differs.
fn text(name: &str, wanted: &str, seen: &[u8], span: Span) -> Option<Difference> {
    let seen = String::from_utf8_lossy(seen);
    if wanted == seen {
        return None;
    }
    let lines = |text: &str| text.split('\n').map(str::to_owned).collect::<Vec<_>>();
    let (wanted, seen) = (lines(wanted), lines(&seen));
    let nth = wanted.iter().zip(&seen).take_while(|(wanted, seen)| wanted == seen).count();
    let line = |lines: &[String]| match lines.get(nth) {
        Some(line) if nth + 1 == lines.len() && line.is_empty() => String::from("(the end)"),
        Some(line) if nth + 1 == lines.len() => format!("{line} (without a line's end)"),
        Some(line) => line.clone(),
        None => String::from("(the end)"),
    };
    let what = format!("line {} of {name} differs", nth + 1);
    Some(Difference { span, what, expected: Some(line(&wanted)), seen: Some(line(&seen)) })
}

/// A script that was not enough, or too much.
fn replies(name: &str, script: &Script, span: Span) -> Option<Difference> {
    let (all, used) = (script.replies(), script.used());
    let what = if script.ran_out() {
        format!("more messages came to the mock of `{name}` than it has replies")
    } else if used < all {
        format!("the mock of `{name}` has replies that were not asked for")
    } else {
        return None;
    };
    let seen = if script.ran_out() { format!("more than {all}") } else { used.to_string() };
    Some(Difference { span, what, expected: Some(all.to_string()), seen: Some(seen) })
}
