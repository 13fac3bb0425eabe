//! Broken files: whatever bytes stand there, the compiler answers, and its labels are in the text.
#![expect(clippy::disallowed_methods, reason = "the crate reads nothing, its tests read cases")]

mod folder;
mod world;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use folder::files;
use proptest::prelude::*;
use theater_flow_dsl::{Compiled, Label};
use world::{Beside, settle};

type Files = BTreeMap<String, String>;

fn compiled(text: &str) -> Compiled {
    compiled_with(text, &Files::new())
}

fn compiled_with(text: &str, files: &Files) -> Compiled {
    let beside = Beside { files: files.clone(), ..Beside::default() };
    let compiled = settle(text, &beside);
    for fault in &compiled.faults {
        assert!(!fault.message.is_empty());
        for Label { span, .. } in &fault.labels {
            let file = usize::try_from(span.file).expect("few files");
            let texts = compiled.modules.iter().map(|module| module.text.as_str());
            let text = std::iter::once(text).chain(texts).nth(file).expect("a file that was read");
            assert!(text.get(span.start..span.end).is_some(), "{fault:?}");
        }
    }
    compiled
}

/// The cases without special directions, each with its modules.
fn pipelines() -> Vec<(String, Files)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases");
    let mut texts: Vec<(String, Files)> = fs::read_dir(folder)
        .expect("the folder is in the repository")
        .map(|entry| entry.expect("a readable folder").path())
        .map(|path| (fs::read_to_string(path.join("pipeline.toml")), files(&path)))
        .map(|(text, files)| (text.expect("a case has a pipeline"), files))
        .filter(|(text, files)| !text.contains("#@ ") && files.len() < 5)
        .collect();
    texts.sort();
    texts
}

