//! The things that a driver drives: the real world has one set of them, the simulator another.

use std::sync::Arc;

use theater_flow_kernel::ids::{AgentId, Salt};
use theater_flow_kernel::record::Entry;
use theater_flow_kernel::work::Activation;

use super::{Audition, Errand, Job};

/// Writes the log. `append` returns at once; [`Event::Flushed`](super::Event::Flushed) or
/// [`Event::StoreFailed`](super::Event::StoreFailed) follows.
pub trait Scribe {
    /// Takes records, in order, to be made durable together.
    fn append(&mut self, commit: Commit);
}

/// Records that become durable together.
#[derive(Debug, Default)]
pub struct Commit {
    /// In order, without gaps.
    pub entries: Vec<Arc<Entry>>,
    /// The bytes that a checkpoint record among them speaks of.
    pub checkpoint: Option<CheckpointBytes>,
}

/// The kernel's state as bytes.
#[derive(Debug)]
pub struct CheckpointBytes {
    /// The state after all records before this seq.
    pub upto: u64,
    /// The bytes.
    pub bytes: Vec<u8>,
}

/// Runs guests. `submit` returns at once; [`Event::Report`](super::Event::Report) follows, but for drops.
pub trait Workers {
    /// Takes work.
    fn submit(&mut self, activation: Activation);
    /// An agent is to stop: the batch that a worker has of it ends after the event it is at.
    fn halt(&mut self, agent: AgentId);
    /// An agent's life is over: the call that is under way ends at once, and so does a wait for input. What is
    /// reported of it says nothing.
    fn kill(&mut self, agent: AgentId);
    /// A successor is tried out: [`Event::Auditioned`](super::Event::Auditioned) follows.
    fn audition(&mut self, audition: Audition);
    /// How many instances can live beside those that do.
    fn room(&self) -> usize;
    /// The run is stopping: calls that wait for input are abandoned, batches end after the event they
    /// are at.
    fn interrupt(&mut self);
}

/// Writes what guests staged. `write` returns at once; [`Event::Written`](super::Event::Written) or [`Event::WriteFailed`](super::Event::WriteFailed)
/// follows.
pub trait Outputs {
    /// Takes a job. There is at most one at a time for each sink.
    fn write(&mut self, job: Job);
}

/// Does what guests ask of the world. `send` returns at once; [`Event::Answered`](super::Event::Answered) or
/// [`Event::Unanswered`](super::Event::Unanswered) follows.
pub trait Errands {
    /// Takes an errand. It is done once.
    fn send(&mut self, errand: Errand);
    /// Nobody waits for what this intent asks: it is given up, if it is still under way.
    fn give_up(&mut self, intent: u64);
}

/// Time and randomness.
pub trait Clock {
    /// Milliseconds since 1970.
    fn now_ms(&mut self) -> u64;
    /// 16 random bytes.
    fn salt(&mut self) -> Salt;
}

/// The five things that a driver drives.
pub struct Parts<S, W, O, C, E> {
    /// The log.
    pub scribe: S,
    /// The guests.
    pub workers: W,
    /// The sinks.
    pub outputs: O,
    /// The time.
    pub clock: C,
    /// The world beyond.
    pub errands: E,
}
