//! Patterns of paths: one, or a list of them.

use std::fmt;

use globset::{GlobBuilder, GlobSet, GlobSetBuilder};
use serde::de::{Error, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use theater_flow_sdk::{Bounds, ConfigSchema, Measure, Member, Place, Schema};

/// The most patterns of one list; the schema says so too.
const MAX: usize = 256;

/// Patterns as the config has them.
#[derive(Clone, Default, Debug)]
pub(super) struct Globs {
    patterns: Vec<String>,
    /// It was one pattern and no list.
    alone: bool,
}

impl Globs {
    /// One pattern, as it stands alone in a config.
    pub(super) fn one(pattern: &str) -> Self {
        Self {
            patterns: vec![pattern.to_owned()],
            alone: true,
        }
    }

    /// All patterns as one. `*` and `?` stay within a name, `**` goes over any number of folders.
    ///
    /// # Errors
    /// What is wrong with one of them, or with all together.
    pub(super) fn set(&self) -> Result<GlobSet, String> {
        let mut set = GlobSetBuilder::new();
        for pattern in &self.patterns {
            set.add(read(pattern)?);
        }
        set.build().map_err(|error| error.kind().to_string())
    }
}

impl ConfigSchema for Globs {
    const SCHEMA: Schema = Schema::Members(&[Member::AnyOf(&[
        String::SCHEMA,
        Schema::Text(r#"{"type":"array","items":{"type":"string"},"maxItems":256}"#),
    ])]);
    const MEASURE: Measure = Measure::Items;

    fn check(&self, bounds: &Bounds, at: &mut Place) {
        bounds.check_len(self.patterns.len(), at);
        let mut good = true;
        for (nth, pattern) in self.patterns.iter().enumerate() {
            let Err(message) = read(pattern) else {
                continue;
            };
            good = false;
            if self.alone {
                at.fault(message);
            } else {
                at.inside(&nth.to_string(), |at| at.fault(message));
            }
        }
        // Each is fine; together they may be too much for one automaton.
        if let (true, Err(message)) = (good, self.set()) {
            at.fault(message);
        }
    }

    fn json(&self) -> Option<String> {
        if self.alone {
            self.patterns.first()?.json()
        } else {
            self.patterns.json()
        }
    }
}

fn read(pattern: &str) -> Result<globset::Glob, String> {
    if pattern.is_empty() {
        return Err("a pattern cannot be empty; `**/*` is every file".to_owned());
    }
    if pattern.starts_with('/') || pattern.starts_with("./") {
        return Err(format!(
            "`{pattern}` matches nothing: patterns are of paths below the root"
        ));
    }
    let glob = GlobBuilder::new(pattern).literal_separator(true).build();
    glob.map_err(|error| format!("`{pattern}` is not a pattern: {}", error.kind()))
}

impl<'de> Deserialize<'de> for Globs {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(OneOrMore)
    }
}

struct OneOrMore;

impl<'de> Visitor<'de> for OneOrMore {
    type Value = Globs;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a pattern or a list of patterns")
    }

    fn visit_str<E: Error>(self, pattern: &str) -> Result<Globs, E> {
        Ok(Globs::one(pattern))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Globs, A::Error> {
        let mut patterns = Vec::new();
        while let Some(pattern) = list.next_element()? {
            if patterns.len() == MAX {
                return Err(A::Error::custom(format!("expected at most {MAX} patterns")));
            }
            patterns.push(pattern);
        }
        Ok(Globs {
            patterns,
            alone: false,
        })
    }
}