/// One change of a text: cut it, drop, double or replace bytes.
fn mutate(text: &str, (kind, at, byte): (u8, prop::sample::Index, u8)) -> String {
    const SPICE: &[u8] = b"[]{}<>=\"'.,#$_\n\\019azT-";
    let mut bytes = text.as_bytes().to_vec();
    if bytes.is_empty() {
        return String::new();
    }
    let at = at.index(bytes.len());
    match kind % 5 {
        0 => bytes.truncate(at),
        1 => drop(bytes.remove(at)),
        2 => bytes.insert(at, SPICE[usize::from(byte) % SPICE.len()]),
        3 => bytes[at] = byte,
        _ => {
            let end = (at + 40).min(bytes.len());
            let again = bytes[at..end].to_vec();
            bytes.splice(at..at, again);
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[test]
fn five_hundred_mutations_of_every_example() {
    for (text, files) in pipelines() {
        let config =
            ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(500) };
        let changes = prop::collection::vec(any::<(u8, prop::sample::Index, u8)>(), 1..4);
        proptest!(config, |(changes in changes, which in any::<prop::sample::Index>())| {
            let mut texts = files.clone();
            texts.insert("pipeline.toml".to_owned(), text.clone());
            let at = which.index(texts.len());
            let broken = texts.values_mut().nth(at).expect("it is in the list");
            *broken = changes.into_iter().fold(broken.clone(), |text, change| mutate(&text, change));
            let text = texts.remove("pipeline.toml").expect("it was put there");
            compiled_with(&text, &texts);
        });
    }
}

#[test]
fn every_prefix_of_the_example() {
    let text = fs::read_to_string(
        Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases/good-find-todos/pipeline.toml"),
    );
    let text = text.expect("the example is there");
    for end in (0..text.len()).filter(|end| text.is_char_boundary(*end)) {
        compiled(&text[..end]);
    }
}

fn codes(text: &str) -> Vec<&'static str> {
    compiled(text).faults.into_iter().map(|fault| fault.code).collect()
}

const HEAD: &str = "format = 1\nname = \"x\"\n[supervisors.root]\nchildren = []\n";

#[test]
fn deep_nesting_is_a_fault() {
    for deep in [100, 10_000] {
        let arrays = format!("{HEAD}x = {}{}", "[".repeat(deep), "]".repeat(deep));
        assert_eq!(codes(&arrays).first(), Some(&"TF0101"), "{deep} arrays");
        let tables = format!("{HEAD}x = {}1{}", "{ a = ".repeat(deep), " }".repeat(deep));
        assert_eq!(codes(&tables).first(), Some(&"TF0101"), "{deep} tables");
        let ty = format!("{}u8{}", "list<".repeat(deep), ">".repeat(deep));
        let types = format!("{HEAD}[types]\nX = \"{ty}\"\n");
        assert!(codes(&types).contains(&"TF0305"), "{deep} lists");
        let keys = format!("{HEAD}[a{}]\n", ".a".repeat(deep));
        assert_eq!(codes(&keys).first(), Some(&"TF0101"), "{deep} keys");
    }
}

#[test]
fn a_giant_file_is_a_fault() {
    let comment = format!("{HEAD}#{}\n", "x".repeat(1 << 20));
    assert_eq!(codes(&comment), ["TF0110"]);
}

#[test]
fn too_many_agents_are_a_fault() {
    let mut text = HEAD.to_owned();
    for at in 0..=10_000 {
        let _ = writeln!(text, "[agents.a{at}]\nactor=\"std/probe\"");
    }
    assert_eq!(codes(&text), ["TF0110"]);
}

#[test]
fn a_chain_of_many_agents_is_no_stack_overflow() {
    const AGENTS: usize = 3_000;
    let mut text = "format = 1\nname = \"x\"\n[supervisors.root]\nchildren = [".to_owned();
    for at in 0..AGENTS {
        let _ = write!(text, "\"a{at}\",");
    }
    text.push_str("]\n");
    for at in 0..AGENTS {
        let before = (at + AGENTS - 1) % AGENTS;
        let _ = write!(
            text,
            "[agents.a{at}]\nactor = \"std/probe\"\ninputs = \"a{before}\"\n\
             config = {{ ports = [\"in string\", \"out string\"] }}\n"
        );
    }
    let found = compiled(&text);
    let codes: Vec<&str> = found.faults.iter().map(|fault| fault.code).collect();
    assert_eq!(codes, ["TF0211"]);
    let open = text.replacen(
        "inputs = \"a2999\"\nconfig = { ports = [\"in string\", ",
        "config = { ports = [",
        1,
    );
    let plan = compiled(&open).plan.expect("a chain without the wire back is sound");
    assert_eq!(plan.agents.len(), AGENTS);
}

#[test]
fn long_chains_of_types_are_no_stack_overflow() {
    let mut text = HEAD.to_owned();
    text.push_str("[types]\nT0 = \"string\"\n");
    for at in 1..4_000 {
        let _ = writeln!(text, "T{at} = {{ x = \"T{}\" }}", at - 1);
    }
    compiled(&text);
    let aliases = text.replace("{ x = ", "").replace(" }", "");
    compiled(&aliases);
}

#[test]
fn a_file_of_nothing_but_faults_ends_soon() {
    let mut text = HEAD.to_owned();
    for at in 0..9_000 {
        let _ = writeln!(text, "[agents.a{at}]\nactr=\"std/x\"\ninputs=\"b{at}\"");
    }
    // Many of one kind are not told one by one.
    assert!((300..600).contains(&compiled(&text).faults.len()));
    let children: Vec<String> = (0..60_000).map(|at| format!("\"c{at}\"")).collect();
    let text = text.replacen("[]", &format!("[{}]", children.join(",")), 1);
    assert!(compiled(&text).faults.len() < 600);
    let (mut channels, mut types) = (String::new(), String::new());
    for at in 0..20_000 {
        let _ = writeln!(channels, "[channels.\"a{at}.out\"]");
    }
    for at in 0..4_000 {
        let _ = writeln!(types, "T{at} = \"list<U{at}>\"");
    }
    let text = format!("{HEAD}{channels}[types]\n{types}[agents.a]\nactor = \"std/stdout\"\n");
    assert!(compiled(&text).faults.len() < 500);
}
