//! Where a run's bytes live: one ordered map, changed by atomic, durable commits.
//!
//! [`SledStore`] is the real one, and this file is the only one that names sled. What sled 0.34 asks of
//! those who want their data back after a power cut:
//!
//! - `flush` does not reach the disk on Linux (it is `sync_file_range`): each commit ends with
//!   `fdatasync` on a descriptor of our own.
//! - Leaf pages over a quarter of a segment go to files that are never synced. A leaf holds up to 16
//!   entries, so a segment of 2 MiB bears values of [`CHUNK_BYTES`] and no longer ones.
//! - A `snap.*.generating` left behind by a kill makes the next open report corruption.
//! - Damaged files make it panic, and may make it open empty: no panic leaves this file, and whether the
//!   content is all there is for the [journal](crate::journal) and the [head](crate::head) to say.
//! - What is written over is reclaimed by sled's own thread, a segment in each of its rounds and no more: of a burst the
//!   place is used again later, and not given back.
//! - After a kill the next open reads all of the log since the last open, so a store that has written
//!   much is opened anew.

mod error;
mod files;
mod quiet;
mod shared;
#[cfg(test)]
mod tests;

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use theater_flow_kernel::block::Writes;
use theater_flow_kernel::limits::CHUNK_BYTES;

pub use error::StoreError;
pub(crate) use files::{beside, place, replace, sync_dir, take_place};
pub use shared::{Reader, SharedStore};

/// The wait between two tries at a store that is being copied.
const LOCK_PACE: Duration = Duration::from_millis(5);

/// A key and its value.
pub type Pair = (Vec<u8>, Vec<u8>);
/// Pairs in the order of their keys. After an error there are no more.
pub type Pairs<'a> = Box<dyn Iterator<Item = Result<Pair, StoreError>> + 'a>;

/// An ordered map of bytes on a disk.
///
/// After any error the store answers only [`StoreError::Poisoned`]: what is in memory may be ahead of what
/// is on the disk, so the owner lets the run go, and it is taken up again from the disk.
pub trait Store: Send {
    /// Removes, then writes. When this returns, all of it is durable; if the process dies before, all of
    /// it is there afterwards or none. No value is longer than [`CHUNK_BYTES`].
    fn commit(&mut self, writes: Writes, removes: Vec<Vec<u8>>) -> Result<(), StoreError>;

    /// The value under `key`.
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError>;

    /// The pairs from `from` on and before `to`.
    fn range(&self, from: &[u8], to: &[u8]) -> Pairs<'_>;

    /// The last pair of that range.
    fn last(&self, from: &[u8], to: &[u8]) -> Result<Option<Pair>, StoreError>;
}

/// Refuses values that would not survive a power cut.
pub(crate) fn check_lengths(writes: &Writes) -> Result<(), StoreError> {
    match writes.iter().map(|(_, value)| value.len()).find(|len| *len > CHUNK_BYTES) {
        Some(len) => Err(StoreError::TooLong { len }),
        None => Ok(()),
    }
}

/// Bytes of the segments of sled's log. With values of [`CHUNK_BYTES`] a full leaf is an eighth of it.
const SEGMENT_BYTES: usize = 2 << 20;
/// Bytes of sled's page cache; it takes about twice this.
const CACHE_BYTES: u64 = 16 << 20;
/// How often sled's own thread syncs and collects garbage, in ms.
const TIDY_MS: u64 = 1_000;
/// Bytes written after which a store is opened anew, which bounds what the open after a kill must read.
const RENEW_BYTES: usize = 192 << 20;
/// How long to wait for sled's threads when a store is closed. A damaged one may never end them.
const CLOSE: Duration = Duration::from_secs(10);

