//! Files that were open where a log begins, or a part of it: their numbers stand in its records, and what they are stands
//! before it.

use std::collections::BTreeMap;

use theater_flow_kernel::ids::{AgentId, RunId};
use theater_flow_kernel::record::{Part, SinkId};
use theater_flow_kernel::state::State;

use super::FILES;
use crate::journal::{Journal, JournalError};
use crate::recover;
use crate::store::Store;

/// Where an agent's file is.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct OpenFile {
    /// Absolute.
    pub path: String,
    /// Of one that was moved: where it was before, absolute.
    pub moved: Option<String>,
}

/// By agent and number.
pub type OpenFiles = BTreeMap<(AgentId, SinkId), OpenFile>;

impl OpenFile {
    fn new(path: &str, run: RunId) -> Self {
        let moved =
            path.split_once(&format!("/{run}/{FILES}/")).map(|(_, rest)| format!("/{rest}"));
        Self { path: path.to_owned(), moved }
    }

    /// What it is called: of one that was moved, its place in the fork's own folder.
    #[must_use]
    pub fn name(&self) -> String {
        let moved = self.moved.as_ref().map(|moved| format!("{FILES}{moved}"));
        moved.unwrap_or_else(|| self.path.clone())
    }

    /// Where it is, or was before it was moved.
    #[must_use]
    pub fn origin(&self) -> &str {
        self.moved.as_deref().unwrap_or(&self.path)
    }
}

/// The files that were open when this fork began. None for a run that is no fork, or if the state that it took over
/// cannot be read: then they are known by their numbers only.
///
/// # Errors
/// If the log cannot be read.
pub fn taken_over<S: Store>(journal: &Journal<S>) -> Result<OpenFiles, JournalError> {
    if journal.first() == 0 {
        return Ok(OpenFiles::new());
    }
    match (recover::state(journal, journal.first()), recover::genesis(journal)) {
        (Ok(state), Ok(genesis)) => Ok(of_state(&state, genesis.run)),
        (Err(recover::RecoverError::Journal(JournalError::Store(error))), _) => Err(error.into()),
        _ => Ok(OpenFiles::new()),
    }
}

/// The files that are open before record `from`, and perhaps some that were before. If the state there cannot be made,
/// as payloads were erased, what was opened before is looked up in the records, which stay.
///
/// # Errors
/// If the log cannot be read.
pub fn open_before<S: Store>(journal: &Journal<S>, from: u64) -> Result<OpenFiles, JournalError> {
    let Ok(genesis) = recover::genesis(journal) else { return Ok(OpenFiles::new()) };
    if from <= journal.first() {
        return taken_over(journal);
    }
    if let Ok(state) = recover::state(journal, from) {
        return Ok(of_state(&state, genesis.run));
    }
    let mut open = taken_over(journal)?;
    for record in journal.bare(journal.first())? {
        let record = record?;
        if record.seq >= from {
            break;
        }
        let Some(agent) = record.body.agent() else { continue };
        for part in record.body.parts() {
            if let Part::Opened { sink, path, .. } = part {
                open.insert((agent, *sink), OpenFile::new(path, genesis.run));
            }
        }
    }
    Ok(open)
}

fn of_state(state: &State, run: RunId) -> OpenFiles {
    let agents = state.plan.agents.iter().map(|agent| agent.id);
    let files = agents.flat_map(|id| {
        let writes = state.agent(id).writes.iter().filter(|(_, write)| !write.path.is_empty());
        writes.map(move |(sink, write)| ((id, *sink), OpenFile::new(&write.path, run)))
    });
    files.collect()
}
