//! Watches pipelines and the files that they are made of.
//!
//! A [`Watch`] looks at all files whenever the system says that something has happened in one of their folders, and now
//! and then without being told, since not every file system tells. What it sees is taken once it has settled.
//! Which pipelines are then to be made again follows from what was read to make them, so that nothing that happens while
//! one is made is missed.

mod following;
mod native;
mod places;
mod seen;
mod settle;

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::time::{Duration, Instant};

use clap::ValueEnum;
pub use following::Change;
use following::Following;
use native::Native;
use seen::Stamp;
pub(crate) use seen::read;
pub use seen::{Content, Reads, Seen, digest};

use crate::session::now_ms;

/// Between two looks without being told, if the system tells; in ms.
const SLOW_MS: u64 = 2_000;
/// … and if it does not.
const POLL_MS: u64 = 250;
/// Between two looks, at least, in ms: a hundred saves in a second are not looked at one by one.
const PAUSE_MS: u64 = 10;
/// For how long a file whose stamp stays is not read, in ms.
const STAMPED_MS: u64 = 30_000;
/// The longest wait: clocks cannot count to more than some centuries.
const LONGEST: Duration = Duration::from_hours(24);
/// Pipelines followed in one folder.
const PIPELINES: usize = 4_096;
/// Rounds of watching folders, as those to be watched may change meanwhile.
const ROUNDS: usize = 8;

/// How changes are noticed.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug, ValueEnum)]
pub enum Watcher {
    /// The system tells of them; besides, there is a look every two seconds.
    #[default]
    Native,
    /// By looking four times a second: for file systems of other machines, which tell nothing.
    Poll,
}

/// Follows files.
pub struct Watch {
    following: Following,
    /// The folder of which all pipelines are followed.
    folder: Option<PathBuf>,
    looked: BTreeMap<PathBuf, Looked>,
    native: Option<Native>,
    waker: Waker,
    rung: Receiver<()>,
    /// Since when times are counted.
    began: Instant,
    /// Between two looks without being told, in ms.
    every: u64,
    /// When the next of these is.
    next_poll: u64,
    /// When it looked last.
    looked_at: u64,
}

/// What was seen at a path when it was read last.
struct Looked {
    stamp: Stamp,
    seen: Seen,
    /// It was seen as a pipeline's own file.
    is_own: bool,
    /// When, in ms.
    at: u64,
}

/// Wakes whoever [waits](Watch::wait) for changes.
#[derive(Clone, Debug)]
pub struct Waker {
    bell: SyncSender<()>,
    is_woken: Arc<AtomicBool>,
}

impl Waker {
    /// Lets [`Watch::wait`] return.
    pub fn wake(&self) {
        self.is_woken.store(true, Ordering::Release);
        self.ring();
    }

    fn ring(&self) {
        // If it is full, somebody is about to look anyway.
        let _ = self.bell.try_send(());
    }
}

impl Watch {
    /// Follows nothing yet. Beside it, why the system's word is not to be had, if it was asked for: then it polls.
    #[must_use]
    pub fn new(watcher: Watcher) -> (Self, Option<String>) {
        let (bell, rung) = sync_channel(1);
        let waker = Waker { bell, is_woken: Arc::default() };
        let (native, refused) = match watcher {
            Watcher::Poll => (None, None),
            Watcher::Native => {
                let ringing = waker.clone();
                match Native::new(move || ringing.ring()) {
                    Ok(native) => (Some(native), None),
                    Err(why) => (None, Some(why)),
                }
            }
        };
        let every = if native.is_some() { SLOW_MS } else { POLL_MS };
        let watch = Self {
            following: Following::default(),
            folder: None,
            looked: BTreeMap::new(),
            native,
            waker,
            rung,
            began: Instant::now(),
            every,
            next_poll: 0,
            looked_at: 0,
        };
        (watch, refused)
    }

    /// This one, which looks only when the system tells of something, if that tells anything at all.
    #[must_use]
    pub fn told_only(self) -> Self {
        let every = if self.native.is_some() { u64::MAX } else { self.every };
        Self { every, ..self }
    }

    /// What wakes it.
    #[must_use]
    pub fn waker(&self) -> Waker {
        self.waker.clone()
    }

    /// Follows every `.toml` file in this folder, but for hidden ones, as soon as it is there. Each is told as a change
    /// at first.
    pub fn follow_folder(&mut self, folder: &Path) {
        self.folder = Some(folder.to_path_buf());
        self.next_poll = 0;
    }

    /// The pipeline with its own file at this absolute path was made of these files, as they were read; or could not be.
    pub fn follow(&mut self, pipeline: &Path, read: Reads) {
        self.following.follow(pipeline, read);
        self.next_poll = 0;
    }

    /// The same, but nothing came of it, and something may the next time: it is told again by itself, though nothing has
    /// changed, each time after a longer while.
    pub fn follow_again(&mut self, pipeline: &Path, read: Reads) {
        let now = self.now();
        self.following.follow_again(now, pipeline, read);
        self.next_poll = 0;
    }

