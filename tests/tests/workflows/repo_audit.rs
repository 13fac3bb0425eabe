//! `repo-audit` finds what the regex crate finds in the same files.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use regex::Regex;
use theater_flow_tests::dice::Dice;
use theater_flow_tests::root;

use crate::{Job, size};

/// Bytes of a file above which the workflow passes it over.
const MOST: usize = 1 << 20;
/// What it passes over, with all that is below.
const EXCLUDED: [&str; 6] =
    [".git", ".theater-flow", ".venv", "__pycache__", "node_modules", "target"];

/// Path, line, rule.
type Finding = (String, u64, String);

pub(crate) fn job(tree: &str) -> Job {
    let params = [("root", tree), ("findings", "found.jsonl"), ("report", "report.md")];
    Job::new("repo-audit", &params, &["found.jsonl", "report.md"])
}

#[test]
fn findings_are_those_of_the_regex_crate() {
    let job = job("tree");
    let files = 5_000;
    generate(&job.scene.path().join("tree"), files, 3);
    let ran = job.run();
    let expected = by_hand(&job.scene.path().join("tree"), "tree");
    assert!(expected.len() > files / 4, "the tree holds what is to be found");
    assert_eq!(found(&job), expected);
    let input = bytes_below(&job.scene.path().join("tree"));
    println!(
        "repo-audit: {} findings in {files} files of {input} bytes; log {} bytes, peak {} bytes",
        expected.len(),
        job.disk(),
        ran.peak
    );
}

#[test]
fn memory_does_not_grow_with_the_tree() {
    let peak = |files| {
        let job = job("tree");
        generate(&job.scene.path().join("tree"), files, 4);
        job.run().peak
    };
    let (few, many) = (peak(size(300, 1_000)), peak(size(3_000, 20_000)));
    println!(
        "repo-audit: peak {few} bytes for few files, {many} bytes for ten or twenty times as many"
    );
    assert!(many < few + (96 << 20), "{few} bytes, then {many}");
}

#[test]
fn this_repository_is_audited_as_by_hand() {
    let tree = root().display().to_string();
    let job = job(&tree);
    job.run();
    let expected = by_hand(root(), &tree);
    assert!(!expected.is_empty(), "the tests plant something");
    assert_eq!(found(&job), expected);
}

/// More findings than the report has room for are counted, and stand in the list of findings.
#[test]
fn a_tree_full_of_keys_is_audited_too() {
    let job = job("tree");
    for file in 0..40 {
        let line = |nth: usize| format!("AKIA{:016}\n", file * 1_000 + nth);
        let text: String = (0..50).map(line).collect();
        job.scene.file(&format!("tree/{file}.txt"), text);
    }
    let ran = job.run();
    assert_eq!(found(&job).len(), 2_000);
    assert!(ran.text().contains("… and 1950 more"), "{ran}");
}

/// Keys do not stand in the findings, but for their first characters.
#[test]
fn keys_are_masked() {
    let job = job("tree");
    let key = format!("AKIA{}", "Z".repeat(16));
    job.scene.file("tree/a.txt", format!("id = {key}\n// TODO: {key}\n"));
    let ran = job.run();
    for (name, text) in job.written() {
        assert!(text.contains("AKIA…"), "{name}: {text}");
        assert!(!text.contains(&key), "{name}: {text}");
    }
    assert!(!ran.text().contains(&key), "{ran}");
}

fn found(job: &Job) -> Vec<Finding> {
    let text = job.scene.read("found.jsonl");
    let line = |line: &str| {
        let found: serde_json::Value = serde_json::from_str(line).expect("each line is JSON");
        let word = |key: &str| found[key].as_str().expect("a string").to_owned();
        (word("path"), found["line"].as_u64().expect("a number"), word("rule"))
    };
    let mut found: Vec<Finding> = text.lines().map(line).collect();
    found.sort();
    found
}

/// The rules as the workflow has them.
fn rules() -> BTreeMap<String, Regex> {
    let text = fs::read_to_string(root().join("workflows/repo-audit.toml")).expect("it is there");
    let file: toml::Value = toml::from_str(&text).expect("it is TOML");
    let rules = file["agents"]["scan"]["config"]["rules"].as_table().expect("a table");
    let rule = |(name, rule): (&String, &toml::Value)| {
        (name.clone(), Regex::new(rule.as_str().expect("a string")).expect("a pattern"))
    };
    rules.iter().map(rule).collect()
}

