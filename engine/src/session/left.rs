//! A run that nobody runs.

use theater_flow_kernel::ids::RunId;
use theater_flow_kernel::state::Phase;

use super::head::note_end;
use super::{Place, READERS, SessionError, check_head, check_name, new_head};
use crate::head::Head;
use crate::journal::{Journal, JournalError};
use crate::recover::{self, Recovered};
use crate::store::{SharedStore, SledStore, StoreError};

/// What is said of a log that is gone on with without its head.
const NO_HEAD: &str = "`head.json` was missing and is written anew; whether the log's end was cut off before cannot \
    be told any more";

/// A run that its last owner left, as its log has it.
pub struct Left {
    pub(super) run: RunId,
    pub(super) head: Head,
    pub(super) journal: Journal<SledStore>,
    pub(super) reader: SharedStore,
    pub(super) recovered: Recovered,
    /// Its head was there.
    guarded: bool,
}

impl Left {
    /// Opens the log of a run that is not over.
    pub fn open(place: &Place) -> Result<Self, SessionError> {
        let head = Head::read(&place.folder)?;
        let named = head.as_ref().map_or(0, |head| head.seq);
        let opened = SledStore::open_owned(&place.database(), READERS).map_err(JournalError::from);
        let opened = opened.and_then(|store| {
            let reader = store.share();
            Ok((reader, Journal::open(store)?))
        });
        let (reader, journal) = match opened {
            Err(JournalError::Empty | JournalError::Store(StoreError::Missing { .. })) => {
                return Err(match named {
                    0 => SessionError::NeverBegan,
                    named => SessionError::Behind { records: 0, named },
                });
            }
            opened => opened?,
        };
        let plan = recover::plan(&journal)?;
        let run = recover::genesis(&journal)?.run;
        check_name(place, run)?;
        let flushed = journal.flushed();
        let guarded = head.is_some();
        let mut head = match head {
            Some(mut head) => {
                check_head(&head, &journal)?;
                // It lags behind the log a little.
                for record in journal.bare(head.seq.max(journal.first()))? {
                    let record = record?;
                    head.reloads.note(record.seq, record.at, &record.body);
                }
                head
            }
            None => new_head(run, &plan, flushed, recover::lineage(&journal)?.as_ref()),
        };
        let recovered = recover::recover(&journal, flushed.seq)?;
        // The log knows these, also if there was no head, or one that lags.
        note_proposal(&mut head, &journal, recovered.state.proposal())?;
        head.name.clone_from(&recovered.state.plan.name);
        match recovered.state.kept.phase {
            Phase::Finished(status) => {
                note_end(place, head, status, flushed);
                Err(SessionError::Over(status))
            }
            _ => Ok(Self { run, head, journal, reader, recovered, guarded }),
        }
    }

    /// How many agents the run has.
    #[must_use]
    pub fn agents(&self) -> usize {
        self.recovered.state.plan.agents.len()
    }

    /// What people are to be told of its log.
    #[must_use]
    pub fn warnings(&self) -> Vec<String> {
        let unguarded = (!self.guarded).then(|| String::from(NO_HEAD));
        unguarded.into_iter().chain(self.recovered.warning()).collect()
    }
}

/// The plan that waits for approval, and what it gives to whom.
fn note_proposal(
    head: &mut Head,
    journal: &Journal<SledStore>,
    proposal: Option<u64>,
) -> Result<(), SessionError> {
    if head.reloads.waits == proposal {
        return Ok(());
    }
    head.reloads.wait(proposal, &[]);
    if let Some(seq) = proposal
        && let Some(record) = journal.bare(seq)?.next().transpose()?
    {
        head.reloads.note(record.seq, record.at, &record.body);
    }
    Ok(())
}
