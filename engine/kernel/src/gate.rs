//! The gate: the one door between a guest and everything else.
//!
//! Each import of the actor contract is one method here. A call is [opened](Gate::open) as [`Mode::Live`],
//! in which the world answers and what passes is recorded, or as [`Mode::Redo`], in which the record
//! answers and whatever differs from it is a divergence; the world is not touched. Checks that depend on
//! nothing but the plan and the value (types, bounds) are made in both modes.

mod ask;
mod files;
mod tape;

use alloc::format;
use alloc::string::{String, ToString};
use alloc::sync::Arc;
use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

pub use ask::{Ask, SoFar};
pub use files::{
    Claimed, Entry as FolderEntry, FileError, FileErrorCode, FileKind, Located, Stat, locate,
};

use crate::ids::{AgentId, Bytes, PortId, Salt, TypeId};
use ask::other_than;
use tape::{diverged, over};

use crate::json::{self, Mismatch};
use crate::limits;
use crate::plan::{Agent, Plan};
use crate::record::{Call, Crash, CrashKind, Entry, Level, Part, Payload, SinkId};
use crate::work::{Sinks, Trace};

/// What a guest may ask of the outside, once the gate has let it through. The engine's is real, the
/// simulator's is not.
pub trait World: Send {
    /// Milliseconds since 1970.
    fn now_ms(&mut self) -> u64;
    /// `len` random bytes.
    fn random(&mut self, len: u32) -> Vec<u8>;
    /// A salt for one record.
    fn salt(&mut self) -> Salt;
    /// Up to `len` bytes from `offset`.
    fn read(&mut self, at: &Located<'_>, offset: u64, len: u32) -> Result<Vec<u8>, FileError>;
    /// A file's kind and size.
    fn stat(&mut self, at: &Located<'_>) -> Result<Stat, FileError>;
    /// A folder's entries, by name; more than `limits::FILE_LIST_ENTRIES` is an error.
    fn list(&mut self, at: &Located<'_>) -> Result<Vec<FolderEntry>, FileError>;
    /// Makes the file this agent's to write, and says where it is and how long it is now.
    fn claim(&mut self, at: &Located<'_>, replace: bool) -> Result<Claimed, FileError>;
    /// Up to `len` bytes of standard input, empty at its end. Waits.
    fn stdin(&mut self, len: u32) -> Result<Vec<u8>, StdinError>;
}

/// Why there is nothing from standard input.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum StdinError {
    /// It cannot be read; the guest is told.
    Failed(String),
    /// The run is stopping: the call is abandoned and leaves no record.
    Interrupted,
}

/// Why a value was not emitted. See `emit-error` in `wit/outbox.wit`.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum EmitError {
    /// The agent has no output of this name.
    UnknownPort(String),
    /// The value does not fit.
    WrongType {
        /// JSON pointer into the value.
        pointer: String,
        /// What was expected and what stands there.
        message: String,
    },
    /// The value is longer than this many bytes.
    TooLarge(u64),
    /// The event has emitted this many values.
    Full(u32),
}

/// Why a guest's call must end at once; the host turns it into a trap.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Stop {
    /// The incarnation crashes.
    Crash(Crash),
    /// The run is stopping; the call leaves no record.
    Interrupted,
    /// The guest asks what only the world can answer. The call is made again when it has.
    Asked(Ask),
}

/// How a call is opened.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Mode {
    /// `init` or `snapshot`: the guest may log, and nothing else.
    Quiet,
    /// The world answers.
    Live,
    /// This record answers.
    Redo(Arc<Entry>),
    /// What was answered before answers, as far as it goes, then the world.
    Resume(Arc<SoFar>),
}

/// See the [module](self). One per instance.
pub struct Gate {
    plan: Arc<Plan>,
    agent: AgentId,
    world: alloc::boxed::Box<dyn World>,
    sinks: Sinks,
    mode: Mode,
    trace: Trace,
    counts: Counts,
    before: Option<Sinks>,
}

/// What one call has used of its bounds.
#[derive(Clone, Copy, Default)]
struct Counts {
    emissions: u32,
    bytes: usize,
    log_lines: u32,
    log_dropped: u32,
    redone: usize,
    redone_payloads: usize,
    cost: u64,
}

impl Gate {
    /// The gate of one instance of `agent`, which must be of this plan.
    #[must_use]
    pub fn new(
        plan: Arc<Plan>,
        agent: AgentId,
        sinks: Sinks,
        world: alloc::boxed::Box<dyn World>,
    ) -> Self {
        let (mode, trace, counts) = (Mode::Quiet, Trace::default(), Counts::default());
        Self { plan, agent, world, sinks, mode, trace, counts, before: None }
    }

