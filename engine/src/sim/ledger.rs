//! The ledger: what the durable log allows to be done, and what of it may be confirmed.

use std::collections::{BTreeMap, BTreeSet};

use theater_flow_kernel::ids::{AgentId, Bytes};
use theater_flow_kernel::record::{Body, Confirmed, Entry, Known, Part, SinkId, Transaction};
use theater_flow_kernel::state::WriteWhat;

use super::machine::Machine;
use crate::driver::{Errand, Job};

type Key = (AgentId, SinkId);

/// See the [module](self).
#[derive(Debug, Default)]
pub(super) struct Ledger {
    /// Bytes that durable records stage, by where they begin.
    staged: BTreeMap<(Key, u64), Bytes>,
    /// Sinks that durable records close.
    closed: BTreeSet<Key>,
    /// Files by their path, with what is written beside them.
    opened: BTreeMap<Key, Opened>,
    /// Agents that have opened a path anew, or ended: what they had open may be given up.
    renewed: BTreeSet<AgentId>,
    /// What jobs have done: all bytes before an offset, and that the sink is closed.
    done: BTreeMap<Key, (u64, bool)>,
    /// The keys of intents.
    keys: BTreeMap<u64, String>,
    /// By key: how often durable records ask for it, at first and again when nobody knew.
    asked: BTreeMap<String, usize>,
}

#[derive(Debug)]
struct Opened {
    path: String,
    replace: bool,
}

impl Ledger {
    /// A record is durable.
    pub(super) fn note(&mut self, entry: &Entry) {
        match &entry.body {
            Body::Transaction(body) => self.parts(entry, body),
            Body::Ended(body) => {
                self.renewed.insert(body.agent);
            }
            Body::Intent(body) => {
                self.keys.insert(entry.seq, body.key.clone());
                *self.asked.entry(body.key.clone()).or_default() += 1;
            }
            Body::Outcome(body) if body.how == Known::Repeated => {
                let key = self.keys.get(&body.intent).cloned().unwrap_or_default();
                *self.asked.entry(key).or_default() += 1;
            }
            _ => {}
        }
    }

    /// An errand that no durable record asks for, or not so often.
    pub(super) fn too_often(&self, errand: &Errand, machine: &Machine) -> Option<String> {
        let asked = self.asked.get(&errand.key).copied().unwrap_or(0);
        let done = machine.asks().iter().filter(|key| **key == errand.key).count();
        (done >= asked).then(|| format!("{} is done again after {done}, of {asked}", errand.key))
    }

    fn parts(&mut self, entry: &Entry, body: &Transaction) {
        let agent = body.by.agent;
        let mut payloads = entry.payloads.iter();
        for part in &body.parts {
            let first = payloads.clone().next();
            let _ = payloads.by_ref().take(part.payloads().count()).count();
            match (part, first) {
                (Part::Staged { sink, offset, .. }, Some(bytes)) => {
                    self.staged.insert(((agent, *sink), *offset), bytes.clone());
                }
                (Part::Closed { sink, .. }, _) => {
                    self.closed.insert((agent, *sink));
                }
                (Part::Opened { sink, path, replace, .. }, _) => {
                    self.renewed.insert(agent);
                    let opened = Opened { path: path.clone(), replace: *replace };
                    self.opened.insert((agent, *sink), opened);
                }
                _ => {}
            }
        }
    }

    /// What a job does that no durable record asks for.
    pub(super) fn too_early(&self, job: &Job) -> Option<String> {
        let key = (job.agent, job.sink);
        let allowed = |op: &WriteWhat| match op {
            // What stands at the same place behind nothing takes its place here.
            WriteWhat::Bytes { bytes, .. } if bytes.is_empty() => self.opened.contains_key(&key),
            WriteWhat::Bytes { offset, bytes } => self.staged.get(&(key, *offset)) == Some(bytes),
            WriteWhat::Close => self.closed.contains(&key) || self.renewed.contains(&job.agent),
            WriteWhat::Abandon => self.renewed.contains(&job.agent),
        };
        let op = job.ops.iter().find(|op| !allowed(op))?;
        Some(format!("{key:?}: {op:?} is done before it is durable"))
    }

    /// A job was done.
    pub(super) fn did(&mut self, key: Key, done: (u64, bool)) {
        self.done.insert(key, done);
    }

    /// What records confirm that no job did, or that is not there.
    pub(super) fn unfounded(&self, entry: &Entry, machine: &Machine) -> Option<String> {
        let Body::Confirmed(Confirmed { agent, sink, upto, closed }) = entry.body else {
            return None;
        };
        let key = (agent, sink);
        let (done, was_closed) = self.done.get(&key).copied().unwrap_or_default();
        let there = if closed { upto } else { self.there(key, machine) };
        let founded = upto <= done && upto <= there && (was_closed || !closed);
        let seq = entry.seq;
        (!founded).then(|| format!("record {seq} confirms {upto} of {key:?}: {done}, {there}"))
    }

    /// How many bytes of a sink are safe from a power cut.
    fn there(&self, key: Key, machine: &Machine) -> u64 {
        let (agent, sink) = key;
        if sink == SinkId::STDOUT {
            let mine = machine.prints().into_iter().filter(|print| print.agent == agent);
            return mine.map(|print| print.offset + print.bytes.len() as u64).max().unwrap_or(0);
        }
        let Some(opened) = self.opened.get(&key) else {
            return 0;
        };
        machine.synced_len(&opened.path, opened.replace)
    }
}
