//! Forks at every point, of runs that read and write files.

use std::fs;

use serde_json::Value;
use theater_flow_tests::Scene;
use theater_flow_tests::notes::{self, notes_to_file};

use crate::scene::{files, folder, fork, is_sound, moved, of_kind, records, seq};

fn scene() -> (Scene, String) {
    let scene = notes::scene(&notes_to_file());
    scene.file("out/other.txt", "of somebody else\n");
    let run = scene.say("run p.toml").ends(0).last().id;
    (scene, run)
}

#[test]
fn a_fork_after_any_record_comes_to_the_same_end_and_leaves_the_run_as_it_is() {
    let (scene, run) = scene();
    let (all, before) = (records(&scene, &run), files(&folder(&scene, &run)));
    let (found, out) = (scene.read("out/found.jsonl"), files(&scene.path().join("out")));
    let agent = |kind: &str, agent: &str| {
        let mut records = all.iter().filter(|record| record["agent"] == agent);
        records.find(|record| record["kind"] == kind).map_or(u64::MAX, seq)
    };
    let (written, printed) = (agent("confirmed", "file"), agent("confirmed", "print"));
    let last = seq(all.last().expect("records"));
    for at in 0..last {
        let forked = fork(&scene, &run, at, &[]).ends(0);
        let id = forked.last().id;
        let printed = if at < printed { 3 } else { 0 };
        assert_eq!(forked.json().len(), printed, "after {at}: {forked}");
        // A file that was closed before is only there if it could be opened once more.
        let there = moved(&scene, &id, "out/found.jsonl");
        assert!(there == found || at >= written && there.is_empty(), "after {at}: {there}");
        is_sound(&scene, &id);
        scene.run(["diff", &run, &id]).ends(0);
        let own = records(&scene, &id);
        assert_eq!((seq(&own[0]), &own[0]["kind"]), (at + 1, &"forked".into()));
        assert_eq!(own[0]["prev"], all[usize::try_from(at).expect("few")]["hash"]);
    }
    fork(&scene, &run, last, &[]).ends(2).tells(["was over at record", "earlier record"]);
    assert_eq!(files(&folder(&scene, &run)), before, "the run is as it was");
    assert_eq!(files(&scene.path().join("out")), out, "and its files are");
    assert_eq!(scene.runs().len() as u64, last + 1, "what cannot be made leaves nothing behind");
}

#[test]
fn a_fork_says_where_it_comes_from() {
    let (scene, run) = scene();
    let all = records(&scene, &run);
    // While the agent lives whose state is asked for.
    let of_all = |kind| of_kind(&all, kind).into_iter().find(|record| record["agent"] == "all");
    let [begun, ended] = ["incarnation", "ended"].map(|kind| seq(of_all(kind).expect(kind)));
    let later = of_kind(&all, "transaction").into_iter().map(seq).find(|at| *at > begun);
    let at = later.expect("messages come when their readers live");
    assert!(at < ended, "it is one of those that it takes");
    let made = fork(&scene, &run, at, &["--hold", "--json"]).ends(0).json();
    let id = made[0]["run"].as_str().expect("an id").to_owned();
    assert_eq!((&made[0]["parent"], &made[0]["after"]), (&run.as_str().into(), &at.into()));
    let listed = scene.say("runs --json").ends(0).json();
    assert_eq!((&listed[0]["parent"], &listed[0]["after"]), (&run.as_str().into(), &at.into()));
    assert_eq!(listed[0]["status"], "suspended");
    let lines = scene.say("runs").ends(0).text();
    assert!(lines.contains(&format!("from {run} after record {at}")), "{lines}");
    let first = (at + 1).to_string();
    let shown = scene.run(["show", &id, &first]).ends(0).text();
    assert!(shown.contains(&run) && shown.contains("parent_hash"), "{shown}");
    scene.run(["tree", &id]).ends(0);
    scene.run(["why", &id, &first]).ends(0);
    let verified = scene.run(["verify", &id, "--json"]).ends(0).json();
    assert_eq!((&verified[0]["parent"], &verified[0]["after"]), (&run.as_str().into(), &at.into()));
    let before = at.to_string();
    scene.run(["show", &id, &before]).ends(2).tells(["stands in the run", "forked from"]);
    scene.run(["state", &id, "all", "--at", &before]).ends(0);
    let earlier = (at - 1).to_string();
    scene.run(["state", &id, "all", "--at", &earlier]).ends(2).tells(["stands in the run"]);
    let there = format!("record {earlier} stands in the run");
    scene.run(["tree", &id, "--at", &earlier]).ends(2).tells([there.as_str()]);
    scene.run(["tree", &id, "--at", "0"]).ends(2).tells(["record 0 stands in the run"]);
    let over = fork(&scene, &run, ended, &["--hold", "--json"]).ends(0).json();
    let (over, ended) = (over[0]["run"].as_str().expect("an id"), ended.to_string());
    let none = scene.run(["state", over, "all", "--at", &ended]).ends(2);
    none.tells(["`all` had ended when this run was forked", "which run that is"]);
    scene.run(["resume", &id]).ends(0);
    is_sound(&scene, &id);
    // It needs nothing of the other run.
    fs::remove_dir_all(folder(&scene, &run)).expect("it was there");
    let verified = scene.run(["verify", &id]).ends(0).text();
    assert!(verified.contains("not at hand"), "{verified}");
    is_sound(&scene, &id);
    fork(&scene, &id, seq(&records(&scene, &id)[2]), &[]).ends(0);
    // What it follows from may stand in the other run.
    for record in records(&scene, &id) {
        scene.run(["why", &id, &seq(&record).to_string(), "--json"]).ends(0);
        scene.run(["show", &id, &seq(&record).to_string()]).ends(0);
    }
}

