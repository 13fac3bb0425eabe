//! Writing a log anew without some of its payloads.
//!
//! What is erased is erased for good: the old store is removed as a whole, and no byte of it is in the new one.
//! Records, hashes and links are copied as they are.

use std::collections::BTreeSet;

use theater_flow_kernel::block::{BlockWriter, Key, Stored, StoredPayload, Writes};
use theater_flow_kernel::ids::Ref;
use theater_flow_kernel::record::Pruning;

use crate::journal::{Journal, JournalError};
use crate::store::{Store, StoreError};

/// Bytes of one commit, about.
const COMMIT_BYTES: usize = 4 << 20;

/// What a log is to lose.
#[derive(Clone, Debug)]
pub struct Cut {
    /// Which payloads: those that any of these names.
    pub what: Vec<Pruning>,
    /// But not those of these parts and records.
    pub kept: BTreeSet<Ref>,
    /// Which checkpoints: what each is up to.
    pub checkpoints: Vec<u64>,
}

/// How much a cut takes.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Weight {
    /// Payloads.
    pub payloads: u64,
    /// Their bytes.
    pub bytes: u64,
}

impl Cut {
    /// By which of its names it takes the payload of this part, or a record's own with `None`.
    pub(crate) fn takes(&self, seq: u64, part: Option<u32>) -> Option<usize> {
        let kept = |part| self.kept.contains(&Ref { seq, part });
        let nth = self.what.iter().position(|what| what.covers(seq, part))?;
        (!kept(part) && !kept(None)).then_some(nth)
    }

    /// Takes from a record what is to be taken, and adds to `weights` how much that is, by name.
    fn apply(&self, stored: &mut Stored, weights: &mut [Weight]) -> Result<(), JournalError> {
        let body = stored.record()?.body;
        for (part, payload) in body.payload_parts().zip(&mut stored.payloads) {
            let Some(nth) = self.takes(stored.seq, part) else { continue };
            let len = match payload {
                StoredPayload::Erased(_) => continue,
                // Lengths are far below 4 GiB, by `limits`.
                StoredPayload::Inline(bytes) => u32::try_from(bytes.len()).unwrap_or(u32::MAX),
                StoredPayload::Chunked(len) => *len,
            };
            *payload = StoredPayload::Erased(len);
            if let Some(weight) = weights.get_mut(nth) {
                weight.payloads += 1;
                weight.bytes += u64::from(len);
            }
        }
        if stored.payloads.iter().all(StoredPayload::is_erased) {
            stored.salt = None;
        }
        Ok(())
    }
}

impl<S: Store> Journal<S> {
    /// How much a cut would take, by each of its names; what two of them name counts for the first.
    pub fn weigh(&self, cut: &Cut) -> Result<Vec<Weight>, JournalError> {
        let mut weights = vec![Weight::default(); cut.what.len()];
        for block in self.blocks(0)? {
            for stored in block? {
                cut.apply(&mut stored?, &mut weights)?;
            }
        }
        Ok(weights)
    }

    /// What the stored checkpoints are up to, oldest first.
    #[must_use]
    pub fn checkpoints(&self) -> &[u64] {
        &self.checkpoints
    }

    /// From which record on all calls can be made again: 0 if no payload is missing, else what the first
    /// checkpoint behind the last record with a missing one is up to; `None` if there is none.
    pub fn whole_from(&self) -> Result<Option<u64>, JournalError> {
        let mut last = None;
        for block in self.blocks(0)? {
            for stored in block? {
                let stored = stored?;
                last = if stored.is_erased() { Some(stored.seq) } else { last };
            }
        }
        let Some(last) = last else { return Ok(Some(0)) };
        Ok(self.checkpoints.iter().find(|upto| **upto > last).copied())
    }

    /// Writes this log into `to`, which is empty, without what the cut takes. The record that says so is the
    /// caller's to add.
    pub fn rewrite<T: Store>(&self, to: T, cut: &Cut) -> Result<Journal<T>, JournalError> {
        let mut copy = Copy { to, writes: vec![], bytes: 0 };
        for (from, end) in [(Key::PLANS, Key::PLANS_END), (Key::PRUNED, Key::PRUNED_END)] {
            copy.pairs(self.store.range(from, end))?;
        }
        for upto in self.checkpoints.iter().filter(|upto| !cut.checkpoints.contains(upto)) {
            let key = |part| Key::Checkpoint { upto: *upto, part }.encode();
            copy.pairs(self.store.range(&key(0), &key(u32::MAX)))?;
        }
        let (mut writer, mut bytes) = (BlockWriter::default(), 0);
        for block in self.blocks(0)? {
            for stored in block? {
                let mut stored = stored?;
                cut.apply(&mut stored, &mut [])?;
                for (index, payload) in (0..).zip(&stored.payloads) {
                    if let StoredPayload::Chunked(_) = payload {
                        let key = |chunk| Key::Payload { seq: stored.seq, index, chunk }.encode();
                        copy.pairs(self.store.range(&key(0), &key(u32::MAX)))?;
                    }
                }
                let inline = stored.payloads.iter().filter_map(StoredPayload::bytes);
                bytes += stored.preimage.len() + inline.map(|bytes| bytes.len()).sum::<usize>();
                writer.push_stored(&stored);
            }
            if bytes > COMMIT_BYTES {
                copy.add(std::mem::take(&mut writer).finish())?;
                bytes = 0;
            }
        }
        copy.add(writer.finish())?;
        copy.flush()?;
        Journal::open(copy.to)
    }
}

/// A store that is being filled.
struct Copy<T> {
    to: T,
    writes: Writes,
    bytes: usize,
}

impl<T: Store> Copy<T> {
    fn pairs(
        &mut self,
        pairs: impl Iterator<Item = Result<(Vec<u8>, Vec<u8>), StoreError>>,
    ) -> Result<(), StoreError> {
        for pair in pairs {
            self.add(vec![pair?])?;
        }
        Ok(())
    }

    fn add(&mut self, mut writes: Writes) -> Result<(), StoreError> {
        self.bytes += writes.iter().map(|(key, value)| key.len() + value.len()).sum::<usize>();
        self.writes.append(&mut writes);
        if self.bytes > COMMIT_BYTES { self.flush() } else { Ok(()) }
    }

    fn flush(&mut self) -> Result<(), StoreError> {
        self.bytes = 0;
        self.to.commit(std::mem::take(&mut self.writes), vec![])
    }
}
