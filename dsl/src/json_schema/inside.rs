//! What a schema asks of the items of an array and of the keys of an object.

use serde_json::{Map, Value};

use super::{Check, Found, SchemaError, Spot, Violation, leaf, words};
use crate::fault::did_you_mean;

impl<'s> Check<'s> {
    /// A schema for a value one step down.
    fn below(&mut self, step: &str, schema: &'s Value, value: &Value) -> Found {
        self.path.push(step.to_owned());
        let found = self.value(schema, value);
        self.path.pop();
        found
    }

    pub(super) fn array(
        &mut self,
        (schema, keywords): (&'s Value, &'s Map<String, Value>),
        items: &[Value],
        found: &mut Vec<Violation>,
    ) -> Result<(), SchemaError> {
        let faults = leaf::counts(keywords, ("minItems", "maxItems"), (items.len(), "items"));
        found.extend(faults.into_iter().map(|message| self.violation(message, schema)));
        if keywords.get("uniqueItems") == Some(&Value::Bool(true)) {
            self.pay(items.iter().map(leaf::weight).sum())?;
            if let Some(at) = leaf::twice(items) {
                let message = format!("item {} is there before", at + 1);
                let path = self.path.iter().cloned().chain([at.to_string()]).collect();
                found.push(Violation { path, ..self.violation(message, schema) });
            }
        }
        for (at, item) in items.iter().enumerate() {
            let of_item = match keywords.get("items") {
                Some(Value::Array(each)) => each.get(at).or(keywords.get("additionalItems")),
                all => all,
            };
            if let Some(of_item) = of_item {
                found.extend(self.below(&at.to_string(), of_item, item)?);
            }
        }
        if let Some(wanted) = keywords.get("contains") {
            for (at, item) in items.iter().enumerate() {
                if self.below(&at.to_string(), wanted, item)?.is_empty() {
                    return Ok(());
                }
            }
            let message = format!("no item is {}", words::describe(wanted));
            found.push(self.violation(message, schema));
        }
        Ok(())
    }

    pub(super) fn object(
        &mut self,
        (schema, keywords): (&'s Value, &'s Map<String, Value>),
        object: &Map<String, Value>,
        found: &mut Vec<Violation>,
    ) -> Result<(), SchemaError> {
        let counted = (object.len(), "keys");
        let faults = leaf::counts(keywords, ("minProperties", "maxProperties"), counted);
        found.extend(faults.into_iter().map(|message| self.violation(message, schema)));
        let known = keywords.get("properties").and_then(Value::as_object);
        if let Some(Value::Array(required)) = keywords.get("required") {
            self.pay(required.len())?;
            for key in required.iter().filter_map(Value::as_str) {
                if !object.contains_key(key) {
                    let of_key = known.and_then(|known| known.get(key)).unwrap_or(&Value::Null);
                    found.push(self.violation(format!("`{key}` is missing"), of_key));
                }
            }
        }
        for (key, value) in object {
            self.property(keywords, key, value, found)?;
        }
        self.dependencies((schema, keywords), object, found)
    }

    fn property(
        &mut self,
        keywords: &'s Map<String, Value>,
        key: &str,
        value: &Value,
        found: &mut Vec<Violation>,
    ) -> Result<(), SchemaError> {
        if let Some(names) = keywords.get("propertyNames") {
            let of_key = self.below(key, names, &Value::String(key.to_owned()))?;
            found.extend(of_key.into_iter().map(|fault| Violation { spot: Spot::Key, ..fault }));
        }
        let known = keywords.get("properties").and_then(Value::as_object);
        let mut is_known = false;
        if let Some(of_key) = known.and_then(|known| known.get(key)) {
            is_known = true;
            found.extend(self.below(key, of_key, value)?);
        }
        for (pattern, of_key) in
            keywords.get("patternProperties").and_then(Value::as_object).into_iter().flatten()
        {
            if self.matches(pattern, key)? {
                is_known = true;
                found.extend(self.below(key, of_key, value)?);
            }
        }
        match keywords.get("additionalProperties") {
            Some(Value::Bool(false)) if !is_known => {
                let path = self.path.iter().cloned().chain([key.to_owned()]).collect();
                let keys = known.into_iter().flat_map(Map::keys).map(String::as_str);
                let (message, help) = (format!("unknown key `{key}`"), did_you_mean(key, keys));
                found.push(Violation { path, spot: Spot::Key, message, help, alien: false });
            }
            Some(rest) if !is_known => found.extend(self.below(key, rest, value)?),
            _ => {}
        }
        Ok(())
    }

    fn dependencies(
        &mut self,
        (schema, keywords): (&'s Value, &'s Map<String, Value>),
        object: &Map<String, Value>,
        found: &mut Vec<Violation>,
    ) -> Result<(), SchemaError> {
        let all = keywords.get("dependencies").and_then(Value::as_object);
        for (key, wanted) in all.into_iter().flatten().filter(|(key, _)| object.contains_key(*key))
        {
            self.pay(1)?;
            let Value::Array(others) = wanted else {
                found.extend(self.value(wanted, &Value::Object(object.clone()))?);
                continue;
            };
            self.pay(others.len())?;
            for other in others.iter().filter_map(Value::as_str) {
                if !object.contains_key(other) {
                    let message = format!("`{other}` is missing: it goes with `{key}`");
                    found.push(self.violation(message, schema));
                }
            }
        }
        Ok(())
    }
}
