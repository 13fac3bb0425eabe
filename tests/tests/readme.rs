//! What README and the docs say can be typed: every block marked `sh` is run, line by line.
#![expect(clippy::print_stdout, reason = "what was counted or skipped is to be seen")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use theater_flow_tests::{LIMIT, Scene, finish, program, root};

/// How a fresh clone runs the program; here it is the one under test.
const BY_CARGO: &str = "cargo run --release --quiet --";

#[test]
fn every_command_can_be_typed() {
    let scene = Scene::new();
    lay_out(&scene);
    let mut ran = 0;
    for file in documents() {
        let text = fs::read_to_string(&file).expect("documents are text");
        for command in commands(&text) {
            let line = command.replace(BY_CARGO, "theater-flow");
            let mut shell = Command::new("sh");
            shell.args(["-euc", &line]).current_dir(scene.path()).env("PATH", path());
            let seen = finish(&mut shell, LIMIT);
            assert_eq!(seen.code(), 0, "{}: {command}\n{seen}", file.display());
            ran += 1;
        }
    }
    println!("commands {ran}/{ran}");
    assert!(ran > 0 || !root().join("README.md").exists(), "README shows no command");
}

/// The READMEs and the documents in `docs/`, those that are there.
fn documents() -> Vec<PathBuf> {
    let docs = fs::read_dir(root().join("docs")).into_iter().flatten().flatten();
    let mut found: Vec<PathBuf> = docs.map(|entry| entry.path()).collect();
    found.extend(["README.md", "workflows/README.md"].map(|page| root().join(page)));
    found.sort();
    let is_document =
        |path: &PathBuf| path.is_file() && path.extension().is_some_and(|e| e == "md");
    found.into_iter().filter(is_document).collect()
}

/// The lines of the blocks marked `sh`, lines that end with `\` joined. The tests are not run from within
/// the tests.
fn commands(text: &str) -> Vec<String> {
    let mut commands = vec![String::new()];
    let mut inside = false;
    for line in text.lines() {
        match line.trim() {
            fence if fence.starts_with("```") => inside = !inside && fence == "```sh",
            line if inside => {
                let begun = line.strip_suffix('\\');
                commands.last_mut().expect("never empty").push_str(begun.unwrap_or(line));
                if begun.is_none() {
                    commands.push(String::new());
                }
            }
            _ => {}
        }
    }
    let run = |line: &String| {
        !line.is_empty() && !line.starts_with('#') && !line.starts_with("cargo test")
    };
    commands.into_iter().filter(run).collect()
}

/// What the commands find: what a fresh clone has. Copies, so that nothing is written to the original.
fn lay_out(scene: &Scene) {
    for folder in ["workflows", "stdlib-actors/actors", "stdlib-actors/prebuilt"] {
        copy(&root().join(folder), &scene.path().join(folder));
    }
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("a folder can be made");
    for entry in fs::read_dir(from).expect("it is a folder").flatten() {
        let (from, to) = (entry.path(), to.join(entry.file_name()));
        match entry.file_name().to_str() {
            Some("out" | "target" | ".theater-flow") => {}
            _ if from.is_dir() => copy(&from, &to),
            _ => drop(fs::copy(&from, &to).expect("a file can be copied")),
        }
    }
}

/// The program's folder first.
fn path() -> String {
    let folder = program().parent().expect("programs lie in a folder").display().to_string();
    format!("{folder}:{}", std::env::var("PATH").unwrap_or_default())
}

#[test]
fn commands_are_found_in_their_blocks() {
    let text = "```sh\na\n# no\nb \\\n  c\n```\nd\n```toml\ne\n```\n```sh\ncargo test\n```\n";
    assert_eq!(commands(text), ["a", "b c"]);
}
