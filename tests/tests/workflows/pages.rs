//! `workflows/README.md` shows what each workflow prints and how it is drawn. `UPDATE=1` writes it anew.

use std::fs;
use std::path::Path;

use theater_flow_tests::{LIMIT, Scene, finish, root};

/// As the page writes the program's name.
const BY_CARGO: &str = "cargo run --release --quiet --";

#[test]
fn the_page_shows_what_there_is_to_see() {
    let page = root().join("workflows/README.md");
    let text = fs::read_to_string(&page).expect("it is there");
    let scene = Scene::new();
    copy(&root().join("workflows"), &scene.path().join("workflows"));
    let seen = refreshed(&text, &scene);
    if std::env::var_os("UPDATE").is_some() {
        fs::write(page, seen).expect("it can be written");
        return;
    }
    assert!(seen == text, "it would now say:\n{seen}");
    for name in crate::WORKFLOWS {
        assert!(text.contains(&format!("graph workflows/{name}.toml")), "{name} has no picture");
    }
}

/// The page with what its commands say now: a block's first line is the command, but for pictures, whose
/// command stands in a comment.
fn refreshed(text: &str, scene: &Scene) -> String {
    let mut out = String::new();
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        out.extend([line, "\n"]);
        if !matches!(line, "```console" | "```mermaid") {
            continue;
        }
        let command = lines.next().expect("a block begins with its command");
        out.extend([command, "\n", &said(command, scene), "```\n"]);
        lines.by_ref().take_while(|line| *line != "```").for_each(drop);
    }
    out
}

/// What a command prints.
fn said(command: &str, scene: &Scene) -> String {
    let line = command.trim_start_matches(['$', '%', ' ']).trim_start_matches(BY_CARGO);
    let ran = finish(&mut scene.command(line.split_whitespace()), LIMIT).ends(0);
    ran.text()
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("a folder can be made");
    for entry in fs::read_dir(from).expect("it is a folder").flatten() {
        let (from, to) = (entry.path(), to.join(entry.file_name()));
        if from.is_dir() && entry.file_name() != "out" {
            copy(&from, &to);
        } else if from.is_file() {
            fs::copy(&from, &to).expect("it can be copied");
        }
    }
}
