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

const OTHER: &str = "/other.toml";

#[test]
fn what_nothing_came_of_is_told_again_after_longer_and_longer_whiles() {
    let mut following = following(&[(FLOW, "a")]);
    let (mut times, mut now) = (vec![], 0);
    while now < 200_000 {
        following.look(now, Path::new(FLOW), Seen::of(b"b"));
        for change in following.due(now) {
            assert_eq!(change.taken, reads(&[(FLOW, "b")]));
            times.push(now);
            following.follow_again(now, Path::new(FLOW), reads(&[(FLOW, "b")]));
        }
        now = following.next_look(now).unwrap_or(now + 2_000);
    }
    let whiles: Vec<u64> = times.windows(2).map(|two| two[1] - two[0]).collect();
    assert_eq!(whiles, [1_000, 2_000, 4_000, 8_000, 16_000, 32_000, 60_000, 60_000]);
}

#[test]
fn what_changes_meanwhile_is_told_at_once_and_tried_anew() {
    let mut following = following(&[(FLOW, "a")]);
    let files = [(FLOW, "b")];
    assert_eq!(told(&mut following, 0, &files).len(), 1);
    for now in [5_000, 6_000, 8_000] {
        following.follow_again(now, Path::new(FLOW), reads(&files));
        let _ = following.due(now + 4_000);
    }
    following.follow_again(12_000, Path::new(FLOW), reads(&files));
    let files = [(FLOW, "c")];
    assert_eq!(told(&mut following, 12_010, &files), [(12_260, reads(&files))]);
    following.follow_again(20_000, Path::new(FLOW), reads(&files));
    assert_eq!(told(&mut following, 20_000, &files), [(21_000, reads(&files))]);
    following.follow(Path::new(FLOW), reads(&files));
    assert_eq!(told(&mut following, 26_000, &files), []);
}

/// A file that was found beside the other.
fn found(following: &mut Following, path: &str) {
    following.follow(Path::new(path), [(PathBuf::from(path), Seen::Gone)].into());
}

/// What is told from `from` on of files that stand at these paths, and where each came from.
fn told_moves(
    following: &mut Following,
    from: u64,
    files: &[(&str, Seen)],
) -> Vec<(u64, PathBuf, Option<PathBuf>)> {
    let mut found = vec![];
    for now in (from..from + 5_000).step_by(10) {
        for (path, seen) in files {
            following.look(now, Path::new(path), seen.clone());
        }
        let due = following.due(now).into_iter();
        found.extend(due.map(|change| (now, change.pipeline, change.moved_from)));
    }
    found
}

#[test]
fn a_file_that_comes_with_what_another_had_that_goes_is_that_one() {
    let mut following = following(&[(FLOW, "a"), (PART, "p")]);
    found(&mut following, OTHER);
    let part = Seen::of(b"p");
    let files = [(FLOW, Seen::Gone), (OTHER, Seen::of(b"a")), (PART, part)];
    let expected = (2_000, PathBuf::from(OTHER), Some(PathBuf::from(FLOW)));
    assert_eq!(told_moves(&mut following, 0, &files), [expected]);
}

#[test]
fn what_was_made_of_it_is_told_with_its_new_path() {
    let mut following = following(&[(FLOW, "a"), (PART, "p")]);
    found(&mut following, OTHER);
    let mut changes = vec![];
    for now in (0..3_000).step_by(10) {
        following.look(now, Path::new(FLOW), Seen::Gone);
        following.look(now, Path::new(OTHER), Seen::of(b"a"));
        changes.extend(following.due(now));
    }
    let [change] = &changes[..] else { panic!("{changes:?}") };
    assert_eq!(change.taken, reads(&[(OTHER, "a"), (PART, "p")]));
    following.follow(Path::new(OTHER), change.taken.clone());
    following.forget(Path::new(FLOW));
    let files = [(OTHER, Seen::of(b"a")), (PART, Seen::of(b"q"))];
    let expected = (3_250, PathBuf::from(OTHER), None);
    assert_eq!(told_moves(&mut following, 3_000, &files), [expected], "the module is followed");
}

#[test]
fn a_copy_is_another_pipeline_and_so_is_what_is_changed_too() {
    let mut copied = following(&[(FLOW, "a")]);
    found(&mut copied, OTHER);
    let files = [(FLOW, Seen::of(b"a")), (OTHER, Seen::of(b"a"))];
    assert_eq!(told_moves(&mut copied, 0, &files), [(250, PathBuf::from(OTHER), None)]);
    let mut changed = following(&[(FLOW, "a")]);
    found(&mut changed, OTHER);
    let files = [(FLOW, Seen::Gone), (OTHER, Seen::of(b"b"))];
    let told = told_moves(&mut changed, 0, &files);
    let expected = [(250, PathBuf::from(OTHER), None), (2_000, PathBuf::from(FLOW), None)];
    assert_eq!(told, expected);
}

#[test]
fn where_the_old_file_comes_again_the_new_one_is_told_by_itself() {
    let mut following = following(&[(FLOW, "a")]);
    found(&mut following, OTHER);
    for now in (0..1_000).step_by(10) {
        following.look(now, Path::new(FLOW), Seen::Gone);
        following.look(now, Path::new(OTHER), Seen::of(b"a"));
        assert_eq!(following.due(now), []);
    }
    let files = [(FLOW, Seen::of(b"a")), (OTHER, Seen::of(b"a"))];
    assert_eq!(told_moves(&mut following, 1_000, &files), [(1_000, PathBuf::from(OTHER), None)]);
}
