//! What is told of a reload before and after it: whose state goes, what the engine is to read, what the run is called.

use theater_flow_tests::held::{held, wait_for};
use theater_flow_tests::{LIMIT, Scene, finish};

use super::{SAY, Talk, checked, one, with};

/// As [`SAY`], but what is said comes from elsewhere.
fn from_elsewhere(reference: &str) -> String {
    SAY.replace(
        "config = { expr = '\"first \\(.text)\" as $t | { text: $t }' }",
        &format!("config = {{ expr = {reference} }}"),
    )
}

#[test]
fn whose_state_goes_is_told_before() {
    let scene = Scene::new();
    let keeping = SAY.replace("actor = \"std/map\"", "actor = \"std/dedupe\"");
    let config = "config = { expr = '\"first \\(.text)\" as $t | { text: $t }' }\n";
    let keeping = keeping.replace(config, "").replace("outputs = { out = \"Said\" }\n", "");
    let keeping = keeping.replace("[types]\nSaid = { text = \"string\" }\n", "");
    scene.file("say.toml", &keeping);
    scene.file(
        "other.toml",
        keeping.replace("\"say\"", "\"tell\"").replace("agents.say", "agents.tell"),
    );
    let child = held(&scene, ["run", "say.toml"]);
    let mut talk = Talk { scene, child, said: 0 };
    talk.say("a");
    let table = talk.scene.say("reload @latest other.toml --dry-run").ends(0).text();
    assert!(table.contains("! say goes, and what it keeps in mind goes with it\n"), "{table}");
    let told = one(&talk.scene, "reload @latest other.toml --dry-run --json");
    assert_eq!(told["forgets"], serde_json::json!(["say"]));
    talk.end();
}

#[test]
fn a_run_is_listed_by_the_name_that_its_plan_has() {
    let mut talk = Talk::new();
    talk.say("a");
    let named = with("other").replace("name = \"say\"", "name = \"renamed\"");
    talk.scene.file("named.toml", named);
    talk.scene.say("reload @latest named.toml").ends(0).tells(["reload ok rev 1→2"]);
    wait_for("its name", || (one(&talk.scene, "runs --json")["name"] == "renamed").then_some(()));
    let (scene, _) = talk.end();
    assert_eq!(one(&scene, "runs --json")["name"], "renamed");
}

/// What the engine reads for a config needs no grant: that somebody asks for it is to be seen before it is read.
#[test]
fn what_a_config_takes_from_outside_waits_for_approval() {
    let mut talk = Talk::new();
    talk.say("a");
    let scene = &talk.scene;
    let elsewhere = Scene::new();
    let path = elsewhere.file("expr.jq", "{ text: .text }");
    scene.file("expr.jq", "{ text: .text }");
    scene.file("env.toml", from_elsewhere("{ env = \"EXPR\" }"));
    scene.file("far.toml", from_elsewhere(&format!("{{ file = \"{}\" }}", path.display())));
    scene.file("near.toml", from_elsewhere("{ file = \"expr.jq\" }"));
    let dry = |file: &str| {
        let mut command = scene.command(["reload", "@latest", file, "--dry-run", "--json"]);
        let ran = finish(command.env("EXPR", "{ text: .text }"), LIMIT).ends(0);
        ran.json()[0]["widens"].clone()
    };
    let env = dry("env.toml");
    assert_eq!(env, serde_json::json!([{ "agent": "", "what": "env EXPR", "detail": "" }]));
    let far = dry("far.toml");
    assert_eq!(far[0]["what"], format!("file {}", path.display()));
    assert_eq!(dry("near.toml"), serde_json::json!([]));
    scene.say("reload @latest near.toml").ends(0).tells(["reload ok rev 1→2"]);
    scene.say("reload @latest far.toml").ends(0).tells(["nothing differs in meaning"]);
    let changed = elsewhere.file("expr.jq", "{ text: \"far\" }");
    scene
        .say("reload @latest far.toml")
        .ends(4)
        .tells([&*format!("of file {}", changed.display())]);
    let (scene, _) = talk.end();
    checked(&scene);
}
