//! From the tree to what a file says of modules: `[use.<id>]` and `[module]`.

use crate::codes;
use crate::fault::Fault;
use crate::notes::Notes;
use crate::span::{At, Span};
use crate::spec::{ModuleSpec, PortSpec, Spec, UseSpec};
use crate::spec_agent::{edges, inputs};
use crate::table::{Table, check_name, inner_table, string, table};
use crate::tree::{Entry, Node, Tree};
use crate::type_text;

/// The name under which the agents of a module read its inputs.
pub(crate) const MODULE: &str = "module";

/// What a module is as a child: its root says that.
const OF_ITS_ROOT: &[&str] = &[
    "strategy",
    "intensity",
    "period",
    "delay",
    "restart",
    "shutdown",
    "significant",
    "auto_shutdown",
];

/// Reads `[use.<id>]`.
pub(crate) fn using(entry: &Entry, notes: &mut Notes<'_>) -> Option<UseSpec> {
    let name = entry.key.clone();
    check_name(&name, "a module in use", notes);
    let mut table = Table::of(format!("module `{}`", name.value), entry, notes)?;
    table.elsewhere(OF_ITS_ROOT, "the module says it itself, at its [supervisors.root]", notes);
    let spec = UseSpec {
        from: table.need("from", notes, string),
        inputs: table.get("inputs").map_or_else(Vec::new, |entry| inputs(&entry.value, notes)),
        params: table.read("params", notes, params).map_or_else(Vec::new, |read| read.value),
        name,
    };
    table.finish(notes);
    Some(spec)
}

fn params(node: &Node, notes: &mut Notes<'_>) -> Option<Vec<Entry>> {
    inner_table(node, "a table from params to values", notes).map(<[Entry]>::to_vec)
}

/// Reads `[module]`.
pub(crate) fn module(entry: &Entry, notes: &mut Notes<'_>) -> ModuleSpec {
    let mut spec = ModuleSpec { span: entry.key.span, ..ModuleSpec::default() };
    let Some(mut table) = Table::of("`[module]`", entry, notes) else {
        return spec;
    };
    spec.inputs = ports(table.get("inputs"), notes, |entry, notes| Some(input(entry, notes)));
    spec.outputs = ports(table.get("outputs"), notes, output);
    table.finish(notes);
    spec
}

fn ports(
    entry: Option<&Entry>,
    notes: &mut Notes<'_>,
    read: impl Fn(&Entry, &mut Notes<'_>) -> Option<PortSpec>,
) -> Vec<PortSpec> {
    let entries = entry.and_then(|entry| table(&entry.value, notes)).unwrap_or_default();
    let port = |entry: &Entry| {
        check_name(&entry.key, "a module's port", notes);
        read(entry, notes)
    };
    entries.iter().filter_map(port).collect()
}

/// `text = "string"`: whatever stands there is the type.
fn input(entry: &Entry, notes: &mut Notes<'_>) -> PortSpec {
    PortSpec {
        name: entry.key.clone(),
        ty: type_text::read(&entry.value, notes).map(|ty| At::new(ty, entry.value.span)),
        from: Vec::new(),
        from_span: Span::default(),
    }
}

/// `found = { type = "Finding", from = "scan.out" }`.
fn output(entry: &Entry, notes: &mut Notes<'_>) -> Option<PortSpec> {
    let name = entry.key.clone();
    let mut table = Table::of(format!("output `{}`", name.value), entry, notes)?;
    let from = |node: &Node, notes: &mut Notes<'_>| {
        if matches!(&node.tree, Tree::Array(none) if none.is_empty()) {
            let message = format!("nothing goes out by `{}`", entry.key.value);
            let fault = Fault::new(codes::MISSING_KEY, message).label(node.span, "of which agent?");
            notes.fault(fault.help("write from = \"<agent>\""));
        }
        Some(edges(node, notes))
    };
    let ty = table.need("type", notes, type_text::read);
    let from = table.need("from", notes, from);
    table.finish(notes);
    let (from, from_span) = from.map_or((Vec::new(), name.span), |from| (from.value, from.span));
    Some(PortSpec { name, ty, from, from_span })
}

/// What only a pipeline has, in a module.
pub(crate) fn only_pipelines(key: &Entry, notes: &mut Notes<'_>) {
    let fault = Fault::new(codes::UNKNOWN_KEY, format!("a module has no `{}`", key.key.value));
    let help = "it belongs to the pipeline that uses the module";
    notes.fault(fault.label(key.key.span, "not in a module").help(help));
}

/// In a module, its own name is taken.
pub(crate) fn check_own_name(spec: &Spec, notes: &mut Notes<'_>) {
    let agents = spec.agents.iter().map(|spec| &spec.name);
    for name in agents.chain(spec.uses.iter().map(|spec| &spec.name)) {
        if name.value == MODULE {
            let message = format!("nothing in a module can be called `{MODULE}`");
            let fault = Fault::new(codes::BAD_NAME, message).label(name.span, "taken");
            notes.fault(fault.help("`module.<input>` is how agents of a module read its inputs"));
        }
    }
}
