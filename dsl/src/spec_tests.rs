//! From the tree to the [`TestSpec`]s: the shape of `[[tests]]`. What is named there is looked up in
//! `check_tests`.

use std::collections::BTreeSet;

use serde_json::{Map, Value};
use theater_flow_kernel::ids;
use theater_flow_kernel::record::{Crash, CrashKind};

use crate::codes;
use crate::fault::Fault;
use crate::notes::Notes;
use crate::span::{At, Span};
use crate::table::{Table, duration, string, strings, table, whole, word, wrong_kind};
use crate::testing::Ends;
use crate::tree::{Entry, Node, Tree};
use crate::values::scalar;

/// `[[tests]]`.
#[derive(Debug)]
pub(crate) struct TestSpec {
    pub(crate) name: At<String>,
    pub(crate) seed: u64,
    pub(crate) params: Vec<Entry>,
    pub(crate) env: Vec<(String, String)>,
    pub(crate) given: Vec<GivenSpec>,
    pub(crate) mocks: Vec<MockSpec>,
    pub(crate) run: Vec<At<String>>,
    pub(crate) files: Vec<(At<String>, Text)>,
    pub(crate) stdin: Option<Text>,
    pub(crate) stop_ms: Option<u64>,
    pub(crate) expect: ExpectSpec,
}

/// A text, or the file that holds it.
#[derive(Clone, Debug)]
pub(crate) enum Text {
    Plain(At<String>),
    File(At<String>),
}

/// Messages by the port's name.
#[derive(Debug)]
pub(crate) struct GivenSpec {
    pub(crate) port: At<String>,
    pub(crate) values: Vec<At<Value>>,
}

/// `mocks = { <agent> = … }`.
#[derive(Debug)]
pub(crate) struct MockSpec {
    pub(crate) agent: At<String>,
    pub(crate) replies: Vec<ReplySpec>,
    pub(crate) otherwise: Option<ReplySpec>,
}

/// One reply.
#[derive(Debug)]
pub(crate) enum ReplySpec {
    Emit(Vec<(At<String>, At<Value>)>),
    Fault(ids::Fault),
    Crash(Crash),
}

/// `expect = { … }`.
#[derive(Debug, Default)]
pub(crate) struct ExpectSpec {
    pub(crate) messages: Vec<MessagesSpec>,
    pub(crate) records: Vec<RecordsSpec>,
    pub(crate) dead_letters: Option<At<Vec<LetterSpec>>>,
    pub(crate) files: Vec<(At<String>, Text)>,
    pub(crate) stdout: Option<Text>,
    pub(crate) status: Option<At<Ends>>,
}

#[derive(Debug)]
pub(crate) struct MessagesSpec {
    pub(crate) port: At<String>,
    pub(crate) values: Vec<At<Value>>,
    pub(crate) exact: bool,
    pub(crate) count: Option<At<u64>>,
}

#[derive(Debug)]
pub(crate) struct RecordsSpec {
    pub(crate) kind: At<String>,
    pub(crate) agent: Option<At<String>>,
    pub(crate) count: Option<u64>,
}

#[derive(Debug)]
pub(crate) struct LetterSpec {
    pub(crate) agent: At<String>,
    pub(crate) code: Option<String>,
    pub(crate) body: Option<Value>,
}

const CRASHES: &[(&str, CrashKind)] = &[
    ("trap", CrashKind::Trap),
    ("fuel", CrashKind::Fuel),
    ("memory", CrashKind::Memory),
    ("limit", CrashKind::Limit),
    ("timeout", CrashKind::Timeout),
];

const ENDS: &[(&str, Ends)] = &[
    ("completed", Ends::Completed),
    ("degraded", Ends::Degraded),
    ("failed", Ends::Failed),
    ("stopped", Ends::Stopped),
];

/// More of anything than a test could count.
const COUNT_MAX: u64 = 1 << 32;

/// Reads all of `[[tests]]`. No two have one name.
pub(crate) fn tests(entry: Option<&Entry>, notes: &mut Notes<'_>) -> Vec<TestSpec> {
    let Some(entry) = entry else { return Vec::new() };
    let items = array("an array of tables: `[[tests]]`", &entry.value, notes).unwrap_or_default();
    let tests: Vec<TestSpec> = items.iter().filter_map(|node| test(node, notes)).collect();
    let mut names = BTreeSet::new();
    for test in &tests {
        let name = &test.name;
        let wrong = match name.value.trim() {
            "" => "a test's name is empty".to_owned(),
            known if !names.insert(known) => format!("two tests are called `{known}`"),
            _ => continue,
        };
        let fault = Fault::new(codes::TEST_NAME, wrong).label(name.span, "this name");
        notes.fault(fault.help("give each test a name that says what it shows"));
    }
    tests
}

