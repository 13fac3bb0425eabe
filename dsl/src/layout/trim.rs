//! Spacing and comments.

use toml_edit::{DocumentMut, Item, KeyMut, RawString, Value};

/// The text of a decoration.
pub(super) fn text(raw: Option<&RawString>) -> String {
    raw.and_then(RawString::as_str).unwrap_or_default().to_owned()
}

/// Lines of comments: each on its own, at most one blank line between them, none at the beginning.
pub(super) fn block(text: &str) -> String {
    let mut out = String::new();
    let mut blank = false;
    // What follows the last line's end is the space before a key.
    let lines = text.rsplit_once('\n').map_or("", |(lines, _)| lines);
    let tail = text.rsplit('\n').next().unwrap_or_default().trim();
    for line in lines.lines().chain([tail]).map(str::trim) {
        if line.is_empty() {
            blank = !out.is_empty();
            continue;
        }
        if blank {
            out.push('\n');
        }
        blank = false;
        out.push_str(line);
        out.push('\n');
    }
    // A comment with a blank line below is not about what follows.
    let apart = lines.split('\n').next_back().is_some_and(|last| last.trim().is_empty());
    if apart && tail.is_empty() && !out.is_empty() {
        out.push('\n');
    }
    out
}

/// A comment behind a value or a header.
pub(super) fn remark(text: &str) -> String {
    match text.trim() {
        "" => String::new(),
        comment => format!(" {comment}"),
    }
}

/// The spacing of `key = value`; a blank line above stays if something stands there.
pub(super) fn entry(key: &mut KeyMut<'_>, value: &mut Value, is_first: bool) {
    let above = text(key.leaf_decor().prefix());
    let is_apart = above.trim_start_matches([' ', '\t']).starts_with(['\n', '\r']);
    let gap = if is_apart && !is_first { "\n" } else { "" };
    let decor = key.leaf_decor_mut();
    decor.set_prefix(format!("{gap}{}", block(&above)));
    decor.set_suffix(" ");
    let after = remark(&text(value.decor().suffix()));
    value.decor_mut().set_prefix(" ");
    value.decor_mut().set_suffix(after);
}

/// Takes from the top of a file what is about the file and not about its first key: `#:` lines, and
/// comments with a blank line below.
pub(super) fn take_head(document: &mut DocumentMut) -> String {
    let Some(top) = top(document) else { return String::new() };
    let lines: Vec<&str> = top.lines().collect();
    let blank = lines.iter().rposition(|line| line.trim().is_empty()).map(|at| at + 1);
    let marks = lines.iter().take_while(|line| line.trim_start().starts_with("#:")).count();
    let ends = blank.filter(|_| top.contains('#')).unwrap_or(0).max(marks);
    let (head, rest) = lines.split_at(ends);
    let (head, mut rest) = (block(&(head.join("\n") + "\n")), rest.join("\n"));
    if head.is_empty() {
        return head;
    }
    if !rest.is_empty() {
        rest.push('\n');
    }
    set_top(document, &rest);
    head
}

/// Puts the head back.
pub(super) fn put_head(document: &mut DocumentMut, head: &str) {
    if !head.is_empty() {
        let below = top(document).unwrap_or_default();
        let below = below.trim_start_matches('\n');
        // A header has its blank line, and so has what a comment stands apart from.
        let gap = if first_is_table(document) && !head.ends_with("\n\n") { "\n" } else { "" };
        set_top(document, &format!("{head}{gap}{below}"));
    }
}

fn first_is_table(document: &DocumentMut) -> bool {
    !document.iter().any(|(_, item)| item.is_value())
}

/// What stands above the first key or header; `None` where it cannot be told from the key itself.
fn top(document: &mut DocumentMut) -> Option<String> {
    edit_top(document, None)
}

fn set_top(document: &mut DocumentMut, text: &str) {
    edit_top(document, Some(text));
}

fn edit_top(document: &mut DocumentMut, new: Option<&str>) -> Option<String> {
    let root = document.as_table_mut();
    let is_dotted = |item: &Item| item.as_table().is_some_and(toml_edit::Table::is_dotted);
    if root.iter().any(|(_, item)| is_dotted(item)) {
        return None;
    }
    let first = root.iter().find(|(_, item)| item.is_value()).map(|(key, _)| key.to_owned());
    if let Some(first) = first {
        let mut key = root.key_mut(&first)?;
        let old = text(key.leaf_decor().prefix());
        if let Some(new) = new {
            key.leaf_decor_mut().set_prefix(new);
        }
        return Some(old);
    }
    let table = first_table(root)?;
    let old = text(table.decor().prefix());
    if let Some(new) = new {
        table.decor_mut().set_prefix(new);
    }
    Some(old)
}

/// The table whose header stands first.
fn first_table(table: &mut toml_edit::Table) -> Option<&mut toml_edit::Table> {
    let mut all = Vec::new();
    gather(table, &mut all);
    all.into_iter().min_by_key(|table| table.position())
}

fn gather<'t>(table: &'t mut toml_edit::Table, all: &mut Vec<&'t mut toml_edit::Table>) {
    for (_, item) in table.iter_mut() {
        match item {
            Item::Table(inner) => {
                if inner.is_implicit() {
                    gather(inner, all);
                } else {
                    all.push(inner);
                }
            }
            Item::ArrayOfTables(tables) => all.extend(tables.iter_mut()),
            Item::Value(_) | Item::None => {}
        }
    }
}
