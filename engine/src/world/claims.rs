//! Who writes which file: no two agents write one, under whatever names.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use theater_flow_kernel::gate::{FileError, FileErrorCode};
use theater_flow_kernel::ids::AgentId;

/// What a file is, whatever its names: device and inode.
pub type Identity = (u64, u64);

/// The files that agents of this process write. Cloning shares it.
#[derive(Clone, Debug, Default)]
pub struct Claims(Arc<Mutex<Table>>);

#[derive(Debug, Default)]
struct Table {
    /// Those that are open.
    open: BTreeMap<PathBuf, Claim>,
    /// Those that were closed, and by whom.
    written: BTreeMap<PathBuf, AgentId>,
}

#[derive(Clone, Debug)]
struct Claim {
    agent: AgentId,
    /// The name by which the agent knows it; `None` after a resume, when only the path is known.
    name: Option<String>,
    identity: Option<Identity>,
}

impl Claims {
    /// Makes the file at `path` (absolute, without links) this agent's, unless it is another's, or the
    /// agent's own under another name: two names would mean two ideas of where its end is.
    pub fn claim(
        &self,
        agent: AgentId,
        name: &str,
        path: &Path,
        identity: Option<Identity>,
    ) -> Result<(), FileError> {
        let claims = &mut self.lock().open;
        for (taken, claim) in claims.iter() {
            let same = taken == path || (identity.is_some() && claim.identity == identity);
            if !same {
                continue;
            }
            if claim.agent != agent {
                let why = format!("`{name}` is written by another agent");
                return Err(FileError::new(FileErrorCode::Conflict, why));
            }
            if let Some(known) = claim.name.as_ref().filter(|known| *known != name) {
                let why = format!("`{name}` is the same file as `{known}`");
                return Err(FileError::new(FileErrorCode::Conflict, why));
            }
        }
        let name = Some(String::from(name));
        claims.insert(path.to_path_buf(), Claim { agent, name, identity });
        Ok(())
    }

    /// Says no to a file that another agent has written and closed: replacing it would lose that one's work.
    /// After a resume, what was closed before it is not known.
    pub fn check_written(&self, agent: AgentId, name: &str, path: &Path) -> Result<(), FileError> {
        match self.lock().written.get(path) {
            Some(writer) if *writer != agent => {
                let why = format!("`{name}` was written by another agent, and would be replaced");
                Err(FileError::new(FileErrorCode::Conflict, why))
            }
            _ => Ok(()),
        }
    }

    /// Says no to a path below a file that is being written, or above one: it need not be there yet, so
    /// that making folders would take its place.
    pub fn check_way(&self, path: &Path) -> Result<(), FileError> {
        let claims = &self.lock().open;
        let crosses = |taken: &&PathBuf| {
            *taken != path && (path.starts_with(taken) || taken.starts_with(path))
        };
        match claims.keys().find(crosses) {
            None => Ok(()),
            Some(taken) => {
                let (file, folder) =
                    if path.starts_with(taken) { (&**taken, path) } else { (path, &**taken) };
                let (file, folder) = (file.display(), folder.display());
                let why = format!("`{file}` would be a file, and a folder of `{folder}`");
                Err(FileError::new(FileErrorCode::Conflict, why))
            }
        }
    }

    /// Notes a file that the record says is open: after a resume, before any agent runs.
    pub fn hold(&self, agent: AgentId, path: &Path) {
        self.lock().open.insert(path.to_path_buf(), Claim { agent, name: None, identity: None });
    }

    /// Gives up one file, once it is closed and written.
    pub fn release(&self, path: &Path) {
        let mut table = self.lock();
        if let Some(Claim { agent, .. }) = table.open.remove(path) {
            table.written.insert(path.to_path_buf(), agent);
        }
    }

    /// Gives up all files of an agent, once it has ended.
    pub fn release_all(&self, agent: AgentId) {
        self.lock().open.retain(|_, claim| claim.agent != agent);
    }

    /// A panic elsewhere leaves the table whole: a claim moves from one half to the other in one step.
    fn lock(&self) -> MutexGuard<'_, Table> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
