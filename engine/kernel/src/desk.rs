//! The desk: which agent works next, on what. It holds only what is under way, which a crash forgets;
//! all it says follows from the [`State`] and the time.

use alloc::collections::{BTreeSet, VecDeque};
use alloc::vec;
use alloc::vec::Vec;

use crate::decide::Advance;
use crate::ids::{AgentId, Ref};
use crate::limits;
use crate::plan::{Overflow, Plan};
use crate::record::{Body, Consumed, Next, Origin, Stopped};
use crate::state::{AgentState, Asking, Life, Pending, Phase, Reader, Spill, State};
use crate::work::{Activation, Batch, Begin, Done, Event, Report, Work};

/// See the [module](self).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Desk {
    /// By agent: a worker has it.
    busy: Vec<bool>,
    /// By agent: what a worker has is of a life that was stopped since.
    void: Vec<bool>,
    /// By agent: the last message of each of its queues that a worker has. Empty for none.
    held: Vec<Vec<Option<Ref>>>,
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
}

/// What an agent could do now.
enum Ready {
    Work(Work),
    At(u64),
    Nothing,
}

impl Desk {
    /// A desk on which nothing lies.
    #[must_use]
    pub fn new(plan: &Plan) -> Self {
        let none = vec![false; plan.agents.len()];
        let (ready, waiting) = (VecDeque::new(), BTreeSet::new());
        let due = vec![None; plan.agents.len()];
        let held = vec![Vec::new(); plan.agents.len()];
        Self {
            busy: none.clone(),
            void: none.clone(),
            held,
            alive: none,
            awaited: 0,
            ready,
            waiting,
            due,
            deadline: None,
        }
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
        self.held[at].clear();
        self.ready.push_back(report.agent);
        if core::mem::take(&mut self.void[at]) {
            return Report { done: Done::Handled(Vec::new()), ..report };
        }
        report
    }

