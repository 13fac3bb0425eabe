//! What is done to a live run from outside: `send`, `pause` and `resume`, `tap`, `run --until forever`.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::process::{Child, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, mpsc};
use std::time::Duration;

use rustix::process::Signal;
use serde_json::Value;
use theater_flow_tests::held::{held, send, wait, wait_for};
use theater_flow_tests::{LIMIT, Ran, Scene, finish};

/// A tick that never comes, through an agent that says its number twice, to a file of lines and to standard output.
const PIPELINE: &str = r#"
format = 1
name = "open"

[supervisors.root]
children = ["ticks", "entry", "double", "lines", "print"]

[types]
Tick = { n = "u64", at = "u64" }
Twice = { n = "u64" }

[agents.ticks]
actor = "std/timer"
config = { every = "1h" }
grants = { clock = true, timer = true }

[agents.entry]
actor = "std/filter"
inputs = "ticks"
config = { when = ".n < 100000" }

[agents.double]
actor = "std/map"
inputs = "entry"
config = { expr = "{ n: (.n * 2) }" }
outputs = { out = "Twice" }

[agents.lines]
actor = "std/file-write"
inputs = "double"
config = { path = "out/lines.jsonl", mode = "append" }
grants = { files = { write = ["out"] } }

[agents.print]
actor = "std/stdout"
inputs = "double"
grants = { stdout = true }

[channels."ticks.out"]
capacity = 3
"#;

/// A run that goes on until it is stopped.
struct Open {
    scene: Scene,
    child: Option<Child>,
}

impl Open {
    fn start() -> Self {
        Self::of(PIPELINE)
    }

    fn of(text: &str) -> Self {
        let scene = Scene::new();
        scene.file("open.toml", text);
        let child = held(&scene, ["run", "open.toml", "--until", "forever"]);
        let mut this = Self { scene, child: Some(child) };
        this.began();
        this
    }

    /// Waits until all its agents have begun.
    fn began(&mut self) {
        let child = self.child.as_mut().expect("it runs");
        wait_for("the agents", || {
            assert_eq!(child.try_wait().expect("a look"), None, "it has ended");
            let lines = self.scene.say("tree @latest");
            let up = |name: &str| lines.text().contains(&format!("{name}  up"));
            ["entry", "double", "lines", "print"].into_iter().all(up).then_some(())
        });
    }

    fn say(&self, line: &str) -> Ran {
        self.scene.say(line)
    }

    fn tick(&self, n: u64) -> Ran {
        self.scene.run(["send", "@latest", "entry.in", &format!("{{\"n\":{n},\"at\":0}}")])
    }

    fn written(&self) -> Vec<u64> {
        let text =
            fs::read_to_string(self.scene.path().join("out/lines.jsonl")).unwrap_or_default();
        let line = |line: &str| serde_json::from_str::<Value>(line).expect("JSON")["n"].as_u64();
        text.lines().map(|text| line(text).expect("a number")).collect()
    }

    fn writes(&self, expected: &[u64]) {
        wait_for("the lines", || (self.written() == expected).then_some(()));
    }

    fn kinds(&self) -> Vec<String> {
        let lines = self.say("events @latest --json").ends(0).json();
        lines.iter().map(|line| line["kind"].as_str().expect("a kind").to_owned()).collect()
    }

    fn stop(&mut self) -> Ran {
        self.say("stop @latest").ends(0);
        wait(self.child.take().expect("it runs"))
    }

    fn kill(&mut self) {
        let child = self.child.take().expect("it runs");
        send(&child, Signal::KILL);
        let _ = wait(child);
    }

    fn resume(&mut self, until: &str) {
        self.child = Some(held(&self.scene, ["resume", "@latest", "--until", until]));
        self.began();
    }

    fn checked(&self) {
        self.say("verify @latest").ends(0);
        self.say("replay @latest").ends(0);
    }
}

