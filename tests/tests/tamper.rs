//! Tampering by somebody who knows how the log is made: what the chain shows by itself, what it shows with the
//! head that `head.json` notes, and what it shows only with a head that was kept elsewhere.
//!
//! Single bits are turned in `damage`.

use std::fs;
use std::path::{Path, PathBuf};

use rustix::process::Signal;
use theater_flow::head::Head;
use theater_flow::journal::{Flushed, Journal, JournalError};
use theater_flow::memory::{Disk, Tree};
use theater_flow::store::{SledStore, Store as _};
use theater_flow_kernel::block::{BlockWriter, Key, Stored, StoredPayload};
use theater_flow_kernel::ids::{Bytes, Digest};
use theater_flow_kernel::record::{self, Body, Linked, Part, Payload};
use theater_flow_tests::held::{Held, send};
use theater_flow_tests::{Scene, prebuilt};

/// A log as its maker has it: the records, and what else is stored.
#[derive(Clone)]
struct Log {
    records: Vec<Stored>,
    others: Tree,
}

/// What `verify` finds: how many records it holds with which head, or the record that it names.
type Found = Result<(u64, Digest), (u64, String)>;

impl Log {
    fn read(db: &Path) -> Self {
        let store = SledStore::open_copy(db).expect("it can be opened");
        let others = store.range(Key::CHECKPOINTS, Key::PAYLOADS).map(|pair| pair.expect("a pair"));
        let others = others.collect();
        let journal = Journal::open(store).expect("it is a log");
        let records = journal.records(0).expect("it can be read");
        let records = records.map(|stored| stored.expect("it is whole")).collect();
        Self { records, others }
    }

    /// What would be stored, with checkpoints only of records that are there.
    fn tree(&self) -> Tree {
        let mut writer = BlockWriter::default();
        for (place, stored) in (0..).zip(&self.records) {
            let mut entry = stored.to_entry().expect("it is whole");
            entry.seq = place;
            let Stored { preimage, hash, .. } = stored.clone();
            writer.push(&entry, &Linked { preimage, hash });
        }
        let mut tree: Tree = writer.finish().into_iter().collect();
        let records = self.records.len() as u64;
        let there = |key: &[u8]| match Key::decode(key) {
            Some(Key::Checkpoint { upto, .. }) => upto < records,
            _ => true,
        };
        tree.extend(self.others.clone().into_iter().filter(|(key, _)| there(key)));
        tree
    }

    fn end(&self) -> Flushed {
        let last = self.records.last().expect("a record");
        Flushed { seq: self.records.len() as u64, head: last.hash }
    }

    fn verify(&self, noted: Option<Flushed>) -> Found {
        let disk = Disk::default();
        disk.change(|tree| *tree = self.tree());
        match Journal::open(disk.open()).and_then(|journal| journal.verify(noted)) {
            Ok(verified) => Ok((verified.records, verified.head)),
            Err(JournalError::Damage(damage)) => Err((damage.seq, damage.what.to_string())),
            Err(error) => panic!("{error}, without a record"),
        }
    }

    /// Links the records anew from `from` on, as whoever owns the disk can.
    fn relink(&mut self, from: usize) {
        for place in from..self.records.len() {
            let before = place.checked_sub(1).map(|before| &self.records[before]);
            let prev = before.map_or_else(Digest::default, |before| before.hash);
            let mut entry = self.records[place].to_entry().expect("it is whole");
            entry.seq = place as u64;
            let Linked { preimage, hash } = record::link(prev, &entry);
            let stored = &mut self.records[place];
            (stored.seq, stored.preimage, stored.hash) = (place as u64, preimage, hash);
        }
    }

    /// Gives another content to the first message, and commits to it. Says which record it is in.
    fn forge(&mut self) -> usize {
        let place = self.records.iter().position(|stored| message(stored).is_some());
        let place = place.expect("there are messages");
        let stored = &mut self.records[place];
        let (part, index) = message(stored).expect("it holds one");
        let bytes: Bytes = Bytes::from(&b"\"what never was\""[..]);
        let prev = stored.record().expect("a record").prev;
        let mut entry = stored.to_entry().expect("it is whole");
        let Body::Transaction(body) = &mut entry.body else { panic!("not a transaction") };
        let Part::Emission { payload, .. } = &mut body.parts[part] else { panic!("no message") };
        *payload = Payload::commit(&entry.salt, &bytes);
        stored.payloads[index] = StoredPayload::Inline(bytes);
        let Linked { preimage, hash } = record::link(prev, &entry);
        (stored.preimage, stored.hash) = (preimage, hash);
        place
    }

