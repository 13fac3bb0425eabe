//! An agent whose snapshot leaves out some of what it has in mind.

use theater_flow::replay::{Recital, Replay, Span};
use theater_flow::sim::{Fate, How, Machine};
use theater_flow_kernel::ids::AgentId;
use theater_flow_kernel::record::{Body, Entry};

use super::leaks::{agent, divergence, lives_on, no_world};
use super::live::{Piece, Trouble, finish, journal, machine, records};

/// An agent that emits how many messages it has in mind, and leaves that out of its snapshot.
fn forgetful() -> (Piece, AgentId) {
    let probe = theater_flow_tests::prebuilt("probe").display().to_string();
    let piece = Piece::new(&format!(
        r#"
format = 1
name = "forgets"
[supervisors.root]
children = ["source", "forgetful", "keep"]
[agents.source]
actor = "{probe}"
config = {{ produce = 600, pad = 3000 }}
[agents.forgetful]
actor = "{probe}"
inputs = "source"
config = {{ on = [{{ event = "message", do = "drift" }}] }}
[agents.keep]
actor = "std/file-write"
inputs = "forgetful"
config = {{ path = "out/kept.jsonl" }}
grants = {{ files = {{ write = ["out"] }} }}
"#
    ));
    let agent = agent(&piece, "forgetful");
    (piece, agent)
}

/// The snapshots of an agent.
fn snapshots(entries: &[Entry], agent: AgentId) -> Vec<u64> {
    let of = |entry: &Entry| matches!(&entry.body, Body::Snapshot(body) if body.agent == agent);
    entries.iter().filter(|entry| of(entry)).map(|entry| entry.seq).collect()
}

#[test]
fn a_snapshot_that_forgets_is_found_by_a_replay_from_behind_it() {
    let (piece, agent) = forgetful();
    let machine = machine(1);
    finish((&piece.plan, &machine), || piece.crew_on(&machine), 1, |_| Trouble::None);
    let entries = records(&machine);
    let snapshot = *snapshots(&entries, agent).first().expect("one was taken");
    // From the first record on the guest has in mind what it had.
    assert_eq!(piece.replay(&machine).differences, vec![]);
    let recital = Recital::default();
    let span = Span { from: snapshot + 1, ..Span::default() };
    let did = Replay { crew: &piece.crew(no_world), before: None, recital: &recital, span }
        .run(&journal(&machine));
    let did = did.expect("the log is read");
    let [difference] = &did.differences[..] else { panic!("{:?}", did.differences) };
    let of = |entry: &&Entry| match &entry.body {
        Body::Transaction(body) => body.by.agent == agent && entry.seq > snapshot,
        _ => false,
    };
    let next = entries.iter().find(of).expect("it went on");
    assert_eq!((difference.agent, difference.seq), (agent, next.seq));
    assert!(difference.message.contains("an emission"), "{}", difference.message);
    println!("snapshot {snapshot}: {}", difference.message);
}

#[test]
fn a_snapshot_that_forgets_is_found_by_the_next_life() {
    let (piece, agent) = forgetful();
    let fresh = machine(1);
    finish((&piece.plan, &fresh), || piece.crew_on(&fresh), 1, |_| Trouble::None);
    let (mut lived, mut found) = (0, 0);
    let points = fresh.points().len();
    for point in (0..points).step_by((points / 12).max(1)) {
        let machine = machine(1);
        let fate = Fate { point, how: How::After, power: false };
        let (mut fates, mut behind) = (vec![fate], None);
        let next = |machine: &Machine| {
            if let Some(fate) = fates.pop() {
                return Trouble::Doom(fate);
            }
            behind = Some(goes_on_behind_a_snapshot(&records(machine), agent));
            Trouble::None
        };
        finish((&piece.plan, &machine), || piece.crew_on(&machine), 1, next);
        lived += usize::from(behind == Some(true));
        let divergence = divergence(&records(&machine));
        assert_eq!(divergence.is_some(), behind == Some(true), "killed at write point {point}");
        if let Some((who, message)) = divergence {
            assert_eq!(who, agent);
            assert!(message.contains("the guest now made another"), "{message}");
            found += 1;
        }
    }
    println!("found by {found} of {lived} lives that handled messages again behind a snapshot");
    assert!(found > 3, "{found}");
}

/// True if an agent has a snapshot, handled messages after it, and has not ended.
fn goes_on_behind_a_snapshot(entries: &[Entry], agent: AgentId) -> bool {
    let Some(last) = snapshots(entries, agent).pop() else { return false };
    let behind: Vec<Entry> = entries.iter().filter(|entry| entry.seq > last).cloned().collect();
    lives_on(&behind, agent)
}
