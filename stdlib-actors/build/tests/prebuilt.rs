//! The components that are committed: what they import, how large they are, whether they are whole.

use std::collections::BTreeSet;
use std::path::PathBuf;

use theater_flow_actors::CATALOGUE;
use theater_flow_build_actors::{digest, imports, root};

/// Bytes of the largest component: what jq takes.
const LARGEST: usize = 2_500_000;

fn prebuilt() -> PathBuf {
    root().join("prebuilt")
}

fn component(name: &str) -> Vec<u8> {
    let path = prebuilt().join(format!("{name}.wasm"));
    std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The imported interfaces by their short names. `types` has no functions: it is the vocabulary of
/// all of them.
fn imported(name: &str) -> BTreeSet<String> {
    let imports = imports(&component(name)).expect("a component");
    let short = |import: &String| {
        let short = import
            .strip_prefix("theater:flow/")
            .and_then(|s| s.strip_suffix("@0.1.0"));
        short
            .unwrap_or_else(|| panic!("{name} imports {import}"))
            .to_owned()
    };
    imports
        .iter()
        .map(short)
        .filter(|short| short != "types")
        .collect()
}

#[test]
fn a_component_imports_what_its_doc_says() {
    for listed in CATALOGUE {
        let uses: BTreeSet<String> = listed.uses().map(str::to_owned).collect();
        assert_eq!(imported(listed.name), uses, "{}", listed.name);
    }
    assert_eq!(imported("probe-table"), BTreeSet::from(["log".to_owned()]));
}

#[test]
fn a_component_is_of_this_catalogue() {
    for listed in CATALOGUE {
        let (component, doc) = (component(listed.name), listed.doc.as_bytes());
        let found = component.windows(doc.len()).any(|part| part == doc);
        assert!(
            found,
            "{} says something else of itself: build it again",
            listed.name
        );
        assert!(
            component.len() < LARGEST,
            "{}: {} bytes",
            listed.name,
            component.len()
        );
    }
}

#[test]
fn a_component_holds_no_path_of_a_machine() {
    for listed in CATALOGUE {
        let component = component(listed.name);
        for part in [
            "/home/",
            "/root/",
            "/Users/",
            "/tmp/",
            ".cargo/registry",
            ".rustup",
        ] {
            let found = component
                .windows(part.len())
                .any(|bytes| bytes == part.as_bytes());
            assert!(!found, "{} holds {part}", listed.name);
        }
    }
}

#[test]
fn digests_say_what_is_there() {
    let text = std::fs::read_to_string(prebuilt().join("digests.txt")).expect("digests.txt");
    let mut names = Vec::new();
    for line in text.lines() {
        let (said, file) = line.split_once("  ").expect("two columns");
        let name = file.strip_suffix(".wasm").expect("a component");
        assert_eq!(said, digest(&component(name)), "{name}");
        names.push(name.to_owned());
    }
    let mut listed: Vec<String> = CATALOGUE.iter().map(|listed| listed.name.into()).collect();
    listed.push("probe-table".into());
    listed.sort();
    assert_eq!(names, listed);
}
