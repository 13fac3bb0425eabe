//! Dead letters by the real program: of a run that is live, of one that is stopped or was killed, and of one that is
//! over, in a fork.

use std::io::Write as _;
use std::os::unix::fs::MetadataExt as _;
use std::process::Child;

use serde_json::Value;
use theater_flow_tests::held::{held, wait, wait_for};
use theater_flow_tests::{Ran, Scene, prebuilt};

/// Reads the files that standard input names. What is not there is a dead letter.
const READ: &str = r#"format = 1
name = "read"
[supervisors.root]
children = ["typed", "names", "read", "print"]
[agents.typed]
actor = "std/stdin-lines"
grants = { stdin = true }
[agents.names]
actor = "std/map"
inputs = "typed"
outputs = { out = "Name" }
config = { expr = "{path: .text}" }
[types]
Name = { path = "string" }
[agents.read]
actor = "std/file-read"
inputs = "names"
config = { encoding = "utf8" }
grants = { files = { read = ["files"] } }
retry = { max = 0 }
[agents.print]
actor = "std/stdout"
inputs = "read"
grants = { stdout = true }
"#;

fn scene() -> Scene {
    let scene = Scene::new();
    scene.file("read.toml", READ);
    scene.file("files/a", "A");
    scene
}

/// Starts it and names files, of which one is not there; waits for the dead letters.
fn start(scene: &Scene, names: &str, letters: usize) -> Child {
    let mut child = held(scene, ["run", "read.toml"]);
    child.stdin.as_mut().expect("it is piped").write_all(names.as_bytes()).expect("it reads");
    wait_for("the dead letters", || {
        let said = scene.say("events @latest --json --kind dead-lettered");
        (said.text().lines().count() >= letters).then_some(())
    });
    child
}

fn list(scene: &Scene, run: &str) -> Vec<Value> {
    scene.run(["dlq", run, "--json"]).ends(0).json()
}

fn number(letter: &Value) -> String {
    letter["letter"].to_string()
}

fn printed(ran: &Ran) -> Vec<String> {
    let mut paths: Vec<String> =
        ran.json().iter().map(|line| line["path"].as_str().unwrap_or("?").to_owned()).collect();
    paths.sort();
    paths
}

fn checked(scene: &Scene, run: &str) {
    scene.run(["verify", run]).ends(0);
    scene.run(["replay", run]).ends(0);
}

#[test]
fn a_live_run_tries_again_what_can_be_handled_now() {
    let scene = scene();
    let child = start(&scene, "files/a\nfiles/b\nfiles/c\n", 2);
    let [first, second] = &list(&scene, "@latest")[..] else { panic!("two letters") };
    assert_eq!((&first["agent"], &first["port"]), (&"read".into(), &"in".into()));
    assert_eq!((&first["body"]["path"], &first["attempts"]), (&"files/b".into(), &1.into()));
    assert_eq!((&first["state"], &first["retriable"]), (&"kept".into(), &true.into()));
    assert_eq!(second["body"]["path"], "files/c");
    scene.file("files/b", "B");
    let told = scene.run(["dlq", "@latest", "retry", &number(first), "--json"]).ends(0).json();
    assert_eq!((&told[0]["done"], &told[0]["agent"]), (&true.into(), &"read".into()));
    let again = scene.run(["dlq", "@latest", "retry", &number(first)]).ends(2);
    again.tells(["it was tried again (record "]);
    scene.run(["dlq", "@latest", "drop", &number(second)]).ends(0).tells([": dropped"]);
    assert_eq!(list(&scene, "@latest"), Vec::<Value>::new());
    let ran = wait_with_no_more(child).ends(0);
    assert_eq!(printed(&ran), ["files/a", "files/b"]);
    assert_eq!(ran.last().status, "completed", "nothing is left");
    who_did_it(&scene, "retried", &number(first));
    who_did_it(&scene, "discarded", &number(second));
    let shown = scene.run(["dlq", "@latest", "show", &number(first)]).ends(0);
    assert!(shown.text().contains("it was tried again") && shown.text().contains("files/b"));
    checked(&scene, "@latest");
}