#[test]
fn a_message_is_sent_to_an_agent_and_explained() {
    let mut run = Open::start();
    run.tick(21).ends(0).tells(["message", "was sent to entry.in"]);
    run.writes(&[42]);
    let mut command = run.scene.command(["send", "@latest", "entry", "-", "--json"]);
    fs::write(run.scene.path().join("value.json"), "{ \"n\": 4,\n  \"at\": 1 }\n").expect("a file");
    let value = fs::File::open(run.scene.path().join("value.json")).expect("it is there");
    let sent = finish(command.stdin(Stdio::from(value)), LIMIT).ends(0).json();
    assert_eq!(sent[0]["recorded"], true);
    run.writes(&[42, 8]);
    let seq = sent[0]["seq"].as_u64().expect("a record");
    let line = run.say(&format!("show @latest {seq} --json")).ends(0).json().remove(0);
    assert_eq!(
        (&line["kind"], &line["agent"], &line["port"]),
        (&"received".into(), &"entry".into(), &"in".into())
    );
    assert_eq!(line["value"], serde_json::json!({ "n": 4, "at": 1 }));
    assert_eq!(line["by"]["uid"], rustix::process::getuid().as_raw());
    let last = run.say("events @latest --kind emission --json").ends(0).json();
    let last = last.last().expect("one").clone();
    let why = run.say(&format!("why @latest {}.0", last["seq"])).ends(0);
    assert!(why.text().contains("received  sent by"), "{why}");
    let led = run.say(&format!("why @latest {seq} --impact")).ends(0);
    assert!(led.text().contains("double  transaction"), "{led}");
    run.stop().ends(130);
    run.checked();
}

#[test]
fn what_cannot_be_sent_is_refused_with_what_could() {
    let mut run = Open::start();
    let cases = [
        ("entri.in", "{}", 2, vec!["there is no agent `entri`", "did you mean `entry`?"]),
        ("double.im", "{}", 2, vec!["`double` has no input `im`", "did you mean `in`?"]),
        ("ticks.in", "{}", 2, vec!["`ticks` has no input `in`", "it only sends"]),
        ("double.out", "{}", 2, vec!["`double` has no input `out`", "there is `in`"]),
        (".in", "{}", 2, vec!["`.in` names no input", "agent.port"]),
        ("a b", "{}", 2, vec!["`a b` names no input"]),
        (
            "entry.in",
            "{\"n\":\"x\",\"at\":0}",
            2,
            vec!["this is no value of `entry.in`", "expected u64, found a string at /n"],
        ),
        ("entry.in", "{\"n\":1}", 2, vec!["this is no value of `entry.in`", "at"]),
        ("entry.in", "-5", 2, vec!["this is no value of `entry.in`", "found a number"]),
        ("entry.in", "tick", 2, vec!["not JSON", "a string stands in quotes"]),
        ("entry.in", "", 2, vec!["not JSON"]),
    ];
    for (to, value, code, says) in cases {
        run.scene.run(["send", "@latest", to, value]).ends(code).tells(says);
    }
    assert!(!run.kinds().contains(&String::from("received")));
    run.say("pause @latest").ends(0);
    (0..3).for_each(|n| drop(run.tick(n).ends(0)));
    run.tick(3).ends(1).tells(["`entry.in` takes no message", "its 3 places are taken"]);
    run.say("resume @latest").ends(0);
    run.writes(&[0, 2, 4]);
    run.stop().ends(130);
    run.tick(1).ends(2).tells(["no process runs", "it is suspended", "resume"]);
    run.checked();
}

