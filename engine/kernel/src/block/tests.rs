#![expect(clippy::cast_possible_truncation, reason = "numbers become bytes to fill payloads with")]

use alloc::collections::BTreeMap;
use alloc::string::ToString;
use alloc::vec;

use proptest::prelude::*;

use super::*;
use crate::ids::{AgentId, PortId};
use crate::record::{
    Body, EngineFacts, Genesis, Linked, Next, Part, Payload, Pruned, Pruning, Transaction, link,
};
use crate::verify::{Hole, Verified, Verifier};
use crate::{ids::RunId, record::Consumed, work::by};

/// A genesis, then one transaction for each list of payload lengths.
pub(crate) fn entries(shapes: &[Vec<usize>]) -> Vec<Entry> {
    let engine = EngineFacts { engine: "0".to_string(), wasmtime: "48".to_string(), flags: vec![] };
    let genesis =
        Genesis { run: RunId([7; 16]), plan: Digest::of(b"plan"), engine, components: vec![] };
    let first = Entry {
        seq: 0,
        at: 1_000,
        causes: vec![],
        body: Body::Genesis(genesis),
        salt: Salt::default(),
        payloads: vec![],
    };
    let rest = (1..).zip(shapes).map(|(seq, lens)| transaction(seq, lens));
    core::iter::once(first).chain(rest).collect()
}

fn transaction(seq: u64, lens: &[usize]) -> Entry {
    let fill = |len: usize| (0..len).map(|i| (i as u64 * 31 + seq) as u8).collect::<Vec<_>>();
    let payloads: Vec<Bytes> = lens.iter().map(|len| fill(*len).into()).collect();
    let salt = if lens.is_empty() { Salt::default() } else { [seq as u8 | 1; 16] };
    let parts = payloads
        .iter()
        .map(|bytes| Part::Emission { port: PortId(1), payload: Payload::commit(&salt, bytes) });
    let body = Transaction {
        by: by(AgentId(0), 1, 1),
        consumed: Consumed::Pull,
        parts: parts.collect(),
        next: Next::More,
        fuel: 12,
    };
    let causes = vec![Ref::record(seq - 1)];
    Entry { seq, at: 1_000 + seq, causes, body: Body::Transaction(body), salt, payloads }
}

fn chain(entries: &[Entry]) -> Vec<Linked> {
    let mut prev = Digest::default();
    let next = |entry| {
        let linked = link(prev, entry);
        prev = linked.hash;
        linked
    };
    entries.iter().map(next).collect()
}

type Tree = BTreeMap<Vec<u8>, Vec<u8>>;

fn tree(entries: &[Entry]) -> Tree {
    let mut writer = BlockWriter::default();
    for (entry, linked) in entries.iter().zip(&chain(entries)) {
        writer.push(entry, linked);
    }
    writer.finish().into_iter().collect()
}

/// Reads a tree as a journal does, with all checks.
fn verify(tree: &Tree) -> Result<(Vec<Entry>, Verified), Damage> {
    let mut verifier = Verifier::default();
    let mut entries = vec![];
    while let Some(block) = block(tree, verifier.next()) {
        let shelf = Block::open(verifier.next(), &block)?.shelve();
        for stored in Block::open(verifier.next(), &block)? {
            let mut stored = stored?;
            if let Ok(shelf) = &shelf {
                assert_eq!(shelf.stored(stored.seq), Some(Ok(stored.clone())), "read by itself");
                assert_eq!(shelf.preimage(stored.seq), Some(&stored.preimage[..]));
            }
            resolve(tree, &mut stored);
            verifier.check(&stored)?;
            entries.push(stored.to_entry()?);
        }
    }
    verifier.end().map(|verified| (entries, verified))
}

fn block(tree: &Tree, first: u64) -> Option<Vec<&Vec<u8>>> {
    let key = |part| Key::Block { first, part }.encode();
    let values: Vec<_> = tree.range(key(0)..=key(u32::MAX)).map(|(_, value)| value).collect();
    (!values.is_empty()).then_some(values)
}

fn resolve(tree: &Tree, stored: &mut Stored) {
    let seq = stored.seq;
    for (index, payload) in (0..).zip(&mut stored.payloads) {
        if let StoredPayload::Chunked(len) = *payload {
            let key = |chunk| Key::Payload { seq, index, chunk }.encode();
            let bytes: Vec<u8> =
                tree.range(key(0)..=key(u32::MAX)).flat_map(|(_, value)| value.clone()).collect();
            if bytes.len() == len as usize {
                *payload = StoredPayload::Inline(bytes.into());
            }
        }
    }
}

