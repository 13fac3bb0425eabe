//! From the tree to the [`AgentSpec`].

use theater_flow_kernel::ids::Digest;
use theater_flow_kernel::limits;
use theater_flow_kernel::plan::Restore;

use crate::codes;
use crate::fault::Fault;
use crate::notes::Notes;
use crate::slip;
use crate::span::At;
use crate::spec::{
    AgentSpec, ConfigSpec, EdgeSpec, GrantsSpec, Habits, InputSpec, OutputSpec, RetrySpec, Switch,
};
use crate::spec_http;
use crate::spec_restart::{RESTARTS, shutdown, significant, wait};
use crate::table::{
    Table, boolean, check_path, duration, inner_table, size, string, table, whole, whole32, word,
    wrong_kind,
};
use crate::tree::{Entry, Node, Tree};
use crate::type_text;

pub(crate) const RESTORES: &[(&str, Restore)] =
    &[("checkpoint", Restore::Checkpoint), ("fresh", Restore::Fresh)];

/// Reads `[agents.<name>]`.
pub(crate) fn agent(entry: &Entry, notes: &mut Notes<'_>) -> Option<AgentSpec> {
    check_path(&entry.key, "an agent", notes);
    // A dot was said; the agent itself is what stands behind it.
    let last = entry.key.value.rsplit('.').next().unwrap_or_default();
    let name = At::new(last.to_owned(), entry.key.span);
    let mut table = Table::of(format!("agent `{}`", name.value), entry, notes)?.forgiving();
    let strange = notes.has(codes::UNKNOWN_KEY);
    let mut spec = AgentSpec {
        actor: table.need("actor", notes, string),
        sha256: table.read("sha256", notes, digest),
        inputs: table.get("inputs").map_or_else(Vec::new, |entry| inputs(&entry.value, notes)),
        outputs: table.read("outputs", notes, outputs).map_or_else(Vec::new, |read| read.value),
        config: config(table.get("config"), notes),
        grants: all_grants(&mut table, notes),
        habits: habits(&mut table, notes),
        significant: significant(&mut table, notes),
        name,
    };
    table.later("key", notes);
    table.later("workers", notes);
    table.finish(notes);
    if matches!(spec.config, ConfigSpec::Absent) && notes.has(codes::UNKNOWN_KEY) > strange {
        // What the actor misses may be there, under a key that is not known.
        spec.config = ConfigSpec::Faulty;
    }
    Some(spec)
}

/// Reads what an agent and `[defaults.agent]` have in common.
pub(crate) fn habits(table: &mut Table<'_>, notes: &mut Notes<'_>) -> Habits {
    let limits = table.read("limits", notes, guest_limits).map(|read| read.value);
    let (memory, fuel) = limits.unwrap_or_default();
    let before = notes.told();
    let restart = table.read("restart", notes, word(RESTARTS));
    let restore = table.read("restore", notes, word(RESTORES)).map(|read| read.value);
    let unclear = notes.told() > before;
    Habits {
        restart,
        restore,
        unclear,
        shutdown: table.read("shutdown", notes, shutdown).map(|read| read.value),
        retry: table.read("retry", notes, retry).map(|read| read.value).unwrap_or_default(),
        timeout_ms: table.read("timeout", notes, duration).map(|read| read.value),
        memory,
        fuel,
    }
}

fn digest(node: &Node, notes: &mut Notes<'_>) -> Option<Digest> {
    let digest = Digest::from_hex(&string(node, notes)?);
    if digest.is_none() {
        let fault = Fault::new(codes::WRONG_KIND, "a SHA-256 is 64 hex digits");
        let fault = fault.label(node.span, "not a SHA-256");
        let help = "`sha256sum FILE` prints them, and nothing stands before them here";
        notes.fault(fault.help(help));
    }
    digest
}

fn config(entry: Option<&Entry>, notes: &mut Notes<'_>) -> ConfigSpec {
    match entry {
        None => ConfigSpec::Absent,
        Some(entry) if table(&entry.value, notes).is_some() => {
            ConfigSpec::Table(entry.value.clone())
        }
        Some(_) => ConfigSpec::Faulty,
    }
}

fn guest_limits(node: &Node, notes: &mut Notes<'_>) -> Option<(Option<u64>, Option<u64>)> {
    let entries = inner_table(node, "a table such as { memory = \"64MiB\" }", notes)?;
    let mut table = Table::new("`limits`", node.span, entries).forgiving();
    let memory = table.read("memory", notes, size(limits::MEMORY_BYTES_MAX));
    let fuel = table.read("fuel", notes, whole(1, i64::MAX.unsigned_abs()));
    table.finish(notes);
    Some((memory.map(|read| read.value), fuel.map(|read| read.value)))
}

fn retry(node: &Node, notes: &mut Notes<'_>) -> Option<RetrySpec> {
    let entries = inner_table(node, "a table such as { max = 3 }", notes)?;
    let mut table = Table::new("`retry`", node.span, entries).forgiving();
    let retry = RetrySpec {
        max: table.read("max", notes, whole32(0, 1_000_000)).map(|read| read.value),
        wait: wait(&mut table, notes),
    };
    table.finish(notes);
    Some(retry)
}

/// `inputs`: a producer, a list of them, or a table of ports.
pub(crate) fn inputs(node: &Node, notes: &mut Notes<'_>) -> Vec<InputSpec> {
    match node.entries() {
        Some(entries) if !is_bare_edge(entries) => {
            let port = |entry: &Entry| InputSpec {
                port: Some(entry.key.clone()),
                edges: edges(&entry.value, notes),
                span: entry.key.span,
            };
            entries.iter().map(port).collect()
        }
        _ => vec![InputSpec { port: None, edges: edges(node, notes), span: node.span }],
    }
}

