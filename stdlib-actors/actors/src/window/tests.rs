use serde_json::{Value, json};
use theater_flow_sdk::{Event, Next, Trial};

use super::Window;

fn config() -> Value {
    json!({ "by": ["k"], "take": { "n": "count" }, "flush": { "every": "2s" } })
}

fn trial(config: &Value) -> Trial<Window> {
    Trial::new(&config.to_string()).expect("a good config")
}

fn pulled(trial: &mut Trial<Window>) -> Vec<String> {
    let handled = trial.handle(Event::Pull);
    assert_eq!(handled.next, Ok(Next::Wait));
    handled.emitted.into_iter().map(|(_, body)| body).collect()
}

#[test]
fn each_tick_ends_a_window() {
    let mut trial = trial(&config());
    assert_eq!(trial.handle(Event::Start).calls, ["set-timer flush 2000"]);
    for (keys, rows) in [
        (
            &[1, 2, 1][..],
            &[r#"{"k":1,"n":2}"#, r#"{"k":2,"n":1}"#][..],
        ),
        (&[], &[]),
        (&[2], &[r#"{"k":2,"n":1}"#]),
    ] {
        for key in keys {
            let handled = trial.message("in", &json!({ "k": key }).to_string());
            assert_eq!((handled.next, handled.calls.len()), (Ok(Next::Wait), 0));
        }
        let handled = trial.handle(Event::Timer("flush".into()));
        assert_eq!(handled.next, Ok(Next::More));
        assert_eq!(handled.calls, ["set-timer flush 2000"]);
        assert_eq!(pulled(&mut trial), rows);
    }
    trial.message("in", r#"{"k":3}"#);
    let handled = trial.handle(Event::Closed("in".into()));
    assert_eq!(
        (handled.next, handled.calls),
        (Ok(Next::More), vec!["cancel-timer flush".into()])
    );
    let late = trial.handle(Event::Timer("flush".into()));
    assert_eq!((late.next, late.calls.len()), (Ok(Next::Wait), 0));
    assert_eq!(pulled(&mut trial), [r#"{"k":3,"n":1}"#]);
}

#[test]
fn a_tick_before_all_was_sent_leaves_the_window_open() {
    let mut trial = trial(&config());
    trial.handle(Event::Start);
    for key in 0..600 {
        trial.message("in", &json!({ "k": key }).to_string());
    }
    trial.handle(Event::Timer("flush".into()));
    let handled = trial.handle(Event::Pull);
    assert_eq!((handled.next, handled.emitted.len()), (Ok(Next::More), 512));
    let handled = trial.handle(Event::Timer("flush".into()));
    assert_eq!((handled.next, handled.calls.len()), (Ok(Next::More), 1));
    assert_eq!(pulled(&mut trial).len(), 88);
}

#[test]
fn a_restored_instance_goes_on_as_the_other() {
    let (mut whole, mut restored) = (trial(&config()), trial(&config()));
    let timer = || Event::Timer("flush".into());
    let message = |key: u8| {
        let (port, body) = ("in".into(), json!({ "k": key }).to_string());
        Event::Message(theater_flow_sdk::Message { port, body })
    };
    let events = [
        Event::Start,
        message(1),
        message(2),
        timer(),
        Event::Pull,
        message(2),
        timer(),
        timer(),
        Event::Pull,
        message(1),
        Event::Closed("in".into()),
        timer(),
        Event::Pull,
    ];
    for event in events {
        let handled = whole.handle(event.clone());
        assert_eq!(restored.handle(event), handled);
        assert_eq!(restored.snapshot(), whole.snapshot());
        restored.restore().expect("no fault");
    }
}

#[test]
fn an_interval_is_wanted() {
    for (flush, pointer) in [
        (Value::Null, "/flush"),
        (json!("close"), "/flush"),
        (json!({ "count": 2 }), "/flush/count"),
        (json!({ "every": "9ms" }), "/flush/every"),
        (json!({ "every": "25h" }), "/flush/every"),
        (json!({ "every": "10" }), "/flush/every"),
        (json!({ "every": "1.5s" }), "/flush/every"),
        (json!({ "every": "99999999999999999999h" }), "/flush/every"),
    ] {
        let mut config = config();
        config["flush"] = flush;
        let faults = Trial::<Window>::new(&config.to_string())
            .err()
            .expect("a bad config");
        assert_eq!(faults[0].pointer, pointer, "{config}");
    }
    let mut config = config();
    config["by"] = json!([""]);
    config["flush"] = json!({ "every": "" });
    let faults = Trial::<Window>::new(&config.to_string())
        .err()
        .expect("a bad config");
    let places: Vec<&str> = faults.iter().map(|fault| fault.pointer.as_str()).collect();
    assert_eq!(places, ["/by/0", "/flush/every"]);
}
