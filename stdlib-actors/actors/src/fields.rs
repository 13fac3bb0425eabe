//! Fields of a message, named in a config and picked out of JSON text without building a value.
//!
//! A reference is a name (`status`), names with dots between them (`request.status`), or a JSON
//! pointer (`/request/user agent`) for names that hold dots. A step into a list is a position.

use std::fmt;

use serde::de::{DeserializeSeed, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;
use theater_flow_sdk::{Bounds, ConfigSchema, Fault, Member, Message, Place, Schema};

#[cfg(test)]
mod tests;

/// What stands at each reference, `None` if that is nothing or `null`.
pub(crate) type Picked<'m> = Vec<Option<&'m RawValue>>;

/// References as one tree, so that a message is read once.
#[derive(Default, Debug)]
pub(crate) struct Fields {
    root: Node,
    count: usize,
}

#[derive(Default, Debug)]
struct Node {
    /// The references that end here.
    ends: Vec<usize>,
    steps: Vec<(String, Node)>,
}

/// The steps of a reference, or what is wrong with it.
fn steps(reference: &str) -> Result<Vec<String>, &'static str> {
    let Some(pointer) = reference.strip_prefix('/') else {
        let steps: Vec<String> = reference.split('.').map(str::to_owned).collect();
        let whole = steps.iter().all(|step| !step.is_empty());
        return if whole { Ok(steps) } else { Err(EMPTY) };
    };
    let step = |step: &str| {
        let plain = step.replace("~0", "").replace("~1", "");
        let good = !plain.contains('~');
        good.then(|| step.replace("~1", "/").replace("~0", "~"))
            .ok_or(TILDE)
    };
    pointer.split('/').map(step).collect()
}

const EMPTY: &str = "a field is a name, names with dots between them, or a JSON pointer that \
                     begins with `/`; no name may be empty";
const TILDE: &str = "in a JSON pointer `~` stands only in `~0` for `~` and `~1` for `/`";

/// The name that a field has in an output: the last step of its reference.
pub(crate) fn last_name(reference: &str) -> String {
    let steps = steps(reference).unwrap_or_default();
    steps.into_iter().next_back().unwrap_or_default()
}

/// A reference as a config has it.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
#[serde(transparent)]
pub(crate) struct Reference(String);

impl Reference {
    /// Its text.
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl ConfigSchema for Reference {
    const SCHEMA: Schema = Schema::Members(&[
        Member::Json("type", "\"string\""),
        Member::Json("minLength", "1"),
    ]);

    fn check(&self, _: &Bounds, at: &mut Place) {
        check(&self.0, at);
    }
}

/// Says what is wrong with a reference; true if that is nothing.
pub(crate) fn check(reference: &str, at: &mut Place) -> bool {
    let wrong = steps(reference).err();
    if let Some(message) = wrong {
        at.fault(format!("`{reference}`: {message}"));
    }
    wrong.is_none()
}

impl Fields {
    /// References that were checked; a bad one is never found.
    pub(crate) fn new<'r>(references: impl IntoIterator<Item = &'r str>) -> Self {
        let mut fields = Self::default();
        for reference in references {
            fields.add(reference);
        }
        fields
    }

    /// Adds a reference and gives its place in what is picked.
    pub(crate) fn add(&mut self, reference: &str) -> usize {
        let end = self.count;
        self.count += 1;
        if let Ok(steps) = steps(reference) {
            let mut node = &mut self.root;
            for step in steps {
                let known = node.steps.iter().position(|(name, _)| *name == step);
                let at = known.unwrap_or_else(|| {
                    node.steps.push((step, Node::default()));
                    node.steps.len() - 1
                });
                node = &mut node.steps[at].1;
            }
            node.ends.push(end);
        }
        end
    }

    /// What stands in a message.
    ///
    /// # Errors
    /// `bad-message` if it is not JSON.
    pub(crate) fn pick<'m>(&self, message: &'m Message) -> Result<Picked<'m>, Fault> {
        let mut found = vec![None; self.count];
        if self.count > 0 {
            walk(&self.root, &message.body, &mut found).map_err(|error| {
                let text = format!("a message on `{}`: {error}", message.port);
                Fault::new("bad-message", text)
            })?;
        }
        Ok(found)
    }
}

fn walk<'m>(
    node: &Node,
    text: &'m str,
    found: &mut [Option<&'m RawValue>],
) -> serde_json::Result<()> {
    let mut reader = serde_json::Deserializer::from_str(text);
    Walk { node, found }.deserialize(&mut reader)?;
    reader.end()
}

/// Reads the value that stands at a node.
struct Walk<'n, 'f, 'de> {
    node: &'n Node,
    found: &'f mut [Option<&'de RawValue>],
}

impl<'de> DeserializeSeed<'de> for Walk<'_, '_, 'de> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        if self.node.ends.is_empty() {
            return deserializer.deserialize_any(self);
        }
        let value = <&RawValue>::deserialize(deserializer)?;
        let kept = (value.get() != "null").then_some(value);
        for end in &self.node.ends {
            self.found[*end] = kept;
        }
        if self.node.steps.is_empty() {
            return Ok(());
        }
        // Another reference goes on from here, and that is rare: its part is read again.
        let mut reader = serde_json::Deserializer::from_str(value.get());
        reader.deserialize_any(self).map_err(D::Error::custom)
    }
}

/// A value that no reference leads into has no fields: there is nothing to find.
impl<'de> Visitor<'de> for Walk<'_, '_, 'de> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<(), M::Error> {
        while let Some(step) = map.next_key_seed(Step(self.node))? {
            match step {
                Some(node) => {
                    let found = &mut *self.found;
                    map.next_value_seed(Walk { node, found })?;
                }
                None => map.next_value::<IgnoredAny>().map(|_| ())?,
            }
        }
        Ok(())
    }

    fn visit_seq<S: SeqAccess<'de>>(self, mut items: S) -> Result<(), S::Error> {
        for at in 0_usize.. {
            let more = match self.node.item(at) {
                Some(node) => {
                    let found = &mut *self.found;
                    items.next_element_seed(Walk { node, found })?.is_some()
                }
                None => items.next_element::<IgnoredAny>()?.is_some(),
            };
            if !more {
                break;
            }
        }
        Ok(())
    }

    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E>(self, _: u64) -> Result<(), E> {
        Ok(())
    }

    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        Ok(())
    }

    fn visit_str<E>(self, _: &str) -> Result<(), E> {
        Ok(())
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }
}

impl Node {
    fn step(&self, name: &str) -> Option<&Self> {
        let step = self.steps.iter().find(|(step, _)| step == name);
        step.map(|(_, node)| node)
    }

    fn item(&self, at: usize) -> Option<&Self> {
        let is_at = |step: &str| step.parse() == Ok(at) && (step == "0" || !step.starts_with('0'));
        let step = self.steps.iter().find(|(step, _)| is_at(step));
        step.map(|(_, node)| node)
    }
}

/// Reads a key as the step that it is, without keeping its text.
struct Step<'n>(&'n Node);

impl<'de, 'n> DeserializeSeed<'de> for Step<'n> {
    type Value = Option<&'n Node>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl<'n> Visitor<'_> for Step<'n> {
    type Value = Option<&'n Node>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key")
    }

    fn visit_str<E>(self, name: &str) -> Result<Self::Value, E> {
        Ok(self.0.step(name))
    }
}