    /// The last message of an agent's queue that a worker has; it may have those before it, too.
    #[must_use]
    pub fn held(&self, id: AgentId, queue: usize) -> Option<Ref> {
        self.held[id.index()].get(queue).copied().flatten()
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
            match next(state, id, now) {
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
        if let Work::Handle(batch) = &work
            && state.routes.spills(id).iter().any(|spill| spill.overflow == Overflow::DropOldest)
        {
            self.held[id.index()] = held(state.agent(id), &batch.events);
        }
        let begins = matches!(work, Work::Begin(_));
        let incarnation = state.agent(id).incarnations + u32::from(begins);
        Activation { agent: id, incarnation, work }
    }
}

/// What an agent could do now.
fn next(state: &State, id: AgentId, now: u64) -> Ready {
    let agent = state.agent(id);
    let open = matches!(state.kept.phase, Phase::Running | Phase::Stopping | Phase::Failing);
    match agent.life {
        // One that is asked to stop goes on with what it has asked.
        Life::Starting if open && (agent.halt.is_none() || agent.is_asking()) => {
            if !state.kept.to_start.is_empty() {
                Ready::Nothing
            } else if agent.not_before > now {
                Ready::At(agent.not_before)
            } else {
                Ready::Work(Work::Begin(begin(agent)))
            }
        }
        Life::Lost if open && agent.halt.is_none() && state.kept.to_start.front() == Some(&id) => {
            Ready::Work(Work::Begin(begin(agent)))
        }
        Life::Up if open && agent.halt.is_none() && wants_snapshot(state, id) => {
            Ready::Work(Work::Snapshot)
        }
        Life::Up if open && !agent.is_behind() => handle(state, id, now),
        _ => Ready::Nothing,
    }
}

/// True if re-handling what it did since its last snapshot would cost more than a new one. Who asks re-handles
/// it after each ask.
fn wants_snapshot(state: &State, id: AgentId) -> bool {
    let agent = state.agent(id);
    let asks = state.plan.agent(id).is_some_and(|agent| agent.grants.asks());
    agent.wants_snapshot() || asks && agent.redo.len() >= limits::REDO_CALLS_OF_ASKERS
}

/// How an agent's next life begins.
#[must_use]
pub fn begin(agent: &AgentState) -> Begin {
    let redone = u32::try_from(agent.redo.len()).unwrap_or(u32::MAX);
    let snapshot = agent.saved.as_ref().map(|saved| saved.seq);
    let origin = if agent.started || snapshot.is_some() || redone > 0 {
        Origin::Checkpoint { snapshot, redone }
    } else {
        Origin::Fresh
    };
    let sinks = if redone > 0 { &agent.saved_sinks } else { &agent.sinks };
    Begin {
        origin,
        saved: agent.saved.as_ref().map(|saved| saved.state.clone()),
        redo: agent.redo.clone(),
        sinks: sinks.clone(),
    }
}

/// The events an agent could handle now, if every output has room.
fn handle(state: &State, id: AgentId, now: u64) -> Ready {
    let agent = state.agent(id);
    let room = room(state, id);
    let stopping = state.kept.phase == Phase::Stopping;
    // A wait for standard input is abandoned when the run stops, and the instance with it.
    let abandoned = stopping && state.plan.agent(id).is_some_and(|agent| agent.grants.stdin);
    if agent.mode == Next::Done || abandoned || room.contains(&0) {
        return Ready::Nothing;
    }
    if let Some(asking) = &agent.asking {
        return resume(agent, asking, room);
    }
    if agent.halt.is_some() {
        return Ready::Nothing;
    }
    if let Some(pending) = &agent.pending
        && (agent.started || pending.consumed == Consumed::Start)
    {
        return again(agent, pending, (room, now));
    }
    let source = state.routes.inputs(id).iter().all(|input| input.producers.is_empty());
    // A fresh life begins with its start, and goes on with what waits for it.
    if stopping && (source || !agent.started && agent.depth() == 0) {
        return Ready::Nothing;
    }
    let mut events = if stopping { VecDeque::new() } else { timers(agent, now) };
    if !agent.started {
        events = VecDeque::from([Event::Start]);
    } else if events.len() > 1 {
        // What one timer's event does may move or cancel the next.
        events.truncate(1);
    } else {
        messages(agent, state.routes.spills(id), &mut events);
    }
    if events.is_empty()
        && agent.mode == Next::Wait
        && let Some(nth) = state.closed_input(id)
    {
        let port = state.routes.inputs(id)[nth].port;
        events.push_back(Event::Closed { port });
    }
    if events.is_empty() && agent.mode == Next::Wait {
        let due = agent.timers.values().map(|timer| timer.due).min();
        return due.filter(|_| !stopping).map_or(Ready::Nothing, Ready::At);
    }
    Ready::Work(Work::Handle(Batch { events, mode: agent.mode, attempt: 1, room, so_far: None }))
}

/// An event at which the agent asked, once there is an answer. Nothing overtakes it.
fn resume(agent: &AgentState, asking: &Asking, room: Vec<u32>) -> Ready {
    let event = event(agent, &asking.consumed);
    let Some((event, so_far)) = event.zip(asking.so_far()) else {
        return Ready::Nothing;
    };
    // The mode is left out, as for a failed event.
    let (mode, so_far) = (Next::Wait, Some(so_far));
    let events = VecDeque::from([event]);
    Ready::Work(Work::Handle(Batch { events, mode, attempt: asking.attempt, room, so_far }))
}

/// A failed event, once its time has come. Nothing overtakes it.
fn again(agent: &AgentState, pending: &Pending, (room, now): (Vec<u32>, u64)) -> Ready {
    if pending.due > now {
        return Ready::At(pending.due);
    }
    let Some(event) = event(agent, &pending.consumed) else {
        return Ready::Nothing;
    };
    // The mode is left out: a failed message must come again before any pull.
    let batch = Batch {
        events: VecDeque::from([event]),
        mode: Next::Wait,
        attempt: pending.failed + 1,
        room,
        so_far: None,
    };
    Ready::Work(Work::Handle(batch))
}

/// The event that a record names, from where it waits.
#[must_use]
pub fn event(agent: &AgentState, consumed: &Consumed) -> Option<Event> {
    Some(match consumed {
        Consumed::Start => Event::Start,
        Consumed::Pull => Event::Pull,
        Consumed::Closed { port } => Event::Closed { port: *port },
        Consumed::Timer { name } => Event::Timer { name: name.clone() },
        Consumed::Message { id, port } => {
            let body = agent.content(*id, *port)?.clone();
            Event::Message { id: *id, port: *port, body }
        }
    })
}

/// The last message of each queue among these events.
fn held(agent: &AgentState, events: &VecDeque<Event>) -> Vec<Option<Ref>> {
    let mut held = vec![None; agent.queues.len()];
    for event in events {
        if let Event::Message { id, port, .. } = event
            && let Some((queue, _)) = agent.find(*id, *port)
        {
            held[queue] = held[queue].max(Some(*id));
        }
    }
    held
}

/// Free places per output: the least over the readers that it waits for.
pub(crate) fn room(state: &State, id: AgentId) -> Vec<u32> {
    let outputs = state.plan.agent(id).map_or(&[][..], |agent| &agent.outputs);
    let free = |port| {
        let route = state.routes.output(port)?;
        let waits = |reader: &&Reader| reader.blocks && !state.agent(reader.agent).life.is_over();
        let readers = route.readers.iter().filter(waits);
        let fullest =
            readers.map(|reader| state.agent(reader.agent).queues[reader.queue].items.len()).max();
        let taken = u32::try_from(fullest?).unwrap_or(u32::MAX);
        Some(route.capacity.saturating_sub(taken))
    };
    outputs.iter().map(|output| free(output.port).unwrap_or(u32::MAX)).collect()
}

/// Timers that are due, earliest first.
fn timers(agent: &AgentState, now: u64) -> VecDeque<Event> {
    let due = agent.timers.iter().filter(|(_, timer)| timer.due <= now);
    let mut due: Vec<_> = due.map(|(name, timer)| (timer.due, timer.set, name)).collect();
    due.sort_unstable();
    due.into_iter().map(|(_, _, name)| Event::Timer { name: name.clone() }).collect()
}

/// Messages, what was fed back first, then oldest first over all queues; as many as a batch may hold.
fn messages(agent: &AgentState, spills: &[Spill], events: &mut VecDeque<Event>) {
    let mut fed_back = vec![false; agent.queues.len()];
    for spill in spills.iter().filter(|spill| spill.rounds.is_some()) {
        fed_back[spill.queue] = true;
    }
    let mut taken = vec![0_usize; agent.queues.len()];
    let mut bytes = 0;
    while events.len() < limits::BATCH_EVENTS && bytes < limits::BATCH_BYTES {
        let heads = agent.queues.iter().zip(&taken).enumerate();
        let heads = heads.filter_map(|(nth, (queue, from))| {
            Some((!fed_back[nth], queue.items.get(*from)?.id, nth))
        });
        let Some((_, id, nth)) = heads.min() else { break };
        let queue = &agent.queues[nth];
        let body = queue.items[taken[nth]].body.clone();
        taken[nth] += 1;
        bytes += body.len();
        events.push_back(Event::Message { id, port: queue.port, body });
    }
}
