//! What a schema asks of a single value.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Number, Value};

/// Whether a value is of a type. A type that does not exist forbids nothing.
pub(super) fn is_of(value: &Value, name: &str) -> bool {
    match name {
        "null" => value.is_null(),
        "boolean" => value.is_boolean(),
        "string" => value.is_string(),
        "array" => value.is_array(),
        "object" => value.is_object(),
        "number" => value.is_number(),
        "integer" => value.as_number().is_some_and(is_whole),
        _ => true,
    }
}

/// As in the standard, `2.0` is an integer.
fn is_whole(number: &Number) -> bool {
    !number.is_f64() || number.as_f64().is_some_and(|number| number.fract() == 0.0)
}

/// What comparing with a value costs.
pub(super) fn weight(value: &Value) -> usize {
    1 + match value {
        Value::String(text) => text.len() / 64,
        Value::Array(items) => items.iter().map(weight).sum(),
        Value::Object(object) => object.values().map(weight).sum(),
        Value::Null | Value::Bool(_) | Value::Number(_) => 0,
    }
}

/// Whether two values are the same; numbers by their value.
pub(super) fn equal(one: &Value, other: &Value) -> bool {
    match (one, other) {
        (Value::Number(one), Value::Number(other)) => order(one, other) == Some(Ordering::Equal),
        (Value::Array(one), Value::Array(other)) => {
            one.len() == other.len() && one.iter().zip(other).all(|(one, other)| equal(one, other))
        }
        (Value::Object(one), Value::Object(other)) => {
            let same = |(key, one)| other.get(key).is_some_and(|other| equal(one, other));
            one.len() == other.len() && one.iter().all(same)
        }
        _ => one == other,
    }
}

fn order(one: &Number, other: &Number) -> Option<Ordering> {
    match (one.as_i128(), other.as_i128()) {
        (Some(one), Some(other)) => Some(one.cmp(&other)),
        _ => one.as_f64()?.partial_cmp(&other.as_f64()?),
    }
}

/// The first item that stood there before.
pub(super) fn twice(items: &[Value]) -> Option<usize> {
    let mut seen = BTreeSet::new();
    items.iter().position(|item| !seen.insert(plain(item).to_string()))
}

/// The value as every [`equal`] one would be written: `2.0` is `2`.
fn plain(value: &Value) -> Value {
    match value {
        Value::Number(number) => whole(number).map_or_else(|| value.clone(), Value::from),
        Value::Array(items) => items.iter().map(plain).collect(),
        Value::Object(object) => {
            let sorted: BTreeMap<&String, Value> =
                object.iter().map(|(key, value)| (key, plain(value))).collect();
            sorted.into_iter().map(|(key, value)| (key.clone(), value)).collect()
        }
        _ => value.clone(),
    }
}

/// The integer that a number written with a point is.
fn whole(number: &Number) -> Option<i64> {
    const EXACT: f64 = 9_007_199_254_740_992.0;
    let double = number.as_f64().filter(|double| number.is_f64() && double.fract() == 0.0)?;
    #[expect(clippy::cast_possible_truncation, reason = "it is whole, and within what i64 holds")]
    (double.abs() <= EXACT).then_some(double as i64)
}

/// `minimum`, `maximum`, their exclusive forms, and `multipleOf`.
pub(super) fn number(keywords: &Map<String, Value>, number: &Number) -> Vec<String> {
    let bounds = [
        ("minimum", "at least", [Ordering::Greater, Ordering::Equal].as_slice()),
        ("exclusiveMinimum", "more than", &[Ordering::Greater]),
        ("maximum", "at most", &[Ordering::Less, Ordering::Equal]),
        ("exclusiveMaximum", "less than", &[Ordering::Less]),
    ];
    let mut faults = Vec::new();
    for (key, wanted, allowed) in bounds {
        if let Some(bound) = keywords.get(key).and_then(Value::as_number)
            && !order(number, bound).is_some_and(|order| allowed.contains(&order))
        {
            faults.push(format!("{number} must be {wanted} {bound}"));
        }
    }
    if let Some(step) = keywords.get("multipleOf").and_then(Value::as_number)
        && !is_multiple(number, step)
    {
        faults.push(format!("{number} must be a multiple of {step}"));
    }
    faults
}

fn is_multiple(number: &Number, step: &Number) -> bool {
    match (number.as_i128(), step.as_i128()) {
        (Some(number), Some(step)) => step == 0 || number.checked_rem(step) == Some(0),
        _ => match (number.as_f64(), step.as_f64()) {
            (Some(number), Some(step)) => (number / step).fract() == 0.0,
            _ => true,
        },
    }
}

/// `minLength` and `maxLength`.
pub(super) fn lengths(keywords: &Map<String, Value>, text: &str) -> Vec<String> {
    counts(keywords, ("minLength", "maxLength"), (text.chars().count(), "characters"))
}

/// A least and a greatest number of something.
pub(super) fn counts(
    keywords: &Map<String, Value>,
    (least, most): (&str, &str),
    (count, what): (usize, &str),
) -> Vec<String> {
    let bound = |key| keywords.get(key).and_then(Value::as_u64);
    let count = count as u64;
    let mut faults = Vec::new();
    if let Some(least) = bound(least).filter(|least| count < *least) {
        let message = match (least, count) {
            (1, 0) => "must not be empty".to_owned(),
            _ => format!("needs at least {least} {what}, has {count}"),
        };
        faults.push(message);
    }
    if let Some(most) = bound(most).filter(|most| count > *most) {
        faults.push(format!("has {count} {what}, at most {most} are allowed"));
    }
    faults
}

/// A number's bounds, as in "from 1 to 10".
pub(super) fn range(keywords: &Map<String, Value>) -> Option<String> {
    let bound = |key| keywords.get(key).and_then(Value::as_number);
    match (bound("minimum"), bound("maximum")) {
        (Some(least), Some(most)) => Some(format!("from {least} to {most}")),
        (Some(least), None) => Some(format!("of at least {least}")),
        (None, Some(most)) => Some(format!("of at most {most}")),
        (None, None) => None,
    }
}
