//! From the tree to the [`Spec`]: the file as a whole. Agents are in `spec_agent`.

use theater_flow_kernel::limits;
use theater_flow_kernel::plan::{Overflow, Strategy};

use crate::codes;
use crate::fault::Fault;
use crate::notes::Notes;
use crate::span::Span;
use crate::spec::{
    ChannelHabits, ChannelSpec, ParamSpec, Spec, SupervisorHabits, SupervisorSpec, TypeSpec,
};
use crate::spec_agent::{agent, habits};
use crate::spec_module::{MODULE, check_own_name, module, only_pipelines, using};
use crate::spec_tests::tests;
use crate::table::{
    Table, check_name, check_path, duration, string, strings, table, whole32, word, wrong_kind,
};
use crate::tree::{Entry, Node, Tree};
use crate::type_text;

/// The name of the supervisor that every other one is below.
pub(crate) const ROOT: &str = "root";

pub(crate) const STRATEGIES: &[(&str, Strategy)] = &[
    ("one-for-one", Strategy::OneForOne),
    ("one-for-all", Strategy::OneForAll),
    ("rest-for-one", Strategy::RestForOne),
];

pub(crate) const OVERFLOWS: &[(&str, Overflow)] = &[
    ("block", Overflow::Block),
    ("drop-oldest", Overflow::DropOldest),
    ("drop-newest", Overflow::DropNewest),
    ("fail", Overflow::Fail),
];

/// Reads a file's tables. What cannot be read is left out of the [`Spec`], after its fault.
pub(crate) fn read(number: u32, entries: &[Entry], notes: &mut Notes<'_>) -> Spec {
    let is_module = entries.iter().any(|entry| entry.key.value == MODULE);
    let what = if is_module { "the module" } else { "the pipeline" };
    let top = Span::top(number);
    let mut file = Table::new(what, top, entries);
    check_format(&mut file, notes);
    let mut spec = Spec::default();
    if let Some(name) = file.need("name", notes, string) {
        check_name(&name, "a pipeline", notes);
        spec.name = name.value;
    }
    spec.module = file.get(MODULE).map(|entry| module(entry, notes));
    spec.uses = each(file.get("use"), notes, using);
    spec.description =
        file.read("description", notes, string).map_or_else(String::new, |text| text.value);
    spec.supervisors = each(file.get("supervisors"), notes, supervisor);
    spec.params = each(file.get("params"), notes, param);
    spec.types = each(file.get("types"), notes, |entry, notes| Some(named_type(entry, notes)));
    match file.get("errors") {
        Some(entry) if is_module => only_pipelines(entry, notes),
        Some(entry) => errors(entry, &mut spec, notes),
        None => {}
    }
    if let Some(entry) = file.get("defaults") {
        defaults(entry, &mut spec, notes);
    }
    spec.agents = each(file.get("agents"), notes, agent);
    spec.channels = each(file.get("channels"), notes, |entry, notes| Some(channel(entry, notes)));
    match file.get("tests") {
        Some(entry) if is_module => only_pipelines(entry, notes),
        entry => spec.tests = tests(entry, notes),
    }
    file.finish(notes);
    check_root(&spec, (what, top), notes);
    if is_module {
        check_own_name(&spec, notes);
    }
    check_size(&spec, notes);
    spec
}

fn check_format(file: &mut Table<'_>, notes: &mut Notes<'_>) {
    let any = |node: &Node, _: &mut Notes<'_>| Some(node.tree.clone());
    let Some(format) = file.need("format", notes, any) else {
        return;
    };
    if format.value != Tree::Integer(1) {
        let fault = Fault::new(codes::FORMAT, "this version reads format 1 only");
        notes.fault(fault.label(format.span, "another format").help("write `format = 1`"));
    }
}

fn check_root(spec: &Spec, (what, top): (&str, Span), notes: &mut Notes<'_>) {
    if spec.supervisors.iter().all(|supervisor| supervisor.name.value != ROOT) {
        let fault = Fault::new(codes::MISSING_KEY, format!("{what} has no `[supervisors.root]`"));
        let help = "it names the agents to start: [supervisors.root] with children = [\"…\"]";
        notes.fault(fault.label(top, "here").help(help));
    }
    if spec.agents.is_empty() && spec.uses.is_empty() {
        let fault = Fault::new(codes::MISSING_KEY, format!("{what} has no agents"));
        let help = "an agent is a table: [agents.<name>] with actor = \"std/…\"";
        notes.fault(fault.label(top, "here").help(help));
    }
}

fn check_size(spec: &Spec, notes: &mut Notes<'_>) {
    let bounds = [
        ("agents", spec.agents.get(limits::AGENTS).map(|agent| agent.name.span), limits::AGENTS),
        ("types", spec.types.get(limits::TYPES).map(|ty| ty.name.span), limits::TYPES),
    ];
    for (what, beyond, bound) in bounds {
        if let Some(span) = beyond {
            let message = format!("a pipeline has at most {bound} {what}");
            notes.fault(Fault::new(codes::TOO_LARGE, message).label(span, "one too many"));
        }
    }
}

