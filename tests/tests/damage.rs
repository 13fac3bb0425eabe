//! Damage: every stored bit, one at a time, and the database's files at random. None of it goes unseen, and
//! the first record that is not as it was written is named.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use rustix::process::Signal;
use tempfile::TempDir;
use theater_flow::head::Head;
use theater_flow::journal::{Flushed, Journal, JournalError};
use theater_flow::memory::{Disk, Tree};
use theater_flow::store::{SledStore, Store as _};
use theater_flow_kernel::block::{Block, Key, Stored, StoredPayload};
use theater_flow_kernel::record::Body;
use theater_flow_tests::account::hashes;
use theater_flow_tests::dice::Dice;
use theater_flow_tests::held::{Held, send, wait_for};
use theater_flow_tests::lives::{Copying, Mode, tell};
use theater_flow_tests::{Ran, finish, is_full};

/// How long a look at a damaged log may take: it must not hang.
const PATIENCE: Duration = Duration::from_mins(1);
/// Bytes of the input: each payload with it is cut into chunks, and some into several.
const INPUT_BYTES: usize = 17_000;

/// A small run that was stopped and resumed, so that it holds all that a log can hold.
fn small_run() -> Held {
    let mut run = Held::start();
    run.end(|child| theater_flow_tests::held::send(child, Signal::INT)).ends(130);
    run.complete(&vec![b'x'; INPUT_BYTES]).ends(0);
    run
}

/// What the program keeps of a run.
struct Kept {
    tree: Tree,
    noted: Flushed,
    /// By key and byte of a value: the record it belongs to, or the first and last of them.
    owners: BTreeMap<Vec<u8>, Vec<(u64, u64)>>,
}

impl Kept {
    fn of(run: &Path) -> Self {
        let head = Head::read(run).expect("it is whole").expect("it is there");
        let noted = Flushed { seq: head.seq, head: head.head };
        let store = SledStore::open_copy(&run.join("db")).expect("it can be opened");
        let tree: Tree = store.range(&[], &[0xff; 64]).map(|pair| pair.expect("a pair")).collect();
        let journal = Journal::open(store).expect("it is a log");
        let mut checkpoints = BTreeMap::new();
        for stored in journal.records(0).expect("it can be read") {
            let record = stored.expect("it is whole").record().expect("it is a record");
            if let Body::Checkpoint(checkpoint) = record.body {
                checkpoints.insert(checkpoint.upto, record.seq);
            }
        }
        let owner = |(key, value): (&Vec<u8>, &Vec<u8>)| {
            let owners = match Key::decode(key).expect("a key") {
                Key::Block { first, .. } => block_owners(first, key, &tree),
                Key::Payload { seq, .. } | Key::Pruned { seq } => vec![(seq, seq); value.len()],
                Key::Checkpoint { upto, .. } => {
                    vec![(checkpoints[&upto], checkpoints[&upto]); value.len()]
                }
                Key::Plan { .. } => vec![(0, 0); value.len()],
            };
            (key.clone(), owners)
        };
        let owners = tree.iter().map(owner).collect();
        Self { tree, noted, owners }
    }

    /// What a check of the log finds after `change`: the record that it names, and what is wrong.
    fn check(&self, change: impl FnOnce(&mut Tree)) -> Option<(u64, String)> {
        let disk = Disk::default();
        disk.change(|tree| {
            tree.clone_from(&self.tree);
            change(tree);
        });
        look(&disk, self.noted)
    }

    /// Flips each `step`th bit of a value, from `from` on. Gives how many were tried.
    fn flip_value(&self, key: &[u8], (from, step): (usize, usize)) -> usize {
        let disk = Disk::default();
        disk.change(|tree| tree.clone_from(&self.tree));
        let owners = &self.owners[key];
        let bits = (from..owners.len() * 8).step_by(step);
        let mut tried = 0;
        for bit in bits {
            let flip = || disk.change(|tree| flip(tree.get_mut(key).expect("it is there"), bit));
            flip();
            let Some((seq, what)) = look(&disk, self.noted) else {
                panic!("bit {bit} of {:?} is not missed", Key::decode(key));
            };
            flip();
            let (first, last) = owners[bit / 8];
            let key = Key::decode(key);
            assert!((first..=last).contains(&seq), "bit {bit} of {key:?}, not {seq}: {what}");
            tried += 1;
        }
        tried
    }
}

