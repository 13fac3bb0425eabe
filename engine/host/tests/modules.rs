//! Core modules as actors: what components are made of, and what is not.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use std::borrow::Cow;

use support::{ECHO, Parts, component, core, host, migrate, module};
use theater_flow_host::{CONTRACT, LoadError, component_of};
use theater_flow_kernel::ids::Digest;
use theater_flow_kernel::limits;

fn echo() -> String {
    core(Parts { handle: ECHO, ..Parts::default() })
}

#[test]
fn a_module_that_describes_its_world_is_made_a_component() {
    let module = module(&echo());
    let made = component_of(&module).unwrap();
    assert_eq!(made, component(&echo()), "as other tools make it");
    assert_eq!(made, component_of(&module).unwrap(), "always the same");
    let host = host();
    let actor = host.load(&made).unwrap();
    assert_eq!(actor.digest(), Digest::of(&made));
    assert_eq!(host.about(&actor).unwrap().doc, "out");
    assert_eq!(host.load(&module).unwrap_err(), LoadError::CoreModule, "only what was made loads");
}

#[test]
fn what_a_module_exports_says_whether_it_can_migrate() {
    let migrate = migrate("");
    let migrating = core(Parts { more: &migrate, ..Parts::default() });
    let made = component_of(&module(&migrating)).unwrap().into_owned();
    assert_eq!(made, component(&migrating), "as other tools make it");
    let host = host();
    assert!(host.load(&made).unwrap().migrates());
    assert!(!host.load(&component(&echo())).unwrap().migrates());
    let wrong = migrating.replace("(param $saved i32) ", "");
    let unmade =
        component_of(&renamed(&module(&wrong.replace("#migrate", "#migrat_")))).unwrap_err();
    assert!(matches!(unmade, LoadError::Unmade(_)), "{unmade}");
}

/// A module whose `migrat_` is `migrate`: one whose type is wrong cannot be described by the tool.
fn renamed(module: &[u8]) -> Vec<u8> {
    let at = module.windows(8).position(|bytes| bytes == b"#migrat_").unwrap();
    let mut module = module.to_vec();
    module[at + 7] = b'e';
    module
}

#[test]
fn the_contract_is_all_of_it() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../wit");
    let mut there: Vec<String> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    there.sort();
    let named: Vec<&str> = CONTRACT.iter().map(|(name, _)| *name).collect();
    assert_eq!(there, named);
}

#[test]
fn a_component_is_left_as_it_is() {
    let component = component(&echo());
    assert!(matches!(component_of(&component).unwrap(), Cow::Borrowed(same) if same == component));
}

#[test]
fn other_files_say_what_is_wrong_with_them() {
    let custom = r#"(module (@custom "component-type:x" "no world at all"))"#;
    let other = r#"(module (import "theater:flow/files@0.2.0" "read" (func)) (@custom "component-type" ""))"#;
    let cases: Vec<(Vec<u8>, &str)> = vec![
        (Vec::new(), "does not begin with"),
        (b"#!/bin/sh\n".to_vec(), "does not begin with"),
        (wat::parse_str("(module)").unwrap(), "`component-type` section"),
        (wat::parse_str(echo()).unwrap(), "`component-type` section"),
        (wat::parse_str(custom).unwrap(), "theater:flow/actor@0.1.0"),
        (wat::parse_str(other).unwrap(), "theater:flow/files@0.2.0"),
        // A function that leaves nothing where it says it leaves something.
        (
            b"\0asm\x01\0\0\0\x01\x05\x01`\0\x01\x7f\x03\x02\x01\0\n\x04\x01\x02\0\x0b".to_vec(),
            "not valid",
        ),
        (b"\0asm\x01\0\0\0\x01\x05\x01`".to_vec(), "cut off"),
        (module("(module)"), "can be made of this core"),
    ];
    for (file, why) in cases {
        let error = component_of(&file).unwrap_err().to_string();
        assert!(error.contains(why), "{why}: {error}");
    }
    let long = vec![0; usize::try_from(limits::COMPONENT_BYTES).unwrap() + 1];
    assert!(matches!(component_of(&long).unwrap_err(), LoadError::TooLarge(_)));
}

#[test]
fn a_module_cut_anywhere_is_an_error() {
    let whole = module(&echo());
    for length in 0..whole.len() {
        if let Ok(made) = component_of(&whole[..length]) {
            panic!("{length} of {} bytes made {} bytes", whole.len(), made.len());
        }
    }
}

/// A linear congruential generator: the same damage in every run.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, below: usize) -> usize {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % below
    }
}

#[test]
fn a_damaged_module_is_an_error_or_a_component() {
    let host = host();
    let whole = module(&echo());
    let mut dice = Dice(1);
    let rounds = if std::env::var_os("THEATER_FLOW_FULL").is_some() { 100_000 } else { 2_000 };
    for _ in 0..rounds {
        let mut damaged = whole.clone();
        for _ in 0..=dice.roll(3) {
            let at = 8 + dice.roll(whole.len() - 8);
            damaged[at] = u8::try_from(dice.roll(256)).unwrap();
        }
        if dice.roll(4) == 0 {
            let from = 8 + dice.roll(whole.len() - 8);
            let until = from + dice.roll(whole.len() - from);
            damaged.drain(from..until);
        }
        if let Ok(made) = component_of(&damaged)
            && made != component(&echo())
            && dice.roll(20) == 0
        {
            let _either = host.load(&made);
        }
    }
}
