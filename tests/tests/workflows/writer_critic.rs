//! `writer-critic` sends each text round until it pleases, and sets aside what does not.

use std::fmt::Write as _;

use serde_json::{Value, json};
use theater_flow_tests::dice::Dice;

use crate::{Job, size};

/// Rounds that the workflow allows.
const ROUNDS: u32 = 5;
/// Characters that the critic bears.
const LONGEST: usize = 45;

pub(crate) fn job() -> Job {
    let params = [("tasks", "tasks.txt"), ("finished", "good.jsonl"), ("unfinished", "bad.jsonl")];
    let job = Job::new("writer-critic", &params, &["good.jsonl", "bad.jsonl"]);
    Job { meaning, ..job }
}

/// Dead letters come as texts happen to go round, and name the records of their run.
fn meaning(text: &str) -> String {
    let drafts = text.lines().map(|line| match serde_json::from_str(line).expect("JSON") {
        Value::Object(mut letter) if letter.contains_key("body") => letter["body"].take(),
        draft => draft,
    });
    sorted(drafts).join("\n")
}

/// Tasks; every third one is too long for any text, or has a word that the writer does not mend.
pub(crate) fn generate(job: &Job, tasks: usize) -> Vec<String> {
    let mut dice = Dice::new(11);
    let task = |number: usize| match dice.below(6) {
        0 => format!("a very fine thing {number}"),
        1 => format!("thing {number} for those who want it longer than it can be"),
        2 | 3 => format!("a thing {number} of ordinary length"),
        _ => format!("no {number}"),
    };
    let tasks: Vec<String> = (0..tasks).map(task).collect();
    let mut text = String::new();
    for task in &tasks {
        writeln!(text, "{task}").expect("a string");
    }
    job.scene.file("tasks.txt", text);
    tasks
}

#[test]
fn each_text_goes_round_until_it_pleases() {
    let job = job();
    let tasks = generate(&job, size(500, 20_000));
    job.run();
    let (mut good, mut bad) = (Vec::new(), Vec::new());
    for task in &tasks {
        match written(task) {
            (draft, true) => good.push(draft),
            (draft, false) => bad.push(draft),
        }
    }
    assert!(!good.is_empty() && !bad.is_empty());
    assert_eq!(lines(&job, "good.jsonl", |line| line), sorted(good));
    let letters = lines(&job, "bad.jsonl", |letter| {
        assert_eq!((&letter["agent"], &letter["code"]), (&json!("writer"), &json!("rounds")));
        letter["body"].clone()
    });
    assert_eq!(letters, sorted(bad));
}

fn lines(job: &Job, name: &str, of: impl Fn(Value) -> Value) -> Vec<String> {
    let text = job.scene.read(name);
    sorted(text.lines().map(|line| of(serde_json::from_str(line).expect("JSON"))))
}

fn sorted(values: impl IntoIterator<Item = Value>) -> Vec<String> {
    let mut values: Vec<String> = values.into_iter().map(|value| value.to_string()).collect();
    values.sort();
    values
}

/// The last draft of a task, and whether it pleases: writer and critic once more, as plain loops.
fn written(task: &str) -> (Value, bool) {
    let mut text = format!("We are very happy to announce that there is now {task}!!!");
    let (mut version, mut rounds) = (1, 0);
    loop {
        let notes = notes(&text);
        let draft = json!({"task": task, "version": version, "text": text, "notes": notes});
        if notes.is_empty() || rounds == ROUNDS {
            return (draft, notes.is_empty());
        }
        (version, rounds) = (version + 1, rounds + 1);
        text = match notes[0] {
            "too loud" => text.replace("!!!", "."),
            "empty words" => text.replace("are very happy to ", ""),
            _ => text.replacen("We announce that there is now", "New:", 1),
        };
    }
}

fn notes(text: &str) -> Vec<&'static str> {
    let words = text.split(|letter: char| !letter.is_alphanumeric());
    let checks = [
        (text.contains('!'), "too loud"),
        (words.into_iter().any(|word| word == "very"), "empty words"),
        (text.len() > LONGEST, "too long"),
    ];
    checks.into_iter().filter_map(|(wrong, note)| wrong.then_some(note)).collect()
}
