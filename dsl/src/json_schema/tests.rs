use proptest::prelude::*;
use serde_json::{Value, json};

use super::{SchemaError, Spot, check};

fn told(schema: &Value, config: &Value) -> Vec<String> {
    let found = check(&schema.to_string(), config).expect("a schema that can be used");
    let line = |violation: super::Violation| {
        let key = if violation.spot == Spot::Key { "key " } else { "" };
        format!("{key}/{}: {}", violation.path.join("/"), violation.message)
    };
    found.into_iter().map(line).collect()
}

#[test]
fn every_keyword_says_what_is_wrong() {
    let cases = [
        (json!({ "type": "integer" }), json!("5"), "/: expected an integer, found a string"),
        (
            json!({ "type": ["string", "null"] }),
            json!(5),
            "/: expected a string or nothing, found an integer",
        ),
        (json!({ "const": 1 }), json!(2), "/: must be `1`"),
        (
            json!({ "enum": ["close", "open"] }),
            json!("clse"),
            "/: `\"clse\"` is not one of `\"close\"`, `\"open\"`; did you mean `close`?",
        ),
        (json!({ "minimum": 1 }), json!(0), "/: 0 must be at least 1"),
        (json!({ "exclusiveMaximum": 1.5 }), json!(1.5), "/: 1.5 must be less than 1.5"),
        (json!({ "multipleOf": 4 }), json!(6), "/: 6 must be a multiple of 4"),
        (
            json!({ "maximum": 9_007_199_254_740_992_u64 }),
            json!(9_007_199_254_740_993_u64),
            "/: 9007199254740993 must be at most 9007199254740992",
        ),
        (json!({ "minLength": 1 }), json!(""), "/: must not be empty"),
        (json!({ "maxLength": 1 }), json!("éé"), "/: has 2 characters, at most 1 are allowed"),
        (json!({ "pattern": "^a" }), json!("b"), "/: `\"b\"` does not match `^a`"),
    ];
    all_told(&cases);
}

#[test]
fn every_keyword_about_items_and_keys_says_what_is_wrong() {
    let cases = [
        (
            json!({ "items": { "type": "string" } }),
            json!(["a", 1]),
            "/1: expected a string, found an integer",
        ),
        (
            json!({ "items": [true], "additionalItems": false }),
            json!([1, 2]),
            "/1: is not allowed here",
        ),
        (json!({ "maxItems": 1 }), json!([1, 2]), "/: has 2 items, at most 1 are allowed"),
        (json!({ "uniqueItems": true }), json!([1, 2, 1]), "/2: item 3 is there before"),
        (json!({ "uniqueItems": true }), json!([2, 2.0]), "/1: item 2 is there before"),
        (
            json!({ "uniqueItems": true }),
            json!([{ "a": [0] }, { "a": [-0.0] }]),
            "/1: item 2 is there before",
        ),
        (json!({ "contains": { "type": "string" } }), json!([1]), "/: no item is a string"),
        (json!({ "required": ["a"] }), json!({}), "/: `a` is missing"),
        (json!({ "maxProperties": 0 }), json!({ "a": 1 }), "/: has 1 keys, at most 0 are allowed"),
        (
            json!({ "propertyNames": { "pattern": "^[a-z]+$" } }),
            json!({ "A": 1 }),
            "key /A: `\"A\"` does not match `^[a-z]+$`",
        ),
        (
            json!({ "patternProperties": { "^x-": { "type": "string" } }, "additionalProperties": false }),
            json!({ "x-a": 1 }),
            "/x-a: expected a string, found an integer",
        ),
        (
            json!({ "dependencies": { "a": ["b"] } }),
            json!({ "a": 1 }),
            "/: `b` is missing: it goes with `a`",
        ),
        (
            json!({ "additionalProperties": { "type": "string" } }),
            json!({ "a": 1 }),
            "/a: expected a string, found an integer",
        ),
        (
            json!({ "oneOf": [{ "required": ["a"] }, { "required": ["b", "c"] }] }),
            json!({}),
            "/: expected a table with `a` or a table with `b` and `c`, found a table",
        ),
        (
            json!({ "oneOf": [{ "required": ["a"] }, { "required": ["b"] }] }),
            json!({ "a": 1, "b": 2 }),
            "/: must be only one of a table with `a` and a table with `b`",
        ),
        (json!({ "not": { "type": "string" } }), json!("a"), "/: must not be a string"),
        (
            json!({ "if": { "required": ["a"] }, "then": { "required": ["b"] } }),
            json!({ "a": 1 }),
            "/: `b` is missing",
        ),
        (
            json!({ "allOf": [{ "$ref": "#/definitions/x" }], "definitions": { "x": { "type": "null" } } }),
            json!(1),
            "/: expected nothing, found an integer",
        ),
    ];
    all_told(&cases);
}

