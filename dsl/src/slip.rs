//! What was probably meant by a value of the wrong kind, or by a name that is none.

use crate::tree::{Node, Tree};
use crate::units;
use crate::values::is_reference;

/// Kinds of values, as messages call them.
pub(crate) const INTEGER: &str = "an integer";
pub(crate) const BOOLEAN: &str = "`true` or `false`";
pub(crate) const STRINGS: &str = "an array of strings";
pub(crate) const ROOTS: &str = "an array of files and folders";
pub(crate) const DURATION: &str = "a duration such as \"30s\"";
pub(crate) const SIZE: &str = "a size such as \"64MiB\"";
pub(crate) const TYPE: &str = "a type: a string, or a table of fields";
pub(crate) const FILES: &str = "a table with `read` and `write`";
pub(crate) const GRANTS: &str = "a table such as { stdout = true }";
pub(crate) const SHUTDOWN: &str = "a duration such as \"5s\", \"infinity\" or \"brutal-kill\"";
pub(crate) const DELAY: &str = "a table such as { base = \"100ms\", cap = \"10s\" }";
pub(crate) const OUTPUTS: &str = "a table from ports to types";

/// "did you mean "30s"?", and what is usual.
pub(crate) fn question(meant: Option<String>, usual: &str) -> String {
    match meant {
        Some(meant) => format!("did you mean \"{meant}\"? ({usual})"),
        None => usual.to_owned(),
    }
}

/// How to mend a value of another kind than `wanted`.
pub(crate) fn of(wanted: &str, node: &Node) -> Option<String> {
    if is_reference(node) {
        return Some(
            "a reference stands in `config` or among file roots; here write the value".to_owned(),
        );
    }
    match (wanted, &node.tree) {
        (wanted, Tree::String(text)) if wanted.starts_with(INTEGER) => {
            let number = text.replace(['_', ','], "").parse::<i64>().ok()?;
            Some(format!("without quotes: {number}"))
        }
        (wanted, Tree::Float(number)) if wanted.starts_with(INTEGER) && number.fract() == 0.0 => {
            Some(format!("with all its digits: {number}"))
        }
        (BOOLEAN, Tree::String(text)) => boolean(text).map(|word| format!("without quotes: {word}")),
        (BOOLEAN, Tree::Integer(number)) => Some(format!("write {}", *number != 0)),
        (DURATION, Tree::Integer(number)) => Some(format!("write \"{number}s\" for seconds")),
        (SHUTDOWN, tree) => shutdown(tree),
        (DELAY, tree) => delay(tree),
        (SIZE, Tree::Integer(number)) => {
            let size = u64::try_from(*number).ok().filter(|number| number % 1024 == 0);
            size.map(|size| format!("write \"{}\"", units::size(size)))
        }
        ("a string", Tree::Table(entries)) => match entries.as_slice() {
            [only] => text(&only.value).map(|text| format!("write \"{text}\"")),
            _ => None,
        },
        (STRINGS, Tree::String(text)) => Some(format!("in brackets: [{}]", quoted(text.split(',')))),
        (STRINGS, Tree::Table(_) | Tree::Array(_)) => Some("names in quotes: [\"walk\", \"read\"]".to_owned()),
        (ROOTS, Tree::String(text)) => Some(format!("in brackets: [\"{text}\"]")),
        (FILES, tree) => roots(tree),
        (GRANTS, Tree::Array(items)) => {
            let on = strings(items)?.into_iter().map(|name| format!("{name} = true"));
            Some(format!("write {{ {} }}", on.collect::<Vec<String>>().join(", ")))
        }
        (TYPE, Tree::Array(items)) => types(&strings(items)?),
        (OUTPUTS, _) => Some(
            "outputs = { out = \"string\" } gives the type of `out`; who reads it says so in its own `inputs`"
                .to_owned(),
        ),
        _ => None,
    }
}

/// Where others write a bare number, it is milliseconds in OTP and seconds elsewhere.
fn shutdown(tree: &Tree) -> Option<String> {
    match tree {
        Tree::Integer(0) | Tree::Bool(_) => Some(
            "\"brutal-kill\" ends it at once, \"infinity\" waits as long as it takes".to_owned(),
        ),
        Tree::Integer(number) if *number >= 1_000 => {
            Some(format!("write \"{number}ms\" for milliseconds"))
        }
        Tree::Integer(number) => Some(format!("write \"{number}s\" for seconds")),
        _ => None,
    }
}

fn delay(tree: &Tree) -> Option<String> {
    let base = match tree {
        Tree::String(text) => units::milliseconds(text).map(units::duration),
        Tree::Integer(number) => Some(format!("{number}s")),
        _ => None,
    };
    base.map(|base| {
        format!("for the same wait each time: {{ backoff = \"constant\", base = \"{base}\" }}")
    })
}

fn roots(tree: &Tree) -> Option<String> {
    let list = match tree {
        Tree::String(text) => format!("\"{text}\""),
        Tree::Array(items) => quoted(strings(items)?.into_iter()),
        _ => "\"…\"".to_owned(),
    };
    Some(format!("say what it does there: files = {{ read = [{list}] }} or {{ write = [{list}] }}"))
}

fn types(items: &[&str]) -> Option<String> {
    match items {
        [] => None,
        [one] => Some(format!("a list is \"list<{one}>\"")),
        many => Some(format!("one of some words is \"enum{{{}}}\"", many.join(", "))),
    }
}

/// What other languages call `true` and `false`.
pub(crate) fn boolean(text: &str) -> Option<bool> {
    match text.to_lowercase().as_str() {
        "true" | "yes" | "on" => Some(true),
        "false" | "no" | "off" => Some(false),
        _ => None,
    }
}

fn strings(items: &[Node]) -> Option<Vec<&str>> {
    items.iter().map(text).collect()
}

fn text(node: &Node) -> Option<&str> {
    match &node.tree {
        Tree::String(text) => Some(text),
        _ => None,
    }
}

fn quoted<'a>(words: impl Iterator<Item = &'a str>) -> String {
    words.map(|word| format!("\"{}\"", word.trim())).collect::<Vec<String>>().join(", ")
}

/// A text as a name.
pub(crate) fn name(text: &str) -> Option<String> {
    let small = text.rsplit('.').next().unwrap_or_default().to_lowercase();
    let parts = small.split(|c: char| !c.is_ascii_alphanumeric()).filter(|part| !part.is_empty());
    let name = parts.collect::<Vec<&str>>().join("-");
    name.starts_with(|c: char| c.is_ascii_lowercase()).then_some(name)
}
