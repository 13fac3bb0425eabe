//! Comparing a folder of components with what was built.

use std::fs;
use std::path::Path;

use theater_flow_build_actors::{Components, Difference, compare, imports, write};

fn components(list: &[(&str, &str)]) -> Components {
    list.iter()
        .map(|(name, bytes)| ((*name).into(), bytes.as_bytes().to_vec()))
        .collect()
}

fn folder(name: &str) -> std::path::PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    if folder.exists() {
        fs::remove_dir_all(&folder).expect("removed");
    }
    folder
}

#[test]
fn every_difference_is_listed() {
    let folder = folder("differences");
    write(
        &folder,
        &components(&[("a", "1"), ("b", "2"), ("gone", "3")]),
    )
    .expect("written");
    assert_eq!(
        compare(
            &folder,
            &components(&[("a", "1"), ("b", "x"), ("new", "4")])
        )
        .expect("read"),
        [
            Difference::Other("b".into()),
            Difference::Missing("new".into()),
            Difference::Extra("gone".into()),
        ]
    );
    let text = fs::read_to_string(folder.join("digests.txt")).expect("read");
    fs::write(
        folder.join("digests.txt"),
        text.replace("  a.wasm", "  c.wasm"),
    )
    .expect("written");
    assert_eq!(
        compare(
            &folder,
            &components(&[("a", "1"), ("b", "2"), ("gone", "3")])
        )
        .expect("read"),
        [
            Difference::Digest("a".into()),
            Difference::Extra("c".into())
        ]
    );
}

#[test]
fn writing_again_removes_what_is_gone() {
    let folder = folder("again");
    write(&folder, &components(&[("a", "1"), ("gone", "3")])).expect("written");
    let now = components(&[("a", "2")]);
    write(&folder, &now).expect("written");
    assert!(compare(&folder, &now).expect("read").is_empty());
    assert!(!folder.join("gone.wasm").exists());
}

#[test]
fn what_is_no_component_has_no_imports() {
    for bytes in [&b""[..], b"\0asm", b"no wasm at all"] {
        assert!(imports(bytes).is_err());
    }
}