/// The record of what was done names the letter and the user.
fn who_did_it(scene: &Scene, kind: &str, letter: &str) {
    let records = scene.run(["events", "@latest", "--json", "--kind", kind]).ends(0).json();
    let [record] = &records[..] else { panic!("one: {records:?}") };
    let uid = std::fs::metadata(scene.path()).expect("it is there").uid();
    assert_eq!(
        (record["letter"].to_string().as_str(), &record["by"]["uid"]),
        (letter, &uid.into())
    );
    assert_eq!(record["causes"][0], letter);
}

/// Closes its input, and waits for its end.
fn wait_with_no_more(mut child: Child) -> Ran {
    drop(child.stdin.take());
    wait(child)
}

#[test]
fn a_run_that_nobody_runs_goes_on_with_it_when_it_is_resumed() {
    for killed in [false, true] {
        let scene = scene();
        let mut child = start(&scene, "files/a\nfiles/b\nfiles/c\n", 2);
        if killed {
            child.kill().expect("it lives");
            let _ = wait(child);
        } else {
            scene.say("stop @latest").ends(0);
            wait(child).ends(130);
        }
        assert_eq!(list(&scene, "@latest").len(), 2);
        scene.file("files/b", "B");
        scene.say("dlq @latest retry --agent read").ends(0).tells(["resume"]);
        scene.say("dlq @latest retry --all").ends(0).tells(["keeps no such dead letters"]);
        let ran = wait_with_no_more(held(&scene, ["resume", "@latest"])).ends(1);
        assert!(ran.text().contains("files/b"), "{ran}");
        let [left] = &list(&scene, "@latest")[..] else { panic!("one failed again") };
        assert_eq!((&left["body"]["path"], &left["attempts"]), (&"files/c".into(), &1.into()));
        checked(&scene, "@latest");
        scene.say("dlq @latest drop --all").ends(2).tells(["is over: degraded"]);
    }
}

