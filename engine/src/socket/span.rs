//! A part of a log's keys, as a query names it.

use crate::store::{Pair, SharedStore, Store as _, StoreError};

/// Pairs of one answer, at most: the run waits while they are read. They are about 1 MiB.
const PAIRS: usize = 64;

/// The keys from `from` on and before `to`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Span {
    /// The first key.
    pub from: Vec<u8>,
    /// The first key that is no longer of it.
    pub to: Vec<u8>,
    /// Only the last one is wanted.
    pub last: bool,
}

/// What is stored there: see [`Shown::pairs`](super::Shown::pairs).
pub fn pairs(reader: &SharedStore, span: &Span) -> Result<Vec<Pair>, String> {
    let Span { from, to, last } = span;
    let pairs = reader.still(|store| -> Result<Vec<Pair>, StoreError> {
        if *last {
            return Ok(store.last(from, to)?.into_iter().collect());
        }
        store.range(from, to).take(PAIRS).collect()
    });
    pairs.map_err(|error| error.to_string())
}

impl Span {
    pub(super) fn query(&self) -> String {
        let last = if self.last { "&last=1" } else { "" };
        format!("from={}&to={}{last}", hex(&self.from), hex(&self.to))
    }

    pub(super) fn parse(query: &str) -> Result<Self, String> {
        let (mut from, mut to, mut last) = (None, None, false);
        for pair in query.split('&') {
            let wrong = || format!("`{pair}` is not understood");
            match pair.split_once('=').ok_or_else(wrong)? {
                ("from", key) => from = Some(bytes(key).ok_or_else(wrong)?),
                ("to", key) => to = Some(bytes(key).ok_or_else(wrong)?),
                ("last", "1") => last = true,
                _ => return Err(wrong()),
            }
        }
        let from = from.ok_or("`from` is missing")?;
        Ok(Self { from, to: to.ok_or("`to` is missing")?, last })
    }
}

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

fn bytes(hex: &str) -> Option<Vec<u8>> {
    let digits = hex.as_bytes().chunks(2);
    let byte = |two: &[u8]| {
        let two = str::from_utf8(two).ok().filter(|two| two.len() == 2 && !two.starts_with('+'))?;
        u8::from_str_radix(two, 16).ok()
    };
    digits.map(byte).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_names_the_span_it_was_made_of() {
        for span in [
            Span { from: vec![], to: vec![0xff; 64], last: false },
            Span { from: b"b\x00\x7f".to_vec(), to: b"c".to_vec(), last: true },
        ] {
            assert_eq!(Span::parse(&span.query()), Ok(span));
        }
        for wrong in
            ["", "from=0", "from=00", "from=0g&to=00", "from=00&to=+1", "from=00&to=00&x=1"]
        {
            Span::parse(wrong).expect_err(wrong);
        }
    }
}
