use serde_json::{Value, json};
use theater_flow_sdk::{Event, Next, Trial};

use super::Sort;
use crate::chance::Chance;

fn trial(config: &Value) -> Trial<Sort> {
    Trial::new(&config.to_string()).expect("a good config")
}

fn end(trial: &mut Trial<Sort>) -> Vec<String> {
    let handled = trial.handle(Event::Closed("in".into()));
    assert_eq!((handled.next, handled.emitted.len()), (Ok(Next::More), 0));
    let mut sent = Vec::new();
    loop {
        let handled = trial.handle(Event::Pull);
        assert!(handled.emitted.len() <= 512);
        sent.extend(handled.emitted.into_iter().map(|(_, body)| body));
        if handled.next.expect("no fault") == Next::Wait {
            return sent;
        }
    }
}

fn sorted(by: &Value, bodies: &[&str]) -> Vec<String> {
    let mut trial = trial(&json!({ "by": by }));
    for body in bodies {
        assert_eq!(trial.message("in", body).next, Ok(Next::Wait));
    }
    end(&mut trial)
}

#[test]
fn messages_come_in_order_and_as_they_were() {
    let bodies = [
        r#"{ "a" : 2, "b": "x" }"#,
        r#"{"a":10,"b":"y"}"#,
        r#"{"b":"x","n":1}"#,
        r#"{"a":2.0,"b":"y"}"#,
        r#"{"a":"2","b":"x"}"#,
    ];
    for (by, order) in [
        (json!(["a"]), [2, 0, 3, 1, 4]),
        (json!(["-a"]), [4, 1, 0, 3, 2]),
        (json!(["b"]), [0, 2, 4, 1, 3]),
        (json!(["-b", "a"]), [3, 1, 2, 0, 4]),
        (json!(["b", "-a"]), [4, 0, 2, 1, 3]),
        (json!(["nothing"]), [0, 1, 2, 3, 4]),
    ] {
        let wanted = order.map(|at: usize| bodies[at]);
        assert_eq!(sorted(&by, &bodies), wanted, "{by}");
    }
}

#[test]
fn nothing_is_sent_of_nothing() {
    assert_eq!(sorted(&json!(["a"]), &[]), [""; 0]);
}

#[test]
fn the_order_is_that_of_a_stable_sort() {
    let mut chance = Chance::new(17);
    for _ in 0..30 {
        let count = 1_200;
        let mut bodies: Vec<Value> = (0..count)
            .map(|nth| json!({ "a": chance.below(9), "b": [chance.below(3)], "nth": nth }))
            .collect();
        let texts: Vec<String> = bodies.iter().map(Value::to_string).collect();
        let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
        let sent = sorted(&json!(["-a", "b.0"]), &texts);
        let number = |value: &Value| value.as_u64().expect("a number");
        bodies.sort_by_key(|body| {
            let descending = std::cmp::Reverse(number(&body["a"]));
            (descending, number(&body["b"][0]))
        });
        let wanted: Vec<String> = bodies.iter().map(Value::to_string).collect();
        assert_eq!(sent, wanted);
    }
}

#[test]
fn one_message_or_one_byte_too_many_is_a_fault() {
    let mut trial = trial(&json!({ "by": ["a"], "max": 2 }));
    for body in ["1", "2"] {
        assert_eq!(trial.message("in", body).next, Ok(Next::Wait));
    }
    let fault = trial.message("in", "3").next.expect_err("too many");
    assert_eq!(fault.code, "too-many");
    assert_eq!(fault.message, "`max`, 2, messages are held already");
    assert_eq!(end(&mut trial), ["1", "2"]);

    let mut trial = self::trial(&json!({ "by": ["a"], "max-bytes": 1_024 }));
    let long = format!("\"{}\"", "x".repeat(1_000));
    let fault = trial.message("in", &long).next.expect_err("too large");
    assert_eq!(fault.code, "too-many");
    assert_eq!(
        fault.message,
        "the messages held take all of `max-bytes`, 1024"
    );
    assert_eq!(end(&mut trial), [""; 0]);
}

#[test]
fn bad_messages_are_faults() {
    let mut trial = trial(&json!({ "by": ["a"] }));
    for body in ["", "{", r#"{"a":"\ud800"}"#] {
        let fault = trial.message("in", body).next.expect_err(body);
        assert_eq!(fault.code, "bad-message", "{body}");
    }
    assert_eq!(end(&mut trial), [""; 0]);
}

#[test]
fn a_restored_instance_goes_on_as_the_other() {
    let config = json!({ "by": ["-a", "b"] });
    let (mut whole, mut restored) = (trial(&config), trial(&config));
    let mut chance = Chance::new(2);
    let mut event = |nth: usize| match nth {
        0 => Event::Start,
        1_300 => Event::Closed("in".into()),
        nth if nth > 1_300 => Event::Pull,
        _ => {
            let body = json!({ "a": chance.value(1), "b": chance.below(2), "nth": nth });
            let (port, body) = ("in".into(), body.to_string());
            Event::Message(theater_flow_sdk::Message { port, body })
        }
    };
    for nth in 0..1_304 {
        let event = event(nth);
        let handled = whole.handle(event.clone());
        assert_eq!(restored.handle(event), handled);
        if nth % 7 == 0 || nth > 1_298 {
            assert_eq!(restored.snapshot(), whole.snapshot());
            restored.restore().expect("no fault");
        }
    }
    assert!(whole.state().held.sorted.is_empty());
}

#[test]
fn bad_configs_are_refused_with_their_place() {
    let many: Vec<String> = (0..17).map(|nth| nth.to_string()).collect();
    for (config, pointers) in [
        (json!({}), &[""][..]),
        (json!({ "by": [] }), &["/by"]),
        (json!({ "by": many }), &["/by"]),
        (json!({ "by": "a" }), &["/by"]),
        (
            json!({ "by": ["a", "-", "-/~"], "max": 0, "max-bytes": 1 }),
            &["/by/1", "/by/2", "/max", "/max-bytes"],
        ),
        (json!({ "by": ["a"], "order": "up" }), &["/order"]),
    ] {
        let faults = Trial::<Sort>::new(&config.to_string())
            .err()
            .expect("a bad config");
        let places: Vec<&str> = faults.iter().map(|fault| fault.pointer.as_str()).collect();
        assert_eq!(places, pointers, "{config}");
    }
}
