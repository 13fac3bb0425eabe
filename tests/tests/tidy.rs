//! House rules that no compiler checks: one door per outside thing, and files that can be seen whole.

use std::fs;
use std::path::{Path, PathBuf};

/// The folder of the workspace.
fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("tests/ is in the workspace")
        .to_path_buf()
}

/// All Rust sources below a folder, as paths relative to the workspace.
fn sources(folder: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut folders = vec![root().join(folder)];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).into_iter().flatten().flatten() {
            let path = entry.path();
            if path.is_dir() && entry.file_name() != "target" {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let name = path.strip_prefix(root()).expect("found below it").display().to_string();
                found.push((name, fs::read_to_string(&path).expect("sources are text")));
            }
        }
    }
    found.sort();
    found
}

fn all_sources() -> Vec<(String, String)> {
    ["engine", "dsl", "tests", "stdlib-actors"].into_iter().flat_map(sources).collect()
}

/// A line's code, without its comment.
fn code(line: &str) -> &str {
    line.split("//").next().unwrap_or_default()
}

/// The files, but for `allowed` and tests, that name one of `words` outside of comments.
fn naming(words: &[&str], allowed: &[&str]) -> Vec<String> {
    let files = all_sources().into_iter().filter(|(name, _)| {
        let test =
            name.contains("/tests/") || name.ends_with("tests.rs") || name.starts_with("tests/");
        !test && !allowed.iter().any(|prefix| name.starts_with(prefix))
    });
    let named = files.flat_map(|(name, text)| {
        let lines =
            text.lines().enumerate().map(|(nth, line)| (nth, line.to_owned())).collect::<Vec<_>>();
        let hits = lines
            .into_iter()
            .filter(|(_, line)| words.iter().any(|word| code(line).contains(word)));
        hits.map(|(nth, line)| format!("{name}:{}: {}", nth + 1, line.trim())).collect::<Vec<_>>()
    });
    named.collect()
}

#[track_caller]
fn none(found: &[String], rule: &str) {
    assert!(found.is_empty(), "{rule}:\n{}", found.join("\n"));
}

#[test]
fn one_door_per_outside_thing() {
    none(&naming(&["wasmtime::"], &["engine/host/"]), "only engine/host names wasmtime");
    none(&naming(&["sled::"], &["engine/src/store"]), "only engine/src/store.rs names sled");
    none(&naming(&["notify::"], &["engine/src/watch"]), "only engine/src/watch.rs names notify");
    none(&naming(&["tokio::"], &["engine/src/"]), "only the engine names tokio");
    let printing = ["println!", "eprintln!", "print!(", "eprint!(", "io::stderr()"];
    let allowed = ["engine/src/render", "stdlib-actors/build/"];
    none(&naming(&printing, &allowed), "only engine/src/render.rs prints");
}

#[test]
fn no_crate_depends_against_the_arrow() {
    for (krate, forbidden) in [
        (
            "engine/kernel",
            &["theater-flow-dsl", "theater-flow-host", "tokio", "wasmtime", "sled"][..],
        ),
        ("dsl", &["theater-flow-host", "tokio", "wasmtime", "sled"]),
        ("engine/host", &["theater-flow-dsl", "tokio", "sled"]),
    ] {
        let manifest =
            fs::read_to_string(root().join(krate).join("Cargo.toml")).expect("it is there");
        for name in forbidden {
            assert!(!manifest.contains(name), "{krate} must not depend on {name}");
        }
    }
}

#[test]
fn files_can_be_seen_whole() {
    let long = all_sources().into_iter().filter(|(name, _)| !name.contains("/target/"));
    let long =
        long.map(|(name, text)| (name, text.lines().count())).filter(|(_, lines)| *lines > 400);
    let long: Vec<String> = long.map(|(name, lines)| format!("{name}: {lines} lines")).collect();
    none(&long, "files are at most 400 lines");
}

#[test]
fn nothing_is_left_to_do() {
    let words = ["todo!(", "unimplemented!(", "dbg!(", "#[ignore]"];
    none(&naming(&words, &["stdlib-actors/"]), "no stubs");
    // The ticker's beat; waits, within a bound, for a lock, a database that closes, and a socket that opens.
    let beats = [
        "engine/host/src/ticker",
        "engine/src/runs/owner",
        "engine/src/store",
        "engine/src/commands/live",
        "engine/src/log",
        // A server that is slow is what is measured there.
        "engine/benches/figures/look",
        // What a process costs while nothing happens, and one that is looked at without holding it up.
        "engine/benches/figures/watch",
    ];
    none(&naming(&["thread::sleep"], &beats), "nothing sleeps and hopes");
}

#[test]
fn the_kernel_has_no_std() {
    let lib = fs::read_to_string(root().join("engine/kernel/src/lib.rs")).expect("it is there");
    assert!(lib.contains("#![no_std]"));
    let std =
        sources("engine/kernel/src").into_iter().filter(|(name, _)| !name.ends_with("tests.rs"));
    let std: Vec<String> = std
        .filter(|(_, text)| {
            text.lines().any(|line| {
                code(line).contains("extern crate std")
                    || code(line).contains("std::collections::Hash")
            })
        })
        .map(|(name, _)| name)
        .collect();
    none(&std, "the kernel is `no_std` and has no randomly ordered maps");
}
