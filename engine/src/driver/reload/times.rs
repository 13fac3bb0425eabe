//! How long a reload waits for whom.

use std::collections::{BTreeMap, BTreeSet};

use theater_flow_kernel::ids::AgentId;
use theater_flow_kernel::limits;
use theater_flow_kernel::plan::{Agent, Shutdown};

/// How long supervisors may take to end what they are at, and who stays to be told of a close, in ms.
const SUPERVISING_MS: u64 = 10_000;

/// When the time of each is up that a reload waits for. Nobody's time depends on another's.
pub(super) struct Times {
    /// When it is, unless it is already.
    due: BTreeMap<AgentId, u64>,
    /// Whose time is up.
    late: BTreeSet<AgentId>,
    /// When that of supervisors is up, unless it is.
    supervisors: Option<u64>,
}

impl Times {
    /// Nobody but supervisors has been asked for anything yet.
    pub(super) fn new(now: u64) -> Self {
        let supervisors = Some(now.saturating_add(SUPERVISING_MS));
        Self { due: BTreeMap::new(), late: BTreeSet::new(), supervisors }
    }

    /// An agent is asked for something: it has its time from now on, unless it was asked before.
    pub(super) fn give(&mut self, agent: &Agent, now: u64) {
        if !self.late.contains(&agent.id) {
            let due = || now.saturating_add(time_of(agent.shutdown));
            self.due.entry(agent.id).or_insert_with(due);
        }
    }

    /// An agent whose time was up is asked for something else, and has that time again.
    pub(super) fn give_again(&mut self, agent: &Agent, now: u64) {
        self.late.remove(&agent.id);
        self.give(agent, now);
    }

    /// Finds out whose time is up. That wakes nobody a second time.
    pub(super) fn pass(&mut self, now: u64) {
        let late = self.due.extract_if(.., |_, due| *due <= now).map(|(id, _)| id);
        self.late.extend(late);
        self.supervisors = self.supervisors.filter(|due| now < *due);
    }

    /// Nothing happens before `next`: the time of those among `agents` for whom that is too late is up now. True if it
    /// is of any.
    pub(super) fn hurry(&mut self, agents: &[AgentId], next: Option<u64>) -> bool {
        let before = self.late.len();
        let in_vain = |id: &AgentId, due: &u64| {
            agents.binary_search(id).is_ok() && next.is_none_or(|next| next >= *due)
        };
        let late = self.due.extract_if(.., |id, due| in_vain(id, due)).map(|(id, _)| id);
        self.late.extend(late);
        self.late.len() > before
    }

    pub(super) fn is_late(&self, id: AgentId) -> bool {
        self.late.contains(&id)
    }

    pub(super) fn are_supervisors_late(&self) -> bool {
        self.supervisors.is_none()
    }

    /// When somebody's time is up next, in ms since 1970.
    pub(super) fn next(&self) -> Option<u64> {
        self.due.values().copied().chain(self.supervisors).min()
    }
}

/// How long an agent may take, in ms.
const fn time_of(shutdown: Shutdown) -> u64 {
    match shutdown {
        // It is not killed here, and what it has in mind has to be saved: that takes some time.
        Shutdown::BrutalKill => limits::SHUTDOWN_MS,
        Shutdown::After(ms) => ms,
        // Who is at rest already must not be held up for ever by one that is not.
        Shutdown::Infinity => limits::RELOAD_MS,
    }
}
