//! The data folder: one folder a run, below `<data>/runs`.
//!
//! A run's folder holds its database (`db`), `head.json`, the lock of the process that owns it, and while
//! it is owned maybe the place of its control socket. Runs are named by ids that sort by time.

mod followed;
mod id;
mod making;
mod owner;
#[cfg(test)]
mod tests;

use std::fs::{self, DirBuilder};
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use theater_flow_kernel::ids::RunId;

use crate::head::{Head, HeadError};
use crate::store::{StoreError, sync_dir};

pub use followed::Followed;
pub use id::{new_id, parse_id, started_ms};
pub use making::Making;
pub use owner::{Held, Ownership, owner};

/// The name that stands for the newest run.
pub const LATEST: &str = "@latest";

/// The folder that keeps the runs.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Data {
    dir: PathBuf,
}

/// A run's place.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RunDir {
    /// Its id.
    pub id: RunId,
    /// Its folder.
    pub path: PathBuf,
}

/// A run in the list of runs.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Listed {
    /// Its id.
    pub id: RunId,
    /// How it is: `running` while a process owns it, or `paused`; `interrupted` if its process died and it can be
    /// resumed; `damaged` if its head cannot be read, or is not beside its log; else what the head says.
    pub status: String,
    /// When it was started, in ms since 1970; from its id.
    pub started_ms: u64,
    /// What is known of it without its log.
    pub head: Option<Head>,
    /// The process that owns it, if one does; 0 if it has not said.
    pub owner: Option<u32>,
}

/// Why a run is not found or not made.
#[derive(Debug, thiserror::Error)]
pub enum RunsError {
    /// There is no such folder.
    #[error("there are no runs in {}", .dir.display())]
    NoData {
        /// The data folder.
        dir: PathBuf,
    },
    /// Something else stands there.
    #[error("{} is not a folder", .dir.display())]
    NotAFolder {
        /// What was named as the data folder.
        dir: PathBuf,
    },
    /// No run has this name.
    #[error("there is no run `{name}` in {}", .dir.display())]
    Unknown {
        /// What was asked for.
        name: String,
        /// The data folder.
        dir: PathBuf,
    },
    /// Several runs have ids that begin so.
    #[error("`{name}` is the beginning of {} runs", .ids.len())]
    Ambiguous {
        /// What was asked for.
        name: String,
        /// The runs, newest first.
        ids: Vec<RunId>,
    },
    /// The file system refused.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Data {
    /// The data folder at `dir`, which need not be there yet.
    #[must_use]
    pub fn new(dir: impl Into<PathBuf>) -> Self {
        Self { dir: dir.into() }
    }

    fn runs(&self) -> PathBuf {
        self.dir.join("runs")
    }

    /// Makes the folder of a new run, which only this user may enter.
    pub fn create(&self, id: RunId) -> Result<RunDir, RunsError> {
        let path = self.make(&id.to_string())?;
        Ok(RunDir { id, path })
    }

    /// Makes a folder among those of the runs.
    fn make(&self, name: &str) -> Result<PathBuf, RunsError> {
        let runs = self.runs();
        let path = runs.join(name);
        let make = |path: &Path, recursive| {
            let made = DirBuilder::new().mode(0o700).recursive(recursive).create(path);
            made.map_err(|error| match error.kind() {
                io::ErrorKind::AlreadyExists if !recursive => {
                    StoreError::Exists { path: path.into() }
                }
                _ => StoreError::io(path, error),
            })
        };
        if self.dir.metadata().is_ok_and(|meta| !meta.is_dir()) {
            return Err(RunsError::NotAFolder { dir: self.dir.clone() });
        }
        let is_first = !self.dir.exists();
        make(&runs, true)?;
        make(&path, false)?;
        for dir in [&runs, &self.dir] {
            sync_dir(dir)?;
        }
        if is_first {
            let above = self.dir.parent().filter(|above| !above.as_os_str().is_empty());
            sync_dir(above.unwrap_or(Path::new(".")))?;
        }
        Ok(path)
    }

