//! Where messages go. Follows from the plan, and is looked up at every hop.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use crate::ids::{AgentId, PortId, SupervisorId};
use crate::plan::{Agent, Child, Plan};

/// Tables over a plan's ports.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Routes {
    /// By output port.
    outputs: BTreeMap<PortId, Route>,
    /// By agent, then in the plan's order; the dead-letter port, if it is not wired, as one more.
    inputs: Vec<Vec<InputRoute>>,
    /// By agent.
    agent_parents: Vec<SupervisorId>,
    /// By supervisor; the root is its own.
    supervisor_parents: Vec<SupervisorId>,
}

/// One output.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Route {
    /// Whose.
    pub agent: AgentId,
    /// Places per reader.
    pub capacity: u32,
    /// Its readers.
    pub readers: Vec<Reader>,
}

/// One reader of an output.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Reader {
    /// Whose queue.
    pub agent: AgentId,
    /// Its position in [`AgentState::queues`](super::AgentState::queues).
    pub queue: usize,
}

/// One input.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct InputRoute {
    /// Its port.
    pub port: PortId,
    /// Its queues, one a producer.
    pub queues: Vec<usize>,
    /// Whose end closes it.
    pub producers: Vec<AgentId>,
}

impl Routes {
    /// The routes of a plan.
    #[must_use]
    pub fn of(plan: &Plan) -> Self {
        let producers: BTreeMap<PortId, AgentId> = plan
            .agents
            .iter()
            .flat_map(|agent| agent.outputs.iter().map(|output| (output.port, agent.id)))
            .collect();
        let mut outputs: BTreeMap<PortId, Route> = plan
            .agents
            .iter()
            .flat_map(|agent| agent.outputs.iter().map(|output| (agent.id, output)))
            .map(|(agent, output)| {
                (output.port, Route { agent, capacity: output.capacity, readers: Vec::new() })
            })
            .collect();
        let inputs =
            plan.agents.iter().map(|agent| inputs_of(plan, agent, &producers, &mut outputs));
        let inputs = inputs.collect();
        let (agent_parents, supervisor_parents) = parents(plan);
        Self { outputs, inputs, agent_parents, supervisor_parents }
    }

    /// The supervisor of a child; the root's is the root.
    #[must_use]
    pub fn parent(&self, child: Child) -> SupervisorId {
        let parent = match child {
            Child::Agent(id) => self.agent_parents.get(id.index()),
            Child::Supervisor(id) => self.supervisor_parents.get(id.index()),
        };
        parent.copied().unwrap_or(SupervisorId(0))
    }

    /// Where an output leads.
    #[must_use]
    pub fn output(&self, port: PortId) -> Option<&Route> {
        self.outputs.get(&port)
    }

    /// An agent's inputs, in the plan's order.
    #[must_use]
    pub fn inputs(&self, agent: AgentId) -> &[InputRoute] {
        self.inputs.get(agent.index()).map_or(&[], Vec::as_slice)
    }

    /// The queue that takes dead letters.
    #[must_use]
    pub fn letters(&self, agent: AgentId, port: PortId) -> Option<usize> {
        self.inputs(agent).iter().find(|input| input.port == port)?.queues.last().copied()
    }
}

/// The supervisors of all agents and of all supervisors.
fn parents(plan: &Plan) -> (Vec<SupervisorId>, Vec<SupervisorId>) {
    let root = SupervisorId(0);
    let mut agents = alloc::vec![root; plan.agents.len()];
    let mut supervisors = alloc::vec![root; plan.supervisors.len()];
    for supervisor in &plan.supervisors {
        for child in &supervisor.children {
            let place = match child {
                Child::Agent(id) => agents.get_mut(id.index()),
                Child::Supervisor(id) => supervisors.get_mut(id.index()),
            };
            if let Some(place) = place {
                *place = supervisor.id;
            }
        }
    }
    (agents, supervisors)
}

/// An agent's inputs; enters it as a reader of what it reads.
fn inputs_of(
    plan: &Plan,
    agent: &Agent,
    producers: &BTreeMap<PortId, AgentId>,
    outputs: &mut BTreeMap<PortId, Route>,
) -> Vec<InputRoute> {
    let mut routes = Vec::new();
    let mut queue = 0;
    for input in &agent.inputs {
        let mut route = InputRoute { port: input.port, queues: Vec::new(), producers: Vec::new() };
        for from in &input.from {
            if let Some(output) = outputs.get_mut(from) {
                output.readers.push(Reader { agent: agent.id, queue });
            }
            route.producers.extend(producers.get(from));
            route.queues.push(queue);
            queue += 1;
        }
        if let Some(letters) =
            plan.dead_letter.as_ref().filter(|letters| letters.port == input.port)
        {
            route.producers.extend(&letters.feeders);
            route.queues.push(queue);
            queue += 1;
        }
        routes.push(route);
    }
    routes
}
