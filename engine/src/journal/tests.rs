#![expect(clippy::cast_possible_truncation, reason = "numbers become bytes to fill payloads with")]

mod damage;
mod rewrite;

use std::sync::Arc;

use theater_flow_kernel::block::{Flaw, Key};
use theater_flow_kernel::ids::{AgentId, Bytes, Digest, PortId, Ref, RunId, Salt};
use theater_flow_kernel::limits::CHUNK_BYTES;
use theater_flow_kernel::record::{
    Body, Checkpoint, Consumed, EngineFacts, Entry, Genesis, Next, Part, Payload, Transaction,
};
use theater_flow_kernel::work::by;

use super::*;
use crate::memory::{Disk, Fault, MemoryStore, Tree};

pub(crate) const PLAN: &[u8] = &[9; CHUNK_BYTES + 5];

fn entry(seq: u64, body: Body) -> Entry {
    let causes = seq.checked_sub(1).map(Ref::record).into_iter().collect();
    Entry { seq, at: 1_000 + seq, causes, body, salt: Salt::default(), payloads: vec![] }
}

pub(crate) fn genesis() -> Arc<Entry> {
    let engine = EngineFacts { engine: "0".into(), wasmtime: "48".into(), flags: vec![] };
    let (run, plan) = (RunId([1; 16]), Digest::of(PLAN));
    Arc::new(entry(0, Body::Genesis(Genesis { run, plan, engine, components: vec![] })))
}

/// A transaction with an emission of each of these lengths.
pub(crate) fn transaction(seq: u64, lens: &[usize]) -> Arc<Entry> {
    let fill = |len: &usize| (0..*len).map(|i| (i as u64 ^ seq) as u8).collect::<Vec<_>>();
    let payloads: Vec<Bytes> = lens.iter().map(|len| fill(len).into()).collect();
    let salt = if lens.is_empty() { Salt::default() } else { [seq as u8; 16] };
    let emission =
        |bytes: &Bytes| Part::Emission { port: PortId(0), payload: Payload::commit(&salt, bytes) };
    let body = Body::Transaction(Transaction {
        by: by(AgentId(0), 1, 1),
        consumed: Consumed::Pull,
        parts: payloads.iter().map(emission).collect(),
        next: Next::More,
        fuel: seq,
    });
    Arc::new(Entry { salt, payloads, ..entry(seq, body) })
}

fn checkpointed(seq: u64, bytes: &[u8]) -> Arc<Entry> {
    let named = Checkpoint { upto: seq, digest: Digest::of(bytes), len: bytes.len() as u64 };
    Arc::new(entry(seq, Body::Checkpoint(named)))
}

/// A checkpoint's bytes: some that fill one value, some two.
fn state(seq: u64) -> Vec<u8> {
    vec![seq as u8; 10_000 + (seq as usize % 2) * 10_000]
}

const SHAPES: [&[usize]; 6] = [&[256], &[], &[5_000, 40_000], &[3_000; 8], &[0, 1], &[4_096; 2]];

/// Records, and the checkpoint that one of them names.
type Content = (Vec<Arc<Entry>>, Option<Vec<u8>>);

/// A log of several commits: what each held.
fn commits() -> Vec<Content> {
    let mut seq = 0;
    let mut next = || {
        seq += 1;
        seq
    };
    let mut commits = vec![(vec![genesis(), transaction(next(), SHAPES[0])], None)];
    for lens in &SHAPES[..4] {
        let entries = SHAPES.iter().map(|lens| transaction(next(), lens)).collect();
        commits.push((entries, None));
        let seq = next();
        let last = transaction(next(), lens);
        commits.push((vec![checkpointed(seq, &state(seq)), last], Some(state(seq))));
    }
    commits
}

fn commit<S: Store>(
    journal: &mut Journal<S>,
    (entries, checkpoint): &Content,
) -> Result<Flushed, JournalError> {
    let plan = entries.iter().any(|entry| entry.seq == 0).then_some(PLAN);
    journal.commit(Commit { entries, checkpoint: checkpoint.as_deref(), plan })
}

fn commit_all<S: Store>(journal: &mut Journal<S>, contents: &[Content]) {
    for content in contents {
        commit(journal, content).unwrap();
    }
}

/// The disk, and the log after each commit.
fn written() -> (Disk, Vec<Flushed>) {
    let disk = Disk::default();
    let mut journal = Journal::create(disk.open()).unwrap();
    let flushed = commits().iter().map(|content| commit(&mut journal, content).unwrap()).collect();
    (disk, flushed)
}

fn all() -> Vec<Arc<Entry>> {
    commits().into_iter().flat_map(|(entries, _)| entries).collect()
}

fn entries<S: Store>(journal: &Journal<S>, from: u64) -> Result<Vec<Arc<Entry>>, JournalError> {
    let read = journal.records(from)?;
    read.map(|stored| Ok(Arc::new(stored?.to_entry()?))).collect()
}

fn open(disk: &Disk) -> Result<Journal<MemoryStore>, JournalError> {
    Journal::open(disk.open())
}

fn flaw(result: Result<impl std::fmt::Debug, JournalError>) -> Damage {
    match result {
        Err(JournalError::Damage(damage)) => damage,
        other => panic!("{other:?}"),
    }
}

