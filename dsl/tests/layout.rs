//! `fmt` keeps what a file means, and its comments; and laying out what is laid out changes nothing.
#![expect(clippy::disallowed_methods, reason = "the crate reads nothing, its tests read cases")]

mod comments;
mod folder;
mod meaning;
mod world;

use std::fs;
use std::path::{Path, PathBuf};

use comments::comments;
use folder::files;
use meaning::meaning;
use proptest::prelude::*;
use theater_flow_dsl::{Fault, Source, expand, format};
use world::{Beside, settle, source};

/// All pipelines of the repository: cases and examples, each with what is beside it.
fn pipelines() -> Vec<(PathBuf, String, Beside)> {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut found = Vec::new();
    for folder in [here.join("tests/cases"), here.join("../workflows")] {
        for entry in fs::read_dir(folder).expect("the folder is in the repository") {
            let path = entry.expect("a readable folder").path();
            let path = if path.is_dir() { path.join("pipeline.toml") } else { path };
            if path.extension().is_some_and(|end| end == "toml") && path.exists() {
                let text = fs::read_to_string(&path).expect("a text");
                let beside = beside(&text, path.parent().expect("a file is in a folder"));
                found.push((path, text, beside));
            }
        }
    }
    found.sort_by(|(one, ..), (other, ..)| one.cmp(other));
    found
}

/// Formats a text and checks what must hold for every one.
fn check(text: &str) -> Option<String> {
    check_with(text, &Beside::default())
}

fn check_with(text: &str, beside: &Beside) -> Option<String> {
    let laid_out = format(text).ok()?;
    assert_eq!(format(&laid_out).as_ref(), Ok(&laid_out), "laid out again:\n{text}");
    assert_eq!(comments(text), comments(&laid_out), "comments of:\n{text}");
    let (before, after) = (settle(text, beside), settle(&laid_out, beside));
    let codes = |compiled: &theater_flow_dsl::Compiled| {
        let mut codes: Vec<_> = compiled.faults.iter().map(|fault| fault.code).collect();
        codes.sort_unstable();
        codes
    };
    assert_eq!(before.plan.as_ref().map(meaning), after.plan.as_ref().map(meaning), "{text}");
    if before.plan.is_some() {
        assert_eq!(codes(&before), codes(&after), "{text}");
    }
    Some(laid_out)
}

fn beside(text: &str, folder: &Path) -> Beside {
    let mut beside = Beside { files: files(folder), ..Beside::default() };
    for line in text.lines().filter_map(|line| line.strip_prefix("#@ ")) {
        let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
        let (name, value) = rest.split_once('=').unwrap_or_default();
        match word {
            "set" => beside.set.push((name.to_owned(), value.to_owned())),
            "env" => drop(beside.env.insert(name.to_owned(), value.to_owned())),
            _ => beside.check = true,
        }
    }
    beside
}

#[test]
fn every_pipeline_of_the_repository() {
    let mut plans = 0;
    for (path, text, beside) in pipelines() {
        let laid_out = check_with(&text, &beside);
        let compiled = settle(&text, &beside);
        let own = |fault: &&Fault| fault.labels.first().is_none_or(|label| label.span.file == 0);
        let mut own = compiled.faults.iter().filter(own);
        let is_toml = own.all(|fault| !matches!(fault.code, "TF0101" | "TF0509"));
        assert_eq!(laid_out.is_some(), is_toml, "{}", path.display());
        plans += usize::from(compiled.plan.is_some());
    }
    assert!(plans >= 3, "some of them are good");
}

