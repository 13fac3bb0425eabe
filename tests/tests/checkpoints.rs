//! Damaged checkpoints: a run goes on from an earlier one, or from its first record, and says so; `verify`
//! names the damage.

use std::fs;
use std::path::Path;

use rustix::process::Signal;
use theater_flow::store::{SledStore, Store as _};
use theater_flow_kernel::block::{Key, Writes};
use theater_flow_tests::Ran;
use theater_flow_tests::held::{Held, held, send, wait, wait_for};

const INPUT: &[u8] = b"what was waited for";

/// A run that was stopped this often: each stop wrote a checkpoint.
fn stopped(times: usize) -> Held {
    let mut run = Held::start();
    run.end(|child| send(child, Signal::INT)).ends(130);
    for _ in 1..times {
        let before = run.scene.say("events @latest --json --kind incarnation").text();
        let child = held(&run.scene, ["resume", "@latest"]);
        wait_for("the start of all agents", || {
            let now = run.scene.say("events @latest --json --kind incarnation").text();
            (now.lines().count() == before.lines().count() + 2).then_some(())
        });
        send(&child, Signal::INT);
        wait(child).ends(130);
    }
    run
}

/// What the stored checkpoints are up to, oldest first.
fn checkpoints(run: &Path) -> Vec<u64> {
    let store = SledStore::open_copy(&run.join("db")).expect("it can be opened");
    let mut uptos: Vec<u64> = store
        .range(Key::CHECKPOINTS, Key::CHECKPOINTS_END)
        .map(|pair| match Key::decode(&pair.expect("a pair").0) {
            Some(Key::Checkpoint { upto, .. }) => upto,
            other => panic!("{other:?}"),
        })
        .collect();
    uptos.dedup();
    uptos
}

/// Changes a checkpoint that is stored.
fn harm(run: &Path, upto: u64, change: impl Fn(&mut Vec<u8>)) {
    let key = Key::Checkpoint { upto, part: 0 }.encode();
    let mut store = SledStore::open(&run.join("db")).expect("it can be opened");
    let mut value = store.get(&key).expect("it can be read").expect("it is there");
    change(&mut value);
    let (writes, removes): (Writes, _) =
        if value.is_empty() { (vec![], vec![key]) } else { (vec![(key, value)], vec![]) };
    store.commit(writes, removes).expect("it can be written");
}

fn flip(value: &mut [u8]) {
    let middle = value.len() / 2;
    value[middle] ^= 4;
}

#[track_caller]
fn warns(ran: Ran, upto: u64) -> Ran {
    let warning = format!("the checkpoint of record {upto} cannot be used");
    assert_eq!(ran.err.matches(&warning).count(), 1, "{ran}");
    ran
}

#[test]
fn a_run_goes_on_from_an_earlier_checkpoint() {
    for change in [|value: &mut Vec<u8>| flip(value), Vec::clear] {
        let run = stopped(2);
        let newest = *checkpoints(&run.run()).last().expect("a checkpoint");
        assert_eq!(checkpoints(&run.run()).len(), 2);
        harm(&run.run(), newest, change);
        let gone = checkpoints(&run.run()).len() == 1;
        let at_the_record = format!("record {newest}: ");
        assert!(run.scene.say("verify @latest").ends(5).text().contains(&at_the_record));
        for command in ["tree @latest", "state @latest hold"] {
            let ran = run.scene.say(command).ends(0);
            assert_eq!(ran.err.contains("cannot be used"), !gone, "{ran}");
        }
        let from = format!("replay @latest --from {}", newest + 1);
        run.scene.say(&from).ends(0);
        let resumed = run.complete(INPUT).ends(0);
        if !gone {
            warns(resumed, newest);
        }
        assert_eq!(run.scene.say("runs").ends(0).text().matches("completed").count(), 1);
        run.scene.say("replay @latest").ends(0);
        assert!(run.scene.say("verify @latest").ends(5).text().contains(&at_the_record));
    }
}

#[test]
fn a_run_goes_on_from_its_first_record() {
    let run = stopped(1);
    let only = checkpoints(&run.run())[0];
    harm(&run.run(), only, |value| flip(value));
    warns(run.complete(INPUT).ends(0), only);
    run.scene.say("replay @latest").ends(0);
}

/// A record that the state is made from is checked too.
#[test]
fn a_record_that_is_not_as_it_was_written_is_not_gone_on_from() {
    let run = stopped(1);
    let db = run.run().join("db");
    let only = checkpoints(&run.run())[0];
    harm(&run.run(), only, |value| flip(value));
    let mut store = SledStore::open(&db).expect("it can be opened");
    let (key, mut value) =
        store.range(Key::BLOCKS, Key::BLOCKS_END).next().expect("a block").expect("it can be read");
    // Within the genesis: the name of an actor, or a hash.
    value[60] ^= 1;
    store.commit(vec![(key, value)], vec![]).expect("it can be written");
    drop(store);
    let before = fs::read(run.run().join("head.json")).expect("a head");
    let ran = run.complete(b"").ends(5);
    assert!(ran.err.contains("record 0"), "{ran}");
    assert_eq!(fs::read(run.run().join("head.json")).expect("a head"), before);
}
