//! The desk: which agent works next, on what. It holds only what is under way, which a crash forgets;
//! all it says follows from the [`State`] and the time.

mod ready;

use alloc::collections::{BTreeSet, VecDeque};
use alloc::vec;
use alloc::vec::Vec;

use crate::decide::Advance;
use crate::ids::{AgentId, PortId, Ref};
use crate::plan::Plan;
use crate::record::{Body, Stopped};
use crate::state::{Life, State};
use crate::work::{Activation, Done, Event, Report, Work};

pub(crate) use ready::room;
use ready::{Ready, When, next, remaining};
pub use ready::{begin, event};

/// See the [module](self).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Desk {
    /// By agent: a worker has it.
    busy: Vec<bool>,
    /// By agent: what a worker has is of a life that was stopped since.
    void: Vec<bool>,
    /// By agent: what a worker has to handle.
    hands: Vec<Hand>,
    /// By agent: an instance may be alive.
    alive: Vec<bool>,
    /// How many workers' reports are awaited.
    awaited: usize,
    ready: VecDeque<AgentId>,
    /// By time: who is to be looked at again. An agent is here once at most.
    waiting: BTreeSet<(u64, AgentId)>,
    /// By agent: its time in `waiting`.
    due: Vec<Option<u64>>,
    /// When somebody who was asked to stop is to be killed.
    deadline: Option<u64>,
    /// Who is to come to rest: they get no further event.
    resting: BTreeSet<AgentId>,
    /// Nobody gets a further event.
    still: bool,
    /// Who is to go: also if the run stands still, they handle what they have.
    leaving: BTreeSet<AgentId>,
    /// The run is kept when nothing is left to do, since somebody may send something.
    lasting: bool,
}

/// What a worker has to handle. It is known by its ports, since another plan may join them to other queues meanwhile.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
struct Hand {
    messages: Vec<(Ref, PortId)>,
    /// The input of which the agent is told that it has closed.
    closed: Option<PortId>,
}

impl Hand {
    fn clear(&mut self) {
        self.messages.clear();
        self.closed = None;
    }

    fn take(&mut self, events: &VecDeque<Event>) {
        self.clear();
        for event in events {
            match event {
                Event::Message { id, port, .. } => self.messages.push((*id, *port)),
                Event::Closed { port } => self.closed = Some(*port),
                _ => {}
            }
        }
    }
}

impl Desk {
    /// A desk on which nothing lies.
    #[must_use]
    pub fn new(plan: &Plan) -> Self {
        let none = vec![false; plan.agents.len()];
        let (ready, waiting) = (VecDeque::new(), BTreeSet::new());
        let due = vec![None; plan.agents.len()];
        let hands = vec![Hand::default(); plan.agents.len()];
        Self {
            busy: none.clone(),
            void: none.clone(),
            hands,
            alive: none,
            awaited: 0,
            ready,
            waiting,
            due,
            deadline: None,
            resting: BTreeSet::new(),
            still: false,
            leaving: BTreeSet::new(),
            lasting: false,
        }
    }

    /// Nobody gets a further event but who is to go: a run is taken up for something else than to go on. Lives begin,
    /// and what is not in a snapshot comes into one.
    pub fn stand_still(&mut self) {
        self.still = true;
    }

    /// True if nobody gets a further event.
    #[must_use]
    pub fn is_still(&self) -> bool {
        self.still
    }

    /// No input closes any more, and no agent that has one ends, because nobody in the run has anything left to send:
    /// somebody outside may. That is the wish of who runs the run, and no part of it: records hold what comes of it.
    pub fn keep_on(&mut self) {
        self.lasting = true;
    }

    /// True if the run is kept when nothing is left to do.
    #[must_use]
    pub fn is_lasting(&self) -> bool {
        self.lasting
    }

    /// Makes room for the agents of another plan.
    pub fn fit(&mut self, plan: &Plan) {
        let agents = plan.agents.len();
        self.busy.resize(agents, false);
        self.void.resize(agents, false);
        self.hands.resize(agents, Hand::default());
        self.alive.resize(agents, false);
        self.due.resize(agents, None);
    }

    /// Lets these agents come to rest, beside those that do already: they end what they are at, also what they have
    /// asked for, and their state is saved.
    pub fn rest(&mut self, agents: impl IntoIterator<Item = AgentId>) {
        let before = self.resting.len();
        self.resting.extend(agents);
        if self.resting.len() > before {
            self.ready.extend(&self.resting);
        }
    }

    /// These agents are to go. What they have left they handle even if the run stands still: there is no later.
    pub fn let_leave(&mut self, agents: impl IntoIterator<Item = AgentId>) {
        self.leaving.extend(agents);
        self.ready.extend(&self.leaving);
    }

    /// Nobody has to rest or to go any more.
    pub fn wake(&mut self) {
        self.leaving.clear();
        self.ready.extend(core::mem::take(&mut self.resting));
    }

