//! Which agents meet what they meet in one order only, so that what two of them did first, second, … can be compared
//! before they are at their end.

use std::collections::{BTreeMap, BTreeSet};

use theater_flow_kernel::ids::{AgentId, PortId};
use theater_flow_kernel::plan::{Agent, Overflow, Plan};
use theater_flow_kernel::record::{Body, Consumed, DeadLetterReason, Origin};

/// Looks at what the agents of one run met.
#[derive(Default)]
pub(super) struct Orders {
    /// Where an agent's events came from: a timer of this name, or else its input. What comes from one place comes in
    /// one order, but not between what comes from another.
    sources: BTreeMap<AgentId, BTreeSet<Option<String>>>,
    /// Something happened to these that could have happened at another time.
    disturbed: BTreeSet<AgentId>,
}

impl Orders {
    pub(super) fn take(&mut self, body: &Body) {
        let Some(agent) = body.agent() else { return };
        let consumed = match body {
            Body::Transaction(body) => Some(&body.consumed),
            Body::Faulted(body) => Some(&body.consumed),
            Body::Intent(body) => Some(&body.consumed),
            Body::Crashed(body) => body.consumed.as_ref(),
            _ => None,
        };
        let source = match consumed {
            None | Some(Consumed::Start) => None,
            Some(Consumed::Timer { name }) => Some(Some(name.clone())),
            // An agent that is to be pulled takes no message until it was.
            Some(Consumed::Message { .. } | Consumed::Closed { .. } | Consumed::Pull) => Some(None),
        };
        if let Some(source) = source {
            self.sources.entry(agent).or_default().insert(source);
        }
        let disturbs = match body {
            // `start` comes again.
            Body::Incarnation(body) => body.n > 1 && body.from == Origin::Fresh,
            Body::DeadLettered(body) => {
                !matches!(body.why, DeadLetterReason::Fault(_) | DeadLetterReason::Crash(_))
            }
            Body::Dropped(_) | Body::Retried(_) | Body::Received(_) => true,
            _ => false,
        };
        if disturbs {
            self.disturbed.insert(agent);
        }
    }

    /// The names of the agents that met everything so far in the only order that it can come in.
    pub(super) fn in_one_order(&self, plan: &Plan) -> BTreeSet<String> {
        let takes_letters =
            |agent: &Agent| plan.dead_letter.as_ref().is_some_and(|to| to.agent == agent.id);
        let alone = |agent: &&Agent| {
            let sources = self.sources.get(&agent.id).map_or(0, BTreeSet::len);
            let is_calm = sources < 2 && !self.disturbed.contains(&agent.id);
            is_calm && edges(agent).count() < 2 && !takes_letters(agent)
        };
        let mut found: BTreeMap<AgentId, &Agent> =
            plan.agents.iter().filter(alone).map(|agent| (agent.id, agent)).collect();
        // What one emits that meets things in any order comes in any order.
        loop {
            let before = found.len();
            let known: BTreeSet<AgentId> = found.keys().copied().collect();
            found.retain(|_, agent| {
                edges(agent).all(|from| {
                    plan.output(from).is_some_and(|(producer, output)| {
                        known.contains(&producer.id) && output.overflow == Overflow::Block
                    })
                })
            });
            if found.len() == before {
                return found.into_values().map(|agent| agent.name.clone()).collect();
            }
        }
    }
}

/// The outputs that an agent reads.
fn edges(agent: &Agent) -> impl Iterator<Item = PortId> {
    let inputs = agent.inputs.iter();
    inputs.flat_map(|input| {
        input.from.iter().copied().chain(input.feedback.iter().map(|edge| edge.from))
    })
}
