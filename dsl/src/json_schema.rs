//! JSON Schema, draft-07, as far as a config needs it: everything but `format` and references out of
//! the schema.
//!
//! A schema comes from a component, so it may be hostile: references in a circle, or branches that
//! double at every step. Validators from the shelf have no bound on that, so this one has: every step
//! is [paid for](FUEL). What it says is worded for the person who wrote the config.

mod inside;
mod leaf;
mod words;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use regex::{Regex, RegexBuilder};
use serde_json::{Map, Value};

/// Steps that one config may take.
const FUEL: usize = 200_000;
/// How deep schemas apply schemas. A config nests at most 80 deep.
const DEPTH: usize = 200;
/// Bytes of a schema's text.
const TEXT: usize = 256 << 10;
/// Steps that reading a regular expression takes, and bytes that one may take when it is read.
const PATTERN_STEPS: usize = 500;
const PATTERN_BYTES: usize = 256 << 10;
/// Violations that are told of one config.
const TOLD: usize = 50;

/// What a config does that its schema does not allow.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Violation {
    /// The way from the config's root to the place.
    pub(crate) path: Vec<String>,
    /// What is meant there.
    pub(crate) spot: Spot,
    /// What is wrong, without the place.
    pub(crate) message: String,
    /// What would be right.
    pub(crate) help: Option<String>,
    /// The value is of another kind than this schema is about: in a choice, another branch was meant.
    alien: bool,
}

/// What of a place is meant.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Spot {
    /// The value.
    Value,
    /// The key: the last step of the path.
    Key,
}

/// Why a config cannot be checked by a schema.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub(crate) enum SchemaError {
    #[error("it is longer than {TEXT} bytes")]
    Long,
    #[error("it is not JSON: {0}")]
    NotJson(String),
    #[error("it is neither an object nor a boolean")]
    NotASchema,
    #[error("checking takes too many steps")]
    Steps,
    #[error("`{0}` refers to nothing in it")]
    Reference(String),
}

/// All that a config does against the schema; nothing if it fits. An empty text allows everything.
pub(crate) fn check(schema: &str, config: &Value) -> Result<Vec<Violation>, SchemaError> {
    if schema.len() > TEXT {
        return Err(SchemaError::Long);
    }
    if schema.trim().is_empty() {
        return Ok(Vec::new());
    }
    let schema: Value =
        serde_json::from_str(schema).map_err(|error| SchemaError::NotJson(error.to_string()))?;
    let mut check =
        Check { root: &schema, path: Vec::new(), patterns: BTreeMap::new(), fuel: FUEL, depth: 0 };
    let mut found = check.value(&schema, config)?;
    found.truncate(TOLD);
    Ok(found)
}

/// A check under way.
struct Check<'s> {
    root: &'s Value,
    path: Vec<String>,
    /// `None` for an expression that this engine does not read: it forbids nothing then.
    patterns: BTreeMap<&'s str, Option<Regex>>,
    fuel: usize,
    depth: usize,
}

type Found = Result<Vec<Violation>, SchemaError>;

impl<'s> Check<'s> {
    fn pay(&mut self, steps: usize) -> Result<(), SchemaError> {
        self.fuel = self.fuel.checked_sub(steps).ok_or(SchemaError::Steps)?;
        Ok(())
    }

    fn violation(&self, message: String, schema: &Value) -> Violation {
        let help = words::help(schema);
        Violation { path: self.path.clone(), spot: Spot::Value, message, help, alien: false }
    }

    fn value(&mut self, schema: &'s Value, value: &Value) -> Found {
        if self.depth >= DEPTH {
            return Err(SchemaError::Steps);
        }
        self.pay(1)?;
        self.depth += 1;
        let found = match schema {
            Value::Bool(true) => Ok(Vec::new()),
            Value::Bool(false) => {
                Ok(vec![self.violation("is not allowed here".to_owned(), schema)])
            }
            Value::Object(keywords) => match keywords.get("$ref").and_then(Value::as_str) {
                Some(reference) => {
                    let target = self.target(reference)?;
                    self.value(target, value)
                }
                None => self.keywords((schema, keywords), value),
            },
            _ => Err(SchemaError::NotASchema),
        };
        self.depth -= 1;
        found
    }

