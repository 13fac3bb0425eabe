//! What the file grants, against what the component imports.

use std::collections::{BTreeMap, BTreeSet};

use theater_flow_kernel::plan::{Grants, Root};

use crate::codes;
use crate::facts::{ActorFacts, Import};
use crate::fault::{Fault, list};
use crate::graph::Agent;
use crate::notes::Notes;
use crate::spec::{GrantsSpec, Switch};

const ALWAYS: [&str; 4] = ["outbox", "log", "types", "actor"];
const FILES: &str = "files";
const READS: [&str; 3] = ["read", "stat", "list"];
const WRITES: [&str; 3] = ["append", "replace", "close"];

/// The grants of the plan.
pub(crate) fn grants(agent: &Agent<'_>) -> Grants {
    let on = |switch: Switch| has(&agent.spec.grants, switch);
    Grants {
        clock: on(Switch::Clock),
        random: on(Switch::Random),
        timer: on(Switch::Timer),
        stdin: on(Switch::Stdin),
        stdout: on(Switch::Stdout),
        read: agent.read.clone(),
        write: agent.write.clone(),
    }
}

fn has(grants: &GrantsSpec, switch: Switch) -> bool {
    grants.switches.iter().any(|on| on.value == switch)
}

/// Compares an agent's grants with its component's imports.
pub(crate) fn check(agent: &Agent<'_>, notes: &mut Notes<'_>) {
    let Some(facts) = agent.facts else { return };
    let grants = &agent.spec.grants;
    let interfaces: BTreeSet<&str> =
        facts.imports.iter().map(|import| import.interface.as_str()).collect();
    for interface in &interfaces {
        check_import(agent, interface, notes);
    }
    for switch in &grants.switches {
        if !interfaces.contains(switch.value.name()) {
            let what = switch.value.name();
            notes.fault(idle(agent, what).label(switch.span, "no use of this"));
        }
    }
    if let Some(span) = grants.files.filter(|_| !interfaces.contains(FILES)) {
        notes.fault(idle(agent, FILES).label(span, "no use of this"));
    }
    if interfaces.contains(FILES) && grants.files.is_some() {
        check_files(agent, facts, notes);
    }
}

fn check_import(agent: &Agent<'_>, interface: &str, notes: &mut Notes<'_>) {
    let grants = &agent.spec.grants;
    let switch = Switch::ALL.into_iter().find(|switch| switch.name() == interface);
    if grants.unclear && !ALWAYS.contains(&interface) && !interface.contains(':') {
        return;
    }
    let granted = match switch {
        Some(switch) => has(grants, switch),
        None if interface == FILES => grants.files.is_some(),
        None if ALWAYS.contains(&interface) => true,
        // Linked to a stub that denies.
        None if interface.starts_with("wasi:") => true,
        None => return notes.fault(not_offered(agent, interface)),
    };
    if granted {
        return;
    }
    let name = &agent.spec.name.value;
    let message = format!("agent `{name}` needs `{interface}`, which it is not granted");
    let help = match switch {
        Some(_) => format!("if it may: grants = {{ {interface} = true }}"),
        None => format!("if it may: grants = {{ files = {{ {} }} }}", roots_used(agent)),
    };
    let fault = Fault::new(codes::NO_GRANT, message);
    let text = format!("its actor imports theater:flow/{interface}");
    notes.fault(fault.label(agent.spec.name.span, text).help(help));
}

/// The roots that an actor has use for, as they would stand in the file.
fn roots_used(agent: &Agent<'_>) -> String {
    let imports = agent.facts.map_or(&[][..], |facts| &facts.imports);
    let uses = |functions| imports.iter().any(|import| used(import, functions).is_some());
    let sides = [("read", uses(READS)), ("write", uses(WRITES))];
    let roots = sides.iter().filter(|(_, used)| *used).map(|(side, _)| format!("{side} = [\"…\"]"));
    roots.collect::<Vec<String>>().join(", ")
}

fn not_offered(agent: &Agent<'_>, interface: &str) -> Fault {
    let name = &agent.spec.name.value;
    let message = format!("agent `{name}` imports `{interface}`, which this engine does not offer");
    Fault::new(codes::NO_IMPORT, message).label(agent.spec.name.span, "this agent")
}

fn idle(agent: &Agent<'_>, what: &str) -> Fault {
    let name = &agent.spec.name.value;
    let message = format!("agent `{name}` is granted `{what}`, which its actor does not import");
    Fault::new(codes::IDLE_GRANT, message).warning().help("take the grant out")
}

fn check_files(agent: &Agent<'_>, facts: &ActorFacts, notes: &mut Notes<'_>) {
    let grants = &agent.spec.grants;
    let Some(span) = grants.files else { return };
    let sides =
        [("read", READS, grants.read.is_empty()), ("write", WRITES, grants.write.is_empty())];
    for (side, functions, none) in sides {
        let used: Vec<&str> = facts.imports.iter().filter_map(|i| used(i, functions)).collect();
        let name = &agent.spec.name.value;
        if none && !used.is_empty() && !grants.unclear {
            let message = format!("agent `{name}` has no root to {side}");
            let text = format!("its actor imports {} of `files`", list(&used));
            let fault = Fault::new(codes::NO_ROOT, message).label(span, text);
            notes.fault(fault.help(format!("if it may: files = {{ {side} = [\"…\"] }}")));
        } else if !none && used.is_empty() {
            let what = format!("files.{side}");
            notes.fault(idle(agent, &what).label(span, format!("no use of `{side}`")));
        }
    }
}

fn used<'i>(import: &'i Import, functions: [&str; 3]) -> Option<&'i str> {
    let is_used = import.interface == FILES && functions.contains(&import.function.as_str());
    is_used.then_some(import.function.as_str())
}

/// Warns of two agents that write the same file: a write root that each also names in its config is a
/// file, not a folder that they may share.
pub(crate) fn check_same_file(agents: &[Agent<'_>], notes: &mut Notes<'_>) {
    let mut writers: BTreeMap<&str, &Agent<'_>> = BTreeMap::new();
    for agent in agents {
        for root in agent.write.iter().filter(|root| names_file(agent, root)) {
            let Some(first) = writers.get(root.path.as_str()) else {
                writers.insert(&root.path, agent);
                continue;
            };
            if first.name == agent.name {
                continue;
            }
            let (one, other) = (&first.spec.name, &agent.spec.name);
            let message = format!(
                "agents `{}` and `{}` write one file, {}",
                first.name, agent.name, root.name
            );
            let fault = Fault::new(codes::SAME_FILE, message).warning();
            let help = "the one that comes second is refused when both run: give each its own file";
            let fault = fault.label(other.span, "here").help(help);
            // A module in two places is one agent in the file.
            let same = one.span == other.span;
            notes.fault(if same { fault } else { fault.label(one.span, "and here") });
        }
    }
}

fn names_file(agent: &Agent<'_>, root: &Root) -> bool {
    let config = agent.config.as_deref().unwrap_or_default();
    let quoted = serde_json::Value::String(root.name.clone()).to_string();
    config.contains(&quoted)
}
