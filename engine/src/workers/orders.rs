//! What the driver wants of the work that workers have in hand.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use theater_flow_host::Kill;
use theater_flow_kernel::ids::AgentId;

/// By agent, of which there is one piece of work at a time: whether that ends early.
#[derive(Debug, Default)]
pub struct Orders(RwLock<HashMap<AgentId, Order>>);

#[derive(Clone, Debug, Default)]
pub(super) struct Order {
    halt: Arc<AtomicBool>,
    kill: Kill,
}

impl Order {
    /// True if the work is to end after the event it is at.
    pub(super) fn is_halted(&self) -> bool {
        self.halt.load(Ordering::SeqCst)
    }
}

impl Orders {
    /// What is wanted of an agent's work. What is changed there is known here.
    pub(super) fn of(&self, id: AgentId) -> Order {
        let known = self.0.read().unwrap_or_else(PoisonError::into_inner).get(&id).cloned();
        known.unwrap_or_else(|| {
            let mut orders = self.0.write().unwrap_or_else(PoisonError::into_inner);
            orders.entry(id).or_default().clone()
        })
    }

    /// New work is given out: what was ordered before was about other work.
    pub(super) fn clear(&self, id: AgentId) {
        let order = self.of(id);
        order.halt.store(false, Ordering::SeqCst);
        order.kill.store(false, Ordering::SeqCst);
    }

    /// The work ends after the event it is at.
    pub(super) fn halt(&self, id: AgentId) {
        self.of(id).halt.store(true, Ordering::SeqCst);
    }

    /// The work ends at once.
    pub(super) fn end(&self, id: AgentId) {
        let order = self.of(id);
        order.halt.store(true, Ordering::SeqCst);
        order.kill.store(true, Ordering::SeqCst);
    }

    /// True if the work of this agent is to end at once.
    #[must_use]
    pub fn is_killed(&self, id: AgentId) -> bool {
        self.of(id).kill.load(Ordering::SeqCst)
    }

    /// What an instance of this agent looks at while it computes.
    pub(super) fn kill(&self, id: AgentId) -> Kill {
        self.of(id).kill
    }
}
