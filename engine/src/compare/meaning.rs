//! What a record means: a digest that is the same for two records that did the same.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use sha2::{Digest as _, Sha256};
use theater_flow_kernel::ids::{Bytes, PortId, Ref};
use theater_flow_kernel::plan::Plan;
use theater_flow_kernel::record::{Body, Call, Consumed, DeadLetterReason, Part, Payload};

use super::RUN;
use crate::view::{Row, View};

/// Stands for something.
pub(super) type Print = [u8; 16];

/// Stands for what a record means, as far as that is known.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Meaning {
    /// With what its payloads hold; `None` if one of them was erased.
    pub(super) content: Option<Print>,
    /// With what commits to its payloads: two that are equal here are equal.
    pub(super) sealed: Print,
    /// With how long its payloads are.
    pub(super) outline: Print,
}

/// Reads the records of one run, in order.
pub(super) struct Meanings<'a> {
    plan: &'a Plan,
    view: View<'a>,
    /// What each message holds.
    messages: HashMap<Ref, Meaning>,
    letters: Letters,
}

/// The messages that dead letters are about. A letter says which message it is by its number, which is another in
/// another run.
#[derive(Default)]
pub(super) struct Letters(HashSet<String>);

/// Before the number in a letter.
const NUMBER: &[u8] = br#""message":""#;

impl Letters {
    /// The bytes without the numbers in them that letters have.
    pub(super) fn without_numbers<'b>(&self, bytes: &'b [u8]) -> Cow<'b, [u8]> {
        let mut kept: Option<Vec<u8>> = None;
        let mut rest = bytes;
        while !self.0.is_empty()
            && let Some(at) = rest.windows(NUMBER.len()).position(|some| some == NUMBER)
        {
            let (before, after) = rest.split_at(at + NUMBER.len());
            let digits = after.iter().take_while(|byte| matches!(byte, b'0'..=b'9' | b'.')).count();
            let number = str::from_utf8(&after[..digits]).unwrap_or_default();
            let is_known = after.get(digits) == Some(&b'"') && self.0.contains(number);
            rest = if is_known { &after[digits..] } else { after };
            kept.get_or_insert_default().extend_from_slice(before);
        }
        match kept {
            None => Cow::Borrowed(bytes),
            Some(mut kept) => {
                kept.extend_from_slice(rest);
                Cow::Owned(kept)
            }
        }
    }
}

/// Hashes things, each with its length, so that none runs into the next.
struct Hasher {
    content: Sha256,
    sealed: Sha256,
    outline: Sha256,
    erased: bool,
}

impl Hasher {
    fn new(tag: &str) -> Self {
        let (content, sealed, outline) = (Sha256::new(), Sha256::new(), Sha256::new());
        let mut hasher = Self { content, sealed, outline, erased: false };
        hasher.add(tag.as_bytes());
        hasher
    }

    fn add(&mut self, bytes: &[u8]) {
        for hasher in [&mut self.content, &mut self.sealed, &mut self.outline] {
            add(hasher, bytes);
        }
    }

    fn meaning(&mut self, meaning: &Meaning) {
        self.erased |= meaning.content.is_none();
        add(&mut self.content, &meaning.content.unwrap_or_default());
        add(&mut self.sealed, &meaning.sealed);
        add(&mut self.outline, &meaning.outline);
    }

    fn payload(&mut self, named: &Payload, bytes: Option<&Bytes>, letters: &Letters) {
        match bytes {
            Some(bytes) => add(&mut self.content, &letters.without_numbers(bytes)),
            None => self.erased = true,
        }
        add(&mut self.sealed, &named.digest.0);
        // A letter with another number may have another length.
        let len = if letters.0.is_empty() { named.len } else { 0 };
        add(&mut self.outline, &len.to_be_bytes());
    }

    fn finish(self) -> Meaning {
        let Self { content, sealed, outline, erased } = self;
        let content = (!erased).then(|| print(content));
        Meaning { content, sealed: print(sealed), outline: print(outline) }
    }
}

