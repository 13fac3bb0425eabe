//! What the tests of forks share.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;
use theater_flow_kernel::ids::Digest;
use theater_flow_tests::{Ran, Scene};

/// Every file below a folder, by path, with its digest.
pub(crate) fn files(folder: &Path) -> BTreeMap<PathBuf, Digest> {
    let mut all = BTreeMap::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).expect("a folder").flatten() {
            let path = entry.path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let digest = Digest::of(&fs::read(&path).expect("a file"));
                all.insert(path, digest);
            }
        }
    }
    all
}

/// A run's folder.
pub(crate) fn folder(scene: &Scene, run: &str) -> PathBuf {
    scene.path().join(".theater-flow/runs").join(run)
}

/// What a run wrote to a file of its parent's, which is moved below its own folder.
pub(crate) fn moved(scene: &Scene, run: &str, name: &str) -> String {
    let place = scene.path().canonicalize().expect("the scene is there").join(name);
    let below = folder(scene, run).join("files").join(place.strip_prefix("/").expect("absolute"));
    fs::read_to_string(below).unwrap_or_default()
}

/// A run's records.
pub(crate) fn records(scene: &Scene, run: &str) -> Vec<Value> {
    scene.run(["events", run, "--json"]).ends(0).json()
}

/// The records of a kind.
pub(crate) fn of_kind<'a>(records: &'a [Value], kind: &str) -> Vec<&'a Value> {
    records.iter().filter(|record| record["kind"] == kind).collect()
}

pub(crate) fn seq(record: &Value) -> u64 {
    record["seq"].as_u64().expect("a number")
}

/// Forks a run after a record and runs the fork to its end.
pub(crate) fn fork(scene: &Scene, run: &str, at: u64, more: &[&str]) -> Ran {
    let at = at.to_string();
    scene.run([&["fork", run, "--at", &at], more].concat())
}

/// Checks that a run's log is whole, and that its calls can be made again.
#[track_caller]
pub(crate) fn is_sound(scene: &Scene, run: &str) {
    scene.run(["verify", run]).ends(0);
    scene.run(["replay", run]).ends(0);
}
