//! What people are shown of supervision by the real program: a tree in the middle of restarts, and why a run failed.

use std::io::Write as _;
use std::process::Child;

use serde_json::Value;
use theater_flow_tests::held::{held, wait, wait_for};
use theater_flow_tests::{Scene, prebuilt};

/// What is typed makes `fall` or `trip` crash. `fall` then waits for ten minutes; `trip` waits for `spin`, which was
/// started after it and is in a call without end.
const WAITING: &str = r#"format = 1
name = "waiting"
[supervisors.root]
children = ["keys", "slow", "group"]
[supervisors.slow]
children = ["fall", "after"]
strategy = "rest-for-one"
delay = { base = "10m", cap = "10m" }
[supervisors.group]
children = ["trip", "spin", "last"]
strategy = "rest-for-one"
[agents.keys]
actor = "std/stdin-lines"
grants = { stdin = true }
timeout = "10m"
shutdown = "brutal-kill"
[agents.fall]
actor = "PROBE"
inputs = "keys"
config = { on = [{ match = "fall", do = "trap" }] }
[agents.after]
actor = "PROBE"
inputs = "keys"
[agents.trip]
actor = "PROBE"
inputs = "keys"
config = { on = [{ match = "trip", do = "trap" }] }
[agents.spin]
actor = "PROBE"
inputs = "keys"
config = { on = [{ match = "spin", do = "loop" }] }
timeout = "10m"
limits = { fuel = 9_000_000_000_000 }
shutdown = "infinity"
[agents.last]
actor = "PROBE"
inputs = "keys"
"#;

/// The supervisors and agents of the newest run as they are now; none if it cannot be looked at yet.
fn branches(scene: &Scene) -> Vec<Value> {
    let said = scene.say("tree @latest --json");
    let mut branches = if said.code() == 0 { said.json() } else { vec![] };
    let mut nth = 0;
    while let Some(branch) = branches.get(nth) {
        let children = branch["children"].as_array().cloned().unwrap_or_default();
        branches.extend(children);
        nth += 1;
    }
    branches
}

/// Waits until these stand so, and gives for each when it is due, if it waits for a time.
#[track_caller]
fn stands(scene: &Scene, wanted: &[(&str, &str)]) -> Vec<Option<u64>> {
    wait_for(&format!("{wanted:?}"), || {
        let now = branches(scene);
        let due = |(name, state): &(&str, &str)| {
            let found = now.iter().find(|branch| branch["name"] == *name);
            found.filter(|branch| branch["state"] == *state).map(|branch| branch["due"].as_u64())
        };
        wanted.iter().map(due).collect()
    })
}

fn types(child: &mut Child, line: &str) {
    child.stdin.as_mut().expect("it is piped").write_all(line.as_bytes()).expect("it reads");
}

#[test]
fn the_tree_shows_who_waits_in_the_middle_of_restarts_also_after_a_kill() {
    let scene = Scene::new();
    scene.file("p.toml", WAITING.replace("PROBE", &prebuilt("probe").display().to_string()));
    let mut child = held(&scene, ["run", "p.toml"]);
    stands(&scene, &[("root", "up"), ("after", "up"), ("last", "up")]);
    types(&mut child, "spin\n");
    // It is given to all at once.
    wait_for("what `last` handles", || {
        let now = branches(&scene);
        now.into_iter().find(|branch| branch["name"] == "last" && branch["handled"] == 1)
    });
    types(&mut child, "fall\ntrip\n");
    let middle = [
        ("root", "up"),
        ("slow", "restarting"),
        ("fall", "starting"),
        ("after", "stopped"),
        ("group", "restarting"),
        ("trip", "down"),
        ("spin", "stopping"),
        ("last", "stopped"),
    ];
    let due = stands(&scene, &middle);
    assert!(due[1].is_some() && due[1] == due[2], "both are due at the end of the delay: {due:?}");
    let text = scene.say("tree @latest").ends(0).text();
    assert!(
        text.contains("fall  starting at ") && text.contains("slow  rest-for-one, restarting at "),
        "{text}"
    );

    child.kill().expect("it lives");
    let _ = wait(child);
    assert_eq!(stands(&scene, &middle), due, "at rest as it was");

    // The call is over with its process: the group comes up, and what waits for its time waits on.
    let mut child = held(&scene, ["resume", "@latest"]);
    let on = [
        ("slow", "restarting"),
        ("fall", "starting"),
        ("after", "stopped"),
        ("trip", "up"),
        ("last", "up"),
    ];
    assert_eq!(stands(&scene, &on)[..2], due[1..3]);
    child.kill().expect("it lives");
    let _ = wait(child);
    scene.say("verify @latest").ends(0);
    scene.say("replay @latest").ends(0);
}

