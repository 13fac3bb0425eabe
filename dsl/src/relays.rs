//! The ports of modules. In the graph each is a relay: what arrives at it goes on as it is, and is of the
//! port's type. The plan has none: its wires lead from agent to agent.

use std::collections::BTreeSet;

use crate::codes;
use crate::facts::Direction;
use crate::fault::{Fault, did_you_mean, list};
use crate::graph::{Graph, Wire};
use crate::notes::Notes;
use crate::scopes::{Scopes, Used};
use crate::span::At;
use crate::spec::{AgentSpec, ConfigSpec, GrantsSpec, Habits, InputSpec, ModuleSpec, PortSpec};
use crate::spec_module::MODULE;
use crate::spec_restart::Significant;
use crate::type_text::Expr;
use crate::wiring::check_twice;

/// A port of a module in use.
pub(crate) struct Relay {
    /// As an agent: what it reads, and where its type stands.
    pub(crate) spec: AgentSpec,
    /// The port's own name.
    pub(crate) port: String,
    pub(crate) side: Direction,
    pub(crate) ty: Option<Expr>,
    /// The scope that it is a port of.
    pub(crate) module: usize,
    /// The scope in which what it reads is named: that of the user, or the module's own.
    pub(crate) scope: usize,
    /// Something is wired to an input of the module that it does not have: it may be this one.
    pub(crate) unsure: bool,
    /// As those call it that write to it: `audit.text` from outside, `module.found` from inside.
    pub(crate) reader: String,
    /// As those call it that read it: `module.text` from inside, `audit.found` from outside.
    pub(crate) writer: String,
}

/// The ports of all modules.
pub(crate) fn relays(scopes: &Scopes<'_>, notes: &mut Notes<'_>) -> Vec<Relay> {
    let mut relays = Vec::new();
    for (at, scope) in scopes.all.iter().enumerate() {
        let Some(module) = &scopes.unit(at).spec.module else { continue };
        let id = scope.used.map_or(MODULE, |used| used.spec.name.value.as_str());
        let (wired, unsure) = match scope.used {
            Some(used) => wired(used, module, notes),
            None => (module.inputs.iter().map(|_| Vec::new()).collect(), false),
        };
        for (port, inputs) in module.inputs.iter().zip(wired) {
            relays.push(Relay {
                scope: scope.used.map_or(at, |used| used.by),
                reader: format!("{id}.{}", port.name.value),
                writer: format!("{MODULE}.{}", port.name.value),
                unsure,
                ..relay(port, (at, Direction::Input), inputs)
            });
        }
        for port in &module.outputs {
            let input = InputSpec { port: None, edges: port.from.clone(), span: port.from_span };
            relays.push(Relay {
                scope: at,
                reader: format!("{MODULE}.{}", port.name.value),
                writer: format!("{id}.{}", port.name.value),
                ..relay(port, (at, Direction::Output), vec![input])
            });
        }
    }
    relays
}

fn relay(port: &PortSpec, (module, side): (usize, Direction), inputs: Vec<InputSpec>) -> Relay {
    let name = port.name.value.clone();
    let span = port.ty.as_ref().map_or(port.name.span, |ty| ty.span);
    Relay {
        spec: AgentSpec {
            name: At::new(name.clone(), span),
            actor: None,
            sha256: None,
            inputs,
            outputs: Vec::new(),
            config: ConfigSpec::Absent,
            grants: GrantsSpec::default(),
            habits: Habits::default(),
            significant: Significant::No,
        },
        port: name,
        side,
        ty: port.ty.as_ref().map(|ty| ty.value.clone()),
        module,
        scope: module,
        unsure: false,
        reader: String::new(),
        writer: String::new(),
    }
}

/// What the user of a module wires to each of its inputs, and whether there is more than that.
fn wired(
    used: Used<'_>,
    module: &ModuleSpec,
    notes: &mut Notes<'_>,
) -> (Vec<Vec<InputSpec>>, bool) {
    let mut wired: Vec<Vec<InputSpec>> = module.inputs.iter().map(|_| Vec::new()).collect();
    let names: Vec<&str> = module.inputs.iter().map(|port| port.name.value.as_str()).collect();
    let mut unsure = false;
    for input in &used.spec.inputs {
        let at = match &input.port {
            Some(port) => names.iter().position(|name| *name == port.value),
            None if names.len() == 1 => Some(0),
            None => names.iter().position(|name| *name == "in"),
        };
        if let Some(wires) = at.and_then(|at| wired.get_mut(at)) {
            wires.push(InputSpec { port: None, ..input.clone() });
        } else {
            unsure = true;
            notes.fault(no_input(&used.spec.name.value, input, &names));
        }
    }
    (wired, unsure)
}

fn no_input(id: &str, input: &InputSpec, names: &[&str]) -> Fault {
    let Some(port) = &input.port else {
        let has = count(names, "input");
        let message = format!("module `{id}` has {has}: say which one is wired");
        let fault = Fault::new(codes::BAD_REFERENCE, message).label(input.span, "to which?");
        return fault.help("write inputs = { <input> = \"<agent>.<output>\" }");
    };
    let message = format!("module `{id}` has no input `{}`", port.value);
    let fault = Fault::new(codes::UNKNOWN_PORT, message).label(port.span, "unknown input");
    let help = did_you_mean(&port.value, names.iter().copied());
    fault.maybe_help(help.or_else(|| Some(format!("it has {}", count(names, "input")))))
}

/// "no outputs", "2 inputs (`a` and `b`)".
pub(crate) fn count(names: &[&str], what: &str) -> String {
    match names.len() {
        0 => format!("no {what}s"),
        1 => format!("one {what}, {}", list(names)),
        n => format!("{n} {what}s ({})", list(names)),
    }
}

/// The wires of a graph from agent to agent, in file order: those that lead through relays are made one.
/// Where two ways lead from one output to one input, it is read twice, which is a fault.
pub(crate) fn without_relays(graph: &Graph<'_>, notes: &mut Notes<'_>) -> Vec<Wire> {
    if graph.agents.iter().all(|agent| agent.relay.is_none()) {
        return graph.wires.clone();
    }
    let arriving = graph.arriving();
    let is_relay = |at: usize| graph.agents[at].relay.is_some();
    let mut wires = Vec::new();
    for last in graph.wires.iter().filter(|wire| !is_relay(wire.to)) {
        let mut seen = BTreeSet::from([last.from]);
        let relay = is_relay(last.from).then_some(last.from);
        let mut ways = vec![Wire { relay, ..last.clone() }];
        while let Some(way) = ways.pop() {
            if !is_relay(way.from) {
                wires.push(way);
                continue;
            }
            for first in arriving[way.from].iter().rev() {
                if !is_relay(first.from) || seen.insert(first.from) {
                    let feedback = match (first.feedback, way.feedback) {
                        (Some(one), Some(other)) => Some(one.min(other)),
                        (one, other) => one.or(other),
                    };
                    ways.push(Wire {
                        from: first.from,
                        output: first.output,
                        feedback,
                        ..way.clone()
                    });
                }
            }
        }
    }
    // Where a module's port reads twice, so do all behind it.
    if notes.has(codes::TWICE) == 0 {
        check_twice(&wires, &graph.agents, notes);
    }
    wires
}
