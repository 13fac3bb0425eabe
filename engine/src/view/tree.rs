//! The supervisors and agents of a run, and how each is.

use serde::{Deserialize, Serialize};
use theater_flow_kernel::ids::AgentId;
use theater_flow_kernel::plan::{Child, Strategy};
use theater_flow_kernel::state::{AgentState, Life, State};

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
        /// Messages handled.
        handled: u64,
        /// Values emitted.
        emitted: u64,
        /// Messages that wait.
        waiting: u64,
        /// Faults so far, each try counted.
        faults: u64,
        /// Crashes so far.
        crashes: u64,
        /// Messages that it could not handle so far.
        dead_letters: u64,
        /// Messages that found no place in its mailbox and were dropped so far.
        #[serde(default)]
        dropped: u64,
        /// The last fault, crash or dead letter.
        last_failure: Option<Failure>,
    },
}

/// A record that says what went wrong.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Failure {
    /// The record.
    pub seq: u64,
    /// What it says, in a few words; empty if it cannot be read yet.
    pub what: String,
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
        failed: kept.gave_up,
        restarts: kept.recent.len() as u64,
        children: children.collect(),
    })
}

fn agent(state: &State, id: AgentId) -> Option<Branch> {
    let (agent, kept) = (state.plan.agent(id)?, state.kept.agents.get(id.index())?);
    Some(Branch::Agent {
        name: agent.name.clone(),
        state: life(kept).to_owned(),
        incarnations: kept.incarnations,
        handled: kept.handled,
        emitted: kept.emitted,
        waiting: kept.depth() as u64,
        faults: kept.faults,
        crashes: kept.crashes,
        dead_letters: kept.letters,
        dropped: kept.dropped,
        last_failure: kept.failure.map(|seq| Failure { seq, what: String::new() }),
    })
}

/// The word for where an agent is in its life.
pub(super) fn life(agent: &AgentState) -> &'static str {
    match agent.life {
        Life::Off if agent.incarnations == 0 => "waiting",
        Life::Off => "stopped",
        _ if agent.halt.is_some() => "stopping",
        Life::Starting | Life::Lost => "starting",
        Life::Up if agent.pending.is_some() => "retrying",
        Life::Up => "up",
        Life::Down { .. } => "down",
        Life::Over(how) => end(how),
    }
}

/// The colour of that word.
pub(super) fn life_tone(word: &str) -> Tone {
    match word {
        "up" | "finished" | "done" => Tone::Good,
        "waiting" | "starting" | "retrying" | "stopping" => Tone::Warn,
        _ => Tone::Bad,
    }
}

impl Branch {
    /// Fills in what the records of the last failures say, as far as `summary` can read them.
    pub fn explain(&mut self, summary: &mut impl FnMut(u64) -> Option<String>) {
        match self {
            Self::Supervisor { children, .. } => {
                for child in children {
                    child.explain(summary);
                }
            }
            Self::Agent { last_failure: Some(failure), .. } => {
                failure.what = summary(failure.seq).unwrap_or_default();
            }
            Self::Agent { .. } => {}
        }
    }
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
        let deeper = format!("{prefix}{more}");
        lines.extend(last_failure(child, look).map(|what| format!("{deeper}  {what}")));
        below(child, &deeper, look, lines);
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
        Branch::Agent { name, state, incarnations, handled, emitted, waiting, .. } => {
            let state = look.paint(life_tone(state), &escape(state));
            let mut words = vec![format!("{}  {state}", escape(name))];
            words.extend([format!("handled {handled}"), format!("emitted {emitted}")]);
            if *waiting > 0 {
                words.push(format!("{waiting} waiting"));
            }
            words.extend(failures(branch));
            if *incarnations > 1 {
                words.push(format!("life {incarnations}"));
            }
            words.join(", ")
        }
    }
}

/// How often an agent has failed, each sort of failure in words of its own.
fn failures(branch: &Branch) -> Vec<String> {
    let Branch::Agent { faults, crashes, dead_letters, dropped, .. } = branch else {
        return vec![];
    };
    let sorts = [
        (*faults, "fault", "faults"),
        (*crashes, "crash", "crashes"),
        (*dead_letters, "dead letter", "dead letters"),
        (*dropped, "message dropped", "messages dropped"),
    ];
    let some = sorts.into_iter().filter(|(number, ..)| *number > 0);
    some.map(|(number, one, more)| count(number, one, more)).collect()
}

/// The line below an agent that has failed: what the last failure was.
fn last_failure(branch: &Branch, look: Look) -> Option<String> {
    let Branch::Agent { last_failure: Some(Failure { seq, what }), .. } = branch else {
        return None;
    };
    let text = if what.is_empty() { String::new() } else { format!(": {}", escape(what)) };
    Some(look.paint(Tone::Bad, &format!("last failure, record {seq}{text}")))
}
