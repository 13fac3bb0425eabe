//! What the system says of folders. Folders and not files: most editors put a new file in the place of the old one, of
//! which whoever watches the old one hears nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use notify::event::ModifyKind;
use notify::{Event, EventKind, RecommendedWatcher, RecursiveMode, Watcher as _};

/// Folders watched at a time; what is in others is looked at now and then.
const FOLDERS: usize = 1_024;

/// Watches folders.
#[derive(Debug)]
pub(super) struct Native {
    watcher: RecommendedWatcher,
    /// The folders, each with which one it was: another may come to stand in its place.
    watched: BTreeMap<PathBuf, (u64, u64)>,
    /// Those that were removed or moved.
    left: Arc<Mutex<BTreeSet<PathBuf>>>,
}

impl Native {
    /// Calls `told` whenever something happens in a watched folder.
    ///
    /// # Errors
    /// If the system watches nothing (any more), in its words.
    pub(super) fn new(told: impl Fn() + Send + 'static) -> Result<Self, String> {
        let left = Arc::<Mutex<BTreeSet<PathBuf>>>::default();
        let leaving = Arc::clone(&left);
        let heard = move |event: notify::Result<Event>| {
            if event.as_ref().is_ok_and(|event| event.kind.is_access()) {
                // Looking is one, too.
                return;
            }
            if let Ok(Event {
                kind: EventKind::Remove(_) | EventKind::Modify(ModifyKind::Name(_)),
                paths,
                ..
            }) = event
            {
                leaving.lock().unwrap_or_else(PoisonError::into_inner).extend(paths);
            }
            told();
        };
        let watcher = notify::recommended_watcher(heard).map_err(|error| error.to_string())?;
        Ok(Self { watcher, watched: BTreeMap::new(), left })
    }

    /// Watches these folders and no others. True if some are watched that were not before: what happened in them until
    /// now was not told.
    pub(super) fn watch(&mut self, folders: &BTreeSet<PathBuf>) -> bool {
        let left = std::mem::take(&mut *self.left.lock().unwrap_or_else(PoisonError::into_inner));
        for path in left {
            self.leave(&path);
        }
        let gone: Vec<PathBuf> =
            self.watched.keys().filter(|path| !folders.contains(*path)).cloned().collect();
        for path in gone {
            self.leave(&path);
        }
        let mut is_more = false;
        for folder in folders {
            is_more |= self.take(folder);
        }
        is_more
    }

    fn take(&mut self, folder: &Path) -> bool {
        let Ok(found) = fs::metadata(folder) else { return false };
        let id = (found.dev(), found.ino());
        match self.watched.get(folder) {
            Some(known) if *known == id => return false,
            Some(_) => self.leave(folder),
            None if self.watched.len() >= FOLDERS => return false,
            None => {}
        }
        // What cannot be watched is looked at now and then.
        let is_watched = self.watcher.watch(folder, RecursiveMode::NonRecursive).is_ok();
        if is_watched {
            self.watched.insert(folder.to_path_buf(), id);
        }
        is_watched
    }

    fn leave(&mut self, folder: &Path) {
        if self.watched.remove(folder).is_some() {
            // The system has left a folder that is gone by itself.
            let _ = self.watcher.unwatch(folder);
        }
    }
}
