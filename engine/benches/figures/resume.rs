//! Runs that are killed behind logs of several lengths, and how long the next process takes to go on.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;

use theater_flow::prune::disk_bytes;

use super::{Figure, pipeline};

/// Records that a message makes: each of four stages handles it.
const RECORDS_A_MESSAGE: u64 = 4;
/// How often each is measured.
const RUNS: usize = 5;

/// From the start of the process to its first durable record, after a kill behind so many records.
pub(super) fn figures() -> Vec<Figure> {
    let mut figures = Vec::new();
    let mut base = None;
    for length in [1_000_u64, 10_000, 100_000, 1_000_000] {
        let folder = tempfile::tempdir().expect("a folder");
        let text = never_over(length / RECORDS_A_MESSAGE);
        std::fs::write(folder.path().join("pipeline.toml"), text).expect("a file");
        killed(start(folder.path(), &["run", "pipeline.toml"]), folder.path(), length);
        let mut times: Vec<_> = (0..RUNS).map(|_| resumed(folder.path())).collect();
        times.sort_unstable();
        let median = times[RUNS / 2];
        if length == 10_000 {
            base = Some(median);
        }
        let disk = disk_bytes(&run(folder.path()).expect("a run").join("db"));
        let ratio = base.map(|base| median.as_secs_f64() / base.as_secs_f64());
        let ratio =
            ratio.map_or_else(String::new, |ratio| format!("{ratio:.2} times that of 10,000; "));
        figures.push(Figure::new(
            format!(
                "`resume` after `kill -9` behind {length} records, to the first durable record"
            ),
            format!("{:.0} ms", median.as_secs_f64() * 1e3),
            format!("{ratio}{} B a record on the disk", disk / length),
        ));
    }
    figures
}

/// The hops, and a timer that keeps the run from its end.
fn never_over(messages: u64) -> String {
    pipeline::hops(messages).replace(r"children = [", r#"children = ["late", "#)
        + "[agents.late]\nactor = \"std/timer\"\nconfig = { every = \"1h\", count = 1 }\n\
           grants = { clock = true, timer = true }\n"
}

fn start(folder: &Path, args: &[&str]) -> Child {
    let mut command = Command::new(env!("CARGO_BIN_EXE_theater-flow"));
    command.args(args).current_dir(folder).stdout(Stdio::null()).stderr(Stdio::null());
    command.spawn().expect("the program starts")
}

/// Kills the process once so many records are durable and named by the head.
fn killed(mut child: Child, folder: &Path, records: u64) {
    while head(folder).is_none_or(|seq| seq < records) {
        assert!(child.try_wait().expect("it is ours").is_none(), "the run is over");
        thread::yield_now();
    }
    child.kill().expect("it can be killed");
    child.wait().expect("it is waited for");
}

/// The time until the head names a record of the next process, which is killed then.
fn resumed(folder: &Path) -> Duration {
    let (before, began) = (head(folder).expect("a head"), Instant::now());
    let mut child = start(folder, &["resume", "@latest"]);
    while head(folder).is_none_or(|seq| seq <= before) {
        assert!(child.try_wait().expect("it is ours").is_none(), "the run is over");
        thread::yield_now();
    }
    let took = began.elapsed();
    child.kill().expect("it can be killed");
    child.wait().expect("it is waited for");
    took
}

fn run(folder: &Path) -> Option<PathBuf> {
    let runs = std::fs::read_dir(folder.join(".theater-flow/runs")).ok()?;
    Some(runs.flatten().next()?.path())
}

fn head(folder: &Path) -> Option<u64> {
    let text = std::fs::read(run(folder)?.join("head.json")).ok()?;
    serde_json::from_slice::<Value>(&text).ok()?["seq"].as_u64()
}
