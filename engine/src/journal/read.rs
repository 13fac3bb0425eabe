//! Reading a log.

use std::iter::Peekable;

use theater_flow_kernel::block::{Block, Damage, Flaw, Key, Stored, StoredPayload};
use theater_flow_kernel::ids::{Bytes, Digest};
use theater_flow_kernel::limits::CHUNK_BYTES;
use theater_flow_kernel::record::{self, Body, Checkpoint, Pruned};

use crate::journal::{Journal, JournalError, Torn, checkpoint as named};
use crate::store::{Pair, Pairs, Store, StoreError};

/// After every key that there can be.
pub(super) const END: [u8; 64] = [0xff; 64];

/// The values of a block, in order, with their keys; and the block's first seq.
type Values = (u64, Vec<(Vec<u8>, Vec<u8>)>);

impl<S: Store> Journal<S> {
    /// The records from `from` to the log's end, in order, with their payloads; of a fork from its first on. After
    /// an error there are no more. Hashes and links are not checked: see [`Journal::verify`].
    pub fn records(&self, from: u64) -> Result<Records<'_>, JournalError> {
        let (end, from) = (self.flushed.seq, from.max(self.first));
        let first = self.block_of(from)?.unwrap_or(from);
        let blocks = self.store.range(&block(first, 0), Key::BLOCKS_END);
        let payload = Key::Payload { seq: from, index: 0, chunk: 0 }.encode();
        let payloads = self.store.range(&payload, Key::PAYLOADS_END);
        Ok(Records {
            blocks: blocks.peekable(),
            payloads: payloads.peekable(),
            open: None,
            from,
            next: if from < end { first } else { end },
            end,
        })
    }

    /// One record with its payloads.
    pub fn stored(&self, seq: u64) -> Result<Stored, JournalError> {
        self.holds(seq)?;
        let missing = Damage { seq, what: Flaw::Missing };
        self.records(seq)?.next().unwrap_or(Err(missing.into()))
    }

    /// Refuses a record that stands in the run that this one was forked from.
    pub(super) const fn holds(&self, seq: u64) -> Result<(), JournalError> {
        if seq < self.first {
            return Err(JournalError::Before { seq, first: self.first });
        }
        Ok(())
    }

    /// The first record. One that is not where a log begins is that of a fork; if it is not, the log's
    /// beginning is gone, and is looked for where it was.
    pub(super) fn begins_at(&self) -> Result<u64, JournalError> {
        let Some(pair) = self.store.range(Key::BLOCKS, Key::BLOCKS_END).next().transpose()? else {
            return Ok(0);
        };
        let Ok(first @ 1..) = first_of(&pair.0, 0) else { return Ok(0) };
        let values = self.store.range(&block(first, 0), &block(first, u32::MAX));
        let values: Vec<_> = values.map(|pair| Ok(pair?.1)).collect::<Result<_, StoreError>>()?;
        let record = Block::open(first, &values).ok().and_then(|mut block| block.next());
        let record = record.and_then(|stored| stored.ok()?.record().ok());
        let forked = record.is_some_and(|record| matches!(record.body, Body::Forked(_)));
        Ok(if forked { first } else { 0 })
    }

    /// The newest stored checkpoint of the state before record `seq` or an earlier one, with its bytes. The
    /// damage of one that is not whole, or that no record names, is said to be at the record that it is up to.
    pub fn checkpoint(&self, seq: u64) -> Result<Option<(Checkpoint, Vec<u8>)>, JournalError> {
        let Some(&upto) = self.checkpoints.iter().rfind(|upto| **upto <= seq) else {
            return Ok(None);
        };
        let damage = Damage { seq: upto, what: Flaw::Checkpoint };
        let named = match self.checkpoint_record(upto) {
            Ok(named) => named.ok_or_else(|| damage.clone())?,
            Err(JournalError::Damage(_)) => return Err(damage.into()),
            Err(error) => return Err(error),
        };
        match self.checkpoint_bytes(upto)? {
            Some(bytes) if Digest::of(&bytes) == named.digest => Ok(Some((named, bytes))),
            _ => Err(damage.into()),
        }
    }

    /// The records that say that payloads were erased, in order.
    pub fn prunings(&self) -> Result<Vec<(u64, Pruned)>, JournalError> {
        let mut prunings = vec![];
        for pair in self.store.range(Key::PRUNED, Key::PRUNED_END) {
            let (key, value) = pair?;
            let seq = match Key::decode(&key) {
                Some(Key::Pruned { seq }) if value.is_empty() => seq,
                _ => return Err(Damage { seq: 0, what: Flaw::Stray }.into()),
            };
            if seq >= self.flushed.seq {
                // What a torn commit left behind the log's end is not part of it.
                break;
            }
            match self.stored(seq)?.record()?.body {
                Body::Pruned(body) => prunings.push((seq, body)),
                _ => return Err(Damage { seq, what: Flaw::Mark }.into()),
            }
        }
        Ok(prunings)
    }

    /// The bytes of the plan with this digest; `None` if they are not there or are others.
    pub fn plan(&self, digest: Digest) -> Result<Option<Vec<u8>>, JournalError> {
        let key = |part| Key::Plan { digest, part };
        Ok(self.gather(key)?.filter(|bytes| Digest::of(bytes) == digest))
    }

    pub(super) fn checkpoint_bytes(&self, upto: u64) -> Result<Option<Vec<u8>>, JournalError> {
        self.gather(|part| Key::Checkpoint { upto, part })
    }

    pub(super) fn checkpoint_keys(&self, upto: u64) -> Result<Vec<Vec<u8>>, JournalError> {
        let key = |part| Key::Checkpoint { upto, part }.encode();
        self.keys(&key(0), &key(u32::MAX))
    }

    fn keys(&self, from: &[u8], to: &[u8]) -> Result<Vec<Vec<u8>>, JournalError> {
        let keys = self.store.range(from, to).map(|pair| Ok(pair?.0));
        Ok(keys.collect::<Result<_, StoreError>>()?)
    }

    /// All parts under `key`, joined; `None` if there are none, or one is missing between others.
    pub(super) fn gather(&self, key: impl Fn(u32) -> Key) -> Result<Option<Vec<u8>>, JournalError> {
        let mut bytes = vec![];
        let mut parts = 0;
        for pair in self.store.range(&key(0).encode(), &key(u32::MAX).encode()) {
            let (found, mut value) = pair?;
            if found != key(parts).encode() || bytes.len() % CHUNK_BYTES != 0 {
                return Ok(None);
            }
            bytes.append(&mut value);
            parts += 1;
        }
        Ok((parts > 0).then_some(bytes))
    }

    /// What the stored checkpoints are up to, oldest first.
    pub(super) fn checkpoints_stored(&self) -> Result<Vec<u64>, JournalError> {
        let mut stored = vec![];
        let mut from = Key::CHECKPOINTS.to_vec();
        while let Some(pair) = self.store.range(&from, Key::CHECKPOINTS_END).next() {
            let Some(Key::Checkpoint { upto, .. }) = Key::decode(&pair?.0) else {
                return Err(Damage { seq: self.flushed.seq, what: Flaw::Stray }.into());
            };
            stored.push(upto);
            let Some(after) = upto.checked_add(1) else {
                break;
            };
            from = Key::Checkpoint { upto: after, part: 0 }.encode();
        }
        Ok(stored)
    }

    /// The record that names the checkpoint: normally the one whose seq it is up to.
    fn checkpoint_record(&self, upto: u64) -> Result<Option<Checkpoint>, JournalError> {
        for stored in self.records(upto)? {
            let record = stored?.record()?;
            if let Some(named) = named(&record.body).filter(|named| named.upto == upto) {
                return Ok(Some(*named));
            }
        }
        Ok(None)
    }

    /// The first seq of the block that `seq` is in, or would be.
    pub(super) fn block_of(&self, seq: u64) -> Result<Option<u64>, JournalError> {
        let last = self.store.last(Key::BLOCKS, &block(seq, u32::MAX))?;
        last.map(|(key, _)| first_of(&key, seq)).transpose()
    }

    /// Reads the log's last record. A last block of which only the beginning is there is added to `torn`,
    /// and the one before it is the last.
    pub(super) fn last_block(&self, torn: &mut Torn) -> Result<Option<Stored>, JournalError> {
        let Some((mut first, mut values)) = self.block_before(Key::BLOCKS_END)? else {
            return Ok(None);
        };
        if is_torn(first, &values) {
            torn.block = Some(first);
            torn.keys.extend(values.into_iter().map(|(key, _)| key));
            match self.block_before(&block(first, 0))? {
                Some(before) => (first, values) = before,
                None => return Ok(None),
            }
        }
        if (0..).zip(&values).any(|(part, (key, _))| *key != block(first, part)) {
            return Err(Damage { seq: first, what: Flaw::Stray }.into());
        }
        let values: Vec<_> = values.into_iter().map(|(_, value)| value).collect();
        let last = Block::open(first, &values)?.last();
        let last = last.unwrap_or(Err(Damage { seq: first, what: Flaw::Missing }))?;
        if record::hash(&last.preimage) != last.hash {
            return Err(last.damage(Flaw::Hash).into());
        }
        Ok(Some(last))
    }

    fn block_before(&self, end: &[u8]) -> Result<Option<Values>, JournalError> {
        let Some((key, _)) = self.store.last(Key::BLOCKS, end)? else {
            return Ok(None);
        };
        let first = first_of(&key, 0)?;
        let values = self.store.range(&block(first, 0), end).collect::<Result<_, _>>()?;
        Ok(Some((first, values)))
    }

    /// Finds what a torn commit left without the records that would name it: all of it is of records that
    /// would be next.
    pub(super) fn orphans(&mut self, torn: &mut Torn) -> Result<(), JournalError> {
        let payload = Key::Payload { seq: self.flushed.seq, index: 0, chunk: 0 }.encode();
        let mut chunks = self.keys(&payload, Key::PAYLOADS_END)?;
        if chunks.iter().any(|key| Key::decode(key).is_none()) {
            return Err(Damage { seq: self.flushed.seq, what: Flaw::Stray }.into());
        }
        torn.keys.append(&mut chunks);
        let mark = Key::Pruned { seq: self.flushed.seq }.encode();
        torn.keys.append(&mut self.keys(&mark, Key::PRUNED_END)?);
        while let Some(upto) = self.checkpoints.pop_if(|upto| *upto >= self.flushed.seq) {
            torn.keys.append(&mut self.checkpoint_keys(upto)?);
        }
        Ok(())
    }
}

