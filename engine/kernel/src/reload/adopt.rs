//! Ids that last as long as a run: whoever has the same name is the same.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use crate::ids::{AgentId, PortId, SupervisorId};
use crate::plan::{Agent, Child, DeadLetterPort, Plan, Supervisor};

/// Gives the agents, ports and supervisors of another plan, newly compiled or an earlier one of the run, the ids that they have in `old`, the plan that a
/// run has, and to the others ids that nobody in the run ever had. Who is gone keeps its place, wired to nobody and
/// below no supervisor, so that an id still is a position. A name that comes back is somebody else.
#[must_use]
pub fn adopt(old: &Plan, mut new: Plan) -> Plan {
    let ids = Ids::of(old, &new);
    let mut agents = old.agents.clone();
    let mut supervisors = old.supervisors.clone();
    let mut past = old.past.clone();
    past.ports = 0;
    for agent in &mut agents {
        retire(agent);
    }
    for supervisor in &mut supervisors {
        supervisor.children.clear();
    }
    for agent in new.present() {
        let agent = ids.agent(agent.clone());
        put(&mut agents, agent.id.index(), agent);
    }
    for supervisor in new.present_supervisors() {
        let supervisor = ids.supervisor(supervisor.clone());
        put(&mut supervisors, supervisor.id.index(), supervisor);
    }
    past.agents =
        gone(agents.len(), ids.agents.values().map(|id| id.index())).map(AgentId).collect();
    past.supervisors = gone(supervisors.len(), ids.supervisors.values().map(|id| id.index()))
        .map(SupervisorId)
        .collect();
    let dead_letter = new.dead_letter.take().map(|letters| ids.letters(letters));
    let mut plan = Plan { agents, supervisors, dead_letter, past, ..new };
    // A plan that comes back is the same to the byte, as long as nothing that was there since is gone.
    if plan.ports_given() != ids.ports_given {
        plan.past.ports = ids.ports_given;
    }
    plan
}

/// Takes an agent out of the graph.
fn retire(agent: &mut Agent) {
    agent.significant = false;
    for input in &mut agent.inputs {
        input.from.clear();
        input.feedback.clear();
    }
    agent.outputs.iter_mut().for_each(|output| output.readers.clear());
}

/// Puts something in its place, which is there or the next.
fn put<T>(all: &mut Vec<T>, at: usize, one: T) {
    match all.get_mut(at) {
        Some(place) => *place = one,
        None => all.push(one),
    }
}

/// The places that nobody has.
fn gone(places: usize, taken: impl Iterator<Item = usize>) -> impl Iterator<Item = u32> {
    let mut free = alloc::vec![true; places];
    taken.for_each(|at| free[at] = false);
    (0..).zip(free).filter_map(|(at, free)| free.then_some(at))
}

/// By the id in the new plan, the id in the run.
struct Ids {
    agents: BTreeMap<AgentId, AgentId>,
    supervisors: BTreeMap<SupervisorId, SupervisorId>,
    ports: BTreeMap<PortId, PortId>,
    /// Port ids given so far.
    ports_given: u32,
}

impl Ids {
    fn of(old: &Plan, new: &Plan) -> Self {
        let mut next = count(old.agents.len());
        let mut ids = Self {
            agents: BTreeMap::new(),
            supervisors: BTreeMap::new(),
            ports: BTreeMap::new(),
            ports_given: old.ports_given(),
        };
        for agent in new.present() {
            let known = old.named(&agent.name);
            let id = known.map_or_else(|| AgentId(take(&mut next)), |known| known.id);
            ids.agents.insert(agent.id, id);
            ids.ports_of(known, agent);
        }
        let mut next = count(old.supervisors.len());
        for supervisor in new.present_supervisors() {
            let known = old.supervisor_named(&supervisor.name);
            let id = known.map_or_else(|| SupervisorId(take(&mut next)), |known| known.id);
            ids.supervisors.insert(supervisor.id, id);
        }
        ids
    }

    fn ports_of(&mut self, known: Option<&Agent>, agent: &Agent) {
        for input in &agent.inputs {
            let same = |known: &Agent| {
                known.inputs.iter().find(|other| other.name == input.name).map(|other| other.port)
            };
            self.port(input.port, known.and_then(same));
        }
        for output in &agent.outputs {
            let same = |known: &Agent| {
                known.outputs.iter().find(|other| other.name == output.name).map(|other| other.port)
            };
            self.port(output.port, known.and_then(same));
        }
    }

    fn port(&mut self, port: PortId, known: Option<PortId>) {
        let id = known.unwrap_or_else(|| PortId(take(&mut self.ports_given)));
        self.ports.insert(port, id);
    }

    /// What refers to somebody else refers to nobody in the plan: it stays what it is.
    fn port_of(&self, port: PortId) -> PortId {
        self.ports.get(&port).copied().unwrap_or(port)
    }

    fn agent_of(&self, agent: AgentId) -> AgentId {
        self.agents.get(&agent).copied().unwrap_or(agent)
    }

    fn supervisor_of(&self, supervisor: SupervisorId) -> SupervisorId {
        self.supervisors.get(&supervisor).copied().unwrap_or(supervisor)
    }

    fn agent(&self, mut agent: Agent) -> Agent {
        agent.id = self.agent_of(agent.id);
        for input in &mut agent.inputs {
            input.port = self.port_of(input.port);
            input.from.iter_mut().for_each(|from| *from = self.port_of(*from));
            input.feedback.iter_mut().for_each(|edge| edge.from = self.port_of(edge.from));
        }
        for output in &mut agent.outputs {
            output.port = self.port_of(output.port);
            output.readers.iter_mut().for_each(|reader| *reader = self.port_of(*reader));
        }
        agent
    }

    fn supervisor(&self, mut supervisor: Supervisor) -> Supervisor {
        supervisor.id = self.supervisor_of(supervisor.id);
        for child in &mut supervisor.children {
            *child = match *child {
                Child::Agent(id) => Child::Agent(self.agent_of(id)),
                Child::Supervisor(id) => Child::Supervisor(self.supervisor_of(id)),
            };
        }
        supervisor
    }

    fn letters(&self, mut letters: DeadLetterPort) -> DeadLetterPort {
        letters.agent = self.agent_of(letters.agent);
        letters.port = self.port_of(letters.port);
        letters.feeders.iter_mut().for_each(|feeder| *feeder = self.agent_of(*feeder));
        letters
    }
}

fn count(len: usize) -> u32 {
    u32::try_from(len).unwrap_or(u32::MAX)
}

fn take(next: &mut u32) -> u32 {
    let id = *next;
    *next = next.saturating_add(1);
    id
}
