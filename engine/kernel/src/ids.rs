//! Names for things: an index is not a number, and an id of one kind is not an id of another.

use alloc::string::String;
use alloc::sync::Arc;
use core::fmt;

use serde::{Deserialize, Serialize};

macro_rules! id {
    ($(#[$doc:meta])* $name:ident, $tag:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub struct $name(pub u32);

        impl $name {
            /// The id as a position in a table.
            #[must_use]
            pub const fn index(self) -> usize {
                self.0 as usize
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!($tag, "{}"), self.0)
            }
        }
    };
}

id!(
    /// An agent of a run: its position in [`Plan::agents`](crate::plan::Plan::agents). Given at first
    /// appearance and never reused within the run.
    AgentId, "a"
);
id!(
    /// A port of a run, of any agent, input or output. Given at first appearance and never reused.
    PortId, "p"
);
id!(
    /// A supervisor of a run: its position in [`Plan::supervisors`](crate::plan::Plan::supervisors).
    SupervisorId, "s"
);
id!(
    /// A type of a run: its position in the [`TypeTable`](crate::types::TypeTable).
    TypeId, "t"
);

/// Payload bytes. Cloning shares them.
pub type Bytes = Arc<[u8]>;

/// A SHA-256 digest. `Display` is 64 hex digits, `Debug` the first eight.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
pub struct Digest(pub [u8; 32]);

impl Digest {
    /// The digest of `bytes`, with nothing before or after them.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Self {
        use sha2::Digest as _;
        Self(sha2::Sha256::digest(bytes).into())
    }

    /// Reads 64 hex digits, of either case.
    #[must_use]
    pub fn from_hex(text: &str) -> Option<Self> {
        let digits = text.as_bytes();
        if digits.len() != 64 {
            return None;
        }
        let mut out = [0; 32];
        for (byte, pair) in out.iter_mut().zip(digits.chunks_exact(2)) {
            let pair = core::str::from_utf8(pair).ok()?;
            if !pair.bytes().all(|b| b.is_ascii_hexdigit()) {
                return None;
            }
            *byte = u8::from_str_radix(pair, 16).ok()?;
        }
        Some(Self(out))
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0[..4].iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// 16 random bytes, drawn anew for each record, that keep short payloads from being guessed by their
/// digest. They lie beside the record and can be erased with the payloads.
pub type Salt = [u8; 16];

/// The id of a run: a UUID of version 7, so that ids sort by time. Made by the shell.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct RunId(pub [u8; 16]);

impl fmt::Display for RunId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, byte) in self.0.iter().enumerate() {
            if matches!(i, 4 | 6 | 8 | 10) {
                f.write_str("-")?;
            }
            write!(f, "{byte:02x}")?;
        }
        Ok(())
    }
}

impl fmt::Debug for RunId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A record, or one part of it: `seq` or `seq.i`. This is how causes are named.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Ref {
    /// The record's number in its run, from 0.
    pub seq: u64,
    /// The part's position in the record; `None` for the record as a whole.
    pub part: Option<u32>,
}

impl Ref {
    /// A record as a whole.
    #[must_use]
    pub const fn record(seq: u64) -> Self {
        Self { seq, part: None }
    }

    /// One part of a record.
    #[must_use]
    pub const fn part(seq: u64, part: u32) -> Self {
        Self { seq, part: Some(part) }
    }
}

impl fmt::Display for Ref {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.part {
            None => write!(f, "{}", self.seq),
            Some(part) => write!(f, "{}.{part}", self.seq),
        }
    }
}

impl fmt::Debug for Ref {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A code and a sentence: an error as a value, said by a guest.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Fault {
    /// Short and stable, for programs: `not-found`.
    pub code: String,
    /// For people.
    pub message: String,
}