/// A [`Store`] in a folder, by sled.
#[derive(Debug)]
pub struct SledStore {
    path: PathBuf,
    /// `None` only while it is being closed.
    db: Option<sled::Db>,
    /// Our own descriptor of the log, for `fdatasync`.
    data: File,
    /// Bytes written since it was opened.
    written: usize,
    poisoned: AtomicBool,
    /// What those see who read beside.
    shared: Arc<shared::Shared>,
    /// Set if this is a copy, which is removed with the store. Dropped last.
    copy: Option<files::Copy>,
}

impl SledStore {
    /// Makes a new store at `path`, which must not exist.
    pub fn create(path: &Path) -> Result<Self, StoreError> {
        files::create_dir(path)?;
        let store = Self::start(path, &config(path).create_new(true))?;
        files::sync_tree(path)?;
        Ok(store)
    }

    /// Opens the store at `path`. A missing one is an error, never made anew.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        let lock = files::lock(path)?;
        files::remove_unfinished_snapshots(path)?;
        drop(lock);
        let store = Self::start(path, &config(path))?;
        sync_dir(path)?;
        Ok(store)
    }

    /// As [`open`](Self::open), for who owns the run: whoever has the store then is only copying it, and is
    /// waited for, for `most`. What a pruning left behind that was cut off is removed.
    pub fn open_owned(path: &Path, most: Duration) -> Result<Self, StoreError> {
        files::remove_beside(path)?;
        let until = Instant::now() + most;
        loop {
            match Self::open(path) {
                Err(StoreError::Locked { .. }) if Instant::now() < until => {
                    thread::sleep(LOCK_PACE);
                }
                opened => return opened,
            }
        }
    }

    /// Opens a copy of the store at `path`, for reading. The copy stands beside it and is removed with the
    /// store. The original must not be in use, as a copy of a live one would be unusable.
    pub fn open_copy(path: &Path) -> Result<Self, StoreError> {
        // Held until the copy is open: so no copy that another process still makes is taken for a stale one.
        let lock = files::lock(path)?;
        let copy = files::Copy::of(path)
            .map_err(|error| StoreError::NoCopy { path: path.to_owned(), source: error.into() })?;
        // Nothing is written, so there is nothing to tidy, and no thread that damage could stop.
        let started = Self::start(copy.path(), &config(copy.path()).flush_every_ms(None));
        let mut store = started.map_err(|error| error.of_original(path))?;
        path.clone_into(&mut store.path);
        store.copy = Some(copy);
        drop(lock);
        Ok(store)
    }

    fn start(path: &Path, config: &sled::Config) -> Result<Self, StoreError> {
        let db = guarded(path, || config.open())?;
        let file = path.join("db");
        let data = File::open(&file).map_err(|error| StoreError::io(&file, error))?;
        let (path, poisoned) = (path.to_owned(), AtomicBool::new(false));
        Ok(Self {
            path,
            shared: shared::Shared::new(&db),
            db: Some(db),
            data,
            written: 0,
            poisoned,
            copy: None,
        })
    }

    /// A second look at this store, for others who read while this one writes.
    #[must_use]
    pub fn share(&self) -> SharedStore {
        SharedStore::new(&self.path, &self.shared)
    }

    /// Runs `work` on the database, unless the store is poisoned; poisons it if that fails.
    fn run<T>(&self, work: impl FnOnce(&sled::Db) -> sled::Result<T>) -> Result<T, StoreError> {
        let db = self.db.as_ref().filter(|_| !self.poisoned.load(Ordering::Relaxed));
        let db = db.ok_or(StoreError::Poisoned)?;
        guarded(&self.path, || work(db)).inspect_err(|_| self.poison())
    }

    fn poison(&self) {
        self.poisoned.store(true, Ordering::Relaxed);
    }

    fn write(&mut self, writes: Writes, removes: Vec<Vec<u8>>) -> Result<(), StoreError> {
        check_lengths(&writes)?;
        let mut batch = sled::Batch::default();
        for key in removes {
            batch.remove(key);
        }
        for (key, value) in writes {
            self.written += key.len() + value.len();
            batch.insert(key, value);
        }
        self.apply(batch)?;
        if self.written > RENEW_BYTES {
            self.renew()?;
        }
        Ok(())
    }

    /// Changes the database, durably, while nobody reads beside.
    fn apply(&self, batch: sled::Batch) -> Result<(), StoreError> {
        let mut seen = self.shared.change();
        let applied = self.run(|db| db.apply_batch(batch).and_then(|()| db.flush()));
        let durable = applied
            .and_then(|_| self.data.sync_data().map_err(|error| StoreError::io(&self.path, error)));
        if durable.is_err() {
            *seen = None;
        }
        durable
    }

    /// Closes the store and opens it again: only an open writes sled's snapshot of where pages are.
    fn renew(&mut self) -> Result<(), StoreError> {
        let shared = Arc::clone(&self.shared);
        let mut seen = shared.change();
        *seen = None;
        self.close();
        let mut new = Self::open(&self.path)?;
        self.db = new.db.take();
        seen.clone_from(&self.db);
        std::mem::swap(&mut self.data, &mut new.data);
        self.written = 0;
        Ok(())
    }

    /// Ends sled's threads and waits for its lock to be let go.
    fn close(&mut self) {
        let Some(db) = self.db.take() else { return };
        let began = Instant::now();
        let (done, closed) = mpsc::channel();
        // On a thread of its own, as after damage this may neither end nor be without a panic.
        let thread = thread::Builder::new().name("store-close".into()).spawn(move || {
            let _ = quiet::catch(|| drop(db));
            let _ = done.send(());
        });
        if thread.is_err() || closed.recv_timeout(CLOSE).is_err() {
            return;
        }
        // Tasks of sled's pool may hold the file, and with it the lock, a moment longer.
        while self.data.try_lock().is_err() && began.elapsed() < CLOSE {
            thread::sleep(Duration::from_millis(1));
        }
        let _ = self.data.unlock();
    }
}

