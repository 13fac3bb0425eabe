//! A world that answers from one record, for a call that does otherwise than the record says.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use serde::de::DeserializeOwned;
use theater_flow_kernel::gate::{
    Ask, Claimed, FileError, FolderEntry, Located, SoFar, Stat, StdinError, World,
};
use theater_flow_kernel::http::Request;
use theater_flow_kernel::ids::{Bytes, Salt};
use theater_flow_kernel::perform;
use theater_flow_kernel::record::{
    Attempt, Body, Call, Crashed, Entry, Faulted, Intent, Next, Part, Payload, Transaction,
};
use theater_flow_kernel::work::{Batch, Call as Called, Done, Guest, Outcome, Redo, Trace};

use super::nothing;

/// Answers in the order of the record, each to the call that it was given to; whatever else is asked, it has
/// nothing. Outside of one call it has nothing at all.
#[derive(Clone, Debug, Default)]
pub struct Recital(Arc<Mutex<VecDeque<Told>>>);

/// What a guest was answered to what; postcard.
#[derive(Clone, Debug)]
struct Told {
    call: Call,
    args: Bytes,
    answer: Bytes,
}

impl Recital {
    fn set(&self, answers: VecDeque<Told>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = answers;
    }

    fn take(&self) -> VecDeque<Told> {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// The next answer, if it is one to this call.
    fn next<T: DeserializeOwned>(&self, call: Call) -> Option<T> {
        let mut answers = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let told = answers.pop_front_if(|told| told.call == call)?;
        postcard::from_bytes(&told.answer).ok()
    }

    fn file<T: DeserializeOwned>(&self, call: Call) -> Result<T, FileError> {
        self.next(call).unwrap_or_else(|| Err(nothing()))
    }

    /// Makes the call of a record freely, and says what the record would be. `bring` makes an instance that is
    /// where the call begins: one, and one more for each ask that the record has an answer to.
    pub(super) fn once<G: Guest>(
        &self,
        mut bring: impl FnMut() -> Option<G>,
        redo: &Redo,
    ) -> Option<Entry> {
        let mut left = answers(&redo.entry);
        let mut so_far = None;
        loop {
            let mut instance = bring()?;
            self.set(left);
            let call = handle(&mut instance, redo, so_far);
            left = self.take();
            let now = entry(call?, redo)?;
            let answer = asked(&now).and_then(|asked| answer_to(&mut left, asked));
            let Some(answer) = answer else { return Some(now) };
            so_far = SoFar::of(&now, &answer);
        }
    }
}

/// Makes the call of a record, in the recital's world.
fn handle(instance: &mut impl Guest, redo: &Redo, so_far: Option<Arc<SoFar>>) -> Option<Called> {
    let attempt = by(&redo.entry.body)?.attempt;
    let events = VecDeque::from([redo.event.clone()]);
    // What is not bound by room may emit all that it has.
    let batch = Batch { events, mode: Next::Wait, attempt, room: vec![], so_far };
    match perform::handle(instance, batch, &|| false) {
        Done::Handled(mut calls) => calls.pop(),
        _ => None,
    }
}

/// The record of a call.
fn entry(call: Called, redo: &Redo) -> Option<Entry> {
    let by = by(&redo.entry.body)?;
    let Called { consumed, trace, outcome, .. } = call;
    let Trace { salt, parts, mut payloads, fuel } = trace;
    let body = match outcome {
        Outcome::Next(next) => Body::Transaction(Transaction { by, consumed, parts, next, fuel }),
        Outcome::Fault(fault) => Body::Faulted(Faulted { by, consumed, parts, fault, fuel }),
        Outcome::Crash(crash) => {
            Body::Crashed(Crashed { by, consumed: Some(consumed), parts, crash, fuel })
        }
        Outcome::Asked(Ask { call, args: bytes }) => {
            let args = Payload::commit(&salt, &bytes);
            let own: Option<Request> = postcard::from_bytes(&bytes).ok();
            payloads.push(bytes);
            let (n, key) = numbered(&redo.entry.body, &parts);
            let own = own.as_ref().and_then(Request::key).map(String::from);
            let key = own.unwrap_or(key);
            Body::Intent(Intent { by, consumed, parts, n, call, args, key, fuel })
        }
    };
    let Entry { seq, at, ref causes, .. } = *redo.entry;
    Some(Entry { seq, at, causes: causes.clone(), body, salt, payloads })
}

/// Which ask of its attempt it is that follows these parts, and its key if the record has one.
fn numbered(then: &Body, parts: &[Part]) -> (u32, String) {
    let is_ask = |part: &&Part| matches!(part, Part::Answer { call: Call::HttpSend, .. });
    let n = (1..).zip(parts.iter().filter(is_ask)).last().map_or(1, |(n, _)| n + 1);
    let key = match then {
        Body::Intent(then) if then.n == n => then.key.clone(),
        _ => String::new(),
    };
    (n, key)
}

/// What a record asks: the call and its arguments.
fn asked(entry: &Entry) -> Option<(Call, &Bytes)> {
    match &entry.body {
        Body::Intent(body) => Some((body.call, entry.payloads.last()?)),
        _ => None,
    }
}

/// Takes the next answer, if it is one to just this.
fn answer_to(answers: &mut VecDeque<Told>, (call, args): (Call, &Bytes)) -> Option<Bytes> {
    let told = answers.pop_front_if(|told| told.call == call && told.args == *args)?;
    Some(told.answer)
}

/// The answers in a record.
fn answers(entry: &Entry) -> VecDeque<Told> {
    let mut payloads = entry.payloads.iter();
    let mut answers = VecDeque::new();
    for part in entry.body.parts() {
        let own: Vec<&Bytes> = payloads.by_ref().take(part.payloads().count()).collect();
        if let (Part::Answer { call, .. }, [args, answer]) = (part, &own[..]) {
            let (args, answer) = (Bytes::clone(args), Bytes::clone(answer));
            answers.push_back(Told { call: *call, args, answer });
        }
    }
    answers
}

const fn by(body: &Body) -> Option<Attempt> {
    match body {
        Body::Transaction(body) => Some(body.by),
        Body::Faulted(body) => Some(body.by),
        Body::Crashed(body) => Some(body.by),
        Body::Intent(body) => Some(body.by),
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
