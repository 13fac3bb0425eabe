//! Work for the shell's workers, and what they report. One [`Activation`] is one instance, a batch of
//! its events and the room per output; [`perform`](crate::perform) does it, the same for every
//! kind of guest, so that a simulated actor and a wasm one differ in nothing but themselves.
//!
//! Batch boundaries are invisible: each event is its own transaction, and a worker stops after the
//! event that uses up room, at a fault, a crash or a stop, and gives the rest back.

use alloc::collections::{BTreeMap, VecDeque};
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use crate::gate::{Ask, Gate, SoFar, Stop};
use crate::ids::{AgentId, Bytes, Fault, PortId, Ref, Salt};
use crate::limits;
use crate::plan::Plan;
use crate::record::{Attempt, Consumed, Crash, Entry, Next, Origin, Part, Payload, SinkId};

/// An event with its content, as a guest gets it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Event {
    /// See `event` in `wit/types.wit`.
    Start,
    /// See `event` in `wit/types.wit`.
    Pull,
    /// A message.
    Message {
        /// The part that emitted it, or the dead letter's record.
        id: Ref,
        /// The input it comes by.
        port: PortId,
        /// The value, JSON text.
        body: Bytes,
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

impl Event {
    /// The event as a record names it.
    #[must_use]
    pub fn consumed(&self) -> Consumed {
        match self {
            Self::Start => Consumed::Start,
            Self::Pull => Consumed::Pull,
            Self::Message { id, port, .. } => Consumed::Message { id: *id, port: *port },
            Self::Closed { port } => Consumed::Closed { port: *port },
            Self::Timer { name } => Consumed::Timer { name: name.clone() },
        }
    }

    /// Bytes of its content.
    #[must_use]
    pub fn len(&self) -> usize {
        match self {
            Self::Message { body, .. } => body.len(),
            _ => 0,
        }
    }

    /// True if it has no content.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// Work for one instance. At most one is under way per agent at a time.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Activation {
    /// The agent.
    pub agent: AgentId,
    /// The instance's life that this work belongs to; a report from another life is discarded.
    pub incarnation: u32,
    /// What to do.
    pub work: Work,
}

/// What to do with an instance.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Work {
    /// Begin a new life: instantiate, `init`, handle again what was handled since the snapshot.
    Begin(Begin),
    /// Handle events.
    Handle(Batch),
    /// Take a snapshot.
    Snapshot,
    /// End the instance's life and free it. Nothing is reported.
    Drop,
}

/// See [`Work::Begin`].
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Begin {
    /// The plan that the run has.
    pub plan: Arc<Plan>,
    /// From what.
    pub origin: Origin,
    /// The snapshot's bytes.
    pub saved: Option<Bytes>,
    /// The calls since, in order.
    pub redo: Vec<Redo>,
    /// The sinks that were open when the first of them was made, or now if there are none.
    pub sinks: Sinks,
}

/// A recorded call that a new life makes again: with the recorded answers, and what it does is compared
/// and discarded.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Redo {
    /// The event.
    pub event: Event,
    /// The transaction or fault, with its payloads.
    pub entry: Arc<Entry>,
}

/// See [`Work::Handle`].
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Batch {
    /// Events in the order they are to be handled.
    pub events: VecDeque<Event>,
    /// What the agent answered last: after `more` comes a pull, not the next event.
    pub mode: Next,
    /// Which try at the first event it is, from 1.
    pub attempt: u32,
    /// Free places per output, in the plan's order; the least over its readers.
    pub room: Vec<u32>,
    /// What the attempt at the first event did before it asked, with the answer.
    pub so_far: Option<Arc<SoFar>>,
}

/// The places an agent writes to, by the path it knows them by. Standard output is always there, under
/// the empty path.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Sinks {
    /// What is open.
    pub open: BTreeMap<String, Sink>,
    /// The next id.
    pub next: u32,
    /// Files that were closed, the last ones, and how long they are then: what was staged may not be in
    /// its place yet, so the file itself cannot tell.
    pub ended: Arc<VecDeque<(String, u64)>>,
}

/// Closed files that are remembered: more than may wait to be written, of which a batch adds one an event,
/// and of which the last event may close all that are open.
const ENDED: usize = limits::UNWRITTEN_FILES + limits::BATCH_EVENTS + limits::OPEN_FILES_PER_AGENT;

