//! `@csv`, `@html`, `@uri` and the like.

use std::fmt::Write;

const HTML: [(char, &str); 5] = [
    ('<', "&lt;"),
    ('>', "&gt;"),
    ('&', "&amp;"),
    ('\'', "&#39;"),
    ('"', "&quot;"),
];

/// In quotes, quotes doubled.
pub(crate) fn csv_cell(text: &[u8]) -> String {
    format!("\"{}\"", lossy(text).replace('"', "\"\""))
}

/// With escapes for what would end the cell or the line.
pub(crate) fn tsv_cell(text: &[u8]) -> String {
    let mut out = String::with_capacity(text.len());
    for c in lossy(text).chars() {
        match c {
            '\\' => out.push_str("\\\\"),
            '\t' => out.push_str("\\t"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            c => out.push(c),
        }
    }
    out
}

pub(crate) fn escape_html(text: &[u8]) -> String {
    let mut out = String::with_capacity(text.len());
    for c in lossy(text).chars() {
        match HTML.iter().find(|(plain, _)| *plain == c) {
            Some((_, escape)) => out.push_str(escape),
            None => out.push(c),
        }
    }
    out
}

pub(crate) fn unescape_html(text: &[u8]) -> String {
    let text = lossy(text);
    let mut out = String::with_capacity(text.len());
    let mut rest = &*text;
    while let Some(at) = rest.find('&') {
        let (before, from) = rest.split_at(at);
        out.push_str(before);
        let escape = HTML.iter().find(|(_, escape)| from.starts_with(escape));
        let (plain, length) = escape.map_or(('&', 1), |(plain, escape)| (*plain, escape.len()));
        out.push(plain);
        rest = &from[length..];
    }
    out.push_str(rest);
    out
}

pub(crate) fn encode_uri(text: &[u8]) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text {
        if byte.is_ascii_alphanumeric() || b"-_.~".contains(byte) {
            out.push(char::from(*byte));
        } else {
            write!(out, "%{byte:02X}").expect("a string takes all");
        }
    }
    out
}

pub(crate) fn decode_uri(text: &[u8]) -> Result<Vec<u8>, String> {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((byte, after)) = rest.split_first() {
        if *byte != b'%' {
            out.push(*byte);
            rest = after;
            continue;
        }
        let digits = after.first_chunk::<2>().copied().and_then(hexadecimal);
        let decoded = digits.ok_or_else(|| format!("`{}` is no URI text", lossy(text)))?;
        out.push(decoded);
        rest = &after[2..];
    }
    Ok(out)
}

fn hexadecimal([high, low]: [u8; 2]) -> Option<u8> {
    let digit = |byte: u8| char::from(byte).to_digit(16);
    u8::try_from(digit(high)? << 4 | digit(low)?).ok()
}

/// With or without padding, as jq takes it.
pub(crate) fn decode_base64(text: &[u8]) -> Result<Vec<u8>, String> {
    let text = lossy(text);
    let bare = text.trim_end_matches('=');
    let padded = format!("{bare}{}", &"==="[..(4 - bare.len() % 4) % 4]);
    let bytes = theater_flow_sdk::bytes::decode(&padded);
    bytes.ok_or_else(|| format!("`{}` is not base64", super::start(&text)))
}

fn lossy(text: &[u8]) -> std::borrow::Cow<'_, str> {
    String::from_utf8_lossy(text)
}
