//! The supervisors and agents of a run, and how each is.

use serde::{Deserialize, Serialize};
use theater_flow_dsl::duration;
use theater_flow_kernel::ids::{AgentId, SupervisorId};
use theater_flow_kernel::plan::{Child, Strategy};
use theater_flow_kernel::state::{AgentState, Asking, Life, Stage, State};

use super::line::end;
use super::{Row, View, count, time};
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
        /// `not started`, `starting`, `up`, `restarting`, `stopping`, `stopped`, `down`, `gave up` or `over`; of the
        /// root also `paused`, for all below it.
        state: String,
        /// When it starts the next child, in ms since 1970, if it waits for a time.
        #[serde(default)]
        due: Option<u64>,
        /// Restarts allowed within its period.
        intensity: u32,
        /// The period, in ms.
        period_ms: u64,
        /// Restarts within the period that ends now.
        recent: u64,
        /// How often it has started children again in all.
        #[serde(default)]
        restarts: u64,
        /// Its last decision: to start children again, to give up, or to shut itself down.
        #[serde(default)]
        last_decision: Option<Latest>,
        /// In start order.
        children: Vec<Branch>,
    },
    /// An agent.
    Agent {
        /// Its name.
        name: String,
        /// `not started`, `starting`, `up`, `retrying`, `asking`, `held`, `stopping`, `stopped`, `down`, `finished`,
        /// `done` or `crashed`.
        state: String,
        /// When it goes on, in ms since 1970, if it waits for a time: for its start, or for the next attempt at
        /// a message.
        #[serde(default)]
        due: Option<u64>,
        /// Lives so far.
        incarnations: u32,
        /// How often its supervisor has started it again, because of itself or of a sibling.
        #[serde(default)]
        restarts: u64,
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
        /// The last fault or crash, or message that it could not handle or take.
        last_failure: Option<Latest>,
    },
}

/// A record that says what was decided, or what went wrong.
#[derive(Clone, PartialEq, Eq, Default, Debug, Serialize, Deserialize)]
pub struct Latest {
    /// The record.
    pub seq: u64,
    /// Its kind, as `events` names it; empty if it cannot be read.
    #[serde(default)]
    pub kind: String,
    /// What it says, in a few words; empty if it cannot be read.
    pub what: String,
}

impl Latest {
    const fn by(seq: u64) -> Self {
        Self { seq, kind: String::new(), what: String::new() }
    }
}

/// The tree of a run, from its root supervisor, as it is at this time, in ms since 1970.
#[must_use]
pub fn tree(state: &State, now: u64) -> Option<Branch> {
    let root = state.plan.supervisors.first()?;
    branch((state, now), Child::Supervisor(root.id), DEPTH)
}

fn branch((state, now): (&State, u64), child: Child, depth: usize) -> Option<Branch> {
    let id = match child {
        Child::Agent(id) => return agent((state, now), id),
        Child::Supervisor(id) => id,
    };
    let supervisor = state.plan.supervisors.get(id.index())?;
    let kept = state.kept.supervisors.get(id.index())?;
    let deeper = depth.checked_sub(1);
    let children = supervisor.children.iter();
    let children = children.filter_map(|child| branch((state, now), *child, deeper?));
    let from = now.saturating_sub(supervisor.period_ms);
    Some(Branch::Supervisor {
        name: supervisor.name.clone(),
        strategy: strategy(supervisor.strategy).to_owned(),
        state: stage(state, id).to_owned(),
        due: match kept.stage {
            Stage::Starting(start) | Stage::Restarting { start, .. } if start.due > now => {
                Some(start.due)
            }
            _ => None,
        },
        intensity: supervisor.intensity,
        period_ms: supervisor.period_ms,
        recent: kept.recent.iter().filter(|at| **at >= from).count() as u64,
        restarts: kept.restarts,
        last_decision: kept.last.map(Latest::by),
        children: children.collect(),
    })
}

fn agent((state, now): (&State, u64), id: AgentId) -> Option<Branch> {
    let (agent, kept) = (state.plan.agent(id)?, state.kept.agents.get(id.index())?);
    Some(Branch::Agent {
        name: agent.name.clone(),
        state: life(kept).to_owned(),
        due: due(kept, now),
        incarnations: kept.incarnations,
        restarts: kept.restarts,
        handled: kept.handled,
        emitted: kept.emitted,
        waiting: kept.depth() as u64,
        faults: kept.faults,
        crashes: kept.crashes,
        dead_letters: kept.letters,
        dropped: kept.dropped,
        last_failure: kept.failure.map(Latest::by),
    })
}

