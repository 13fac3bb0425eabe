//! Configs that are refused.

use serde_json::{Value, json};
use theater_flow_sdk::{Actor, ConfigSchema, Trial};

use super::super::Aggregate;
use crate::window::Window;

fn places(config: &Value) -> Vec<String> {
    let faults = Trial::<Aggregate>::new(&config.to_string())
        .err()
        .expect("a bad config");
    let mut places: Vec<String> = faults.into_iter().map(|fault| fault.pointer).collect();
    places.sort_unstable();
    places
}

#[test]
fn every_fault_of_a_config_is_named_with_its_place() {
    let config = json!({
        "by": ["a", "b..c", "x.a"],
        "take": {
            "a": "count", "b": "counts", "c": { "sum": 1 }, "d": { "sum": "x", "max": "y" }, "e": {},
            "f": { "collect": "x", "max": 0 }, "g": { "top": 1 }, "h": { "top": 5000, "by": "/~" },
            "i": { "top": 2, "by": "x", "keep": ["x", "y.x", ""] }, "j": 7,
        },
        "limit": 0, "max-groups": 0, "max-bytes": 1, "flush": { "count": 0 },
    });
    let wanted = [
        "/by/1",
        "/flush/count",
        "/limit",
        "/max-bytes",
        "/max-groups",
        "/take/b",
        "/take/c/sum",
        "/take/d/max",
        "/take/e",
        "/take/f/max",
        "/take/g",
        "/take/h/by",
        "/take/h/top",
        "/take/i/keep/1",
        "/take/i/keep/2",
        "/take/j",
    ];
    assert_eq!(places(&config), wanted);
}

#[test]
fn names_that_do_not_fit_together_are_all_named() {
    let config = json!({
        "by": ["a", "x.a"],
        "take": { "a": "count", "k": { "collect": "v" }, "k-dropped": "count" },
        "order": "-z",
    });
    assert_eq!(
        places(&config),
        ["/by/1", "/order", "/take/a", "/take/k-dropped"]
    );
}

#[test]
fn a_bad_config_is_refused_with_its_place() {
    for (config, pointer) in [
        (json!({}), ""),
        (json!({ "take": {} }), "/take"),
        (
            json!({ "take": { "n": "count" }, "flush": { "every": "1s" } }),
            "/flush/every",
        ),
        (
            json!({ "take": { "n": "count" }, "flush": "never" }),
            "/flush",
        ),
        (json!({ "take": { "n": "count" }, "by": "a" }), "/by"),
        (json!({ "take": { "n": "count" }, "emit": "some" }), "/emit"),
        (json!({ "take": { "n": "count" }, "group": [] }), "/group"),
        (
            json!({ "take": { "other": "count" }, "overflow": "other" }),
            "/take/other",
        ),
    ] {
        assert_eq!(places(&config)[0], pointer, "{config}");
    }
}

#[test]
fn only_a_window_must_say_when_it_ends() {
    fn schema<A: Actor>() -> Value {
        serde_json::from_str(&A::Config::SCHEMA.text()).expect("JSON")
    }
    let (whole, window) = (schema::<Aggregate>(), schema::<Window>());
    assert_eq!(whole["required"], json!(["take"]));
    assert_eq!(whole["properties"]["flush"]["default"], "close");
    assert_eq!(window["required"], json!(["take", "flush"]));
    assert_eq!(window["properties"]["flush"]["required"], json!(["every"]));
    assert_eq!(whole["properties"]["take"], window["properties"]["take"]);
    Trial::<Aggregate>::new(r#"{"take":{"n":"count"}}"#).expect("a good config");
}
