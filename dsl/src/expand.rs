//! `expand`: a pipeline file with everything that it leaves unsaid written out.

mod flatten;
mod rewrite;

use std::collections::BTreeMap;

use theater_flow_kernel::ids::PortId;
use theater_flow_kernel::plan::{Agent, InputPort, Shutdown, Supervisor, Wait};
use toml_edit::{Array, DocumentMut, InlineTable, Item, Table, Value};

use crate::compile::{Compiled, only_a_module};
use crate::facts::Source;
use crate::fault::Fault;
use crate::layout;
use crate::span::Span;
use crate::spec_agent::RESTORES;
use crate::spec_file::{OVERFLOWS, ROOT};
use crate::spec_module::MODULE;
use crate::spec_restart::{AUTO_SHUTDOWNS, BACKOFFS, RESTARTS, SHUTDOWNS, STRATEGIES};
use crate::units;

/// The file of a plan with its defaults written out and its shorthand resolved: inputs as tables, each
/// agent's habits, each channel's bound. References to params, files and the environment stay as they
/// are, and so do comments. What modules hold is written in, under the names that it has in the plan; the
/// files of a module in another folder are named anew. It compiles to the same plan, but for such names.
///
/// # Errors
/// What keeps the text from being TOML, and for a module by itself; never for a text that a plan to run was
/// compiled from.
pub fn expand(source: &Source<'_>, compiled: &Compiled) -> Result<String, Vec<Fault>> {
    let mut document = layout::editable(source.text)?;
    if document.contains_key(MODULE) {
        return Err(vec![only_a_module(Span::top(0))]);
    }
    let Compiled { plan: Some(plan), modules, seams, .. } = compiled else {
        return Ok(source.text.to_owned());
    };
    if !modules.is_empty() {
        flatten::flatten(&mut document, source.folder, modules)?;
    }
    document.remove("defaults");
    for supervisor in &plan.supervisors {
        if let Some(table) = named(&mut document, "supervisors", &supervisor.name) {
            expand_supervisor(table, supervisor);
        }
    }
    let outputs = |agent: &'_ Agent| -> Vec<(PortId, String)> {
        let name = |port: &str| format!("{}.{port}", agent.name);
        agent.outputs.iter().map(|output| (output.port, name(&output.name))).collect()
    };
    let names = plan.agents.iter().flat_map(outputs).collect();
    let seams = seams.iter().map(|seam| ((seam.from, seam.to), seam.ty.as_str()));
    let outputs = Outputs { names, seams: seams.collect() };
    for agent in &plan.agents {
        if let Some(table) = named(&mut document, "agents", &agent.name) {
            if !modules.is_empty() && !agent.inputs.iter().any(is_wired) {
                // It reads a module's input, which nobody feeds.
                table.remove("inputs");
            }
            expand_agent(table, agent, &outputs);
        }
    }
    for agent in &plan.agents {
        expand_channels(&mut document, agent);
    }
    layout::lay_out(&mut document);
    Ok(document.to_string())
}

/// A table that is only there for the tables in it.
fn implicit() -> Item {
    let mut table = Table::new();
    table.set_implicit(true);
    Item::Table(table)
}

/// How inputs name what they read.
struct Outputs<'c> {
    names: BTreeMap<PortId, String>,
    /// By output and input.
    seams: BTreeMap<(PortId, PortId), &'c str>,
}

impl Outputs<'_> {
    /// An edge: a name, or a table that says more.
    fn edge(&self, from: PortId, to: PortId, rounds: Option<u32>) -> Option<Value> {
        let name = self.names.get(&from)?.as_str();
        let seam = self.seams.get(&(from, to));
        if seam.is_none() && rounds.is_none() {
            return Some(name.into());
        }
        let mut table = InlineTable::new();
        table.insert("from", name.into());
        if let Some(seam) = seam {
            table.insert("type", (*seam).into());
        }
        if let Some(rounds) = rounds {
            table.insert("feedback", true.into());
            table.insert("rounds", i64::from(rounds).into());
        }
        Some(table.into())
    }
}

/// `[section.name]`, made a table with a header if it is written otherwise.
fn named<'d>(document: &'d mut DocumentMut, section: &str, name: &str) -> Option<&'d mut Table> {
    let all = with_header(document.get_mut(section)?)?;
    with_header(all.get_mut(name)?)
}

fn with_header(item: &mut Item) -> Option<&mut Table> {
    if item.is_inline_table() {
        let table = std::mem::take(item).into_table().unwrap_or_default();
        *item = Item::Table(table);
    }
    let table = item.as_table_mut()?;
    table.set_dotted(false);
    Some(table)
}