/// When an agent goes on that waits for a time.
fn due(agent: &AgentState, now: u64) -> Option<u64> {
    let due = match agent.life {
        Life::Up => agent.pending.as_ref().map(|pending| pending.due),
        Life::Starting => Some(agent.not_before),
        Life::Off | Life::Lost | Life::Down { .. } | Life::Over(_) => None,
    };
    due.filter(|due| *due > now)
}

/// The word for what a supervisor is doing.
fn stage(state: &State, id: SupervisorId) -> &'static str {
    let gave_up = state.kept.supervisors.get(id.index()).is_some_and(|kept| kept.gave_up);
    match state.stage(id) {
        Stage::Starting(_) => "starting",
        Stage::Up if state.kept.paused && id == SupervisorId(0) => "paused",
        Stage::Up => "up",
        Stage::Clearing { .. } | Stage::Restarting { .. } => "restarting",
        Stage::Off | Stage::Stopping(_) | Stage::Down { .. } | Stage::Over if gave_up => "gave up",
        Stage::Stopping(_) => "stopping",
        Stage::Down { .. } => "down",
        Stage::Over => "over",
        Stage::Off => {
            let below = state.agents_below(Child::Supervisor(id));
            let began = below.iter().any(|agent| state.agent(*agent).incarnations > 0);
            if began { "stopped" } else { "not started" }
        }
    }
}

/// The word for where an agent is in its life.
pub(super) fn life(agent: &AgentState) -> &'static str {
    let asking = agent.asking.as_ref().filter(|_| !agent.life.is_over());
    match agent.life {
        Life::Off if agent.incarnations == 0 => "not started",
        Life::Off => "stopped",
        _ if agent.halt.is_some() && !agent.life.is_over() => "stopping",
        _ if asking.is_some_and(Asking::is_held) => "held",
        _ if asking.is_some_and(Asking::is_open) => "asking",
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
        "not started" | "starting" | "restarting" | "retrying" | "asking" | "held" | "stopping"
        | "paused" => Tone::Warn,
        _ => Tone::Bad,
    }
}

impl Branch {
    /// Fills in what the records of the last decisions and failures say, as far as `read` can read them.
    pub fn explain(&mut self, view: &View<'_>, read: &mut impl FnMut(u64) -> Option<Row>) {
        let told = match self {
            Self::Supervisor { children, last_decision, .. } => {
                for child in children {
                    child.explain(view, read);
                }
                last_decision
            }
            Self::Agent { last_failure, .. } => last_failure,
        };
        if let Some(told) = told
            && let Some(row) = read(told.seq)
        {
            row.record.body.kind().clone_into(&mut told.kind);
            told.what = view.summary(&row);
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
    lines.extend(last_failure(root, look).map(|what| format!("  {what}")));
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
        Branch::Supervisor { name, strategy, state, due, .. } => {
            let name = look.paint(Tone::Strong, &escape(name));
            let mut words = vec![format!("{name}  {}", escape(strategy))];
            if state != "up" {
                let at = due.map_or_else(String::new, at);
                words.push(look.paint(life_tone(state), &format!("{}{at}", escape(state))));
            }
            words.extend(restarts(branch));
            words.join(", ")
        }
        Branch::Agent { name, state, due, restarts, handled, emitted, waiting, .. } => {
            let at = due.map_or_else(String::new, at);
            let state = look.paint(life_tone(state), &format!("{}{at}", escape(state)));
            let mut words = vec![format!("{}  {state}", escape(name))];
            words.extend([format!("handled {handled}"), format!("emitted {emitted}")]);
            if *waiting > 0 {
                words.push(format!("{waiting} waiting"));
            }
            words.extend(failures(branch));
            if *restarts > 0 {
                words.push(count(*restarts, "restart", "restarts"));
            }
            words.join(", ")
        }
    }
}

fn at(due: u64) -> String {
    format!(" at {}", time::time_of_day(due))
}

/// How often a supervisor has started children again.
fn restarts(branch: &Branch) -> Option<String> {
    let Branch::Supervisor { intensity, period_ms, recent, restarts, .. } = branch else {
        return None;
    };
    let all = (*restarts > 0).then(|| count(*restarts, "restart", "restarts"))?;
    Some(format!("{all}, {recent} of {intensity} in {}", duration(*period_ms)))
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

/// The line below a supervisor that has decided something, or an agent that has failed: what the last of that was.
fn last_failure(branch: &Branch, look: Look) -> Option<String> {
    let (name, tone, last) = match branch {
        Branch::Supervisor { last_decision, .. } => ("decision", Tone::Warn, last_decision),
        Branch::Agent { last_failure, .. } => ("failure", Tone::Bad, last_failure),
    };
    let Latest { seq, kind, what } = last.as_ref()?;
    let text = match kind.as_str() {
        "" => String::new(),
        kind => format!(", {}: {}", escape(kind), escape(what)),
    };
    Some(look.paint(tone, &format!("last {name}, record {seq}{text}")))
}
