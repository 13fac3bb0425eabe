//! Supervision against OTP's: a model written from OTP's documents lives through what the kernel lives through,
//! and the cases of OTP's own suite.

mod cases;
mod cut;
#[path = "../made/dice.rs"]
mod dice;
mod duel;
mod kernel;
mod letters;
mod model;
mod random;
mod rules;
mod said;
mod show;
mod shrink;
mod tree;

use std::panic::AssertUnwindSafe;

use dice::Dice;
use duel::{Duel, Verdict};
use random::{Trial, trial};

/// At how many records of each log its process ends.
const CUTS: usize = 2;

/// True in the full setting, with `THEATER_FLOW_FULL=1`.
fn is_full() -> bool {
    std::env::var_os("THEATER_FLOW_FULL").is_some_and(|value| !value.is_empty() && value != "0")
}

/// Lives through a trial, and then takes up its log after these records.
fn fight(trial: &Trial, cuts: &dyn Fn(usize) -> Vec<(usize, u64)>) -> Result<Verdict, String> {
    let fought = std::panic::catch_unwind(AssertUnwindSafe(|| {
        let (verdict, duel) = Duel::fight(&trial.tree, &trial.schedule)?;
        let (plan, entries) = (&duel.kernel.plan, &duel.kernel.entries);
        rules::check(plan, entries)?;
        if verdict == Verdict::Whole {
            letters::check(plan, entries)?;
        }
        cut::replays(&duel.kernel)?;
        for (at, seed) in cuts(entries.len()) {
            cut::goes_on(plan, &entries[..at], seed)
                .map_err(|error| format!("{TAKEN_UP} after {at} records: {error}"))?;
        }
        Ok(verdict)
    }));
    fought.unwrap_or_else(|_| Err(String::from("it panicked")))
}

/// How an error begins that shows only when a process takes up what another one left.
const TAKEN_UP: &str = "taken up";

/// Some of the places at which a log of so many records can be cut.
fn some_cuts(records: usize) -> Vec<(usize, u64)> {
    let mut dice = Dice(records as u64);
    (0..CUTS).map(|_| (1 + dice.below(records), dice.roll())).collect()
}

/// All places at which a log of so many records can be cut, in a few ways each.
fn all_cuts(records: usize) -> Vec<(usize, u64)> {
    (1..=records).flat_map(|at| (0..4).map(move |seed| (at, seed))).collect()
}

/// The failure of a trial, and of the smallest one that fails in the same way.
fn explain(seed: u64, error: &str) -> String {
    let later = error.starts_with(TAKEN_UP);
    let cuts = |records| if later { all_cuts(records) } else { Vec::new() };
    let same = |trial: &Trial| {
        let failed = fight(trial, &cuts).err();
        failed.filter(|failed| failed.starts_with(TAKEN_UP) == later)
    };
    let small = shrink::shrink(trial(seed), &|trial| same(trial).is_some());
    let again = same(&small).unwrap_or_default();
    format!("seed {seed}: {error}\n\nsmallest:\n{small}\n{again}")
}

#[test]
fn the_kernel_does_what_the_model_does() {
    let trials = if is_full() { 100_000 } else { 2_000 };
    let mut tied = 0;
    for seed in 0..trials {
        match fight(&trial(seed), &some_cuts) {
            Ok(Verdict::Whole) => {}
            Ok(Verdict::Tied) => tied += 1,
            Err(error) => panic!("{}", explain(seed, &error)),
        }
    }
    assert!(tied * 20 < trials, "{tied} of {trials} trials ended early");
}

#[test]
fn a_run_goes_on_from_every_record() {
    for seed in 0..if is_full() { 500 } else { 20 } {
        let every = |records| (1..=records).map(|at| (at, at as u64)).collect();
        if let Err(error) = fight(&trial(seed), &every) {
            panic!("{}", explain(seed, &error));
        }
    }
}
