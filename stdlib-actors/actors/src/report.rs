//! `std/report`: several tables of figures, from several inputs, as one message.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use theater_flow_sdk::{Actor, Config, ConfigFault, Cx, Event, Fault, Message, Next, Port};

#[cfg(test)]
mod tests;

use crate::aggregate::{self, Core, Planned, Table, bad_config};
use crate::basis::Basis;

/// The actor.
pub struct Report {
    /// By name.
    tables: BTreeMap<String, Part>,
    /// The inputs.
    inputs: BTreeSet<String>,
    max_bytes: usize,
}

/// One table.
struct Part {
    from: String,
    core: Core,
}

/// What the pipeline file says.
#[derive(Debug, Deserialize, Config)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Config {
    /// The tables by the names that they have in the message.
    #[config(min_properties = 1, max_properties = 32)]
    tables: BTreeMap<String, Table>,
    /// Bytes of memory for the groups of all tables and what they keep. More than the default needs
    /// more `limits.memory`, about four times as much.
    #[serde(default = "default_max_bytes")]
    #[config(minimum = 65_536, maximum = 50_331_648)]
    max_bytes: usize,
}

const fn default_max_bytes() -> usize {
    16 << 20
}

/// What was taken so far.
#[derive(Default, Debug, Serialize, Deserialize)]
pub struct State {
    tables: BTreeMap<String, aggregate::State>,
    closed: BTreeSet<String>,
    #[serde(default)]
    basis: Basis,
}

impl Actor for Report {
    type Config = Config;
    type State = State;

    const DOC: &'static str = include_str!("../../docs/report.md");

    fn ports(config: &Config) -> Result<Vec<Port>, Vec<ConfigFault>> {
        let mut faults = Vec::new();
        for (name, table) in &config.tables {
            if let Err(message) = port_name(&table.from) {
                faults.push(ConfigFault::at(&["tables", name, "from"], message));
            }
        }
        let tables = config.tables().map_err(|more| faults.extend(more));
        let (Ok(_), true) = (tables, faults.is_empty()) else {
            return Err(faults);
        };
        let inputs = config
            .inputs()
            .into_iter()
            .map(|name| Port::input(&name, "json").doc("What is counted."));
        let out = Port::output("out", "json").doc("All tables, when all inputs have closed.");
        Ok(inputs.chain([out]).collect())
    }

    fn new(config: Config) -> Result<Self, Fault> {
        let tables = config.tables().map_err(|faults| bad_config(&faults))?;
        let (inputs, max_bytes) = (config.inputs(), config.max_bytes);
        Ok(Self {
            tables,
            inputs,
            max_bytes,
        })
    }

    fn take_up(&self, state: &mut State) -> Result<(), Fault> {
        let inputs: Vec<&str> = self.inputs.iter().map(String::as_str).collect();
        let basis = Basis::default().with("inputs", inputs);
        // One that has closed does not say so again, should it be the last of fewer.
        let any_closed = !state.closed.is_empty();
        state.basis.go_over(&basis, |_| any_closed)?;
        state
            .tables
            .retain(|name, _| self.tables.contains_key(name));
        for (name, part) in &self.tables {
            let table = state.tables.entry(name.clone()).or_default();
            let taken_up = part.core.take_up(table);
            taken_up.map_err(|fault| named(name, fault))?;
        }
        Ok(())
    }

    fn handle(&self, state: &mut State, event: Event, cx: &mut Cx) -> Result<Next, Fault> {
        match event {
            Event::Message(message) => self.take(state, &message)?,
            Event::Closed(port) => {
                let others = self.inputs.iter().filter(|input| **input != port);
                if others.into_iter().all(|input| state.closed.contains(input)) {
                    self.send(state, cx)?;
                }
                state.closed.insert(port);
            }
            _ => {}
        }
        Ok(Next::Wait)
    }
}

impl Config {
    fn tables(&self) -> Result<BTreeMap<String, Part>, Vec<ConfigFault>> {
        let (mut parts, mut faults) = (BTreeMap::new(), Vec::new());
        for (name, table) in &self.tables {
            let from = table.from.clone();
            match table.core(self.max_bytes) {
                Ok(core) => drop(parts.insert(name.clone(), Part { from, core })),
                Err(wrong) => faults.extend(wrong.into_iter().map(|fault| within(name, fault))),
            }
        }
        if faults.is_empty() {
            Ok(parts)
        } else {
            Err(faults)
        }
    }

    fn inputs(&self) -> BTreeSet<String> {
        self.tables
            .values()
            .map(|table| table.from.clone())
            .collect()
    }
}

/// A fault of a table, in the config that holds the table.
fn within(table: &str, fault: ConfigFault) -> ConfigFault {
    let above = ConfigFault::at(&["tables", table], String::new());
    ConfigFault {
        pointer: above.pointer + &fault.pointer,
        message: fault.message,
    }
}

fn port_name(name: &str) -> Result<(), String> {
    let begins = name.starts_with(|c: char| c.is_ascii_lowercase());
    let inside = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    if begins && name.chars().all(inside) {
        return Ok(());
    }
    Err(format!(
        "`{name}` cannot name an input: a letter, then letters, digits and `-`, all small"
    ))
}

impl Report {
    /// Takes a message into each table of its input, or into none of them.
    fn take(&self, state: &mut State, message: &Message) -> Result<(), Fault> {
        let taken: usize = state.tables.values().map(aggregate::State::bytes).sum();
        // What one table takes of what is left is not there for the next of the same message.
        let share = self.max_bytes.saturating_sub(taken) / self.tables.len();
        let mut planned: Vec<(&str, &Core, Planned)> = Vec::new();
        for (name, part) in self
            .tables
            .iter()
            .filter(|(_, part)| part.from == message.port)
        {
            let table = state.tables.entry(name.clone()).or_default();
            let plan = part.core.plan(table, message, table.bytes() + share);
            planned.push((name, &part.core, plan.map_err(|fault| named(name, fault))?));
        }
        for (name, core, planned) in planned {
            if let Some(table) = state.tables.get_mut(name) {
                core.apply(table, planned);
            }
        }
        Ok(())
    }

    /// Sends all tables. Those of which nothing came are there too.
    fn send(&self, state: &mut State, cx: &mut Cx) -> Result<(), Fault> {
        let mut tables: BTreeMap<&str, Box<RawValue>> = BTreeMap::new();
        let mut taken = std::mem::take(&mut state.tables);
        for (name, part) in &self.tables {
            let table = taken.entry(name.clone()).or_default();
            tables.insert(name, part.core.table(table)?);
        }
        Ok(cx.emit("out", &tables)?)
    }
}

/// A fault that says of which table it is.
fn named(table: &str, fault: Fault) -> Fault {
    Fault {
        message: format!("table `{table}`: {}", fault.message),
        ..fault
    }
}
