//! The record: what is written down, its canonical bytes, and the chain that joins it.
//!
//! The hash of a record is `SHA-256(DOMAIN ‖ length ‖ preimage)`, with the length as 8 big-endian bytes.
//! The preimage is the postcard encoding of [`Record`], in which each payload stands as a [`Payload`]:
//! its length and `SHA-256(salt ‖ payload)`. Payload bytes and the salt lie beside the record, so that
//! erasing them never breaks the chain.
//!
//! Stored types: enums only grow at their end, integers are fixed-width, stored bytes are never
//! serialised again.

use alloc::string::String;
use alloc::vec::Vec;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::ids::{AgentId, Bytes, Digest, Fault, PortId, Ref, RunId, Salt, SupervisorId};

/// The first bytes of every hashed record.
pub const DOMAIN: &[u8] = b"theater-flow/record/1";
/// The version of the record's form; the first byte of its preimage.
pub const VERSION: u8 = 1;

/// A record as it is hashed.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Record {
    /// [`VERSION`].
    pub version: u8,
    /// Its number in the run, from 0.
    pub seq: u64,
    /// The hash of the record before it; zeros for the first.
    pub prev: Digest,
    /// When it was decided: ms since 1970, never less than the record before.
    pub at: u64,
    /// What it follows from. Empty only for the first.
    pub causes: Vec<Ref>,
    /// What happened.
    pub body: Body,
}

/// A record before it is linked, with its payloads: what the kernel decides, folds and hands out.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Entry {
    /// Its number in the run.
    pub seq: u64,
    /// When it was decided, in ms since 1970.
    pub at: u64,
    /// What it follows from.
    pub causes: Vec<Ref>,
    /// What happened.
    pub body: Body,
    /// Salts the payloads; all zeros if there are none.
    pub salt: Salt,
    /// The bytes of [`Body::payloads`], in that order.
    pub payloads: Vec<Bytes>,
}

impl Entry {
    /// Bytes of all payloads.
    #[must_use]
    pub fn payload_bytes(&self) -> usize {
        self.payloads.iter().map(|bytes| bytes.len()).sum()
    }
}

/// A payload as it stands in a record.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Payload {
    /// Its length in bytes.
    pub len: u32,
    /// `SHA-256(salt ‖ bytes)`.
    pub digest: Digest,
}

impl Payload {
    /// Commits to `bytes`, which are no longer than [`PAYLOAD_BYTES`](crate::limits::PAYLOAD_BYTES).
    #[must_use]
    pub fn commit(salt: &Salt, bytes: &[u8]) -> Self {
        let digest = Sha256::new()
            .chain_update(salt)
            .chain_update(bytes)
            .finalize();
        Self {
            len: u32::try_from(bytes.len()).unwrap_or(u32::MAX),
            digest: Digest(digest.into()),
        }
    }
}

/// What a record says.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Body {
    /// The first record: all that the run depends on.
    Genesis(Genesis),
    /// A process took the run up again.
    Resumed(Resumed),
    /// A life of an instance began: the component was instantiated and `init` answered.
    Incarnation(Incarnation),
    /// One event was handled. Its parts took effect.
    Transaction(Transaction),
    /// One event was answered with a fault. Its parts took no effect.
    Faulted(Faulted),
    /// The end of an incarnation. The parts of the attempt took no effect.
    Crashed(Crashed),
    /// A supervisor decided to restart children.
    Restarted(Restarted),
    /// A supervisor gave up.
    Escalated(Escalated),
    /// A message was set aside.
    DeadLettered(DeadLettered),
    /// An instance's state was taken.
    Snapshot(Snapshot),
    /// Staged bytes reached their place.
    Confirmed(Confirmed),
    /// An agent's work is over; its outputs are closed.
    Ended(Ended),
    /// The kernel's state was written down.
    Checkpoint(Checkpoint),
    /// Someone asked the run to stop; sources stop, mailboxes empty.
    Stopping(Stopping),
    /// The process let the run go; it can be resumed.
    Suspended(Suspended),
    /// The run is over.
    Finished(Finished),
}

/// See [`Body::Genesis`].
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

/// See [`Body::Resumed`].
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

/// See [`Body::Incarnation`].
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

/// See [`Body::Transaction`].
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

/// See [`Body::Faulted`].
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

/// See [`Body::Crashed`].
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

/// See [`Body::Restarted`].
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Restarted {
    /// Who decided.
    pub supervisor: SupervisorId,
    /// The agents to start again, in start order.
    pub agents: Vec<AgentId>,
    /// Restarts in the window; what `intensity` is compared with.
    pub count: u32,
    /// False if this one adds nothing to the window: the same message has crashed its reader before.
    pub counted: bool,
}