fn all_told(cases: &[(Value, Value, &str)]) {
    for (schema, config, want) in cases {
        assert_eq!(told(schema, config), [*want], "{schema} {config}");
    }
}

#[test]
fn the_branch_that_was_meant_is_told() {
    let table = |key: &str| json!({ "type": "object", "additionalProperties": false, "required": [key], "properties": { key: { "type": "integer", "minimum": 1 } } });
    let schema = json!({ "anyOf": [{ "const": "close" }, table("count")] });
    assert_eq!(told(&schema, &json!({ "count": 0 })), ["/count: 0 must be at least 1"]);
    let marked = json!({ "oneOf": [
        { "properties": { "kind": { "const": "a" }, "x": { "type": "string" } } },
        { "properties": { "kind": { "const": "b" }, "x": { "type": "integer" } } },
    ] });
    let config = json!({ "kind": "b", "x": -1.5 });
    assert_eq!(told(&marked, &config).len(), 1);
}

#[test]
fn hostile_schemas_end_soon() {
    let circle = json!({ "$ref": "#" });
    assert_eq!(check(&circle.to_string(), &json!({})), Err(SchemaError::Steps));
    let mut doubling = serde_json::Map::new();
    for at in 0..60 {
        let next = json!({ "$ref": format!("#/definitions/d{}", at + 1) });
        doubling.insert(format!("d{at}"), json!({ "allOf": [next, next] }));
    }
    doubling.insert("d60".into(), json!(true));
    let doubling = json!({ "$ref": "#/definitions/d0", "definitions": doubling });
    assert_eq!(check(&doubling.to_string(), &json!({})), Err(SchemaError::Steps));
    let many: Vec<Value> = (0..10_000).map(|_| json!({ "type": "string" })).collect();
    let many = json!({ "items": { "allOf": many } });
    let config = Value::Array(vec![json!(1); 1_000]);
    assert_eq!(check(&many.to_string(), &config), Err(SchemaError::Steps));
    let huge = json!({ "pattern": "((a{1,1000}){1,1000}){1,1000}" });
    assert_eq!(check(&huge.to_string(), &json!("a")), Ok(vec![]));
    for remote in ["http://example.com/x", "other.json", "#/nowhere", "#name", "file:///etc/passwd"]
    {
        let schema = json!({ "$ref": remote }).to_string();
        assert_eq!(check(&schema, &json!(1)), Err(SchemaError::Reference(remote.to_owned())));
    }
    for odd in ["5", "[]", "\"x\"", "null"] {
        assert_eq!(check(odd, &json!(1)), Err(SchemaError::NotASchema), "{odd}");
    }
    for odd in ["{", &"[".repeat(1_000), "\u{0}"] {
        assert!(matches!(check(odd, &json!(1)), Err(SchemaError::NotJson(_))), "{odd}");
    }
    assert_eq!(check(" \n", &json!(1)), Ok(vec![]));
    assert!(matches!(check(&" ".repeat(1 << 20), &json!(1)), Err(SchemaError::Long)));
}

