//! TOML text as a tree in which every key and value has its place.

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::codes;
use crate::fault::Fault;
use crate::notes::Notes;
use crate::span::{At, Span};
use crate::syntax;

/// A value with its place.
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct Node {
    pub(crate) span: Span,
    pub(crate) tree: Tree,
}

/// A TOML value. Tables are in file order.
#[derive(Clone, PartialEq, Debug)]
pub(crate) enum Tree {
    Bool(bool),
    Integer(i128),
    Float(f64),
    String(String),
    /// A date or a time, as text.
    Datetime(String),
    Array(Vec<Node>),
    Table(Vec<Entry>),
}

/// A key of a table with its value.
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct Entry {
    pub(crate) key: At<String>,
    pub(crate) value: Node,
}

impl Node {
    /// What it is, with its article, for messages.
    pub(crate) const fn kind(&self) -> &'static str {
        match self.tree {
            Tree::Bool(_) => "a boolean",
            Tree::Integer(_) => "an integer",
            Tree::Float(_) => "a float",
            Tree::String(_) => "a string",
            Tree::Datetime(_) => "a date or time",
            Tree::Array(_) => "an array",
            Tree::Table(_) => "a table",
        }
    }

    /// The entries, if it is a table.
    pub(crate) fn entries(&self) -> Option<&[Entry]> {
        match &self.tree {
            Tree::Table(entries) => Some(entries),
            _ => None,
        }
    }
}

/// Reads the text of a file. After a syntax fault there is no tree: what follows from half a file is noise.
pub(crate) fn parse(file: u32, notes: &mut Notes<'_>) -> Option<Vec<Entry>> {
    let (table, errors) = DeTable::parse_recoverable(notes.text(file));
    for fault in syntax::faults(file, notes.text(file), &errors) {
        notes.fault(fault);
    }
    if errors.is_empty() { Reader { file }.entries(table.get_ref(), notes) } else { None }
}

/// Reads what the parser found in a file.
#[derive(Clone, Copy)]
struct Reader {
    file: u32,
}

impl Reader {
    fn entries(self, table: &DeTable<'_>, notes: &mut Notes<'_>) -> Option<Vec<Entry>> {
        let mut entries = Vec::with_capacity(table.len());
        for (key, value) in table {
            let key = At::new(key.get_ref().to_string(), Span::new(self.file, key.span()));
            entries.push(Entry { key, value: self.node(value, notes)? });
        }
        entries.sort_by_key(|entry| entry.key.span);
        Some(entries)
    }

    fn node(self, value: &Spanned<DeValue<'_>>, notes: &mut Notes<'_>) -> Option<Node> {
        let span = Span::new(self.file, value.span());
        let tree = match value.get_ref() {
            DeValue::String(text) => Tree::String(text.to_string()),
            DeValue::Boolean(value) => Tree::Bool(*value),
            DeValue::Integer(integer) => {
                let read = i128::from_str_radix(integer.as_str(), integer.radix()).ok();
                number(read.map(Tree::Integer), span, notes)?
            }
            DeValue::Float(float) => {
                number(float.as_str().parse().ok().map(Tree::Float), span, notes)?
            }
            DeValue::Datetime(datetime) => Tree::Datetime(datetime.to_string()),
            DeValue::Array(values) => {
                let items: Option<Vec<Node>> =
                    values.iter().map(|value| self.node(value, notes)).collect();
                Tree::Array(items?)
            }
            DeValue::Table(table) => Tree::Table(self.entries(table, notes)?),
        };
        Some(Node { span, tree })
    }
}

fn number(tree: Option<Tree>, span: Span, notes: &mut Notes<'_>) -> Option<Tree> {
    if tree.is_none() {
        let fault = Fault::new(codes::SYNTAX, "this number cannot be read");
        notes.fault(fault.label(span, "here"));
    }
    tree
}
