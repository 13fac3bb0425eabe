//! What a run takes on the disk whose state is long and written down again and again.

use std::sync::Arc;

use theater_flow::journal::{Commit, Journal};
use theater_flow::prune::disk_bytes;
use theater_flow::store::{SledStore, Store as _};
use theater_flow_kernel::block::Key;
use theater_flow_kernel::ids::{Digest, Ref, RunId};
use theater_flow_kernel::record::{Body, Checkpoint, EngineFacts, Entry, Genesis};

use super::{Figure, lengths, parts, pipeline};

/// Different lines that an agent keeps in mind: about 100 KB.
const KEYS: u64 = 2_000;
/// Bytes of a checkpoint that is written again and again, and nothing else.
const STATE: usize = 100_000;

pub(super) fn figures() -> Vec<Figure> {
    let runs = lengths([20_000, 60_000, 180_000, 540_000]).map(counted);
    let rewritten = lengths([100, 1_000, 3_000]).map(rewritten);
    runs.chain(rewritten).collect()
}

/// A run that counts lines by their text.
fn counted(lines: u64) -> Figure {
    let line = |n: u64| format!("line {} with some more text, so that it is long\n", n % KEYS);
    let text: String = (0..lines).map(line).collect();
    let ran = pipeline::ran(COUNTING, &[("in.txt", &text)]);
    let db = ran.run.join("db");
    let disk = disk_bytes(&db);
    let sizes = Sizes::of(&db);
    let what =
        format!("a run of {} records with a state of about 100 kB: on the disk", sizes.records);
    let value = format!("{}: {} times its log", mb(disk), ratio(disk, sizes.log));
    let Sizes { log, snapshots, checkpoints, written, kept, .. } = sizes;
    let beside = format!(
        "its log: {}, of which {} are snapshots; {checkpoints} checkpoints: {} written, {} stay",
        mb(log),
        mb(snapshots),
        mb(written),
        mb(kept),
    );
    Figure::new(what, value, beside)
}

/// What a log is made of, in bytes but for the counts.
#[derive(Default)]
struct Sizes {
    records: u64,
    /// Keys and values of blocks and payloads.
    log: u64,
    /// Payloads that are snapshots.
    snapshots: u64,
    /// How many checkpoints were written.
    checkpoints: u64,
    /// All of them.
    written: u64,
    /// Keys and values of those that stay.
    kept: u64,
}

impl Sizes {
    fn of(db: &std::path::Path) -> Self {
        let store = SledStore::open(db).expect("a store");
        let mut sizes = Self::default();
        for (from, to) in [(Key::BLOCKS, Key::BLOCKS_END), (Key::PAYLOADS, Key::PAYLOADS_END)] {
            sizes.log += bytes(&store, from, to);
        }
        sizes.kept = bytes(&store, Key::CHECKPOINTS, Key::CHECKPOINTS_END);
        let journal = Journal::open(store).expect("a log");
        sizes.records = journal.flushed().seq;
        for record in journal.bare(0).expect("a log") {
            match record.expect("it is whole").body {
                Body::Checkpoint(body) => {
                    sizes.checkpoints += 1;
                    sizes.written += body.len;
                }
                Body::Snapshot(body) => sizes.snapshots += u64::from(body.state.len),
                _ => {}
            }
        }
        sizes
    }
}

fn bytes(store: &SledStore, from: &[u8], to: &[u8]) -> u64 {
    let pairs = store.range(from, to).map(|pair| pair.expect("it can be read"));
    pairs.map(|(key, value)| (key.len() + value.len()) as u64).sum()
}

/// Checkpoints one after the other, as fast as they are durable.
fn rewritten(times: u64) -> Figure {
    let folder = tempfile::tempdir().expect("a folder");
    let db = folder.path().join("db");
    let mut journal = Journal::create(SledStore::create(&db).expect("a store")).expect("a log");
    let engine = EngineFacts { engine: "0".into(), wasmtime: "48".into(), flags: vec![] };
    let plan = [9; 64];
    let genesis =
        Genesis { run: RunId([1; 16]), plan: Digest::of(&plan), engine, components: vec![] };
    let first = [Arc::new(Entry { causes: vec![], ..entry(0, Body::Genesis(genesis)) })];
    journal.commit(Commit { entries: &first, checkpoint: None, plan: Some(&plan) }).expect("room");
    for upto in 1..=times {
        let state: Vec<u8> =
            Digest::of(&upto.to_be_bytes()).0.iter().copied().cycle().take(STATE).collect();
        let named = Checkpoint { upto, digest: Digest::of(&state), len: STATE as u64 };
        let entries = [Arc::new(entry(upto, Body::Checkpoint(named)))];
        journal
            .commit(Commit { entries: &entries, checkpoint: Some(&state), plan: None })
            .expect("room");
    }
    drop(journal);
    let (disk, kept) = (disk_bytes(&db), Sizes::of(&db).kept);
    let written = times * STATE as u64;
    Figure::new(
        format!("{times} checkpoints of 100 kB and nothing else, one after the other: on the disk"),
        mb(disk),
        format!(
            "{} written, {} stay; {} times what was written",
            mb(written),
            mb(kept),
            ratio(disk, written)
        ),
    )
}

fn entry(seq: u64, body: Body) -> Entry {
    let causes = vec![Ref::record(seq.saturating_sub(1))];
    Entry { seq, causes, body, salt: [0; 16], payloads: vec![], ..parts::transaction(seq) }
}

fn mb(bytes: u64) -> String {
    #[expect(clippy::cast_precision_loss, reason = "a figure for people")]
    let bytes = bytes as f64;
    format!("{:.1} MB", bytes / 1e6)
}

fn ratio(what: u64, to: u64) -> String {
    #[expect(clippy::cast_precision_loss, reason = "a figure for people")]
    let ratio = what as f64 / to as f64;
    format!("{ratio:.2}")
}

const COUNTING: &str = r#"
format = 1
name = "counting"

[supervisors.root]
children = ["lines", "counts", "out"]

[agents.lines]
actor = "std/file-lines"
config = { path = "in.txt" }
grants = { files = { read = ["in.txt"] } }

[agents.counts]
actor = "std/aggregate"
inputs = "lines"
outputs = { out = "json" }
config = { by = ["text"], take = { n = "count" } }

[agents.out]
actor = "std/file-write"
inputs = "counts"
config = { path = "out.jsonl" }
grants = { files = { write = ["out.jsonl"] } }
"#;
