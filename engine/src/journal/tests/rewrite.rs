//! A log that is written anew without some of its payloads.

use theater_flow_kernel::record::{Pruned, Pruning};
use theater_flow_kernel::verify::Hole;

use super::*;

fn cut(what: Pruning, kept: &[Ref]) -> Cut {
    Cut { what: vec![what], kept: kept.iter().copied().collect(), checkpoints: vec![] }
}

/// The log written anew on another disk, with a record that says so; and how much went.
fn rewritten(disk: &Disk, cut: &Cut) -> (Disk, Weight) {
    let old = open(disk).unwrap();
    let (weight, to) = (old.weigh(cut).unwrap()[0], Disk::default());
    let mut new = old.rewrite(to.open(), cut).unwrap();
    assert_eq!(new.flushed(), old.flushed(), "the chain is what it was");
    new.commit(Commit { entries: &[said(&new, cut, weight)], ..Commit::default() }).unwrap();
    (to, weight)
}

fn said<S: Store>(journal: &Journal<S>, cut: &Cut, weight: Weight) -> Arc<Entry> {
    let Weight { payloads, bytes } = weight;
    let (what, checkpoints) = (cut.what[0], cut.checkpoints.clone());
    let body = Body::Pruned(Pruned { what, payloads, bytes, checkpoints });
    Arc::new(entry(journal.flushed().seq, body))
}

fn payloads(entries: &[Arc<Entry>]) -> usize {
    entries.iter().map(|entry| entry.payloads.len()).sum()
}

#[test]
fn what_is_cut_is_gone_and_the_rest_is_as_it_was() {
    let (disk, flushed) = written();
    let (all, end) = (all(), *flushed.last().unwrap());
    for before in 0..=end.seq {
        let (new, weight) = rewritten(&disk, &cut(Pruning::Before(before), &[]));
        let new = open(&new).unwrap();
        let (gone, kept) = all.split_at(before as usize);
        assert_eq!(weight.payloads, payloads(gone) as u64);
        let bytes: usize = gone.iter().map(|entry| entry.payload_bytes()).sum();
        assert_eq!(weight.bytes, bytes as u64);
        let verified = new.verify(Some(end)).unwrap();
        let holes: u64 = verified.holes.iter().map(|hole| hole.payloads).sum();
        assert_eq!((verified.records, holes), (end.seq + 1, weight.payloads));
        assert!(verified.holes.len() <= 1, "all lie in a row: {:?}", verified.holes);
        let rest = entries(&new, before).unwrap();
        assert_eq!(rest[..kept.len()], *kept);
        let first = gone.iter().find(|entry| !entry.payloads.is_empty());
        let what = Flaw::Erased { index: 0 };
        if let Some(first) = first {
            assert_eq!(flaw(entries(&new, 0)), Damage { seq: first.seq, what });
        }
    }
}

#[test]
fn what_is_kept_stays_and_what_was_cut_before_is_still_gone() {
    let (disk, _) = written();
    // Eight emissions; the first three were in the commit before.
    let seq = all().iter().find(|entry| entry.payloads.len() == 8).unwrap().seq;
    let (once, _) = rewritten(&disk, &cut(Pruning::Of(Ref::part(seq, 2)), &[]));
    let kept = [Ref::part(seq, 5), Ref::record(seq - 1)];
    let (twice, weight) = rewritten(&once, &cut(Pruning::Before(seq + 1), &kept));
    let before = all()[..=seq as usize].to_vec();
    let spared = before[seq as usize - 1].payloads.len() + 2;
    assert_eq!(weight.payloads, (payloads(&before) - spared) as u64);
    let journal = open(&twice).unwrap();
    let stored = journal.stored(seq).unwrap();
    let whole: Vec<usize> = (0..8).filter(|nth| !stored.payloads[*nth].is_erased()).collect();
    assert_eq!(whole, [5]);
    let holes = journal.verify(None).unwrap().holes;
    assert_eq!(holes.last().map(|hole| hole.last), Some(seq));
    let again = journal.weigh(&cut(Pruning::Before(seq + 1), &kept)).unwrap()[0];
    assert_eq!(again, Weight::default(), "nothing is left to be taken");
}

