//! JSON whose fields stand in the order they were put in, and that can hold another's JSON unchanged.

use std::fmt::{self, Display, Formatter};

use crate::render::escape::escape_json;

/// The fields of an object, in order.
pub type Fields = Vec<(&'static str, Json)>;

/// A JSON value. `Display` writes it on one line.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Json {
    /// `null`.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A whole number.
    Number(u64),
    /// A string.
    Text(String),
    /// JSON text that someone else wrote and that is known to be right.
    Raw(String),
    /// An array.
    List(Vec<Json>),
    /// An object.
    Object(Fields),
}

impl Json {
    /// A string.
    #[must_use]
    pub fn text(text: impl Display) -> Self {
        Self::Text(text.to_string())
    }

    /// JSON text as it stands; `None` if it is not JSON.
    #[must_use]
    pub fn raw(bytes: &[u8]) -> Option<Self> {
        serde_json::from_slice::<serde::de::IgnoredAny>(bytes).ok()?;
        Some(Self::Raw(String::from_utf8(bytes.to_vec()).ok()?))
    }

    /// Text as such, other bytes as base64 behind that word.
    #[must_use]
    pub fn bytes(bytes: &[u8]) -> (&'static str, Self) {
        match str::from_utf8(bytes) {
            Ok(text) => ("text", Self::text(text)),
            Err(_) => ("base64", Self::Text(base64(bytes))),
        }
    }

    /// The field of an object.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Self> {
        match self {
            Self::Object(fields) => {
                fields.iter().find(|(key, _)| *key == name).map(|(_, value)| value)
            }
            _ => None,
        }
    }
}

impl From<u64> for Json {
    fn from(number: u64) -> Self {
        Self::Number(number)
    }
}

impl From<u32> for Json {
    fn from(number: u32) -> Self {
        Self::Number(number.into())
    }
}

impl From<bool> for Json {
    fn from(is: bool) -> Self {
        Self::Bool(is)
    }
}

impl<T: Into<Self>> From<Option<T>> for Json {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}

impl FromIterator<Self> for Json {
    fn from_iter<I: IntoIterator<Item = Self>>(values: I) -> Self {
        Self::List(values.into_iter().collect())
    }
}

impl Display for Json {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Null => f.write_str("null"),
            Self::Bool(is) => write!(f, "{is}"),
            Self::Number(number) => write!(f, "{number}"),
            Self::Text(text) => string(f, text),
            Self::Raw(text) => f.write_str(&escape_json(text)),
            Self::List(values) => {
                f.write_str("[")?;
                for (nth, value) in values.iter().enumerate() {
                    write!(f, "{}{value}", if nth == 0 { "" } else { "," })?;
                }
                f.write_str("]")
            }
            Self::Object(fields) => {
                f.write_str("{")?;
                for (nth, (key, value)) in fields.iter().enumerate() {
                    write!(f, "{}\"{key}\":{value}", if nth == 0 { "" } else { "," })?;
                }
                f.write_str("}")
            }
        }
    }
}

fn string(f: &mut Formatter<'_>, text: &str) -> fmt::Result {
    let quoted = serde_json::to_string(text).map_err(|_| fmt::Error)?;
    f.write_str(&escape_json(&quoted))
}

/// JSON on several lines, two blanks a level. Numbers, strings and their order stay as they are.
#[must_use]
pub fn pretty(json: &str) -> String {
    let mut out = String::with_capacity(json.len() * 2);
    let mut depth = 0_usize;
    let mut rest = json;
    while let Some(c) = rest.chars().next() {
        let len = if c == '"' { quoted_len(rest) } else { c.len_utf8() };
        let (token, after) = rest.split_at(len);
        rest = after;
        match c {
            '{' | '[' => {
                let inner = rest.trim_start();
                out.push(c);
                if inner.starts_with(['}', ']']) {
                    out.push_str(&inner[..1]);
                    rest = &inner[1..];
                } else {
                    depth += 1;
                    newline(&mut out, depth);
                }
            }
            '}' | ']' => {
                depth = depth.saturating_sub(1);
                newline(&mut out, depth);
                out.push(c);
            }
            ',' => {
                out.push(c);
                newline(&mut out, depth);
            }
            ':' => out.push_str(": "),
            c if c.is_ascii_whitespace() => {}
            _ => out.push_str(&escape_json(token)),
        }
    }
    out
}

fn newline(out: &mut String, depth: usize) {
    out.push('\n');
    out.extend(std::iter::repeat_n("  ", depth));
}

/// Bytes of the string that `json` begins with.
fn quoted_len(json: &str) -> usize {
    let mut escaped = false;
    for (at, byte) in json.bytes().enumerate().skip(1) {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => return at + 1,
            _ => {}
        }
    }
    json.len()
}

/// Canonical padded base64.
fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let byte = |at: usize| u32::from(chunk.get(at).copied().unwrap_or(0));
        let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
        for digit in 0..4 {
            let index = bits >> (18 - 6 * digit) & 63;
            let shown = digit <= chunk.len();
            out.push(if shown { char::from(DIGITS[index as usize]) } else { '=' });
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_keep_their_order_and_strings_are_harmless() {
        let json = Json::Object(vec![
            ("z", Json::Null),
            ("a", Json::List(vec![1_u64.into(), true.into(), Json::text("x\n\u{9b}\"")])),
            ("raw", Json::raw(b"{\"n\": 18446744073709551616,\n\"n\":1}").expect("JSON")),
        ]);
        let expected =
            r#"{"z":null,"a":[1,true,"x\n\u009b\""],"raw":{"n": 18446744073709551616, "n":1}}"#;
        assert_eq!(json.to_string(), expected);
    }

    #[test]
    fn only_json_is_raw() {
        for wrong in [&b"{"[..], b"", b"nul", b"\"\xff\"", b"1 2"] {
            assert_eq!(Json::raw(wrong), None, "{wrong:?}");
        }
    }

    #[test]
    fn pretty_changes_nothing_but_blanks() {
        let json = r#"{ "a":[1,{"b":"x,{\"[:"} ],"c":{},"d":[ ],"e":1e400}"#;
        let expected = "{\n  \"a\": [\n    1,\n    {\n      \"b\": \"x,{\\\"[:\"\n    }\n  ],\n  \
            \"c\": {},\n  \"d\": [],\n  \"e\": 1e400\n}";
        assert_eq!(pretty(json), expected);
        assert_eq!(pretty("\"\\"), "\"\\", "what is no JSON does no harm");
    }

    #[test]
    fn base64_is_padded() {
        let cases =
            [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foobar", "Zm9vYmFy")];
        for (bytes, expected) in cases {
            assert_eq!(base64(bytes.as_bytes()), expected);
        }
        assert_eq!(base64(&[0xfb, 0xff]), "+/8=");
    }
}
