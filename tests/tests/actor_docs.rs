//! Every stdlib actor's document has an example: it is run as it stands, and must do what it says.
//!
//! A fenced block names a file after its language. Those before `pipeline.toml` are what the example finds
//! (`stdin` is its standard input), those after it are what is there when it has run (`stdout` is what it
//! printed).
#![expect(clippy::print_stdout, reason = "what was counted is to be seen")]

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::process::Command;

use theater_flow_tests::{LIMIT, Ran, Scene, finish, root};

/// A fenced block with a file's name.
#[derive(Clone, PartialEq, Eq, Debug)]
struct Block {
    file: String,
    text: String,
}

const PIPELINE: &str = "pipeline.toml";

#[test]
fn every_example_does_what_it_says() {
    let docs = root().join("stdlib-actors/docs");
    let mut names = BTreeSet::new();
    for entry in fs::read_dir(&docs).expect("there are documents").flatten() {
        let path = entry.path();
        let name = path.file_stem().expect("a file").to_string_lossy().into_owned();
        let text = fs::read_to_string(&path).expect("documents are text");
        let example = blocks(&text);
        let pipeline = example.iter().find(|block| block.file == PIPELINE);
        let pipeline = pipeline.unwrap_or_else(|| panic!("{name} has no example"));
        assert!(pipeline.text.contains(&format!("\"std/{name}\"")), "{name}: of another actor");
        check(&name, &example);
        names.insert(name);
    }
    println!("examples {}/{}", names.len(), names.len());
    assert_eq!(names, stdlib(), "each stdlib actor has a document, and each document an actor");
}

/// Runs an example, and looks at what is there after it.
fn check(name: &str, example: &[Block]) {
    let scene = Scene::new();
    let at = example.iter().position(|block| block.file == PIPELINE).expect("it was found");
    let (before, after) = example.split_at(at);
    scene.file("stdin", "");
    for Block { file, text } in before {
        scene.file(file, text);
    }
    scene.file(PIPELINE, &after[0].text);
    let ran = run(&scene);
    assert_eq!(ran.code(), 0, "{name}: {ran}");
    assert!(after.len() > 1, "{name}: the example shows no result");
    for Block { file, text } in &after[1..] {
        let found = if file == "stdout" { ran.text() } else { scene.read(file) };
        assert_eq!(found, *text, "{name}: `{file}` is something else\n{ran}");
    }
    scene.say("verify @latest").ends(0);
    scene.say("replay @latest").ends(0);
}

fn run(scene: &Scene) -> Ran {
    let stdin = File::open(scene.path().join("stdin")).expect("it was written");
    let mut command: Command = scene.command(["run", PIPELINE]);
    finish(command.stdin(stdin), LIMIT)
}

/// The names of the components that are part of the program: all but the probes.
fn stdlib() -> BTreeSet<String> {
    let entries = fs::read_dir(root().join("stdlib-actors/prebuilt")).expect("a folder").flatten();
    let names = entries.map(|entry| entry.file_name().to_string_lossy().into_owned());
    let names = names.filter_map(|name| name.strip_suffix(".wasm").map(str::to_owned));
    names.filter(|name| !name.starts_with("probe")).collect()
}

fn blocks(text: &str) -> Vec<Block> {
    let mut blocks = Vec::new();
    let mut open: Option<(Option<String>, String)> = None;
    for line in text.lines() {
        match (line.strip_prefix("```"), &mut open) {
            (Some(info), None) => {
                let file = info.split_once(' ').map(|(_, file)| file.trim().to_owned());
                open = Some((file, String::new()));
            }
            (Some(_), Some(_)) => {
                if let Some((Some(file), text)) = open.take() {
                    blocks.push(Block { file, text });
                }
            }
            (None, Some((_, text))) => text.extend([line, "\n"]),
            (None, None) => {}
        }
    }
    blocks
}

#[test]
fn blocks_are_found_by_their_files() {
    let text = "a\n```csv in.csv\n1\n\n2\n```\n```sh\nno\n```\n```toml pipeline.toml\nx\n```\n";
    let block = |file: &str, text: &str| Block { file: file.into(), text: text.into() };
    assert_eq!(blocks(text), [block("in.csv", "1\n\n2\n"), block("pipeline.toml", "x\n")]);
}
