//! What the file means: agents with their ports, and the wires between them.

use std::collections::{BTreeMap, BTreeSet};

use petgraph::algo::kosaraju_scc;
use petgraph::graph::{DiGraph, NodeIndex};
use petgraph::visit::EdgeRef;
use theater_flow_kernel::plan::Root;

use crate::codes;
use crate::facts::ActorFacts;
use crate::fault::Fault;
use crate::notes::Notes;
use crate::relays::Relay;
use crate::span::{At, Span};
use crate::spec::AgentSpec;
use crate::type_text::Expr;

/// A node, with what is known of it so far. What is not known has its fault or its need already, and
/// nothing is said twice.
pub(crate) struct Agent<'a> {
    pub(crate) spec: &'a AgentSpec,
    /// Its name in the plan: that of the file, behind those of the modules that it stands in.
    pub(crate) name: String,
    /// Where what it reads is named.
    pub(crate) scope: usize,
    /// Whose types its ports name.
    pub(crate) unit: usize,
    /// If it is no agent, but the port of a module. Those come last.
    pub(crate) relay: Option<&'a Relay>,
    /// `std/<name>` or an absolute path.
    pub(crate) actor: String,
    pub(crate) facts: Option<&'a ActorFacts>,
    /// As JSON.
    pub(crate) config: Option<String>,
    pub(crate) ports: Option<Ports>,
    pub(crate) read: Vec<Root>,
    pub(crate) write: Vec<Root>,
}

impl Agent<'_> {
    /// An input as its file and messages name it.
    pub(crate) fn reader(&self, port: &str) -> String {
        match self.relay {
            Some(relay) => relay.reader.clone(),
            None => format!("{}.{port}", self.spec.name.value),
        }
    }

    /// An output as its readers name it.
    pub(crate) fn writer(&self, port: &str) -> String {
        match self.relay {
            Some(relay) => relay.writer.clone(),
            None => format!("{}.{port}", self.spec.name.value),
        }
    }
}

/// The ports of an agent, in the actor's order.
pub(crate) struct Ports {
    pub(crate) inputs: Vec<Port>,
    pub(crate) outputs: Vec<Port>,
}

/// A port as its actor says it.
pub(crate) struct Port {
    pub(crate) name: String,
    pub(crate) expr: Expr,
    /// The type in the actor's words.
    pub(crate) said: String,
    pub(crate) optional: bool,
}

/// A wire from an output to an input; a port that is not known is `None`.
#[derive(Clone)]
pub(crate) struct Wire {
    pub(crate) from: usize,
    pub(crate) output: Option<usize>,
    pub(crate) to: usize,
    pub(crate) input: Option<usize>,
    /// The type that the consumer reads it as, if it says one, and the unit that names it.
    pub(crate) read_as: Option<(usize, At<Expr>)>,
    /// The last port of a module on the way, by position, once there are no others.
    pub(crate) relay: Option<usize>,
    /// Rounds, if it feeds back.
    pub(crate) feedback: Option<u32>,
    /// Where the consumer names the producer.
    pub(crate) span: Span,
}

/// Agents by position, wires in file order.
pub(crate) struct Graph<'a> {
    pub(crate) agents: Vec<Agent<'a>>,
    pub(crate) wires: Vec<Wire>,
    /// Nodes are the agents, edges the wires, both by position.
    pub(crate) flow: DiGraph<(), usize>,
    /// As `flow`, without what feeds back.
    pub(crate) forward: DiGraph<(), usize>,
}

impl<'a> Graph<'a> {
    pub(crate) fn new(agents: Vec<Agent<'a>>, wires: Vec<Wire>) -> Self {
        let mut flow = DiGraph::with_capacity(agents.len(), wires.len());
        for _ in &agents {
            flow.add_node(());
        }
        let mut forward = flow.clone();
        for (at, wire) in wires.iter().enumerate() {
            let (from, to) = (NodeIndex::new(wire.from), NodeIndex::new(wire.to));
            flow.add_edge(from, to, at);
            if wire.feedback.is_none() {
                forward.add_edge(from, to, at);
            }
        }
        Self { agents, wires, flow, forward }
    }

    /// The name of the agent at a position.
    pub(crate) fn name(&self, agent: usize) -> &str {
        &self.agents[agent].name
    }

