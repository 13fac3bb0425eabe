//! The names of what the records of a live run speak of.

use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use theater_flow_kernel::plan::Plan;

use crate::fork::{self, OpenFiles};
use crate::journal::{Journal, JournalError};
use crate::revisions;
use crate::session::PlanInForce;
use crate::store::Store;
use crate::view::View;

/// Where names come from.
pub(super) struct Names {
    plan: PlanInForce,
    /// The plans up to one that was in force, since somebody asked for them.
    plans: Mutex<Option<Plans>>,
    /// Files that were open when the run's log began, since somebody asked for them.
    open: OnceLock<OpenFiles>,
}

/// The plans that a run has had until now.
#[derive(Clone)]
struct Plans {
    now: Arc<Plan>,
    before: Arc<[Arc<Plan>]>,
}

/// Names at one moment.
pub(super) struct Named {
    plans: Plans,
    open: OpenFiles,
}

impl Names {
    pub(super) fn new(plan: PlanInForce) -> Self {
        Self { plan, plans: Mutex::default(), open: OnceLock::new() }
    }

    /// The plan in force.
    pub(super) fn plan(&self) -> Arc<Plan> {
        self.plan.get()
    }

    /// The names of all that the records until now speak of.
    pub(super) fn named<S: Store>(&self, journal: &Journal<S>) -> Result<Named, JournalError> {
        let open = if let Some(open) = self.open.get() {
            open
        } else {
            let found = fork::taken_over(journal)?;
            self.open.get_or_init(|| found)
        };
        Ok(Named { plans: self.plans(journal), open: open.clone() })
    }

    fn plans<S: Store>(&self, journal: &Journal<S>) -> Plans {
        let now = self.plan();
        let mut known = self.plans.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(plans) = known.as_ref().filter(|plans| Arc::ptr_eq(&plans.now, &now)) {
            return plans.clone();
        }
        // The one in force may not be durable yet; those before it are. Without them some ports have no names.
        let before = revisions::plans(journal).unwrap_or_default().into();
        known.insert(Plans { now, before }).clone()
    }
}

impl Named {
    /// Shows records by these names.
    pub(super) fn view(&self) -> View<'_> {
        View::new(&self.plans.now).after(&self.plans.before).naming(self.open.clone())
    }
}