#[test]
fn a_run_stands_still_and_goes_on() {
    let mut run = Open::start();
    run.say("pause @latest").ends(0).tells(["is paused", "resume"]);
    run.say("pause @latest").ends(0).tells(["it is paused already"]);
    assert!(run.say("runs").ends(0).text().contains("  paused  "));
    assert!(run.say("tree @latest").ends(0).text().contains("paused"));
    let tree = run.say("tree @latest --json").ends(0).json();
    assert_eq!(tree[0]["state"], "paused");
    run.tick(1).ends(0);
    run.tick(2).ends(0);
    // A look at the state comes after all that was said before: nothing was handled.
    let tree = run.say("tree @latest --json").ends(0).json();
    assert_eq!((&tree[0]["children"][1]["waiting"], run.written().len()), (&2.into(), 0));
    run.say("resume @latest").ends(0).tells(["goes on"]);
    run.writes(&[2, 4]);
    assert!(run.say("runs").ends(0).text().contains("  running  "));
    run.say("resume @latest").ends(1).tells(["goes on already"]);
    let said: Vec<String> =
        run.kinds().into_iter().filter(|kind| kind == "paused" || kind == "continued").collect();
    assert_eq!(said, ["paused", "continued"]);
    run.stop().ends(130);
    run.say("pause @latest").ends(2).tells(["no process runs", "it is suspended", "resume"]);
    run.checked();
}

#[test]
fn a_run_that_stands_still_can_be_stopped_killed_forked_and_taken_up() {
    let mut run = Open::start();
    run.say("pause @latest").ends(0);
    run.tick(1).ends(0);
    run.kill();
    assert!(run.say("runs").ends(0).text().contains("interrupted"));
    run.resume("forever");
    run.writes(&[2]);
    run.say("pause @latest").ends(0);
    run.tick(2).ends(0);
    run.stop().ends(130);
    assert_eq!(run.written(), [2], "mailboxes are left as they are");
    let last = run.kinds().len() - 1;
    run.say(&format!("fork @latest --at {last} --hold")).ends(0);
    run.say("verify @latest").ends(0);
    let runs = run.say("runs --json").ends(0).json();
    let first = runs.last().expect("the first")["run"].as_str().expect("an id").to_owned();
    run.child = Some(held(&run.scene, ["resume", &first, "--until", "forever"]));
    run.writes(&[2, 4]);
    run.say(&format!("stop {first}")).ends(0);
    wait(run.child.take().expect("it runs")).ends(130);
    let kinds = run.say(&format!("events {first} --kind continued --json")).ends(0).json();
    assert_eq!(kinds.len(), 2);
    assert!(kinds.iter().all(|line| line["by"].is_null()));
    run.say(&format!("verify {first}")).ends(0);
    run.say(&format!("replay {first}")).ends(0);
}

/// Whoever was told that a message was sent can rely on it, whatever becomes of the process.
#[test]
fn a_message_that_was_sent_survives_a_kill() {
    let mut run = Open::start();
    let sent = Mutex::new(vec![]);
    for round in 1..=3 {
        let child = run.child.take().expect("it runs");
        let (runs, enough) = (AtomicBool::new(true), round * 8);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                for n in round * 1_000.. {
                    let told = run.tick(n).code();
                    if told == 0 {
                        sent.lock().expect("a list").push(n * 2);
                    } else if !runs.load(Ordering::SeqCst) {
                        break;
                    }
                }
            });
            wait_for("some messages", || {
                (sent.lock().expect("a list").len() as u64 >= enough).then_some(())
            });
            send(&child, Signal::KILL);
            let _ = wait(child);
            runs.store(false, Ordering::SeqCst);
        });
        run.resume("forever");
    }
    let sent = sent.into_inner().expect("a list");
    wait_for("all that was sent", || {
        let written = run.written();
        sent.iter().all(|n| written.contains(n)).then_some(())
    });
    let mut written = run.written();
    assert!(written.is_sorted(), "{written:?}");
    let all = written.len();
    written.dedup();
    assert_eq!(written.len(), all, "nothing comes twice");
    run.stop().ends(130);
    run.checked();
}

