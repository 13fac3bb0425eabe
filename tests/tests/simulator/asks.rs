//! Crashes at every write point of a pipeline that makes requests: the log says of each what became of it.

use std::collections::BTreeMap;
use std::sync::mpsc::sync_channel;

use theater_flow::driver::{Decision, Ending, Event};
use theater_flow::sim::{End, Fate, How, Machine, Schedule, What};
use theater_flow_kernel::record::{Body, Known, Person, Status};

use super::check::{Result, records, whole};
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

/// How many answers were written down, and how many refusals were printed.
fn lines(result: &Result) -> (usize, usize) {
    let lines = |text: &[u8]| text.split_inclusive(|byte| *byte == b'\n').count();
    (lines(&result.found), result.printed.values().map(|text| lines(text)).sum())
}

/// Crashes before and after every write point, and says how many were as they have to be.
fn everywhere(name: &str, piece: &Piece, check: impl Fn(&Machine, bool)) {
    let machine = piece.machine();
    assert_eq!(piece.finish(&machine, calm(1)), Some(Status::Completed));
    let points = machine.points();
    assert_eq!((made(&machine).len(), machine.asks().len()), (6, 6));
    let asks = points.iter().filter(|point| matches!(point.what, What::Ask(_))).count();
    let (mut tried, mut passed) = (0, 0);
    for (point, what) in points.iter().enumerate() {
        for (how, power) in [(How::Before, false), (How::After, true)] {
            tried += 1;
            let (machine, end) = piece.doomed(calm(1), Fate { point, how, power });
            assert!(matches!(end, Some(End::Died)), "{what:?}: {end:?}");
            check(&machine, matches!(what.what, What::Ask(_)));
            passed += 1;
        }
    }
    println!("crash points {passed}/{tried} of http, {name}, of which {asks} are requests");
    assert_eq!(passed, 2 * points.len());
}

#[test]
fn what_may_be_repeated_is_lost_nowhere() {
    let piece = Piece::asking("retry");
    let machine = piece.machine();
    piece.finish(&machine, calm(1));
    let expected = whole(&piece, &machine);
    everywhere("retry", &piece, |machine, _| {
        piece.finish(machine, rough(2));
        assert_eq!(whole(&piece, machine), expected);
        let made = made(machine);
        assert_eq!(made.len(), 6);
        assert!(made.values().sum::<usize>() <= 7, "one crash, one more request: {made:?}");
    });
}

#[test]
fn what_may_not_be_repeated_is_made_once_at_most() {
    let piece = Piece::asking("fail");
    everywhere("fail", &piece, |machine, at_ask| {
        piece.finish(machine, rough(2));
        let result = whole(&piece, machine);
        let (made, unknown) = (made(machine), unknown(machine));
        assert!(made.values().all(|times| *times == 1), "{made:?}");
        assert_eq!(lines(&result), (6 - unknown, unknown));
        assert!(!at_ask || unknown == 1, "nobody knows what became of it");
    });
}

/// Goes on to the end: a life that has nothing else to do ends and waits, and before the next one somebody decides.
/// How often that was.
fn decided(piece: &Piece, machine: &Machine, (schedule, repeat): (Schedule, bool)) -> usize {
    let (mut waited, mut decisions) = (false, 0);
    for _ in 0..10 {
        let Some(mut process) = piece.process(machine, schedule) else { return decisions };
        if waited {
            let held: Vec<u64> =
                process.state().held().map(|(_, asking)| asking.intent.seq).collect();
            for intent in held {
                let (reply, told) = sync_channel(1);
                let by = Person { uid: 7, name: None };
                process.tell(Event::Decided(Decision { intent, repeat, by, reply }));
                assert!(told.try_recv().is_err(), "nobody is told before it is durable");
                decisions += 1;
            }
        }
        match process.run() {
            End::Ended(Ending::Finished(_)) => return decisions,
            End::Ended(Ending::Waiting) => waited = true,
            other => panic!("{other:?}"),
        }
    }
    panic!("not finished in ten lives");
}

#[test]
fn what_somebody_has_to_decide_about_is_made_as_they_say() {
    for repeat in [true, false] {
        let piece = Piece::asking("ask");
        everywhere("ask", &piece, |machine, at_ask| {
            let decisions = decided(&piece, machine, (rough(2), repeat));
            let (result, unknown) = (whole(&piece, machine), unknown(machine));
            let made = made(machine);
            let more = if repeat { decisions } else { 0 };
            assert!(made.values().sum::<usize>() <= 6 + more, "{decisions}: {made:?}");
            assert!(made.values().all(|times| *times <= 1 + more), "{decisions}: {made:?}");
            assert_eq!(unknown, if repeat { 0 } else { decisions });
            assert_eq!(lines(&result), (6 - unknown, unknown));
            assert!(!at_ask || decisions == 1, "nobody knows what became of it");
        });
    }
}
