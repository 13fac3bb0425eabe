//! Pipelines that a seed makes: each comes to its end, whatever befalls it; its log is whole, and replays.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use theater_flow::sim::{Dice, Machine};
use theater_flow::workers::Troupe;
use theater_flow_kernel::record::{Body, CrashKind, Entry, Finished, Status};

use super::count::Count;
use super::features::Features;
use super::heard::{Book, Heard};
use super::live::{Lives, Piece, Trouble, finish, journal, machine, records};
use super::make::pipeline;

/// Says which pipeline it was, if its test panics.
struct Seed<'a>(u64, &'a str);

impl Drop for Seed<'_> {
    fn drop(&mut self) {
        if thread::panicking() {
            println!("SEED={} makes this pipeline, which is at fault:\n{}", self.0, self.1);
        }
    }
}

/// What runs have shown.
#[derive(Default)]
struct Proof {
    features: Features,
    count: Count,
}

impl Proof {
    fn join(&mut self, other: &Self) {
        self.features.join(&other.features);
        self.count.join(&other.count);
    }
}

/// Runs the pipeline of a seed to its end, and checks all that must be so.
fn prove(seed: u64) -> Proof {
    let text = pipeline(seed);
    let _named = Seed(seed, &text);
    let piece = Piece::new(&text);
    let book = Rc::new(RefCell::new(Book::default()));
    let crew = |machine: &Machine| {
        // What was heard of another machine is no matter of this one.
        if machine.points().is_empty() {
            *book.borrow_mut() = Book::default();
        }
        Heard { crew: piece.crew_on(machine), book: Rc::clone(&book) }
    };
    let (machine, lives) = run(&piece, seed, crew);
    if seed.is_multiple_of(7) {
        // Nothing may differ, to the last byte: salts and times are the machine's.
        assert_eq!(
            run(&piece, seed, crew).0.log().tree(),
            machine.log().tree(),
            "one seed, two logs"
        );
    }
    let entries = records(&machine);
    whole(&machine, &entries);
    let again = piece.replay(&machine);
    assert_eq!((again.differences, again.skipped), (vec![], 0));
    assert_eq!(again.records, entries.len() as u64);
    let mut features = Features::of(&piece.plan, &entries);
    features.add("process killed", lives.killed);
    features.add("process stopped", lives.stopped);
    features.add("disk full", lives.full);
    features.add("call replayed", again.calls);
    let mut count = Count::default();
    count.compare(&book.borrow(), &entries, lives);
    Proof { features, count }
}

/// Runs the pipeline on a new machine. Every other seed's is disturbed, at write points of an undisturbed run.
fn run<T: Troupe>(piece: &Piece, seed: u64, crew: impl Fn(&Machine) -> T) -> (Machine, Lives) {
    let run = |next: &mut dyn FnMut(&Machine) -> Trouble| {
        let machine = machine(seed);
        let lives = finish((&piece.plan, &machine), || crew(&machine), seed, next);
        (machine, lives)
    };
    let calm = run(&mut |_| Trouble::None);
    if seed.is_multiple_of(2) {
        return calm;
    }
    let (points, mut dice) = (calm.0.points(), Dice::new(seed ^ 0xD1CE));
    let mut first = true;
    run(&mut |machine| {
        let disturbed = std::mem::take(&mut first) || dice.one_in(2);
        if disturbed { Trouble::any(&mut dice, machine, &points) } else { Trouble::None }
    })
}

/// No rule of the machine was broken, the log is as it was written, and it ended as its records say it must.
pub(crate) fn whole(machine: &Machine, entries: &[Entry]) {
    assert_eq!(machine.fouls(), [""; 0]);
    let journal = journal(machine);
    let verified = journal.verify(Some(journal.flushed())).expect("the log is whole");
    assert_eq!(verified.records, entries.len() as u64);
    let is = |entry: &&Entry| matches!(entry.body, Body::Finished(_));
    assert_eq!(entries.iter().filter(is).count(), 1, "it ends once");
    let Some(Body::Finished(Finished { status, dead_letters })) =
        entries.last().map(|entry| &entry.body)
    else {
        panic!("it does not end");
    };
    let root = |entry: &Entry| matches!(&entry.body, Body::Escalated(by) if by.supervisor.0 == 0);
    let failed = entries.iter().any(root) || is_unwritten(entries);
    let kept =
        |entry: &&Entry| matches!(&entry.body, Body::DeadLettered(body) if body.letter.is_none());
    let kept = entries.iter().filter(kept).count() as u64;
    let expected = match (failed, kept) {
        (true, _) => Status::Failed,
        (false, 0) => Status::Completed,
        (false, _) => Status::Degraded,
    };
    assert_eq!((*status, *dead_letters), (expected, kept));
}

