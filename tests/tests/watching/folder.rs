//! `watch`: one run for each pipeline of a folder.

use std::fs;
use std::path::PathBuf;

use rustix::process::Signal;
use theater_flow_tests::held::wait_for;
use theater_flow_tests::watched::{Watched, ids, records};
use theater_flow_tests::{Scene, prebuilt};

/// A pipeline that prints a word again and again.
pub(crate) fn flow(word: &str) -> String {
    PIPELINE.replace("WORD", word)
}

/// One that prints a word twice, and ends.
fn short(word: &str) -> String {
    flow(word).replace("every = \"20ms\"", "every = \"20ms\", count = 2")
}

const PIPELINE: &str = r#"format = 1
name = "words"

[supervisors.root]
children = ["tick", "text", "out"]

[agents.tick]
actor = "std/timer"
config = { every = "20ms" }
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

/// A scene with pipelines in its folder `flows`.
pub(crate) fn scene(flows: &[(&str, String)]) -> Scene {
    let scene = Scene::new();
    fs::create_dir(scene.path().join("flows")).expect("a folder");
    for (name, text) in flows {
        save(&scene, name, text);
    }
    scene
}

/// Saves a file at once.
pub(crate) fn save(scene: &Scene, name: &str, text: &str) {
    let new = scene.file("new", text);
    fs::rename(new, at(scene, name)).expect("it is there");
}

pub(crate) fn at(scene: &Scene, name: &str) -> PathBuf {
    scene.path().join("flows").join(name)
}

pub(crate) fn started<'a>(scene: &'a Scene, name: &'static str) -> Watched<'a> {
    Watched::start(scene, name, "watch flows")
}

/// How the runs are, in their order.
pub(crate) fn statuses(scene: &Scene) -> Vec<String> {
    let mut runs = scene.say("runs --json").ends(0).json();
    runs.reverse();
    runs.iter().map(|run| String::from(run["status"].as_str().unwrap_or("-"))).collect()
}

#[test]
fn new_ones_are_run_changed_ones_reloaded_and_others_left_alone() {
    let scene = scene(&[("a.toml", flow("a-one"))]);
    for (name, text) in [
        ("Cargo.toml", "[package]\nname = \"x\"\n"),
        ("part.toml", "format = 1\nname = \"part\"\n[module]\n"),
        ("a.toml~", "no"),
        ("notes.md", "no"),
    ] {
        save(&scene, name, text);
    }
    let mut watch = started(&scene, "watch");
    watch.wait_for("flows/a.toml: run ", 1);
    save(&scene, "b.toml", &flow("b-one"));
    watch.wait_for("flows/b.toml: run ", 1);
    save(&scene, "a.toml", &flow("a-two"));
    watch.wait_for("flows/a.toml: reload ok rev 1→2 (+0 ~1 -0) in ", 1);
    for word in ["a-two", "b-one"] {
        wait_for(word, || watch.out().contains(word).then_some(()));
    }
    let ran = watch.stopped().ends(130);
    assert_eq!(ran.err.lines().filter(|line| line.contains(": run ")).count(), 2, "{ran}");
    assert_eq!(statuses(&scene), ["suspended", "suspended"]);
    for run in ids(&scene) {
        let _ = scene.run(["verify", &run]).ends(0);
    }
}

#[test]
fn one_with_faults_is_told_once_and_changes_nothing() {
    let bad = flow("x").replace("template =", "tmplate =");
    let scene = scene(&[("a.toml", flow("a")), ("bad.toml", bad.clone())]);
    save(&scene, "broken.toml", "what is this");
    let mut watch = started(&scene, "watch");
    watch.wait_for("flows/bad.toml: not started: the file has faults: ", 1);
    watch.wait_for("flows/broken.toml: not started: the file has faults: ", 1);
    watch.wait_for("flows/a.toml: run ", 1);
    save(&scene, "a.toml", &bad);
    watch.wait_for("flows/a.toml: reload refused: the file has faults: ", 1);
    save(&scene, "bad.toml", &bad);
    save(&scene, "broken.toml", &flow("mended"));
    watch.wait_for("flows/broken.toml: run ", 1);
    let ran = watch.stopped().ends(130);
    assert_eq!(ran.err.matches("flows/bad.toml: not started").count(), 1, "{ran}");
    let _ = ran.tells(["flows/bad.toml:15", "tmplate"]);
    assert_eq!(records(&scene, "@latest", "reloaded"), Vec::<serde_json::Value>::new());
    assert_eq!(scene.runs().len(), 2);
}

