//! Finds the lines of a text on which a rule could match, without cutting it into lines.

use regex::{Regex, RegexBuilder};
use regex_syntax::ParserBuilder;
use regex_syntax::hir::{Class, Hir, HirKind};

use super::rules::NEST_LIMIT;

/// Bytes of the sieve compiled; without one, every line is tried.
const SIZE_LIMIT: usize = 8 << 20;
const CACHE_LIMIT: usize = 2 << 20;

/// One expression that matches within every line on which a rule matches, and never over the end of
/// a line. So in a text, the line of its next match is the first on which a rule can match.
///
/// There is none if it would match everywhere.
pub(super) fn sieve<'r>(rules: impl Iterator<Item = &'r String>) -> Option<Regex> {
    let mut parser = ParserBuilder::new().nest_limit(NEST_LIMIT).build();
    let loosened: Option<Vec<Hir>> = rules
        .map(|rule| parser.parse(rule).ok().map(|rule| loosened(&rule)))
        .collect();
    let any = Hir::alternation(loosened?);
    if any.properties().minimum_len() == Some(0) {
        return None;
    }
    let mut builder = RegexBuilder::new(&any.to_string());
    builder.size_limit(SIZE_LIMIT).dfa_size_limit(CACHE_LIMIT);
    builder.build().ok()
}

/// An expression without line ends and without conditions on what stands around: it matches all that
/// the given one matches in a line, wherever it stands, and perhaps more.
fn loosened(rule: &Hir) -> Hir {
    match rule.kind() {
        HirKind::Empty | HirKind::Look(_) => Hir::empty(),
        HirKind::Literal(literal) if literal.0.contains(&b'\n') => Hir::fail(),
        HirKind::Literal(literal) => Hir::literal(literal.0.clone()),
        HirKind::Class(class) => Hir::class(without_line_end(class.clone())),
        HirKind::Repetition(repetition) => {
            let mut repetition = repetition.clone();
            repetition.sub = Box::new(loosened(&repetition.sub));
            Hir::repetition(repetition)
        }
        HirKind::Capture(capture) => loosened(&capture.sub),
        HirKind::Concat(parts) => Hir::concat(parts.iter().map(loosened).collect()),
        HirKind::Alternation(parts) => Hir::alternation(parts.iter().map(loosened).collect()),
    }
}

fn without_line_end(mut class: Class) -> Class {
    use regex_syntax::hir::{ClassBytes, ClassBytesRange, ClassUnicode, ClassUnicodeRange};
    match &mut class {
        Class::Unicode(class) => {
            let end = ClassUnicodeRange::new('\n', '\n');
            class.difference(&ClassUnicode::new([end]));
        }
        Class::Bytes(class) => {
            let end = ClassBytesRange::new(b'\n', b'\n');
            class.difference(&ClassBytes::new([end]));
        }
    }
    class
}
