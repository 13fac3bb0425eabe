//! From [`AgentSpec`]s to the graph's agents: the actor, the config, the ports, the roots.

use std::collections::BTreeSet;

use theater_flow_kernel::ids::Digest;
use theater_flow_kernel::plan::Root;

use crate::codes;
use crate::config::{self, Config};
use crate::facts::{ActorFacts, ActorProblem, Direction, Need, PortFacts, PortsProblem};
use crate::fault::{Fault, did_you_mean, nearest};
use crate::foreign;
use crate::graph::{Agent, Port, Ports};
use crate::notes::Notes;
use crate::paths;
use crate::relays::Relay;
use crate::scopes::Scopes;
use crate::span::Span;
use crate::spec::{AgentSpec, ConfigSpec};
use crate::spec_module::MODULE;
use crate::tree::Node;
use crate::type_review::Review;
use crate::type_text::{self, Expr, Place};
use crate::values::Values;

/// Finds out what an agent of a scope is.
pub(crate) fn meet<'s, 'n: 's>(
    (spec, scope): (&'s AgentSpec, usize),
    scopes: &Scopes<'_>,
    (values, review): (&mut Values, &Review<'_>),
    notes: &mut Notes<'n>,
) -> Agent<'s> {
    let folder = notes.folder(spec.name.span.file);
    let actor = spec.actor.as_ref().and_then(|actor| full_name(&actor.value, folder));
    let facts = facts(spec, actor.as_deref(), notes);
    let config = match &spec.config {
        ConfigSpec::Absent => Some("{}".to_owned()),
        ConfigSpec::Table(config) => {
            values.config(scope, config, notes).map(|value| value.to_string())
        }
        ConfigSpec::Faulty => None,
    };
    let of = Config { spec, scope, values };
    let said = match (facts, &config) {
        (Some(facts), Some(config)) => said(of, facts, config, notes),
        _ => None,
    };
    let ports = said.and_then(|said| ports(spec, said, review, notes));
    let mut roots = |nodes: &[Node]| -> Vec<Root> {
        let root = |node| values.root(scope, node, notes).map(|(name, path)| Root { name, path });
        nodes.iter().filter_map(root).collect()
    };
    let (read, write) = (roots(&spec.grants.read), roots(&spec.grants.write));
    let actor = actor.unwrap_or_default();
    let (name, unit) = (scopes.full(scope, &spec.name.value), scopes.all[scope].unit);
    Agent { spec, name, scope, unit, relay: None, actor, facts, config, ports, read, write }
}

/// The port of a module as an agent.
pub(crate) fn relay<'s>(relay: &'s Relay, scopes: &Scopes<'_>) -> Agent<'s> {
    let ports = relay.ty.as_ref().map(|ty| {
        let port = |name: &str| Port {
            name: name.to_owned(),
            expr: ty.clone(),
            said: String::new(),
            optional: false,
        };
        Ports { inputs: vec![port("in")], outputs: vec![port("out")] }
    });
    let inside = format!("{MODULE}.{}", relay.port);
    let name = match scopes.path(relay.module) {
        "" => inside,
        path => format!("{path}.{}", relay.port),
    };
    Agent {
        spec: &relay.spec,
        name,
        scope: relay.scope,
        unit: scopes.all[relay.module].unit,
        relay: Some(relay),
        actor: String::new(),
        facts: None,
        config: None,
        ports,
        read: Vec::new(),
        write: Vec::new(),
    }
}

/// `std/<name>` as it is, a path made absolute; `None` for what is neither.
fn full_name(actor: &str, folder: &str) -> Option<String> {
    if actor.starts_with("std/") {
        return Some(actor.to_owned());
    }
    let is_path = actor.contains('/')
        || std::path::Path::new(actor).extension().is_some_and(|end| end == "wasm");
    is_path.then(|| paths::absolute(folder, actor))
}

fn facts<'a>(
    spec: &AgentSpec,
    actor: Option<&str>,
    notes: &mut Notes<'a>,
) -> Option<&'a ActorFacts> {
    let span = spec.actor.as_ref()?.span;
    let Some(actor) = actor else {
        notes.fault(unknown_actor(spec, notes));
        return None;
    };
    let facts = notes.facts;
    match facts.actors.get(actor) {
        None => notes.need(Need::Actor(actor.to_owned())),
        Some(Ok(facts)) => {
            check_pin(spec, facts.file, notes);
            return Some(facts);
        }
        Some(Err(ActorProblem::NotFound)) => notes.fault(unknown_actor(spec, notes)),
        Some(Err(problem)) => {
            let reason = match problem {
                ActorProblem::Unreadable(reason) => format!("cannot be read: {reason}"),
                ActorProblem::WrongWorld(reason) => format!("is not an actor: {reason}"),
                ActorProblem::NotAComponent(reason) => {
                    format!("is not a WebAssembly component: {reason}")
                }
                ActorProblem::NotFound => String::new(),
            };
            let fault = Fault::new(codes::BAD_COMPONENT, format!("`{actor}` {reason}"));
            notes.fault(fault.label(span, "this actor"));
        }
    }
    None
}