/// Reads every entry of a table of named things; none if there is no such table.
fn each<T>(
    entry: Option<&Entry>,
    notes: &mut Notes<'_>,
    mut read: impl FnMut(&Entry, &mut Notes<'_>) -> Option<T>,
) -> Vec<T> {
    let entries = entry.and_then(|entry| table(&entry.value, notes)).unwrap_or_default();
    entries.iter().filter_map(|entry| read(entry, notes)).collect()
}

fn supervisor(entry: &Entry, notes: &mut Notes<'_>) -> Option<SupervisorSpec> {
    let name = entry.key.clone();
    check_path(&name, "a supervisor", notes);
    let mut table = Table::of(format!("supervisor `{}`", name.value), entry, notes)?;
    let spec = SupervisorSpec {
        children: table.need("children", notes, strings).map_or_else(Vec::new, |read| read.value),
        habits: supervisor_habits(&mut table, notes),
        name,
    };
    table.finish(notes);
    Some(spec)
}

/// Reads what a supervisor and `[defaults.supervisor]` have in common.
fn supervisor_habits(table: &mut Table<'_>, notes: &mut Notes<'_>) -> SupervisorHabits {
    SupervisorHabits {
        strategy: table.read("strategy", notes, word(STRATEGIES)).map(|read| read.value),
        intensity: table.read("intensity", notes, whole32(0, 1_000_000)).map(|read| read.value),
        period_ms: table.read("period", notes, duration).map(|read| read.value),
    }
}

fn param(entry: &Entry, notes: &mut Notes<'_>) -> Option<ParamSpec> {
    let name = entry.key.clone();
    check_name(&name, "a param", notes);
    let mut table = Table::of(format!("param `{}`", name.value), entry, notes)?;
    let ty = table.need("type", notes, type_text::read).map(|ty| ty.value);
    let spec = ParamSpec { name, ty, default: table.get("default").map(|e| e.value.clone()) };
    table.read("description", notes, string);
    table.finish(notes);
    Some(spec)
}

fn named_type(entry: &Entry, notes: &mut Notes<'_>) -> TypeSpec {
    let name = entry.key.clone();
    if !type_text::is_type_name(&name.value) {
        let message = format!("`{}` cannot name a type", name.value);
        let fault = Fault::new(codes::BAD_NAME, message).label(name.span, "not a type's name");
        let help = "a letter, then letters, digits and `-`; and not a word of the type language";
        notes.fault(fault.help(help));
    }
    let expr = type_text::read(&entry.value, notes);
    TypeSpec { name, expr }
}

fn errors(entry: &Entry, spec: &mut Spec, notes: &mut Notes<'_>) {
    let Some(mut table) = Table::of("`[errors]`", entry, notes) else {
        return;
    };
    spec.dead_letter = table.read("dead_letter", notes, string);
    table.finish(notes);
}

fn defaults(entry: &Entry, spec: &mut Spec, notes: &mut Notes<'_>) {
    let Some(mut table) = Table::of("`[defaults]`", entry, notes) else {
        return;
    };
    if let Some(entry) = table.get("channel") {
        spec.default_channel = channel_table(entry, "`[defaults.channel]`", notes);
    }
    if let Some(entry) = table.get("agent")
        && let Some(mut table) = Table::of("`[defaults.agent]`", entry, notes)
    {
        spec.default_agent = habits(&mut table, notes);
        table.finish(notes);
    }
    if let Some(entry) = table.get("supervisor")
        && let Some(mut table) = Table::of("`[defaults.supervisor]`", entry, notes)
    {
        spec.default_supervisor = supervisor_habits(&mut table, notes);
        table.finish(notes);
    }
    table.finish(notes);
}

fn channel(entry: &Entry, notes: &mut Notes<'_>) -> ChannelSpec {
    let what = format!("channel `{}`", entry.key.value);
    let habits = channel_table(entry, &what, notes);
    ChannelSpec { name: entry.key.clone(), habits }
}

fn channel_table(entry: &Entry, what: &str, notes: &mut Notes<'_>) -> ChannelHabits {
    let Some(mut table) = Table::of(what, entry, notes) else {
        return ChannelHabits::default();
    };
    let capacity = table.read("capacity", notes, whole32(1, limits::CAPACITY_MAX));
    let overflow = table.read("overflow", notes, word(OVERFLOWS));
    table.finish(notes);
    let (capacity, overflow) = (capacity.map(|read| read.value), overflow.map(|read| read.value));
    ChannelHabits { capacity, overflow }
}

/// A table, or a fault that says what the table is for.
pub(crate) fn inner_table<'t>(
    node: &'t Node,
    wanted: &str,
    notes: &mut Notes<'_>,
) -> Option<&'t [Entry]> {
    let entries = node.entries();
    if entries.is_none() {
        wrong_kind(wanted, node, notes);
    }
    entries
}
