use std::panic::{AssertUnwindSafe, catch_unwind};

use serde_json::{Value, json};
use theater_flow_sdk::{Actor, parse_config};
use theater_flow_sdk::{Direction, Event, FileErrorCode, Handled, Next, Port, Trial, TypeMismatch};

use super::{Probe, ProbeFull};

fn trial(config: &Value) -> Trial<ProbeFull> {
    Trial::new(&config.to_string()).expect("a good config")
}

fn doing(deed: &Value) -> Trial<ProbeFull> {
    trial(&json!({ "on": [deed] }))
}

fn bodies(handled: &Handled) -> Vec<&str> {
    handled
        .emitted
        .iter()
        .map(|(_, body)| body.as_str())
        .collect()
}

fn logged(handled: &Handled) -> Vec<&str> {
    handled
        .logged
        .iter()
        .map(|(_, text)| text.as_str())
        .collect()
}

#[test]
fn it_echoes_and_counts_across_restarts() {
    let mut trial = trial(&json!({ "echo": true, "on": [{ "match": "count", "do": "count" }] }));
    assert_eq!(bodies(&trial.message("in", "1")), ["1"]);
    trial.restore().expect("no fault");
    assert_eq!(
        bodies(&trial.message("in", "\"count\"")),
        ["\"count\"", "{\"count\":2}"]
    );
}

