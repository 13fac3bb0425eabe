//! `workflows/README.md` shows what each workflow prints and how it is drawn. `UPDATE=1` writes it anew.

use std::collections::BTreeMap;
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
    if is_update() {
        fs::write(page, seen).expect("it can be written");
        return;
    }
    assert!(seen == text, "it would now say:\n{seen}");
    for name in crate::WORKFLOWS {
        assert!(text.contains(&format!("graph workflows/{name}.toml")), "{name} has no picture");
    }
}

fn is_update() -> bool {
    std::env::var_os("UPDATE").is_some()
}

/// The page with what its commands say now: a block's first line is the command, but for pictures, whose
/// command stands in a comment.
fn refreshed(text: &str, scene: &Scene) -> String {
    let mut out = String::new();
    let mut lines = text.lines();
    let mut numbers = Numbers::default();
    while let Some(line) = lines.next() {
        out.extend([line, "\n"]);
        if !matches!(line, "```console" | "```mermaid") {
            continue;
        }
        let command = lines.next().expect("a block begins with its command");
        let shown: Vec<&str> = lines.by_ref().take_while(|line| *line != "```").collect();
        let (command, said) = numbers.said(command, &shown, scene);
        out.extend([&command, "\n", &said, "```\n"]);
    }
    out
}

/// The numbers of records, which are a run's own: what is said of a run may differ in its digits from what the page
/// shows, and a command that names a record means the one that the page showed at that place.
#[derive(Default)]
struct Numbers {
    /// From those of the page to those of the run.
    own: BTreeMap<String, String>,
}

impl Numbers {
    /// A command and what it says: as the page shows it, if that differs in digits only.
    fn said(&mut self, command: &str, shown: &[&str], scene: &Scene) -> (String, String) {
        if !command.contains("@latest") {
            return (command.to_owned(), said(command, scene));
        }
        let words: Vec<&str> = command.split(' ').collect();
        let own = |word: &&str| self.own.get(*word).cloned().unwrap_or((*word).to_owned());
        let own = words.iter().map(own).collect::<Vec<_>>().join(" ");
        let said = said(&own, scene);
        let first = |line: &str| line.split_whitespace().next().unwrap_or_default().to_owned();
        let pairs = shown.iter().zip(said.lines());
        self.own.extend(pairs.map(|(shown, said)| (first(shown), first(said))));
        let shown: String = shown.iter().flat_map(|line| [*line, "\n"]).collect();
        let same = without_digits(&shown) == without_digits(&said);
        if same && !is_update() { (command.to_owned(), shown) } else { (own, said) }
    }
}

/// A row of digits as one sign, and the gaps that follow from how many there were as one; a run's id as
/// one number.
fn without_digits(text: &str) -> String {
    let is_id = |word: &str| word.len() == 36 && word.matches('-').count() == 4;
    let plain = |word: &str| if is_id(word) { "0".to_owned() } else { word.to_owned() };
    let plain = text.split(' ').map(plain).collect::<Vec<_>>().join(" ");
    let mut out = String::new();
    for c in plain.chars() {
        let sign = if c.is_ascii_digit() { '0' } else { c };
        if !(matches!(sign, '0' | ' ') && out.ends_with(sign)) {
            out.push(sign);
        }
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
