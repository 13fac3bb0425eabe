//! Agents that are stopped by their supervisors: in the middle of a call, of a request, of a wait for input; and
//! processes that are killed in the middle of restarts.

use std::io::Write as _;
use std::process::{Child, ChildStdin, Stdio};
use std::time::Duration;

use serde_json::Value;
use theater_flow_tests::dice::Dice;
use theater_flow_tests::held::{held, wait, wait_for};
use theater_flow_tests::lives::tell;
use theater_flow_tests::web::{Server, asking};
use theater_flow_tests::{Scene, is_full, prebuilt};

/// A run whose agent `trip` crashes at a line of its standard input, and takes all others with it.
struct Tripped {
    scene: Scene,
    child: Child,
    keys: ChildStdin,
}

/// `keys` waits for standard input, however long, unless it is killed.
const TRIP: &str = r#"
[agents.keys]
actor = "std/stdin-lines"
grants = { stdin = true }
timeout = "10m"
shutdown = "brutal-kill"

[agents.trip]
actor = "PROBE"
inputs = "keys"
config = { on = [{ match = "trip", do = "trap" }] }
"#;

impl Tripped {
    /// Starts a pipeline, of which these are the children of the root besides.
    fn start(children: &str, agents: &str) -> Self {
        let scene = Scene::new();
        scene.file("lines.txt", "a\nb\nc\n");
        let probe = prebuilt("probe").display().to_string();
        let root =
            format!("strategy = \"one-for-all\"\nchildren = [{children}, \"keys\", \"trip\"]");
        let text = format!(
            "format = 1\nname = \"shutdown\"\n\n[supervisors.root]\n{root}\n{agents}{TRIP}"
        );
        scene.file("pipeline.toml", text.replace("PROBE", &probe));
        let mut command = scene.command(["run", "pipeline.toml", "--allow-dead-letters"]);
        command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
        let mut child = command.spawn().expect("the program starts");
        let keys = child.stdin.take().expect("it is piped");
        Self { scene, child, keys }
    }

    /// The same, of the agents that ask, whose request with this number hangs. `habits` are those of the one that asks.
    fn asking(server: &Server, habits: &str) -> Self {
        let text = asking(server.port, "POST", ("local = true", habits));
        let (_, agents) = text.split_once("[agents.").expect("agents");
        let children = "\"lines\", \"ask\", \"print\", \"refused\"";
        Self::start(children, &format!("[agents.{agents}"))
    }

    /// Lets `trip` crash.
    fn trip(&mut self) {
        self.keys.write_all(b"trip\n").expect("it reads");
    }

    fn events(&self, kind: &str) -> Vec<Value> {
        self.scene.run(["events", "@latest", "--json", "--kind", kind]).json()
    }

    /// Waits for a record of this kind that is so.
    fn wait(&self, kind: &str, so: impl Fn(&Value) -> bool) -> Value {
        wait_for(kind, || self.events(kind).into_iter().find(|event| so(event)))
    }

    /// Closes standard input, and checks what is left.
    fn ends(mut self) -> Scene {
        drop(self.keys);
        let status = self.child.wait().expect("it ends");
        assert_eq!(status.code(), Some(0), "{status}");
        self.scene.say("verify @latest").ends(0);
        self.scene.say("replay @latest").ends(0);
        self.scene
    }
}

#[test]
fn a_loop_without_end_is_killed_at_once() {
    let spin = "[agents.spin]\nactor = \"PROBE\"\nrestart = \"temporary\"\ntimeout = \"10m\"\n\
                shutdown = \"brutal-kill\"\nlimits = { fuel = 9_000_000_000_000 }\n\
                config = { on = [{ event = \"start\", do = \"loop\" }] }\n";
    let mut run = Tripped::start("\"spin\"", spin);
    run.wait("incarnation", |life| life["agent"] == "spin");
    run.trip();
    // Its supervisor goes on, and so does the thread that it had.
    run.wait("incarnation", |life| life["agent"] == "trip" && life["incarnation"] == 2);
    let ended = run.wait("ended", |end| end["agent"] == "spin");
    assert_eq!(ended["how"], "stopped");
    let keys = run.wait("stopped", |stop| stop["agent"] == "keys");
    assert_eq!(keys["killed"], true, "it waited for input");
    let crashes = run.events("crashed");
    assert_eq!(crashes.len(), 1, "only that of `trip`: {crashes:?}");
    run.ends();
}