#[test]
fn it_produces_in_events_of_256() {
    let mut trial = trial(&json!({ "produce": 600, "pad": 3 }));
    assert_eq!(trial.handle(Event::Start).next, Ok(Next::More));
    assert_eq!(trial.handle(Event::Pull).emitted.len(), 256);
    trial.restore().expect("no fault");
    assert_eq!(trial.handle(Event::Pull).emitted.len(), 256);
    let last = trial.handle(Event::Pull);
    assert_eq!(
        (last.next.clone(), last.emitted.len()),
        (Ok(Next::Wait), 88)
    );
    assert_eq!(last.emitted[87].1, r#"{"n":599,"pad":"xxx"}"#);
}

#[test]
fn a_rule_waits_for_its_event_its_text_and_its_turn() {
    let mut trial = trial(&json!({ "on": [
        { "match": "bad", "nth": 2, "do": "fault", "code": "c", "text": "t" },
        { "event": "closed", "do": "done" },
        { "event": "any", "nth": 3, "do": "more" },
    ] }));
    assert_eq!(trial.message("in", "\"bad\"").next, Ok(Next::Wait));
    assert_eq!(trial.message("in", "\"good\"").next, Ok(Next::Wait));
    let fault = trial.message("in", "\"bad\"").next.expect_err("the second");
    assert_eq!((fault.code.as_str(), fault.message.as_str()), ("c", "t"));
    assert_eq!(
        trial.message("in", "\"bad\"").next,
        Ok(Next::More),
        "attempts count"
    );
    assert_eq!(
        trial.handle(Event::Closed("in".into())).next,
        Ok(Next::Done)
    );
}

#[test]
fn refusals_are_reported_in_the_log() {
    let cases = [
        (
            json!({ "do": "flood" }),
            "flood: full after 1024: one event may emit 1024 messages",
        ),
        (json!({ "do": "flood", "n": 10 }), "flood: sent 10"),
        (
            json!({ "do": "huge" }),
            "huge: too-large: the value is longer than 16777216 bytes",
        ),
        (
            json!({ "do": "unknown-port" }),
            "unknown-port: unknown-port: there is no output `nowhere`",
        ),
    ];
    for (deed, line) in cases {
        let handled = doing(&deed).message("in", "1");
        assert_eq!(
            (handled.next.clone(), logged(&handled)),
            (Ok(Next::Wait), vec![line])
        );
    }
    let mut liar = doing(&json!({ "do": "lie", "text": "7" }));
    let mismatch = TypeMismatch {
        pointer: String::new(),
        message: "no string".into(),
    };
    liar.outside().refusing.insert("out".into(), mismatch);
    let line = "lie: wrong-type: the value does not fit its port: no string";
    assert_eq!(logged(&liar.message("in", "1")), [line]);
}

#[test]
fn it_forgets_what_drift_needs() {
    let mut trial = doing(&json!({ "do": "drift" }));
    assert_eq!(bodies(&trial.message("in", "1")), ["{\"drift\":1}"]);
    assert_eq!(bodies(&trial.message("in", "1")), ["{\"drift\":2}"]);
    trial.restore().expect("no fault");
    assert_eq!(bodies(&trial.message("in", "1")), ["{\"drift\":1}"]);
}

#[test]
fn it_reaches_out() {
    let cases = [
        (json!({ "do": "clock" }), "now", "{\"now\":0}"),
        (
            json!({ "do": "random", "n": 2 }),
            "random 2",
            "{\"random\":[1,2]}",
        ),
        (
            json!({ "do": "set-timer", "text": "t", "n": 5 }),
            "set-timer t 5",
            "",
        ),
        (json!({ "do": "cancel-timer" }), "cancel-timer probe", ""),
        (json!({ "do": "stdin" }), "stdin 4096", "{\"stdin\":\"\"}"),
        (json!({ "do": "stdout", "text": "x" }), "stdout 1", ""),
        (
            json!({ "do": "read", "path": "f" }),
            "read f 0 4096",
            "{\"read\":\"abc\"}",
        ),
        (
            json!({ "do": "stat", "path": "f" }),
            "stat f",
            "{\"size\":3}",
        ),
        (
            json!({ "do": "list", "path": "d" }),
            "list d",
            "{\"list\":[\"x\"]}",
        ),
        (json!({ "do": "append", "path": "f" }), "append f 6", ""),
        (json!({ "do": "replace", "path": "f" }), "replace f", ""),
    ];
    for (deed, call, body) in cases {
        let mut trial = doing(&deed);
        trial.outside().files.insert("f".into(), b"abc".to_vec());
        trial.outside().files.insert("d/x".into(), Vec::new());
        let handled = trial.message("in", "1");
        assert_eq!(handled.calls, [call]);
        assert_eq!(bodies(&handled).concat(), body);
    }
}

#[test]
fn what_a_file_refuses_is_logged() {
    let mut trial = doing(&json!({ "do": "read-denied" }));
    trial
        .outside()
        .failing
        .insert("/etc/passwd".into(), FileErrorCode::Denied);
    assert_eq!(logged(&trial.message("in", "1")), ["read: denied: denied"]);
    let mut trial = doing(&json!({ "do": "close", "path": "f" }));
    assert_eq!(
        logged(&trial.message("in", "1")),
        ["close: conflict: conflict"]
    );
}

#[test]
fn it_crashes() {
    for deed in ["trap", "panic", "trap-before"] {
        let mut trial = doing(&json!({ "do": deed }));
        let crashed = catch_unwind(AssertUnwindSafe(|| trial.message("in", "1")));
        assert!(crashed.is_err(), "{deed}");
    }
    let mut trial = doing(&json!({ "do": "trap-before", "n": 10 }));
    trial.outside().now = 10;
    assert_eq!(trial.message("in", "1").next, Ok(Next::Wait));
}

#[test]
fn ports_are_what_the_config_says() {
    let ports = |config: Value| {
        let config = parse_config(&config.to_string()).expect("a good config");
        let ports = Probe::ports(&config).expect("good ports");
        let text = |port: Port| {
            let way = if port.direction == Direction::Input {
                "in"
            } else {
                "out"
            };
            let open = if port.optional { "?" } else { "" };
            format!("{way} {}{open}: {}", port.name, port.type_)
        };
        ports.into_iter().map(text).collect::<Vec<_>>()
    };
    assert_eq!(ports(json!({})), ["in in?: json", "out out?: json"]);
    assert_eq!(
        ports(json!({ "produce": 1 })),
        ["in in?: json", "out out: { n: u64, pad: string }"]
    );
    assert_eq!(
        ports(json!({ "ports": [
            { "name": "a", "direction": "input", "type": "list<u8>" },
            { "name": "b", "direction": "output", "type": "$T", "optional": true },
        ] })),
        ["in a: list<u8>", "out b?: $T"]
    );
}

#[test]
fn bad_configs_are_refused_with_their_place() {
    for (config, pointer) in [
        (
            json!({ "on": [{ "do": "more" }, { "do": "clock" }] }),
            "/on/1/do",
        ),
        (json!({ "on": [{ "do": "dance" }] }), "/on/0/do"),
        (json!({ "refuse": "no" }), "/refuse"),
        (json!({ "init-fault": "no" }), ""),
        (json!({ "ports": [{ "name": "a" }] }), "/ports/0"),
        (json!({ "nosuch": 1 }), "/nosuch"),
    ] {
        let faults = Trial::<Probe>::new(&config.to_string())
            .err()
            .expect("a bad config");
        assert_eq!(faults[0].pointer, pointer, "{config}");
    }
}
