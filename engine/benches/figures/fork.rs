//! Forks near the end of logs of several lengths: the work must not grow with the history before the point.

use std::sync::Arc;
use std::time::{Duration, Instant};

use theater_flow::compile::{Fetcher, Pipeline};
use theater_flow::fork::Point;
use theater_flow::journal::{Commit, Journal};
use theater_flow::session::{Place, begin_fork};
use theater_flow::store::SledStore;
use theater_flow_dsl::Mode;
use theater_flow_host::{Host, HostConfig};
use theater_flow_kernel::ids::{Digest, Ref, RunId};
use theater_flow_kernel::plan::Plan;
use theater_flow_kernel::record::{Body, Checkpoint, EngineFacts, Entry, Genesis, Suspended};
use theater_flow_kernel::state::State;

use super::{Figure, parts};

/// Records of a commit.
const COMMIT: u64 = 640;
/// Records after the last checkpoint: more than a run has.
const SINCE: u64 = 500;
/// Forks that are timed; the median counts.
const FORKS: usize = 9;

pub(super) fn figures() -> Vec<Figure> {
    let host = Arc::new(Host::new(HostConfig::default()).expect("an engine"));
    let plan = plan(&host);
    [
        ("fork near the end of 1,000 records", 1_000),
        ("fork near the end of 10,000 records", 10_000),
        ("fork near the end of 100,000 records", 100_000),
        ("fork near the end of 1,000,000 records", 1_000_000),
    ]
    .into_iter()
    .map(|(what, records)| figure(what, records, (&host, &plan)))
    .collect()
}

fn figure(what: &'static str, records: u64, (host, plan): (&Host, &Arc<Plan>)) -> Figure {
    let folder = tempfile::tempdir().expect("a folder");
    let db = folder.path().join("db");
    write(&db, records, plan);
    let start = Instant::now();
    let journal = Journal::open(SledStore::open_copy(&db).expect("a copy")).expect("a log");
    let copied = start.elapsed();
    let mut times: Vec<Duration> = (0..FORKS)
        .map(|nth| {
            let place = Place {
                folder: folder.path().join(nth.to_string()),
                components: folder.path().join("components"),
            };
            std::fs::create_dir(&place.folder).expect("a folder");
            let start = Instant::now();
            let point = Point::find(&journal, records - 10).expect("a point");
            let fork = point.unchanged();
            begin_fork(&place, (&point, &fork), RunId([2; 16]), host).expect("a fork");
            start.elapsed()
        })
        .collect();
    times.sort_unstable();
    let ms = |time: Duration| format!("{:.1} ms", time.as_secs_f64() * 1e3);
    Figure::new(what, ms(times[FORKS / 2]), format!("to copy and open the log {}", ms(copied)))
}

/// A run that goes on and on about itself, with one checkpoint near its end.
fn write(db: &std::path::Path, records: u64, plan: &Arc<Plan>) {
    let bytes = postcard::to_allocvec(&**plan).expect("plain data");
    let engine = EngineFacts { engine: "0".into(), wasmtime: "48".into(), flags: vec![] };
    let run = RunId([1; 16]);
    let genesis = Genesis { run, plan: Digest::of(&bytes), engine, components: vec![] };
    let mut journal = Journal::create(SledStore::create(db).expect("a store")).expect("a log");
    let first = [Arc::new(Entry { causes: vec![], ..entry(0, Body::Genesis(genesis)) })];
    journal.commit(Commit { entries: &first, checkpoint: None, plan: Some(&bytes) }).expect("room");
    let upto = records - SINCE;
    let mut state = State::new(Arc::clone(plan));
    (state.kept.run, state.kept.next_seq) = (Some(run), upto);
    let state = state.to_checkpoint();
    let (digest, len) = (Digest::of(&state), state.len() as u64);
    let mut next = 1;
    while next < records {
        let end = (next + COMMIT).min(records);
        let entries = (next..end).map(|seq| {
            let why = "w".repeat(250);
            let checkpoint = Body::Checkpoint(Checkpoint { upto, digest, len });
            Arc::new(entry(
                seq,
                if seq == upto { checkpoint } else { Body::Suspended(Suspended { why }) },
            ))
        });
        let entries: Vec<Arc<Entry>> = entries.collect();
        let checkpoint = (next..end).contains(&upto).then_some(&state[..]);
        journal.commit(Commit { entries: &entries, checkpoint, plan: None }).expect("room");
        next = end;
    }
}

fn entry(seq: u64, body: Body) -> Entry {
    let causes = vec![Ref::record(seq.saturating_sub(1))];
    Entry { seq, causes, body, salt: [0; 16], payloads: vec![], ..parts::transaction(seq) }
}

/// A pipeline of the stdlib.
fn plan(host: &Arc<Host>) -> Arc<Plan> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../workflows/find-todos.toml");
    let pipeline = Pipeline::read(std::path::Path::new(path)).expect("a file");
    let compiled = Fetcher::new(Arc::clone(host)).compile(&pipeline, &[], Mode::Run);
    Arc::new(compiled.plan.expect("a plan"))
}
