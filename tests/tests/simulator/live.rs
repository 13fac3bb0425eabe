//! Somebody sends messages to a run, lets it stand still and go on, at any moment, and its process dies at any write
//! point: what was said to be received is handled once, and so is all else.

use std::collections::BTreeSet;
use std::sync::mpsc::{Receiver, sync_channel};

use theater_flow::driver::{Event, Held, Pausing, Sending};
use theater_flow::send::Unsent;
use theater_flow::sim::{Dice, End, Fate, How, Machine, Schedule};
use theater_flow::workers::Troupe;
use theater_flow_kernel::record::{Body, Entry, Person, Status};
use theater_flow_kernel::state::Phase;

use super::check::{records, whole};
use super::piece::{FOUND, Piece, calm, rough};

/// Lines of the input. What is sent has other numbers.
const LINES: usize = 40;
/// The number of the first line that is sent.
const FIRST: u64 = 1_000;

fn person() -> Person {
    Person { uid: 7, name: None }
}

/// Somebody who sends, pauses and lets go on, and what came of it.
struct Somebody {
    dice: Dice,
    sent: u64,
    asked: Vec<(u64, Receiver<Result<u64, Unsent>>)>,
    held: Vec<(bool, Receiver<Held>)>,
    /// Lines that were said to be received, with their records.
    received: BTreeSet<(u64, u64)>,
    pauses: usize,
}

impl Somebody {
    fn new(seed: u64) -> Self {
        let (asked, held, received) = (vec![], vec![], BTreeSet::new());
        Self { dice: Dice::new(seed), sent: 0, asked, held, received, pauses: 0 }
    }

    /// Does something, or nothing.
    fn act(&mut self, paused: bool) -> Option<Event> {
        match self.dice.below(if paused { 8 } else { 16 }) {
            0 | 1 => {
                let (line, by) = (FIRST + self.sent, person());
                self.sent += 1;
                let (reply, told) = sync_channel(1);
                self.asked.push((line, told));
                let value =
                    format!("{{\"path\":\"sent\",\"line\":{line},\"text\":\"// TODO {line}\"}}");
                Some(Event::Send(Sending { to: String::from("notes.in"), value, by, reply }))
            }
            2 => Some(self.hold(!paused)),
            _ => None,
        }
    }

    fn hold(&mut self, still: bool) -> Event {
        let (reply, told) = sync_channel(1);
        self.held.push((still, told));
        Event::Pause(Pausing { still, by: person(), reply })
    }

    /// What has been said by now. An end of the process says nothing.
    fn hear(&mut self) {
        self.asked.retain(|(line, told)| match told.try_recv() {
            Ok(Ok(seq)) => {
                self.received.insert((*line, seq));
                false
            }
            Ok(Err(why)) => {
                assert!(!why.is_wrong(), "{why}");
                false
            }
            Err(_) => true,
        });
        self.held.retain(|(still, told)| match told.try_recv() {
            Ok(held) => {
                self.pauses += usize::from(*still && matches!(held, Held::Recorded(_)));
                false
            }
            Err(_) => true,
        });
    }
}

/// One life of a process, disturbed. True if it died.
fn live<T: Troupe>(
    process: &mut theater_flow::sim::Process<T>,
    somebody: &mut Somebody,
) -> Option<bool> {
    for _ in 0..20_000 {
        let paused = process.state().kept.paused;
        if let Some(event) = somebody.act(paused) {
            process.tell(event);
        }
        let end = process.step();
        somebody.hear();
        match end {
            None => {}
            Some(End::Died) => return Some(true),
            Some(End::Ended(_)) => return Some(false),
            // Nothing happens in a run that stands still, unless somebody does something.
            Some(End::Stuck(_)) if process.state().kept.paused => {}
            Some(End::Stuck(how)) => panic!("{how}"),
        }
    }
    None
}

/// A run from its first process to its end. The processes that it took.
fn drive(piece: &Piece, machine: &Machine, (schedule, somebody): (Schedule, &mut Somebody)) -> u32 {
    let mut processes = 0;
    while let Some(mut process) = piece.process(machine, schedule) {
        processes += 1;
        let died = live(&mut process, somebody).expect("an end");
        if !died {
            break;
        }
        somebody.asked.clear();
        somebody.held.clear();
    }
    processes
}

/// The lines of all that was durably received.
fn taken_in(records: &[Entry]) -> Vec<u64> {
    let received = records.iter().filter(|entry| matches!(entry.body, Body::Received(_)));
    let line = |entry: &Entry| {
        let value: serde_json::Value = serde_json::from_slice(&entry.payloads[0]).expect("JSON");
        value["line"].as_u64().expect("a line")
    };
    received.map(line).collect()
}