/// Sets a value; the comments above its key and behind it stay.
fn set(table: &mut Table, key: &str, value: impl Into<Value>) {
    let mut value = value.into();
    if let Some(old) = table.get(key).and_then(Item::as_value) {
        *value.decor_mut() = old.decor().clone();
    }
    match table.get_mut(key) {
        Some(item) => *item = Item::Value(value),
        None => drop(table.insert(key, Item::Value(value))),
    }
}

fn expand_supervisor(table: &mut Table, supervisor: &Supervisor) {
    set(table, "strategy", word(STRATEGIES, supervisor.strategy));
    set(table, "intensity", i64::from(supervisor.intensity));
    set(table, "period", units::duration(supervisor.period_ms));
    if supervisor.delay != Wait::NONE {
        let mut delay = InlineTable::new();
        put_wait(&mut delay, supervisor.delay);
        set(table, "delay", delay);
    }
    // Nothing stands above the root.
    if supervisor.name != ROOT {
        set(table, "restart", word(RESTARTS, supervisor.restart));
        set(table, "shutdown", shutdown(supervisor.shutdown));
        set(table, "significant", supervisor.significant);
    }
    set(table, "auto_shutdown", word(AUTO_SHUTDOWNS, supervisor.auto_shutdown));
}

fn put_wait(table: &mut InlineTable, wait: Wait) {
    table.insert("backoff", word(BACKOFFS, wait.backoff).into());
    table.insert("base", units::duration(wait.base_ms).into());
    table.insert("cap", units::duration(wait.cap_ms).into());
}

fn shutdown(shutdown: Shutdown) -> String {
    match shutdown {
        Shutdown::After(ms) => units::duration(ms),
        Shutdown::BrutalKill | Shutdown::Infinity => word(SHUTDOWNS, shutdown).to_owned(),
    }
}

fn expand_agent(table: &mut Table, agent: &Agent, outputs: &Outputs<'_>) {
    let wired: Vec<_> = agent.inputs.iter().filter(|input| is_wired(input)).collect();
    if !wired.is_empty() {
        let mut inputs = InlineTable::new();
        for input in wired {
            let mut edges = edges(input, outputs);
            let from = match edges.pop() {
                Some(only) if edges.is_empty() => only,
                last => Value::from(edges.into_iter().chain(last).collect::<Array>()),
            };
            inputs.insert(&input.name, from);
        }
        set(table, "inputs", inputs);
    }
    set(table, "restart", word(RESTARTS, agent.restart));
    set(table, "restore", word(RESTORES, agent.restore));
    let mut retry = InlineTable::new();
    retry.insert("max", i64::from(agent.retry.max).into());
    put_wait(&mut retry, agent.retry.wait);
    set(table, "retry", retry);
    set(table, "timeout", units::duration(agent.timeout_ms));
    set(table, "shutdown", shutdown(agent.shutdown));
    set(table, "significant", agent.significant);
    let mut limits = InlineTable::new();
    limits.insert("memory", units::size(agent.limits.memory).into());
    limits.insert("fuel", i64::try_from(agent.limits.fuel).unwrap_or(i64::MAX).into());
    set(table, "limits", limits);
}

fn is_wired(input: &InputPort) -> bool {
    !input.from.is_empty() || !input.feedback.is_empty()
}

/// The edges of an input as values.
fn edges(input: &InputPort, outputs: &Outputs<'_>) -> Vec<Value> {
    let plain = input.from.iter().map(|from| outputs.edge(*from, input.port, None));
    let fed_back = input.feedback.iter();
    let fed_back = fed_back.map(|edge| outputs.edge(edge.from, input.port, Some(edge.rounds)));
    plain.chain(fed_back).flatten().collect()
}

fn expand_channels(document: &mut DocumentMut, agent: &Agent) {
    for output in &agent.outputs {
        let all = document.entry("channels").or_insert_with(implicit);
        let Some(all) = with_header(all) else { return };
        let name = format!("{}.{}", agent.name, output.name);
        let channel = all.entry(&name).or_insert_with(|| Item::Table(Table::new()));
        let Some(channel) = with_header(channel) else { return };
        set(channel, "capacity", i64::from(output.capacity));
        set(channel, "overflow", word(OVERFLOWS, output.overflow));
    }
}

fn word<T: Copy + PartialEq>(words: &[(&'static str, T)], value: T) -> &'static str {
    words.iter().find(|(_, known)| *known == value).map_or("", |(word, _)| *word)
}