#[test]
fn what_becomes_of_the_run_of_a_removed_file_is_what_the_file_said() {
    let rule = |word: &str| format!("{}\n[reload]\non_delete = \"{word}\"\n", flow(word));
    let names = ["drain", "stop", "keep"];
    let flows = names.map(|name| (format!("{name}.toml"), rule(name)));
    let scene = scene(&flows.each_ref().map(|(name, text)| (&**name, text.clone())));
    let mut watch = started(&scene, "watch");
    for name in names {
        watch.wait_for(&format!("flows/{name}.toml: run "), 1);
    }
    for (name, _) in &flows {
        fs::remove_file(at(&scene, name)).expect("it is there");
    }
    watch.wait_for("flows/drain.toml: it is gone: the run ends what is under way", 1);
    watch.wait_for("flows/stop.toml: it is gone: the run stops", 1);
    watch.wait_for("flows/keep.toml: it is gone: the run goes on", 1);
    watch.wait_for(" suspended events=", 2);
    // Where it comes again, its run goes on.
    save(&scene, "stop.toml", &rule("stop").replace("\"stop\" }", "\"again\" }"));
    watch.wait_for("flows/stop.toml: reload ok rev 1→2", 1);
    wait_for("its word", || watch.out().contains("again").then_some(()));
    let _ = watch.stopped().ends(130);
    assert_eq!(scene.runs().len(), 3);
}

#[test]
fn a_folder_that_is_removed_and_made_anew_is_still_watched() {
    let scene = scene(&[("a.toml", flow("a"))]);
    let mut watch = started(&scene, "watch");
    for times in 1..=2 {
        watch.wait_for("flows/a.toml: run ", times);
        fs::remove_dir_all(scene.path().join("flows")).expect("it is there");
        watch.wait_for("flows/a.toml: it is gone", times);
        fs::create_dir(scene.path().join("flows")).expect("a folder");
        save(&scene, "a.toml", &flow(["b", "c"][times - 1]));
        watch.wait_for("flows/a.toml: reload ok rev ", times);
    }
    save(&scene, "new.toml", &flow("n"));
    watch.wait_for("flows/new.toml: run ", 1);
    let _ = watch.stopped().ends(130);
    assert_eq!(scene.runs().len(), 2);
}

#[test]
fn whoever_watches_next_goes_on_with_what_is_not_over_and_repeats_nothing_that_is() {
    let scene =
        scene(&[("a.toml", flow("a-one")), ("same.toml", flow("s")), ("end.toml", short("e"))]);
    let mut first = started(&scene, "first");
    for name in ["a", "same", "end"] {
        first.wait_for(&format!("flows/{name}.toml: run "), 1);
    }
    first.wait_for(" completed events=", 1);
    // What was never durable never began.
    for word in ["\"a-one\"", "\"s\""] {
        wait_for("its word", || first.out().contains(word).then_some(()));
    }
    first.killed();
    save(&scene, "a.toml", &flow("a-two"));
    let mut second = started(&scene, "second");
    second.wait_for("flows/a.toml: reload ok rev 1→2 (+0 ~1 -0)", 1);
    second.wait_for("flows/same.toml: reload ok rev 1: nothing differs in meaning", 1);
    second.wait_for("flows/end.toml: its run has ended", 1);
    wait_for("its word", || second.out().contains("a-two").then_some(()));
    assert!(!second.out().contains("\"e\""), "{}", second.out());
    // Its next run begins when it changes.
    save(&scene, "end.toml", &short("f"));
    second.wait_for("flows/end.toml: run ", 1);
    second.wait_for(" completed events=", 1);
    let _ = second.stopped().ends(130);
    let expected = ["completed", "completed", "suspended", "suspended"];
    let mut found = statuses(&scene);
    found.sort();
    assert_eq!(found, expected);
    for run in ids(&scene) {
        let _ = scene.run(["verify", &run]).ends(0);
        let _ = scene.run(["replay", &run]).ends(0);
    }
}