/// What must be so in the end.
fn is_whole(piece: &Piece, machine: &Machine, somebody: &Somebody) {
    let left = whole(piece, machine);
    assert_eq!(left.status, Status::Completed);
    let records = records(machine);
    let taken_in = taken_in(&records);
    for (line, seq) in &somebody.received {
        let record = records.iter().find(|entry| entry.seq == *seq).expect("it is there");
        assert!(matches!(record.body, Body::Received(_)), "{line}: {record:?}");
        assert!(taken_in.contains(line), "{line} was said to be received");
    }
    let found = String::from_utf8(machine.file(FOUND).expect("the findings")).expect("text");
    let line = |text: &str| {
        let value: serde_json::Value = serde_json::from_str(text).expect("JSON");
        value["line"].as_u64().expect("a line")
    };
    let (sent, own): (Vec<u64>, Vec<u64>) =
        found.lines().map(line).partition(|line| *line >= FIRST);
    assert_eq!(sent, taken_in, "each once, in the order in which they came");
    assert!(own.is_sorted());
    assert_eq!(own.len(), piece.findings());
}

#[test]
fn sends_and_pauses_at_any_moment_lose_and_repeat_nothing() {
    let piece = Piece::plain(LINES);
    let (mut received, mut pauses) = (0, 0);
    for seed in 0..60 {
        let machine = piece.machine();
        let mut somebody = Somebody::new(seed);
        let schedule = if seed % 2 == 0 { calm(seed) } else { rough(seed) };
        assert_eq!(drive(&piece, &machine, (schedule, &mut somebody)), 1);
        is_whole(&piece, &machine, &somebody);
        received += somebody.received.len();
        pauses += somebody.pauses;
    }
    println!("{received} messages, {pauses} pauses");
    assert!(received > 200 && pauses > 100, "{received} messages, {pauses} pauses");
}

#[test]
fn so_it_is_when_the_process_dies_at_any_write_point() {
    let piece = Piece::plain(LINES);
    let (mut crashes, mut received, mut paused) = (0, 0, 0);
    for seed in 0..4 {
        let machine = piece.machine();
        drive(&piece, &machine, (rough(seed), &mut Somebody::new(seed)));
        let points = machine.points().len();
        for point in (0..points).step_by(if theater_flow_tests::is_full() { 1 } else { 7 }) {
            for (how, power) in [(How::Before, false), (How::After, true), (How::Torn(1), true)] {
                let machine = piece.machine();
                machine.doom(Fate { point, how, power });
                let mut somebody = Somebody::new(seed);
                let processes = drive(&piece, &machine, (rough(seed), &mut somebody));
                crashes += usize::from(processes > 1);
                is_whole(&piece, &machine, &somebody);
                received += somebody.received.len();
                let taken_up = records(&machine);
                let still = |entry: &&Entry| match &entry.body {
                    Body::Continued(body) => body.by.is_none(),
                    _ => false,
                };
                paused += taken_up.iter().filter(still).count();
            }
        }
    }
    println!("{crashes} crashes, {paused} of a run that stood still, {received} messages");
    assert!(crashes > 50 && paused > 5 && received > 200, "{crashes} {paused} {received}");
}

/// Nothing is written by a run that stands still once what was in hand is done, and a stop lets it go at once.
#[test]
fn a_run_that_stands_still_can_be_stopped() {
    let piece = Piece::plain(LINES);
    for steps in (0..60).step_by(4) {
        let machine = piece.machine();
        let mut process = piece.process(&machine, calm(steps)).expect("it is not over");
        if (0..steps).any(|_| process.step().is_some()) {
            continue;
        }
        let mut somebody = Somebody::new(steps);
        process.tell(somebody.hold(true));
        let (by, within_ms) = (String::from("test"), 60_000);
        process.tell(Event::Stop { by, within_ms });
        let stands_still = process.state().kept.paused;
        let (before, end) = (machine.now(), process.run());
        assert!(matches!(end, End::Ended(_)), "{end:?}");
        if stands_still {
            assert!(machine.now() - before < 1_000, "its mailboxes are not waited for");
            let last = records(&machine).pop().expect("a record");
            assert!(matches!(last.body, Body::Suspended(_)), "{last:?}");
        }
        let mut process = piece.process(&machine, calm(steps)).expect("it is not over");
        assert!(process.step().is_none());
        let kept = &process.state().kept;
        assert!(!kept.paused && kept.phase == Phase::Running);
        while process.step().is_none() {}
        assert_eq!(whole(&piece, &machine).status, Status::Completed);
    }
}