#[test]
fn keys_sort_as_what_they_name_and_read_back() {
    let d = |byte| Digest([byte; 32]);
    let keys = [
        Key::Block { first: 0, part: 0 },
        Key::Block { first: 0, part: 1 },
        Key::Block { first: 255, part: 0 },
        Key::Block { first: 256, part: 0 },
        Key::Block { first: u64::MAX, part: u32::MAX },
        Key::Checkpoint { upto: 1, part: 0 },
        Key::Checkpoint { upto: 1, part: 256 },
        Key::Plan { digest: d(1), part: 7 },
        Key::Plan { digest: d(2), part: 0 },
        Key::Payload { seq: 1, index: 2, chunk: 3 },
        Key::Payload { seq: 1, index: 3, chunk: 0 },
        Key::Payload { seq: 2, index: 0, chunk: 0 },
    ];
    let encoded: Vec<_> = keys.iter().map(Key::encode).collect();
    assert!(encoded.is_sorted());
    assert!(keys.is_sorted());
    for (key, bytes) in keys.iter().zip(&encoded) {
        assert_eq!(Key::decode(bytes), Some(*key));
        assert_eq!(Key::decode(&bytes[..bytes.len() - 1]), None);
        assert_eq!(Key::decode(&[bytes.as_slice(), &[0]].concat()), None);
    }
    for stray in [&b""[..], b"b", b"x", b"x000000000000"] {
        assert_eq!(Key::decode(stray), None);
    }
}

#[test]
fn small_records_share_a_block_and_large_ones_take_several_values() {
    let many = tree(&entries(&vec![vec![256]; 100]));
    let records = many.len();
    assert!(records <= 3, "100 records of ~450 bytes took {records} values");
    let large = tree(&entries(&[vec![256; 1_024], vec![]]));
    assert!(large.keys().all(|key| key[0] == b'b'), "256 bytes stand in the block");
    assert!(large.len() > 16, "over 300 KiB do not fit {} values", large.len());
    let long = tree(&entries(&[vec![INLINE_BYTES, INLINE_BYTES + 1, 100_000]]));
    let chunks: Vec<_> = long.keys().filter(|key| key[0] == b'p').collect();
    assert_eq!(chunks.len(), 1 + 7, "the longer two have chunks");
}

#[test]
fn a_record_of_exactly_one_value_is_not_cut() {
    let room = |extra: usize| {
        let mut writer = BlockWriter::default();
        let stored = Stored {
            seq: 3,
            preimage: vec![1; ROOM - 4 - 4 - 32 - 1 - 4 + extra],
            hash: Digest::default(),
            salt: None,
            payloads: vec![],
        };
        writer.push_stored(&stored);
        let pairs = writer.finish();
        let values: Vec<_> = pairs.iter().map(|(_, value)| value).collect();
        assert_eq!(Block::read(3, &values), Ok(vec![stored]));
        values.iter().map(|value| value.len()).collect::<Vec<_>>()
    };
    assert_eq!(room(0), [CHUNK_BYTES]);
    assert_eq!(room(1), [CHUNK_BYTES, HEADER_BYTES + 1]);
}

#[test]
fn erased_payloads_keep_the_chain_and_are_named() {
    let entries = entries(&[vec![3, 5_000], vec![8]]);
    let mut writer = BlockWriter::default();
    let tree = tree(&entries);
    for (n, stored) in Block::read(0, &block(&tree, 0).unwrap()).unwrap().into_iter().enumerate() {
        let mut stored = stored;
        if n == 1 {
            stored.payloads = vec![StoredPayload::Erased(3), StoredPayload::Erased(5_000)];
            stored.salt = None;
        }
        writer.push_stored(&stored);
    }
    let erased: Tree = writer.finish().into_iter().collect();
    let (payloads, bytes, checkpoints) = (2, 5_003, vec![]);
    let pruned = Pruned { what: Pruning::Before(2), payloads, bytes, checkpoints };
    let mut verifier = Verifier::default().excusing(vec![(3, pruned)]);
    for stored in Block::read(0, &block(&erased, 0).unwrap()).unwrap() {
        verifier.check(&stored).unwrap();
        assert_eq!(stored.to_entry().is_ok(), stored.seq != 1);
    }
    let hole = Hole { first: 1, last: 1, payloads: 2, by: 3 };
    assert_eq!(verifier.end().unwrap().holes, [hole]);
}

