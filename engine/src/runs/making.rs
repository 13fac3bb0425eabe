//! Runs that are being made: they are not listed before they are whole, and one whose maker was killed goes with the
//! next that is made.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use theater_flow_kernel::ids::RunId;

use super::{Data, Held, Ownership, RunDir, RunsError, parse_id};
use crate::store::{StoreError, sync_dir};

/// The file that stands in the folder of such a run.
const MARK: &str = "making";
/// What its folder is called behind its id before that file is there.
const NEW: &str = ".new";

/// A run that is being made. Dropped, it is left for the next one to remove.
#[derive(Debug)]
pub struct Making {
    run: RunDir,
    /// That it is held says that its maker lives.
    _owner: Ownership,
}

/// True of a folder in which a run is not whole yet.
pub(super) fn is_made(folder: &Path) -> bool {
    folder.join(MARK).exists()
}

impl Data {
    /// Makes the folder of a run that is listed once it is [whole](Making::whole), and removes those whose makers
    /// are gone.
    ///
    /// # Errors
    /// If the file system refuses.
    pub fn begin(&self, id: RunId) -> Result<Making, RunsError> {
        self.remove_unfinished();
        let new = self.make(&format!("{id}{NEW}"))?;
        let owner = Ownership::take(&new).map_err(|held| match held {
            Held::Store(error) => error,
            Held::By { .. } => StoreError::Locked { path: new.clone() },
        })?;
        let refused = |error| StoreError::io(&new, error);
        File::create(new.join(MARK)).map_err(refused)?;
        let run = self.run(id);
        fs::rename(&new, &run.path).map_err(refused)?;
        sync_dir(&self.runs())?;
        Ok(Making { run, _owner: owner })
    }

    fn remove_unfinished(&self) {
        for entry in fs::read_dir(self.runs()).into_iter().flatten().flatten() {
            if is_unfinished(&entry.path()) && Ownership::take(&entry.path()).is_ok() {
                // What cannot be removed is in nobody's way.
                let _ = fs::remove_dir_all(entry.path());
            }
        }
    }
}

/// True of a folder that somebody begins a run in, or began.
fn is_unfinished(folder: &Path) -> bool {
    let name: PathBuf = folder.file_name().map(PathBuf::from).unwrap_or_default();
    let name = name.to_str().unwrap_or_default();
    let id = name.strip_suffix(NEW);
    match id {
        Some(id) => parse_id(id).is_some(),
        None => parse_id(name).is_some() && is_made(folder),
    }
}

impl Making {
    /// The run.
    #[must_use]
    pub const fn run(&self) -> &RunDir {
        &self.run
    }

    /// Says that the run is whole: from now on it is listed, and anybody's.
    ///
    /// # Errors
    /// If the file system refuses.
    pub fn whole(self) -> Result<RunDir, RunsError> {
        let path = &self.run.path;
        fs::remove_file(path.join(MARK)).map_err(|error| StoreError::io(path, error))?;
        sync_dir(path)?;
        Ok(self.run)
    }
}
