//! The type language: text to [`Expr`].

use theater_flow_kernel::limits;
use theater_flow_kernel::types::Type;

use crate::codes;
use crate::fault::Fault;
use crate::notes::Notes;
use crate::slip;
use crate::span::{At, Span};
use crate::table::{is_name, wrong_kind};
use crate::tree::{Entry, Node, Tree};
use crate::type_parser::Parser;

/// A type as it is written.
#[derive(Clone, PartialEq, Debug)]
pub(crate) enum Expr {
    /// `u32`, `string`, `json`, …
    Scalar(Type),
    List(Box<Expr>),
    Option(Box<Expr>),
    Result {
        ok: Option<Box<Expr>>,
        err: Option<Box<Expr>>,
    },
    Tuple(Vec<Expr>),
    Enum(Vec<String>),
    Variant(Vec<(String, Option<Expr>)>),
    Record(Vec<(String, Expr)>),
    /// A type of `[types]`.
    Name(At<String>),
    /// `$T`.
    Variable(At<String>),
}

impl Expr {
    /// The types right inside.
    pub(crate) fn parts(&self) -> Vec<&Self> {
        match self {
            Self::Scalar(_) | Self::Enum(_) | Self::Name(_) | Self::Variable(_) => Vec::new(),
            Self::List(inner) | Self::Option(inner) => vec![inner],
            Self::Result { ok, err } => ok.iter().chain(err).map(AsRef::as_ref).collect(),
            Self::Tuple(parts) => parts.iter().collect(),
            Self::Variant(cases) => cases.iter().filter_map(|(_, ty)| ty.as_ref()).collect(),
            Self::Record(fields) => fields.iter().map(|(_, ty)| ty).collect(),
        }
    }
}

/// Types without parts, by their word.
pub(crate) const SCALARS: &[(&str, Type)] = &[
    ("bool", Type::Bool),
    ("u8", Type::U8),
    ("u16", Type::U16),
    ("u32", Type::U32),
    ("u64", Type::U64),
    ("s8", Type::S8),
    ("s16", Type::S16),
    ("s32", Type::S32),
    ("s64", Type::S64),
    ("f32", Type::F32),
    ("f64", Type::F64),
    ("char", Type::Char),
    ("string", Type::String),
    ("bytes", Type::Bytes),
    ("json", Type::Json),
];

/// Types with parts, by their word.
pub(crate) const FORMS: &[&str] = &["list", "option", "result", "tuple", "enum", "variant"];

/// What is wrong with a type's text, and at which bytes of it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct TypeFault {
    pub(crate) code: codes::Code,
    pub(crate) message: String,
    pub(crate) from: usize,
    pub(crate) to: usize,
    /// How it is written, if it looks like something that other languages have.
    pub(crate) help: Option<String>,
}

/// Where the text of a type stands in the file.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Place {
    /// It begins where this begins: the file has it byte for byte.
    Exact(Span),
    /// Somewhere in here: the file has it with escapes, or an actor said it.
    Within(Span),
}

impl Place {
    /// Where bytes of the text stand in the file.
    pub(crate) const fn span(self, from: usize, to: usize) -> Span {
        match self {
            Self::Exact(Span { file, start, .. }) => {
                Span { file, start: start + from, end: start + to }
            }
            Self::Within(span) => span,
        }
    }
}

/// Whether `name` can stand in `[types]`.
pub(crate) fn is_type_name(name: &str) -> bool {
    // `expand` writes the types of modules as `<module>/<type>`.
    let (modules, name) =
        name.rsplit_once('/').map_or(("", name), |(modules, name)| (modules, name));
    if !modules.is_empty() && !modules.split('/').all(is_name) {
        return false;
    }
    let mut chars = name.chars();
    let taken = SCALARS.iter().any(|(word, _)| *word == name) || FORMS.contains(&name);
    !taken
        && chars.next().is_some_and(|first| first.is_ascii_alphabetic())
        && chars.all(|c| c.is_ascii_alphanumeric() || c == '-')
}

/// Reads a type from the file: a string in the type language, or a table, which is a record.
pub(crate) fn read(node: &Node, notes: &mut Notes<'_>) -> Option<Expr> {
    match &node.tree {
        Tree::String(text) => {
            let place = place(node.span, text, notes.text(node.span.file));
            match parse(text, place) {
                Ok(expr) => Some(expr),
                Err(fault) => {
                    let span = place.span(fault.from, fault.to);
                    let said = Fault::new(fault.code, fault.message).label(span, "here");
                    notes.fault(said.maybe_help(fault.help));
                    None
                }
            }
        }
        Tree::Table(entries) => record(entries, node.span, notes),
        _ => {
            wrong_kind(slip::TYPE, node, notes);
            None
        }
    }
}

/// Reads a type from text.
pub(crate) fn parse(text: &str, place: Place) -> Result<Expr, TypeFault> {
    Parser::new(text, place).whole()
}

fn record(entries: &[Entry], span: Span, notes: &mut Notes<'_>) -> Option<Expr> {
    // Every field is read, so that each fault is heard.
    let fields: Vec<Option<(String, Expr)>> = entries
        .iter()
        .map(|entry| Some((entry.key.value.clone(), read(&entry.value, notes)?)))
        .collect();
    let expr = Expr::Record(fields.into_iter().collect::<Option<_>>()?);
    if depth(&expr) > limits::TYPE_DEPTH {
        let message = format!("types nest at most {} deep", limits::TYPE_DEPTH);
        notes.fault(Fault::new(codes::DEEP_TYPE, message).label(span, "here"));
        return None;
    }
    Some(expr)
}

/// How deep a type nests; itself counts. Tables nest at most 80 deep, texts at most 32.
fn depth(expr: &Expr) -> usize {
    1 + expr.parts().into_iter().map(depth).max().unwrap_or(0)
}

/// The place of a TOML string's content, if the file has it without escapes.
fn place(span: Span, text: &str, file: &str) -> Place {
    let start = span.start + 1;
    match file.get(start..start + text.len()) {
        Some(found) if found == text && start + text.len() < span.end => {
            Place::Exact(Span { start, ..span })
        }
        _ => Place::Within(span),
    }
}
