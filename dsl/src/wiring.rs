//! From `inputs` to wires.

use std::collections::BTreeMap;

use crate::codes;
use crate::facts::Direction;
use crate::fault::{Fault, did_you_mean};
use crate::graph::{Agent, Port, Wire};
use crate::notes::Notes;
use crate::relays;
use crate::scopes::{Scopes, inside, into_module};
use crate::span::{At, Span};
use crate::spec::InputSpec;
use crate::spec_module::MODULE;

/// Every wire of the files. A wire whose port is not known stays, with that end open, so that cycles are
/// found all the same; one whose producer is not known is left out.
pub(crate) fn wires(agents: &[Agent<'_>], scopes: &Scopes<'_>, notes: &mut Notes<'_>) -> Vec<Wire> {
    let names = Names::new(agents, scopes);
    let mut wires = Vec::new();
    for (to, agent) in agents.iter().enumerate() {
        for input in &agent.spec.inputs {
            let port = consumer_port(agent, input, notes);
            for edge in &input.edges {
                if let Some((from, output)) = names.producer(agent.scope, &edge.from, notes) {
                    let unit = scopes.all[agent.scope].unit;
                    let feedback = edge.feedback.filter(|_| {
                        let own = agents[from].relay.filter(|relay| relay.side == Direction::Input);
                        let outside = own.is_some_and(|relay| relay.module == agent.scope);
                        if outside {
                            notes.fault(from_outside(edge.from.span));
                        }
                        !outside
                    });
                    wires.push(Wire {
                        from,
                        output,
                        to,
                        input: port,
                        read_as: edge.ty.clone().map(|ty| (unit, ty)),
                        relay: None,
                        feedback,
                        span: edge.from.span,
                    });
                }
            }
        }
    }
    check_twice(&wires, agents, notes);
    wires
}

/// What comes into a module is fed back or not where the module is used.
fn from_outside(span: Span) -> Fault {
    let message = "an input of the module closes no cycle: what comes in is not known here";
    let fault = Fault::new(codes::NO_CYCLE, message).label(span, "comes from outside");
    fault.help("take `feedback` and `rounds` out; the edge that closes a cycle is in the pipeline that uses the module")
}

fn consumer_port(agent: &Agent<'_>, input: &InputSpec, notes: &mut Notes<'_>) -> Option<usize> {
    let ports = agent.ports.as_ref()?;
    let Some(name) = &input.port else {
        let found = the_one(&ports.inputs, "in");
        if found.is_none() {
            notes.fault(no_input(agent, input, &ports.inputs));
        }
        return found;
    };
    let found = position(&ports.inputs, &name.value);
    if found.is_none() {
        notes.fault(unknown_port("input", agent, name, &ports.inputs));
    }
    found
}

fn no_input(agent: &Agent<'_>, input: &InputSpec, inputs: &[Port]) -> Fault {
    let name = &agent.spec.name.value;
    let has = count(inputs, "input");
    if inputs.is_empty() {
        let fault = Fault::new(codes::BAD_REFERENCE, format!("agent `{name}` has {has}"));
        let fault = fault.label(input.span, "its actor takes no messages");
        return fault.help("take `inputs` out");
    }
    let message = format!("agent `{name}` has {has}: say which one is wired");
    let fault = Fault::new(codes::BAD_REFERENCE, message).label(input.span, "to which?");
    fault.help("write inputs = { <input> = \"<agent>.<output>\" }")
}

/// Who writes, by scope and name.
struct Names<'a> {
    agents: &'a [Agent<'a>],
    scopes: &'a Scopes<'a>,
    by_name: Vec<BTreeMap<&'a str, Producer>>,
    /// The ports of each module in use: its inputs, which its agents read, and its outputs.
    inputs: Vec<Vec<usize>>,
    outputs: Vec<Vec<usize>>,
}

/// What a name stands for where a producer is named.
#[derive(Clone, Copy)]
enum Producer {
    Agent(usize),
    /// A module, by its scope, if it is known.
    Module(Option<usize>),
    /// The module itself, for those in it.
    Own,
}

