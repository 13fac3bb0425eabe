//! How a run begins that goes on from a point of another.

use alloc::string::String;
use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use super::Payload;
use super::body::{Checkpoint, Genesis};
use crate::ids::{AgentId, Digest, Ref, RunId};

/// See [`Body::Forked`](super::Body::Forked).
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Forked {
    /// All that the run depends on, as of any run.
    pub genesis: Genesis,
    /// Where it comes from.
    pub lineage: Lineage,
}

/// Where a run comes from.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Lineage {
    /// The run that it was forked from.
    pub parent: RunId,
    /// The last record of that run that it has in common with it.
    pub seq: u64,
    /// The hash of that record.
    pub hash: Digest,
    /// The state that it took over, which is stored beside its log as a checkpoint is.
    pub state: Checkpoint,
    /// What is not as in the parent, in words.
    pub changed: Vec<String>,
    /// Answers that stand in place of recorded ones.
    pub given: Vec<Given>,
}

/// An answer that an agent is given instead of the one that the world gave in the parent.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Given {
    /// The part of the parent that holds the other answer, or the record of the outcome.
    pub of: Ref,
    /// Who asked.
    pub agent: AgentId,
    /// The answer, in the encoding of the [gate](crate::gate).
    pub answer: Payload,
}
