use serde_json::{Value, json};
use theater_flow_sdk::{Next, Trial};

use super::Route;

fn trial(config: &Value) -> Trial<Route> {
    Trial::new(&config.to_string()).expect("a good config")
}

/// The outputs that a message goes to, or the fault's code.
fn ports(config: &Value, body: &str) -> Result<Vec<String>, String> {
    let handled = trial(config).message("in", body);
    handled.next.map_err(|fault| fault.code)?;
    let port = |(port, sent): (String, String)| {
        assert!(sent == body || port == "rejected", "unchanged: {sent}");
        port
    };
    Ok(handled.emitted.into_iter().map(port).collect())
}

fn config(more: &Value) -> Value {
    let mut config = json!({ "routes": [
        { "to": "big", "when": ".n > 100" },
        { "to": "even", "when": ".n % 2 == 0" },
        { "to": "text", "when": ".n | type == \"string\"" },
    ] });
    let config_map = config.as_object_mut().expect("an object");
    config_map.extend(more.as_object().expect("an object").clone());
    config
}

#[test]
fn a_message_goes_to_the_first_or_to_all() {
    let first = config(&json!({ "else": "rest" }));
    let all = config(&json!({ "else": "rest", "match": "all" }));
    let cases: &[(&str, &[&str], &[&str])] = &[
        (r#"{"n": 102}"#, &["big"], &["big", "even"]),
        (r#"{"n":101}"#, &["big"], &["big"]),
        (r#"{"n":2}"#, &["even"], &["even"]),
        (r#"{"n":1.0}"#, &["rest"], &["rest"]),
    ];
    for (body, one, every) in cases {
        assert_eq!(ports(&first, body).expect(body), *one);
        assert_eq!(ports(&all, body).expect(body), *every);
    }
}

#[test]
fn without_a_route_a_message_is_a_fault_unless_the_config_says_otherwise() {
    let body = r#"{"n":1}"#;
    assert_eq!(ports(&config(&json!({})), body), Err("no-route".into()));
    assert_eq!(ports(&config(&json!({ "else": false })), body), Ok(vec![]));
    let faults = Trial::<Route>::new(&config(&json!({ "else": true })).to_string()).err();
    assert_eq!(faults.expect("a fault")[0].pointer, "/else");
}

#[test]
fn a_failing_condition_is_handled_as_the_config_says() {
    // A string is more than any number, and cannot be divided.
    let routes = json!([{ "to": "a", "when": ".n % 2 == 0" }, { "to": "b", "when": "true" }]);
    let body = r#"{"n":"x"}"#;
    let with = |on_error: &str, matching: &str| json!({ "routes": routes, "on-error": on_error, "match": matching });
    assert_eq!(ports(&with("fault", "first"), body), Err("jq-error".into()));
    assert_eq!(ports(&with("skip", "all"), body), Ok(vec![]));
    let handled = trial(&with("reject", "all")).message("in", body);
    assert_eq!(handled.next, Ok(Next::Wait));
    let rejected =
        r#"{"reason":"the condition of `a`: cannot calculate \"x\" % 2","value":{"n":"x"}}"#;
    assert_eq!(
        handled.emitted,
        [("rejected".to_owned(), rejected.to_owned())]
    );
}

#[test]
fn every_fault_of_a_config_is_named() {
    let config = json!({
        "routes": [
            { "to": "A", "when": "(" },
            { "to": "a", "when": "true" },
            { "to": "a", "when": "nope" },
            { "to": "rejected", "when": "true" },
        ],
        "else": "a",
        "on-error": "reject",
    });
    let faults = Trial::<Route>::new(&config.to_string())
        .err()
        .expect("faults");
    let pointers: Vec<&str> = faults.iter().map(|fault| fault.pointer.as_str()).collect();
    assert_eq!(
        pointers,
        [
            "/routes/0/to",
            "/routes/0/when",
            "/routes/2/to",
            "/routes/2/when",
            "/routes/3/to",
            "/else"
        ]
    );
    let many: Vec<Value> = (0..=64)
        .map(|nth| json!({ "to": format!("r{nth}"), "when": "." }))
        .collect();
    for routes in [vec![], many] {
        let config = json!({ "routes": routes }).to_string();
        let faults = Trial::<Route>::new(&config).err().expect("a fault");
        let found = routes.len();
        assert_eq!(
            faults[0].message,
            format!("expected 1 to 64 items, found {found}")
        );
    }
}
