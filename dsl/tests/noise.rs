//! Broken files: whatever bytes stand there, the compiler answers, and its labels are in the text.
#![expect(clippy::disallowed_methods, reason = "the crate reads nothing, its tests read cases")]

mod broken;
#[path = "../../engine/kernel/tests/made/dice.rs"]
mod dice;
mod folder;
mod world;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use broken::mutate;
use dice::Dice;
use folder::files;
use theater_flow_dsl::Compiled;
use world::Beside;

type Files = BTreeMap<String, String>;

fn compiled(text: &str) -> Compiled {
    broken::compiled(text, &Beside::default())
}

/// The pipelines below a folder, of any depth, each with the files in its own folder.
fn pipelines(folder: &str) -> Vec<(String, Beside)> {
    let mut folders = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join(folder)];
    let mut texts = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).expect("the folder is in the repository") {
            let path = entry.expect("a readable folder").path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|end| end == "toml") {
                let text = fs::read_to_string(&path).expect("a pipeline is text");
                // What an example says of its surroundings stands in comments: only `check` does without.
                let files = if text.contains("[use.") { files(&folder) } else { Files::new() };
                texts.push((text, Beside { check: true, files, ..Beside::default() }));
            }
        }
    }
    texts.sort_by(|(one, _), (other, _)| one.cmp(other));
    texts
}

/// Breaks each file of a folder so often, and each a thousand times in the full setting.
fn mutations_of_each(folder: &str, times: usize) {
    let texts = pipelines(folder);
    assert!(texts.len() > 3, "{folder} holds examples");
    let full = std::env::var_os("THEATER_FLOW_FULL").is_some_and(|value| value == "1");
    let times = if full { 1_000 } else { times };
    for (seed, (text, mut beside)) in (0..).zip(texts) {
        let mut dice = Dice(seed);
        let whole = beside.files.clone();
        // A case of very many lines is many times the same.
        for _ in 0..times.min(4_000_000 / text.len().max(1)) {
            let modules: Vec<&String> = whole.keys().collect();
            if modules.is_empty() || dice.once_in(2) {
                broken::compiled(&mutate(&mut dice, &text), &beside);
                continue;
            }
            let name = (*dice.pick(&modules)).clone();
            let broken = mutate(&mut dice, &whole[&name]);
            beside.files.insert(name.clone(), broken);
            broken::compiled(&text, &beside);
            beside.files.insert(name.clone(), whole[&name].clone());
        }
    }
}

#[test]
fn mutations_of_every_case() {
    mutations_of_each("tests/cases", 50);
}

#[test]
fn mutations_of_every_workflow() {
    mutations_of_each("../workflows", 1_000);
}

#[test]
fn mutations_of_every_case_of_the_program() {
    mutations_of_each("../tests/cases", 50);
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
fn giant_strings_and_tables_are_fine_or_faults() {
    let long = "x".repeat(900_000);
    for text in [
        format!("format = 1\nname = \"{long}\"\n[supervisors.root]\nchildren = []\n"),
        format!("{HEAD}{long} = 1\n"),
        format!("{HEAD}[agents.{long}]\nactor = \"std/probe\"\n"),
        format!("{HEAD}[agents.a]\nactor = \"{long}\"\n"),
        format!("{HEAD}[agents.a]\nactor = \"std/probe\"\ninputs = \"{long}.{long}\"\n"),
        format!("{HEAD}[types]\nX = \"{long}\"\n"),
        format!("{HEAD}[types]\nX = \"enum{{{}}}\"\n", "a, ".repeat(300_000)),
        format!("{HEAD}x = {long}\n"),
        format!("{HEAD}x = {}\n", "9".repeat(900_000)),
        format!("{HEAD}x = '''{long}"),
        format!("{HEAD}x = \"{}\"\n", "\\u00e9".repeat(150_000)),
    ] {
        compiled(&text);
    }
}

#[test]
fn tables_of_very_many_keys_are_fine_or_faults() {
    let keys = |count: u32| {
        (0..count).fold(String::new(), |mut keys, at| {
            let _ = writeln!(keys, "k{at}=1");
            keys
        })
    };
    let head = format!("{}[agents.a]\nactor = \"std/probe\"\n", HEAD.replace("[]", "[\"a\"]"));
    let config = compiled(&format!("{head}[agents.a.config]\n{}", keys(100_000)));
    assert!(config.plan.is_some(), "a long config is the actor's affair");
    for section in ["[agents.a.limits]", "[params]", "[types]", "[supervisors]", "[defaults]", ""] {
        let found = compiled(&format!("{head}{section}\n{}", keys(10_000)));
        assert!(found.plan.is_none(), "{section}");
    }
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
fn a_deep_tree_of_supervisors_is_a_fault() {
    for (deep, faults) in [(64, &[][..]), (65, &["TF0110"]), (10_000, &["TF0110"])] {
        let mut text = "format = 1\nname = \"x\"\n".to_owned();
        for at in 1..=deep {
            let (name, below) = (format!("s{at}"), format!("s{}", at + 1));
            let name = if at == 1 { "root" } else { &name };
            let below = if at == deep { "a" } else { &below };
            let _ = writeln!(text, "[supervisors.{name}]\nchildren = [\"{below}\"]");
        }
        text.push_str("[agents.a]\nactor = \"std/probe\"\n");
        assert_eq!(codes(&text), faults, "{deep}");
    }
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
