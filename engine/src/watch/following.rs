//! Which pipelines are not what was made of them any more. Pure: whoever looks says what is there and what time it is.

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::settle::{RESTLESS_MS, Settling};
use super::{Reads, Seen};

/// How soon it is tried again to make what nothing came of, in ms.
const AGAIN_MS: u64 = 1_000;
/// … and at most.
const AGAIN_MAX_MS: u64 = 60_000;

/// Pipelines, and the files that they are made of.
#[derive(Default, Debug)]
pub(super) struct Following {
    files: BTreeMap<PathBuf, Settling>,
    /// By the path of the pipeline's own file.
    pipelines: BTreeMap<PathBuf, Made>,
}

/// What a pipeline was made of.
#[derive(Default, Debug)]
struct Made {
    of: Reads,
    /// Since when some of it is something else, in ms.
    behind: Option<u64>,
    /// It was told, and nobody has said yet what became of that.
    is_told: bool,
    /// When it was told last, in ms.
    told: Option<u64>,
    /// Something of it was taken since.
    is_new: bool,
    /// It is to be told whether it is something else or not.
    is_asked: bool,
    /// It is to be told again by itself.
    again: Option<Again>,
}

/// What was told came to nothing, and may not the next time.
#[derive(Clone, Copy, Debug)]
struct Again {
    /// After which wait, in ms. Each is longer than the one before.
    after: u64,
    /// When, in ms; nothing while somebody is at it.
    at: Option<u64>,
}

/// A pipeline that is to be made again.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Change {
    /// The path of its own file.
    pub pipeline: PathBuf,
    /// What stands at this path, and at those that it was made of.
    pub taken: Reads,
    /// The path that its own file had before: it has come to this one with the content that it had, and nothing else
    /// differs.
    pub moved_from: Option<PathBuf>,
}

impl Change {
    /// True if what a compiler has read is what was taken: nothing changed while it read.
    #[must_use]
    pub fn agrees(&self, read: &Reads) -> bool {
        read.iter().all(|(path, seen)| self.taken.get(path).is_none_or(|taken| taken == seen))
    }
}

impl Following {
    /// The pipeline was made of this, as it was read. What stands in these files now is not looked at.
    pub(super) fn follow(&mut self, pipeline: &Path, read: Reads) {
        for (path, seen) in &read {
            let fresh = || Settling::new(seen.clone());
            self.files.entry(path.clone()).or_insert_with(fresh);
        }
        let made = self.pipelines.entry(pipeline.to_path_buf()).or_default();
        made.of = read;
        (made.is_told, made.behind, made.again) = (false, None, None);
        self.forget_files();
    }

    /// The same at `now`, in ms, but nothing came of it: it is told again after a while, unless it changes before. The
    /// whiles grow from one time to the next.
    pub(super) fn follow_again(&mut self, now: u64, pipeline: &Path, read: Reads) {
        let last = self.pipelines.get(pipeline).and_then(|made| made.again);
        self.follow(pipeline, read);
        let after = last.map_or(AGAIN_MS, |last| (last.after * 2).min(AGAIN_MAX_MS));
        if let Some(made) = self.pipelines.get_mut(pipeline) {
            made.again = Some(Again { after, at: Some(now.saturating_add(after)) });
        }
    }

    /// Follows the pipeline no longer.
    pub(super) fn forget(&mut self, pipeline: &Path) {
        self.pipelines.remove(pipeline);
        self.forget_files();
    }

    fn forget_files(&mut self) {
        let Self { files, pipelines } = self;
        let needed = |path: &PathBuf| pipelines.values().any(|made| made.of.contains_key(path));
        files.retain(|path, _| needed(path));
    }

    /// True if a file is followed.
    pub(super) fn needs(&self, path: &Path) -> bool {
        self.files.contains_key(path)
    }

    /// True if there is such a pipeline.
    pub(super) fn has(&self, pipeline: &Path) -> bool {
        self.pipelines.contains_key(pipeline)
    }

    /// How many pipelines there are.
    pub(super) fn len(&self) -> usize {
        self.pipelines.len()
    }

    /// The paths of all files, each with whether it is a pipeline's own, and whether it may be changing.
    pub(super) fn files(&self) -> impl Iterator<Item = (&Path, bool, bool)> {
        let pipelines = &self.pipelines;
        self.files
            .iter()
            .map(|(path, settling)| (&**path, pipelines.contains_key(path), settling.is_restless()))
    }

    /// Tells every pipeline, changed or not.
    pub(super) fn ask_for_all(&mut self) {
        self.pipelines.values_mut().for_each(|made| made.is_asked = true);
    }

    /// Somebody has looked at a file at `now`, in ms.
    pub(super) fn look(&mut self, now: u64, path: &Path, seen: Seen) {
        let Some(settling) = self.files.get_mut(path) else { return };
        if settling.look(now, seen).is_some() {
            let users = self.pipelines.values_mut().filter(|made| made.of.contains_key(path));
            users.for_each(|made| made.is_new = true);
        }
    }

