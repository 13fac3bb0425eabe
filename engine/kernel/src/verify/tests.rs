use alloc::vec;
use alloc::vec::Vec;

use super::*;
use crate::ids::AgentId;
use crate::ids::{Bytes, Ref, RunId, Salt};
use crate::record::{EngineFacts, Entry, Genesis, Linked, Pruning, Snapshot, Stopping, link};

const PLAN: &[u8] = b"plan";

fn genesis() -> Body {
    let engine = EngineFacts { engine: "0".into(), wasmtime: "48".into(), flags: vec![] };
    Body::Genesis(Genesis {
        run: RunId([1; 16]),
        plan: Digest::of(PLAN),
        engine,
        components: vec![],
    })
}

fn stopping() -> Body {
    Body::Stopping(Stopping { by: "SIGINT".into() })
}

fn snapshot(salt: &Salt, bytes: &[u8]) -> Body {
    let state = Payload::commit(salt, bytes);
    Body::Snapshot(Snapshot {
        agent: AgentId(0),
        instance: 0,
        incarnation: 1,
        state,
        parts: vec![],
        fuel: 0,
    })
}

/// A log in which each record follows from the one before.
fn entries(bodies: Vec<Body>) -> Vec<Entry> {
    let entry = |(seq, body): (u64, Body)| {
        let causes = seq.checked_sub(1).map(Ref::record).into_iter().collect();
        Entry { seq, at: 100, causes, body, salt: Salt::default(), payloads: vec![] }
    };
    (0..).zip(bodies).map(entry).collect()
}

/// Links entries whatever they say, so that each check is met behind a sound chain.
fn stored(entries: &[Entry]) -> Vec<Stored> {
    let mut prev = Digest::default();
    let next = |(seq, entry): (u64, &Entry)| {
        let Linked { preimage, hash } = link(prev, entry);
        prev = hash;
        let salt = (!entry.payloads.is_empty()).then_some(entry.salt);
        let payloads = entry.payloads.iter().cloned().map(StoredPayload::Inline).collect();
        Stored { seq, preimage, hash, salt, payloads }
    };
    (0..).zip(entries).map(next).collect()
}

fn verify(log: &[Stored]) -> Result<Verified, Damage> {
    let mut verifier = Verifier::default();
    log.iter().try_for_each(|stored| verifier.check(stored).map(drop))?;
    verifier.end()
}

fn fails(seq: u64, what: Flaw, change: impl FnOnce(&mut Vec<Entry>)) {
    let salt = [3; 16];
    let mut log = entries(vec![genesis(), stopping(), snapshot(&salt, b"state"), stopping()]);
    log[2].salt = salt;
    log[2].payloads = vec![Bytes::from(&b"state"[..])];
    verify(&stored(&log)).expect("sound before it is changed");
    change(&mut log);
    assert_eq!(verify(&stored(&log)), Err(Damage { seq, what }));
}

#[test]
fn what_a_sound_chain_may_still_not_say() {
    fails(1, Flaw::Seq(2), |log| log[1].seq = 2);
    fails(2, Flaw::Time, |log| log[2].at = 99);
    fails(1, Flaw::Cause(None), |log| log[1].causes.clear());
    fails(1, Flaw::Cause(Some(Ref::record(1))), |log| {
        log[1].causes = vec![Ref::record(1)];
    });
    fails(3, Flaw::Cause(Some(Ref::part(9, 2))), |log| {
        log[3].causes.push(Ref::part(9, 2));
    });
    fails(0, Flaw::Genesis, |log| log[0].body = stopping());
    fails(3, Flaw::Genesis, |log| log[3].body = genesis());
    fails(2, Flaw::Payload { index: 0 }, |log| log[2].salt = [4; 16]);
    fails(2, Flaw::Payload { index: 0 }, |log| {
        log[2].payloads[0] = Bytes::from(&b"stale"[..]);
    });
    fails(2, Flaw::PayloadLength { index: 0 }, |log| {
        log[2].payloads[0] = Bytes::from(&b"st"[..]);
    });
    fails(2, Flaw::Beside, |log| log[2].payloads.clear());
    fails(1, Flaw::Beside, |log| {
        log[1].payloads.push(Bytes::from(&b"more"[..]));
    });
}