fn add(hasher: &mut Sha256, bytes: &[u8]) {
    hasher.update((bytes.len() as u64).to_be_bytes());
    hasher.update(bytes);
}

fn print(hasher: Sha256) -> Print {
    let mut print = Print::default();
    print.copy_from_slice(&hasher.finalize()[..16]);
    print
}

impl<'a> Meanings<'a> {
    pub(super) fn new(plan: &'a Plan, plans: &'a [Arc<Plan>]) -> Self {
        let (messages, letters) = (HashMap::new(), Letters::default());
        Self { plan, view: View::new(plan).after(plans), messages, letters }
    }

    /// What the dead letters so far are about.
    pub(super) const fn letters(&self) -> &Letters {
        &self.letters
    }

    /// Who did what in this record; `None` if it says nothing about what the run does.
    pub(super) fn of(&mut self, row: &Row) -> Option<(String, Meaning)> {
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
                hasher.payload(&body.args, row.own_payload(), &self.letters);
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
            Body::Received(body) => {
                hasher.add(self.view.port(body.port).as_bytes());
                hasher.payload(&body.value, row.own_payload(), &self.letters);
            }
            Body::Ended(body) => hasher.add(&[body.how as u8]),
            Body::Finished(body) => hasher.add(&[body.status as u8]),
            Body::Escalated(_) => hasher.add(self.view.summary(row).as_bytes()),
            _ => return None,
        }
        let agent = row.record.body.agent().and_then(|id| self.plan.agent(id));
        let name = agent.map_or_else(|| String::from(RUN), |agent| agent.name.clone());
        Some((name, hasher.finish()))
    }

    /// Keeps what the record's messages hold.
    fn learn(&mut self, row: &Row) {
        let seq = row.record.seq;
        if matches!(row.record.body, Body::Transaction(_)) {
            for (i, part, payloads) in row.parts() {
                if let Part::Emission { payload, .. } = part {
                    let mut hasher = Hasher::new("");
                    hasher.payload(payload, known(payloads.first()), &self.letters);
                    self.messages.insert(Ref::part(seq, i), hasher.finish());
                }
            }
        }
        if let Body::Received(body) = &row.record.body {
            let mut hasher = Hasher::new("");
            hasher.payload(&body.value, row.own_payload(), &self.letters);
            self.messages.insert(Ref::record(seq), hasher.finish());
        }
        if let Body::DeadLettered(body) = &row.record.body
            && body.letter.is_some()
        {
            // A letter holds numbers of records; what it is about does not.
            let mut hasher = Hasher::new("letter");
            self.message(&mut hasher, body.message, body.port);
            self.messages.insert(Ref::record(seq), hasher.finish());
            self.letters.0.insert(body.message.to_string());
        }
    }

    fn message(&self, hasher: &mut Hasher, id: Ref, port: PortId) {
        hasher.add(self.view.port(port).as_bytes());
        match self.messages.get(&id) {
            Some(meaning) => hasher.meaning(meaning),
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
                Part::Answer {
                    call: call @ (Call::FilesAppend | Call::FilesReplace),
                    args,
                    ..
                } => {
                    hasher.add(&[b'a', *call as u8]);
                    hasher.payload(args, known(payloads.first()), &self.letters);
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
            for (named, payload) in part.payloads().zip(payloads) {
                hasher.payload(named, known(Some(payload)), &self.letters);
            }
        }
    }
}

/// A payload's bytes; `None` for one that was erased.
fn known(payload: Option<&Option<Bytes>>) -> Option<&Bytes> {
    payload.and_then(Option::as_ref)
}

fn reason(why: &DeadLetterReason) -> &str {
    match why {
        DeadLetterReason::Fault(fault) => &fault.code,
        DeadLetterReason::Crash(_) => "crash",
        DeadLetterReason::Ended => "ended",
        DeadLetterReason::Overflow => "overflow",
        DeadLetterReason::Rounds => "rounds",
        DeadLetterReason::Closed => "closed",
        DeadLetterReason::Unfit => "unfit",
    }
}
