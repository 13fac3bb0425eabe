//! Reloads of every kind while messages stream through a run as fast as they are taken, by the real program: nothing is
//! lost, repeated or out of its order, whatever is killed meanwhile.

use std::fs;
use std::io::Write as _;
use std::process::Child;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use serde_json::Value;
use theater_flow_tests::dice::Dice;
use theater_flow_tests::held::{held, wait, wait_for};
use theater_flow_tests::lives::tell;
use theater_flow_tests::{Ran, Scene, is_full, prebuilt};

/// Four agents: numbers come in, and go out as they came.
const STREAM: &str = r#"format = 1
name = "stream"
[supervisors.root]
children = ["lines", "one", "two", "out"]
[types]
Item = { n = "u64", tag = "string" }
[agents.lines]
actor = "std/stdin-lines"
grants = { stdin = true }
[agents.one]
actor = "std/map"
inputs = "lines"
outputs = { out = "Item" }
config = { expr = '{ n: (.text | tonumber), tag: "a" }' }
[agents.two]
actor = "std/map"
inputs = "one"
outputs = { out = "Item" }
config = { expr = "." }
[agents.out]
actor = "std/file-write"
inputs = "two"
config = { path = "out.jsonl", mode = "append" }
grants = { files = { write = ["out.jsonl"] } }
"#;

/// What a reload changes, the `nth` time.
type Edit = fn(nth: usize, component: &str) -> String;

/// Every kind of change that keeps the order of what goes out.
const EDITS: [(&str, Edit); 13] = [
    ("config", |nth, _| STREAM.replace("\"a\"", &format!("\"a{nth}\""))),
    ("start and rewire", |_, _| with_mid("mid")),
    ("stop and rewire", |_, _| STREAM.to_owned()),
    ("retune", |nth, _| {
        STREAM
            .replace("[agents.two]", &format!("[agents.two]\nretry = {{ max = {} }}", 1 + nth % 9))
    }),
    ("capacity", |nth, _| {
        STREAM.replace(
            "[agents.out]",
            &format!("[channels.\"two.out\"]\ncapacity = {}\n[agents.out]", 64 + nth),
        )
    }),
    ("limits", |nth, _| {
        STREAM.replace(
            "[agents.two]",
            &format!("[agents.two]\nlimits = {{ memory = \"{}MiB\" }}", 30 + nth % 7),
        )
    }),
    ("supervise", |nth, _| {
        let strategy = ["one-for-one", "rest-for-one", "one-for-all"][nth % 3];
        STREAM.replace(
            "children = [\"lines\"",
            &format!("strategy = \"{strategy}\"\nchildren = [\"lines\""),
        )
    }),
    ("component", |nth, component| {
        // A section with a name only makes the same component another one.
        let other = format!("two-{}.wasm", nth % 4);
        STREAM.replacen(
            "actor = \"std/map\"\ninputs = \"one\"",
            &format!("actor = \"{component}/{other}\"\ninputs = \"one\""),
            1,
        )
    }),
    ("exchange", |nth, _| with_mid(&format!("mid{nth}"))),
    ("regrant", |_, _| STREAM.replace("[\"out.jsonl\"]", "[\"out.jsonl\", \"other.jsonl\"]")),
    ("ends and beginnings", |nth, _| {
        let (restart, shutdown) = (["permanent", "transient"][nth % 2], 6 + nth % 3);
        STREAM.replace(
            "[agents.two]",
            &format!(
                "[agents.two]\nrestart = \"{restart}\"\nrestore = \"fresh\"\nshutdown = \"{shutdown}s\""
            ),
        )
    }),
    ("tree", |_, _| {
        STREAM.replace("\"one\", \"two\", \"out\"]", "\"group\", \"out\"]").replace(
            "[types]",
            "[supervisors.group]\nstrategy = \"rest-for-one\"\nchildren = [\"one\", \"two\"]\n[types]",
        )
    }),
    ("types", |nth, _| {
        let more = format!("Item = {{ more{nth} = \"option<string>\", ");
        STREAM.replace("Item = { ", &more)
    }),
];

/// The stream with one more agent in it.
fn with_mid(name: &str) -> String {
    let mid = format!(
        "[agents.{name}]\nactor = \"std/map\"\ninputs = \"one\"\noutputs = {{ out = \"Item\" }}\nconfig = {{ expr = \".\" }}\n[agents.two]"
    );
    STREAM
        .replace("\"two\", \"out\"]", &format!("\"{name}\", \"two\", \"out\"]"))
        .replace("inputs = \"one\"", &format!("inputs = \"{name}\""))
        .replace("[agents.two]", &mid)
}

fn scene() -> Scene {
    let scene = Scene::new();
    scene.file("stream.toml", STREAM);
    let map = fs::read(prebuilt("map")).expect("it is there");
    for nth in 0..4_u8 {
        let section = [0, 3, 2, b't', b'0' + nth];
        scene.file(&format!("two-{nth}.wasm"), [&map[..], &section].concat());
    }
    scene
}

/// Writes numbers to a run's standard input until it is told to stop.
struct Feed {
    enough: Arc<AtomicBool>,
    thread: JoinHandle<u64>,
}

