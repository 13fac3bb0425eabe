//! A world that answers from one record, for a call that does otherwise than the record says.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use serde::de::DeserializeOwned;
use theater_flow_host::Instance;
use theater_flow_kernel::gate::{
    Claimed, FileError, FolderEntry, Located, Stat, StdinError, World,
};
use theater_flow_kernel::ids::{Bytes, Salt};
use theater_flow_kernel::perform;
use theater_flow_kernel::record::{
    Attempt, Body, Call, Crashed, Entry, Faulted, Next, Part, Transaction,
};
use theater_flow_kernel::work::{Batch, Done, Outcome, Redo};

use super::nothing;

/// Answers in the order of the record, each to the call that it was given to; whatever else is asked, it has
/// nothing. Outside of one call it has nothing at all.
#[derive(Clone, Debug, Default)]
pub struct Recital(Arc<Mutex<VecDeque<(Call, Bytes)>>>);

impl Recital {
    fn set(&self, answers: VecDeque<(Call, Bytes)>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = answers;
    }

    /// The next answer, if it is one to this call.
    fn next<T: DeserializeOwned>(&self, call: Call) -> Option<T> {
        let mut answers = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (_, bytes) = answers.pop_front_if(|(known, _)| *known == call)?;
        postcard::from_bytes(&bytes).ok()
    }

    fn file<T: DeserializeOwned>(&self, call: Call) -> Result<T, FileError> {
        self.next(call).unwrap_or_else(|| Err(nothing()))
    }

    /// Makes the call of a record freely, and says what the record would be.
    pub(super) fn once(&self, instance: &mut Instance, redo: &Redo) -> Option<Entry> {
        self.set(answers(&redo.entry));
        let events = VecDeque::from([redo.event.clone()]);
        let by = by(&redo.entry.body)?;
        // What is not bound by room may emit all that it has.
        let batch = Batch { events, mode: Next::Wait, attempt: by.attempt, room: vec![] };
        let done = perform::handle(instance, batch, &|| false);
        self.set(VecDeque::new());
        let Done::Handled(mut calls) = done else { return None };
        let call = calls.pop()?;
        let (parts, fuel) = (call.trace.parts, call.trace.fuel);
        let consumed = call.consumed;
        let body = match call.outcome {
            Outcome::Next(next) => {
                Body::Transaction(Transaction { by, consumed, parts, next, fuel })
            }
            Outcome::Fault(fault) => Body::Faulted(Faulted { by, consumed, parts, fault, fuel }),
            Outcome::Crash(crash) => {
                Body::Crashed(Crashed { by, consumed: Some(consumed), parts, crash, fuel })
            }
        };
        let (salt, payloads) = (call.trace.salt, call.trace.payloads);
        let Entry { seq, at, ref causes, .. } = *redo.entry;
        Some(Entry { seq, at, causes: causes.clone(), body, salt, payloads })
    }
}

/// The answers in a record.
fn answers(entry: &Entry) -> VecDeque<(Call, Bytes)> {
    let mut payloads = entry.payloads.iter();
    let mut answers = VecDeque::new();
    for part in entry.body.parts() {
        let own: Vec<&Bytes> = payloads.by_ref().take(part.payloads().count()).collect();
        if let (Part::Answer { call, .. }, [_, answer]) = (part, &own[..]) {
            answers.push_back((*call, Bytes::clone(answer)));
        }
    }
    answers
}

const fn by(body: &Body) -> Option<Attempt> {
    match body {
        Body::Transaction(body) => Some(body.by),
        Body::Faulted(body) => Some(body.by),
        Body::Crashed(body) => Some(body.by),
        _ => None,
    }
}

impl World for Recital {
    fn now_ms(&mut self) -> u64 {
        self.next(Call::ClockNow).unwrap_or(0)
    }

    fn random(&mut self, len: u32) -> Vec<u8> {
        self.next(Call::RandomBytes).unwrap_or_else(|| vec![0; len as usize])
    }

    fn salt(&mut self) -> Salt {
        Salt::default()
    }

    fn read(&mut self, _at: &Located<'_>, _offset: u64, _len: u32) -> Result<Vec<u8>, FileError> {
        self.file(Call::FilesRead)
    }

    fn stat(&mut self, _at: &Located<'_>) -> Result<Stat, FileError> {
        self.file(Call::FilesStat)
    }

    fn list(&mut self, _at: &Located<'_>) -> Result<Vec<FolderEntry>, FileError> {
        self.file(Call::FilesList)
    }

    fn claim(&mut self, _at: &Located<'_>, replace: bool) -> Result<Claimed, FileError> {
        self.file(if replace { Call::FilesReplace } else { Call::FilesAppend })
    }

    fn stdin(&mut self, _len: u32) -> Result<Vec<u8>, StdinError> {
        let read: Option<Result<Vec<u8>, String>> = self.next(Call::StdinRead);
        read.map_or(Err(StdinError::Interrupted), |read| read.map_err(StdinError::Failed))
    }
}