/// See [`Body::Escalated`].
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Escalated {
    /// Who gave up.
    pub supervisor: SupervisorId,
    /// Restarts in the window when it did.
    pub count: u32,
}

/// See [`Body::DeadLettered`].
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
}

/// See [`Body::Snapshot`].
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

/// See [`Body::Confirmed`].
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

/// See [`Body::Ended`].
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Ended {
    /// The agent.
    pub agent: AgentId,
    /// How.
    pub how: End,
    /// Messages it leaves unread. They are dead letters if it crashed, else they are dropped.
    pub unread: u64,
}

/// How an agent ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum End {
    /// All inputs are closed and handled, and nothing is left to do.
    Finished,
    /// It answered `done`, and is not permanent.
    Done,
    /// It crashed, and is temporary.
    Crashed,
    /// Its supervisor gave up.
    Stopped,
}

/// See [`Body::Checkpoint`].
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Checkpoint {
    /// The state is the one after all records before this seq.
    pub upto: u64,
    /// SHA-256 of the stored bytes.
    pub digest: Digest,
    /// How many they are.
    pub len: u64,
}

/// See [`Body::Stopping`].
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Stopping {
    /// Who or what asked: `SIGINT`, `SIGTERM`, `stop`.
    pub by: String,
}

/// See [`Body::Suspended`].
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Suspended {
    /// Why.
    pub why: String,
}

/// See [`Body::Finished`].
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Finished {
    /// How it went.
    pub status: Status,
    /// Dead letters that the engine keeps.
    pub dead_letters: u64,
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

/// The event a guest call was about.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Consumed {
    /// See `event` in `wit/types.wit`.
    Start,
    /// See `event` in `wit/types.wit`.
    Pull,
    /// A message.
    Message {
        /// The part that emitted it, or the dead letter's record.
        id: Ref,
        /// The input it came by.
        port: PortId,
    },
    /// An input closed.
    Closed {
        /// The input.
        port: PortId,
    },
    /// A timer came due.
    Timer {
        /// Its name.
        name: String,
    },
}

/// What a guest answered to an event.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Next {
    /// For the next event.
    Wait,
    /// For a `pull`, once every output has room.
    More,
    /// It is done.
    Done,
}

/// One thing a guest did.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Part {
    /// It emitted a value, which is one message to each reader of the port.
    Emission {
        /// The output.
        port: PortId,
        /// The value.
        payload: Payload,
    },
    /// It asked the world and got an answer.
    Answer {
        /// What it called.
        call: Call,
        /// With what, in the encoding of the [gate](crate::gate).
        args: Payload,
        /// What it got.
        answer: Payload,
    },
    /// It was refused.
    Denial {
        /// What it called.
        call: Call,
        /// With what; for an emission the port and the first bytes of the value.
        args: Payload,
        /// What it got: an error.
        answer: Payload,
    },
    /// It opened a file for writing.
    Opened {
        /// Its number among the agent's sinks, from 1.
        sink: SinkId,
        /// What the guest calls it.
        name: String,
        /// Where it is: absolute.
        path: String,
        /// Bytes that stood there before; 0 for a replacement.
        base: u64,
        /// True if what is written replaces the old content when the file is closed.
        replace: bool,
    },
    /// It wrote bytes, which reach their place after the record is durable.
    Staged {
        /// Where to.
        sink: SinkId,
        /// The first byte's offset there.
        offset: u64,
        /// The bytes.
        payload: Payload,
    },
    /// It closed a file.
    Closed {
        /// Which.
        sink: SinkId,
    },
    /// It logged a line.
    Log {
        /// How loud.
        level: Level,
        /// The line, UTF-8.
        payload: Payload,
    },
    /// Log lines beyond the bound were dropped.
    LogDropped {
        /// How many.
        lines: u32,
    },
    /// It set a timer.
    TimerSet {
        /// Its name.
        name: String,
        /// Due this long after the record's time, in ms.
        after_ms: u64,
    },
    /// It cancelled a timer.
    TimerCancelled {
        /// Its name.
        name: String,
    },
}

/// Where an agent's staged bytes go: 0 is standard output, files count from 1 and are never reused.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub struct SinkId(pub u32);

impl SinkId {
    /// Standard output.
    pub const STDOUT: Self = Self(0);
}

/// How loud a log line is.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Level {
    /// For the author.
    Debug,
    /// For the curious.
    Info,
    /// For the user.
    Warn,
    /// For the user, at once.
    Error,
}

