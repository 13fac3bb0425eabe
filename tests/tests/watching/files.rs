//! A watch, and files that change.

use std::fs;
use std::path::Path;
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::Duration;

use tempfile::TempDir;
use theater_flow::watch::{Change, Reads, Seen, Waker, Watch, Watcher};
use theater_flow_tests::LIMIT;
use theater_flow_tests::saves::{Saved, Way, table};

/// Contents, each by its letter. `x` is of no pipeline. They differ in their first line: a half is no part of another.
fn content(letter: char) -> String {
    format!(
        "letter = \"{letter}\"\n{}\n{}\n",
        "# what does not change\n".repeat(20),
        "#".repeat(60)
    )
}

/// What stands at a path now, as a compiler reads it.
fn read(path: &Path) -> Seen {
    let Ok(bytes) = fs::read(path) else { return Seen::Gone };
    let whole = fs::canonicalize(path).expect("it is there");
    Seen::of(&bytes).within(whole.parent().expect("it is in a folder"))
}

/// A watch on a thread of its own, which makes each pipeline anew that it is told of.
struct Watched {
    told: Receiver<Change>,
    waker: Waker,
    thread: Option<thread::JoinHandle<()>>,
}

impl Watched {
    /// One of these pipelines, as they are now.
    fn new(watcher: Watcher, pipelines: &[&Path]) -> Self {
        Self::of(watcher, |watch| {
            for path in pipelines {
                watch.follow(path, [(path.to_path_buf(), read(path))].into());
            }
        })
    }

    /// Nothing is found out by looking now and then if the system tells of changes.
    fn of(watcher: Watcher, begin: impl FnOnce(&mut Watch)) -> Self {
        let (watch, refused) = Watch::new(watcher);
        assert_eq!(refused, None);
        let mut watch = watch.told_only();
        begin(&mut watch);
        let (sender, told) = channel();
        let waker = watch.waker();
        let thread = thread::spawn(move || {
            loop {
                let changes = watch.wait();
                if changes.is_empty() {
                    return;
                }
                for change in changes {
                    watch.follow(&change.pipeline, change.taken.clone());
                    let _ = sender.send(change);
                }
            }
        });
        Self { told, waker, thread: Some(thread) }
    }

    /// The next change.
    fn next(&self) -> Change {
        self.told.recv_timeout(LIMIT).expect("a change is told")
    }

