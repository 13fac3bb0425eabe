//! Reading no more of records than is wanted: what they follow from, or single ones.

use std::collections::{BTreeMap, VecDeque};

use serde::Deserialize;
use theater_flow_kernel::block::{Block, Damage, Flaw, Key, Shelf, Stored, StoredPayload};
use theater_flow_kernel::ids::{Bytes, Digest, Ref};
use theater_flow_kernel::record::Record;

use crate::journal::read::{block, first_of};
use crate::journal::{Journal, JournalError};
use crate::store::Store;

/// Blocks that are kept at hand: about 4 MiB.
const SHELVES: usize = 256;

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
        let block = self.shelf(seq)?;
        let records = block.seqs().filter_map(|seq| block.preimage(seq).map(|bytes| (seq, bytes)));
        Ok(records.map(|(seq, bytes)| record(seq, bytes)).collect::<Result<_, Damage>>()?)
    }

    /// The block that `seq` is in.
    fn shelf(&self, seq: u64) -> Result<Shelf, JournalError> {
        self.holds(seq)?;
        let missing = Damage { seq, what: Flaw::Missing };
        let last = self.store.last(Key::BLOCKS, &block(seq, u32::MAX))?.ok_or(missing)?;
        let first = first_of(&last.0, seq)?;
        // Most blocks have one part, which is at hand.
        let values = if Block::parts(first, 0, &last.1) == Some(1) {
            vec![last.1]
        } else {
            let values = self.store.range(&block(first, 0), &block(first, u32::MAX));
            values.map(|pair| Ok(pair?.1)).collect::<Result<_, JournalError>>()?
        };
        Ok(Block::open(first, &values)?.shelve()?)
    }

    /// Reads single records, those near each other at the price of one.
    pub const fn nearby(&self) -> Nearby<'_, S> {
        Nearby { journal: self, shelves: BTreeMap::new(), order: VecDeque::new() }
    }

    /// The records from `from` on, in order, without their payloads.
    pub fn bare(
        &self,
        from: u64,
    ) -> Result<impl Iterator<Item = Result<Record, JournalError>> + '_, JournalError> {
        let each = self.blocks(from)?.flat_map(|block| match block {
            Ok(block) => block.map(|stored| Ok(stored?.record()?)).collect(),
            Err(error) => vec![Err(error)],
        });
        Ok(each.skip_while(move |record: &Result<Record, _>| {
            record.as_ref().is_ok_and(|record| record.seq < from)
        }))
    }

    /// What each record from `from` on follows from, in order. Payloads are not fetched and bodies are not
    /// decoded: that is most of what reading a record costs.
    pub fn links(
        &self,
        from: u64,
    ) -> Result<impl Iterator<Item = Result<Link, JournalError>> + '_, JournalError> {
        let blocks = self.blocks(from)?.map(|block| Ok(links_of(block?)?));
        let each = blocks.flat_map(|block: Result<Vec<Link>, JournalError>| match block {
            Ok(links) => links.into_iter().map(Ok).collect(),
            Err(error) => vec![Err(error)],
        });
        Ok(each.skip_while(move |link| link.as_ref().is_ok_and(|link| link.seq < from)))
    }

    /// The blocks from the one that `from` is in to the log's end, as they are stored.
    pub(super) fn blocks(
        &self,
        from: u64,
    ) -> Result<impl Iterator<Item = Result<Block, JournalError>> + '_, JournalError> {
        let first = self.block_of(from)?.unwrap_or(from);
        let mut pairs = self.store.range(&block(first, 0), Key::BLOCKS_END).peekable();
        let end = self.flushed.seq;
        Ok(std::iter::from_fn(move || {
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
            (first < end).then(|| Ok(Block::open(first, &values)?))
        }))
    }
}

/// True if the pair is a further part of the block.
fn continues(pair: &Result<crate::store::Pair, crate::store::StoreError>, first: u64) -> bool {
    let key = pair.as_ref().ok().and_then(|(key, _)| Key::decode(key));
    matches!(key, Some(Key::Block { first: found, .. }) if found == first)
}

fn links_of(block: Block) -> Result<Vec<Link>, Damage> {
    let shelf = block.shelve()?;
    let links = shelf.seqs().filter_map(|seq| shelf.preimage(seq).map(|bytes| (seq, bytes)));
    links.map(|(seq, bytes)| link(seq, bytes)).collect()
}

fn link(seq: u64, preimage: &[u8]) -> Result<Link, Damage> {
    match postcard::take_from_bytes::<Beginning>(preimage) {
        Ok((Beginning { seq, causes, .. }, _)) => Ok(Link { seq, causes }),
        Err(_) => Err(Damage { seq, what: Flaw::Encoding }),
    }
}

fn record(seq: u64, preimage: &[u8]) -> Result<Record, Damage> {
    match postcard::take_from_bytes(preimage) {
        Ok((record, [])) => Ok(record),
        _ => Err(Damage { seq, what: Flaw::Encoding }),
    }
}

/// See [`Journal::nearby`].
#[derive(Debug)]
pub struct Nearby<'a, S> {
    journal: &'a Journal<S>,
    /// The blocks that were read last, by their first seq.
    shelves: BTreeMap<u64, Shelf>,
    /// In the order in which they were read.
    order: VecDeque<u64>,
}

impl<S: Store> Nearby<'_, S> {
    /// A record, without its payloads.
    pub fn record(&mut self, seq: u64) -> Result<Record, JournalError> {
        let preimage = self.shelf(seq)?.preimage(seq);
        let preimage = preimage.ok_or(Damage { seq, what: Flaw::Missing })?;
        Ok(record(seq, preimage)?)
    }

    /// A record with its payloads.
    pub fn stored(&mut self, seq: u64) -> Result<Stored, JournalError> {
        let stored = self.shelf(seq)?.stored(seq);
        let mut stored = stored.ok_or(Damage { seq, what: Flaw::Missing })??;
        for (index, payload) in (0..).zip(&mut stored.payloads) {
            if let StoredPayload::Chunked(len) = *payload {
                let bytes = self.journal.gather(|chunk| Key::Payload { seq, index, chunk })?;
                if let Some(bytes) = bytes.filter(|bytes| bytes.len() == len as usize) {
                    *payload = StoredPayload::Inline(Bytes::from(bytes));
                }
            }
        }
        Ok(stored)
    }

    fn shelf(&mut self, seq: u64) -> Result<&Shelf, JournalError> {
        let known = self.shelves.range(..=seq).next_back();
        let known = known.filter(|(_, shelf)| shelf.preimage(seq).is_some());
        let first = if let Some((first, _)) = known {
            *first
        } else {
            let block = self.journal.shelf(seq)?;
            let first = block.first();
            self.order.push_back(first);
            self.shelves.insert(first, block);
            if self.order.len() > SHELVES
                && let Some(oldest) = self.order.pop_front()
            {
                self.shelves.remove(&oldest);
            }
            first
        };
        self.shelves.get(&first).ok_or_else(|| Damage { seq, what: Flaw::Missing }.into())
    }
}
