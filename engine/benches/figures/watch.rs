//! `watch` over many pipelines: what they cost while nothing happens, and how soon a save is live.

use std::fs::{self, File};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use super::Figure;

const PIPELINES: usize = 200;
/// For how long nothing is to happen.
const IDLE: Duration = Duration::from_secs(10);
/// How often one is saved.
const SAVES: usize = 20;

const PIPELINE: &str = r#"format = 1
name = "words"

[supervisors.root]
children = ["tick", "text", "out"]

[agents.tick]
actor = "std/timer"
config = { every = "24h" }
grants = { clock = true, timer = true }

[agents.text]
actor = "std/template"
inputs = "tick"
config = { template = "WORD" }

[agents.out]
actor = "std/stdout"
inputs = "text"
grants = { stdout = true }
"#;

pub(super) fn figures() -> Vec<Figure> {
    let (native, poll) = (measured("native"), measured("poll"));
    let saved = |all: &Measured| {
        let (p50, p99) = (all.saves[SAVES / 2], all.saves[SAVES - 1]);
        format!("{} in the middle, {} at most", ms(p50), ms(p99))
    };
    let idle = |all: &Measured| format!("{:.2} % of a processor", all.idle * 100.0);
    vec![
        Figure::new(
            format!("`watch` over {PIPELINES} pipelines of 3 agents, while nothing happens"),
            idle(&native),
            format!("with `--watcher poll`: {}", idle(&poll)),
        ),
        Figure::new(
            "its memory, a run",
            format!(
                "{} KiB, {} threads",
                native.memory / PIPELINES as u64,
                native.threads / PIPELINES as u64
            ),
            format!(
                "all of it: {} MiB; of `run` with one of them: {} MiB",
                native.memory >> 10,
                alone() >> 10
            ),
        ),
        Figure::new(
            format!("from a save of one of them to its reload, of {SAVES}"),
            saved(&native),
            format!("of which it has to stand for 250 ms; with `--watcher poll`: {}", saved(&poll)),
        ),
    ]
}

/// What was measured of one process.
struct Measured {
    /// Of one processor.
    idle: f64,
    /// In KiB.
    memory: u64,
    threads: u64,
    /// The shortest first.
    saves: Vec<Duration>,
}

fn measured(watcher: &str) -> Measured {
    let folder = tempfile::tempdir().expect("a folder");
    let flows = folder.path().join("flows");
    fs::create_dir(&flows).expect("a folder");
    for nth in 0..PIPELINES {
        fs::write(flows.join(format!("f{nth}.toml")), PIPELINE).expect("a file");
    }
    let mut child = start(&folder, &["watch", "flows", "--watcher", watcher]);
    until(&mut child, || lines(&folder, ": run ") == PIPELINES);
    // What was just begun has still something to write.
    thread::sleep(IDLE / 2);
    let before = processor(&child);
    thread::sleep(IDLE);
    let idle = processor(&child).saturating_sub(before).as_secs_f64() / IDLE.as_secs_f64();
    let (memory, threads) = (status(&child, "VmRSS:"), status(&child, "Threads:"));
    let mut saves: Vec<Duration> = (1..=SAVES)
        .map(|nth| {
            let new = folder.path().join("new");
            fs::write(&new, PIPELINE.replace("WORD", &format!("word {nth}"))).expect("a file");
            let began = Instant::now();
            fs::rename(new, flows.join("f7.toml")).expect("it is there");
            until(&mut child, || lines(&folder, "reload ok rev ") == nth);
            began.elapsed()
        })
        .collect();
    saves.sort_unstable();
    stop(child);
    Measured { idle, memory, threads, saves }
}

/// The memory of a run that is alone in its process, in KiB.
fn alone() -> u64 {
    let folder = tempfile::tempdir().expect("a folder");
    fs::write(folder.path().join("flow.toml"), PIPELINE).expect("a file");
    let mut child = start(&folder, &["run", "flow.toml", "--watch"]);
    until(&mut child, || lines(&folder, "run ") == 1);
    thread::sleep(IDLE / 5);
    let memory = status(&child, "VmRSS:");
    stop(child);
    memory
}

fn start(folder: &TempDir, args: &[&str]) -> Child {
    let mut command = Command::new(env!("CARGO_BIN_EXE_theater-flow"));
    command.current_dir(folder.path()).args(args).stdin(Stdio::null()).stdout(Stdio::null());
    command.stderr(File::create(told(folder.path())).expect("a file"));
    command.spawn().expect("the program starts")
}

fn told(folder: &Path) -> std::path::PathBuf {
    folder.join("stderr.txt")
}

/// Lines that it has told with this in them.
fn lines(folder: &TempDir, text: &str) -> usize {
    let told = fs::read_to_string(told(folder.path())).unwrap_or_default();
    told.lines().filter(|line| line.contains(text)).count()
}

/// Looks now and then until it is so: a look all the time would take a processor.
fn until(child: &mut Child, look: impl Fn() -> bool) {
    while !look() {
        assert!(matches!(child.try_wait(), Ok(None)), "the process ended before");
        thread::sleep(Duration::from_millis(1));
    }
}

fn stop(mut child: Child) {
    child.kill().expect("it lives");
    child.wait().expect("it is ours");
}

/// The time that a process has had a processor.
fn processor(child: &Child) -> Duration {
    let stat = fs::read_to_string(format!("/proc/{}/stat", child.id())).unwrap_or_default();
    // Behind the name, which may hold anything: the 14th and 15th field of all, in hundredths of a second.
    let fields = stat.rsplit(") ").next().unwrap_or_default().split(' ');
    let ticks: u64 = fields.skip(11).take(2).filter_map(|ticks| ticks.parse::<u64>().ok()).sum();
    Duration::from_millis(ticks * 10)
}

/// A number of a process's status.
fn status(child: &Child, name: &str) -> u64 {
    let status = fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix(name));
    line.and_then(|line| line.split_whitespace().next()?.parse().ok()).unwrap_or(0)
}

fn ms(time: Duration) -> String {
    format!("{:.0} ms", time.as_secs_f64() * 1e3)
}