fn unknown_actor(spec: &AgentSpec, notes: &Notes<'_>) -> Fault {
    let (name, span) = match &spec.actor {
        Some(actor) => (actor.value.as_str(), actor.span),
        None => ("", spec.name.span),
    };
    let std = notes.facts.std.iter().map(String::as_str);
    let path = full_name(name, notes.folder(span.file)).filter(|_| !name.starts_with("std/"));
    let with_std = format!("std/{name}");
    let help = if notes.facts.std.contains(&with_std) {
        Some(format!("did you mean `{with_std}`?"))
    } else if name.contains("://") {
        Some("an actor is a file here: fetch it, and name its path".to_owned())
    } else if path.is_some() {
        Some("relative paths are against the pipeline file's folder".to_owned())
    } else {
        let called =
            foreign::actor_called(name).filter(|called| std.clone().any(|it| it == *called));
        let called = called.map(|called| format!("here it is `{called}`"));
        let listed = || Some("`theater-flow actors` lists them, and what they do".to_owned());
        // Others write a version behind the name; here `sha256` says which one it is.
        let plain = name.split('@').next().unwrap_or_default();
        nearest(plain, std.clone()).or(called).or_else(|| did_you_mean(name, std)).or_else(listed)
    };
    let what = if name.starts_with("std/") {
        format!("there is no actor `{name}`")
    } else if let Some(path) = path.filter(|_| !name.contains("://")) {
        format!("there is no file {path}")
    } else {
        format!("`{name}` is neither `std/<name>` nor the path of a component")
    };
    Fault::new(codes::UNKNOWN_ACTOR, what).label(span, "unknown actor").maybe_help(help)
}

/// `found` is the digest of the file as it is, so that a user can compute what to pin.
fn check_pin(spec: &AgentSpec, found: Digest, notes: &mut Notes<'_>) {
    let Some(pin) = spec.sha256.as_ref().filter(|pin| pin.value != found) else {
        return;
    };
    let fault = Fault::new(codes::PIN, "the component is not the one that `sha256` pins");
    let help = format!("if the new component is to be trusted: sha256 = \"{found}\"");
    notes.fault(fault.label(pin.span, "pinned here").help(help));
}

/// What the actor says of its ports for this config, if that fits its schema too.
fn said<'a>(
    of: Config<'_>,
    facts: &ActorFacts,
    config: &str,
    notes: &mut Notes<'a>,
) -> Option<&'a [PortFacts]> {
    let known = notes.facts;
    let Some(answer) = known.ports.get(&(facts.digest, config.to_owned())) else {
        notes.need(Need::Ports { component: facts.digest, config: config.to_owned() });
        return None;
    };
    let slips = config::slips(of.spec, facts, config, notes)?;
    match answer {
        Ok(ports) if slips.is_empty() => return Some(ports),
        Ok(_) => config::tell(of, &slips, &[], notes),
        Err(PortsProblem::Config(faults)) => config::tell(of, &slips, faults, notes),
        // An actor may stumble over what its schema forbids: then that is what to mend.
        Err(PortsProblem::Crashed(_)) if !slips.is_empty() => {
            config::tell(of, &slips, &[], notes);
        }
        Err(PortsProblem::Crashed(reason)) => {
            let span = actor_span(of.spec);
            let message = format!("the actor failed when asked for its ports: {reason}");
            notes.fault(Fault::new(codes::BAD_COMPONENT, message).label(span, "this actor"));
        }
    }
    None
}

/// The actor's word on its ports, checked: an actor is code that somebody wrote, too.
fn ports(
    spec: &AgentSpec,
    said: &[PortFacts],
    review: &Review<'_>,
    notes: &mut Notes<'_>,
) -> Option<Ports> {
    let span = actor_span(spec);
    let mut names = BTreeSet::new();
    let mut ports = Ports { inputs: Vec::new(), outputs: Vec::new() };
    for port in said {
        let problem = match port_type(&port.ty, span, review) {
            Err(problem) => problem,
            Ok(_) if port.name.is_empty() || port.name.contains('.') => {
                "the name is empty or holds a dot".to_owned()
            }
            Ok(_) if !names.insert((port.direction == Direction::Input, &port.name)) => {
                "there are two of this name".to_owned()
            }
            Ok(expr) => {
                let side = match port.direction {
                    Direction::Input => &mut ports.inputs,
                    Direction::Output => &mut ports.outputs,
                };
                let (name, said) = (port.name.clone(), port.ty.clone());
                side.push(Port { name, expr, said, optional: port.optional });
                continue;
            }
        };
        let message = format!("the actor's port `{}` makes no sense: {problem}", port.name);
        notes.fault(Fault::new(codes::ACTOR_PORTS, message).label(span, "this actor"));
        return None;
    }
    Some(ports)
}

fn port_type(text: &str, span: Span, review: &Review<'_>) -> Result<Expr, String> {
    let expr = type_text::parse(text, Place::Within(span)).map_err(|fault| fault.message)?;
    if let Some(name) = review.unknown_name(&expr) {
        return Err(format!("there is no type `{name}`"));
    }
    if review.refuses(&expr) {
        return Err(format!("`{text}` holds an option of an option or of json"));
    }
    Ok(expr)
}

fn actor_span(spec: &AgentSpec) -> Span {
    spec.actor.as_ref().map_or(spec.name.span, |actor| actor.span)
}
