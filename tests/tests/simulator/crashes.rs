//! Crashes and full disks, at every write point.

use std::collections::BTreeSet;

use theater_flow::driver::{DRAIN_MS, Ending, Event};
use theater_flow::sim::{End, Fate, How, Machine, Point, Schedule, What};
use theater_flow_kernel::record::{Body, Confirmed, Incarnation, Origin, SinkId, Status};

use super::check::{self, Result, records, whole};
use super::piece::{Piece, calm, rough};

/// A run without disturbance: its write points, and what it leaves.
fn reference(piece: &Piece, schedule: Schedule) -> (Vec<Point>, Result) {
    let machine = piece.machine();
    piece.finish(&machine, schedule);
    let in_part = |body: &Body| matches!(body, Body::Confirmed(part) if is_in_part(part));
    let parts = records(&machine).iter().any(|entry| in_part(&entry.body));
    assert!(parts || !schedule.rough, "the file is written in one piece");
    (machine.points(), whole(piece, &machine))
}

/// True of some of a file's bytes.
fn is_in_part(confirmed: &Confirmed) -> bool {
    confirmed.sink != SinkId::STDOUT && confirmed.upto > 0 && !confirmed.closed
}

/// All the ways to die at a point.
fn ways(point: &Point) -> Vec<How> {
    let size = point.size;
    let torn: BTreeSet<usize> = match point.what {
        What::Commit => (1..size).collect(),
        _ => [1, size / 2, size.saturating_sub(1)].into(),
    };
    let torn = torn.into_iter().filter(|kept| (1..size).contains(kept));
    [How::Before, How::After].into_iter().chain(torn.map(How::Torn)).collect()
}

/// One in so many is tried, or all in the full setting.
fn every(nth: usize) -> usize {
    if theater_flow_tests::is_full() { 1 } else { nth }
}

fn fates(points: &[Point], power: bool) -> Vec<Fate> {
    let all = points.iter().enumerate();
    all.flat_map(|(point, what)| ways(what).into_iter().map(move |how| Fate { point, how, power }))
        .collect()
}

/// The run goes on after a death, and ends as if nothing had been.
#[track_caller]
fn resumes(piece: &Piece, machine: &Machine, seed: u64, expected: &Result) {
    let died = machine.points().last().cloned();
    piece.finish(machine, calm(seed));
    assert_eq!(whole(piece, machine), *expected, "after {died:?}");
}

/// Crashes at every write point in every way, or at one in `nth`, and resumes. How many there were.
fn crash_everywhere(piece: &Piece, schedule: Schedule, (power, nth): (bool, usize)) -> usize {
    let (points, expected) = reference(piece, schedule);
    let fates: Vec<Fate> = fates(&points, power).into_iter().step_by(nth).collect();
    for fate in &fates {
        let (machine, end) = piece.doomed(schedule, *fate);
        assert!(matches!(end, Some(End::Died)), "{fate:?} of {:?}: {end:?}", points[fate.point]);
        resumes(piece, &machine, schedule.seed ^ 1, &expected);
    }
    fates.len()
}

#[test]
fn a_crash_at_every_write_point_changes_nothing() {
    let piece = Piece::plain(60);
    let (_, expected) = reference(&piece, calm(1));
    let lines = expected.found.split_inclusive(|byte| *byte == b'\n').count();
    assert_eq!((lines, expected.status), (piece.findings(), Status::Completed));
    assert_eq!(expected.printed.values().collect::<Vec<_>>(), [&expected.found]);
    let seeds = if theater_flow_tests::is_full() { 20 } else { 1 };
    let crashes: usize =
        (0..seeds).map(|seed| crash_everywhere(&piece, calm(seed), (false, 1))).sum();
    println!("crash points {crashes}/{crashes}");
    let cuts: usize = (0..seeds).map(|seed| crash_everywhere(&piece, rough(seed), (true, 1))).sum();
    println!("crash points {cuts}/{cuts} with the power");
}

#[test]
fn so_it_is_with_actors_that_crash_and_fault() {
    for piece in [Piece::trapping(), Piece::retrying()] {
        let (_, expected) = reference(&piece, calm(5));
        assert_eq!(expected.status, Status::Degraded);
        let crashes = crash_everywhere(&piece, rough(5), (true, every(6)));
        println!("crash points {crashes}/{crashes}");
    }
}

