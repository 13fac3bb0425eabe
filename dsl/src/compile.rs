//! The stages in their order. Each goes on with what the one before could make out.

use std::collections::BTreeMap;

use petgraph::algo::toposort;
use theater_flow_kernel::flow;
use theater_flow_kernel::ids::{Digest, PortId};
use theater_flow_kernel::plan::{self, Plan};

use crate::agents;
use crate::assemble;
use crate::channels;
use crate::check_tests;
use crate::codes;
use crate::dead_letter;
use crate::facts::{Facts, Mode, Need, Source};
use crate::fault::Fault;
use crate::grants;
use crate::graph::{Agent, Graph, Wire};
use crate::modules::{self, Unit};
use crate::notes::{File, Notes};
use crate::open_ends;
use crate::params;
use crate::reach;
use crate::relays::{self, Relay};
use crate::scopes::Scopes;
use crate::solve::{PortTypes, Solver};
use crate::span::Span;
use crate::spec::Spec;
use crate::spec_tests::TestSpec;
use crate::supervision;
use crate::testing::Test;
use crate::type_review::{Review, option_refused};
use crate::type_table::{Solved, Types};
use crate::values::Values;
use crate::wiring;

/// What a compilation came to.
#[derive(Clone, PartialEq, Debug)]
#[expect(clippy::large_enum_variant, reason = "there is one of it in a compilation")]
pub enum Outcome {
    /// Answer these, add the answers to the facts, compile again. Never empty; three or four rounds
    /// settle any file, and one more for each level of modules.
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
    /// Where an input reads something as a type that says less than its producer's.
    pub seams: Vec<Seam>,
    /// The names of the file's tests, in file order.
    pub tests: Vec<String>,
    /// The test that [`Mode::Test`] names, if there is a plan.
    pub test: Option<Test>,
}

/// A message on its way is read as of another type: by a port of a module, or because the edge says so.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Seam {
    /// The output.
    pub from: PortId,
    /// The input.
    pub to: PortId,
    /// The type, in the type language.
    pub ty: String,
}

/// The file of a module.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Module {
    /// Its path as it would be given beside [`Source::name`], for display.
    pub name: String,
    /// Its absolute path.
    pub path: String,
    /// Its whole text.
    pub text: String,
}

/// Compiles a file with what is known of the world. Pure: the same arguments give the same outcome.
#[must_use]
pub fn compile(source: &Source<'_>, facts: &Facts) -> Outcome {
    let mut notes = Notes::new(*source, facts);
    let mut tests = Vec::new();
    let (plan, seams) = stages(&mut tests, &mut notes).unzip();
    let test = plan.as_ref().and_then(|plan| check_tests::check(&tests, plan, &mut notes));
    let needs = notes.take_needs();
    if needs.is_empty() {
        let plan = plan.filter(|_| notes.is_sound());
        let module = |file: &File<'_>| Module {
            name: file.name.clone(),
            path: file.path.clone(),
            text: file.text.to_owned(),
        };
        let modules = notes.files().iter().skip(1).map(module).collect();
        let seams = seams.unwrap_or_default();
        let test = test.filter(|_| plan.is_some());
        let tests = tests.into_iter().map(|test| test.name.value).collect();
        Outcome::Done(Compiled { plan, faults: notes.into_faults(), modules, seams, tests, test })
    } else {
        Outcome::Need(needs)
    }
}

