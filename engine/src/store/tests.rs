use std::os::unix::fs::PermissionsExt as _;
use std::{fs, io};

use theater_flow_kernel::ids::Digest;

use super::*;
use crate::journal::tests::{PLAN, genesis, transaction};
use crate::journal::{Commit, Flushed, Journal};

fn pair(key: &[u8], value: &[u8]) -> Pair {
    (key.to_vec(), value.to_vec())
}

fn all(store: &impl Store) -> Vec<Pair> {
    store.range(b"", b"z").collect::<Result<_, _>>().unwrap()
}

/// A store with a key, closed.
fn closed(path: &Path) {
    let mut store = SledStore::create(path).unwrap();
    store.commit(vec![pair(b"a", b"1")], vec![]).unwrap();
}

#[test]
fn what_is_committed_is_there_after_a_reopen() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("log");
    let mut store = SledStore::create(&path).unwrap();
    store.commit(vec![pair(b"a", b"1"), pair(b"b", b"2"), pair(b"c", b"3")], vec![]).unwrap();
    store.commit(vec![pair(b"b", b"4")], vec![b"b".to_vec(), b"c".to_vec()]).unwrap();
    for n in 0..3 {
        assert_eq!(store.get(b"b").unwrap().as_deref(), Some(&b"4"[..]), "opened {n} times");
        assert_eq!(all(&store), [pair(b"a", b"1"), pair(b"b", b"4")]);
        assert_eq!(store.last(b"a", b"b").unwrap(), Some(pair(b"a", b"1")));
        assert_eq!(store.last(b"aa", b"b").unwrap(), None);
        drop(store);
        store = SledStore::open(&path).unwrap();
    }
    store.renew().unwrap();
    assert_eq!(all(&store), [pair(b"a", b"1"), pair(b"b", b"4")]);
}

#[test]
fn a_missing_store_is_not_made_and_a_present_one_not_made_again() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("log");
    for open in [SledStore::open, SledStore::open_copy] {
        assert!(matches!(open(&path), Err(StoreError::Missing { .. })));
    }
    assert!(!path.exists());
    fs::create_dir(&path).unwrap();
    assert!(matches!(SledStore::open(&path), Err(StoreError::Missing { .. })));
    assert!(matches!(SledStore::create(&path), Err(StoreError::Exists { .. })));
    assert_eq!(fs::read_dir(&path).unwrap().count(), 0);
    let nowhere = SledStore::create(&dir.path().join("none/log"));
    assert!(matches!(nowhere, Err(StoreError::Io { .. })));
}

#[test]
fn a_store_in_use_is_locked_for_others() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("log");
    let store = SledStore::create(&path).unwrap();
    for open in [SledStore::open, SledStore::open_copy] {
        assert!(matches!(open(&path), Err(StoreError::Locked { .. })));
    }
    assert!(matches!(SledStore::start(&path, &config(&path)), Err(StoreError::Locked { .. })));
    drop(store);
    SledStore::open(&path).unwrap();
}

#[test]
fn a_value_that_is_too_long_is_refused_and_ends_the_store() {
    let dir = tempfile::tempdir().unwrap();
    let mut store = SledStore::create(&dir.path().join("log")).unwrap();
    store.commit(vec![(b"a".to_vec(), vec![0; CHUNK_BYTES])], vec![]).unwrap();
    let error = store.commit(vec![(b"b".to_vec(), vec![0; CHUNK_BYTES + 1])], vec![]);
    assert!(matches!(error, Err(StoreError::TooLong { len }) if len == CHUNK_BYTES + 1));
    assert!(matches!(store.get(b"a"), Err(StoreError::Poisoned)));
    assert!(matches!(store.range(b"", b"z").next(), Some(Err(StoreError::Poisoned))));
    assert!(matches!(store.commit(vec![], vec![]), Err(StoreError::Poisoned)));
    drop(store);
    let store = SledStore::open(&dir.path().join("log")).unwrap();
    assert_eq!(all(&store).len(), 1);
}

#[test]
fn full_leaves_make_no_files_of_their_own() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("log");
    let mut store = SledStore::create(&path).unwrap();
    for n in 0..20u8 {
        let writes = (0..16).map(|i| (vec![b'b', n, i], vec![n ^ i; CHUNK_BYTES])).collect();
        store.commit(writes, vec![]).unwrap();
    }
    assert_eq!(fs::read_dir(path.join("blobs")).unwrap().count(), 0);
    drop(store);
    assert_eq!(all(&SledStore::open(&path).unwrap()).len(), 320);
    assert_eq!(fs::read_dir(path.join("blobs")).unwrap().count(), 0);
}

