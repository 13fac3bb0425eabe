//! Where the columns get their names from.

use std::fmt;

use serde::de::{Error, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use theater_flow_sdk::{ConfigSchema, Member, Schema};

/// Where the columns get their names from.
#[derive(Clone, PartialEq, Default, Debug)]
pub(super) enum Header {
    /// The first record.
    #[default]
    First,
    /// The config.
    Names(Vec<String>),
}

impl<'de> Deserialize<'de> for Header {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(TrueOrNames)
    }
}

impl ConfigSchema for Header {
    const SCHEMA: Schema = Schema::Members(&[Member::AnyOf(&[
        Schema::Text(r#"{"const":true}"#),
        Schema::Text(r#"{"type":"array","items":{"type":"string"},"minItems":1}"#),
    ])]);

    fn json(&self) -> Option<String> {
        match self {
            Self::First => Some("true".into()),
            Self::Names(names) => names.json(),
        }
    }
}

struct TrueOrNames;

impl<'de> Visitor<'de> for TrueOrNames {
    type Value = Header;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("`true` or the list of the columns' names")
    }

    fn visit_bool<E: Error>(self, is_first: bool) -> Result<Header, E> {
        if is_first {
            return Ok(Header::First);
        }
        Err(E::custom(
            "a file without a header needs the names here: header = [\"…\", \"…\"]",
        ))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Header, A::Error> {
        let mut names = Vec::new();
        while let Some(name) = list.next_element()? {
            names.push(name);
        }
        if names.is_empty() {
            return Err(A::Error::custom("expected at least one name"));
        }
        Ok(Header::Names(names))
    }
}
