//! JSON text as values.
//!
//! Strings without escapes are not copied: they share the text's memory. Most messages are read for
//! one or two of their fields, and half of the time went into copies of the others.

use std::rc::Rc;

use bytes::Bytes;
use jaq_json::{Map, Num, Val};

/// Arrays and objects around each other: each takes some of the stack.
const DEPTH: usize = 256;
/// Digits of an integer that surely fits 32 bits.
const SMALL: usize = 9;

/// Reads exactly one value.
///
/// # Errors
/// Where and why the text is no JSON.
pub(crate) fn read(text: Bytes) -> Result<Val, String> {
    let mut reader = Reader { text, at: 0 };
    let value = reader.value(0)?;
    match reader.next() {
        None => Ok(value),
        Some(_) => Err(reader.wrong("the end")),
    }
}

struct Reader {
    text: Bytes,
    at: usize,
}

impl Reader {
    /// The next byte that is not white space, which is not taken.
    fn next(&mut self) -> Option<u8> {
        loop {
            let byte = self.text.get(self.at)?;
            if !matches!(byte, b' ' | b'\n' | b'\r' | b'\t') {
                return Some(*byte);
            }
            self.at += 1;
        }
    }

    #[cold]
    fn wrong(&self, wanted: &str) -> String {
        let rest = self.text.get(self.at..).unwrap_or_default();
        let rest = String::from_utf8_lossy(rest.get(..20).unwrap_or(rest));
        let found = rest.chars().next();
        let found = found.map_or("the end".into(), |c| format!("`{c}`"));
        format!("byte {}: expected {wanted}, found {found}", self.at)
    }

    fn value(&mut self, depth: usize) -> Result<Val, String> {
        match self.next() {
            Some(b'"') => self.string(),
            Some(b'{') => self.object(depth),
            Some(b'[') => self.array(depth),
            Some(b't') => self.word("true", Val::Bool(true)),
            Some(b'f') => self.word("false", Val::Bool(false)),
            Some(b'n') => self.word("null", Val::Null),
            Some(b'-' | b'0'..=b'9') => self.number(),
            _ => Err(self.wrong("a value")),
        }
    }

    fn word(&mut self, word: &str, value: Val) -> Result<Val, String> {
        if self.text[self.at..].starts_with(word.as_bytes()) {
            self.at += word.len();
            return Ok(value);
        }
        Err(self.wrong("a value"))
    }

    /// Goes in, past the bracket.
    fn inside(&mut self, depth: usize) -> Result<usize, String> {
        if depth == DEPTH {
            return Err(self.wrong(&format!(
                "at most {DEPTH} arrays and objects around each other"
            )));
        }
        self.at += 1;
        Ok(depth + 1)
    }

    /// After a value: true if another follows.
    fn another(&mut self, close: u8) -> Result<bool, String> {
        let next = self.next();
        if next != Some(b',') && next != Some(close) {
            return Err(self.wrong(&format!("`,` or `{}`", char::from(close))));
        }
        self.at += 1;
        Ok(next == Some(b','))
    }

    fn array(&mut self, depth: usize) -> Result<Val, String> {
        let depth = self.inside(depth)?;
        let mut items = Vec::new();
        if self.next() == Some(b']') {
            self.at += 1;
            return Ok(Val::Arr(Rc::new(items)));
        }
        loop {
            items.push(self.value(depth)?);
            if !self.another(b']')? {
                return Ok(Val::Arr(Rc::new(items)));
            }
        }
    }

    fn object(&mut self, depth: usize) -> Result<Val, String> {
        let depth = self.inside(depth)?;
        if self.next() == Some(b'}') {
            self.at += 1;
            return Ok(Val::obj(Map::default()));
        }
        // Room for what most objects have, so that their keys are hashed once.
        let mut fields = Map::with_capacity_and_hasher(7, <_>::default());
        loop {
            if self.next() != Some(b'"') {
                return Err(self.wrong("a key"));
            }
            let key = self.string()?;
            if self.next() != Some(b':') {
                return Err(self.wrong("`:`"));
            }
            self.at += 1;
            let value = self.value(depth)?;
            fields.insert(key, value);
            if !self.another(b'}')? {
                return Ok(Val::obj(fields));
            }
        }
    }

    fn string(&mut self) -> Result<Val, String> {
        let start = self.at + 1;
        let mut end = start;
        let mut escaped = false;
        loop {
            match self.text.get(end) {
                Some(b'"') => break,
                Some(b'\\') => {
                    escaped = true;
                    end += 2;
                }
                Some(0x20..) => end += 1,
                _ => {
                    self.at = end.min(self.text.len());
                    return Err(self.wrong("the rest of a string"));
                }
            }
        }
        let whole = start - 1..end + 1;
        self.at = whole.end;
        if !escaped {
            return Ok(Val::utf8_str(self.text.slice(start..end)));
        }
        let unescaped: Result<String, _> = serde_json::from_slice(&self.text[whole]);
        let unescaped =
            unescaped.map_err(|error| format!("a string before byte {end}: {error}"))?;
        Ok(Val::utf8_str(unescaped))
    }

    fn number(&mut self) -> Result<Val, String> {
        let rest = &self.text[self.at..];
        let number = |byte: &&u8| matches!(byte, b'0'..=b'9' | b'+' | b'-' | b'.' | b'e' | b'E');
        let text = &rest[..rest.iter().take_while(number).count()];
        let digits = text.strip_prefix(b"-").unwrap_or(text);
        let integer = digits.iter().all(u8::is_ascii_digit);
        let zeros = digits.len() > 1 && digits.starts_with(b"0") && digits[1].is_ascii_digit();
        if digits.is_empty() || zeros || !(integer || is_decimal(digits)) {
            return Err(self.wrong("a number"));
        }
        let value = if integer && text.len() <= SMALL {
            small(digits, digits.len() < text.len())
        } else {
            None
        };
        let value = match value {
            Some(value) => value,
            None => large(text, integer).ok_or_else(|| self.wrong("a number"))?,
        };
        self.at += text.len();
        Ok(Val::Num(value))
    }
}

/// `1.5`, `1e5`, `1.5E-7`: digits, then a fraction, an exponent or both.
fn is_decimal(text: &[u8]) -> bool {
    let digits = |text: &[u8]| !text.is_empty() && text.iter().all(u8::is_ascii_digit);
    let exponent = text.iter().position(|byte| matches!(byte, b'e' | b'E'));
    let (mantissa, exponent) = match exponent {
        Some(at) => (&text[..at], Some(&text[at + 1..])),
        None => (text, None),
    };
    let mantissa = match mantissa.iter().position(|byte| *byte == b'.') {
        Some(at) => digits(&mantissa[..at]) && digits(&mantissa[at + 1..]),
        None => digits(mantissa),
    };
    let unsigned = |text: &[u8]| {
        digits(
            text.strip_prefix(b"+")
                .or(text.strip_prefix(b"-"))
                .unwrap_or(text),
        )
    };
    mantissa && exponent.is_none_or(unsigned)
}

/// `None` for −0, which is no integer.
fn small(digits: &[u8], negative: bool) -> Option<Num> {
    let add = |sum: isize, digit: &u8| sum * 10 + isize::from(digit - b'0');
    let size = digits.iter().fold(0, add);
    (size != 0 || !negative).then_some(Num::Int(if negative { -size } else { size }))
}

fn large(text: &[u8], integer: bool) -> Option<Num> {
    let text = str::from_utf8(text).ok()?;
    if integer && text != "-0" {
        return Num::from_str_radix(text, 10);
    }
    Some(Num::Dec(Rc::new(text.to_owned())))
}
