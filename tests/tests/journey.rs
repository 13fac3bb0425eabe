//! The whole line: the example workflow, and what the record says of it afterwards.

use serde_json::Value;
use theater_flow_tests::{Last, Scene, root};

const NOTES: &str = "one\nTODO: two\nthree FIXME TODO\n\nMETODO\n";
const FOUND: &str = "{\"path\":\"notes.txt\",\"line\":2,\"rule\":\"todo\",\"text\":\"TODO: two\"}
{\"path\":\"notes.txt\",\"line\":3,\"rule\":\"fixme\",\"text\":\"three FIXME TODO\"}
{\"path\":\"notes.txt\",\"line\":3,\"rule\":\"todo\",\"text\":\"three FIXME TODO\"}
";

/// A scene in which the workflow has run over `NOTES`.
fn after_a_run() -> (Scene, Last) {
    let scene = Scene::new();
    scene.file("notes.txt", NOTES);
    let workflow = root().join("workflows/find-todos.toml");
    let workflow = workflow.to_str().expect("paths are text");
    let set = ["--set", "input=notes.txt", "--set", "output=found.jsonl"];
    let ran = scene.run(["run", workflow].into_iter().chain(set)).ends(0);
    assert_eq!(ran.text(), FOUND);
    let last = ran.last();
    assert_eq!(last.status, "completed");
    (scene, last)
}

fn events(scene: &Scene) -> Vec<Value> {
    scene.say("events @latest --json").ends(0).json()
}

#[test]
fn a_run_gives_its_results_and_verifies() {
    let (scene, last) = after_a_run();
    assert_eq!(scene.read("found.jsonl"), FOUND);
    let verified = &scene.say("verify @latest --json").ends(0).json()[0];
    assert_eq!(verified["head"], last.head);
    assert_eq!((&verified["ok"], &verified["records"]), (&true.into(), &last.events.into()));
    let expecting = ["verify", &last.id, "--head", &last.head];
    assert!(scene.run(expecting).ends(0).text().contains(&last.head));
    let other = "0".repeat(64);
    let text = scene.run(["verify", "@latest", "--head", &other]).ends(5).text();
    let expected = format!("the log ends with head {}, and no record of it has {other}", last.head);
    assert!(text.contains(&expected), "{text}");
}

#[test]
fn each_record_is_a_line_and_names_the_one_before() {
    let (scene, last) = after_a_run();
    let events = events(&scene);
    assert_eq!(events.len() as u64, last.events);
    let mut prev = "0".repeat(64);
    for (seq, event) in events.iter().enumerate() {
        for field in ["seq", "hash", "prev", "at", "kind", "agent", "causes", "parts"] {
            assert!(event.get(field).is_some(), "no {field}: {event}");
        }
        assert_eq!(event["seq"], seq);
        assert_eq!(event["prev"], prev, "record {seq}");
        event["hash"].as_str().expect("a hash is text").clone_into(&mut prev);
    }
    assert_eq!(prev, last.head);
    let text = scene.say("events @latest").ends(0).text();
    assert_eq!(text.lines().count() as u64, last.events);
}

/// From a line on standard output back to the pull that read it, by causes alone.
#[test]
fn causes_lead_from_the_result_to_the_input() {
    let (scene, _) = after_a_run();
    let events = events(&scene);
    let staged =
        |event: &&Value| event["agent"] == "print" && event["parts"][0]["kind"] == "staged";
    let mut at = events.iter().find(staged).expect("something was printed");
    let mut way = vec![];
    while at["agent"] != "lines" {
        way.push(at["agent"].as_str().unwrap_or_default().to_owned());
        let cause = at["causes"].as_array().and_then(|causes| causes.iter().find_map(part_of));
        let (seq, part) = cause.unwrap_or_else(|| panic!("no message caused {at}"));
        assert_eq!(events[seq]["parts"][part]["kind"], "emission");
        at = &events[seq];
    }
    assert_eq!(way, ["print", "notes"]);
    assert_eq!(at["consumed"]["kind"], "pull");
}

/// `12.0` as 12 and 0; nothing for a cause that is a whole record.
fn part_of(cause: &Value) -> Option<(usize, usize)> {
    let (seq, part) = cause.as_str()?.split_once('.')?;
    Some((seq.parse().ok()?, part.parse().ok()?))
}

#[test]
fn a_finished_run_replays_and_is_not_resumed() {
    let (scene, last) = after_a_run();
    let replayed = &scene.say("replay @latest --json").ends(0).json()[0];
    assert_eq!((&replayed["ok"], &replayed["records"]), (&true.into(), &last.events.into()));
    assert!(replayed["calls"].as_u64() > Some(10), "{replayed}");
    for line in ["resume @latest", "run --resume @latest"] {
        scene.say(line).ends(2).tells(["already completed"]);
    }
    assert_eq!(events(&scene).len() as u64, last.events, "nothing was added");
    scene.say("stop @latest").ends(2).tells(["no process runs"]);
}

#[test]
fn runs_are_named_by_any_unique_beginning() {
    let (scene, first) = after_a_run();
    let workflow = root().join("workflows/find-todos.toml").display().to_string();
    let second = scene
        .run(["run", &workflow, "--set", "input=notes.txt", "--set", "output=again.jsonl"])
        .ends(0)
        .last();
    let same = first.id.bytes().zip(second.id.bytes()).take_while(|(a, b)| a == b).count();
    for (name, run) in [
        (first.id.as_str(), &first),
        (&first.id[..=same], &first),
        (&second.id[..=same], &second),
        (&second.id.to_uppercase(), &second),
        ("@latest", &second),
    ] {
        let verified = &scene.run(["verify", name, "--json"]).ends(0).json()[0];
        assert_eq!(verified["head"], run.head, "{name}");
    }
    let both = &first.id[..same];
    scene.run(["verify", both]).ends(2).tells(["the beginning of 2 runs", &first.id, &second.id]);
    scene.run(["verify", "zz"]).ends(2).tells(["there is no run `zz`", "theater-flow runs"]);
    scene.run(["verify", ""]).ends(2).tells(["there is no run ``"]);
    let runs = scene.say("runs --json").ends(0).json();
    let ids: Vec<&Value> = runs.iter().map(|run| &run["run"]).collect();
    assert_eq!(ids, [&second.id, &first.id], "newest first");
}

/// The same pipeline over the same input gives the same file, whatever stood there.
#[test]
fn a_run_again_gives_the_same_file() {
    let (scene, _) = after_a_run();
    scene.file("found.jsonl", "something else\n");
    let workflow = root().join("workflows/find-todos.toml").display().to_string();
    let set = ["--set", "input=notes.txt", "--set", "output=found.jsonl", "--quiet"];
    let ran = scene.run(["run", &workflow].into_iter().chain(set)).ends(0);
    assert_eq!(ran.err.lines().count(), 1, "quiet: {ran}");
    assert_eq!(scene.read("found.jsonl"), FOUND);
}

#[test]
fn every_shell_has_its_completions() {
    let scene = Scene::new();
    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        let script = scene.run(["completions", shell]).ends(0).text();
        assert!(script.contains("theater-flow") && script.contains("verify"), "{shell}");
    }
}
