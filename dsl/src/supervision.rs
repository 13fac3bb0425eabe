//! The supervision tree: every agent and every supervisor but the root is the child of exactly one.

mod agree;

use std::collections::{BTreeMap, BTreeSet};

use theater_flow_kernel::ids::{AgentId, SupervisorId};
use theater_flow_kernel::limits;
use theater_flow_kernel::plan::{
    AutoShutdown, Child, Restart, Shutdown, Strategy, Supervisor, Wait,
};

use crate::assemble::wait;
use crate::codes;
use crate::fault::{Fault, did_you_mean, near};
use crate::notes::Notes;
use crate::scopes::{Scopes, inside};
use crate::span::Span;
use crate::spec::{Spec, SupervisorSpec};
use crate::spec_file::ROOT;

/// The supervisors of the plan, the root first. Wrong where there were faults.
pub(crate) fn tree(scopes: &Scopes<'_>, notes: &mut Notes<'_>) -> Vec<Supervisor> {
    for unit in scopes.units {
        check(&unit.spec, notes);
    }
    let ids = Ids::new(scopes);
    let mut supervisors = Vec::new();
    for at in 0..scopes.all.len() {
        let spec = &scopes.unit(at).spec;
        for own in order(&spec.supervisors) {
            let children = own.children.iter();
            let children = children.filter_map(|name| ids.child(scopes, at, &name.value));
            supervisors.push(Supervisor {
                id: SupervisorId(id(supervisors.len())),
                name: full_name(scopes, at, &own.name.value),
                children: children.collect(),
                ..habits(own, spec)
            });
        }
    }
    agree::check(scopes, &supervisors, notes);
    if let Some(root) = supervisors.first_mut() {
        // Nothing stands above it; what the defaults say is for the others.
        root.restart = Restart::Permanent;
        root.shutdown = Shutdown::Infinity;
        root.significant = false;
    }
    supervisors
}

fn habits(own: &SupervisorSpec, spec: &Spec) -> Supervisor {
    let significant = own.significant.span().is_some();
    let (own, usual) = (own.habits, spec.default_supervisor);
    let strategy = own.strategy.or(usual.strategy);
    let restart = own.restart.or(usual.restart);
    let shutdown = own.shutdown.or(usual.shutdown);
    let auto_shutdown = own.auto_shutdown.or(usual.auto_shutdown);
    Supervisor {
        id: SupervisorId(0),
        name: String::new(),
        strategy: strategy.map_or(Strategy::OneForOne, |said| said.value),
        children: Vec::new(),
        intensity: own.intensity.or(usual.intensity).unwrap_or(limits::INTENSITY),
        period_ms: own.period_ms.or(usual.period_ms).unwrap_or(limits::PERIOD_MS),
        delay: match own.delay.or(usual.delay) {
            Some(delay) => wait(delay, usual.delay.unwrap_or_default()),
            None => Wait::NONE,
        },
        restart: restart.map_or(Restart::Permanent, |said| said.value),
        shutdown: shutdown.map_or(Shutdown::Infinity, |said| said.value),
        significant,
        auto_shutdown: auto_shutdown.map_or(AutoShutdown::Never, |said| said.value),
    }
}

fn order(specs: &[SupervisorSpec]) -> Vec<&SupervisorSpec> {
    let (root, others): (Vec<_>, Vec<_>) = specs.iter().partition(|spec| spec.name.value == ROOT);
    root.into_iter().chain(others).collect()
}

fn id(at: usize) -> u32 {
    u32::try_from(at).unwrap_or(u32::MAX)
}

/// The ids of the plan, by scope and name.
struct Ids<'s> {
    children: Vec<BTreeMap<&'s str, Child>>,
}

