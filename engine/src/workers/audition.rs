//! Trying out whether an agent can go on as another instance: in lives that end at once and reach nothing.

use std::sync::atomic::Ordering;

use theater_flow_host::{Instance, Kill};
use theater_flow_kernel::ids::Bytes;
use theater_flow_kernel::perform;
use theater_flow_kernel::record::{Crash, CrashKind};

use super::Crew;
use crate::driver::{Audition, Tried};

impl Crew {
    /// Makes the state the component's own, if it is of another, and begins a life with it. What is given up has an
    /// order of its own: those for the agent are about the life that it has.
    pub(super) fn try_out(&self, given: &Audition) -> Result<Tried, Tried> {
        let how = &given.begin;
        let migrated = match (&given.from, how.saved.as_deref()) {
            (Some(from), Some(saved)) => perform::migrate(&mut self.stand_in(given)?, from, saved)
                .transpose()
                .map_err(judged)?,
            _ => None,
        };
        let saved = migrated.as_deref().or(how.saved.as_deref());
        perform::try_out(&mut self.stand_in(given)?, saved).map_err(judged)?;
        Ok(Tried::Fits(migrated.map(Bytes::from)))
    }

    /// An instance to try a state out with. It has not seen that state: if it cannot be made, that says nothing of it,
    /// unless it takes more than it may before it begins.
    fn stand_in(&self, given: &Audition) -> Result<Instance, Tried> {
        let Audition { agent, begin, given_up, .. } = given;
        if given_up.load(Ordering::Relaxed) {
            return Err(Tried::Unknown(String::from("nobody waits for it")));
        }
        let made = self.instantiate(*agent, begin, Kill::clone(given_up));
        made.map_err(|crash| match crash.kind {
            CrashKind::Init => Tried::Unknown(crash.message),
            _ => judged(crash),
        })
    }
}

/// What a crash says of a state.
fn judged(crash: Crash) -> Tried {
    match crash.kind {
        CrashKind::Timeout => Tried::Unknown(crash.message),
        _ => Tried::Unfit(crash.message),
    }
}
