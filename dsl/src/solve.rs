//! The types of all ports: variables solved along the wires, every wire checked.

use std::collections::{BTreeMap, BTreeSet};

use theater_flow_kernel::flow::{self, Clash};
use theater_flow_kernel::ids::TypeId;
use theater_flow_kernel::types::Type;

use crate::codes;
use crate::facts::Direction;
use crate::fault::Fault;
use crate::graph::{Agent, Graph, Port, Wire};
use crate::notes::Notes;
use crate::span::{At, Span};
use crate::spec::OutputSpec;
use crate::type_match::{matched, solved};
use crate::type_review::{Review, option_refused};
use crate::type_table::{Solved, Types};
use crate::type_text::Expr;
use crate::wiring::unknown_port;

/// The types of an agent's ports, by position; `None` where a fault or an unknown actor leaves it open.
#[derive(Default, Clone)]
pub(crate) struct PortTypes {
    pub(crate) inputs: Vec<Option<TypeId>>,
    pub(crate) outputs: Vec<Option<TypeId>>,
}

/// Something that arrives at an input: a message's type, and where the file says that it arrives.
pub(crate) struct Arrival {
    pub(crate) input: usize,
    pub(crate) ty: TypeId,
    pub(crate) span: Span,
    /// For messages: "`walk.out`".
    pub(crate) from: String,
    /// Where the producer is, if it stands elsewhere in the file.
    pub(crate) source: Option<Span>,
}

/// All that arrives at an agent.
pub(crate) struct Arrivals {
    pub(crate) known: Vec<Arrival>,
    /// Something else arrives, of which the type is not known.
    partial: bool,
    /// Inputs to which something is fed back of which the type is not looked at yet.
    later: BTreeSet<usize>,
}

/// Solves agents in an order in which producers come before their consumers.
pub(crate) struct Solver<'s> {
    pub(crate) types: &'s mut Types,
    /// By unit.
    pub(crate) reviews: &'s [Review<'s>],
    pub(crate) found: Vec<PortTypes>,
    /// Answers already had: files wire the same two types again and again.
    flows: BTreeMap<(TypeId, TypeId), Option<Clash>>,
}

/// What the variables of one agent stand for, and which wire or binding said so.
#[derive(Default)]
struct Variables {
    solved: Solved,
    said: BTreeMap<String, Said>,
}

#[derive(Clone, Copy)]
struct Said {
    span: Span,
    /// By `outputs`: what arrives then only has to flow.
    bound: bool,
}

