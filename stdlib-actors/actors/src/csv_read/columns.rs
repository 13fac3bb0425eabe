//! The columns of a table: which there are, and what their values are to become.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::{Serialize, Serializer};
use theater_flow_sdk::ConfigFault;

/// What the values of a column become.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(super) struct Kind {
    of: Of,
    /// An empty field is no value.
    optional: bool,
}

#[derive(Clone, Copy, PartialEq, Debug)]
enum Of {
    Text,
    Bool,
    Whole { least: i64, most: u64 },
    Double,
}

/// A value as JSON.
#[derive(PartialEq, Debug)]
pub(super) enum Cell<'a> {
    Text(Cow<'a, str>),
    Bool(bool),
    Natural(u64),
    Whole(i64),
    Double(f64),
}

const WORDS: &str =
    "expected string, bool, u8 to u64, s8 to s64, f64, or option<…> of one of these";

impl Kind {
    /// Text as it is.
    pub(super) const TEXT: Self = Self {
        of: Of::Text,
        optional: false,
    };

    /// Reads a type word.
    pub(super) fn read(word: &str) -> Result<Self, String> {
        let word = word.trim();
        let inner = word
            .strip_prefix("option<")
            .and_then(|rest| rest.strip_suffix('>'));
        let signed = |least: i64, most: i64| Of::Whole {
            least,
            most: most.unsigned_abs(),
        };
        let natural = |most| Of::Whole { least: 0, most };
        let of = match inner.unwrap_or(word).trim() {
            "string" => Of::Text,
            "bool" => Of::Bool,
            "f64" => Of::Double,
            "u8" => natural(u8::MAX.into()),
            "u16" => natural(u16::MAX.into()),
            "u32" => natural(u32::MAX.into()),
            "u64" => natural(u64::MAX),
            "s8" => signed(i8::MIN.into(), i8::MAX.into()),
            "s16" => signed(i16::MIN.into(), i16::MAX.into()),
            "s32" => signed(i32::MIN.into(), i32::MAX.into()),
            "s64" => signed(i64::MIN, i64::MAX),
            _ => return Err(format!("`{word}` is no type for a column: {WORDS}")),
        };
        let optional = inner.is_some();
        Ok(Self { of, optional })
    }

    /// The value of a field, `None` if there is none.
    ///
    /// # Errors
    /// What was expected.
    pub(super) fn cell(self, field: &str) -> Result<Option<Cell<'_>>, String> {
        if self.optional && field.is_empty() {
            return Ok(None);
        }
        let cell = match self.of {
            Of::Text => Some(Cell::Text(field.into())),
            Of::Bool => field.parse().ok().map(Cell::Bool),
            Of::Whole { least, most } => whole(field, least, most),
            Of::Double => double(field).map(Cell::Double),
        };
        cell.map(Some).ok_or_else(|| self.expected())
    }

    fn expected(self) -> String {
        match self.of {
            Of::Text => "text".to_owned(),
            Of::Bool => "`true` or `false`".to_owned(),
            Of::Whole { least, most } => format!("a whole number from {least} to {most}"),
            Of::Double => "a number".to_owned(),
        }
    }
}

fn whole<'a>(field: &str, least: i64, most: u64) -> Option<Cell<'a>> {
    if let Ok(number) = field.parse::<u64>() {
        return (number <= most).then_some(Cell::Natural(number));
    }
    let number: i64 = field.parse().ok()?;
    (number >= least).then_some(Cell::Whole(number))
}

/// JSON has neither infinities nor what is no number.
fn double(field: &str) -> Option<f64> {
    let is_digits = |c: char| c.is_ascii_digit() || matches!(c, '.' | '-' | '+' | 'e' | 'E');
    let number: f64 = field.chars().all(is_digits).then(|| field.parse().ok())??;
    number.is_finite().then_some(number)
}

impl Serialize for Cell<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Text(text) => serializer.serialize_str(text),
            Self::Bool(value) => serializer.serialize_bool(*value),
            Self::Natural(number) => serializer.serialize_u64(*number),
            Self::Whole(number) => serializer.serialize_i64(*number),
            Self::Double(number) => serializer.serialize_f64(*number),
        }
    }
}

/// Checks a name of a record's field.
///
/// # Errors
/// What is wrong with it.
pub(super) fn check_name(name: &str) -> Result<(), String> {
    let inside = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    let begins = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
    if begins && name.chars().all(inside) {
        return Ok(());
    }
    Err(format!(
        "`{name}` cannot name a record's field, which has ASCII letters, digits, `_` and `-`"
    ))
}

/// Checks the table of columns.
pub(super) fn check(columns: &BTreeMap<String, String>, faults: &mut Vec<ConfigFault>) {
    for (name, word) in columns {
        if let Err(message) = check_name(name) {
            let message =
                format!("{message}; leave `columns` out for JSON objects, whose names are free");
            faults.push(ConfigFault::at(&["columns", name], message));
        }
        if let Err(message) = Kind::read(word) {
            faults.push(ConfigFault::at(&["columns", name], message));
        }
    }
}

/// What becomes of each field of a record: `None` if it is dropped.
pub(super) type Plan = Vec<Option<Kind>>;

/// Compares a header with the table of columns.
///
/// # Errors
/// All that is wrong with the header.
pub(super) fn plan(
    header: &[String],
    columns: Option<&BTreeMap<String, String>>,
    drops_extra: bool,
) -> Result<Plan, String> {
    let mut wrong = Vec::new();
    for (nth, name) in header.iter().enumerate() {
        if header[..nth].contains(name) {
            wrong.push(format!("the column `{name}` stands there twice"));
        }
    }
    let Some(columns) = columns else {
        let all = header.iter().map(|_| Some(Kind::TEXT)).collect();
        return if wrong.is_empty() {
            Ok(all)
        } else {
            Err(wrong.join("; "))
        };
    };
    for name in columns.keys().filter(|name| !header.contains(name)) {
        wrong.push(format!("the column `{name}` is missing"));
    }
    let kind = |name: &String| columns.get(name).and_then(|word| Kind::read(word).ok());
    let plan: Plan = header.iter().map(kind).collect();
    if !drops_extra {
        let extra = header.iter().filter(|name| !columns.contains_key(*name));
        wrong.extend(extra.map(|name| format!("the column `{name}` is not in `columns`")));
    }
    if wrong.is_empty() {
        Ok(plan)
    } else {
        Err(wrong.join("; "))
    }
}