#[test]
fn messages_are_watched_as_they_are_emitted() {
    let mut run = Open::start();
    let follow = |channels: &str| {
        let mut command = run.scene.command(["tap", "@latest", channels, "--json"]);
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it starts")
    };
    let (mut tapped, other) = (follow("dou*"), follow("ticks"));
    let out = BufReader::new(tapped.stdout.take().expect("its output"));
    let (told, lines) = mpsc::channel();
    let reader = std::thread::spawn(move || {
        for line in out.lines() {
            let line = serde_json::from_str::<Value>(&line.expect("text")).expect("JSON");
            told.send(line).expect("somebody listens");
        }
    });
    // Whoever begins to watch is told what comes from then on: it watches once one has come.
    let mut n = 0;
    let first = loop {
        run.tick(n).ends(0);
        n += 1;
        if let Ok(line) = lines.recv_timeout(Duration::from_millis(50)) {
            break line;
        }
    };
    run.tick(7_000).ends(0);
    run.stop().ends(130);
    reader.join().expect("all was JSON");
    assert_eq!(tapped.wait().expect("it ends").code(), Some(0));
    let lines: Vec<Value> = [first].into_iter().chain(lines).collect();
    assert!(lines.iter().all(|line| line["channel"] == "double.out"));
    let last = lines.last().expect("one");
    assert_eq!(last["value"], serde_json::json!({ "n": 14_000 }));
    let named = format!("{}.{}", last["seq"], last["i"]);
    assert_eq!(last["message"], named.as_str());
    let other = other.wait_with_output().expect("it ends");
    assert_eq!((other.status.code(), other.stdout.len()), (Some(0), 0), "no tick came");
    run.say("tap @latest double").ends(2).tells(["no process runs", "events", "--kind emission"]);
}

#[test]
fn a_pattern_of_no_channel_is_refused() {
    let mut run = Open::start();
    run.say("tap @latest duble.*")
        .ends(2)
        .tells(["no channel", "`ticks.out`, `entry.out`, `double.out`"]);
    run.say("tap @latest a?b").ends(2).tells(["is no pattern of channels"]);
    run.stop().ends(130);
}

/// Whoever watches and does not read, or goes away, is no concern of the run.
#[test]
fn a_slow_reader_holds_up_nothing() {
    let mut run = Open::start();
    let mut command = run.scene.command(["tap", "@latest", "**", "--json"]);
    let mut slow = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().expect("it starts");
    let mut command = run.scene.command(["tap", "@latest", "**"]);
    let mut gone = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().expect("it starts");
    drop(gone.stdout.take());
    let mut expected = vec![];
    for n in 0..40 {
        run.tick(n).ends(0);
        expected.push(n * 2);
    }
    run.writes(&expected);
    assert_eq!(gone.wait().expect("it ends").code(), Some(0), "a broken pipe is no error");
    assert_eq!(slow.try_wait().expect("a look"), None, "it watches still");
    run.stop().ends(130);
    drop(slow.stdout.take());
    slow.wait().expect("it ends");
}

#[test]
fn a_kept_run_ends_when_it_is_not_kept() {
    let count = PIPELINE.replace("every = \"1h\"", "every = \"1ms\", count = 2");
    let mut run = Open::of(&count);
    run.writes(&[2, 4]);
    wait_for("the end of the source", || {
        let lines = run.say("tree @latest");
        let ended = ["ticks  finished", "ticks  done"];
        ended.into_iter().any(|word| lines.text().contains(word)).then_some(())
    });
    run.tick(50).ends(0);
    run.writes(&[2, 4, 100]);
    run.stop().ends(130);
    run.say("resume @latest").ends(0);
    assert_eq!(run.written(), [2, 4, 100]);
    run.say("resume @latest").ends(2).tells(["already completed"]);
    run.tick(1).ends(2).tells(["it is over: completed"]);
    run.checked();
}

#[test]
fn a_run_that_stands_still_goes_over_to_another_plan() {
    let mut run = Open::start();
    run.say("pause @latest").ends(0);
    run.tick(1).ends(0);
    run.scene.file("open.toml", PIPELINE.replace(".n * 2", ".n * 3"));
    run.say("reload @latest open.toml").ends(0);
    assert!(run.say("runs").ends(0).text().contains("  paused  "));
    run.say("resume @latest").ends(0);
    run.writes(&[3]);
    run.stop().ends(130);
    run.checked();
}
