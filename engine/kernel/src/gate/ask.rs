//! Asks: calls that wait for the world. The guest's call ends there, and is made again once there is an answer.

use alloc::format;
use alloc::sync::Arc;
use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use super::tape::{decode, differs, diverged, encode, over};
use super::{Gate, Mode, Stop, clip};
use crate::http::{self, Answer, Request};
use crate::ids::{Bytes, Salt};
use crate::limits;
use crate::record::{Body, Call, CrashKind, Entry, Part, Payload};

/// What a guest asks, and ends its call for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Ask {
    /// The function.
    pub call: Call,
    /// Its arguments, postcard.
    pub args: Bytes,
}

/// What an attempt did before it asked, and what it was answered: its next call does the same, and goes on
/// from there.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SoFar {
    /// The salt of the payloads; it stays that of the attempt.
    pub salt: Salt,
    /// What was done, in order; the answer last.
    pub parts: Vec<Part>,
    /// The parts' payloads.
    pub payloads: Vec<Bytes>,
}

impl Gate {
    /// `http.send`.
    pub fn http(&mut self, request: &Request) -> Result<Answer, Stop> {
        self.enter("http.send", request.len())?;
        if let Err(error) = http::admit(&self.agent().grants.http, request) {
            let (method, url) = (clip(&request.method, 32), clip(&request.url, limits::NAME_BYTES));
            self.deny(Call::HttpSend, &(method, url), &error)?;
            return Ok(Err(error));
        }
        let answer: Answer = self.suspend(Call::HttpSend, request)?;
        let bytes = answer.as_ref().map_or(0, |response| response.body.len());
        self.counts.cost = self.counts.cost.saturating_add(bytes as u64);
        Ok(answer)
    }

    /// Gives the answer if it is known, else ends the call.
    fn suspend<A, T>(&mut self, call: Call, args: &A) -> Result<T, Stop>
    where
        A: Serialize,
        T: for<'de> Deserialize<'de>,
    {
        let args = encode(args);
        if args.len() > limits::PAYLOAD_BYTES {
            return Err(over("bytes in one request", limits::PAYLOAD_BYTES));
        }
        if let Mode::Redo(entry) = &self.mode {
            return if self.ends_here(entry) {
                Err(self.ended(entry, call, args))
            } else {
                self.recall(call, &args)
            };
        }
        let Some(bytes) = self.given(call, &args)? else {
            // What was done so far stands in the intent, and in that of each further ask again.
            if self.counts.bytes > limits::ASKED_BYTES {
                return Err(over("payload bytes of one event before it asks", limits::ASKED_BYTES));
            }
            return Err(Stop::Asked(Ask { call, args }));
        };
        let salt = self.trace.salt;
        let (asked, answer) = (Payload::commit(&salt, &args), Payload::commit(&salt, &bytes));
        let part = Part::Answer { call, args: asked, answer };
        self.note(part, [Some(args), Some(bytes.clone())])?;
        decode(&bytes)
    }

    /// True if the recorded call ended at an ask, and the guest is there.
    fn ends_here(&self, entry: &Entry) -> bool {
        // A call that ended for its time, or for asking too often, has no record of what it asked last.
        let asked = match &entry.body {
            Body::Intent(_) => true,
            Body::Crashed(body) => {
                matches!(body.crash.kind, CrashKind::Limit | CrashKind::Timeout)
            }
            _ => false,
        };
        let next = entry.body.parts().get(self.counts.redone);
        asked && matches!(next, None | Some(Part::LogDropped { .. }))
    }

    /// How a recorded call ends that asked here.
    fn ended(&self, entry: &Entry, call: Call, args: Bytes) -> Stop {
        if let Body::Intent(then) = &entry.body
            && (then.call != call || then.args != Payload::commit(&entry.salt, &args))
        {
            let now = format!("{} with other arguments", call.name());
            return diverged(differs(entry, self.counts.redone, &now));
        }
        Stop::Asked(Ask { call, args })
    }

    /// The answer that this attempt was given to the same question, if it has come so far before.
    pub(super) fn given(&self, call: Call, args: &[u8]) -> Result<Option<Bytes>, Stop> {
        let Mode::Resume(so_far) = &self.mode else { return Ok(None) };
        let nth = self.counts.redone;
        let Some(part) = so_far.parts.get(nth) else { return Ok(None) };
        let asked = Payload::commit(&so_far.salt, args);
        let same =
            matches!(part, Part::Answer { call: c, args: a, .. } if *c == call && *a == asked);
        let answer = so_far.payloads.get(self.counts.redone_payloads + 1).filter(|_| same);
        match answer {
            Some(answer) => Ok(Some(answer.clone())),
            None => Err(other_than(so_far, nth, call.name())),
        }
    }
}

/// The divergence of an attempt that does not do again what it did before it asked.
pub(super) fn other_than(so_far: &SoFar, nth: usize, now: &str) -> Stop {
    let then = so_far.parts.get(nth).map_or("nothing", Part::deed);
    let now = if then == now { "another" } else { now };
    diverged(format!("part {nth} before it asked was {then}; the guest now made {now}"))
}

impl SoFar {
    /// Of an attempt that asked in this record, and was answered this. `None` if the record is no intent.
    #[must_use]
    pub fn of(intent: &Entry, answer: &Bytes) -> Option<Arc<Self>> {
        let Body::Intent(body) = &intent.body else { return None };
        // Dropped lines are counted at the end of each call, and this one is to go on.
        let mut parts: Vec<Part> =
            body.parts.iter().filter(|p| !matches!(p, Part::LogDropped { .. })).cloned().collect();
        parts.push(Part::Answer {
            call: body.call,
            args: body.args,
            answer: Payload::commit(&intent.salt, answer),
        });
        let mut payloads = intent.payloads.clone();
        payloads.push(answer.clone());
        Some(Arc::new(Self { salt: intent.salt, parts, payloads }))
    }
}