fn stages(tests: &mut Vec<TestSpec>, notes: &mut Notes<'_>) -> Option<(Plan, Vec<Seam>)> {
    let mut units = modules::load(notes)?;
    let test_env = set_up(&mut units, tests, notes);
    let scopes = Scopes::new(&units, notes)?;
    scopes.check_names(notes);
    check_use(&scopes, notes);
    let supervisors = supervision::tree(&scopes, notes);
    let reviews: Vec<Review<'_>> = units.iter().map(|unit| Review::new(&unit.spec.types)).collect();
    let types = types(&scopes, &reviews, notes);
    let types_are_sound = types.is_some();
    let mut types = types.unwrap_or_default();
    let mut values = params::params(&scopes, &reviews, &mut types, notes);
    values.test_env = test_env;
    let relays = relays::relays(&scopes, notes);
    let graph = graph(&scopes, &relays, (&mut values, &reviews), notes);
    params::check_used(&scopes, &values, notes);
    channels::check(&scopes, &graph, notes);
    grants::check_same_file(&graph.agents, notes);
    let spec = &scopes.unit(0).spec;
    let letters = dead_letter::find(spec, &graph.agents, notes);
    open_ends::check(&graph, &scopes, letters, notes);
    graph.check_feedback(notes);
    if !graph.check_cycles(notes) {
        return None;
    }
    reach::check(&graph, letters, notes);
    if !types_are_sound {
        return None;
    }
    let wires = relays::without_relays(&graph, notes);
    let found = solve(spec, &graph, letters, (&mut types, &reviews), notes)?;
    let agents = assemble::agents(&graph, &found, &scopes, &wires)?;
    let seams = seams(&wires, &agents, &found, &mut types);
    let plan = Plan {
        name: spec.name.clone(),
        description: spec.description.clone(),
        source: digest(notes),
        types: types.into_table(),
        supervisors,
        dead_letter: assemble::dead_letter(letters, &graph, &agents),
        agents,
        params: param_values(&spec.params, &values),
        env: values.env.into_iter().collect(),
        secrets: values.secrets.into_iter().collect(),
        past: plan::Past::default(),
        reload: spec.reload,
        set: params::set(&spec.params, notes),
        files: values.files.into_iter().collect(),
    };
    Some((plan, seams))
}

/// As what each input reads that reads something as another type.
fn seams(
    wires: &[Wire],
    agents: &[plan::Agent],
    found: &[PortTypes],
    types: &mut Types,
) -> Vec<Seam> {
    let mut seam = |wire: &Wire| {
        let ty = match (&wire.read_as, wire.relay) {
            (Some((unit, ty)), _) => types.lower(*unit, &ty.value, &Solved::new())?,
            (None, Some(relay)) => found.get(relay)?.outputs.first().copied().flatten()?,
            (None, None) => return None,
        };
        let output = agents.get(wire.from)?.outputs.get(wire.output?)?;
        if output.ty == ty {
            return None;
        }
        let from = output.port;
        let to = agents.get(wire.to)?.inputs.get(wire.input?)?.port;
        Some(Seam { from, to, ty: flow::show(types.table(), ty) })
    };
    wires.iter().filter_map(&mut seam).collect()
}

/// Takes the pipeline's tests out, and puts into the pipeline what the one that is to run says. Gives the
/// environment that it sets.
fn set_up(
    units: &mut [Unit],
    tests: &mut Vec<TestSpec>,
    notes: &mut Notes<'_>,
) -> BTreeMap<String, String> {
    let Some(Unit { spec, .. }) = units.first_mut() else { return BTreeMap::new() };
    check_tests::set_params(&spec.tests, &mut spec.params, notes);
    tests.append(&mut spec.tests);
    check_tests::env(tests, notes.source.mode)
}

/// The digest of the file's text; if it uses modules, of all texts, each behind its length.
fn digest(notes: &Notes<'_>) -> Digest {
    match notes.files() {
        [only] => Digest::of(only.text.as_bytes()),
        files => {
            let mut all = Vec::new();
            for file in files {
                all.extend((file.text.len() as u64).to_le_bytes());
                all.extend(file.text.as_bytes());
            }
            Digest::of(&all)
        }
    }
}

/// A module by itself can be checked, but not run.
fn check_use(scopes: &Scopes<'_>, notes: &mut Notes<'_>) {
    if let (Some(module), Mode::Run) = (&scopes.unit(0).spec.module, notes.source.mode) {
        notes.fault(only_a_module(module.span));
    }
}

