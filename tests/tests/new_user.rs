//! The way of somebody new: begin a pipeline, change it with the mistakes that people make, mend them by
//! what is said alone, run it, and look at what happened.

use theater_flow_tests::{LIMIT, Ran, Scene, finish};

const FILE: &str = "flow/pipeline.toml";

fn inside(scene: &Scene, line: &str) -> Ran {
    let mut command = scene.command(line.split_whitespace());
    finish(command.current_dir(scene.path().join("flow")), LIMIT)
}

fn edit(scene: &Scene, from: &str, to: &str) {
    let text = scene.read(FILE);
    assert!(text.contains(from), "no `{from}` in:\n{text}");
    scene.file(FILE, text.replacen(from, to, 1));
}

/// What `check` says of the file: it must have faults.
fn faults(scene: &Scene) -> String {
    inside(scene, "check pipeline.toml").ends(78).err
}

/// What stands in backticks after these words.
fn quoted<'a>(text: &'a str, after: &str) -> &'a str {
    let rest = text.split_once(after).unwrap_or_else(|| panic!("no `{after}` in:\n{text}")).1;
    rest.split('`').nth(1).unwrap_or_else(|| panic!("nothing is quoted after `{after}`:\n{text}"))
}

#[test]
fn mistakes_are_mended_by_what_is_said_alone() {
    let scene = Scene::new();
    scene.say("new flow").ends(0);

    // A second output, as somebody would add it who has read the file once: with a name mistyped, without a
    // grant, and not in the list of children.
    let agent = "
[agents.report]
actor = \"std/file-writ\"
inputs = \"taks\"
config = { path = \"report.txt\", format = \"text\", feild = \"text\" }
";
    scene.file(FILE, scene.read(FILE) + agent);
    let said = faults(&scene);
    // All are told at once, those that follow from another one are not.
    let mend = |said: &str, wrong: &str| {
        let help = said.split_once(wrong).expect("it is told").1;
        quoted(help, "did you mean").to_owned()
    };
    edit(&scene, "std/file-writ\"\n", &format!("{}\"\n", mend(&said, "`std/file-writ`")));
    edit(&scene, "\"taks\"", &format!("\"{}\"", mend(&said, "`taks`")));
    assert!(said.contains("add \"report\" to the children of a supervisor"), "{said}");
    edit(&scene, "\"print\"]", "\"print\", \"report\"]");

    // With the actor known, its config and what it needs are looked at.
    let said = faults(&scene);
    edit(&scene, "feild", &mend(&said, "unknown key `feild`"));
    let said = faults(&scene);
    assert!(said.contains("agent `report` needs `files"), "{said}");
    let grant = said.split_once("if it may: ").expect("it says how").1;
    let grant = grant.lines().next().expect("a line").trim();
    let grant = grant.replace("\"…\"", "\"report.txt\"").replace("…", "\"report.txt\"");
    scene.file(FILE, scene.read(FILE) + &grant + "\n");
    inside(&scene, "check pipeline.toml --deny-warnings").ends(0);

    let ran = inside(&scene, "run pipeline.toml").ends(0);
    assert_eq!(scene.read("flow/report.txt"), ran.text());
    let tree = inside(&scene, "tree @latest").ends(0).text();
    assert!(tree.contains("report") && tree.contains("finished"), "{tree}");
    let events = inside(&scene, "events @latest --agent report").ends(0).text();
    assert!(events.lines().count() > 3, "{events}");
    inside(&scene, "logs @latest").ends(0);
    inside(&scene, "verify @latest").ends(0);
}

#[test]
fn what_went_wrong_in_a_run_is_found_in_its_logs() {
    let scene = Scene::new();
    scene.say("new flow").ends(0);
    edit(&scene, "default = \"notes.txt\"", "default = \"note.txt\"");
    let ran = inside(&scene, "run pipeline.toml").ends(1);
    assert!(ran.err.contains("note.txt"), "{ran}");
    let logs = inside(&scene, "logs @latest --level error").ends(0).text();
    assert!(logs.contains("note.txt") && logs.contains("not-found"), "{logs}");
    let tree = inside(&scene, "tree @latest").ends(0).text();
    assert!(tree.contains("lines"), "{tree}");
}
