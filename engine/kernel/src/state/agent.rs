//! What the kernel knows of one agent.

use alloc::collections::{BTreeMap, BTreeSet, VecDeque};
use alloc::string::String;
use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use super::Asking;
use crate::ids::{Bytes, PortId, Ref};
use crate::limits;
use crate::plan::{Agent, Plan, Root};
use crate::record::{Consumed, DeadLetterReason, End, Next, SinkId};
use crate::work::{Redo, Sinks};

/// What the kernel knows of one agent.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct AgentState {
    /// Where it is in its life.
    pub life: Life,
    /// It was asked to stop: it gets no further event.
    pub halt: Option<Halt>,
    /// Its next life does not begin before this time, in ms since 1970.
    pub not_before: u64,
    /// Lives begun so far.
    pub incarnations: u32,
    /// It has handled `start`.
    pub started: bool,
    /// What it answered last.
    pub mode: Next,
    /// The round of the message it handled last, 0 if `start` or `closed` came since: what it emits at a
    /// pull belongs to it.
    pub round: u32,
    /// One per (input, producer), in the plan's order; an input's feedback edges come after its other
    /// producers.
    pub queues: Vec<Queue>,
    /// By input: it knows that no more will come. An input without producers counts as known.
    pub closed: Vec<bool>,
    /// The event that failed and is to be tried again.
    pub pending: Option<Pending>,
    /// Messages in its mailbox that were dead letters before, by their inputs: the record that had each tried again.
    pub again: BTreeMap<(Ref, PortId), u64>,
    /// The event at which it asked the world, until the attempt at it is over.
    pub asking: Option<Asking>,
    /// By name.
    pub timers: BTreeMap<String, Timer>,
    /// What it has open, as its gate knows it.
    pub sinks: Sinks,
    /// What it writes, until it is written.
    pub writes: BTreeMap<SinkId, Write>,
    /// Staged bytes that are not yet in their place.
    pub unwritten: u64,
    /// Its last snapshot.
    pub saved: Option<Saved>,
    /// What it had open at its last snapshot.
    pub saved_sinks: Sinks,
    /// Its calls since.
    pub redo: Vec<Redo>,
    /// Bytes of these.
    pub redo_bytes: u64,
    /// Events handled before it.
    pub saved_calls: u64,
    /// Calls since that lives made again when they began.
    pub redone: u64,
    /// The last record about it; what its next pull follows from.
    pub last: Ref,
    /// Events handled.
    pub calls: u64,
    /// Messages handled.
    pub handled: u64,
    /// Values emitted.
    pub emitted: u64,
    /// Crashes so far.
    pub crashes: u64,
    /// Faults so far, each try counted.
    pub faults: u64,
    /// Messages that it could not handle so far.
    pub letters: u64,
    /// Messages that found no place in its mailbox and were dropped so far.
    pub dropped: u64,
    /// How often its supervisor has started it again, because of itself or of a sibling.
    pub restarts: u64,
    /// The record of its last fault, crash or dead letter.
    pub failure: Option<u64>,
}

/// Where an agent is in its life.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Life {
    /// It is not started, or stopped. Its supervisor starts it when its turn comes.
    Off,
    /// It is to be started now, by its supervisor or after an ask.
    Starting,
    /// It lived when the process ended, and is started again in the order of the tree.
    Lost,
    /// It lives.
    Up,
    /// It crashed in this record, or is permanent and was done, and its supervisor has not dealt with it.
    Down {
        /// The record.
        seq: u64,
        /// True if it does not count: the same message has crashed it before.
        again: bool,
    },
    /// It will not come back.
    Over(End),
}

impl Life {
    /// True if it will not come back.
    #[must_use]
    pub const fn is_over(self) -> bool {
        matches!(self, Self::Over(_))
    }
}

/// Its supervisor asked an agent to stop.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Halt {
    /// When it is killed, in ms since 1970; `None` for never.
    pub due: Option<u64>,
    /// The record of the decision that it follows from.
    pub why: u64,
    /// It does not come again.
    pub last: bool,
}

/// Messages on their way from one producer to one input.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Queue {
    /// The input.
    pub port: PortId,
    /// Oldest first.
    pub items: VecDeque<Queued>,
}

