//! Types and schemas as the derive macros make them.

use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroU32;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use serde_json::{Value, json};

use crate::schema::check;
use crate::{Config, ConfigSchema, Schema, Typed, parse_config};

#[derive(Serialize, Deserialize, Typed)]
#[serde(rename_all = "SCREAMING-KEBAB-CASE")]
struct Everything<'a, T> {
    flag: bool,
    signed_byte: i8,
    large: u64,
    #[serde(rename = "x_y")]
    real: f32,
    letter: char,
    #[serde(borrow)]
    raw: &'a RawValue,
    any: Value,
    #[serde(with = "crate::bytes")]
    blob: Vec<u8>,
    names: Vec<std::borrow::Cow<'a, str>>,
    set: BTreeSet<u16>,
    pair: (String, T),
    #[serde(skip_serializing_if = "Option::is_none")]
    maybe: Option<Box<Inner>>,
    #[serde(skip)]
    _internal: usize,
    r#type: Newtype,
}

#[derive(Serialize, Deserialize, Typed)]
struct Inner {}

#[derive(Serialize, Deserialize, Typed)]
struct Newtype(i64);

#[derive(Serialize, Deserialize, Typed)]
struct Pair(u8, String);

#[derive(Serialize, Deserialize, Typed)]
#[serde(transparent)]
struct Clear {
    value: Vec<u32>,
}

#[derive(Serialize, Deserialize, Typed)]
#[serde(rename_all = "kebab-case")]
enum Plain {
    FirstOne,
    #[serde(rename = "2nd", alias = "second")]
    #[serde(skip)]
    _Second,
    Third,
}

#[derive(Serialize, Deserialize, Typed)]
#[serde(rename_all = "snake_case", rename_all_fields = "camelCase")]
enum Mixed {
    Nothing,
    One(u64),
    Two(u64, bool),
    Named { long_name: String },
}

#[test]
fn types_are_those_of_the_pipeline_language() {
    let everything = "{ FLAG: bool, SIGNED-BYTE: s8, LARGE: u64, x_y: f32, LETTER: char, \
        RAW: json, ANY: json, BLOB: bytes, NAMES: list<string>, SET: list<u16>, \
        PAIR: tuple<string, u8>, MAYBE: option<{}>, TYPE: s64 }";
    let cases = [
        (Everything::<u8>::TYPE, everything),
        (Pair::TYPE, "tuple<u8, string>"),
        (Clear::TYPE, "list<u32>"),
        (Plain::TYPE, "enum{first-one, third}"),
        (
            Mixed::TYPE,
            "variant{nothing, one(u64), two(tuple<u64, bool>), named({ longName: string })}",
        ),
        (<[Option<&str>]>::TYPE, "list<option<string>>"),
        (<(u8,)>::TYPE, "tuple<u8>"),
    ];
    for (found, wanted) in cases {
        assert_eq!(found.to_string(), wanted);
    }
}

#[test]
fn a_variant_is_written_as_its_type_says() {
    let written = |value: &Mixed| serde_json::to_value(value).expect("JSON");
    assert_eq!(written(&Mixed::Nothing), json!("nothing"));
    assert_eq!(written(&Mixed::One(1)), json!({ "one": 1 }));
    assert_eq!(written(&Mixed::Two(1, true)), json!({ "two": [1, true] }));
    let long_name = String::from("x");
    assert_eq!(
        written(&Mixed::Named { long_name }),
        json!({ "named": { "longName": "x" } })
    );
}

/// The whole "config".
#[derive(Debug, Deserialize, Config)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
#[expect(dead_code, reason = "only what is known of it matters")]
struct Everyway {
    /// A name
    /// on two lines.
    #[config(min_length = 2, max_length = 3)]
    name: String,
    #[serde(default)]
    #[config(minimum = -1.5, maximum = 2)]
    factor: f64,
    #[config(maximum = 9, default = 7)]
    limit: Option<NonZeroU32>,
    #[serde(default = "ten")]
    how_many: u8,
    #[serde(default)]
    #[config(min_items = 1)]
    list: Vec<Part>,
    #[serde(default)]
    #[config(max_properties = 1)]
    map: BTreeMap<String, Part>,
    mode: Mode,
    #[serde(default)]
    choice: Choice,
    #[serde(default, deserialize_with = "seconds")]
    #[config(like = String, format = "duration")]
    wait: u64,
    by_hand: Option<ByHand>,
    #[serde(skip)]
    _hidden: usize,
}

fn ten() -> u8 {
    10
}

fn seconds<'de, D: serde::Deserializer<'de>>(from: D) -> Result<u64, D::Error> {
    let text = String::deserialize(from)?;
    text.trim_end_matches('s')
        .parse()
        .map_err(serde::de::Error::custom)
}

