//! Native guests: what an actor may do, in small.

use std::sync::Arc;
use std::sync::Mutex;

use theater_flow_kernel::gate::{Gate, Stop};
use theater_flow_kernel::http::Request;
use theater_flow_kernel::ids::{AgentId, Fault};
use theater_flow_kernel::plan::Plan;
use theater_flow_kernel::record::{Crash, CrashKind, Level, Next};
use theater_flow_kernel::work::{Called, Event, Guest, Sinks};

use super::world::{Fake, Outside};

/// What a guest does.
#[derive(Clone, Debug)]
pub(crate) enum Kind {
    /// Emits the numbers below `n`, `k` at a pull.
    Source { n: u32, k: u32 },
    /// Emits what comes, on every output. Stateless.
    Pass,
    /// Emits every other message, by its bytes. Stateless.
    Filter,
    /// Emits `n` values for each message, one at a pull.
    Split { n: u32 },
    /// Emits what comes, and how many that were once all inputs are closed.
    Collect,
    /// Emits how many messages have come.
    Counter,
    /// As `Counter`, but its snapshot is empty.
    Forgetful,
    /// Asks for the time and a random byte at each message, and emits both.
    Reader,
    /// Passes all but these messages on; what it does at them is `how`.
    Bad { at: &'static [&'static str], how: Bad },
    /// Answers a fault to `init`, always or after a first life.
    NoInit { at_first: bool },
    /// Sets a timer at each message and emits when it comes due.
    Timer,
    /// Writes a line to standard output for each message.
    Stdout,
    /// Appends a line to a file for each message, and closes it at the end.
    Append,
    /// As `Append`, to a replacement.
    Replace,
    /// Writes lines as `Stdout`, passes all on, and answers `done` at this many messages.
    DoneAt(u64),
    /// Asks outside at each message, twice at every third, with a look at the clock between, and emits what it
    /// was answered and how many messages that were. Faults when nobody knows the answer, if it is so.
    Asks { method: &'static str, faults: bool },
    /// What the function says, which also gets how many lives there were before.
    Does(Script),
}

/// See [`Kind::Does`].
pub(crate) type Script = fn(&mut Gate, u32, &Event) -> Result<Next, Stop>;

/// What a bad guest does at a bad message.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Bad {
    /// Faults, always.
    Fault,
    /// Faults as long as `random` says so.
    FaultSometimes,
    /// Traps, always, without asking anything.
    Trap,
    /// Traps after reading the clock.
    TrapAfterRead,
    /// Traps as long as `random` says so.
    TrapSometimes,
    /// Answers too slowly, without asking anything.
    Timeout,
}

/// A guest with its gate.
pub(crate) struct Native {
    gate: Gate,
    kind: Kind,
    /// Lives that the agent had before.
    lives: u32,
    count: u64,
    held: Vec<String>,
    /// Calls of this life, snapshots too: what memory looks like, which no snapshot knows, and which
    /// fuel depends on.
    calls: u64,
}

impl Native {
    pub(crate) fn new(
        (plan, id): (&Arc<Plan>, AgentId),
        (kind, lives): (Kind, u32),
        sinks: Sinks,
        outside: &Arc<Mutex<Outside>>,
    ) -> Self {
        let world = Fake { outside: Arc::clone(outside), agent: id };
        let gate = Gate::new(Arc::clone(plan), id, sinks, Box::new(world));
        Self { gate, kind, lives, count: 0, held: Vec::new(), calls: 0 }
    }

    /// Lives that its agent had before.
    pub(crate) const fn lives(&self) -> u32 {
        self.lives
    }

    fn emit(&mut self, body: &str) -> Result<(), Stop> {
        let outputs = self.gate.agent().outputs.iter();
        let outputs: Vec<String> = outputs.map(|output| output.name.clone()).collect();
        for output in outputs {
            self.gate.emit(&output, body)?.expect("a JSON value to an output");
        }
        Ok(())
    }

    fn answer(&mut self, event: &Event) -> Result<Result<Next, Fault>, Stop> {
        if let Kind::Does(script) = self.kind {
            return script(&mut self.gate, self.lives, event).map(Ok);
        }
        match event {
            Event::Start if matches!(self.kind, Kind::Source { .. }) => Ok(Ok(Next::More)),
            Event::Start => Ok(Ok(Next::Wait)),
            Event::Pull => self.pull().map(Ok),
            Event::Closed { .. } => self.closed().map(Ok),
            Event::Timer { name } => {
                self.emit(&format!("\"{name}\""))?;
                Ok(Ok(Next::Wait))
            }
            Event::Message { body, .. } => {
                let body = String::from_utf8(body.to_vec()).expect("JSON is text");
                self.message(&body)
            }
        }
    }

    fn pull(&mut self) -> Result<Next, Stop> {
        if let Kind::Source { n, k } = self.kind {
            for _ in 0..k {
                if self.count < u64::from(n) {
                    self.emit(&self.count.to_string())?;
                    self.count += 1;
                }
            }
            return Ok(if self.count < u64::from(n) { Next::More } else { Next::Done });
        }
        if let Some(body) = self.held.pop() {
            self.emit(&body)?;
        }
        Ok(if self.held.is_empty() { Next::Wait } else { Next::More })
    }

    fn closed(&mut self) -> Result<Next, Stop> {
        match self.kind {
            Kind::Collect => {
                self.held.push(String::new());
                if self.held.len() == self.gate.agent().inputs.len() {
                    self.emit(&format!("\"count {}\"", self.count))?;
                }
            }
            Kind::Append | Kind::Replace if self.count > 0 => {
                let path = self.path();
                self.gate.file_close(&path)?.expect("the file is open");
            }
            _ => {}
        }
        Ok(Next::Wait)
    }

