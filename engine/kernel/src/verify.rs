//! Checks a stored log, record by record, and names the first that is not as it was written.

#[cfg(test)]
mod tests;

use alloc::string::String;
use alloc::vec::Vec;

use crate::block::{Damage, Flaw, Stored, StoredPayload};
use crate::ids::{Digest, Ref};
use crate::record::{self, Body, Checkpoint, Lineage, Payload, Pruned, Pruning, Record};

/// Takes the records of a run in order, chunked payloads resolved, and checks all that a log says about
/// itself.
///
/// What a chain cannot show is its own end: a log cut at a record's end is a shorter, whole log. So the
/// length and hash that were noted outside of it are given to [`Verifier::expecting`].
#[derive(Debug, Default)]
pub struct Verifier {
    /// The run's first record: 0, or that of a fork.
    first: u64,
    next: u64,
    head: Digest,
    at: u64,
    plan: Option<Digest>,
    components: Vec<(String, Digest)>,
    lineage: Option<Lineage>,
    expected: Option<(u64, Digest)>,
    /// Each with how many of the payloads that it erased were not yet met.
    prunings: Vec<(u64, Pruned, u64)>,
    holes: Vec<Hole>,
    sought: Option<Digest>,
    found: Option<u64>,
    /// A payload has been there since the last hole.
    whole_since: bool,
    thinned: Vec<u64>,
}

/// What a whole log was found to be.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Verified {
    /// How many records: the number after the last one's. Of a fork those before its first are another run's.
    pub records: u64,
    /// Of a fork, where it comes from.
    pub lineage: Option<Lineage>,
    /// The components that the run depends on, with the names of their actors.
    pub components: Vec<(String, Digest)>,
    /// The hash of the last; zeros if there is none.
    pub head: Digest,
    /// Where payloads were erased, in order.
    pub holes: Vec<Hole>,
    /// Records of checkpoints that are no longer stored, in order.
    pub thinned: Vec<u64>,
    /// The record whose hash was [sought](Verifier::seeking), if there is one.
    pub found: Option<u64>,
}

/// Records in a row whose payloads were erased, those between them counted that have none.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Hole {
    /// The first record.
    pub first: u64,
    /// The last.
    pub last: u64,
    /// How many payloads.
    pub payloads: u64,
    /// The record that says that they were erased.
    pub by: u64,
}

impl Verifier {
    /// Goes on behind a record, of this time in ms, that is taken for granted.
    #[must_use]
    pub fn behind(before: &Stored, at: u64) -> Self {
        Self { next: before.seq + 1, head: before.hash, at, ..Self::default() }
    }

    /// The log must hold at least `records` records, and the last of these must have the hash `head`.
    #[must_use]
    pub const fn expecting(mut self, records: u64, head: Digest) -> Self {
        self.expected = Some((records, head));
        self
    }

    /// Payloads may be missing where these records, in order, say that they were erased.
    #[must_use]
    pub fn excusing(mut self, prunings: Vec<(u64, Pruned)>) -> Self {
        let open = |(by, pruned): (u64, Pruned)| {
            let payloads = pruned.payloads;
            (by, pruned, payloads)
        };
        self.prunings = prunings.into_iter().map(open).collect();
        self
    }

    /// Finds the record that has this hash.
    #[must_use]
    pub const fn seeking(mut self, hash: Digest) -> Self {
        self.sought = Some(hash);
        self
    }

    /// The number of the record to give next.
    #[must_use]
    pub const fn next(&self) -> u64 {
        self.next
    }

    /// The run goes on from a point of another, with this record.
    #[must_use]
    pub const fn from(mut self, first: u64) -> Self {
        (self.first, self.next) = (first, first);
        self
    }

    /// Checks the next record and its payloads.
    ///
    /// What lies under keys of its own is the caller's to fetch: for a first record call [`Verifier::plan`],
    /// for a checkpoint [`Verifier::checkpoint`], before the next record.
    pub fn check(&mut self, stored: &Stored) -> Result<Record, Damage> {
        if stored.seq != self.next {
            return Err(Damage { seq: self.next, what: Flaw::Missing });
        }
        let record = self.record(stored).map_err(|what| stored.damage(what))?;
        self.beside(stored, &record.body).map_err(|what| stored.damage(what))?;
        if let Body::Pruned(body) = &record.body
            && !self.prunings.iter().any(|(seq, known, _)| (*seq, known) == (record.seq, body))
        {
            return Err(stored.damage(Flaw::Mark));
        }
        self.head = stored.hash;
        self.seek(stored.seq, stored.hash);
        self.at = record.at;
        self.next += 1;
        match self.expected {
            Some((records, head)) if records == self.next && head != self.head => {
                Err(stored.damage(Flaw::Head))
            }
            _ => Ok(record),
        }
    }

    /// Checks the stored plan against the genesis, which was checked before.
    pub fn plan(&self, stored: Option<&[u8]>) -> Result<(), Damage> {
        match stored {
            Some(bytes) if Some(Digest::of(bytes)) == self.plan => Ok(()),
            _ => Err(Damage { seq: self.first, what: Flaw::Plan }),
        }
    }

    /// Checks a stored checkpoint against its record, the last that was checked. Old checkpoints are
    /// pruned: one that is not stored is noted.
    pub fn checkpoint(&mut self, named: &Checkpoint, stored: Option<&[u8]>) -> Result<(), Damage> {
        let seq = self.next.saturating_sub(1);
        match stored {
            None => self.thinned.push(seq),
            Some(bytes) => {
                let same = u64::try_from(bytes.len()) == Ok(named.len);
                if !same || Digest::of(bytes) != named.digest {
                    return Err(Damage { seq, what: Flaw::Checkpoint });
                }
            }
        }
        Ok(())
    }

