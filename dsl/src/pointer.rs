//! JSON pointers (RFC 6901) into a config, as places in the file.

use crate::span::Span;
use crate::tree::{Node, Tree};

/// The place that a pointer leads to: the value, or as deep as the file goes on the way there.
pub(crate) fn span(config: &Node, pointer: &str) -> Span {
    let mut node = config;
    for step in pointer.split('/').skip(1) {
        let step = step.replace("~1", "/").replace("~0", "~");
        let next = match &node.tree {
            Tree::Table(entries) => {
                entries.iter().find(|entry| entry.key.value == step).map(|entry| &entry.value)
            }
            Tree::Array(items) => step.parse().ok().and_then(|at: usize| items.get(at)),
            _ => None,
        };
        match next {
            Some(next) => node = next,
            None => break,
        }
    }
    node.span
}
