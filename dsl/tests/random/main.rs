//! Pipelines made from a seed: what compiles is sound, and its text can be laid out and expanded.

#[path = "../broken/mod.rs"]
mod broken;
mod broken_graphs;
#[path = "../comments/mod.rs"]
mod comments;
#[path = "../../../engine/kernel/tests/made/dice.rs"]
mod dice;
#[path = "../meaning/mod.rs"]
mod meaning;
mod pictures;
mod pipelines;
mod soundness;
mod text;
#[path = "../../../engine/kernel/tests/made/value.rs"]
mod value;
#[path = "../world/mod.rs"]
mod world;

/// How many times as much in the full setting, with `THEATER_FLOW_FULL=1`.
#[expect(clippy::disallowed_methods, reason = "a setting of the tests")]
fn times() -> u64 {
    let full = std::env::var_os("THEATER_FLOW_FULL").is_some_and(|value| value == "1");
    if full { 50 } else { 1 }
}