/// Whether a table is one edge and not a table of ports: an actor may well have a port `from`, but hardly one
/// `feedback` beside it; and no port is wired to a number or to `true`, whatever its key was meant to be.
fn is_bare_edge(entries: &[Entry]) -> bool {
    let is_edge = |key: &str| matches!(key, "from" | "type" | "feedback" | "rounds");
    let is_more = |node: &Node| matches!(node.tree, Tree::Bool(_) | Tree::Integer(_));
    let from = entries.iter().any(|entry| entry.key.value == "from");
    entries.len() > 1
        && (entries.iter().all(|entry| is_edge(&entry.key.value))
            || from && entries.iter().any(|entry| is_more(&entry.value)))
}

pub(crate) fn edges(node: &Node, notes: &mut Notes<'_>) -> Vec<EdgeSpec> {
    match &node.tree {
        Tree::Array(items) => items.iter().filter_map(|node| edge(node, notes)).collect(),
        _ => edge(node, notes).into_iter().collect(),
    }
}

/// `"walk"`, `"walk.out"`, or a table that says more.
fn edge(node: &Node, notes: &mut Notes<'_>) -> Option<EdgeSpec> {
    match &node.tree {
        Tree::String(text) => {
            Some(EdgeSpec { from: At::new(text.clone(), node.span), ty: None, feedback: None })
        }
        Tree::Table(entries) => {
            edge_table(Table::new("an edge", node.span, entries).forgiving(), notes)
        }
        _ => {
            wrong_kind("a producer such as \"walk.out\", or a list of them", node, notes);
            None
        }
    }
}

/// `{ from = "critic.revise", feedback = true, rounds = 5 }`, and `type = "Line"` for what is read as a type
/// that says less. What feeds back has an end: `rounds` must be there,
/// and means nothing where nothing feeds back.
fn edge_table(mut table: Table<'_>, notes: &mut Notes<'_>) -> Option<EdgeSpec> {
    let from = table.need("from", notes, string);
    let ty = table.read("type", notes, type_text::read);
    let feedback = table.read("feedback", notes, boolean);
    let bound = whole32(1, limits::ROUNDS_MAX);
    let (rounds, feeds_back) = if feedback.is_some_and(|feedback| feedback.value) {
        (table.need("rounds", notes, bound), true)
    } else {
        let rounds = table.read("rounds", notes, bound);
        if let Some(rounds) = &rounds {
            let message = "an edge with `rounds` has no `feedback = true`";
            let fault = Fault::new(codes::MISSING_KEY, message).label(rounds.span, "of what?");
            notes.fault(fault.help("write feedback = true beside it, or take `rounds` out"));
        }
        let feeds_back = rounds.is_some();
        (rounds, feeds_back)
    };
    table.finish(notes);
    // Without its rounds it is a feedback edge all the same: the cycle is not the fault.
    let feedback = feeds_back.then(|| rounds.map_or(1, |rounds| rounds.value));
    Some(EdgeSpec { from: from?, ty, feedback })
}

fn outputs(node: &Node, notes: &mut Notes<'_>) -> Option<Vec<OutputSpec>> {
    let entries = inner_table(node, slip::OUTPUTS, notes)?;
    let read = |entry: &Entry| {
        let expr = type_text::read(&entry.value, notes)?;
        Some(OutputSpec { port: entry.key.clone(), ty: At::new(expr, entry.value.span) })
    };
    Some(entries.iter().filter_map(read).collect())
}

/// What an agent is granted. After a fault nobody knows what else was meant to be granted.
fn all_grants(table: &mut Table<'_>, notes: &mut Notes<'_>) -> GrantsSpec {
    let before = notes.told();
    let grants = table.read("grants", notes, grants).map(|read| read.value);
    let unclear = notes.told() > before || table.has(&["files", "http"]);
    let unclear = unclear || Switch::ALL.iter().any(|switch| table.has(&[switch.name()]));
    GrantsSpec { unclear, ..grants.unwrap_or_default() }
}

fn grants(node: &Node, notes: &mut Notes<'_>) -> Option<GrantsSpec> {
    let mut table =
        Table::new("`grants`", node.span, inner_table(node, slip::GRANTS, notes)?).forgiving();
    let mut grants = GrantsSpec::default();
    for switch in Switch::ALL {
        if let Some(on) = table.read(switch.name(), notes, boolean).filter(|on| on.value) {
            grants.switches.push(At::new(switch, on.span));
        }
    }
    if let Some(entry) = table.get("files") {
        grants.files = Some(entry.key.span);
        files(&entry.value, &mut grants, notes);
    }
    if let Some(entry) = table.get("http") {
        grants.http = Some(entry.key.span);
        grants.hosts = spec_http::hosts(&entry.value, notes);
    }
    for key in ["model", "process", "approval"] {
        table.later(key, notes);
    }
    table.finish(notes);
    Some(grants)
}

fn files(node: &Node, grants: &mut GrantsSpec, notes: &mut Notes<'_>) {
    let Some(entries) = inner_table(node, slip::FILES, notes) else {
        return;
    };
    let mut table = Table::new("`files`", node.span, entries).forgiving();
    grants.read = table.read("read", notes, roots).map_or_else(Vec::new, |roots| roots.value);
    grants.write = table.read("write", notes, roots).map_or_else(Vec::new, |roots| roots.value);
    table.finish(notes);
}

fn roots(node: &Node, notes: &mut Notes<'_>) -> Option<Vec<Node>> {
    if let Tree::Array(items) = &node.tree {
        return Some(items.clone());
    }
    wrong_kind(slip::ROOTS, node, notes);
    None
}
