//! The real world behind the gate: the clock, randomness, files under granted roots, standard input.
//!
//! One [`RealWorld`] per instance; what instances share (who writes which file, standard input) is in an
//! [`Outside`].

mod claims;
mod files;
mod place;
mod stdin;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use rand::rngs::{StdRng, SysRng};
use rand::{Rng, SeedableRng, TryRng};
use theater_flow_kernel::gate::{
    Claimed, FileError, FolderEntry, Located, Stat, StdinError, World,
};
use theater_flow_kernel::ids::{AgentId, Salt};

use crate::workers::Orders;

pub use claims::{Claims, Identity};
pub use files::Files;
pub use place::{Found, Place};
pub use stdin::Stdin;

/// What the worlds of all agents of a run share. Cloning shares it.
#[derive(Clone, Debug, Default)]
pub struct Outside {
    /// Who writes which file.
    pub claims: Claims,
    /// Standard input.
    pub stdin: Stdin,
}

impl Outside {
    /// Nothing claimed, and the standard input of the process.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }
}

/// The world as one instance of one agent sees it.
#[derive(Debug)]
pub struct RealWorld {
    agent: AgentId,
    outside: Outside,
    orders: Arc<Orders>,
    files: Files,
    /// For salts, of which every record needs one; seeded by the system.
    salts: StdRng,
}

impl RealWorld {
    /// The world for an instance of `agent`.
    ///
    /// # Panics
    /// If the system has no randomness to give, which no system that this runs on does after booting.
    #[must_use]
    pub fn new(agent: AgentId, outside: &Outside) -> Self {
        let salts = StdRng::try_from_rng(&mut SysRng).expect("the system has randomness");
        let (outside, orders) = (outside.clone(), Arc::default());
        Self { agent, outside, orders, files: Files::default(), salts }
    }

    /// This world, whose waits end as these orders say.
    #[must_use]
    pub fn under(self, orders: Arc<Orders>) -> Self {
        Self { orders, ..self }
    }
}

impl World for RealWorld {
    fn now_ms(&mut self) -> u64 {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
    }

    fn random(&mut self, len: u32) -> Vec<u8> {
        let mut bytes = vec![0; len as usize];
        if SysRng.try_fill_bytes(&mut bytes).is_err() {
            // It answered when the world was made; a generator seeded then is as good.
            self.salts.fill_bytes(&mut bytes);
        }
        bytes
    }

    fn salt(&mut self) -> Salt {
        let mut salt = Salt::default();
        self.salts.fill_bytes(&mut salt);
        salt
    }

    fn read(&mut self, at: &Located<'_>, offset: u64, len: u32) -> Result<Vec<u8>, FileError> {
        self.files.read(at, offset, len)
    }

    fn stat(&mut self, at: &Located<'_>) -> Result<Stat, FileError> {
        self.files.stat(at)
    }

    fn list(&mut self, at: &Located<'_>) -> Result<Vec<FolderEntry>, FileError> {
        self.files.list(at)
    }

    fn claim(&mut self, at: &Located<'_>, replace: bool) -> Result<Claimed, FileError> {
        // A root may lie behind links; what stands in the claims does not.
        let root = std::path::Path::new(&at.root.path);
        let root = std::fs::canonicalize(root).unwrap_or_else(|_| root.to_path_buf());
        let path = if at.rest.is_empty() { root } else { root.join(&at.rest) };
        self.outside.claims.check_way(&path)?;
        let place = self.files.place(at)?;
        let found = place.found()?;
        let name = format!("{}/{}", at.root.name.trim_end_matches('/'), at.rest);
        let identity = found.as_ref().map(|found| found.identity);
        if replace {
            self.outside.claims.check_written(self.agent, &name, place.path())?;
        }
        self.outside.claims.claim(self.agent, &name, place.path(), identity)?;
        let path = place.path().to_str().map(String::from).ok_or_else(|| files::not_text(&name))?;
        Ok(Claimed { path, size: found.map_or(0, |found| found.size) })
    }

    fn stdin(&mut self, len: u32) -> Result<Vec<u8>, StdinError> {
        let (id, orders) = (self.agent, &self.orders);
        self.outside.stdin.read(len, &|| orders.is_killed(id))
    }
}
