//! From the tree to the [`Spec`]: the file as a whole. Agents are in `spec_agent`.

use theater_flow_kernel::limits;
use theater_flow_kernel::plan::Overflow;

use crate::codes;
use crate::fault::Fault;
use crate::foreign;
use crate::notes::Notes;
use crate::slip;
use crate::span::Span;
use crate::spec::{AgentSpec, ChannelHabits, ChannelSpec, ParamSpec, Spec, TypeSpec};
use crate::spec_agent::{agent, habits};
use crate::spec_module::{MODULE, check_own_name, module, only_pipelines, using};
use crate::spec_reload::reload_rules;
use crate::spec_restart::{supervisor, supervisor_habits};
use crate::spec_tests::tests;
use crate::table::{Table, check_name, inner_table, is_agent, string, table, whole32, word};
use crate::tree::{Entry, Node, Tree};
use crate::type_text;

/// The name of the supervisor that every other one is below.
pub(crate) const ROOT: &str = "root";

pub(crate) const OVERFLOWS: &[(&str, Overflow)] = &[
    ("block", Overflow::Block),
    ("drop-oldest", Overflow::DropOldest),
    ("drop-newest", Overflow::DropNewest),
    ("fail", Overflow::Fail),
];

/// Reads a file's tables. What cannot be read is left out of the [`Spec`], after its fault.
pub(crate) fn read(number: u32, entries: &[Entry], notes: &mut Notes<'_>) -> Spec {
    let top = Span::top(number);
    if entries.is_empty() {
        let fault = Fault::new(codes::MISSING_KEY, "the file says nothing");
        let help = "begin with format = 1, name = \"my-pipeline\", [supervisors.root] and an agent; \
                    `theater-flow new NAME` makes a whole one";
        notes.fault(fault.label(top, "here").help(help));
        return Spec::default();
    }
    let is_module = entries.iter().any(|entry| entry.key.value == MODULE);
    let what = if is_module { "the module" } else { "the pipeline" };
    let mut file = Table::new(what, top, entries).forgiving();
    check_format(&mut file, notes);
    let mut spec = Spec::default();
    if let Some(name) = file.need("name", notes, string) {
        check_name(&name, "a pipeline", notes);
        spec.name = name.value;
    }
    // Not `[modules.<name>]`, which is a pipeline's.
    let own = file.get(MODULE).filter(|entry| entry.key.value == MODULE);
    spec.module = own.map(|entry| module(entry, notes));
    spec.uses = each(file.all("use"), notes, using);
    spec.description =
        file.read("description", notes, string).map_or_else(String::new, |text| text.value);
    spec.supervisors = each(file.all("supervisors"), notes, supervisor);
    spec.params = each(file.all("params"), notes, |entry, notes| Some(param(entry, notes)));
    spec.types = each(file.all("types"), notes, |entry, notes| Some(named_type(entry, notes)));
    match file.get("errors") {
        Some(entry) if is_module => only_pipelines(entry, notes),
        Some(entry) => errors(entry, &mut spec, notes),
        None => {}
    }
    match file.get("reload") {
        Some(entry) if is_module => only_pipelines(entry, notes),
        Some(entry) => spec.reload = reload_rules(entry, notes),
        None => {}
    }
    if let Some(entry) = file.get("defaults") {
        defaults(entry, &mut spec, notes);
    }
    spec.agents = agents(file.all("agents"), notes);
    for stray in strays(entries) {
        spec.agents.extend(agent(stray, notes));
    }
    spec.channels = file.get("channels").map_or_else(Vec::new, |entry| channels(entry, notes));
    match file.get("tests") {
        Some(entry) if is_module => only_pipelines(entry, notes),
        entry => spec.tests = tests(entry, notes),
    }
    file.finish(notes);
    check_root(&spec, entries, (what, top), notes);
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

fn check_root(spec: &Spec, entries: &[Entry], (what, top): (&str, Span), notes: &mut Notes<'_>) {
    // What could not be read was said, and may have been all of them.
    let concerned =
        |key: &str| entries.iter().any(|entry| foreign::concerns(&entry.key.value, key));
    let unclear = entries.iter().any(|entry| loose(entry).is_some());
    let read = |key: &str, none: bool| none && !concerned(key);
    let mut supervisors = spec.supervisors.iter().map(|supervisor| &supervisor.name);
    let has_root = supervisors.clone().any(|name| name.value == ROOT);
    if let (false, false, Some(first)) = (has_root, unclear, supervisors.next()) {
        let fault = Fault::new(codes::MISSING_KEY, format!("{what} has no `[supervisors.root]`"));
        let help = "the supervisor above all others is called `root`: [supervisors.root]";
        notes.fault(fault.label(first.span, "not the root").help(help));
    } else if read("supervisors", !has_root) {
        let fault = Fault::new(codes::MISSING_KEY, format!("{what} has no `[supervisors.root]`"));
        let help = "it names the agents to start: [supervisors.root] with children = [\"…\"]";
        notes.fault(fault.label(top, "here").help(help));
    }
    if read("agents", spec.agents.is_empty() && spec.uses.is_empty()) {
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
    sections: Vec<&Entry>,
    notes: &mut Notes<'_>,
    mut read: impl FnMut(&Entry, &mut Notes<'_>) -> Option<T>,
) -> Vec<T> {
    let mut all = Vec::new();
    for section in sections {
        let name = &section.key.value;
        let wanted = format!("a table for each, such as [{name}.<name>]");
        let entries = inner_table(&section.value, &wanted, notes).unwrap_or_default();
        if let Some(loose) = loose(section) {
            notes.fault(in_no_table(name, loose));
            continue;
        }
        all.extend(entries.iter().filter_map(|entry| read(entry, notes)));
    }
    all
}

/// The first key of a section that belongs one table deeper.
fn loose(section: &Entry) -> Option<&Entry> {
    let of_tables = ["agents", "supervisors"].contains(&section.key.value.as_str());
    let entries = section.value.entries().filter(|_| of_tables)?;
    let is_loose = |entry: &&Entry| entry.value.entries().is_none();
    entries.iter().filter(is_loose).find(|entry| foreign::home(&entry.key.value).is_some())
}

fn in_no_table(section: &str, loose: &Entry) -> Fault {
    let key = &loose.key.value;
    let name = if section == "supervisors" { ROOT } else { "<name>" };
    let fault = Fault::new(codes::WRONG_KIND, format!("`{key}` stands right below `{section}`"));
    let fault = fault.label(loose.key.span, "of which one?");
    fault.help(format!("each has a table of its own: write [{section}.{name}] above it"))
}

/// Reads agents. Those that stand below another name, as in `[agents.group.walk]`, are read as if they did not.
fn agents(sections: Vec<&Entry>, notes: &mut Notes<'_>) -> Vec<AgentSpec> {
    let mut nested = Vec::new();
    let mut agents = each(sections, notes, |entry, notes| {
        let of_agents: Vec<&Entry> =
            inside(entry).iter().filter(|entry| is_agent(&entry.value)).collect();
        if of_agents.is_empty() || is_agent(&entry.value) {
            return agent(entry, notes);
        }
        for inner in of_agents {
            let name = &inner.key.value;
            let message = format!("agent `{name}` stands below `{}`", entry.key.value);
            let fault = Fault::new(codes::UNKNOWN_KEY, message).label(inner.key.span, "this agent");
            let help = "agents stand side by side, in supervisors they are grouped";
            notes.fault(fault.help(format!("write [agents.{name}]: {help}")));
            nested.extend(agent(inner, notes));
        }
        None
    });
    agents.extend(nested);
    agents
}

/// Agents that stand at the top of the file, or below a supervisor. That they do is a fault of an unknown key.
fn strays(entries: &[Entry]) -> Vec<&Entry> {
    let at_top = entries.iter().filter(|entry| foreign::home(&entry.key.value).is_none());
    let supervisors = entries.iter().filter(|entry| entry.key.value == "supervisors");
    let deeper = supervisors.flat_map(inside).flat_map(inside);
    let deepest = deeper.clone().flat_map(inside);
    at_top.chain(deeper).chain(deepest).filter(|entry| is_agent(&entry.value)).collect()
}

fn inside(entry: &Entry) -> &[Entry] {
    entry.value.entries().unwrap_or_default()
}

fn param(entry: &Entry, notes: &mut Notes<'_>) -> ParamSpec {
    let name = entry.key.clone();
    check_name(&name, "a param", notes);
    let value = match &entry.value.tree {
        Tree::String(text) => text,
        _ => "…",
    };
    let wanted = format!("a table such as {{ type = \"string\", default = \"{value}\" }}");
    let Some(entries) = inner_table(&entry.value, &wanted, notes) else {
        // It is a param all the same: those who refer to it are right.
        return ParamSpec { name, ty: None, default: None };
    };
    let mut table = Table::new(format!("param `{}`", name.value), name.span, entries).forgiving();
    let ty = table.need("type", notes, type_text::read).map(|ty| ty.value);
    let spec = ParamSpec { name, ty, default: table.get("default").map(|e| e.value.clone()) };
    table.read("description", notes, string);
    table.finish(notes);
    spec
}

fn named_type(entry: &Entry, notes: &mut Notes<'_>) -> TypeSpec {
    let name = entry.key.clone();
    if !type_text::is_type_name(&name.value) {
        let message = format!("`{}` cannot name a type", name.value);
        let fault = Fault::new(codes::BAD_NAME, message).label(name.span, "not a type's name");
        let usual = "a letter, then letters, digits and `-`, and no word of the type language";
        let meant = name.value.replace(['_', ' ', '.'], "-");
        let meant = Some(meant).filter(|meant| type_text::is_type_name(meant));
        notes.fault(fault.help(slip::question(meant, usual)));
    }
    let expr = type_text::read(&entry.value, notes);
    TypeSpec { name, expr }
}

fn errors(entry: &Entry, spec: &mut Spec, notes: &mut Notes<'_>) {
    let Some(mut table) = Table::of("`[errors]`", entry, notes).map(Table::forgiving) else {
        return;
    };
    spec.dead_letter = table.read("dead_letter", notes, string);
    table.finish(notes);
}

fn defaults(entry: &Entry, spec: &mut Spec, notes: &mut Notes<'_>) {
    let Some(mut table) = Table::of("`[defaults]`", entry, notes).map(Table::forgiving) else {
        return;
    };
    if let Some(entry) = table.get("channel") {
        spec.default_channel = channel_table(entry, "`[defaults.channel]`", notes);
    }
    if let Some(entry) = table.get("agent")
        && let Some(mut table) = Table::of("`[defaults.agent]`", entry, notes).map(Table::forgiving)
    {
        spec.default_agent = habits(&mut table, notes);
        table.finish(notes);
    }
    if let Some(entry) = table.get("supervisor")
        && let Some(mut table) =
            Table::of("`[defaults.supervisor]`", entry, notes).map(Table::forgiving)
    {
        spec.default_supervisor = supervisor_habits(&mut table, notes);
        table.finish(notes);
    }
    table.finish(notes);
}

fn channels(section: &Entry, notes: &mut Notes<'_>) -> Vec<ChannelSpec> {
    let mut channels = Vec::new();
    for entry in table(&section.value, notes).unwrap_or_default() {
        let inner = entry.value.entries().and_then(<[Entry]>::first);
        let Some(port) = inner.filter(|port| port.value.entries().is_some()) else {
            channels.push(channel(entry, notes));
            continue;
        };
        let name = format!("{}.{}", entry.key.value, port.key.value);
        let fault = Fault::new(codes::UNKNOWN_CHANNEL, "the name of a channel stands in quotes");
        let fault = fault.label(entry.key.span, "a dot in a header begins another table");
        notes.fault(fault.help(format!("write [channels.\"{name}\"]")));
    }
    channels
}

fn channel(entry: &Entry, notes: &mut Notes<'_>) -> ChannelSpec {
    let what = format!("channel `{}`", entry.key.value);
    let habits = channel_table(entry, &what, notes);
    ChannelSpec { name: entry.key.clone(), habits }
}

fn channel_table(entry: &Entry, what: &str, notes: &mut Notes<'_>) -> ChannelHabits {
    let Some(mut table) = Table::of(what, entry, notes).map(Table::forgiving) else {
        return ChannelHabits::default();
    };
    let capacity = table.read("capacity", notes, whole32(1, limits::CAPACITY_MAX));
    let overflow = table.read("overflow", notes, word(OVERFLOWS));
    table.finish(notes);
    let (capacity, overflow) = (capacity.map(|read| read.value), overflow.map(|read| read.value));
    ChannelHabits { capacity, overflow }
}