#[derive(Debug, Default, Deserialize, Config)]
#[serde(default)]
struct Part {
    #[config(minimum = 1)]
    n: u32,
    on: bool,
}

/// What to do.
#[derive(Clone, Copy, Debug, Default, Deserialize, Config)]
#[serde(tag = "do", deny_unknown_fields, rename_all = "lowercase")]
enum Mode {
    #[default]
    Stop,
    /// Waits.
    Wait {
        #[config(minimum = 1)]
        ms: u64,
    },
}

#[derive(Debug, Deserialize, Config)]
#[serde(untagged)]
enum Choice {
    Number(u32),
    Many(Vec<Part>),
}

impl Default for Choice {
    fn default() -> Self {
        Self::Number(1)
    }
}

#[derive(Debug, Deserialize)]
struct ByHand {}

impl ConfigSchema for ByHand {
    const SCHEMA: Schema = Schema::Text(r#"{"type":"object"}"#);
}

#[test]
fn a_schema_says_what_serde_reads() {
    let found: Value = serde_json::from_str(&Everyway::SCHEMA.text()).expect("JSON");
    let part = json!({ "type": "object", "properties": {
        "n": { "type": "integer", "minimum": 1, "maximum": 4_294_967_295_u32, "default": 0 },
        "on": { "type": "boolean", "default": false },
    } });
    let list = json!({ "type": "array", "items": part });
    let mut bounded = list.clone();
    bounded["minItems"] = json!(1);
    bounded["default"] = json!([]);
    let wanted = json!({
        "$schema": "http://json-schema.org/draft-07/schema#",
        "description": "The whole \"config\".",
        "type": "object",
        "additionalProperties": false,
        "required": ["name", "mode"],
        "properties": {
            "name": {
                "type": "string", "minLength": 2, "maxLength": 3,
                "description": "A name on two lines.",
            },
            "factor": { "type": "number", "minimum": -1.5, "maximum": 2, "default": 0.0 },
            "limit": { "type": "integer", "minimum": 1, "maximum": 9, "default": 7 },
            "how-many": { "type": "integer", "minimum": 0, "maximum": 255, "default": 10 },
            "list": bounded,
            "map": {
                "type": "object", "additionalProperties": part, "maxProperties": 1, "default": {},
            },
            "mode": { "description": "What to do.", "anyOf": [
                {
                    "type": "object", "additionalProperties": false, "required": ["do"],
                    "properties": { "do": { "const": "stop" } },
                },
                {
                    "type": "object", "additionalProperties": false, "required": ["do", "ms"],
                    "description": "Waits.",
                    "properties": {
                        "do": { "const": "wait" }, "ms": { "type": "integer", "minimum": 1 },
                    },
                },
            ] },
            "choice": { "anyOf": [
                { "type": "integer", "minimum": 0, "maximum": 4_294_967_295_u32 }, list,
            ] },
            "wait": { "type": "string", "format": "duration" },
            "by-hand": { "allOf": [{ "type": "object" }] },
        },
    });
    assert_eq!(found, wanted);
}

#[test]
fn every_bound_is_checked_at_once_with_its_place() {
    let config = json!({
        "name": "ä", "factor": -1.6, "limit": 10, "list": [],
        "map": { "a/b": { "n": 0 }, "c": { "n": 1 } },
        "mode": { "do": "wait", "ms": 0 }, "choice": [{ "n": 1 }, { "n": 0 }], "wait": "5s",
    });
    let config: Everyway = parse_config(&config.to_string()).expect("it can be read");
    let faults = check(&config);
    let found: Vec<(&str, &str)> = faults
        .iter()
        .map(|fault| (fault.pointer.as_str(), fault.message.as_str()))
        .collect();
    assert_eq!(
        found,
        [
            ("/name", "expected 2 to 3 characters, found 1"),
            ("/factor", "expected -1.5 to 2, found -1.6"),
            ("/limit", "expected at most 9, found 10"),
            ("/list", "expected at least 1 item, found 0"),
            ("/map", "expected at most 1 entry, found 2"),
            ("/map/a~1b/n", "expected at least 1, found 0"),
            ("/mode/ms", "expected at least 1, found 0"),
            ("/choice/1/n", "expected at least 1, found 0"),
        ]
    );
}

#[test]
fn what_is_within_its_bounds_has_no_faults() {
    for config in [
        json!({ "name": "ab", "mode": { "do": "stop" }, "list": [{ "n": 1 }] }),
        json!({ "name": "äöü", "mode": { "do": "wait", "ms": 1 }, "list": [{ "n": 4_294_967_295_u32 }] }),
    ] {
        let config: Everyway = parse_config(&config.to_string()).expect("it can be read");
        assert_eq!(check(&config), []);
    }
}

#[test]
fn a_text_is_given_as_it_stands() {
    assert_eq!(ByHand::SCHEMA.text(), r#"{"type":"object"}"#);
}
