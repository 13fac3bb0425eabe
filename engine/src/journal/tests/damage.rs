//! What is changed, removed or added is found.

use theater_flow_kernel::block::StoredPayload;

use super::*;

/// Opens and checks a changed copy of the disk. What is torn is told too, so it counts as found.
fn check(disk: &Disk, noted: Flushed, change: impl FnOnce(&mut Tree)) -> Result<(), String> {
    let disk = disk.copy();
    disk.change(change);
    let journal = open(&disk).map_err(|error| error.to_string())?;
    journal.verify(Some(noted)).map_err(|error| error.to_string())?;
    journal.torn().map_or(Ok(()), |torn| Err(format!("{torn:?}")))
}

#[test]
fn every_changed_removed_or_added_value_is_found() {
    let (disk, flushed) = written();
    let noted = *flushed.last().unwrap();
    // All but the newest three checkpoints may be pruned, so one of them may be gone.
    let prunable = open(&disk).unwrap().checkpoints[0];
    let pruned = Key::Checkpoint { upto: prunable, part: 0 }.encode();
    assert!(state(prunable).len() <= CHUNK_BYTES);
    assert_eq!(check(&disk, noted, |_| ()), Ok(()));
    for (key, value) in disk.tree() {
        let gone = check(&disk, noted, |tree| drop(tree.remove(&key)));
        assert_eq!(gone.is_ok(), key == pruned, "{key:?} removed");
        for bit in (0..value.len() * 8).step_by(4_001) {
            let flip = |tree: &mut Tree| flip(tree.get_mut(&key).unwrap(), bit);
            assert!(check(&disk, noted, flip).is_err(), "{key:?} bit {bit}");
        }
        for bit in 0..key.len() * 8 {
            let moved = |tree: &mut Tree| {
                let value = tree.remove(&key).unwrap();
                let mut key = key.clone();
                flip(&mut key, bit);
                tree.insert(key, value);
            };
            assert!(check(&disk, noted, moved).is_err(), "{key:?} bit {bit} of the key");
        }
    }
}

#[test]
fn nothing_can_be_added_unnoticed() {
    let (disk, flushed) = written();
    let noted = *flushed.last().unwrap();
    for stray in ["", "a", "b", "bx", "c", "d", "kx", "l", "p", "pp", "q", "z"] {
        let add = |tree: &mut Tree| drop(tree.insert(stray.into(), vec![1]));
        assert!(check(&disk, noted, add).is_err(), "{stray:?}");
    }
}

fn flip(bytes: &mut [u8], bit: usize) {
    bytes[bit / 8] ^= 1 << (bit % 8);
}

#[test]
fn a_payload_that_is_gone_is_named() {
    let (disk, _) = written();
    disk.change(|tree| {
        let key = tree.keys().find(|key| key[0] == b'p').unwrap().clone();
        tree.remove(&key);
    });
    let journal = open(&disk).unwrap();
    let damage = flaw(journal.verify(None));
    let stored = journal.stored(damage.seq);
    assert!(stored.is_err() || matches!(stored.unwrap().payloads[0], StoredPayload::Chunked(_)));
    assert_eq!(flaw(entries(&journal, 0)).seq, damage.seq);
}
