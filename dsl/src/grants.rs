//! What the file grants, against what the component imports.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;
use theater_flow_kernel::plan::{Grants, Restore};

use crate::codes;
use crate::facts::{ActorFacts, Import};
use crate::fault::{Fault, list};
use crate::graph::Agent;
use crate::notes::Notes;
use crate::paths;
use crate::spec::{GrantsSpec, Habits, Switch};

const ALWAYS: [&str; 4] = ["outbox", "log", "types", "actor"];
const FILES: &str = "files";
const HTTP: &str = "http";
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
        http: agent.spec.grants.hosts.clone(),
    }
}

fn has(grants: &GrantsSpec, switch: Switch) -> bool {
    grants.switches.iter().any(|on| on.value == switch)
}

/// Compares an agent's grants with its component's imports, and with what it does `usual`ly.
pub(crate) fn check(agent: &Agent<'_>, usual: &Habits, notes: &mut Notes<'_>) {
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
    if let Some(span) = grants.http.filter(|_| !interfaces.contains(HTTP)) {
        notes.fault(idle(agent, HTTP).label(span, "no use of this"));
    }
    check_restore(agent, usual, notes);
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
        None if interface == HTTP => grants.http.is_some(),
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
        None if interface == HTTP => "if it may: grants = { http = [{ host = \"…\" }] }".to_owned(),
        None => format!("if it may: grants = {{ files = {{ {} }} }}", roots_used(agent)),
    };
    let fault = Fault::new(codes::NO_GRANT, message);
    let text = format!("its actor imports theater:flow/{interface}");
    notes.fault(fault.label(agent.spec.name.span, text).help(help));
}

/// What an agent has asked for is answered to its next life, which must come to the same question: it cannot
/// begin from nothing.
fn check_restore(agent: &Agent<'_>, usual: &Habits, notes: &mut Notes<'_>) {
    let Some(span) = agent.spec.grants.http else { return };
    let own = agent.spec.habits.restore;
    if own.or(usual.restore) == Some(Restore::Fresh) {
        let name = &agent.spec.name.value;
        let message = format!("agent `{name}` is granted `http` and restarted with empty state");
        let fault = Fault::new(codes::FRESH_ASKER, message).label(span, "what it asks is recorded");
        let help = if own.is_some() {
            "take `restore = \"fresh\"` out: its state is that of the last event it handled"
        } else {
            "`[defaults.agent]` says so: give this agent `restore = \"checkpoint\"`"
        };
        notes.fault(fault.help(help));
    }
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
    let mut writers: BTreeMap<String, &Agent<'_>> = BTreeMap::new();
    for agent in agents {
        for (file, said) in files(agent) {
            let Some(first) = writers.get(&file) else {
                writers.insert(file, agent);
                continue;
            };
            let (one, other) = (&first.spec.name, &agent.spec.name);
            let message =
                format!("agents `{}` and `{}` write one file, {said}", first.name, agent.name);
            let fault = Fault::new(codes::SAME_FILE, message).warning();
            let help = "the one that comes second is refused: give each its own file, or let one \
                        agent write for both";
            let fault = fault.label(other.span, "here").help(help);
            // A module in two places is one agent in the file.
            let same = one.span == other.span;
            notes.fault(if same { fault } else { fault.label(one.span, "and here") });
        }
    }
}

/// The files that the texts of an agent's config name below what it may write: the absolute path, and
/// how it says it.
fn files(agent: &Agent<'_>) -> BTreeMap<String, String> {
    let config = agent.config.as_deref().unwrap_or_default();
    let config: Value = serde_json::from_str(config).unwrap_or(Value::Null);
    let mut texts = Vec::new();
    gather(&config, false, &mut texts);
    let mut found = BTreeMap::new();
    for text in texts {
        let roots = agent.write.iter().filter_map(|root| Some((root, below(&root.name, text)?)));
        // The longest root is the one that is meant.
        if let Some((root, rest)) = roots.min_by_key(|(_, rest)| rest.len()) {
            found.insert(paths::absolute(&root.path, &rest), text.to_owned());
        }
    }
    found
}

/// The texts of a config that are files by the name of their key. Other texts may look like paths and be none.
fn gather<'v>(value: &'v Value, is_file: bool, texts: &mut Vec<&'v str>) {
    const FILES: &[&str] = &["file", "files", "output", "outputs", "path", "paths", "target"];
    match value {
        Value::String(text) if is_file => texts.push(text),
        Value::Array(items) => items.iter().for_each(|item| gather(item, is_file, texts)),
        Value::Object(object) => {
            object.iter().for_each(|(key, of)| gather(of, FILES.contains(&key.as_str()), texts));
        }
        _ => {}
    }
}

/// What of a path is below a root, if it is the root or below it, whatever their spelling.
fn below(root: &str, path: &str) -> Option<String> {
    if root.starts_with('/') != path.starts_with('/') {
        return None;
    }
    let (root, path) = (paths::absolute("/", root), paths::absolute("/", path));
    let rest = path.strip_prefix(root.trim_end_matches('/'))?;
    (rest.is_empty() || rest.starts_with('/')).then(|| rest.trim_start_matches('/').to_owned())
}
