//! Pruning: payloads that nobody needs any more are erased, with the checkpoints that hold them, and a record
//! says so. Hashes and records stay, so that the chain can be checked as before.
//!
//! The log is written anew beside the old one, checked, and put in its place at once: whatever happens
//! meanwhile, there is the log as it was before or as it is afterwards. The old one is then removed as a whole.

mod elsewhere;
mod kept;

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use theater_flow_kernel::ids::{Digest, Ref, Salt};
use theater_flow_kernel::record::{
    Body, Checkpoint, Consumed, Entry, Pruned, Pruning, Transaction,
};
use theater_flow_kernel::state::{AgentState, Phase, Stand, State};

use crate::head::Head;
use crate::journal::{Commit, Cut, Flushed, Journal, JournalError, NEWEST, Weight};
use crate::recover::{self, RecoverError};
use crate::store::{SledStore, Store, StoreError, beside, take_place};

pub use elsewhere::{Elsewhere, elsewhere};
use kept::{is_plan, kept};

/// Which payloads somebody wants to be rid of.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Wish {
    /// All that nobody needs.
    All,
    /// Those of the records before this one.
    Before(u64),
    /// Of those that nobody needs, the ones that were recorded before this time, in ms since 1970.
    Until(u64),
    /// Those of these records, or parts of records.
    Of(Vec<Ref>),
}

/// Why nothing is erased.
#[derive(Debug, thiserror::Error)]
pub enum PruneError {
    /// The log adds up to nothing.
    #[error(transparent)]
    Recover(#[from] RecoverError),
    /// The record is not there.
    #[error("there is no record {seq}: the run has {records}, from 0")]
    NoRecord {
        /// What was named.
        seq: u64,
        /// How many there are.
        records: u64,
    },
    /// There is nothing to be erased at this place.
    #[error("{0} has no payload, or it was erased before")]
    NoPayload(Ref),
    /// The run can be resumed, and then needs them.
    #[error(
        "the run is not over, and is resumed with the payloads of record {from} and later ones"
    )]
    Needed {
        /// The first record whose payloads are needed.
        from: u64,
    },
    /// It is a dead letter of a run that is not over.
    #[error(
        "the run is not over, and {of} is a dead letter that can be tried again (record {letter})"
    )]
    Letter {
        /// What was named.
        of: Ref,
        /// The record that set it aside.
        letter: u64,
    },
    /// It holds a plan.
    #[error("{of} holds a plan of the run, without which its log cannot be read")]
    Plan {
        /// What was named.
        of: Ref,
    },
    /// An agent of a run that is not over still needs the payload.
    #[error("the run is not over, and `{agent}` still needs the payloads of {of}")]
    InUse {
        /// What was named.
        of: Ref,
        /// Who needs it.
        agent: String,
    },
}

impl From<JournalError> for PruneError {
    fn from(error: JournalError) -> Self {
        Self::Recover(error.into())
    }
}

impl From<StoreError> for PruneError {
    fn from(error: StoreError) -> Self {
        JournalError::from(error).into()
    }
}

/// What is to be erased, and how much that is.
#[derive(Debug)]
pub struct Planned {
    /// What.
    pub cut: Cut,
    /// How much.
    pub weight: Weight,
    /// How much by each name of the cut.
    each: Vec<Weight>,
    /// The state after the last record.
    state: State,
}

impl Planned {
    /// Finds out what can be erased of what is wished.
    pub fn new<S: Store>(journal: &Journal<S>, wish: &Wish) -> Result<Self, PruneError> {
        let records = journal.flushed().seq;
        let state = recover::state(journal, records)?;
        let cut = match wish {
            Wish::All => before(journal, &state, u64::MAX)?,
            Wish::Until(at) => before(journal, &state, first_at(journal, *at)?)?,
            Wish::Before(seq) => {
                let (seq, from) = (*seq, needed_from(journal, &state));
                if seq > records {
                    return Err(PruneError::NoRecord { seq, records });
                }
                if seq > from {
                    return Err(PruneError::Needed { from });
                }
                before(journal, &state, seq)?
            }
            Wish::Of(of) => named(journal, &state, of)?,
        };
        let each = journal.weigh(&cut)?;
        for (what, weight) in cut.what.iter().zip(&each) {
            match what {
                Pruning::Of(of) if weight.payloads == 0 => return Err(PruneError::NoPayload(*of)),
                _ => {}
            }
        }
        let weight = Weight {
            payloads: each.iter().map(|weight| weight.payloads).sum(),
            bytes: each.iter().map(|weight| weight.bytes).sum(),
        };
        Ok(Self { cut, weight, each, state })
    }

