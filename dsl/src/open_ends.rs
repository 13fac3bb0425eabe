//! Inputs that nobody feeds though they are needed, and outputs that nobody reads.

use std::collections::BTreeSet;

use crate::codes;
use crate::facts::Direction;
use crate::fault::Fault;
use crate::graph::{Agent, Graph, Port, Wire};
use crate::notes::Notes;
use crate::relays::Relay;
use crate::scopes::Scopes;
use crate::wiring::{position, the_one};

/// Reports them.
pub(crate) fn check(
    graph: &Graph<'_>,
    scopes: &Scopes<'_>,
    dead_letter: Option<usize>,
    notes: &mut Notes<'_>,
) {
    let read: BTreeSet<(usize, usize)> =
        graph.wires.iter().filter_map(|wire| Some((wire.from, wire.output?))).collect();
    // After a reference that leads nowhere, an unread output may be the one that was meant.
    let clear = [codes::UNKNOWN_AGENT, codes::BAD_REFERENCE, codes::UNKNOWN_PORT, codes::INSIDE]
        .into_iter()
        .all(|code| notes.has(code) == 0);
    let known = graph.wires.iter().all(|wire| wire.output.is_some()) && scopes.are_known();
    let clear = clear && known;
    let arriving = graph.arriving();
    let needs = Needs::new(graph, &arriving);
    for (at, agent) in graph.agents.iter().enumerate() {
        let Some(ports) = &agent.ports else { continue };
        if let Some(relay) = agent.relay {
            if agent.spec.inputs.is_empty() && !relay.unsure && needs.relay(at) {
                check_fed(relay, scopes, notes);
            }
            if clear && !read.contains(&(at, 0)) && !is_optional(&arriving[at], graph) {
                unread(relay, scopes, notes);
            }
            continue;
        }
        if dead_letter != Some(at) {
            check_inputs(agent, &ports.inputs, notes);
        }
        for (output, port) in ports.outputs.iter().enumerate() {
            if clear && !port.optional && !read.contains(&(at, output)) {
                notes.fault(unused(agent, port));
            }
        }
    }
}

/// Which ports of modules must be fed.
struct Needs {
    relays: BTreeSet<usize>,
}

impl Needs {
    /// A module's input must be fed if one of its agents would have an input that nothing feeds.
    fn new(graph: &Graph<'_>, arriving: &[Vec<&Wire>]) -> Self {
        let mut relays = BTreeSet::new();
        if graph.agents.iter().all(|agent| agent.relay.is_none()) {
            return Self { relays };
        }
        // Those that need something come first, then the relays that feed them, and so on up.
        let mut next: Vec<usize> = Vec::new();
        for (to, agent) in graph.agents.iter().enumerate() {
            let Some(ports) = agent.ports.as_ref().filter(|_| agent.relay.is_none()) else {
                continue;
            };
            let needed = ports.inputs.iter().enumerate().filter(|(_, port)| !port.optional);
            for (input, _) in needed {
                let mut feeding = arriving[to].iter().filter(|wire| wire.input == Some(input));
                if let (Some(only), None) = (feeding.next(), feeding.next()) {
                    next.push(only.from);
                }
            }
        }
        while let Some(at) = next.pop() {
            if graph.agents[at].relay.is_none() || !relays.insert(at) {
                continue;
            }
            if let [only] = arriving[at].as_slice() {
                next.push(only.from);
            }
        }
        Self { relays }
    }

    fn relay(&self, at: usize) -> bool {
        self.relays.contains(&at)
    }
}

/// A port of a module that nobody feeds.
fn check_fed(relay: &Relay, scopes: &Scopes<'_>, notes: &mut Notes<'_>) {
    let Some(used) = scopes.all[relay.module].used else { return };
    if relay.side == Direction::Output {
        return; // It is without `from`, which was said.
    }
    let (id, port) = (&used.spec.name, &relay.port);
    let message = format!("nothing feeds input `{port}` of module `{}`", id.value);
    let fault = Fault::new(codes::UNWIRED, message).label(id.span, "this module");
    notes.fault(fault.help(format!("write inputs = {{ {port} = \"<agent>\" }}")));
}

/// Whether a module's output gives only what need not be read.
fn is_optional(wires: &[&Wire], graph: &Graph<'_>) -> bool {
    let optional = |wire: &&Wire| {
        let ports = graph.agents[wire.from].ports.as_ref();
        let port = ports.zip(wire.output).and_then(|(ports, output)| ports.outputs.get(output));
        port.is_some_and(|port| port.optional)
    };
    !wires.is_empty() && wires.iter().all(optional)
}

fn unread(relay: &Relay, scopes: &Scopes<'_>, notes: &mut Notes<'_>) {
    let span = match (relay.side, scopes.all[relay.module].used) {
        (Direction::Input, _) => relay.spec.name.span,
        (Direction::Output, Some(used)) => used.spec.name.span,
        (Direction::Output, None) => return,
    };
    let message = format!("nothing reads `{}`", relay.writer);
    let fault = Fault::new(codes::UNUSED_OUTPUT, message).warning();
    notes.fault(fault.label(span, "its messages are dropped"));
}

fn check_inputs(agent: &Agent<'_>, ports: &[Port], notes: &mut Notes<'_>) {
    let wired: Option<BTreeSet<usize>> = agent
        .spec
        .inputs
        .iter()
        .map(|input| match &input.port {
            Some(port) => position(ports, &port.value),
            None => the_one(ports, "in"),
        })
        .collect();
    // An unknown input was said already; that the right one is unwired would be the same again.
    let Some(wired) = wired else { return };
    let open = ports.iter().enumerate().filter(|(at, port)| !port.optional && !wired.contains(at));
    for (_, port) in open {
        let name = &agent.spec.name.value;
        let message = format!("nothing feeds input `{}` of agent `{name}`", port.name);
        let fault = Fault::new(codes::UNWIRED, message).label(agent.spec.name.span, "this agent");
        let help = match port.name.as_str() {
            "in" => "write inputs = \"<agent>\"".to_owned(),
            port => format!("write inputs = {{ {port} = \"<agent>\" }}"),
        };
        notes.fault(fault.help(help));
    }
}

fn unused(agent: &Agent<'_>, port: &Port) -> Fault {
    let message = format!("nothing reads `{}.{}`", agent.spec.name.value, port.name);
    Fault::new(codes::UNUSED_OUTPUT, message)
        .warning()
        .label(agent.spec.name.span, "its messages are dropped")
        .help(format!(
            "an agent reads it with inputs = \"{}.{}\"",
            agent.spec.name.value, port.name
        ))
}
