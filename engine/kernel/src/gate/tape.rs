//! What passes the gate is recorded, or compared with the record.

use alloc::format;
use alloc::string::String;
use alloc::sync::Arc;

use serde::{Deserialize, Serialize};

use super::ask::other_than;
use super::{Gate, Mode, Stop, World};
use crate::ids::Bytes;
use crate::limits;
use crate::record::{Body, Call, Crash, CrashKind, Entry, Part, Payload};

impl Gate {
    /// Asks the world, or the record.
    pub(super) fn ask<A, T>(
        &mut self,
        call: Call,
        args: &A,
        live: impl FnOnce(&mut dyn World) -> Result<T, Stop>,
    ) -> Result<T, Stop>
    where
        A: Serialize,
        T: Serialize + for<'de> Deserialize<'de>,
    {
        let args = encode(args);
        if let Mode::Redo(_) = self.mode {
            return self.recall(call, &args);
        }
        let (answer, bytes) = if let Some(bytes) = self.given(call, &args)? {
            (decode(&bytes)?, bytes)
        } else {
            let answer = live(self.world.as_mut())?;
            let bytes = encode(&answer);
            (answer, bytes)
        };
        let salt = self.trace.salt;
        let (asked, answered) = (Payload::commit(&salt, &args), Payload::commit(&salt, &bytes));
        self.note(Part::Answer { call, args: asked, answer: answered }, [Some(args), Some(bytes)])?;
        Ok(answer)
    }

    /// The recorded answer to the same question at the same place.
    pub(super) fn recall<T: for<'de> Deserialize<'de>>(
        &mut self,
        call: Call,
        args: &[u8],
    ) -> Result<T, Stop> {
        let Mode::Redo(entry) = &self.mode else {
            return Err(diverged(String::from("no record to answer from")));
        };
        let nth = self.counts.redone;
        let asked = Payload::commit(&entry.salt, args);
        let recorded = entry.body.parts().get(nth);
        let same = matches!(recorded, Some(Part::Answer { call: c, args: a, .. }) if *c == call && *a == asked);
        let answer = entry.payloads.get(self.counts.redone_payloads + 1);
        let answer = answer.filter(|_| same).and_then(|bytes| postcard::from_bytes(bytes).ok());
        let Some(answer) = answer else {
            return Err(
                met_bound(entry, nth).unwrap_or_else(|| diverged(differs(entry, nth, call.name())))
            );
        };
        self.counts.redone += 1;
        self.counts.redone_payloads += 2;
        Ok(answer)
    }

    /// Records a refusal.
    pub(super) fn deny<A: Serialize, T: Serialize>(
        &mut self,
        call: Call,
        args: &A,
        error: &T,
    ) -> Result<(), Stop> {
        let (args, answer) = (encode(args), encode(error));
        let salt = self.trace.salt;
        let (asked, answered) = (Payload::commit(&salt, &args), Payload::commit(&salt, &answer));
        self.note(Part::Denial { call, args: asked, answer: answered }, [Some(args), Some(answer)])
    }

    /// Records a part, or compares it with the recorded one.
    pub(super) fn note(&mut self, part: Part, payloads: [Option<Bytes>; 2]) -> Result<(), Stop> {
        if let Mode::Redo(entry) = &self.mode {
            let nth = self.counts.redone;
            if entry.body.parts().get(nth) != Some(&part) {
                return Err(met_bound(entry, nth)
                    .unwrap_or_else(|| diverged(differs(entry, nth, part.deed()))));
            }
            self.counts.redone += 1;
            self.counts.redone_payloads += payloads.iter().flatten().count();
            return Ok(());
        }
        if let Mode::Resume(so_far) = &self.mode
            && let Some(then) = so_far.parts.get(self.counts.redone)
        {
            if *then != part {
                return Err(other_than(so_far, self.counts.redone, part.deed()));
            }
            self.counts.redone += 1;
            self.counts.redone_payloads += payloads.iter().flatten().count();
        }
        // The count of dropped lines is the gate's own part, and always has its place.
        let bound = limits::PARTS_PER_EVENT + usize::from(matches!(part, Part::LogDropped { .. }));
        if self.trace.parts.len() >= bound {
            return Err(over("things done at one event", limits::PARTS_PER_EVENT));
        }
        let bytes: usize = payloads.iter().flatten().map(|bytes| bytes.len()).sum();
        let bytes = self.counts.bytes + bytes;
        if bytes > limits::EVENT_BYTES {
            return Err(over("payload bytes of one event", limits::EVENT_BYTES));
        }
        // What did not pass is not counted: the gate's own part still has its place.
        self.counts.bytes = bytes;
        self.trace.parts.push(part);
        self.trace.payloads.extend(payloads.into_iter().flatten());
        Ok(())
    }
}

/// The encoding of arguments and answers: postcard.
pub(super) fn encode<T: Serialize + ?Sized>(value: &T) -> Bytes {
    Arc::from(postcard::to_allocvec(value).expect("arguments and answers are plain data"))
}

/// A recorded answer.
pub(super) fn decode<T: for<'de> Deserialize<'de>>(bytes: &[u8]) -> Result<T, Stop> {
    let unreadable = |_| diverged(String::from("the recorded answer cannot be read"));
    postcard::from_bytes(bytes).map_err(unreadable)
}

pub(super) fn over(what: &str, bound: usize) -> Stop {
    let message = format!("more than {bound} {what}");
    Stop::Crash(Crash { kind: CrashKind::Limit, message })
}

/// The crash of a call that ended at a bound: the part that met it is not in its record. What stands
/// there instead, if anything, is the gate's own part, which comes last.
fn met_bound(entry: &Entry, nth: usize) -> Option<Stop> {
    let Body::Crashed(body) = &entry.body else { return None };
    let at_end = matches!(body.parts.get(nth), None | Some(Part::LogDropped { .. }));
    let met = body.crash.kind == CrashKind::Limit && at_end;
    met.then(|| Stop::Crash(body.crash.clone()))
}

pub(super) fn diverged(message: String) -> Stop {
    Stop::Crash(Crash { kind: CrashKind::Divergence, message })
}

pub(super) fn differs(entry: &Entry, nth: usize, now: &str) -> String {
    let seq = entry.seq;
    match entry.body.parts().get(nth).map(Part::deed) {
        None => format!("record {seq} has no part {nth}; the guest now made {now}"),
        Some(then) if then == now => {
            format!("record {seq}.{nth} is {then}; the guest now made another")
        }
        Some(then) => format!("record {seq}.{nth} is {then}; the guest now made {now}"),
    }
}