    /// The pipelines to be made again: something of them was taken that they are not made of, and nothing of them is on
    /// its way. Each is told once, and again only after it was [followed](Self::follow).
    pub(super) fn due(&mut self, now: u64) -> Vec<Change> {
        let moves = self.moves();
        let Self { files, pipelines } = self;
        let mut due = vec![];
        for (path, made) in pipelines.iter_mut() {
            let part = moves.iter().find(|one| [&one.from, &one.to].contains(&path));
            if part.is_none() && made.is_due(now, files) {
                let taken = made.of.keys().filter_map(|path| {
                    files.get(path).map(|file| (path.clone(), file.taken().clone()))
                });
                let taken = taken.collect();
                due.push(Change { pipeline: path.clone(), taken, moved_from: None });
            }
        }
        due.extend(
            moves.into_iter().filter(|one| one.is_over).filter_map(|one| self.moved(now, one)),
        );
        due
    }

    /// Files that are gone, each with a new one that has just their content: for as long as nobody knows whether they
    /// come again, the new one is not told.
    fn moves(&self) -> Vec<Moving> {
        let new = self.pipelines.iter().filter(|(path, made)| made.is_unknown(path));
        let mut moves: Vec<Moving> = vec![];
        for (to, _) in new {
            let Some(came) = self.files.get(to).map(Settling::taken) else { continue };
            let left = |from: &PathBuf| moves.iter().all(|one| one.from != *from);
            let went = |(from, made): &(&PathBuf, &Made)| {
                left(from) && matches!(came, Seen::File(_)) && made.of.get(*from) == Some(came)
            };
            let mut went = self.pipelines.iter().filter(went);
            let found = went.find_map(|(from, made)| Some((from, self.going(from, made)?)));
            moves.extend(found.map(|(from, is_over)| Moving {
                from: from.clone(),
                to: to.clone(),
                is_over,
            }));
        }
        moves
    }

    /// Whether a pipeline's own file is gone for good, if it is gone; `None` if that, or something else of it, is not so.
    fn going(&self, path: &Path, made: &Made) -> Option<bool> {
        let same = |(other, seen): (&PathBuf, &Seen)| {
            other == path || self.files.get(other).is_some_and(|file| file.taken() == seen)
        };
        let file = self.files.get(path)?;
        let is_gone = *file.taken() == Seen::Gone && !file.is_restless();
        let goes = is_gone || file.other() == Some(&Seen::Gone);
        (goes && made.of.iter().all(same)).then_some(is_gone && !made.is_told)
    }

    /// Tells that a file has another path now. Whoever is told follows that one, and the old one no longer.
    fn moved(&mut self, now: u64, Moving { from, to, .. }: Moving) -> Option<Change> {
        let mut taken = self.pipelines.get(&from)?.of.clone();
        let own = taken.remove(&from)?;
        taken.insert(to.clone(), own);
        for path in [&from, &to] {
            let made = self.pipelines.get_mut(path)?;
            (made.is_told, made.told, made.is_new) = (true, Some(now), false);
        }
        Some(Change { pipeline: to, taken, moved_from: Some(from) })
    }

    /// When somebody has to look or [ask](Self::due) again if nothing happens before, in ms.
    pub(super) fn next_look(&self, now: u64) -> Option<u64> {
        let files = self.files.values().filter_map(|file| file.next_look(now));
        let told = |made: &Made| {
            let again = made.told.filter(|_| !made.is_new)? + RESTLESS_MS;
            (made.behind.is_some() && !made.is_told).then_some(again.max(now + 1))
        };
        let again = |made: &Made| made.again?.at.map(|at| at.max(now + 1));
        let made = self.pipelines.values();
        files.chain(made.clone().filter_map(told)).chain(made.filter_map(again)).min()
    }
}

/// A file that seems to have another path than before.
#[derive(Debug)]
struct Moving {
    from: PathBuf,
    to: PathBuf,
    /// The old one does not come again.
    is_over: bool,
}

impl Made {
    /// True if it was found and never told.
    fn is_unknown(&self, path: &Path) -> bool {
        self.told.is_none() && self.of.len() == 1 && self.of.get(path) == Some(&Seen::Gone)
    }

    /// True, once, if it is to be told now.
    fn is_due(&mut self, now: u64, files: &BTreeMap<PathBuf, Settling>) -> bool {
        let differs = |(path, seen): (&PathBuf, &Seen)| {
            files.get(path).is_some_and(|file| file.taken() != seen)
        };
        let is_again =
            !self.is_told && self.again.and_then(|again| again.at).is_some_and(|at| at <= now);
        if self.is_told || !(is_again || self.is_asked || self.of.iter().any(differs)) {
            if !self.is_told {
                self.behind = None;
            }
            return false;
        }
        let since = *self.behind.get_or_insert(now);
        let mut own = self.of.keys().filter_map(|path| files.get(path));
        let is_restless = own.any(Settling::is_restless);
        if is_restless && now < since + RESTLESS_MS {
            return false;
        }
        // What cannot be read as it was taken is not tried again all the time.
        let is_early = |told| now < told + RESTLESS_MS;
        let is_due = is_again || self.is_new || self.is_asked;
        if !is_due && self.told.is_some_and(is_early) {
            return false;
        }
        // What changes, or is asked for, is tried anew and not again.
        let is_anew = self.is_new || self.is_asked;
        self.again = self.again.filter(|_| !is_anew).map(|again| Again { at: None, ..again });
        (self.is_told, self.told, self.is_new, self.is_asked) = (true, Some(now), false, false);
        true
    }
}