/// True if a write failed for an agent that has no later life to make it again.
fn is_unwritten(entries: &[Entry]) -> bool {
    let agent = |entry: &Entry| match &entry.body {
        Body::Crashed(body) if body.crash.kind == CrashKind::Write => Some(body.by.agent),
        _ => None,
    };
    let again = |after: &[Entry], agent| {
        let is = |body: &Body| matches!(body, Body::Incarnation(life) if life.agent == agent);
        after.iter().any(|entry| is(&entry.body))
    };
    let broken = |(at, entry)| Some((at, agent(entry)?));
    entries.iter().enumerate().filter_map(broken).any(|(at, agent)| !again(&entries[at..], agent))
}

/// Proves the pipelines of seeds from 0, on as many threads as there are processors.
fn prove_all(seeds: u64) -> Proof {
    let next = AtomicU64::new(0);
    let work = || {
        let mut proof = Proof::default();
        while let seed = next.fetch_add(1, Ordering::Relaxed)
            && seed < seeds
        {
            proof.join(&prove(seed));
        }
        proof
    };
    thread::scope(|scope| {
        let threads = thread::available_parallelism().map_or(2, usize::from);
        let workers: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        let mut proof = Proof::default();
        for worker in workers {
            proof.join(&worker.join().expect("the seed is printed above"));
        }
        proof
    })
}

/// In how many of a hundred runs each of these must occur, or nothing is proven.
const LEAST: [(&str, u64); 35] = [
    ("message to many readers", 30),
    ("input of many writers", 40),
    ("message fed back", 10),
    ("rested", 12),
    ("event timer", 30),
    ("timer cancelled", 5),
    ("faulted", 20),
    ("retry that worked", 5),
    ("crash by trap", 12),
    ("crash by fuel", 5),
    ("crash by memory", 1),
    ("restarted", 15),
    ("escalated", 8),
    ("http answered", 20),
    ("http made again", 1),
    ("http unknown", 1),
    ("denial", 20),
    ("dead-lettered", 30),
    ("letter after its rounds", 2),
    ("dropped", 10),
    ("life from a snapshot", 5),
    ("event handled again", 30),
    ("clock read", 25),
    ("random bytes", 4),
    ("stdin read", 12),
    ("file read", 35),
    ("file written", 40),
    ("stdout written", 20),
    ("log lines dropped", 2),
    ("process killed", 18),
    ("process stopped", 7),
    ("disk full", 2),
    ("run completed", 30),
    ("run degraded", 10),
    ("run failed", 6),
];

/// The seed that is to be looked at alone.
fn one_seed() -> Option<u64> {
    std::env::var("SEED").ok()?.parse().ok()
}

#[test]
fn generated_pipelines_replay_without_a_difference() {
    if let Some(seed) = one_seed() {
        println!("{}\n{}", pipeline(seed), prove(seed).features.table());
        return;
    }
    let runs = if theater_flow_tests::is_full() { 1_000 } else { 100 };
    let Proof { features, count } = prove_all(runs);
    println!("pipelines {runs}, divergences 0\n{}\n{}", features.table(), count.table());
    count.check();
    assert_eq!(count.functions(), 15, "every function that a guest may call");
    let rare = LEAST.iter().filter(|(what, least)| features.runs(what) * 100 < least * runs);
    let rare: Vec<&str> = rare.map(|(what, _)| *what).collect();
    assert_eq!(rare, [""; 0], "too rare to prove anything");
}
