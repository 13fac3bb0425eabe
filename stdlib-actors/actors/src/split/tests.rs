use serde_json::{Value, json};
use theater_flow_sdk::{Event, Next, Trial};

use super::Split;
use crate::chance::Chance;

fn trial(config: &Value) -> Trial<Split> {
    Trial::new(&config.to_string()).expect("a good config")
}

fn items(trial: &mut Trial<Split>, body: &str) -> Vec<String> {
    let (mut sent, mut handled) = (Vec::new(), trial.message("in", body));
    loop {
        assert!(handled.emitted.len() <= 512);
        sent.extend(handled.emitted.into_iter().map(|(_, body)| body));
        match handled.next.expect("no fault") {
            Next::More => handled = trial.handle(Event::Pull),
            _ => return sent,
        }
    }
}

#[test]
fn items_keep_their_bytes_and_their_order() {
    let cases: &[(&str, &[&str])] = &[
        ("[]", &[]),
        (" [ ] ", &[]),
        ("[1]", &["1"]),
        (
            " [ 1.50 ,\n\"a,]\\\"\" ,[ ], {\"k\" : [1, 2]},null,-0 ] ",
            &[
                "1.50",
                "\"a,]\\\"\"",
                "[ ]",
                "{\"k\" : [1, 2]}",
                "null",
                "-0",
            ],
        ),
        ("[[[]],true,false]", &["[[]]", "true", "false"]),
    ];
    for (body, wanted) in cases {
        assert_eq!(items(&mut trial(&json!({})), body), *wanted, "{body}");
    }
}

#[test]
fn a_list_may_stand_in_a_field() {
    let mut trial = trial(&json!({ "field": "page.rows" }));
    let body = r#"{"page":{"next":2,"rows":[{"id": 1},2]}}"#;
    assert_eq!(items(&mut trial, body), [r#"{"id": 1}"#, "2"]);
    for (body, message) in [
        (r#"{"page":{"rows":{}}}"#, "`page.rows` is no list: {}"),
        (r#"{"page":{}}"#, "`page.rows` is no list: null"),
        ("7", "`page.rows` is no list: null"),
    ] {
        let fault = trial.message("in", body).next.expect_err(body);
        assert_eq!(
            (fault.code.as_str(), fault.message.as_str()),
            ("not-a-list", message)
        );
    }
    assert_eq!(
        trial.message("in", "{").next.expect_err("no JSON").code,
        "bad-message"
    );
}

#[test]
fn what_is_no_list_is_a_fault() {
    let mut trial = trial(&json!({}));
    let fault = trial
        .message("in", "{\"a\":[1]}")
        .next
        .expect_err("no list");
    assert_eq!(
        (fault.code.as_str(), fault.message.as_str()),
        ("not-a-list", "the message is no list: {\"a\":[1]}")
    );
    assert_eq!(
        trial.message("in", "[1,").next.expect_err("no JSON").code,
        "bad-message"
    );
    assert_eq!(items(&mut trial, "[1]"), ["1"]);
}

#[test]
fn long_lists_are_sent_in_parts() {
    let list: Vec<usize> = (0..2_000).collect();
    let wanted: Vec<String> = list.iter().map(usize::to_string).collect();
    assert_eq!(
        items(&mut trial(&json!({})), &json!(list).to_string()),
        wanted
    );
    // And those with long items in shorter ones.
    let list = vec!["x".repeat(400 << 10); 5];
    let mut trial = trial(&json!({}));
    let handled = trial.message("in", &json!(list).to_string());
    assert_eq!((handled.next, handled.emitted.len()), (Ok(Next::More), 3));
    assert_eq!(trial.handle(Event::Pull).emitted.len(), 2);
}

#[test]
fn a_restored_instance_goes_on_as_the_other() {
    let mut chance = Chance::new(12);
    let (mut whole, mut restored) = (trial(&json!({})), trial(&json!({})));
    for _ in 0..6 {
        let list: Vec<Value> = (0..chance.below(1_500)).map(|_| chance.value(2)).collect();
        let mut sent = Vec::new();
        let (port, body) = ("in".into(), json!(list).to_string());
        let mut event = Event::Message(theater_flow_sdk::Message { port, body });
        loop {
            let handled = whole.handle(event.clone());
            assert_eq!(restored.handle(event), handled);
            assert_eq!(restored.snapshot(), whole.snapshot());
            restored.restore().expect("no fault");
            sent.extend(handled.emitted.into_iter().map(|(_, body)| body));
            match handled.next.expect("no fault") {
                Next::More => event = Event::Pull,
                _ => break,
            }
        }
        let wanted: Vec<String> = list.iter().map(Value::to_string).collect();
        assert_eq!(sent, wanted);
    }
}

#[test]
fn bad_configs_are_refused_with_their_place() {
    for (config, pointer) in [
        (json!({ "field": "" }), "/field"),
        (json!({ "field": "a..b" }), "/field"),
        (json!({ "field": 1 }), "/field"),
        (json!({ "keep": [] }), "/keep"),
    ] {
        let faults = Trial::<Split>::new(&config.to_string())
            .err()
            .expect("a bad config");
        assert_eq!(faults[0].pointer, pointer, "{config}");
    }
}
