//! The supervision tree: every agent and every supervisor but the root is the child of exactly one.

use std::collections::{BTreeMap, BTreeSet};

use theater_flow_kernel::ids::{AgentId, SupervisorId};
use theater_flow_kernel::limits;
use theater_flow_kernel::plan::{Child, Strategy, Supervisor};

use crate::codes;
use crate::fault::{Fault, did_you_mean};
use crate::notes::Notes;
use crate::span::Span;
use crate::spec::{Spec, SupervisorSpec};
use crate::spec_file::ROOT;

/// The supervisors of the plan, the root first. Wrong where there were faults.
pub(crate) fn tree(spec: &Spec, notes: &mut Notes<'_>) -> Vec<Supervisor> {
    let order = order(&spec.supervisors);
    let names = Names::new(spec, &order, notes);
    let parents = names.parents(&order, notes);
    check_orphans(spec, &parents, notes);
    check_circles(&order, &parents, notes);
    let usual = spec.default_supervisor;
    let supervisor = |(at, spec): (usize, &&SupervisorSpec)| {
        let own = spec.habits;
        Supervisor {
            id: SupervisorId(id(at)),
            name: spec.name.value.clone(),
            strategy: own.strategy.or(usual.strategy).unwrap_or(Strategy::OneForOne),
            children: spec.children.iter().filter_map(|name| names.find(&name.value)).collect(),
            intensity: own.intensity.or(usual.intensity).unwrap_or(limits::INTENSITY),
            period_ms: own.period_ms.or(usual.period_ms).unwrap_or(limits::PERIOD_MS),
        }
    };
    order.iter().enumerate().map(supervisor).collect()
}

fn order(specs: &[SupervisorSpec]) -> Vec<&SupervisorSpec> {
    let (root, others): (Vec<_>, Vec<_>) = specs.iter().partition(|spec| spec.name.value == ROOT);
    root.into_iter().chain(others).collect()
}

fn id(at: usize) -> u32 {
    u32::try_from(at).unwrap_or(u32::MAX)
}

/// Who can be a child.
struct Names<'s> {
    children: BTreeMap<&'s str, Child>,
}

/// Where each child stands first: the supervisor's name, and the place.
type Parents<'s> = BTreeMap<&'s str, (&'s str, Span)>;

impl<'s> Names<'s> {
    fn new(spec: &'s Spec, order: &[&'s SupervisorSpec], notes: &mut Notes<'_>) -> Self {
        let mut children = BTreeMap::new();
        for (at, supervisor) in order.iter().enumerate() {
            children
                .insert(supervisor.name.value.as_str(), Child::Supervisor(SupervisorId(id(at))));
        }
        for (at, agent) in spec.agents.iter().enumerate() {
            let name = agent.name.value.as_str();
            if children.insert(name, Child::Agent(AgentId(id(at)))).is_some()
                && let Some(other) = order.iter().find(|spec| spec.name.value == name)
            {
                let message = format!("`{name}` is an agent and a supervisor");
                let fault = Fault::new(codes::SAME_NAME, message);
                let fault = fault.label(agent.name.span, "the agent");
                notes.fault(fault.label(other.name.span, "the supervisor"));
            }
        }
        Self { children }
    }

    fn find(&self, name: &str) -> Option<Child> {
        self.children.get(name).copied()
    }

    /// Reads all children lists.
    fn parents(&self, order: &[&'s SupervisorSpec], notes: &mut Notes<'_>) -> Parents<'s> {
        let mut parents = Parents::new();
        for supervisor in order {
            for child in &supervisor.children {
                let name = child.value.as_str();
                if self.find(name).is_none() && notes.enough(codes::UNKNOWN_CHILD) {
                    continue;
                }
                if self.find(name).is_none() {
                    notes.fault(self.unknown(name, child.span));
                } else if let Some((_, first)) = parents.get(name) {
                    let message = format!("`{name}` is in more than one place under supervision");
                    let fault = Fault::new(codes::TWO_PARENTS, message);
                    notes.fault(fault.label(child.span, "again").label(*first, "first here"));
                } else {
                    parents.insert(name, (supervisor.name.value.as_str(), child.span));
                }
            }
        }
        parents
    }

    fn unknown(&self, name: &str, span: Span) -> Fault {
        let message = format!("there is no agent or supervisor `{name}`");
        let help = did_you_mean(name, self.children.keys().copied().filter(|name| *name != ROOT));
        Fault::new(codes::UNKNOWN_CHILD, message).label(span, "unknown child").maybe_help(help)
    }
}

fn check_orphans(spec: &Spec, parents: &Parents<'_>, notes: &mut Notes<'_>) {
    let agents = spec.agents.iter().map(|agent| ("agent", &agent.name));
    let supervisors = spec.supervisors.iter().map(|spec| ("supervisor", &spec.name));
    for (what, name) in agents.chain(supervisors) {
        let exempt = what == "supervisor" && name.value == ROOT;
        if exempt || parents.contains_key(name.value.as_str()) {
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
