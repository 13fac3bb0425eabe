//! JSON numbers: what the text says, and which types it is a value of.

use alloc::borrow::Cow;

use crate::types::Type;

use super::string::cut;

/// A range of integers, from −`below` to `above`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Range {
    pub(crate) below: u64,
    pub(crate) above: u64,
}

impl Range {
    /// True if every integer of this range is in `other`.
    pub(crate) fn is_within(self, other: Self) -> bool {
        self.below <= other.below && self.above <= other.above
    }

    const fn even(limit: u64) -> Self {
        Self { below: limit, above: limit }
    }
}

/// Integers that an `f32` holds exactly, with all between them.
const F32_EXACT: Range = Range::even(1 << 24);
/// As [`F32_EXACT`], for `f64`.
const F64_EXACT: Range = Range::even(1 << 53);
/// Integers of `json`: what an `s64` or a `u64` holds.
const JSON: Range = Range { below: 1 << 63, above: u64::MAX };

/// The integers of an integer type.
pub(crate) fn range(ty: &Type) -> Option<Range> {
    let unsigned = |above| Some(Range { below: 0, above });
    let signed = |below| Some(Range { below, above: below - 1 });
    match ty {
        Type::U8 => unsigned(u64::from(u8::MAX)),
        Type::U16 => unsigned(u64::from(u16::MAX)),
        Type::U32 => unsigned(u64::from(u32::MAX)),
        Type::U64 => unsigned(u64::MAX),
        Type::S8 => signed(1 << 7),
        Type::S16 => signed(1 << 15),
        Type::S32 => signed(1 << 31),
        Type::S64 => signed(1 << 63),
        _ => None,
    }
}

/// The integers that may be written without a point for this float type.
pub(crate) fn exact_range(ty: &Type) -> Option<Range> {
    match ty {
        Type::F32 => Some(F32_EXACT),
        Type::F64 => Some(F64_EXACT),
        _ => None,
    }
}

/// A number as it is written.
pub(super) struct Number<'a> {
    text: &'a str,
    kind: Kind,
}

enum Kind {
    /// Without point and exponent. `size` is `None` from 2^64 on.
    Integer { negative: bool, size: Option<u64> },
    /// With a point or an exponent. Without its sign it is below ten to the power of `below`.
    Double { below: i64 },
}

/// Below ten to this power every number is finite as an `f32`.
const F32_BELOW: i64 = 38;
/// As [`F32_BELOW`], for `f64`.
const F64_BELOW: i64 = 308;

impl<'a> Number<'a> {
    /// The number at the start of `text`, `None` if there is none. What comes after it is not looked at.
    pub(super) fn read(text: &'a str) -> Option<Self> {
        let bytes = text.as_bytes();
        let at = |place: usize| bytes.get(place).copied();
        let negative = at(0) == Some(b'-');
        let start = usize::from(negative);
        let (digits, size) = integer(bytes.get(start..)?);
        if digits == 0 || (digits > 1 && at(start) == Some(b'0')) {
            return None;
        }
        let mut end = start + digits;
        let point = at(end) == Some(b'.');
        if point {
            end = after_digits(bytes, end + 1)?;
        }
        let mut power = None;
        if matches!(at(end), Some(b'e' | b'E')) {
            let sign = usize::from(matches!(at(end + 1), Some(b'+' | b'-')));
            let first = end + 1 + sign;
            end = after_digits(bytes, first)?;
            let negative = sign == 1 && at(first - 1) == Some(b'-');
            power = Some(exponent(bytes.get(first..end)?, negative));
        }
        let kind = if point || power.is_some() {
            let whole = i64::try_from(digits).unwrap_or(i64::MAX);
            Kind::Double { below: whole.saturating_add(power.unwrap_or(0)) }
        } else {
            Kind::Integer { negative, size }
        };
        Some(Self { text: text.get(..end)?, kind })
    }

    /// Its length in bytes.
    pub(super) fn len(&self) -> usize {
        self.text.len()
    }

    /// Its text for a message.
    pub(super) fn shown(&self) -> Cow<'a, str> {
        cut(self.text)
    }

    pub(super) fn is_integer(&self) -> bool {
        matches!(self.kind, Kind::Integer { .. })
    }

    pub(super) fn is_minus_zero(&self) -> bool {
        matches!(self.kind, Kind::Integer { negative: true, size: Some(0) })
    }

    /// True for an integer of the range, `-0` being none.
    pub(super) fn within(&self, range: Range) -> bool {
        self.fits(range) && !self.is_minus_zero()
    }

    fn fits(&self, range: Range) -> bool {
        match self.kind {
            Kind::Integer { negative: true, size: Some(size) } => size <= range.below,
            Kind::Integer { negative: false, size: Some(size) } => size <= range.above,
            _ => false,
        }
    }

    pub(super) fn is_f32(&self) -> bool {
        match self.kind {
            Kind::Integer { .. } => self.fits(F32_EXACT),
            Kind::Double { below } => {
                below <= F32_BELOW || self.text.parse().is_ok_and(f32::is_finite)
            }
        }
    }

    pub(super) fn is_f64(&self) -> bool {
        self.double_or(F64_EXACT)
    }

    /// True for what the type `json` takes.
    pub(super) fn is_json(&self) -> bool {
        self.double_or(JSON)
    }

    fn double_or(&self, range: Range) -> bool {
        match self.kind {
            Kind::Integer { .. } => self.fits(range),
            Kind::Double { below } => {
                below <= F64_BELOW || self.text.parse().is_ok_and(f64::is_finite)
            }
        }
    }
}

/// How many digits `bytes` starts with, and their value if it is below 2^64.
fn integer(bytes: &[u8]) -> (usize, Option<u64>) {
    /// No number of so many digits is beyond a `u64`.
    const SURE: usize = 19;
    let (mut digits, mut size) = (0, 0_u64);
    for byte in bytes {
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 {
            break;
        }
        size = size.wrapping_mul(10).wrapping_add(u64::from(digit));
        digits += 1;
    }
    (digits, if digits <= SURE { Some(size) } else { long_integer(&bytes[..digits]) })
}

#[cold]
fn long_integer(digits: &[u8]) -> Option<u64> {
    let more = |size: u64, digit: &u8| size.checked_mul(10)?.checked_add(u64::from(digit - b'0'));
    digits.iter().try_fold(0, more)
}

/// What an exponent's digits say. Beyond what any power of a type needs it stops growing.
fn exponent(digits: &[u8], negative: bool) -> i64 {
    const ENOUGH: i64 = 1 << 32;
    let more = |all: i64, digit: &u8| (all * 10 + i64::from(digit - b'0')).min(ENOUGH);
    let size = digits.iter().fold(0, more);
    if negative { -size } else { size }
}

/// How many digits `bytes` starts with.
fn digits(bytes: &[u8]) -> usize {
    bytes.iter().position(|byte| !byte.is_ascii_digit()).unwrap_or(bytes.len())
}

/// The end of the digits that start at `start`, `None` if there are none.
fn after_digits(bytes: &[u8], start: usize) -> Option<usize> {
    let digits = digits(bytes.get(start..)?);
    (digits > 0).then_some(start + digits)
}