#[test]
fn an_unfinished_snapshot_is_removed() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("log");
    closed(&path);
    let unfinished = path.join("snap.0000000000000123.generating");
    fs::write(&unfinished, b"half").unwrap();
    assert_eq!(all(&SledStore::open_copy(&path).unwrap()), [pair(b"a", b"1")]);
    assert!(unfinished.exists(), "a copy leaves the original as it is");
    assert_eq!(all(&SledStore::open(&path).unwrap()), [pair(b"a", b"1")]);
    assert!(!unfinished.exists());
}

#[test]
fn a_copy_is_read_beside_the_original_and_removed() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("log");
    closed(&path);
    let others = || fs::read_dir(dir.path()).unwrap().count() - 1;
    let stale = dir.path().join("log.copy-1-1");
    fs::create_dir(&stale).unwrap();
    let mut copies = [SledStore::open_copy(&path).unwrap(), SledStore::open_copy(&path).unwrap()];
    assert!(!stale.exists());
    assert_eq!(others(), 2);
    copies[0].commit(vec![pair(b"b", b"2")], vec![]).unwrap();
    assert_eq!(all(&copies[1]), [pair(b"a", b"1")]);
    assert_eq!(all(&SledStore::open(&path).unwrap()), [pair(b"a", b"1")]);
    drop(copies);
    assert_eq!(others(), 0);
}

#[test]
fn copies_among_the_temporary_files_go_with_their_makers() {
    let dir = tempfile::tempdir().unwrap();
    let mut child = std::process::Command::new("true").spawn().unwrap();
    let (gone, mine) = (child.id(), std::process::id());
    child.wait().unwrap();
    let names = ["x-0", "", "notes"].map(|rest| format!("copy-{rest}"));
    let stay = [format!("copy-{mine}-0"), format!("other-{gone}-0")].into_iter().chain(names);
    let stay: std::collections::BTreeSet<String> = stay.collect();
    for name in stay.iter().chain([&format!("copy-{gone}-3")]) {
        fs::create_dir(dir.path().join(name)).unwrap();
    }
    files::remove_abandoned(dir.path(), "copy-");
    let left = fs::read_dir(dir.path()).unwrap().flatten();
    let left = left.map(|entry| entry.file_name().into_string().unwrap());
    assert_eq!(left.collect::<std::collections::BTreeSet<_>>(), stay);
}

#[test]
fn errors_of_the_file_system_are_told_apart() {
    let of = |kind: io::ErrorKind| StoreError::io(Path::new("/x"), kind.into());
    assert!(matches!(of(io::ErrorKind::StorageFull), StoreError::Full { .. }));
    assert!(matches!(of(io::ErrorKind::QuotaExceeded), StoreError::Full { .. }));
    assert!(matches!(of(io::ErrorKind::ReadOnlyFilesystem), StoreError::ReadOnly { .. }));
    assert!(matches!(of(io::ErrorKind::PermissionDenied), StoreError::Io { .. }));
    assert_eq!(of(io::ErrorKind::StorageFull).to_string(), "no space left for /x");
}

#[test]
fn a_copy_of_files_that_nobody_may_write_to_can_be_opened() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("log");
    closed(&path);
    for entry in fs::read_dir(&path).unwrap().flatten().filter(|entry| entry.path().is_file()) {
        fs::set_permissions(entry.path(), fs::Permissions::from_mode(0o444)).unwrap();
    }
    let copy = files::Copy::of(&path).unwrap();
    for entry in fs::read_dir(copy.path()).unwrap().flatten().filter(|entry| entry.path().is_file())
    {
        assert!(!entry.metadata().unwrap().permissions().readonly(), "{:?}", entry.path());
    }
}

#[test]
fn a_panic_becomes_an_error() {
    let path = Path::new("/x");
    let told = guarded(path, || -> sled::Result<()> { panic!("one") }).unwrap_err();
    let said = "the log at /x is damaged: its files do not hold what was written to them";
    assert_eq!(told.to_string(), said);
}