impl<'a> Names<'a> {
    fn new(agents: &'a [Agent<'a>], scopes: &'a Scopes<'a>) -> Self {
        let mut by_name: Vec<BTreeMap<&str, Producer>> = Vec::with_capacity(scopes.all.len());
        for (at, scope) in scopes.all.iter().enumerate() {
            let spec = &scopes.unit(at).spec;
            let own = spec.module.as_ref().map(|_| (MODULE, Producer::Own));
            let uses = spec.uses.iter().zip(&scope.uses);
            let uses = uses.map(|(spec, to)| (spec.name.value.as_str(), Producer::Module(*to)));
            by_name.push(own.into_iter().chain(uses).collect());
        }
        let none = || vec![Vec::new(); scopes.all.len()];
        let (mut inputs, mut outputs) = (none(), none());
        for (at, agent) in agents.iter().enumerate() {
            match agent.relay {
                None => {
                    let name = agent.spec.name.value.as_str();
                    by_name[agent.scope].entry(name).or_insert(Producer::Agent(at));
                }
                Some(relay) if relay.side == Direction::Input => inputs[relay.module].push(at),
                Some(relay) => outputs[relay.module].push(at),
            }
        }
        Self { agents, scopes, by_name, inputs, outputs }
    }

    /// The agent and, if they are known, the output that a reference names.
    fn producer(
        &self,
        scope: usize,
        reference: &At<String>,
        notes: &mut Notes<'_>,
    ) -> Option<(usize, Option<usize>)> {
        let (name, port) = match reference.value.split_once('.') {
            None => (reference.value.as_str(), None),
            Some((name, port)) => (name, Some(port)),
        };
        if name.is_empty() || port.is_some_and(|port| port.is_empty() || port.contains('.')) {
            if let Some(Producer::Module(_)) = self.by_name[scope].get(name) {
                notes.fault(into_module(&reference.value, name, reference.span));
                return None;
            }
            let message = format!("`{}` is not a reference to an output", reference.value);
            let fault = Fault::new(codes::BAD_REFERENCE, message).label(reference.span, "here");
            let usual = || "write \"<agent>\" or \"<agent>.<output>\"".to_owned();
            let meant = meant(&reference.value, &self.by_name[scope]);
            notes.fault(fault.help(meant.unwrap_or_else(usual)));
            return None;
        }
        let by_name = &self.by_name[scope];
        match by_name.get(name).copied() {
            Some(Producer::Agent(at)) => agent_output(at, self.agents, (port, reference), notes),
            Some(Producer::Module(module)) => {
                self.relay(&self.outputs[module?], (name, "output"), (port, reference), notes)
            }
            Some(Producer::Own) => {
                self.relay(&self.inputs[scope], (name, "input"), (port, reference), notes)
            }
            None => {
                if !notes.enough(codes::UNKNOWN_AGENT) {
                    notes.fault(self.unknown(scope, name, reference));
                }
                None
            }
        }
    }

    fn unknown(&self, scope: usize, name: &str, reference: &At<String>) -> Fault {
        let spec = &self.scopes.unit(scope).spec;
        inside(spec, name, reference.span).unwrap_or_else(|| {
            let fault = Fault::new(codes::UNKNOWN_AGENT, format!("there is no agent `{name}`"));
            let help = meant(&reference.value, &self.by_name[scope]);
            let help = help.or_else(|| did_you_mean(name, self.by_name[scope].keys().copied()));
            fault.label(reference.span, "unknown agent").maybe_help(help)
        })
    }

    /// The port of a module that a reference names.
    fn relay(
        &self,
        relays: &[usize],
        (module, side): (&str, &str),
        (port, reference): (Option<&str>, &At<String>),
        notes: &mut Notes<'_>,
    ) -> Option<(usize, Option<usize>)> {
        let name = |at: &usize| self.agents[*at].relay.map_or("", |relay| relay.port.as_str());
        let wanted = match (port, relays) {
            (Some(port), _) => port,
            (None, [only]) => name(only),
            (None, _) if side == "output" => "out",
            (None, _) => "in",
        };
        let found = relays.iter().find(|at| name(at) == wanted);
        if found.is_none() {
            let names: Vec<&str> = relays.iter().map(name).collect();
            let what =
                if module == MODULE { "this module".into() } else { format!("module `{module}`") };
            let has = relays::count(&names, side);
            notes.fault(match port {
                Some(port) => {
                    Fault::new(codes::UNKNOWN_PORT, format!("{what} has no {side} `{port}`"))
                        .label(reference.span, format!("unknown {side}"))
                        .maybe_help(did_you_mean(port, names.iter().copied()))
                        .maybe_help(Some(format!("it has {has}")))
                }
                None => Fault::new(codes::BAD_REFERENCE, format!("{what} has {has}"))
                    .label(reference.span, format!("which {side}?"))
                    .maybe_help(names.first().map(|first| {
                        format!("say which one is read, such as \"{module}.{first}\"")
                    })),
            });
        }
        found.map(|at| (*at, Some(0)))
    }
}

