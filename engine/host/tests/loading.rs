//! What is an actor and what is not, what one says of itself, and the cache of compiled code.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use support::{
    ECHO, LIMITS, Parts, TestWorld, all, component, core, gate, handle, host, message, plan,
};
use theater_flow_host::{Host, HostConfig, HostError, LoadError};
use theater_flow_kernel::limits;
use theater_flow_kernel::work::Guest;

fn echo() -> Vec<u8> {
    component(&core(Parts { handle: ECHO, ..Parts::default() }))
}

#[test]
fn what_is_not_a_component_is_told_apart() {
    let host = host();
    let module = wat::parse_str("(module)").unwrap();
    let empty = wat::parse_str("(component)").unwrap();
    assert_eq!(host.load(b"").unwrap_err(), LoadError::NotAComponent);
    assert_eq!(host.load(b"#!/bin/sh\n").unwrap_err(), LoadError::NotAComponent);
    assert_eq!(host.load(&module).unwrap_err(), LoadError::CoreModule);
    assert!(matches!(host.load(b"\0asm").unwrap_err(), LoadError::Truncated(_)));
    assert!(matches!(host.load(b"\0as").unwrap_err(), LoadError::Truncated(_)));
    assert!(matches!(host.load(b"\0asm\x02\0\x01\0").unwrap_err(), LoadError::Malformed(_)));
    let world = host.load(&empty).unwrap_err();
    assert!(world.to_string().contains("theater:flow/actor@0.1.0"), "{world}");
    let long = vec![0; usize::try_from(limits::COMPONENT_BYTES).unwrap() + 1];
    assert!(matches!(host.load(&long).unwrap_err(), LoadError::TooLarge(_)));
}

#[test]
fn a_component_cut_anywhere_is_an_error() {
    let host = host();
    let whole = echo();
    for sixteenth in 0..16 {
        let cut = &whole[..whole.len() * sixteenth / 16];
        let error = host.load(cut).unwrap_err();
        assert_ne!(error, LoadError::CoreModule, "{sixteenth}");
        assert!(!error.to_string().is_empty());
    }
    let lengths = (0..whole.len()).step_by(37);
    for length in lengths {
        assert!(host.load(&whole[..length]).is_err(), "{length}");
    }
}

#[test]
fn a_damaged_component_never_panics() {
    let host = host();
    let whole = echo();
    for at in (8..whole.len()).step_by(whole.len() / 60) {
        let mut damaged = whole.clone();
        damaged[at] ^= 0x55;
        // Some flips only change a constant: those load.
        let _either = host.load(&damaged).map(|actor| host.about(&actor));
    }
}

#[test]
fn another_world_is_named() {
    let host = host();
    let other = wat::parse_str(
        r#"(component (import "theater:flow/secrets@0.1.0" (instance (export "get" (func)))))"#,
    )
    .unwrap();
    let error = host.load(&other).unwrap_err();
    assert!(
        matches!(&error, LoadError::WrongWorld(why) if why.contains("theater:flow/secrets@0.1.0"))
    );

    let newer = wat::parse_str(
        r#"(component (import "theater:flow/files@0.2.0" (instance (export "read" (func)))))"#,
    )
    .unwrap();
    assert!(matches!(host.load(&newer).unwrap_err(), LoadError::WrongWorld(_)));

    let exports = wat::parse_str(
        r#"(component
            (core module $m (func (export "f")))
            (core instance $i (instantiate $m))
            (func $f (canon lift (core func $i "f")))
            (instance $actor (export "about" (func $f)))
            (export "theater:flow/actor@0.1.0" (instance $actor)))"#,
    )
    .unwrap();
    let error = host.load(&exports).unwrap_err();
    assert!(matches!(&error, LoadError::WrongWorld(why) if why.contains("`about`")), "{error}");
}

#[test]
fn more_memories_than_one_are_refused() {
    let host = host();
    let parts = Parts { more: "(memory $more 1)", ..Parts::default() };
    let refused = std::panic::catch_unwind(|| component(&core(parts)));
    if let Ok(bytes) = refused {
        assert!(matches!(host.load(&bytes).unwrap_err(), LoadError::Malformed(_)));
    }
}

#[test]
fn an_actor_says_what_it_is_and_what_it_imports() {
    let host = host();
    let imports = r#"
        (import "theater:flow/files@0.1.0" "read" (func $r (param i32 i32 i64 i32 i32)))
        (import "theater:flow/files@0.1.0" "stat" (func $s (param i32 i32 i32)))"#;
    let actor = host.load(&component(&core(Parts { imports, ..Parts::default() }))).unwrap();
    let seen: Vec<_> = actor.imports().iter().map(|(i, f)| (i.as_str(), f.as_str())).collect();
    for expected in [("outbox", "emit"), ("files", "read"), ("files", "stat")] {
        assert!(seen.contains(&expected), "{seen:?}");
    }
    assert_eq!(seen.len(), 3);
    let about = host.about(&actor).unwrap();
    assert_eq!((about.doc.as_str(), about.config_schema.as_str()), ("out", "{}"));
    assert!(about.stateless);
    assert_eq!(host.ports(&actor, "{}").unwrap(), Ok(Vec::new()));
}

