use std::sync::{Arc, Mutex};

use serde_json::Value;
use theater_flow_kernel::ids::{Digest, Ref};
use theater_flow_kernel::record::Entry;

use super::*;
use crate::causes::Question;
use crate::channels::Pattern;
use crate::journal::tests::{PLAN, genesis, transaction};
use crate::journal::{Commit, Journal};
use crate::letters::Order;
use crate::recover;
use crate::render::Look;
use crate::socket::{Haste, Lines, ReloadAsk, Server, Shown};
use crate::store::SharedStore;

/// Shows a log's bytes and nothing else, and counts how often it was asked.
struct Owner {
    reader: SharedStore,
    asked: Arc<Mutex<u32>>,
}

impl Shown for Owner {
    fn hello(&self) -> Value {
        Value::Null
    }

    fn events(&self, _: u64, _: usize) -> Result<Lines, String> {
        Err(String::new())
    }

    fn pairs(&self, span: &Span) -> Result<Vec<Pair>, String> {
        *self.asked.lock().unwrap() += 1;
        crate::socket::pairs(&self.reader, span)
    }

    fn verify(&self, _: Option<Digest>) -> Result<Value, String> {
        Err(String::new())
    }

    fn tree(&self) -> Result<Value, String> {
        Err(String::new())
    }

    fn show(&self, _: Ref, _: Look) -> Result<Value, String> {
        Err(String::new())
    }

    fn why(&self, _: Question, _: Look) -> Result<Value, String> {
        Err(String::new())
    }

    fn waiting(&self) -> Result<Value, String> {
        Err(String::new())
    }

    fn approve(&self, _: u64, _: bool, _: u32) -> Result<Value, String> {
        Err(String::new())
    }

    fn letters(&self, _: Order, _: u32) -> Result<Value, String> {
        Ok(Value::Null)
    }

    fn reload(&self, _: ReloadAsk, _: u32) -> Result<Value, String> {
        Err(String::from("nothing to reload"))
    }

    fn pause(&self, _: bool, _: u32) -> Result<Value, String> {
        Err(String::new())
    }

    fn send(&self, _: &str, _: String, _: u32) -> Result<Value, String> {
        Err(String::new())
    }

    fn channels(&self) -> Result<(Vec<String>, u64), String> {
        Err(String::new())
    }

    fn messages(&self, _: u64, _: usize, _: &Pattern) -> Result<Lines, String> {
        Err(String::new())
    }

    fn stop(&self, _: &str, _: Haste) {}
}

fn entries(from: u64, to: u64) -> Vec<Arc<Entry>> {
    let lens: &[&[usize]] = &[&[200], &[], &[40_000], &[3_000, 9_000]];
    let each = |seq: u64| transaction(seq, lens[usize::try_from(seq % 4).unwrap()]);
    (from..to).map(each).collect()
}

#[test]
fn a_live_log_is_that_of_one_moment_even_if_its_owner_ends() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("db");
    let store = SledStore::create(&path).unwrap();
    let asked = Arc::<Mutex<u32>>::default();
    let owner = Owner { reader: store.share(), asked: Arc::clone(&asked) };
    let mut journal = Journal::create(store).unwrap();
    let first = [vec![genesis()], entries(1, 400)].concat();
    for (nth, entries) in first.chunks(40).enumerate() {
        let plan = (nth == 0).then_some(PLAN);
        journal.commit(Commit { entries, checkpoint: None, plan }).unwrap();
    }
    let server = Server::start(folder.path(), Arc::new(owner)).unwrap();
    let client = Client::connect(folder.path()).unwrap().unwrap();

    let live = Journal::open(Log::live(&path, client).unwrap()).unwrap();
    assert_eq!(live.flushed(), journal.flushed());
    let mut records = recover::entries(&live, 0).unwrap();
    let mut read: Vec<Entry> = records.by_ref().take(30).map(Result::unwrap).collect();
    let before = *asked.lock().unwrap();
    assert!((3..40).contains(&before), "a record costs no question: {before}");
    // It goes on, and then it is gone.
    let more = entries(400, 450);
    journal.commit(Commit { entries: &more, checkpoint: None, plan: None }).unwrap();
    drop((server, journal));
    read.extend(records.map(Result::unwrap));
    let expected: Vec<Entry> = first.iter().map(|entry| Entry::clone(entry)).collect();
    assert!(read == expected, "{} records", read.len());
    assert_eq!(live.flushed().seq, 400);
    assert_eq!(live.plan(Digest::of(PLAN)).unwrap().as_deref(), Some(PLAN));

    let rest = Journal::open(Log::at_rest(&path).unwrap()).unwrap();
    assert_eq!(rest.flushed().seq, 450);
}