#[test]
fn what_is_stored_is_not_what_was_hashed() {
    let whole = stored(&entries(vec![genesis(), stopping(), stopping()]));
    let fails = |seq, what, change: fn(&mut Vec<Stored>)| {
        let mut log = whole.clone();
        change(&mut log);
        assert_eq!(verify(&log), Err(Damage { seq, what }));
    };
    fails(1, Flaw::Hash, |log| log[1].preimage[9] ^= 1);
    fails(1, Flaw::Hash, |log| log[1].hash.0[0] ^= 1);
    fails(1, Flaw::Missing, |log| drop(log.remove(1)));
    fails(0, Flaw::Missing, |log| drop(log.remove(0)));
    fails(2, Flaw::Beside, |log| log[2].salt = Some([0; 16]));
    fails(1, Flaw::Prev, |log| {
        // A consistent record put in the place of another, up to its link.
        let mut other = entries(vec![genesis(), stopping(), stopping()]);
        other[0].at = 5;
        log[1] = stored(&other)[1].clone();
    });
}

#[test]
fn only_the_one_encoding_is_a_record() {
    let whole = stored(&entries(vec![genesis(), stopping()]));
    let forged = |change: fn(&mut Vec<u8>)| {
        let mut log = whole.clone();
        change(&mut log[1].preimage);
        log[1].hash = record::hash(&log[1].preimage);
        verify(&log).unwrap_err().what
    };
    assert_eq!(forged(|bytes| bytes[0] = 2), Flaw::Version(2));
    assert_eq!(forged(|bytes| bytes.push(0)), Flaw::Encoding);
    assert_eq!(forged(|bytes| bytes.truncate(bytes.len() - 1)), Flaw::Encoding);
    assert_eq!(forged(Vec::clear), Flaw::Encoding);
    // Seq 1 as a varint of two bytes, which decodes to the same number.
    assert_eq!(forged(|bytes| drop(bytes.splice(1..2, [0x81, 0]))), Flaw::Encoding);
}

#[test]
fn the_end_is_compared_with_what_was_noted() {
    let log = stored(&entries(vec![genesis(), stopping(), stopping()]));
    let run = |records, head| {
        let mut verifier = Verifier::default().expecting(records, head);
        log.iter().try_for_each(|stored| verifier.check(stored).map(drop))?;
        verifier.end().map(|verified| verified.records)
    };
    assert_eq!(run(3, log[2].hash), Ok(3));
    assert_eq!(run(2, log[1].hash), Ok(3), "a lower bound");
    assert_eq!(run(2, log[2].hash), Err(Damage { seq: 1, what: Flaw::Head }));
    assert_eq!(run(5, log[2].hash), Err(Damage { seq: 3, what: Flaw::Shorter }));
}

#[test]
fn plan_and_checkpoint_are_those_named() {
    let log = stored(&entries(vec![genesis()]));
    let mut verifier = Verifier::default();
    assert!(verifier.plan(Some(b"")).is_err(), "before the genesis no plan is the right one");
    verifier.check(&log[0]).unwrap();
    assert_eq!(verifier.plan(Some(PLAN)), Ok(()));
    assert_eq!(verifier.plan(Some(b"plam")).unwrap_err().what, Flaw::Plan);
    assert_eq!(verifier.plan(None).unwrap_err().what, Flaw::Plan);

    let named = Checkpoint { upto: 1, digest: Digest::of(b"state"), len: 5 };
    assert_eq!(verifier.checkpoint(&named, Some(b"state")), Ok(()));
    assert!(verifier.checkpoint(&named, Some(b"stat")).is_err());
    assert!(verifier.checkpoint(&named, Some(b"stale")).is_err());
    assert_eq!(verifier.checkpoint(&named, None), Ok(()));
    assert_eq!(verifier.end().unwrap().thinned, [0]);
}

/// Five snapshots behind the genesis, of which the payloads of `gone` are gone, and a record that says `what` of all.
fn pruned(gone: &[u64], what: Pruning) -> Result<Verified, Damage> {
    pruned_by(gone, &[(what, gone.len() as u64)])
}

/// The same with several records, each of which says of how many payloads it speaks.
fn pruned_by(gone: &[u64], what: &[(Pruning, u64)]) -> Result<Verified, Damage> {
    let salt = [3; 16];
    let mut bodies = vec![genesis()];
    bodies.extend((0..5).map(|_| snapshot(&salt, b"state")));
    let said = |(what, payloads): &(Pruning, u64)| Pruned {
        what: *what,
        payloads: *payloads,
        bytes: 5,
        checkpoints: vec![],
    };
    let said: Vec<Pruned> = what.iter().map(said).collect();
    bodies.extend(said.iter().cloned().map(Body::Pruned));
    let mut log = entries(bodies);
    for entry in &mut log[1..6] {
        (entry.salt, entry.payloads) = (salt, vec![Bytes::from(&b"state"[..])]);
    }
    let mut log = stored(&log);
    for seq in gone {
        let stored = log.iter_mut().find(|stored| stored.seq == *seq).unwrap();
        (stored.salt, stored.payloads) = (None, vec![StoredPayload::Erased(5)]);
    }
    let mut verifier = Verifier::default().excusing((6..).zip(said).collect());
    log.iter().try_for_each(|stored| verifier.check(stored).map(drop))?;
    verifier.end()
}

