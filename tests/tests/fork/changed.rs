//! Forks that go on with another file.

use serde_json::Value;
use theater_flow_tests::notes::{self, NOTES};
use theater_flow_tests::{Ran, Scene};

use crate::scene::{fork, is_sound, records, seq};

fn scene() -> (Scene, String, Vec<Value>) {
    let scene = notes::scene(NOTES);
    let run = scene.say("run p.toml").ends(0).last().id;
    let all = records(&scene, &run);
    (scene, run, all)
}

/// The record of the nth message that an agent handled.
fn handled(all: &[Value], agent: &str, nth: usize) -> u64 {
    let message = |record: &&Value| {
        record["agent"] == agent
            && record["kind"] == "transaction"
            && record["consumed"]["kind"] == "message"
    };
    seq(all.iter().filter(message).nth(nth).expect("it handled that many"))
}

fn texts(ran: &Ran) -> Vec<String> {
    ran.json().iter().map(|line| line["text"].as_str().unwrap_or("?").to_owned()).collect()
}

#[test]
fn with_another_param_what_came_before_stays_and_what_comes_is_other() {
    let (scene, run, all) = scene();
    // The first line was matched by the old rule.
    let at = handled(&all, "found", 0);
    let forked = fork(&scene, &run, at, &["--with", "p.toml", "--set", "word=milk"]).ends(0);
    assert_eq!(texts(&forked), ["tea", "milk"]);
    let id = forked.last().id;
    is_sound(&scene, &id);
    let changed = records(&scene, &id)[0]["changed"].to_string();
    assert!(
        changed.contains("`found` has other config") && changed.contains("`word`"),
        "{changed}"
    );
    scene.run(["diff", &run, &id]).ends(5);
    // The file may have changed since; without another value it is as in the run.
    let same = fork(&scene, &run, at, &["--with", "p.toml"]).ends(0);
    assert_eq!(texts(&same), ["tea", "more tea", "no tea"]);
}

#[test]
fn an_agent_with_another_config_keeps_what_it_had_in_mind() {
    let (scene, run, all) = scene();
    scene.file("q.toml", NOTES.replace(r#"by = ["line"]"#, r#"by = ["-line"]"#));
    let at = handled(&all, "all", 1);
    let forked = fork(&scene, &run, at, &["--with", "q.toml"]);
    let forked = forked.ends(0);
    assert_eq!(texts(&forked), ["no tea", "more tea", "tea"]);
    is_sound(&scene, &forked.last().id);
    // Every point of it is one to go on from.
    let own = records(&scene, &forked.last().id);
    for at in seq(&own[0])..seq(own.last().expect("records")) {
        is_sound(&scene, &fork(&scene, &forked.last().id, at, &[]).ends(0).last().id);
    }
}

#[test]
fn agents_come_and_go() {
    let (scene, run, all) = scene();
    // `print` is gone, and `both` is new and stands before all others in the file.
    let (head, print) = NOTES.split_once("[agents.print]").expect("it prints");
    let (head, rest) = head.split_once("[agents.lines]").expect("it reads");
    let text = format!("{head}[agents.both]{print}[agents.lines]{rest}");
    scene.file("q.toml", text.replace("\"print\"]", "\"both\"]"));
    let at = handled(&all, "all", 1);
    let forked = fork(&scene, &run, at, &["--with", "q.toml"]).ends(0);
    assert_eq!(texts(&forked), ["tea", "more tea", "no tea"]);
    let changed = records(&scene, &forked.last().id)[0]["changed"].to_string();
    assert!(changed.contains("`print` is in the first only"), "{changed}");
    assert!(changed.contains("`both` is in the second only"), "{changed}");
    is_sound(&scene, &forked.last().id);
}

#[test]
fn what_waits_must_have_a_place() {
    let (scene, run, all) = scene();
    let with = |text: String, at: u64| {
        scene.file("q.toml", text);
        fork(&scene, &run, at, &["--with", "q.toml"])
    };
    // Before `found` has handled its lines, it reads from nobody else.
    let lines = all.iter().find(|record| {
        record["agent"] == "lines" && record["parts"].to_string().contains("emission")
    });
    let at = seq(lines.expect("it emitted"));
    let other = NOTES
        .replace("inputs = \"lines\"", "inputs = \"more\"")
        .replace("\"found\", \"all\"", "\"more\", \"found\", \"all\"")
        + "[agents.more]\nactor = \"std/filter\"\ninputs = \"lines\"\nconfig = { when = \"true\" }\n";
    with(other, at).ends(2).tells(["5 messages wait at `found.in`", "`lines.out`"]);
    with(NOTES.replace("std/sort", "std/nothing"), at).ends(78);
    fork(&scene, &run, at, &["--with", "nowhere.toml"]).ends(2).tells(["nowhere.toml"]);
    fork(&scene, &run, at, &["--set", "word=x"]).ends(2).tells(["--with"]);
    assert_eq!(scene.runs().len(), 1, "what cannot be made leaves nothing behind");
}
