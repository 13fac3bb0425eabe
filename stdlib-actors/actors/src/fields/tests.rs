use serde_json::Value;
use theater_flow_sdk::Message;

use super::*;
use crate::chance::Chance;

fn picked(references: &[&str], body: &str) -> Result<Vec<Option<String>>, String> {
    let message = Message {
        port: "in".into(),
        body: body.into(),
    };
    let fields = Fields::new(references.iter().copied());
    let picked = fields.pick(&message).map_err(|fault| fault.code)?;
    let text = |value: Option<&RawValue>| value.map(|value| value.get().to_owned());
    Ok(picked.into_iter().map(text).collect())
}

#[test]
fn references_lead_to_values_as_they_are_written() {
    let body = r#" {"a": {"b": [1.50, {"c": "\u0078"}], "x.y": 7}, "a.b": 2, "": {"": 3}, "\u00e4": 4, "~/": 5, "n": null} "#;
    for (reference, found) in [
        ("a.b.0", Some("1.50")),
        ("a.b.1.c", Some(r#""\u0078""#)),
        ("/a/b/1", Some(r#"{"c": "\u0078"}"#)),
        ("/a/x.y", Some("7")),
        ("/a.b", Some("2")),
        ("/", Some(r#"{"": 3}"#)),
        ("//", Some("3")),
        ("ä", Some("4")),
        ("/~0~1", Some("5")),
        ("n", None),
        ("n.m", None),
        ("a.b.2", None),
        ("a.b.00", None),
        ("a.b.c", None),
        ("a.b.0.c", None),
        ("nothing", None),
    ] {
        let found = found.map(str::to_owned);
        assert_eq!(picked(&[reference], body), Ok(vec![found]), "{reference}");
    }
}

#[test]
fn a_value_may_be_asked_for_whole_and_in_parts() {
    let body = r#"{"a":{"b":1,"c":{"d":2}}}"#;
    let all = picked(&["a.c.d", "a", "a.c", "a", "b"], body).expect("JSON");
    let all: Vec<Option<&str>> = all.iter().map(Option::as_deref).collect();
    let (a, c) = (r#"{"b":1,"c":{"d":2}}"#, r#"{"d":2}"#);
    assert_eq!(all, [Some("2"), Some(a), Some(c), Some(a), None]);
}

#[test]
fn a_message_that_is_no_object_has_no_fields() {
    for body in ["1", "-1", "1.5", "\"a\"", "null", "true", "[1,[2]]", "{}"] {
        assert_eq!(picked(&["a", "b.c"], body), Ok(vec![None, None]), "{body}");
    }
    for body in ["", "{", "{\"a\":}", "{\"a\":1}x", "[1"] {
        assert_eq!(picked(&["a"], body), Err("bad-message".into()), "{body}");
    }
}

#[test]
fn bad_references_are_named() {
    for (reference, message) in [
        ("", EMPTY),
        ("a..b", EMPTY),
        (".a", EMPTY),
        ("a.", EMPTY),
        ("/a~2", TILDE),
        ("/~", TILDE),
    ] {
        let mut place = Place::default();
        assert!(
            !place.inside("by", |at| check(reference, at)),
            "{reference}"
        );
        let [fault] = place.faults() else {
            panic!("{reference}: {place:?}");
        };
        assert_eq!(fault.pointer, "/by");
        assert_eq!(fault.message, format!("`{reference}`: {message}"));
    }
    let names = ["a", "a.b", "/a/b c", "/", "/x~1y"].map(last_name);
    assert_eq!(names, ["a", "b", "b c", "", "x/y"]);
}

#[test]
fn what_is_picked_is_what_a_pointer_finds() {
    let mut chance = Chance::new(11);
    for _ in 0..2_000 {
        let value = chance.value(3);
        let names = ["a", "b", "c", "0", "1"];
        let way = |chance: &mut Chance| {
            let steps: Vec<&str> = (0..=chance.below(2)).map(|_| *chance.of(&names)).collect();
            format!("/{}", steps.join("/"))
        };
        let ways: Vec<String> = (0..4).map(|_| way(&mut chance)).collect();
        let references: Vec<&str> = ways.iter().map(String::as_str).collect();
        let found = picked(&references, &value.to_string()).expect("JSON");
        for (way, found) in ways.iter().zip(found) {
            let wanted = value.pointer(way).filter(|value| !value.is_null());
            let found: Option<Value> = found.map(|text| serde_json::from_str(&text).expect("JSON"));
            assert_eq!(found.as_ref(), wanted, "{way} in {value}");
        }
    }
}