#[test]
fn every_flipped_bit_is_found_and_its_record_named() {
    let log = entries(&[vec![5], vec![], vec![6_000, 0], vec![1, 2], vec![200; 90], vec![9]]);
    let whole = tree(&log);
    let sound = verify(&whole).unwrap();
    assert_eq!(sound.0, log);
    let mut flips = 0;
    for (key, value) in &whole {
        for bit in 0..value.len() * 8 {
            // All of the first bytes, and a sample of the long runs of content.
            if bit > 2_000 && bit % 101 != 0 {
                continue;
            }
            let mut changed = whole.clone();
            changed.get_mut(key).unwrap()[bit / 8] ^= 1 << (bit % 8);
            let damage = verify(&changed).expect_err("a flipped bit");
            let (from, to) = named(key, &whole);
            assert!((from..=to).contains(&damage.seq), "{key:?} bit {bit}: {damage}");
            flips += 1;
        }
    }
    assert!(flips > 10_000, "{flips}");
}

/// The records that a value belongs to; one more than the last, as damage to a count is seen there.
fn named(key: &[u8], whole: &Tree) -> (u64, u64) {
    match Key::decode(key).unwrap() {
        Key::Block { first, .. } => {
            let count = Block::read(first, &block(whole, first).unwrap()).unwrap().len();
            (first, first + count as u64)
        }
        Key::Payload { seq, .. } => (seq, seq),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_damaged_record_is_named_exactly() {
    let log = entries(&[vec![5], vec![7], vec![9], vec![11]]);
    let whole = tree(&log);
    let value = whole.values().next().unwrap();
    let linked = chain(&log);
    for (seq, linked) in (0..).zip(&linked) {
        let at = value.windows(32).position(|window| window == linked.hash.0).unwrap();
        let starts = at - linked.preimage.len();
        for place in [starts, at - 1, at, at + 31] {
            let mut changed = whole.clone();
            changed.values_mut().next().unwrap()[place] ^= 1;
            assert_eq!(verify(&changed), Err(Damage { seq, what: Flaw::Hash }));
        }
    }
}

#[test]
fn an_incomplete_block_is_recognised() {
    let whole = tree(&entries(&[vec![256; 300]]));
    let values = block(&whole, 1).unwrap();
    assert!(values.len() > 3);
    let incomplete = Err(Damage { seq: 1, what: Flaw::Framing("incomplete") });
    for len in 1..values.len() {
        assert_eq!(Block::read(1, &values[..len]), incomplete);
    }
    assert!(Block::read::<&[u8]>(1, &[]).is_err());
    assert!(Block::read(1, &values).is_ok());
    assert_eq!(Block::parts(1, 0, values[0]), u32::try_from(values.len()).ok());
}

proptest! {
    #[test]
    fn what_is_written_is_read(
        shapes in prop::collection::vec(prop::collection::vec(0usize..9_000, 0..6), 0..24),
        large in prop::collection::vec(0usize..600, 0..200),
    ) {
        let mut shapes = shapes;
        shapes.push(large);
        let log = entries(&shapes);
        let tree = tree(&log);
        prop_assert!(tree.values().all(|value| value.len() <= CHUNK_BYTES));
        let (read, verified) = verify(&tree).unwrap();
        prop_assert_eq!(&read, &log);
        prop_assert_eq!(verified.records, log.len() as u64);
        prop_assert_eq!(verified.head, chain(&log).last().unwrap().hash);
    }

    #[test]
    fn any_bytes_are_read_without_a_panic(
        values in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..200), 0..4),
        first in any::<u64>(),
    ) {
        prop_assert!(Block::read(first, &values).is_err());
    }

    #[test]
    fn a_header_before_any_bytes_is_read_without_a_panic(
        body in prop::collection::vec(prop_oneof![Just(0u8), Just(1), Just(9), any::<u8>()], 0..300),
        count in 0u32..4,
    ) {
        let header = [&[VERSION][..], &[0; 12], &1u32.to_be_bytes(), &count.to_be_bytes()].concat();
        let value = [header, body].concat();
        let shelf = Block::open(0, &[&value]).and_then(Block::shelve);
        prop_assert_eq!(shelf.is_ok(), Block::read(0, &[&value]).is_ok());
        if let Ok(records) = Block::read(0, &[&value]) {
            let mut writer = BlockWriter::default();
            for stored in &records {
                writer.push_stored(stored);
            }
            prop_assert_eq!(&writer.finish()[0].1, &value, "one form only");
        }
    }
}