impl Drop for SledStore {
    fn drop(&mut self) {
        *self.shared.change() = None;
        self.close();
    }
}

impl Store for SledStore {
    fn commit(&mut self, writes: Writes, removes: Vec<Vec<u8>>) -> Result<(), StoreError> {
        self.write(writes, removes).inspect_err(|_| self.poison())
    }

    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        self.run(|db| db.get(key)).map(|value| value.map(|value| value.to_vec()))
    }

    fn range(&self, from: &[u8], to: &[u8]) -> Pairs<'_> {
        let mut rest = match self.run(|db| Ok(db.range(from..to))) {
            Ok(rest) => Some(rest),
            Err(error) => return Box::new(std::iter::once(Err(error))),
        };
        Box::new(std::iter::from_fn(move || {
            let pairs = rest.as_mut()?;
            let next = self.run(|_| pairs.next().transpose());
            if next.is_err() {
                rest = None;
            }
            next.map(|pair| pair.map(owned)).transpose()
        }))
    }

    fn last(&self, from: &[u8], to: &[u8]) -> Result<Option<Pair>, StoreError> {
        self.run(|db| db.range(from..to).next_back().transpose()).map(|pair| pair.map(owned))
    }
}

fn owned((key, value): (sled::IVec, sled::IVec)) -> Pair {
    (key.to_vec(), value.to_vec())
}

fn config(path: &Path) -> sled::Config {
    sled::Config::default()
        .path(path)
        .segment_size(SEGMENT_BYTES)
        .cache_capacity(CACHE_BYTES)
        .flush_every_ms(Some(TIDY_MS))
}

/// What sled says, a panic too.
fn guarded<T>(path: &Path, work: impl FnOnce() -> sled::Result<T>) -> Result<T, StoreError> {
    match quiet::catch(work) {
        Ok(result) => result.map_err(|error| StoreError::sled(path, error)),
        Err(_) => Err(StoreError::Damaged { path: path.to_owned() }),
    }
}