#[test]
fn a_hole_needs_a_later_record_that_says_so() {
    let hole = |first, last, payloads| Hole { first, last, payloads, by: 6 };
    let holes = |gone: &[u64], what| pruned(gone, what).map(|verified| verified.holes);
    assert_eq!(holes(&[], Pruning::Before(6)), Ok(vec![]));
    assert_eq!(holes(&[1, 2, 3], Pruning::Before(4)), Ok(vec![hole(1, 3, 3)]));
    let two = vec![hole(1, 1, 1), hole(3, 3, 1)];
    assert_eq!(holes(&[1, 3], Pruning::Before(4)), Ok(two), "the second was kept");
    assert_eq!(holes(&[2], Pruning::Of(Ref::record(2))), Ok(vec![hole(2, 2, 1)]));
    let damage = |seq| Err(Damage { seq, what: Flaw::Hole { index: 0 } });
    assert_eq!(holes(&[1, 2, 4], Pruning::Before(4)), damage(4));
    assert_eq!(holes(&[3], Pruning::Of(Ref::record(2))), damage(3));
    // A snapshot's payload is its own, not that of its first part.
    assert_eq!(holes(&[2], Pruning::Of(Ref::part(2, 0))), damage(2));
}

#[test]
fn no_more_is_missing_than_was_erased() {
    let damage = |seq| Err(Damage { seq, what: Flaw::Hole { index: 0 } });
    assert_eq!(pruned_by(&[1, 3], &[(Pruning::Before(6), 1)]), damage(3));
    assert_eq!(pruned_by(&[1, 2], &[(Pruning::Before(6), 0)]), damage(1));
    let two = [(Pruning::Before(4), 1), (Pruning::Before(6), 1)];
    assert!(pruned_by(&[1, 5], &two).is_ok());
    assert_eq!(pruned_by(&[1, 3, 5], &two), damage(5));
}

#[test]
fn each_hole_is_put_down_to_who_made_it() {
    let holes = |gone: &[u64], what: &[_]| {
        let holes = pruned_by(gone, what).map(|verified| verified.holes);
        holes.map(|holes| holes.iter().map(|hole| (hole.first, hole.by)).collect::<Vec<_>>())
    };
    // What the first left, as it was still needed, the second erased by itself.
    let left = [(Pruning::Before(6), 2), (Pruning::Of(Ref::record(2)), 1)];
    assert_eq!(holes(&[1, 2, 5], &left), Ok(vec![(1, 6), (2, 7), (5, 6)]));
    let grown = [(Pruning::Before(2), 1), (Pruning::Before(5), 2)];
    assert_eq!(holes(&[1, 3, 4], &grown), Ok(vec![(1, 6), (3, 7)]));
    let again = [(Pruning::Before(6), 1), (Pruning::Before(6), 1)];
    assert_eq!(holes(&[1, 2], &again), Ok(vec![(1, 6), (2, 7)]));
}

#[test]
fn a_record_is_found_by_its_hash() {
    let log = stored(&entries(vec![genesis(), stopping(), stopping()]));
    let found = |hash| {
        let mut verifier = Verifier::default().seeking(hash);
        log.iter().try_for_each(|stored| verifier.check(stored).map(drop))?;
        verifier.end().map(|verified| verified.found)
    };
    for stored in &log {
        assert_eq!(found(stored.hash), Ok(Some(stored.seq)));
    }
    assert_eq!(found(Digest::of(b"another")), Ok(None));
}

#[test]
fn who_says_that_payloads_were_erased_is_marked() {
    let what = Pruning::Before(1);
    let said = Pruned { what, payloads: 0, bytes: 0, checkpoints: vec![] };
    let log = stored(&entries(vec![genesis(), Body::Pruned(said.clone())]));
    let check = |prunings| {
        let mut verifier = Verifier::default().excusing(prunings);
        log.iter().try_for_each(|stored| verifier.check(stored).map(drop))
    };
    assert_eq!(check(vec![(1, said.clone())]), Ok(()));
    let damage = Err(Damage { seq: 1, what: Flaw::Mark });
    assert_eq!(check(vec![]), damage);
    assert_eq!(check(vec![(1, Pruned { payloads: 1, ..said })]), damage);
}