    /// Follows the pipeline no longer.
    pub fn forget(&mut self, pipeline: &Path) {
        self.following.forget(pipeline);
    }

    /// Looks at all files now, at their contents, and tells each pipeline as if it had changed.
    pub fn ask_for_all(&mut self) {
        self.looked.clear();
        self.following.ask_for_all();
        self.next_poll = 0;
    }

    /// Waits for changes that have settled, and says which pipelines are to be made again. None, if it was
    /// [woken](Waker::wake). Of a pipeline that was told nothing more is told until somebody says of what it was made
    /// ([`Self::follow`]).
    #[must_use]
    pub fn wait(&mut self) -> Vec<Change> {
        let mut next = self.next_look(0);
        loop {
            let left = Duration::from_millis(next.saturating_sub(self.now())).min(LONGEST);
            // The bell lives as long as this.
            let is_rung = self.rung.recv_timeout(left).is_ok();
            if self.waker.is_woken.swap(false, Ordering::AcqRel) {
                return vec![];
            }
            if is_rung && self.now() < self.looked_at + PAUSE_MS {
                next = self.looked_at + PAUSE_MS;
                continue;
            }
            self.look();
            let due = self.following.due(self.now());
            if !due.is_empty() {
                return due;
            }
            next = self.next_look(self.looked_at + PAUSE_MS);
        }
    }

    /// When it looks next if nothing is told, not before `from`; in ms.
    fn next_look(&self, from: u64) -> u64 {
        let next = self.following.next_look(self.now()).unwrap_or(u64::MAX);
        next.min(self.next_poll).max(from)
    }

    fn now(&self) -> u64 {
        u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    /// Looks at all files.
    fn look(&mut self) {
        // First, so that none is missed that comes into the folder meanwhile.
        self.watch_folders();
        if self.find_pipelines() {
            self.watch_folders();
        }
        let now = self.now();
        let files = self.following.files();
        let files: Vec<_> =
            files.map(|(path, own, restless)| (path.to_path_buf(), own, restless)).collect();
        for (path, is_own, is_restless) in files {
            let seen = self.see(now, &path, is_own, is_restless);
            self.following.look(now, &path, seen);
        }
        let following = &self.following;
        self.looked.retain(|path, _| following.needs(path));
        if now >= self.next_poll {
            self.next_poll = now.saturating_add(self.every);
        }
        self.looked_at = self.now();
    }

    /// What stands at a path. It is not read if that must be what was seen there before.
    fn see(&mut self, now: u64, path: &Path, is_own: bool, is_restless: bool) -> Seen {
        let stamp = Stamp::of(path);
        if let (Some(stamp), Some(looked)) = (&stamp, self.looked.get(path))
            && (&looked.stamp, looked.is_own) == (stamp, is_own)
            && now < looked.at + STAMPED_MS
            && !is_restless
        {
            return looked.seen.clone();
        }
        let (mut seen, _) = read(path);
        if is_own && let Ok(whole) = fs::canonicalize(path) {
            seen = seen.within(whole.parent().unwrap_or(Path::new("/")));
        }
        match stamp.filter(|stamp| stamp.is_old(now_ms())) {
            Some(stamp) => {
                let looked = Looked { stamp, seen: seen.clone(), is_own, at: now };
                self.looked.insert(path.to_path_buf(), looked);
            }
            None => drop(self.looked.remove(path)),
        }
        seen
    }

    /// Watches the folders of all files. When this returns, nothing happens in them that is not told.
    fn watch_folders(&mut self) {
        let Some(native) = &mut self.native else { return };
        for _ in 0..ROUNDS {
            // Whatever stands in a folder: it is the folder that is found.
            let inside = self.folder.as_ref().map(|folder| folder.join("any"));
            let files = self.following.files().map(|(path, ..)| path);
            let wanted = files.chain(inside.as_deref()).flat_map(places::folders).collect();
            if !native.watch(&wanted) {
                return;
            }
        }
    }

    /// True if there are new ones.
    fn find_pipelines(&mut self) -> bool {
        let known = self.following.len();
        let entries = self.folder.iter().filter_map(|folder| fs::read_dir(folder).ok()).flatten();
        for entry in entries.flatten() {
            let is_folder = entry.file_type().is_ok_and(|kind| kind.is_dir());
            let path = entry.path();
            let new = is_pipeline(&entry.file_name()) && !is_folder && !self.following.has(&path);
            if new && self.following.len() < PIPELINES {
                self.following.follow(&path, [(path.clone(), Seen::Gone)].into());
            }
        }
        self.following.len() > known
    }
}

/// True of a name under which somebody keeps a pipeline: not of those that editors give to what they are about to save.
fn is_pipeline(name: &OsStr) -> bool {
    let name = name.to_string_lossy();
    name.ends_with(".toml") && !name.starts_with('.')
}
