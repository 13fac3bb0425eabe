//! `flaky-tree` counts what can be counted, once, however often what counts is restarted, and sets the rest aside.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde_json::{Value, json};
use theater_flow_tests::dice::Dice;

use crate::{Job, size};

/// Months that the agent's fuel is enough for.
const MONTHS: u64 = 12;
/// Fields that crash it: what the farm and the root bear together in an hour is 11.
const POISON: u64 = 8;
/// Restarts that the farm allows.
const INTENSITY: u64 = 2;

/// What the workflow has to make of a file.
#[derive(Default)]
pub(crate) struct Meant {
    counted: String,
    total: u64,
    /// By agent and code, what was set aside.
    letters: BTreeMap<(&'static str, &'static str), Vec<Value>>,
}

pub(crate) fn job() -> Job {
    let params = [("fields", "in.jsonl"), ("counted", "counted.jsonl"), ("letters", "bad.jsonl")];
    let job = Job::new("flaky-tree", &params, &["counted.jsonl", "bad.jsonl"]);
    Job { meaning, ..job }
}

/// Dead letters come as the agents happen to run, and name the records of their run.
fn meaning(text: &str) -> String {
    let letter = |line: &str| {
        let Value::Object(mut letter) = serde_json::from_str(line).expect("JSON") else {
            panic!("an object: {line}")
        };
        let of_counting = letter.contains_key("body");
        letter.remove("message");
        (of_counting, Value::Object(letter).to_string())
    };
    let mut lines: Vec<_> = text.lines().map(letter).collect();
    if lines.iter().any(|(is_letter, _)| *is_letter) {
        lines.sort();
    }
    lines.into_iter().map(|(_, line)| line).collect::<Vec<_>>().join("\n")
}

/// Fields, and what is none; those that crash the agent come early.
pub(crate) fn generate(job: &Job, fields: u64) -> Meant {
    let (mut dice, mut meant, mut text) = (Dice::new(6), Meant::default(), String::new());
    for number in 0..fields {
        let name = format!("field {number}");
        let line = if number % 5 == 3 && number / 5 < POISON {
            let field = json!({"field": name, "months": 50 + number});
            meant.letters.entry(("count", "crash")).or_default().push(field.clone());
            field.to_string()
        } else if dice.below(40) == 0 {
            let said = json!({"field": name}).to_string();
            let body = json!({"path": "in.jsonl", "line": number + 1, "text": said});
            meant.letters.entry(("read", "jq-error")).or_default().push(body);
            said
        } else {
            let months = dice.below(MONTHS + 1);
            let pairs = pairs(months);
            meant.total += pairs;
            let counted = json!({"field": name, "months": months, "pairs": pairs});
            writeln!(meant.counted, "{counted}").expect("a string");
            json!({"field": name, "months": months}).to_string()
        };
        writeln!(text, "{line}").expect("a string");
    }
    job.scene.file("in.jsonl", text);
    meant
}

/// Fibonacci's rabbits, month by month.
fn pairs(months: u64) -> u64 {
    (1..months).fold((1, 1), |(young, all), _| (all, young + all)).1
}

#[test]
fn every_field_is_counted_once_or_set_aside() {
    let job = job();
    let meant = generate(&job, size(300, 5_000) as u64);
    let ran = job.run();
    assert!(job.scene.read("counted.jsonl") == meant.counted, "each once, in their order");
    let printed: Value = serde_json::from_str(&ran.text()).expect("one message");
    let fields = meant.counted.lines().count();
    assert_eq!(printed, json!({"fields": fields, "pairs": meant.total}));
    let mut letters: BTreeMap<_, Vec<Value>> = BTreeMap::new();
    for line in job.scene.read("bad.jsonl").lines() {
        let letter: Value = serde_json::from_str(line).expect("JSON");
        let attempts = if letter["agent"] == "count" { 2 } else { 1 };
        assert_eq!(letter["attempts"], attempts, "{letter}");
        let of = (letter["agent"].to_string(), letter["code"].to_string());
        letters.entry(of).or_default().push(letter["body"].clone());
    }
    let quoted = |(agent, code): (&str, &str)| (json!(agent).to_string(), json!(code).to_string());
    let wanted = meant.letters.into_iter().map(|(of, bodies)| (quoted(of), bodies));
    assert_eq!(letters, wanted.collect());
}

#[test]
fn a_farm_that_crashes_too_often_is_started_again_by_the_root() {
    let job = job();
    generate(&job, 100);
    job.run();
    let records = |kind: &str| {
        let ran = job.scene.run(["events", "@latest", "--json", "--kind", kind]).ends(0);
        ran.json()
    };
    // Each is tried twice, and that is one crash of the farm's.
    assert_eq!(records("crashed").len() as u64, 2 * POISON);
    let escalated = records("escalated");
    assert_eq!(escalated.len() as u64, POISON / (INTENSITY + 1), "{escalated:?}");
    for record in escalated {
        let seq = record["seq"].to_string();
        let why = job.scene.run(["why", "@latest", &seq]).ends(0).text();
        // From the crash back to the line of the file.
        for part in ["farm gave up, since restart 3", "the fuel of one event", "in.jsonl"] {
            assert!(why.contains(part), "{part}:\n{why}");
        }
    }
}
