//! Pruning: payloads go, the chain stays, and what needs no payload works as before.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use rustix::process::Signal;
use serde_json::Value;
use tempfile::TempDir;
use theater_flow::prune::disk_bytes;
use theater_flow_tests::account::hashes;
use theater_flow_tests::dice::Dice;
use theater_flow_tests::held::{Held, send};
use theater_flow_tests::lives::{Copying, Mode, tell};
use theater_flow_tests::{Scene, is_full};

/// What is to be erased; nothing else holds it.
const SECRET: &str = "a-word-that-nobody-else-says";

/// A run that was stopped once and then completed. Its input holds the secret, in several chunks.
fn completed() -> Held {
    let mut run = Held::start();
    run.end(|child| send(child, Signal::INT)).ends(130);
    run.complete(&input()).ends(0);
    run
}

/// A run that was stopped, and can be resumed.
fn stopped() -> Held {
    let mut run = Held::start();
    run.end(|child| send(child, Signal::INT)).ends(130);
    run
}

fn input() -> Vec<u8> {
    SECRET.repeat(40_000 / SECRET.len()).into_bytes()
}

/// True if a file below the folder holds the secret.
fn holds_secret(folder: &Path) -> bool {
    holds(folder, SECRET.as_bytes())
}

/// True if a file below the folder holds these bytes.
fn holds(folder: &Path, wanted: &[u8]) -> bool {
    fs::read_dir(folder).expect("a folder").flatten().any(|entry| match entry.path() {
        path if path.is_dir() => holds(&path, wanted),
        path => {
            let bytes = fs::read(path).expect("a file");
            bytes.windows(wanted.len()).any(|window| window == wanted)
        }
    })
}

fn chain(scene: &Scene) -> Vec<(u64, String)> {
    let records = scene.say("events @latest --json").ends(0).json();
    let hash = |record: &serde_json::Value| {
        (record["seq"].as_u64().expect("a number"), record["hash"].to_string())
    };
    records.iter().map(hash).collect()
}

#[test]
fn of_a_run_that_is_over_all_payloads_can_go() {
    let run = completed();
    let scene = &run.scene;
    let before = chain(scene);
    assert!(holds_secret(&run.run()));
    let planned = &scene.say("prune @latest --dry-run --json").ends(0).json()[0];
    assert_eq!((&planned["dry_run"], &planned["record"]), (&true.into(), &().into()));
    assert_eq!(chain(scene), before, "nothing was done");
    let disk = disk_bytes(&run.run().join("db"));
    let did = &scene.say("prune @latest --json").ends(0).json()[0];
    assert_eq!((&did["payloads"], &did["bytes"]), (&planned["payloads"], &planned["bytes"]));
    assert!(did["bytes"].as_u64().expect("a number") > 40_000);
    assert!(!holds_secret(&run.run()), "no byte of it is left anywhere");
    assert!(disk_bytes(&run.run().join("db")) <= disk);
    let after = chain(scene);
    assert_eq!(after[..before.len()], before, "the chain is what it was");
    assert_eq!(after.len(), before.len() + 2, "but for a checkpoint, and the record that says so");
    let verified = &scene.say("verify @latest --json").ends(0).json()[0];
    let holes = verified["holes"].as_array().expect("a list");
    let gone: u64 = holes.iter().map(|hole| hole["payloads"].as_u64().expect("a number")).sum();
    assert_eq!(Some(gone), did["payloads"].as_u64());
    assert!(holes.iter().all(|hole| hole["pruned_by"] == did["record"]), "{holes:?}");
    let head = did["head"].as_str().expect("text").to_owned();
    scene.say(&format!("verify @latest --head {head}")).ends(0);
    let last = scene.say("events @latest --kind pruned").ends(0);
    assert!(last.text().contains("erased"), "{last}");
    let again = scene.say("prune @latest").ends(0);
    assert!(again.text().contains("has nothing to prune"), "{again}");
    scene.say("resume @latest").ends(2);
}

