//! A small pipeline that tests look back at, and fork: what each agent does shows in the result.

use crate::Scene;

/// Lines that are matched, collected until there are no more, and printed.
pub const NOTES: &str = r#"format = 1
name = "notes"
[params]
word = { type = "string", default = "tea" }
[supervisors.root]
children = ["lines", "found", "all", "print"]
[agents.lines]
actor = "std/file-lines"
config = { path = "input.txt" }
grants = { files = { read = ["input.txt"] } }
[agents.found]
actor = "std/match"
inputs = "lines"
config = { rules = { hit = { param = "word" } } }
[agents.all]
actor = "std/sort"
inputs = "found"
config = { by = ["line"] }
[agents.print]
actor = "std/stdout"
inputs = "all"
grants = { stdout = true }
"#;

/// What it reads: `tea` stands in three lines.
pub const INPUT: &str = "tea\nmilk\nmore tea\nwater\nno tea\n";

/// Writes what is matched to a file too, as it comes.
const FILE: &str = r#"[agents.file]
actor = "std/file-write"
inputs = "found"
config = { path = "out/found.jsonl" }
grants = { files = { write = ["out"] } }
"#;

/// [`NOTES`], with an agent `file` that writes to `out/found.jsonl`.
#[must_use]
pub fn notes_to_file() -> String {
    NOTES.replace(r#""print"]"#, r#""print", "file"]"#) + FILE
}

/// A folder with `text` as `p.toml`, and what it reads.
#[must_use]
pub fn scene(text: &str) -> Scene {
    let scene = Scene::new();
    scene.file("p.toml", text);
    scene.file("input.txt", INPUT);
    scene
}
