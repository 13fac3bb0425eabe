//! A second look at an open store, for those who read it while its owner writes.
//!
//! It shows only what is durable: a read waits while a commit is under way. And it never keeps the owner
//! from closing the store, or from opening it anew: nothing of sled is held between two reads.

#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use theater_flow_kernel::block::Writes;

use crate::store::{Pair, Pairs, Store, StoreError, guarded, owned};

/// Pairs read at a time at most: the owner waits for no more than these, about 1 MiB.
const PAIRS: usize = 64;
/// Pairs read the first time, as often only one is wanted.
const FIRST_PAIRS: usize = 4;
/// How often to read beside commits before they are made to wait.
const TRIES: usize = 3;

/// What the owner of a store and its readers share.
#[derive(Debug, Default)]
pub(super) struct Shared {
    /// `None` once the owner has closed it, or if what is in memory may not be on the disk.
    db: RwLock<Option<sled::Db>>,
    commits: AtomicU64,
}

impl Shared {
    pub(super) fn new(db: &sled::Db) -> Arc<Self> {
        let db = RwLock::new(Some(db.clone()));
        Arc::new(Self { db, commits: AtomicU64::new(0) })
    }

    /// Keeps readers away until the guard is dropped.
    pub(super) fn change(&self) -> RwLockWriteGuard<'_, Option<sled::Db>> {
        // A panic of another holder leaves nothing half-done here.
        let open = self.db.write().unwrap_or_else(PoisonError::into_inner);
        // Counted while readers are away: who has read an old count sees that it changes.
        self.commits.fetch_add(1, Ordering::Relaxed);
        open
    }

    /// Keeps changes away until the guard is dropped.
    fn look(&self) -> RwLockReadGuard<'_, Option<sled::Db>> {
        self.db.read().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A store that another part of this process owns and writes, for reading. See
/// [`SledStore::share`](super::SledStore::share).
#[derive(Clone, Debug)]
pub struct SharedStore {
    path: PathBuf,
    shared: Arc<Shared>,
}

impl SharedStore {
    pub(super) fn new(path: &Path, shared: &Arc<Shared>) -> Self {
        Self { path: path.to_owned(), shared: Arc::clone(shared) }
    }

    /// Counts changes: while it is what it was before a read, another read finds the same.
    #[must_use]
    pub fn commits(&self) -> u64 {
        self.shared.commits.load(Ordering::Relaxed)
    }

    /// Reads while commits wait, so that nothing changes under the reader. For short reads.
    pub fn still<T, E: From<StoreError>>(
        &self,
        read: impl FnOnce(Reader<'_>) -> Result<T, E>,
    ) -> Result<T, E> {
        let open = self.shared.look();
        let db = open.as_ref().ok_or(StoreError::Closed)?;
        read(Reader { path: &self.path, source: Source::Still(db) })
    }

    /// Reads while commits go on. For long reads of what no longer changes. An error may come from a
    /// change under the reader: then it is tried again, in the end while commits wait.
    pub fn beside<T, E: From<StoreError>>(
        &self,
        read: impl Fn(Reader<'_>) -> Result<T, E>,
    ) -> Result<T, E> {
        for _ in 0..TRIES {
            let before = self.commits();
            let result = read(Reader { path: &self.path, source: Source::Beside(&self.shared) });
            if result.is_ok() || self.commits() == before {
                return result;
            }
        }
        self.still(read)
    }
}

/// A store as a reader sees it. It cannot be written.
#[derive(Debug)]
pub struct Reader<'a> {
    path: &'a Path,
    source: Source<'a>,
}

#[derive(Debug)]
enum Source<'a> {
    /// Commits wait.
    Still(&'a sled::Db),
    /// Commits wait during each read only.
    Beside(&'a Shared),
}

impl Reader<'_> {
    fn run<T>(&self, work: impl FnOnce(&sled::Db) -> sled::Result<T>) -> Result<T, StoreError> {
        match self.source {
            Source::Still(db) => guarded(self.path, || work(db)),
            Source::Beside(shared) => {
                let open = shared.look();
                let db = open.as_ref().ok_or(StoreError::Closed)?;
                guarded(self.path, || work(db))
            }
        }
    }

    fn pairs(&self, from: &[u8], to: &[u8], most: usize) -> Result<Vec<Pair>, StoreError> {
        self.run(|db| db.range(from..to).take(most).map(|pair| pair.map(owned)).collect())
    }
}

impl Store for Reader<'_> {
    fn commit(&mut self, _: Writes, _: Vec<Vec<u8>>) -> Result<(), StoreError> {
        Err(StoreError::Closed)
    }

    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        let value = self.run(|db| db.get(key))?;
        Ok(value.map(|value| value.to_vec()))
    }

    fn range(&self, from: &[u8], to: &[u8]) -> Pairs<'_> {
        let (mut from, to) = (from.to_vec(), to.to_vec());
        let mut read = vec![].into_iter();
        // How many to read next; none after the last.
        let mut most = FIRST_PAIRS;
        Box::new(std::iter::from_fn(move || {
            if read.len() == 0 && most > 0 {
                let pairs = match self.pairs(&from, &to, most) {
                    Ok(pairs) => pairs,
                    Err(error) => {
                        most = 0;
                        return Some(Err(error));
                    }
                };
                most = if pairs.len() < most { 0 } else { PAIRS };
                if let Some((last, _)) = pairs.last() {
                    // The first key after it.
                    from.clone_from(last);
                    from.push(0);
                }
                read = pairs.into_iter();
            }
            read.next().map(Ok)
        }))
    }

    fn last(&self, from: &[u8], to: &[u8]) -> Result<Option<Pair>, StoreError> {
        let pair = self.run(|db| db.range(from..to).next_back().transpose())?;
        Ok(pair.map(owned))
    }
}
