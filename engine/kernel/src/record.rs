//! The record: what is written down, its canonical bytes, and the chain that joins it.
//!
//! The hash of a record is `SHA-256(DOMAIN ‖ length ‖ preimage)`, with the length as 8 big-endian bytes.
//! The preimage is the postcard encoding of [`Record`], in which each payload stands as a [`Payload`]:
//! its length and `SHA-256(salt ‖ payload)`. Payload bytes and the salt lie beside the record, so that
//! erasing them never breaks the chain.
//!
//! Stored types: enums only grow at their end, integers are fixed-width, stored bytes are never
//! serialised again.

mod ask;
mod body;
mod fork;
mod letter;
mod live;
mod part;
mod reload;
mod supervision;

use alloc::boxed::Box;
use alloc::vec::Vec;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

pub use ask::{Decided, Intent, Known, Outcome, Person, Waiting};
pub use body::{
    Attempt, Checkpoint, Confirmed, Crash, CrashKind, Crashed, DeadLetterReason, DeadLettered,
    DropChoice, Dropped, EngineFacts, Faulted, Finished, Genesis, Incarnation, Origin, Pruned,
    Pruning, Repeated, Rested, Resumed, Snapshot, Status, Stopping, Suspended, Transaction,
};
pub use fork::{Forked, Given, Lineage};
pub use letter::Resolved;
pub use live::{Continued, Paused, Received};
pub use part::{Call, Consumed, Level, Next, Part, SinkId};
pub use reload::{Carry, Counts, Move, NextPlan, Proposed, Refused, Reloaded};
pub use supervision::{End, Ended, Escalated, Restarted, ShutDown, Stopped};

use crate::ids::{AgentId, Bytes, Digest, Ref, Salt};

/// The first bytes of every hashed record.
pub const DOMAIN: &[u8] = b"theater-flow/record/1";
/// The version of the record's form; the first byte of its preimage.
pub const VERSION: u8 = 1;

/// A record as it is hashed.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Record {
    /// [`VERSION`].
    pub version: u8,
    /// Its number in the run, from 0.
    pub seq: u64,
    /// The hash of the record before it; zeros for the first.
    pub prev: Digest,
    /// When it was decided: ms since 1970, never less than the record before.
    pub at: u64,
    /// What it follows from. Empty only for the first.
    pub causes: Vec<Ref>,
    /// What happened.
    pub body: Body,
}

/// A record before it is linked, with its payloads: what the kernel decides, folds and hands out.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Entry {
    /// Its number in the run.
    pub seq: u64,
    /// When it was decided, in ms since 1970.
    pub at: u64,
    /// What it follows from.
    pub causes: Vec<Ref>,
    /// What happened.
    pub body: Body,
    /// Salts the payloads; all zeros if there are none.
    pub salt: Salt,
    /// The bytes of [`Body::payloads`], in that order.
    pub payloads: Vec<Bytes>,
}

impl Entry {
    /// Bytes of all payloads.
    #[must_use]
    pub fn payload_bytes(&self) -> usize {
        self.payloads.iter().map(|bytes| bytes.len()).sum()
    }
}

/// A payload as it stands in a record.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Payload {
    /// Its length in bytes.
    pub len: u32,
    /// `SHA-256(salt ‖ bytes)`.
    pub digest: Digest,
}

impl Payload {
    /// Commits to `bytes`, which are no longer than [`PAYLOAD_BYTES`](crate::limits::PAYLOAD_BYTES).
    #[must_use]
    pub fn commit(salt: &Salt, bytes: &[u8]) -> Self {
        let digest = Sha256::new().chain_update(salt).chain_update(bytes).finalize();
        Self { len: u32::try_from(bytes.len()).unwrap_or(u32::MAX), digest: Digest(digest.into()) }
    }
}

