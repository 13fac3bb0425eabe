//! The files of a pipeline: its own, and those of the modules that it uses, each read once.

use std::collections::{BTreeMap, BTreeSet};

use petgraph::algo::kosaraju_scc;
use petgraph::graph::{DiGraph, NodeIndex};
use theater_flow_kernel::limits;

use crate::codes;
use crate::facts::Need;
use crate::fault::Fault;
use crate::notes::{File, Notes};
use crate::paths;
use crate::span::{At, Span};
use crate::spec::{Spec, UseSpec};
use crate::spec_file;
use crate::tree;

/// A file with what it says.
#[derive(Debug)]
pub(crate) struct Unit {
    pub(crate) spec: Spec,
    /// The unit that each `[use]` names, by position; `None` if it is not known: it was asked for, or its
    /// fault was said.
    pub(crate) uses: Vec<Option<usize>>,
}

/// Reads the pipeline's file and, as far as they are known, all modules below it; the pipeline first.
/// `None` if the pipeline's own file cannot be read, or if modules use each other in a circle.
pub(crate) fn load(notes: &mut Notes<'_>) -> Option<Vec<Unit>> {
    let mut loader = Loader { units: vec![unit(0, notes)?], known: BTreeMap::new() };
    let mut at = 0;
    while at < loader.units.len() {
        loader.follow(at, notes);
        at += 1;
    }
    check_circles(&loader.units, notes).then_some(loader.units)
}

fn unit(file: u32, notes: &mut Notes<'_>) -> Option<Unit> {
    let size = notes.text(file).len() as u64;
    if size > limits::SOURCE_BYTES {
        let message = format!("the file is longer than {} bytes", limits::SOURCE_BYTES);
        notes.fault(Fault::new(codes::TOO_LARGE, message).label(Span::top(file), "here"));
        return None;
    }
    let entries = tree::parse(file, notes)?;
    let spec = spec_file::read(file, &entries, notes);
    let fits = spec.agents.len() <= limits::AGENTS && spec.types.len() <= limits::TYPES;
    fits.then(|| Unit { spec, uses: Vec::new() })
}

/// How the types of each file are called in messages and in what `expand` writes, by the file's name and
/// those of its types, the pipeline first: as they are, but `scan/Finding` where an earlier file has a
/// `Finding`, and `scan-2/Finding` where there is such a one already.
pub(crate) fn shown_types<'n>(
    files: impl Iterator<Item = (&'n str, &'n [String])>,
) -> Vec<BTreeMap<String, String>> {
    let mut taken: BTreeSet<String> = BTreeSet::new();
    let shown = |(file, types): (&str, &[String])| {
        let mut shown = BTreeMap::new();
        for name in types {
            let prefixed = (2_usize..).map(|nth| format!("{file}-{nth}/{name}"));
            let mut names = [name.clone(), format!("{file}/{name}")].into_iter().chain(prefixed);
            let free = names.find(|name| !taken.contains(name)).unwrap_or_default();
            taken.insert(free.clone());
            shown.insert(name.clone(), free);
        }
        shown
    };
    files.map(shown).collect()
}

struct Loader {
    units: Vec<Unit>,
    /// By absolute path: the unit, if it could be read.
    known: BTreeMap<String, Option<usize>>,
}

impl Loader {
    /// Reads what a unit uses.
    fn follow(&mut self, at: usize, notes: &mut Notes<'_>) {
        let Some(unit) = self.units.get_mut(at) else { return };
        let uses = std::mem::take(&mut unit.spec.uses);
        let found = uses.iter().map(|spec| self.find(spec, notes)).collect();
        if let Some(unit) = self.units.get_mut(at) {
            (unit.spec.uses, unit.uses) = (uses, found);
        }
    }

