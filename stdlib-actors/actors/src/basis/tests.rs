//! Another config for an actor that has a state already.

use serde_json::{Value, json};
use theater_flow_sdk::{Actor, Event, Fault, Handled, Next, Trial};

use crate::aggregate::Aggregate;
use crate::csv_read::CsvRead;
use crate::dedupe::Dedupe;
use crate::delay::Delay;
use crate::file_lines::FileLines;
use crate::file_walk::FileWalk;
use crate::matching::Match;
use crate::report::Report;
use crate::timer::Timer;
use crate::window::Window;

fn trial<A: Actor>(config: &Value) -> Trial<A> {
    Trial::new(&config.to_string()).unwrap_or_else(|faults| panic!("{config}: {faults:?}"))
}

/// With what a config says otherwise; `null` takes a key away.
fn with(config: &Value, changes: &Value) -> Value {
    let mut config = config.clone();
    for (key, value) in changes.as_object().expect("a table") {
        let table = config.as_object_mut().expect("a table");
        match value {
            Value::Null => drop(table.remove(key)),
            value => drop(table.insert(key.clone(), value.clone())),
        }
    }
    config
}

/// Each change is refused, with what it says, and leaves the actor as it was.
fn refuses<A: Actor>(trial: &mut Trial<A>, config: &Value, cases: &[(Value, &str)]) {
    let before = trial.snapshot();
    for (changes, says) in cases {
        let next = with(config, changes).to_string();
        let fault = trial.reload(&next).expect_err(&next);
        assert_eq!(fault.code, "bad-snapshot", "{next}");
        assert!(fault.message.contains(says), "{next}: {}", fault.message);
        assert_eq!(trial.snapshot(), before);
    }
}

fn takes_up<A: Actor>(trial: &mut Trial<A>, config: &Value, changes: &[Value]) {
    for changes in changes {
        let next = with(config, changes).to_string();
        trial.reload(&next).expect(&next);
    }
}

/// All that comes of the end of the input.
fn closed<A: Actor>(trial: &mut Trial<A>) -> Vec<String> {
    let (mut sent, mut event) = (Vec::new(), Event::Closed("in".into()));
    loop {
        let Handled { next, emitted, .. } = trial.handle(event);
        sent.extend(emitted.into_iter().map(|(_, body)| body));
        match next.expect("no fault") {
            Next::More => event = Event::Pull,
            _ => return sent,
        }
    }
}

fn figures() -> Value {
    json!({ "by": ["k"], "take": { "s": { "sum": "n" }, "l": { "collect": "n" } } })
}