    /// True if there is nothing to be erased.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.weight.payloads == 0
    }

    /// Writes the log anew into an empty store, with a record that says what was erased, and checks it.
    pub fn carry_out<S: Store, T: Store>(
        &self,
        journal: &Journal<S>,
        to: T,
        now_ms: u64,
    ) -> Result<Journal<T>, PruneError> {
        let before = journal.flushed();
        let mut new = journal.rewrite(to, &self.cut)?;
        let entry = |seq: u64, body| Entry {
            seq,
            at: now_ms.max(self.state.kept.now),
            causes: vec![Ref::record(seq - 1)],
            body,
            salt: Salt::default(),
            payloads: vec![],
        };
        let mut entries = vec![];
        let fresh = self.checkpoint();
        if let Some(bytes) = &fresh {
            let (upto, len) = (before.seq, bytes.len() as u64);
            let named = Checkpoint { upto, digest: Digest::of(bytes), len };
            entries.push(Arc::new(entry(upto, Body::Checkpoint(named))));
        }
        let mut checkpoints = self.cut.checkpoints.clone();
        for (what, Weight { payloads, bytes }) in self.cut.what.iter().zip(&self.each) {
            let (what, checkpoints) = (*what, std::mem::take(&mut checkpoints));
            let pruned = Pruned { what, payloads: *payloads, bytes: *bytes, checkpoints };
            entries.push(Arc::new(entry(before.seq + entries.len() as u64, Body::Pruned(pruned))));
        }
        new.commit(Commit { entries: &entries, checkpoint: fresh.as_deref(), plan: None })?;
        new.verify(Some(before))?;
        Ok(new)
    }
}

impl Planned {
    /// A checkpoint of the run's end, if its state could no longer be made from what stays.
    fn checkpoint(&self) -> Option<Vec<u8>> {
        let mut state = self.state.clone();
        let before = self.cut.what.iter().all(|what| matches!(what, Pruning::Before(_)));
        if before && !is_over(&state) {
            return None;
        }
        if is_over(&state) {
            for what in &self.cut.what {
                let Pruning::Of(of) = *what else { continue };
                for letter in letters_of(&self.state, of) {
                    state.kept.letters.take(letter);
                }
            }
            // What was left unread when all had ended is nobody's any more.
            for agent in &mut state.kept.agents {
                agent.queues.iter_mut().for_each(|queue| queue.items.clear());
                agent.redo.clear();
                (agent.saved, agent.pending, agent.asking) = (None, None, None);
            }
        }
        Some(state.to_checkpoint())
    }
}

fn is_over(state: &State) -> bool {
    matches!(state.kept.phase, Phase::Finished(_))
}

/// The first record whose payloads a run that goes on may need: those before it are in all of the checkpoints
/// that stay.
fn needed_from<S: Store>(journal: &Journal<S>, state: &State) -> u64 {
    if is_over(state) {
        return journal.flushed().seq;
    }
    let stored = journal.checkpoints();
    stored[stored.len().saturating_sub(NEWEST)..].first().copied().unwrap_or(0)
}

/// Erases what nobody needs of the records before `most`.
fn before<S: Store>(journal: &Journal<S>, state: &State, most: u64) -> Result<Cut, PruneError> {
    let before = needed_from(journal, state).min(most);
    let mut kept = kept(journal)?;
    if !is_over(state) {
        kept.extend(state.kept.agents.iter().flat_map(needs));
    }
    // Behind the one that a fork took over there is nothing to begin from.
    let gone = journal.checkpoints().iter();
    let gone = gone.filter(|upto| **upto < before && **upto > journal.first());
    let checkpoints = gone.copied().collect();
    Ok(Cut { what: vec![Pruning::Before(before)], kept, checkpoints })
}

/// Erases the payloads of these records and parts, and all checkpoints that may hold them.
fn named<S: Store>(journal: &Journal<S>, state: &State, of: &[Ref]) -> Result<Cut, PruneError> {
    // What lies within another goes first, so that each takes something.
    let mut of = of.to_vec();
    of.sort_unstable_by_key(|of| (of.seq, of.part.is_none(), of.part));
    of.dedup();
    for of in &of {
        free(journal, state, *of)?;
    }
    let first = of.iter().map(|of| of.seq).min().unwrap_or(u64::MAX);
    let later = journal.checkpoints().iter().filter(|upto| **upto > first);
    let checkpoints = later.copied().collect();
    let what = of.iter().map(|of| Pruning::Of(*of)).collect();
    Ok(Cut { what, kept: BTreeSet::new(), checkpoints })
}