    fn path(&self) -> String {
        format!("out/{}", self.gate.agent().name)
    }

    fn message(&mut self, body: &str) -> Result<Result<Next, Fault>, Stop> {
        self.count += 1;
        match self.kind.clone() {
            Kind::Filter if body.bytes().map(u32::from).sum::<u32>() % 2 == 1 => {}
            Kind::Split { n } => {
                self.held = (0..n).rev().map(|i| format!("[{body},{i}]")).collect();
                return Ok(Ok(if n == 0 { Next::Wait } else { Next::More }));
            }
            Kind::Counter | Kind::Forgetful => self.emit(&self.count.to_string())?,
            Kind::Reader => {
                let (now, random) = (self.gate.now()?, self.gate.random(1)?);
                self.emit(&format!("[{body},{now},{}]", random[0]))?;
            }
            Kind::Timer => {
                self.gate.timer_set(&format!("t{}", self.count), 20)?;
            }
            Kind::Asks { method, faults } => return self.asks(method, faults, body),
            Kind::Stdout => self.gate.stdout(format!("{body}\n").as_bytes())?,
            Kind::Append | Kind::Replace => self.write(body)?,
            Kind::Bad { at, how } if at.contains(&body) => return self.bad(how, body),
            Kind::DoneAt(n) => {
                self.gate.stdout(format!("{body}\n").as_bytes())?;
                self.emit(body)?;
                return Ok(Ok(if self.count == n { Next::Done } else { Next::Wait }));
            }
            _ => self.emit(body)?,
        }
        Ok(Ok(Next::Wait))
    }

    fn write(&mut self, body: &str) -> Result<(), Stop> {
        let path = self.path();
        if matches!(self.kind, Kind::Replace) && self.count == 1 {
            self.gate.file_replace(&path)?.expect("granted");
        }
        self.gate.file_append(&path, format!("{body}\n").as_bytes())?.expect("granted");
        Ok(())
    }

    fn asks(
        &mut self,
        method: &str,
        faults: bool,
        body: &str,
    ) -> Result<Result<Next, Fault>, Stop> {
        let mut said = Vec::new();
        self.gate.log(Level::Info, "asking")?;
        for nth in 0..=u64::from(self.count.is_multiple_of(3)) {
            self.gate.now()?;
            let request = Request {
                method: String::from(method),
                url: format!("https://a.test/v1/{nth}"),
                headers: Vec::new(),
                body: body.as_bytes().to_vec(),
            };
            match self.gate.http(&request)? {
                Ok(answer) => said.push(String::from_utf8(answer.body).expect("text")),
                Err(error) if faults => {
                    let code = format!("{:?}", error.code);
                    return Ok(Err(Fault { code, message: error.message }));
                }
                Err(error) => said.push(format!("{:?}", error.code)),
            }
        }
        self.emit(&format!("\"{} {}\"", self.count, said.join(" ")))?;
        Ok(Ok(Next::Wait))
    }

    fn bad(&mut self, how: Bad, body: &str) -> Result<Result<Next, Fault>, Stop> {
        let fault = Fault { code: String::from("bad"), message: format!("no \"{body}\"\n") };
        let crash = |kind| Stop::Crash(Crash { kind, message: format!("trap at {body}") });
        self.gate.log(Level::Info, "here it comes")?;
        // What a failed attempt emits must not arrive.
        self.emit("\"never\"")?;
        match how {
            Bad::Fault => return Ok(Err(fault)),
            Bad::Trap => return Err(crash(CrashKind::Trap)),
            Bad::Timeout => return Err(crash(CrashKind::Timeout)),
            Bad::TrapAfterRead => {
                self.gate.now()?;
                return Err(crash(CrashKind::Trap));
            }
            Bad::FaultSometimes if self.gate.random(1)? == [1] => return Ok(Err(fault)),
            Bad::TrapSometimes if self.gate.random(1)? == [1] => {
                return Err(crash(CrashKind::Trap));
            }
            Bad::FaultSometimes | Bad::TrapSometimes => {}
        }
        Ok(Ok(Next::Wait))
    }

    fn called<T>(&mut self, fuel: u64, result: Result<Result<T, Fault>, Stop>) -> Called<T> {
        self.calls += 1;
        Called { fuel: fuel + self.calls + self.gate.take_cost(), result }
    }
}

impl Guest for Native {
    fn gate(&mut self) -> &mut Gate {
        &mut self.gate
    }

    fn init(&mut self, saved: Option<&[u8]>) -> Called<()> {
        if let Kind::NoInit { at_first } = self.kind
            && (at_first || self.lives > 0)
        {
            let fault = Fault { code: String::from("config"), message: String::from("not today") };
            return self.called(1, Ok(Err(fault)));
        }
        if let Some(saved) = saved.filter(|saved| !saved.is_empty()) {
            let saved = std::str::from_utf8(saved).expect("a snapshot of ours");
            let (count, held) = saved.split_once('|').expect("a snapshot of ours");
            self.count = count.parse().expect("a number");
            self.held = held.split_terminator(';').map(String::from).collect();
        }
        self.called(1, Ok(Ok(())))
    }

    fn handle(&mut self, event: &Event) -> Called<Next> {
        let result = self.answer(event);
        self.called(10 + event.len() as u64 + self.count, result)
    }

    fn snapshot(&mut self) -> Called<Vec<u8>> {
        let held: String = self.held.iter().flat_map(|held| [held.as_str(), ";"]).collect();
        let state = match self.kind {
            Kind::Forgetful => Vec::new(),
            _ => format!("{}|{held}", self.count).into_bytes(),
        };
        self.called(1, Ok(Ok(state)))
    }
}
