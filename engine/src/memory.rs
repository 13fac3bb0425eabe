//! A store in memory, with a disk that outlives it and fails when it is told to.
//!
//! A [`Disk`] is what a machine's disk is to its processes: a [`MemoryStore`] is opened on it, dies, and
//! another is opened on what is there then.

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::ops::Bound;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use theater_flow_kernel::block::Writes;

use crate::store::{Pair, Pairs, Store, StoreError, check_lengths};

/// What is on a disk: keys and values.
pub type Tree = BTreeMap<Vec<u8>, Vec<u8>>;

/// How a commit fails. Whatever the fault, the store that meets it is poisoned.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Fault {
    /// The process dies before anything is written.
    Before,
    /// The process dies when all is written, before it is told so.
    After,
    /// The process dies and a store that is not atomic keeps only this many of the writes.
    Torn(usize),
    /// There is no space; nothing is written.
    Full,
}

/// A disk. Clones are the same disk.
#[derive(Clone, Debug, Default)]
pub struct Disk(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    tree: Tree,
    commits: u64,
    fault: Option<(u64, Fault)>,
}

impl Disk {
    /// A process opens what is there. Any number may, one after another.
    #[must_use]
    pub fn open(&self) -> MemoryStore {
        MemoryStore { disk: self.clone(), poisoned: false }
    }

    /// How many commits were tried so far, on all stores of this disk. Each is a write point.
    #[must_use]
    pub fn commits(&self) -> u64 {
        self.state().commits
    }

    /// The commit with this number, counted from 0 over the disk's life, fails, once.
    pub fn fail(&self, commit: u64, fault: Fault) {
        self.state().fault = Some((commit, fault));
    }

    /// What is there.
    #[must_use]
    pub fn tree(&self) -> Tree {
        self.state().tree.clone()
    }

    /// Changes what is there.
    pub fn change(&self, change: impl FnOnce(&mut Tree)) {
        change(&mut self.state().tree);
    }

    /// A disk with the same content, which goes its own way from here.
    #[must_use]
    pub fn copy(&self) -> Self {
        Self(Arc::new(Mutex::new(State { tree: self.tree(), ..State::default() })))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // A test that panicked while it changed the tree changed it nonetheless.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn commit(&mut self, writes: Writes, removes: &[Vec<u8>]) -> Result<(), StoreError> {
        let number = self.commits;
        self.commits += 1;
        let fault = self.fault.take_if(|(commit, _)| *commit == number).map(|(_, fault)| fault);
        let kept = match fault {
            Some(Fault::Before) => return Err(StoreError::Crashed),
            Some(Fault::Full) => {
                return Err(StoreError::Full { path: PathBuf::from("memory") });
            }
            Some(Fault::Torn(kept)) => kept,
            Some(Fault::After) | None => usize::MAX,
        };
        for key in removes {
            self.tree.remove(key);
        }
        self.tree.extend(writes.into_iter().take(kept));
        fault.map_or(Ok(()), |_| Err(StoreError::Crashed))
    }
}

/// A [`Store`] on a [`Disk`].
#[derive(Debug)]
pub struct MemoryStore {
    disk: Disk,
    poisoned: bool,
}

impl MemoryStore {
    fn living(&self) -> Result<MutexGuard<'_, State>, StoreError> {
        if self.poisoned { Err(StoreError::Poisoned) } else { Ok(self.disk.state()) }
    }

    fn seek(&self, from: Bound<Vec<u8>>, to: &[u8]) -> Result<Option<Pair>, StoreError> {
        let state = self.living()?;
        let next = state
            .tree
            .range((from, Bound::Unbounded))
            .next()
            .filter(|(key, _)| key.as_slice() < to);
        Ok(next.map(|(key, value)| (key.clone(), value.clone())))
    }
}

impl Store for MemoryStore {
    fn commit(&mut self, writes: Writes, removes: Vec<Vec<u8>>) -> Result<(), StoreError> {
        let commit = || {
            check_lengths(&writes)?;
            self.living()?.commit(writes, &removes)
        };
        let result = commit();
        self.poisoned |= result.is_err();
        result
    }

    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        Ok(self.living()?.tree.get(key).cloned())
    }

    fn range(&self, from: &[u8], to: &[u8]) -> Pairs<'_> {
        let mut from = Some(Bound::Included(from.to_owned()));
        let to = to.to_owned();
        Box::new(std::iter::from_fn(move || {
            let next = self.seek(from.take()?, &to).transpose()?;
            from = next.as_ref().ok().map(|(key, _)| Bound::Excluded(key.clone()));
            Some(next)
        }))
    }

    fn last(&self, from: &[u8], to: &[u8]) -> Result<Option<Pair>, StoreError> {
        let state = self.living()?;
        let last = state.tree.range(..to.to_owned()).next_back();
        let last = last.filter(|(key, _)| key.as_slice() >= from);
        Ok(last.map(|(key, value)| (key.clone(), value.clone())))
    }
}