#[test]
fn what_is_left_of_a_run_that_is_over_is_tried_again_in_a_fork() {
    let scene = scene();
    scene.file("other/b", "B");
    let ran = wait_with_no_more(start(&scene, "files/a\nother/b\n", 1)).ends(1);
    let id = ran.last().id;
    let [letter] = &list(&scene, &id)[..] else { panic!("one letter") };
    assert_eq!(letter["retriable"], false);
    let told = scene.run(["dlq", &id, "retry", "--all"]).ends(2).tells(["is over: degraded"]);
    let (_, after) = told.err.split_once("--at ").expect("it says how to go on");
    let at = after.split(' ').next().expect("a number");
    scene.file("mended.toml", READ.replace(r#"read = ["files"]"#, r#"read = ["files", "other"]"#));
    let made = scene.run(["fork", &id, "--at", at, "--with", "mended.toml", "--hold"]).ends(0);
    let fork = made.text().trim().to_owned();
    let [there] = &list(&scene, &fork)[..] else { panic!("it has it too") };
    assert_eq!((&there["body"], &there["retriable"]), (&letter["body"], &true.into()));
    scene.run(["dlq", &fork, "retry", &number(there)]).ends(0);
    let ran = wait_with_no_more(held(&scene, ["resume", &fork])).ends(0);
    assert!(printed(&ran).contains(&String::from("other/b")), "{ran}");
    assert_eq!(ran.last().status, "completed");
    checked(&scene, &fork);
    assert_eq!(list(&scene, &id).len(), 1, "the other run is as it was");
}

#[test]
fn letters_survive_a_checkpoint_and_pruning() {
    let scene = scene();
    let child = start(&scene, "files/b\nfiles/a\n", 1);
    scene.say("stop @latest").ends(0);
    wait(child).ends(130);
    scene.say("prune @latest").ends(0);
    let [letter] = &list(&scene, "@latest")[..] else { panic!("one letter") };
    let message = letter["message"].as_str().expect("a name").to_owned();
    let refused = scene.run(["prune", "@latest", "--payload", &message]).ends(2);
    let _ = refused.tells(["is a dead letter that can be tried again"]);
    scene.run(["dlq", "@latest", "drop", &number(letter)]).ends(0);
    scene.run(["prune", "@latest", "--payload", &message]).ends(0);
    scene.say("verify @latest").ends(0);
    let ran = wait_with_no_more(held(&scene, ["resume", "@latest"])).ends(0);
    assert_eq!(ran.last().status, "completed");
}

/// `work` crashes at lines that hold `boom`, until nobody above it starts it again.
fn failing() -> String {
    let probe = prebuilt("probe").display().to_string();
    format!(
        r#"format = 1
name = "failing"
[supervisors.root]
children = ["lines", "below", "print"]
intensity = 1
[supervisors.below]
children = ["work"]
intensity = 0
[agents.lines]
actor = "std/file-lines"
config = {{ path = "lines.txt" }}
grants = {{ files = {{ read = ["lines.txt"] }} }}
[agents.work]
actor = "{probe}"
inputs = "lines"
config = {{ echo = true, on = [{{ match = "boom", do = "trap" }}] }}
[agents.print]
actor = "std/stdout"
inputs = "work"
grants = {{ stdout = true }}
"#
    )
}

#[test]
fn what_a_failed_run_left_is_tried_again_in_a_fork_from_before_it_failed() {
    let scene = Scene::new();
    scene.file("lines.txt", "boom 1\nboom 2\ncalm\n");
    scene.file("failing.toml", failing());
    let id = scene.say("run failing.toml").ends(1).last().id;
    let gave_up = scene.run(["events", &id, "--json", "--kind", "escalated"]).json();
    let [.., root] = &gave_up[..] else { panic!("the root gave up") };
    let at = root["seq"].to_string();
    let refused = scene.run(["fork", &id, "--at", &at]).ends(2);
    refused.tells(["was coming to its end at record", "theater-flow why RUN SEQ"]);
    let told = scene.run(["dlq", &id, "retry", "--all"]).ends(2).tells(["is over: failed"]);
    let (_, after) = told.err.split_once("--at ").expect("it says how to go on");
    let at = after.split(' ').next().expect("a number");
    assert!(
        told.err.contains("--hold` (`--with FILE`); then `theater-flow dlq FORK retry --all`"),
        "{told}"
    );
    let mended = failing().replace(r#"match = "boom""#, r#"match = "never""#);
    scene.file("mended.toml", mended);
    let made = scene.run(["fork", &id, "--at", at, "--with", "mended.toml", "--hold"]).ends(0);
    let fork = made.text().trim().to_owned();
    scene.run(["dlq", &fork, "retry", "--all"]).ends(0);
    let ran = scene.run(["resume", &fork]).ends(0);
    let mut printed: Vec<String> =
        ran.json().iter().map(|line| line["text"].as_str().unwrap_or("?").to_owned()).collect();
    printed.sort();
    assert_eq!(printed, ["boom 1", "boom 2", "calm"]);
    checked(&scene, &fork);
    let one = list(&scene, &id).iter().map(number).next().expect("a letter");
    // What was set aside after the point waits there.
    let later = list(&scene, &id).iter().map(number).next_back().expect("a letter");
    scene.run(["dlq", &id, "retry", &later]).ends(2).tells(["what waited there waits again"]);
    scene
        .run(["dlq", &id, "retry", &one])
        .ends(2)
        .tells([format!("dlq FORK retry {one}` and").as_str()]);
}

#[test]
fn what_a_temporary_agent_left_is_tried_again_in_a_fork_from_before_it_crashed() {
    let scene = Scene::new();
    scene.file("lines.txt", "calm\nboom\nlate\n");
    let temporary =
        failing().replace("inputs = \"lines\"", "inputs = \"lines\"\nrestart = \"temporary\"");
    scene.file("temporary.toml", &temporary);
    let id = scene.say("run temporary.toml").ends(1).last().id;
    let crashed = scene.run(["events", &id, "--json", "--kind", "crashed"]).json();
    let before = crashed[0]["seq"].as_u64().expect("a number") - 1;
    let told = scene.run(["dlq", &id, "retry", "--all"]).ends(2);
    assert!(told.err.contains(&format!(" --at {before}` ")), "{told}");
    scene.file("mended.toml", temporary.replace(r#"match = "boom""#, r#"match = "never""#));
    let at = before.to_string();
    let ran = scene.run(["fork", &id, "--at", &at, "--with", "mended.toml"]).ends(0);
    for line in ["boom", "late"] {
        assert!(ran.text().contains(line), "{ran}");
    }
}
