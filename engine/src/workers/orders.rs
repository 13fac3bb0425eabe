//! What the driver wants of the work that workers have in hand.

use std::sync::atomic::{AtomicBool, Ordering};

use theater_flow_host::Kill;
use theater_flow_kernel::ids::AgentId;
use theater_flow_kernel::plan::Plan;

/// By agent, of which there is one piece of work at a time: whether that ends early.
#[derive(Debug, Default)]
pub struct Orders(Vec<Order>);

#[derive(Debug, Default)]
struct Order {
    halt: AtomicBool,
    kill: Kill,
}

impl Orders {
    /// None yet, for the agents of `plan`.
    #[must_use]
    pub fn new(plan: &Plan) -> Self {
        Self(plan.agents.iter().map(|_| Order::default()).collect())
    }

    /// New work is given out: what was ordered before was about other work.
    pub(super) fn clear(&self, id: AgentId) {
        if let Some(order) = self.0.get(id.index()) {
            order.halt.store(false, Ordering::SeqCst);
            order.kill.store(false, Ordering::SeqCst);
        }
    }

    /// The work ends after the event it is at.
    pub(super) fn halt(&self, id: AgentId) {
        if let Some(order) = self.0.get(id.index()) {
            order.halt.store(true, Ordering::SeqCst);
        }
    }

    /// The work ends at once.
    pub(super) fn end(&self, id: AgentId) {
        if let Some(order) = self.0.get(id.index()) {
            order.halt.store(true, Ordering::SeqCst);
            order.kill.store(true, Ordering::SeqCst);
        }
    }

    pub(super) fn is_halted(&self, id: AgentId) -> bool {
        self.0.get(id.index()).is_some_and(|order| order.halt.load(Ordering::SeqCst))
    }

    /// True if the work of this agent is to end at once.
    #[must_use]
    pub fn is_killed(&self, id: AgentId) -> bool {
        self.0.get(id.index()).is_some_and(|order| order.kill.load(Ordering::SeqCst))
    }

    /// What an instance of this agent looks at while it computes.
    pub(super) fn kill(&self, id: AgentId) -> Kill {
        self.0.get(id.index()).map(|order| Kill::clone(&order.kill)).unwrap_or_default()
    }
}
