//! The kernel, driven from outside without guests: all that these tests know of its interface is here.

mod calls;
mod world;

use std::sync::Arc;

use theater_flow_kernel::decide::advance;
use theater_flow_kernel::desk::Desk;
use theater_flow_kernel::fold::fold;
use theater_flow_kernel::ids::{Digest, RunId};
use theater_flow_kernel::input::{Beginning, Input, Stamped};
use theater_flow_kernel::plan::Plan;
use theater_flow_kernel::record::{Body, Consumed, End, EngineFacts, Entry, Next, Status};
use theater_flow_kernel::state::{AgentState, Life, Phase, State};
use theater_flow_kernel::work::{Activation, Done, Report, Work};

use calls::{begun, call, consumed};

use crate::said::{How, Outside, Said, Stop};
use crate::tree::Tree;

/// What a worker has in hand.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Hand {
    /// A life that begins.
    Begin,
    /// An event.
    Event,
    /// Something that nobody waits for any more.
    Stale,
}

/// How a worker's work ends.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Ending {
    /// Well; there is more to do.
    More,
    /// Well; nothing more is to be done for a while.
    Nap,
    /// Well; nothing more is to be done ever.
    Nothing,
    /// With `done`.
    Done,
    /// With `done`, but for a byte that has yet to be put in its place: it is done once that is.
    Write,
    /// With a crash that would come again at the same message, which is therefore set aside.
    Crash,
    /// With a crash since it took too long: it is tried again.
    Slow,
    /// With an ask, if it may: the event is not over.
    Ask,
    /// With nothing: the worker was told to let it be.
    Aborted,
}

/// A run, and what its workers have in hand.
pub(crate) struct Kernel {
    pub(crate) plan: Arc<Plan>,
    pub(crate) state: State,
    pub(crate) entries: Vec<Arc<Entry>>,
    pub(crate) now: u64,
    /// How often it was told to look at an agent.
    pub(crate) looks: usize,
    desk: Desk,
    hands: Vec<Option<Activation>>,
    /// By agent: what is in hand is of a life that was stopped since.
    void: Vec<bool>,
    /// By agent: it lives, as the records say.
    alive: Vec<bool>,
    /// By agent: its life is to go on after an ask.
    resuming: Vec<bool>,
    /// By agent: it has answered `done`, and so has nothing to be stopped at.
    closing: Vec<bool>,
    /// What comes now is of a life that is over.
    late: bool,
    said: Vec<Said>,
}

impl Kernel {
    /// A run that has begun.
    pub(crate) fn new(tree: &Tree) -> Self {
        let plan = tree.plan();
        let mut kernel = Self::over(&plan, State::new(Arc::clone(&plan)), Vec::new());
        kernel.input(Input::Begin(Beginning {
            run: RunId([7; 16]),
            plan: Digest::default(),
            engine: facts(),
            components: Vec::new(),
        }));
        kernel
    }

    /// A process takes up what these records say, at this time.
    pub(crate) fn resumed(plan: &Arc<Plan>, entries: &[Arc<Entry>], now: u64) -> Self {
        let state = folded(plan, entries);
        let mut kernel = Self::over(plan, state, entries.to_vec());
        kernel.now = now.max(kernel.state.kept.now);
        if !kernel.is_finished() {
            kernel.input(Input::Resume(facts()));
        }
        kernel
    }

    fn over(plan: &Arc<Plan>, state: State, entries: Vec<Arc<Entry>>) -> Self {
        Self {
            desk: Desk::new(plan),
            hands: plan.agents.iter().map(|_| None).collect(),
            void: vec![false; plan.agents.len()],
            alive: vec![false; plan.agents.len()],
            resuming: vec![false; plan.agents.len()],
            closing: state.kept.agents.iter().map(|agent| agent.mode == Next::Done).collect(),
            plan: Arc::clone(plan),
            state,
            entries,
            now: 1_000_000,
            looks: 0,
            late: false,
            said: Vec::new(),
        }
    }

    fn input(&mut self, input: Input) {
        let stamped = Stamped { wall_ms: self.now, salt: [0; 16], input };
        let step = advance(&mut self.state, &self.desk, stamped);
        for entry in &step.entries {
            self.hear(&entry.body);
        }
        self.desk.note(&step);
        self.entries.extend(step.entries);
        self.looks += step.touched.len();
        self.dispatch();
    }

    fn dispatch(&mut self) {
        for given in self.desk.dispatch(&self.state, self.now) {
            if given.work != Work::Drop {
                let hand = &mut self.hands[given.agent.index()];
                assert!(hand.is_none(), "{hand:?} is in hand, and now {given:?}");
                *hand = Some(given);
            }
        }
    }