#[test]
fn a_fork_can_be_forked() {
    let (scene, run) = scene();
    let all = records(&scene, &run);
    let at = seq(of_kind(&all, "transaction")[6]);
    let id = fork(&scene, &run, at, &[]).ends(0).last().id;
    let own = records(&scene, &id);
    let (first, last) = (seq(&own[0]), seq(own.last().expect("records")));
    for at in first..last {
        let forked = fork(&scene, &id, at, &[]).ends(0);
        is_sound(&scene, &forked.last().id);
        let below = folder(&scene, &forked.last().id).join("files");
        let deep = files(&below).into_keys().any(|path| {
            path.to_string_lossy().contains("runs/0")
                && path
                    .strip_prefix(&below)
                    .is_ok_and(|path| path.to_string_lossy().contains("files"))
        });
        assert!(!deep, "files are moved anew, not deeper");
    }
    let before = (first - 1).to_string();
    scene.run(["fork", &id, "--at", &before]).ends(2).tells(["forked from", "name that one"]);
}

#[test]
fn what_cannot_be_forked_is_refused_and_leaves_nothing() {
    let (scene, run) = scene();
    fork(&scene, &run, 10_000, &[]).ends(2).tells(["there is no record 10000"]);
    fork(&scene, "nobody", 1, &[]).ends(2).tells(["there is no run"]);
    scene.run(["fork", &run]).ends(2).tells(["--at"]);
    scene.run(["fork", &run, "--at", "x"]).ends(2);
    let at = seq(of_kind(&records(&scene, &run), "finished")[0]) - 1;
    // A message of the parent is changed.
    let blocks = folder(&scene, &run).join("db/db");
    let whole = fs::read(&blocks).expect("the database");
    let text = b"more tea";
    let places = whole.windows(text.len()).enumerate().filter(|(_, window)| window == text);
    let places: Vec<usize> = places.map(|(place, _)| place).collect();
    assert!(!places.is_empty(), "the parent's messages are there");
    let mut damaged = whole.clone();
    for place in places {
        damaged[place] ^= 1;
    }
    fs::write(&blocks, damaged).expect("it can be written");
    let refused = fork(&scene, &run, at, &[]);
    assert!([5, 1].contains(&refused.code()), "{refused}");
    assert_eq!(scene.runs().len(), 1, "{refused}");
}

#[test]
fn a_file_that_is_gone_is_named() {
    let (scene, run) = scene();
    let all = records(&scene, &run);
    let written = all.iter().find(|r| r["kind"] == "confirmed" && r["agent"] == "file");
    let written = seq(written.expect("it wrote"));
    fs::remove_file(scene.path().join("out/found.jsonl")).expect("it was there");
    // Before anything was written to it, nothing of it is needed.
    fork(&scene, &run, written - 1, &[]).ends(0);
}

#[test]
fn a_pruned_fork_keeps_the_state_that_it_took_over() {
    let (scene, run) = scene();
    let all = records(&scene, &run);
    let at = seq(of_kind(&all, "transaction")[1]);
    let id = fork(&scene, &run, at, &[]).ends(0).last().id;
    let first = at + 1;
    scene.run(["prune", &id]).ends(0);
    scene.run(["verify", &id]).ends(0);
    let state = ["state", &id, "lines", "--at"];
    scene.run([&state[..], &[&first.to_string()]].concat()).ends(0);
    let last = seq(of_kind(&records(&scene, &id), "transaction").last().expect("calls"));
    scene.run([&state[..], &[&last.to_string()]].concat()).ends(2).tells(["were erased"]);
    scene.run(["replay", &id]).ends(2).tells(["were erased", "--from"]);
    let before = last.to_string();
    scene.run(["fork", &id, "--at", &before]).ends(2).tells(["were erased"]);
}

/// A run and its fork after a record, compared: what `diff` says for people.
fn compared(scene: &Scene, run: &str, at: u64) -> String {
    let forked = fork(scene, run, at, &[]).ends(0).last().id;
    let ran = scene.run(["diff", run, &forked]).ends(0);
    assert!(ran.text().contains("the runs did the same"), "{ran}");
    ran.text()
}

