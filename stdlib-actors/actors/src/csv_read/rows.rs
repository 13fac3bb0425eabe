//! One record: its values, or what is wrong with it.

use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};
use theater_flow_sdk::Typed;

use super::columns::{Cell, Kind};

/// Characters of a wrong value that a reason shows.
const SHOWN_CHARS: usize = 64;

/// A record's values by their columns' names.
#[derive(Debug)]
pub(super) struct Row<'a>(Vec<(&'a str, Cell<'a>)>);

/// What is wrong with a record.
#[derive(PartialEq, Debug)]
pub(super) struct Flawed {
    pub(super) code: &'static str,
    pub(super) reason: String,
}

/// A record that was not sent.
#[derive(Debug, Serialize, Typed)]
pub(super) struct Rejected<'a> {
    line: u64,
    reason: &'a str,
    fields: Vec<std::borrow::Cow<'a, str>>,
}

impl<'a> Row<'a> {
    /// Reads a record as its columns say.
    pub(super) fn read(
        names: &'a [String],
        plan: &[Option<Kind>],
        fields: &[&'a [u8]],
    ) -> Result<Self, Flawed> {
        if fields.len() != names.len() {
            let (has, wants) = (fields.len(), names.len());
            let s = if has == 1 { "" } else { "s" };
            let reason = format!("the record has {has} field{s}, the header has {wants}");
            return Err(Flawed {
                code: "field-count",
                reason,
            });
        }
        let mut row = Vec::with_capacity(fields.len());
        for ((name, kind), field) in names.iter().zip(plan).zip(fields) {
            let Some(kind) = kind else { continue };
            let text = str::from_utf8(field).map_err(|error| {
                let at = error.valid_up_to() + 1;
                let reason = format!("column `{name}`: byte {at} of the value is not UTF-8");
                Flawed {
                    code: "invalid-utf8",
                    reason,
                }
            })?;
            let cell = kind.cell(text).map_err(|expected| {
                let shown: String = text.chars().take(SHOWN_CHARS).collect();
                let more = if shown.len() < text.len() { "…" } else { "" };
                let reason = format!("column `{name}`: expected {expected}, found `{shown}{more}`");
                Flawed {
                    code: "bad-value",
                    reason,
                }
            })?;
            row.extend(cell.map(|cell| (&name[..], cell)));
        }
        Ok(Self(row))
    }
}

impl<'a> Row<'a> {
    /// Adds the line in which the record begins.
    pub(super) fn add_line(&mut self, name: &'a str, line: u64) {
        self.0.push((name, Cell::Natural(line)));
    }
}

impl Serialize for Row<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (name, cell) in &self.0 {
            map.serialize_entry(name, cell)?;
        }
        map.end()
    }
}

impl Flawed {
    /// The record as `rejected` has it.
    pub(super) fn rejected<'a>(&'a self, line: u64, fields: &[&'a [u8]]) -> Rejected<'a> {
        let fields = fields
            .iter()
            .map(|field| String::from_utf8_lossy(field))
            .collect();
        Rejected {
            line,
            reason: &self.reason,
            fields,
        }
    }
}

/// What is wrong with a record of more than `max` bytes.
pub(super) fn too_long(max: usize) -> Flawed {
    let reason = format!("the record has more than {max} bytes");
    Flawed {
        code: "too-long",
        reason,
    }
}

/// What is wrong with a record that the file ends in.
pub(super) fn unclosed() -> Flawed {
    let reason = "a quote is not closed before the end of the file".to_owned();
    Flawed {
        code: "unclosed-quote",
        reason,
    }
}

/// A field as it is used.
pub(super) fn trimmed(field: &[u8], trim: bool) -> &[u8] {
    if trim { field.trim_ascii() } else { field }
}
