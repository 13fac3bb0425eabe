//! Where else in a log the bytes stand that are to be erased.

use std::collections::BTreeSet;

use memchr::memmem::Finder;
use theater_flow_kernel::ids::Ref;

use super::Planned;
use crate::causes;
use crate::journal::{Journal, JournalError};
use crate::store::Store;

/// Bytes below which a payload is not looked for: it stands in much that has nothing to do with it.
const SHORTEST: usize = 4;

/// What an erased payload leaves behind.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Elsewhere {
    /// Further parts, and records, whose payloads hold the same bytes: they can be erased too.
    pub payloads: Vec<Ref>,
    /// Records that quote them themselves, as the text of a fault or the name of a file: these stay.
    pub texts: Vec<u64>,
    /// How many records follow from what is erased. What they made of it in another form is not looked for.
    pub follow: u64,
}

/// Looks for the bytes of the payloads that are to be erased by name. Those of a JSON string are looked for without
/// its quotes. Reads the whole log.
///
/// # Errors
/// If the log cannot be read.
pub fn elsewhere<S: Store>(
    journal: &Journal<S>,
    (planned, of): (&Planned, &[Ref]),
) -> Result<Elsewhere, JournalError> {
    let mut found = Elsewhere::default();
    let mut follow = BTreeSet::new();
    let mut wanted = BTreeSet::new();
    for of in of {
        follow.extend(causes::effects(journal, *of)?.members.into_keys());
        let stored = journal.stored(of.seq)?;
        let body = stored.record()?.body;
        for (part, payload) in body.payload_parts().zip(&stored.payloads) {
            let taken = planned.cut.takes(of.seq, part).is_some();
            wanted.extend(payload.bytes().filter(|_| taken).map(|bytes| content(bytes).to_vec()));
        }
    }
    found.follow = follow.iter().filter(|seq| of.iter().all(|of| of.seq != **seq)).count() as u64;
    let wanted: Vec<Finder> =
        wanted.iter().filter(|bytes| bytes.len() >= SHORTEST).map(Finder::new).collect();
    let holds = |bytes: &[u8]| wanted.iter().any(|wanted| wanted.find(bytes).is_some());
    for stored in journal.records(0)? {
        let stored = stored?;
        let body = stored.record()?.body;
        for (part, payload) in body.payload_parts().zip(&stored.payloads) {
            let stays = planned.cut.takes(stored.seq, part).is_none();
            if stays && payload.bytes().is_some_and(|bytes| holds(bytes)) {
                found.payloads.push(Ref { seq: stored.seq, part });
            }
        }
        if holds(&stored.preimage) {
            found.texts.push(stored.seq);
        }
    }
    found.payloads.dedup();
    Ok(found)
}

/// What a payload says, without what is around it.
fn content(bytes: &[u8]) -> &[u8] {
    let bytes = bytes.trim_ascii();
    let inner = bytes.strip_prefix(b"\"").and_then(|bytes| bytes.strip_suffix(b"\""));
    inner.unwrap_or(bytes)
}