/// What a record says.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Body {
    /// The first record: all that the run depends on.
    Genesis(Genesis),
    /// A process took the run up again.
    Resumed(Resumed),
    /// A life of an instance began: the component was instantiated and `init` answered.
    Incarnation(Incarnation),
    /// One event was handled. Its parts took effect.
    Transaction(Transaction),
    /// One event was answered with a fault. Its parts took no effect.
    Faulted(Faulted),
    /// The end of an incarnation. The parts of the attempt took no effect.
    Crashed(Crashed),
    /// A supervisor decided to restart children.
    Restarted(Restarted),
    /// A supervisor gave up.
    Escalated(Escalated),
    /// A message was set aside.
    DeadLettered(DeadLettered),
    /// An instance's state was taken.
    Snapshot(Snapshot),
    /// Staged bytes reached their place.
    Confirmed(Confirmed),
    /// An agent's work is over; its outputs are closed.
    Ended(Ended),
    /// The kernel's state was written down.
    Checkpoint(Checkpoint),
    /// Someone asked the run to stop; sources stop, mailboxes empty.
    Stopping(Stopping),
    /// The process let the run go; it can be resumed.
    Suspended(Suspended),
    /// The run is over.
    Finished(Finished),
    /// Messages found no place, as their channel's `overflow` says.
    Dropped(Dropped),
    /// A cycle came to rest: its feedback edges are closed.
    Rested(Rested),
    /// A guest asks something of the world that cannot be undone: it is done once this record is durable.
    Intent(Intent),
    /// What became of an intent.
    Outcome(Outcome),
    /// The process let the run go, since nothing can be done until somebody decides about what was asked; it can be
    /// resumed.
    Waiting(Waiting),
    /// Somebody decided about an ask of which nobody knows what became. Whoever runs the run acts on it.
    Decided(Decided),
    /// The first record of a run that goes on from a point of another. Its seq and its hash continue that run's.
    Forked(Box<Forked>),
    /// Payloads were erased, and checkpoints removed.
    Pruned(Pruned),
    /// A supervisor stopped an agent that may come again.
    Stopped(Stopped),
    /// A supervisor ends, and all below it, since significant children have ended by themselves.
    ShutDown(ShutDown),
    /// Somebody had a dead letter tried again: it waits where it had waited, and counts as never tried.
    Retried(Resolved),
    /// Somebody dropped a dead letter: it counts no more.
    Discarded(Resolved),
    /// The run went over to another plan.
    Reloaded(Box<Reloaded>),
    /// A plan that gives somebody more than they have waits for somebody to approve it.
    Proposed(Box<Proposed>),
    /// The run did not go over to another plan, and goes on as it did.
    Refused(Box<Refused>),
    /// Somebody wants the run to stand still: no agent gets a further event.
    Paused(Paused),
    /// A run that stood still goes on.
    Continued(Continued),
    /// A message came from outside.
    Received(Received),
}

impl Body {
    /// The parts, for the kinds of record that have them.
    #[must_use]
    pub fn parts(&self) -> &[Part] {
        match self {
            Self::Incarnation(body) => &body.parts,
            Self::Transaction(body) => &body.parts,
            Self::Faulted(body) => &body.parts,
            Self::Crashed(body) => &body.parts,
            Self::Snapshot(body) => &body.parts,
            Self::Intent(body) => &body.parts,
            _ => &[],
        }
    }

    /// All payloads, in the order of their bytes: those of the parts, then the record's own.
    pub fn payloads(&self) -> impl Iterator<Item = &Payload> {
        let own = match self {
            Self::Snapshot(body) => Some(&body.state),
            Self::DeadLettered(body) => body.letter.as_ref(),
            Self::Intent(body) => Some(&body.args),
            Self::Outcome(body) => body.answer.as_ref(),
            Self::Received(body) => Some(&body.value),
            _ => None,
        };
        let next = match self {
            Self::Reloaded(body) => Some(&body.next),
            Self::Proposed(body) => Some(&body.next),
            _ => None,
        };
        let next = next.into_iter().flat_map(|next| [&next.plan, &next.changes]);
        let moves = match self {
            Self::Reloaded(body) => &body.moves[..],
            _ => &[],
        };
        let carried = moves.iter().filter_map(|moved| moved.state.as_ref());
        let given = match self {
            Self::Forked(body) => &body.lineage.given[..],
            _ => &[],
        };
        let given = given.iter().map(|given| &given.answer);
        self.parts()
            .iter()
            .flat_map(Part::payloads)
            .chain(own)
            .chain(given)
            .chain(next)
            .chain(carried)
    }

    /// By payload, the part that it belongs to; `None` for the record's own.
    pub fn payload_parts(&self) -> impl Iterator<Item = Option<u32>> {
        let of_parts = (0..)
            .zip(self.parts())
            .flat_map(|(nth, part)| core::iter::repeat_n(Some(nth), part.payloads().count()));
        of_parts.chain(core::iter::repeat(None)).take(self.payloads().count())
    }

