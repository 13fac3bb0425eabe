use serde_json::json;
use theater_flow_sdk::{Event, Handled, Next, Trial};

use super::{DUE, Delay, HELD_BYTES};

fn trial(config: &str) -> Trial<Delay> {
    let mut trial = Trial::new(config).expect("a good config");
    trial.outside().now = 1_000;
    trial.handle(Event::Start);
    trial
}

fn bodies(handled: &Handled) -> Vec<&str> {
    handled.emitted.iter().map(|(_, body)| &body[..]).collect()
}

/// The timer comes due, as the engine has it: it is gone then.
fn due(trial: &mut Trial<Delay>) -> Handled {
    let after = trial
        .outside()
        .timers
        .remove(DUE)
        .expect("the timer is set");
    trial.outside().now += after;
    trial.restore().expect("no fault");
    trial.handle(Event::Timer(DUE.into()))
}

#[test]
fn messages_come_out_in_time_and_in_order_after_any_restart() {
    let mut trial = trial(r#"{"for":"100ms"}"#);
    for (now, body) in [
        (1_000, " 1"),
        (1_030, "2 "),
        (1_030, "{\"a\" : 3}"),
        (1_090, "4"),
    ] {
        trial.outside().now = now;
        let handled = trial.message("in", body);
        assert_eq!((handled.next, handled.emitted.len()), (Ok(Next::Wait), 0));
        trial.restore().expect("no fault");
    }
    trial.outside().now = 1_000;
    assert_eq!(bodies(&due(&mut trial)), [" 1"], "byte for byte");
    assert_eq!(trial.outside().now, 1_100);
    assert_eq!(
        trial.handle(Event::Closed("in".into())).next,
        Ok(Next::Wait)
    );
    assert_eq!(bodies(&due(&mut trial)), ["2 ", "{\"a\" : 3}"]);
    assert_eq!(trial.outside().now, 1_130);
    assert_eq!(bodies(&due(&mut trial)), ["4"]);
    assert_eq!(trial.outside().now, 1_190);
    assert!(trial.outside().timers.is_empty(), "nothing is held");
    assert_eq!(trial.state().bytes, 0);
}

#[test]
fn one_timer_is_set_at_a_time() {
    let mut trial = trial(r#"{"for":"1m"}"#);
    assert_eq!(
        trial.message("in", "1").calls,
        ["now", "set-timer due 60000"]
    );
    assert_eq!(trial.message("in", "2").calls, ["now"]);
    trial.restore().expect("no fault");
    assert_eq!(trial.message("in", "3").calls, ["now"]);
}

#[test]
fn beyond_max_the_oldest_leave_early_with_one_warning() {
    let mut trial = trial(r#"{"for":"1s","max":2}"#);
    let mut warnings = 0;
    let mut early = Vec::new();
    for nth in 0..5 {
        let handled = trial.message("in", &nth.to_string());
        warnings += handled.logged.len();
        early.extend(handled.emitted.into_iter().map(|(_, body)| body));
    }
    assert_eq!(
        (early, warnings),
        (vec!["0".into(), "1".into(), "2".into()], 1)
    );
    assert_eq!(bodies(&due(&mut trial)), ["3", "4"]);
}

#[test]
fn the_bytes_that_are_held_have_a_bound() {
    let mut trial = trial(r#"{"for":"1s"}"#);
    let long = json!("x".repeat(HELD_BYTES / 2)).to_string();
    assert_eq!(trial.message("in", &long).emitted.len(), 0);
    assert_eq!(trial.message("in", &long).emitted.len(), 1);
    let longer = json!("x".repeat(HELD_BYTES)).to_string();
    assert_eq!(
        trial.message("in", &longer).emitted.len(),
        2,
        "it is too long to be held"
    );
    assert_eq!(trial.state().bytes, 0);
}

#[test]
fn many_that_are_due_at_once_take_more_than_one_event() {
    let mut trial = trial(r#"{"for":"1s"}"#);
    for nth in 0..1_500 {
        trial.message("in", &nth.to_string());
    }
    let mut handled = due(&mut trial);
    let mut all = Vec::new();
    loop {
        assert!(handled.emitted.len() <= 512);
        all.extend(handled.emitted);
        if handled.next == Ok(Next::Wait) {
            break;
        }
        trial.restore().expect("no fault");
        handled = trial.handle(Event::Pull);
    }
    let expected = (0..1_500).map(|nth| ("out".to_owned(), nth.to_string()));
    assert!(all.into_iter().eq(expected));
}

#[test]
fn a_clock_that_is_set_back_holds_nothing_longer() {
    let mut trial = trial(r#"{"for":"1s"}"#);
    trial.outside().now = 1_000_000;
    trial.message("in", "1");
    trial.outside().now = 5_000;
    trial.message("in", "2");
    assert_eq!(bodies(&due(&mut trial)), ["1", "2"]);
}

#[test]
fn bad_configs_are_refused_with_their_places() {
    for (config, pointers) in [
        ("{}", &[""][..]),
        (r#"{"for":"soon","max":0}"#, &["/for", "/max"]),
        (r#"{"for":"1s","max":65537}"#, &["/max"]),
        (r#"{"for":"1s","every":1}"#, &["/every"]),
    ] {
        let faults = Trial::<Delay>::new(config).err().expect("a bad config");
        let found: Vec<&str> = faults.iter().map(|fault| &fault.pointer[..]).collect();
        assert_eq!(found, pointers, "{config}");
    }
}