    /// These agents may be ready.
    pub fn touch(&mut self, agents: &[AgentId]) {
        self.ready.extend(agents);
    }

    /// Takes in what a step gave: who may be ready, and whose work in hand is for nothing.
    pub fn note(&mut self, step: &Advance) {
        for entry in &step.entries {
            if let Body::Stopped(Stopped { agent, .. }) = entry.body {
                self.void[agent.index()] = self.busy[agent.index()];
            }
        }
        self.touch(&step.touched);
    }

    /// A worker reported: what the kernel is to be told. That is nothing of a life that was stopped since. Its number
    /// does not say so: if it had not begun, the next one has the same.
    #[must_use]
    pub fn reported(&mut self, report: Report) -> Report {
        let at = report.agent.index();
        if core::mem::take(&mut self.busy[at]) {
            self.awaited -= 1;
        }
        self.hands[at].clear();
        self.ready.push_back(report.agent);
        if core::mem::take(&mut self.void[at]) {
            return Report { done: Done::Handled(Vec::new()), ..report };
        }
        report
    }

    /// The messages of an agent that a worker has, by their inputs.
    pub(crate) fn messages(&self, id: AgentId) -> &[(Ref, PortId)] {
        &self.hands[id.index()].messages
    }

    /// The input of an agent of which it is just being told that it has closed.
    pub(crate) fn closing(&self, id: AgentId) -> Option<PortId> {
        self.hands[id.index()].closed
    }

    /// True if a worker's report about this agent is awaited.
    #[must_use]
    pub fn is_busy(&self, id: AgentId) -> bool {
        self.busy[id.index()]
    }

    /// True if no report is awaited.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        self.awaited == 0
    }

    /// When the next timer, retry, restart or deadline of somebody who stops is due, in ms since 1970. At a deadline
    /// the kernel is to be told so, with [`Input::Tick`](crate::input::Input::Tick); else work is given out.
    #[must_use]
    pub fn next_due(&self) -> Option<u64> {
        let waiting = self.waiting.first().map(|(due, _)| *due);
        waiting.into_iter().chain(self.deadline).min()
    }

    /// The work that can be done now. Each piece must be reported, but for drops.
    pub fn dispatch(&mut self, state: &State, now: u64) -> Vec<Activation> {
        while let Some((due, id)) = self.waiting.first().copied().filter(|(due, _)| *due <= now) {
            self.waiting.remove(&(due, id));
            self.due[id.index()] = None;
            self.ready.push_back(id);
        }
        self.deadline = state.next_deadline();
        let mut given = Vec::new();
        while let Some(id) = self.ready.pop_front() {
            if self.busy[id.index()] {
                continue;
            }
            if let Some(due) = self.due[id.index()].take() {
                self.waiting.remove(&(due, id));
            }
            let leaves = self.leaving.contains(&id);
            // Nobody makes requests for a run that stands still.
            let asks = || state.plan.agent(id).is_some_and(|agent| agent.grants.asks());
            let still = self.still && (!leaves || asks());
            let resting = still || self.resting.contains(&id);
            let when = When { now, lasting: self.lasting, leaves };
            match if resting { remaining(state, id, when) } else { next(state, id, when) } {
                Ready::Work(work) => given.push(self.give(state, id, work)),
                Ready::At(due) => {
                    self.waiting.insert((due, id));
                    self.due[id.index()] = Some(due);
                }
                Ready::Nothing if state.agent(id).life.is_over() && self.alive[id.index()] => {
                    self.alive[id.index()] = false;
                    let incarnation = state.agent(id).incarnations;
                    given.push(Activation { agent: id, incarnation, work: Work::Drop });
                }
                Ready::Nothing => {}
            }
        }
        given
    }

    /// The last work of a run that stops: a snapshot of each agent that has changed since its last one.
    pub fn close(&mut self, state: &State) -> Vec<Activation> {
        let agents = state.plan.agents.iter().map(|agent| agent.id);
        let changed = agents.filter(|id| {
            let agent = state.agent(*id);
            agent.life == Life::Up && !agent.redo.is_empty() && !self.busy[id.index()]
        });
        let changed: Vec<AgentId> = changed.collect();
        changed.into_iter().map(|id| self.give(state, id, Work::Snapshot)).collect()
    }

    fn give(&mut self, state: &State, id: AgentId, work: Work) -> Activation {
        self.busy[id.index()] = true;
        self.alive[id.index()] = true;
        self.awaited += 1;
        if let Work::Handle(batch) = &work {
            self.hands[id.index()].take(&batch.events);
        }
        let begins = matches!(work, Work::Begin(_));
        let incarnation = state.agent(id).incarnations + u32::from(begins);
        Activation { agent: id, incarnation, work }
    }
}
