//! The kernel's state: what all records so far add up to. It changes only in [`fold`](crate::fold).

mod agent;
mod asking;
mod cycles;
mod letters;
mod routes;
mod supervisor;

use alloc::collections::{BTreeSet, VecDeque};
use alloc::sync::Arc;
use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

pub use agent::{
    AgentState, Halt, Life, Pending, Queue, Queued, Saved, Timer, Write, WriteOp, WriteWhat,
};
pub use asking::{Asking, Stand};
pub use letters::{Letter, Letters, Refusal};
pub use routes::{InputRoute, Reader, Route, Routes, Spill};
pub use supervisor::{Exit, Stage, Start, Stop, SupervisorState};

use crate::ids::{AgentId, Digest, Ref, RunId, SupervisorId};
use crate::plan::{Child, Plan};
use crate::record::Status;

/// The form of a checkpoint's content, its first byte: one of another form is passed over.
const FORM: u8 = 2;

/// What all records so far add up to.
#[derive(Clone, PartialEq, Debug)]
pub struct State {
    /// What runs.
    pub plan: Arc<Plan>,
    /// Where messages go; follows from the plan.
    pub routes: Arc<Routes>,
    /// All that a checkpoint must hold.
    pub kept: Kept,
    /// Agents that the last records may have made ready, or ended. Not part of a checkpoint: after one is
    /// loaded, every agent is.
    pub touched: Vec<AgentId>,
    /// Supervisors that may have something to decide. Not part of a checkpoint either.
    pub stirred: Vec<SupervisorId>,
}

/// The part of the state that a checkpoint holds.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Kept {
    /// The run, once it has its first record.
    pub run: Option<RunId>,
    /// The number of the next record.
    pub next_seq: u64,
    /// The time of the last record, in ms since 1970.
    pub now: u64,
    /// How far the run is.
    pub phase: Phase,
    /// By id.
    pub agents: Vec<AgentState>,
    /// By id.
    pub supervisors: Vec<SupervisorState>,
    /// Agents that lived when the process ended, in the order of the tree: each is started again once the one
    /// before is, and nobody else is started before.
    pub to_start: VecDeque<AgentId>,
    /// Who is killed when, in ms since 1970: agents that were asked to stop.
    pub deadlines: BTreeSet<(u64, AgentId)>,
    /// Agents that have not ended.
    pub alive: u32,
    /// By cycle, as [`Routes::cycles`] has them: it has come to rest.
    pub rested: Vec<bool>,
    /// Dead letters that the engine keeps.
    pub dead_letters: u64,
    /// What is needed to try these again, as far as there is place.
    pub letters: Letters,
    /// Bytes of log since the last checkpoint, about.
    pub since_checkpoint: u64,
    /// Bytes of the last checkpoint.
    pub checkpoint_len: u64,
    /// The number of its plan, from 1.
    pub revision: u32,
    /// The record that has its plan, if it is not the first.
    pub reloaded: Option<u64>,
    /// A plan that waits for somebody to approve it.
    pub proposed: Option<Awaited>,
    /// It was forked from another run, and no process has run it since: it has written nothing itself.
    pub forked: bool,
    /// It stands still: no agent gets a further event.
    pub paused: bool,
}

/// A plan that waits for somebody to approve it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Awaited {
    /// The record that proposes it.
    pub proposal: u64,
    /// SHA-256 of its bytes.
    pub plan: Digest,
}

/// How far a run is.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Phase {
    /// It has no record yet.
    New,
    /// It runs.
    Running,
    /// It was asked to stop.
    Stopping,
    /// No process runs it; it can be resumed.
    Suspended,
    /// The root supervisor gave up; what was staged is still written.
    Failing,
    /// It is over.
    Finished(Status),
    /// No process runs it, since nothing can be done until somebody decides; it can be resumed.
    Waiting,
}

impl State {
    /// The state before the first record.
    #[must_use]
    pub fn new(plan: Arc<Plan>) -> Self {
        let routes = Arc::new(Routes::of(&plan));
        let agents: Vec<AgentState> =
            plan.agents.iter().map(|agent| AgentState::new(&plan, agent)).collect();
        let kept = Kept {
            run: None,
            next_seq: 0,
            now: 0,
            phase: Phase::New,
            alive: u32::try_from(agents.len()).unwrap_or(u32::MAX),
            agents,
            supervisors: plan.supervisors.iter().map(|_| SupervisorState::default()).collect(),
            to_start: VecDeque::new(),
            deadlines: BTreeSet::new(),
            rested: routes.cycles().iter().map(|_| false).collect(),
            dead_letters: 0,
            letters: Letters::default(),
            since_checkpoint: 0,
            checkpoint_len: 0,
            revision: 1,
            reloaded: None,
            proposed: None,
            forked: false,
            paused: false,
        };
        Self { plan, routes, kept, touched: Vec::new(), stirred: Vec::new() }
    }

    /// The bytes of a checkpoint of this state.
    ///
    /// # Panics
    /// Never: the state is plain data.
    #[must_use]
    pub fn to_checkpoint(&self) -> Vec<u8> {
        postcard::to_allocvec(&(FORM, &self.kept)).expect("the state is plain data")
    }

