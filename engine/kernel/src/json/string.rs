//! What strings mean: escapes, one character, base64.

use alloc::borrow::Cow;
use alloc::format;
use alloc::string::String;

/// Characters of a value that a message or a pointer shows.
const SHOWN: usize = 128;

/// A string that has been read: its text is valid.
#[derive(Clone, Copy)]
pub(super) struct Text<'a> {
    /// What stands between the quotes.
    pub(super) raw: &'a str,
    /// There is a backslash in it.
    pub(super) escaped: bool,
}

impl<'a> Text<'a> {
    /// What the string means.
    pub(super) fn unescaped(self) -> Cow<'a, str> {
        if self.escaped { Cow::Owned(unescape(self.raw)) } else { Cow::Borrowed(self.raw) }
    }
}

#[cold]
fn unescape(raw: &str) -> String {
    let mut out = String::with_capacity(raw.len());
    let mut rest = raw;
    while let Some((before, escape)) = rest.split_once('\\') {
        out.push_str(before);
        let (meant, length) =
            escaped(escape.as_bytes()).unwrap_or((char::REPLACEMENT_CHARACTER, 1));
        out.push(meant);
        rest = escape.get(length..).unwrap_or_default();
    }
    out.push_str(rest);
    out
}

/// Why an escape is refused.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum BadEscape {
    /// No such escape, or it is cut off.
    Unknown,
    /// Half of a surrogate pair.
    LoneSurrogate,
}

/// The character meant by the escape whose backslash stands before `bytes`, and the bytes it takes
/// after that backslash.
pub(super) fn escaped(bytes: &[u8]) -> Result<(char, usize), BadEscape> {
    let meant = match bytes.first() {
        Some(b'"') => '"',
        Some(b'\\') => '\\',
        Some(b'/') => '/',
        Some(b'b') => '\u{8}',
        Some(b'f') => '\u{c}',
        Some(b'n') => '\n',
        Some(b'r') => '\r',
        Some(b't') => '\t',
        Some(b'u') => return by_number(bytes),
        _ => return Err(BadEscape::Unknown),
    };
    Ok((meant, 1))
}

fn by_number(bytes: &[u8]) -> Result<(char, usize), BadEscape> {
    let unit = hex4(bytes.get(1..5)).ok_or(BadEscape::Unknown)?;
    if let Some(meant) = char::from_u32(unit) {
        return Ok((meant, 5));
    }
    let follows = bytes.get(5..7) == Some(br"\u");
    let low = if follows { hex4(bytes.get(7..11)) } else { None };
    match low {
        Some(low @ 0xdc00..=0xdfff) if unit < 0xdc00 => {
            let pair = 0x1_0000 + ((unit - 0xd800) << 10) + (low - 0xdc00);
            Ok((char::from_u32(pair).ok_or(BadEscape::LoneSurrogate)?, 11))
        }
        _ => Err(BadEscape::LoneSurrogate),
    }
}

fn hex4(digits: Option<&[u8]>) -> Option<u32> {
    let [a, b, c, d] = *digits?.first_chunk::<4>()?;
    let [a, b, c, d] = [a, b, c, d].map(nibble);
    let all = a << 12 | b << 8 | c << 4 | d;
    (all <= 0xffff).then_some(all)
}

/// The four bits that a hexadecimal digit stands for, more than 16 bits for what is none.
fn nibble(digit: u8) -> u32 {
    char::from(digit).to_digit(16).unwrap_or(1 << 16)
}

/// True for one Unicode scalar value.
pub(super) fn is_one_char(text: &str) -> bool {
    let mut chars = text.chars();
    chars.next().is_some() && chars.next().is_none()
}

/// True for base64 with padding and with zeros in the bits that hold no data: the one way to write
/// these bytes.
pub(super) fn is_base64(text: &[u8]) -> bool {
    let (groups, rest) = text.as_chunks::<4>();
    let Some((last, whole)) = groups.split_last() else {
        return rest.is_empty();
    };
    rest.is_empty() && are_digits(whole.as_flattened()) && is_last_group(*last)
}

/// True if all are digits of base64, padding not counted.
fn are_digits(text: &[u8]) -> bool {
    let (blocks, rest) = text.as_chunks::<32>();
    // Every byte of a block is looked at, so that it takes a few wide instructions.
    let odd = |block: &[u8; 32]| block.iter().fold(0, |odd, byte| odd | is_no_digit(*byte));
    blocks.iter().all(|block| odd(block) == 0) && rest.iter().all(|byte| is_no_digit(*byte) == 0)
}

/// 0 for a digit of base64, else 1.
fn is_no_digit(byte: u8) -> u8 {
    let letter = u8::from((byte | 0x20).wrapping_sub(b'a') < 26);
    let number = u8::from(byte.wrapping_sub(b'0') < 10);
    (letter | number | u8::from(byte == b'+') | u8::from(byte == b'/')) ^ 1
}

fn is_last_group(group: [u8; 4]) -> bool {
    let [a, b, c, d] = group.map(sextet);
    match group {
        [_, _, b'=', b'='] => a < 64 && b < 64 && b % 16 == 0,
        [_, _, _, b'='] => a < 64 && b < 64 && c < 64 && c % 4 == 0,
        _ => (a | b | c | d) < 64,
    }
}

/// The six bits that a digit stands for, 64 for what is no digit.
fn sextet(digit: u8) -> u8 {
    SEXTETS[digit as usize]
}

const SEXTETS: [u8; 256] = {
    let digits = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut table = [64; 256];
    let mut value = 0_u8;
    while value < 64 {
        table[digits[value as usize] as usize] = value;
        value += 1;
    }
    table
};

/// A text for a message: in quotes, control characters escaped, cut if it is long.
pub(super) fn quoted(text: &str) -> String {
    format!("{:?}", cut(text))
}

/// The first characters of a text, with `…` if there are more.
pub(super) fn cut(text: &str) -> Cow<'_, str> {
    match text.char_indices().nth(SHOWN) {
        Some((end, _)) => Cow::Owned(format!("{}…", text.get(..end).unwrap_or_default())),
        None => Cow::Borrowed(text),
    }
}