/// Which record each byte of a block's value belongs to. What says how many they are may also be taken to
/// be wrong at the record after the last.
fn block_owners(first: u64, key: &[u8], tree: &Tree) -> Vec<(u64, u64)> {
    let value = &tree[key];
    let Ok(records) = Block::read(first, &[value]) else {
        // A record that is alone in several parts.
        return vec![(first, first + 1); value.len()];
    };
    let bytes = records.iter().flat_map(|one| vec![(one.seq, one.seq); stored_len(one)]);
    let mut owners: Vec<(u64, u64)> = bytes.collect();
    let shared = value.len() - owners.len();
    owners.splice(0..0, vec![(first, first + records.len() as u64); shared]);
    owners
}

fn stored_len(stored: &Stored) -> usize {
    let payload = |payload: &StoredPayload| 5 + payload.bytes().map_or(0, |bytes| bytes.len());
    let salt = if stored.salt.is_some() { 16 } else { 0 };
    let payloads: usize = stored.payloads.iter().map(payload).sum();
    4 + stored.preimage.len() + 32 + 1 + salt + 4 + payloads
}

fn look(disk: &Disk, noted: Flushed) -> Option<(u64, String)> {
    match Journal::open(disk.open()).and_then(|journal| journal.verify(Some(noted))) {
        Ok(_) => None,
        Err(JournalError::Damage(damage)) => Some((damage.seq, damage.what.to_string())),
        Err(error) => panic!("{error}, without a record"),
    }
}

fn flip(bytes: &mut [u8], bit: usize) {
    bytes[bit / 8] ^= 1 << (bit % 8);
}

#[test]
fn every_stored_bit_counts() {
    let run = small_run();
    let kept = Kept::of(&run.run());
    assert_eq!(kept.check(|_| {}), None, "without damage nothing is found");
    let kinds: Vec<u8> = kept.tree.keys().map(|key| key[0]).collect();
    for kind in *b"bckp" {
        assert!(kinds.contains(&kind), "the run holds all that there is");
    }
    // All bits in the full setting; else one of each byte, now this one, now that.
    let step = if is_full() { 1 } else { 9 };
    let halves = thread::scope(|scope| {
        let half = |nth| {
            let kept = &kept;
            scope.spawn(move || {
                let keys = kept.tree.keys();
                keys.map(|key| kept.flip_value(key, (nth * step, step * 2))).sum::<usize>()
            })
        };
        [half(0), half(1)].map(|half| half.join().expect("all are found"))
    });
    let tried: usize = halves.iter().sum();
    let bytes: usize = kept.tree.values().map(Vec::len).sum();
    tell(&format!("flips of values found {tried}/{tried}, of {} bits", bytes * 8));
    let keys = keys_and_gaps(&kept);
    tell(&format!("flips of keys and missing values found {keys}/{keys}"));
    let told = by_program(&run, &kept);
    tell(&format!("flips of values told by the program with exit 5 and the record {told}/{told}"));
    let (heads, by_program) = heads(&run);
    tell(&format!("flips of the head found {heads}/{heads}, {by_program} of them by the program"));
}

/// Each bit of each key, and each value gone.
fn keys_and_gaps(kept: &Kept) -> usize {
    let mut tried = 0;
    for (key, value) in &kept.tree {
        let found = kept.check(|tree| drop(tree.remove(key)));
        assert!(found.is_some(), "{:?} is not missed", Key::decode(key));
        tried += 1;
        for bit in 0..key.len() * 8 {
            let mut other = key.clone();
            flip(&mut other, bit);
            let found = kept.check(|tree| {
                tree.remove(key);
                tree.insert(other, value.clone());
            });
            assert!(found.is_some(), "bit {bit} of the key {:?} is not missed", Key::decode(key));
            tried += 1;
        }
    }
    tried
}