    /// There are no more records.
    pub fn end(self) -> Result<Verified, Damage> {
        let Self { lineage, components, next, head, holes, thinned, found, .. } = self;
        match self.expected {
            Some((records, _)) if records > next => Err(Damage { seq: next, what: Flaw::Shorter }),
            _ => Ok(Verified { records: next, lineage, components, head, holes, thinned, found }),
        }
    }

    fn seek(&mut self, seq: u64, hash: Digest) {
        if self.sought == Some(hash) {
            self.found = Some(seq);
        }
    }

    /// The record itself, and how it continues the one before.
    fn record(&mut self, stored: &Stored) -> Result<Record, Flaw> {
        if record::hash(&stored.preimage) != stored.hash {
            return Err(Flaw::Hash);
        }
        match stored.preimage.first() {
            Some(&record::VERSION) => {}
            Some(version) => return Err(Flaw::Version(*version)),
            None => return Err(Flaw::Encoding),
        }
        let record = stored.record().map_err(|damage| damage.what)?;
        // A check only: what is stored and hashed stays the preimage.
        if postcard::to_allocvec(&record).as_deref() != Ok(&stored.preimage) {
            return Err(Flaw::Encoding);
        }
        if record.seq != self.next {
            return Err(Flaw::Seq(record.seq));
        }
        self.begins(&record)?;
        if record.prev != self.head {
            return Err(Flaw::Prev);
        }
        if record.at < self.at {
            return Err(Flaw::Time);
        }
        Self::causes(&record)?;
        Ok(record)
    }

    /// The first record, and no other, says what the run depends on. That of a fork continues another run's
    /// record, of which it holds all that is known here.
    fn begins(&mut self, record: &Record) -> Result<(), Flaw> {
        let genesis = record.body.genesis();
        if genesis.is_some() != (record.seq == self.first) {
            return Err(Flaw::Genesis);
        }
        if let Some(genesis) = genesis {
            self.plan = Some(genesis.plan);
            self.components.clone_from(&genesis.components);
        }
        match &record.body {
            Body::Genesis(_) if record.seq != 0 => Err(Flaw::Genesis),
            Body::Forked(body) => {
                let (lineage, state) = (&body.lineage, &body.lineage.state);
                if lineage.seq.checked_add(1) != Some(record.seq) || state.upto != record.seq {
                    return Err(Flaw::Genesis);
                }
                self.head = lineage.hash;
                self.seek(lineage.seq, lineage.hash);
                self.lineage = Some(lineage.clone());
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn causes(record: &Record) -> Result<(), Flaw> {
        if record.seq > 0 && record.causes.is_empty() {
            return Err(Flaw::Cause(None));
        }
        match record.causes.iter().find(|cause| cause.seq >= record.seq) {
            Some(cause) => Err(Flaw::Cause(Some(*cause))),
            None => Ok(()),
        }
    }

    /// The payloads and the salt.
    fn beside(&mut self, stored: &Stored, body: &Body) -> Result<(), Flaw> {
        if body.payloads().count() != stored.payloads.len() {
            return Err(Flaw::Beside);
        }
        let salt = stored.salt.unwrap_or_default();
        let mut salted = false;
        for (index, (named, payload)) in body.payloads().zip(&stored.payloads).enumerate() {
            match payload {
                StoredPayload::Chunked(_) => return Err(Flaw::PayloadMissing { index }),
                StoredPayload::Erased(len) if *len == named.len => {}
                StoredPayload::Inline(bytes) if u32::try_from(bytes.len()) == Ok(named.len) => {
                    salted = true;
                    if Payload::commit(&salt, bytes) != *named {
                        return Err(Flaw::Payload { index });
                    }
                }
                _ => return Err(Flaw::PayloadLength { index }),
            }
        }
        if salted != stored.salt.is_some() {
            return Err(Flaw::Beside);
        }
        self.whole_since |= salted;
        if stored.is_erased() { self.holes(stored, body) } else { Ok(()) }
    }

    /// Finds out who erased what is not there.
    fn holes(&mut self, stored: &Stored, body: &Body) -> Result<(), Flaw> {
        let seq = stored.seq;
        let payloads = body.payload_parts().zip(&stored.payloads).enumerate();
        for (index, (part, _)) in payloads.filter(|(_, (_, payload))| payload.is_erased()) {
            let by = self.excuse(seq, part).ok_or(Flaw::Hole { index })?;
            match self.holes.last_mut() {
                Some(hole) if hole.by == by && (!self.whole_since || hole.last == seq) => {
                    hole.last = seq;
                    hole.payloads += 1;
                }
                _ => self.holes.push(Hole { first: seq, last: seq, payloads: 1, by }),
            }
        }
        self.whole_since = stored.salt.is_some();
        Ok(())
    }

    /// The pruning that erased a payload: of those that cover it, and erased more than was met so far, the one
    /// that covers least. What others cover lies within or without it, so that none is used up that is needed.
    fn excuse(&mut self, seq: u64, part: Option<u32>) -> Option<u64> {
        let fits = |(by, pruned, left): &&mut (u64, Pruned, u64)| {
            *by > seq && *left > 0 && pruned.what.covers(seq, part)
        };
        let least = self.prunings.iter_mut().filter(fits);
        let (by, _, left) = least.min_by_key(|(by, pruned, _)| (breadth(pruned.what), *by))?;
        *left -= 1;
        Some(*by)
    }
}

/// Grows with what a pruning covers: of two that cover the same payload, the one with less lies within the other.
const fn breadth(what: Pruning) -> (u8, u64) {
    match what {
        Pruning::Of(Ref { part: Some(_), .. }) => (0, 0),
        Pruning::Of(Ref { part: None, .. }) => (1, 0),
        Pruning::Before(before) => (2, before),
    }
}
