use serde_json::Value;

use super::*;
use crate::chance::Chance;

fn key(text: &str) -> Vec<u8> {
    let value: &RawValue = serde_json::from_str(text).expect(text);
    let mut key = Vec::new();
    encode(Some(value), &mut key).expect(text);
    key
}

/// In their order; the spellings of one line are equal.
const SORTED: &[&[&str]] = &[
    &["null"],
    &["false"],
    &["true"],
    &["-1e300", "-1.0E+300"],
    &["-9223372036854775809.0", "-9223372036854775808"],
    &["-9223372036854775807"],
    &["-2", "-2.0"],
    &["-1.5"],
    &["-5e-324"],
    &["0", "-0", "0.0", "-0.0", "0e5"],
    &["5e-324"],
    &["1", "1.0", "10e-1"],
    &["9007199254740992", "9007199254740992.0"],
    &["9007199254740993"],
    &["9007199254740994"],
    &["9223372036854775807"],
    &["9223372036854775808"],
    &["18446744073709551614"],
    &["18446744073709551615"],
    &["18446744073709551616"],
    &["1e20", "100000000000000000000"],
    &["\"\""],
    &[r#""\u0000""#],
    &[r#""\u0000\u0000""#],
    &[r#""\u0001""#],
    &["\"a\"", r#""\u0061""#],
    &[r#""a\u0000""#],
    &["\"ab\""],
    &["\"é\"", r#""\u00e9""#],
    &["\"\u{1F600}\"", r#""\ud83d\ude00""#],
    &["[]", "[ ]"],
    &["[null]"],
    &["[null, 1]"],
    &["[1]"],
    &["[1, null]"],
    &["[\"a\"]"],
    &["[[]]"],
    &["{}"],
    &[r#"{"a":1}"#],
    &[r#"{"a":2}"#],
    &[r#"{"a":1,"b":2}"#, r#"{"b": 2.0, "a": 1}"#],
    &[r#"{"a":1,"c":0}"#],
    &[r#"{"b":0}"#],
];

#[test]
fn the_order_is_that_of_the_list() {
    for (at, spellings) in SORTED.iter().enumerate() {
        for text in *spellings {
            for (other, others) in SORTED.iter().enumerate() {
                for other_text in *others {
                    let (one, two) = (key(text), key(other_text));
                    assert_eq!(one.cmp(&two), at.cmp(&other), "{text} and {other_text}");
                }
            }
        }
    }
}

#[test]
fn the_other_way_round_it_is_the_other_order() {
    let descending = |text: &str| {
        let value: &RawValue = serde_json::from_str(text).expect(text);
        let mut key = Vec::new();
        encode_descending(Some(value), &mut key).expect(text);
        key
    };
    for pair in SORTED.windows(2) {
        assert!(descending(pair[0][0]) > descending(pair[1][0]), "{pair:?}");
    }
}

/// The order as jq's manual tells it, over values that doubles hold.
fn model(one: &Value, two: &Value) -> Ordering {
    let rank = |value: &Value| match value {
        Value::Null => 0,
        Value::Bool(false) => 1,
        Value::Bool(true) => 2,
        Value::Number(_) => 3,
        Value::String(_) => 4,
        Value::Array(_) => 5,
        Value::Object(_) => 6,
    };
    let lists = |one: &[Value], two: &[Value]| {
        let differ = one.iter().zip(two).map(|(one, two)| model(one, two));
        let first = differ.into_iter().find(|order| order.is_ne());
        first.unwrap_or_else(|| one.len().cmp(&two.len()))
    };
    match (one, two) {
        (Value::Number(one), Value::Number(two)) => one
            .as_f64()
            .partial_cmp(&two.as_f64())
            .expect("both are finite"),
        (Value::String(one), Value::String(two)) => one.cmp(two),
        (Value::Array(one), Value::Array(two)) => lists(one, two),
        (Value::Object(one), Value::Object(two)) => {
            let sorted: std::collections::BTreeMap<_, _> = one.iter().collect();
            let other: std::collections::BTreeMap<_, _> = two.iter().collect();
            let values = |map: &std::collections::BTreeMap<&String, &Value>| -> Vec<Value> {
                map.values().map(|value| (*value).clone()).collect()
            };
            let keys = sorted.keys().cmp(other.keys());
            keys.then_with(|| lists(&values(&sorted), &values(&other)))
        }
        _ => rank(one).cmp(&rank(two)),
    }
}

#[test]
fn any_two_values_compare_as_the_model_says() {
    let mut chance = Chance::new(3);
    for _ in 0..20_000 {
        let (one, two) = (chance.value(3), chance.value(3));
        let order = key(&one.to_string()).cmp(&key(&two.to_string()));
        assert_eq!(order, model(&one, &two), "{one} and {two}");
    }
}

#[test]
fn whole_numbers_compare_as_integers_and_come_back() {
    let mut chance = Chance::new(5);
    let mut any = || {
        let shift = chance.below(64);
        let near = i128::from(chance.next() >> shift) + [-2, -1, 0, 1, 2][chance.below(5)];
        near.clamp(i64::MIN.into(), u64::MAX.into()) * if chance.below(3) == 0 { -1 } else { 1 }
    };
    for _ in 0..20_000 {
        let (one, two) = (any().max(i64::MIN.into()), any().max(i64::MIN.into()));
        let number = |n: i128| Number::parse(&n.to_string()).expect("a number");
        assert_eq!(number(one).cmp(&number(two)), one.cmp(&two), "{one} {two}");
        let mut text = Vec::new();
        let shown = number(one).show(&mut serde_json::Serializer::new(&mut text));
        shown.expect("it is written");
        assert_eq!(String::from_utf8(text).expect("text"), one.to_string());
    }
}

#[test]
fn only_numbers_are_numbers() {
    for text in ["null", "true", "\"1\"", "[1]", "{}", "infinity", "NaN", ""] {
        assert!(Number::parse(text).is_none(), "{text}");
    }
    for real in [0.1, 1e300, 5e-324, -1.5, f64::MAX] {
        let text = format!("{real:e}");
        let Some(Number::Real(read)) = Number::parse(&text) else {
            panic!("{text}")
        };
        assert_eq!(read.to_bits(), real.to_bits(), "{text}");
    }
}
