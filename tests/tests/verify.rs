//! `verify`: what it looks at besides the chain, and that what cannot be read is not called damaged.

use std::fs;
use std::path::{Path, PathBuf};

use rustix::process::Signal;
use theater_flow::store::SledStore;
use theater_flow_tests::held::{Held, send};
use theater_flow_tests::{Scene, prebuilt};

/// An actor of its own, so that its component is not part of the program.
const PIPELINE: &str = r#"
format = 1
name = "own"

[supervisors.root]
children = ["ask", "print"]

[agents.ask]
actor = "own.wasm"
config = { on = [{ event = "start", do = "emit", text = '1' }] }

[agents.print]
actor = "std/stdout"
inputs = "ask"
grants = { stdout = true }
"#;

/// A run that was stopped.
fn stopped() -> Held {
    let mut run = Held::start();
    run.end(|child| send(child, Signal::INT)).ends(130);
    run
}

/// The hash of each record.
fn hashes(scene: &Scene) -> Vec<String> {
    let records = scene.say("events @latest --json").ends(0).json();
    records.iter().map(|record| record["hash"].as_str().expect("text").to_owned()).collect()
}

fn holds_each(scene: &Scene) -> usize {
    let hashes = hashes(scene);
    for (seq, hash) in hashes.iter().enumerate() {
        let ran = scene.say(&format!("verify @latest --head {hash}")).ends(0);
        assert!(ran.text().contains(&format!("it holds that head at record {seq};")), "{ran}");
        let found = &scene.say(&format!("verify @latest --head {hash} --json")).ends(0).json()[0];
        assert_eq!(found["head_at"], seq as u64, "{found}");
    }
    let other = "ab".repeat(32);
    let ran = scene.say(&format!("verify @latest --head {other}")).ends(5);
    assert!(ran.text().contains(&format!("no record of it has {other}")), "{ran}");
    hashes.len()
}

#[test]
fn any_head_that_was_kept_shows_how_far_it_is_the_same() {
    let mut run = Held::start();
    let live = holds_each(&run.scene);
    run.end(|child| send(child, Signal::INT)).ends(130);
    let first = hashes(&run.scene).swap_remove(0);
    assert!(holds_each(&run.scene) > live);
    let ran = run.scene.say(&format!("verify @latest --head {first} --json")).ends(0).json();
    assert_eq!(ran[0]["since"].as_u64(), ran[0]["records"].as_u64().map(|records| records - 1));
}

#[test]
fn a_run_that_never_began_is_not_called_damaged() {
    let run = stopped();
    let path = run.run();
    fs::remove_file(path.join("head.json")).expect("it is there");
    fs::remove_dir_all(path.join("db")).expect("it is there");
    for line in ["verify @latest", "resume @latest"] {
        run.scene.say(line).ends(2).tells(["the run never began"]);
    }
    drop(SledStore::create(&path.join("db")).expect("it can be made"));
    for line in ["verify @latest", "resume @latest"] {
        run.scene.say(line).ends(2).tells(["the run never began"]);
    }
}

#[test]
fn a_log_that_is_gone_is_missed() {
    let run = stopped();
    let path = run.run();
    fs::remove_dir_all(path.join("db")).expect("it is there");
    let gone = |scene: &Scene| {
        let ran = scene.say("verify @latest").ends(5);
        assert!(ran.text().contains("but `head.json` names record "), "{ran}");
        scene.say("resume @latest").ends(5).tells(["the log holds 0 records"]);
    };
    gone(&run.scene);
    drop(SledStore::create(&path.join("db")).expect("it can be made"));
    gone(&run.scene);
}

#[test]
fn a_head_that_is_gone_is_missed() {
    let run = stopped();
    fs::remove_file(run.run().join("head.json")).expect("it is there");
    let listed = run.scene.say("runs").ends(0);
    assert!(listed.text().contains("damaged"), "{listed}");
    let ran = run.scene.say("verify @latest").ends(5);
    assert!(ran.text().contains("not as it was written: `head.json` is missing"), "{ran}");
    run.complete(b"what was waited for").ends(0).tells(["`head.json` was missing"]);
    run.scene.say("verify @latest").ends(0);
}

#[test]
fn a_fork_is_compared_with_a_parent_that_goes_on() {
    let run = Held::start();
    let parent = run.run().file_name().expect("a name").to_string_lossy().into_owned();
    run.scene.run(["fork", &parent, "--at", "2", "--hold"]).ends(0);
    let found = run.scene.say("verify @latest").ends(0);
    assert!(found.text().contains(&format!("{parent}: it holds the last of them")), "{found}");
}

/// The kept component of the actor.
fn kept(scene: &Scene) -> PathBuf {
    let mine = fs::read(scene.path().join("own.wasm")).expect("it is there");
    let folder = scene.path().join(".theater-flow/components");
    let same = |path: &Path| fs::read(path).is_ok_and(|bytes| bytes == mine);
    let entries = fs::read_dir(folder).expect("a folder").flatten().map(|entry| entry.path());
    entries.into_iter().find(|path| same(path)).expect("it is kept")
}

#[test]
fn a_component_that_is_damaged_is_named() {
    let scene = Scene::new();
    scene.file("own.wasm", fs::read(prebuilt("probe")).expect("it is there"));
    scene.file("p.toml", PIPELINE);
    scene.say("run p.toml").ends(0);
    scene.say("verify @latest").ends(0);
    let path = kept(&scene);
    let whole = fs::read(&path).expect("it is there");
    let mut bytes = whole.clone();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(&path, bytes).expect("it can be written");
    let found = scene.say("verify @latest").ends(5);
    let name = path.file_name().expect("a name").to_string_lossy().into_owned();
    assert!(found.text().contains("own.wasm`") && found.text().contains(&name), "{found}");
    assert!(found.text().contains("is damaged"), "{found}");
    scene.say("replay @latest").ends(5).tells(["is damaged", "is not what was kept"]);
    fs::remove_file(&path).expect("it is there");
    scene.say("verify @latest").ends(0).tells(["is not kept any more"]);
    scene.say("replay @latest").ends(1).tells(["is not in"]);
    fs::write(&path, whole).expect("it can be written");
    scene.say("replay @latest").ends(0);
}