/// Some flips, in a database that the program itself opens.
fn by_program(run: &Held, kept: &Kept) -> usize {
    let db = run.run().join("db");
    let whole = run.run().join("whole");
    fs::rename(&db, &whole).expect("it can be moved");
    let mut dice = Dice::new(7);
    let trials = if is_full() { 60 } else { 6 };
    for _ in 0..trials {
        let nth = usize::try_from(dice.below(kept.tree.len() as u64)).expect("a small number");
        let (key, value) = kept.tree.iter().nth(nth).expect("there are as many");
        let bit = usize::try_from(dice.below(value.len() as u64 * 8)).expect("a small number");
        let harmed = kept.tree.iter().map(|(other, value)| {
            let mut value = value.clone();
            if other == key {
                flip(&mut value, bit);
            }
            (other.clone(), value)
        });
        let mut store = SledStore::create(&db).expect("it can be made");
        store.commit(harmed.collect(), vec![]).expect("it can be written");
        drop(store);
        let found = kept.check(|tree| flip(tree.get_mut(key).expect("it is there"), bit));
        let (seq, what) = found.expect("it is not missed");
        let ran = run.scene.say("verify @latest").ends(5);
        assert!(ran.text().contains(&format!("record {seq}: ")), "{what}: {ran}");
        fs::remove_dir_all(&db).expect("it can be removed");
    }
    fs::rename(&whole, &db).expect("it can be moved back");
    trials
}

/// Each bit of `head.json`; some of them with the program itself.
fn heads(run: &Held) -> (usize, usize) {
    let path = run.run().join("head.json");
    let whole = fs::read(&path).expect("it is there");
    let (mut tried, mut by_program) = (0, 0);
    for bit in 0..whole.len() * 8 {
        let mut bytes = whole.clone();
        flip(&mut bytes, bit);
        fs::write(&path, &bytes).expect("it can be written");
        assert!(Head::read(&run.run()).is_err(), "bit {bit} of the head is not missed");
        tried += 1;
        if bit % 97 == 0 {
            let ran = run.scene.say("verify @latest").ends(5);
            assert!(ran.text().contains("head.json is damaged"), "{ran}");
            run.scene.say("resume @latest").ends(5);
            by_program += 1;
        }
    }
    fs::write(&path, &whole).expect("it can be written");
    run.scene.say("verify @latest").ends(0);
    (tried, by_program)
}

/// What is done to a file.
fn harm(path: &Path, dice: &mut Dice) -> String {
    let mut bytes = fs::read(path).expect("it can be read");
    let len = bytes.len() as u64;
    let at = usize::try_from(dice.below(len)).expect("it fits in memory");
    let what = match dice.below(5) {
        4 => {
            fs::remove_file(path).expect("it can be removed");
            return format!("{}: removed", path.display());
        }
        0 => {
            bytes.truncate(at);
            format!("cut at {at}")
        }
        1 => {
            let end = bytes.len().min(at + 512);
            bytes[at..end].fill(0);
            format!("zeros at {at}")
        }
        _ => {
            // Most of a small database is empty.
            let used = (at..bytes.len()).find(|at| bytes[*at] != 0).unwrap_or(at);
            bytes[used] ^= 1 << dice.below(8);
            format!("a bit at {used}")
        }
    };
    fs::write(path, bytes).expect("it can be written");
    format!("{}: {what}", path.display())
}

/// All files of a folder that hold something.
fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).expect("a folder").flatten() {
        match entry.metadata().expect("it is there") {
            meta if meta.is_dir() => found.extend(files(&entry.path())),
            meta if meta.len() > 0 => found.push(entry.path()),
            _ => {}
        }
    }
    found.sort();
    found
}

#[test]
fn damaged_files_never_tell_another_story() {
    let run = small_run();
    let story = run.scene.say("events @latest --json").ends(0).text();
    let whole = files(&run.run().join("db")).into_iter();
    let whole: Vec<_> = whole.map(|path| (fs::read(&path).expect("a file"), path)).collect();
    let (trials, mut seen) = (if is_full() { 200 } else { 12 }, 0);
    let mut dice = Dice::new(5);
    for nth in 0..trials {
        // The log's own file most of the time.
        let other = usize::try_from(dice.below(whole.len() as u64)).expect("a small number");
        let log = whole.iter().position(|(_, path)| path.ends_with("db/db")).expect("a log");
        let harmed = &whole[if nth % 4 == 0 { other } else { log }].1;
        let what = harm(harmed, &mut dice);
        let ran = finish(&mut run.scene.command(["verify", "@latest"]), PATIENCE);
        seen += usize::from(judge(&run, &ran, &story, &what));
        restore(&run.run().join("db"), &whole);
    }
    tell(&format!("damaged files {trials}/{trials}: {seen} found, the rest told the same story"));
    run.scene.say("verify @latest").ends(0);
}