impl<'s> Ids<'s> {
    fn new(scopes: &Scopes<'s>) -> Self {
        let (mut agents, mut supervisors) = (0.., 0..);
        let of = |at: usize| {
            let spec = &scopes.unit(at).spec;
            let mut children = BTreeMap::new();
            for (own, at) in order(&spec.supervisors).into_iter().zip(&mut supervisors) {
                children.insert(own.name.value.as_str(), Child::Supervisor(SupervisorId(at)));
            }
            for (own, at) in spec.agents.iter().zip(&mut agents) {
                children.insert(own.name.value.as_str(), Child::Agent(AgentId(at)));
            }
            children
        };
        Self { children: (0..scopes.all.len()).map(of).collect() }
    }

    /// A child by the name that its supervisor has for it. A module is what its root is.
    fn child(&self, scopes: &Scopes<'_>, at: usize, name: &str) -> Option<Child> {
        match scopes.using(at, name) {
            Some(module) => self.children.get(module)?.get(ROOT).copied(),
            None => self.children.get(at)?.get(name).copied(),
        }
    }
}

/// The root of a module is called as the module.
fn full_name(scopes: &Scopes<'_>, at: usize, name: &str) -> String {
    match scopes.path(at) {
        path if name == ROOT && !path.is_empty() => path.to_owned(),
        _ => scopes.full(at, name),
    }
}

/// Checks the tree of one file.
fn check(spec: &Spec, notes: &mut Notes<'_>) {
    let order = order(&spec.supervisors);
    let names = Names::new(spec);
    let (parents, meant) = names.parents(&order, notes);
    // Without a root, or with children that cannot be read, every agent would be one.
    let has_root = order.first().is_some_and(|first| first.name.value == ROOT);
    if has_root && order.iter().all(|supervisor| !supervisor.unclear) {
        check_orphans(spec, (&parents, &meant), notes);
    }
    check_circles(&order, &parents, notes);
    check_depth(&order, &parents, notes);
}

/// Who can be a child.
struct Names<'s> {
    spec: &'s Spec,
    children: BTreeSet<&'s str>,
}

