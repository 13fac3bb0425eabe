//! Tests that pipeline files hold: those of the workflows and of `docs/testing.md` hold, give the same
//! every time, and leave nothing behind.
#![expect(clippy::print_stdout, reason = "what was counted is to be seen")]

use std::fs;
use std::path::PathBuf;

use theater_flow_tests::{Scene, is_full, root};

/// The workflows with all that lies beside them, but for what they have written.
fn workflows(scene: &Scene) -> Vec<String> {
    let mut names = Vec::new();
    let mut folders = vec![String::new()];
    while let Some(folder) = folders.pop() {
        let entries = fs::read_dir(root().join("workflows").join(&folder));
        for entry in entries.expect("a folder").flatten() {
            let (path, name) = (entry.path(), entry.file_name().to_string_lossy().into_owned());
            let name = format!("{folder}{name}");
            let is_toml = path.extension().is_some_and(|extension| extension == "toml");
            let is_pipeline = folder.is_empty() && is_toml;
            if path.is_file() {
                scene.file(&name, fs::read(&path).expect("it is read"));
                names.extend(is_pipeline.then_some(name));
            } else if name != "out" {
                folders.push(format!("{name}/"));
            }
        }
    }
    names.sort();
    names
}

#[test]
fn the_tests_of_the_workflows_hold() {
    let scene = Scene::new();
    let mut tests = 0;
    let mut with_tests = 0;
    for name in workflows(&scene) {
        let ran = scene.run(["test", "--json", &name]).ends(0);
        let verdicts = ran.json();
        assert!(verdicts.iter().all(|verdict| verdict["ok"] == true), "{name}: {ran}");
        tests += verdicts.len();
        with_tests += usize::from(!verdicts.is_empty());
    }
    println!("tests {tests} in {with_tests} workflows");
    assert!(with_tests > 1, "workflows show how they are tested");
    assert!(!scene.has("out") && scene.runs().is_empty(), "nothing is left behind");
}

#[test]
fn a_test_gives_the_same_every_time() {
    let scene = Scene::new();
    let mut files = workflows(&scene);
    files.extend(lay_out(&scene, &page().1));
    let args = ["test", "--json"].into_iter().chain(files.iter().map(String::as_str));
    let args: Vec<&str> = args.collect();
    let first = scene.run(&args).text();
    assert!(first.lines().count() > 5, "{first}");
    for nth in 1..if is_full() { 100 } else { 20 } {
        assert_eq!(scene.run(&args).text(), first, "time {nth}");
    }
}

fn page() -> (PathBuf, String) {
    let path = root().join("docs/testing.md");
    let text = fs::read_to_string(&path).expect("the page is there");
    (path, text)
}

/// Writes the page's blocks that have a file's name, and gives the names of the pipelines.
fn lay_out(scene: &Scene, page: &str) -> Vec<String> {
    let mut pipelines = Vec::new();
    for block in page.split("\n```").skip(1).step_by(2) {
        let (info, text) = block.split_once('\n').expect("a block has a first line");
        if let Some((language, name)) = info.split_once(' ') {
            scene.file(name, format!("{text}\n"));
            pipelines.extend((language == "toml").then(|| name.to_owned()));
        }
    }
    pipelines
}

#[test]
fn the_page_shows_what_there_is_to_see() {
    let (path, text) = page();
    let scene = Scene::new();
    assert!(!lay_out(&scene, &text).is_empty(), "the page has examples");
    scene.say("test answers.toml").ends(0);
    scene.say("test sums.toml").ends(1);
    let mut seen = String::new();
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        seen.extend([line, "\n"]);
        if line == "```console" {
            let command = lines.next().expect("a block begins with its command");
            let said = scene.say(command.trim_start_matches("$ theater-flow "));
            seen.extend([command, "\n", &said.text(), "```\n"]);
            lines.by_ref().take_while(|line| *line != "```").for_each(drop);
        }
    }
    if std::env::var_os("UPDATE").is_some() {
        fs::write(path, seen).expect("it can be written");
        return;
    }
    assert!(seen == text, "it would now say:\n{seen}");
}

/// The shortest pipeline with a test.
fn pipeline(test: &str) -> String {
    format!(
        r#"
format = 1
name = "short"
[supervisors.root]
children = ["lines", "print"]
[agents.lines]
actor = "std/stdin-lines"
grants = {{ stdin = true }}
[agents.print]
actor = "std/stdout"
inputs = "lines"
grants = {{ stdout = true }}
{test}
"#
    )
}

/// A test sees no variable of the machine, and says itself what it needs.
#[test]
fn the_environment_is_the_tests_own() {
    const WRITER: &str = r#"
[agents.print.config]
field = { env = "PATH" }
format = "text"
[[tests]]
name = "named"
"#;
    let scene = Scene::new();
    scene.file("without.toml", pipeline(WRITER));
    scene.file("with.toml", pipeline(&format!("{WRITER}env = {{ PATH = \"text\" }}\n")));
    let said = scene.say("test without.toml").ends(78).to_string();
    assert!(said.contains("TF0506") && said.contains("env = { PATH"), "{said}");
    scene.say("test with.toml").ends(0);
}

#[test]
fn exit_codes() {
    let scene = Scene::new();
    let good = "[[tests]]\nname = \"nothing comes of nothing\"\nexpect = { stdout = \"\" }";
    scene.file("good.toml", pipeline(good));
    scene.file("none.toml", pipeline(""));
    let bad = "[[tests]]\nname = \"bad\"\nexpect = { stdout = \"x\" }";
    scene.file("bad.toml", pipeline(bad));
    let faulty = "[[tests]]\nname = \"faulty\"\ngiven = { \"print.out\" = [] }";
    scene.file("faulty.toml", pipeline(faulty));
    scene.file("params.toml", pipeline("[[tests]]\nname = \"x\"\nparams = { y = 1 }"));
    let cases = [
        ("test good.toml none.toml", 0),
        ("test good.toml bad.toml", 1),
        ("test bad.toml --filter nothing", 2),
        ("test bad.toml good.toml --filter nothing", 0),
        ("test nowhere.toml", 2),
        ("test nowhere.toml faulty.toml", 78),
        ("test faulty.toml bad.toml", 78),
        ("test params.toml", 78),
        ("check faulty.toml", 78),
        ("test", 2),
    ];
    for (line, code) in cases {
        scene.say(line).ends(code);
    }
    let rest = scene.say("test nowhere.toml good.toml").ends(2).to_string();
    assert!(rest.contains("good.toml: 1 ok"), "the others are tested all the same: {rest}");
}

/// What no test says goes on by itself: time, order, ends that never come.
#[test]
fn a_pipeline_that_goes_on_for_ever_is_stopped_by_the_clock() {
    let scene = Scene::new();
    let text = r#"
format = 1
name = "for-ever"
[supervisors.root]
children = ["tick", "print"]
[agents.tick]
actor = "std/timer"
config = { every = "1h" }
grants = { clock = true, timer = true }
[agents.print]
actor = "std/stdout"
inputs = "tick"
grants = { stdout = true }
[[tests]]
name = "a day has 24 hours"
stop = "1465m"
expect = { messages = { "tick.out" = { count = 24 } }, status = "stopped" }
"#;
    scene.file("ticks.toml", text);
    let ran = scene.run(["test", "--json", "ticks.toml"]).ends(0);
    assert_eq!(ran.json()[0]["took_ms"], 1_465 * 60_000, "{ran}");
}