    /// The kind's name, as `events` prints it.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Genesis(_) => "genesis",
            Self::Resumed(_) => "resumed",
            Self::Incarnation(_) => "incarnation",
            Self::Transaction(_) => "transaction",
            Self::Faulted(_) => "faulted",
            Self::Crashed(_) => "crashed",
            Self::Restarted(_) => "restarted",
            Self::Escalated(_) => "escalated",
            Self::DeadLettered(_) => "dead-lettered",
            Self::Snapshot(_) => "snapshot",
            Self::Confirmed(_) => "confirmed",
            Self::Ended(_) => "ended",
            Self::Checkpoint(_) => "checkpoint",
            Self::Stopping(_) => "stopping",
            Self::Suspended(_) => "suspended",
            Self::Finished(_) => "finished",
            Self::Dropped(_) => "dropped",
            Self::Rested(_) => "rested",
            Self::Intent(_) => "intent",
            Self::Outcome(_) => "outcome",
            Self::Forked(_) => "forked",
            Self::Waiting(_) => "waiting",
            Self::Decided(_) => "decided",
            Self::Pruned(_) => "pruned",
            Self::Stopped(_) => "stopped",
            Self::ShutDown(_) => "shut-down",
            Self::Retried(_) => "retried",
            Self::Discarded(_) => "discarded",
            Self::Reloaded(_) => "reloaded",
            Self::Proposed(_) => "proposed",
            Self::Refused(_) => "refused",
            Self::Paused(_) => "paused",
            Self::Continued(_) => "continued",
            Self::Received(_) => "received",
        }
    }

    /// All that the run depends on, if this is a run's first record.
    #[must_use]
    pub const fn genesis(&self) -> Option<&Genesis> {
        match self {
            Self::Genesis(genesis) => Some(genesis),
            Self::Forked(body) => Some(&body.genesis),
            _ => None,
        }
    }

    /// The agent the record is about, if it is about one.
    #[must_use]
    pub const fn agent(&self) -> Option<AgentId> {
        match self {
            Self::Incarnation(body) => Some(body.agent),
            Self::Transaction(body) => Some(body.by.agent),
            Self::Faulted(body) => Some(body.by.agent),
            Self::Crashed(body) => Some(body.by.agent),
            Self::DeadLettered(body) => Some(body.agent),
            Self::Snapshot(body) => Some(body.agent),
            Self::Confirmed(body) => Some(body.agent),
            Self::Ended(body) => Some(body.agent),
            Self::Dropped(body) => Some(body.agent),
            Self::Intent(body) => Some(body.by.agent),
            Self::Outcome(body) => Some(body.agent),
            Self::Decided(body) => Some(body.agent),
            Self::Stopped(body) => Some(body.agent),
            Self::Retried(body) | Self::Discarded(body) => Some(body.agent),
            Self::Received(body) => Some(body.agent),
            _ => None,
        }
    }
}

/// A linked record: its preimage and its hash.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Linked {
    /// The postcard bytes of the [`Record`].
    pub preimage: Vec<u8>,
    /// Their hash.
    pub hash: Digest,
}

/// The hash of a record's preimage.
#[must_use]
pub fn hash(preimage: &[u8]) -> Digest {
    let length = (preimage.len() as u64).to_be_bytes();
    let hash =
        Sha256::new().chain_update(DOMAIN).chain_update(length).chain_update(preimage).finalize();
    Digest(hash.into())
}

/// Joins `entry` to the record whose hash is `prev`.
///
/// # Panics
/// Never: entries are plain data, which postcard always encodes.
#[must_use]
pub fn link(prev: Digest, entry: &Entry) -> Linked {
    /// As [`Record`], borrowed.
    #[derive(Serialize)]
    struct Preimage<'a> {
        version: u8,
        seq: u64,
        prev: Digest,
        at: u64,
        causes: &'a [Ref],
        body: &'a Body,
    }
    let Entry { seq, at, causes, body, .. } = entry;
    let preimage = Preimage { version: VERSION, seq: *seq, prev, at: *at, causes, body };
    let preimage = postcard::to_allocvec(&preimage).expect("entries are plain data");
    let hash = hash(&preimage);
    Linked { preimage, hash }
}