/// Refuses what is not there or is still needed.
fn free<S: Store>(journal: &Journal<S>, state: &State, of: Ref) -> Result<(), PruneError> {
    let records = journal.flushed().seq;
    if of.seq >= records {
        return Err(PruneError::NoRecord { seq: of.seq, records });
    }
    // Of a fork, those before its first are another run's.
    if is_plan(&recover::body(journal, of.seq)?) {
        return Err(PruneError::Plan { of });
    }
    let agents = state.kept.agents.iter().zip(&state.plan.agents);
    let mut agents = agents.filter(|_| !is_over(state));
    let needs_it = |agent: &AgentState| {
        needs(agent).any(|need| {
            let same = need.part.is_none() || of.part.is_none() || need.part == of.part;
            need.seq == of.seq && same
        })
    };
    if let Some((_, agent)) = agents.find(|(agent, _)| needs_it(agent)) {
        return Err(PruneError::InUse { of, agent: agent.name.clone() });
    }
    let letter = letters_of(state, of).next().filter(|_| !is_over(state));
    letter.map_or(Ok(()), |letter| Err(PruneError::Letter { of, letter }))
}

/// The dead letters that the engine keeps of this message, or of one of this record's.
fn letters_of(state: &State, of: Ref) -> impl Iterator<Item = u64> + '_ {
    let same = move |message: Ref| {
        message.seq == of.seq
            && (of.part.is_none() || message.part.is_none() || message.part == of.part)
    };
    state.kept.letters.iter().filter(move |(_, kept)| same(kept.message.id)).map(|(seq, _)| seq)
}

/// The first record that was made at this time or later.
fn first_at<S: Store>(journal: &Journal<S>, at: u64) -> Result<u64, JournalError> {
    for record in journal.bare(0)? {
        let record = record?;
        if record.at >= at {
            return Ok(record.seq);
        }
    }
    Ok(journal.flushed().seq)
}

/// What an agent goes on with when the run does.
fn needs(agent: &AgentState) -> impl Iterator<Item = Ref> + '_ {
    let queued = agent.queues.iter().flat_map(|queue| &queue.items).map(|item| item.id);
    let tried = agent.pending.iter().filter_map(|pending| message(&pending.consumed));
    let redone = agent.redo.iter().flat_map(|redo| {
        let consumed = match &redo.entry.body {
            Body::Transaction(Transaction { consumed, .. }) => message(consumed),
            Body::Faulted(body) => message(&body.consumed),
            _ => None,
        };
        [Some(Ref::record(redo.entry.seq)), consumed].into_iter().flatten()
    });
    let saved = agent.saved.iter().map(|saved| Ref::record(saved.seq));
    let written = agent.writes.values().flat_map(|write| &write.pending);
    let written = written.map(|op| Ref::record(op.seq));
    let asked = agent.asking.iter().flat_map(|asking| {
        let answer = match asking.stand {
            Stand::Answered { outcome, .. } => Some(Ref::record(outcome)),
            Stand::Open { .. }
            | Stand::Lost
            | Stand::Held { .. }
            | Stand::Forked
            | Stand::Decided { .. } => None,
        };
        let intent = Some(Ref::record(asking.intent.seq));
        [intent, answer, message(&asking.consumed)].into_iter().flatten()
    });
    queued.chain(tried).chain(redone).chain(saved).chain(written).chain(asked)
}

fn message(consumed: &Consumed) -> Option<Ref> {
    match consumed {
        Consumed::Message { id, .. } => Some(*id),
        _ => None,
    }
}

/// What a pruning did.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Done {
    /// How far the log reaches: its last record says what was erased.
    pub flushed: Flushed,
    /// Bytes on the disk before.
    pub before: u64,
    /// And after.
    pub after: u64,
}

/// Prunes the log at `db`, in which `journal` is open, and notes its new end in `folder`. The run must be this
/// process's own.
pub fn carry_out(
    (journal, planned): (Journal<SledStore>, &Planned),
    db: &Path,
    (folder, head): (&Path, Head),
    now_ms: u64,
) -> Result<Done, PruneError> {
    let before = disk_bytes(db);
    let at = beside(db);
    let store = SledStore::create(&at)?;
    let new = planned.carry_out(&journal, store, now_ms).inspect_err(|_| {
        // It is removed by the next owner too.
        let _ = std::fs::remove_dir_all(&at);
    })?;
    let flushed = new.flushed();
    drop((journal, new));
    take_place(&at, db)?;
    let head = Head { seq: flushed.seq, head: flushed.head, ..head };
    // A head that lags is still a lower bound.
    let _ = head.write(folder);
    Ok(Done { flushed, before, after: disk_bytes(db) })
}

/// Bytes that the files of a folder take on the disk.
#[must_use]
pub fn disk_bytes(folder: &Path) -> u64 {
    use std::os::unix::fs::MetadataExt as _;
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let bytes = entries.map(|entry| match entry.metadata() {
        Ok(meta) if meta.is_dir() => disk_bytes(&entry.path()),
        Ok(meta) => meta.blocks() * 512,
        Err(_) => 0,
    });
    bytes.sum()
}
