//! Facts from outside the kernel: the only way for time, randomness and order to come in.

use alloc::boxed::Box;
use alloc::collections::BTreeSet;
use alloc::string::{String, ToString as _};
use alloc::vec::Vec;

use crate::ids::{AgentId, Bytes, Digest, PortId, RunId, Salt};
use crate::plan::Plan;
use crate::record::{Carry, Counts, EngineFacts, Person, Refused, SinkId};
use crate::reload::{Changes, Misfits};
use crate::work::Report;

/// An input with its time and its randomness.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Stamped {
    /// The wall clock, in ms since 1970. The record's time is never less than the one before.
    pub wall_ms: u64,
    /// 16 random bytes, from which the salts of payloads that the kernel makes are drawn.
    pub salt: Salt,
    /// What happened.
    pub input: Input,
}

/// Something that happened outside the kernel.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Input {
    /// The run begins.
    Begin(Beginning),
    /// This process took the run up.
    Resume(EngineFacts),
    /// A worker has done its work.
    Report(Report),
    /// Staged bytes are in their place.
    Written {
        /// Whose.
        agent: AgentId,
        /// Where.
        sink: SinkId,
        /// All bytes before this offset.
        upto: u64,
        /// The sink is closed.
        closed: bool,
    },
    /// Staged bytes could not be written.
    WriteFailed {
        /// Whose.
        agent: AgentId,
        /// Where.
        sink: SinkId,
        /// Why.
        message: String,
    },
    /// The world answered an ask.
    Answered {
        /// Who asked.
        agent: AgentId,
        /// The record of the intent.
        intent: u64,
        /// Postcard.
        answer: Bytes,
    },
    /// The world was asked, and no whole answer came back: what was asked may have been done or not.
    Unanswered {
        /// Who asked.
        agent: AgentId,
        /// The record of the intent.
        intent: u64,
        /// What went wrong, as an answer; postcard.
        error: Bytes,
    },
    /// Somebody says what is to happen with an ask that nobody knows what became of it.
    Decided {
        /// The record of the intent.
        intent: u64,
        /// It is done again; else the guest is told that nobody knows.
        repeat: bool,
        /// Who.
        by: Person,
    },
    /// Time has passed: somebody who was asked to stop is to be killed now.
    Tick,
    /// Somebody has a dead letter tried again.
    Retry {
        /// The record that set it aside.
        letter: u64,
        /// Who.
        by: Person,
    },
    /// Somebody drops a dead letter.
    Discard {
        /// The record that set it aside.
        letter: u64,
        /// Who.
        by: Person,
    },
    /// The run is to go over to another plan, for which all is ready. Nothing happens if there is an
    /// [`obstacle`](crate::reload::obstacle).
    Reload(Box<Switch>),
    /// A plan is to wait until somebody approves it. One that waited before waits no more.
    Propose(Box<Proposal>),
    /// The run does not go over to another plan. Nothing is recorded of a proposal that does not wait.
    Refuse(Box<Refused>),
    /// Somebody wants the run to stand still. Nothing happens if it does, or comes to its end.
    Pause {
        /// Who, if it is somebody.
        by: Option<Person>,
    },
    /// It is to go on. Nothing happens if it does.
    Continue {
        /// Who says so, if it is somebody.
        by: Option<Person>,
    },
    /// Somebody sends a message. Nothing happens if there is no
    /// [`way in`](crate::decide::way_in).
    Receive {
        /// For whom.
        agent: AgentId,
        /// The input.
        port: PortId,
        /// JSON text, a value of the input's type.
        value: Bytes,
        /// Who.
        by: Person,
    },
    /// Nothing can be done until somebody decides about what is asked: this process lets the run go.
    Wait,
    /// Someone asks the run to stop.
    Stop {
        /// Who.
        by: String,
    },
    /// The state was written down.
    Checkpointed {
        /// The state after all records before this seq.
        upto: u64,
        /// SHA-256 of its bytes.
        digest: Digest,
        /// How many they are.
        len: u64,
    },
    /// This process lets the run go.
    Suspend {
        /// Why.
        why: String,
    },
}

/// What the first record needs to know.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Beginning {
    /// The run.
    pub run: RunId,
    /// SHA-256 of the plan's bytes.
    pub plan: Digest,
    /// The engine.
    pub engine: EngineFacts,
    /// The components, by actor.
    pub components: Vec<(String, Digest)>,
}

/// Another plan.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Offer {
    /// The plan's postcard bytes, [`adopt`](crate::reload::adopt)ed.
    pub plan: Bytes,
    /// SHA-256 of the bytes of the plan before it.
    pub from: Digest,
    /// SHA-256 of its own bytes.
    pub to: Digest,
    /// SHA-256 of the text of its file.
    pub source: Digest,
    /// What differs: text, a line each [`Change`](crate::reload::Change).
    pub changes: Bytes,
    /// How many those are.
    pub counts: Counts,
}

impl Offer {
    /// A plan that is to follow another.
    ///
    /// # Panics
    /// Never: plans are plain data, which postcard always encodes.
    #[must_use]
    pub fn new(old: &Plan, new: &Plan, changes: &Changes) -> Self {
        let bytes = |plan: &Plan| postcard::to_allocvec(plan).expect("plans are plain data");
        let (before, plan) = (bytes(old), bytes(new));
        Self {
            from: Digest::of(&before),
            to: Digest::of(&plan),
            source: new.source,
            plan: Bytes::from(plan),
            changes: Bytes::from(changes.to_string().into_bytes()),
            counts: changes.counts(),
        }
    }
}

/// Another plan, with all that its agents need to go on.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Switch {
    /// The plan.
    pub offer: Offer,
    /// Agents that go on as another instance, by id.
    pub moves: Vec<Moved>,
    /// What happens with messages that the plan has no place for.
    pub misfits: Misfits,
    /// Agents that go and have not handled all that they had: what is left of it becomes dead letters. They were given
    /// the time for it.
    pub leave: BTreeSet<AgentId>,
    /// The proposal that was approved with it.
    pub proposal: Option<u64>,
    /// Who asked for it or approved it, if it was somebody.
    pub by: Option<Person>,
}

/// Another plan, which somebody has to approve first.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Proposal {
    /// The plan.
    pub offer: Offer,
    /// What it gives to whom that they do not have.
    pub widens: Vec<String>,
    /// Who asks for it, if it is somebody.
    pub by: Option<Person>,
}

/// An agent that goes on as another instance.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Moved {
    /// Who.
    pub agent: AgentId,
    /// With which state.
    pub how: Carry,
    /// The state, unless it is as saved or there is none.
    pub state: Option<Bytes>,
}
