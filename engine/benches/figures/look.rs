//! Looking back at a long log: how long `why` takes on a million records.

use std::sync::Arc;
use std::time::{Duration, Instant};

use theater_flow::causes::{causes, effects};
use theater_flow::journal::{Commit, Journal};
use theater_flow::store::SledStore;
use theater_flow_kernel::ids::{Digest, Ref, RunId};
use theater_flow_kernel::record::{Body, EngineFacts, Entry, Genesis};

use super::{Figure, parts};

const RECORDS: u64 = 1_000_000;
/// Records of a commit.
const COMMIT: usize = 640;
/// Records that a tree on text looks at, at most.
const NEAR: usize = 5_000;

pub(super) fn figures() -> Vec<Figure> {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("db");
    write(&path);
    let (journal, copied) =
        timed(|| Journal::open(SledStore::open_copy(&path).expect("a copy")).expect("a log"));
    let last = Ref::record(RECORDS - 1);
    let (near, text) = timed(|| causes(&journal, last, NEAR).expect("a log"));
    let (all, whole) = timed(|| causes(&journal, last, usize::MAX).expect("a log"));
    let (impact, forward) = timed(|| effects(&journal, Ref::record(1)).expect("a log"));
    let said = |records: usize| format!("{records} records found");
    vec![
        Figure::new("copy and open the log of 1,000,000 records of 256 B", ms(copied), ""),
        Figure::new("`why` of its last record, as a tree", ms(text), said(near.members.len())),
        Figure::new("`why --json` of its last record", ms(whole), said(all.members.len())),
        Figure::new("`why --impact` of its first record", ms(forward), said(impact.members.len())),
    ]
}

/// Records in which each message is handled eight records later, by the next of several agents.
fn write(path: &std::path::Path) {
    let plan = b"plan";
    let engine = EngineFacts { engine: "0".into(), wasmtime: "48".into(), flags: vec![] };
    let genesis =
        Genesis { run: RunId([1; 16]), plan: Digest::of(plan), engine, components: vec![] };
    let first = Entry { body: Body::Genesis(genesis), ..bare(0) };
    let mut journal = Journal::create(SledStore::create(path).expect("a store")).expect("a log");
    let entries = [Arc::new(first)];
    journal.commit(Commit { entries: &entries, checkpoint: None, plan: Some(plan) }).expect("room");
    let mut next = 1;
    while next < RECORDS {
        let upto = (next + COMMIT as u64).min(RECORDS);
        let entries: Vec<Arc<Entry>> = (next..upto)
            .map(|seq| {
                let causes = vec![Ref::record(seq.saturating_sub(8))];
                Arc::new(Entry { causes, ..parts::transaction(seq) })
            })
            .collect();
        journal.commit(Commit { entries: &entries, checkpoint: None, plan: None }).expect("room");
        next = upto;
    }
}

fn bare(seq: u64) -> Entry {
    Entry { causes: vec![], salt: [0; 16], payloads: vec![], ..parts::transaction(seq) }
}

fn timed<T>(work: impl FnOnce() -> T) -> (T, Duration) {
    let start = Instant::now();
    let made = work();
    (made, start.elapsed())
}

fn ms(time: Duration) -> String {
    format!("{:.0} ms", time.as_secs_f64() * 1e3)
}