impl<'s> Solver<'s> {
    pub(crate) fn new(types: &'s mut Types, reviews: &'s [Review<'s>], agents: usize) -> Self {
        let found = vec![PortTypes::default(); agents];
        Self { types, reviews, found, flows: BTreeMap::new() }
    }

    /// What arrives over wires whose producer is solved: without what is fed back, or, once all producers
    /// are solved, the `whole`.
    pub(crate) fn arrivals(
        &mut self,
        graph: &Graph<'_>,
        wires: &[&Wire],
        whole: bool,
        notes: &mut Notes<'_>,
    ) -> Arrivals {
        let (forward, back): (Vec<&Wire>, Vec<&Wire>) =
            wires.iter().partition(|wire| wire.feedback.is_none());
        let later = back.iter().filter(|_| !whole).filter_map(|wire| wire.input).collect();
        let looked_at = forward.into_iter().chain(back.into_iter().filter(|_| whole));
        let arrivals: Vec<Option<Arrival>> =
            looked_at.map(|wire| self.arrival(graph, wire, notes)).collect();
        let partial = arrivals.iter().any(Option::is_none);
        Arrivals { known: arrivals.into_iter().flatten().collect(), partial, later }
    }

    fn arrival(
        &mut self,
        graph: &Graph<'_>,
        wire: &Wire,
        notes: &mut Notes<'_>,
    ) -> Option<Arrival> {
        let output = wire.output?;
        let ty = self.found.get(wire.from)?.outputs.get(output).copied().flatten()?;
        let producer = graph.agents.get(wire.from)?;
        let port = producer.ports.as_ref()?.outputs.get(output)?;
        let bound = producer.spec.outputs.iter().find(|spec| spec.port.value == port.name);
        let arrival = Arrival {
            input: wire.input?,
            ty,
            span: wire.span,
            from: format!("`{}`", producer.writer(&port.name)),
            source: Some(bound.map_or(producer.spec.name.span, |spec| spec.ty.span)),
        };
        match &wire.read_as {
            Some((unit, read_as)) => self.read_as((*unit, read_as), arrival, notes),
            None => Some(arrival),
        }
    }

    /// What arrives, as a type that it flows into.
    fn read_as(
        &mut self,
        (unit, ty): (usize, &At<Expr>),
        arrival: Arrival,
        notes: &mut Notes<'_>,
    ) -> Option<Arrival> {
        let review = self.reviews.get(unit)?;
        if !review.expr(&ty.value, notes) {
            return None;
        }
        if review.refuses(&ty.value) {
            notes.fault(option_refused("the type of this edge").label(ty.span, "this type"));
            return None;
        }
        let to = self.types.lower(unit, &ty.value, &Solved::new())?;
        if let Some(clash) = self.clash(arrival.ty, to) {
            let show = |ty| flow::show(self.types.table(), ty);
            let message =
                format!("{} cannot be read as {}{}", arrival.from, show(to), clash_text(&clash));
            let fault = Fault::new(codes::MISMATCH, message);
            let fault = fault.label(ty.span, format!("read as {}", show(to)));
            let gives = format!("gives {}", show(arrival.ty));
            notes
                .fault(arrival.source.into_iter().fold(fault, |fault, at| fault.label(at, &gives)));
            return None;
        }
        Some(Arrival { ty: to, source: Some(ty.span), ..arrival })
    }

    /// Solves one agent.
    pub(crate) fn agent(
        &mut self,
        at: usize,
        agent: &Agent<'_>,
        Arrivals { known: arrivals, partial, later }: &Arrivals,
        notes: &mut Notes<'_>,
    ) {
        let Some(ports) = &agent.ports else {
            return self.reviews[agent.unit].outputs(&agent.spec.outputs, notes);
        };
        if agent.relay.is_some() {
            return self.relay(at, agent, arrivals, notes);
        }
        let mut variables = Variables::default();
        let mut disputed = BTreeSet::new();
        let mut clear = !partial;
        for output in &agent.spec.outputs {
            clear &= self.bind(agent, output, &mut variables, notes).is_some();
        }
        for arrival in arrivals {
            let Some(port) = ports.inputs.get(arrival.input) else {
                continue;
            };
            if self.learn(agent, (port, arrival), &mut variables, notes).is_none() {
                disputed.insert(arrival.span);
            }
        }
        clear &= disputed.is_empty();
        let wired =
            |at: usize| later.contains(&at) || arrivals.iter().any(|arrival| arrival.input == at);
        let open = ports.inputs.iter().enumerate().any(|(at, port)| !port.optional && !wired(at));
        let quiet = !clear || open;
        let mut found = PortTypes::default();
        for port in &ports.outputs {
            let ty = self.lower(agent, port, &variables, notes);
            if ty.is_none() && !quiet {
                unsolved(agent, port, &variables, notes);
            }
            found.outputs.push(ty);
        }
        for port in &ports.inputs {
            let open = !quiet && !solved(&port.expr, &variables.solved);
            // Nothing arrives at an open optional input: any type will do.
            let ty = if open { Some(self.types.intern(Type::Json)) } else { None };
            found.inputs.push(ty.or_else(|| self.lower(agent, port, &variables, notes)));
        }
        for arrival in arrivals.iter().filter(|arrival| !disputed.contains(&arrival.span)) {
            if let Some(Some(ty)) = found.inputs.get(arrival.input).copied() {
                self.check_flow(agent, arrival, ty, notes);
            }
        }
        if let Some(place) = self.found.get_mut(at) {
            *place = found;
        }
    }

    /// The port of a module is of the type that the module says, whatever arrives.
    fn relay(&mut self, at: usize, agent: &Agent<'_>, arrivals: &[Arrival], notes: &mut Notes<'_>) {
        let Some(port) = agent.ports.as_ref().and_then(|ports| ports.inputs.first()) else {
            return;
        };
        let ty = self.types.lower(agent.unit, &port.expr, &Solved::new());
        for arrival in arrivals {
            if let Some(ty) = ty {
                self.check_flow(agent, arrival, ty, notes);
            }
        }
        if let Some(place) = self.found.get_mut(at) {
            *place = PortTypes { inputs: vec![ty], outputs: vec![ty] };
        }
    }

    /// `outputs = { out = "File" }`.
    fn bind(
        &mut self,
        agent: &Agent<'_>,
        output: &OutputSpec,
        variables: &mut Variables,
        notes: &mut Notes<'_>,
    ) -> Option<()> {
        let ports = agent.ports.as_ref()?;
        let Some(port) = ports.outputs.iter().find(|port| port.name == output.port.value) else {
            notes.fault(unknown_port("output", agent, &output.port, &ports.outputs));
            return None;
        };
        let review = self.reviews.get(agent.unit)?;
        if !review.expr(&output.ty.value, notes) {
            return None;
        }
        if review.refuses(&output.ty.value) {
            let what = format!("the type of `{}`", output.port.value);
            notes.fault(option_refused(&what).label(output.ty.span, "this type"));
            return None;
        }
        let ty = self.types.lower(agent.unit, &output.ty.value, &Solved::new())?;
        for (name, ty) in matched(self.types.table(), &port.expr, ty) {
            variables.said.insert(name.clone(), Said { span: output.ty.span, bound: true });
            variables.solved.insert(name, ty);
        }
        let whole = self.types.lower(agent.unit, &port.expr, &variables.solved);
        if whole.is_some_and(|whole| self.same(whole, ty)) {
            return Some(());
        }
        let message = format!(
            "output `{}` of agent `{}` cannot be {}",
            port.name,
            agent.spec.name.value,
            flow::show(self.types.table(), ty)
        );
        let text = format!("the actor says {}", port.said);
        let fault = Fault::new(codes::BAD_OUTPUTS, message).label(output.ty.span, text);
        let clash = whole.and_then(|whole| self.clash(whole, ty));
        let differ = clash.map_or_else(String::new, |Clash { path, message }| {
            let message = message.replace("producer", "the actor").replace("consumer", "this type");
            let place = if path.is_empty() { path } else { format!(" at {path}") };
            format!("they differ{place}: {message}; ")
        });
        let help = "`outputs` says what the actor leaves open, and may be left out";
        notes.fault(fault.help(format!("{differ}{help}")));
        None
    }

    /// The producer's type flows into the variables of the input.
    fn learn(
        &mut self,
        agent: &Agent<'_>,
        (port, arrival): (&Port, &Arrival),
        variables: &mut Variables,
        notes: &mut Notes<'_>,
    ) -> Option<()> {
        for (name, ty) in matched(self.types.table(), &port.expr, arrival.ty) {
            let known = variables.solved.get(&name).copied();
            let Some((known, said)) = known.zip(variables.said.get(&name).copied()) else {
                variables.said.insert(name.clone(), Said { span: arrival.span, bound: false });
                variables.solved.insert(name, ty);
                continue;
            };
            if said.bound || self.same(known, ty) {
                continue;
            }
            let show = |ty| flow::show(self.types.table(), ty);
            let message = format!(
                "`${name}` of agent `{}` would have to be two types: {} and {}",
                agent.spec.name.value,
                show(known),
                show(ty)
            );
            let fault = Fault::new(codes::CONFLICT, message)
                .label(arrival.span, show(ty))
                .label(said.span, show(known));
            notes.fault(fault.help(which_type(ports(agent))));
            return None;
        }
        Some(())
    }

    /// A port's type, if its variables are solved.
    fn lower(
        &mut self,
        agent: &Agent<'_>,
        port: &Port,
        variables: &Variables,
        notes: &mut Notes<'_>,
    ) -> Option<TypeId> {
        let ty = self.types.lower(agent.unit, &port.expr, &variables.solved);
        if ty.is_none() && solved(&port.expr, &variables.solved) {
            let what = format!("port `{}` of agent `{}`", port.name, agent.spec.name.value);
            notes.fault(option_refused(&what).label(agent.spec.name.span, "this agent"));
        }
        ty
    }

    fn check_flow(
        &mut self,
        agent: &Agent<'_>,
        arrival: &Arrival,
        to: TypeId,
        notes: &mut Notes<'_>,
    ) {
        if notes.enough(codes::MISMATCH) {
            return;
        }
        let Some(clash) = self.clash(arrival.ty, to) else {
            return;
        };
        let ports = agent.ports.as_ref();
        let port = ports.and_then(|ports| ports.inputs.get(arrival.input));
        let port = port.map_or("", |port| port.name.as_str());
        let show = |ty| flow::show(self.types.table(), ty);
        let (from, reader) = (&arrival.from, agent.reader(port));
        let message = format!("{from} does not flow into `{reader}`{}", clash_text(&clash));
        let text = match agent.relay.map(|relay| (relay.side, &relay.port)) {
            None => format!("input `{port}` takes {}", show(to)),
            Some((Direction::Input, port)) => format!("input `{port}` takes {}", show(to)),
            Some((Direction::Output, port)) => format!("output `{port}` is {}", show(to)),
        };
        let fault = Fault::new(codes::MISMATCH, message).label(arrival.span, text);
        notes.fault(match arrival.source {
            Some(span) => fault
                .label(span, format!("gives {}", show(arrival.ty)))
                .help("read another output, or let a std/map between them make what fits"),
            None => fault.help(format!("a dead letter is {}", show(arrival.ty))),
        });
    }

    /// Why a type does not flow into another, if it does not.
    pub(crate) fn clash(&mut self, from: TypeId, to: TypeId) -> Option<Clash> {
        let table = self.types.table();
        self.flows.entry((from, to)).or_insert_with(|| flow::flows(table, from, to).err()).clone()
    }

    /// Whether two types are the same but for names.
    fn same(&mut self, one: TypeId, other: TypeId) -> bool {
        one == other || (self.clash(one, other).is_none() && self.clash(other, one).is_none())
    }
}

fn ports<'a>(agent: &'a Agent<'_>) -> &'a [Port] {
    agent.ports.as_ref().map_or(&[], |ports| &ports.outputs)
}

/// How to say what a variable is: by an output that has it, or by what is read.
fn which_type(outputs: &[Port]) -> &'static str {
    if outputs.is_empty() {
        "read both as a type that they flow into: { from = \"<agent>\", type = \"<type>\" }"
    } else {
        "say which it is with outputs = { <output> = \"<type>\" }"
    }
}

/// Where and why a type does not flow, behind what it is said of.
fn clash_text(clash: &Clash) -> String {
    match clash.path.as_str() {
        "" => format!(": {}", clash.message),
        path => format!(" at {path}: {}", clash.message),
    }
}

fn unsolved(agent: &Agent<'_>, port: &Port, variables: &Variables, notes: &mut Notes<'_>) {
    if solved(&port.expr, &variables.solved) {
        return;
    }
    let name = &agent.spec.name.value;
    let message =
        format!("the actor leaves the type of `{name}.{}` open: {}", port.name, port.said);
    let fault = Fault::new(codes::UNSOLVED, message).label(agent.spec.name.span, "this agent");
    notes.fault(fault.help(format!("say what it is: outputs = {{ {} = \"…\" }}", port.name)));
}
