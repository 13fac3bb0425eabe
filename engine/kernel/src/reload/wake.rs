//! Who has something to do again in another plan.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;

use crate::ids::{AgentId, PortId};
use crate::plan::{Agent, InputPort, Plan};
use crate::record::End;
use crate::state::{Life, State};

/// Agents that had ended well and are started again in a plan, and who may send messages in it.
pub(crate) struct Again {
    /// Who is started again: they read somebody who may send something, and did not read them before.
    pub(crate) woken: BTreeSet<AgentId>,
    /// Who has ended and is not started again.
    over: BTreeSet<AgentId>,
    owners: BTreeMap<PortId, AgentId>,
}

impl Again {
    /// What comes of the next plan for the agents of a run.
    pub(crate) fn of(state: &State, next: &Plan) -> Self {
        let lives = state.kept.agents.iter().zip(&state.plan.agents);
        let over = lives.filter(|(one, _)| one.life.is_over()).map(|(_, agent)| agent.id);
        let owners = owners(next);
        let mut again = Self { woken: BTreeSet::new(), over: over.collect(), owners };
        if again.over.is_empty() {
            return again;
        }
        let (before, reads) = (senders(&state.plan), senders(next));
        let ended_well = |id: &AgentId| {
            let life = state.kept.agents.get(id.index()).map(|one| one.life);
            matches!(life, Some(Life::Over(End::Finished | End::Done)))
        };
        let mut asleep: Vec<AgentId> =
            next.present().map(|agent| agent.id).filter(ended_well).collect();
        loop {
            let wakes = |id: &AgentId| {
                let known = |from: &AgentId| before.get(id).is_some_and(|all| all.contains(from));
                let mut from = reads.get(id).into_iter().flatten();
                from.any(|from| again.woken.contains(from) || again.sends(*from) && !known(from))
            };
            let (more, rest): (Vec<_>, Vec<_>) = asleep.into_iter().partition(wakes);
            if more.is_empty() {
                return again;
            }
            again.woken.extend(more);
            asleep = rest;
        }
    }

    /// True if an agent of the next plan may send something.
    pub(crate) fn sends(&self, id: AgentId) -> bool {
        self.woken.contains(&id) || !self.over.contains(&id)
    }

    /// True if somebody may send something to this input of the next plan.
    pub(crate) fn feeds(&self, next: &Plan, agent: &Agent, port: PortId) -> bool {
        let input = agent.inputs.iter().find(|input| input.port == port);
        let mut from = input.into_iter().flat_map(outputs_read);
        let letters = next.dead_letter.as_ref().filter(|letters| letters.port == port);
        from.any(|from| self.owners.get(&from).is_some_and(|id| self.sends(*id)))
            || letters.is_some_and(|letters| letters.feeders.iter().any(|id| self.sends(*id)))
    }
}

/// Who sends messages to each agent.
pub(super) fn producers(plan: &Plan) -> BTreeMap<AgentId, BTreeSet<AgentId>> {
    let owners = owners(plan);
    let of = |agent: &Agent| feeding(agent).filter_map(|port| owners.get(&port).copied()).collect();
    plan.present().map(|agent| (agent.id, of(agent))).collect()
}

/// Who sends messages or dead letters to each agent.
fn senders(plan: &Plan) -> BTreeMap<AgentId, BTreeSet<AgentId>> {
    let mut senders = producers(plan);
    if let Some(letters) = &plan.dead_letter {
        senders.entry(letters.agent).or_default().extend(&letters.feeders);
    }
    senders
}

/// Whose an output is.
fn owners(plan: &Plan) -> BTreeMap<PortId, AgentId> {
    let outputs = plan
        .present()
        .flat_map(|agent| agent.outputs.iter().map(move |output| (output.port, agent.id)));
    outputs.collect()
}

/// The outputs that an agent reads.
fn feeding(agent: &Agent) -> impl Iterator<Item = PortId> {
    agent.inputs.iter().flat_map(outputs_read)
}

/// The outputs that an input reads.
fn outputs_read(input: &InputPort) -> impl Iterator<Item = PortId> {
    input.from.iter().copied().chain(input.feedback.iter().map(|edge| edge.from))
}