impl Feed {
    fn start(child: &mut Child) -> Self {
        let mut input = child.stdin.take().expect("it is piped");
        let enough = Arc::new(AtomicBool::new(false));
        let told = Arc::clone(&enough);
        let thread = thread::spawn(move || {
            let mut next = 0;
            while !told.load(Ordering::Relaxed) && writeln!(input, "{next}").is_ok() {
                next += 1;
            }
            next
        });
        Self { enough, thread }
    }

    /// Stops; how many it wrote.
    fn end(self) -> u64 {
        self.enough.store(true, Ordering::Relaxed);
        self.thread.join().expect("it ends")
    }
}

/// The numbers that came out, in their order.
fn out(scene: &Scene) -> Vec<u64> {
    let text = scene.read("out.jsonl");
    let number = |line: &str| {
        let item: Value = serde_json::from_str(line).expect("a line of JSON");
        item["n"].as_u64().expect("a number")
    };
    text.lines().map(number).collect()
}

fn is_whole(numbers: &[u64], upto: u64) {
    assert_eq!(numbers.len() as u64, upto, "lost or repeated");
    assert!(numbers.iter().copied().eq(0..upto), "out of order");
}

/// Has the run go over to another plan; approves it if that is asked for.
fn reload(scene: &Scene, nth: usize) -> Ran {
    let (kind, edit) = EDITS[nth % EDITS.len()];
    let folder = scene.path().display().to_string();
    scene.file("next.toml", edit(nth, &folder));
    let ran = scene.say("reload @latest next.toml --json");
    match ran.code() {
        4 => {
            let proposal = ran.json()[0]["proposal"].to_string();
            scene.run(["approve", "@latest", &proposal])
        }
        0 | 1 => ran,
        _ => panic!("{kind}: {ran}"),
    }
}

#[test]
fn nothing_is_lost_repeated_or_out_of_order_under_load() {
    let scene = scene();
    let reloads = if is_full() { 60 } else { 26 };
    let mut child = held(&scene, ["run", "stream.toml"]);
    wait_for("the control socket", || {
        scene.runs().first().is_some_and(|run| run.join("socket").is_file()).then_some(())
    });
    let (began, feed) = (Instant::now(), Feed::start(&mut child));
    for nth in 0..reloads {
        let ran = reload(&scene, nth).ends(0);
        assert!(ran.err.is_empty() || ran.err.contains("reload ok"), "{ran}");
    }
    let numbers = feed.end();
    wait(child).ends(0);
    is_whole(&out(&scene), numbers);
    let rate =
        numbers * 1_000 / u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX).max(1);
    tell(&format!("{reloads} reloads among {numbers} numbers, {rate} a second through 4 agents"));
    let plans = scene.say("plans @latest --json").ends(0).json();
    assert!(plans.len() > reloads / 2, "{}", plans.len());
    scene.say("verify @latest").ends(0);
    if is_full() {
        scene.say("replay @latest").ends(0);
    }
}

#[test]
fn a_kill_at_any_moment_of_a_reload_leaves_the_old_plan_or_the_new() {
    let scene = scene();
    let (kills, lines) = if is_full() { (60, 1_000_000) } else { (6, 150_000) };
    let numbers: Vec<String> = (0..lines).map(|n| format!("{n}\n")).collect();
    scene.file("in.txt", numbers.concat());
    scene.file("stream.toml", from_file(STREAM));
    let mut dice = Dice::new(7);
    let mut life = held(&scene, ["run", "stream.toml"]);
    let (mut kept, mut killed) = (0, 0);
    for nth in 0..kills {
        let up = || scene.say("tree @latest --json").text().contains("\"up\"").then_some(());
        wait_for("its agents", || up().or_else(|| life.try_wait().ok().flatten().map(drop)));
        if life.try_wait().expect("a child").is_some() {
            break; // All lines were read.
        }
        let before = revision(&scene);
        let (kind, edit) = EDITS[nth % EDITS.len()];
        scene.file("next.toml", from_file(&edit(nth, &scene.path().display().to_string())));
        let mut asks = held(&scene, ["reload", "@latest", "next.toml"]);
        let (began, moment) = (Instant::now(), Duration::from_millis(dice.below(120)));
        wait_for("the moment", || (began.elapsed() >= moment).then_some(()));
        let _ = life.kill();
        let ended = wait(life);
        let _ = asks.kill();
        let _ = wait(asks);
        if ended.status.success() {
            life = held(&scene, ["runs"]); // All lines were read in that moment.
            break;
        }
        let after = revision(&scene);
        assert!(after == before || after == before + 1, "{kind}: {before} to {after}");
        kept += usize::from(after == before);
        killed += 1;
        scene.say("verify @latest").ends(0);
        life = held(&scene, ["resume", "@latest"]);
    }
    wait(life).ends(0);
    is_whole(&out(&scene), lines);
    tell(&format!("{killed} kills, {kept} of them before the new plan was durable"));
    scene.say("verify @latest").ends(0);
    if is_full() {
        scene.say("replay @latest").ends(0);
    }
}

/// The same, fed by a file.
fn from_file(text: &str) -> String {
    text.replace("std/stdin-lines", "std/file-lines").replace(
        "grants = { stdin = true }",
        "config = { path = \"in.txt\" }\ngrants = { files = { read = [\"in.txt\"] } }",
    )
}

fn revision(scene: &Scene) -> u64 {
    let plans = scene.say("plans @latest --json").ends(0).json();
    let in_force = plans.iter().rev().find(|plan| plan["waits"] == false).expect("a plan");
    in_force["revision"].as_u64().expect("a number")
}
