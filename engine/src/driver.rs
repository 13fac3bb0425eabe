//! The loop: gather → decide → fold → blocks in parallel → effects.
//!
//! One [`Driver`] owns one run. It is generic over who writes the log ([`Scribe`]), who runs guests
//! ([`Workers`]), who writes what they staged ([`Outputs`]), who does what they ask ([`Errands`]) and what
//! time it is ([`Clock`]), so that the simulator is a second set of these and not a second loop. It never
//! waits: whoever owns it feeds [`Event`]s to [`Driver::on`] and calls [`Driver::turn`] when there are no more.

mod backlog;
mod checkpoint;
mod decisions;
mod errands;
mod live;
mod parts;
mod reload;
mod stop;
mod tray;

use theater_flow_kernel::decide::{Advance, advance};
use theater_flow_kernel::desk::Desk;
use theater_flow_kernel::ids::{AgentId, Bytes, Digest};
use theater_flow_kernel::input::{Beginning, Input, Stamped};
use theater_flow_kernel::record::{Body, EngineFacts, SinkId, Status};
use theater_flow_kernel::state::{Life, Phase, State};
use theater_flow_kernel::work::{Report, Work};

use backlog::Backlog;
use decisions::Recorded;
pub use decisions::{Decision, LetterOrder};
pub use errands::Errand;
use errands::Pending;
pub use live::{Held, Pausing, Sending};
pub use parts::{CheckpointBytes, Clock, Commit, Errands, Outputs, Parts, Scribe, Workers};
use reload::Reloading;
pub use reload::{Audition, Auditioned, Choices, Outcome, Refusal, Refused, Reload, Tried};
use stop::Stop;
pub use stop::{DRAIN_MS, Remains};
pub use tray::Job;
use tray::Tray;

use crate::journal::{Flushed, JournalError};

/// What the driver waits for.
pub enum Event {
    /// A worker has done its work.
    Report(Report),
    /// Records are durable.
    Flushed(Flushed),
    /// Records could not be made durable.
    StoreFailed(JournalError),
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
    /// Somebody decides about an ask that waits for it.
    Decided(Decision),
    /// Somebody has dead letters tried again, or drops them.
    Letters(LetterOrder),
    /// Somebody wants the run to stand still, or to go on.
    Pause(Pausing),
    /// Somebody sends a message to an agent.
    Send(Sending),
    /// Somebody wants the run to go over to another plan.
    Reload(Box<Reload>),
    /// The run does not go over to a plan: there is none, or somebody refuses the one that waits.
    Refuse(Refusal),
    /// A successor was tried out.
    Auditioned(Auditioned),
    /// Someone asks the run to stop: sources stop, mailboxes empty.
    Stop {
        /// Who.
        by: String,
        /// How long it may take, in ms.
        within_ms: u64,
    },
    /// Someone asks again, or does not want to wait: what is under way is given up.
    StopNow,
    /// Someone wants to see the state.
    Look(Box<dyn FnOnce(&State) + Send>),
}

/// How a driver's work ended.
#[derive(Debug)]
pub enum Ending {
    /// The run is over.
    Finished(Status),
    /// The run was stopped and can be resumed.
    Suspended,
    /// Nothing can be done until somebody decides about what was asked; then the run can be resumed.
    Waiting,
    /// The log could not be written: the run can be resumed from what is on disk.
    StoreFailed(JournalError),
}

/// See the [module](self).
pub struct Driver<S, W, O, C, E> {
    state: State,
    desk: Desk,
    scribe: S,
    workers: W,
    outputs: O,
    clock: C,
    errands: E,
    tray: Tray,
    pending: Pending,
    recorded: Recorded,
    unsent: Commit,
    backlog: Backlog,
    flushed: Flushed,
    stop: Stop,
    failed: Option<JournalError>,
    reloading: Option<Box<Reloading>>,
    /// Successors tried out so far.
    auditions: u64,
    /// It took the run up, and has done nothing else yet.
    taken_up: bool,
}

