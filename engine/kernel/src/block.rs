//! The stored form of records: keys, blocks and payload chunks of a run's one tree.
//!
//! | key | value |
//! |---|---|
//! | `b` ‖ first seq u64 ‖ part u32 | a [`Block`] of consecutive records, or one part of a block |
//! | `p` ‖ seq u64 ‖ index u32 ‖ chunk u32 | a piece of a payload too long to stand in a block |
//! | `c` ‖ upto u64 ‖ part u32 | a piece of a checkpoint |
//! | `k` ‖ SHA-256 ‖ part u32 | a piece of a plan |
//! | `r` ‖ seq u64 | nothing: a mark that this record says that payloads were erased |
//!
//! All integers are big-endian, so that the order of keys is the order of records. No value is longer
//! than [`CHUNK_BYTES`]: a store may treat longer ones in ways that do not survive a power cut.
//!
//! A block's value is `version u8 ‖ first seq u64 ‖ part u32 ‖ parts u32` and a body, which is
//! `count u32` and that many records. Only a block of one record may need several parts. A record is
//!
//! ```text
//! length u32 ‖ preimage ‖ hash 32 ‖ salted u8 ‖ salt 16 if salted ‖ payloads u32 ‖
//!     for each payload: place u8 ‖ length u32 ‖ its bytes if inline
//! ```
//!
//! The salt is there exactly if a payload is: no stored bit may be one that nothing depends on.

mod key;
mod read;
#[cfg(test)]
mod tests;
mod write;

use alloc::vec::Vec;

pub use key::Key;
pub use read::{Block, Shelf};
pub use write::{BlockWriter, Writes, pieces};

use crate::ids::{Bytes, Digest, Ref, Salt};
use crate::limits::CHUNK_BYTES;
use crate::record::{Entry, Record};

/// The version of the stored form; the first byte of every block value.
pub const VERSION: u8 = 1;
/// Payloads no longer than this stand in the block, beside their record.
pub const INLINE_BYTES: usize = 4 << 10;
/// Bytes before the body of a block value.
const HEADER_BYTES: usize = 1 + 8 + 4 + 4;
/// Bytes of body that one value has room for.
const ROOM: usize = CHUNK_BYTES - HEADER_BYTES;

/// A record as it is stored, with what lies beside it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Stored {
    /// Its number, from its place.
    pub seq: u64,
    /// The postcard bytes of the [`Record`].
    pub preimage: Vec<u8>,
    /// Their hash, as it was stored.
    pub hash: Digest,
    /// The salt; `None` if no payload is there.
    pub salt: Option<Salt>,
    /// The payloads, in the order of [`Body::payloads`](crate::record::Body::payloads).
    pub payloads: Vec<StoredPayload>,
}

/// Where a payload is.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum StoredPayload {
    /// Here.
    Inline(Bytes),
    /// Under keys of its own; this many bytes.
    Chunked(u32),
    /// Nowhere any more; it had this many bytes.
    Erased(u32),
}

impl StoredPayload {
    /// True if it is nowhere any more.
    #[must_use]
    pub const fn is_erased(&self) -> bool {
        matches!(self, Self::Erased(_))
    }

    /// The bytes, if they are here.
    #[must_use]
    pub const fn bytes(&self) -> Option<&Bytes> {
        match self {
            Self::Inline(bytes) => Some(bytes),
            Self::Chunked(_) | Self::Erased(_) => None,
        }
    }
}

impl Stored {
    /// The record that the preimage says.
    pub fn record(&self) -> Result<Record, Damage> {
        match postcard::take_from_bytes(&self.preimage) {
            Ok((record, [])) => Ok(record),
            _ => Err(self.damage(Flaw::Encoding)),
        }
    }

    /// The record as the kernel decided it. Every payload must be here: chunks are fetched before, and a
    /// record with erased payloads is no longer an entry.
    pub fn to_entry(&self) -> Result<Entry, Damage> {
        self.entry_of(self.record()?)
    }

