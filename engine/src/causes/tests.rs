use std::collections::BTreeSet;
use std::sync::Arc;

use theater_flow_kernel::record::Entry;

use super::*;
use crate::journal::Commit;
use crate::journal::tests::{PLAN, genesis, transaction};
use crate::memory::{Disk, MemoryStore};

/// A log in which each record after the first follows from what `causes` says; every third is too long to
/// share a block.
fn log(causes: &[Vec<Ref>]) -> Journal<MemoryStore> {
    let mut entries = vec![genesis()];
    for (seq, causes) in (1..).zip(causes) {
        let lens: &[usize] = if seq % 3 == 0 { &[9_000, 9_000] } else { &[40] };
        let entry = Entry { causes: causes.clone(), ..Entry::clone(&transaction(seq, lens)) };
        entries.push(Arc::new(entry));
    }
    let mut journal = Journal::create(Disk::default().open()).unwrap();
    for (nth, entries) in entries.chunks(5).enumerate() {
        let plan = (nth == 0).then_some(PLAN);
        journal.commit(Commit { entries, checkpoint: None, plan }).unwrap();
    }
    journal
}

/// Numbers that look random and are always the same.
fn numbers(mut seed: u64) -> impl FnMut(u64) -> u64 {
    move |below| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (seed >> 33) % below.max(1)
    }
}

fn random(seed: u64, records: u64) -> Vec<Vec<Ref>> {
    let mut number = numbers(seed);
    let mut causes = |seq: u64| {
        let mut refs: Vec<Ref> = vec![];
        for _ in 0..=number(3) {
            let cause = seq - 1 - number(seq.min(6));
            refs.push(if number(2) == 0 { Ref::record(cause) } else { Ref::part(cause, 0) });
        }
        refs.sort_unstable();
        refs.dedup();
        refs
    };
    (1..records).map(&mut causes).collect()
}

fn reach(next: &dyn Fn(u64) -> Vec<u64>, from: u64) -> BTreeSet<u64> {
    let (mut found, mut open) = (BTreeSet::from([from]), vec![from]);
    while let Some(seq) = open.pop() {
        open.extend(next(seq).into_iter().filter(|seq| found.insert(*seq)));
    }
    found
}

#[test]
fn links_are_those_of_the_records() {
    let journal = log(&random(7, 60));
    for from in [0, 1, 2, 29, 59, 60, 99] {
        let links: Vec<(u64, Vec<Ref>)> = journal
            .links(from)
            .unwrap()
            .map(|link| link.unwrap())
            .map(|l| (l.seq, l.causes))
            .collect();
        let records =
            journal.records(from).unwrap().map(|stored| stored.unwrap().record().unwrap());
        let expected: Vec<_> = records.map(|record| (record.seq, record.causes)).collect();
        assert_eq!(links, expected, "from {from}");
    }
    assert!(journal.nearby().record(60).is_err());
    for seq in 0..60 {
        let mut near = journal.nearby();
        let stored = journal.stored(seq).unwrap();
        assert_eq!(near.stored(seq).unwrap(), stored);
        assert_eq!(near.record(seq).unwrap(), stored.record().unwrap());
        let around = journal.around(seq).unwrap();
        assert!(around.iter().any(|record| record.seq == seq), "{seq}");
    }
}

#[test]
fn families_are_closed_and_distances_are_the_fewest_steps() {
    for seed in 0..20 {
        let causes = random(seed, 40);
        let journal = log(&causes);
        let seqs = |seq: u64| -> Vec<u64> {
            let index = usize::try_from(seq).unwrap().checked_sub(1);
            index.map_or(vec![], |nth| causes[nth].iter().map(|cause| cause.seq).collect())
        };
        let effects = |seq: u64| (1..40).filter(|later| seqs(*later).contains(&seq)).collect();
        for of in [0, 5, 20, 39] {
            let up = super::causes(&journal, Ref::record(of), usize::MAX).unwrap();
            let down = super::effects(&journal, Ref::record(of)).unwrap();
            assert_eq!(up.members.keys().copied().collect::<BTreeSet<_>>(), reach(&seqs, of));
            assert_eq!(down.members.keys().copied().collect::<BTreeSet<_>>(), reach(&effects, of));
            for (family, next) in [(&up, &seqs as &dyn Fn(u64) -> Vec<u64>), (&down, &effects)] {
                for (seq, member) in &family.members {
                    let nearer = |known: &u64| family.members[known].distance;
                    let around = family.members.keys().filter(|other| next(**other).contains(seq));
                    let fewest = around.map(|other| nearer(other) + 1).min();
                    assert_eq!(member.distance, if *seq == of { 0 } else { fewest.unwrap() });
                }
            }
        }
    }
}

#[test]
fn a_walk_ends_at_its_bound() {
    let chain: Vec<Vec<Ref>> = (0..50).map(|seq| vec![Ref::record(seq)]).collect();
    let journal = log(&chain);
    let family = super::causes(&journal, Ref::record(50), 10).unwrap();
    assert_eq!((family.members.len(), family.more), (10, true));
    assert_eq!(family.shortest(), None, "the genesis is too far away");
    let family = super::causes(&journal, Ref::record(50), 1_000).unwrap();
    assert!(!family.more);
    assert_eq!(family.shortest(), Some((0..50).collect()));
}

#[test]
fn what_follows_from_a_part_does_not_follow_from_another() {
    let journal = log(&[
        vec![Ref::record(0)],
        vec![Ref::part(1, 0)],
        vec![Ref::part(1, 1)],
        vec![Ref::record(1)],
        vec![Ref::part(2, 0), Ref::part(3, 0)],
    ]);
    let members =
        |of| super::effects(&journal, of).unwrap().members.into_keys().collect::<Vec<_>>();
    assert_eq!(members(Ref::record(1)), [1, 2, 3, 4, 5]);
    assert_eq!(members(Ref::part(1, 0)), [1, 2, 4, 5]);
    assert_eq!(members(Ref::part(1, 1)), [1, 3, 4, 5]);
}
