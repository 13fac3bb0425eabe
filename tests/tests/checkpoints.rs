//! Damaged checkpoints: a run goes on from an earlier one, or from its first record, and says so; `verify`
//! names the damage.

use std::fs;
use std::path::Path;

use rustix::process::Signal;
use theater_flow::head::Head;
use theater_flow::journal::Journal;
use theater_flow::store::{SledStore, Store as _};
use theater_flow_kernel::block::{BlockWriter, Key, Writes};
use theater_flow_kernel::ids::Digest;
use theater_flow_kernel::record::{Body, Entry, link};
use theater_flow_tests::Ran;
use theater_flow_tests::held::{Held, held, send, wait, wait_for};
use theater_flow_tests::notes::{self, NOTES};

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

/// Lets a checkpoint be one that another version wrote, in a log that is as whole as it was.
fn turn(run: &Path, upto: u64) {
    let db = run.join("db");
    let journal = Journal::open(SledStore::open_copy(&db).expect("a copy")).expect("a log");
    let (seq, mut head) = (journal.flushed().seq, None);
    let entries: Vec<Entry> = journal
        .records(0)
        .expect("it can be read")
        .map(|stored| stored.expect("it is whole").to_entry().expect("it is whole"))
        .collect();
    let mut prev =
        journal.stored(journal.first()).expect("a record").record().expect("a record").prev;
    drop(journal);
    let mut store = SledStore::open(&db).expect("it can be opened");
    let key = Key::Checkpoint { upto, part: 0 }.encode();
    let mut state = store.get(&key).expect("it can be read").expect("it is there");
    state[0] ^= 0x80;
    let mut writer = BlockWriter::default();
    for mut entry in entries {
        let named = match &mut entry.body {
            Body::Checkpoint(named) => Some(named),
            Body::Forked(body) => Some(&mut body.lineage.state),
            _ => None,
        };
        if let Some(named) = named.filter(|named| named.upto == upto) {
            named.digest = Digest::of(&state);
        }
        let linked = link(prev, &entry);
        writer.push(&entry, &linked);
        (prev, head) = (linked.hash, Some(linked.hash));
    }
    let blocks = store.range(Key::BLOCKS, Key::BLOCKS_END).map(|pair| pair.expect("a pair").0);
    let blocks = blocks.collect();
    let mut all = writer.finish();
    all.push((key, state));
    store.commit(all, blocks).expect("it can be written");
    let known = Head::read(run).expect("it is whole").expect("it is there");
    Head { seq, head: head.expect("a record"), ..known }.write(run).expect("it can be written");
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

#[test]
fn a_checkpoint_of_another_version_is_passed_over_and_not_called_damaged() {
    let run = stopped(1);
    let only = checkpoints(&run.run())[0];
    turn(&run.run(), only);
    run.scene.say("verify @latest").ends(0);
    let told = warns(run.complete(INPUT).ends(0), only);
    assert!(told.err.contains("another version wrote it"), "{told}");
    run.scene.say("verify @latest").ends(0);
    run.scene.say("replay @latest").ends(0);
}

/// There is nothing else that it could begin from.
#[test]
fn a_fork_of_another_version_is_refused_and_not_called_damaged() {
    let scene = notes::scene(NOTES);
    let run = scene.say("run p.toml").ends(0).last().id;
    let made = scene.run(["fork", &run, "--at", "9", "--hold", "--json"]).ends(0).json();
    let id = made[0]["run"].as_str().expect("an id").to_owned();
    turn(&scene.path().join(".theater-flow/runs").join(&id), 10);
    scene.run(["verify", &id]).ends(0);
    scene.run(["events", &id]).ends(0);
    for command in ["resume", "replay", "tree", "fork"] {
        let ran = match command {
            "fork" => scene.run(["fork", &id, "--at", "10"]),
            _ => scene.run([command, &id]),
        };
        ran.ends(1).tells(["by another version", "show RUN 10"]);
    }
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
