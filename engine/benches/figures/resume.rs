//! Runs of several lengths that a `kill -9` ended: how long the program takes to take one up, and to check it.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use tempfile::TempDir;
use theater_flow::head::Head;
use theater_flow::journal::Journal;
use theater_flow::prune::disk_bytes;
use theater_flow::store::SledStore;
use theater_flow_kernel::block::StoredPayload;

use super::{Figure, lengths, pipeline};

/// Records that a message makes at least: it is handled by each of three stages behind the source.
const RECORDS_A_MESSAGE: u64 = 3;
/// How often each is measured.
const RUNS: usize = 7;

pub(super) fn figures() -> Vec<Figure> {
    let (mut figures, mut first) = (vec![], None);
    for length in lengths([1_000, 10_000, 100_000, 1_000_000]) {
        let killed = Killed::behind(length);
        let records = killed.records();
        let times = taken_up(&killed);
        let median = times[RUNS / 2];
        let first = *first.get_or_insert(median);
        let ratio = median.as_secs_f64() / first.as_secs_f64();
        let spread =
            format!("{} to {}; {ratio:.2} times the first", ms(times[0]), ms(times[RUNS - 1]));
        let what = format!("`resume` behind {records} records, to its first durable record");
        figures.push(Figure::new(what, ms(median), spread));
        figures.extend(checked(&killed));
    }
    figures
}

/// A run whose process was killed.
struct Killed {
    folder: TempDir,
    run: PathBuf,
}

impl Killed {
    /// One that was killed once so many records were durable. A timer keeps it from its end.
    fn behind(length: u64) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let tick = "[agents.tick]\nactor = \"std/timer\"\nconfig = { every = \"24h\" }\n\
                    grants = { clock = true, timer = true }\n";
        let text = pipeline::hops(length / RECORDS_A_MESSAGE) + tick;
        let text = text.replace("\"d\"]", "\"d\", \"tick\"]");
        std::fs::write(folder.path().join("pipeline.toml"), text).expect("a file");
        let mut child = start(folder.path(), &["run", "pipeline.toml"]);
        let run = until(&mut child, || only_run(&folder.path().join(".theater-flow/runs")));
        let killed = Self { folder, run };
        until(&mut child, || (killed.records() >= length).then_some(()));
        kill(child);
        killed
    }

    /// How many are durable, as its head says.
    fn records(&self) -> u64 {
        Head::read(&self.run).ok().flatten().map_or(0, |head| head.seq)
    }

    fn log(&self) -> Journal<SledStore> {
        Journal::open(SledStore::open_copy(&self.run.join("db")).expect("a store")).expect("a log")
    }
}

/// How long each of several processes took from its start to its first durable record, the shortest first.
fn taken_up(killed: &Killed) -> Vec<Duration> {
    let mut times: Vec<Duration> = (0..RUNS)
        .map(|_| {
            let before = killed.log().flushed().seq;
            let began = Instant::now();
            let mut child = start(killed.folder.path(), &["resume", "@latest"]);
            until(&mut child, || (killed.records() > before).then_some(()));
            let took = began.elapsed();
            kill(child);
            took
        })
        .collect();
    times.sort_unstable();
    times
}

/// `verify`, beside a plain hash of the same bytes; and bytes a record.
fn checked(killed: &Killed) -> [Figure; 2] {
    let journal = killed.log();
    let (records, mut bytes) = (journal.flushed().seq, 0);
    for stored in journal.records(0).expect("a log") {
        let stored = stored.expect("it is whole");
        let payloads = stored.payloads.iter().filter_map(StoredPayload::bytes);
        bytes += stored.preimage.len() + payloads.map(|bytes| bytes.len()).sum::<usize>();
    }
    drop(journal);
    let verified = median(|| {
        let mut child = start(killed.folder.path(), &["verify", "@latest"]);
        assert!(child.wait().is_ok_and(|status| status.success()), "it is whole");
    });
    let file = killed.folder.path().join("same-bytes");
    std::fs::write(&file, vec![b'x'; bytes]).expect("a file");
    let summed = median(|| {
        let sum = Command::new("sha256sum").arg(&file).output();
        assert!(sum.is_ok_and(|sum| sum.status.success()), "`sha256sum` runs");
    });
    let disk = disk_bytes(&killed.run.join("db"));
    let ratio = summed.as_secs_f64() / verified.as_secs_f64();
    let beside = format!(
        "`sha256sum` of the same {bytes} bytes: {}; {ratio:.2} times as fast, its copy of {disk} bytes included",
        ms(summed)
    );
    [
        Figure::new(format!("`verify` of {records} records"), ms(verified), beside),
        Figure::new(
            format!("bytes on the disk a record, of {records}"),
            format!("{} B", disk / records),
            format!("preimage and payloads: {} B", bytes as u64 / records),
        ),
    ]
}

/// Starts the program in a folder.
fn start(folder: &Path, args: &[&str]) -> Child {
    let mut command = Command::new(env!("CARGO_BIN_EXE_theater-flow"));
    command.current_dir(folder).args(args);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command.spawn().expect("the program starts")
}

/// Looks until it is so, while the process lives.
fn until<T>(child: &mut Child, mut look: impl FnMut() -> Option<T>) -> T {
    loop {
        if let Some(seen) = look() {
            return seen;
        }
        assert!(matches!(child.try_wait(), Ok(None)), "the process ended before");
        thread::yield_now();
    }
}

fn kill(mut child: Child) {
    child.kill().expect("it lives");
    child.wait().expect("it is ours");
}

fn only_run(runs: &Path) -> Option<PathBuf> {
    let run = std::fs::read_dir(runs).ok()?.flatten().next()?.path();
    run.join("head.json").is_file().then_some(run)
}

fn median(mut work: impl FnMut()) -> Duration {
    let mut times: Vec<Duration> = (0..RUNS)
        .map(|_| {
            let start = Instant::now();
            work();
            start.elapsed()
        })
        .collect();
    times.sort_unstable();
    times[RUNS / 2]
}

fn ms(time: Duration) -> String {
    format!("{:.0} ms", time.as_secs_f64() * 1e3)
}