impl<S: Scribe, W: Workers, O: Outputs, C: Clock, E: Errands> Driver<S, W, O, C, E> {
    /// Begins a run: `state` has no record yet.
    pub fn begin(state: State, parts: Parts<S, W, O, C, E>, beginning: Beginning) -> Self {
        let flushed = Flushed { seq: 0, head: Digest::default() };
        let mut driver = Self::new(state, parts, flushed);
        driver.input(Input::Begin(beginning));
        driver
    }

    /// Takes a run up: `state` is what its durable records add up to, the last of which is `flushed`'s.
    pub fn resume(
        state: State,
        parts: Parts<S, W, O, C, E>,
        flushed: Flushed,
        engine: EngineFacts,
    ) -> Self {
        let mut driver = Self::new(state, parts, flushed);
        driver.input(Input::Resume(engine));
        driver.taken_up = true;
        driver.tray.add_all(&driver.state);
        driver
    }

    fn new(state: State, parts: Parts<S, W, O, C, E>, flushed: Flushed) -> Self {
        let Parts { scribe, workers, outputs, clock, errands } = parts;
        let desk = Desk::new(&state.plan);
        Self {
            state,
            desk,
            scribe,
            workers,
            outputs,
            clock,
            errands,
            tray: Tray::default(),
            pending: Pending::default(),
            recorded: Recorded::default(),
            unsent: Commit::default(),
            backlog: Backlog::default(),
            flushed,
            stop: Stop::No,
            failed: None,
            reloading: None,
            auditions: 0,
            taken_up: false,
        }
    }

    /// Nobody is given an event, and nothing is asked of the world: the run is taken up for something else than to go
    /// on.
    pub fn stand_still(&mut self) {
        self.desk.stand_still();
    }

    /// The state after all records so far, durable or not.
    pub fn state(&self) -> &State {
        &self.state
    }

    /// The last durable record.
    pub fn flushed(&self) -> Flushed {
        self.flushed
    }

    /// What time it is for the run, in ms since 1970.
    pub fn now_ms(&mut self) -> u64 {
        self.clock.now_ms()
    }

    /// What the driver drives.
    pub fn into_parts(self) -> Parts<S, W, O, C, E> {
        let Self { scribe, workers, outputs, clock, errands, .. } = self;
        Parts { scribe, workers, outputs, clock, errands }
    }

    /// Takes an event. Nothing is given out before [`turn`](Self::turn).
    pub fn on(&mut self, event: Event) {
        match event {
            Event::Report(report) => {
                let report = self.desk.reported(report);
                self.input(Input::Report(report));
            }
            Event::Flushed(flushed) => {
                self.flushed = flushed;
                self.backlog.flushed(flushed.seq);
                self.recorded.flushed(flushed.seq);
            }
            Event::StoreFailed(error) => self.failed = Some(error),
            Event::Written { agent, sink, upto, closed } => {
                self.input(Input::Written { agent, sink, upto, closed });
                let now = self.clock.now_ms();
                self.tray.done((agent, sink), self.state.kept.next_seq, now);
            }
            Event::WriteFailed { agent, sink, message } => {
                let lived = self.state.agent(agent).life == Life::Up;
                self.input(Input::WriteFailed { agent, sink, message });
                // That was its end, also of the call that it is in.
                if lived && self.desk.is_busy(agent) {
                    self.workers.kill(agent);
                }
                let now = self.clock.now_ms();
                self.tray.done((agent, sink), self.state.kept.next_seq, now);
            }
            Event::Answered { agent, intent, answer } => {
                self.pending.done(agent);
                self.input(Input::Answered { agent, intent, answer });
            }
            Event::Unanswered { agent, intent, error } => {
                self.pending.done(agent);
                self.input(Input::Unanswered { agent, intent, error });
            }
            Event::Decided(decision) => self.decided(decision),
            Event::Letters(order) => self.letters(order),
            Event::Pause(pausing) => self.pause(pausing),
            Event::Send(sending) => self.take_in(sending),
            Event::Reload(reload) => self.reload(*reload),
            Event::Refuse(refusal) => self.refused(refusal),
            Event::Auditioned(auditioned) => self.auditioned(auditioned),
            Event::Stop { by, within_ms } => self.ask_to_stop(by, within_ms),
            Event::StopNow => self.stop = Stop::Closing(0),
            Event::Look(look) => look(&self.state),
        }
    }