    /// The output of a wire as a file names it.
    fn reference(&self, wire: &Wire) -> String {
        if let Some(relay) = self.agents[wire.from].relay {
            return relay.writer.clone();
        }
        let name = &self.agents[wire.from].spec.name.value;
        let ports = self.agents[wire.from].ports.as_ref();
        let outputs = ports.map_or(&[][..], |ports| &ports.outputs);
        match wire.output.and_then(|output| outputs.get(output)) {
            Some(port) if outputs.len() > 1 => format!("{name}.{}", port.name),
            _ => name.clone(),
        }
    }

    /// The wires that end at each agent, in file order.
    pub(crate) fn arriving(&self) -> Vec<Vec<&Wire>> {
        let mut arriving: Vec<Vec<&Wire>> = self.agents.iter().map(|_| Vec::new()).collect();
        for wire in &self.wires {
            arriving[wire.to].push(wire);
        }
        arriving
    }

    /// Reports one shortest cycle of each knot of agents, what feeds back left out; true if there is none.
    /// Iterative searches: a chain may be as long as the file.
    pub(crate) fn check_cycles(&self, notes: &mut Notes<'_>) -> bool {
        let mut sound = true;
        for knot in kosaraju_scc(&self.forward) {
            let Some(first) = knot.iter().min().copied() else {
                continue;
            };
            if knot.len() > 1 || self.forward.contains_edge(first, first) {
                notes.fault(self.cycle(first));
                sound = false;
            }
        }
        sound
    }

    fn cycle(&self, first: NodeIndex) -> Fault {
        const SHOWN: usize = 4;
        let chain = self.way_back(first);
        let names: Vec<&str> = chain.iter().map(|wire| self.name(wire.from)).collect();
        let circle = format!("{} -> {}", names.join(" -> "), self.name(first.index()));
        let mut fault = Fault::new(codes::CYCLE, format!("the wires make a circle: {circle}"));
        // The last wire leads back to the first agent: it is the one to look at.
        for wire in chain.iter().rev().take(SHOWN) {
            let text = format!("{} -> {}", self.name(wire.from), self.name(wire.to));
            fault = fault.label(wire.span, text);
        }
        let help = chain.last().map(|wire| {
            let from = self.reference(wire);
            format!(
                "take one of these wires out, or let one feed back: \
                 {{ from = \"{from}\", feedback = true, rounds = 5 }}"
            )
        });
        fault.maybe_help(help)
    }

    /// Reports wires that say they feed back, though no other wires lead from their consumer to their producer:
    /// their input would wait for a cycle that is none.
    pub(crate) fn check_feedback(&self, notes: &mut Notes<'_>) {
        let mut knot_of = vec![0; self.agents.len()];
        for (nth, knot) in kosaraju_scc(&self.flow).into_iter().enumerate() {
            for node in knot {
                knot_of[node.index()] = nth;
            }
        }
        let closes = |wire: &&Wire| knot_of[wire.from] == knot_of[wire.to];
        let feedback = self.wires.iter().filter(|wire| wire.feedback.is_some());
        for wire in feedback.filter(|wire| !closes(wire)) {
            let (from, to) = (self.name(wire.from), self.name(wire.to));
            let message = format!("nothing leads from `{to}` back to `{from}`");
            let fault = Fault::new(codes::NO_CYCLE, message);
            let fault = fault.label(wire.span, "this edge closes no cycle");
            notes
                .fault(fault.help("take `feedback` and `rounds` out: it is a wire like any other"));
        }
    }

    /// The wires of a shortest way from an agent back to itself.
    fn way_back(&self, first: NodeIndex) -> Vec<&Wire> {
        let mut came: BTreeMap<NodeIndex, usize> = BTreeMap::new();
        let mut queue = std::collections::VecDeque::from([first]);
        while let Some(node) = queue.pop_front() {
            for edge in self.forward.edges(node) {
                came.entry(edge.target()).or_insert_with(|| {
                    queue.push_back(edge.target());
                    *edge.weight()
                });
            }
            if came.contains_key(&first) {
                break;
            }
        }
        let mut chain = Vec::new();
        let mut at = first;
        while let Some(wire) = came.get(&at).map(|wire| &self.wires[*wire]) {
            chain.push(wire);
            at = NodeIndex::new(wire.from);
            if at == first {
                break;
            }
        }
        chain.reverse();
        chain
    }

    /// The agents that an agent's messages can reach, itself not counted.
    pub(crate) fn fed_by(&self, agent: usize) -> BTreeSet<usize> {
        let mut fed = petgraph::visit::Dfs::new(&self.flow, NodeIndex::new(agent));
        let mut found = BTreeSet::new();
        while let Some(node) = fed.next(&self.flow) {
            found.insert(node.index());
        }
        found.remove(&agent);
        found
    }
}