/// A message in a queue.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Queued {
    /// The part that emitted it, or the dead letter's record.
    pub id: Ref,
    /// JSON text.
    pub body: Bytes,
    /// How often what it follows from has gone over a feedback edge.
    pub round: u32,
}

/// An event that failed.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Pending {
    /// The event.
    pub consumed: Consumed,
    /// Attempts that failed.
    pub failed: u32,
    /// When it is tried again, in ms since 1970.
    pub due: u64,
    /// The record of the last failure.
    pub failure: u64,
    /// What the last failure was.
    pub why: DeadLetterReason,
    /// The last failure was a crash of an attempt that asked the world nothing: it would crash again.
    pub hopeless: bool,
    /// One of the failures was a crash.
    pub crashed: bool,
    /// The last attempt was told of an ask that nobody knows what became of it: there is no further one.
    pub unknown: bool,
}

/// A timer.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Timer {
    /// When, in ms since 1970.
    pub due: u64,
    /// The part that set it.
    pub set: Ref,
}

/// A snapshot.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Saved {
    /// Its record.
    pub seq: u64,
    /// What the guest gave.
    pub state: Bytes,
}

/// A place that staged bytes go to.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Write {
    /// Absolute; empty for standard output.
    pub path: String,
    /// What is written replaces the old content when the sink is closed.
    pub replace: bool,
    /// Bytes that stood there before.
    pub base: u64,
    /// All bytes before this offset are in their place.
    pub confirmed: u64,
    /// What is still to be done, in order.
    pub pending: VecDeque<WriteOp>,
    /// The last attempt to write failed, in this record.
    pub broken: Option<u64>,
    /// Its roots, if an earlier plan granted it and this one does not: what was staged then is written all the same.
    pub roots: Option<Vec<Root>>,
}

/// One thing to be done at a sink.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct WriteOp {
    /// The record that asks for it: it must be durable first.
    pub seq: u64,
    /// What.
    pub what: WriteWhat,
}

/// What is to be done at a sink.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum WriteWhat {
    /// Put these bytes at this offset.
    Bytes {
        /// The first byte's offset.
        offset: u64,
        /// The bytes.
        bytes: Bytes,
    },
    /// Close it; a replacement takes the old content's place.
    Close,
    /// Forget it: a replacement that was begun anew.
    Abandon,
}

impl AgentState {
    /// The state before the first record.
    #[must_use]
    pub fn new(plan: &Plan, agent: &Agent) -> Self {
        let letters = plan.dead_letter.as_ref().filter(|letters| letters.agent == agent.id);
        let mut queues = Vec::new();
        let mut closed = Vec::new();
        for input in &agent.inputs {
            let takes_letters = letters.is_some_and(|letters| letters.port == input.port);
            let count = input.from.len() + input.feedback.len() + usize::from(takes_letters);
            let queue = Queue { port: input.port, items: VecDeque::new() };
            // One that nobody in the run sends to takes what is sent from outside.
            queues.extend(core::iter::repeat_n(queue, count.max(1)));
            closed.push(count == 0);
        }
        Self {
            life: Life::Off,
            halt: None,
            not_before: 0,
            incarnations: 0,
            started: false,
            mode: Next::Wait,
            round: 0,
            queues,
            closed,
            pending: None,
            again: BTreeMap::new(),
            asking: None,
            timers: BTreeMap::new(),
            sinks: Sinks::default(),
            writes: BTreeMap::new(),
            unwritten: 0,
            saved: None,
            saved_sinks: Sinks::default(),
            redo: Vec::new(),
            redo_bytes: 0,
            saved_calls: 0,
            redone: 0,
            last: Ref::record(0),
            calls: 0,
            handled: 0,
            emitted: 0,
            crashes: 0,
            faults: 0,
            letters: 0,
            dropped: 0,
            restarts: 0,
            failure: None,
        }
    }

    /// Messages in all queues.
    #[must_use]
    pub fn depth(&self) -> usize {
        self.queues.iter().map(|queue| queue.items.len()).sum()
    }

    /// True if it lives, has started, what it wrote is in its place, and it waits for nothing but its inputs.
    #[must_use]
    pub fn is_quiet(&self) -> bool {
        self.life == Life::Up
            && self.started
            && self.mode == Next::Wait
            && self.pending.is_none()
            && self.asking.is_none()
            && self.timers.is_empty()
            && self.depth() == 0
            && self.writes.values().all(|write| write.pending.is_empty())
    }

