//! What supervisors decide, and how agents end.

use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use crate::ids::{AgentId, SupervisorId};

/// See [`Body::Restarted`](super::Body::Restarted).
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Restarted {
    /// Who decided.
    pub supervisor: SupervisorId,
    /// The agents to start again once they are stopped, in start order.
    pub agents: Vec<AgentId>,
    /// Restarts in the window; what `intensity` is compared with.
    pub count: u32,
    /// False if this one adds nothing to the window: the same message has crashed its reader before.
    pub counted: bool,
}

/// See [`Body::Escalated`](super::Body::Escalated).
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Escalated {
    /// Who gave up.
    pub supervisor: SupervisorId,
    /// Restarts in the window when it did; 0 if a child could not be started while the supervisor started.
    pub count: u32,
}

/// See [`Body::Ended`](super::Body::Ended).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Ended {
    /// The agent.
    pub agent: AgentId,
    /// How.
    pub how: End,
    /// Messages it leaves unread. They are dead letters if it crashed or was stopped, else they are dropped.
    pub unread: u64,
}

/// How an agent ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum End {
    /// All inputs are closed and handled, and nothing is left to do.
    Finished,
    /// It answered `done`, and is not permanent.
    Done,
    /// It crashed, and is temporary.
    Crashed,
    /// Its supervisor stopped it, and does not start it again.
    Stopped,
    /// The run's plan does not have it any more.
    Removed,
}

/// See [`Body::Stopped`](super::Body::Stopped).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Stopped {
    /// The agent.
    pub agent: AgentId,
    /// True if it was killed: it was given no time, or its time was up. What it was doing is not done.
    pub killed: bool,
}

/// See [`Body::ShutDown`](super::Body::ShutDown).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct ShutDown {
    /// Who.
    pub supervisor: SupervisorId,
}
