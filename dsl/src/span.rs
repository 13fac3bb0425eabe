//! Places in the text of a file.

use std::ops::Range;

/// A range of bytes in the text of a file. Places are in the order of the files, then of their bytes.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct Span {
    /// Which file: 0 is the pipeline's own, `n` the `n`-th module of
    /// [`Compiled::modules`](crate::Compiled), from 1.
    pub file: u32,
    /// First byte.
    pub start: usize,
    /// The byte after the last.
    pub end: usize,
}

impl Span {
    /// A range of bytes in a file.
    pub(crate) const fn new(file: u32, range: Range<usize>) -> Self {
        Self { file, start: range.start, end: range.end }
    }

    /// The beginning of a file, for what is missing in all of it.
    pub(crate) const fn top(file: u32) -> Self {
        Self { file, start: 0, end: 0 }
    }
}

impl From<Span> for miette::SourceSpan {
    fn from(span: Span) -> Self {
        (span.start, span.end.saturating_sub(span.start)).into()
    }
}

/// Something read from the file, with its place there.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct At<T> {
    /// What was read.
    pub value: T,
    /// Where it stands.
    pub span: Span,
}

impl<T> At<T> {
    pub(crate) const fn new(value: T, span: Span) -> Self {
        Self { value, span }
    }
}