    /// True if it has answered `done`, and all it wrote is in its place.
    #[must_use]
    pub fn is_done(&self) -> bool {
        let written = || self.writes.values().all(|write| write.pending.is_empty());
        self.mode == Next::Done && self.pending.is_none() && written()
    }

    /// True if it is at an event that has asked the world and goes on with it by itself once that has answered.
    #[must_use]
    pub fn is_asking(&self) -> bool {
        let asking = self.asking.as_ref().is_some_and(|asking| !asking.is_held());
        asking && matches!(self.life, Life::Up | Life::Starting)
    }

    /// True if something of it can be written or closed: nothing is, in a file, behind what could not be.
    #[must_use]
    pub fn writes_on(&self) -> bool {
        let mut broken = BTreeSet::new();
        self.writes.values().filter(|write| !write.pending.is_empty()).any(|write| {
            if write.broken.is_some() {
                broken.insert(&write.path);
            }
            !broken.contains(&write.path)
        })
    }

    /// True if much of what it wrote is not in its place: it has to wait.
    #[must_use]
    pub fn is_behind(&self) -> bool {
        let closed = self.writes.len().saturating_sub(self.sinks.open.len());
        self.unwritten > limits::UNWRITTEN_BYTES || closed > limits::UNWRITTEN_FILES
    }

    /// A message that it failed at.
    #[must_use]
    pub fn failed_at(&self, id: Ref, port: PortId) -> Option<&Pending> {
        let message = Consumed::Message { id, port };
        self.pending.as_ref().filter(|pending| pending.consumed == message)
    }

    /// What failed is forgotten, unless it is a message: that stays in its mailbox.
    pub fn keep_failed_message(&mut self) {
        let message = |pending: &Pending| matches!(pending.consumed, Consumed::Message { .. });
        self.pending = self.pending.take().filter(message);
    }

    /// Nothing is handled again any more of what it did.
    pub fn forget_calls(&mut self) {
        self.redo.clear();
        (self.redo_bytes, self.redone) = (0, 0);
    }

    /// True if re-handling what it did since its last snapshot would cost more than a new one. What was re-handled
    /// since counts: who is restarted often must not pay for the same calls each time.
    #[must_use]
    pub fn wants_snapshot(&self) -> bool {
        let saved = self.saved.as_ref().map_or(0, |saved| saved.state.len() as u64);
        let calls = limits::REDO_CALLS.max(saved / limits::SNAPSHOT_BYTES_PER_CALL);
        let cost = (self.redo.len() as u64).saturating_add(self.redone);
        cost >= calls || self.redo_bytes > limits::REDO_BYTES.max(2 * saved)
    }

    /// True if it is in a state that would be lost with its instance, unless its calls were made again.
    #[must_use]
    pub fn is_unsaved(&self, plan: &Agent) -> bool {
        let fresh = plan.is_fresh() && self.calls != self.saved_calls;
        !plan.stateless && (fresh || !self.redo.is_empty())
    }

    /// The content of a message that waits for this input.
    #[must_use]
    pub fn content(&self, message: Ref, port: PortId) -> Option<&Bytes> {
        let (queue, at) = self.find(message, port)?;
        Some(&self.queues[queue].items[at].body)
    }

    /// A message that waits for this input, wherever it stands in its queue: the positions of the queue and
    /// of the message.
    #[must_use]
    pub fn find(&self, message: Ref, port: PortId) -> Option<(usize, usize)> {
        let mut queues = self.queues.iter().enumerate().filter(|(_, queue)| queue.port == port);
        queues.find_map(|(nth, queue)| {
            // Most are asked for when their turn has come.
            if queue.items.front()?.id == message {
                return Some((nth, 0));
            }
            // A queue has one producer, so that what it holds is in the order of the log; what is tried again
            // takes the place that it had.
            Some((nth, queue.items.binary_search_by_key(&message, |item| item.id).ok()?))
        })
    }

    /// The oldest message: the position of its queue.
    #[must_use]
    pub fn oldest(&self) -> Option<usize> {
        let heads = self.queues.iter().enumerate();
        let heads = heads.filter_map(|(nth, queue)| Some((queue.items.front()?.id, nth)));
        heads.min().map(|(_, nth)| nth)
    }
}
