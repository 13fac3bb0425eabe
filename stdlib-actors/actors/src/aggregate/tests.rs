use serde_json::{Value, json};
use theater_flow_sdk::{Event, Handled, Next, Trial};

use super::Aggregate;
use crate::chance::Chance;

mod config;
mod model;

fn trial(config: &Value) -> Trial<Aggregate> {
    Trial::new(&config.to_string()).unwrap_or_else(|faults| panic!("{config}: {faults:?}"))
}

fn closed() -> Event {
    Event::Closed("in".into())
}

/// What comes of one event and of the pulls after it.
fn all(trial: &mut Trial<Aggregate>, event: Event) -> Vec<String> {
    let (mut sent, mut event) = (Vec::new(), event);
    loop {
        let Handled { next, emitted, .. } = trial.handle(event);
        assert!(emitted.len() <= 512);
        sent.extend(emitted.into_iter().map(|(_, body)| body));
        match next.expect("no fault") {
            Next::More => event = Event::Pull,
            _ => return sent,
        }
    }
}

fn take(trial: &mut Trial<Aggregate>, bodies: &[&str]) -> Vec<String> {
    let mut sent = Vec::new();
    for body in bodies {
        let handled = trial.message("in", body);
        if handled.next.expect(body) == Next::More {
            sent.extend(all(trial, Event::Pull));
        }
    }
    sent
}

fn rows(config: &Value, bodies: &[&str]) -> Vec<String> {
    let mut trial = trial(config);
    let mut sent = take(&mut trial, bodies);
    sent.extend(all(&mut trial, closed()));
    sent
}

