//! A plan as a picture: agents in the boxes of their supervisors, channels as arrows with their types.

mod dot;
mod json;
mod mermaid;
mod svg;

use std::collections::BTreeMap;
use std::fmt::Write;

use theater_flow_kernel::flow;
use theater_flow_kernel::http::{Address, HttpGrant};
use theater_flow_kernel::ids::PortId;
use theater_flow_kernel::plan::{
    Agent, AutoShutdown, Child, Grants, InputPort, Plan, Root, Strategy,
};

pub use dot::dot;
pub use json::json;
pub use mermaid::mermaid;
pub use svg::svg;

/// Characters of a type's text on an arrow; a longer one is cut.
const TYPE_CHARS: usize = 48;

/// A supervisor's box.
struct Frame<'p> {
    name: &'p str,
    strategy: Strategy,
    auto_shutdown: AutoShutdown,
    significant: bool,
    children: Vec<Item<'p>>,
}

/// What a box holds.
enum Item<'p> {
    Node(Node<'p>),
    Frame(Frame<'p>),
}

/// An agent.
struct Node<'p> {
    /// Its position in the plan.
    nth: usize,
    agent: &'p Agent,
}

/// From an output to an input that reads it.
struct Arrow<'p> {
    from: (usize, &'p str),
    to: (usize, &'p str),
    ty: String,
    /// The producer has other outputs too, so that the port's name says something.
    named: bool,
    /// It feeds back.
    feedback: bool,
}

/// What an agent is at the edge of the graph.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Source,
    Middle,
    Sink,
}

impl Frame<'_> {
    /// What it does with its children, and is to its own supervisor.
    fn said(&self) -> String {
        let mut said = strategy(self.strategy).to_owned();
        if self.auto_shutdown != AutoShutdown::Never {
            said = format!("{said}, {}", auto_shutdown(self.auto_shutdown));
        }
        if self.significant { format!("{said}, significant") } else { said }
    }
}

impl Node<'_> {
    /// What it is to its supervisor; nothing if that is usual.
    fn rank(&self) -> &'static str {
        if self.agent.significant { " · significant" } else { "" }
    }

    fn place(&self) -> Place {
        match (self.agent.inputs.is_empty(), self.agent.outputs.is_empty()) {
            (true, _) => Place::Source,
            (false, true) => Place::Sink,
            (false, false) => Place::Middle,
        }
    }
}

fn frame(plan: &Plan) -> Option<Frame<'_>> {
    // A plan's tree is finite: every supervisor stands in exactly one list.
    below(plan, 0)
}

fn below(plan: &Plan, nth: usize) -> Option<Frame<'_>> {
    let supervisor = plan.supervisors.get(nth)?;
    let item = |child: &Child| match child {
        Child::Agent(id) => {
            plan.agent(*id).map(|agent| Item::Node(Node { nth: id.index(), agent }))
        }
        Child::Supervisor(id) => below(plan, id.index()).map(Item::Frame),
    };
    Some(Frame {
        name: &supervisor.name,
        strategy: supervisor.strategy,
        auto_shutdown: supervisor.auto_shutdown,
        significant: supervisor.significant,
        children: supervisor.children.iter().filter_map(item).collect(),
    })
}

/// In the order of their producers.
fn arrows(plan: &Plan) -> Vec<Arrow<'_>> {
    let mut inputs: BTreeMap<PortId, (usize, &InputPort)> = BTreeMap::new();
    for (nth, agent) in plan.agents.iter().enumerate() {
        inputs.extend(agent.inputs.iter().map(|input| (input.port, (nth, input))));
    }
    let mut arrows = Vec::new();
    for (nth, agent) in plan.agents.iter().enumerate() {
        for output in &agent.outputs {
            let ty = flow::show(&plan.types, output.ty);
            let to = output.readers.iter().filter_map(|reader| inputs.get(reader));
            arrows.extend(to.map(|(to, input)| Arrow {
                from: (nth, &output.name),
                to: (*to, &input.name),
                ty: ty.clone(),
                named: agent.outputs.len() > 1,
                feedback: input.feedback.iter().any(|edge| edge.from == output.port),
            }));
        }
    }
    arrows
}

impl Arrow<'_> {
    fn label(&self) -> String {
        let ty = cut(&self.ty, TYPE_CHARS);
        if self.named { format!("{}: {ty}", self.from.1) } else { ty }
    }
}

fn cut(text: &str, chars: usize) -> String {
    match text.char_indices().nth(chars) {
        Some((at, _)) => format!("{}…", &text[..at]),
        None => text.to_owned(),
    }
}

/// A line of a picture's text.
fn line(depth: usize, text: &str, out: &mut String) {
    // A string takes all that is written to it.
    let _ = writeln!(out, "{}{text}", "  ".repeat(depth));
}

const fn strategy(strategy: Strategy) -> &'static str {
    match strategy {
        Strategy::OneForOne => "one-for-one",
        Strategy::OneForAll => "one-for-all",
        Strategy::RestForOne => "rest-for-one",
    }
}

const fn auto_shutdown(auto_shutdown: AutoShutdown) -> &'static str {
    match auto_shutdown {
        AutoShutdown::Never => "never",
        AutoShutdown::AnySignificant => "any-significant",
        AutoShutdown::AllSignificant => "all-significant",
    }
}

/// One thing that an agent may reach.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Capability<'g> {
    /// As faults and pages name it: `clock`, `files.read`.
    pub name: &'static str,
    /// What it is limited to, if it is.
    pub root: Option<&'g Root>,
    /// Where requests may go.
    pub host: Option<&'g HttpGrant>,
}

/// All that an agent may reach, files last. The one list of it, for whoever shows it.
#[must_use]
pub fn capabilities(grants: &Grants) -> Vec<Capability<'_>> {
    let flags = [
        (grants.clock, "clock"),
        (grants.random, "random"),
        (grants.timer, "timer"),
        (grants.stdin, "stdin"),
        (grants.stdout, "stdout"),
    ];
    let flags = flags.into_iter().filter(|(granted, _)| *granted);
    let flags = flags.map(|(_, name)| Capability { name, root: None, host: None });
    let below = |name, root| Capability { name, root: Some(root), host: None };
    let reads = grants.read.iter().map(|root| below("files.read", root));
    let writes = grants.write.iter().map(|root| below("files.write", root));
    let hosts = grants.http.iter();
    let hosts = hosts.map(|host| Capability { name: "http", root: None, host: Some(host) });
    flags.chain(reads).chain(writes).chain(hosts).collect()
}

/// Where requests may go: methods and address.
#[must_use]
pub fn origin(host: &HttpGrant) -> String {
    let HttpGrant { scheme, host, port, methods, paths, .. } = host;
    let address =
        Address { scheme: *scheme, host: host.clone(), port: *port, target: String::new() };
    let (methods, paths) = (methods.join(" "), paths.join(" "));
    format!("{methods} {}{paths}", address.origin())
}

/// What an agent may reach, in a few words each; nothing if that is nothing.
fn reach(grants: &Grants) -> Vec<String> {
    let words = |Capability { name, root, host }| match root {
        None => host.map_or_else(|| String::from(name), origin),
        Some(root) if name == "files.read" => format!("reads {}", root.name),
        Some(root) => format!("writes {}", root.name),
    };
    capabilities(grants).into_iter().map(words).collect()
}
