//! What a compiler says that it has read.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use tempfile::TempDir;
use theater_flow::compile::{Fetcher, Pipeline};
use theater_flow::watch::{Reads, Seen};
use theater_flow_dsl::Mode;
use theater_flow_host::{Host, HostConfig};
use theater_flow_tests::prebuilt;

const PIPELINE: &str = r#"
format = 1
name = "parts"

[supervisors.root]
children = ["lines", "part", "other", "own", "none"]

[use.part]
from = "parts/part.toml"

[use.other]
from = "parts/none.toml"

[agents.lines]
actor = "std/file-lines"
config = { path = { file = "path.txt" } }

[agents.own]
actor = "./own.wasm"
config = { text = { file = "none.md" } }

[agents.none]
actor = "./none.wasm"
"#;

fn reads(folder: &Path) -> Reads {
    let pipeline = Pipeline::read(&folder.join("flow.toml")).expect("it can be read");
    let host = Host::new(HostConfig { cache: None, instances: 16 }).expect("an engine");
    let mut fetcher = Fetcher::new(Arc::new(host));
    let _ = fetcher.compile(&pipeline, &[], Mode::Run);
    fetcher.reads().clone()
}

#[test]
fn a_compiler_says_all_that_it_read_and_looked_for() {
    let dir = TempDir::new().expect("a folder");
    let folder = fs::canonicalize(dir.path()).expect("it is there");
    fs::create_dir(folder.join("parts")).expect("a folder");
    fs::copy(prebuilt("match"), folder.join("own.wasm")).expect("a component");
    let module = "format = 1\n[module]\nname = \"part\"\n";
    for (name, text) in [("flow.toml", PIPELINE), ("parts/part.toml", module), ("path.txt", "in")] {
        fs::write(folder.join(name), text).expect("a file");
    }
    let there = |name: &str| Seen::of(&fs::read(folder.join(name)).expect("it is there"));
    let expected: Reads = [
        ("parts/part.toml", there("parts/part.toml")),
        ("parts/none.toml", Seen::Gone),
        ("path.txt", there("path.txt")),
        ("own.wasm", there("own.wasm")),
        ("none.md", Seen::Gone),
        ("none.wasm", Seen::Gone),
    ]
    .map(|(name, seen)| (folder.join(name), seen))
    .into();
    assert_eq!(reads(&folder), expected);
    let pipeline = Pipeline::read(&folder.join("flow.toml")).expect("it can be read");
    assert_eq!(pipeline.seen(), Seen::of(PIPELINE.as_bytes()).within(&folder));
}
