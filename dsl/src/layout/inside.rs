//! The spacing inside lists and inline tables.
//!
//! One with a comment in it stays as it was written: where a comment belongs, nobody but its writer knows.

use toml_edit::{Array, Decor, InlineTable, RawString, Value};

use super::trim::text;

/// Makes the spacing inside a value even. A list of several lines has one item a line; all else is
/// one line.
pub(super) fn even(value: &mut Value) {
    if is_plain(value) {
        inside(value, 0);
    }
}

fn inside(value: &mut Value, depth: usize) {
    match value {
        Value::Array(array) => list(array, depth),
        Value::InlineTable(table) => pairs(table, depth),
        _ => {}
    }
}

fn list(array: &mut Array, depth: usize) {
    let tall = spreads(array);
    let indent = |depth: usize| format!("\n{}", "    ".repeat(depth));
    for (at, item) in array.iter_mut().enumerate() {
        inside(item, depth + usize::from(tall));
        let before = match (tall, at) {
            (true, _) => indent(depth + 1),
            (false, 0) => String::new(),
            (false, _) => " ".to_owned(),
        };
        *item.decor_mut() = Decor::new(before, "");
    }
    array.set_trailing_comma(tall);
    array.set_trailing(if tall { indent(depth) } else { String::new() });
}

/// Whether a list is written over several lines.
fn spreads(array: &Array) -> bool {
    let breaks = |raw: Option<&RawString>| text(raw).contains('\n');
    let item = |item: &Value| breaks(item.decor().prefix()) || breaks(item.decor().suffix());
    !array.is_empty() && (array.iter().any(item) || breaks(Some(array.trailing())))
}

fn pairs(table: &mut InlineTable, depth: usize) {
    let count = table.len();
    for (at, (mut key, value)) in table.iter_mut().enumerate() {
        inside(value, depth);
        *key.leaf_decor_mut() = Decor::new(" ", " ");
        *value.decor_mut() = Decor::new(" ", if at + 1 == count { " " } else { "" });
    }
    table.set_trailing_comma(false);
    table.set_trailing("");
}

/// Whether there is no comment in it, and no dotted key, which has no spacing of its own.
fn is_plain(value: &Value) -> bool {
    let silent = |raw: Option<&RawString>| !text(raw).contains('#');
    let quiet = |decor: &Decor| silent(decor.prefix()) && silent(decor.suffix());
    let each = |value: &Value| quiet(value.decor()) && is_plain(value);
    match value {
        Value::Array(array) => silent(Some(array.trailing())) && array.iter().all(each),
        Value::InlineTable(table) => {
            let keys = table.iter().all(|(name, _)| {
                table
                    .key(name)
                    .is_some_and(|key| quiet(key.leaf_decor()) && quiet(key.dotted_decor()))
            });
            let values = table.iter().all(|(_, value)| {
                each(value) && !value.as_inline_table().is_some_and(InlineTable::is_dotted)
            });
            silent(Some(table.trailing())) && keys && values
        }
        _ => true,
    }
}
