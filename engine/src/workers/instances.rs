//! The instances that live, and what is done on them.

use std::collections::HashMap;
use std::sync::Mutex;

use theater_flow_host::Instance;
use theater_flow_kernel::ids::AgentId;
use theater_flow_kernel::perform;
use theater_flow_kernel::record::{Crash, CrashKind};
use theater_flow_kernel::work::{Activation, Batch, Call, Done, Outcome, Report, Trace, Work};

use super::{Troupe, lock};

/// The instances that live, but for those that are at work, with the numbers of their lives.
pub type Instances<G = Instance> = Mutex<HashMap<AgentId, (u32, G)>>;

/// Does an activation's work on the instances at hand. `None` for what is not reported. `stop` is asked before each
/// event.
pub fn work<T: Troupe>(
    crew: &T,
    instances: &Instances<T::Guest>,
    given: Activation,
    stop: &dyn Fn() -> bool,
) -> Option<Report> {
    let held = taken(instances, &given);
    let Activation { agent, incarnation, work } = given;
    let (instance, done) = match (work, held) {
        (Work::Drop, _) => return None,
        (Work::Begin(how), old) => {
            drop(old);
            let (instance, begun) = crew.begin(agent, &how);
            (instance, begun.map_or(Done::Handled(Vec::new()), Done::Begun))
        }
        (Work::Handle(batch), Some(mut instance)) => {
            let done = perform::handle(&mut instance, batch, stop);
            (T::lives(&instance).then_some(instance), done)
        }
        (Work::Handle(batch), None) => (None, gone(batch)),
        (Work::Snapshot, Some(mut instance)) => {
            let taken = perform::snapshot(&mut instance);
            let done = taken.map_or(Done::Handled(Vec::new()), Done::Snapshot);
            (T::lives(&instance).then_some(instance), done)
        }
        // Its call was abandoned because the run stops: what it did before is in the log.
        (Work::Snapshot, None) => (None, Done::Handled(Vec::new())),
    };
    if let Some(instance) = instance {
        lock(instances).insert(agent, (incarnation, instance));
    }
    Some(Report { agent, incarnation, done })
}

/// Takes an agent's instance. One that is to be dropped may be of a life that began meanwhile: it stays.
fn taken<G>(instances: &Instances<G>, given: &Activation) -> Option<G> {
    let mut all = lock(instances);
    let known = all.get(&given.agent).map(|(life, _)| *life);
    if given.work == Work::Drop && known.is_some_and(|life| life > given.incarnation) {
        return None;
    }
    all.remove(&given.agent).map(|(_, instance)| instance)
}

/// An instance that is not there can handle nothing: a new life is needed. This says nothing of the
/// event, so it is no crash that would come again.
fn gone(batch: Batch) -> Done {
    let Batch { events, attempt, .. } = batch;
    let calls = events.front().map(|event| {
        let crash =
            Crash { kind: CrashKind::Timeout, message: String::from("the instance is gone") };
        let outcome = Outcome::Crash(crash);
        Call { consumed: event.consumed(), attempt, trace: Trace::default(), outcome }
    });
    Done::Handled(calls.into_iter().collect())
}
