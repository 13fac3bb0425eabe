//! Crashes before and after every write point of pipelines of several kinds, and within it in the full setting, with the
//! power and without: nothing is lost, nothing is repeated. What makes requests is tested beside.

use theater_flow::sim::{End, Fate, How, Point, What};
use theater_flow_kernel::record::{Body, Status};

use super::check::{records, whole};
use super::piece::{Piece, calm, rough};

/// The ways to die at a point.
fn ways(point: &Point) -> Vec<How> {
    let mut ways = vec![How::Before, How::After];
    if theater_flow_tests::is_full() {
        let torn = match point.what {
            What::Commit => (1..point.size).collect(),
            _ => vec![point.size / 2],
        };
        ways.extend(torn.into_iter().filter(|kept| *kept > 0).map(How::Torn));
    }
    ways
}

/// Crashes everywhere. How many lives' records say that an agent was restarted, in the undisturbed run.
fn everywhere(name: &str, piece: &Piece, status: Status) -> usize {
    let machine = piece.machine();
    assert_eq!(piece.finish(&machine, rough(1)), Some(status));
    let (points, expected) = (machine.points(), whole(piece, &machine));
    let restarts = |body: &Body| matches!(body, Body::Restarted(_));
    let restarts = records(&machine).iter().filter(|entry| restarts(&entry.body)).count();
    let (mut tried, mut passed) = (0, 0);
    for (point, what) in points.iter().enumerate() {
        for (nth, how) in ways(what).into_iter().enumerate() {
            tried += 1;
            let fate = Fate { point, how, power: nth % 2 == 0 };
            let (machine, end) = piece.doomed(rough(1), fate);
            assert!(matches!(end, Some(End::Died)), "{fate:?} of {what:?}: {end:?}");
            piece.finish(&machine, calm(2));
            assert_eq!(whole(piece, &machine), expected, "after {fate:?} of {what:?}");
            passed += 1;
        }
    }
    println!("crash points {passed}/{tried} of {name}, at {} write points", points.len());
    assert_eq!(passed, points.iter().map(|point| ways(point).len()).sum::<usize>());
    restarts
}

#[test]
fn a_file_is_written_as_if_nobody_had_died() {
    everywhere("file", &Piece::plain(24), Status::Completed);
}

#[test]
fn what_goes_round_a_cycle_is_neither_lost_nor_taken_twice() {
    everywhere("feedback", &Piece::cycling(6), Status::Completed);
}

#[test]
fn restarts_are_neither_lost_nor_made_twice() {
    let restarts = everywhere("restarts", &Piece::restarting(18), Status::Degraded);
    assert_eq!(restarts, 6);
}
