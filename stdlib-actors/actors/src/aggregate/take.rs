//! What the config takes of the messages of a group.

use serde::Deserialize;
use serde_json::{Map, Value};
use theater_flow_sdk::{Bounds, ConfigSchema, Place, Schema};

use crate::fields::{self, Fields};

/// Values that `collect` keeps, unless `max` says another number.
const COLLECT: u64 = 100;
const COLLECT_MAX: u64 = 10_000;
const TOP_MAX: u64 = 1_000;
const PLAIN: [&str; 7] = ["sum", "min", "max", "mean", "first", "last", "distinct"];
/// What an entry of `take` may be.
pub(super) const FORMS: &str = "expected \"count\", or a table with `sum`, `min`, `max`, `mean`, `first`, \
                     `last`, `distinct`, `collect` or `top`";

/// One taken value.
#[derive(Debug)]
pub(crate) struct Take {
    /// Its name in the output.
    pub(super) name: String,
    pub(super) what: What,
    /// The reference, and its place in what is picked.
    pub(super) field: String,
    pub(super) slot: usize,
    /// The fields that `top` keeps, by their names; `None`: the whole message.
    pub(super) keep: Option<Vec<(String, usize)>>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum What {
    Count,
    Sum,
    Min,
    Max,
    Mean,
    First,
    Last,
    Distinct,
    Collect(usize),
    Top(usize),
}

/// An entry of `take` as the config has it: read by hand, since for a shape that none of several
/// types has serde only says that.
#[derive(Clone, Debug, Deserialize)]
#[serde(transparent)]
pub(super) struct Given(Value);

impl Given {
    /// What it says; nothing if it is bad.
    pub(super) fn read(&self, name: &str) -> Option<Take> {
        Take::parse(name, &self.0, &mut Place::default())
    }

    /// It, with what it leaves unsaid.
    pub(super) fn basis(&self) -> Value {
        let mut basis = self.0.clone();
        if let Some(map) = basis
            .as_object_mut()
            .filter(|map| map.contains_key("collect"))
        {
            map.entry("max").or_insert(COLLECT.into());
        }
        basis
    }
}

impl ConfigSchema for Given {
    const SCHEMA: Schema = Schema::Text(SCHEMA);

    fn check(&self, _: &Bounds, at: &mut Place) {
        Take::parse("", &self.0, at);
    }
}

impl Take {
    /// Reads one entry of `take`; its faults have been noted if there is nothing.
    fn parse(name: &str, value: &Value, at: &mut Place) -> Option<Self> {
        let mut entry = Entry { name, at };
        match value {
            Value::String(word) if word == "count" => Some(entry.take(What::Count, "")),
            Value::Object(map) => entry.table(map),
            _ => entry.fault(&[], FORMS),
        }
    }

    /// Finds a place for each reference.
    pub(super) fn bind(mut self, fields: &mut Fields) -> Self {
        if self.what != What::Count {
            self.slot = fields.add(&self.field);
        }
        for (reference, slot) in self.keep.iter_mut().flatten() {
            *slot = fields.add(reference);
            *reference = fields::last_name(reference);
        }
        self
    }

    /// The name beside its own under which a count of what was dropped stands.
    pub(super) fn dropped(&self) -> Option<String> {
        matches!(self.what, What::Collect(_)).then(|| format!("{}-dropped", self.name))
    }
}

struct Entry<'a> {
    name: &'a str,
    at: &'a mut Place,
}

