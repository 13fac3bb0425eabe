//! What each kind of record says.

use alloc::string::String;
use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use super::Payload;
use super::part::{Consumed, Next, Part, SinkId};
use crate::ids::{AgentId, Digest, Fault, PortId, Ref, RunId};

/// See [`Body::Genesis`](super::Body::Genesis).
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Genesis {
    /// The run.
    pub run: RunId,
    /// SHA-256 of the plan's postcard bytes, which are stored beside the log.
    pub plan: Digest,
    /// The engine and what it is made of.
    pub engine: EngineFacts,
    /// SHA-256 of each component in use, with the actor's name.
    pub components: Vec<(String, Digest)>,
}

/// What a replay must have in common with the run.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct EngineFacts {
    /// This program's version.
    pub engine: String,
    /// wasmtime's version.
    pub wasmtime: String,
    /// Settings on which results depend, `key=value`, sorted.
    pub flags: Vec<String>,
}

/// See [`Body::Resumed`](super::Body::Resumed).
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Resumed {
    /// The engine that took the run up.
    pub engine: EngineFacts,
    /// Staged bytes of standard output that were not confirmed: they are written again, and may
    /// stand there twice.
    pub repeated: Vec<Repeated>,
}

/// A span of staged bytes that may have been written already.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Repeated {
    /// Whose.
    pub agent: AgentId,
    /// The first byte's offset in the agent's standard output.
    pub from: u64,
    /// The offset after the last.
    pub to: u64,
}

/// Names one guest call: an agent, its instance, its life, and which try at the event it is.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Attempt {
    /// The agent.
    pub agent: AgentId,
    /// Its instance; 0 while agents have one.
    pub instance: u32,
    /// The instance's life, from 1.
    pub incarnation: u32,
    /// Which try at the event, from 1.
    pub attempt: u32,
}

/// See [`Body::Incarnation`](super::Body::Incarnation).
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Incarnation {
    /// The agent.
    pub agent: AgentId,
    /// Its instance.
    pub instance: u32,
    /// Which life, from 1.
    pub n: u32,
    /// From what it began.
    pub from: Origin,
    /// SHA-256 of the component.
    pub component: Digest,
    /// SHA-256 of the config's text.
    pub config: Digest,
    /// Log lines of `init`.
    pub parts: Vec<Part>,
    /// Fuel of `init`.
    pub fuel: u64,
}

/// From what an incarnation began.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Origin {
    /// Nothing.
    Fresh,
    /// The snapshot in this record, if there is one, and the calls recorded since.
    Checkpoint {
        /// The record of the snapshot.
        snapshot: Option<u64>,
        /// How many recorded calls were handled again.
        redone: u32,
    },
}

/// See [`Body::Transaction`](super::Body::Transaction).
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Transaction {
    /// Whose call it was.
    pub by: Attempt,
    /// The event it handled.
    pub consumed: Consumed,
    /// What the guest did, in order.
    pub parts: Vec<Part>,
    /// What the guest answered.
    pub next: Next,
    /// Fuel of the call, host work included.
    pub fuel: u64,
}

/// See [`Body::Faulted`](super::Body::Faulted).
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Faulted {
    /// Whose call it was.
    pub by: Attempt,
    /// The event it was about.
    pub consumed: Consumed,
    /// What the guest did, in order; without effect.
    pub parts: Vec<Part>,
    /// What the guest answered.
    pub fault: Fault,
    /// Fuel of the call.
    pub fuel: u64,
}

/// See [`Body::Crashed`](super::Body::Crashed).
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Crashed {
    /// Whose life ended.
    pub by: Attempt,
    /// The event at which it ended; `None` outside of one (`init`, snapshot, a failed write).
    pub consumed: Option<Consumed>,
    /// What the guest did, in order; without effect.
    pub parts: Vec<Part>,
    /// How.
    pub crash: Crash,
    /// Fuel of the call.
    pub fuel: u64,
}

/// How an incarnation ended.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Crash {
    /// Its kind.
    pub kind: CrashKind,
    /// For people.
    pub message: String,
}

/// The kinds of crash.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum CrashKind {
    /// The guest trapped: a panic, an unreachable instruction, a division by zero, stack overflow.
    Trap,
    /// The guest used up its fuel.
    Fuel,
    /// The guest asked for more memory or table elements than its limit.
    Memory,
    /// The guest met a bound on what one event may do.
    Limit,
    /// The event took longer than the agent's timeout.
    Timeout,
    /// A re-handled call differed from its record.
    Divergence,
    /// The component could not be instantiated, or `init` answered a fault.
    Init,
    /// An event that is not a message was answered with a fault as often as retries allow.
    Fault,
    /// Staged bytes could not be written.
    Write,
}

