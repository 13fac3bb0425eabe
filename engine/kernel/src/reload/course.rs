//! Who has to do what for a run to go over to another plan.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;

use super::diff::{Changes, Kind};
use super::wake::producers;
use crate::ids::AgentId;
use crate::plan::Plan;

/// Bounds that an instance gets when it begins.
const OF_INSTANCE: [&str; 2] = ["limits", "timeout"];

/// What is to be done before a run goes over to another plan.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Course {
    /// Agents that go on as another instance, by id.
    pub moved: Vec<AgentId>,
    /// Agents that go, by id. They handle what they have first.
    pub gone: Vec<AgentId>,
    /// Who has to come to rest: those that are moved, those that would send more to one that goes, and those that go
    /// and make what they send of nothing. With each, the agents that go whose messages may come to it, by whatever way: they
    /// need its room, so that it must not rest before they have handled what they have.
    rest: BTreeMap<AgentId, Vec<AgentId>>,
}

impl Course {
    /// What `changes` between two plans ask for.
    #[must_use]
    pub fn of(old: &Plan, changes: &Changes) -> Self {
        let mut course = Self::default();
        for change in &changes.all {
            let Some(agent) = old.named(&change.name) else { continue };
            match &change.kind {
                Kind::Stop => course.gone.push(agent.id),
                Kind::Replace(_) | Kind::Regrant => course.moved.push(agent.id),
                Kind::Retune(keys) if keys.iter().any(|key| OF_INSTANCE.contains(key)) => {
                    course.moved.push(agent.id);
                }
                Kind::Supervise(keys) if keys.contains(&"restore") => course.moved.push(agent.id),
                _ => {}
            }
        }
        course.moved.sort_unstable();
        course.moved.dedup();
        course.gone.sort_unstable();
        course.find_rest(old);
        course
    }

    fn find_rest(&mut self, old: &Plan) {
        let producers = producers(old);
        let sends = |id: &AgentId| producers.get(id).into_iter().flatten().copied();
        let mut rest: BTreeSet<AgentId> = self.moved.iter().copied().collect();
        for id in &self.gone {
            rest.extend(sends(id).filter(|from| !self.gone.contains(from)));
            let is_source = old.agent(*id).is_some_and(|agent| agent.inputs.is_empty());
            rest.extend(is_source.then_some(*id));
        }
        let before = |id: AgentId| {
            let (mut seen, mut left) = (BTreeSet::new(), Vec::from([id]));
            while let Some(at) = left.pop() {
                left.extend(sends(&at).filter(|from| seen.insert(*from)));
            }
            let gone = |other: &AgentId| *other != id && self.gone.contains(other);
            seen.into_iter().filter(gone).collect()
        };
        self.rest = rest.into_iter().map(|id| (id, before(id))).collect();
    }

    /// Who is to come to rest now. `has_handled` says of an agent that goes whether it has handled all that it has.
    pub fn rest(&self, has_handled: impl Fn(AgentId) -> bool) -> impl Iterator<Item = AgentId> {
        let due = move |gone: &[AgentId]| gone.iter().all(|id| has_handled(*id));
        self.rest.iter().filter(move |(_, gone)| due(gone)).map(|(id, _)| *id)
    }
}
