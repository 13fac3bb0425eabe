//! Configs that are refused.

use serde_json::json;
use theater_flow_sdk::Trial;

use super::super::Aggregate;

#[test]
fn every_fault_of_a_config_is_named_with_its_place() {
    let config = json!({
        "by": ["a", "b..c", "x.a"],
        "take": {
            "a": "count", "b": "counts", "c": { "sum": 1 }, "d": { "sum": "x", "max": "y" }, "e": {},
            "f": { "collect": "x", "max": 0 }, "g": { "top": 1 }, "h": { "top": 5000, "by": "/~" },
            "i": { "top": 2, "by": "x", "keep": ["x", "y.x", ""] }, "j": 7, "k": { "collect": "v" },
            "k-dropped": "count",
        },
        "order": "-z", "limit": 0, "max-groups": 0, "max-bytes": 1, "flush": { "count": 0 },
    });
    let faults = Trial::<Aggregate>::new(&config.to_string())
        .err()
        .expect("a bad config");
    let mut places: Vec<&str> = faults.iter().map(|fault| fault.pointer.as_str()).collect();
    places.sort_unstable();
    let wanted = [
        "/by/1",
        "/by/2",
        "/flush/count",
        "/limit",
        "/max-bytes",
        "/max-groups",
        "/order",
        "/take/a",
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
        "/take/k-dropped",
    ];
    assert_eq!(places, wanted, "{faults:#?}");
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
        let faults = Trial::<Aggregate>::new(&config.to_string())
            .err()
            .expect("a bad config");
        assert_eq!(faults[0].pointer, pointer, "{config}: {faults:?}");
    }
}
