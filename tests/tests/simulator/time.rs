//! Virtual time: it passes only when nothing else can happen, and exactly as far as it must.

use theater_flow_kernel::record::{Body, Consumed, Entry};

use super::check::{records, whole};
use super::piece::{Piece, calm};

fn times(entries: &[Entry], of: impl Fn(&Body) -> bool) -> Vec<u64> {
    entries.iter().filter(|entry| of(&entry.body)).map(|entry| entry.at).collect()
}

#[test]
fn retries_wait_exactly_as_long_as_they_must() {
    let piece = Piece::retrying();
    let machine = piece.machine();
    piece.finish(&machine, calm(1));
    whole(&piece, &machine);
    let entries = records(&machine);
    let faults = times(&entries, |body| matches!(body, Body::Faulted(_)));
    let waits: Vec<u64> = faults.windows(2).map(|pair| pair[1] - pair[0]).collect();
    assert_eq!(waits, [100, 200, 400]);
    let letters = times(&entries, |body| matches!(body, Body::DeadLettered(_)));
    assert_eq!(letters, faults[3..]);
}

#[test]
fn restarts_take_no_time_and_timers_theirs() {
    let piece = Piece::waiting();
    let machine = piece.machine();
    let begun = machine.now();
    piece.finish(&machine, calm(1));
    whole(&piece, &machine);
    let entries = records(&machine);
    let crashes = times(&entries, |body| matches!(body, Body::Crashed(_)));
    assert_eq!(crashes, [0, 100, 200].map(|wait| begun + wait));
    let restarts = times(&entries, |body| matches!(body, Body::Restarted(_)));
    assert_eq!(restarts, crashes);
    let timers = times(
        &entries,
        |body| matches!(body, Body::Transaction(body) if matches!(body.consumed, Consumed::Timer { .. })),
    );
    assert_eq!(timers, [begun + 5_000]);
    assert_eq!(machine.now(), begun + 5_000);
}
