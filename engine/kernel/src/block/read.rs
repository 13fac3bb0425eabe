//! From values to records. Any bytes at all are read without a panic; whatever is not exactly what the
//! writer writes is damage.

use alloc::vec::Vec;

use crate::block::write::place;
use crate::block::{Damage, Flaw, ROOM, Stored, StoredPayload, VERSION};
use crate::ids::{Bytes, Digest, Salt};
use crate::limits::CHUNK_BYTES;

/// A block being read: an iterator over its records, in order. It ends after the first damage; the
/// records before it can be read.
#[derive(Debug)]
pub struct Block {
    body: Vec<u8>,
    at: usize,
    next: u64,
    left: u32,
}

impl Block {
    /// Opens the block that stands under `first`: its values in the order of their keys, which count
    /// parts from 0.
    pub fn open<V: AsRef<[u8]>>(first: u64, values: &[V]) -> Result<Self, Damage> {
        let damage = |what| Damage { seq: first, what };
        let mut body = Vec::with_capacity(values.iter().map(|value| value.as_ref().len()).sum());
        for (part, value) in (0..).zip(values) {
            let mut value = Cursor(value.as_ref());
            if value.0.len() > CHUNK_BYTES {
                return Err(damage(Flaw::Framing("too long")));
            }
            let parts = value.header(first, part).map_err(damage)?;
            if usize::try_from(parts) != Ok(values.len()) {
                return Err(damage(Flaw::Framing("incomplete")));
            }
            if part + 1 < parts && value.0.len() != ROOM {
                return Err(damage(Flaw::Framing("a part is too short")));
            }
            if part > 0 && value.0.is_empty() {
                return Err(damage(Flaw::Framing("a part is empty")));
            }
            body.extend_from_slice(value.0);
        }
        let count =
            Cursor(&body).u32().filter(|count| *count == 1 || values.len() == 1 && *count > 0);
        let left = count.ok_or_else(|| damage(Flaw::Framing("count")))?;
        if first.checked_add(u64::from(left)).is_none() {
            return Err(damage(Flaw::Framing("first seq")));
        }
        Ok(Self { body, at: 4, next: first, left })
    }

    /// In how many parts a block's value says that the block is stored; `None` if it cannot be told.
    #[must_use]
    pub fn parts(first: u64, part: u32, value: &[u8]) -> Option<u32> {
        Cursor(value).header(first, part).ok()
    }

    /// Reads all records, or says what is wrong with the first that cannot be read.
    pub fn read<V: AsRef<[u8]>>(first: u64, values: &[V]) -> Result<Vec<Stored>, Damage> {
        Self::open(first, values)?.collect()
    }

    fn record(&mut self) -> Result<Stored, &'static str> {
        let mut rest = Cursor(&self.body[self.at..]);
        let stored = rest.stored(self.next)?;
        if self.left == 1 && !rest.0.is_empty() {
            return Err("something follows the last record");
        }
        self.at = self.body.len() - rest.0.len();
        Ok(stored)
    }
}

/// A block of which any record can be read by itself.
#[derive(Debug)]
pub struct Shelf {
    body: Vec<u8>,
    first: u64,
    /// Where each record begins.
    starts: Vec<usize>,
}

impl Block {
    /// Finds where each record stands, without reading what it holds.
    pub fn shelve(mut self) -> Result<Shelf, Damage> {
        let (first, mut starts) = (self.next, Vec::new());
        while self.left > 0 {
            let damage = |what| Damage { seq: self.next, what: Flaw::Framing(what) };
            let mut rest = Cursor(&self.body[self.at..]);
            rest.skip().map_err(damage)?;
            if self.left == 1 && !rest.0.is_empty() {
                return Err(damage("something follows the last record"));
            }
            starts.push(self.at);
            self.at = self.body.len() - rest.0.len();
            (self.next, self.left) = (self.next + 1, self.left - 1);
        }
        Ok(Shelf { body: self.body, first, starts })
    }
}

impl Shelf {
    /// The seq of the first record.
    #[must_use]
    pub const fn first(&self) -> u64 {
        self.first
    }

    /// The seqs of the records.
    pub fn seqs(&self) -> impl Iterator<Item = u64> + use<> {
        (self.first..).take(self.starts.len())
    }

