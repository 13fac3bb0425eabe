//! Runs whose actors are exchanged for other versions while they work: what they keep in mind goes on with them.

mod lies;
mod mail;
mod totals;

use std::fs::File;
use std::io::{Read as _, Seek as _, SeekFrom, Write as _};
use std::process::{Child, ChildStdin, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use serde_json::Value;
use theater_flow_tests::held::{wait, wait_for};
use theater_flow_tests::{Ran, Scene};
use totals::{FAULTS, FIRST, FLOODS, LOOPS, SECOND, THIRD, TRAPS, Version};

const PIPELINE: &str = r#"
format = 1
name = "totals"

[supervisors.root]
children = ["lines", "numbers", "totals", "print"]

RULES
[agents.lines]
actor = "std/stdin-lines"
grants = { stdin = true }

[agents.numbers]
actor = "std/map"
inputs = "lines"
outputs = { out = "u64" }
config = { expr = ".text | tonumber" }

[agents.totals]
actor = "./totals.wasm"
inputs = "numbers"
config = CONFIG
limits = { memory = "256MiB", fuel = 50_000_000 }

[agents.print]
actor = "std/stdout"
inputs = "totals"
grants = { stdout = true }
"#;

/// Bytes in which a line surely ends and another begins.
const LINE: u64 = 40;

/// A run that sums numbers up, of which a thread writes more and more.
struct Summing {
    scene: Scene,
    child: Option<Child>,
    /// Numbers written so far; each is one more than the one before it.
    written: Arc<AtomicU64>,
    enough: Arc<AtomicBool>,
    writer: Option<JoinHandle<ChildStdin>>,
}

impl Summing {
    fn start(version: Version) -> Self {
        let scene = Scene::new();
        let written = Arc::new(AtomicU64::new(0));
        let mut this = Self { scene, child: None, written, enough: Arc::default(), writer: None };
        this.has(version, ("", "{}"));
        let out = File::create(this.scene.path().join("out.txt")).expect("a file");
        let err = File::create(this.scene.path().join("err.txt")).expect("a file");
        let mut run = this.scene.command(["run", "pipeline.toml", "--quiet"]);
        let mut child = run.stdin(Stdio::piped()).stdout(out).stderr(err).spawn().expect("starts");
        let stdin = child.stdin.take().expect("it is piped");
        let (written, enough) = (Arc::clone(&this.written), Arc::clone(&this.enough));
        this.writer = Some(thread::spawn(move || write(stdin, &written, &enough)));
        this.child = Some(child);
        this
    }

    /// Puts a version and a config in the place of those that the file has.
    fn has(&self, version: Version, (rules, config): (&str, &str)) {
        self.scene.file("totals.wasm", version.file());
        let text = PIPELINE.replace("RULES", rules).replace("CONFIG", config);
        self.scene.file("pipeline.toml", text);
    }

    fn reload(&self) -> Ran {
        self.scene.say("reload @latest pipeline.toml")
    }

    /// Waits until this version has printed more.
    fn goes_on(&self, mark: char) {
        let mut out = File::open(self.scene.path().join("out.txt")).expect("it prints");
        let mut end = || {
            let len = out.seek(SeekFrom::End(0)).expect("a file");
            let mut text = String::new();
            out.seek(SeekFrom::Start(len.saturating_sub(LINE))).expect("a file");
            out.read_to_string(&mut text).expect("text");
            let line = text.trim_end_matches('\n').rsplit_once('\n').map(|(_, line)| line.chars());
            (len, line.and_then(|mut line| line.next()))
        };
        let from = wait_for("a first total", || Some(end()).filter(|(_, by)| *by == Some(mark)));
        wait_for("further totals", || (end().0 > from.0 + 20 * LINE).then_some(()));
    }

    /// What is printed: the mark and the total of each whole line.
    fn totals(&self) -> Vec<(char, u64)> {
        let printed = self.scene.read("out.txt");
        let whole = printed.rsplit_once('\n').map_or("", |(whole, _)| whole);
        whole.lines().map(total).collect()
    }

    /// Ends the input, waits for the end, and checks that all was summed up, once and in its order.
    fn complete(&mut self) -> Vec<(char, u64)> {
        self.enough.store(true, Ordering::SeqCst);
        let writer = self.writer.take().expect("it is not over");
        drop(writer.join().expect("it only writes"));
        let ended = wait(self.child.take().expect("it is not over"));
        assert_eq!(ended.code(), 0, "{}", self.scene.read("err.txt"));
        self.totals()
    }

    fn replays(&self) {
        let replayed = self.scene.say("replay @latest --json").ends(0).json();
        let summary = replayed.last().expect("a line");
        assert_eq!(summary["ok"], true, "{summary}");
        self.scene.say("verify @latest").ends(0);
    }

    /// How agents went on, by revision.
    fn moves(&self) -> Vec<Value> {
        self.scene.say("events @latest --kind reloaded --json").ends(0).json()
    }
}

impl Drop for Summing {
    fn drop(&mut self) {
        self.enough.store(true, Ordering::SeqCst);
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// Writes 1, 2, 3, … until it is enough.
fn write(mut stdin: ChildStdin, written: &AtomicU64, enough: &AtomicBool) -> ChildStdin {
    let mut next = 1;
    while !enough.load(Ordering::SeqCst) {
        let numbers: Vec<String> = (next..next + 20).map(|number| number.to_string()).collect();
        let lines = numbers.join("\n") + "\n";
        if stdin.write_all(lines.as_bytes()).is_err() {
            break;
        }
        next += 20;
        written.store(next - 1, Ordering::SeqCst);
        thread::sleep(Duration::from_millis(4));
    }
    stdin
}

fn total(line: &str) -> (char, u64) {
    let number = line.trim_matches(|c: char| !c.is_ascii_digit());
    let mark = line.chars().next().filter(|c| !c.is_ascii_digit()).unwrap_or(' ');
    (mark, number.parse().unwrap_or_else(|_| panic!("`{line}` is no total")))
}

/// Every number was added once, in its order.
fn assert_sums(summing: &Summing, totals: &[(char, u64)]) {
    let count = summing.written.load(Ordering::SeqCst);
    let sums: Vec<u64> = (1..=count)
        .scan(0, |sum, n| {
            *sum += n;
            Some(*sum)
        })
        .collect();
    let totals: Vec<u64> = totals.iter().map(|(_, total)| *total).collect();
    assert_eq!(totals, sums);
}

/// The marks in the order in which they came first.
fn marks(totals: &[(char, u64)]) -> String {
    let mut marks: Vec<char> = totals.iter().map(|(mark, _)| *mark).collect();
    marks.dedup();
    marks.into_iter().collect()
}

#[test]
fn a_total_goes_on_through_four_changes_of_who_keeps_it() {
    let mut summing = Summing::start(FIRST);
    summing.goes_on(' ');
    let says = ["reload ok rev 1→2 (+0 ~1 -0)", "rev 2→3", "rev 3→4", "rev 4→5"];
    let fourth = Version { marks: ('-', ' '), migrate: None, ..THIRD };
    let changes = [(SECOND, "{}"), (THIRD, "{}"), (THIRD, "{ name = 1 }"), (fourth, "{}")];
    for ((version, config), says) in changes.into_iter().zip(says) {
        summing.has(version, ("", config));
        summing.reload().ends(0).tells([says]);
        summing.goes_on(version.marks.0);
    }
    let totals = summing.complete();
    assert_sums(&summing, &totals);
    assert_eq!(marks(&totals), " [\"-");
    let how: Vec<Value> =
        summing.moves().iter().map(|record| record["moves"][0]["state"].clone()).collect();
    assert_eq!(how, ["as", "migrated", "as", "as"]);
    summing.replays();
    lies::are_found(&summing.scene, &[FIRST, SECOND, THIRD, fourth]);
}

#[test]
fn a_state_that_the_next_version_cannot_take_changes_nothing() {
    let flooding = Version { migrate: Some(FLOODS), ..THIRD };
    let cases = [
        (Version { migrate: None, ..THIRD }, "bad-state: not like so"),
        (Version { migrate: Some(FAULTS), ..THIRD }, "migrate: bad-state: not like so"),
        (Version { migrate: Some(TRAPS), ..THIRD }, "unreachable"),
        (Version { migrate: Some(LOOPS), ..THIRD }, "fuel"),
        (flooding, "migrate: "),
    ];
    let mut summing = Summing::start(FIRST);
    summing.goes_on(' ');
    for (version, says) in cases {
        summing.has(version, ("", "{}"));
        summing.reload().ends(1).tells(["reload refused: `totals` cannot go on", says]);
        summing.goes_on(' ');
    }
    summing.has(THIRD, ("", "{}"));
    summing.reload().ends(0);
    summing.goes_on('"');
    let totals = summing.complete();
    assert_sums(&summing, &totals);
    assert_eq!(summing.moves().len(), 1);
    summing.replays();
}

#[test]
fn who_may_begin_anew_does_when_there_is_no_way_from_the_old_state() {
    const FRESH: &str = "[reload]\non_state_mismatch = \"fresh\"\n";
    for migrate in [None, Some(FAULTS), Some(LOOPS)] {
        let mut summing = Summing::start(FIRST);
        summing.goes_on(' ');
        summing.has(Version { migrate, ..THIRD }, (FRESH, "{}"));
        summing.reload().ends(0);
        summing.goes_on('"');
        // The new one's state is its own from the start.
        summing.has(Version { marks: ('[', ']'), migrate: None, ..THIRD }, ("", "{}"));
        summing.reload().ends(0);
        summing.goes_on('[');
        let totals = summing.complete();
        let (old, new): (Vec<_>, Vec<_>) = totals.iter().partition(|(mark, _)| *mark == ' ');
        let count = summing.written.load(Ordering::SeqCst);
        assert_eq!(totals.len() as u64, count, "none is lost or repeated");
        let first = old.len() as u64 + 1;
        let sums = (first..=count).scan(0, |sum, n| {
            *sum += n;
            Some(*sum)
        });
        assert!(new.iter().map(|(_, total)| *total).eq(sums), "it began with nothing");
        let how: Vec<Value> =
            summing.moves().iter().map(|record| record["moves"][0]["state"].clone()).collect();
        assert_eq!(how, ["fresh", "as"]);
        summing.replays();
    }
}
