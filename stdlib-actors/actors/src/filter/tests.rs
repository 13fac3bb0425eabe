use serde_json::json;
use theater_flow_sdk::{Event, Next, Trial};

use super::Filter;

/// Where a message goes, `-` for nowhere, or the fault's code.
fn port(config: &serde_json::Value, body: &str) -> String {
    let mut trial = Trial::<Filter>::new(&config.to_string()).expect("a good config");
    let handled = trial.message("in", body);
    if let Err(fault) = handled.next {
        return fault.code;
    }
    match &handled.emitted[..] {
        [] => "-".into(),
        [(port, sent)] => {
            assert_eq!(sent, body, "unchanged");
            port.clone()
        }
        more => panic!("one message became {more:?}"),
    }
}

#[test]
fn messages_go_where_the_expression_says() {
    let cases = [
        ("true", "out"),
        (".n > 5", "out"),
        (".n > 6", "-"),
        (".missing", "-"),
        ("empty", "-"),
        (".n[]", "jq-error"),
    ];
    for (when, to) in cases {
        assert_eq!(
            port(
                &json!({ "when": when }),
                r#" {"n" : 6, "u": "\u00e9", "big": 1e2} "#
            ),
            to,
            "{when}"
        );
    }
}

#[test]
fn the_others_can_be_sent_too() {
    let body = r#"{"n":1}"#;
    let cases = [
        (json!({ "when": ".n > 1", "rejected": true }), "rejected"),
        (json!({ "when": ".n > 1", "on-error": "reject" }), "-"),
        (json!({ "when": ".n[]", "on-error": "reject" }), "rejected"),
        (
            json!({ "when": ".n[]", "on-error": "skip", "rejected": true }),
            "-",
        ),
        (json!({ "when": ".n[]", "rejected": true }), "jq-error"),
    ];
    for (config, to) in cases {
        assert_eq!(port(&config, body), to, "{config}");
    }
    assert_eq!(port(&json!({ "when": "." }), "{"), "bad-message");
}

#[test]
fn other_events_do_nothing_and_there_is_no_state() {
    let mut trial = Trial::<Filter>::new(r#"{"when":"true"}"#).expect("a good config");
    for event in [Event::Start, Event::Pull, Event::Closed("in".into())] {
        assert_eq!(trial.handle(event).next, Ok(Next::Wait));
    }
    assert!(trial.snapshot().is_empty());
}

#[test]
fn a_bad_expression_is_refused() {
    let faults = Trial::<Filter>::new(r#"{"when":".a ="}"#)
        .err()
        .expect("a fault");
    assert_eq!(faults[0].pointer, "/when");
    assert!(
        faults[0].message.starts_with("line 1, column 5"),
        "{}",
        faults[0].message
    );
}
