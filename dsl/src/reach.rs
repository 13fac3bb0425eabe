//! Whether messages can come to every agent.

use petgraph::algo::kosaraju_scc;
use petgraph::graph::NodeIndex;

use crate::codes;
use crate::facts::ActorFacts;
use crate::fault::{Fault, list};
use crate::graph::{Agent, Graph};
use crate::notes::Notes;

/// Interfaces by which an agent gets to work though no message came.
const WAKING: [&str; 2] = ["stdin", "timer"];

/// Warns of agents that only feed one another: no message can ever begin there. Those behind them are
/// not named, since what mends the one mends the other.
pub(crate) fn check(graph: &Graph<'_>, dead_letter: Option<usize>, notes: &mut Notes<'_>) {
    // After a reference that leads nowhere, that may be the wire that was meant.
    let unclear = [codes::UNKNOWN_AGENT, codes::BAD_REFERENCE, codes::UNKNOWN_PORT, codes::UNWIRED];
    if unclear.into_iter().any(|code| notes.has(code) > 0) {
        return;
    }
    let knots = kosaraju_scc(&graph.flow);
    let mut knot_of = vec![0; graph.agents.len()];
    for (nth, knot) in knots.iter().enumerate() {
        for node in knot {
            knot_of[node.index()] = nth;
        }
    }
    let mut fed = vec![false; knots.len()];
    for wire in &graph.wires {
        fed[knot_of[wire.to]] |= knot_of[wire.from] != knot_of[wire.to];
    }
    for (nth, knot) in knots.iter().enumerate() {
        let alone = |node: &NodeIndex| !graph.flow.contains_edge(*node, *node);
        let begins = |node: &NodeIndex| {
            dead_letter == Some(node.index()) || wakes(&graph.agents[node.index()])
        };
        let is_source = knot.len() == 1 && knot.iter().all(alone);
        if !fed[nth]
            && !is_source
            && !knot.iter().any(begins)
            && let Some(fault) = unreached(graph, knot)
        {
            notes.fault(fault);
        }
    }
}

/// Whether the agent may get to work by itself; one that is not known may, a module's port does not.
fn wakes(agent: &Agent<'_>) -> bool {
    let wakes = |facts: &ActorFacts| {
        facts.imports.iter().any(|import| WAKING.contains(&import.interface.as_str()))
    };
    agent.relay.is_none() && agent.facts.is_none_or(wakes)
}

/// `None` if there are only ports of modules in it, which do nothing by themselves.
fn unreached(graph: &Graph<'_>, knot: &[NodeIndex]) -> Option<Fault> {
    const NAMED: usize = 5;
    let mut agents: Vec<usize> = knot.iter().map(|node| node.index()).collect();
    agents.retain(|agent| graph.agents[*agent].relay.is_none());
    agents.sort_unstable();
    let names: Vec<&str> = agents.iter().map(|agent| graph.name(*agent)).collect();
    let message = match names.as_slice() {
        [] => return None,
        [one] => format!("no message can ever come to `{one}`: it feeds only itself"),
        few if few.len() <= NAMED => {
            format!("no message can ever come to {}: they feed only one another", list(few))
        }
        many => format!(
            "no message can ever come to `{}` and {} other agents: they feed only one another",
            many[0],
            many.len() - 1
        ),
    };
    let fault = Fault::new(codes::UNREACHED, message).warning();
    let span = graph.agents[agents[0]].spec.name.span;
    Some(fault.label(span, "begin here, for instance").help(
        "wire an agent from outside the circle to one inside: \
         inputs = [\"<agent>\", { from = \"…\", feedback = true, rounds = 5 }]",
    ))
}
