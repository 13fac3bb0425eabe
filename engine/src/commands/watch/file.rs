//! A file of a folder that is watched, and what becomes of its runs.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use theater_flow_kernel::ids::Digest;

use super::one::{Beginning, is_over};
use super::{Common, News};
use crate::commands::follow::{Became, Live, Source, Teller};
use crate::driver::Event;
use crate::render::Screen;
use crate::render::escape::escape;
use crate::runs::{Followed, RunDir};
use crate::signals::Caught;
use crate::watch::{Change, Reads, Seen, digest};

/// What threads call a file: its path may change.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct FileId(pub(super) u64);

/// A file of the folder.
pub(super) struct File {
    pub(super) id: FileId,
    pub(super) source: Source,
    pub(super) teller: Arc<Mutex<Teller>>,
    pub(super) standing: Standing,
    /// Its runs, newest first.
    pub(super) runs: Vec<RunDir>,
    /// What came after its run was asked to stop.
    pub(super) next: Option<Change>,
}

/// How a file is.
pub(super) enum Standing {
    /// It has no run.
    Resting,
    /// It is seen to.
    Beginning,
    /// It has a run.
    Live(Live),
    /// Its run was asked to stop.
    Leaving,
}

impl File {
    /// One that nothing was made of yet. Its earlier runs are taken out of those that are `left`.
    pub(super) fn new(
        (id, screen): (FileId, &Arc<Screen>),
        folder: &Path,
        path: &Path,
        left: &mut BTreeMap<PathBuf, Vec<RunDir>>,
    ) -> Self {
        let name = path.file_name().map_or_else(|| folder.into(), |name| folder.join(name));
        let teller = Teller::new(screen, format!("{}: ", escape(&name.display().to_string())));
        let source = Source { name, path: path.to_path_buf(), set: vec![] };
        let (runs, teller) = (left.remove(path).unwrap_or_default(), Arc::new(Mutex::new(teller)));
        Self { id, source, teller, standing: Standing::Resting, runs, next: None }
    }

    /// True if nobody is at it: it may get another path.
    pub(super) fn may_move(&self) -> bool {
        matches!(self.standing, Standing::Resting | Standing::Live(_))
    }

    /// This file at the place of another one, which stands where it has come to. Its runs are noted to follow it there.
    /// It was made of `reads`.
    pub(super) fn at(self, place: Self, reads: &Reads) -> Self {
        let Self { id, standing, next, mut runs, source: from, .. } = self;
        runs.extend(place.runs);
        runs.sort_unstable_by_key(|run| std::cmp::Reverse(run.id));
        let was = escape(&from.name.display().to_string()).into_owned();
        let goes_on = match &standing {
            Standing::Live(live) => format!("; run {} goes on", live.run),
            _ => String::new(),
        };
        let file = Self { id, standing, runs, next, ..place };
        file.say(&format!("it was {was}{goes_on}"));
        file.note_moved(&from.path, reads);
        file
    }

    /// Notes that the runs that can be gone on with, and the last one, follow it to its path from another.
    fn note_moved(&self, from: &Path, reads: &Reads) {
        let path = &self.source.path;
        let mut old = reads.clone();
        if let Some(own) = old.remove(path) {
            old.insert(from.to_path_buf(), own);
        }
        for (nth, run) in self.runs.iter().enumerate() {
            let Some(known) = run.followed().filter(|_| nth == 0 || !is_over(run)) else {
                continue;
            };
            let made_of = if known.made_of == digest(&old) { digest(reads) } else { known.made_of };
            self.note(run, made_of);
        }
    }

    fn note(&self, run: &RunDir, made_of: Digest) {
        let teller = self.teller.lock().unwrap_or_else(PoisonError::into_inner);
        note(run, &self.source, made_of, &teller);
    }

    pub(super) fn say(&self, text: &str) {
        self.teller.lock().unwrap_or_else(PoisonError::into_inner).say(text);
    }

    /// Begins a run, or takes one up, on a thread of its own.
    pub(super) fn begin(&mut self, common: &Common, change: Change) {
        self.standing = Standing::Beginning;
        let beginning = Beginning {
            common: common.clone(),
            file: self.id,
            source: self.source.clone(),
            teller: Arc::clone(&self.teller),
            runs: self.runs.clone(),
            change,
        };
        let started = thread::Builder::new().name("run".into()).spawn(move || beginning.go());
        if let Err(error) = started {
            self.say(&format!("the system gives no thread: {error}"));
            common.post.send(News::Over { file: self.id });
        }
    }

    /// Has its run go over to what it says now, on a thread of its own: it may take as long as an event does.
    pub(super) fn reload(&self, live: Live, common: &Common, change: Change) {
        let (source, teller) = (self.source.clone(), Arc::clone(&self.teller));
        let run = self.runs.iter().find(|run| run.id == live.run).cloned();
        let (post, file, path) = (common.post.clone(), self.id, source.path.clone());
        let reload = move || {
            let mut teller = teller.lock().unwrap_or_else(PoisonError::into_inner);
            let (mut reads, became) = teller.reload(&live, &source, &change);
            match (became, run) {
                (Became::Taken, Some(run)) => note(&run, &source, digest(&reads), &teller),
                // What it says is told again, for the next run.
                (Became::Late, _) => reads = unmade(&source.path),
                _ => {}
            }
            drop(teller);
            post.send(News::Made { file, reads, is_again: became == Became::Again });
        };
        if let Err(error) = thread::Builder::new().name("reload".into()).spawn(reload) {
            self.say(&format!("the system gives no thread: {error}"));
            common.post.send(News::Made { file, reads: unmade(&path), is_again: true });
        }
    }

    pub(super) fn stop(&self, Caught { name, again }: Caught, within_ms: u64) {
        if let Standing::Live(Live { events, .. }) = &self.standing {
            let by = String::from(name);
            let event = if again { Event::StopNow } else { Event::Stop { by, within_ms } };
            // A run that is at its end needs no stop.
            let _ = events.send(event);
        }
    }
}

/// What a pipeline is made of that nothing was made of.
fn unmade(path: &Path) -> Reads {
    [(path.to_path_buf(), Seen::Gone)].into()
}

/// Notes of what the plan in force of a run was made.
pub(super) fn note(run: &RunDir, source: &Source, made_of: Digest, teller: &Teller) {
    let Some(file) = source.path.to_str() else { return };
    let followed = Followed { file: String::from(file), made_of };
    if let Err(error) = run.note_followed(&followed) {
        teller.say(&format!("it is not noted what the run was made of: {error}"));
    }
}
