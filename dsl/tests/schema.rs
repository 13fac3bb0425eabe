//! The schema of pipeline files in another validator: it takes every good file and no file that is of
//! another shape.
#![expect(clippy::disallowed_methods, reason = "the crate reads nothing, its tests read cases")]

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;
use theater_flow_dsl::SCHEMA;

fn accepts(text: &str) -> Option<Result<(), String>> {
    let file: Value = toml::from_str(text).ok()?;
    let schema = serde_json::from_str(SCHEMA).expect("the schema is JSON");
    let mut compiler = boon::Compiler::new();
    let mut all = boon::Schemas::new();
    compiler.add_resource("urn:pipeline", schema).expect("a schema");
    let schema = compiler.compile("urn:pipeline", &mut all).expect("a schema of draft-07");
    Some(all.validate(&file, schema).map_err(|error| format!("{error:#}")))
}

fn here(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

fn files(folder: &Path, end: &str, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("the folder is in the repository") {
        let path = entry.expect("a readable folder").path();
        if path.is_dir() {
            files(&path, end, found);
        } else if path.extension().is_some_and(|extension| extension == end) {
            found.push(path);
        }
    }
}

#[test]
fn every_example_and_every_good_case_is_taken() {
    let mut good = Vec::new();
    files(&here("../workflows"), "toml", &mut good);
    let cases = fs::read_dir(here("tests/cases")).expect("the folder is in the repository");
    for case in cases {
        let case = case.expect("a readable folder").path();
        let said = fs::read_to_string(case.join("expected.txt")).expect("a case says what it is");
        if said.ends_with("plan: yes\n") {
            files(&case, "toml", &mut good);
        }
    }
    assert!(good.len() > 6, "{good:?}");
    for path in good {
        let text = fs::read_to_string(&path).expect("a text");
        assert_eq!(accepts(&text), Some(Ok(())), "{}", path.display());
    }
}

#[test]
fn every_pipeline_in_a_document_is_taken() {
    let mut pages = Vec::new();
    files(&here("../stdlib-actors/docs"), "md", &mut pages);
    let mut seen = 0;
    for page in pages {
        let text = fs::read_to_string(&page).expect("a text");
        for block in text.split("```toml pipeline.toml\n").skip(1) {
            let (pipeline, _) = block.split_once("\n```").expect("a block has an end");
            assert_eq!(accepts(pipeline), Some(Ok(())), "{}", page.display());
            seen += 1;
        }
    }
    assert!(seen > 10, "{seen} documents have an example");
}

#[test]
fn every_case_of_another_shape_is_refused() {
    let shapes = ["TF0102", "TF0103", "TF0104", "TF0105", "TF0106", "TF0107", "TF0108", "TF0109"];
    let cases = fs::read_dir(here("tests/cases")).expect("the folder is in the repository");
    let mut refused = 0;
    for case in cases {
        let case = case.expect("a readable folder").path();
        let name = case.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if shapes.iter().any(|code| name.starts_with(code)) {
            let mut texts = Vec::new();
            files(&case, "toml", &mut texts);
            let mut texts = texts.iter().map(|path| fs::read_to_string(path).expect("a text"));
            assert!(texts.any(|text| accepts(&text) != Some(Ok(()))), "{name}");
            refused += 1;
        }
    }
    assert!(refused >= shapes.len(), "{refused}");
}