#[test]
fn each_kind_of_figure() {
    let bodies = [
        r#"{"n":3,"s":"b"}"#,
        r#"{"n":1,"s":null}"#,
        r#"{"s":"a"}"#,
        r#"{"n":null,"s":"\u0061"}"#,
        r#"{"n":3,"x":1}"#,
        r#"{"n":-7,"s":{"k": [1]}}"#,
    ];
    for (what, shown) in [
        (json!("count"), r#"{"v":6}"#),
        (json!({ "sum": "n" }), r#"{"v":0}"#),
        (json!({ "mean": "n" }), r#"{"v":0.0}"#),
        (json!({ "min": "n" }), r#"{"v":-7}"#),
        (json!({ "max": "n" }), r#"{"v":3}"#),
        (json!({ "first": "s" }), r#"{"v":"b"}"#),
        (json!({ "last": "s" }), r#"{"v":{"k": [1]}}"#),
        (json!({ "distinct": "s" }), r#"{"v":3}"#),
        (
            json!({ "collect": "n", "max": 2 }),
            r#"{"v":[3,1],"v-dropped":2}"#,
        ),
        (
            json!({ "collect": "s" }),
            r#"{"v":["b","a","\u0061",{"k": [1]}],"v-dropped":0}"#,
        ),
        (
            json!({ "top": 2, "by": "n" }),
            r#"{"v":[{"n":3,"s":"b"},{"n":3,"x":1}]}"#,
        ),
        (
            json!({ "top": 3, "by": "n", "keep": ["x", "/s", "n"] }),
            r#"{"v":[{"x":null,"s":"b","n":3},{"x":1,"s":null,"n":3},{"x":null,"s":null,"n":1}]}"#,
        ),
    ] {
        let config = json!({ "take": { "v": what } });
        assert_eq!(rows(&config, &bodies), [shown], "{config}");
    }
}

#[test]
fn figures_of_nothing() {
    let config = json!({ "take": {
        "a": "count", "b": { "sum": "n" }, "c": { "mean": "n" }, "d": { "min": "n" },
        "e": { "max": "n" }, "f": { "first": "n" }, "g": { "last": "n" }, "h": { "distinct": "n" },
        "i": { "collect": "n" }, "j": { "top": 1, "by": "n" },
    } });
    let row = r#"{"a":0,"b":0,"c":null,"d":null,"e":null,"f":null,"g":null,"h":0,"i":[],"i-dropped":0,"j":[]}"#;
    assert_eq!(rows(&config, &[]), [row]);
    let mut grouped = config;
    grouped["by"] = json!(["n"]);
    assert_eq!(rows(&grouped, &[]), [""; 0]);
    grouped["emit"] = json!("all");
    let whole = r#"{"groups":[],"count":0,"omitted":0}"#;
    assert_eq!(rows(&grouped, &[]), [whole]);
}

#[test]
fn sums_are_exact_as_long_as_they_are_integers() {
    let config = json!({ "take": { "s": { "sum": "n" }, "m": { "mean": "n" } } });
    for (numbers, shown) in [
        (
            &["9007199254740993", "1"][..],
            r#"{"m":4503599627370497.0,"s":9007199254740994}"#,
        ),
        (
            &["18446744073709551615", "-18446744073709551615.0"],
            r#"{"m":0.0,"s":0.0}"#,
        ),
        (
            &["18446744073709551614", "1"],
            r#"{"m":9.223372036854776e+18,"s":18446744073709551615}"#,
        ),
        (
            &["18446744073709551615", "1"],
            r#"{"m":9.223372036854776e+18,"s":1.8446744073709552e+19}"#,
        ),
        (
            &["18446744073709551615", "1", "-9223372036854775808"],
            r#"{"m":3.0744573456182584e+18,"s":9223372036854775808}"#,
        ),
        (
            &["-9223372036854775808", "-1"],
            r#"{"m":-4.611686018427388e+18,"s":-9.223372036854776e+18}"#,
        ),
        (
            &["0.1", "0.2"],
            r#"{"m":0.15000000000000002,"s":0.30000000000000004}"#,
        ),
        (&["0.2", "1", "0.1"], r#"{"m":0.43333333333333335,"s":1.3}"#),
        (&["1e308", "1e308"], r#"{"m":null,"s":null}"#),
    ] {
        let bodies: Vec<String> = numbers.iter().map(|n| format!("{{\"n\":{n}}}")).collect();
        let bodies: Vec<&str> = bodies.iter().map(String::as_str).collect();
        assert_eq!(rows(&config, &bodies), [shown], "{numbers:?}");
    }
}

#[test]
fn values_make_groups_and_spellings_do_not() {
    let config = json!({ "by": ["k", "o.p"], "take": { "n": "count" } });
    let bodies = [
        r#"{"k":"b","o":{"p":1}}"#,
        r#"{"k":"a","o":{"p":1.0}}"#,
        r#"{"o":{"p":10e-1},"k":"\u0061"}"#,
        r#"{"k":"a"}"#,
        r#"{"k":"a","o":{"p":null}}"#,
        r#"{"k":"a","o":7}"#,
        "17",
    ];
    let sent = [
        r#"{"k":null,"p":null,"n":1}"#,
        r#"{"k":"a","p":null,"n":3}"#,
        r#"{"k":"a","p":1.0,"n":2}"#,
        r#"{"k":"b","p":1,"n":1}"#,
    ];
    assert_eq!(rows(&config, &bodies), sent);
}

#[test]
fn order_and_limit() {
    let bodies = [
        r#"{"k":"a","m":1}"#,
        r#"{"k":"b","m":9}"#,
        r#"{"k":"c","m":5}"#,
        r#"{"k":"b"}"#,
        r#"{"k":"c"}"#,
    ];
    let keys = |order: &str, limit: usize| -> String {
        let take = json!({ "n": "count", "m": { "max": "m" } });
        let config = json!({ "by": ["k"], "take": take, "order": order, "limit": limit });
        let rows = rows(&config, &bodies);
        let key = |row: &String| row.as_bytes()[6] as char;
        rows.iter().map(key).collect()
    };
    for (order, limit, sorted) in [
        ("key", 9, "abc"),
        ("-k", 9, "cba"),
        ("n", 9, "abc"),
        ("-n", 9, "bca"),
        ("-n", 2, "bc"),
        ("m", 9, "acb"),
        ("-m", 1, "b"),
    ] {
        assert_eq!(keys(order, limit), sorted, "{order} {limit}");
    }
}

#[test]
fn all_in_one_message_counts_what_is_left_out() {
    let config = json!({
        "by": ["k"], "take": { "n": "count" }, "emit": "all", "limit": 1, "max-groups": 2,
        "overflow": "other",
    });
    let bodies = [
        r#"{"k":1}"#,
        r#"{"k":2}"#,
        r#"{"k":3}"#,
        r#"{"k":4}"#,
        r#"{"k":2}"#,
    ];
    let whole =
        r#"{"groups":[{"k":1,"n":1}],"count":5,"omitted":1,"other":{"k":null,"n":2,"other":true}}"#;
    assert_eq!(rows(&config, &bodies), [whole]);
    let mut config = config;
    config["emit"] = json!("groups");
    let sent = [r#"{"k":1,"n":1}"#, r#"{"k":null,"n":2,"other":true}"#];
    assert_eq!(rows(&config, &bodies), sent);
}

#[test]
fn a_group_too_many_is_a_fault_that_changes_nothing() {
    let config = json!({ "by": ["k"], "take": { "n": "count" }, "max-groups": 1 });
    let mut trial = trial(&config);
    take(&mut trial, &[r#"{"k":1}"#]);
    let before = trial.snapshot();
    let fault = trial
        .message("in", r#"{"k":2}"#)
        .next
        .expect_err("one too many");
    assert_eq!(fault.code, "too-many-groups");
    assert_eq!(fault.message, "this would be group 2 of `max-groups` 1");
    assert_eq!(trial.snapshot(), before);
}

#[test]
fn what_is_no_number_is_a_fault_that_changes_nothing() {
    let config =
        json!({ "take": { "a": "count", "m": { "max": "x.y" }, "z": { "top": 1, "by": "t" } } });
    let mut trial = trial(&config);
    take(&mut trial, &[r#"{"x":{"y":1},"t":1}"#]);
    let before = trial.snapshot();
    for (body, message) in [
        (
            r#"{"x":{"y":"7"}}"#,
            "`m` wants a number in `x.y`, which is \"7\"",
        ),
        (
            r#"{"t":[1],"x":{"y":2}}"#,
            "`z` wants a number in `t`, which is [1]",
        ),
    ] {
        let fault = trial.message("in", body).next.expect_err(body);
        assert_eq!(
            (fault.code.as_str(), fault.message.as_str()),
            ("not-a-number", message)
        );
        assert_eq!(trial.snapshot(), before);
    }
    let fault = trial.message("in", "{").next.expect_err("no JSON");
    assert_eq!(fault.code, "bad-message");
}

#[test]
fn memory_has_a_bound() {
    let config = json!({ "by": ["k"], "take": {
        "l": { "last": "v" }, "c": { "collect": "v", "max": 10_000 }, "t": { "top": 3, "by": "n" },
    }, "max-bytes": 20_000 });
    let mut trial = trial(&config);
    let (mut faults, mut chance) = (0, Chance::new(8));
    for nth in 0..2_000 {
        let text = "x".repeat(chance.below(200));
        let body = json!({ "k": chance.below(20), "v": text, "n": nth });
        match trial.message("in", &body.to_string()).next {
            Ok(_) => {}
            Err(fault) => {
                assert_eq!(fault.code, "state-full");
                faults += 1;
            }
        }
        assert!(trial.snapshot().len() < 25_000);
    }
    assert!((1_000..1_990).contains(&faults), "{faults}");
    // Room is there again after a flush.
    assert!(!all(&mut trial, closed()).is_empty());
    assert_eq!(trial.state().bytes, 0);
}

#[test]
fn after_a_count_groups_begin_anew() {
    let config = json!({ "take": { "n": "count" }, "flush": { "count": 2 } });
    let row = |n: u64| format!("{{\"n\":{n}}}");
    assert_eq!(rows(&config, &["1"; 5]), [row(2), row(2), row(1)]);
    assert_eq!(rows(&config, &["1"; 4]), [row(2), row(2)]);
    assert_eq!(rows(&config, &[]), [row(0)]);
}

#[test]
fn many_groups_are_sent_in_parts() {
    let config = json!({ "by": ["k"], "take": { "n": "count" } });
    let bodies: Vec<String> = (0..2_000).map(|k| format!("{{\"k\":{k}}}")).collect();
    let bodies: Vec<&str> = bodies.iter().map(String::as_str).collect();
    let sent = rows(&config, &bodies);
    assert_eq!(sent.len(), 2_000);
    assert_eq!(sent[1_999], r#"{"k":1999,"n":1}"#);
}

#[test]
fn a_restored_instance_goes_on_as_the_other() {
    let config = json!({ "by": ["k"], "flush": { "count": 90 }, "max-groups": 5, "overflow": "other", "take": {
        "n": "count", "s": { "sum": "n" }, "m": { "mean": "n" }, "t": { "top": 2, "by": "n" },
        "d": { "distinct": "n" }, "c": { "collect": "n", "max": 3 }, "f": { "first": "n" }, "l": { "last": "n" },
    } });
    let (mut whole, mut restored) = (trial(&config), trial(&config));
    let mut chance = Chance::new(4);
    let mut event = |last: &Next| {
        if *last == Next::More {
            return Event::Pull;
        }
        let n = *chance.of(&[0.1, 0.7, 1e-9, 5e300, 3.0]);
        let body = json!({ "k": chance.value(1), "n": n }).to_string();
        let port = "in".into();
        Event::Message(theater_flow_sdk::Message { port, body })
    };
    let mut last = Next::Wait;
    for nth in 0..500 {
        let event = if nth == 498 { closed() } else { event(&last) };
        let handled = whole.handle(event.clone());
        assert_eq!(restored.handle(event), handled);
        assert_eq!(restored.snapshot(), whole.snapshot());
        restored.restore().expect("no fault");
        last = handled.next.expect("no fault");
    }
}

#[test]
fn a_row_that_does_not_fit_is_not_lost() {
    let mut trial = trial(&json!({ "take": { "n": "count" } }));
    take(&mut trial, &["1"]);
    trial.handle(closed());
    let mismatch = theater_flow_sdk::TypeMismatch {
        pointer: "/n".into(),
        message: "no".into(),
    };
    trial.outside().refusing.insert("out".into(), mismatch);
    assert_eq!(
        trial.handle(Event::Pull).next.expect_err("refused").code,
        "wrong-type"
    );
    trial.outside().refusing.clear();
    assert_eq!(all(&mut trial, Event::Pull), [r#"{"n":1}"#]);
}