#[test]
fn a_component_that_changes_is_exchanged_in_every_run_that_has_it() {
    let own = |word: &str| flow(word).replace("std/template", "../own.wasm");
    let scene = scene(&[("a.toml", own("a")), ("b.toml", own("b")), ("c.toml", flow("c"))]);
    let component = scene.path().join("own.wasm");
    fs::copy(prebuilt("template"), &component).expect("a component");
    let mut watch = started(&scene, "watch");
    watch.wait_for(": run ", 3);
    // The same actor with something behind it that it is not made of.
    let mut bytes = fs::read(&component).expect("it is there");
    bytes.extend_from_slice(&[0, 5, 4, b'n', b'o', b't', b'e']);
    scene.file("new", bytes);
    fs::rename(scene.path().join("new"), &component).expect("it is there");
    watch.wait_for("flows/a.toml: reload ok rev 1→2 (+0 ~1 -0)", 1);
    watch.wait_for("flows/b.toml: reload ok rev 1→2 (+0 ~1 -0)", 1);
    let ran = watch.stopped().ends(130);
    assert_eq!(ran.err.matches("reload ").count(), 2, "{ran}");
}

#[test]
fn who_asks_twice_is_not_kept_waiting_and_what_is_no_folder_is_refused() {
    let scene = scene(&[("a.toml", flow("a"))]);
    let mut watch = started(&scene, "watch");
    watch.wait_for(": run ", 1);
    watch.signal(Signal::HUP);
    watch.wait_for("reload ok rev 1: nothing differs in meaning", 1);
    watch.signal(Signal::INT);
    watch.signal(Signal::INT);
    let _ = watch.ended().ends(130);
    scene.say("watch nowhere").ends(2).tells(["`nowhere` is not a folder"]);
    scene.say("watch flows/a.toml").ends(2).tells(["is not a folder"]);
}

#[test]
fn programs_are_told_too() {
    let scene =
        scene(&[("a.toml", flow("a")), ("bad.toml", flow("b").replace("template =", "x ="))]);
    let mut watch = Watched::start(&scene, "watch", "watch flows/../flows --json");
    watch.wait_for("bad.toml: not started", 1);
    watch.wait_for(": run ", 1);
    save(&scene, "a.toml", &flow("c"));
    watch.wait_for("reload ok rev 1→2", 1);
    let ran = watch.stopped().ends(130);
    let told = ran.text();
    let told = told.lines().filter(|line| line.starts_with('{')).map(serde_json::from_str);
    let mut told: Vec<serde_json::Value> = told.map(|value| value.expect("an object")).collect();
    told.sort_by_key(|value| value["outcome"].to_string());
    let key = |nth: usize, key: &str| told[nth][key].as_str().unwrap_or("-").to_owned();
    assert_eq!([key(0, "outcome"), key(1, "outcome")], ["faults", "reloaded"], "{ran}");
    assert_eq!([key(0, "run"), key(1, "run")], ["-".to_owned(), ids(&scene)[0].clone()]);
    assert_eq!(key(1, "file"), "flows/../flows/a.toml");
    // Under its plain name it is the same folder.
    let mut next = started(&scene, "next");
    next.wait_for(&format!("flows/a.toml: run {} of `words` goes on", ids(&scene)[0]), 1);
    let _ = next.stopped().ends(130);
}

#[test]
fn many_runs_find_room_for_their_files() {
    let scene = scene(&[]);
    for nth in 0..10 {
        save(&scene, &format!("f{nth}.toml"), &flow("x").replace("20ms", "1h"));
    }
    let program = theater_flow_tests::program().display().to_string();
    scene.file("few.sh", format!("ulimit -Sn 48 && exec {program} watch flows\n"));
    let mut watch = Watched::of(&scene, "watch", std::process::Command::new("sh").arg("few.sh"));
    watch.wait_for(": run ", 10);
    let ran = watch.stopped().ends(130);
    assert!(!ran.err.contains("error"), "{ran}");
    assert_eq!(statuses(&scene), ["suspended"; 10]);
}

#[test]
fn a_run_that_another_process_has_is_left_to_it() {
    let scene = scene(&[("a.toml", flow("a"))]);
    let mut first = started(&scene, "first");
    first.wait_for(": run ", 1);
    let mut second = started(&scene, "second");
    second.wait_for("flows/a.toml: the run is in use by another process", 1);
    let _ = first.stopped().ends(130);
    // Whoever waited for it takes it up.
    second.wait_for("of `words` goes on", 1);
    second.wait_for("reload ok rev 1: nothing differs in meaning", 1);
    let ran = second.stopped().ends(130);
    assert_eq!(ran.err.matches("in use by another process").count(), 1, "{ran}");
    assert_eq!(scene.runs().len(), 1);
}