#[test]
fn questions_are_bounded_and_reach_nothing() {
    let host = host();
    let base = core(Parts::default());
    let asked = |body: &str| {
        let about = "actor@0.1.0#about\") (result i32)";
        let wat = base.replace(about, &format!("{about} {body}"));
        assert_ne!(wat, base);
        let actor = host.load(&component(&wat)).unwrap();
        match host.about(&actor) {
            Err(HostError::NoAnswer { question: "about", why }) => why,
            other => panic!("{body}: {other:?}"),
        }
    };
    assert!(asked("unreachable").contains("unreachable"));
    assert!(asked("(loop $l (br $l))").contains("fuel"));
    assert!(asked("(loop $l (drop (memory.grow (i32.const 99))) (br $l))").contains("limit"));
    let emit =
        "(call $emit (i32.const 16) (i32.const 3) (i32.const 64) (i32.const 1) (i32.const 3072))";
    assert!(asked(emit).contains("asked about itself"));
}

fn cached(folder: &Path) -> Host {
    Host::new(HostConfig { cache: Some(folder.to_path_buf()), instances: 4 }).unwrap()
}

fn files(folder: &Path) -> Vec<PathBuf> {
    fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect()
}

/// What an instance does, fuel included.
fn behaviour(host: &Host, bytes: &[u8]) -> String {
    let actor = host.load(bytes).unwrap();
    let gate = gate(&plan(all(), LIMITS, 30_000), TestWorld::default());
    let mut instance = host.instance(&actor, gate).unwrap();
    let init = instance.init(None);
    format!("{init:?} {:?}", handle(&mut instance, &message("[1,2]")))
}

#[test]
fn a_cached_actor_behaves_the_same_and_a_damaged_file_is_not_used() {
    let temporary = tempfile::tempdir().unwrap();
    let folder = temporary.path().join("deep/cache");
    let bytes = echo();
    let fresh = behaviour(&cached(&folder), &bytes);
    let mode = fs::metadata(&folder).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o700);
    let found = files(&folder);
    let [file] = &found[..] else { panic!("{found:?}") };
    let whole = fs::read(file).unwrap();
    assert_eq!(behaviour(&cached(&folder), &bytes), fresh);

    let cuts = [0, 79, 80, whole.len() - 1];
    for cut in cuts {
        fs::write(file, &whole[..cut]).unwrap();
        assert_eq!(behaviour(&cached(&folder), &bytes), fresh, "cut at {cut}");
        assert_eq!(fs::read(file).unwrap().len(), whole.len(), "it is written again");
    }
    let flips = [0, 15, 16, 47, 48, 79, 80, whole.len() / 3, whole.len() / 2, whole.len() - 1];
    for at in flips {
        let mut damaged = whole.clone();
        damaged[at] ^= 1;
        fs::write(file, &damaged).unwrap();
        assert_eq!(behaviour(&cached(&folder), &bytes), fresh, "flipped at {at}");
        assert!(fs::read(file).unwrap() != damaged, "it was used, though flipped at {at}");
    }
    assert_eq!(files(&folder).len(), 1, "nothing is left beside");
}

#[test]
fn a_file_of_another_component_is_not_used() {
    let temporary = tempfile::tempdir().unwrap();
    let folder = temporary.path().join("cache");
    let host = cached(&folder);
    let quiet = component(&core(Parts::default()));
    let (echoing, silent) = (behaviour(&host, &echo()), behaviour(&host, &quiet));
    assert_ne!(echoing, silent);
    let found = files(&folder);
    let (a, b) = (fs::read(&found[0]).unwrap(), fs::read(&found[1]).unwrap());
    fs::write(&found[0], b).unwrap();
    fs::write(&found[1], a).unwrap();
    let host = cached(&folder);
    assert_eq!(behaviour(&host, &echo()), echoing);
    assert_eq!(behaviour(&host, &quiet), silent);
}

#[test]
fn a_folder_that_others_can_use_is_refused() {
    let temporary = tempfile::tempdir().unwrap();
    let open = temporary.path().join("open");
    fs::create_dir(&open).unwrap();
    fs::set_permissions(&open, fs::Permissions::from_mode(0o755)).unwrap();
    let host = cached(&open);
    assert!(host.cache_refused().is_some_and(|why| why.contains("others")));
    behaviour(&host, &echo());
    assert!(files(&open).is_empty());

    let file = temporary.path().join("file");
    fs::write(&file, "").unwrap();
    assert!(cached(&file).cache_refused().is_some());
    assert!(cached(&temporary.path().join("fine")).cache_refused().is_none());
}

#[test]
fn loading_twice_gives_the_same_actor() {
    let host = host();
    let (a, b) = (host.load(&echo()).unwrap(), host.load(&echo()).unwrap());
    assert_eq!(a.digest(), b.digest());
}

#[test]
fn the_facts_name_the_wasmtime_that_is_built_in() {
    let facts = host().facts("1.2.3");
    let lock =
        fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../../Cargo.lock")).unwrap();
    let entry = format!("name = \"wasmtime\"\nversion = \"{}\"", facts.wasmtime);
    assert!(lock.contains(&entry), "{entry}");
    assert_eq!(facts.engine, "1.2.3");
    assert!(facts.flags.is_sorted());
}
