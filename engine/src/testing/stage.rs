//! The plan with what a test changes in it: who follows a script, who does not run, and sources of what is
//! given to inputs.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use theater_flow_dsl::Direction;
use theater_flow_dsl::testing::{Given, Test};
use theater_flow_kernel::ids::{AgentId, Digest, PortId};
use theater_flow_kernel::limits;
use theater_flow_kernel::plan::{
    Agent, Backoff, Child, Grants, GuestLimits, OutputPort, Overflow, Plan, Restart, Restore,
    Retry, Shutdown, Wait,
};

use super::script::Lines;

/// See the [module](self).
pub(super) struct Stage {
    /// What runs: the file's agents with their ids, then one for each input that is given messages.
    pub(super) plan: Arc<Plan>,
    /// What those say that follow a script.
    pub(super) lines: BTreeMap<AgentId, Lines>,
    /// Agents of the file that do nothing: nothing that is given reaches them.
    pub(super) silent: BTreeSet<AgentId>,
    /// Agents of the file; what follows was added.
    own: usize,
}

impl Stage {
    pub(super) fn set(mut plan: Plan, test: &Test) -> Self {
        let own = plan.agents.len();
        let silent = silent(&plan, test);
        let mut lines: BTreeMap<AgentId, Lines> =
            silent.iter().map(|agent| (*agent, Lines::default())).collect();
        for mock in &test.mocks {
            let (replies, otherwise) = (mock.replies.clone(), mock.otherwise.clone());
            lines.insert(mock.agent.value, Lines { sent: Vec::new(), replies, otherwise });
        }
        for given in &test.given {
            let agent = match given.port.direction {
                Direction::Output => given.port.agent,
                Direction::Input => add_source(&mut plan, given.port.id),
            };
            let port = match given.port.direction {
                Direction::Output => port_name(&plan, given),
                Direction::Input => String::from(SOURCE_PORT),
            };
            let sent = given.values.iter().map(|value| (port.clone(), value.to_string()));
            lines.entry(agent).or_default().sent.extend(sent);
        }
        Self { plan: Arc::new(plan), lines, silent, own }
    }

    /// True for agents that the file does not have, and those that do nothing.
    pub(super) fn is_hidden(&self, agent: AgentId) -> bool {
        agent.index() >= self.own || self.silent.contains(&agent)
    }

    /// An agent's name.
    pub(super) fn name(&self, agent: AgentId) -> &str {
        self.plan.agent(agent).map_or("?", |agent| &agent.name)
    }
}

const SOURCE_PORT: &str = "out";

fn port_name(plan: &Plan, given: &Given) -> String {
    plan.output(given.port.id).map_or_else(String::new, |(_, port)| port.name.clone())
}

/// The agents that nothing reaches: messages begin where the test gives them. Without any all agents run.
fn silent(plan: &Plan, test: &Test) -> BTreeSet<AgentId> {
    if test.given.is_empty() {
        return BTreeSet::new();
    }
    let inputs = |agent: &'_ Agent| -> Vec<(PortId, AgentId)> {
        agent.inputs.iter().map(|port| (port.port, agent.id)).collect()
    };
    let reader: BTreeMap<PortId, AgentId> = plan.agents.iter().flat_map(inputs).collect();
    let letters = plan.dead_letter.as_ref().map(|letters| letters.agent);
    let begin = test.given.iter().map(|given| given.port.agent);
    let mut next: Vec<AgentId> = begin.chain(test.run.iter().copied()).chain(letters).collect();
    let mut reached = BTreeSet::new();
    while let Some(id) = next.pop() {
        let Some(agent) = plan.agent(id).filter(|_| reached.insert(id)) else { continue };
        let readers = agent.outputs.iter().flat_map(|output| &output.readers);
        next.extend(readers.filter_map(|port| reader.get(port)));
    }
    plan.agents.iter().map(|agent| agent.id).filter(|id| !reached.contains(id)).collect()
}

/// Adds an agent that sends to an input.
fn add_source(plan: &mut Plan, input: PortId) -> AgentId {
    let id = AgentId(u32::try_from(plan.agents.len()).unwrap_or(u32::MAX));
    let ports = plan.agents.iter().flat_map(|agent| {
        let outputs = agent.outputs.iter().map(|port| port.port.0);
        agent.inputs.iter().map(|port| port.port.0).chain(outputs)
    });
    let port = PortId(ports.max().map_or(0, |last| last + 1));
    let mut ty = None;
    for read in plan.agents.iter_mut().flat_map(|agent| &mut agent.inputs) {
        if read.port == input {
            read.from.push(port);
            ty = Some(read.ty);
        }
    }
    let outputs = ty.map(|ty| OutputPort {
        port,
        name: String::from(SOURCE_PORT),
        ty,
        readers: vec![input],
        capacity: limits::CAPACITY,
        overflow: Overflow::Block,
    });
    plan.agents.push(source(id, outputs.into_iter().collect()));
    if let Some(root) = plan.supervisors.first_mut() {
        root.children.push(Child::Agent(id));
    }
    id
}

fn source(id: AgentId, outputs: Vec<OutputPort>) -> Agent {
    Agent {
        id,
        name: format!("given {}", id.0),
        actor: String::from("given"),
        component: Digest::default(),
        config: String::from("{}"),
        grants: Grants::default(),
        inputs: Vec::new(),
        outputs,
        restart: Restart::Transient,
        restore: Restore::Checkpoint,
        retry: Retry { max: 0, wait: Wait { backoff: Backoff::Constant, base_ms: 1, cap_ms: 1 } },
        timeout_ms: limits::TIMEOUT_MS,
        limits: GuestLimits { memory: limits::MEMORY_BYTES, fuel: limits::FUEL },
        stateless: false,
        shutdown: Shutdown::After(limits::SHUTDOWN_MS),
        significant: false,
    }
}