/// True if the damage was found; else nothing may differ.
fn judge(run: &Held, ran: &Ran, story: &str, what: &str) -> bool {
    assert!(!ran.err.contains("panicked"), "{what}: {ran}");
    match ran.code() {
        5 => true,
        0 => {
            let told = finish(&mut run.scene.command(["events", "@latest", "--json"]), PATIENCE);
            assert!(told.text() == story, "{what}: it verifies, and tells something else");
            false
        }
        _ => panic!("{what}: {ran}"),
    }
}

fn restore(folder: &Path, whole: &[(Vec<u8>, PathBuf)]) {
    for path in files(folder) {
        fs::remove_file(path).expect("it can be removed");
    }
    for (bytes, path) in whole {
        fs::write(path, bytes).expect("it can be written");
    }
}

/// What the newest checkpoint is up to.
fn last_checkpoint(copying: &Copying) -> u64 {
    let ran = finish(&mut copying.command("events @latest --json --kind checkpoint"), PATIENCE);
    let last = ran.json().pop().expect("it was stopped in order");
    last["upto"].as_u64().expect("a record")
}

/// A run that was stopped in the middle and whose files are then damaged goes on with every record that it had,
/// or is refused with a word why.
#[test]
fn damaged_files_are_recovered_exactly_or_refused() {
    let folder = TempDir::new().expect("a temporary folder");
    let copying = Copying::new(folder.path(), 20_000, Mode::Replace);
    let life = copying.start("run copying.toml");
    wait_for("the first lines", || (life.printed() > 2_000).then_some(()));
    send(&life.child, Signal::INT);
    assert_eq!(life.ended().status.code(), Some(130), "it was in the middle");
    let (before, upto) = (hashes(&copying), last_checkpoint(&copying));
    let run = copying.run().expect("a run");
    let kept: Vec<_> = files(folder.path())
        .into_iter()
        .filter(|path| !path.components().any(|part| part.as_os_str() == "cache"))
        .map(|path| (fs::read(&path).expect("it can be read"), path))
        .collect();
    let (trials, mut dice) = (if is_full() { 50 } else { 8 }, Dice::new(11));
    let (mut refused, mut later) = (0, 0);
    for nth in 0..trials {
        let databases = files(&run.join("db"));
        let other = usize::try_from(dice.below(databases.len() as u64)).expect("a small number");
        let log = databases.iter().position(|path| path.ends_with("db/db")).expect("a log");
        let what = harm(&databases[if nth % 2 == 0 { other } else { log }], &mut dice);
        let ran = finish(&mut copying.command("resume @latest"), PATIENCE);
        assert!(!ran.err.contains("panicked"), "{what}: {ran}");
        if ran.code() == 0 {
            assert!(copying.read("out.jsonl") == copying.output, "{what}: each line once");
            let verified = finish(&mut copying.command("verify @latest"), PATIENCE);
            // What stands before the checkpoint is not needed to go on: whoever reads it is told.
            if verified.code() == 5 {
                let text = verified.text();
                let named = text.split_once("record ").and_then(|(_, rest)| rest.split_once(':'));
                let seq = named.and_then(|(seq, _)| seq.parse().ok()).unwrap_or(u64::MAX);
                assert!(seq < upto, "{what}: it stands behind {upto}: {text}");
                later += 1;
            } else {
                verified.ends(0);
                let now = hashes(&copying);
                assert!(now.starts_with(&before), "{what}: all that was there is there");
            }
        } else {
            let named = ["damaged", "was cut or replaced", "there is no log", "record ", "empty"];
            assert!(named.iter().any(|word| ran.err.contains(word)), "{what}: {ran}");
            refused += 1;
        }
        fs::remove_dir_all(&run).expect("it can be removed");
        for (bytes, path) in &kept {
            fs::create_dir_all(path.parent().expect("a folder")).expect("it can be made");
            fs::write(path, bytes).expect("it can be written");
        }
    }
    tell(&format!(
        "damaged files {trials}/{trials}: {refused} refused, {later} went on and `verify` tells, the rest went on exactly"
    ));
}