    /// The sinks that are open, as of the last call that was kept.
    #[must_use]
    pub const fn sinks(&self) -> &Sinks {
        &self.sinks
    }

    /// Begins a call. What an unfinished call before it did is forgotten.
    pub fn open(&mut self, mode: Mode) {
        let salt = match &mode {
            Mode::Quiet | Mode::Live => self.world.salt(),
            Mode::Redo(entry) => entry.salt,
            Mode::Resume(so_far) => so_far.salt,
        };
        self.trace = Trace { salt, ..Trace::default() };
        self.counts = Counts::default();
        self.before = None;
        self.mode = mode;
    }

    /// Ends a call. Unless it was `kept`, what it opened, wrote and closed is undone.
    ///
    /// # Errors
    /// In [`Mode::Redo`], a divergence if the record has more.
    pub fn close(&mut self, kept: bool, fuel: u64) -> Result<Trace, Stop> {
        if self.counts.log_dropped > 0 {
            self.note(Part::LogDropped { lines: self.counts.log_dropped }, [None, None])?;
        }
        let before = self.before.take();
        if !kept && let Some(before) = before {
            self.sinks = before;
        }
        if let Mode::Redo(entry) = &self.mode
            && entry.body.parts().len() > self.counts.redone
        {
            let missing =
                format!("part {} of record {} did not come", self.counts.redone, entry.seq);
            return Err(diverged(missing));
        }
        if let Mode::Resume(so_far) = &self.mode
            && kept
            && so_far.parts.len() > self.counts.redone
        {
            return Err(other_than(so_far, self.counts.redone, "an end"));
        }
        self.mode = Mode::Quiet;
        self.trace.fuel = fuel;
        let mut trace = core::mem::take(&mut self.trace);
        if trace.payloads.is_empty() {
            trace.salt = Salt::default();
        }
        Ok(trace)
    }

    /// The salt of the call that is open.
    #[must_use]
    pub fn salt(&self) -> Salt {
        self.trace.salt
    }

    /// Fuel to charge for the host's work since the last time this was asked: one unit a byte and 64 a call.
    pub fn take_cost(&mut self) -> u64 {
        core::mem::take(&mut self.counts.cost)
    }

    /// The agent, as the plan has it.
    ///
    /// # Panics
    /// Never: [`new`](Self::new) asks for an agent of the plan.
    #[must_use]
    pub fn agent(&self) -> &Agent {
        self.plan.agent(self.agent).expect("the gate's agent is of its plan")
    }

    /// The plan that it goes by.
    #[must_use]
    pub const fn plan(&self) -> &Arc<Plan> {
        &self.plan
    }

    /// The name of one of the agent's inputs, for the guest.
    #[must_use]
    pub fn input_name(&self, port: PortId) -> Option<&str> {
        let input = self.agent().inputs.iter().find(|input| input.port == port)?;
        Some(&input.name)
    }

    /// `outbox.emit`.
    pub fn emit(&mut self, port: &str, body: &str) -> Result<Result<(), EmitError>, Stop> {
        self.enter("outbox.emit", body.len())?;
        match self.admit(port, body) {
            Ok(port) => {
                self.counts.emissions += 1;
                let bytes: Bytes = Arc::from(body.as_bytes());
                let payload = Payload::commit(&self.trace.salt, &bytes);
                self.note(Part::Emission { port, payload }, [Some(bytes), None])?;
                Ok(Ok(()))
            }
            Err(error) => {
                let shown: String = body.chars().take(256).collect();
                self.deny(Call::Emit, &(clip(port, limits::NAME_BYTES), shown), &error)?;
                Ok(Err(error))
            }
        }
    }

    /// The output for a value, if it may leave.
    fn admit(&self, name: &str, body: &str) -> Result<PortId, EmitError> {
        let Some((port, ty)) = self.output(name) else {
            return Err(EmitError::UnknownPort(clip(name, limits::NAME_BYTES).to_string()));
        };
        if body.len() > limits::PAYLOAD_BYTES {
            return Err(EmitError::TooLarge(limits::PAYLOAD_BYTES as u64));
        }
        if self.counts.emissions >= limits::EMISSIONS_PER_EVENT {
            return Err(EmitError::Full(limits::EMISSIONS_PER_EVENT));
        }
        json::check(&self.plan.types, ty, body)
            .map_err(|Mismatch { pointer, message }| EmitError::WrongType { pointer, message })?;
        Ok(port)
    }

    fn output(&self, name: &str) -> Option<(PortId, TypeId)> {
        let output = self.agent().outputs.iter().find(|output| output.name == name)?;
        Some((output.port, output.ty))
    }

