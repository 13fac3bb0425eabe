//! Forks of runs that were coming to their end: what ends them stands in the run that they come from.

use serde_json::Value;
use theater_flow_tests::{Scene, prebuilt};

use crate::scene::{fork, is_sound, of_kind, records, seq};

/// `work` crashes at a line with `boom`, and nobody starts it again.
fn failing(supervisors: &str) -> String {
    let probe = prebuilt("probe").display().to_string();
    format!(
        r#"format = 1
name = "failing"
{supervisors}
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

const FLAT: &str = r#"[supervisors.root]
children = ["lines", "work", "print"]
intensity = 0"#;

const NESTED: &str = r#"[supervisors.root]
children = ["lines", "outer", "print"]
intensity = 0
[supervisors.outer]
children = ["inner"]
intensity = 0
[supervisors.inner]
children = ["work"]
intensity = 0"#;

/// A run that failed, and the record of the crash.
fn failed(supervisors: &str) -> (Scene, String, Vec<Value>) {
    let scene = Scene::new();
    scene.file("lines.txt", "calm\nboom\nlate\n");
    scene.file("p.toml", failing(supervisors));
    scene.file("mended.toml", failing(supervisors).replace("boom", "never"));
    let run = scene.say("run p.toml").ends(1).last().id;
    let all = records(&scene, &run);
    (scene, run, all)
}

/// A fork after a record that waits to be resumed.
fn held(scene: &Scene, run: &str, at: u64) -> String {
    fork(scene, run, at, &["--hold"]).ends(0).text().trim().to_owned()
}

#[test]
fn a_fork_that_fails_at_once_says_why_and_where_that_stands() {
    let (scene, run, all) = failed(FLAT);
    let crash = seq(of_kind(&all, "crashed")[0]);
    let before = crash - 1;
    let stands = format!(
        "error: root gave up, since restart 1 in its window was one too many: that follows from record {crash} of \
         run {run}, before it was forked\n"
    );
    let shows = format!("`theater-flow show {run} {crash}` shows it");
    let instead = format!("`theater-flow fork {run} --at {before}` (`--with FILE`)");
    for at in [crash, crash + 1] {
        let forked = held(&scene, &run, at);
        let inner = held(&scene, &forked, at + 1);
        for fork in [&forked, &inner] {
            scene.run(["resume", fork]).ends(1).tells([stands.as_str(), &shows]);
            let told = scene.run(["dlq", fork, "retry", "--all"]).ends(2);
            // The message that it crashed at was set aside before or after; the one behind it after, in any case.
            let hold = instead.replace("` (", " --hold` (");
            assert!(told.err.contains(&instead) || told.err.contains(&hold), "{told}");
        }
    }
    let crash = crash.to_string();
    let crashed = scene.run(["show", &run, &crash]).ends(0).text();
    assert!(crashed.contains("crashed") && crashed.contains("unreachable"), "{crashed}");
    let mended = fork(&scene, &run, before, &["--with", "mended.toml"]).ends(0);
    assert!(mended.text().contains("boom") && mended.text().contains("late"), "{mended}");
    is_sound(&scene, &mended.last().id);
}

#[test]
fn who_gave_up_in_turn_is_told_of_both_runs() {
    let (scene, run, all) = failed(NESTED);
    let gave_up: Vec<u64> = of_kind(&all, "escalated").into_iter().map(seq).collect();
    let [inner, ..] = gave_up[..] else { panic!("{gave_up:?}") };
    let forked = held(&scene, &run, inner);
    let ran = scene.run(["resume", &forked]).ends(1);
    let own = records(&scene, &forked);
    let [outer, root] = of_kind(&own, "escalated")[..] else { panic!("{own:?}") };
    let stands = format!("follows from record {inner} of run {run}, before it was forked\n");
    let turn = format!("in turn: outer gave up ({}), root gave up ({})\n", seq(outer), seq(root));
    let why = format!("`theater-flow why {run} {inner}` tells what led to it");
    ran.tells(["error: root gave up, since ", stands.as_str(), &turn, &why]);
    let before = seq(of_kind(&all, "crashed")[0]) - 1;
    let told = scene.run(["dlq", &forked, "retry", "--all"]).ends(2);
    assert!(told.err.contains(&format!("`theater-flow fork {run} --at {before}")), "{told}");
}

/// Letters that the other run had set aside are in the count, and none of them in the log.
#[test]
fn letters_of_the_other_run_are_counted() {
    let scene = Scene::new();
    scene.file("lines.txt", "boom 1\nboom 2\ncalm\n");
    let often = FLAT.replace("intensity = 0", "intensity = 9");
    scene.file("p.toml", failing(&often));
    let run = scene.say("run p.toml").ends(1).last();
    assert_eq!(run.status, "degraded");
    let all = records(&scene, &run.id);
    let letters = of_kind(&all, "dead-lettered");
    let forked = fork(&scene, &run.id, seq(letters[1]), &[]).ends(1);
    let listed = format!("`theater-flow dlq {}` lists them", forked.last().id);
    forked.tells(["error: 2 events could not be handled\n", &listed]);
}
