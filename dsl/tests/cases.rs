//! Each folder of `cases/` is a test: `pipeline.toml`, the faults in `expected.txt`, and for a good
//! pipeline the plan in `plan.txt`. `UPDATE=1` rewrites what is expected.
#![expect(clippy::disallowed_methods, reason = "the crate reads nothing, its tests read cases")]

mod folder;
mod world;

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs};

use folder::files;
use theater_flow_dsl::{CODES, Fault, Module, Severity, Span, explain, picture};
use world::{Beside, settle};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases")
}

fn cases() -> Vec<PathBuf> {
    let entries = fs::read_dir(folder()).expect("the folder is in the repository");
    let mut cases: Vec<PathBuf> =
        entries.map(|entry| entry.expect("a readable folder").path()).collect();
    cases.sort();
    cases
}

#[test]
fn every_case_says_what_is_expected() {
    let mut different = Vec::new();
    for case in cases() {
        let text = fs::read_to_string(case.join("pipeline.toml")).expect("a case has a pipeline");
        let compiled = settle(&text, &beside(&text, &case));
        let said = compiled.faults.iter().map(|fault| render(&text, &compiled.modules, fault));
        let mut said: String = said.collect();
        said.push_str(if compiled.plan.is_some() { "plan: yes\n" } else { "plan: no\n" });
        different.extend(compare(&case.join("expected.txt"), &said));
        if let (Some(plan), true) = (&compiled.plan, compiled.faults.is_empty()) {
            different.extend(compare(&case.join("plan.txt"), &format!("{plan:#?}\n")));
            let json = format!("{:#}\n", picture::json(plan));
            let pictures = [
                ("mmd", picture::mermaid(plan)),
                ("dot", picture::dot(plan)),
                ("json", json),
                ("svg", picture::svg(plan)),
            ];
            for (format, drawn) in pictures {
                different.extend(compare(&case.join(format!("graph.{format}")), &drawn));
            }
        }
    }
    assert!(different.is_empty(), "{}", different.join("\n"));
}

/// Reads `#@ set a=b`, `#@ env A=b` and `#@ check` from a case's comments.
fn beside(text: &str, case: &Path) -> Beside {
    let mut beside = Beside { files: files(case), ..Beside::default() };
    for line in text.lines().filter_map(|line| line.strip_prefix("#@ ")) {
        let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
        let (name, value) = rest.split_once('=').unwrap_or_default();
        let (name, value) = (name.to_owned(), value.to_owned());
        match word {
            "set" => beside.set.push((name, value)),
            "env" => drop(beside.env.insert(name, value)),
            "check" => beside.check = true,
            other => panic!("no such direction: {other}"),
        }
    }
    beside
}

fn compare(path: &Path, said: &str) -> Option<String> {
    if env::var_os("UPDATE").is_some() {
        fs::write(path, said).expect("a writable folder");
    }
    let wanted = fs::read_to_string(path).unwrap_or_default();
    let path = path.strip_prefix(folder()).unwrap_or(path).display();
    (wanted != said).then(|| format!("--- {path} wants\n{wanted}--- but it is\n{said}"))
}

fn render(pipeline: &str, modules: &[Module], fault: &Fault) -> String {
    let severity = match fault.severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
    };
    let mut out = format!("{severity}[{}] {}\n", fault.code, fault.message);
    for label in &fault.labels {
        let Span { file, start, end } = label.span;
        let module = usize::try_from(file).ok().and_then(|file| modules.get(file.checked_sub(1)?));
        let text = module.map_or(pipeline, |module| &module.text);
        let name = module.map_or(String::new(), |module| format!("{}:", module.name));
        let shown = text.get(start..end).expect("a label is a range of the text");
        let shown = shown.lines().next().unwrap_or_default();
        let (line, column) = position(text, start);
        let _ = writeln!(out, "  {name}{line}:{column} `{shown}`: {}", label.text);
    }
    if let Some(help) = &fault.help {
        let _ = writeln!(out, "  help: {help}");
    }
    out
}

fn position(text: &str, at: usize) -> (usize, usize) {
    let before = &text[..at];
    let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
    (before.matches('\n').count() + 1, before[line_start..].chars().count() + 1)
}

#[test]
fn every_code_has_a_case() {
    let mut seen = BTreeSet::new();
    for case in cases() {
        let text = fs::read_to_string(case.join("pipeline.toml")).expect("a case has a pipeline");
        let faults = settle(&text, &beside(&text, &case)).faults;
        let codes: BTreeSet<&str> = faults.into_iter().map(|fault| fault.code).collect();
        let name = case.file_name().expect("a folder has a name").to_string_lossy().into_owned();
        let named = name.get(..6).filter(|name| name.starts_with("TF"));
        assert!(named.is_none_or(|code| codes.contains(code)), "{name} shows {codes:?}");
        seen.extend(codes);
    }
    let missing: Vec<&str> =
        CODES.iter().map(|code| code.id).filter(|code| !seen.contains(*code)).collect();
    assert!(missing.is_empty(), "no case for {missing:?}");
}

#[test]
fn every_code_has_a_page() {
    let mut ids = BTreeSet::new();
    for code in CODES {
        assert!(ids.insert(code.id), "{} stands in the table twice", code.id);
        let page = explain(code.id).expect("every code is in the table");
        assert!(page.starts_with(&format!("# {}: {}\n", code.id, code.title)), "{}", code.id);
        assert!(page.matches("```").count() >= 4, "{} has no two examples", code.id);
    }
    assert_eq!(explain("tf0101"), explain("TF0101"));
    assert_eq!(explain("TF9999"), None);
}

#[test]
fn no_page_without_a_code() {
    let pages = Path::new(env!("CARGO_MANIFEST_DIR")).join("explain");
    for entry in fs::read_dir(pages).expect("the folder is in the repository") {
        let name = entry.expect("a readable folder").file_name().to_string_lossy().into_owned();
        let code = name.trim_end_matches(".md");
        assert!(explain(code).is_some(), "{name} is nobody's page");
    }
}
