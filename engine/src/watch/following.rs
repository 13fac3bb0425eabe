//! Which pipelines are not what was made of them any more. Pure: whoever looks says what is there and what time it is.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::settle::{RESTLESS_MS, Settling};
use super::{Reads, Seen};

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
}

/// A pipeline that is to be made again.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Change {
    /// The path of its own file.
    pub pipeline: PathBuf,
    /// What stands at this path, and at those that it was made of.
    pub taken: Reads,
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
        (made.is_told, made.behind) = (false, None);
        self.forget_files();
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
        let Self { files, pipelines } = self;
        let mut due = vec![];
        for (path, made) in pipelines {
            if made.is_due(now, files) {
                let taken = made.of.keys().filter_map(|path| {
                    files.get(path).map(|file| (path.clone(), file.taken().clone()))
                });
                due.push(Change { pipeline: path.clone(), taken: taken.collect() });
            }
        }
        due
    }

    /// When somebody has to look or [ask](Self::due) again if nothing happens before, in ms.
    pub(super) fn next_look(&self, now: u64) -> Option<u64> {
        let files = self.files.values().filter_map(|file| file.next_look(now));
        let told = |made: &Made| {
            let again = made.told.filter(|_| !made.is_new)? + RESTLESS_MS;
            (made.behind.is_some() && !made.is_told).then_some(again.max(now + 1))
        };
        files.chain(self.pipelines.values().filter_map(told)).min()
    }
}

impl Made {
    /// True, once, if it is to be told now.
    fn is_due(&mut self, now: u64, files: &BTreeMap<PathBuf, Settling>) -> bool {
        let differs = |(path, seen): (&PathBuf, &Seen)| {
            files.get(path).is_some_and(|file| file.taken() != seen)
        };
        if self.is_told || !(self.is_asked || self.of.iter().any(differs)) {
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
        if !self.is_new && !self.is_asked && self.told.is_some_and(is_early) {
            return false;
        }
        (self.is_told, self.told, self.is_new, self.is_asked) = (true, Some(now), false, false);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FLOW: &str = "/flow.toml";
    const PART: &str = "/part.toml";

    fn reads(files: &[(&str, &str)]) -> Reads {
        files.iter().map(|(path, text)| (PathBuf::from(path), Seen::of(text.as_bytes()))).collect()
    }

    fn following(files: &[(&str, &str)]) -> Following {
        let mut following = Following::default();
        following.follow(Path::new(FLOW), reads(files));
        following
    }

    /// What is told from `from` on, if the files stay as they are.
    fn told(following: &mut Following, from: u64, files: &[(&str, &str)]) -> Vec<(u64, Reads)> {
        let mut found = vec![];
        for now in (from..from + 5_000).step_by(10) {
            for (path, seen) in reads(files) {
                following.look(now, &path, seen);
            }
            found.extend(following.due(now).into_iter().map(|change| (now, change.taken)));
        }
        found
    }

    #[test]
    fn what_is_as_it_was_read_is_not_told() {
        let files = [(FLOW, "a"), (PART, "b")];
        assert_eq!(told(&mut following(&files), 0, &files), []);
    }

    #[test]
    fn a_change_of_any_file_is_told_once() {
        let mut following = following(&[(FLOW, "a"), (PART, "b")]);
        let files = [(FLOW, "a"), (PART, "c")];
        assert_eq!(told(&mut following, 0, &files), [(250, reads(&files))]);
        following.follow(Path::new(FLOW), reads(&files));
        assert_eq!(told(&mut following, 6_000, &files), []);
    }

    #[test]
    fn files_that_change_together_are_told_together() {
        let mut following = following(&[(FLOW, "a"), (PART, "b")]);
        let (half, both) = ([(FLOW, "x"), (PART, "b")], [(FLOW, "x"), (PART, "y")]);
        for now in [0, 100, 200] {
            for (path, seen) in reads(&half) {
                following.look(now, &path, seen);
            }
            assert_eq!(following.due(now), []);
        }
        assert_eq!(told(&mut following, 240, &both), [(490, reads(&both))]);
    }

    #[test]
    fn what_was_read_and_not_taken_is_told_again() {
        let mut following = following(&[(FLOW, "a")]);
        assert_eq!(told(&mut following, 0, &[(FLOW, "b")]).len(), 1);
        // The compiler read half of the next save, which went back to what was taken.
        following.follow(Path::new(FLOW), reads(&[(FLOW, "half")]));
        let again = told(&mut following, 5_000, &[(FLOW, "b")]);
        assert_eq!(again, [(5_000, reads(&[(FLOW, "b")]))]);
    }

    #[test]
    fn what_can_never_be_read_as_taken_is_tried_now_and_then() {
        let mut following = following(&[(FLOW, "a")]);
        let (mut times, mut now) = (vec![], 0);
        while now < 10_000 {
            following.look(now, Path::new(FLOW), Seen::of(b"b"));
            for _ in following.due(now) {
                times.push(now);
                following.follow(Path::new(FLOW), [(PathBuf::from(FLOW), Seen::Closed)].into());
            }
            now = following.next_look(now).unwrap_or(now + 2_000);
        }
        assert_eq!(times, [250, 2_250, 4_250, 6_250, 8_250]);
    }

    #[test]
    fn nothing_is_told_while_somebody_is_at_it() {
        let mut following = following(&[(FLOW, "a")]);
        assert_eq!(told(&mut following, 0, &[(FLOW, "b")]).len(), 1);
        assert_eq!(told(&mut following, 5_000, &[(FLOW, "c")]), []);
        following.follow(Path::new(FLOW), reads(&[(FLOW, "b")]));
        assert_eq!(told(&mut following, 10_000, &[(FLOW, "c")]).len(), 1);
    }

    #[test]
    fn who_asks_is_told_though_nothing_changed() {
        let files = [(FLOW, "a")];
        let mut following = following(&files);
        following.ask_for_all();
        assert_eq!(told(&mut following, 0, &files), [(0, reads(&files))]);
    }

    #[test]
    fn a_file_is_followed_as_long_as_somebody_needs_it() {
        let mut following = following(&[(FLOW, "a"), (PART, "b")]);
        following.follow(Path::new("/other.toml"), reads(&[("/other.toml", "o"), (PART, "b")]));
        following.follow(Path::new(FLOW), reads(&[(FLOW, "a")]));
        assert_eq!(following.files().count(), 3);
        following.forget(Path::new("/other.toml"));
        let left: Vec<_> = following.files().collect();
        assert_eq!(left, [(Path::new(FLOW), true, false)]);
    }
}