#[test]
fn what_needs_no_payload_works_as_before() {
    let run = completed();
    let scene = &run.scene;
    let emitted = scene.say("events @latest --json --kind emission").ends(0).json();
    let seq = emitted[0]["seq"].as_u64().expect("a number");
    scene.say("prune @latest").ends(0);
    let shown = scene.say(&format!("show @latest {seq}.0")).ends(0);
    assert!(shown.text().contains("erased"), "{shown}");
    for command in ["events @latest", "logs @latest", "tree @latest", "runs"] {
        scene.say(command).ends(0);
    }
    for command in [format!("why @latest {seq}"), format!("why @latest {seq} --impact")] {
        scene.say(&command).ends(0);
    }
    scene.say("diff @latest @latest").ends(0);
    for command in [String::from("replay @latest"), format!("state @latest hold --at {seq}")] {
        let refused = scene.say(&command).ends(2);
        assert!(refused.err.contains("were erased"), "{refused}");
    }
    assert!(refused_from(scene) > seq);
    scene.say(&format!("replay @latest --from {}", refused_from(scene))).ends(0);
}

/// From where on a replay can begin, as it says itself.
fn refused_from(scene: &Scene) -> u64 {
    let refused = scene.say("replay @latest").ends(2);
    let from = refused.err.split_once("`--from ").and_then(|(_, rest)| rest.split_once('`'));
    from.and_then(|(seq, _)| seq.parse().ok()).expect("it says from where on")
}

#[test]
fn what_a_resume_needs_stays() {
    let run = stopped();
    let scene = &run.scene;
    let before = scene.say("prune @latest --json").ends(0).json();
    assert_eq!(before[0]["of"], serde_json::json!([]));
    let records = chain(scene).len();
    let refused = scene.say(&format!("prune @latest --before {records}")).ends(2);
    assert!(refused.err.contains("--before"), "{refused}");
    run.complete(&input()).ends(0);
    scene.say("verify @latest").ends(0);
    assert_eq!(run.scene.say("runs").ends(0).text().matches("completed").count(), 1);
}

#[test]
fn one_payload_can_go() {
    let run = completed();
    let scene = &run.scene;
    let emitted = scene.say("events @latest --json --kind emission").ends(0).json();
    let seq = emitted[0]["seq"].as_u64().expect("a number");
    let did = &scene.say(&format!("prune @latest --payload {seq}.0 --json")).ends(0).json()[0];
    assert_eq!(did["of"][0], format!("{seq}.0"));
    let verified = scene.say("verify @latest").ends(0);
    let hole = format!("records {seq} to {seq}: payloads=");
    assert!(verified.text().contains(&hole), "{verified}");
    let refused = scene.say("replay @latest").ends(2);
    assert!(refused.err.contains(&format!("record {seq} were erased")), "{refused}");
    for (what, why) in [
        (format!("{seq}.0"), "erased before"),
        (format!("{seq}.99"), "has no payload"),
        (String::from("9999"), "there is no record"),
        (String::from("0"), "has no payload"),
    ] {
        let refused = scene.say(&format!("prune @latest --payload {what}")).ends(2);
        assert!(refused.err.contains(why), "{refused}");
    }
    scene.say("prune @latest --payload 1 --before 3").ends(2);
}

#[test]
fn a_live_run_and_a_damaged_one_are_not_pruned() {
    let mut run = Held::start();
    let live = run.scene.say("prune @latest").ends(1);
    assert!(live.err.contains("in use by another process"), "{live}");
    run.end(|child| send(child, Signal::INT)).ends(130);
    let head = run.run().join("head.json");
    let whole = fs::read(&head).expect("a head");
    fs::write(&head, b"{}").expect("it can be written");
    run.scene.say("prune @latest").ends(5);
    fs::write(&head, whole).expect("it can be written");
    run.scene.say("prune @latest").ends(0);
}

