//! Who has something to do again in another plan.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;

use crate::ids::{AgentId, PortId};
use crate::plan::{Agent, InputPort, Plan};
use crate::record::End;
use crate::state::{Life, State};

/// Agents that had ended well and are started again in a plan, and who lives in it.
pub(crate) struct Again {
    /// Who is started again: they read somebody who has something to send, and did not read them before.
    pub(crate) woken: BTreeSet<AgentId>,
    /// New agents that can get or make something. The others, that read only who has ended, have nothing to send but
    /// what they say at their beginning and end: nobody is started again for that.
    fed: BTreeSet<AgentId>,
    /// Who has ended, of all that there were.
    over: BTreeSet<AgentId>,
    /// How many there were: new ones come behind them.
    known: usize,
    owners: BTreeMap<PortId, AgentId>,
}

impl Again {
    /// What comes of the next plan for the agents of a run.
    pub(crate) fn of(state: &State, next: &Plan) -> Self {
        let lives = state.kept.agents.iter().zip(&state.plan.agents);
        let over = lives.filter(|(one, _)| one.life.is_over()).map(|(_, agent)| agent.id);
        let (over, owners) = (over.collect(), owners(next));
        let (woken, fed, known) = (BTreeSet::new(), BTreeSet::new(), state.kept.agents.len());
        let mut again = Self { woken, fed, over, known, owners };
        again.spread(state, next);
        again
    }

    /// Goes on until nobody is found any more.
    fn spread(&mut self, state: &State, next: &Plan) {
        let (before, reads) = (senders(&state.plan), senders(next));
        let from = |id: AgentId| reads.get(&id).into_iter().flatten().copied();
        let life = |id: AgentId| state.kept.agents.get(id.index()).map(|one| one.life);
        let ended_well = |id| matches!(life(id), Some(Life::Over(End::Finished | End::Done)));
        let mut asleep: Vec<AgentId> =
            next.present().map(|agent| agent.id).filter(|id| ended_well(*id)).collect();
        let mut unfed: Vec<&Agent> =
            next.present().filter(|agent| life(agent.id).is_none()).collect();
        loop {
            let sends = |id| self.sends(id);
            let feeds = |agent: &Agent| is_source(agent) || from(agent.id).any(sends);
            let fed: Vec<AgentId> =
                unfed.extract_if(.., |agent| feeds(agent)).map(|agent| agent.id).collect();
            let known =
                |id: AgentId, from: AgentId| before.get(&id).is_some_and(|all| all.contains(&from));
            let woken = |id: AgentId, from: AgentId| {
                self.woken.contains(&from) || sends(from) && !known(id, from)
            };
            let woken: Vec<AgentId> =
                asleep.extract_if(.., |id| from(*id).any(|other| woken(*id, other))).collect();
            if fed.is_empty() && woken.is_empty() {
                return;
            }
            self.fed.extend(fed);
            self.woken.extend(woken);
        }
    }

    /// True if an agent of the next plan lives in it.
    pub(crate) fn lives(&self, id: AgentId) -> bool {
        self.woken.contains(&id) || !self.over.contains(&id)
    }

    /// True if it lives and has something to send.
    pub(crate) fn sends(&self, id: AgentId) -> bool {
        if id.index() < self.known { self.lives(id) } else { self.fed.contains(&id) }
    }

    /// True if somebody may send something to this input of the next plan.
    pub(crate) fn feeds(&self, next: &Plan, agent: &Agent, port: PortId) -> bool {
        let input = agent.inputs.iter().find(|input| input.port == port);
        let mut from = input.into_iter().flat_map(outputs_read);
        let letters = next.dead_letter.as_ref().filter(|letters| letters.port == port);
        from.any(|from| self.owners.get(&from).is_some_and(|id| self.lives(*id)))
            || letters.is_some_and(|letters| letters.feeders.iter().any(|id| self.lives(*id)))
    }
}

/// True if an agent has something to send, or somebody outside may send it something, though nobody in the run does.
fn is_source(agent: &Agent) -> bool {
    agent.inputs.is_empty() || agent.inputs.iter().any(|input| outputs_read(input).next().is_none())
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
