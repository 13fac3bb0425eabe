//! Agents that follow a script: mocks, and sources of what is given.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use theater_flow_dsl::testing::Reply;
use theater_flow_kernel::gate::{Gate, Stop};
use theater_flow_kernel::ids::Fault;
use theater_flow_kernel::record::{Crash, CrashKind, Next};
use theater_flow_kernel::work::{Called, Event, Guest};

/// What an agent says.
#[derive(Clone, PartialEq, Debug, Default)]
pub(super) struct Lines {
    /// By itself, one at a time: the output and the message.
    pub(super) sent: Vec<(String, String)>,
    /// One for each message that it is tried with.
    pub(super) replies: Vec<Reply>,
    /// For every message after these.
    pub(super) otherwise: Option<Reply>,
}

/// A script, with what outlives the agent's lives. Clones are the same script.
#[derive(Clone, Debug, Default)]
pub(super) struct Script {
    lines: Arc<Lines>,
    kept: Arc<Mutex<Kept>>,
}

#[derive(Debug, Default)]
struct Kept {
    /// The furthest that any life came.
    at: Place,
    /// Replies that were crashes: no life comes by them again.
    crashed: BTreeSet<usize>,
    /// Messages came for which there was no reply.
    lost: bool,
}

/// How far a life is: lines sent, replies given.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
struct Place {
    sent: usize,
    replied: usize,
}

impl Script {
    pub(super) fn new(lines: Lines) -> Self {
        Self { lines: Arc::new(lines), kept: Arc::default() }
    }

    /// How many replies there are.
    pub(super) fn replies(&self) -> usize {
        self.lines.replies.len()
    }

    /// How many of them were given.
    pub(super) fn used(&self) -> usize {
        self.kept().at.replied.min(self.replies())
    }

    /// True if messages came for which there was no reply.
    pub(super) fn ran_out(&self) -> bool {
        self.kept().lost
    }

    /// A change is one step: a test that panicked elsewhere left it whole.
    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A life of an agent that follows a script.
pub(super) struct Scripted {
    gate: Gate,
    script: Script,
    at: Place,
    alive: bool,
}

impl Scripted {
    /// A life that begins with nothing goes on where the one before it was; one that begins with a snapshot
    /// or with the calls of the one before it goes through them again.
    pub(super) fn new(gate: Gate, script: Script, fresh: bool) -> Self {
        let at = if fresh { script.kept().at } else { Place::default() };
        Self { gate, script, at, alive: true }
    }

    pub(super) fn lives(&self) -> bool {
        self.alive
    }

    /// Sends the next line. After it comes another, or messages.
    fn send(&mut self) -> Answer {
        let lines = Arc::clone(&self.script.lines);
        let Some((port, body)) = lines.sent.get(self.at.sent) else {
            return Ok(Ok(Next::Wait));
        };
        self.at.sent += 1;
        if let Err(fault) = self.emit(port, body)? {
            return Ok(Err(fault));
        }
        let more = self.at.sent < lines.sent.len();
        Ok(Ok(if more { Next::More } else { Next::Wait }))
    }

    fn reply(&mut self) -> Answer {
        let lines = Arc::clone(&self.script.lines);
        let nth = {
            let kept = self.script.kept();
            let mut free = (self.at.replied..).filter(|nth| !kept.crashed.contains(nth));
            free.next().unwrap_or(usize::MAX)
        };
        self.at.replied = nth.saturating_add(1);
        match lines.replies.get(nth).or(lines.otherwise.as_ref()) {
            Some(Reply::Emit(sent)) => {
                for (port, value) in sent {
                    if let Err(fault) = self.emit(port, &value.to_string())? {
                        return Ok(Err(fault));
                    }
                }
                Ok(Ok(Next::Wait))
            }
            Some(Reply::Fault(fault)) => Ok(Err(fault.clone())),
            Some(Reply::Crash(crash)) => {
                self.script.kept().crashed.insert(nth);
                Err(Stop::Crash(crash.clone()))
            }
            None if lines.replies.is_empty() => Ok(Ok(Next::Wait)),
            None => {
                self.script.kept().lost = true;
                let message = String::from("the mock has no reply left");
                Ok(Err(Fault { code: String::from("no-reply"), message }))
            }
        }
    }

    /// The file's types were held against the plan before: only a bound can be met here.
    fn emit(&mut self, port: &str, body: &str) -> Result<Result<(), Fault>, Stop> {
        let refused =
            |error| Fault { code: String::from("refused"), message: format!("{error:?}") };
        Ok(self.gate.emit(port, body)?.map_err(refused))
    }
}

type Answer = Result<Result<Next, Fault>, Stop>;

impl Guest for Scripted {
    fn gate(&mut self) -> &mut Gate {
        &mut self.gate
    }

    fn init(&mut self, saved: Option<&[u8]>) -> Called<()> {
        let place = |saved: &[u8]| postcard::from_bytes::<(u64, u64)>(saved).ok();
        if let Some((sent, replied)) = saved.and_then(place) {
            let whole = |number| usize::try_from(number).unwrap_or(usize::MAX);
            self.at = Place { sent: whole(sent), replied: whole(replied) };
        }
        Called { fuel: 0, result: Ok(Ok(())) }
    }

    fn handle(&mut self, event: &Event) -> Called<Next> {
        let result = match event {
            Event::Start | Event::Pull => self.send(),
            Event::Message { .. } => self.reply(),
            Event::Closed { .. } | Event::Timer { .. } => Ok(Ok(Next::Wait)),
        };
        let mut kept = self.script.kept();
        kept.at.sent = kept.at.sent.max(self.at.sent);
        kept.at.replied = kept.at.replied.max(self.at.replied);
        drop(kept);
        self.alive = result.is_ok();
        Called { fuel: 0, result }
    }

    fn snapshot(&mut self) -> Called<Vec<u8>> {
        let (sent, replied) = (self.at.sent as u64, self.at.replied as u64);
        let result = postcard::to_allocvec(&(sent, replied)).map_err(|error| {
            Stop::Crash(Crash { kind: CrashKind::Trap, message: error.to_string() })
        });
        Called { fuel: 0, result: result.map(Ok) }
    }
}