impl Sinks {
    /// Closes what is open under this name, and remembers its end.
    pub(crate) fn close(&mut self, name: &str) -> Option<Sink> {
        let sink = self.open.remove(name)?;
        let ended = Arc::make_mut(&mut self.ended);
        ended.retain(|(known, _)| known != name);
        ended.push_back((String::from(name), sink.len));
        if ended.len() > ENDED {
            ended.pop_front();
        }
        Some(sink)
    }

    /// How long a file is that was closed before.
    pub(crate) fn end_of(&self, name: &str) -> Option<u64> {
        self.ended.iter().find(|(known, _)| known == name).map(|(_, len)| *len)
    }
}

/// A place that staged bytes go to.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Sink {
    /// Its id.
    pub id: SinkId,
    /// Where the next byte goes.
    pub len: u64,
    /// The agent may not write there any more, only close it.
    pub barred: bool,
}

impl Default for Sinks {
    fn default() -> Self {
        let stdout = Sink { id: SinkId::STDOUT, len: 0, barred: false };
        Self { open: BTreeMap::from([(String::new(), stdout)]), next: 1, ended: Arc::default() }
    }
}

/// What a worker did.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Report {
    /// The agent.
    pub agent: AgentId,
    /// The life.
    pub incarnation: u32,
    /// What became of the work.
    pub done: Done,
}

/// What became of an activation.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Done {
    /// A life began.
    Begun(Begun),
    /// What became of the events that were handled, in order; the rest is given back.
    Handled(Vec<Call>),
    /// A snapshot was taken, or could not be.
    Snapshot(Taken),
}

/// See [`Done::Begun`].
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Begun {
    /// From what.
    pub origin: Origin,
    /// What `init` did.
    pub call: Trace,
    /// How it ended badly, if it did.
    pub crash: Option<Crash>,
}

/// One guest call at one event.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Call<T = Next> {
    /// The event.
    pub consumed: Consumed,
    /// Which try, from 1.
    pub attempt: u32,
    /// What the guest did.
    pub trace: Trace,
    /// How it ended.
    pub outcome: Outcome<T>,
}

/// What a guest did during one call.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Trace {
    /// The salt of the payloads.
    pub salt: Salt,
    /// What it did, in order.
    pub parts: Vec<Part>,
    /// The parts' payloads.
    pub payloads: Vec<Bytes>,
    /// Fuel, host work included.
    pub fuel: u64,
}

/// How a call ended.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Outcome<T = Next> {
    /// The guest answered.
    Next(T),
    /// The guest answered with a fault; the instance lives.
    Fault(Fault),
    /// The instance is gone.
    Crash(Crash),
    /// The guest asks what only the world can answer: the instance is gone, and the attempt is not over.
    Asked(Ask),
}

/// A snapshot.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Taken {
    /// What the guest did.
    pub trace: Trace,
    /// The bytes, committed to under the trace's salt, or how it crashed.
    pub state: Result<(Payload, Bytes), Crash>,
}

/// Who makes a call, for a record.
#[must_use]
pub const fn by(agent: AgentId, incarnation: u32, attempt: u32) -> Attempt {
    Attempt { agent, instance: 0, incarnation, attempt }
}

/// What runs behind the gate: a wasm instance, or a simulated actor.
pub trait Guest {
    /// Its gate.
    fn gate(&mut self) -> &mut Gate;
    /// Begins the life; `saved` is an earlier snapshot.
    fn init(&mut self, saved: Option<&[u8]>) -> Called<()>;
    /// Handles one event.
    fn handle(&mut self, event: &Event) -> Called<Next>;
    /// Gives all state that matters between events.
    fn snapshot(&mut self) -> Called<Vec<u8>>;
    /// Makes a snapshot of its own kind of one that another version of its component gave; `from` is that version's
    /// digest, in hex. `None` if it cannot. Instead of `init`, in a life that ends with it.
    fn migrate(&mut self, from: &str, saved: &[u8]) -> Option<Called<Vec<u8>>> {
        let _ = (from, saved);
        None
    }
}

/// What became of one guest call.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Called<T> {
    /// Fuel, host work included.
    pub fuel: u64,
    /// What the guest answered, or why the call ended without an answer.
    pub result: Result<Result<T, Fault>, Stop>,
}
