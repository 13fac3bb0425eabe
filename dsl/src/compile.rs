//! The stages in their order. Each goes on with what the one before could make out.

use std::collections::BTreeSet;

use petgraph::algo::toposort;
use theater_flow_kernel::ids::Digest;
use theater_flow_kernel::limits;
use theater_flow_kernel::plan::Plan;

use crate::agents;
use crate::assemble;
use crate::codes;
use crate::dead_letter;
use crate::facts::{Facts, Need, Source};
use crate::fault::{Fault, did_you_mean};
use crate::grants;
use crate::graph::{Agent, Graph};
use crate::notes::{File, Notes};
use crate::params;
use crate::reach;
use crate::solve::{PortTypes, Solver};
use crate::span::Span;
use crate::spec::Spec;
use crate::spec_file;
use crate::supervision;
use crate::tree;
use crate::type_review::Review;
use crate::type_table::Types;
use crate::values::Values;
use crate::wiring;

/// What a compilation came to.
#[derive(Clone, PartialEq, Debug)]
#[expect(clippy::large_enum_variant, reason = "there is one of it in a compilation")]
pub enum Outcome {
    /// Answer these, add the answers to the facts, compile again. Never empty; three or four rounds
    /// settle any file.
    Need(Vec<Need>),
    /// Nothing is left to ask.
    Done(Compiled),
}

/// A compiled file.
#[derive(Clone, PartialEq, Debug)]
pub struct Compiled {
    /// What runs. `None` if there is an error, or, in [`Mode::Check`](crate::Mode), if a value is not
    /// known.
    pub plan: Option<Plan>,
    /// Errors and warnings, in file order.
    pub faults: Vec<Fault>,
    /// The modules that were read, in the order in which they were met: where a [`Span`] has `file: n`,
    /// it is in the `n`-th, from 1.
    pub modules: Vec<Module>,
}

/// The file of a module.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Module {
    /// Its path as it would be given beside [`Source::name`], for display.
    pub name: String,
    /// Its absolute folder.
    pub folder: String,
    /// Its whole text.
    pub text: String,
}

/// Compiles a file with what is known of the world. Pure: the same arguments give the same outcome.
#[must_use]
pub fn compile(source: &Source<'_>, facts: &Facts) -> Outcome {
    let mut notes = Notes::new(*source, facts);
    let plan = stages(&mut notes);
    let needs = notes.take_needs();
    if needs.is_empty() {
        let plan = plan.filter(|_| notes.is_sound());
        let module = |file: &File<'_>| Module {
            name: file.name.clone(),
            folder: file.folder.clone(),
            text: file.text.to_owned(),
        };
        let modules = notes.files().iter().skip(1).map(module).collect();
        Outcome::Done(Compiled { plan, faults: notes.into_faults(), modules })
    } else {
        Outcome::Need(needs)
    }
}

fn stages(notes: &mut Notes<'_>) -> Option<Plan> {
    let size = notes.source.text.len() as u64;
    if size > limits::SOURCE_BYTES {
        let message = format!("the file is longer than {} bytes", limits::SOURCE_BYTES);
        notes.fault(Fault::new(codes::TOO_LARGE, message).label(Span::top(0), "here"));
        return None;
    }
    let entries = tree::parse(0, notes)?;
    let spec = spec_file::read(&entries, notes);
    if spec.agents.len() > limits::AGENTS || spec.types.len() > limits::TYPES {
        return None;
    }
    let supervisors = supervision::tree(&spec, notes);
    let review = Review::new(&spec.types);
    let types = Types::build(&review, &spec.types, notes);
    let types_are_sound = types.is_some();
    let mut types = types.unwrap_or_default();
    let mut values = params::params(&spec.params, &review, &mut types, notes);
    let graph = graph(&spec, &mut values, &review, notes);
    params::check_used(&spec.params, &values, notes);
    check_channels(&spec, &graph, notes);
    grants::check_same_file(&graph.agents, notes);
    let letters = dead_letter::find(spec.dead_letter.as_ref(), &graph.agents, notes);
    wiring::check_open_ends(&graph.agents, &graph.wires, letters, notes);
    graph.check_feedback(notes);
    if !graph.check_cycles(notes) {
        return None;
    }
    reach::check(&graph, letters, notes);
    if !types_are_sound {
        return None;
    }
    let found = solve(&spec, &graph, letters, (&mut types, &review), notes)?;
    let agents = assemble::agents(&graph, &found, &spec)?;
    Some(Plan {
        name: spec.name.clone(),
        description: spec.description.clone(),
        source: Digest::of(notes.source.text.as_bytes()),
        types: types.into_table(),
        supervisors,
        dead_letter: assemble::dead_letter(letters, &graph, &agents),
        agents,
        params: param_values(&spec.params, &values),
        env: values.env.into_iter().collect(),
        secrets: values.secrets.into_iter().collect(),
    })
}