fn test(node: &Node, notes: &mut Notes<'_>) -> Option<TestSpec> {
    let mut table = Table::new("a test", node.span, table(node, notes)?);
    let name = table.need("name", notes, string);
    let spec = TestSpec {
        name: name.unwrap_or_else(|| At::new("?".to_owned(), node.span)),
        seed: table.read("seed", notes, whole(0, i64::MAX.unsigned_abs())).map_or(0, |n| n.value),
        params: each(table.get("params"), notes, |entry, _| Some(entry.clone())),
        env: each(table.get("env"), notes, |entry, notes| {
            Some((entry.key.value.clone(), string(&entry.value, notes)?))
        }),
        given: each(table.get("given"), notes, given),
        mocks: each(table.get("mocks"), notes, mock),
        run: table.read("run", notes, strings).map_or_else(Vec::new, |read| read.value),
        files: each(table.get("files"), notes, named_text),
        stdin: table.read("stdin", notes, text).map(|read| read.value),
        stop_ms: table.read("stop", notes, duration).map(|read| read.value),
        expect: table.read("expect", notes, expect).map(|read| read.value).unwrap_or_default(),
    };
    table.finish(notes);
    Some(spec)
}

/// Reads every entry of a table of named things; none if there is no such table.
fn each<T>(
    entry: Option<&Entry>,
    notes: &mut Notes<'_>,
    mut read: impl FnMut(&Entry, &mut Notes<'_>) -> Option<T>,
) -> Vec<T> {
    let entries = entry.and_then(|entry| table(&entry.value, notes)).unwrap_or_default();
    entries.iter().filter_map(|entry| read(entry, notes)).collect()
}

fn array<'t>(wanted: &str, node: &'t Node, notes: &mut Notes<'_>) -> Option<&'t [Node]> {
    if let Tree::Array(items) = &node.tree {
        return Some(items);
    }
    wrong_kind(wanted, node, notes);
    None
}

/// A value as JSON. A test's messages hold no references: a table with one key `file` is a message.
fn value(node: &Node, notes: &mut Notes<'_>) -> Option<Value> {
    match &node.tree {
        Tree::Table(entries) => {
            let mut object = Map::new();
            for entry in entries {
                object.insert(entry.key.value.clone(), value(&entry.value, notes)?);
            }
            Some(Value::Object(object))
        }
        Tree::Array(items) => {
            let values: Option<Vec<Value>> = items.iter().map(|node| value(node, notes)).collect();
            values.map(Value::Array)
        }
        _ => scalar(node, notes),
    }
}

/// A list of messages, each with its place.
fn values(node: &Node, notes: &mut Notes<'_>) -> Option<Vec<At<Value>>> {
    let items = array("a list of messages", node, notes)?;
    let read = |node: &Node| Some(At::new(value(node, notes)?, node.span));
    Some(items.iter().filter_map(read).collect())
}

fn given(entry: &Entry, notes: &mut Notes<'_>) -> Option<GivenSpec> {
    Some(GivenSpec { port: entry.key.clone(), values: values(&entry.value, notes)? })
}

fn mock(entry: &Entry, notes: &mut Notes<'_>) -> Option<MockSpec> {
    let agent = entry.key.clone();
    let mut table = Table::of(format!("the mock of `{}`", agent.value), entry, notes)?;
    let replies = |node: &Node, notes: &mut Notes<'_>| {
        let items = array("a list of replies", node, notes)?;
        Some(items.iter().filter_map(|node| reply(node, notes)).collect())
    };
    let spec = MockSpec {
        replies: table.read("replies", notes, replies).map_or_else(Vec::new, |read| read.value),
        otherwise: table.read("otherwise", notes, reply).map(|read| read.value),
        agent,
    };
    table.finish(notes);
    Some(spec)
}

/// `{ out = … }`, `[{ out = … }, …]`, `{ fault = "…" }` or `{ crash = "…" }`.
fn reply(node: &Node, notes: &mut Notes<'_>) -> Option<ReplySpec> {
    let items = match &node.tree {
        Tree::Array(items) => items.as_slice(),
        _ => std::slice::from_ref(node),
    };
    if let [one] = items
        && let Some(key) = failing(one)
    {
        return failure(one, key, notes);
    }
    let mut sent = Vec::new();
    for node in items {
        for entry in table(node, notes)? {
            let value = value(&entry.value, notes)?;
            sent.push((entry.key.clone(), At::new(value, entry.value.span)));
        }
    }
    Some(ReplySpec::Emit(sent))
}