#[test]
fn what_is_committed_is_read_from_any_record_on() {
    let (disk, flushed) = written();
    let journal = open(&disk).unwrap();
    let last = *flushed.last().unwrap();
    assert_eq!(journal.flushed(), last);
    assert_eq!(journal.torn(), None);
    let all = all();
    assert_eq!(last.seq, all.len() as u64);
    for from in 0..=all.len() + 2 {
        let rest = entries(&journal, from as u64).unwrap();
        assert_eq!(rest, all[from.min(all.len())..], "from {from}");
    }
    let verified = journal.verify(Some(flushed[2])).unwrap();
    assert_eq!((verified.records, verified.head), (last.seq, last.head));
    assert_eq!(journal.plan(Digest::of(PLAN)).unwrap().as_deref(), Some(PLAN));
    assert_eq!(journal.plan(Digest::of(b"other")).unwrap(), None);
    assert_eq!(flaw(journal.stored(last.seq)), Damage { seq: last.seq, what: Flaw::Missing });
}

#[test]
fn a_journal_that_is_opened_goes_on() {
    let (disk, flushed) = written();
    let whole = disk.tree();
    for cut in 1..flushed.len() {
        let disk = Disk::default();
        let mut journal = Journal::create(disk.open()).unwrap();
        commit_all(&mut journal, &commits()[..cut]);
        let mut journal = open(&disk).unwrap();
        commit_all(&mut journal, &commits()[cut..]);
        assert!(disk.tree() == whole, "the same bytes, whoever wrote them");
    }
}

#[test]
fn checkpoints_are_found_and_pruned() {
    let disk = Disk::default();
    let mut journal = Journal::create(disk.open()).unwrap();
    commit(&mut journal, &(vec![genesis()], None)).unwrap();
    assert_eq!(journal.checkpoint(u64::MAX).unwrap(), None);
    for seq in 1..40 {
        commit(&mut journal, &(vec![checkpointed(seq, &state(seq))], Some(state(seq)))).unwrap();
    }
    for journal in [&journal, &open(&disk).unwrap()] {
        assert!(journal.checkpoints.ends_with(&[37, 38, 39]));
        assert!(journal.checkpoints.len() < 10);
        for upto in [37, 38, 39] {
            let (named, bytes) = journal.checkpoint(upto).unwrap().unwrap();
            assert_eq!((named.upto, bytes), (upto, state(upto)));
        }
        assert_eq!(journal.checkpoint(0).unwrap(), None);
        let verified = journal.verify(None).unwrap();
        assert_eq!(verified.thinned.len(), 39 - journal.checkpoints.len());
    }
}

#[test]
fn commits_that_do_not_fit_change_nothing() {
    let (disk, flushed) = written();
    let whole = disk.tree();
    let mut journal = open(&disk).unwrap();
    let next = flushed.last().unwrap().seq;
    let bytes = state(next);
    let order =
        journal.commit(Commit { entries: &[transaction(next + 1, &[])], ..Commit::default() });
    assert!(matches!(order, Err(JournalError::Order { expected, .. }) if expected == next));
    let named = [checkpointed(next, &bytes)];
    for (entries, checkpoint, plan) in [
        (&named[..], None, None),
        (&named, Some(&bytes[1..]), None),
        (&[transaction(next, &[])], Some(&bytes), None),
        (&[transaction(next, &[])], None, Some(PLAN)),
    ] {
        let result = journal.commit(Commit { entries, checkpoint, plan });
        assert!(matches!(result, Err(JournalError::Unnamed)));
    }
    assert!(disk.tree() == whole);
    assert!(matches!(Journal::create(disk.open()), Err(JournalError::NotEmpty)));
    assert!(matches!(open(&Disk::default()), Err(JournalError::Empty)));
}

#[test]
fn a_crash_at_any_commit_keeps_what_was_acknowledged() {
    let (whole, flushed) = written();
    for (k, content) in commits().iter().enumerate().skip(1) {
        let torn = (0..14).map(Fault::Torn);
        for fault in [Fault::Before, Fault::After, Fault::Full].into_iter().chain(torn) {
            let disk = Disk::default();
            let mut journal = Journal::create(disk.open()).unwrap();
            commit_all(&mut journal, &commits()[..k]);
            disk.fail(k as u64, fault);
            assert!(matches!(commit(&mut journal, content), Err(JournalError::Store(_))));
            assert!(matches!(
                commit(&mut journal, content),
                Err(JournalError::Store(StoreError::Poisoned))
            ));
            let mut journal = open(&disk).unwrap();
            let found = journal.flushed();
            assert!(found.seq >= flushed[k - 1].seq, "{fault:?} at {k}");
            assert_eq!(entries(&journal, 0).unwrap(), all()[..found.seq as usize]);
            journal.verify(Some(flushed[k - 1])).unwrap();
            if fault == Fault::Before || fault == Fault::Full {
                assert_eq!((found, journal.torn()), (flushed[k - 1], None));
            }
            if found == flushed[k - 1] {
                // All that came after is written again, and nothing is left of the torn commit.
                commit_all(&mut journal, &commits()[k..]);
                assert!(disk.tree() == whole.tree(), "{fault:?} at {k}");
                assert_eq!(journal.torn(), None);
            }
        }
    }
}

#[test]
fn a_torn_block_is_reported_and_replaced() {
    let disk = Disk::default();
    let mut journal = Journal::create(disk.open()).unwrap();
    commit(&mut journal, &(vec![genesis()], None)).unwrap();
    let large = [transaction(1, &[4_000; 30])];
    disk.fail(1, Fault::Torn(3));
    assert!(journal.commit(Commit { entries: &large, ..Commit::default() }).is_err());
    let mut journal = open(&disk).unwrap();
    let torn = journal.torn().unwrap();
    assert_eq!((torn.block, torn.keys.len()), (Some(1), 3));
    let small = [transaction(1, &[7])];
    journal.commit(Commit { entries: &small, ..Commit::default() }).unwrap();
    assert_eq!(journal.torn(), None);
    assert_eq!(open(&disk).unwrap().verify(None).unwrap().records, 2);
}