impl Entry<'_> {
    fn fault<T>(&mut self, steps: &[&str], message: impl Into<String>) -> Option<T> {
        self.inside(steps, |at| at.fault(message));
        None
    }

    fn inside<T>(&mut self, steps: &[&str], within: impl FnOnce(&mut Place) -> T) -> T {
        match steps {
            [] => within(self.at),
            [step] => self.at.inside(step, within),
            [step, below, ..] => self.at.inside(step, |at| at.inside(below, within)),
        }
    }

    fn take(&self, what: What, field: &str) -> Take {
        Take {
            name: self.name.into(),
            what,
            field: field.into(),
            slot: 0,
            keep: None,
        }
    }

    fn table(&mut self, map: &Map<String, Value>) -> Option<Take> {
        if map.contains_key("collect") {
            self.no_others(map, &["collect", "max"]);
            let max = self.number(map, "max", COLLECT_MAX, Some(COLLECT));
            let field = self.field(map, "collect")?;
            return Some(self.take(What::Collect(max?), field));
        }
        if map.contains_key("top") {
            self.no_others(map, &["top", "by", "keep"]);
            let number = self.number(map, "top", TOP_MAX, None);
            let keep = self.keep(map);
            let field = self.field(map, "by")?;
            let mut take = self.take(What::Top(number?), field);
            take.keep = keep?;
            return Some(take);
        }
        let Some(kind) = PLAIN.into_iter().find(|kind| map.contains_key(*kind)) else {
            return self.fault(&[], FORMS);
        };
        self.no_others(map, &[kind]);
        let what = match kind {
            "sum" => What::Sum,
            "min" => What::Min,
            "max" => What::Max,
            "mean" => What::Mean,
            "first" => What::First,
            "last" => What::Last,
            _ => What::Distinct,
        };
        let field = self.field(map, kind)?;
        Some(self.take(what, field))
    }

    fn no_others(&mut self, map: &Map<String, Value>, known: &[&str]) {
        for key in map.keys().filter(|key| !known.contains(&key.as_str())) {
            let keys = known.join("`, `");
            self.fault::<()>(&[key], format!("`{key}` does not go with `{keys}`"));
        }
    }

    fn field<'m>(&mut self, map: &'m Map<String, Value>, key: &str) -> Option<&'m str> {
        let Some(field) = map.get(key) else {
            return self.fault(&[], format!("`{key}` must say which field"));
        };
        let Some(field) = field.as_str() else {
            return self.fault(&[key], "expected a field's name");
        };
        let good = self.inside(&[key], |at| fields::check(field, at));
        good.then_some(field)
    }

    fn number(
        &mut self,
        map: &Map<String, Value>,
        key: &str,
        most: u64,
        default: Option<u64>,
    ) -> Option<usize> {
        let given = map.get(key).map_or(default, Value::as_u64);
        match given.filter(|given| (1..=most).contains(given)) {
            Some(given) => usize::try_from(given).ok(),
            None => self.fault(&[key], format!("expected an integer from 1 to {most}")),
        }
    }

    /// `Some(None)` if `keep` is absent.
    #[expect(clippy::option_option, reason = "the outer one says that it is bad")]
    fn keep(&mut self, map: &Map<String, Value>) -> Option<Option<Vec<(String, usize)>>> {
        let Some(keep) = map.get("keep") else {
            return Some(None);
        };
        let strings = keep
            .as_array()
            .and_then(|list| list.iter().map(Value::as_str).collect::<Option<Vec<_>>>());
        let Some(references) = strings.filter(|list| (1..=64).contains(&list.len())) else {
            return self.fault(&["keep"], "expected a list of 1 to 64 field names");
        };
        let mut good = true;
        let mut names = std::collections::BTreeSet::new();
        for (at, reference) in references.iter().enumerate() {
            let at = at.to_string();
            good &= self.inside(&["keep", &at], |at| fields::check(reference, at));
            if !names.insert(fields::last_name(reference)) {
                good = false;
                self.fault::<()>(&["keep", &at], "another field has this name already");
            }
        }
        let keep = references
            .into_iter()
            .map(|reference| (reference.into(), 0));
        good.then(|| Some(keep.collect()))
    }
}

const SCHEMA: &str = r#"{
  "anyOf": [
    { "const": "count", "description": "How many messages there were." },
    { "type": "object", "additionalProperties": false, "required": ["sum"], "properties": { "sum": { "type": "string", "minLength": 1, "description": "The field whose numbers are added." } } },
    { "type": "object", "additionalProperties": false, "required": ["min"], "properties": { "min": { "type": "string", "minLength": 1, "description": "The field whose least number is taken." } } },
    { "type": "object", "additionalProperties": false, "required": ["max"], "properties": { "max": { "type": "string", "minLength": 1, "description": "The field whose largest number is taken." } } },
    { "type": "object", "additionalProperties": false, "required": ["mean"], "properties": { "mean": { "type": "string", "minLength": 1, "description": "The field whose arithmetic mean is taken." } } },
    { "type": "object", "additionalProperties": false, "required": ["first"], "properties": { "first": { "type": "string", "minLength": 1, "description": "The field whose first value is taken." } } },
    { "type": "object", "additionalProperties": false, "required": ["last"], "properties": { "last": { "type": "string", "minLength": 1, "description": "The field whose last value is taken." } } },
    { "type": "object", "additionalProperties": false, "required": ["distinct"], "properties": { "distinct": { "type": "string", "minLength": 1, "description": "The field whose different values are counted." } } },
    { "type": "object", "additionalProperties": false, "required": ["collect"], "properties": {
      "collect": { "type": "string", "minLength": 1, "description": "The field whose values are listed." },
      "max": { "type": "integer", "minimum": 1, "maximum": 10000, "default": 100, "description": "Values in the list; the rest is counted under `<name>-dropped`." } } },
    { "type": "object", "additionalProperties": false, "required": ["top", "by"], "properties": {
      "top": { "type": "integer", "minimum": 1, "maximum": 1000, "description": "How many messages are kept." },
      "by": { "type": "string", "minLength": 1, "description": "The field with the number by which they are chosen, the largest first." },
      "keep": { "type": "array", "items": { "type": "string", "minLength": 1 }, "minItems": 1, "maxItems": 64, "description": "The fields kept of them; all of the message by default." } } }
  ]
}"#;
