//! The keys of a run's tree.

use alloc::vec::Vec;

use crate::ids::Digest;

/// A key of a run's tree. Encoded keys of one kind sort as the fields do.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Key {
    /// Part of a block of records.
    Block {
        /// The seq of the block's first record.
        first: u64,
        /// Which part, from 0.
        part: u32,
    },
    /// Part of a checkpoint.
    Checkpoint {
        /// The state is the one after all records before this seq.
        upto: u64,
        /// Which part, from 0.
        part: u32,
    },
    /// Part of a plan.
    Plan {
        /// SHA-256 of the plan's bytes.
        digest: Digest,
        /// Which part, from 0.
        part: u32,
    },
    /// Part of a payload.
    Payload {
        /// The record.
        seq: u64,
        /// Which of the record's payloads, from 0.
        index: u32,
        /// Which part, from 0.
        chunk: u32,
    },
    /// A mark, without a value: this record says that payloads were erased.
    Pruned {
        /// The record.
        seq: u64,
    },
}

impl Key {
    /// Before the first key of blocks; [`Key::BLOCKS_END`] is after the last.
    pub const BLOCKS: &'static [u8] = b"b";
    /// After the last key of blocks, before the first of checkpoints.
    pub const BLOCKS_END: &'static [u8] = b"c";
    /// Before the first key of checkpoints.
    pub const CHECKPOINTS: &'static [u8] = b"c";
    /// After the last key of checkpoints.
    pub const CHECKPOINTS_END: &'static [u8] = b"d";
    /// Before the first key of plans.
    pub const PLANS: &'static [u8] = b"k";
    /// After the last key of plans.
    pub const PLANS_END: &'static [u8] = b"l";
    /// Before the first key of payloads.
    pub const PAYLOADS: &'static [u8] = b"p";
    /// After the last key of payloads.
    pub const PAYLOADS_END: &'static [u8] = b"q";
    /// Before the first mark of a record that says that payloads were erased.
    pub const PRUNED: &'static [u8] = b"r";
    /// After the last of these.
    pub const PRUNED_END: &'static [u8] = b"s";

    /// The key's bytes.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let (tag, head, tail): (u8, &[u8], [Option<u32>; 2]) = match self {
            Self::Block { first, part } => (b'b', &first.to_be_bytes(), [Some(*part), None]),
            Self::Checkpoint { upto, part } => (b'c', &upto.to_be_bytes(), [Some(*part), None]),
            Self::Plan { digest, part } => (b'k', &digest.0, [Some(*part), None]),
            Self::Payload { seq, index, chunk } => {
                (b'p', &seq.to_be_bytes(), [Some(*index), Some(*chunk)])
            }
            Self::Pruned { seq } => (b'r', &seq.to_be_bytes(), [None, None]),
        };
        let mut key = Vec::with_capacity(1 + head.len() + 8);
        key.push(tag);
        key.extend_from_slice(head);
        for number in tail.into_iter().flatten() {
            key.extend_from_slice(&number.to_be_bytes());
        }
        key
    }

    /// Reads a key; `None` if the bytes are not exactly one.
    #[must_use]
    pub fn decode(key: &[u8]) -> Option<Self> {
        let (tag, rest) = key.split_first()?;
        let read = match tag {
            b'b' => {
                let (first, rest) = rest.split_first_chunk()?;
                Self::Block { first: u64::from_be_bytes(*first), part: last(rest)? }
            }
            b'c' => {
                let (upto, rest) = rest.split_first_chunk()?;
                Self::Checkpoint { upto: u64::from_be_bytes(*upto), part: last(rest)? }
            }
            b'k' => {
                let (digest, rest) = rest.split_first_chunk()?;
                Self::Plan { digest: Digest(*digest), part: last(rest)? }
            }
            b'p' => {
                let (seq, rest) = rest.split_first_chunk()?;
                let (index, rest) = rest.split_first_chunk()?;
                let (seq, index) = (u64::from_be_bytes(*seq), u32::from_be_bytes(*index));
                Self::Payload { seq, index, chunk: last(rest)? }
            }
            b'r' => Self::Pruned { seq: u64::from_be_bytes(rest.try_into().ok()?) },
            _ => return None,
        };
        Some(read)
    }
}

/// The number that is all of `rest`.
fn last(rest: &[u8]) -> Option<u32> {
    Some(u32::from_be_bytes(rest.try_into().ok()?))
}