#[test]
fn a_crash_while_it_resumes_changes_nothing() {
    let piece = Piece::plain(60);
    let (points, expected) = reference(&piece, calm(3));
    let mut second = 0;
    for fate in fates(&points, true).into_iter().step_by(every(8)) {
        for (later, how) in [(0, How::After), (1, How::Before), (3, How::Torn(1)), (5, How::After)]
        {
            let (machine, _) = piece.doomed(calm(3), fate);
            let point = machine.points().len() + later;
            machine.doom(Fate { point, how, power: later % 2 == 0 });
            second += usize::from(matches!(piece.live(&machine, calm(4)), Some(End::Died)));
            resumes(&piece, &machine, 5, &expected);
        }
    }
    assert!(second > 50, "{second}");
    println!("second crashes {second}");
}

#[test]
fn a_full_disk_ends_the_process_and_nothing_else() {
    let piece = Piece::plain(60);
    let (points, expected) = reference(&piece, calm(7));
    let mut full = 0;
    for (point, _) in points.iter().enumerate().filter(|(_, point)| point.what == What::Commit) {
        let (machine, end) = piece.doomed(calm(7), Fate { point, how: How::Full, power: false });
        assert!(matches!(end, Some(End::Ended(Ending::StoreFailed(_)))), "{point}: {end:?}");
        resumes(&piece, &machine, 8, &expected);
        full += 1;
    }
    println!("full at commits {full}/{full}");
}

/// The agent whose bytes cannot be written crashes, and its next life writes them.
#[test]
fn a_full_disk_under_a_file_costs_a_life() {
    let piece = Piece::plain(60);
    let (points, expected) = reference(&piece, calm(7));
    for (point, what) in points.iter().enumerate().filter(|(_, point)| point.what != What::Commit) {
        let (machine, end) = piece.doomed(calm(7), Fate { point, how: How::Full, power: false });
        let completed = matches!(end, Some(End::Ended(Ending::Finished(Status::Completed))));
        assert!(completed, "{what:?}: {end:?}");
        assert_eq!(whole(&piece, &machine), expected, "{what:?}");
        let crashed = |body: &Body| matches!(body, Body::Crashed(_));
        // What was printed before is confirmed then, and the rest simply comes later.
        let spared = what.what == What::Print;
        assert!(spared || records(&machine).iter().any(|entry| crashed(&entry.body)), "{what:?}");
    }
}

#[test]
fn a_stop_midway_is_gone_on_with() {
    let piece = Piece::plain(1_200);
    let (_, expected) = reference(&piece, calm(9));
    let mut stopped = 0;
    for steps in (0..48).step_by(3) {
        let machine = piece.machine();
        let mut process = piece.process(&machine, calm(steps)).expect("it is not over");
        let early = (0..steps).find_map(|_| process.step());
        assert!(early.is_none(), "{early:?}");
        let (by, within_ms) = (String::from("test"), DRAIN_MS);
        process.tell(Event::Stop { by, within_ms });
        let end = process.run();
        let suspended = matches!(end, End::Ended(Ending::Suspended));
        assert!(suspended || matches!(end, End::Ended(Ending::Finished(_))), "{end:?}");
        stopped += usize::from(suspended);
        let checkpoint = check::journal(&machine).checkpoint(u64::MAX).expect("a log");
        assert_eq!(checkpoint.is_some(), suspended);
        resumes(&piece, &machine, 10, &expected);
    }
    println!("stopped midway {stopped}");
    assert!(stopped > 8, "{stopped}");
}

/// Snapshots and checkpoints come by themselves when a log grows, and a run is taken up from them.
#[test]
fn a_long_log_is_taken_up_from_its_checkpoint() {
    let piece = Piece::producing(1_200);
    let (points, expected) = reference(&piece, calm(2));
    assert_eq!(expected.status, Status::Completed);
    let lines = expected.found.split_inclusive(|byte| *byte == b'\n').count();
    assert_eq!(lines, 1_200);
    let fates = fates(&points, true);
    let (mut crashes, mut from_checkpoint, mut from_snapshot) = (0, 0, 0);
    for fate in fates.iter().rev().step_by(every(fates.len() / 6)) {
        let (machine, _) = piece.doomed(calm(2), *fate);
        let open = !machine.log().tree().is_empty();
        let checkpoint =
            open && check::journal(&machine).checkpoint(u64::MAX).is_ok_and(|c| c.is_some());
        from_checkpoint += usize::from(checkpoint);
        resumes(&piece, &machine, 3, &expected);
        let snapshot = |body: &Body| {
            matches!(
                body,
                Body::Incarnation(Incarnation {
                    from: Origin::Checkpoint { snapshot: Some(_), .. },
                    ..
                })
            )
        };
        from_snapshot += usize::from(records(&machine).iter().any(|entry| snapshot(&entry.body)));
        crashes += 1;
    }
    println!(
        "crash points {crashes}, {from_checkpoint} after a checkpoint, {from_snapshot} after a snapshot"
    );
    assert!(from_checkpoint > 0 && from_snapshot > 0);
}
