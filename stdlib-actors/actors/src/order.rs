//! One order of all JSON values: null < false < true < numbers < strings < lists < objects.
//!
//! A value is written as bytes that compare as the value does, and are equal for equal values
//! however they are spelled: `1`, `1.0` and `1e0` are one number, `"\u0061"` is `"a"`, and the keys of
//! an object have no order. So one form serves for groups, for what was seen before, and for sorting.
//! No value's bytes are the beginning of another's.

use std::borrow::Cow;
use std::cmp::Ordering;

use serde::{Deserialize, Serialize, Serializer};
use serde_json::value::RawValue;
use theater_flow_sdk::Fault;

#[cfg(test)]
mod tests;

const END: u8 = 0;
const NULL: u8 = 1;
const FALSE: u8 = 2;
const TRUE: u8 = 3;
const NUMBER: u8 = 4;
const STRING: u8 = 5;
const LIST: u8 = 6;
const OBJECT: u8 = 7;

/// Adds a value's bytes; nothing is `null`.
///
/// # Errors
/// `bad-message` if there is a string that is no text: a lone surrogate.
pub(crate) fn encode(value: Option<&RawValue>, into: &mut Vec<u8>) -> Result<(), Fault> {
    let text = value.map_or("null", RawValue::get);
    add(text, into).map_err(|error| Fault::new("bad-message", format!("a field: {error}")))
}

/// Adds a value's bytes so that what is larger comes first.
///
/// # Errors
/// As [`encode`].
pub(crate) fn encode_descending(value: Option<&RawValue>, into: &mut Vec<u8>) -> Result<(), Fault> {
    let start = into.len();
    encode(value, into)?;
    for byte in &mut into[start..] {
        *byte = !*byte;
    }
    Ok(())
}

fn add(text: &str, into: &mut Vec<u8>) -> serde_json::Result<()> {
    match text.as_bytes().first() {
        Some(b'n') => into.push(NULL),
        Some(b'f') => into.push(FALSE),
        Some(b't') => into.push(TRUE),
        Some(b'"') => {
            into.push(STRING);
            add_text(&unquoted(text)?, into);
        }
        Some(b'[') => add_list(text, into)?,
        Some(b'{') => add_object(text, into)?,
        _ => {
            let (whole, rest) = Number::parse(text).unwrap_or(Number::Whole(0)).place();
            into.push(NUMBER);
            into.extend_from_slice(&whole.to_be_bytes());
            into.extend_from_slice(&rest.to_be_bytes());
        }
    }
    Ok(())
}

fn unquoted(text: &str) -> serde_json::Result<Cow<'_, str>> {
    let inside = text.get(1..text.len().saturating_sub(1));
    match inside {
        Some(inside) if memchr::memchr(b'\\', inside.as_bytes()).is_none() => Ok(inside.into()),
        _ => serde_json::from_str::<String>(text).map(Cow::Owned),
    }
}

/// The end is less than anything that can follow, so that a string comes before its continuations.
fn add_text(text: &str, into: &mut Vec<u8>) {
    let mut rest = text.as_bytes();
    while let Some(zero) = memchr::memchr(0, rest) {
        into.extend_from_slice(&rest[..zero]);
        into.extend_from_slice(&[0, 0xFF]);
        rest = &rest[zero + 1..];
    }
    into.extend_from_slice(rest);
    into.extend_from_slice(&[END, END]);
}

fn add_list(text: &str, into: &mut Vec<u8>) -> serde_json::Result<()> {
    let items: Vec<&RawValue> = serde_json::from_str(text)?;
    into.push(LIST);
    for item in items {
        add(item.get(), into)?;
    }
    into.push(END);
    Ok(())
}

/// Objects compare by their sorted keys first, then by their values in that order.
fn add_object(text: &str, into: &mut Vec<u8>) -> serde_json::Result<()> {
    let values: std::collections::BTreeMap<String, &RawValue> = serde_json::from_str(text)?;
    into.push(OBJECT);
    for key in values.keys() {
        into.push(STRING);
        add_text(key, into);
    }
    into.push(END);
    for value in values.values() {
        add(value.get(), into)?;
    }
    Ok(())
}

/// A number of a message, exactly as it is written.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(crate) enum Number {
    /// Within −2^63 to 2^64 − 1.
    Whole(i128),
    /// Any other: the nearest double. By its bits, since text would have to be read back exactly.
    #[serde(with = "bits")]
    Real(f64),
}

impl Number {
    /// A number of JSON text; `None` for any other value.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        if !text.starts_with(|c: char| c == '-' || c.is_ascii_digit()) {
            return None;
        }
        if let Ok(number) = text.parse::<i64>() {
            return Some(Self::Whole(number.into()));
        }
        if let Ok(number) = text.parse::<u64>() {
            return Some(Self::Whole(number.into()));
        }
        text.parse().ok().map(Self::Real)
    }

    /// The nearest double.
    #[expect(clippy::cast_precision_loss, reason = "what it is for")]
    pub(crate) const fn real(self) -> f64 {
        match self {
            Self::Whole(number) => number as f64,
            Self::Real(number) => number,
        }
    }

    /// Where a number stands among all: the nearest double, as bits that compare as it does, and how
    /// far the number is above or below it. Rounding keeps the order, so the distance has to
    /// decide only between numbers of one double, and it is at most 2^10.
    #[expect(
        clippy::cast_possible_truncation,
        reason = "a double next to a number below 2^64 is no larger than 2^64"
    )]
    fn place(self) -> (u64, u16) {
        let real = self.real();
        let far = match self {
            Self::Whole(number) => number - real as i128,
            Self::Real(_) => 0,
        };
        // Zero has two spellings; everything below it counts down from the middle.
        let bits = if real == 0.0 { 0 } else { real.to_bits() };
        let bits = if bits >> 63 == 0 {
            bits | 1 << 63
        } else {
            !bits
        };
        let far = u16::try_from(far + (1 << 15)).unwrap_or(u16::MAX);
        (bits, far)
    }
}

impl Ord for Number {
    fn cmp(&self, other: &Self) -> Ordering {
        self.place().cmp(&other.place())
    }
}

impl PartialOrd for Number {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Number {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Number {}

impl Number {
    /// Writes it as a number of JSON: an integer that is out of their range as the nearest double.
    pub(crate) fn show<S: Serializer>(self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self::Whole(number) = self else {
            return serializer.serialize_f64(self.real());
        };
        match (i64::try_from(number), u64::try_from(number)) {
            (Ok(number), _) => serializer.serialize_i64(number),
            (_, Ok(number)) => serializer.serialize_u64(number),
            _ => serializer.serialize_f64(self.real()),
        }
    }
}

/// Doubles in a snapshot.
pub(crate) mod bits {
    use serde::{Deserialize, Deserializer, Serializer};

    #[expect(
        clippy::trivially_copy_pass_by_ref,
        reason = "serde passes a reference"
    )]
    pub(crate) fn serialize<S: Serializer>(real: &f64, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u64(real.to_bits())
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
        u64::deserialize(deserializer).map(f64::from_bits)
    }
}
