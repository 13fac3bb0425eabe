//! The supervisors and agents of a run, and how each is.

use serde::{Deserialize, Serialize};
use theater_flow_kernel::ids::AgentId;
use theater_flow_kernel::plan::{Child, Strategy};
use theater_flow_kernel::state::{Life, State};

use super::count;
use super::line::end;
use crate::render::escape::escape;
use crate::render::{Look, Tone};

/// Supervisors nested deeper than this are not shown; no pipeline has them.
const DEPTH: usize = 1_000;

/// A supervisor with its children, or an agent.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Branch {
    /// A supervisor.
    Supervisor {
        /// Its name.
        name: String,
        /// As in the file.
        strategy: String,
        /// It gave up.
        failed: bool,
        /// Restarts that it still remembers; some may have left the window.
        restarts: u64,
        /// In start order.
        children: Vec<Branch>,
    },
    /// An agent.
    Agent {
        /// Its name.
        name: String,
        /// `starting`, `up`, `retrying`, `down`, `finished`, `done`, `crashed` or `stopped`.
        state: String,
        /// Lives so far.
        incarnations: u32,
        /// Crashes so far.
        crashes: u64,
        /// Messages that wait.
        depth: u64,
        /// Messages handled.
        handled: u64,
        /// Values emitted.
        emitted: u64,
    },
}

/// The tree of a run, from its root supervisor.
#[must_use]
pub fn tree(state: &State) -> Option<Branch> {
    let root = state.plan.supervisors.first()?;
    branch(state, Child::Supervisor(root.id), DEPTH)
}

fn branch(state: &State, child: Child, depth: usize) -> Option<Branch> {
    let id = match child {
        Child::Agent(id) => return agent(state, id),
        Child::Supervisor(id) => id,
    };
    let supervisor = state.plan.supervisors.get(id.index())?;
    let kept = state.kept.supervisors.get(id.index())?;
    let deeper = depth.checked_sub(1);
    let children = supervisor.children.iter().filter_map(|child| branch(state, *child, deeper?));
    Some(Branch::Supervisor {
        name: supervisor.name.clone(),
        strategy: strategy(supervisor.strategy).to_owned(),
        failed: kept.failed.is_some(),
        restarts: kept.recent.len() as u64,
        children: children.collect(),
    })
}

fn agent(state: &State, id: AgentId) -> Option<Branch> {
    let (agent, kept) = (state.plan.agent(id)?, state.kept.agents.get(id.index())?);
    let word = match kept.life {
        Life::Starting => "starting",
        Life::Up if kept.pending.is_some() => "retrying",
        Life::Up => "up",
        Life::Down { .. } => "down",
        Life::Over(how) => end(how),
    };
    Some(Branch::Agent {
        name: agent.name.clone(),
        state: word.to_owned(),
        incarnations: kept.incarnations,
        crashes: kept.crashes,
        depth: kept.depth() as u64,
        handled: kept.handled,
        emitted: kept.emitted,
    })
}

const fn strategy(strategy: Strategy) -> &'static str {
    match strategy {
        Strategy::OneForOne => "one-for-one",
        Strategy::OneForAll => "one-for-all",
        Strategy::RestForOne => "rest-for-one",
    }
}

/// The tree on several lines, for people.
#[must_use]
pub fn tree_lines(root: &Branch, look: Look) -> Vec<String> {
    let mut lines = vec![label(root, look)];
    below(root, "", look, &mut lines);
    lines
}

fn below(parent: &Branch, prefix: &str, look: Look, lines: &mut Vec<String>) {
    let Branch::Supervisor { children, .. } = parent else {
        return;
    };
    for (nth, child) in children.iter().enumerate() {
        let last = nth + 1 == children.len();
        let (mark, more) = if last { ("└─ ", "   ") } else { ("├─ ", "│  ") };
        lines.push(format!("{prefix}{mark}{}", label(child, look)));
        below(child, &format!("{prefix}{more}"), look, lines);
    }
}

fn label(branch: &Branch, look: Look) -> String {
    match branch {
        Branch::Supervisor { name, strategy, failed, restarts, .. } => {
            let name = look.paint(Tone::Strong, &escape(name));
            let mut words = vec![format!("{name}  {}", escape(strategy))];
            if *restarts > 0 {
                words.push(count(*restarts, "recent restart", "recent restarts"));
            }
            if *failed {
                words.push(look.paint(Tone::Bad, "gave up"));
            }
            words.join(", ")
        }
        Branch::Agent { name, state, incarnations, crashes, depth, handled, emitted } => {
            let tone = match state.as_str() {
                "up" | "finished" | "done" => Tone::Good,
                "starting" | "retrying" => Tone::Warn,
                _ => Tone::Bad,
            };
            let state = look.paint(tone, &escape(state));
            let mut words = vec![format!("{}  {state}", escape(name))];
            words.extend([format!("handled {handled}"), format!("emitted {emitted}")]);
            if *depth > 0 {
                words.push(format!("{depth} queued"));
            }
            if *crashes > 0 {
                words.push(count(*crashes, "crash", "crashes"));
            }
            if *incarnations > 1 {
                words.push(format!("life {incarnations}"));
            }
            words.join(", ")
        }
    }
}
