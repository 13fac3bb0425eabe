//! Whole texts, masks, groups.

use serde_json::{Value, json};
use theater_flow_sdk::{Event, Next, Trial};

use super::super::{Match, sieve};
use crate::chance::Chance;

/// Everything that a message leads to.
fn all(trial: &mut Trial<Match>, body: &Value) -> Vec<Value> {
    let (mut sent, mut handled) = (Vec::new(), trial.message("in", &body.to_string()));
    loop {
        assert!(handled.emitted.len() <= 512);
        let read = |(_, body): &(String, String)| serde_json::from_str(body).expect("JSON");
        sent.extend(handled.emitted.iter().map(read));
        match handled.next.expect("no fault") {
            Next::More => handled = trial.handle(Event::Pull),
            _ => return sent,
        }
    }
}

/// Conditions at the ends of lines, line ends in rules, and what matches nothing or everything.
const RULES_OF_TEXT: &[&str] = &[
    "a",
    "ab",
    "b+a",
    "^a",
    "a$",
    "^$",
    "^a*$",
    r"\bab\b",
    r"\Aa",
    r"b\z",
    r"(?m)^b",
    r"(?m)a$",
    r"(?mR)a$",
    r"a\nb",
    r"a\sb",
    r"[^b]a",
    r"[^a]+",
    r"(?s).b",
    r"(?s)^.*a",
    r"\s",
    r"\s$",
    r"\r",
    r"\r$",
    r"[\n]",
    r"\n|b",
    r"a[\r\n]*",
    "x",
    "",
    "(a|b{2,3}){2}",
    "(?i)AB",
    "é",
    "(?i)É",
    r"(?-u:[a-b])\b",
    r"a(?:\n)?b",
    ".",
    r"\B",
    "a|^$",
    r"\w\W",
    "b{3}",
    r"(?x) a b # rest",
];

#[test]
fn a_text_is_tried_line_by_line() {
    let mut chance = Chance::new(31);
    let letters = ["a", "b", "a", "b", "x", " ", "é", "\n", "\n", "\r\n", "\r"];
    for round in 0..600 {
        let count = if round % 4 == 0 {
            1
        } else {
            1 + chance.below(3)
        };
        let rules: Vec<(String, &str)> = (0..count)
            .map(|nth| (format!("r{nth}"), *chance.of(RULES_OF_TEXT)))
            .collect();
        let text: String = (0..chance.below(60))
            .map(|_| *chance.of(&letters))
            .collect();
        let mut wanted = Vec::new();
        let mut lines: Vec<&str> = text.split('\n').collect();
        let last = lines.pop().unwrap_or_default();
        let mut lines: Vec<&str> = lines
            .into_iter()
            .map(|line| line.strip_suffix('\r').unwrap_or(line))
            .collect();
        if !last.is_empty() {
            lines.push(last);
        }
        for (at, line) in lines.into_iter().enumerate() {
            for (name, rule) in &rules {
                if regex::Regex::new(rule).expect(rule).is_match(line) {
                    let line_number = at + 1;
                    wanted.push(
                        json!({ "path": "p", "line": line_number, "rule": name, "text": line }),
                    );
                }
            }
        }
        let table: serde_json::Map<String, Value> = rules
            .iter()
            .map(|(name, rule)| (name.clone(), json!(rule)))
            .collect();
        let config = json!({ "rules": table, "input": "text" });
        let mut trial = Trial::<Match>::new(&config.to_string()).expect("good rules");
        let sent = all(&mut trial, &json!({ "path": "p", "text": text }));
        assert_eq!(sent, wanted, "{rules:?} in {text:?}");
    }
}

#[test]
fn a_sieve_is_there_where_it_helps() {
    for rule in RULES_OF_TEXT {
        let rules = [(*rule).to_owned()];
        let sieve = sieve::sieve(rules.iter());
        let everywhere = ["", "^$", "^a*$", r"\B", "a|^$"].contains(rule);
        assert_eq!(sieve.is_none(), everywhere, "{rule}");
    }
}

#[test]
fn many_findings_of_a_text_are_sent_in_parts() {
    let config = json!({ "rules": { "a": "^", "b": "x$", "c": "[0-7]" }, "input": "text" });
    let lines: Vec<String> = (0..900).map(|nth| format!("{nth}x\r\n")).collect();
    let text = lines.concat();
    let body = json!({ "path": "p", "text": text });
    let new = || Trial::<Match>::new(&config.to_string()).expect("good rules");
    let (mut whole, mut restored) = (new(), new());
    let sent = all(&mut whole, &body);
    let with_digit = (0..900)
        .filter(|nth: &u32| nth.to_string().contains(|c| c < '8'))
        .count();
    assert_eq!(sent.len(), 1_800 + with_digit);
    let (port, body) = ("in".into(), body.to_string());
    let mut event = Event::Message(theater_flow_sdk::Message { port, body });
    loop {
        let handled = whole.handle(event.clone());
        assert_eq!(restored.handle(event), handled);
        assert_eq!(restored.snapshot(), whole.snapshot());
        restored.restore().expect("no fault");
        match handled.next.expect("no fault") {
            Next::More => event = Event::Pull,
            _ => break,
        }
    }
    let long = json!({ "path": "p", "text": "x".repeat(700_000) });
    assert_eq!(all(&mut whole, &long).len(), 2);
}

#[test]
fn matches_are_masked_in_all_that_is_sent() {
    let rules = json!({ "key": r"(?<kind>AK|gh)_\w*", "long": "_ab.d", "other": r"=(?<value>\S+)", "no": "(?<x>y)?$" });
    let config = json!({ "rules": rules, "mask": ["key", "long"], "groups": true });
    let mut trial = Trial::<Match>::new(&config.to_string()).expect("good rules");
    for (text, found) in [
        (
            "k=AK_12345 gh_é12 gh_",
            json!([
                ["key", "k=AK_1… gh_é… gh_…", { "kind": "AK" }],
                ["no", "k=AK_1… gh_é… gh_…", { "x": null }],
                ["other", "k=AK_1… gh_é… gh_…", { "value": "AK_1…" }],
            ]),
        ),
        (
            "AK_ab!d=1",
            json!([
                ["key", "AK_a…=1", { "kind": "AK" }],
                ["long", "AK_a…=1", {}],
                ["no", "AK_a…=1", { "x": null }],
                ["other", "AK_a…=1", { "value": "1" }],
            ]),
        ),
        ("y", json!([["no", "y", { "x": "y" }]])),
    ] {
        let sent = all(&mut trial, &json!({ "path": "p", "line": 1, "text": text }));
        let shown = |value: &Value| json!([value["rule"], value["text"], value["groups"]]);
        let sent: Value = sent.iter().map(shown).collect();
        assert_eq!(sent, found, "{text}");
    }
}