    /// Puts a record into the model's words.
    fn hear(&mut self, body: &Body) {
        let said = match body {
            Body::Incarnation(body) => {
                let resuming = std::mem::take(&mut self.resuming[body.agent.index()]);
                let lives = !self.closing[body.agent.index()];
                let was = std::mem::replace(&mut self.alive[body.agent.index()], lives);
                if was && resuming {
                    return;
                }
                assert!(!was, "two lives of {:?} at a time", body.agent);
                Said::Up(body.agent.index())
            }
            Body::Crashed(_) if std::mem::take(&mut self.late) => return,
            Body::Crashed(body) => {
                self.alive[body.by.agent.index()] = false;
                self.resuming[body.by.agent.index()] = false;
                Said::Crashed(body.by.agent.index())
            }
            Body::Intent(body) => {
                self.resuming[body.by.agent.index()] = true;
                return;
            }
            Body::Transaction(body) => {
                self.alive[body.by.agent.index()] = body.next != Next::Done;
                self.closing[body.by.agent.index()] = body.next == Next::Done;
                return;
            }
            Body::Restarted(body) => {
                Said::Restarts { by: body.supervisor.index(), count: body.count }
            }
            Body::Escalated(body) => {
                Said::GivesUp { by: body.supervisor.index(), count: body.count }
            }
            Body::Ended(body) => {
                let agent = body.agent.index();
                let was = std::mem::replace(&mut self.alive[agent], false);
                if !(was && body.how == End::Stopped) {
                    return;
                }
                Said::Gone { agent, how: Stop::Unsaid }
            }
            Body::ShutDown(body) => Said::Shuts(body.supervisor.index()),
            Body::Stopped(body) => {
                let agent = body.agent.index();
                self.void[agent] = self.hands[agent].is_some();
                self.resuming[agent] = false;
                if !std::mem::replace(&mut self.alive[agent], false) {
                    return;
                }
                Said::Gone { agent, how: if body.killed { Stop::Killed } else { Stop::Calmly } }
            }
            Body::Finished(body) => Said::Finished { failed: body.status == Status::Failed },
            _ => return,
        };
        self.said.push(said);
    }

    /// What was said since the last time.
    pub(crate) fn take(&mut self) -> Vec<Said> {
        std::mem::take(&mut self.said)
    }

    /// What a worker has in hand for an agent.
    pub(crate) fn hand(&self, agent: usize) -> Option<Hand> {
        let given = self.hands[agent].as_ref()?;
        let state = &self.state.kept.agents[agent];
        Some(match given.work {
            _ if self.void[agent] => Hand::Stale,
            Work::Begin(_) if self.awaits(state) && state.incarnations + 1 == given.incarnation => {
                Hand::Begin
            }
            Work::Handle(_)
                if state.life == Life::Up && state.incarnations == given.incarnation =>
            {
                Hand::Event
            }
            _ => Hand::Stale,
        })
    }

    fn awaits(&self, agent: &AgentState) -> bool {
        match agent.life {
            Life::Starting => agent.not_before <= self.now,
            Life::Lost => true,
            _ => false,
        }
    }

    /// A worker reports. The work must be in hand.
    pub(crate) fn report(&mut self, agent: usize, ending: Ending) {
        let Activation { agent: id, incarnation, work } =
            self.hands[agent].take().expect("it is in hand");
        self.closing[agent] = self.state.kept.agents[agent].mode == Next::Done;
        let done = match work {
            Work::Begin(begin) => Done::Begun(begun(begin.origin, ending)),
            Work::Handle(batch) => {
                let how = (batch.attempt, ending, self.staged(agent));
                let call = call(&self.plan.agents[agent], consumed(&batch), how);
                Done::Handled(call.into_iter().collect())
            }
            Work::Snapshot | Work::Drop => unreachable!("nothing is to be kept"),
        };
        self.void[agent] = false;
        let report = self.desk.reported(Report { agent: id, incarnation, done });
        self.input(Input::Report(report));
    }

    /// The event that a worker has in hand for an agent.
    pub(crate) fn event(&self, agent: usize) -> Option<Consumed> {
        match &self.hands[agent].as_ref()?.work {
            Work::Handle(batch) => Some(consumed(batch)),
            _ => None,
        }
    }

    /// True if an agent lives in this process.
    pub(crate) fn is_up(&self, agent: usize) -> bool {
        self.state.kept.agents[agent].life == Life::Up
    }

    /// Time comes so far.
    pub(crate) fn pass(&mut self, now: u64) {
        self.now = now;
        self.input(Input::Tick);
    }

    /// When the kernel wants to be looked at again.
    pub(crate) fn next_due(&self) -> Option<u64> {
        self.desk.next_due()
    }

    /// The agents that are over, and how.
    pub(crate) fn over_how(&self, agent: usize) -> Option<How> {
        match self.state.kept.agents[agent].life {
            Life::Over(End::Finished) => Some(How::Finished),
            Life::Over(End::Done) => Some(How::Done),
            Life::Over(End::Crashed) => Some(How::Crashed),
            Life::Over(End::Stopped) => Some(How::Stopped),
            _ => None,
        }
    }

    pub(crate) fn is_finished(&self) -> bool {
        matches!(self.state.kept.phase, Phase::Finished(_))
    }

    /// Asks the run to stop: no source is given anything more to do.
    pub(crate) fn stop(&mut self) {
        self.input(Input::Stop { by: String::from("test") });
    }

    /// True if the run was asked to stop, and nothing is left to be done.
    pub(crate) fn is_at_rest(&self) -> bool {
        let idle = self.hands.iter().all(Option::is_none) && self.next_due().is_none();
        self.state.kept.phase == Phase::Stopping && idle && self.outside() != Outside::Busy
    }

    /// The process lets the run go.
    pub(crate) fn suspend(&mut self) {
        self.input(Input::Suspend { why: String::from("test") });
    }
}

/// The state that records add up to.
pub(crate) fn folded(plan: &Arc<Plan>, entries: &[Arc<Entry>]) -> State {
    let mut state = State::new(Arc::clone(plan));
    for entry in entries {
        fold(&mut state, entry);
        state.touched.clear();
    }
    state
}

fn facts() -> EngineFacts {
    EngineFacts { engine: String::from("0"), wasmtime: String::from("0"), flags: Vec::new() }
}
