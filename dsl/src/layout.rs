//! `fmt`: a pipeline file laid out as everybody's, its comments kept.
//!
//! Sections stand in one order, agents and supervisors in that of the tree; keys stand in the order of the
//! reference; one blank line parts tables. Spacing is even inside of lists and inline tables too; texts
//! and numbers stay as they were written.

mod inside;
mod order;
mod trim;

use toml_edit::{DocumentMut, Item, Key, Table};

use crate::codes;
use crate::facts::{Facts, Mode, Source};
use crate::fault::Fault;
use crate::notes::Notes;
use crate::span::Span;
use crate::tree::{self, Entry, Node, Tree};
use order::{Order, Section};

/// The file, laid out. What it means does not change, and laying it out again changes nothing.
///
/// # Errors
/// What keeps the text from being TOML; a file that is TOML but a faulty pipeline is laid out all the same.
pub fn format(text: &str) -> Result<String, Vec<Fault>> {
    let before = parsed(text)?;
    let mut document = editable(text)?;
    lay_out(&mut document);
    let laid_out = document.to_string();
    // A file is somebody's work: better no order than a changed meaning.
    let kept = parsed(&laid_out).is_ok_and(|after| same(&before, &after));
    Ok(if kept { laid_out } else { text.to_owned() })
}

/// The text as a document that can be changed.
pub(crate) fn editable(text: &str) -> Result<DocumentMut, Vec<Fault>> {
    text.parse().map_err(|error: toml_edit::TomlError| {
        let span = Span::new(0, error.span().unwrap_or_default());
        // The compiler reads more than TOML promises: integers beyond 64 bits with a sign.
        let message = format!("this cannot be laid out: {}", error.message().trim());
        vec![Fault::new(codes::SYNTAX, message).label(span, "here")]
    })
}

fn parsed(text: &str) -> Result<Vec<Entry>, Vec<Fault>> {
    let (facts, set) = (Facts::default(), []);
    let source = Source { name: "", text, folder: "/", cwd: "/", set: &set, mode: Mode::Check };
    let mut notes = Notes::new(source, &facts);
    tree::parse(0, &mut notes).ok_or_else(|| notes.into_faults())
}

/// Whether two files say the same, whatever the order of their keys.
fn same(one: &[Entry], other: &[Entry]) -> bool {
    let sorted = |entries: &[Entry]| {
        let mut at: Vec<usize> = (0..entries.len()).collect();
        at.sort_by(|a, b| entries[*a].key.value.cmp(&entries[*b].key.value));
        at
    };
    one.len() == other.len()
        && sorted(one).into_iter().zip(sorted(other)).all(|(a, b)| {
            one[a].key.value == other[b].key.value && same_value(&one[a].value, &other[b].value)
        })
}

fn same_value(one: &Node, other: &Node) -> bool {
    match (&one.tree, &other.tree) {
        (Tree::Table(one), Tree::Table(other)) => same(one, other),
        (Tree::Array(one), Tree::Array(other)) => {
            one.len() == other.len() && one.iter().zip(other).all(|(a, b)| same_value(a, b))
        }
        (Tree::Float(one), Tree::Float(other)) => one.to_bits() == other.to_bits(),
        (one, other) => one == other,
    }
}

/// Puts a document's tables and keys in order, and makes their spacing even.
pub(crate) fn lay_out(document: &mut DocumentMut) {
    let order = Order::of(document.as_table());
    let head = trim::take_head(document);
    arrange(document.as_table_mut(), &Section::File, &order);
    let mut layout = Layout { next: 0, begun: !head.is_empty() };
    layout.table(document.as_table_mut(), true);
    trim::put_head(document, &head);
    let trailing = document.trailing().as_str().map(trim::block).unwrap_or_default();
    let trailing = match trailing.as_str() {
        "" => String::new(),
        comments if layout.begun => format!("\n{}\n", comments.trim_end_matches('\n')),
        comments => format!("{}\n", comments.trim_end_matches('\n')),
    };
    document.set_trailing(trailing);
}

/// Sorts the entries of a table, and of the tables below it that have an order.
fn arrange(table: &mut Table, section: &Section, order: &Order) {
    let mut entries: Vec<(Key, Item)> = Vec::with_capacity(table.len());
    let names: Vec<String> = table.iter().map(|(name, _)| name.to_owned()).collect();
    // From the last to the first: taking one out moves all that stand behind it.
    entries.extend(names.iter().rev().filter_map(|name| table.remove_entry(name)));
    entries.reverse();
    entries.sort_by_key(|(key, _)| order.rank(section, key.get()));
    for (key, item) in entries {
        table.insert_formatted(&key, item);
    }
    for (key, item) in table.iter_mut() {
        let Some(section) = section.below(key.get()) else { continue };
        match item {
            Item::Table(inner) if !inner.is_dotted() => arrange(inner, &section, order),
            Item::ArrayOfTables(inner) => {
                inner.iter_mut().for_each(|inner| arrange(inner, &section, order));
            }
            Item::Table(_) | Item::Value(_) | Item::None => {}
        }
    }
}

/// Gives tables their places and their spacing, from the top of the file to its end.
struct Layout {
    /// The place of the next table.
    next: isize,
    /// Something stands above.
    begun: bool,
}

impl Layout {
    fn table(&mut self, table: &mut Table, is_root: bool) {
        if !is_root {
            table.set_position(Some(self.next));
            self.next += 1;
            if !table.is_implicit() || has_values(table) {
                let above = trim::text(table.decor().prefix());
                let gap = if self.begun { "\n" } else { "" };
                let prefix = format!("{gap}{}", trim::block(&above));
                let suffix = trim::remark(&trim::text(table.decor().suffix()));
                *table.decor_mut() = toml_edit::Decor::new(prefix, suffix);
                self.begun = true;
            }
        }
        let mut first = true;
        for (mut key, item) in table.iter_mut() {
            let Item::Value(value) = item else { continue };
            if value.as_inline_table().is_some_and(toml_edit::InlineTable::is_dotted) {
                continue;
            }
            inside::even(value);
            trim::entry(&mut key, value, first && !(is_root && self.begun));
            (first, self.begun) = (false, true);
        }
        for (_, item) in table.iter_mut() {
            match item {
                Item::Table(inner) if !inner.is_dotted() => self.table(inner, false),
                Item::Table(inner) => self.dotted(inner),
                Item::ArrayOfTables(tables) => {
                    tables.iter_mut().for_each(|inner| self.table(inner, false));
                }
                Item::Value(_) | Item::None => {}
            }
        }
    }

    /// Tables with headers may stand below a dotted key; the key itself stays as it is written.
    fn dotted(&mut self, table: &mut Table) {
        self.begun = true;
        for (_, item) in table.iter_mut() {
            match item {
                Item::Table(inner) if inner.is_dotted() => self.dotted(inner),
                Item::Table(inner) => self.table(inner, false),
                Item::ArrayOfTables(tables) => {
                    tables.iter_mut().for_each(|inner| self.table(inner, false));
                }
                Item::Value(_) | Item::None => {}
            }
        }
    }
}

fn has_values(table: &Table) -> bool {
    !table.get_values().is_empty()
}
