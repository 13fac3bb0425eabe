//! What a run's log says, held against what was promised and what was seen.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader};
use std::process::Stdio;

use serde_json::Value;

use crate::lives::{Copying, Past};

/// Bytes of one write to standard output: what may stand there twice after a kill.
pub const JOB_BYTES: usize = 256 << 10;

/// What the log of a run of [`Copying`] says.
#[derive(Debug, Default)]
pub struct Account {
    /// How many records there are.
    pub records: u64,
    /// The hashes of all records.
    pub hashes: Vec<String>,
    /// When it began, in ms since 1970.
    pub began: u64,
    /// When a process took the run up, and the span of standard output that it writes again.
    pub resumed: Vec<(u64, Option<(usize, usize)>)>,
    /// The messages that each agent consumed, in the order of the log, as (seq, part).
    pub consumed: BTreeMap<String, Vec<(u64, u64)>>,
    /// The line number that each emission carries, by (seq, part).
    pub emitted: BTreeMap<String, BTreeMap<(u64, u64), u64>>,
    /// Crashes: the agent, the kind and the message.
    pub crashes: Vec<(String, String, String)>,
    /// Dead letters, restarts and other signs of trouble.
    pub troubles: Vec<String>,
}

/// The hashes of all records of the newest run, whatever they say.
///
/// # Panics
/// If it cannot be read.
#[must_use]
pub fn hashes(copying: &Copying) -> Vec<String> {
    let ran = copying.command("events @latest --json").output().expect("the program starts");
    assert!(ran.status.success(), "`events` ends with {}", ran.status);
    let text = String::from_utf8(ran.stdout).expect("JSON is text");
    let hash = |line: &str| {
        let record: Value = serde_json::from_str(line).expect("each line is JSON");
        record["hash"].as_str().expect("a hash").to_owned()
    };
    text.lines().map(hash).collect()
}

impl Account {
    /// Reads the newest run's log with `events --json`.
    ///
    /// # Panics
    /// If that fails.
    #[must_use]
    pub fn of(copying: &Copying) -> Self {
        let mut command = copying.command("events @latest --json");
        let mut child = command.stdout(Stdio::piped()).spawn().expect("the program starts");
        let mut account = Self::default();
        for line in BufReader::new(child.stdout.take().expect("it is piped")).lines() {
            let line = line.expect("JSON is text");
            account.add(&serde_json::from_str(&line).expect("each line is JSON"));
        }
        let status = child.wait().expect("the child is there");
        assert!(status.success(), "`events` ends with {status}");
        account
    }

    fn add(&mut self, record: &Value) {
        assert_eq!(record["seq"], self.records, "records are numbered without gaps");
        self.records += 1;
        self.hashes.push(record["hash"].as_str().expect("a hash").to_owned());
        let agent = || record["agent"].as_str().unwrap_or("?").to_owned();
        match record["kind"].as_str().expect("a kind") {
            "genesis" => self.began = number(&record["at"]),
            "resumed" => self.resumed.push((number(&record["at"]), repeated(record))),
            "transaction" => self.transaction(record, agent()),
            "crashed" => {
                let word = |key: &str| record["crash"][key].as_str().unwrap_or("?").to_owned();
                self.crashes.push((agent(), word("kind"), word("message")));
            }
            kind @ ("dead-lettered" | "restarted" | "escalated" | "faulted") => {
                self.troubles.push(format!("{kind}: {}", record["summary"]));
            }
            _ => {}
        }
    }

    fn transaction(&mut self, record: &Value, agent: String) {
        if record["consumed"]["kind"] == "message" {
            let id = record["consumed"]["id"].as_str().and_then(|id| id.split_once('.'));
            let (seq, part) = id.expect("a message is a part");
            let id = (seq.parse().expect("a seq"), part.parse().expect("a part"));
            self.consumed.entry(agent.clone()).or_default().push(id);
        }
        let emitted = self.emitted.entry(agent).or_default();
        for part in record["parts"].as_array().into_iter().flatten() {
            if part["kind"] == "emission" {
                let id = (number(&record["seq"]), number(&part["i"]));
                emitted.insert(id, number(&part["value"]["line"]));
            }
        }
    }

    /// Every line was emitted once by each producer and consumed once by each reader, in order.
    ///
    /// # Panics
    /// If not.
    pub fn check_messages(&self, lines: u64) {
        for producer in ["lines", "notes"] {
            let numbers = self.emitted.get(producer).into_iter().flat_map(BTreeMap::values);
            assert!(numbers.copied().eq(1..=lines), "`{producer}` emits each line once, in order");
        }
        for (reader, producer) in [("notes", "lines"), ("findings", "notes"), ("print", "notes")] {
            let emitted = self.emitted[producer].keys();
            let consumed = self.consumed.get(reader).into_iter().flatten();
            assert!(consumed.eq(emitted), "`{reader}` consumes each message once, in order");
        }
        assert_eq!(self.troubles, Vec::<String>::new());
        assert_eq!(self.crashes, vec![]);
    }

    /// Standard output holds what it must exactly once, but that each process may write again what the
    /// log says it does, and no more of it than one write. Gives the bytes that stand there twice.
    ///
    /// # Panics
    /// If not.
    #[must_use]
    pub fn check_printed(&self, copying: &Copying, past: &[Past]) -> usize {
        let stdout = copying.read("stdout.txt");
        let (mut reached, mut twice) = (0, 0);
        for (nth, past) in past.iter().enumerate() {
            let bytes = &stdout[past.printed.0..past.printed.1];
            if bytes.is_empty() {
                continue;
            }
            let from = self.begins_at(past, reached);
            assert!(from <= reached, "process {nth} leaves out {from}..{reached}");
            assert!(reached - from <= JOB_BYTES, "process {nth} repeats {from}..{reached}");
            let must = copying.printed.get(from..from + bytes.len());
            assert!(must == Some(bytes), "process {nth} prints something else from {from} on");
            twice += bytes.len().min(reached - from);
            reached = reached.max(from + bytes.len());
        }
        assert_eq!(reached, copying.printed.len(), "all of it is printed");
        twice
    }

    /// Where a process that prints begins, as the record of its having begun the run or taken it up says.
    fn begins_at(&self, past: &Past, reached: usize) -> usize {
        let lived = past.lived.0..=past.lived.1;
        let Some((_, repeated)) = self.resumed.iter().rfind(|(at, _)| lived.contains(at)) else {
            assert!(lived.contains(&self.began), "who prints has said that it took the run up");
            return 0;
        };
        match *repeated {
            None => reached,
            Some((from, to)) => {
                assert!(reached <= to, "{reached} bytes are there, only {from}..{to} may repeat");
                from
            }
        }
    }
}

fn repeated(record: &Value) -> Option<(usize, usize)> {
    let spans = record["repeated"].as_array().expect("a list of spans");
    assert!(spans.len() <= 1, "one agent prints");
    let span = spans.first()?;
    assert_eq!(span["agent"], "print");
    let at = |key: &str| usize::try_from(number(&span[key])).expect("it fits in memory");
    Some((at("from"), at("to")))
}

fn number(value: &Value) -> u64 {
    value.as_u64().unwrap_or_else(|| panic!("{value} is a number"))
}
