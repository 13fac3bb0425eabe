use std::collections::VecDeque;

use serde_json::{Value, json};
use theater_flow_sdk::{Event, Level, Next, Trial};

use super::Dedupe;
use crate::chance::Chance;

fn trial(config: &Value) -> Trial<Dedupe> {
    Trial::new(&config.to_string()).expect("a good config")
}

/// The bodies that came out.
fn sent(config: &Value, bodies: &[&str]) -> Vec<(String, String)> {
    let mut trial = trial(config);
    let handle = |body: &&str| {
        let handled = trial.message("in", body);
        assert_eq!(handled.next, Ok(Next::Wait), "{body}");
        handled.emitted
    };
    bodies.iter().flat_map(handle).collect()
}

fn out(bodies: &[&str]) -> Vec<(String, String)> {
    bodies
        .iter()
        .map(|body| ("out".into(), (*body).into()))
        .collect()
}

#[test]
fn whole_messages_differ_by_their_bytes() {
    let bodies = [
        "1",
        "1",
        "1.0",
        r#"{"a":1}"#,
        r#"{"a": 1}"#,
        r#"{"a":1}"#,
        "1",
    ];
    let first = ["1", "1.0", r#"{"a":1}"#, r#"{"a": 1}"#];
    assert_eq!(sent(&json!({}), &bodies), out(&first));
}

#[test]
fn fields_differ_by_their_values() {
    let bodies = [
        r#"{"a":1,"b":{"c":"x"}}"#,
        r#"{"b":{"c":"\u0078"},"a":1.0}"#,
        r#"{"a":1,"b":{"c":"y"}}"#,
        r#"{"a":"1","b":{"c":"x"}}"#,
        r#"{"a":1}"#,
        r#"{"a":1,"b":{"c":null}}"#,
        r#"{"a":["x"]}"#,
        r#"{"b":{"c":"x"},"a":1,"more":0}"#,
    ];
    let first = [0, 2, 3, 4, 6].map(|at| bodies[at]);
    assert_eq!(sent(&json!({ "by": ["a", "b.c"] }), &bodies), out(&first));
}

#[test]
fn duplicates_leave_by_their_own_port() {
    let config = json!({ "duplicates": true });
    let bodies = [
        ("out", "1"),
        ("duplicates", "1"),
        ("out", "2"),
        ("duplicates", "1"),
    ];
    let texts = bodies.map(|(_, body)| body);
    let wanted = bodies.map(|(port, body)| (port.to_owned(), body.to_owned()));
    assert_eq!(sent(&config, &texts), wanted);
}

#[test]
fn the_oldest_is_forgotten_with_one_warning() {
    let mut trial = trial(&json!({ "remember": 2 }));
    let mut seen = Vec::new();
    let mut warnings = Vec::new();
    for body in ["1", "2", "1", "3", "2", "1", "2", "3", "2"] {
        let handled = trial.message("in", body);
        seen.push(!handled.emitted.is_empty());
        warnings.extend(handled.logged);
    }
    assert_eq!(
        seen,
        [true, true, false, true, false, true, true, true, false]
    );
    let text = "more than 2 different messages: the oldest are forgotten, and come through again";
    assert_eq!(warnings, [(Level::Warn, text.to_owned())]);
}

#[test]
fn what_comes_out_is_what_a_list_of_the_last_says() {
    let mut chance = Chance::new(6);
    for _ in 0..50 {
        let remember = 1 + chance.below(12);
        let bodies: Vec<String> = (0..300).map(|_| chance.below(20).to_string()).collect();
        let (mut last, mut first) = (VecDeque::new(), Vec::new());
        for body in bodies.iter().map(String::as_str) {
            if !last.contains(&body) {
                first.push(body);
                last.push_back(body);
                if last.len() > remember {
                    last.pop_front();
                }
            }
        }
        let bodies: Vec<&str> = bodies.iter().map(String::as_str).collect();
        assert_eq!(sent(&json!({ "remember": remember }), &bodies), out(&first));
    }
}

#[test]
fn a_restored_instance_goes_on_as_the_other() {
    let config = json!({ "by": ["k"], "remember": 7, "duplicates": true });
    let (mut whole, mut restored) = (trial(&config), trial(&config));
    let mut chance = Chance::new(9);
    for _ in 0..300 {
        let body = json!({ "k": chance.below(12) }).to_string();
        let handled = whole.message("in", &body);
        assert_eq!(restored.message("in", &body), handled);
        assert_eq!(restored.snapshot(), whole.snapshot());
        restored.restore().expect("no fault");
    }
}

#[test]
fn a_refused_message_is_not_remembered() {
    let mut trial = trial(&json!({ "by": ["k"] }));
    let mismatch = theater_flow_sdk::TypeMismatch {
        pointer: String::new(),
        message: "no".into(),
    };
    trial.outside().refusing.insert("out".into(), mismatch);
    assert_eq!(
        trial.message("in", "{}").next.expect_err("refused").code,
        "wrong-type"
    );
    trial.outside().refusing.clear();
    assert_eq!(trial.message("in", "{}").emitted.len(), 1);
    assert_eq!(
        trial.message("in", "{").next.expect_err("no JSON").code,
        "bad-message"
    );
    assert_eq!(
        trial.handle(Event::Closed("in".into())).next,
        Ok(Next::Wait)
    );
}

#[test]
fn bad_configs_are_refused_with_their_place() {
    let many: Vec<String> = (0..17).map(|nth| nth.to_string()).collect();
    for (config, pointers) in [
        (
            json!({ "by": ["", "a"], "remember": 0 }),
            &["/by/0", "/remember"][..],
        ),
        (json!({ "by": many }), &["/by"]),
        (json!({ "remember": 1_000_001 }), &["/remember"]),
        (json!({ "remember": "all" }), &["/remember"]),
        (json!({ "field": "a" }), &["/field"]),
    ] {
        let faults = Trial::<Dedupe>::new(&config.to_string())
            .err()
            .expect("a bad config");
        let places: Vec<&str> = faults.iter().map(|fault| fault.pointer.as_str()).collect();
        assert_eq!(places, pointers, "{config}");
    }
}
