//! Reading no more of records than what they follow from.

use serde::Deserialize;
use theater_flow_kernel::block::{Block, Damage, Flaw, Key, Stored};
use theater_flow_kernel::ids::{Digest, Ref};
use theater_flow_kernel::record::Record;

use crate::journal::read::{block, first_of};
use crate::journal::{Journal, JournalError};
use crate::store::Store;

/// A record's number, and what it follows from.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Link {
    /// The record.
    pub seq: u64,
    /// What it follows from.
    pub causes: Vec<Ref>,
}

/// How a record's preimage begins: the fields of [`Record`] before its body, in their order.
#[derive(Deserialize)]
struct Beginning {
    _version: u8,
    seq: u64,
    _prev: Digest,
    _at: u64,
    causes: Vec<Ref>,
}

impl<S: Store> Journal<S> {
    /// The records of the block that `seq` is in, in order, without their payloads.
    pub fn around(&self, seq: u64) -> Result<Vec<Record>, JournalError> {
        self.holds(seq)?;
        let missing = Damage { seq, what: Flaw::Missing };
        let first = self.block_of(seq)?.ok_or(missing)?;
        let values = self.store.range(&block(first, 0), &block(first, u32::MAX));
        let values: Vec<_> = values.map(|pair| Ok(pair?.1)).collect::<Result<_, JournalError>>()?;
        let records = Block::open(first, &values)?.map(|stored| stored?.record());
        Ok(records.collect::<Result<_, Damage>>()?)
    }

    /// What each record from `from` on follows from, in order. Payloads are not fetched and bodies are not
    /// decoded: that is most of what reading a record costs.
    pub fn links(
        &self,
        from: u64,
    ) -> Result<impl Iterator<Item = Result<Link, JournalError>> + '_, JournalError> {
        let first = self.block_of(from)?.unwrap_or(from);
        let mut pairs = self.store.range(&block(first, 0), Key::BLOCKS_END).peekable();
        let end = self.flushed.seq;
        let blocks = std::iter::from_fn(move || {
            let (key, value) = match pairs.next()? {
                Ok(pair) => pair,
                Err(error) => return Some(Err(error.into())),
            };
            let mut values = vec![value];
            let first = match first_of(&key, from) {
                Ok(first) => first,
                Err(error) => return Some(Err(error)),
            };
            while let Some(Ok((_, value))) = pairs.next_if(|pair| continues(pair, first)) {
                values.push(value);
            }
            // What a torn commit left behind the log's end is not part of it.
            (first < end).then(|| Ok(links_of(first, &values)?))
        });
        let each = blocks.flat_map(|block: Result<Vec<Link>, JournalError>| match block {
            Ok(links) => links.into_iter().map(Ok).collect(),
            Err(error) => vec![Err(error)],
        });
        Ok(each.skip_while(move |link| link.as_ref().is_ok_and(|link| link.seq < from)))
    }
}

/// True if the pair is a further part of the block.
fn continues(pair: &Result<crate::store::Pair, crate::store::StoreError>, first: u64) -> bool {
    let key = pair.as_ref().ok().and_then(|(key, _)| Key::decode(key));
    matches!(key, Some(Key::Block { first: found, .. }) if found == first)
}

fn links_of(first: u64, values: &[Vec<u8>]) -> Result<Vec<Link>, Damage> {
    Block::open(first, values)?.map(|stored| link(&stored?)).collect()
}

fn link(stored: &Stored) -> Result<Link, Damage> {
    match postcard::take_from_bytes::<Beginning>(&stored.preimage) {
        Ok((Beginning { seq, causes, .. }, _)) => Ok(Link { seq, causes }),
        Err(_) => Err(stored.damage(Flaw::Encoding)),
    }
}