const CHAIN: &str = r#"format = 1
name = "chain"
[defaults.supervisor]
period = "1h"
[supervisors.root]
children = ["lines", "outer"]
intensity = 1
[supervisors.outer]
children = ["side", "inner"]
intensity = 0
[supervisors.inner]
children = ["work", "other"]
intensity = 1
[agents.lines]
actor = "std/file-lines"
config = { path = "lines.txt" }
grants = { files = { read = ["lines.txt"] } }
[agents.work]
actor = "PROBE"
inputs = "lines"
config = { on = [{ match = "bad", do = "trap" }] }
[agents.other]
actor = "std/dedupe"
inputs = "lines"
[agents.side]
actor = "std/dedupe"
inputs = "lines"
"#;

#[test]
fn a_failed_run_tells_who_gave_up_in_turn() {
    let scene = Scene::new();
    scene.file("p.toml", CHAIN.replace("PROBE", &prebuilt("probe").display().to_string()));
    scene.file("lines.txt", "bad\nbad\nbad\nbad\nbad\nbad\n");
    let ran = scene.say("run p.toml").ends(1);
    assert_eq!(ran.last().status, "failed");
    let escalated = scene.say("events @latest --json --kind escalated").json();
    let [inner, outer, root] = &escalated[escalated.len() - 3..] else { panic!("{escalated:?}") };
    let (crash, inner, outer, root) =
        (&inner["causes"][0], &inner["seq"], &outer["seq"], &root["seq"]);
    let crash = crash.as_str().expect("a cause");
    let last = format!("`work` crashed (record {crash}): in ");
    let turn = format!(
        " in turn: `work` crashed ({crash}), inner gave up ({inner}), outer gave up ({outer}), \
         root gave up ({root})\n"
    );
    let why = format!(" {root}` tells what led to it");
    ran.tells([
        "error: root gave up, since restart 2 in its window was one too many: ",
        &last,
        &turn,
        &why,
    ]);
}

/// A dead letter that an agent took is not what makes a run degraded.
#[test]
fn a_degraded_run_tells_of_a_letter_that_nobody_took() {
    let scene = Scene::new();
    let pipeline = r#"format = 1
name = "letters"
[supervisors.root]
children = ["lines", "numbers", "taken"]
[errors]
dead_letter = "taken"
[agents.lines]
actor = "std/file-lines"
config = { path = "lines.txt" }
grants = { files = { read = ["lines.txt"] } }
[agents.numbers]
actor = "std/map"
inputs = "lines"
outputs = { out = "u32" }
config = { expr = ".text | tonumber" }
retry = { max = 0 }
[agents.taken]
actor = "std/map"
outputs = { out = "string" }
config = { expr = 'if .body.text == "two" then error("no") else .code end' }
retry = { max = 0 }
"#;
    scene.file("p.toml", pipeline);
    scene.file("lines.txt", "1\ntwo\n3\nfour\n");
    let ran = scene.say("run p.toml").ends(1);
    let letters = scene.say("events @latest --json --kind dead-lettered").json();
    let own = letters.iter().find(|letter| letter["agent"] == "taken").expect("a letter");
    let seq = own["seq"].to_string();
    let told = format!("1 event could not be handled by `taken` (record {seq}): in ");
    ran.tells([told.as_str()]);
}