/// See [`Body::DeadLettered`](super::Body::DeadLettered).
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct DeadLettered {
    /// Who could not handle it.
    pub agent: AgentId,
    /// The message.
    pub message: Ref,
    /// The input it came by.
    pub port: PortId,
    /// How often it was tried.
    pub attempts: u32,
    /// Why.
    pub why: DeadLetterReason,
    /// The letter as it is delivered to the dead-letter agent (a JSON object); `None` if the engine keeps it.
    pub letter: Option<Payload>,
}

/// Why a message was set aside.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum DeadLetterReason {
    /// The last attempt was answered with this fault.
    Fault(Fault),
    /// The last attempt ended in this crash.
    Crash(Crash),
    /// Its reader has ended and will not come back.
    Ended,
    /// Its reader had no place for it, and its channel says `overflow = "fail"`; or it came over a
    /// feedback edge, and more waited there than may.
    Overflow,
    /// It went over feedback edges more often than the last of them allows.
    Rounds,
    /// It came over a feedback edge after its cycle had come to rest.
    Closed,
    /// The run went over to a plan in which its input is not there, or has a type that it is no value of.
    Unfit,
}

/// See [`Body::Dropped`](super::Body::Dropped).
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Dropped {
    /// The reader that had no place.
    pub agent: AgentId,
    /// The input they came by.
    pub port: PortId,
    /// The messages, in the order in which they were emitted.
    pub messages: Vec<Ref>,
    /// Which of those that waited they were.
    pub which: DropChoice,
}

/// Which messages make place.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum DropChoice {
    /// Those that had waited longest, but for those that are being handled.
    Oldest,
    /// Those that came last.
    Newest,
}

/// See [`Body::Rested`](super::Body::Rested).
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Rested {
    /// The agents of the cycle, by id.
    pub agents: Vec<AgentId>,
}

/// See [`Body::Snapshot`](super::Body::Snapshot).
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Snapshot {
    /// The agent.
    pub agent: AgentId,
    /// Its instance.
    pub instance: u32,
    /// The instance's life.
    pub incarnation: u32,
    /// What the guest gave.
    pub state: Payload,
    /// Log lines of the call.
    pub parts: Vec<Part>,
    /// Fuel of the call.
    pub fuel: u64,
}

/// See [`Body::Confirmed`](super::Body::Confirmed).
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Confirmed {
    /// Whose bytes.
    pub agent: AgentId,
    /// Where they went.
    pub sink: SinkId,
    /// All bytes before this offset are there.
    pub upto: u64,
    /// True if the sink was closed, and a replacement is in place.
    pub closed: bool,
}

/// See [`Body::Checkpoint`](super::Body::Checkpoint).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Checkpoint {
    /// The state is the one after all records before this seq.
    pub upto: u64,
    /// SHA-256 of the stored bytes.
    pub digest: Digest,
    /// How many they are.
    pub len: u64,
}

/// See [`Body::Stopping`](super::Body::Stopping).
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Stopping {
    /// Who or what asked: `SIGINT`, `SIGTERM`, `stop`.
    pub by: String,
}

/// See [`Body::Suspended`](super::Body::Suspended).
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Suspended {
    /// Why.
    pub why: String,
}

/// See [`Body::Finished`](super::Body::Finished).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Finished {
    /// How it went.
    pub status: Status,
    /// Dead letters that the engine keeps.
    pub dead_letters: u64,
}

/// See [`Body::Pruned`](super::Body::Pruned).
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Pruned {
    /// Which payloads were erased.
    pub what: Pruning,
    /// How many they were.
    pub payloads: u64,
    /// How many bytes they were.
    pub bytes: u64,
    /// The checkpoints that were removed: what each was up to, oldest first.
    pub checkpoints: Vec<u64>,
}

/// Which payloads were erased.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Pruning {
    /// Those of the records before this one, but for those that were still needed.
    Before(u64),
    /// Those of this record, or of this part of one.
    Of(Ref),
}

impl Pruning {
    /// True if it says so of the payloads of this part of a record, or of the record's own with `None`.
    #[must_use]
    pub fn covers(self, seq: u64, part: Option<u32>) -> bool {
        match self {
            Self::Before(before) => seq < before,
            Self::Of(of) => of.seq == seq && (of.part.is_none() || of.part == part),
        }
    }
}

/// How a run ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Status {
    /// All agents ended, nothing was set aside unseen.
    Completed,
    /// All agents ended, and the engine keeps dead letters.
    Degraded,
    /// The root supervisor gave up.
    Failed,
}