    /// `log.write`.
    pub fn log(&mut self, level: Level, text: &str) -> Result<(), Stop> {
        self.counts.cost += 64 + text.len() as u64;
        if self.counts.log_lines >= limits::LOG_LINES_PER_EVENT {
            self.counts.log_dropped = self.counts.log_dropped.saturating_add(1);
            return Ok(());
        }
        self.counts.log_lines += 1;
        let line = if text.len() > limits::LOG_LINE_BYTES {
            format!("{}… ({} bytes)", clip(text, limits::LOG_LINE_BYTES), text.len())
        } else {
            text.to_string()
        };
        let bytes: Bytes = Arc::from(line.into_bytes());
        let payload = Payload::commit(&self.trace.salt, &bytes);
        self.note(Part::Log { level, payload }, [Some(bytes), None])
    }

    /// `clock.now`.
    pub fn now(&mut self) -> Result<u64, Stop> {
        self.enter("clock.now", 8)?;
        self.ask(Call::ClockNow, &(), |world| Ok(world.now_ms()))
    }

    /// `random.bytes`.
    pub fn random(&mut self, len: u32) -> Result<Vec<u8>, Stop> {
        let len = len.min(limits::RANDOM_BYTES);
        self.enter("random.bytes", len as usize)?;
        self.ask(Call::RandomBytes, &len, |world| Ok(world.random(len)))
    }

    /// `stdin.read`.
    pub fn stdin(&mut self, len: u32) -> Result<Result<Vec<u8>, String>, Stop> {
        let len = len.min(limits::STDIN_READ_BYTES);
        self.enter("stdin.read", len as usize)?;
        self.ask(Call::StdinRead, &len, |world| match world.stdin(len) {
            Ok(bytes) => Ok(Ok(bytes)),
            Err(StdinError::Failed(why)) => Ok(Err(why)),
            Err(StdinError::Interrupted) => Err(Stop::Interrupted),
        })
    }

    /// `timer.set`.
    pub fn timer_set(&mut self, name: &str, after_ms: u64) -> Result<(), Stop> {
        self.enter("timer.set", name.len())?;
        let name = bounded_name(name)?;
        self.note(Part::TimerSet { name, after_ms }, [None, None])
    }

    /// `timer.cancel`.
    pub fn timer_cancel(&mut self, name: &str) -> Result<(), Stop> {
        self.enter("timer.cancel", name.len())?;
        let name = bounded_name(name)?;
        self.note(Part::TimerCancelled { name }, [None, None])
    }

    /// `stdout.write`.
    pub fn stdout(&mut self, bytes: &[u8]) -> Result<(), Stop> {
        self.enter("stdout.write", bytes.len())?;
        self.stage("", bytes)
    }

    /// Puts bytes after what the sink of this name holds already.
    fn stage(&mut self, name: &str, bytes: &[u8]) -> Result<(), Stop> {
        if bytes.len() > limits::PAYLOAD_BYTES {
            return Err(over("staged bytes of one write", limits::PAYLOAD_BYTES));
        }
        self.remember_sinks();
        let sink = self.sinks.open.get_mut(name).expect("callers stage to open sinks");
        let (id, offset) = (sink.id, sink.len);
        sink.len += bytes.len() as u64;
        let bytes: Bytes = Arc::from(bytes);
        let payload = Payload::commit(&self.trace.salt, &bytes);
        self.note(Part::Staged { sink: id, offset, payload }, [Some(bytes), None])
    }

    /// Keeps the sinks as they were before this call, once.
    fn remember_sinks(&mut self) {
        if self.before.is_none() {
            self.before = Some(self.sinks.clone());
        }
    }

    /// The first step of every call but `log`: it must be in a handler, and pays for its bytes.
    fn enter(&mut self, name: &str, bytes: usize) -> Result<(), Stop> {
        self.counts.cost = self.counts.cost.saturating_add(64 + bytes as u64);
        if self.mode == Mode::Quiet {
            let message = format!(
                "`{name}` was called outside of `handle`; `init`, `snapshot` and `migrate` may only log"
            );
            return Err(Stop::Crash(Crash { kind: CrashKind::Trap, message }));
        }
        Ok(())
    }
}

fn bounded_name(name: &str) -> Result<String, Stop> {
    if name.len() > limits::NAME_BYTES {
        return Err(over("bytes in a name", limits::NAME_BYTES));
    }
    Ok(name.to_string())
}

/// The longest prefix of `text` within `bytes` that ends at a character.
#[must_use]
pub fn clip(text: &str, bytes: usize) -> &str {
    let end = (0..=bytes.min(text.len())).rev().find(|end| text.is_char_boundary(*end));
    &text[..end.unwrap_or(0)]
}

impl SinkId {
    /// The id after this one.
    pub(crate) const fn after(self) -> Self {
        Self(self.0 + 1)
    }
}
