//! Makes text that others wrote harmless for a terminal: no character of it moves the cursor, rings,
//! changes colours or the direction of reading, or looks like a line of ours.

use std::borrow::Cow;
use std::fmt::Write as _;

/// True for a character that a terminal, or a reader, may take for more than a glyph: control
/// characters, line and paragraph separators, and what changes the direction of text or is not seen.
pub(crate) fn is_unsafe(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{061c}' | '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{feff}')
        || matches!(c, '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{fff9}'..='\u{fffb}')
        || matches!(c, '\u{e0000}'..='\u{e007f}')
}

/// The text as one harmless line: `\n`, `\u{1b}`, … stand for what is unsafe.
#[must_use]
pub fn escape(text: &str) -> Cow<'_, str> {
    replace(text, is_unsafe)
}

/// As [`escape`], but lines stay lines.
#[must_use]
pub fn escape_lines(text: &str) -> Cow<'_, str> {
    replace(text, |c| c != '\n' && is_unsafe(c))
}

fn replace(text: &str, unsafe_here: impl Fn(char) -> bool) -> Cow<'_, str> {
    if !text.contains(&unsafe_here) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        if unsafe_here(c) {
            out.extend(c.escape_default());
        } else {
            out.push(c);
        }
    }
    Cow::Owned(out)
}

/// Any bytes as harmless lines; what is not UTF-8 stands as `\xff`.
#[must_use]
pub fn escape_bytes(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        out.push_str(&replace(chunk.valid(), |c| c != '\n' && c != '\t' && is_unsafe(c)));
        for byte in chunk.invalid() {
            let _ = write!(out, "\\x{byte:02x}");
        }
    }
    out
}

/// The same JSON, on one line and harmless: between values only blanks, in strings `\uXXXX` for what is
/// unsafe. In valid JSON no other change is needed, as control characters stand in no string.
#[must_use]
pub fn escape_json(json: &str) -> Cow<'_, str> {
    if !json.contains(is_unsafe) {
        return Cow::Borrowed(json);
    }
    let mut out = String::with_capacity(json.len() + 16);
    for c in json.chars() {
        match c {
            '\n' | '\r' | '\t' => out.push(' '),
            c if is_unsafe(c) => {
                for unit in c.encode_utf16(&mut [0; 2]) {
                    let _ = write!(out, "\\u{unit:04x}");
                }
            }
            c => out.push(c),
        }
    }
    Cow::Owned(out)
}

/// The last door: lets through lines, tabs and, where there are colours, the codes for them. What a
/// view forgot to escape stops here.
pub(crate) fn scrub(text: &str, colours: bool) -> Cow<'_, str> {
    let harmless = |c: char| c == '\n' || c == '\t' || !is_unsafe(c);
    if text.chars().all(harmless) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let len = colour_code(rest).filter(|_| colours).unwrap_or(0);
        if len > 0 {
            out.push_str(&rest[..len]);
        } else if harmless(c) {
            out.push(c);
        } else {
            out.extend(c.escape_default());
        }
        rest = &rest[len.max(c.len_utf8())..];
    }
    Cow::Owned(out)
}

/// Bytes of the code for a colour that `text` begins with.
fn colour_code(text: &str) -> Option<usize> {
    let inner = text.strip_prefix("\u{1b}[")?;
    let end = inner.find(|c: char| !c.is_ascii_digit() && c != ';')?;
    inner[end..].starts_with('m').then_some(end + 3)
}

/// Source text with every unsafe character replaced by one of as many bytes, so that places in it stay
/// where they are.
pub(crate) fn mask(source: &str) -> Cow<'_, str> {
    let kept = |c: char| c == '\n' || c == '\t' || !is_unsafe(c);
    if source.chars().all(kept) {
        return Cow::Borrowed(source);
    }
    let mut out = String::with_capacity(source.len());
    for (at, c) in source.char_indices() {
        match c.len_utf8() {
            _ if kept(c) => out.push(c),
            1 if source[at..].starts_with("\r\n") => out.push('\r'),
            1 => out.push('?'),
            2 => out.push('¿'),
            3 => out.push('\u{fffd}'),
            _ => out.push_str("????"),
        }
    }
    Cow::Owned(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NASTY: &str = "a\u{1b}[2Jb\rc\0d\u{202e}e\u{9b}f\u{2028}g\u{e0041}h\nä🦀";

    #[test]
    fn one_line_stays_one_line() {
        let shown = escape(NASTY);
        let expected = "a\\u{1b}[2Jb\\rc\\u{0}d\\u{202e}e\\u{9b}f\\u{2028}g\\u{e0041}h\\nä🦀";
        assert_eq!(shown, expected);
        assert!(matches!(escape("plain ä"), Cow::Borrowed(_)));
    }

    #[test]
    fn every_unsafe_character_is_caught_by_every_door() {
        for c in (0..=0x10_ffff).filter_map(char::from_u32).filter(|c| is_unsafe(*c)) {
            let text = format!("a{c}b");
            assert!(!escape(&text).contains(c), "{c:?}");
            assert!(!escape_json(&text).contains(c), "{c:?}");
            if c != '\n' && c != '\t' {
                assert!(!scrub(&text, true).contains(c), "{c:?}");
                assert!(!mask(&text).contains(c), "{c:?}");
            }
            assert_eq!(mask(&text).len(), text.len(), "{c:?}");
        }
    }

    #[test]
    fn json_keeps_its_meaning() {
        let json = "{\n \"a\": \"x\u{9b}\u{202e}\u{e0041}y\" }";
        let safe = escape_json(json);
        assert_eq!(safe, "{  \"a\": \"x\\u009b\\u202e\\udb40\\udc41y\" }");
        let read = |text: &str| serde_json::from_str::<serde_json::Value>(text).expect("JSON");
        assert_eq!(read(json), read(&safe));
    }

    #[test]
    fn only_colours_pass_and_only_where_wanted() {
        let text = "\u{1b}[31;1mred\u{1b}[0m \u{1b}[2J\u{1b}]0;title\u{7}";
        let end = " \\u{1b}[2J\\u{1b}]0;title\\u{7}";
        assert_eq!(scrub(text, true), format!("\u{1b}[31;1mred\u{1b}[0m{end}"));
        assert_eq!(scrub(text, false), format!("\\u{{1b}}[31;1mred\\u{{1b}}[0m{end}"));
        assert_eq!(scrub("\u{1b}[", true), "\\u{1b}[");
    }

    #[test]
    fn bytes_that_are_no_text_are_shown() {
        assert_eq!(escape_bytes(b"a\tb\xff\x1b\nc"), "a\tb\\xff\\u{1b}\nc");
    }
}
