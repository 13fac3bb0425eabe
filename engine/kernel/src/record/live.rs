//! What somebody does to a run that goes on.

use serde::{Deserialize, Serialize};

use super::Payload;
use super::ask::Person;
use crate::ids::{AgentId, PortId};

/// See [`Body::Paused`](super::Body::Paused).
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Paused {
    /// Who said so, if it was somebody.
    pub by: Option<Person>,
}

/// See [`Body::Continued`](super::Body::Continued).
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Continued {
    /// Who said so, if it was somebody; nobody if a process took the run up.
    pub by: Option<Person>,
}

/// See [`Body::Received`](super::Body::Received). The record is the message: who handles it names it by its seq.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Received {
    /// For whom it is.
    pub agent: AgentId,
    /// The input that it comes by.
    pub port: PortId,
    /// JSON text, a value of the input's type.
    pub value: Payload,
    /// Who sent it.
    pub by: Person,
}
