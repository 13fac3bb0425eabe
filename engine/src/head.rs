//! `head.json`: how far a run's log is known to reach.
//!
//! A chain of hashes cannot show that its end was cut off, and a damaged database may open empty. So a
//! lower bound stands beside the database, replaced as a whole after the flush that it names: the log
//! must hold that record with that hash. It is replaced now and then, not at each flush, so the log may
//! be longer.

mod reloads;
#[cfg(test)]
mod tests;

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use theater_flow_kernel::ids::Digest;

pub use reloads::{LastReload, Reloads};

use crate::journal::{Journal, JournalError};
use crate::store::{Store, StoreError, replace};

/// The file's name, in a run's folder.
pub const FILE: &str = "head.json";
const VERSION: u8 = 1;
/// Nobody's name is this long; what is longer is not a head.
const BYTES: u64 = 1 << 20;

/// What is known of a run from outside its log.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Head {
    /// The run's id.
    pub run: String,
    /// The pipeline's name.
    pub name: String,
    /// How the run was then: `running`, `suspended`, `completed`, …
    pub status: String,
    /// How many records were durable then: the seq of the next.
    pub seq: u64,
    /// The hash of the last of them.
    pub head: Digest,
    /// When it was written, in ms since 1970.
    pub at: u64,
    /// The run that it was forked from, and after which record.
    pub parent: Option<Parent>,
    /// What became of reloads.
    pub reloads: Reloads,
}

/// Where a fork comes from.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Parent {
    /// The other run's id.
    pub run: String,
    /// The last record that both have.
    pub seq: u64,
}

/// The file's content, but for the sum over it.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Content {
    version: u8,
    run: String,
    name: String,
    status: String,
    seq: u64,
    head: String,
    at: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    parent: Option<Parent>,
    #[serde(default, skip_serializing_if = "Reloads::is_none")]
    reloads: Reloads,
    /// SHA-256 of the file as it would be with this empty: against damage, not against forgery.
    sum: String,
}

/// Why a head cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub enum HeadError {
    /// The file system refused.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// It is not what was written.
    #[error("{} is damaged", .path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
    },
}

/// How a log stands to its head.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Standing {
    /// The log holds the record that the head names.
    Held,
    /// The log ends before it: part of it was lost or cut off. It must not be resumed.
    Shorter {
        /// How many records the log holds.
        records: u64,
    },
    /// The log holds another record in its place.
    Different,
}

impl Head {
    /// Reads the head in the folder of a run; `None` if there is none.
    pub fn read(run: &Path) -> Result<Option<Self>, HeadError> {
        let path = run.join(FILE);
        let read = || {
            if fs::metadata(&path)?.len() > BYTES { Ok(vec![]) } else { fs::read(&path) }
        };
        let bytes = match read() {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(StoreError::io(&path, error).into()),
        };
        Self::parse(&bytes).map(Some).ok_or(HeadError::Damaged { path })
    }

    /// Replaces the head in the folder of a run. What it names must be durable.
    pub fn write(&self, run: &Path) -> Result<(), HeadError> {
        Ok(replace(&run.join(FILE), self.text().as_bytes())?)
    }

    /// Compares the log with this head.
    pub fn check<S: Store>(&self, journal: &Journal<S>) -> Result<Standing, JournalError> {
        let records = journal.flushed().seq;
        if records < self.seq {
            return Ok(Standing::Shorter { records });
        }
        let Some(last) = self.seq.checked_sub(1) else {
            return Ok(Standing::Held);
        };
        let held = journal.stored(last)?.hash == self.head;
        Ok(if held { Standing::Held } else { Standing::Different })
    }

    fn text(&self) -> String {
        let Self { run, name, status, seq, head, at, parent, reloads } = self.clone();
        let (version, head, sum) = (VERSION, head.to_string(), String::new());
        let mut content =
            Content { version, run, name, status, seq, head, at, parent, reloads, sum };
        content.sum = Digest::of(line(&content).as_bytes()).to_string();
        line(&content)
    }

    /// Any byte that differs from what [`Head::text`] writes is damage.
    fn parse(bytes: &[u8]) -> Option<Self> {
        let content: Content = serde_json::from_slice(bytes).ok()?;
        let Content { version: VERSION, run, name, status, seq, at, parent, reloads, .. } = content
        else {
            return None;
        };
        let head = Digest::from_hex(&content.head)?;
        let head = Self { run, name, status, seq, head, at, parent, reloads };
        (head.text().as_bytes() == bytes).then_some(head)
    }
}

fn line(content: &Content) -> String {
    let mut text = serde_json::to_string(content).expect("strings and numbers are always JSON");
    text.push('\n');
    text
}
