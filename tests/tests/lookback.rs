//! Looking back at a run: `why`, `state`, `diff`, `replay` of a part and with another file.

use serde_json::Value;
use theater_flow_tests::notes::{self, INPUT, NOTES};
use theater_flow_tests::{Ran, Scene, prebuilt};

fn scene() -> Scene {
    notes::scene(NOTES)
}

/// Checks that the result on standard output says this.
#[track_caller]
fn shows<const N: usize>(ran: &Ran, texts: [&str; N]) {
    let out = ran.text();
    for text in texts {
        assert!(out.contains(text), "no `{text}` in {out}");
    }
}

/// The ids of all runs, oldest first.
fn run_ids(scene: &Scene) -> Vec<String> {
    let name =
        |run: &std::path::PathBuf| run.file_name().map(|name| name.to_string_lossy().into_owned());
    let mut ids: Vec<String> = scene.runs().iter().filter_map(name).collect();
    ids.sort();
    ids
}

/// A run's records of a kind and an agent.
fn records(scene: &Scene, kind: &str, agent: &str) -> Vec<Value> {
    scene.run(["events", "@latest", "--json", "--kind", kind, "--agent", agent]).ends(0).json()
}

fn seq(record: &Value) -> u64 {
    record["seq"].as_u64().expect("a number")
}

/// The last thing that the first agent that emitted did: what reads the file.
fn pull(scene: &Scene) -> u64 {
    seq(&records(scene, "answer", "lines")[0])
}

#[test]
fn every_output_leads_back_to_the_file_it_came_from() {
    let scene = scene();
    scene.say("run p.toml").ends(0);
    let pull = pull(&scene);
    let staged = records(&scene, "staged", "print");
    assert!(!staged.is_empty());
    for record in &staged {
        let why = scene.run(["why", "@latest", &seq(record).to_string(), "--json"]).ends(0).json();
        assert_eq!(why[0]["records"], why.len() - 1);
        let way = why[0]["nearest_input"].as_array().expect("a way");
        assert!(way.len() > 1, "{why:?}");
        let found = why.iter().find(|line| line["seq"] == pull).expect("it is among the causes");
        assert_eq!((&found["input"], &found["agent"]), (&"world".into(), &"lines".into()));
        let text = scene.run(["why", "@latest", &seq(record).to_string()]).ends(0).text();
        assert!(text.contains("nearest input, ") && text.contains("follows from"), "{text}");
    }
    let impact = scene.run(["why", "@latest", &pull.to_string(), "--impact", "--json"]).ends(0);
    let effects: Vec<u64> = impact.json().iter().skip(1).map(seq).collect();
    assert!(staged.iter().all(|record| effects.contains(&seq(record))), "{effects:?}");
}

#[test]
fn an_agents_state_can_be_seen_at_any_record() {
    let scene = scene();
    scene.say("run p.toml").ends(0);
    let mut last = 0;
    for call in records(&scene, "transaction", "all") {
        let at = seq(&call).to_string();
        let state =
            &scene.run(["state", "@latest", "all", "--at", &at, "--json"]).ends(0).json()[0];
        assert_eq!((&state["agent"], &state["at"]), (&"all".into(), &call["seq"]));
        let raw = scene.run(["state", "@latest", "all", "--at", &at, "--raw"]).ends(0).text();
        assert_eq!(state["len"], raw.len(), "{state}");
        last = last.max(raw.len());
    }
    let first = seq(&records(&scene, "transaction", "all")[0]).to_string();
    let empty = scene.run(["state", "@latest", "all", "--at", &first, "--raw"]).ends(0).text();
    assert!(empty.len() < last, "it holds messages later: {empty}");
    scene.say("state @latest all --at 0").ends(2).tells(["`all` has not begun at record 0"]);
    scene.say("state @latest al").ends(2).tells(["did you mean `all`?"]);
    shows(&scene.say("state @latest all").ends(0), ["as it ended at record "]);
}

