//! The same figures, computed in the plainest way.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::rows;
use crate::chance::Chance;

/// The same, computed with a map from texts to lists of values.
fn model(bodies: &[Value]) -> Vec<Value> {
    let mut groups: BTreeMap<String, Vec<&Value>> = BTreeMap::new();
    for body in bodies {
        groups.entry(body["k"].to_string()).or_default().push(body);
    }
    let row = |members: &Vec<&Value>| {
        let ints = |name: &str| -> Vec<i64> {
            members
                .iter()
                .filter_map(|body| body[name].as_i64())
                .collect()
        };
        let (n, mut top) = (ints("n"), members.clone());
        top.retain(|body| !body["n"].is_null());
        top.sort_by_key(|body| std::cmp::Reverse(body["n"].as_i64()));
        top.truncate(3);
        let real = |n: i64| f64::from(i32::try_from(n).expect("a small number"));
        let mean = real(n.iter().sum()) / real(i64::try_from(n.len()).expect("few"));
        let distinct: std::collections::BTreeSet<_> = n.iter().collect();
        json!({
            "k": members[0]["k"], "count": members.len(), "sum": n.iter().sum::<i64>(),
            "min": n.iter().min(), "max": n.iter().max(), "distinct": distinct.len(),
            "mean": if n.is_empty() { Value::Null } else { json!(mean) },
            "all": n.iter().take(4).collect::<Vec<_>>(),
            "all-dropped": n.len().saturating_sub(4), "top": top,
        })
    };
    groups.values().map(row).collect()
}

#[test]
fn figures_are_those_of_a_naive_model() {
    let config = json!({ "by": ["k"], "take": {
        "count": "count", "sum": { "sum": "n" }, "min": { "min": "n" }, "max": { "max": "n" },
        "mean": { "mean": "n" }, "distinct": { "distinct": "n" },
        "all": { "collect": "n", "max": 4 }, "top": { "top": 3, "by": "n" },
    } });
    let mut chance = Chance::new(21);
    for _ in 0..60 {
        let body = |_| {
            let n = [json!(chance.below(9)), json!(-3), Value::Null][chance.below(3)].clone();
            json!({ "k": *chance.of(&["a", "b", "c"]), "n": n })
        };
        let bodies: Vec<Value> = (0..60).map(body).collect();
        let texts: Vec<String> = bodies.iter().map(Value::to_string).collect();
        let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
        let sent = rows(&config, &texts);
        let sent: Vec<Value> = sent
            .iter()
            .map(|row| serde_json::from_str(row).expect("JSON"))
            .collect();
        // Both are read in the same way, which is not the exact one.
        let read = |row: Value| serde_json::from_str(&row.to_string()).expect("JSON");
        let wanted: Vec<Value> = model(&bodies).into_iter().map(read).collect();
        assert_eq!(sent, wanted);
    }
}