/// See [`Journal::records`].
pub struct Records<'a> {
    blocks: Peekable<Pairs<'a>>,
    payloads: Peekable<Pairs<'a>>,
    open: Option<Block>,
    /// The first record to give.
    from: u64,
    /// The record to read next; `end` after an error.
    next: u64,
    end: u64,
}

impl Records<'_> {
    fn read(&mut self) -> Result<Stored, JournalError> {
        loop {
            if let Some(record) = self.open.as_mut().and_then(Iterator::next) {
                let mut stored = record?;
                self.next = stored.seq + 1;
                if stored.seq >= self.from {
                    self.resolve(&mut stored)?;
                    return Ok(stored);
                }
            } else {
                self.open_next()?;
            }
        }
    }

    fn open_next(&mut self) -> Result<(), JournalError> {
        let first = self.next;
        let mut values = vec![];
        for part in 0.. {
            let key = block(first, part);
            let is_next =
                |pair: &Result<Pair, _>| pair.as_ref().map_or(true, |(found, _)| *found == key);
            let Some(pair) = self.blocks.next_if(is_next) else {
                break;
            };
            values.push(pair?.1);
        }
        if values.is_empty() {
            return Err(Damage { seq: first, what: Flaw::Missing }.into());
        }
        self.open = Some(Block::open(first, &values)?);
        Ok(())
    }

    /// Takes the chunks of the record's payloads. What is not there stays unresolved, for whoever needs it
    /// to report.
    fn resolve(&mut self, stored: &mut Stored) -> Result<(), JournalError> {
        let seq = stored.seq;
        for (index, payload) in (0..).zip(&mut stored.payloads) {
            if let StoredPayload::Chunked(len) = *payload {
                let bytes = self.chunks(seq, index, len as usize)?;
                if bytes.len() == len as usize {
                    *payload = StoredPayload::Inline(Bytes::from(bytes));
                }
            }
        }
        match self.payloads.peek() {
            Some(Ok((key, _))) if !follows(key, seq) => {
                Err(Damage { seq, what: Flaw::Stray }.into())
            }
            _ => Ok(()),
        }
    }

    fn chunks(&mut self, seq: u64, index: u32, len: usize) -> Result<Vec<u8>, JournalError> {
        let mut bytes = vec![];
        let mut chunk = 0;
        while bytes.len() < len {
            let key = Key::Payload { seq, index, chunk }.encode();
            let next = self
                .payloads
                .next_if(|pair| pair.as_ref().map_or(true, |(found, _)| *found == key));
            let Some(pair) = next else { break };
            let (_, mut value) = pair?;
            bytes.append(&mut value);
            chunk += 1;
            // Only the last chunk may be short.
            if bytes.len() < len && bytes.len() % CHUNK_BYTES != 0 {
                break;
            }
        }
        Ok(bytes)
    }
}