#[test]
fn who_asks_may_wait_for_the_answer_and_is_stopped_then() {
    let server = Server::hanging_at(2);
    let mut run = Tripped::asking(&server, "shutdown = \"infinity\"");
    server.wait();
    run.trip();
    run.wait("stopped", |stop| stop["agent"] == "print");
    assert!(run.events("stopped").iter().all(|stop| stop["agent"] != "ask"));
    server.release();
    let stopped = run.wait("stopped", |stop| stop["agent"] == "ask");
    assert_eq!(stopped["killed"], false);
    let scene = run.ends();
    let outcomes = scene.run(["events", "@latest", "--json", "--kind", "outcome"]).json();
    let second = outcomes[1]["seq"].as_u64();
    assert!(second < stopped["seq"].as_u64(), "the event came to its end first");
    assert_eq!(server.counts(), (3, 3));
}

#[test]
fn who_is_killed_while_it_asks_goes_on_with_the_answer() {
    let server = Server::hanging_at(2);
    let mut run = Tripped::asking(&server, "shutdown = \"brutal-kill\"");
    server.wait();
    run.trip();
    let stopped = run.wait("stopped", |stop| stop["agent"] == "ask");
    assert_eq!(stopped["killed"], true);
    run.wait("incarnation", |life| life["agent"] == "trip" && life["incarnation"] == 2);
    server.release();
    let scene = run.ends();
    assert_eq!(server.counts(), (3, 3), "nothing is asked twice");
    assert_eq!(scene.read("refused.jsonl"), "", "and each has its answer");
}

#[test]
fn what_is_asked_is_given_up_with_the_agent_and_nobody_knows_what_became_of_it() {
    let server = Server::hanging_at(2);
    let mut run = Tripped::asking(&server, "restart = \"temporary\"\nshutdown = \"brutal-kill\"");
    server.wait();
    run.trip();
    let ended = run.wait("ended", |end| end["agent"] == "ask");
    assert_eq!(ended["how"], "stopped");
    let outcome = run.wait("outcome", |outcome| outcome["seq"].as_u64() > ended["seq"].as_u64());
    assert_eq!(outcome["how"], "unknown");
    run.ends();
    assert_eq!(server.counts(), (2, 2), "the server has still not answered");
}

/// Its output cannot be written, and its call waits for an input that does not come.
#[test]
fn a_write_that_fails_ends_the_call_under_way() {
    let scene = Scene::new();
    let pipeline = r#"format = 1
name = "broken"
[supervisors.root]
children = ["p"]
intensity = 1
[agents.p]
actor = "PROBE"
grants = { clock = true, random = true, timer = true, stdin = true, stdout = true, files = { read = ["."], write = ["."] } }
timeout = "10m"
config = { on = [
    { event = "start", do = "stdout", text = "TEXT" },
    { event = "start", do = "set-timer", n = 1 },
    { event = "timer", do = "stdin" },
] }
"#;
    let probe = prebuilt("probe-full").display().to_string();
    // More than a pipe holds: the write is under way until nobody can read it any more.
    let pipeline = pipeline.replace("PROBE", &probe).replace("TEXT", &"x".repeat(100_000));
    scene.file("p.toml", pipeline);
    let mut child = held(&scene, ["run", "p.toml"]);
    wait_for("its start", || {
        let said = scene.say("events @latest --json --kind transaction");
        (!said.text().is_empty()).then_some(())
    });
    drop(child.stdout.take());
    // Standard input stays open until the run is over.
    let ran = wait(child);
    ran.ends(1).tells(["root gave up", "`p` crashed (record ", "write: "]);
    let crashed = scene.say("events @latest --json --kind crashed").json();
    assert_eq!(crashed.len(), 2, "each life failed at it");
    scene.say("replay @latest").ends(0);
}

