use super::*;
use crate::journal::Commit;
use crate::journal::tests::{PLAN, genesis, transaction};
use crate::memory::Disk;

fn head(seq: u64, hash: Digest) -> Head {
    let (run, name, status) = ("0190-1".into(), "repo \"audit\"".into(), "running".into());
    Head {
        run,
        name,
        status,
        seq,
        head: hash,
        at: 1_234,
        parent: None,
        reloads: Reloads::default(),
    }
}

#[test]
fn a_head_is_read_as_written_and_replaced_as_a_whole() {
    let dir = tempfile::tempdir().unwrap();
    assert_eq!(Head::read(dir.path()).unwrap(), None);
    for (seq, parent) in [(1, None), (20, Some(Parent { run: "0190-0".into(), seq: 4 }))] {
        let head = Head { parent, ..head(seq, Digest::of(b"x")) };
        head.write(dir.path()).unwrap();
        assert_eq!(Head::read(dir.path()).unwrap(), Some(head));
    }
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1, "nothing is left beside it");
    let nowhere = head(1, Digest::default()).write(&dir.path().join("none"));
    assert!(matches!(nowhere, Err(HeadError::Store(StoreError::Io { .. }))));
}

#[test]
fn every_flipped_bit_and_every_cut_is_found() {
    let text = head(77, Digest::of(b"x")).text();
    assert!(Head::parse(text.as_bytes()).is_some());
    for bit in 0..text.len() * 8 {
        let mut bytes = text.clone().into_bytes();
        bytes[bit / 8] ^= 1 << (bit % 8);
        assert_eq!(Head::parse(&bytes), None, "bit {bit}");
    }
    for len in 0..text.len() {
        assert_eq!(Head::parse(&text.as_bytes()[..len]), None);
    }
    assert_eq!(Head::parse(format!("{text}\n").as_bytes()), None);
}

#[test]
fn a_damaged_head_is_an_error_that_names_the_file() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join(FILE), "{}").unwrap();
    let error = Head::read(dir.path()).unwrap_err();
    assert!(error.to_string().ends_with("head.json is damaged"));
}

#[test]
fn a_log_is_compared_with_its_head() {
    let mut journal = Journal::create(Disk::default().open()).unwrap();
    let first = Commit { entries: &[genesis()], plan: Some(PLAN), ..Commit::default() };
    let noted = journal.commit(first).unwrap();
    let standing = |journal: &Journal<_>, seq, hash| head(seq, hash).check(journal).unwrap();
    assert_eq!(standing(&journal, 1, noted.head), Standing::Held);
    assert_eq!(standing(&journal, 1, Digest::of(b"")), Standing::Different);
    assert_eq!(standing(&journal, 2, noted.head), Standing::Shorter { records: 1 });
    journal.commit(Commit { entries: &[transaction(1, &[5])], ..Commit::default() }).unwrap();
    assert_eq!(standing(&journal, 1, noted.head), Standing::Held, "a lower bound");
    assert_eq!(standing(&journal, 2, noted.head), Standing::Different);
    assert_eq!(standing(&journal, 0, Digest::default()), Standing::Held);
}
