//! What the end-to-end tests share: the real program, run in a folder of its own with a time limit.
//!
//! Everything here panics with what was seen: it is for tests only.
#![expect(clippy::missing_panics_doc, reason = "a test that cannot go on panics, and says why")]

pub mod account;
mod command;
pub mod dice;
pub mod held;
pub mod lives;
pub mod notes;
pub mod powercut;
pub mod requests;
pub mod saves;
pub mod terminal;
mod warm;
pub mod watched;
pub mod web;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use std::time::SystemTime;

pub use command::{LIMIT, Last, Ran, Scene, finish};

/// What the program is made of.
const SOURCES: [&str; 8] = [
    "engine/src",
    "engine/kernel/src",
    "engine/host/src",
    "dsl",
    "wit",
    "stdlib-actors/prebuilt",
    "stdlib-actors/sdk",
    "stdlib-actors/sdk-macros",
];

/// The folder of the workspace.
#[must_use]
pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("tests/ is in the workspace")
}

/// A prebuilt component of `stdlib-actors`: `probe`, `probe-full`, `match`, ….
#[must_use]
pub fn prebuilt(name: &str) -> PathBuf {
    root().join("stdlib-actors/prebuilt").join(format!("{name}.wasm"))
}

/// True in the suite's full setting, with `THEATER_FLOW_FULL=1`.
#[must_use]
pub fn is_full() -> bool {
    std::env::var_os("THEATER_FLOW_FULL").is_some_and(|value| !value.is_empty() && value != "0")
}

/// The program under test, built with the profile of the tests. It is built here, once a process, if it
/// is not there or older than a source: cargo builds no other package's programs for a test.
#[must_use]
pub fn program() -> &'static Path {
    static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
    PROGRAM.get_or_init(|| {
        let test = std::env::current_exe().expect("this process has a program");
        let deps = test.parent().expect("programs lie in a folder");
        let profile = deps.parent().expect("deps/ lies in the profile's folder");
        let program = profile.join("theater-flow");
        if is_stale(&program) {
            build(profile);
        }
        assert!(program.is_file(), "{} is not there", program.display());
        program
    })
}

fn is_stale(program: &Path) -> bool {
    let modified = |path: &Path| path.metadata().and_then(|meta| meta.modified()).ok();
    let Some(built) = modified(program) else { return true };
    let newest = SOURCES.iter().filter_map(|folder| newest(&root().join(folder))).max();
    newest.is_some_and(|newest| newest > built)
}

/// When something below a folder was last changed.
fn newest(folder: &Path) -> Option<SystemTime> {
    let entries = std::fs::read_dir(folder).ok()?.flatten();
    let changed = |entry: std::fs::DirEntry| {
        let meta = entry.metadata().ok()?;
        if meta.is_dir() { newest(&entry.path()) } else { meta.modified().ok() }
    };
    entries.filter_map(changed).max()
}

fn build(profile: &Path) {
    let target = profile.parent().expect("the profile's folder lies in the target folder");
    let name = profile.file_name().and_then(|name| name.to_str()).unwrap_or("debug");
    let name = if name == "debug" { "dev" } else { name };
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut build = Command::new(cargo);
    // As a part of the tests, so that its dependencies have the features that are built already.
    build.args([
        "test",
        "--quiet",
        "--workspace",
        "--no-run",
        "--test",
        "program",
        "--profile",
        name,
    ]);
    build.arg("--target-dir").arg(target).current_dir(root());
    let status = build.status().expect("cargo runs");
    assert!(status.success(), "theater-flow cannot be built");
}
