//! Agents that had ended and have something to read again: told, exact, and brought back after a kill.

use theater_flow_tests::Scene;
use theater_flow_tests::held::{held, wait, wait_for};

use super::one;

/// Lines of files, through two agents, into a file and to standard output; a timer keeps the run.
fn rows(files: &[&str]) -> String {
    let names: Vec<String> = files.iter().map(|file| format!("\"{file}\"")).collect();
    let names = names.join(", ");
    let sources = files.iter().map(|file| {
        format!(
            "[agents.{file}]\nactor = \"std/file-lines\"\nconfig = {{ path = \"in/{file}.txt\" }}\n\
             grants = {{ files = {{ read = [\"in\"] }} }}\n"
        )
    });
    let sources: String = sources.collect();
    format!(
        r#"format = 1
name = "rows"
[supervisors.root]
children = ["hold", {names}, "texts", "delay", "file", "print"]
[agents.hold]
actor = "std/timer"
config = {{ every = "1h" }}
grants = {{ clock = true, timer = true }}
{sources}
[agents.texts]
actor = "std/map"
inputs = [{names}]
outputs = {{ out = "json" }}
config = {{ expr = ".text" }}
[agents.delay]
actor = "std/delay"
inputs = "texts"
config = {{ for = "1s" }}
grants = {{ clock = true, timer = true }}
[agents.file]
actor = "std/file-write"
inputs = "delay"
config = {{ path = "out/lines.jsonl", mode = "append" }}
grants = {{ files = {{ write = ["out"] }} }}
[agents.print]
actor = "std/stdout"
inputs = "delay"
grants = {{ stdout = true }}
"#
    )
}

#[test]
fn who_is_started_again_goes_on_behind_what_was_there_and_comes_back_after_a_kill() {
    let scene = Scene::new();
    scene.file("in/a.txt", "a0\na1\n");
    scene.file("in/b.txt", "b0\nb1\nb2\n");
    scene.file("rows.toml", rows(&["a"]));
    scene.file("more.toml", rows(&["a", "b"]));
    let mut child = held(&scene, ["run", "rows.toml"]);
    let ended = |agent: &str| {
        let events = scene.say("events @latest --kind ended --json").json();
        events.iter().any(|event| event["agent"] == agent).then_some(())
    };
    wait_for("its end", || ended("file").and_then(|()| ended("print")));
    // It reads another file.
    scene.say("reload @latest more.toml").ends(4);
    let id = one(&scene, "approve @latest --json")["id"].to_string();
    let told = one(&scene, &format!("approve @latest {id} --json"));
    assert_eq!(told["again"], serde_json::json!(["texts", "delay", "file", "print"]));
    let opened = || {
        let lives = scene.say("events @latest --kind transaction --json").json();
        let opens = lives
            .iter()
            .filter(|event| event["agent"] == "file" && event.to_string().contains("opened"));
        (opens.count() > 1).then_some(())
    };
    wait_for("a file that is opened again", opened);
    child.kill().expect("it lives");
    let _ = wait(child);
    let mut child = held(&scene, ["resume", "@latest"]);
    wait_for("its end", || {
        let content =
            std::fs::read_to_string(scene.path().join("out/lines.jsonl")).unwrap_or_default();
        (content == "\"a0\"\n\"a1\"\n\"b0\"\n\"b1\"\n\"b2\"\n").then_some(())
    });
    child.kill().expect("it lives");
    let _ = wait(child);
    scene.say("replay @latest").ends(0);
    scene.say("verify @latest").ends(0);
}
