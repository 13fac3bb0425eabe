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
use crate::spec_module::MODULE;
use crate::tree::{self, Entry};

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
    let entries = entries(0, notes)?;
    let mut loader = Loader { units: vec![unit(0, &entries, notes)?], known: BTreeMap::new() };
    let mut at = 0;
    while at < loader.units.len() {
        loader.follow(at, notes);
        at += 1;
    }
    check_circles(&loader.units, notes).then_some(loader.units)
}

fn entries(file: u32, notes: &mut Notes<'_>) -> Option<Vec<Entry>> {
    let size = notes.text(file).len() as u64;
    if size > limits::SOURCE_BYTES {
        let message = format!("the file is longer than {} bytes", limits::SOURCE_BYTES);
        notes.fault(Fault::new(codes::TOO_LARGE, message).label(Span::top(file), "here"));
        return None;
    }
    tree::parse(file, notes)
}

fn unit(file: u32, entries: &[Entry], notes: &mut Notes<'_>) -> Option<Unit> {
    let spec = spec_file::read(file, entries, notes);
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
    /// By absolute path.
    known: BTreeMap<String, Found>,
}

/// What a file turned out to be.
#[derive(Clone, Copy)]
enum Found {
    Module(usize),
    /// Something else, of which nothing is read.
    NoModule,
    /// It was asked for, or its fault was said.
    Open,
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
        match self.known.get(&path)? {
            Found::Module(unit) => return Some(*unit),
            Found::Open => {}
            Found::NoModule => {
                let message = format!("`{}` is not a module", from.value);
                let fault = Fault::new(codes::NOT_MODULE, message).label(from.span, "used here");
                let help = "a module has a table [module] with its inputs and outputs";
                notes.fault(fault.help(help));
            }
        }
        None
    }

    fn read(&mut self, from: &At<String>, path: &str, notes: &mut Notes<'_>) -> Found {
        let text = match notes.facts.files.get(path) {
            None => {
                notes.need(Need::File(path.to_owned()));
                return Found::Open;
            }
            Some(Err(reason)) => {
                let message = format!("`{}` cannot be read: {reason}", from.value);
                let fault = Fault::new(codes::NO_FILE, message).label(from.span, "used here");
                notes.fault(fault.help(format!("this is {path}")));
                return Found::Open;
            }
            Some(Ok(text)) => text,
        };
        let name = paths::beside(notes.source.name, &paths::relative(notes.source.folder, path));
        let folder = paths::absolute(path, "..");
        let file = notes.add(File { name, path: path.to_owned(), folder, text });
        let Some(entries) = entries(file, notes) else { return Found::Open };
        if entries.iter().all(|entry| entry.key.value != MODULE) {
            return Found::NoModule;
        }
        match unit(file, &entries, notes) {
            None => Found::Open,
            Some(unit) => {
                self.units.push(unit);
                Found::Module(self.units.len() - 1)
            }
        }
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

#[cfg(test)]
mod tests {
    use super::shown_types;

    #[test]
    fn types_of_one_name_are_told_apart() {
        let files = [("main", vec!["A"]), ("part", vec!["A", "B"]), ("part", vec!["A", "C"])];
        let files =
            files.map(|(name, types)| (name, types.into_iter().map(String::from).collect()));
        let shown =
            shown_types(files.iter().map(|(name, types): &(&str, Vec<_>)| (*name, &**types)));
        let shown: Vec<Vec<&str>> =
            shown.iter().map(|names| names.values().map(String::as_str).collect()).collect();
        assert_eq!(shown, [vec!["A"], vec!["part/A", "B"], vec!["part-2/A", "C"]]);
    }
}
