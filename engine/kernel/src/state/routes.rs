//! Where messages go. Follows from the plan, and is looked up at every hop.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use crate::ids::{AgentId, PortId, SupervisorId};
use crate::limits;
use crate::plan::{Agent, Child, Overflow, Plan};

use super::cycles::cycles;

/// Tables over a plan's ports.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Routes {
    /// By output port.
    outputs: BTreeMap<PortId, Route>,
    /// By agent, then in the plan's order; the dead-letter port, if it is not wired, as one more.
    inputs: Vec<Vec<InputRoute>>,
    /// By agent.
    spills: Vec<Vec<Spill>>,
    /// Agents that feed back into one another, by id; the cycles in the order of their first agents.
    cycles: Vec<Vec<AgentId>>,
    /// By agent: its cycle.
    cycle_of: Vec<Option<usize>>,
    /// By agent: its supervisor, and its position among that one's children.
    agent_places: Vec<Place>,
    /// By supervisor, likewise; the root is its own.
    supervisor_places: Vec<Place>,
}

/// A supervisor, and a position among its children.
type Place = (SupervisorId, u32);

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
    /// The producer waits for it when it is full.
    pub blocks: bool,
    /// It is at the end of a feedback edge.
    pub feedback: bool,
}

/// A queue for which its producer does not wait.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Spill {
    /// Its position in [`AgentState::queues`](super::AgentState::queues).
    pub queue: usize,
    /// How many messages may wait there.
    pub places: usize,
    /// What happens beyond.
    pub overflow: Overflow,
    /// For a feedback edge, the rounds that it allows.
    pub rounds: Option<u32>,
}

/// One input.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct InputRoute {
    /// Its port.
    pub port: PortId,
    /// Its queues, one a producer.
    pub queues: Vec<usize>,
    /// By queue, the output that it comes from; `None` for the dead letters, and where nobody in the run sends.
    pub from: Vec<Option<PortId>>,
    /// Whose end closes it.
    pub producers: Vec<AgentId>,
    /// Who feeds back into it; their end or the cycle's rest closes it.
    pub feedback: Vec<AgentId>,
}

impl InputRoute {
    /// True if somebody in the run sends to it: it closes when they have ended.
    #[must_use]
    pub fn is_wired(&self) -> bool {
        !self.producers.is_empty() || !self.feedback.is_empty()
    }
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
        let outputs: BTreeMap<PortId, Route> = plan
            .agents
            .iter()
            .flat_map(|agent| agent.outputs.iter().map(|output| (agent.id, output)))
            .map(|(agent, output)| {
                (output.port, Route { agent, capacity: output.capacity, readers: Vec::new() })
            })
            .collect();
        let overflows: BTreeMap<PortId, Overflow> = plan
            .agents
            .iter()
            .flat_map(|agent| agent.outputs.iter().map(|output| (output.port, output.overflow)))
            .collect();
        let mut wiring = Wiring { producers, overflows, outputs, spills: Vec::new() };
        let mut inputs: Vec<Vec<InputRoute>> = Vec::with_capacity(plan.agents.len());
        for agent in &plan.agents {
            wiring.spills.push(Vec::new());
            inputs.push(wiring.inputs_of(plan, agent));
        }
        let cycles = cycles(&inputs);
        let mut cycle_of = alloc::vec![None; plan.agents.len()];
        for (nth, cycle) in cycles.iter().enumerate() {
            for agent in cycle {
                cycle_of[agent.index()] = Some(nth);
            }
        }
        let (agent_places, supervisor_places) = places(plan);
        let Wiring { outputs, spills, .. } = wiring;
        Self { outputs, inputs, spills, cycles, cycle_of, agent_places, supervisor_places }
    }

    /// The supervisor of a child; the root's is the root.
    #[must_use]
    pub fn parent(&self, child: Child) -> SupervisorId {
        self.place(child).0
    }

    /// The supervisor of a child, and the child's position among its children.
    #[must_use]
    pub fn place(&self, child: Child) -> Place {
        let place = match child {
            Child::Agent(id) => self.agent_places.get(id.index()),
            Child::Supervisor(id) => self.supervisor_places.get(id.index()),
        };
        place.copied().unwrap_or((SupervisorId(0), 0))
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

    /// The queues of an agent for which their producers do not wait.
    #[must_use]
    pub fn spills(&self, agent: AgentId) -> &[Spill] {
        self.spills.get(agent.index()).map_or(&[], Vec::as_slice)
    }

    /// The cycles of the graph.
    #[must_use]
    pub fn cycles(&self) -> &[Vec<AgentId>] {
        &self.cycles
    }

    /// The cycle that an agent is in.
    #[must_use]
    pub fn cycle_of(&self, agent: AgentId) -> Option<usize> {
        self.cycle_of.get(agent.index()).copied().flatten()
    }

    /// The queue that takes what comes from outside for an input: not that of a feedback edge if there is another.
    #[must_use]
    pub fn outside(&self, agent: AgentId, port: PortId) -> Option<usize> {
        self.inputs(agent).iter().find(|input| input.port == port)?.queues.first().copied()
    }

    /// The queue that takes dead letters.
    #[must_use]
    pub fn letters(&self, agent: AgentId, port: PortId) -> Option<usize> {
        self.inputs(agent).iter().find(|input| input.port == port)?.queues.last().copied()
    }
}