    fn at(&self, seq: u64) -> Option<Cursor<'_>> {
        let nth = usize::try_from(seq.checked_sub(self.first)?).ok()?;
        Some(Cursor(&self.body[*self.starts.get(nth)?..]))
    }

    /// A record's preimage; `None` if the record is not here.
    #[must_use]
    pub fn preimage(&self, seq: u64) -> Option<&[u8]> {
        self.at(seq)?.sized()
    }

    /// A record; `None` if it is not here.
    #[must_use]
    pub fn stored(&self, seq: u64) -> Option<Result<Stored, Damage>> {
        let stored = self.at(seq)?.stored(seq);
        Some(stored.map_err(|what| Damage { seq, what: Flaw::Framing(what) }))
    }
}

impl Iterator for Block {
    type Item = Result<Stored, Damage>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.left == 0 {
            return None;
        }
        let record =
            self.record().map_err(|what| Damage { seq: self.next, what: Flaw::Framing(what) });
        self.next += 1;
        self.left = if record.is_ok() { self.left - 1 } else { 0 };
        Some(record)
    }
}

/// What is still to be read.
struct Cursor<'a>(&'a [u8]);

impl<'a> Cursor<'a> {
    fn take(&mut self, len: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(len)?;
        self.0 = rest;
        Some(taken)
    }

    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (taken, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(*taken)
    }

    fn u8(&mut self) -> Option<u8> {
        self.array().map(|[byte]| byte)
    }

    fn u32(&mut self) -> Option<u32> {
        self.array().map(u32::from_be_bytes)
    }

    fn u64(&mut self) -> Option<u64> {
        self.array().map(u64::from_be_bytes)
    }

    /// A length, and that many bytes.
    fn sized(&mut self) -> Option<&'a [u8]> {
        let len = self.u32()?;
        self.take(len as usize)
    }

    /// Checks the header of a part, and says how many parts there are.
    fn header(&mut self, first: u64, part: u32) -> Result<u32, Flaw> {
        match self.u8() {
            Some(VERSION) => {}
            Some(version) => return Err(Flaw::Version(version)),
            None => return Err(Flaw::Framing("empty")),
        }
        if self.u64() != Some(first) {
            return Err(Flaw::Framing("first seq"));
        }
        if self.u32() != Some(part) {
            return Err(Flaw::Framing("part"));
        }
        self.u32().filter(|parts| *parts > part).ok_or(Flaw::Framing("parts"))
    }

    fn stored(&mut self, seq: u64) -> Result<Stored, &'static str> {
        let preimage = self.sized().ok_or("preimage")?.into();
        let hash = Digest(self.array().ok_or("hash")?);
        let salt: Option<Salt> = match self.u8() {
            Some(0) => None,
            Some(1) => Some(self.array().ok_or("salt")?),
            _ => return Err("salt"),
        };
        let count = self.u32().ok_or("payloads")?;
        // A damaged count must not reserve what is not there: each payload takes five bytes or more.
        let mut payloads = Vec::with_capacity((count as usize).min(self.0.len() / 5));
        for _ in 0..count {
            payloads.push(self.payload().ok_or("payload")?);
        }
        Ok(Stored { seq, preimage, hash, salt, payloads })
    }

    /// Passes over a record.
    fn skip(&mut self) -> Result<(), &'static str> {
        self.sized().ok_or("preimage")?;
        self.take(size_of::<Digest>()).ok_or("hash")?;
        match self.u8() {
            Some(0) => {}
            Some(1) => drop(self.take(size_of::<Salt>()).ok_or("salt")?),
            _ => return Err("salt"),
        }
        for _ in 0..self.u32().ok_or("payloads")? {
            let passed = match self.u8() {
                Some(place::INLINE) => self.sized().map(drop),
                Some(place::CHUNKED | place::ERASED) => self.u32().map(drop),
                _ => None,
            };
            passed.ok_or("payload")?;
        }
        Ok(())
    }

    fn payload(&mut self) -> Option<StoredPayload> {
        Some(match self.u8()? {
            place::INLINE => StoredPayload::Inline(Bytes::from(self.sized()?)),
            place::CHUNKED => StoredPayload::Chunked(self.u32()?),
            place::ERASED => StoredPayload::Erased(self.u32()?),
            _ => return None,
        })
    }
}
