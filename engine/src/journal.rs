//! A run's log in a store: linked, packed and committed; read back; checked.
//!
//! A commit is one atomic change of the store: payload chunks, checkpoint, plan and the blocks of records
//! that name them. When [`Journal::commit`] returns, all of it is durable.

mod links;
mod read;
mod retain;
mod rewrite;
#[cfg(test)]
pub(crate) mod tests;
mod verify;

use std::sync::Arc;

pub use links::{Link, Nearby};
pub use read::Records;
pub(crate) use retain::NEWEST;
pub use rewrite::{Cut, Weight};
use theater_flow_kernel::block::{BlockWriter, Damage, Key, Writes, pieces};
use theater_flow_kernel::ids::Digest;
use theater_flow_kernel::record::{self, Body, Checkpoint, Entry};

use crate::store::{Store, StoreError};

/// A run's log.
#[derive(Debug)]
pub struct Journal<S> {
    store: S,
    /// The first record: 0, or that of a fork.
    first: u64,
    flushed: Flushed,
    /// The stored checkpoints, oldest first, by what they are up to.
    checkpoints: Vec<u64>,
    torn: Option<Torn>,
}

/// How far the log reaches. All of it is durable.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Flushed {
    /// How many records there are: the seq of the next.
    pub seq: u64,
    /// The hash of the last.
    pub head: Digest,
}

/// What one commit writes.
#[derive(Clone, Copy, Debug, Default)]
pub struct Commit<'a> {
    /// Records, in order, from [`Flushed::seq`] on.
    pub entries: &'a [Arc<Entry>],
    /// The bytes of the checkpoint that one of them names.
    pub checkpoint: Option<&'a [u8]>,
    /// The bytes of the plan that one of them names.
    pub plan: Option<&'a [u8]>,
}

/// What a store that is not atomic kept of a commit that nobody was told of. It is not part of the log,
/// and the next commit removes it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Torn {
    /// The first record of the block that was cut; `None` if only what would have preceded it is there.
    pub block: Option<u64>,
    /// The keys.
    pub keys: Vec<Vec<u8>>,
}

/// Why a log cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// What is stored is not what was written.
    #[error(transparent)]
    Damage(#[from] Damage),
    /// The run was forked from another, in which the record stands.
    #[error(
        "record {seq} stands in the run that this one was forked from, whose records it goes on from {first}"
    )]
    Before {
        /// The record.
        seq: u64,
        /// The first of this run.
        first: u64,
    },
    /// There is not one record.
    #[error("the log is empty")]
    Empty,
    /// A new log was to be begun where there is something.
    #[error("the log is not empty")]
    NotEmpty,
    /// A record was given out of turn.
    #[error("record {given} was given, {expected} is next")]
    Order {
        /// What was given.
        given: u64,
        /// What is next.
        expected: u64,
    },
    /// A checkpoint or plan was given without the record that names it, or not given with it.
    #[error("a checkpoint or plan and the record that names it do not match")]
    Unnamed,
}

impl<S: Store> Journal<S> {
    /// Begins a log in an empty store. The first commit must hold the genesis and the plan.
    pub fn create(store: S) -> Result<Self, JournalError> {
        Self::create_after(store, Flushed::default())
    }

    /// Begins the log of a fork: it continues these records of another log. The first commit must hold the first
    /// record, the plan and the state that is taken over.
    pub fn create_after(store: S, flushed: Flushed) -> Result<Self, JournalError> {
        if store.range(&[], &read::END).next().transpose()?.is_some() {
            return Err(JournalError::NotEmpty);
        }
        Ok(Self { store, first: flushed.seq, flushed, checkpoints: vec![], torn: None })
    }

    /// Opens a log and finds its end. Nothing is written: what is [`torn`](Self::torn) is only passed over.
    pub fn open(store: S) -> Result<Self, JournalError> {
        let (flushed, checkpoints) = (Flushed::default(), vec![]);
        let mut journal = Self { store, first: 0, flushed, checkpoints, torn: None };
        journal.first = journal.begins_at()?;
        let mut torn = Torn { block: None, keys: vec![] };
        let last = match journal.last_block(&mut torn) {
            Err(JournalError::Damage(found)) => return Err(journal.first_damage(found)),
            last => last?.ok_or(JournalError::Empty)?,
        };
        journal.flushed = Flushed { seq: last.seq + 1, head: last.hash };
        journal.checkpoints = journal.checkpoints_stored()?;
        journal.orphans(&mut torn)?;
        journal.torn = (!torn.keys.is_empty()).then_some(torn);
        Ok(journal)
    }

