//! What a run went over to, and what it was asked to.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use super::Payload;
use super::ask::Person;
use crate::ids::{AgentId, Bytes, Digest};

/// A plan that a run goes over to, or may.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct NextPlan {
    /// Its number among those of the run; the first is 1.
    pub revision: u32,
    /// The record that has the plan before it; none if that is the first of the run's log.
    pub before: Option<u64>,
    /// SHA-256 of the bytes of the plan before it.
    pub from: Digest,
    /// SHA-256 of its own bytes.
    pub to: Digest,
    /// SHA-256 of the text of its file.
    pub source: Digest,
    /// Its postcard bytes, [`adopt`](crate::reload::adopt)ed.
    pub plan: Payload,
    /// What differs: text, a line each [`Change`](crate::reload::Change).
    pub changes: Payload,
    /// How many those are.
    pub counts: Counts,
}

/// How many agents and supervisors differ between two plans.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug, Serialize, Deserialize)]
pub struct Counts {
    /// Those that are new.
    pub added: u32,
    /// Those that go on otherwise.
    pub changed: u32,
    /// Those that are gone.
    pub removed: u32,
}

/// See [`Body::Reloaded`](super::Body::Reloaded).
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Reloaded {
    /// The plan.
    pub next: NextPlan,
    /// Agents that go on as another instance, by id.
    pub moves: Vec<Move>,
    /// Messages that become dead letters with it: those that do not fit the plan, and what agents left that are gone.
    pub set_aside: u64,
    /// Agents that had ended and are started again with it, by id.
    pub again: Vec<AgentId>,
    /// The proposal that was approved with it.
    pub proposal: Option<u64>,
    /// Who asked for it or approved it, if it was somebody.
    pub by: Option<Person>,
}

/// Payloads before those that agents carry on: the plan, and what differs.
const PLAN_PAYLOADS: usize = 2;

impl Reloaded {
    /// Who goes on as another instance, and with which state if one was made for it; of the record's payloads.
    pub fn carried<'a>(
        &'a self,
        payloads: &'a [Bytes],
    ) -> impl Iterator<Item = (&'a Move, Option<&'a Bytes>)> {
        let mut states = payloads.iter().skip(PLAN_PAYLOADS);
        self.moves.iter().map(move |moved| (moved, moved.state.and_then(|_| states.next())))
    }
}

/// See [`Body::Proposed`](super::Body::Proposed).
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Proposed {
    /// The plan.
    pub next: NextPlan,
    /// What it gives to whom that they do not have: `agent: grants.http`.
    pub widens: Vec<String>,
    /// Who asked for it, if it was somebody.
    pub by: Option<Person>,
}

/// See [`Body::Refused`](super::Body::Refused).
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Refused {
    /// SHA-256 of the text of the file, if it could be read.
    pub source: Option<Digest>,
    /// The proposal that it was.
    pub proposal: Option<u64>,
    /// Why.
    pub why: String,
    /// Who asked for it, or who refused the proposal, if it was somebody.
    pub by: Option<Person>,
}

impl Refused {
    /// Somebody refuses a plan that waits for approval.
    #[must_use]
    pub fn proposal(proposal: u64, by: Person) -> Self {
        let why = format!("{by} did not approve it");
        Self { source: None, proposal: Some(proposal), why, by: Some(by) }
    }
}

/// An agent goes on as another instance.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Move {
    /// Who.
    pub agent: AgentId,
    /// With which state.
    pub how: Carry,
    /// The state, unless it is as saved or there is none.
    pub state: Option<Payload>,
}

/// With which state another instance goes on.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Carry {
    /// The one that the instance before it had.
    As,
    /// That, as the new component turned it into its own.
    Migrated,
    /// None: it begins anew.
    Fresh,
}