    /// Puts it in the place of what a run's folder holds; with a head that fits it, or the old one.
    fn put(&self, run: &Path, fitting: bool) {
        let db = run.join("db");
        fs::remove_dir_all(&db).expect("it can be removed");
        let mut store = SledStore::create(&db).expect("it can be made");
        store.commit(self.tree().into_iter().collect(), vec![]).expect("it can be written");
        if fitting {
            let head = Head::read(run).expect("it is whole").expect("it is there");
            let Flushed { seq, head: hash } = self.end();
            Head { seq, head: hash, ..head }.write(run).expect("it can be written");
        }
    }
}

/// The first message of a record: which part it is, and which of the record's payloads.
fn message(stored: &Stored) -> Option<(usize, usize)> {
    let Body::Transaction(body) = stored.record().expect("a record").body else { return None };
    let part = body.parts.iter().position(|part| matches!(part, Part::Emission { .. }))?;
    Some((part, body.parts[..part].iter().map(|part| part.payloads().count()).sum()))
}

/// A run that was stopped, and then completed with this input.
fn completed(input: &[u8]) -> Held {
    let mut run = Held::start();
    run.end(|child| send(child, Signal::INT)).ends(130);
    run.complete(input).ends(0);
    run
}

fn log() -> (Held, Log) {
    let run = completed(b"what was waited for");
    let log = Log::read(&run.run().join("db"));
    assert_eq!(log.verify(Some(log.end())), Ok((log.end().seq, log.end().head)));
    (run, log)
}

/// What the program says: without a head, and with the one that the run ended with.
fn told(run: &Held, known: Digest, without: i32) {
    run.scene.say("verify @latest").ends(without);
    run.scene.say(&format!("verify @latest --head {known}")).ends(5);
}

#[test]
fn t2_a_record_that_is_deleted_doubled_swapped_or_inserted_is_found() {
    let (run, log) = log();
    let count = log.records.len();
    for place in 0..count {
        let changed = |change: &dyn Fn(&mut Vec<Stored>)| {
            let mut other = log.clone();
            change(&mut other.records);
            other
        };
        let at = place as u64;
        if place + 1 < count {
            let deleted = changed(&|records| drop(records.remove(place)));
            assert_eq!(deleted.verify(None).map_err(|(seq, _)| seq), Err(at), "deleted");
            let swapped = changed(&|records| records.swap(place, place + 1));
            assert_eq!(swapped.verify(None).map_err(|(seq, _)| seq), Err(at), "swapped");
        }
        let doubled = changed(&|records| records.insert(place, records[place].clone()));
        assert_eq!(doubled.verify(None).map_err(|(seq, _)| seq), Err(at + 1), "doubled");
        let inserted = changed(&|records| records.insert(place, records[count / 2].clone()));
        assert!(inserted.verify(None).is_err(), "inserted at {place}");
    }
    let mut deleted = log.clone();
    deleted.records.remove(count / 2);
    deleted.put(&run.run(), true);
    let found = run.scene.say("verify @latest").ends(5);
    assert!(found.text().contains(&format!("record {}: ", count / 2)), "{found}");
}

#[test]
fn t3_a_cut_end_is_found_by_the_head_and_with_a_cut_head_only_by_a_known_one() {
    let (run, log) = log();
    let known = log.end();
    for records in 1..log.records.len() {
        let mut cut = log.clone();
        cut.records.truncate(records);
        let found = cut.verify(Some(known)).map_err(|(seq, _)| seq);
        assert_eq!(found, Err(records as u64), "the first that is missing is named");
        let (_, head) = cut.verify(Some(cut.end())).expect("a cut log is a shorter, whole one");
        assert_ne!(head, known.head, "its head is another");
    }
    let mut cut = log.clone();
    cut.records.pop();
    cut.put(&run.run(), false);
    told(&run, known.head, 5);
    run.scene.say("resume @latest").ends(5);
    cut.put(&run.run(), true);
    told(&run, known.head, 0);
}

#[test]
fn t4_a_splice_of_two_runs_is_found() {
    let ((run, one), other) = (log(), completed(b"something else"));
    let other = Log::read(&other.run().join("db"));
    for place in 1..one.records.len().min(other.records.len()) {
        let mut spliced = one.clone();
        spliced.records.truncate(place);
        spliced.records.extend_from_slice(&other.records[place..]);
        assert_eq!(spliced.verify(None).map_err(|(seq, _)| seq), Err(place as u64));
    }
    let mut spliced = one.clone();
    spliced.records.truncate(4);
    spliced.records.extend_from_slice(&other.records[4..]);
    spliced.put(&run.run(), true);
    told(&run, one.end().head, 5);
    // All of another run in this one's folder.
    other.put(&run.run(), true);
    told(&run, one.end().head, 5);
}

