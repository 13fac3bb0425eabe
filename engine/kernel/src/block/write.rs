//! From records to keys and values.

use alloc::vec::Vec;

use crate::block::{HEADER_BYTES, INLINE_BYTES, Key, ROOM, Stored, StoredPayload, VERSION};
use crate::ids::{Digest, Salt};
use crate::limits::CHUNK_BYTES;
use crate::record::{Entry, Linked};

/// Keys with their values.
pub type Writes = Vec<(Vec<u8>, Vec<u8>)>;

/// How a payload is marked. Any two marks differ in two bits: one flipped bit is never another mark.
pub(super) mod place {
    pub(in crate::block) const INLINE: u8 = 0b1001;
    pub(in crate::block) const CHUNKED: u8 = 0b0011;
    pub(in crate::block) const ERASED: u8 = 0b0101;
}

/// Packs consecutive records into the values of one commit.
#[derive(Debug, Default)]
pub struct BlockWriter {
    /// Payload chunks: they go before the records that name them.
    chunks: Writes,
    /// Finished blocks.
    blocks: Writes,
    /// The open block: room for a header, then its body. Empty if none is open.
    open: Vec<u8>,
    first: u64,
    count: u32,
}

/// A payload on its way into a block.
#[derive(Clone, Copy)]
enum Place<'a> {
    Inline(&'a [u8]),
    Chunked(usize),
    Erased(u32),
}

/// A record on its way into a block.
#[derive(Clone, Copy)]
struct Row<'a> {
    seq: u64,
    preimage: &'a [u8],
    hash: &'a Digest,
    salt: Option<&'a Salt>,
}

impl BlockWriter {
    /// Adds the record that follows the one added before. `linked` is `entry`'s.
    pub fn push(&mut self, entry: &Entry, linked: &Linked) {
        for (index, payload) in (0..).zip(&entry.payloads) {
            if payload.len() > INLINE_BYTES {
                let seq = entry.seq;
                self.chunks.extend(pieces(payload, |chunk| Key::Payload { seq, index, chunk }));
            }
        }
        let places = entry.payloads.iter().map(|payload| match payload.len() {
            0..=INLINE_BYTES => Place::Inline(payload),
            len => Place::Chunked(len),
        });
        let salt = (!entry.payloads.is_empty()).then_some(&entry.salt);
        let Linked { preimage, hash } = linked;
        self.add(Row { seq: entry.seq, preimage, hash, salt }, places);
    }

    /// Adds a record as it was read, its chunks left where they are.
    pub fn push_stored(&mut self, stored: &Stored) {
        let places = stored.payloads.iter().map(|payload| match payload {
            StoredPayload::Inline(bytes) => Place::Inline(bytes),
            StoredPayload::Chunked(len) => Place::Chunked(*len as usize),
            StoredPayload::Erased(len) => Place::Erased(*len),
        });
        let Stored { seq, preimage, hash, salt, .. } = stored;
        self.add(Row { seq: *seq, preimage, hash, salt: salt.as_ref() }, places);
    }

    /// The keys and values of all that was added: chunks first, then blocks, each in order.
    #[must_use]
    pub fn finish(mut self) -> Writes {
        self.seal();
        self.chunks.append(&mut self.blocks);
        self.chunks
    }

    fn add<'a>(&mut self, row: Row<'_>, places: impl Iterator<Item = Place<'a>> + Clone) {
        let size = size(&row, places.clone());
        if self.count > 0 && self.open.len() + size > CHUNK_BYTES {
            self.seal();
        }
        if self.count == 0 {
            self.first = row.seq;
            self.open.reserve_exact((HEADER_BYTES + 4 + size).max(CHUNK_BYTES));
            self.open.resize(HEADER_BYTES + 4, 0);
        }
        self.count += 1;
        self.encode(&row, places);
    }

    fn encode<'a>(&mut self, row: &Row<'_>, places: impl Iterator<Item = Place<'a>> + Clone) {
        let out = &mut self.open;
        put_len(out, row.preimage.len());
        out.extend_from_slice(row.preimage);
        out.extend_from_slice(&row.hash.0);
        out.push(u8::from(row.salt.is_some()));
        out.extend_from_slice(row.salt.map_or(&[], |salt| salt));
        put_len(out, places.clone().count());
        for place in places {
            let (mark, len, bytes): (_, _, &[u8]) = match place {
                Place::Inline(bytes) => (place::INLINE, bytes.len(), bytes),
                Place::Chunked(len) => (place::CHUNKED, len, &[]),
                Place::Erased(len) => (place::ERASED, len as usize, &[]),
            };
            out.push(mark);
            put_len(out, len);
            out.extend_from_slice(bytes);
        }
    }

    fn seal(&mut self) {
        if self.count == 0 {
            return;
        }
        let mut open = core::mem::take(&mut self.open);
        open[HEADER_BYTES..HEADER_BYTES + 4].copy_from_slice(&self.count.to_be_bytes());
        self.count = 0;
        let first = self.first;
        if open.len() <= CHUNK_BYTES {
            open[..HEADER_BYTES].copy_from_slice(&header(first, 0, 1));
            self.blocks.push((Key::Block { first, part: 0 }.encode(), open));
            return;
        }
        let parts = open[HEADER_BYTES..].chunks(ROOM);
        let count = len32(parts.len());
        self.blocks.extend((0..).zip(parts).map(|(part, body)| {
            let value = [&header(first, part, count), body].concat();
            (Key::Block { first, part }.encode(), value)
        }));
    }
}

/// Cuts `bytes` into values of [`CHUNK_BYTES`] (the last may be shorter) under `key`. No bytes are no
/// values.
pub fn pieces(bytes: &[u8], key: impl Fn(u32) -> Key) -> impl Iterator<Item = (Vec<u8>, Vec<u8>)> {
    (0..)
        .zip(bytes.chunks(CHUNK_BYTES))
        .map(move |(part, chunk)| (key(part).encode(), chunk.into()))
}

fn header(first: u64, part: u32, parts: u32) -> [u8; HEADER_BYTES] {
    let mut header = [VERSION; HEADER_BYTES];
    header[1..9].copy_from_slice(&first.to_be_bytes());
    header[9..13].copy_from_slice(&part.to_be_bytes());
    header[13..].copy_from_slice(&parts.to_be_bytes());
    header
}

fn size<'a>(row: &Row<'_>, places: impl Iterator<Item = Place<'a>>) -> usize {
    let payloads = places.map(|place| match place {
        Place::Inline(bytes) => 5 + bytes.len(),
        Place::Chunked(_) | Place::Erased(_) => 5,
    });
    4 + row.preimage.len()
        + 32
        + 1
        + row.salt.map_or(0, |salt| salt.len())
        + 4
        + payloads.sum::<usize>()
}

fn put_len(out: &mut Vec<u8>, len: usize) {
    out.extend_from_slice(&len32(len).to_be_bytes());
}

/// All lengths in a record are far below 4 GiB, by `limits`.
fn len32(len: usize) -> u32 {
    u32::try_from(len).unwrap_or(u32::MAX)
}