#[test]
fn two_runs_are_compared_by_what_they_mean() {
    let scene = scene();
    scene.say("run p.toml").ends(0);
    scene.say("run p.toml").ends(0);
    let ids = run_ids(&scene);
    let same = scene.run(["diff", &ids[0], &ids[1], "--json"]).ends(0).json();
    assert_eq!(same[0]["same"], true, "{}", same[0]);
    scene.file("input.txt", INPUT.replace("more tea", "more TEA"));
    scene.say("run p.toml").ends(0);
    let ids = run_ids(&scene);
    let differs = scene.run(["diff", &ids[0], "@latest", "--json"]).ends(5).json();
    let first = &differs[0]["first_difference"];
    assert_eq!(
        (&first["agent"], &first["first"]["kind"]),
        (&"lines".into(), &"transaction".into())
    );
    let text = scene.run(["diff", &ids[0], "@latest"]).ends(5);
    shows(&text, ["first difference, of `lines`", "more tea", "more TEA", "3 → 2"]);
    scene.say("run p.toml --set word=water").ends(0);
    let text = scene.run(["diff", &ids[0], "@latest"]).ends(5);
    shows(&text, ["agent `found` has other config", "param `word` is"]);
}

#[test]
fn a_part_of_a_run_is_replayed_from_where_it_stands() {
    let scene = scene();
    scene.say("run p.toml").ends(0);
    let records = scene.say("events @latest --json").ends(0).json().len();
    for from in 0..records {
        let from = from.to_string();
        shows(&scene.run(["replay", "@latest", "--from", &from]).ends(0), ["no difference"]);
    }
}

/// The params of the pipeline.
const PARAMS: &str = "[params]\nword = { type = \"string\", default = \"tea\" }\n";

#[test]
fn another_file_shows_where_agents_would_do_otherwise() {
    let scene = scene();
    scene.say("run p.toml").ends(0);
    let same = scene.say("replay @latest --with p.toml").ends(0);
    shows(&same, ["no agent of the run is another in the file"]);
    scene.file("q.toml", NOTES.replace("{ param = \"word\" }", "\"more\"").replace(PARAMS, ""));
    let ran = scene.say("replay @latest --with q.toml").ends(5);
    shows(&ran, ["`found` has another config", "expected", "actual", "it has another config"]);
    let json = &scene.say("replay @latest --with q.toml --json").ends(5).json()[0];
    let found = &json["differences"][0];
    assert_eq!((&json["changed"][0]["agent"], &found["agent"]), (&"found".into(), &"found".into()));
    assert_eq!(found["actual"]["parts"], serde_json::json!([]), "it finds nothing there: {found}");
    assert_eq!(found["expected"]["parts"][0]["kind"], "emission");
    assert!(json["skipped"].as_u64() > Some(0), "what comes after a difference is not comparable");
    // What keeps nothing in mind goes on after a difference.
    let text = "config = { format = \"text\", field = \"text\" }\ngrants = { stdout = true }";
    scene.file("q.toml", NOTES.replace("grants = { stdout = true }", text));
    let json = &scene.say("replay @latest --with q.toml --json").ends(5).json()[0];
    assert_eq!(json["differences"][0]["also"].as_array().map(Vec::len), Some(2), "{json}");
    assert_eq!((&json["changed"][0]["other"], &json["skipped"]), (&"config".into(), &0.into()));
    scene.say("replay @latest --with q.toml").ends(5);
}

/// Only the first match is another there, and what comes before a span is not compared.
#[test]
fn a_part_is_compared_with_another_file_from_where_it_stands() {
    for rest in ["", "restore = \"fresh\"\n"] {
        let scene = scene();
        let text = |word: &str| {
            let agent = format!("[agents.found]\n{rest}");
            NOTES.replace("{ param = \"word\" }", word).replace("[agents.found]\n", &agent)
        };
        scene.file("p.toml", text("\"tea\"").replace(PARAMS, ""));
        scene.file("q.toml", text("\"more tea|no tea\"").replace(PARAMS, ""));
        scene.say("run p.toml").ends(0);
        let all = scene.say("events @latest --json").ends(0).json();
        let found = |record: &&serde_json::Value| {
            record["kind"] == "transaction"
                && record["agent"] == "found"
                && record["parts"] != serde_json::json!([])
        };
        let first = all.iter().find(found).expect("it found something")["seq"].as_u64();
        for from in 0..all.len() as u64 {
            let line = format!("replay @latest --with q.toml --from {from}");
            let ran = scene.say(&line).ends(if Some(from) <= first { 5 } else { 0 });
            let said = ran.text();
            assert!(!said.contains("Emission {") && !said.contains("Payload"), "{said}");
            let expected = first.filter(|first| from <= *first);
            let expected = expected.map_or(String::from("no difference"), |first| {
                format!("differs at record {first} of `found`")
            });
            assert!(said.contains(&expected), "from {from}: {said}");
        }
    }
}