/// Agents that crash at many a line, one with those after it.
fn storm() -> String {
    let probe = prebuilt("probe").display().to_string();
    let limits = "intensity = 100_000\nperiod = \"1h\"";
    let crash = "{ echo = true, on = [{ match = \"boom one\", do = \"trap\" }] }";
    format!(
        r#"format = 1
name = "storm"

[supervisors.root]
strategy = "one-for-all"
{limits}
children = ["lines", "work", "print"]

[supervisors.work]
strategy = "rest-for-one"
{limits}
children = ["one", "two"]

[agents.lines]
actor = "std/file-lines"
config = {{ path = "lines.txt" }}
grants = {{ files = {{ read = ["lines.txt"] }} }}

[agents.one]
actor = '{probe}'
inputs = "lines"
config = {crash}

[agents.two]
actor = '{probe}'
inputs = "one"
config = {{ echo = true, on = [{{ match = "boom two", do = "trap" }}] }}

[agents.print]
actor = "std/file-write"
inputs = "two"
config = {{ path = "out.jsonl" }}
grants = {{ files = {{ write = ["out.jsonl"] }} }}
"#
    )
}

#[test]
fn a_storm_of_restarts_goes_on_after_kills_and_replays_the_same() {
    let (lines, kills) = if is_full() { (6_000, 40) } else { (1_500, 6) };
    let scene = Scene::new();
    let words = (0..lines).map(|n| match (n % 11, n % 13) {
        (3, _) => "boom one\n",
        (_, 5) => "boom two\n",
        _ => "calm\n",
    });
    let text: String = words.collect();
    let (calm, one, two) =
        (text.matches("calm").count(), text.matches("one").count(), text.matches("two").count());
    scene.file("lines.txt", text);
    scene.file("storm.toml", storm());
    let mut dice = Dice::new(11);
    let (begin, go_on) = ("run storm.toml", "resume @latest");
    let (mut line, mut killed) = (begin, 0);
    for life in 0.. {
        let mut command = scene.command(line.split_whitespace());
        command.arg("--allow-dead-letters");
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("the program starts");
        if life < kills {
            std::thread::sleep(Duration::from_millis(100 + dice.below(400)));
            let _ = child.kill();
        }
        let ended = child.wait_with_output().expect("it ends");
        if ended.status.code() == Some(0) {
            break;
        }
        killed += usize::from(ended.status.code().is_none());
        let said = String::from_utf8_lossy(&ended.stderr);
        // A process that was killed early may have left a folder in which nothing was begun.
        let never_began = said.contains("never began");
        assert!(ended.status.code().is_none() || never_began, "{said}");
        line = if never_began || scene.runs().is_empty() { begin } else { go_on };
    }
    scene.say("verify @latest").ends(0);
    scene.say("replay @latest").ends(0);
    assert_eq!(scene.read("out.jsonl").lines().count(), calm, "each of the others once");
    let letters = scene.say("events @latest --json --kind dead-lettered").json().len();
    assert_eq!(letters, one + two);
    // However often the process was killed: one crash a bad line, and one decision a crash of `one`, which no sibling
    // takes down.
    let crashed = scene.say("events @latest --json --kind crashed").json();
    let of =
        |agent: &str| crashed.iter().filter(|crash| crash["agent"] == agent).collect::<Vec<_>>();
    assert_eq!((of("one").len(), of("two").len()), (one, two));
    let restarted = scene.say("events @latest --json --kind restarted").json();
    let causes: Vec<Option<u64>> =
        restarted.iter().map(|r| r["causes"][0].as_str()?.parse().ok()).collect();
    let decided =
        |crash: &Value| causes.iter().filter(|cause| **cause == crash["seq"].as_u64()).count();
    assert!(of("one").into_iter().all(|crash| decided(crash) == 1));
    assert!(of("two").into_iter().all(|crash| decided(crash) <= 1));
    // The window is never lost: within the hour each restart is one more.
    let counts: Vec<u64> = restarted.iter().filter_map(|r| r["count"].as_u64()).collect();
    assert_eq!(counts, (1..=restarted.len() as u64).collect::<Vec<_>>());
    tell(&format!("killed {killed} times in {} restarts", restarted.len()));
}