    /// Gives out all that can be given out now. Says so when the work is over.
    pub fn turn(&mut self) -> Option<Ending> {
        if let Some(error) = self.failed.take() {
            return Some(Ending::StoreFailed(error));
        }
        self.go_on_if_taken_up();
        self.checkpoint_if_due();
        let now = self.clock.now_ms();
        if self.state.next_deadline().is_some_and(|due| due <= now) {
            self.input(Input::Tick);
        }
        self.reload_further(now);
        let mut waits = self.dispatch(now);
        if waits && self.reload_if_stuck(now) {
            waits = self.dispatch(now);
        }
        if waits || self.is_late(now) {
            self.stop_further(now);
        }
        if waits {
            self.leave_if_held();
        }
        self.give_up();
        let (flushed, idle) = (self.flushed.seq, self.desk.is_idle());
        if !self.desk.is_still() {
            for errand in self.pending.due(&self.state, flushed, now) {
                self.errands.send(errand);
            }
        }
        for job in self.tray.jobs(&self.state, flushed, now, idle) {
            self.outputs.write(job);
        }
        self.send();
        self.ending()
    }

    /// When [`turn`](Self::turn) must be called again if no event comes before, in ms since 1970.
    pub fn wake_at(&self) -> Option<u64> {
        let stop = match self.stop {
            Stop::Draining(until) | Stop::Closing(until) if self.can_stop() => Some(until),
            _ => None,
        };
        [self.desk.next_due(), self.tray.next_due(), stop, self.reload_due()]
            .into_iter()
            .flatten()
            .min()
    }

    fn input(&mut self, input: Input) {
        let (wall_ms, salt) = (self.clock.now_ms(), self.clock.salt());
        let step = advance(&mut self.state, &self.desk, Stamped { wall_ms, salt, input });
        self.desk.note(&step);
        self.cut(&step);
        self.tray.note(&self.state, &step.entries);
        self.pending.note(&step.entries);
        self.backlog.add(&step.entries);
        self.unsent.entries.extend(step.entries);
    }

    /// Tells the workers of agents that are to stop, and of lives that are over.
    fn cut(&mut self, step: &Advance) {
        for entry in &step.entries {
            if let Body::Paused(_) = entry.body {
                self.let_end();
            }
            if let Body::Stopped(_) | Body::Ended(_) = entry.body
                && let Some(id) = entry.body.agent()
                && self.desk.is_busy(id)
            {
                self.workers.kill(id);
            }
        }
        for id in &step.touched {
            if self.state.agent(*id).halt.is_some() && self.desk.is_busy(*id) {
                self.workers.halt(*id);
            }
        }
    }

    /// Gives out work, unless too much waits to become durable. True if no work is under way then, and nothing
    /// waits for the world.
    fn dispatch(&mut self, now: u64) -> bool {
        if self.backlog.is_full() {
            return false;
        }
        let mut given = self.desk.dispatch(&self.state, now);
        // Who has ended makes room for who begins.
        given.sort_by_key(|activation| !matches!(activation.work, Work::Drop));
        for activation in given {
            self.workers.submit(activation);
        }
        self.desk.is_idle() && self.pending.is_empty()
    }

    /// Gives up what agents asked that have ended: what came of it is recorded all the same.
    fn give_up(&mut self) {
        for (agent, left) in self.pending.given_up() {
            let asking = self.state.agent(agent).asking.as_ref();
            let Some(intent) = asking.map(|asking| asking.intent.seq) else { continue };
            if left {
                self.errands.give_up(intent);
            } else {
                let answer = errands::not_made();
                self.input(Input::Answered { agent, intent, answer });
            }
        }
    }

    fn send(&mut self) {
        if !self.unsent.entries.is_empty() {
            self.scribe.append(std::mem::take(&mut self.unsent));
        }
    }

    fn ending(&self) -> Option<Ending> {
        let durable = self.flushed.seq == self.state.kept.next_seq;
        match self.state.kept.phase {
            Phase::Finished(status) if durable => Some(Ending::Finished(status)),
            Phase::Suspended if durable => Some(Ending::Suspended),
            Phase::Waiting if durable => Some(Ending::Waiting),
            _ => None,
        }
    }
}
