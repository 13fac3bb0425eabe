//! Checking a whole log: each record and what it names, and that nothing else is stored.

use std::collections::BTreeSet;

use theater_flow_kernel::block::{Damage, Flaw, Key};
use theater_flow_kernel::ids::Digest;
use theater_flow_kernel::verify::{Verified, Verifier};

use crate::journal::read::END;
use crate::journal::retain::NEWEST;
use crate::journal::{Flushed, Journal, JournalError, checkpoint};
use crate::store::Store;

impl<S: Store> Journal<S> {
    /// Checks the chain, blocks, payloads, checkpoints and plan, and that the log holds what was noted
    /// outside of it. The error names the first record that is not as it was written.
    pub fn verify(&self, noted: Option<Flushed>) -> Result<Verified, JournalError> {
        self.verify_seeking(noted, None)
    }

    /// As [`verify`](Self::verify), and finds the record with the hash `sought`.
    pub fn verify_seeking(
        &self,
        noted: Option<Flushed>,
        sought: Option<Digest>,
    ) -> Result<Verified, JournalError> {
        let prunings = self.prunings()?;
        let removed =
            prunings.iter().flat_map(|(_, pruned)| &pruned.checkpoints).copied().collect();
        let mut verifier = Verifier::default().from(self.first).excusing(prunings);
        if let Some(Flushed { seq, head }) = noted {
            verifier = verifier.expecting(seq, head);
        }
        if let Some(sought) = sought {
            verifier = verifier.seeking(sought);
        }
        let mut named = Named { removed, ..Named::default() };
        for stored in self.records(0)? {
            let record = verifier.check(&stored?)?;
            if let Some(genesis) = record.body.genesis() {
                verifier.plan(self.plan(genesis.plan)?.as_deref())?;
                named.plans.insert(genesis.plan);
            }
            if let Some(checkpoint) = checkpoint(&record.body) {
                let bytes = match self.checkpoints.binary_search(&checkpoint.upto) {
                    // One that is stored in part is damaged, not pruned; one that is gone
                    // altogether was thinned out while this reader was at it.
                    Ok(_) if self.checkpoint_keys(checkpoint.upto)?.is_empty() => None,
                    Ok(_) => Some(self.checkpoint_bytes(checkpoint.upto)?.unwrap_or_default()),
                    Err(_) => None,
                };
                // What a fork took over is never thinned out.
                let taken_over =
                    record.seq == self.first && !named.removed.contains(&checkpoint.upto);
                let bytes = bytes.or_else(|| taken_over.then(Vec::new));
                verifier.checkpoint(checkpoint, bytes.as_deref())?;
                named.checkpoints.insert(checkpoint.upto);
            }
        }
        self.strays(&named)?;
        Ok(verifier.end()?)
    }

    /// Finds what no record accounts for, but for what a torn commit left.
    fn strays(&self, named: &Named) -> Result<(), JournalError> {
        let stray = |seq| Err(Damage { seq, what: Flaw::Stray }.into());
        let newest = named.checkpoints.iter().rev().take(NEWEST).rev();
        let mut newest = newest.filter(|upto| !named.removed.contains(upto));
        if let Some(gone) = newest.find(|upto| !self.checkpoints.contains(upto)) {
            return Err(Damage { seq: *gone, what: Flaw::Checkpoint }.into());
        }
        if let Some(upto) = self.checkpoints.iter().find(|upto| !named.checkpoints.contains(upto)) {
            return stray(*upto);
        }
        for pair in self.store.range(Key::PLANS, Key::PLANS_END) {
            match Key::decode(&pair?.0) {
                Some(Key::Plan { digest, .. }) if named.plans.contains(&digest) => {}
                _ => return stray(0),
            }
        }
        let block = Key::Block { first: 0, part: 0 }.encode();
        let payload = Key::Payload { seq: 0, index: 0, chunk: 0 }.encode();
        let gaps = [
            (&[][..], &block[..]),
            (Key::CHECKPOINTS_END, Key::PLANS),
            (Key::PLANS_END, &payload),
            (Key::PAYLOADS_END, Key::PRUNED),
            (Key::PRUNED_END, &END),
        ];
        for (from, to) in gaps {
            if self.store.range(from, to).next().transpose()?.is_some() {
                return stray(0);
            }
        }
        Ok(())
    }
}

/// What the records name.
#[derive(Default)]
struct Named {
    checkpoints: BTreeSet<u64>,
    /// Checkpoints that were removed.
    removed: BTreeSet<u64>,
    plans: BTreeSet<Digest>,
}
