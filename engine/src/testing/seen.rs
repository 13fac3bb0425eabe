//! What came of a run, read from its log as it was written.

use std::collections::BTreeMap;

use serde_json::Value;
use theater_flow_kernel::ids::{AgentId, Bytes, Digest, PortId, Ref};
use theater_flow_kernel::record::{Body, Consumed, DeadLetterReason, Entry, Part};

use super::stage::Stage;
use crate::journal::Journal;
use crate::recover::{self, RecoverError};
use crate::sim::Machine;
use crate::view::{self, Row, View};

/// What a run did.
#[derive(Default)]
pub(super) struct Seen {
    /// By port: what was sent from an output, and what was handled from an input.
    pub(super) messages: BTreeMap<PortId, Vec<Value>>,
    /// Dead letters, in order.
    pub(super) letters: Vec<Set>,
    /// Standard output.
    pub(super) stdout: Vec<u8>,
    /// The files that are there now.
    pub(super) files: BTreeMap<String, Vec<u8>>,
    /// What went wrong, and how often in a row.
    troubles: Vec<(String, u64)>,
    rows: Vec<Row>,
    bodies: BTreeMap<Ref, Bytes>,
}

/// A message that was set aside.
pub(super) struct Set {
    pub(super) agent: AgentId,
    pub(super) code: String,
    pub(super) body: Value,
}

/// Troubles that are told.
const TOLD: usize = 5;

impl Seen {
    pub(super) fn of(machine: &Machine, stage: &Stage) -> Result<Self, RecoverError> {
        let mut seen = Self::default();
        let journal = Journal::open(machine.log().open())?;
        let view = View::new(&stage.plan);
        for entry in recover::entries(&journal, 0)? {
            let entry = entry?;
            seen.note(&entry);
            let row = Row::of_entry(&entry, Digest::default(), Digest::default());
            seen.trouble(&view, &row);
            seen.rows.push(row);
        }
        for print in machine.prints() {
            seen.stdout.extend(print.bytes);
        }
        let file = |path: String| Some((machine.file(&path)?, path));
        seen.files =
            machine.paths().into_iter().filter_map(file).map(|(b, path)| (path, b)).collect();
        Ok(seen)
    }

    /// How many records there are.
    pub(super) fn records(&self) -> u64 {
        self.rows.len() as u64
    }

    /// How many records are of a kind, or have a part of it, and are about the agent if one is named.
    pub(super) fn count(&self, stage: &Stage, kind: &str, agent: Option<AgentId>) -> u64 {
        let shown = |row: &&Row| match row.record.body.agent() {
            Some(about) => !stage.is_hidden(about) || agent == Some(about),
            None => true,
        };
        let wanted = self.rows.iter().filter(shown);
        let wanted = wanted.filter(|row| view::is_about_kind(row, agent, kind));
        wanted.count() as u64
    }

    fn note(&mut self, entry: &Entry) {
        match &entry.body {
            Body::Transaction(body) => {
                if let Consumed::Message { id, port } = &body.consumed {
                    let value = self.body(*id);
                    self.messages.entry(*port).or_default().push(value);
                }
                self.emitted(entry, &body.parts);
            }
            Body::DeadLettered(body) => {
                if let Some(letter) = body.letter.as_ref().and(entry.payloads.last()) {
                    self.bodies.insert(Ref::record(entry.seq), letter.clone());
                }
                let (agent, code) = (body.agent, code(&body.why));
                self.letters.push(Set { agent, code, body: self.body(body.message) });
            }
            _ => {}
        }
    }

    fn emitted(&mut self, entry: &Entry, parts: &[Part]) {
        let mut payloads = entry.payloads.iter();
        for (nth, part) in (0..).zip(parts) {
            let first = payloads.clone().next();
            let _ = payloads.by_ref().take(part.payloads().count()).count();
            if let (Part::Emission { port, .. }, Some(bytes)) = (part, first) {
                let id = Ref::part(entry.seq, nth);
                self.bodies.insert(id, bytes.clone());
                let value = self.body(id);
                self.messages.entry(*port).or_default().push(value);
            }
        }
    }

    /// A message. The engine has checked that it is JSON.
    fn body(&self, id: Ref) -> Value {
        let bytes = self.bodies.get(&id);
        bytes.and_then(|bytes| serde_json::from_slice(bytes).ok()).unwrap_or_default()
    }

    /// Keeps the first of what went wrong; what comes again is counted.
    fn trouble(&mut self, view: &View<'_>, row: &Row) {
        for line in view.logs(row).into_iter().filter(|line| line.level == "error") {
            let text = format!("{} [{}] {}", line.agent, line.kind, line.text.trim_end());
            if let Some((_, times)) = self.troubles.last_mut().filter(|(last, _)| *last == text) {
                *times += 1;
            } else if self.troubles.len() < TOLD {
                self.troubles.push((text, 1));
            }
        }
    }

    /// What went wrong, one line each.
    pub(super) fn troubles(&self) -> Vec<String> {
        let line = |(text, times): &(String, u64)| match times {
            1 => text.clone(),
            more => format!("{text} ({more} times)"),
        };
        self.troubles.iter().map(line).collect()
    }
}

/// As the dead-letter agent is told.
fn code(why: &DeadLetterReason) -> String {
    match why {
        DeadLetterReason::Fault(fault) => fault.code.clone(),
        DeadLetterReason::Crash(_) => String::from("crash"),
        DeadLetterReason::Ended => String::from("ended"),
        DeadLetterReason::Overflow => String::from("overflow"),
        DeadLetterReason::Rounds => String::from("rounds"),
        DeadLetterReason::Closed => String::from("closed"),
        DeadLetterReason::Unfit => String::from("unfit"),
    }
}
