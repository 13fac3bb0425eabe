//! Parts of a line that are not to be seen.

use std::borrow::Cow;
use std::ops::Range;

/// Characters of a match that are seen.
const SEEN: usize = 4;

/// What stands for the rest of a match.
const REST: &str = "…";

/// The hidden parts in their order, apart from each other. A part is empty where a match is too
/// short to have one: it is marked all the same.
pub(super) struct Hidden(Vec<Range<usize>>);

impl Hidden {
    /// All but the beginnings of some matches. Matches that overlap are one.
    pub(super) fn of(text: &str, matches: impl Iterator<Item = Range<usize>>) -> Self {
        let mut matches: Vec<Range<usize>> = matches.filter(|range| !range.is_empty()).collect();
        matches.sort_unstable_by_key(|range| range.start);
        let mut whole: Vec<Range<usize>> = Vec::new();
        for range in matches {
            match whole.last_mut() {
                Some(last) if range.start < last.end => last.end = last.end.max(range.end),
                _ => whole.push(range),
            }
        }
        for range in &mut whole {
            let seen = text[range.clone()].char_indices().nth(SEEN);
            range.start = seen.map_or(range.end, |(at, _)| range.start + at);
        }
        Self(whole)
    }

    /// A part of the line as it may be seen.
    pub(super) fn shown<'t>(&self, text: &'t str, part: Range<usize>) -> Cow<'t, str> {
        let inside = |hidden: &&Range<usize>| {
            let empty = hidden.is_empty() && (part.start + 1..=part.end).contains(&hidden.start);
            empty || (hidden.start < part.end && hidden.end > part.start)
        };
        let (mut shown, mut at) = (String::new(), part.start);
        for hidden in self.0.iter().filter(inside) {
            shown.push_str(&text[at..hidden.start.max(at)]);
            shown.push_str(REST);
            at = hidden.end.min(part.end);
        }
        if shown.is_empty() {
            return text[part].into();
        }
        shown.push_str(&text[at..part.end]);
        shown.into()
    }
}