#[test]
fn what_sled_says_of_its_files_is_told_apart_from_what_the_system_says() {
    let of = |error| StoreError::sled(Path::new("/x"), error);
    let system = |code| of(sled::Error::Io(io::Error::from_raw_os_error(code)));
    assert!(matches!(system(13), StoreError::Io { .. }));
    assert!(matches!(system(28), StoreError::Full { .. }));
    assert!(matches!(system(5), StoreError::Io { .. }));
    let eof = sled::Error::Io(io::ErrorKind::UnexpectedEof.into());
    let corrupt = sled::Error::Corruption { at: None, bt: () };
    for error in [eof, corrupt] {
        assert!(matches!(of(error), StoreError::Damaged { .. }));
    }
}

/// A small log on disk, closed, and how far it reaches.
fn logged(path: &Path) -> Flushed {
    let mut journal = Journal::create(SledStore::create(path).unwrap()).unwrap();
    let first = Commit { entries: &[genesis()], plan: Some(PLAN), ..Commit::default() };
    let mut flushed = journal.commit(first).unwrap();
    for (seq, len) in (1..12).zip((1..).map(|n| n * 900)) {
        let entries = [transaction(seq, &[300, len])];
        flushed = journal.commit(Commit { entries: &entries, ..Commit::default() }).unwrap();
    }
    flushed
}

/// What a reader of the log at `path` is told: its records, or why not.
fn told(path: &Path, noted: Flushed) -> Result<Vec<Digest>, String> {
    let store = SledStore::open_copy(path).map_err(|error| error.to_string())?;
    let journal = Journal::open(store).map_err(|error| error.to_string())?;
    journal.verify(Some(noted)).map_err(|error| error.to_string())?;
    let records = journal.records(0).map_err(|error| error.to_string())?;
    records.map(|stored| Ok(stored.map_err(|error| error.to_string())?.hash)).collect()
}

/// Pseudo-random numbers: the same at each run.
fn next(seed: &mut u64) -> usize {
    *seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
    (*seed >> 33) as usize
}

#[test]
fn flipped_bits_in_the_files_give_the_same_content_or_an_error() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("log");
    let noted = logged(&path);
    // Opened and closed, so that there is a snapshot to damage too.
    drop(SledStore::open(&path).unwrap());
    let whole = told(&path, noted).unwrap();
    let files: Vec<_> = fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()).collect();
    let files: Vec<_> = files.into_iter().filter(|file| file.is_file()).collect();
    assert_eq!(files.len(), 3, "{files:?}");
    let mut seed = 1;
    let mut found = 0;
    for n in 0..90 {
        let file = &files[n % files.len()];
        let content = fs::read(file).unwrap();
        // The log is mostly what has never been written: aim at what has.
        let used: Vec<_> = (0..content.len()).filter(|at| content[*at] != 0).collect();
        let mut changed = content.clone();
        changed[used[next(&mut seed) % used.len()]] ^= 1 << (next(&mut seed) % 8);
        fs::write(file, changed).unwrap();
        match told(&path, noted) {
            Ok(records) => assert!(records == whole, "flip {n} tells another story"),
            Err(_) => found += 1,
        }
        fs::write(file, content).unwrap();
    }
    assert!(found > 20, "{found} of 90 found");
    assert!(told(&path, noted).unwrap() == whole);
}

#[test]
fn files_that_are_cut_or_empty_never_open_as_a_shorter_log() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("log");
    let noted = logged(&path);
    let file = path.join("db");
    let content = fs::read(&file).unwrap();
    for len in [0, 1, 4_096, content.len() / 64, content.len() / 2] {
        fs::write(&file, &content[..len]).unwrap();
        if let Ok(records) = told(&path, noted) {
            assert_eq!(records.len() as u64, noted.seq, "cut to {len}");
        }
    }
}

#[test]
fn a_file_that_several_make_at_a_time_is_whole_whenever_it_is_there() {
    let dir = tempfile::tempdir().expect("a folder");
    let (path, bytes) = (dir.path().join("component.wasm"), vec![7; 1 << 20]);
    for _ in 0..20 {
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    place(&path, &bytes).expect("it is made");
                    assert!(fs::read(&path).expect("it is there") == bytes);
                });
            }
        });
    }
    assert_eq!(fs::read_dir(dir.path()).expect("a folder").count(), 1);
}
