//! What a record means: a digest that is the same for two records that did the same.

use std::collections::HashMap;

use sha2::{Digest as _, Sha256};
use theater_flow_kernel::ids::{Bytes, PortId, Ref};
use theater_flow_kernel::plan::Plan;
use theater_flow_kernel::record::{Body, Call, Consumed, DeadLetterReason, Part};

use super::RUN;
use crate::view::{Row, View};

/// Stands for what a record means.
pub(super) type Print = [u8; 16];

/// Reads the records of one run, in order.
pub(super) struct Meanings<'a> {
    plan: &'a Plan,
    view: View<'a>,
    /// What each message holds.
    messages: HashMap<Ref, Print>,
}

/// Hashes things, each with its length, so that none runs into the next.
struct Hasher(Sha256);

impl Hasher {
    fn new(tag: &str) -> Self {
        Self(Sha256::new()).with(tag.as_bytes())
    }

    fn with(mut self, bytes: &[u8]) -> Self {
        self.add(bytes);
        self
    }

    fn add(&mut self, bytes: &[u8]) {
        self.0.update((bytes.len() as u64).to_be_bytes());
        self.0.update(bytes);
    }

    fn print(self) -> Print {
        let mut print = Print::default();
        print.copy_from_slice(&self.0.finalize()[..16]);
        print
    }
}

impl<'a> Meanings<'a> {
    pub(super) fn new(plan: &'a Plan) -> Self {
        Self { plan, view: View::new(plan), messages: HashMap::new() }
    }

    /// Who did what in this record; `None` if it says nothing about what the run does.
    pub(super) fn of(&mut self, row: &Row) -> Option<(String, Print)> {
        self.learn(row);
        let mut hasher = Hasher::new(row.record.body.kind());
        match &row.record.body {
            Body::Transaction(body) => {
                self.consumed(&mut hasher, &body.consumed);
                self.parts(&mut hasher, row);
                hasher.add(&[body.next as u8]);
            }
            Body::Faulted(body) => {
                self.consumed(&mut hasher, &body.consumed);
                self.parts(&mut hasher, row);
                hasher.add(body.fault.code.as_bytes());
                hasher.add(body.fault.message.as_bytes());
            }
            Body::Crashed(body) => {
                if let Some(consumed) = &body.consumed {
                    self.consumed(&mut hasher, consumed);
                }
                hasher.add(&[body.crash.kind as u8]);
            }
            // What came of it shows in what the guest then does: it may be made twice, if nobody knew.
            Body::Intent(body) => {
                self.consumed(&mut hasher, &body.consumed);
                self.parts(&mut hasher, row);
                hasher.add(&[body.call as u8]);
                hasher.add(row.own_payload().map_or(&[][..], |asked| asked));
            }
            Body::DeadLettered(body) => {
                self.message(&mut hasher, body.message, body.port);
                hasher.add(reason(&body.why).as_bytes());
            }
            Body::Dropped(body) => {
                for message in &body.messages {
                    self.message(&mut hasher, *message, body.port);
                }
            }
            Body::Ended(body) => hasher.add(&[body.how as u8]),
            Body::Finished(body) => hasher.add(&[body.status as u8]),
            Body::Escalated(_) => hasher.add(self.view.summary(row).as_bytes()),
            _ => return None,
        }
        let agent = row.record.body.agent().and_then(|id| self.plan.agent(id));
        let name = agent.map_or_else(|| String::from(RUN), |agent| agent.name.clone());
        Some((name, hasher.print()))
    }

    /// Keeps what the record's messages hold.
    fn learn(&mut self, row: &Row) {
        let seq = row.record.seq;
        if matches!(row.record.body, Body::Transaction(_)) {
            for (i, part, payloads) in row.parts() {
                if let Part::Emission { .. } = part {
                    let print = Hasher::new("").with(known(payloads.first())).print();
                    self.messages.insert(Ref::part(seq, i), print);
                }
            }
        }
        if let (Body::DeadLettered(body), Some(_)) = (&row.record.body, row.own_payload()) {
            // A letter holds numbers of records; what it is about does not.
            let mut hasher = Hasher::new("letter");
            self.message(&mut hasher, body.message, body.port);
            self.messages.insert(Ref::record(seq), hasher.print());
        }
    }

    fn message(&self, hasher: &mut Hasher, id: Ref, port: PortId) {
        hasher.add(self.view.port(port).as_bytes());
        match self.messages.get(&id) {
            Some(print) => hasher.add(print),
            // Of a record before what is compared, which both runs have.
            None => hasher.add(id.to_string().as_bytes()),
        }
    }

    fn consumed(&self, hasher: &mut Hasher, consumed: &Consumed) {
        match consumed {
            Consumed::Start => hasher.add(b"start"),
            Consumed::Pull => hasher.add(b"pull"),
            Consumed::Message { id, port } => {
                hasher.add(b"message");
                self.message(hasher, *id, *port);
            }
            Consumed::Closed { port } => {
                hasher.add(b"closed");
                hasher.add(self.view.port(*port).as_bytes());
            }
            Consumed::Timer { name } => {
                hasher.add(b"timer");
                hasher.add(name.as_bytes());
            }
        }
    }

    fn parts(&self, hasher: &mut Hasher, row: &Row) {
        for (_, part, payloads) in row.parts() {
            match part {
                Part::Emission { port, .. } => {
                    hasher.add(b"emission");
                    hasher.add(self.view.port(*port).as_bytes());
                }
                // What time it is and what chance gives is never the same twice.
                Part::Answer { call: call @ (Call::ClockNow | Call::RandomBytes), .. } => {
                    hasher.add(&[b'a', *call as u8]);
                    continue;
                }
                // Where a file stands that is to be written is another place in a fork.
                Part::Answer { call: call @ (Call::FilesAppend | Call::FilesReplace), .. } => {
                    hasher.add(&[b'a', *call as u8]);
                    hasher.add(known(payloads.first()));
                    continue;
                }
                Part::Answer { call, .. } => hasher.add(&[b'a', *call as u8]),
                Part::Denial { call, .. } => hasher.add(&[b'd', *call as u8]),
                Part::Opened { name, base, replace, .. } => {
                    hasher.add(name.as_bytes());
                    hasher.add(&base.to_be_bytes());
                    hasher.add(&[u8::from(*replace)]);
                }
                // Where in a file it stands follows from the order, which is no difference.
                Part::Staged { .. } => hasher.add(b"staged"),
                Part::Closed { .. } => hasher.add(b"closed"),
                Part::Log { level, .. } => hasher.add(&[b'l', *level as u8]),
                Part::LogDropped { lines } => hasher.add(&lines.to_be_bytes()),
                Part::TimerSet { name, after_ms } => {
                    hasher.add(name.as_bytes());
                    hasher.add(&after_ms.to_be_bytes());
                }
                Part::TimerCancelled { name } => {
                    hasher.add(b"cancelled");
                    hasher.add(name.as_bytes());
                }
            }
            for payload in payloads {
                hasher.add(known(Some(payload)));
            }
        }
    }
}

/// A payload's bytes; nothing for one that was erased.
fn known(payload: Option<&Option<Bytes>>) -> &[u8] {
    payload.and_then(Option::as_deref).unwrap_or_default()
}

fn reason(why: &DeadLetterReason) -> &str {
    match why {
        DeadLetterReason::Fault(fault) => &fault.code,
        DeadLetterReason::Crash(_) => "crash",
        DeadLetterReason::Ended => "ended",
        DeadLetterReason::Overflow => "overflow",
        DeadLetterReason::Rounds => "rounds",
        DeadLetterReason::Closed => "closed",
    }
}