fn by_hand(tree: &Path, name: &str) -> Vec<Finding> {
    let mut findings = Vec::new();
    look_below(tree, tree, name, &rules(), &mut findings);
    findings.sort();
    findings
}

fn look_below(
    tree: &Path,
    folder: &Path,
    name: &str,
    rules: &BTreeMap<String, Regex>,
    findings: &mut Vec<Finding>,
) {
    for entry in fs::read_dir(folder).expect("a folder").flatten() {
        let path = entry.path();
        let below = path.strip_prefix(tree).expect("it is below").display().to_string();
        let file = entry.file_name().to_string_lossy().into_owned();
        if EXCLUDED.contains(&&file[..]) || below == "workflows/out" {
            continue;
        }
        let kind = entry.file_type().expect("it is there");
        if kind.is_dir() {
            look_below(tree, &path, name, rules, findings);
        } else if kind.is_file() {
            let bytes = fs::read(&path).expect("it is read");
            let text = String::from_utf8(bytes).ok().filter(|text| text.len() <= MOST);
            look_into(&text.unwrap_or_default(), &format!("{name}/{below}"), rules, findings);
        }
    }
}

fn look_into(text: &str, path: &str, rules: &BTreeMap<String, Regex>, findings: &mut Vec<Finding>) {
    for (nth, line) in (1..).zip(text.split('\n')) {
        let line = line.strip_suffix('\r').unwrap_or(line);
        let matching = rules.iter().filter(|(_, rule)| rule.is_match(line));
        findings.extend(matching.map(|(rule, _)| (path.to_owned(), nth, rule.clone())));
    }
}

fn bytes_below(folder: &Path) -> u64 {
    let entries = fs::read_dir(folder).expect("a folder").flatten();
    let size = |entry: fs::DirEntry| match entry.metadata().expect("it is there") {
        meta if meta.is_dir() => bytes_below(&entry.path()),
        meta => meta.len(),
    };
    entries.map(size).sum()
}

/// Texts, a few with something to find, some too long, some that are no text, some that are hidden.
pub(crate) fn generate(tree: &Path, files: usize, seed: u64) {
    let mut dice = Dice::new(seed);
    for nth in 0..files {
        let folder = format!("{}/{}", nth % 17, nth % 5);
        let hidden = if dice.below(50) == 0 { "." } else { "" };
        let path = tree.join(folder).join(format!("{hidden}file {nth}.txt"));
        fs::create_dir_all(path.parent().expect("a folder")).expect("it can be made");
        let bytes = match dice.below(200) {
            0 => vec![0xff, 0xfe, b'\n', 0],
            1 if nth < 2_000 => "x TODO\n".repeat(MOST / 7 + 2).into_bytes(),
            2 => Vec::new(),
            _ => text(&mut dice).into_bytes(),
        };
        fs::write(path, bytes).expect("it can be written");
    }
}

fn text(dice: &mut Dice) -> String {
    let end = if dice.below(4) == 0 { "\r\n" } else { "\n" };
    let lines = dice.below(30);
    let mut text = String::new();
    for nth in 0..lines {
        let line = match dice.below(60) {
            0 => "// TODO: ünicode".to_owned(),
            1 => "METODO, XXXX and FIXMENOT".to_owned(),
            2 => format!(
                "key = {}{:016}",
                if nth % 2 == 0 { "AKIA" } else { "ASIA" },
                dice.below(1 << 40)
            ),
            3 => "password: \"correct horse\" 'FIXME'".to_owned(),
            4 => "api_key = 'abcdefghij' # XXX".to_owned(),
            5 => "-----BEGIN RSA PRIVATE KEY-----".to_owned(),
            6 => format!("token ghp_{}", "a1B2".repeat(9)),
            7 => format!("\tsk-{}\u{2028}TODO", "q".repeat(40)),
            n => format!("line {nth} of nothing {n}"),
        };
        text += &line;
        if nth + 1 < lines || dice.below(2) == 0 {
            text += end;
        }
    }
    text
}
