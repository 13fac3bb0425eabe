//! What somebody decides about a dead letter that the engine keeps.

use serde::{Deserialize, Serialize};

use super::ask::Person;
use crate::ids::{AgentId, PortId, Ref};

/// See [`Body::Retried`](super::Body::Retried) and [`Body::Discarded`](super::Body::Discarded).
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Resolved {
    /// The record that set the message aside.
    pub letter: u64,
    /// Whose message it was.
    pub agent: AgentId,
    /// The message.
    pub message: Ref,
    /// The input it came by.
    pub port: PortId,
    /// Who said so.
    pub by: Person,
}