    /// The letter of the next change's content at this path.
    fn letter(&self, path: &Path) -> char {
        let change = self.next();
        letter_of(&change.taken, path)
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        self.waker.wake();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// Which content was taken at a path: `-` if the file is gone, `?` if it is none of these.
fn letter_of(taken: &Reads, path: &Path) -> char {
    let taken = taken.get(path).expect("the path is followed");
    let folder = fs::canonicalize(path).ok().and_then(|path| Some(path.parent()?.to_path_buf()));
    let is = |letter: &char| {
        let plain = Seen::of(content(*letter).as_bytes());
        *taken == plain || folder.as_ref().is_some_and(|at| *taken == plain.within(at))
    };
    if *taken == Seen::Gone { '-' } else { ('a'..='z').find(is).unwrap_or('?') }
}

/// Saves `a`, then each of these once the one before was told, and `z` at last; says what was told.
fn told(way: Way, watcher: Watcher, letters: &str) -> String {
    let dir = TempDir::new().expect("a folder");
    let mut saved = Saved::new(way, dir.path(), &content('a'));
    let path = saved.path();
    let seen = Watched::new(watcher, &[&path]);
    let mut told = String::new();
    for letter in letters.chars().chain(['z']) {
        saved.save(&content(letter));
        while !told.ends_with(letter) {
            told.push(seen.letter(&path));
        }
    }
    told.pop();
    told
}

/// What each cell of the matrix must be.
const MATRIX: &str = "\
way                    | native b | native x b | poll b | poll x b
in place               | b        | xb         | b      | xb
temp + rename          | b        | xb         | b      | xb
vim's backup + rename  | b        | xb         | b      | xb
delete + create        | b        | xb         | b      | xb
`..data` link swapped  | b        | xb         | b      | xb
two halves, 500 ms     | b        | xb         | b      | xb
linked file            | b        | xb         | b      | xb
linked folder          | b        | xb         | b      | xb
";

#[test]
fn every_way_to_save_is_seen_once() {
    let [native, poll] = BOTH.map(|watcher| ["b", "xb"].map(|letters| (watcher, letters)));
    let columns = [native[0], native[1], poll[0], poll[1]];
    let one = |way, (watcher, letters)| thread::spawn(move || told(way, watcher, letters));
    let cells = Way::ALL.map(|(way, _)| columns.map(|column| one(way, column)));
    let cells = cells.map(|row| row.map(|cell| cell.join().expect("it is told")));
    let table = table(&cells);
    println!("{table}");
    assert_eq!(table, MATRIX);
}

const BOTH: [Watcher; 2] = [Watcher::Native, Watcher::Poll];

/// Tests both at a time: most of what they do is to wait.
fn with_both(test: impl Fn(Watcher) + Sync) {
    thread::scope(|scope| {
        BOTH.map(|watcher| {
            let test = &test;
            scope.spawn(move || test(watcher))
        })
        .map(|_| ())
    });
}

#[test]
fn a_hundred_saves_in_a_second_end_with_the_last() {
    with_both(|watcher| {
        let dir = TempDir::new().expect("a folder");
        let mut saved = Saved::new(Way::Rename, dir.path(), &content('a'));
        let path = saved.path();
        let watched = Watched::new(watcher, &[&path]);
        for nth in 0..100 {
            saved.save(&format!("{nth}"));
            thread::sleep(Duration::from_millis(10));
        }
        saved.save(&content('b'));
        let mut told = String::new();
        while !told.ends_with('b') {
            told.push(watched.letter(&path));
        }
        // Where the machine itself pauses, some of the others are taken as well: one in a quarter of a second at most.
        assert!(told.len() <= 8, "{watcher:?} {told}");
        saved.save(&content('z'));
        assert_eq!(watched.letter(&path), 'z', "{watcher:?}");
    });
}

#[test]
fn a_part_of_what_runs_is_not_taken_while_the_rest_comes() {
    let ends = [0, 1, 20, 500];
    let one = |watcher: Watcher, end: usize| {
        let dir = TempDir::new().expect("a folder");
        let mut saved = Saved::new(Way::InPlace, dir.path(), &content('a'));
        let path = saved.path();
        let watched = Watched::new(watcher, &[&path]);
        saved.save(&content('a')[..end]);
        thread::sleep(Duration::from_millis(800));
        saved.save(&content('b'));
        watched.letter(&path)
    };
    let cells = BOTH.map(|watcher| ends.map(|end| (end, thread::spawn(move || one(watcher, end)))));
    for (end, cell) in cells.into_iter().flatten() {
        assert_eq!(cell.join().expect("it is told"), 'b', "{end}");
    }
}

#[test]
fn folders_that_are_removed_and_made_anew_are_watched_again() {
    with_both(|watcher| {
        let dir = TempDir::new().expect("a folder");
        let folder = dir.path().join("some/folder");
        fs::create_dir_all(&folder).expect("a folder");
        let mut saved = Saved::new(Way::InPlace, &folder, &content('a'));
        let path = saved.path();
        let watched = Watched::new(watcher, &[&path]);
        for letter in ['b', 'c'] {
            fs::remove_dir_all(dir.path().join("some")).expect("it is there");
            assert_eq!(watched.letter(&path), '-', "{watcher:?}");
            fs::create_dir_all(&folder).expect("a folder");
            saved.save(&content(letter));
            assert_eq!(watched.letter(&path), letter, "{watcher:?}");
            saved.save(&content('x'));
            assert_eq!(watched.letter(&path), 'x', "{watcher:?}");
        }
        // Another folder takes its place at once.
        fs::rename(&folder, dir.path().join("old")).expect("it is there");
        fs::create_dir_all(&folder).expect("a folder");
        saved.save(&content('d'));
        assert_eq!(watched.letter(&path), 'd', "{watcher:?}");
        saved.save(&content('e'));
        assert_eq!(watched.letter(&path), 'e', "{watcher:?}");
    });
}

#[test]
fn all_that_a_pipeline_is_made_of_is_watched_also_what_is_missing() {
    with_both(|watcher| {
        let dir = TempDir::new().expect("a folder");
        let at = |name: &str| dir.path().join(name);
        let (flow, part, missing) = (at("flow.toml"), at("parts/part.toml"), at("not/there.md"));
        fs::create_dir(at("parts")).expect("a folder");
        for path in [&flow, &part] {
            fs::write(path, content('a')).expect("a file");
        }
        let files = [&flow, &part, &missing];
        let reads = files.map(|path| (path.clone(), read_plain(path, path == &flow)));
        let watched = Watched::of(watcher, |watch| watch.follow(&flow, reads.into()));
        let letters = |change: &Change| files.map(|path| letter_of(&change.taken, path));
        fs::write(&part, content('b')).expect("a file");
        assert_eq!(letters(&watched.next()), ['a', 'b', '-'], "{watcher:?}");
        fs::create_dir(at("not")).expect("a folder");
        fs::write(&missing, content('c')).expect("a file");
        assert_eq!(letters(&watched.next()), ['a', 'b', 'c'], "{watcher:?}");
        fs::remove_file(&part).expect("it is there");
        assert_eq!(letters(&watched.next()), ['a', '-', 'c'], "{watcher:?}");
    });
}

/// What stands at a path, as a compiler reads it: with its folder if it is the pipeline's own.
fn read_plain(path: &Path, is_own: bool) -> Seen {
    match fs::read(path) {
        Ok(_) if is_own => read(path),
        Ok(bytes) => Seen::of(&bytes),
        Err(_) => Seen::Gone,
    }
}

#[test]
fn all_pipelines_of_a_folder_are_followed_that_is_there_or_comes() {
    with_both(|watcher| {
        let dir = TempDir::new().expect("a folder");
        let folder = dir.path().join("flows");
        let watched = Watched::of(watcher, |watch| watch.follow_folder(&folder));
        let save = |name: &str, letter| {
            let path = folder.join(name);
            fs::write(&path, content(letter)).expect("a file");
            path
        };
        for letter in ['b', 'c'] {
            fs::create_dir(&folder).expect("a folder");
            fs::create_dir(folder.join("folder.toml")).expect("a folder");
            for other in [".hidden.toml", ".#a.toml", "a.toml~", "4913", "notes.md", ".a.toml.swp"]
            {
                save(other, 'x');
            }
            let paths = ["one.toml", "two.toml"].map(|name| save(name, letter));
            let mut told = [watched.next(), watched.next()];
            told.sort_by(|a, b| a.pipeline.cmp(&b.pipeline));
            assert_eq!(told.each_ref().map(|change| &change.pipeline), paths.each_ref());
            let letters = [0, 1].map(|nth| letter_of(&told[nth].taken, &paths[nth]));
            assert_eq!(letters, [letter; 2], "{watcher:?}");
            fs::remove_dir_all(&folder).expect("it is there");
            for _ in paths {
                let Change { pipeline, taken, .. } = watched.next();
                assert_eq!(letter_of(&taken, &pipeline), '-', "{watcher:?}");
            }
        }
    });
}

#[test]
fn who_asks_is_told_of_all_and_who_wakes_it_is_heard() {
    let dir = TempDir::new().expect("a folder");
    let saved = Saved::new(Way::Rename, dir.path(), &content('a'));
    let path = saved.path();
    let (mut watch, _) = Watch::new(Watcher::Native);
    watch.follow(&path, [(path.clone(), read(&path))].into());
    let waker = watch.waker();
    waker.wake();
    assert_eq!(watch.wait(), []);
    watch.ask_for_all();
    let told = watch.wait();
    assert_eq!(told.len(), 1);
    assert_eq!(letter_of(&told[0].taken, &path), 'a');
    assert!(told[0].agrees(&[(path.clone(), read(&path))].into()));
    assert!(!told[0].agrees(&[(path.clone(), Seen::of(b"other"))].into()));
}
