use serde_json::{Value, json};
use theater_flow_sdk::{Event, Next, Trial, TypeMismatch};

use super::{Map, SENT};

fn trial(config: &Value) -> Trial<Map> {
    Trial::new(&config.to_string()).expect("a good config")
}

fn emitted(trial: &mut Trial<Map>, body: &str) -> Vec<(String, String)> {
    let handled = trial.message("in", body);
    assert_eq!(handled.next, Ok(Next::Wait));
    handled.emitted
}

fn out(values: &[&str]) -> Vec<(String, String)> {
    let message = |value: &&str| ("out".to_owned(), (*value).to_owned());
    values.iter().map(message).collect()
}

#[test]
fn every_value_is_a_message() {
    let cases: &[(&str, &str, &[&str])] = &[
        (".", " {\"a\" : [1, 2.50]} ", &[r#"{"a":[1,2.50]}"#]),
        (".[]", "[1,\"x\",null]", &["1", "\"x\"", "null"]),
        ("select(. > 5)", "4", &[]),
        ("select(. > 5)", "6", &["6"]),
        ("empty", "1", &[]),
        (
            ".id + 1",
            r#"{"id":9007199254740992}"#,
            &["9007199254740993"],
        ),
    ];
    for (expr, body, values) in cases {
        assert_eq!(
            emitted(&mut trial(&json!({ "expr": expr })), body),
            out(values),
            "{expr}"
        );
    }
}

#[test]
fn many_values_go_in_portions_that_survive_a_restart() {
    let mut trial = trial(&json!({ "expr": "range(.)" }));
    let count = 3 * SENT + 7;
    let mut handled = trial.message("in", &count.to_string());
    let mut all = Vec::new();
    while handled.next == Ok(Next::More) {
        assert_eq!(handled.emitted.len(), SENT);
        all.append(&mut handled.emitted);
        trial.restore().expect("no fault");
        handled = trial.handle(Event::Pull);
    }
    assert_eq!(handled.next, Ok(Next::Wait));
    all.append(&mut handled.emitted);
    let expected: Vec<String> = (0..count).map(|n| n.to_string()).collect();
    assert!(all.into_iter().map(|(_, body)| body).eq(expected));
    assert_eq!(trial.snapshot(), br#"{"waiting":[],"message":""}"#);
    // Exactly one portion needs no second event.
    let handled = trial.message("in", &SENT.to_string());
    assert_eq!(
        (handled.next, handled.emitted.len()),
        (Ok(Next::Wait), SENT)
    );
}

#[test]
fn a_failure_is_a_fault_that_shows_the_message() {
    let mut trial = trial(&json!({ "expr": "1, .a.b" }));
    let fault = trial
        .message("in", r#"{"a":"x"}"#)
        .next
        .expect_err("it fails");
    assert_eq!(fault.code, "jq-error");
    assert_eq!(
        fault.message,
        r#"cannot index "x" with "b"; the message begins {"a":"x"}"#
    );
    assert_eq!(
        trial.message("in", "{").next.expect_err("no JSON").code,
        "bad-message"
    );
    let fault = trial.message("in", r#"{"a":{"b":1}}"#);
    assert_eq!(fault.emitted, out(&["1", "1"]));
}

#[test]
fn what_the_port_does_not_take_is_a_failure_too() {
    let mismatch = TypeMismatch {
        pointer: "/n".into(),
        message: "expected u8".into(),
    };
    for (on_error, result) in [
        ("fault", Err("wrong-type".to_owned())),
        ("skip", Ok(vec![])),
        (
            "reject",
            Ok(vec![(
                "rejected".to_owned(),
                r#"{"reason":"the value does not fit its port at /n: expected u8","value":{"n": 1}}"#.to_owned(),
            )]),
        ),
    ] {
        let mut trial = trial(&json!({ "expr": ".", "on-error": on_error }));
        trial.outside().refusing.insert("out".into(), mismatch.clone());
        let handled = trial.message("in", " {\"n\": 1}");
        let got = handled.next.map(|_| handled.emitted).map_err(|fault| fault.code);
        assert_eq!(got, result, "{on_error}");
    }
}

#[test]
fn values_before_a_failure_stay_with_skip_and_reject() {
    let expr = "1, 2, error(\"no\"), 3";
    let mut skip = trial(&json!({ "expr": expr, "on-error": "skip" }));
    assert_eq!(emitted(&mut skip, "0"), out(&["1", "2"]));
    let mut reject = trial(&json!({ "expr": expr, "on-error": "reject" }));
    let mut expected = out(&["1", "2"]);
    expected.push(("rejected".into(), r#"{"reason":"no","value":0}"#.into()));
    assert_eq!(emitted(&mut reject, "0"), expected);
}

#[test]
fn a_failure_in_a_later_portion_is_handled_as_the_config_says() {
    let mismatch = TypeMismatch {
        pointer: String::new(),
        message: "no".into(),
    };
    for (on_error, emissions) in [("fault", None), ("skip", Some(0)), ("reject", Some(1))] {
        let mut trial = trial(&json!({ "expr": "range(.)", "on-error": on_error }));
        assert_eq!(trial.message("in", "2000").next, Ok(Next::More));
        trial
            .outside()
            .refusing
            .insert("out".into(), mismatch.clone());
        let before = trial.snapshot();
        let handled = trial.handle(Event::Pull);
        match emissions {
            None => {
                assert_eq!(handled.next.expect_err("a fault").code, "wrong-type");
                assert_eq!(trial.snapshot(), before);
            }
            Some(count) => {
                assert_eq!(
                    (handled.next, handled.emitted.len()),
                    (Ok(Next::Wait), count)
                );
                assert!(trial.state().waiting.is_empty());
            }
        }
    }
}

#[test]
fn endless_values_are_bounded() {
    let mut trial = trial(&json!({ "expr": "(\"x\" * 100000) | repeat(.)" }));
    assert_eq!(
        trial.message("in", "0").next.expect_err("too many").code,
        "too-many"
    );
}

#[test]
fn bad_configs_are_refused_with_their_place() {
    let cases = [
        (
            json!({ "expr": ".a |" }),
            "/expr",
            "line 1, column 5: expected term, found the end",
        ),
        (
            json!({ "expr": "now" }),
            "/expr",
            "an expression has no clock",
        ),
        (
            json!({ "expr": ".", "on-error": "no" }),
            "/on-error",
            "unknown variant `no`",
        ),
        (json!({}), "", "missing field `expr`"),
    ];
    for (config, pointer, message) in cases {
        let faults = Trial::<Map>::new(&config.to_string())
            .err()
            .expect("a fault");
        assert_eq!(faults[0].pointer, pointer);
        assert!(faults[0].message.contains(message), "{}", faults[0].message);
    }
}