fn graph<'s, 'n: 's>(
    spec: &'s Spec,
    values: &mut Values,
    review: &Review<'_>,
    notes: &mut Notes<'n>,
) -> Graph<'s> {
    let mut agents: Vec<Agent<'s>> = Vec::with_capacity(spec.agents.len());
    for spec in &spec.agents {
        let agent = agents::meet(spec, values, review, notes);
        grants::check(&agent, notes);
        agents.push(agent);
    }
    let wires = wiring::wires(&agents, notes);
    Graph::new(agents, wires)
}

/// The types of all ports, by agent.
fn solve(
    spec: &Spec,
    graph: &Graph<'_>,
    letters: Option<usize>,
    (types, review): (&mut Types, &Review<'_>),
    notes: &mut Notes<'_>,
) -> Option<Vec<PortTypes>> {
    let order = toposort(&graph.forward, None).ok()?;
    let arriving = graph.arriving();
    let mut solver = Solver::new(types, review, graph.agents.len());
    // Types go forward first. What is fed back is of a type that then is known, and is looked at with all
    // that arrives beside it.
    let fed_back = |at: usize| arriving[at].iter().any(|wire| wire.feedback.is_some());
    let again = order.iter().map(|node| (node.index(), true)).filter(|(at, _)| fed_back(*at));
    for (at, whole) in order.iter().map(|node| (node.index(), false)).chain(again) {
        let mut arrivals = solver.arrivals(graph, arriving.get(at)?, whole);
        if let Some(name) = spec.dead_letter.as_ref().filter(|_| letters == Some(at)) {
            arrivals.known.push(dead_letter::arrival(name, solver.types));
        }
        solver.agent(at, graph.agents.get(at)?, &arrivals, notes);
    }
    Some(solver.found)
}

fn param_values(specs: &[crate::spec::ParamSpec], values: &Values) -> Vec<(String, String)> {
    let value = |name: &String| {
        let value = values.params.get(name)?.value.as_ref()?;
        Some((name.clone(), value.to_string()))
    };
    specs.iter().filter_map(|spec| value(&spec.name.value)).collect()
}

/// Every `[channels."agent.port"]` must be an output of the file.
fn check_channels(spec: &Spec, graph: &Graph<'_>, notes: &mut Notes<'_>) {
    if spec.channels.is_empty() {
        return;
    }
    let (mut known, mut blurred) = (BTreeSet::new(), BTreeSet::new());
    for agent in &graph.agents {
        let name = agent.spec.name.value.as_str();
        match &agent.ports {
            None => drop(blurred.insert(name)),
            Some(ports) => {
                known.extend(ports.outputs.iter().map(|port| format!("{name}.{}", port.name)));
            }
        }
    }
    for channel in &spec.channels {
        let name = channel.name.value.as_str();
        let of_blurred = name.split_once('.').is_some_and(|(agent, _)| blurred.contains(agent));
        if of_blurred || known.contains(name) || notes.enough(codes::UNKNOWN_CHANNEL) {
            continue;
        }
        let fault = Fault::new(codes::UNKNOWN_CHANNEL, format!("no output is called `{name}`"));
        let help = did_you_mean(name, known.iter().map(String::as_str));
        let usual = "a channel is called as its output: [channels.\"<agent>.<output>\"]";
        let fault = fault.label(channel.name.span, "unknown channel").maybe_help(help);
        notes.fault(fault.maybe_help(Some(usual.to_owned())));
    }
}