#[test]
fn a_deep_config_against_a_recursive_schema() {
    let schema = json!({ "items": { "allOf": [{ "$ref": "#" }] } }).to_string();
    let mut config = json!([]);
    for _ in 0..60 {
        config = json!([config]);
    }
    assert_eq!(check(&schema, &config), Ok(vec![]));
}

fn values() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        any::<bool>().prop_map(Value::from),
        (-3..4_i64).prop_map(Value::from),
        (-6..6_i32).prop_map(|half| Value::from(f64::from(half) / 2.0)),
        "[ab]{0,3}".prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 12, 3, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..3).prop_map(Value::from),
            prop::collection::btree_map("[abc]", inner, 0..3)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

fn schemas() -> impl Strategy<Value = Value> {
    const KINDS: &[&str] = &["string", "integer", "number", "boolean", "object", "array"];
    let leaf = prop_oneof![
        any::<bool>().prop_map(Value::from),
        prop::sample::select(KINDS).prop_map(|kind| json!({ "type": kind })),
        values().prop_map(|value| json!({ "const": value })),
        values().prop_map(|value| json!({ "enum": [value, { "other": 1 }] })),
        (-2..3_i64, 0..3_u64)
            .prop_map(|(least, count)| json!({ "minimum": least, "exclusiveMaximum": least + 2,
            "minLength": count, "maxItems": count, "minProperties": count })),
        (1..4_i64)
            .prop_map(|step| json!({ "multipleOf": step, "maxLength": step, "minItems": step })),
        Just(json!({ "pattern": "^a+$", "uniqueItems": true, "required": ["a"] })),
        Just(json!({ "propertyNames": { "enum": ["a", "b"] }, "dependencies": { "a": ["b"] } })),
        Just(json!({ "$ref": "#/definitions/x" })),
    ];
    leaf.prop_recursive(3, 16, 3, |inner| {
        let some = || prop::collection::vec(inner.clone(), 1..3);
        prop_oneof![
            some().prop_map(|all| json!({ "allOf": all })),
            some().prop_map(|any| json!({ "anyOf": any })),
            some().prop_map(|one| json!({ "oneOf": one })),
            inner.clone().prop_map(|not| json!({ "not": not })),
            inner.clone().prop_map(|item| json!({ "items": item })),
            inner.clone().prop_map(|item| json!({ "contains": item })),
            (some(), inner.clone()).prop_map(|(each, rest)| json!({ "items": each, "additionalItems": rest })),
            (inner.clone(), inner.clone()).prop_map(|(a, rest)| json!({ "properties": { "a": a }, "additionalProperties": rest })),
            (inner.clone(), inner.clone()).prop_map(|(a, rest)| json!({ "patternProperties": { "^[ab]": a }, "additionalProperties": rest })),
            (inner.clone(), inner.clone(), inner.clone()).prop_map(|(test, then, other)| json!({ "if": test, "then": then, "else": other })),
            (inner.clone(), inner.clone()).prop_map(|(a, b)| json!({ "dependencies": { "a": a, "c": b } })),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(3_000) })]

    #[test]
    fn as_another_validator(schema in schemas(), config in values()) {
        let mut schema = if schema.is_object() { schema } else { json!({ "allOf": [schema] }) };
        schema["$schema"] = json!("http://json-schema.org/draft-07/schema#");
        schema["definitions"] = json!({ "x": { "type": "string" } });
        let mut compiler = boon::Compiler::new();
        let mut all = boon::Schemas::new();
        compiler.add_resource("urn:x", schema.clone()).expect("a JSON value");
        let other = compiler.compile("urn:x", &mut all).expect("a schema");
        let wanted = all.validate(&config, other).is_ok();
        let found = check(&schema.to_string(), &config).expect("a harmless schema");
        prop_assert_eq!(found.is_empty(), wanted, "{:?}", found);
    }
}