/// Kills a pruning at some instant: the log is what it was before, or what it is afterwards.
#[test]
fn a_pruning_that_is_killed_leaves_the_log_before_or_after() {
    let folder = TempDir::new().expect("a temporary folder");
    let copying = Copying::new(folder.path(), 3_000, Mode::Replace);
    let kept = folder.path().join("kept");
    assert!(copying.start("run copying.toml").ended().status.success());
    let run = copying.run().expect("a run");
    let before = hashes(&copying);
    copy(&run, &kept);
    let began = Instant::now();
    assert!(copying.start("prune @latest").ended().status.success());
    let whole = u64::try_from(began.elapsed().as_micros()).expect("a short time");
    let (kills, mut dice, mut after) = (if is_full() { 100 } else { 8 }, Dice::new(9), 0);
    for nth in 0..kills {
        fs::remove_dir_all(&run).expect("it can be removed");
        copy(&kept, &run);
        let instant = Duration::from_micros(whole * nth / kills + dice.below(whole / kills));
        let began = Instant::now();
        let life = copying.start("prune @latest").killed_when(|_| began.elapsed() >= instant);
        assert!(!life.err.contains("panicked"), "{}", life.err);
        let verified = copying.command("verify @latest").output().expect("the program starts");
        assert!(verified.status.success(), "{}", String::from_utf8_lossy(&verified.stdout));
        let now = hashes(&copying);
        assert_eq!(now[..before.len()], before[..], "the chain is what it was");
        after += u64::from(now.len() > before.len());
        assert!(now.len() == before.len() || now.len() == before.len() + 2);
        assert!(copying.start("prune @latest").ended().status.success());
        let left = fs::read_dir(&run).expect("a folder").flatten();
        let left = left.filter(|entry| entry.file_name().to_string_lossy().starts_with("db"));
        assert_eq!(left.count(), 1, "nothing is left of what was cut off");
        assert!(copying.start("verify @latest").ended().status.success());
    }
    tell(&format!("prunings killed {kills}/{kills}: {after} were done, the others not begun"));
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir(to).expect("a folder can be made");
    for entry in fs::read_dir(from).expect("a folder").flatten() {
        let to = to.join(entry.file_name());
        let is_folder = entry.path().is_dir();
        if is_folder { copy(&entry.path(), &to) } else { drop(fs::copy(entry.path(), &to)) }
    }
}

/// A secret that goes on to another message and to a file.
#[test]
fn where_else_the_same_bytes_stand_is_said() {
    let scene = Scene::new();
    scene.file("in.txt", "open sesame-7\nharmless\n");
    scene.file(
        "p.toml",
        r#"format = 1
name = "secret"
[supervisors.root]
children = ["lines", "text", "heard", "kept"]
[agents.lines]
actor = "std/file-lines"
config = { path = "in.txt" }
grants = { files = { read = ["in.txt"] } }
[agents.text]
actor = "std/map"
inputs = "lines"
outputs = { out = "string" }
config = { expr = ".text" }
[agents.heard]
actor = "std/map"
inputs = "text"
outputs = { out = "string" }
config = { expr = '"heard: " + .' }
[agents.kept]
actor = "std/file-write"
inputs = "text"
config = { path = "out.txt" }
grants = { files = { write = ["out.txt"] } }
"#,
    );
    scene.say("run p.toml").ends(0);
    let all = scene.say("events @latest --json").ends(0).json();
    let part = |agent: &str, kind: &str| {
        let found = all.iter().filter(|record| record["agent"] == agent).find_map(|record| {
            let parts = record["parts"].as_array()?;
            let said = |part: &Value| part["kind"] == kind && part.to_string().contains("sesame");
            Some(format!("{}.{}", record["seq"], parts.iter().position(said)?))
        });
        found.expect("it is there")
    };
    let (said, heard, kept) =
        (part("text", "emission"), part("heard", "emission"), part("kept", "staged"));
    let did = scene.say(&format!("prune @latest --payload {said} --dry-run --json")).ends(0);
    let shown = &did.json()[0];
    let also: Vec<&str> =
        shown["also"].as_array().expect("a list").iter().filter_map(|of| of.as_str()).collect();
    assert!(also.contains(&heard.as_str()) && also.contains(&kept.as_str()), "{shown}");
    assert!(shown["follow"].as_u64() > Some(1), "{shown}");
    did.tells([heard.as_str(), "too", "--impact", "what stays: the texts of faults"]);
    let all: Vec<String> = also.iter().map(|of| format!("--payload {of}")).collect();
    let line = format!("prune @latest --payload {said} {}", all.join(" "));
    let ran = scene.say(&line).ends(0);
    assert!(!ran.err.contains("the same bytes"), "{ran}");
    scene.say("verify @latest").ends(0);
    let pruned = scene.say("events @latest --kind pruned --json").ends(0).json();
    assert_eq!(pruned.len(), 1 + also.len(), "a record says so of each");
    let run = scene.path().join(".theater-flow");
    assert!(!holds(&run, b"sesame"), "no byte of it is left anywhere");
}