#[test]
fn t5_and_t6_what_is_written_anew_as_a_whole_is_found_only_by_a_known_head() {
    let (run, log) = log();
    let (known, mut forged) = (log.end(), log.clone());
    let place = forged.forge();
    assert!(forged.verify(None).is_err(), "the record after it does not continue it");
    forged.relink(place + 1);
    assert!(forged.verify(None).is_ok(), "there is no key that its maker would need");
    let noted = forged.verify(Some(known)).map_err(|(seq, _)| seq);
    assert_eq!(noted, Err(known.seq - 1));
    forged.put(&run.run(), false);
    told(&run, known.head, 5);
    forged.put(&run.run(), true);
    told(&run, known.head, 0);
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir(to).expect("a folder can be made");
    for entry in fs::read_dir(from).expect("a folder").flatten() {
        let to = to.join(entry.file_name());
        let is_folder = entry.path().is_dir();
        if is_folder { copy(&entry.path(), &to) } else { drop(fs::copy(entry.path(), &to)) }
    }
}

/// Puts the copy of a run's folder back in its place.
fn put_back(kept: &Path, run: &Path) {
    fs::remove_dir_all(run).expect("it can be removed");
    copy(kept, run);
}

/// A run that was stopped, and a copy of its folder.
fn stopped() -> (Held, PathBuf) {
    let mut run = Held::start();
    run.end(|child| send(child, Signal::INT)).ends(130);
    let kept = run.scene.path().join("kept");
    copy(&run.run(), &kept);
    (run, kept)
}

#[test]
fn t7_an_old_folder_in_the_place_of_the_new_one_is_found_only_by_a_known_head() {
    let (run, kept) = stopped();
    run.complete(b"what was waited for").ends(0);
    let known = Head::read(&run.run()).expect("whole").expect("there").head;
    // The database alone is older than its head; both together are as they once were.
    let new = fs::read(run.run().join("head.json")).expect("a head");
    put_back(&kept, &run.run());
    fs::write(run.run().join("head.json"), new).expect("it can be written");
    told(&run, known, 5);
    run.scene.say("resume @latest").ends(5);
    put_back(&kept, &run.run());
    told(&run, known, 0);
}

#[test]
fn t8_of_two_histories_a_known_head_says_which_it_is() {
    let (run, kept) = stopped();
    let history = |input: &[u8]| {
        put_back(&kept, &run.run());
        run.complete(input).ends(0);
        let head = Head::read(&run.run()).expect("whole").expect("there");
        run.scene.say(&format!("verify @latest --head {}", head.head)).ends(0);
        head
    };
    let (one, other) = (history(b"one thing"), history(b"another"));
    assert_eq!(one.seq, other.seq, "they are of one length");
    told(&run, one.head, 0);
}

/// A run whose agent traps at a message, and is restarted.
const RESTARTED: &str = r#"format = 1
name = "restarted"
[supervisors.root]
children = ["lines", "work", "print"]
[agents.lines]
actor = "std/file-lines"
config = { path = "lines.txt" }
grants = { files = { read = ["lines.txt"] } }
[agents.work]
actor = "PROBE"
inputs = "lines"
config = { echo = true, on = [{ match = "bad", do = "trap" }] }
[agents.print]
actor = "std/stdout"
inputs = "work"
grants = { stdout = true }
"#;

#[test]
fn a_decision_of_a_supervisor_that_was_forged_is_found_by_a_replay() {
    let scene = Scene::new();
    scene.file("p.toml", RESTARTED.replace("PROBE", &prebuilt("probe").display().to_string()));
    scene.file("lines.txt", "good\nbad\ngood\n");
    let id = scene.say("run p.toml --allow-dead-letters").ends(0).last().id;
    let run = scene.path().join(".theater-flow/runs").join(id);
    scene.say("replay @latest").ends(0);
    let mut log = Log::read(&run.join("db"));
    let restarted = |stored: &Stored| {
        let body = stored.record().expect("a record").body;
        matches!(body, Body::Restarted(_))
    };
    let place = log.records.iter().position(restarted).expect("it was restarted");
    let prev = log.records[place].record().expect("a record").prev;
    let mut entry = log.records[place].to_entry().expect("it is whole");
    let Body::Restarted(body) = &mut entry.body else { panic!("another record") };
    // It would take one restart more to make the supervisor give up.
    body.counted = false;
    let Linked { preimage, hash } = record::link(prev, &entry);
    (log.records[place].preimage, log.records[place].hash) = (preimage, hash);
    log.relink(place + 1);
    log.put(&run, true);
    scene.say("verify @latest").ends(0);
    let told = scene.say("replay @latest").ends(5).text();
    for text in ["the supervisor decides otherwise here", &format!("record {place}"), "work"] {
        assert!(told.contains(text), "no `{text}` in:\n{told}");
    }
}
