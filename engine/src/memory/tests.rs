use super::*;

fn pair(key: &[u8], value: &[u8]) -> Pair {
    (key.to_vec(), value.to_vec())
}

fn all(store: &impl Store) -> Vec<Pair> {
    store.range(b"", b"z").collect::<Result<_, _>>().unwrap()
}

#[test]
fn a_store_dies_and_its_disk_lives() {
    for (fault, kept) in [
        (Fault::Before, 0),
        (Fault::After, 2),
        (Fault::Torn(1), 1),
        (Fault::Torn(9), 2),
        (Fault::Full, 0),
    ] {
        let disk = Disk::default();
        disk.fail(1, fault);
        let mut store = disk.open();
        store.commit(vec![pair(b"a", b"1")], vec![]).unwrap();
        let writes = vec![pair(b"b", b"2"), pair(b"c", b"3")];
        let error = store.commit(writes.clone(), vec![]).unwrap_err();
        assert_eq!(matches!(error, StoreError::Full { .. }), fault == Fault::Full);
        assert!(matches!(store.get(b"a"), Err(StoreError::Poisoned)));
        assert!(matches!(store.commit(vec![], vec![]), Err(StoreError::Poisoned)));
        let mut store = disk.open();
        assert_eq!(all(&store).len(), 1 + kept, "{fault:?}");
        store.commit(writes, vec![b"a".to_vec()]).unwrap();
        assert_eq!(all(&store), [pair(b"b", b"2"), pair(b"c", b"3")]);
        assert_eq!(disk.commits(), 3);
    }
}

#[test]
fn ranges_hold_their_first_key_and_not_their_last() {
    let mut store = Disk::default().open();
    let keys = [b"a", b"b", b"c", b"d"];
    store.commit(keys.map(|key| pair(key, b"")).to_vec(), vec![]).unwrap();
    let range = |from: &[u8], to: &[u8]| store.range(from, to).count();
    assert_eq!((range(b"a", b"d"), range(b"aa", b"c"), range(b"d", b"a")), (3, 1, 0));
    assert_eq!(store.last(b"a", b"d").unwrap(), Some(pair(b"c", b"")));
    assert_eq!(store.last(b"cc", b"d").unwrap(), None);
}

#[test]
fn a_value_that_is_too_long_is_refused() {
    let mut store = Disk::default().open();
    let value = vec![0; theater_flow_kernel::limits::CHUNK_BYTES + 1];
    let error = store.commit(vec![(vec![1], value)], vec![]);
    assert!(matches!(error, Err(StoreError::TooLong { .. })));
}