/// `fault` or `crash`, if the reply is one: beside it stand only strings, as an output could have, too.
fn failing(node: &Node) -> Option<&'static str> {
    let entries = node.entries()?;
    let is_text = |entry: &Entry| matches!(entry.value.tree, Tree::String(_));
    let has = |key: &&str| entries.iter().any(|entry| entry.key.value == **key);
    let key = ["fault", "crash"].into_iter().find(|key| has(key));
    key.filter(|_| entries.iter().all(is_text))
}

fn failure(node: &Node, key: &str, notes: &mut Notes<'_>) -> Option<ReplySpec> {
    let mut table = Table::new("a reply that fails", node.span, table(node, notes)?);
    let said = |message: Option<At<String>>| {
        message.map_or_else(|| "as the test says".to_owned(), |message| message.value)
    };
    let spec = if key == "fault" {
        let code = table.read("fault", notes, string).map(|code| code.value);
        let message = said(table.read("message", notes, string));
        code.map(|code| ReplySpec::Fault(ids::Fault { code, message }))
    } else {
        let kind = table.read("crash", notes, word(CRASHES)).map(|kind| kind.value);
        let message = said(table.read("message", notes, string));
        kind.map(|kind| ReplySpec::Crash(Crash { kind, message }))
    };
    table.finish(notes);
    spec
}

/// A text, or `{ file = "…" }`.
fn text(node: &Node, notes: &mut Notes<'_>) -> Option<Text> {
    match &node.tree {
        Tree::String(text) => Some(Text::Plain(At::new(text.clone(), node.span))),
        Tree::Table(entries) => {
            let mut table = Table::new("a text", node.span, entries);
            let name = table.need("file", notes, string);
            table.finish(notes);
            name.map(Text::File)
        }
        _ => {
            wrong_kind("a string, or { file = \"…\" }", node, notes);
            None
        }
    }
}

fn named_text(entry: &Entry, notes: &mut Notes<'_>) -> Option<(At<String>, Text)> {
    Some((entry.key.clone(), text(&entry.value, notes)?))
}

fn expect(node: &Node, notes: &mut Notes<'_>) -> Option<ExpectSpec> {
    let mut table = Table::new("`expect`", node.span, table(node, notes)?);
    let records = |node: &Node, notes: &mut Notes<'_>| {
        let items = array("a list of records", node, notes)?;
        Some(items.iter().filter_map(|node| records(node, notes)).collect())
    };
    let letters = |node: &Node, notes: &mut Notes<'_>| {
        let items = array("a list of dead letters", node, notes)?;
        Some(items.iter().filter_map(|node| letter(node, notes)).collect())
    };
    let spec = ExpectSpec {
        messages: each(table.get("messages"), notes, messages),
        records: table.read("records", notes, records).map_or_else(Vec::new, |read| read.value),
        dead_letters: table.read("dead_letters", notes, letters),
        files: each(table.get("files"), notes, named_text),
        stdout: table.read("stdout", notes, text).map(|read| read.value),
        status: table.read("status", notes, word(ENDS)),
    };
    table.finish(notes);
    Some(spec)
}

/// `[…]`, or `{ contains = […], count = 2 }`.
fn messages(entry: &Entry, notes: &mut Notes<'_>) -> Option<MessagesSpec> {
    let port = entry.key.clone();
    if entry.value.entries().is_none() {
        let values = values(&entry.value, notes)?;
        return Some(MessagesSpec { port, values, exact: true, count: None });
    }
    let mut table = Table::of(format!("what is expected on `{}`", port.value), entry, notes)?;
    let contains = table.read("contains", notes, values);
    let count = table.read("count", notes, whole(0, COUNT_MAX));
    table.finish(notes);
    let values = contains.map_or_else(Vec::new, |read| read.value);
    Some(MessagesSpec { port, values, exact: false, count })
}

fn records(node: &Node, notes: &mut Notes<'_>) -> Option<RecordsSpec> {
    let mut table = Table::new("a record", node.span, table(node, notes)?);
    let kind = table.need("kind", notes, string);
    let agent = table.read("agent", notes, string);
    let count = table.read("count", notes, whole(0, COUNT_MAX)).map(|read| read.value);
    table.finish(notes);
    Some(RecordsSpec { kind: kind?, agent, count })
}

fn letter(node: &Node, notes: &mut Notes<'_>) -> Option<LetterSpec> {
    let mut table = Table::new("a dead letter", node.span, table(node, notes)?);
    let agent = table.need("agent", notes, string);
    let code = table.read("code", notes, string).map(|read| read.value);
    let body = table.read("body", notes, value).map(|read| read.value);
    table.finish(notes);
    Some(LetterSpec { agent: agent?, code, body })
}

/// Where a text stands.
pub(crate) const fn place(text: &Text) -> Span {
    match text {
        Text::Plain(text) | Text::File(text) => text.span,
    }
}