    fn target(&self, reference: &str) -> Result<&'s Value, SchemaError> {
        let pointer = reference.strip_prefix('#');
        let target = pointer.and_then(|pointer| self.root.pointer(pointer));
        target.ok_or_else(|| SchemaError::Reference(reference.to_owned()))
    }

    fn keywords(
        &mut self,
        (schema, keywords): (&'s Value, &'s Map<String, Value>),
        value: &Value,
    ) -> Found {
        if let Some(message) = self.kind(keywords, value)? {
            // What else the schema says is about values of its own kind.
            return Ok(vec![Violation { alien: true, ..self.violation(message, schema) }]);
        }
        let mut found = Vec::new();
        match value {
            Value::Number(number) => {
                let faults = leaf::number(keywords, number);
                found.extend(faults.into_iter().map(|message| self.violation(message, schema)));
            }
            Value::String(text) => self.text((schema, keywords), text, &mut found)?,
            Value::Array(items) => self.array((schema, keywords), items, &mut found)?,
            Value::Object(object) => self.object((schema, keywords), object, &mut found)?,
            Value::Null | Value::Bool(_) => {}
        }
        self.choices((schema, keywords), value, &mut found)?;
        Ok(found)
    }

    /// `type`, `const` and `enum`.
    fn kind(
        &mut self,
        keywords: &'s Map<String, Value>,
        value: &Value,
    ) -> Result<Option<String>, SchemaError> {
        let fits = match keywords.get("type") {
            Some(Value::String(name)) => leaf::is_of(value, name),
            Some(Value::Array(names)) => {
                self.pay(names.len())?;
                names.iter().filter_map(Value::as_str).any(|name| leaf::is_of(value, name))
            }
            _ => true,
        };
        if !fits {
            let wanted = words::kinds(keywords).unwrap_or_default();
            return Ok(Some(format!("expected {wanted}, found {}", words::found(value))));
        }
        if let Some(only) = keywords.get("const") {
            self.pay(leaf::weight(only))?;
            if !leaf::equal(only, value) {
                return Ok(Some(format!("must be {}", words::literal(only))));
            }
        }
        let Some(Value::Array(allowed)) = keywords.get("enum") else { return Ok(None) };
        for one in allowed {
            self.pay(leaf::weight(one))?;
            if leaf::equal(one, value) {
                return Ok(None);
            }
        }
        let near = words::near(value, allowed).map_or_else(String::new, |near| format!("; {near}"));
        let (found, allowed) = (words::literal(value), words::literals(allowed));
        Ok(Some(format!("{found} is not one of {allowed}{near}")))
    }

    fn text(
        &mut self,
        (schema, keywords): (&'s Value, &'s Map<String, Value>),
        text: &str,
        found: &mut Vec<Violation>,
    ) -> Result<(), SchemaError> {
        if text.starts_with("{{secret:") {
            return Ok(()); // A secret's value is not known here; this only stands in its place.
        }
        self.pay(text.len() / 64)?;
        let faults = leaf::lengths(keywords, text);
        found.extend(faults.into_iter().map(|message| self.violation(message, schema)));
        if let Some(Value::String(pattern)) = keywords.get("pattern")
            && !self.matches(pattern, text)?
        {
            let message = format!("{} does not match `{pattern}`", words::quoted(text));
            found.push(self.violation(message, schema));
        }
        Ok(())
    }

    fn matches(&mut self, pattern: &'s str, text: &str) -> Result<bool, SchemaError> {
        if !self.patterns.contains_key(pattern) {
            self.pay(PATTERN_STEPS + pattern.len())?;
            let read = RegexBuilder::new(pattern).size_limit(PATTERN_BYTES).build().ok();
            self.patterns.insert(pattern, read);
        }
        self.pay(text.len() / 8)?;
        let regex = self.patterns.get(pattern).and_then(Option::as_ref);
        Ok(regex.is_none_or(|regex| regex.is_match(text)))
    }

    /// `allOf`, `anyOf`, `oneOf`, `not`, `if`.
    fn choices(
        &mut self,
        (schema, keywords): (&'s Value, &'s Map<String, Value>),
        value: &Value,
        found: &mut Vec<Violation>,
    ) -> Result<(), SchemaError> {
        let branches = |key: &str| keywords.get(key).and_then(Value::as_array);
        for branch in branches("allOf").into_iter().flatten() {
            found.extend(self.value(branch, value)?);
        }
        for (key, at_most) in [("anyOf", usize::MAX), ("oneOf", 1)] {
            if let Some(branches) = branches(key) {
                let (fit, of_best) = self.branches(branches, value)?;
                if fit > at_most {
                    let message = format!("must be only one of {}", words::either(branches, "and"));
                    found.push(self.violation(message, schema));
                } else if let (0, Some(of_best)) = (fit, of_best) {
                    found.extend(of_best);
                } else if fit == 0 {
                    let wanted = words::either(branches, "or");
                    let message = format!("expected {wanted}, found {}", words::found(value));
                    found.push(Violation { alien: true, ..self.violation(message, schema) });
                }
            }
        }
        if let Some(never) = keywords.get("not")
            && self.value(never, value)?.is_empty()
        {
            let message = format!("must not be {}", words::describe(never));
            found.push(self.violation(message, schema));
        }
        if let Some(test) = keywords.get("if") {
            let then = if self.value(test, value)?.is_empty() { "then" } else { "else" };
            if let Some(then) = keywords.get(then) {
                found.extend(self.value(then, value)?);
            }
        }
        Ok(())
    }

    /// How many branches a value fits; and the faults of the one that was meant, if that is plain.
    fn branches(
        &mut self,
        branches: &'s [Value],
        value: &Value,
    ) -> Result<(usize, Option<Vec<Violation>>), SchemaError> {
        let (mut fit, mut meant) = (0, Vec::new());
        for branch in branches {
            let found = self.value(branch, value)?;
            let near = self.path.len() + 1;
            if found.is_empty() {
                fit += 1;
            } else if !found.iter().any(|fault| fault.alien && fault.path.len() <= near) {
                meant.push(found);
            }
        }
        // A branch that is about another kind of value, here or one step down, was not meant. If more
        // than one is left nobody knows.
        let only = if let [_] = meant.as_slice() { meant.pop() } else { None };
        Ok((fit, only))
    }
}