#[test]
fn a_hole_that_no_record_explains_is_damage() {
    let (disk, flushed) = written();
    let old = open(&disk).unwrap();
    let (to, cut) = (Disk::default(), cut(Pruning::Before(5), &[]));
    let new = old.rewrite(to.open(), &cut).unwrap();
    assert_eq!(flaw(new.verify(None)), Damage { seq: 1, what: Flaw::Hole { index: 0 } });
    let (to, _) = rewritten(&disk, &cut);
    let end = flushed.last().unwrap().seq;
    let mark = Key::Pruned { seq: end }.encode();
    to.change(|tree| drop(tree.remove(&mark)));
    assert_eq!(flaw(open(&to).unwrap().verify(None)).what, Flaw::Hole { index: 0 });
    // A mark at a record that says something else.
    to.change(|tree| drop(tree.insert(Key::Pruned { seq: 3 }.encode(), vec![])));
    assert_eq!(flaw(open(&to).unwrap().verify(None)), Damage { seq: 3, what: Flaw::Mark });
    // A mark with a value, which nothing vouches for.
    to.change(|tree| drop(tree.remove(&Key::Pruned { seq: 3 }.encode())));
    to.change(|tree| drop(tree.insert(mark, vec![0])));
    assert_eq!(flaw(open(&to).unwrap().verify(None)).what, Flaw::Stray);
}

#[test]
fn checkpoints_that_a_record_says_were_removed_are_no_damage() {
    let (disk, _) = written();
    let stored = open(&disk).unwrap().checkpoints().to_vec();
    for n in 0..=stored.len() {
        let checkpoints = stored[..n].to_vec();
        let cut = Cut { checkpoints, ..cut(Pruning::Before(1), &[]) };
        let (new, _) = rewritten(&disk, &cut);
        let new = open(&new).unwrap();
        assert_eq!(new.checkpoints(), &stored[n..]);
        new.verify(None).unwrap();
    }
    // The newest three must be there otherwise.
    let new = open(&disk).unwrap();
    let cut = Cut { checkpoints: stored.clone(), ..cut(Pruning::Before(1), &[]) };
    let to = Disk::default();
    let rewritten = new.rewrite(to.open(), &cut).unwrap();
    assert_eq!(flaw(rewritten.verify(None)).what, Flaw::Checkpoint);
}

#[test]
fn from_where_on_all_can_be_made_again() {
    let (disk, flushed) = written();
    let end = flushed.last().unwrap().seq;
    let stored = open(&disk).unwrap().checkpoints().to_vec();
    assert_eq!(open(&disk).unwrap().whole_from().unwrap(), Some(0));
    for before in 2..=end {
        let (new, _) = rewritten(&disk, &cut(Pruning::Before(before), &[]));
        let last = all()[..before as usize].iter().rposition(|entry| !entry.payloads.is_empty());
        let next = stored.iter().find(|upto| **upto as usize > last.unwrap()).copied();
        assert_eq!(open(&new).unwrap().whole_from().unwrap(), next);
    }
}

/// Whatever becomes of the new store, the old one is the log; and the new one is never taken for a whole one.
#[test]
fn a_rewriting_that_is_cut_off_leaves_the_log_as_it_was() {
    let (disk, flushed) = written();
    let (whole, end) = (disk.tree(), *flushed.last().unwrap());
    let cut = cut(Pruning::Before(end.seq), &[]);
    let (new, _) = rewritten(&disk, &cut);
    for point in 0..new.commits() {
        for fault in [Fault::Before, Fault::After, Fault::Full] {
            let old = open(&disk).unwrap();
            let to = Disk::default();
            to.fail(point, fault);
            let weight = old.weigh(&cut).unwrap()[0];
            let done = old.rewrite(to.open(), &cut).and_then(|mut new| {
                let said = [said(&new, &cut, weight)];
                new.commit(Commit { entries: &said, ..Commit::default() })
            });
            assert!(matches!(done, Err(JournalError::Store(_))), "{point} {fault:?}");
            assert!(disk.tree() == whole);
        }
    }
    let kept = open(&new).unwrap().verify(Some(end)).unwrap().holes;
    assert!(!kept.is_empty());
}

#[test]
fn holes_of_several_prunings_name_their_own() {
    let (disk, flushed) = written();
    let end = flushed.last().unwrap().seq;
    let (once, _) = rewritten(&disk, &cut(Pruning::Of(Ref::record(1)), &[]));
    let (twice, _) = rewritten(&once, &cut(Pruning::Before(5), &[]));
    let holes = open(&twice).unwrap().verify(None).unwrap().holes;
    let by: Vec<u64> = holes.iter().map(|hole| hole.by).collect();
    assert_eq!((by[0], by.last()), (end, Some(&(end + 1))), "each by the one that did it");
    let (other, _) = rewritten(&once, &cut(Pruning::Of(Ref::record(4)), &[]));
    let holes = open(&other).unwrap().verify(None).unwrap().holes;
    let payloads = |seq: u64| all()[seq as usize].payloads.len() as u64;
    let hole = |seq, by| Hole { first: seq, last: seq, payloads: payloads(seq), by };
    assert_eq!(holes, [hole(1, end), hole(4, end + 1)]);
}
