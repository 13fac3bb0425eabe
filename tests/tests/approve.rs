//! `on_unknown = "ask"`: what a kill left unknown waits for somebody to decide, however long that takes, and who decided
//! is recorded. By the real program, with a server that counts the requests.

use std::os::unix::fs::MetadataExt as _;
use std::process::{Child, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;
use theater_flow_tests::held::wait_for;
use theater_flow_tests::web::{Server, asking};
use theater_flow_tests::{LIMIT, Scene};

/// Something else to do, as long as standard input is open.
const TYPING: &str = r#"
[agents.typed]
actor = "std/stdin-lines"
grants = { stdin = true }

[agents.kept]
actor = "std/file-write"
inputs = "typed"
config = { path = "typed.jsonl" }
grants = { files = { write = ["typed.jsonl"] } }
"#;

/// Three requests that change something, of which the second is not answered.
fn scene(typing: bool) -> (Server, Scene) {
    let (server, scene) = (Server::hanging_at(2), Scene::new());
    scene.file("lines.txt", "a\nb\nc\n");
    let more = "local = true, on_unknown = \"ask\"";
    let mut text = asking(server.port, "POST", (more, ""));
    if typing {
        text = text.replace(r#""refused"]"#, r#""refused", "typed", "kept"]"#) + TYPING;
    }
    scene.file("pipeline.toml", text);
    (server, scene)
}

fn start(scene: &Scene, line: &str) -> Child {
    let mut command = scene.command(line.split_whitespace());
    command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
    command.spawn().expect("the program starts")
}

fn kill(mut child: Child) {
    child.kill().expect("it can be killed");
    child.wait().expect("it is waited for");
}

/// Runs it, and kills it when the server has the request that it does not answer.
fn killed(scene: &Scene, server: &Server) {
    let child = start(scene, "run pipeline.toml");
    server.wait();
    kill(child);
}

/// All that waits.
fn listed(scene: &Scene) -> Vec<Value> {
    scene.say("approve @latest --json").ends(0).json()
}

/// The number of the only thing that waits, once it does.
fn held(scene: &Scene) -> String {
    let limit = Instant::now() + LIMIT;
    loop {
        if let [held] = &listed(scene)[..] {
            return held["id"].to_string();
        }
        assert!(Instant::now() < limit, "nothing waits");
        thread::sleep(Duration::from_millis(5));
    }
}

fn outcomes(scene: &Scene) -> Vec<String> {
    let lines = scene.say("events @latest --kind outcome --json").ends(0).json();
    lines.iter().map(|line| line["how"].as_str().expect("a word").to_owned()).collect()
}

/// The only decision.
fn decided(scene: &Scene) -> Value {
    let mut lines = scene.say("events @latest --kind decided --json").ends(0).json();
    assert_eq!(lines.len(), 1, "{lines:?}");
    let uid = std::fs::metadata(scene.path()).expect("it is there").uid();
    assert_eq!(lines[0]["by"]["uid"], uid, "{lines:?}");
    lines.remove(0)
}

fn status(scene: &Scene) -> String {
    scene.say("runs --json").ends(0).json()[0]["status"].as_str().expect("a word").to_owned()
}

fn checked(scene: &Scene) {
    scene.say("verify @latest").ends(0);
    scene.say("replay @latest").ends(0);
}

#[test]
fn what_is_approved_is_made_again_under_its_key() {
    let (server, scene) = scene(false);
    killed(&scene, &server);
    let resumed = scene.say("resume @latest").ends(4).tells(["1 request waits", "POST http"]);
    assert_eq!((resumed.last().status.as_str(), status(&scene).as_str()), ("waiting", "waiting"));
    let again = scene.say("resume @latest").ends(4);
    assert_eq!(again.last().status, "waiting");
    let [held] = &listed(&scene)[..] else { panic!("one waits") };
    let (id, key) = (held["id"].to_string(), held["key"].as_str().expect("a key"));
    assert!(again.err.contains(&format!("approve {} {id}`", again.last().id)), "{again}");
    assert_eq!((&held["agent"], &held["method"]), (&"ask".into(), &"POST".into()));
    assert_eq!((&held["attempt"], server.made()[key]), (&1.into(), 1));
    let text = scene.say("approve @latest").ends(0).text();
    assert!(text.contains("approve: ") && text.contains("--fail: "), "{text}");
    scene.run(["approve", "@latest", &id]).ends(0).tells(["resume"]);
    assert_eq!(server.counts(), (2, 2), "nothing is made before it is resumed");
    assert_eq!((status(&scene).as_str(), listed(&scene).len()), ("suspended", 0));
    scene.run(["approve", "@latest", &id]).ends(2).tells(["was decided before"]);
    scene.say("resume @latest").ends(0);
    assert_eq!((server.counts(), server.made()[key]), ((4, 3), 2));
    assert_eq!(outcomes(&scene), ["answered", "held", "repeated", "answered", "answered"]);
    assert_eq!(scene.read("refused.jsonl"), "");
    assert_eq!(decided(&scene)["decision"], "repeat");
    checked(&scene);
}

#[test]
fn what_is_not_approved_is_not_made_and_the_agent_is_told() {
    let (server, scene) = scene(false);
    killed(&scene, &server);
    scene.say("resume @latest").ends(4);
    let told = scene.run(["approve", "@latest", &held(&scene), "--fail", "--json"]).ends(0).json();
    assert_eq!(told[0]["decision"], "fail");
    scene.say("resume @latest").ends(0);
    assert_eq!(server.counts(), (3, 3));
    assert_eq!(outcomes(&scene), ["answered", "held", "unknown", "answered"]);
    assert!(scene.read("refused.jsonl").contains("\"code\":\"unknown\""));
    assert_eq!(decided(&scene)["decision"], "fail");
    checked(&scene);
}

#[test]
fn a_live_run_goes_on_with_all_else_and_takes_decisions() {
    let (server, scene) = scene(true);
    killed(&scene, &server);
    let mut child = start(&scene, "resume @latest");
    let id = held(&scene);
    assert_eq!(status(&scene), "running");
    scene.run(["approve", "@latest", &id]).ends(0).tells(["is made again"]);
    scene.run(["approve", "@latest", &id]).ends(2);
    drop(child.stdin.take());
    assert_eq!(child.wait().expect("it ends").code(), Some(0));
    assert_eq!(server.counts(), (4, 3));
    assert_eq!(decided(&scene)["decision"], "repeat");
    checked(&scene);
}

#[test]
fn a_live_run_ends_waiting_when_all_else_is_done() {
    let (server, scene) = scene(true);
    killed(&scene, &server);
    let mut child = start(&scene, "resume @latest");
    held(&scene);
    assert!(child.try_wait().expect("it is ours").is_none(), "there is more to do");
    drop(child.stdin.take());
    assert_eq!(child.wait().expect("it ends").code(), Some(4));
    assert_eq!((status(&scene).as_str(), server.counts()), ("waiting", (2, 2)));
    checked(&scene);
}

#[test]
fn a_run_that_was_killed_while_it_waited_takes_a_decision_too() {
    let (server, scene) = scene(true);
    killed(&scene, &server);
    let child = start(&scene, "resume @latest");
    let id = held(&scene);
    // What is not durable does not outlive the process.
    let durable = || outcomes(&scene).contains(&String::from("held")).then_some(());
    wait_for("the record of it", durable);
    kill(child);
    assert_eq!(status(&scene), "interrupted");
    scene.run(["approve", "@latest", &id]).ends(0);
    assert_eq!(status(&scene), "suspended");
    scene.say("resume @latest").ends(0);
    assert_eq!(server.counts(), (4, 3));
    assert_eq!(outcomes(&scene), ["answered", "held", "repeated", "answered", "answered"]);
    checked(&scene);
}

#[test]
fn a_stopped_run_still_waits_when_it_is_resumed() {
    let (server, scene) = scene(true);
    killed(&scene, &server);
    let mut child = start(&scene, "resume @latest");
    held(&scene);
    scene.say("stop @latest").ends(0);
    assert_eq!(child.wait().expect("it ends").code(), Some(130));
    assert_eq!(status(&scene), "suspended");
    scene.say("resume @latest").ends(4).tells(["1 request waits"]);
    assert_eq!(server.counts(), (2, 2));
}

#[test]
fn what_does_not_wait_is_refused_with_a_reason() {
    let (server, scene) = scene(false);
    scene.say("approve @latest").ends(2).tells(["no runs"]);
    killed(&scene, &server);
    scene.say("approve @latest").ends(0).tells(["nothing in run"]);
    scene.say("resume @latest").ends(4);
    let answered = &scene.say("events @latest --kind intent --json").ends(0).json()[0]["seq"];
    let cases = [
        ("0", "record 0 is neither a request nor a plan that was proposed, but `genesis`"),
        ("999", "there is no record 999"),
        (&answered.to_string(), "was answered"),
        ("x", "invalid value"),
    ];
    for (id, why) in cases {
        scene.run(["approve", "@latest", id]).ends(2).tells([why]);
    }
    scene.say("approve @latest --fail").ends(2);
    scene.run(["approve", "@latest", &held(&scene), "--fail"]).ends(0);
    scene.say("resume @latest").ends(0);
    scene.say("approve @latest 3").ends(2).tells(["completed"]);
    scene.say("approve @latest").ends(0).tells(["nothing in run"]);
}

#[test]
fn a_fork_says_under_which_key_it_makes_what_waits() {
    let (server, scene) = scene(false);
    killed(&scene, &server);
    let run = scene.say("resume @latest").ends(4).last();
    let theirs = listed(&scene)[0].clone();
    assert!(theirs["other_key"].is_null(), "{theirs}");
    let at = (run.events - 1).to_string();
    let fork = scene.run(["fork", &run.id, "--at", &at, "--hold"]).ends(0).text();
    let fork = fork.trim();
    let [held] = &listed(&scene)[..] else { panic!("one waits") };
    let (id, key) = (held["id"].to_string(), held["key"].as_str().expect("a key"));
    assert!(key.starts_with(fork), "{held}");
    assert_eq!(held["other_key"], theirs["key"]);
    let text = scene.run(["approve", fork]).ends(0).text();
    assert!(text.contains("the other run's request") && !text.contains("same key"), "{text}");
    let first = scene.run(["events", fork, "--json"]).ends(0).json().remove(0);
    assert!(first["changed"].to_string().contains(key), "{first}");
    scene.run(["approve", fork, &id]).ends(0);
    scene.run(["resume", fork]).ends(0);
    assert_eq!((server.made()[key], server.counts()), (1, (4, 4)));
    checked(&scene);
}

#[test]
fn a_fork_that_does_not_make_it_names_the_others_key() {
    let (server, scene) = scene(false);
    killed(&scene, &server);
    let run = scene.say("resume @latest").ends(4).last();
    let theirs = listed(&scene)[0]["key"].as_str().expect("a key").to_owned();
    let at = (run.events - 1).to_string();
    let fork = scene.run(["fork", &run.id, "--at", &at, "--hold"]).ends(0).text();
    scene.run(["approve", fork.trim(), &held(&scene), "--fail"]).ends(0);
    scene.run(["resume", fork.trim()]).ends(0);
    let files = scene.path().join(".theater-flow/runs").join(fork.trim()).join("files");
    let below = scene.path().canonicalize().expect("it is there");
    let below = below.strip_prefix("/").expect("absolute").join("refused.jsonl");
    let told = std::fs::read_to_string(files.join(below)).expect("it was told");
    assert!(told.contains(&format!("with the key {theirs} may have been made")), "{told}");
}
