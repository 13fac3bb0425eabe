//! Schemas and values in words.

use serde_json::{Map, Value};

use super::leaf::range;
use crate::fault::{list, nearest};

/// Characters of a value or a description that are shown.
const SHOWN: usize = 60;
const DESCRIBED: usize = 400;
/// Literals that are listed.
const LISTED: usize = 16;

/// What would be right: the schema's own description, with its kind, bounds and default.
pub(super) fn help(schema: &Value) -> Option<String> {
    let keywords = schema.as_object()?;
    let said = keywords.get("description").and_then(Value::as_str)?;
    let mut facts = Vec::new();
    if keywords.contains_key("type") && !keywords.contains_key("enum") {
        facts.push(describe(schema));
    }
    facts.extend(keywords.get("default").map(|value| format!("default {}", literal(value))));
    let facts = facts.join(", ");
    Some(match facts.as_str() {
        "" => cut(said, DESCRIBED),
        facts => format!("{} ({facts})", cut(said, DESCRIBED)),
    })
}

/// A schema in a few words: "an integer from 1 to 10", "a table with `count`".
pub(super) fn describe(schema: &Value) -> String {
    let Some(keywords) = schema.as_object() else { return "anything".to_owned() };
    if let Some(only) = keywords.get("const") {
        return literal(only);
    }
    if let Some(Value::Array(allowed)) = keywords.get("enum") {
        return format!("one of {}", literals(allowed));
    }
    let kind = kinds(keywords);
    let required = keywords.get("required").and_then(Value::as_array);
    let required: Vec<&str> = required.into_iter().flatten().filter_map(Value::as_str).collect();
    let range = range(keywords).map_or_else(String::new, |range| format!(" {range}"));
    match (kind.as_deref(), required.as_slice()) {
        (None | Some("a table"), [_, ..]) => format!("a table with {}", list(&required)),
        (Some(kind), _) => format!("{kind}{range}"),
        (None, []) => match keywords.get("description").and_then(Value::as_str) {
            Some(said) => format!("this: {}", cut(said, SHOWN)),
            None => "something else".to_owned(),
        },
    }
}

/// The branches of a choice.
pub(super) fn either(branches: &[Value], and: &str) -> String {
    let words: Vec<String> = branches.iter().take(LISTED).map(describe).collect();
    match words.split_last() {
        None => "nothing".to_owned(),
        Some((only, [])) => only.clone(),
        Some((last, rest)) => format!("{} {and} {last}", rest.join(", ")),
    }
}

/// What `type` says, with its article.
pub(super) fn kinds(keywords: &Map<String, Value>) -> Option<String> {
    match keywords.get("type")? {
        Value::String(name) => Some(kind(name).to_owned()),
        Value::Array(names) => {
            let names = names.iter().filter_map(Value::as_str).take(LISTED);
            Some(names.map(kind).collect::<Vec<&str>>().join(" or "))
        }
        _ => None,
    }
}

fn kind(name: &str) -> &'static str {
    match name {
        "null" => "nothing",
        "boolean" => "`true` or `false`",
        "string" => "a string",
        "array" => "an array",
        "object" => "a table",
        "number" => "a number",
        "integer" => "an integer",
        _ => "a value of another type",
    }
}

/// What a value is.
pub(super) fn found(value: &Value) -> &'static str {
    match value {
        Value::Null => "nothing",
        Value::Bool(_) => "a boolean",
        Value::Number(number) if number.is_f64() => "a float",
        Value::Number(_) => "an integer",
        Value::String(_) => "a string",
        Value::Array(_) => "an array",
        Value::Object(_) => "a table",
    }
}

/// A value as it would be written, cut if it is long.
pub(super) fn literal(value: &Value) -> String {
    match value {
        Value::String(text) => quoted(text),
        Value::Array(_) | Value::Object(_) => found(value).to_owned(),
        other => format!("`{other}`"),
    }
}

/// A string in quotes, cut if it is long.
pub(super) fn quoted(text: &str) -> String {
    format!("`{:?}`", cut(text, SHOWN))
}

/// Values in a row.
pub(super) fn literals(values: &[Value]) -> String {
    let mut words: Vec<String> = values.iter().take(LISTED).map(literal).collect();
    if values.len() > LISTED {
        words.push("…".to_owned());
    }
    words.join(", ")
}

/// The allowed string that was probably meant.
pub(super) fn near(value: &Value, allowed: &[Value]) -> Option<String> {
    nearest(value.as_str()?, allowed.iter().filter_map(Value::as_str))
}

fn cut(text: &str, most: usize) -> String {
    match text.char_indices().nth(most) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}