    /// What is wrong at the log's end may be the fault of a record before it, whose damage shifts what
    /// follows it: names the first.
    fn first_damage(mut self, found: Damage) -> JournalError {
        self.flushed.seq = found.seq.saturating_add(1);
        self.checkpoints = self.checkpoints_stored().unwrap_or_default();
        match self.verify(None) {
            Err(JournalError::Damage(first)) if first.seq < found.seq => first.into(),
            _ => found.into(),
        }
    }

    /// Its first record: 0, or that of a fork, which goes on from another run's records.
    #[must_use]
    pub const fn first(&self) -> u64 {
        self.first
    }

    /// How far the log reaches.
    #[must_use]
    pub const fn flushed(&self) -> Flushed {
        self.flushed
    }

    /// What was found behind the log's end when it was opened, until a commit has removed it.
    #[must_use]
    pub const fn torn(&self) -> Option<&Torn> {
        self.torn.as_ref()
    }

    /// Links the entries, packs them and writes all, durably and at once or not at all.
    ///
    /// After a [`JournalError::Store`] the log is no longer used; after another error it is unchanged.
    pub fn commit(&mut self, commit: Commit<'_>) -> Result<Flushed, JournalError> {
        let mut writes = Writes::new();
        let mut removes = self.torn.as_ref().map_or_else(Vec::new, |torn| torn.keys.clone());
        attach(&commit, &mut writes)?;
        let checkpoints = self.retain(&commit, &mut removes)?;
        let flushed = self.pack(commit.entries, &mut writes)?;
        self.store.commit(writes, removes)?;
        (self.flushed, self.torn) = (flushed, None);
        self.checkpoints = checkpoints;
        Ok(flushed)
    }

    fn pack(&self, entries: &[Arc<Entry>], writes: &mut Writes) -> Result<Flushed, JournalError> {
        let mut blocks = BlockWriter::default();
        let mut flushed = self.flushed;
        for entry in entries {
            if entry.seq != flushed.seq {
                return Err(JournalError::Order { given: entry.seq, expected: flushed.seq });
            }
            let linked = record::link(flushed.head, entry);
            blocks.push(entry, &linked);
            flushed = Flushed { seq: flushed.seq + 1, head: linked.hash };
        }
        writes.append(&mut blocks.finish());
        Ok(flushed)
    }

    /// The checkpoints that are stored after this commit; what falls away is added to `removes`.
    fn retain(
        &self,
        commit: &Commit<'_>,
        removes: &mut Vec<Vec<u8>>,
    ) -> Result<Vec<u64>, JournalError> {
        let mut stored = self.checkpoints.clone();
        let Some(checkpoint) = commit.entries.iter().find_map(|entry| checkpoint(&entry.body))
        else {
            return Ok(stored);
        };
        stored.push(checkpoint.upto);
        // What a fork took over is nowhere else.
        let taken_over = (self.first > 0).then(|| stored.remove(0));
        for upto in retain::thin_out(&mut stored) {
            removes.append(&mut self.checkpoint_keys(upto)?);
        }
        stored.splice(0..0, taken_over);
        Ok(stored)
    }
}

/// Adds the plan and the checkpoint of a commit, which must be those that its records name.
fn attach(commit: &Commit<'_>, writes: &mut Writes) -> Result<(), JournalError> {
    let mut plans = commit.entries.iter().filter_map(|entry| Some(entry.body.genesis()?.plan));
    let mut checkpoints = commit.entries.iter().filter_map(|entry| checkpoint(&entry.body));
    let (plan, named) = (plans.next(), checkpoints.next());
    let digests = (plan, named.map(|named| named.digest));
    if digests != (commit.plan.map(Digest::of), commit.checkpoint.map(Digest::of)) {
        return Err(JournalError::Unnamed);
    }
    if plans.next().is_some() || checkpoints.next().is_some() {
        return Err(JournalError::Unnamed);
    }
    if let (Some(digest), Some(bytes)) = (plan, commit.plan) {
        writes.extend(pieces(bytes, |part| Key::Plan { digest, part }));
    }
    if let (Some(named), Some(bytes)) = (named, commit.checkpoint) {
        let upto = named.upto;
        writes.extend(pieces(bytes, |part| Key::Checkpoint { upto, part }));
    }
    let pruned = commit.entries.iter().filter(|entry| matches!(entry.body, Body::Pruned(_)));
    writes.extend(pruned.map(|entry| (Key::Pruned { seq: entry.seq }.encode(), vec![])));
    Ok(())
}

/// The checkpoint that a record names.
fn checkpoint(body: &Body) -> Option<&Checkpoint> {
    match body {
        Body::Checkpoint(checkpoint) => Some(checkpoint),
        Body::Forked(body) => Some(&body.lineage.state),
        _ => None,
    }
}