/// What a fault quotes is in its record's own bytes, and stays.
#[test]
fn what_a_fault_quotes_is_named() {
    let scene = Scene::new();
    scene.file("in.txt", "open sesame-7\n");
    scene.file(
        "p.toml",
        "format = 1\nname = \"secret\"\n[supervisors.root]\nchildren = [\"lines\", \"text\", \"fails\"]\n\
        [agents.lines]\nactor = \"std/file-lines\"\nconfig = { path = \"in.txt\" }\n\
        grants = { files = { read = [\"in.txt\"] } }\n[agents.text]\nactor = \"std/map\"\n\
        inputs = \"lines\"\noutputs = { out = \"string\" }\nconfig = { expr = \".text\" }\n\
        [agents.fails]\nactor = \"std/map\"\ninputs = \"text\"\noutputs = { out = \"json\" }\n\
        config = { expr = \"error(.)\" }\nretry = { max = 0 }\n",
    );
    scene.say("run p.toml --allow-dead-letters").ends(0);
    let faulted = scene.say("events @latest --kind faulted --json").ends(0).json();
    let seq = faulted[0]["seq"].to_string();
    let emitted = scene.say("events @latest --kind emission --agent text --json").ends(0).json();
    let ran = scene.say(&format!("prune @latest --payload {}", emitted[0]["seq"])).ends(0);
    ran.tells(["warning: the texts of", &seq, "quote them, which are not erased"]);
}

/// A run of these lines. Gives its id.
fn lines(scene: &Scene, text: &str) -> String {
    scene.file("input.txt", text);
    scene.say("run p.toml").ends(0).last().id
}

#[test]
fn what_was_erased_is_not_compared() {
    let scene = Scene::new();
    scene.file("p.toml", include_str!("../cases/run-todos/pipeline.toml"));
    let one = lines(&scene, "TODO 1\nTODO 2\n");
    let (same, longer) = (lines(&scene, "TODO 1\nTODO 2\n"), lines(&scene, "TODO 1\nTODO 20\n"));
    let diff = |other: &str| scene.run(["diff", one.as_str(), other]);
    diff(&same).ends(0);
    diff(&longer).ends(5);
    scene.run(["prune", &one]).ends(0);
    let told = diff(&same).ends(0);
    assert!(told.text().contains("no difference was found, but "), "{told}");
    assert!(told.text().contains("cannot be compared: erased by prune"), "{told}");
    assert!(!told.text().contains("the same\n"), "{told}");
    let json = &scene.run(["diff", &one, &same, "--json"]).ends(0).json()[0];
    assert!(json["same"].is_null() && json["not_compared"].as_u64() > Some(1), "{json}");
    // How long it was is known.
    diff(&longer).ends(5);
    let itself = diff(&one).ends(0);
    assert!(itself.text().contains("the runs did the same"), "{itself}");
}
