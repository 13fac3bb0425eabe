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
pub struct Claims(Arc<Mutex<BTreeMap<PathBuf, Claim>>>);

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
        let mut claims = self.lock();
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

    /// Says no to a path below a file that is being written, or above one: it need not be there yet, so
    /// that making folders would take its place.
    pub fn check_way(&self, path: &Path) -> Result<(), FileError> {
        let claims = self.lock();
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
        self.lock().insert(path.to_path_buf(), Claim { agent, name: None, identity: None });
    }

    /// Gives up one file, once it is closed and written.
    pub fn release(&self, path: &Path) {
        self.lock().remove(path);
    }

    /// Gives up all files of an agent, once it has ended.
    pub fn release_all(&self, agent: AgentId) {
        self.lock().retain(|_, claim| claim.agent != agent);
    }

    /// A panic elsewhere leaves the table whole: each change is one operation.
    fn lock(&self) -> MutexGuard<'_, BTreeMap<PathBuf, Claim>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