#[test]
fn what_is_expanded_means_the_same() {
    let mut plans = 0;
    for (path, text, beside) in pipelines() {
        let compiled = settle(&text, &beside);
        let Some(plan) = &compiled.plan else { continue };
        plans += 1;
        let source = source(&text, &beside);
        let whole = expand(&source, &compiled).expect("what compiles can be changed");
        let after = settle(&whole, &beside);
        let again = after.plan.as_ref();
        let again =
            again.unwrap_or_else(|| panic!("{}: {:?}\n{whole}", path.display(), after.faults));
        assert_eq!(meaning(plan), meaning(again), "{whole}");
        let source = Source { text: &whole, ..source };
        assert_eq!(expand(&source, &after).as_ref(), Ok(&whole), "{}", path.display());
        if compiled.modules.is_empty() {
            assert_eq!(comments(&whole).len(), comments(&text).len(), "{whole}");
        }
    }
    assert!(plans >= 3, "some of them are good");
}

#[test]
fn what_expand_does() {
    let text = fs::read_to_string(here("messy.toml")).expect("the example is there");
    let beside = Beside::default();
    let compiled = settle(&text, &beside);
    let whole = expand(&source(&text, &beside), &compiled).expect("it is TOML");
    if std::env::var_os("UPDATE").is_some() {
        fs::write(here("whole.toml"), &whole).expect("a writable folder");
    }
    assert_eq!(whole, fs::read_to_string(here("whole.toml")).expect("the example is there"));
}

#[test]
fn what_it_does() {
    let text = fs::read_to_string(here("messy.toml")).expect("the example is there");
    let laid_out = check(&text).expect("it is TOML");
    if std::env::var_os("UPDATE").is_some() {
        fs::write(here("neat.toml"), &laid_out).expect("a writable folder");
    }
    assert_eq!(laid_out, fs::read_to_string(here("neat.toml")).expect("the example is there"));
}

fn here(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/layout").join(name)
}

#[test]
fn odd_files() {
    let cases = [
        ("", ""),
        ("\n\n# alone\n\n", "# alone\n"),
        ("#:schema x\nname='a'\nformat=1", "#:schema x\nformat = 1\nname = 'a'\n"),
        ("# about\n\nname='a'\nformat=1", "# about\n\nformat = 1\nname = 'a'\n"),
        ("# key\nname='a'\nformat=1", "format = 1\n# key\nname = 'a'\n"),
        ("#:schema x\n[types]\n[params]", "#:schema x\n\n[params]\n\n[types]\n"),
        ("a.b=1\nname   =  'a'   #   why", "name = 'a' #   why\na.b=1\n"),
        (
            "[supervisors.root] # x\nperiod='5s'\n\nchildren=[]",
            "[supervisors.root] # x\nchildren = []\nperiod = '5s'\n",
        ),
        ("format=1\r\n# x\r\nname='a'\r\n", "format = 1\n# x\nname = 'a'\n"),
    ];
    for (text, want) in cases {
        assert_eq!(check(text).as_deref(), Some(want), "{text:?}");
    }
    for broken in ["a =", "[a", "a = 1\na = 2", "\u{0}", "x = [[[", "= 5"] {
        let faults = format(broken).expect_err("it is not TOML");
        assert!(faults.iter().all(|fault| fault.code == "TF0101"), "{broken:?}");
        assert!(!faults.is_empty(), "{broken:?}");
    }
}

#[test]
fn mutations_of_every_pipeline() {
    const SPICE: &[u8] = b"[]{}=\"'.,#\n \t\\1a-";
    for (_, text, _) in pipelines() {
        let config = ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(60) };
        let changes =
            prop::collection::vec((any::<prop::sample::Index>(), 0..SPICE.len(), 0..3_u8), 1..3);
        proptest!(config, |(changes in changes)| {
            let mut bytes = text.clone().into_bytes();
            let changes = if bytes.is_empty() { vec![] } else { changes };
            for (at, spice, kind) in changes {
                let at = at.index(bytes.len());
                match kind {
                    0 => bytes.insert(at, SPICE[spice]),
                    1 => bytes[at] = SPICE[spice],
                    _ => drop(bytes.remove(at)),
                }
            }
            if let Ok(text) = String::from_utf8(bytes) {
                check(&text);
            }
        });
    }
}
