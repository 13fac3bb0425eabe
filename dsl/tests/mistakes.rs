//! The mistakes that people make in practice: each page of `mistakes/` shows some, with the change that mends
//! each, and what the compiler says. `UPDATE=1` rewrites what it says.
#![expect(clippy::disallowed_methods, reason = "the crate reads nothing, its tests read pages")]

#[path = "mistakes/page.rs"]
mod page;
mod world;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs};

use page::Mistake;
use theater_flow_dsl::{Compiled, Fault, SCHEMA, Severity};
use world::{Beside, settle};

/// Faults that one mistake may make.
const MOST: usize = 3;
/// Mistakes of which no less can be said.
const MANY: &[(&str, usize)] = &[];
/// Mistakes that no schema sees: for draft-07, `2e9` and `1.0` are integers.
const UNSEEN: &[&str] = &["Fuel in the scientific form", "The format as a fraction"];

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/mistakes")
}

fn texts(folder: &Path, extension: &str) -> BTreeMap<String, String> {
    let entries = fs::read_dir(folder).expect("the folder is in the repository");
    let paths = entries.map(|entry| entry.expect("a readable folder").path());
    let pages = paths.filter(|path| path.extension().is_some_and(|end| end == extension));
    let read = |path: PathBuf| {
        let name = path.file_name().expect("a file has a name").to_string_lossy().into_owned();
        (name, fs::read_to_string(path).expect("a text"))
    };
    pages.map(read).collect()
}

fn bases() -> BTreeMap<String, String> {
    texts(&folder().join("bases"), "toml")
}

fn mistakes() -> Vec<Mistake> {
    let bases = bases();
    texts(&folder(), "md").values().flat_map(|page| page::read(page, &bases)).collect()
}

fn compiled(text: &str) -> Compiled {
    let env = [("TEAM".to_owned(), "Sales".to_owned())].into();
    settle(text, &Beside { stdlib: true, env, ..Beside::default() })
}

/// A fault as text: its lines, and what is to be seen in them.
fn render(text: &str, fault: &Fault) -> String {
    let severity = match fault.severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
    };
    let mut out = format!("{severity}[{}]: {}\n", fault.code, fault.message);
    for label in &fault.labels {
        let before = &text[..label.span.start];
        let start = before.rfind('\n').map_or(0, |newline| newline + 1);
        let line = text[start..].lines().next().unwrap_or_default();
        let number = before.matches('\n').count() + 1;
        let marked = text[label.span.start..label.span.end].lines().next().unwrap_or_default();
        let pad = " ".repeat(before[start..].chars().count());
        let marks = "^".repeat(marked.chars().count().max(1));
        let _ = writeln!(out, "{number:>4} | {line}\n     | {pad}{marks} {}", label.text);
    }
    if let Some(help) = &fault.help {
        let _ = writeln!(out, "     = help: {help}");
    }
    out
}

fn said(text: &str) -> String {
    let rendered: Vec<String> =
        compiled(text).faults.iter().map(|fault| render(text, fault)).collect();
    rendered.join("\n")
}

#[test]
fn every_mistake_is_said_so_that_it_can_be_mended() {
    let bases = bases();
    let mut different = Vec::new();
    for (name, text) in texts(&folder(), "md") {
        let mistakes = page::read(&text, &bases);
        let now: Vec<String> = mistakes.iter().map(|mistake| said(&mistake.faulty)).collect();
        if env::var_os("UPDATE").is_some() {
            let page = page::rewrite(&text, &now);
            fs::write(folder().join(&name), page).expect("a writable folder");
            continue;
        }
        let pairs = mistakes.iter().zip(now).filter(|(mistake, now)| mistake.said != *now);
        different.extend(pairs.map(|(Mistake { title, said, .. }, now)| {
            format!("--- {name}: {title}\n{said}--- but it is\n{now}")
        }));
    }
    assert!(different.is_empty(), "{}", different.join("\n"));
}

#[test]
fn every_mistake_is_one_and_is_mended() {
    let mistakes = mistakes();
    assert!(mistakes.len() >= 90, "there are only {}", mistakes.len());
    let (mut titles, mut wrong) = (BTreeSet::new(), Vec::new());
    for Mistake { title, faulty, mended, .. } in &mistakes {
        if !titles.insert(title) {
            wrong.push(format!("{title}: twice"));
        }
        if compiled(faulty).faults.is_empty() {
            wrong.push(format!("{title}: it is none"));
        }
        let after = compiled(mended);
        if !after.faults.is_empty() || after.plan.is_none() {
            wrong.push(format!("{title}: mended\n{}", said(mended)));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn what_editors_leave_in_a_file_is_no_mistake() {
    for (name, text) in bases() {
        let left = [
            text.replace('\n', "\r\n"),
            format!("\u{feff}{text}"),
            text.trim_end().to_owned(),
            text.replace('\n', "\t\n"),
            format!("\t{}", text.replace('\n', "\n\t")),
        ];
        for text in left {
            assert_eq!(said(&text), "", "{name}: {text:?}");
        }
    }
}

#[test]
fn no_mistake_makes_many_faults() {
    let many = mistakes().into_iter().filter_map(|Mistake { title, faulty, .. }| {
        let most = MANY.iter().find(|(many, _)| *many == title).map_or(MOST, |(_, most)| *most);
        let faults = compiled(&faulty).faults.len();
        (faults > most).then(|| format!("{title}: {faults} faults"))
    });
    let many: Vec<String> = many.collect();
    assert!(many.is_empty(), "{}", many.join("\n"));
}

#[test]
fn the_schema_refuses_what_is_of_another_shape() {
    let schema = serde_json::from_str(SCHEMA).expect("the schema is JSON");
    let mut compiler = boon::Compiler::new();
    let mut all = boon::Schemas::new();
    compiler.add_resource("urn:pipeline", schema).expect("a schema");
    let schema = compiler.compile("urn:pipeline", &mut all).expect("a schema of draft-07");
    let accepts = |text: &str| {
        let file: serde_json::Value = toml::from_str(text).ok()?;
        Some(all.validate(&file, schema).is_ok())
    };
    let mut wrong = Vec::new();
    for Mistake { title, faulty, mended, .. } in &mistakes() {
        if accepts(mended) != Some(true) {
            wrong.push(format!("{title}: refused when mended"));
        }
        let shapes = "TF0102"..="TF0109";
        let faults = compiled(faulty).faults;
        let seen = !UNSEEN.contains(&title.as_str());
        if seen
            && faults.iter().any(|fault| shapes.contains(&fault.code))
            && accepts(faulty) == Some(true)
        {
            wrong.push(format!("{title}: accepted"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