#[test]
fn a_file_that_nothing_can_be_compared_with_is_refused() {
    let scene = scene();
    scene.say("run p.toml").ends(0);
    let other = NOTES.replace("\"found\"", "\"finder\"");
    let other = other.replace("[agents.found]", "[agents.finder]");
    scene.file("q.toml", other.replace("{ param = \"word\" }", "\"more\"").replace(PARAMS, ""));
    scene.say("replay @latest --with q.toml").ends(2).tells(["`found` of the run", "`finder`"]);
}

/// A param that has its value from the run is not said to have none.
#[test]
fn another_file_is_told_its_own_faults_only() {
    let scene = scene();
    let text = NOTES.replace(", default = \"tea\"", "");
    scene.file("p.toml", &text);
    scene.say("run p.toml --set word=tea").ends(0);
    scene.file("q.toml", text.replace("std/sort", "std/sorted"));
    for command in ["replay @latest --with q.toml", "fork @latest --at 3 --with q.toml"] {
        let ran = scene.say(command).ends(78);
        assert!(!ran.err.contains("TF0503") && ran.err.contains("std/sorted"), "{ran}");
    }
}

/// A component is exchanged: the run of the old one says whether the new one does the same.
#[test]
fn an_old_run_tests_a_new_component() {
    let scene = scene();
    let text = |component: &str, says: &str| {
        let probe = prebuilt(component).display().to_string();
        format!(
            "format = 1\nname = \"r\"\n[supervisors.root]\nchildren = [\"lines\", \"probe\"]\n\
            [agents.lines]\nactor = \"std/file-lines\"\nconfig = {{ path = \"input.txt\" }}\n\
            grants = {{ files = {{ read = [\"input.txt\"] }} }}\n[agents.probe]\nactor = '{probe}'\n\
            inputs = \"lines\"\n\
            config = {{ on = [{{ match = \"more tea\", do = \"log\", text = \"{says}\" }}] }}\n\
            grants = {{ clock = true, random = true, timer = true, stdin = true, stdout = true, \
            files = {{ read = [\"input.txt\"], write = [\"w\"] }} }}\n"
        )
    };
    scene.file("old.toml", text("probe", "tea"));
    scene.say("run old.toml").ends(0);
    // What it needs is there no more: all that it was told stands in the record.
    std::fs::remove_file(scene.path().join("input.txt")).expect("it is there");
    scene.file("new.toml", text("probe-full", "tea"));
    let same = scene.say("replay @latest --with new.toml").ends(0);
    shows(&same, ["`probe` has another component", "no difference"]);
    scene.file("new.toml", text("probe-full", "coffee"));
    let ran = scene.say("replay @latest --with new.toml").ends(5);
    shows(
        &ran,
        [
            "another component and another config",
            "- .0",
            "tea",
            "+ .0",
            "coffee",
            "agents that do otherwise: 1 of 1",
        ],
    );
}

/// Lives that end, by a trap at one line and a fault at another, whatever is kept of them.
#[test]
fn lives_that_ended_are_replayed_from_any_record() {
    for rest in ["", "restore = \"fresh\"\n"] {
        let scene = scene();
        let probe = prebuilt("probe").display().to_string();
        let on = "{ match = \"milk\", do = \"trap\" }, { match = \"water\", nth = 1, do = \"fault\" }, \
            { match = \"no\", do = \"count\" }";
        scene.file(
            "r.toml",
            format!(
                "format = 1\nname = \"r\"\n[supervisors.root]\nchildren = [\"lines\", \"probe\"]\n\
                [agents.lines]\nactor = \"std/file-lines\"\nconfig = {{ path = \"input.txt\" }}\n\
                grants = {{ files = {{ read = [\"input.txt\"] }} }}\n[agents.probe]\nactor = '{probe}'\n\
                inputs = \"lines\"\nretry = {{ max = 1, base = \"1ms\" }}\n{rest}\
                config = {{ on = [{on}] }}\n"
            ),
        );
        scene.say("run r.toml --allow-dead-letters").ends(0);
        assert!(!records(&scene, "crashed", "probe").is_empty());
        let all = scene.say("events @latest --json").ends(0).json().len();
        for from in 0..all {
            let from = from.to_string();
            let ran = scene.run(["replay", "@latest", "--from", &from, "--json"]).ends(0);
            // Also the calls of a life of which nothing is kept: they are made from its birth on.
            shows(&ran, ["\"ok\":true", "\"skipped\":0"]);
            let code = scene.run(["state", "@latest", "probe", "--at", &from]).code();
            assert!(code == 0 || code == 2, "{from}: {code}");
        }
    }
}
