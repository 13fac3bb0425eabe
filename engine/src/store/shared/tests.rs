use std::thread;

use super::*;
use crate::journal::tests::{PLAN, genesis, transaction};
use crate::journal::{Commit, Journal, JournalError};
use crate::store::SledStore;

fn commit(store: &mut SledStore, key: &[u8]) {
    store.commit(vec![(key.to_vec(), key.to_vec())], vec![]).unwrap();
}

fn keys(store: &impl Store, from: &[u8], to: &[u8]) -> Result<Vec<Vec<u8>>, StoreError> {
    store.range(from, to).map(|pair| Ok(pair?.0)).collect()
}

#[test]
fn a_reader_sees_what_the_owner_sees() {
    let dir = tempfile::tempdir().unwrap();
    let mut store = SledStore::create(&dir.path().join("log")).unwrap();
    let shared = store.share();
    for n in 0..150u8 {
        commit(&mut store, &[b'a', n]);
    }
    for (from, to) in [(0, 150), (0, 3), (0, 4), (0, 5), (2, 70), (9, 9), (149, 255)] {
        let (from, to) = ([b'a', from], [b'a', to]);
        let expected = keys(&store, &from, &to).unwrap();
        let still = shared.still(|reader| keys(&reader, &from, &to)).unwrap();
        let beside = shared.beside(|reader| keys(&reader, &from, &to)).unwrap();
        assert!(still == expected && beside == expected, "{from:?} {to:?}");
        let last = shared.still(|reader| reader.last(&from, &to)).unwrap();
        assert_eq!(last, store.last(&from, &to).unwrap());
    }
    let get = |key: &[u8]| shared.still(|reader| reader.get(key)).unwrap();
    assert_eq!((get(b"a\x07"), get(b"b")), (Some(b"a\x07".to_vec()), None));
}

#[test]
fn a_reader_follows_a_store_that_is_opened_anew_and_ends_with_it() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("log");
    let mut store = SledStore::create(&path).unwrap();
    let shared = store.share();
    let get = |key: &[u8]| shared.beside(|reader| reader.get(key));
    commit(&mut store, b"a");
    (0..20u8).for_each(|n| commit(&mut store, &[b'c', n]));
    let owner = std::sync::Mutex::new(store);
    let seen = shared.beside(|reader| {
        let mut pairs = reader.range(b"a", b"d");
        let first = pairs.next();
        owner.lock().unwrap().renew()?;
        first.into_iter().chain(pairs).collect::<Result<Vec<_>, _>>()
    });
    assert_eq!(seen.unwrap().len(), 21);
    let mut store = owner.into_inner().unwrap();
    commit(&mut store, b"b");
    assert_eq!(get(b"b").unwrap(), Some(b"b".to_vec()));
    drop(store);
    assert!(matches!(get(b"b"), Err(StoreError::Closed)));
    // Nor does the reader keep the lock.
    SledStore::open(&path).unwrap();
}

#[test]
fn a_reader_does_not_write() {
    let dir = tempfile::tempdir().unwrap();
    let store = SledStore::create(&dir.path().join("log")).unwrap();
    let write = |mut reader: Reader<'_>| reader.commit(vec![(vec![1], vec![1])], vec![]);
    assert!(matches!(store.share().still(write), Err(StoreError::Closed)));
    assert_eq!(store.get(&[1]).unwrap(), None);
}

#[test]
fn after_an_error_of_the_owner_nothing_is_shown() {
    let dir = tempfile::tempdir().unwrap();
    let mut store = SledStore::create(&dir.path().join("log")).unwrap();
    let shared = store.share();
    store.poison();
    store.commit(vec![(vec![1], vec![1])], vec![]).unwrap_err();
    assert!(matches!(shared.still(|reader| reader.get(&[1])), Err(StoreError::Closed)));
}

#[test]
fn an_error_is_tried_again_only_if_something_changed() {
    let dir = tempfile::tempdir().unwrap();
    let mut store = SledStore::create(&dir.path().join("log")).unwrap();
    let shared = store.share();
    let tries = AtomicU64::new(0);
    let fail = |_: Reader<'_>| {
        tries.fetch_add(1, Ordering::Relaxed);
        Err::<(), _>(StoreError::Crashed)
    };
    shared.beside(fail).unwrap_err();
    assert_eq!(tries.swap(0, Ordering::Relaxed), 1);
    let store = std::sync::Mutex::new(&mut store);
    let changing = |reader: Reader<'_>| {
        if matches!(reader.source, Source::Still(_)) {
            return Ok(());
        }
        commit(&mut store.lock().unwrap(), b"a");
        fail(reader)
    };
    shared.beside(changing).unwrap();
    assert_eq!(tries.into_inner(), TRIES as u64);
}

#[test]
fn a_log_that_grows_is_read_and_verified_meanwhile() {
    let dir = tempfile::tempdir().unwrap();
    let store = SledStore::create(&dir.path().join("log")).unwrap();
    let shared = store.share();
    let mut journal = Journal::create(store).unwrap();
    let (entries, plan) = (&[genesis()], Some(PLAN));
    journal.commit(Commit { entries, plan, ..Commit::default() }).unwrap();
    let writer = thread::spawn(move || {
        for seq in 1..200 {
            let entries = &[transaction(seq, &[300, 40_000])];
            journal.commit(Commit { entries, ..Commit::default() }).unwrap();
        }
        journal
    });
    let mut seen = 0;
    while !writer.is_finished() {
        let end = shared.still(|reader| Ok::<_, JournalError>(Journal::open(reader)?.flushed()));
        let end = end.unwrap().seq;
        let verified = shared.beside(|reader| Journal::open(reader)?.verify(None)).unwrap();
        assert!(end >= seen && verified.records >= end);
        seen = end;
    }
    assert_eq!(writer.join().unwrap().flushed().seq, 200);
}