fn other_figures() -> [(Value, &'static str); 8] {
    let list = json!({ "collect": "n" });
    [
        (json!({ "by": [] }), r#"`by` was ["k"], and is []"#),
        (
            json!({ "by": ["k", "n"] }),
            r#"`by` was ["k"], and is ["k","n"]"#,
        ),
        (json!({ "by": ["n"] }), "`by` was"),
        (
            json!({ "take": { "s": { "sum": "n" }, "l": list, "n": "count" } }),
            r#"`take.n` was absent, and is "count""#,
        ),
        (
            json!({ "take": { "s": { "sum": "n" } } }),
            r#"`take.l` was {"collect":"n","max":100}, and is absent"#,
        ),
        (
            json!({ "take": { "s": { "collect": "n" }, "l": list } }),
            r#"`take.s` was {"sum":"n"}, and is {"collect":"n","max":100}"#,
        ),
        (
            json!({ "take": { "s": { "mean": "n" }, "l": list } }),
            "`take.s` was",
        ),
        (
            json!({ "take": { "s": { "sum": "n" }, "l": { "collect": "n", "max": 2 } } }),
            "`take.l` was",
        ),
    ]
}

#[test]
fn groups_of_other_figures_are_refused() {
    let config = figures();
    let mut trial = trial::<Aggregate>(&config);
    // Nothing is kept yet.
    let first = json!({ "by": ["n"], "take": { "c": "count" } });
    takes_up(&mut trial, &first, &[json!({})]);
    takes_up(&mut trial, &config, &[json!({})]);
    trial.message("in", r#"{"k":1,"n":2}"#);
    refuses(&mut trial, &config, &other_figures());
    let same = [
        json!({ "take": { "s": { "sum": "n" }, "l": { "collect": "n", "max": 100 } } }),
        json!({ "max-groups": 7, "order": "-s", "limit": 3, "overflow": "other" }),
        json!({ "max-bytes": 1_024, "flush": { "count": 9 } }),
        json!({}),
    ];
    takes_up(&mut trial, &config, &same);
    trial.message("in", r#"{"k":1,"n":3}"#);
    assert_eq!(
        closed(&mut trial),
        [r#"{"k":1,"l":[2,3],"l-dropped":0,"s":5}"#]
    );
    // All of it was sent.
    takes_up(&mut trial, &first, &[json!({})]);
}

#[test]
fn rows_on_their_way_are_refused_by_another_kind_of_them() {
    let config = with(&figures(), &json!({ "flush": { "count": 1 } }));
    let mut trial = trial::<Aggregate>(&config);
    trial.message("in", r#"{"k":1,"n":2}"#);
    let all = json!({ "emit": "all" });
    let says = r#"`emit` was "groups", and is "all""#;
    refuses(&mut trial, &config, &[(all.clone(), says)]);
    refuses(&mut trial, &config, &other_figures());
    assert_eq!(trial.handle(Event::Pull).emitted.len(), 1);
    takes_up(&mut trial, &config, &[all]);
}

#[test]
fn a_window_is_no_aggregate() {
    let config = with(&figures(), &json!({ "flush": { "every": "1s" } }));
    let mut window = trial::<Window>(&config);
    window.handle(Event::Start);
    window.message("in", r#"{"k":1,"n":2}"#);
    refuses(&mut window, &config, &other_figures());
    takes_up(
        &mut window,
        &config,
        &[json!({ "flush": { "every": "1h" } })],
    );
    let saved: Value = serde_json::from_slice(&window.snapshot()).expect("JSON");
    let fault = taken_up::<Aggregate>(&figures(), &saved).expect_err("another actor");
    let says = r#"`actor` was "std/window", and is "std/aggregate""#;
    assert!(fault.message.ends_with(says), "{}", fault.message);
}

/// What comes of a saved state.
fn taken_up<A: Actor>(config: &Value, saved: &Value) -> Result<(), Fault> {
    let config = serde_json::from_value(config.clone()).expect("a config");
    let mut state = serde_json::from_value(saved.clone()).expect("a state");
    A::new(config)?.take_up(&mut state)
}

#[test]
fn a_state_that_does_not_say_what_it_is_of_is_looked_at() {
    let config = figures();
    let mut trial = trial::<Aggregate>(&config);
    trial.message("in", r#"{"k":1,"n":2}"#);
    let mut saved: Value = serde_json::from_slice(&trial.snapshot()).expect("JSON");
    saved.as_object_mut().expect("a table").remove("basis");
    taken_up::<Aggregate>(&config, &saved).expect("the same config");
    for changes in [
        json!({ "by": [] }),
        json!({ "by": ["k", "n"] }),
        json!({ "take": { "s": { "sum": "n" } } }),
        json!({ "take": { "l": { "sum": "n" }, "s": { "collect": "n" } } }),
    ] {
        let fault = taken_up::<Aggregate>(&with(&config, &changes), &saved);
        assert_eq!(fault.expect_err("other figures").code, "bad-snapshot");
    }
}

#[test]
fn a_report_goes_on_with_the_tables_that_are_the_same() {
    let table = |from: &str, take: Value| json!({ "from": from, "take": { "n": take } });
    let tables = |tables: Value| json!({ "tables": tables });
    let (a, b) = (table("a", json!("count")), table("b", json!("count")));
    let config = tables(json!({ "a": a, "b": b }));
    let mut trial = trial::<Report>(&config);
    trial.message("a", "{}");
    let cases = [
        (
            tables(json!({ "a": table("b", json!("count")), "b": b })),
            r#"table `a`: it was made with another config: `from` was "a", and is "b""#,
        ),
        (
            tables(json!({ "a": table("a", json!({ "sum": "n" })), "b": b })),
            "table `a`: it was made with another config: `take.n` was",
        ),
    ];
    refuses(&mut trial, &config, &cases);
    // Nothing has come to `b`.
    let other = tables(json!({ "a": a, "b": table("b", json!({ "max": "n" })) }));
    takes_up(&mut trial, &other, &[json!({})]);
    let more = tables(json!({ "a": a, "b": b, "c": table("a", json!("count")) }));
    takes_up(&mut trial, &more, &[json!({})]);
    trial.message("a", "{}");
    trial.handle(Event::Closed("a".into()));
    let fewer = tables(json!({ "a": a }));
    let says = r#"`inputs` was ["a","b"], and is ["a"]"#;
    refuses(&mut trial, &more, &[(fewer, says)]);
    let sent = trial.handle(Event::Closed("b".into())).emitted;
    let sent: Value = serde_json::from_str(&sent[0].1).expect("JSON");
    let counts: Vec<_> = ["a", "b", "c"]
        .map(|name| sent[name]["count"].clone())
        .into();
    assert_eq!(counts, [json!(2), json!(0), json!(1)]);
}

/// A trial of an actor that reads `a` of two files with the same content.
fn reading<A: Actor>(config: &Value, content: &str) -> Trial<A> {
    let mut trial = trial::<A>(config);
    for name in ["a", "b"] {
        let files = &mut trial.outside().files;
        files.insert(name.into(), content.as_bytes().into());
    }
    trial
}

#[test]
fn a_place_in_one_file_is_none_in_another() {
    let (config, other) = (json!({ "path": "a" }), json!({ "path": "b" }));
    let says = r#"`path` was "a", and is "b""#;
    for content in ["", "1\n2"] {
        let mut trial = reading::<FileLines>(&config, content);
        trial.handle(Event::Start);
        // A path that was wrong is mended so.
        takes_up(&mut trial, &json!({ "path": "c" }), &[json!({})]);
        assert!(trial.handle(Event::Pull).next.is_err());
        takes_up(
            &mut trial,
            &config,
            &[json!({ "max-line": 4, "encoding": "utf8" }), json!({})],
        );
        let sent = trial.handle(Event::Pull).emitted;
        assert!(sent.iter().all(|(_, body)| body.contains(r#""path":"a""#)));
        refuses(&mut trial, &config, &[(other.clone(), says)]);
        takes_up(&mut trial, &config, &[json!({ "max-line": 4 })]);
    }
}

#[test]
fn a_place_in_a_csv_file_rests_on_how_it_is_read() {
    let config = json!({ "path": "a" });
    let names = json!({ "header": ["x", "y"] });
    let anything = [
        json!({ "path": "b", "delimiter": ";", "trim": true }),
        names.clone(),
        json!({}),
    ];
    let mut trial = reading::<CsvRead>(&config, "x,y\n1,2\n");
    trial.handle(Event::Start);
    takes_up(&mut trial, &config, &anything);
    trial.handle(Event::Pull);
    let cases = [
        (json!({ "path": "b" }), r#"`path` was "a", and is "b""#),
        (
            json!({ "delimiter": ";" }),
            r#"`delimiter` was ",", and is ";""#,
        ),
        (json!({ "trim": true }), "`trim` was false, and is true"),
        (names, r#"`header` was "the first record", and is "a list""#),
        (
            json!({ "columns": { "x": "u8" } }),
            "the header that it has: ",
        ),
    ];
    refuses(&mut trial, &config, &cases);
    let same = [
        json!({ "columns": { "x": "u8", "y": "string" }, "line": "at" }),
        json!({ "columns": { "x": "u8" }, "extra": "drop", "on-error": "reject" }),
        json!({ "max-record": 10 }),
    ];
    takes_up(&mut trial, &config, &same);
}

#[test]
fn a_walk_under_way_is_not_one_of_another_folder() {
    let config = json!({ "root": "a/" });
    let mut trial = trial::<FileWalk>(&config);
    for path in ["a/1.txt", "b/1.txt"] {
        trial.outside().files.insert(path.into(), Vec::new());
    }
    trial.handle(Event::Start);
    takes_up(&mut trial, &config, &[json!({ "root": "b" }), json!({})]);
    assert_eq!(trial.handle(Event::Pull).emitted.len(), 1);
    let says = r#"`root` was "a", and is "b""#;
    refuses(&mut trial, &config, &[(json!({ "root": "b" }), says)]);
    takes_up(
        &mut trial,
        &config,
        &[json!({ "root": "a", "glob": "*.rs", "max-depth": 1 })],
    );
}

#[test]
fn marks_of_other_fields_are_refused_and_the_oldest_forgotten() {
    let config = json!({ "by": ["a"] });
    let mut trial = trial::<Dedupe>(&config);
    takes_up(&mut trial, &config, &[json!({ "by": [] }), json!({})]);
    for n in 0..5 {
        trial.message("in", &json!({ "a": n }).to_string());
    }
    let cases = [
        (json!({ "by": ["b"] }), r#"`by` was ["a"], and is ["b"]"#),
        (json!({ "by": null }), r#"`by` was ["a"], and is []"#),
    ];
    refuses(&mut trial, &config, &cases);
    takes_up(
        &mut trial,
        &config,
        &[json!({ "remember": 2, "duplicates": true })],
    );
    let mut passes = |n: i32| {
        let sent = trial.message("in", &json!({ "a": n }).to_string()).emitted;
        sent[0].0 == "out"
    };
    assert!(!passes(4) && !passes(3) && passes(2));
}

#[test]
fn who_waits_for_long_waits_no_longer_than_what_comes_after_a_shorter_time() {
    let mut trial = trial::<Delay>(&json!({ "for": "1h" }));
    trial.outside().now = 1_000;
    trial.message("in", "1");
    trial.reload(r#"{"for":"100ms"}"#).expect("no fault");
    assert_eq!(trial.message("in", "2").calls, ["now", "set-timer due 100"]);
    trial.outside().now = 1_100;
    let sent = trial.handle(Event::Timer("due".into())).emitted;
    let bodies: Vec<&str> = sent.iter().map(|(_, body)| &body[..]).collect();
    assert_eq!(bodies, ["1", "2"]);
}

#[test]
fn a_timer_that_has_sent_more_than_it_may_now_sends_no_more() {
    let mut trial = trial::<Timer>(&json!({ "every": "1s", "count": 9 }));
    trial.handle(Event::Start);
    for _ in 0..3 {
        assert_eq!(trial.handle(Event::Timer("tick".into())).emitted.len(), 1);
    }
    trial
        .reload(r#"{"every":"1s","count":2}"#)
        .expect("no fault");
    trial.outside().timers.clear();
    let handled = trial.handle(Event::Timer("tick".into()));
    assert_eq!(
        (handled.next, handled.emitted),
        (Ok(Next::Wait), Vec::new())
    );
    assert!(trial.outside().timers.is_empty());
}

#[test]
fn other_rules_go_on_in_a_line_behind_the_last_that_was_sent() {
    let rules = |names: &str| {
        let rules: Value = names
            .chars()
            .map(|name| (name.to_string(), json!("x")))
            .collect();
        json!({ "rules": rules, "input": "text" }).to_string()
    };
    // The 512 findings of one event end behind `b` of the last line.
    for (names, found) in [
        ("abc", "c"),
        ("Zabc", "c"),
        ("c", "c"),
        ("abbc", "c"),
        ("ab", ""),
    ] {
        let mut trial = Trial::<Match>::new(&rules("abc")).expect("a good config");
        let text = "x\n".repeat(171);
        let body = json!({ "path": "p", "text": text }).to_string();
        let handled = trial.message("in", &body);
        assert_eq!((handled.next, handled.emitted.len()), (Ok(Next::More), 512));
        trial.reload(&rules(names)).expect("no fault");
        let handled = trial.handle(Event::Pull);
        let rule = |(_, body): &(String, String)| {
            let body: Value = serde_json::from_str(body).expect("JSON");
            body["rule"].as_str().expect("a name").to_owned()
        };
        let sent: String = handled.emitted.iter().map(rule).collect();
        assert_eq!((handled.next, &*sent), (Ok(Next::Wait), found), "{names}");
    }
}
