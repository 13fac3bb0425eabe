//! Facts from outside the kernel: the only way for time, randomness and order to come in.

use alloc::string::String;
use alloc::vec::Vec;

use crate::ids::{AgentId, Bytes, Digest, RunId, Salt};
use crate::record::{EngineFacts, Person, SinkId};
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