#[test]
fn a_file_that_was_open_at_the_point_is_told_by_its_place() {
    let (scene, run) = scene();
    let all = records(&scene, &run);
    let told = compared(&scene, &run, opened(&all));
    let place = scene.path().canonicalize().expect("it is there").join("out/found.jsonl");
    assert!(told.contains(&format!("file to {}: ", place.display())), "{told}");
    assert!(!told.contains("file to stdout"), "{told}");
}

/// The record after which the file is open, and the next in which the fork writes to it.
fn opened(all: &[Value]) -> u64 {
    let opens = |part: &Value| part["kind"] == "opened";
    let parts =
        |record: &Value| record["parts"].as_array().is_some_and(|parts| parts.iter().any(opens));
    seq(all.iter().find(|record| parts(record)).expect("it is opened"))
}

/// No record of the fork says what file it is.
#[test]
fn a_file_that_was_open_at_the_point_is_shown_by_its_place() {
    let (scene, run) = scene();
    let at = opened(&records(&scene, &run));
    let id = fork(&scene, &run, at, &[]).ends(0).last().id;
    let place = scene.path().canonicalize().expect("it is there").join("out/found.jsonl");
    let name = format!("files{}", place.display());
    let staged =
        |line: &&Value| line["agent"] == "file" && line["parts"].to_string().contains("staged");
    let own = records(&scene, &id);
    let staged = own.iter().find(staged).expect("it writes");
    let path = staged["parts"][0]["path"].as_str().expect("a path");
    assert_eq!(
        path,
        folder(&scene, &id).canonicalize().expect("it is there").join(&name).display().to_string()
    );
    assert!(
        staged["summary"].as_str().is_some_and(|text| text.contains(&format!("B to {name}: ")))
    );
    let confirmed = of_kind(&own, "confirmed").into_iter().find(|line| line["agent"] == "file");
    assert_eq!(confirmed.expect("it was written")["path"], path);
    let seq = seq(staged).to_string();
    for command in [&["events", &id][..], &["why", &id, &seq], &["show", &id, &format!("{seq}.0")]]
    {
        let text = scene.run(command.iter().copied()).ends(0).text();
        assert!(text.contains(&name) && !text.contains("sink 1"), "{command:?}: {text}");
    }
}

/// Its name stands in the record, which stays.
#[test]
fn a_file_that_was_open_at_the_point_is_known_when_the_other_run_is_pruned() {
    let (scene, run) = scene();
    let at = opened(&records(&scene, &run));
    let id = fork(&scene, &run, at, &[]).ends(0).last().id;
    scene.run(["prune", &run]).ends(0);
    let ran = scene.run(["diff", &run, &id]).ends(0);
    let place = scene.path().canonicalize().expect("it is there").join("out/found.jsonl");
    assert!(ran.text().contains(&format!("file to {}: ", place.display())), "{ran}");
}

/// What one of two runs did before its log begins is no difference between them.
#[test]
fn runs_that_begin_at_different_records_are_not_compared() {
    let (scene, run) = scene();
    let at = opened(&records(&scene, &run));
    let forks = [at, at, at + 2].map(|at| fork(&scene, &run, at, &[]).ends(0).last().id);
    scene.run(["diff", &forks[0], &forks[1]]).ends(0);
    let inner = fork(&scene, &forks[0], at + 4, &[]).ends(0).last().id;
    scene.run(["diff", &forks[0], &inner]).ends(0);
    for (one, other) in [(&forks[0], &forks[2]), (&run, &inner), (&forks[1], &inner)] {
        for pair in [[one, other], [other, one]] {
            let ran = scene.run(["diff", pair[0], pair[1]]).ends(2);
            ran.tells([
                &format!("run {other} goes on from record"),
                "does not stand in its log",
                "diff",
            ]);
        }
    }
    let alone = scene.say("run p.toml").ends(0).last().id;
    scene.run(["diff", &run, &alone]).ends(0);
    scene.run(["diff", &alone, &forks[0]]).ends(2).tells(["forked from"]);
}

/// Lines of which one is set aside, and printed as a dead letter.
const SET_ASIDE: &str = r#"format = 1
name = "aside"
[supervisors.root]
children = ["lines", "checked", "printed", "letters"]
[errors]
dead_letter = "letters"
[agents.lines]
actor = "std/file-lines"
config = { path = "input.txt" }
grants = { files = { read = ["input.txt"] } }
[agents.checked]
actor = "std/map"
inputs = "lines"
config = { expr = 'if .text == "milk" then error("no milk") else . end' }
outputs = { out = "json" }
[agents.printed]
actor = "std/stdout"
inputs = "checked"
grants = { stdout = true }
[agents.letters]
actor = "std/stdout"
grants = { stdout = true }
"#;

#[test]
fn a_letter_with_another_number_is_no_other_letter() {
    let scene = Scene::new();
    scene.file("p.toml", SET_ASIDE);
    scene.file("input.txt", "tea\nmilk\nwater\n");
    let first = scene.say("run p.toml").ends(0);
    let second = fork(&scene, &first.last().id, 2, &[]).ends(0);
    assert_ne!(first.out, second.out, "the letter names a record");
    let told = compared(&scene, &first.last().id, 2);
    assert!(told.contains("the same"), "{told}");
}