/// Where each child stands first: the supervisor's name, and the place.
type Parents<'s> = BTreeMap<&'s str, (&'s str, Span)>;

impl<'s> Names<'s> {
    fn new(spec: &'s Spec) -> Self {
        let supervisors = spec.supervisors.iter().map(|spec| &spec.name);
        let agents = spec.agents.iter().map(|spec| &spec.name);
        let uses = spec.uses.iter().map(|spec| &spec.name);
        let all = supervisors.chain(agents).chain(uses);
        Self { spec, children: all.map(|name| name.value.as_str()).collect() }
    }

    /// Reads all children lists. Beside them: who was probably meant by unknown children.
    fn parents(
        &self,
        order: &[&'s SupervisorSpec],
        notes: &mut Notes<'_>,
    ) -> (Parents<'s>, BTreeSet<&'s str>) {
        let (mut parents, mut meant) = (Parents::new(), BTreeSet::new());
        // Without agents every child is unknown.
        let none = self.spec.agents.is_empty() && self.spec.uses.is_empty();
        for supervisor in order {
            for child in &supervisor.children {
                let name = child.value.as_str();
                let known = self.children.contains(name);
                if !known && (none || notes.enough(codes::UNKNOWN_CHILD)) {
                    continue;
                }
                if !known {
                    notes.fault(self.unknown(name, child.span));
                    meant.extend(self.meant(name));
                } else if let Some((_, first)) = parents.get(name) {
                    let message = format!("`{name}` is in more than one place under supervision");
                    let fault = Fault::new(codes::TWO_PARENTS, message);
                    let fault = fault.label(child.span, "again").label(*first, "first here");
                    notes.fault(fault.help("every agent has one supervisor: take one of them out"));
                } else {
                    parents.insert(name, (supervisor.name.value.as_str(), child.span));
                }
            }
        }
        (parents, meant)
    }

    /// Who was probably meant; the port of an agent means the agent.
    fn meant(&self, name: &str) -> Option<&'s str> {
        let agent = name.split('.').next().unwrap_or_default();
        near(agent, self.children.iter().copied().filter(|name| *name != ROOT), 2)
    }

    fn unknown(&self, name: &str, span: Span) -> Fault {
        if let Some(fault) = inside(self.spec, name, span) {
            return fault;
        }
        let message = format!("there is no agent or supervisor `{name}`");
        let known = self.children.iter().copied().filter(|name| *name != ROOT);
        let help = self.meant(name).map(|meant| format!("did you mean `{meant}`?"));
        let help = help.or_else(|| did_you_mean(name, known));
        Fault::new(codes::UNKNOWN_CHILD, message).label(span, "unknown child").maybe_help(help)
    }
}

fn check_orphans(
    spec: &Spec,
    (parents, meant): (&Parents<'_>, &BTreeSet<&str>),
    notes: &mut Notes<'_>,
) {
    let agents = spec.agents.iter().map(|agent| ("agent", &agent.name));
    let supervisors = spec.supervisors.iter().map(|spec| ("supervisor", &spec.name));
    let uses = spec.uses.iter().map(|spec| ("module", &spec.name));
    for (what, name) in agents.chain(supervisors).chain(uses) {
        let exempt = what == "supervisor" && name.value == ROOT;
        let name_only = name.value.as_str();
        if exempt || parents.contains_key(name_only) || meant.contains(name_only) {
            continue;
        }
        let message = format!("no supervisor starts {what} `{}`", name.value);
        let fault = Fault::new(codes::ORPHAN, message).label(name.span, "not in any `children`");
        let help = format!("add \"{}\" to the children of a supervisor", name.value);
        notes.fault(fault.help(help));
    }
}

/// From every supervisor the way up must end at the root, which has no parent.
fn check_circles(order: &[&SupervisorSpec], parents: &Parents<'_>, notes: &mut Notes<'_>) {
    // What has been walked already leads to the root, or to a circle that was said.
    let mut walked: BTreeSet<&str> = BTreeSet::new();
    for supervisor in order {
        let mut chain: Vec<&str> = Vec::new();
        let mut on_chain: BTreeMap<&str, usize> = BTreeMap::new();
        let mut at = supervisor.name.value.as_str();
        while walked.insert(at) {
            on_chain.insert(at, chain.len());
            chain.push(at);
            match parents.get(at) {
                Some((parent, _)) => at = parent,
                None => break,
            }
        }
        let closes = parents.contains_key(at).then(|| on_chain.get(at).copied()).flatten();
        if let Some(start) = closes {
            notes.fault(circle(&chain[start..], parents));
        }
    }
}

/// A tree that is walked by recursion must not be deeper than a stack.
fn check_depth(order: &[&SupervisorSpec], parents: &Parents<'_>, notes: &mut Notes<'_>) {
    const MOST: usize = limits::SUPERVISOR_DEPTH;
    for supervisor in order {
        let name = &supervisor.name;
        let up = |at: &&str| parents.get(at).map(|(parent, _)| *parent);
        let way = std::iter::successors(Some(name.value.as_str()), up);
        // The first that is too deep is told, not all below it; and a circle has no end.
        let mut way = way.skip(MOST);
        if way.next().is_some() && way.next().is_none() {
            let message = format!("supervisors nest at most {MOST} deep");
            notes.fault(Fault::new(codes::TOO_LARGE, message).label(name.span, "too deep"));
        }
    }
}

fn circle(chain: &[&str], parents: &Parents<'_>) -> Fault {
    let mut names: Vec<&str> = chain.to_vec();
    names.extend(chain.first());
    // The chain goes up; supervision is read downwards.
    names.reverse();
    let message = format!("supervisors in a circle: {}", names.join(" -> "));
    let fault = Fault::new(codes::SUPERVISOR_CYCLE, message);
    let fault = chain
        .iter()
        .filter_map(|name| parents.get(name))
        .fold(fault, |fault, at| fault.label(at.1, "this child"));
    fault.help("the root is nobody's child, and every way up must end there")
}