    /// The state that a checkpoint holds. `None` if the bytes are not one, or one of another form. `plan` gives the
    /// plan that the run had then: the one in this record, or the first.
    #[must_use]
    pub fn from_checkpoint(
        bytes: &[u8],
        plan: impl FnOnce(Option<u64>) -> Option<Arc<Plan>>,
    ) -> Option<Self> {
        let kept = bytes.strip_prefix(&[FORM])?;
        let kept: Kept = postcard::from_bytes(kept).ok()?;
        let plan = plan(kept.reloaded)?;
        let routes = Arc::new(Routes::of(&plan));
        let fits = kept.agents.len() == plan.agents.len()
            && kept.supervisors.len() == plan.supervisors.len()
            && kept.rested.len() == routes.cycles().len();
        let touched = plan.agents.iter().map(|agent| agent.id).collect();
        let stirred = plan.supervisors.iter().map(|supervisor| supervisor.id).collect();
        fits.then_some(Self { plan, routes, kept, touched, stirred })
    }

    /// An agent's state.
    ///
    /// # Panics
    /// If the id is of another plan.
    #[must_use]
    pub fn agent(&self, id: AgentId) -> &AgentState {
        &self.kept.agents[id.index()]
    }

    /// The record of the plan that waits for somebody to approve it.
    #[must_use]
    pub fn proposal(&self) -> Option<u64> {
        self.kept.proposed.map(|awaited| awaited.proposal)
    }

    /// What a supervisor is doing. That of one that the plan does not have is over.
    #[must_use]
    pub fn stage(&self, id: SupervisorId) -> Stage {
        self.kept.supervisors.get(id.index()).map_or(Stage::Over, |supervisor| supervisor.stage)
    }

    /// When somebody who was asked to stop is to be killed next, in ms since 1970.
    #[must_use]
    pub fn next_deadline(&self) -> Option<u64> {
        self.kept.deadlines.first().map(|(due, _)| *due)
    }

    /// Where the record before the next one stands.
    #[must_use]
    pub fn last(&self) -> Ref {
        Ref::record(self.kept.next_seq.saturating_sub(1))
    }

    /// All agents below a supervisor's child, in start order.
    #[must_use]
    pub fn agents_below(&self, child: Child) -> Vec<AgentId> {
        match child {
            Child::Agent(agent) => alloc::vec![agent],
            Child::Supervisor(id) => {
                let children = self.plan.supervisors.get(id.index()).map(|s| s.children.as_slice());
                children
                    .unwrap_or_default()
                    .iter()
                    .flat_map(|child| self.agents_below(*child))
                    .collect()
            }
        }
    }

    /// True if no input of this agent can bring anything more, and all that it brought is handled.
    #[must_use]
    pub fn is_finished(&self, id: AgentId) -> bool {
        let agent = self.agent(id);
        agent.is_quiet() && agent.closed.iter().all(|closed| *closed)
    }

    /// The first input of this agent that has closed without the agent knowing it.
    #[must_use]
    pub fn closed_input(&self, id: AgentId) -> Option<usize> {
        let agent = self.agent(id);
        let inputs = self.routes.inputs(id);
        let over = |producer: &AgentId| self.agent(*producer).life.is_over();
        (0..inputs.len()).find(|nth| {
            let input = &inputs[*nth];
            !agent.closed[*nth]
                && agent
                    .queues
                    .iter()
                    .all(|queue| queue.port != input.port || queue.items.is_empty())
                && input.producers.iter().all(over)
                && (self.has_rested(id) || input.feedback.iter().all(over))
        })
    }

    /// True if somebody who is gone has something to write: whoever comes instead may want to write there too.
    #[must_use]
    pub fn is_left_behind(&self) -> bool {
        self.plan.past.agents.iter().any(|id| self.agent(*id).writes_on())
    }

    /// What somebody has to decide about, by agent.
    pub fn held(&self) -> impl Iterator<Item = (AgentId, &Asking)> {
        let agents = self.plan.agents.iter();
        let asking =
            agents.filter_map(|agent| Some((agent.id, self.agent(agent.id).asking.as_ref()?)));
        asking.filter(|(_, asking)| asking.is_held())
    }

    /// True if this agent is in a cycle that has come to rest: nothing comes over feedback edges any more.
    #[must_use]
    pub fn has_rested(&self, id: AgentId) -> bool {
        self.routes.cycle_of(id).is_some_and(|cycle| self.kept.rested[cycle])
    }

    /// True if a checkpoint is due.
    #[must_use]
    pub fn wants_checkpoint(&self) -> bool {
        let due = (2 * self.kept.checkpoint_len).max(crate::limits::CHECKPOINT_BYTES);
        self.kept.since_checkpoint >= due
    }

    /// True if a checkpoint of `len` bytes is worth its place when the run is let go. One that is let go again and again
    /// must not grow by its whole state each time; what is folded instead is shorter than it.
    #[must_use]
    pub fn is_worth_a_checkpoint(&self, len: u64) -> bool {
        let most = (2 * self.kept.since_checkpoint).max(crate::limits::LAST_CHECKPOINT_BYTES);
        self.kept.checkpoint_len == 0 || len <= most
    }

    /// True if all staged bytes are confirmed to be in their place.
    #[must_use]
    pub fn all_written(&self) -> bool {
        self.kept
            .agents
            .iter()
            .all(|agent| agent.writes.values().all(|write| write.pending.is_empty()))
    }
}
