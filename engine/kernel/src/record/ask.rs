//! Host calls that wait for the world: what is meant to be done outside, and what came of it.

use alloc::string::String;
use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use super::Payload;
use super::body::Attempt;
use super::part::{Call, Consumed, Part};
use crate::ids::AgentId;

/// See [`Body::Intent`](super::Body::Intent). The call that made it has ended: a new life handles the event
/// again, is given the answers that stand here and the one that is to come, and goes on from there.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Intent {
    /// Whose call it was.
    pub by: Attempt,
    /// The event it was about.
    pub consumed: Consumed,
    /// What the guest did before it asked, in order, with all answers so far; without effect.
    pub parts: Vec<Part>,
    /// Which ask of the attempt it is, from 1.
    pub n: u32,
    /// What is asked.
    pub call: Call,
    /// With what, in the encoding of the [gate](crate::gate).
    pub args: Payload,
    /// What the server may tell tries by: `run/agent/event/n`, or what the guest has set. The nth ask of each
    /// attempt at an event has the same; no ask of another event has it.
    pub key: String,
    /// Fuel of the call up to here.
    pub fuel: u64,
}

/// See [`Body::Outcome`](super::Body::Outcome).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Outcome {
    /// Who asked.
    pub agent: AgentId,
    /// The record of the intent.
    pub intent: u64,
    /// What is known of it.
    pub how: Known,
    /// What the guest is answered. If it has to wait: what went wrong, `None` if the process ended.
    pub answer: Option<Payload>,
}

/// See [`Body::Decided`](super::Body::Decided).
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Decided {
    /// Who asked.
    pub agent: AgentId,
    /// The record of the intent.
    pub intent: u64,
    /// It is done again; else the guest is told that nobody knows.
    pub repeat: bool,
    /// Who said so.
    pub by: Person,
}

/// Somebody who decided, as the system knows them.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Person {
    /// The user's number.
    pub uid: u32,
    /// The user's name, if the system had one.
    pub name: Option<String>,
}

impl core::fmt::Display for Person {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match &self.name {
            Some(name) => write!(f, "{name} ({})", self.uid),
            None => write!(f, "user {}", self.uid),
        }
    }
}

/// See [`Body::Waiting`](super::Body::Waiting).
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Waiting {
    /// The records of the intents that somebody has to decide about.
    pub intents: Vec<u64>,
}

/// What is known of an ask.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Known {
    /// The world answered.
    Answered,
    /// The process ended before the answer was recorded: it may have been done or not. It is done again, under
    /// the same key. Or the run was forked before the answer: it is done under the fork's key.
    Repeated,
    /// It may have been done or not, since the process ended or no whole answer came back. It is not done again:
    /// the guest is told that nobody knows.
    Unknown,
    /// As `Unknown`, but somebody has to say first whether it is to be done again.
    Held,
    /// It was done, and what came back is no answer that can be given. It is not done again: the guest is told.
    Made,
}