impl Iterator for Records<'_> {
    type Item = Result<Stored, JournalError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.next >= self.end {
            return None;
        }
        let read = self.read();
        if read.is_err() {
            self.end = 0;
        }
        Some(read)
    }
}

/// True if the key is that of a payload of a later record than `seq`.
fn follows(key: &[u8], seq: u64) -> bool {
    matches!(Key::decode(key), Some(Key::Payload { seq: of, .. }) if of > seq)
}

/// True if the values are the beginning of a block, and no more: each whole, and as many as come first.
fn is_torn(first: u64, values: &[(Vec<u8>, Vec<u8>)]) -> bool {
    (0..).zip(values).all(|(part, (key, value))| {
        let parts = Block::parts(first, part, value).and_then(|parts| usize::try_from(parts).ok());
        let whole = *key == block(first, part) && value.len() == CHUNK_BYTES;
        whole && parts.is_some_and(|parts| parts > values.len())
    })
}

pub(super) fn first_of(key: &[u8], seq: u64) -> Result<u64, JournalError> {
    match Key::decode(key) {
        Some(Key::Block { first, .. }) => Ok(first),
        _ => Err(Damage { seq, what: Flaw::Stray }.into()),
    }
}

pub(super) fn block(first: u64, part: u32) -> Vec<u8> {
    Key::Block { first, part }.encode()
}
