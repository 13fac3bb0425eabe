//! JSON pointers (RFC 6901) into a config, as places in the file.

use crate::span::Span;
use crate::tree::{Entry, Node, Tree};

/// The steps of a pointer.
pub(crate) fn steps(pointer: &str) -> Vec<String> {
    pointer.split('/').skip(1).map(|step| step.replace("~1", "/").replace("~0", "~")).collect()
}

/// The pointer of some steps.
pub(crate) fn text(steps: &[String]) -> String {
    let escaped = steps.iter().map(|step| step.replace('~', "~0").replace('/', "~1"));
    escaped.fold(String::new(), |text, step| text + "/" + &step)
}

/// A value, or what is deepest in the file on the way there.
pub(crate) fn node<'n>(config: &'n Node, steps: &[String]) -> &'n Node {
    walk(config, steps).0
}

/// The place of a value, or of what is deepest in the file on the way there.
pub(crate) fn value(config: &Node, steps: &[String]) -> Span {
    walk(config, steps).0.span
}

/// The value itself, if the file has it.
pub(crate) fn whole_way<'n>(config: &'n Node, steps: &[String]) -> Option<&'n Node> {
    let (mut node, mut rest) = (config, steps);
    while let [step, after @ ..] = rest {
        (node, rest) = (walk(node, std::slice::from_ref(step)).1.map(|entry| &entry.value)?, after);
    }
    Some(node)
}

/// The place of the key that the last step is, as [`value`] if the file has none.
pub(crate) fn key(config: &Node, steps: &[String]) -> Span {
    match walk(config, steps) {
        (_, Some(entry)) => entry.key.span,
        (node, None) => node.span,
    }
}

/// As [`value`]; if it is a string and the message names a place in it as `line 2, column 7`, that place.
pub(crate) fn inside(config: &Node, steps: &[String], message: &str, source: &str) -> Span {
    let (node, _) = walk(config, steps);
    let place = || {
        let Tree::String(text) = &node.tree else { return None };
        let at = offset(text, position(message)?)?;
        let length = text[at..].chars().next().map_or(0, char::len_utf8);
        let start = content(node.span, text, source)? + at;
        Some(Span { start, end: (start + length).min(node.span.end), ..node.span })
    };
    place().unwrap_or(node.span)
}

/// How far the steps go in the file; and the entry of the last step if they go all the way.
fn walk<'n>(config: &'n Node, steps: &[String]) -> (&'n Node, Option<&'n Entry>) {
    let (mut node, mut last) = (config, None);
    for step in steps {
        let (next, entry) = match &node.tree {
            Tree::Table(entries) => {
                let entry = entries.iter().find(|entry| entry.key.value == *step);
                (entry.map(|entry| &entry.value), entry)
            }
            Tree::Array(items) => (step.parse().ok().and_then(|at: usize| items.get(at)), None),
            _ => (None, None),
        };
        let Some(next) = next else { return (node, None) };
        (node, last) = (next, entry);
    }
    (node, last)
}

/// The first `line L, column C` of a message; both count from 1.
fn position(message: &str) -> Option<(usize, usize)> {
    let (_, rest) = message.split_once("line ")?;
    let (line, rest) = rest.split_once(", column ")?;
    let digits = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
    Some((line.parse().ok()?, rest[..digits].parse().ok()?))
}

/// The byte of a line and a column, which counts characters.
fn offset(text: &str, (line, column): (usize, usize)) -> Option<usize> {
    let mut lines = text.split_inclusive('\n').scan(0, |next, line| {
        let start = *next;
        *next += line.len();
        Some((start, line))
    });
    let (start, line) = lines.nth(line.checked_sub(1)?)?;
    let mut columns = line.char_indices().map(|(at, _)| at).chain([line.len()]);
    Some(start + columns.nth(column.checked_sub(1)?)?)
}

/// Where a string's content begins, if the file has it without escapes.
fn content(span: Span, text: &str, source: &str) -> Option<usize> {
    let raw = source.get(span.start..span.end)?;
    let starts = ["\"\"\"\r\n", "\"\"\"\n", "\"\"\"", "'''\r\n", "'''\n", "'''", "\"", "'"];
    let start = starts.iter().find(|start| raw.starts_with(**start))?.len();
    raw.get(start..)?.starts_with(text).then_some(span.start + start)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_in_messages() {
        let cases = [
            ("line 1, column 4: unclosed", Some((1, 4))),
            ("no `(` at line 12, column 3", Some((12, 3))),
            ("line 1", None),
            ("line x, column 3", None),
            ("line 3, column ", None),
            ("line 99999999999999999999, column 1", None),
        ];
        for (message, want) in cases {
            assert_eq!(position(message), want, "{message}");
        }
    }

    #[test]
    fn lines_and_columns_in_texts() {
        let cases = [
            ("abc", (1, 1), Some(0)),
            ("abc", (1, 4), Some(3)),
            ("abc", (1, 5), None),
            ("a\nbc", (2, 2), Some(3)),
            ("é(", (1, 2), Some(2)),
            ("abc", (2, 1), None),
            ("abc", (0, 1), None),
            ("abc", (1, 0), None),
        ];
        for (text, at, want) in cases {
            assert_eq!(offset(text, at), want, "{text:?} {at:?}");
        }
    }

    #[test]
    fn contents_in_sources() {
        let cases = [
            ("'ab'", "ab", Some(1)),
            ("\"ab\"", "ab", Some(1)),
            ("\"a\\u0062\"", "ab", None),
            ("'''\nab'''", "ab", Some(4)),
            ("\"\"\"ab\"\"\"", "ab", Some(3)),
            ("''", "", Some(1)),
            ("5", "5", None),
        ];
        for (source, text, want) in cases {
            let span = Span::new(0, 0..source.len());
            assert_eq!(content(span, text, source), want, "{source}");
        }
    }

    #[test]
    fn pointers_and_steps() {
        for pointer in ["", "/a", "/a/0/b", "/a~1b/~0", "/"] {
            assert_eq!(text(&steps(pointer)), pointer);
        }
    }
}
