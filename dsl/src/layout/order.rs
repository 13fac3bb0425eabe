//! In which order things stand in a pipeline file.

use std::collections::BTreeMap;

use toml_edit::{Item, Table};

use crate::spec_file::ROOT;

const FILE: &[&str] = &[
    "format",
    "name",
    "description",
    "module",
    "supervisors",
    "params",
    "types",
    "errors",
    "reload",
    "defaults",
    "use",
    "agents",
    "channels",
    "tests",
];
const MODULE: &[&str] = &["inputs", "outputs"];
const OUTPUT: &[&str] = &["type", "from"];
const USE: &[&str] = &["from", "inputs", "params"];
const SUPERVISOR: &[&str] = &[
    "strategy",
    "children",
    "intensity",
    "period",
    "delay",
    "restart",
    "shutdown",
    "significant",
    "auto_shutdown",
];
const AGENT: &[&str] = &[
    "actor",
    "sha256",
    "inputs",
    "outputs",
    "config",
    "grants",
    "key",
    "workers",
    "restart",
    "restore",
    "retry",
    "timeout",
    "shutdown",
    "significant",
    "limits",
];
const RELOAD: &[&str] = &["on_state_mismatch", "on_type_mismatch", "on_delete"];
const CHANNEL: &[&str] = &["capacity", "overflow"];
const TEST: &[&str] =
    &["name", "seed", "params", "env", "given", "mocks", "run", "files", "stdin", "stop", "expect"];
const EXPECT: &[&str] = &["messages", "records", "dead_letters", "files", "stdout", "status"];
const RETRY: &[&str] = &["max", "backoff", "base", "cap"];

/// A kind of table, as far as its keys have an order.
pub(super) enum Section {
    File,
    Module,
    Outputs,
    Output,
    Uses,
    Use,
    Supervisors,
    Supervisor,
    Reload,
    Defaults,
    Agents,
    Agent,
    Channels,
    Channel,
    Retry,
    Test,
    Expect,
}

impl Section {
    /// The section of a table in this one.
    pub(super) fn below(&self, key: &str) -> Option<Self> {
        Some(match (self, key) {
            (Self::File, "module") => Self::Module,
            (Self::Module, "outputs") => Self::Outputs,
            (Self::Outputs, _) => Self::Output,
            (Self::File, "use") => Self::Uses,
            (Self::Uses, _) => Self::Use,
            (Self::File, "supervisors") => Self::Supervisors,
            (Self::File, "reload") => Self::Reload,
            (Self::File, "defaults") => Self::Defaults,
            (Self::File, "agents") => Self::Agents,
            (Self::File, "channels") => Self::Channels,
            (Self::File, "tests") => Self::Test,
            (Self::Test, "expect") => Self::Expect,
            (Self::Defaults, "supervisor") | (Self::Supervisors, _) => Self::Supervisor,
            (Self::Defaults, "agent") | (Self::Agents, _) => Self::Agent,
            (Self::Defaults, "channel") | (Self::Channels, _) => Self::Channel,
            (Self::Agent, "retry") | (Self::Supervisor, "delay") => Self::Retry,
            _ => return None,
        })
    }
}

/// The order of a file's names: that of its tree.
pub(super) struct Order {
    supervisors: BTreeMap<String, usize>,
    agents: BTreeMap<String, usize>,
}

impl Order {
    /// The tree of a file, as far as it can be made out.
    pub(super) fn of(file: &Table) -> Self {
        let mut order = Self { supervisors: BTreeMap::new(), agents: BTreeMap::new() };
        let supervisors = file.get("supervisors");
        let is_supervisor = |name: &str| supervisors.and_then(|all| all.get(name)).is_some();
        let mut next = vec![ROOT.to_owned()];
        while let Some(name) = next.pop() {
            if !is_supervisor(&name) {
                let place = order.agents.len();
                order.agents.entry(name).or_insert(place);
                continue;
            }
            let place = order.supervisors.len();
            if order.supervisors.contains_key(&name) {
                continue;
            }
            let children = supervisors.and_then(|all| all.get(&name)).map(children);
            order.supervisors.insert(name, place);
            next.extend(children.unwrap_or_default().into_iter().rev());
        }
        order
    }

    /// Where a key of a section stands; what has no place stands behind, as it stood.
    pub(super) fn rank(&self, section: &Section, key: &str) -> usize {
        let named = |keys: &[&str]| keys.iter().position(|known| *known == key);
        let place = match section {
            Section::File => named(FILE),
            Section::Module => named(MODULE),
            Section::Outputs => None,
            Section::Output => named(OUTPUT),
            Section::Use => named(USE),
            Section::Supervisors => self.supervisors.get(key).copied(),
            Section::Supervisor => named(SUPERVISOR),
            Section::Reload => named(RELOAD),
            Section::Defaults => named(&["channel", "agent", "supervisor"]),
            Section::Uses | Section::Agents => self.agents.get(key).copied(),
            Section::Agent => named(AGENT),
            Section::Channels => {
                let agent = key.split_once('.').map_or(key, |(agent, _)| agent);
                self.agents.get(agent).copied()
            }
            Section::Channel => named(CHANNEL),
            Section::Retry => named(RETRY),
            Section::Test => named(TEST),
            Section::Expect => named(EXPECT),
        };
        place.unwrap_or(usize::MAX)
    }
}

fn children(supervisor: &Item) -> Vec<String> {
    let children = supervisor.get("children").and_then(Item::as_array);
    let names = children.into_iter().flatten().filter_map(|child| child.as_str());
    names.map(str::to_owned).collect()
}