/// The fault for a module where a pipeline is wanted.
pub(crate) fn only_a_module(span: Span) -> Fault {
    let fault = Fault::new(codes::NOT_MODULE, "this file is only a module");
    let help = "a pipeline uses it: [use.<id>] with from = \"<this file>\"";
    fault.label(span, "a module").help(help)
}

/// The types of all units; `None` after a fault.
fn types(scopes: &Scopes<'_>, reviews: &[Review<'_>], notes: &mut Notes<'_>) -> Option<Types> {
    let mut types = Types::default();
    let mut sound = true;
    let names = |unit: &Unit| {
        let types = unit.spec.types.iter().map(|spec| spec.name.value.clone());
        (unit.spec.name.clone(), types.collect())
    };
    let names: Vec<(String, Vec<String>)> = scopes.units.iter().map(names).collect();
    let shown = modules::shown_types(names.iter().map(|(name, types)| (&**name, &**types)));
    for ((unit, review), shown) in scopes.units.iter().zip(reviews).zip(&shown) {
        sound &= types.add(review, (&unit.spec.types, shown), notes);
        let ports = unit.spec.module.iter();
        for port in ports.flat_map(|module| module.inputs.iter().chain(&module.outputs)) {
            let Some(ty) = &port.ty else { continue };
            if review.expr(&ty.value, notes) && review.refuses(&ty.value) {
                let what = format!("the type of `{}`", port.name.value);
                notes.fault(option_refused(&what).label(ty.span, "this type"));
            }
        }
    }
    sound.then_some(types)
}

fn graph<'s, 'n: 's>(
    scopes: &Scopes<'s>,
    relays: &'s [Relay],
    (values, reviews): (&mut Values, &[Review<'_>]),
    notes: &mut Notes<'n>,
) -> Graph<'s> {
    let mut agents: Vec<Agent<'s>> = Vec::new();
    for (at, scope) in scopes.all.iter().enumerate() {
        let Some(review) = reviews.get(scope.unit) else { continue };
        for spec in &scopes.unit(at).spec.agents {
            let agent = agents::meet((spec, at), scopes, (values, review), notes);
            grants::check(&agent, &scopes.unit(at).spec.default_agent, notes);
            agents.push(agent);
        }
    }
    agents.extend(relays.iter().map(|relay| agents::relay(relay, scopes)));
    let wires = wiring::wires(&agents, scopes, notes);
    Graph::new(agents, wires)
}

/// The types of all ports, by agent.
fn solve(
    spec: &Spec,
    graph: &Graph<'_>,
    letters: Option<usize>,
    (types, reviews): (&mut Types, &[Review<'_>]),
    notes: &mut Notes<'_>,
) -> Option<Vec<PortTypes>> {
    let order = toposort(&graph.forward, None).ok()?;
    let arriving = graph.arriving();
    let mut solver = Solver::new(types, reviews, graph.agents.len());
    // Types go forward first. What is fed back is of a type that then is known, and is looked at with all
    // that arrives beside it.
    let fed_back = |at: usize| arriving[at].iter().any(|wire| wire.feedback.is_some());
    let again = order.iter().map(|node| (node.index(), true)).filter(|(at, _)| fed_back(*at));
    for (at, whole) in order.iter().map(|node| (node.index(), false)).chain(again) {
        let mut arrivals = solver.arrivals(graph, arriving.get(at)?, whole, notes);
        if let Some(name) = spec.dead_letter.as_ref().filter(|_| letters == Some(at)) {
            arrivals.known.push(dead_letter::arrival(name, solver.types));
        }
        solver.agent(at, graph.agents.get(at)?, &arrivals, notes);
    }
    Some(solver.found)
}

fn param_values(specs: &[crate::spec::ParamSpec], values: &Values) -> Vec<(String, String)> {
    let value = |name: &String| {
        let value = values.params.first()?.all.get(name)?.value.as_ref()?;
        Some((name.clone(), value.to_string()))
    };
    specs.iter().filter_map(|spec| value(&spec.name.value)).collect()
}
