//! From `inputs` to wires.

use std::collections::{BTreeMap, BTreeSet};

use crate::codes;
use crate::fault::{Fault, did_you_mean};
use crate::graph::{Agent, Port, Wire};
use crate::notes::Notes;
use crate::span::At;
use crate::spec::InputSpec;

/// Every wire of the file. A wire whose port is not known stays, with that end open, so that cycles are
/// found all the same; one whose producer is not known is left out.
pub(crate) fn wires(agents: &[Agent<'_>], notes: &mut Notes<'_>) -> Vec<Wire> {
    let named = agents.iter().enumerate().map(|(at, agent)| (agent.spec.name.value.as_str(), at));
    let by_name: BTreeMap<&str, usize> = named.collect();
    let mut wires = Vec::new();
    for (to, agent) in agents.iter().enumerate() {
        for input in &agent.spec.inputs {
            let port = consumer_port(agent, input, notes);
            for edge in &input.edges {
                if let Some((from, output)) = producer(&edge.from, agents, &by_name, notes) {
                    let (span, feedback) = (edge.from.span, edge.feedback);
                    wires.push(Wire { from, output, to, input: port, feedback, span });
                }
            }
        }
    }
    check_twice(&wires, agents, notes);
    wires
}

fn consumer_port(agent: &Agent<'_>, input: &InputSpec, notes: &mut Notes<'_>) -> Option<usize> {
    let ports = agent.ports.as_ref()?;
    let Some(name) = &input.port else {
        let found = the_one(&ports.inputs, "in");
        if found.is_none() {
            let message = format!(
                "agent `{}` has {}: say which one is wired",
                agent.spec.name.value,
                count(&ports.inputs, "input")
            );
            let fault = Fault::new(codes::BAD_REFERENCE, message).label(input.span, "to which?");
            notes.fault(fault.help("write inputs = { <input> = \"<agent>.<output>\" }"));
        }
        return found;
    };
    let found = position(&ports.inputs, &name.value);
    if found.is_none() {
        notes.fault(unknown_port("input", agent, name, &ports.inputs));
    }
    found
}

/// The agent and, if they are known, the output that a reference names.
fn producer(
    reference: &At<String>,
    agents: &[Agent<'_>],
    by_name: &BTreeMap<&str, usize>,
    notes: &mut Notes<'_>,
) -> Option<(usize, Option<usize>)> {
    let (name, port) = match reference.value.split_once('.') {
        None => (reference.value.as_str(), None),
        Some((name, port)) => (name, Some(port)),
    };
    if name.is_empty() || port.is_some_and(|port| port.is_empty() || port.contains('.')) {
        let message = format!("`{}` is not a reference to an output", reference.value);
        let fault = Fault::new(codes::BAD_REFERENCE, message).label(reference.span, "here");
        notes.fault(fault.help("write \"<agent>\" or \"<agent>.<output>\""));
        return None;
    }
    let Some(at) = by_name.get(name).copied() else {
        if notes.enough(codes::UNKNOWN_AGENT) {
            return None;
        }
        let fault = Fault::new(codes::UNKNOWN_AGENT, format!("there is no agent `{name}`"));
        let help = did_you_mean(name, by_name.keys().copied());
        notes.fault(fault.label(reference.span, "unknown agent").maybe_help(help));
        return None;
    };
    let agent = agents.get(at)?;
    let Some(ports) = &agent.ports else {
        return Some((at, None));
    };
    let found = match port {
        Some(port) => position(&ports.outputs, port),
        None => the_one(&ports.outputs, "out"),
    };
    if found.is_none() {
        notes.fault(no_output(agent, port, reference, &ports.outputs));
    }
    Some((at, found))
}

fn no_output(
    agent: &Agent<'_>,
    port: Option<&str>,
    reference: &At<String>,
    outputs: &[Port],
) -> Fault {
    if let Some(port) = port {
        let port = At::new(port.to_owned(), reference.span);
        return unknown_port("output", agent, &port, outputs);
    }
    let name = &agent.spec.name.value;
    let message = format!("agent `{name}` has {}", count(outputs, "output"));
    let help = |port: &Port| format!("say which one is read, such as \"{name}.{}\"", port.name);
    Fault::new(codes::BAD_REFERENCE, message)
        .label(reference.span, "which output?")
        .maybe_help(outputs.first().map(help))
}

/// The port that a file need not name.
fn the_one(ports: &[Port], usual: &str) -> Option<usize> {
    match ports {
        [_] => Some(0),
        _ => position(ports, usual),
    }
}

fn position(ports: &[Port], name: &str) -> Option<usize> {
    ports.iter().position(|port| port.name == name)
}

/// "no outputs", "3 inputs (`a`, `b` and `c`)".
fn count(ports: &[Port], what: &str) -> String {
    let names: Vec<&str> = ports.iter().map(|port| port.name.as_str()).collect();
    match names.len() {
        0 => format!("no {what}s"),
        1 => format!("one {what}, {}", crate::fault::list(&names)),
        n => format!("{n} {what}s ({})", crate::fault::list(&names)),
    }
}

/// The fault for a port that the actor does not have.
pub(crate) fn unknown_port(
    side: &str,
    agent: &Agent<'_>,
    name: &At<String>,
    ports: &[Port],
) -> Fault {
    let message = format!("agent `{}` has no {side} `{}`", agent.spec.name.value, name.value);
    let help = did_you_mean(&name.value, ports.iter().map(|port| port.name.as_str()));
    Fault::new(codes::UNKNOWN_PORT, message)
        .label(name.span, format!("unknown {side}"))
        .maybe_help(help.or_else(|| Some(format!("it has {}", count(ports, side)))))
}

fn check_twice(wires: &[Wire], agents: &[Agent<'_>], notes: &mut Notes<'_>) {
    let mut seen = BTreeMap::new();
    for wire in wires {
        let (Some(output), Some(input)) = (wire.output, wire.input) else {
            continue;
        };
        let first = *seen.entry((wire.from, output, wire.to, input)).or_insert(wire.span);
        if first != wire.span {
            let message = format!(
                "agent `{}` reads the same output of `{}` twice",
                agents[wire.to].spec.name.value, agents[wire.from].spec.name.value
            );
            let fault = Fault::new(codes::TWICE, message).label(wire.span, "again");
            notes.fault(fault.label(first, "first here"));
        }
    }
}

/// Inputs that nobody feeds though they are needed, and outputs that nobody reads.
pub(crate) fn check_open_ends(
    agents: &[Agent<'_>],
    wires: &[Wire],
    dead_letter: Option<usize>,
    notes: &mut Notes<'_>,
) {
    let read: BTreeSet<(usize, usize)> =
        wires.iter().filter_map(|wire| Some((wire.from, wire.output?))).collect();
    // After a reference that leads nowhere, an unread output may be the one that was meant.
    let clear = [codes::UNKNOWN_AGENT, codes::BAD_REFERENCE, codes::UNKNOWN_PORT]
        .into_iter()
        .all(|code| notes.has(code) == 0);
    let clear = clear && wires.iter().all(|wire| wire.output.is_some());
    for (at, agent) in agents.iter().enumerate() {
        let Some(ports) = &agent.ports else { continue };
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
}