    /// As [`to_entry`](Self::to_entry), of the record that the preimage was found to say.
    pub fn entry_of(&self, record: Record) -> Result<Entry, Damage> {
        let Record { seq, at, causes, body, .. } = record;
        let payloads = self.payloads.iter().enumerate().map(|(index, payload)| match payload {
            StoredPayload::Inline(bytes) => Ok(bytes.clone()),
            StoredPayload::Chunked(_) => Err(self.damage(Flaw::PayloadMissing { index })),
            StoredPayload::Erased(_) => Err(self.damage(Flaw::Erased { index })),
        });
        let payloads = payloads.collect::<Result<_, _>>()?;
        Ok(Entry { seq, at, causes, body, salt: self.salt.unwrap_or_default(), payloads })
    }

    /// True if a payload was erased.
    #[must_use]
    pub fn is_erased(&self) -> bool {
        self.payloads.iter().any(StoredPayload::is_erased)
    }

    /// `what` is wrong with this record.
    #[must_use]
    pub const fn damage(&self, what: Flaw) -> Damage {
        Damage { seq: self.seq, what }
    }
}

/// What is wrong, and at which record.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("record {seq}: {what}")]
pub struct Damage {
    /// The first record of which it can be said.
    pub seq: u64,
    /// What.
    pub what: Flaw,
}

/// What can be wrong with a stored record or with what lies beside it.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Flaw {
    /// The block's own bytes.
    #[error("its block is damaged: {0}")]
    Framing(&'static str),
    /// It is not there, though later ones are.
    #[error("it is missing")]
    Missing,
    /// It was written by another version, or its first byte is damaged.
    #[error("its version is {0}, not one that this program reads")]
    Version(u8),
    /// The preimage is not the one encoding of a record.
    #[error("its bytes are not a record")]
    Encoding,
    /// The hash of the preimage is not the stored one.
    #[error("its bytes do not match its hash")]
    Hash,
    /// Its number is not its place.
    #[error("it says that it is record {0}")]
    Seq(u64),
    /// It does not continue the record before.
    #[error("it does not continue the record before it")]
    Prev,
    /// Its time is before that of the record before.
    #[error("it is older than the record before it")]
    Time,
    /// A cause that is not before it, or none.
    #[error("its cause {} is not before it", .0.map_or_else(|| "(none)".into(), |r| alloc::format!("{r}")))]
    Cause(Option<Ref>),
    /// A genesis that is not the first record, or a first record that is none.
    #[error("the first record, and only the first, is the genesis")]
    Genesis,
    /// More or fewer payloads, or a salt where there is none to be.
    #[error("what lies beside it is not what it names")]
    Beside,
    /// A payload has another length.
    #[error("payload {index} has another length")]
    PayloadLength {
        /// Which.
        index: usize,
    },
    /// A payload has another content.
    #[error("payload {index} does not match its digest")]
    Payload {
        /// Which.
        index: usize,
    },
    /// A payload is not there.
    #[error("payload {index} is missing")]
    PayloadMissing {
        /// Which.
        index: usize,
    },
    /// A payload was erased.
    #[error("payload {index} was erased")]
    Erased {
        /// Which.
        index: usize,
    },
    /// A payload is gone, and no later record says that it was erased.
    #[error("payload {index} is gone, and no record says that it was erased")]
    Hole {
        /// Which.
        index: usize,
    },
    /// A record that says that payloads were erased, without its mark, or a mark without the record.
    #[error("it does not say the erasures that are marked here, or is not marked")]
    Mark,
    /// The plan is not there, or is another.
    #[error("the stored plan is not the one it names")]
    Plan,
    /// The checkpoint is another.
    #[error("the stored checkpoint is not the one it names")]
    Checkpoint,
    /// A key that no record accounts for.
    #[error("the store holds something that no record names")]
    Stray,
    /// The log ends before a record that was known to be durable.
    #[error("it is missing: the log ends before it, and once was longer")]
    Shorter,
    /// The record has another hash than the one noted outside of the log.
    #[error("its hash is not the one noted outside of the log")]
    Head,
}