    /// The ids of all runs, newest first. Other files in the folder are left out, and runs that are being made.
    pub fn ids(&self) -> Result<Vec<RunId>, RunsError> {
        let runs = self.runs();
        let refused = |error: io::Error| match error.kind() {
            io::ErrorKind::NotFound => RunsError::NoData { dir: self.dir.clone() },
            io::ErrorKind::NotADirectory => RunsError::NotAFolder { dir: self.dir.clone() },
            _ => StoreError::io(&runs, error).into(),
        };
        let mut ids = vec![];
        for entry in fs::read_dir(&runs).map_err(refused)? {
            let entry = entry.map_err(refused)?;
            let id = entry.file_name().to_str().and_then(parse_id);
            ids.extend(id.filter(|_| !making::is_made(&entry.path())));
        }
        ids.sort_unstable_by(|a, b| b.cmp(a));
        Ok(ids)
    }

    /// All runs, newest first. Their logs are not read.
    pub fn list(&self) -> Result<Vec<Listed>, RunsError> {
        let ids = match self.ids() {
            Err(RunsError::NoData { .. }) => vec![],
            ids => ids?,
        };
        Ok(ids.into_iter().map(|id| listed(&self.run(id))).collect())
    }

    /// The run that `name` stands for: its id, a beginning that no other id has, or `@latest`.
    pub fn resolve(&self, name: &str) -> Result<RunDir, RunsError> {
        let ids = self.ids()?;
        let unknown = || RunsError::Unknown { name: name.to_owned(), dir: self.dir.clone() };
        if name == LATEST {
            return ids.first().map(|id| self.run(*id)).ok_or_else(unknown);
        }
        let begins = name.to_ascii_lowercase();
        let fits = |id: &RunId| !begins.is_empty() && id.to_string().starts_with(&begins);
        let mut found: Vec<RunId> = ids.into_iter().filter(fits).collect();
        match (found.pop(), found.is_empty()) {
            (None, _) => Err(unknown()),
            (Some(id), true) => Ok(self.run(id)),
            (Some(id), false) => {
                found.push(id);
                Err(RunsError::Ambiguous { name: name.to_owned(), ids: found })
            }
        }
    }

    fn run(&self, id: RunId) -> RunDir {
        RunDir { id, path: self.runs().join(id.to_string()) }
    }
}

impl RunDir {
    /// How it is, by what its folder says. Its log is not read.
    #[must_use]
    pub fn listed(&self) -> Listed {
        listed(self)
    }

    /// Removes a run that never began: nothing was recorded, so there is nothing to go on with.
    pub fn discard(&self) {
        // What cannot be removed is in nobody's way.
        let _ = fs::remove_dir_all(&self.path);
    }

    /// Where its database is.
    #[must_use]
    pub fn db(&self) -> PathBuf {
        self.path.join("db")
    }

    /// The run whose own log holds a record: this one, or one that it comes from, as far as those are there.
    #[must_use]
    pub fn holding(&self, seq: u64) -> Self {
        let (mut run, mut before) = (self.clone(), u64::MAX);
        while let Ok(Some(Head { parent: Some(parent), .. })) = Head::read(&run.path)
            // Each goes on from an earlier record: heads that say otherwise lead round in a circle.
            && (seq..before).contains(&parent.seq)
            && let Some(id) = parse_id(&parent.run)
        {
            run = Self { id, path: run.path.with_file_name(&parent.run) };
            before = parent.seq;
        }
        run
    }

    /// The file that says where its control socket is.
    #[must_use]
    pub fn socket(&self) -> PathBuf {
        self.path.join("socket")
    }
}

fn listed(run: &RunDir) -> Listed {
    // The owner first: one that ends after this has written its head before.
    let owner = owner(&run.path);
    let head = Head::read(&run.path);
    let status = match (&head, owner) {
        (Ok(Some(head)), Some(_)) if head.status == "paused" => "paused",
        (_, Some(_)) => "running",
        (Err(HeadError::Damaged { .. }), _) => "damaged",
        (Ok(None), None) if run.db().exists() => "damaged",
        (Ok(Some(head)), None) if is_at_rest(&head.status) => &head.status,
        _ => "interrupted",
    };
    let (status, started_ms) = (status.to_owned(), started_ms(run.id));
    Listed { id: run.id, status, started_ms, head: head.unwrap_or_default(), owner }
}

/// True if a process that ends well leaves a run so.
fn is_at_rest(status: &str) -> bool {
    matches!(status, "completed" | "degraded" | "failed" | "suspended" | "waiting")
}
