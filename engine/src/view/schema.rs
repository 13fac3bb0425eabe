//! A config's JSON Schema as rows of a table. Schemas may come from anyone: what is not understood is left
//! out, and depth and number are bounded.

use serde_json::{Map, Value};

use crate::render::escape::escape;

/// Keys in keys.
const DEPTH: usize = 6;
/// Rows.
const KEYS: usize = 500;

/// A key of the config.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Key {
    /// Where it stands: `rules`, `routes[].when`, `fields.<key>.type`.
    path: String,
    /// What it takes.
    ty: String,
    /// Its default as JSON, `required`, or nothing.
    default: String,
    /// Lengths, ranges, patterns.
    bounds: String,
    /// What it is for.
    what: String,
}

impl Key {
    /// The cells of its row.
    pub(super) fn cells(&self) -> Vec<String> {
        [&self.path, &self.ty, &self.default, &self.bounds, &self.what]
            .map(|cell| escape(cell).into_owned())
            .into()
    }
}

/// The keys that a schema names, with those in them.
pub(super) fn keys(schema: &Value) -> Vec<Key> {
    let mut keys = vec![];
    inside(schema, "", DEPTH, &mut keys);
    keys.truncate(KEYS);
    keys
}

/// True if a schema asks for at least one key.
pub(super) fn has_required(schema: &Value) -> bool {
    schema["required"].as_array().is_some_and(|required| !required.is_empty())
}

/// Adds the keys of an object, and those in what it or a list holds.
fn inside(schema: &Value, path: &str, depth: usize, keys: &mut Vec<Key>) {
    let Some(depth) = depth.checked_sub(1) else { return };
    let required: Vec<&str> =
        schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    let dot = if path.is_empty() { "" } else { "." };
    for (name, value) in schema["properties"].as_object().into_iter().flatten() {
        if keys.len() >= KEYS {
            return;
        }
        let path = format!("{path}{dot}{name}");
        keys.push(key(&path, value, required.contains(&name.as_str())));
        inside(value, &path, depth, keys);
    }
    if schema["additionalProperties"].is_object() {
        let path = format!("{path}{dot}<key>");
        inside(&schema["additionalProperties"], &path, depth, keys);
    }
    if schema["items"].is_object() {
        inside(&schema["items"], &format!("{path}[]"), depth, keys);
    }
    for choice in choices(schema) {
        inside(choice, path, depth, keys);
    }
}

fn choices(schema: &Value) -> impl Iterator<Item = &Value> {
    ["oneOf", "anyOf"].into_iter().filter_map(|name| schema[name].as_array()).flatten()
}

fn key(path: &str, schema: &Value, required: bool) -> Key {
    let default = match schema.get("default") {
        Some(value) => value.to_string(),
        None if required => "required".to_owned(),
        None => "-".to_owned(),
    };
    let bounds = bounds(schema);
    Key {
        path: path.to_owned(),
        ty: ty(schema, DEPTH),
        default,
        bounds: if bounds.is_empty() { "-".to_owned() } else { bounds },
        what: schema["description"].as_str().unwrap_or_default().replace('\n', " "),
    }
}

/// The type in a few words.
fn ty(schema: &Value, depth: usize) -> String {
    let Some(depth) = depth.checked_sub(1) else { return "…".to_owned() };
    let joined = |words: Vec<String>| words.join(" | ");
    if let Some(values) = schema["enum"].as_array() {
        return joined(values.iter().map(Value::to_string).collect());
    }
    if let Some(value) = schema.get("const") {
        return value.to_string();
    }
    let of_choices: Vec<String> = choices(schema).map(|choice| ty(choice, depth)).collect();
    if !of_choices.is_empty() {
        return joined(of_choices);
    }
    let one = |word: &str| match word {
        "array" if schema["items"].is_object() => {
            format!("list of {}", ty(&schema["items"], depth))
        }
        "array" => "list".to_owned(),
        "object" if schema["additionalProperties"].is_object() => {
            format!("table of {}", ty(&schema["additionalProperties"], depth))
        }
        "object" => "table".to_owned(),
        word => word.to_owned(),
    };
    match &schema["type"] {
        Value::String(word) => one(word),
        Value::Array(words) => joined(words.iter().filter_map(Value::as_str).map(one).collect()),
        _ => "any".to_owned(),
    }
}

fn bounds(schema: &Value) -> String {
    let Some(fields) = schema.as_object() else { return String::new() };
    let mut words = vec![];
    words.extend(range(fields, ["minimum", "maximum"], ""));
    words.extend(range(fields, ["exclusiveMinimum", "exclusiveMaximum"], " exclusive"));
    words.extend(range(fields, ["minLength", "maxLength"], " characters"));
    words.extend(range(fields, ["minItems", "maxItems"], " items"));
    words.extend(range(fields, ["minProperties", "maxProperties"], " keys"));
    words.extend(fields.get("format").and_then(Value::as_str).map(str::to_owned));
    words.extend(fields.get("pattern").and_then(Value::as_str).map(|p| format!("/{p}/")));
    words.join(", ")
}

fn range(fields: &Map<String, Value>, [least, most]: [&str; 2], unit: &str) -> Option<String> {
    match (fields.get(least), fields.get(most)) {
        (Some(least), Some(most)) => Some(format!("{least} to {most}{unit}")),
        (Some(least), None) => Some(format!("≥ {least}{unit}")),
        (None, Some(most)) => Some(format!("≤ {most}{unit}")),
        (None, None) => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn rows(schema: &Value) -> Vec<String> {
        keys(schema).iter().map(|key| key.cells().join(" ; ")).collect()
    }

    #[test]
    fn a_schema_is_a_table() {
        let schema = json!({
            "type": "object", "required": ["rules"],
            "properties": {
                "rules": {
                    "type": "array", "minItems": 1, "maxItems": 9, "description": "What\nto do.",
                    "items": { "type": "object", "required": ["when"], "properties": {
                        "when": { "type": "string", "format": "regex" } } },
                },
                "size": { "type": "integer", "minimum": 1, "maximum": 16, "default": 4 },
                "mode": { "enum": ["a", "b"], "default": "a" },
                "each": { "type": "object", "additionalProperties": { "type": ["string", "null"] } },
                "either": { "oneOf": [{ "type": "string", "maxLength": 3 }, { "type": "number" }] },
            },
        });
        let expected = [
            "each ; table of string | null ; - ; - ; ",
            "either ; string | number ; - ; - ; ",
            "mode ; \"a\" | \"b\" ; \"a\" ; - ; ",
            "rules ; list of table ; required ; 1 to 9 items ; What to do.",
            "rules[].when ; string ; required ; regex ; ",
            "size ; integer ; 4 ; 1 to 16 ; ",
        ];
        let mut rows = rows(&schema);
        rows.sort();
        assert_eq!(rows, expected);
        assert!(has_required(&schema) && !has_required(&json!({ "required": [] })));
    }

    #[test]
    fn anything_at_all_is_no_harm() {
        let mut deep = json!({ "type": "string" });
        for _ in 0..100 {
            deep = json!({ "type": "object", "properties": { "a\u{1b}": deep } });
        }
        assert_eq!(keys(&deep).len(), DEPTH);
        assert!(rows(&deep).iter().all(|row| !row.contains('\u{1b}')));
        for odd in [json!(null), json!([1]), json!({ "properties": 3, "items": [], "oneOf": {} })] {
            assert_eq!(keys(&odd), []);
        }
    }
}
