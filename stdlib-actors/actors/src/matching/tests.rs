use serde_json::{Value, json};
use theater_flow_sdk::{Event, Next, Trial, TypeMismatch};

use super::Match;

mod text;

/// The bound of `rules`.
const RULES: usize = 512;

fn trial(rules: &Value) -> Trial<Match> {
    Trial::new(&json!({ "rules": rules }).to_string()).expect("good rules")
}

fn found(rules: &Value, text: &str) -> Vec<String> {
    let body = json!({ "path": "p", "line": 7, "text": text }).to_string();
    let handled = trial(rules).message("in", &body);
    assert_eq!(handled.next, Ok(Next::Wait));
    let rule = |(port, body): &(String, String)| {
        let body: Value = serde_json::from_str(body).expect("JSON");
        assert_eq!(port, "out");
        assert_eq!((&body["path"], &body["line"]), (&json!("p"), &json!(7)));
        assert_eq!(body["text"], text);
        body["rule"].as_str().expect("a string").to_owned()
    };
    handled.emitted.iter().map(rule).collect()
}

#[test]
fn every_rule_that_matches_sends_in_the_order_of_names() {
    let rules = json!({ "todo": r"\bTODO\b", "any": ".", "secret": "(?i)api[_-]?key", "z": "^$" });
    let cases: &[(&str, &[&str])] = &[
        ("", &["z"]),
        ("x", &["any"]),
        ("// TODO: x", &["any", "todo"]),
        ("TODOS", &["any"]),
        ("TODO API-KEY", &["any", "secret", "todo"]),
        ("line\nbreak", &["any"]),
    ];
    for (text, names) in cases {
        assert_eq!(found(&rules, text), *names, "{text}");
    }
}

#[test]
fn classes_know_unicode() {
    let rules = json!({ "d": r"^\d$", "i": "(?i)^straße Ä$", "w": r"^\w+$", "word": r"\bé\b" });
    assert_eq!(found(&rules, "é"), ["w", "word"]);
    assert_eq!(found(&rules, "٣"), ["d", "w"]);
    assert_eq!(found(&rules, "STRAẞE ä"), ["i"]);
    assert_eq!(found(&rules, "aéb"), ["w"]);
}

#[test]
fn the_message_is_compact_json() {
    let mut trial = trial(&json!({ "r": "x" }));
    let body = "{ \"text\": \"\\u0078\\n\", \"more\": [1], \"line\": 18446744073709551615, \"path\": \"\\\"\" }";
    let handled = trial.message("in", body);
    let sent = r#"{"path":"\"","line":18446744073709551615,"rule":"r","text":"x\n"}"#;
    assert_eq!(handled.emitted, [("out".to_owned(), sent.to_owned())]);
}

#[test]
fn bad_messages_and_refusals_are_faults() {
    let mut trial = trial(&json!({ "r": "x" }));
    for body in [
        "",
        "[]",
        r#"{"path":"p","line":1}"#,
        r#"{"path":"p","line":-1,"text":"x"}"#,
    ] {
        assert_eq!(
            trial.message("in", body).next.expect_err(body).code,
            "bad-message"
        );
    }
    let mismatch = TypeMismatch {
        pointer: "/rule".into(),
        message: "no".into(),
    };
    trial.outside().refusing.insert("out".into(), mismatch);
    let fault = trial
        .message("in", r#"{"path":"p","line":1,"text":"x"}"#)
        .next;
    let fault = fault.expect_err("refused");
    assert_eq!(fault.code, "wrong-type");
    assert_eq!(
        fault.message,
        "the value does not fit its port at /rule: no"
    );
}

#[test]
fn other_events_do_nothing() {
    let mut trial = trial(&json!({ "r": "x" }));
    for event in [Event::Start, Event::Pull, Event::Closed("in".into())] {
        let handled = trial.handle(event);
        assert_eq!((handled.next, handled.emitted.len()), (Ok(Next::Wait), 0));
    }
    assert_eq!(trial.snapshot(), br#"{"rest":null}"#);
}

#[test]
fn every_bad_rule_is_named() {
    let rules = json!({ "a/b": "(", "fine": "x", "huge": r"\w{5000}", "look": "ä(?=x)" });
    let config = json!({ "rules": rules }).to_string();
    let faults = Trial::<Match>::new(&config).err().expect("bad rules");
    let pointers: Vec<&str> = faults.iter().map(|fault| fault.pointer.as_str()).collect();
    assert_eq!(pointers, ["/rules/a~1b", "/rules/huge", "/rules/look"]);
    let messages = faults.iter().map(|fault| fault.message.as_str());
    let wanted = [
        "unclosed group, at character 1: `(`",
        "Compiled regex exceeds size limit of 8388608 bytes.",
        "look-around, including look-ahead and look-behind, is not supported, at character 2: `(?=`",
    ];
    assert_eq!(messages.collect::<Vec<_>>(), wanted);
}

#[test]
fn other_bad_configs_are_refused_with_their_place() {
    let many: Value = (0..=RULES)
        .map(|nth| (nth.to_string(), json!("x")))
        .collect::<Vec<_>>()
        .into_iter()
        .collect::<serde_json::Map<_, _>>()
        .into();
    for (config, pointer) in [
        (json!({}), ""),
        (json!({ "rules": {} }), "/rules"),
        (json!({ "rules": many }), "/rules"),
        (json!({ "rules": { "a": 1 } }), "/rules/a"),
        (json!({ "rules": { "a": "x" }, "flags": "i" }), "/flags"),
        (json!({ "rules": { "a": "x" }, "input": "file" }), "/input"),
        (json!({ "rules": { "a": "x" }, "groups": 1 }), "/groups"),
        (
            json!({ "rules": { "a": "x" }, "mask": ["a", "b"] }),
            "/mask/1",
        ),
    ] {
        let faults = Trial::<Match>::new(&config.to_string())
            .err()
            .expect("a bad config");
        assert_eq!(faults[0].pointer, pointer, "{config}");
    }
}

#[test]
fn rules_that_are_too_large_only_together_are_refused() {
    let rules: serde_json::Map<String, Value> = (0..20)
        .map(|nth| (format!("r{nth}"), json!(format!(r"{nth}\w{{60}}"))))
        .collect();
    let config = json!({ "rules": rules }).to_string();
    let faults = Trial::<Match>::new(&config).err().expect("too large");
    assert_eq!((faults.len(), faults[0].pointer.as_str()), (1, "/rules"));
}

#[test]
fn lines_that_no_rule_finds_go_their_own_way_if_they_are_wanted() {
    let config = json!({ "rules": { "x": "x" }, "unmatched": true });
    let mut trial = Trial::<Match>::new(&config.to_string()).expect("a good config");
    let sent = |handled: theater_flow_sdk::Handled| handled.emitted;
    let found = sent(trial.message("in", r#"{"path":"p","line":1,"text":"x"}"#));
    assert_eq!((found.len(), &found[0].0[..]), (1, "out"));
    let body = r#"{"path":"p","line":2,"text":"\"y\""}"#;
    assert_eq!(
        sent(trial.message("in", body)),
        [("unmatched".to_owned(), body.to_owned())]
    );
    let config = json!({ "rules": { "x": "x" }, "unmatched": true, "input": "text" });
    let faults = Trial::<Match>::new(&config.to_string()).err();
    assert_eq!(faults.expect("a bad config")[0].pointer, "/unmatched");
}
