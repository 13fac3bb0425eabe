//! Crashes at every write point of a pipeline that makes requests: the log says of each what became of it.

use std::collections::BTreeMap;

use theater_flow::sim::{End, Fate, How, Machine, What};
use theater_flow_kernel::record::{Body, Known, Status};

use super::check::{records, whole};
use super::piece::{Piece, calm, rough};

/// How often each request was made.
fn made(machine: &Machine) -> BTreeMap<String, usize> {
    let mut made = BTreeMap::new();
    for key in machine.asks() {
        *made.entry(key).or_default() += 1;
    }
    made
}

fn unknown(machine: &Machine) -> usize {
    let is = |body: &Body| matches!(body, Body::Outcome(body) if body.how == Known::Unknown);
    records(machine).iter().filter(|entry| is(&entry.body)).count()
}

/// Crashes before and after every write point. How many there were, and how many were requests.
fn everywhere(on_unknown: &str, check: impl Fn(&Machine, bool)) -> (usize, usize) {
    let piece = Piece::asking(on_unknown);
    let machine = piece.machine();
    assert_eq!(piece.finish(&machine, calm(1)), Some(Status::Completed));
    let points = machine.points();
    assert_eq!((made(&machine).len(), machine.asks().len()), (6, 6));
    let asks = points.iter().filter(|point| matches!(point.what, What::Ask(_))).count();
    for (point, what) in points.iter().enumerate() {
        for (how, power) in [(How::Before, false), (How::After, true)] {
            let (machine, end) = piece.doomed(calm(1), Fate { point, how, power });
            assert!(matches!(end, Some(End::Died)), "{what:?}: {end:?}");
            piece.finish(&machine, rough(2));
            check(&machine, matches!(what.what, What::Ask(_)));
        }
    }
    (2 * points.len(), asks)
}

#[test]
fn what_may_be_repeated_is_lost_nowhere() {
    let piece = Piece::asking("retry");
    let machine = piece.machine();
    piece.finish(&machine, calm(1));
    let expected = whole(&piece, &machine);
    let (crashes, asks) = everywhere("retry", |machine, _| {
        assert_eq!(whole(&piece, machine), expected);
        let made = made(machine);
        assert_eq!(made.len(), 6);
        assert!(made.values().sum::<usize>() <= 7, "one crash, one more request: {made:?}");
    });
    println!("crash points {crashes}/{crashes} of which {asks} are requests");
}

#[test]
fn what_may_not_be_repeated_is_made_once_at_most() {
    let piece = Piece::asking("fail");
    let (crashes, asks) = everywhere("fail", |machine, at_ask| {
        let result = whole(&piece, machine);
        let (made, unknown) = (made(machine), unknown(machine));
        assert!(made.values().all(|times| *times == 1), "{made:?}");
        let lines = |text: &[u8]| text.split_inclusive(|byte| *byte == b'\n').count();
        let found = lines(&result.found);
        let refused: usize = result.printed.values().map(|text| lines(text)).sum();
        assert_eq!((found + refused, refused), (6, unknown));
        assert!(!at_ask || unknown == 1, "nobody knows what became of it");
    });
    println!("crash points {crashes}/{crashes} of which {asks} are requests");
}