/// A function that a guest may call and that is answered or denied.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Call {
    /// `outbox.emit`; only its denials are recorded under this name.
    Emit,
    /// `clock.now`.
    ClockNow,
    /// `random.bytes`.
    RandomBytes,
    /// `files.read`.
    FilesRead,
    /// `files.stat`.
    FilesStat,
    /// `files.list`.
    FilesList,
    /// `files.append`.
    FilesAppend,
    /// `files.replace`.
    FilesReplace,
    /// `files.close`.
    FilesClose,
    /// `stdin.read`.
    StdinRead,
}

impl Part {
    /// The part's payloads, in the order of their bytes.
    pub fn payloads(&self) -> impl Iterator<Item = &Payload> {
        let (first, second) = match self {
            Self::Emission { payload, .. }
            | Self::Staged { payload, .. }
            | Self::Log { payload, .. } => (Some(payload), None),
            Self::Answer { args, answer, .. } | Self::Denial { args, answer, .. } => {
                (Some(args), Some(answer))
            }
            Self::Opened { .. }
            | Self::Closed { .. }
            | Self::LogDropped { .. }
            | Self::TimerSet { .. }
            | Self::TimerCancelled { .. } => (None, None),
        };
        first.into_iter().chain(second)
    }
}

impl Body {
    /// The parts, for the kinds of record that have them.
    #[must_use]
    pub fn parts(&self) -> &[Part] {
        match self {
            Self::Incarnation(body) => &body.parts,
            Self::Transaction(body) => &body.parts,
            Self::Faulted(body) => &body.parts,
            Self::Crashed(body) => &body.parts,
            Self::Snapshot(body) => &body.parts,
            _ => &[],
        }
    }

    /// All payloads, in the order of their bytes: those of the parts, then the record's own.
    pub fn payloads(&self) -> impl Iterator<Item = &Payload> {
        let own = match self {
            Self::Snapshot(body) => Some(&body.state),
            Self::DeadLettered(body) => body.letter.as_ref(),
            _ => None,
        };
        self.parts().iter().flat_map(Part::payloads).chain(own)
    }

    /// The kind's name, as `events` prints it.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Genesis(_) => "genesis",
            Self::Resumed(_) => "resumed",
            Self::Incarnation(_) => "incarnation",
            Self::Transaction(_) => "transaction",
            Self::Faulted(_) => "faulted",
            Self::Crashed(_) => "crashed",
            Self::Restarted(_) => "restarted",
            Self::Escalated(_) => "escalated",
            Self::DeadLettered(_) => "dead-lettered",
            Self::Snapshot(_) => "snapshot",
            Self::Confirmed(_) => "confirmed",
            Self::Ended(_) => "ended",
            Self::Checkpoint(_) => "checkpoint",
            Self::Stopping(_) => "stopping",
            Self::Suspended(_) => "suspended",
            Self::Finished(_) => "finished",
        }
    }

    /// The agent the record is about, if it is about one.
    #[must_use]
    pub const fn agent(&self) -> Option<AgentId> {
        match self {
            Self::Incarnation(body) => Some(body.agent),
            Self::Transaction(body) => Some(body.by.agent),
            Self::Faulted(body) => Some(body.by.agent),
            Self::Crashed(body) => Some(body.by.agent),
            Self::DeadLettered(body) => Some(body.agent),
            Self::Snapshot(body) => Some(body.agent),
            Self::Confirmed(body) => Some(body.agent),
            Self::Ended(body) => Some(body.agent),
            _ => None,
        }
    }
}

/// A linked record: its preimage and its hash.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Linked {
    /// The postcard bytes of the [`Record`].
    pub preimage: Vec<u8>,
    /// Their hash.
    pub hash: Digest,
}

/// The hash of a record's preimage.
#[must_use]
pub fn hash(preimage: &[u8]) -> Digest {
    let length = (preimage.len() as u64).to_be_bytes();
    let hash = Sha256::new()
        .chain_update(DOMAIN)
        .chain_update(length)
        .chain_update(preimage)
        .finalize();
    Digest(hash.into())
}

/// Joins `entry` to the record whose hash is `prev`.
///
/// # Panics
/// Never: entries are plain data, which postcard always encodes.
#[must_use]
pub fn link(prev: Digest, entry: &Entry) -> Linked {
    /// As [`Record`], borrowed.
    #[derive(Serialize)]
    struct Preimage<'a> {
        version: u8,
        seq: u64,
        prev: Digest,
        at: u64,
        causes: &'a [Ref],
        body: &'a Body,
    }
    let Entry {
        seq,
        at,
        causes,
        body,
        ..
    } = entry;
    let preimage = Preimage {
        version: VERSION,
        seq: *seq,
        prev,
        at: *at,
        causes,
        body,
    };
    let preimage = postcard::to_allocvec(&preimage).expect("entries are plain data");
    let hash = hash(&preimage);
    Linked { preimage, hash }
}
