//! Patterns of paths: one, or a list of them.

use std::fmt;

use globset::{GlobBuilder, GlobSet, GlobSetBuilder};
use serde::de::{Error, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use theater_flow_sdk::ConfigFault;

/// The most patterns of one list.
const MAX: usize = 256;

/// Patterns as the config has them.
#[derive(Clone, Default, Debug)]
pub(super) struct Globs {
    patterns: Vec<String>,
    /// It was one pattern and no list.
    alone: bool,
}

impl From<Vec<String>> for Globs {
    fn from(patterns: Vec<String>) -> Self {
        Self {
            patterns,
            alone: false,
        }
    }
}

impl Globs {
    pub(super) fn is_empty(&self) -> bool {
        self.patterns.is_empty()
    }

    /// All patterns as one. `*` and `?` stay within a name, `**` goes over any number of folders.
    ///
    /// # Errors
    /// Every pattern that cannot be read, at its place below the config key `key`.
    pub(super) fn set(&self, key: &str) -> Result<GlobSet, Vec<ConfigFault>> {
        let (mut set, mut faults) = (GlobSetBuilder::new(), Vec::new());
        for (nth, pattern) in self.patterns.iter().enumerate() {
            let nth = nth.to_string();
            let steps: &[&str] = if self.alone { &[key] } else { &[key, &nth] };
            match read(pattern) {
                Ok(glob) => {
                    set.add(glob);
                }
                Err(message) => faults.push(ConfigFault::at(steps, message)),
            }
        }
        if !faults.is_empty() {
            return Err(faults);
        }
        // Together they may be too much for one automaton.
        set.build()
            .map_err(|error| vec![ConfigFault::at(&[key], error.kind().to_string())])
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
        Ok(Globs {
            patterns: vec![pattern.to_owned()],
            alone: true,
        })
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