/// The places of all agents and of all supervisors in the tree.
fn places(plan: &Plan) -> (Vec<Place>, Vec<Place>) {
    let root = (SupervisorId(0), 0);
    let mut agents = alloc::vec![root; plan.agents.len()];
    let mut supervisors = alloc::vec![root; plan.supervisors.len()];
    for supervisor in &plan.supervisors {
        for (nth, child) in (0..).zip(&supervisor.children) {
            let place = match child {
                Child::Agent(id) => agents.get_mut(id.index()),
                Child::Supervisor(id) => supervisors.get_mut(id.index()),
            };
            if let Some(place) = place {
                *place = (supervisor.id, nth);
            }
        }
    }
    (agents, supervisors)
}

/// What is known while the tables are made.
struct Wiring {
    producers: BTreeMap<PortId, AgentId>,
    overflows: BTreeMap<PortId, Overflow>,
    outputs: BTreeMap<PortId, Route>,
    spills: Vec<Vec<Spill>>,
}

impl Wiring {
    /// An agent's inputs; enters it as a reader of what it reads.
    fn inputs_of(&mut self, plan: &Plan, agent: &Agent) -> Vec<InputRoute> {
        let mut routes = Vec::with_capacity(agent.inputs.len());
        let mut next = 0;
        for input in &agent.inputs {
            let mut route = InputRoute {
                port: input.port,
                queues: Vec::new(),
                from: Vec::new(),
                producers: Vec::new(),
                feedback: Vec::new(),
            };
            let forward = input.from.iter().map(|from| (*from, None));
            let feedback = input.feedback.iter().map(|edge| (edge.from, Some(edge.rounds)));
            for (from, rounds) in forward.chain(feedback) {
                self.read((agent.id, next), from, rounds);
                let side =
                    if rounds.is_none() { &mut route.producers } else { &mut route.feedback };
                side.extend(self.producers.get(&from));
                route.queues.push(next);
                route.from.push(Some(from));
                next += 1;
            }
            let letters = plan.dead_letter.as_ref().filter(|letters| letters.port == input.port);
            if let Some(letters) = letters {
                route.producers.extend(&letters.feeders);
                route.queues.push(next);
                route.from.push(None);
                next += 1;
            } else if route.queues.is_empty() {
                // What is sent from outside comes here.
                route.queues.push(next);
                route.from.push(None);
                next += 1;
            }
            routes.push(route);
        }
        routes
    }

    /// Enters a queue as a reader of this output.
    fn read(&mut self, (agent, queue): (AgentId, usize), from: PortId, rounds: Option<u32>) {
        let overflow = self.overflows.get(&from).copied().unwrap_or(Overflow::Block);
        let Some(output) = self.outputs.get_mut(&from) else {
            return;
        };
        let spill = match rounds {
            Some(_) => {
                let places = limits::FEEDBACK_MESSAGES as usize;
                Some(Spill { queue, places, overflow: Overflow::Fail, rounds })
            }
            None if overflow == Overflow::Block => None,
            None => Some(Spill { queue, places: output.capacity as usize, overflow, rounds }),
        };
        let (blocks, feedback) = (spill.is_none(), rounds.is_some());
        output.readers.push(Reader { agent, queue, blocks, feedback });
        if let (Some(spill), Some(spills)) = (spill, self.spills.get_mut(agent.index())) {
            spills.push(spill);
        }
    }
}