    fn find(&mut self, spec: &UseSpec, notes: &mut Notes<'_>) -> Option<usize> {
        let from = spec.from.as_ref()?;
        let path = paths::absolute(notes.folder(from.span.file), &from.value);
        if !self.known.contains_key(&path) {
            if self.known.len() >= limits::MODULES {
                notes.fault(too_many().label(from.span, "one too many"));
                return None;
            }
            let found = self.read(from, &path, notes);
            self.known.insert(path.clone(), found);
        }
        let found = self.known.get(&path).copied().flatten()?;
        let is_module = self.units.get(found).is_some_and(|unit| unit.spec.module.is_some());
        if !is_module {
            let message = format!("`{}` is not a module", from.value);
            let fault = Fault::new(codes::NOT_MODULE, message).label(from.span, "used here");
            notes.fault(fault.help("a module has a table [module] with its inputs and outputs"));
        }
        is_module.then_some(found)
    }

    fn read(&mut self, from: &At<String>, path: &str, notes: &mut Notes<'_>) -> Option<usize> {
        let text = match notes.facts.files.get(path) {
            None => {
                notes.need(Need::File(path.to_owned()));
                return None;
            }
            Some(Err(reason)) => {
                let message = format!("`{}` cannot be read: {reason}", from.value);
                let fault = Fault::new(codes::NO_FILE, message).label(from.span, "used here");
                notes.fault(fault.help(format!("this is {path}")));
                return None;
            }
            Some(Ok(text)) => text,
        };
        let name = paths::beside(notes.source.name, &paths::relative(notes.source.folder, path));
        let folder = paths::absolute(path, "..");
        let file = notes.add(File { name, path: path.to_owned(), folder, text });
        let unit = unit(file, notes)?;
        self.units.push(unit);
        Some(self.units.len() - 1)
    }
}

/// A fault for a pipeline of too many modules, still without a place.
pub(crate) fn too_many() -> Fault {
    Fault::new(codes::TOO_LARGE, format!("a pipeline has at most {} modules", limits::MODULES))
}

/// Reports files that use each other in a circle; true if there are none.
fn check_circles(units: &[Unit], notes: &mut Notes<'_>) -> bool {
    let mut graph = DiGraph::<(), &At<String>>::new();
    let places: Vec<NodeIndex> = units.iter().map(|_| graph.add_node(())).collect();
    for (at, unit) in units.iter().enumerate() {
        for (spec, target) in unit.spec.uses.iter().zip(&unit.uses) {
            if let (Some(from), Some(target)) = (&spec.from, target) {
                graph.add_edge(places[at], places[*target], from);
            }
        }
    }
    let mut sound = true;
    for knot in kosaraju_scc(&graph) {
        let Some(first) = knot.iter().min().copied() else { continue };
        if knot.len() > 1 || graph.contains_edge(first, first) {
            notes.fault(circle(&graph, first, notes));
            sound = false;
        }
    }
    sound
}

/// One way from a file back to itself.
fn circle(graph: &DiGraph<(), &At<String>>, first: NodeIndex, notes: &Notes<'_>) -> Fault {
    let mut came: BTreeMap<NodeIndex, (NodeIndex, &At<String>)> = BTreeMap::new();
    let mut queue = std::collections::VecDeque::from([first]);
    while let Some(node) = queue.pop_front() {
        for target in graph.neighbors(node) {
            let edge = graph.find_edge(node, target).and_then(|edge| graph.edge_weight(edge));
            if let Some(from) = edge.filter(|_| !came.contains_key(&target)) {
                came.insert(target, (node, from));
                queue.push_back(target);
            }
        }
    }
    let mut chain: Vec<&At<String>> = Vec::new();
    let mut at = first;
    while let Some((node, from)) = came.get(&at) {
        chain.push(from);
        at = *node;
        if at == first {
            break;
        }
    }
    chain.reverse();
    let name = |from: &&At<String>| notes.name(from.span.file).to_owned();
    let mut names: Vec<String> = chain.iter().map(name).collect();
    names.extend(names.first().cloned());
    let message = format!("modules use each other in a circle: {}", names.join(" -> "));
    let fault = Fault::new(codes::MODULE_CYCLE, message);
    let fault =
        chain.iter().rev().take(4).fold(fault, |fault, from| fault.label(from.span, "this use"));
    fault.help("a module is put in the place where it is used: this would never end")
}