fn agent_output(
    at: usize,
    agents: &[Agent<'_>],
    (port, reference): (Option<&str>, &At<String>),
    notes: &mut Notes<'_>,
) -> Option<(usize, Option<usize>)> {
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

/// What was probably meant by a text that names no output, but in another way names some.
fn meant(text: &str, by_name: &BTreeMap<&str, Producer>) -> Option<String> {
    let parts = text.split([',', ' ', '|', '+', ';']).filter(|part| !part.is_empty());
    let mut names = Vec::new();
    for part in parts {
        let plain = part.trim_start_matches(['$', '@', '{', '(']).trim_end_matches(['}', ')']);
        let plain = plain.replace(['/', ':', '#'], ".");
        let plain = ["agents.", "steps.", "nodes."]
            .into_iter()
            .find_map(|prefix| plain.strip_prefix(prefix))
            .unwrap_or(&plain);
        let agent = plain.split('.').next().unwrap_or_default();
        let is_one = plain.matches('.').count() < 2 && !plain.ends_with('.');
        if plain == text || !is_one || !by_name.contains_key(agent) {
            return None;
        }
        names.push(format!("\"{plain}\""));
    }
    match names.as_slice() {
        [] => None,
        [only] => Some(format!("did you mean {only}?")),
        several => Some(format!("several producers are a list: [{}]", several.join(", "))),
    }
}

fn no_output(
    agent: &Agent<'_>,
    port: Option<&str>,
    reference: &At<String>,
    outputs: &[Port],
) -> Fault {
    if port == Some("*") && !outputs.is_empty() {
        let name = &agent.spec.name.value;
        let message = format!("`{name}.*` is not a reference to an output");
        let all = outputs.iter().map(|port| format!("\"{name}.{}\"", port.name));
        let help = format!("name them: [{}]", all.collect::<Vec<String>>().join(", "));
        return Fault::new(codes::BAD_REFERENCE, message).label(reference.span, "here").help(help);
    }
    if let Some(port) = port {
        let port = At::new(port.to_owned(), reference.span);
        return unknown_port("output", agent, &port, outputs);
    }
    let name = &agent.spec.name.value;
    let message = format!("agent `{name}` has {}", count(outputs, "output"));
    let fault = Fault::new(codes::BAD_REFERENCE, message);
    match outputs.first() {
        None => fault
            .label(reference.span, "its actor sends no messages")
            .help("name an agent that sends some"),
        Some(port) => fault
            .label(reference.span, "which output?")
            .help(format!("say which one is read, such as \"{name}.{}\"", port.name)),
    }
}

/// The port that a file need not name.
pub(crate) fn the_one(ports: &[Port], usual: &str) -> Option<usize> {
    match ports {
        [_] => Some(0),
        _ => position(ports, usual),
    }
}

pub(crate) fn position(ports: &[Port], name: &str) -> Option<usize> {
    ports.iter().position(|port| port.name == name)
}

fn count(ports: &[Port], what: &str) -> String {
    let names: Vec<&str> = ports.iter().map(|port| port.name.as_str()).collect();
    relays::count(&names, what)
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
    let help = match (name.value.as_str(), help) {
        ("from", Some(help)) => {
            Some(format!("{help}; the short form is inputs = \"<agent>.<output>\""))
        }
        (_, help) => help,
    };
    Fault::new(codes::UNKNOWN_PORT, message)
        .label(name.span, format!("unknown {side}"))
        .maybe_help(help.or_else(|| Some(format!("it has {}", count(ports, side)))))
}

/// Reports outputs that arrive at one input twice.
pub(crate) fn check_twice(wires: &[Wire], agents: &[Agent<'_>], notes: &mut Notes<'_>) {
    let mut seen = BTreeMap::new();
    for wire in wires {
        let (Some(output), Some(input)) = (wire.output, wire.input) else {
            continue;
        };
        let Some(first) = seen.insert((wire.from, output, wire.to, input), wire.span) else {
            continue;
        };
        let (to, from) = (&agents[wire.to], &agents[wire.from]);
        let what = match to.relay {
            Some(relay) => format!("`{}`", relay.reader),
            None => format!("agent `{}`", to.spec.name.value),
        };
        let message = match from.relay {
            Some(relay) => format!("{what} reads `{}` twice", relay.writer),
            None => format!("{what} reads the same output of `{}` twice", from.spec.name.value),
        };
        let fault = Fault::new(codes::TWICE, message);
        notes.fault(if first == wire.span {
            fault.label(wire.span, "by two ways through modules")
        } else {
            let fault = fault.label(wire.span, "again").label(first, "first here");
            fault.help("take one of them out")
        });
    }
}
