use serde_json::{Value, json};
use theater_flow_sdk::{Event, Handled, Next, Trial};

use super::Report;

fn trial(config: &Value) -> Trial<Report> {
    Trial::new(&config.to_string()).expect("a good config")
}

fn two_tables() -> Value {
    json!({ "tables": {
        "by-kind": { "from": "a", "by": ["kind"], "take": { "n": "count" }, "order": "-n", "limit": 1 },
        "sum": { "from": "a", "take": { "sum": { "sum": "x" } } },
        "others": { "from": "b", "take": { "list": { "collect": "x" } } },
    } })
}

fn closed(trial: &mut Trial<Report>, port: &str) -> Handled {
    trial.handle(Event::Closed(port.into()))
}

/// The one message that comes when both inputs close.
fn end(trial: &mut Trial<Report>) -> Value {
    assert!(closed(trial, "b").emitted.is_empty(), "the other is open");
    trial.restore().expect("no fault");
    let handled = closed(trial, "a");
    assert_eq!(handled.next, Ok(Next::Wait));
    let [(port, body)] = &handled.emitted[..] else {
        panic!("one message: {handled:?}");
    };
    assert_eq!(port, "out");
    serde_json::from_str(body).expect("JSON")
}

#[test]
fn each_table_counts_its_input() {
    let mut trial = trial(&two_tables());
    let bodies = [("p", 1), ("q", 2), ("q", 39)];
    for (kind, x) in bodies {
        let body = json!({ "kind": kind, "x": x }).to_string();
        assert_eq!(trial.message("a", &body).next, Ok(Next::Wait));
        trial.restore().expect("no fault");
    }
    trial.message("b", r#"{"x":[1]}"#);
    let expected = json!({
        "by-kind": { "groups": [{ "kind": "q", "n": 2 }], "count": 3, "omitted": 1 },
        "sum": { "groups": [{ "sum": 42 }], "count": 3, "omitted": 0 },
        "others": { "groups": [{ "list": [[1]], "list-dropped": 0 }], "count": 1, "omitted": 0 },
    });
    assert_eq!(end(&mut trial), expected);
}

#[test]
fn tables_of_which_nothing_came_are_there() {
    let report = end(&mut trial(&two_tables()));
    assert_eq!(
        report["by-kind"],
        json!({ "groups": [], "count": 0, "omitted": 0 })
    );
    assert_eq!(report["sum"]["groups"], json!([{ "sum": 0 }]));
}

#[test]
fn a_message_at_fault_counts_in_no_table() {
    let mut trial = trial(&two_tables());
    let fault = trial
        .message("a", r#"{"kind":"p","x":"many"}"#)
        .next
        .expect_err("no number");
    assert_eq!(fault.code, "not-a-number");
    assert!(
        fault.message.starts_with("table `sum`: "),
        "{}",
        fault.message
    );
    let report = end(&mut trial);
    assert_eq!(
        (&report["by-kind"]["count"], &report["sum"]["count"]),
        (&json!(0), &json!(0))
    );
}

#[test]
fn memory_is_shared_by_the_tables() {
    let collect = json!({ "take": { "v": { "collect": "v", "max": 10000 } } });
    let tables = json!({ "a": collect, "b": { "take": { "n": "count" } } });
    let mut trial = trial(&json!({ "tables": tables, "max-bytes": 65_536 }));
    let body = json!({ "v": "x".repeat(1_000) }).to_string();
    let taken = (0..100)
        .take_while(|_| trial.message("in", &body).next.is_ok())
        .count();
    assert!((50..=65).contains(&taken), "{taken}");
}

#[test]
fn what_memory_cannot_tell_apart_counts_as_other() {
    let table = json!({ "by": ["v"], "take": { "n": "count" }, "overflow": "other" });
    let mut trial = trial(&json!({ "tables": { "a": table }, "max-bytes": 65_536 }));
    for nth in 0..2_000 {
        let body = json!({ "v": format!("{nth:0100}") }).to_string();
        assert_eq!(trial.message("in", &body).next, Ok(Next::Wait));
    }
    let handled = closed(&mut trial, "in");
    let report: Value = serde_json::from_str(&handled.emitted[0].1).expect("JSON");
    let told = report["a"]["groups"].as_array().expect("rows").len() as u64;
    assert!(told > 100, "{told}");
    assert_eq!(report["a"]["other"]["n"], 2_000 - told);
}

#[test]
fn bad_configs_are_refused_with_their_place() {
    let table = |more: Value| {
        let mut table = json!({ "take": { "n": "count" } });
        table
            .as_object_mut()
            .expect("a table")
            .extend(more.as_object().expect("keys").clone());
        json!({ "tables": { "a/b": table } })
    };
    for (config, pointer) in [
        (json!({}), ""),
        (json!({ "tables": {} }), "/tables"),
        (table(json!({ "from": "In" })), "/tables/a~1b/from"),
        (table(json!({ "order": "m" })), "/tables/a~1b/order"),
        (table(json!({ "flush": "close" })), "/tables/a~1b/flush"),
        (table(json!({ "by": ["x", "y.x"] })), "/tables/a~1b/by/1"),
        (
            table(json!({ "take": { "n": { "sum": "" } } })),
            "/tables/a~1b/take/n/sum",
        ),
    ] {
        let faults = Trial::<Report>::new(&config.to_string())
            .err()
            .expect("a bad config");
        assert_eq!(faults[0].pointer, pointer, "{config}");
    }
}
