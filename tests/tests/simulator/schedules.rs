//! Orders in which things happen: one seed, one log; any seed, one result. And what replay finds.

use theater_flow::replay::{NoWorld, Pace, Recital, Replay, Replayed, Span, replay};
use theater_flow::sim::Schedule;
use theater_flow_kernel::record::{Body, Part};

use super::check::{Result, journal, records, whole};
use super::piece::{Piece, actor, calm, rough};

fn tree_and_result(piece: &Piece, schedule: Schedule) -> (theater_flow::memory::Tree, Result) {
    let machine = piece.machine();
    piece.finish(&machine, schedule);
    (machine.log().tree(), whole(piece, &machine))
}

#[test]
fn one_seed_gives_one_log_and_every_seed_one_result() {
    let piece = Piece::plain(60);
    let (_, expected) = tree_and_result(&piece, calm(0));
    let mut logs = std::collections::BTreeSet::new();
    for seed in 0..200 {
        let schedule = Schedule { seed, rough: seed % 2 == 1 };
        let (log, result) = tree_and_result(&piece, schedule);
        assert_eq!(result, expected, "seed {seed}");
        if seed % 10 < 2 {
            assert_eq!(tree_and_result(&piece, schedule).0, log, "seed {seed}");
        }
        logs.insert(log.into_iter().collect::<Vec<_>>());
    }
    assert!(logs.len() > 190, "the seeds give {} different logs", logs.len());
    println!("seeds 200, logs {}", logs.len());
}

#[test]
fn a_changed_component_is_found() {
    let mut piece = Piece::trapping();
    let machine = piece.machine();
    piece.finish(&machine, calm(1));
    whole(&piece, &machine);
    let middle = piece.plan.agents.iter().find(|agent| agent.name == "middle").expect("there");
    let (id, digest) = (middle.id, middle.component);
    piece.actors.insert(digest, actor("match"));
    let again = replay(&journal(&machine), &piece.crew(|| Box::new(NoWorld))).expect("a log");
    let difference = again.differences.first().expect("another actor does other things");
    let first = records(&machine)
        .into_iter()
        .find(|entry| matches!(&entry.body, Body::Incarnation(body) if body.agent == id));
    assert_eq!((difference.agent, difference.seq), (id, first.expect("a life").seq));
}

#[test]
fn a_changed_answer_is_found() {
    let piece = Piece::plain(60);
    let machine = piece.machine();
    piece.finish(&machine, calm(1));
    let answered = records(&machine)
        .into_iter()
        .find(|entry| entry.body.parts().iter().any(|part| matches!(part, Part::Answer { .. })));
    let seq = answered.expect("a file was read").seq;
    let mut changed = 0;
    machine.log().change(|tree| {
        // Not the digests of what was sent: only what stands beside the records.
        let text = b"line 11 x";
        let value = tree.values_mut().rev().find(|value| find(value, text).is_some());
        if let Some(value) = value {
            let at = find(value, text).expect("it is there");
            value[at + 8] = b'y';
            changed += 1;
        }
    });
    assert_eq!(changed, 1);
    let again = replay(&journal(&machine), &piece.crew(|| Box::new(NoWorld))).expect("a log");
    assert_eq!(again.differences.first().expect("it reads other text").seq, seq);
    let damage = journal(&machine).verify(None).expect_err("the payload is another");
    assert!(damage.to_string().contains(&seq.to_string()), "{damage}");
}

/// Several agents differ, and who is found first depends on the threads: what is told does not.
#[test]
fn side_by_side_finds_what_one_thread_finds() {
    let mut piece = Piece::trapping();
    let machine = piece.machine();
    piece.finish(&machine, rough(3));
    let all = records(&machine).len() as u64;
    let on = |piece: &Piece, threads: usize, span: Span| -> Replayed {
        let crew = piece.crew(|| Box::new(NoWorld));
        let replay = Replay { crew: &crew, before: None, recital: &Recital::default(), span };
        let mut told = 0;
        let mut tell = |seq| told = seq;
        let pace = Pace { threads, tell: &mut tell };
        let did = replay.run_at(&journal(&machine), pace).expect("a log");
        assert!(told > 0 && told <= all);
        did
    };
    let same = on(&piece, 1, Span::default());
    assert_eq!((same.records, same.skipped, &same.differences[..]), (all, 0, &[][..]));
    assert_eq!(on(&piece, 8, Span::default()), same);
    // All that these agents do after their first event is different then.
    for name in ["lines", "notes", "print", "findings"] {
        let agent = piece.plan.agents.iter().find(|agent| agent.name == name).expect("there");
        piece.actors.insert(agent.component, actor("dedupe"));
    }
    let middle = (0..all).step_by(17).chain([0, all - 1]);
    for from in middle {
        let span = Span { from, ..Span::default() };
        let one = on(&piece, 1, span.clone());
        for _ in 0..3 {
            assert_eq!(on(&piece, 8, span.clone()), one, "from {from}");
        }
    }
}

fn find(bytes: &[u8], part: &[u8]) -> Option<usize> {
    bytes.windows(part.len()).position(|window| window == part)
}
