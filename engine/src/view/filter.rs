//! Which records are wanted.

use theater_flow_kernel::ids::AgentId;
use theater_flow_kernel::plan::Plan;
use theater_flow_kernel::record::Body;

use super::{Row, ask, part};
use crate::exit::Problem;

/// The kinds of record, as [`Body::kind`] names them.
pub(super) const KINDS: [&str; 34] = [
    "genesis",
    "resumed",
    "incarnation",
    "transaction",
    "faulted",
    "crashed",
    "restarted",
    "escalated",
    "dead-lettered",
    "snapshot",
    "confirmed",
    "ended",
    "checkpoint",
    "stopping",
    "suspended",
    "finished",
    "dropped",
    "rested",
    "intent",
    "outcome",
    "forked",
    "waiting",
    "decided",
    "pruned",
    "stopped",
    "shut-down",
    "retried",
    "discarded",
    "reloaded",
    "proposed",
    "refused",
    "paused",
    "continued",
    "received",
];

/// The kinds of record and of part, for `--kind`.
#[must_use]
pub fn kinds() -> Vec<&'static str> {
    KINDS.into_iter().chain(part::KINDS).collect()
}

/// Which records are wanted; by default all.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Filter {
    agent: Option<AgentId>,
    kind: Option<String>,
}

impl Filter {
    /// The records about an agent, and of a kind or with a part of it. A name that is not known is a
    /// usage error.
    pub fn new(plan: &Plan, agent: Option<&str>, kind: Option<&str>) -> Result<Self, Problem> {
        let agent = agent.map(|name| agent_id(plan, name)).transpose()?;
        if let Some(kind) = kind.filter(|kind| !kinds().contains(kind)) {
            return Err(unknown("kind of record or part", kind, &kinds()));
        }
        Ok(Self { agent, kind: kind.map(ToOwned::to_owned) })
    }

    /// True if the record is wanted.
    #[must_use]
    pub fn matches(&self, row: &Row) -> bool {
        let about = self.agent.is_none_or(|agent| is_about(&row.record.body, agent));
        about && self.kind.as_deref().is_none_or(|kind| is_of_kind(row, kind))
    }
}

/// True if a record is of a kind or has a part of it, and is about the agent if one is named.
pub(crate) fn is_about_kind(row: &Row, agent: Option<AgentId>, kind: &str) -> bool {
    agent.is_none_or(|agent| is_about(&row.record.body, agent)) && is_of_kind(row, kind)
}

fn is_about(body: &Body, agent: AgentId) -> bool {
    match body {
        Body::Restarted(body) => body.agents.contains(&agent),
        Body::Rested(body) => body.agents.contains(&agent),
        Body::Resumed(body) => body.repeated.iter().any(|repeated| repeated.agent == agent),
        _ => body.agent() == Some(agent),
    }
}

/// An address is checked when a request is made: what is refused then is a denial too, though its record is an
/// outcome.
fn is_of_kind(row: &Row, kind: &str) -> bool {
    let body = &row.record.body;
    body.kind() == kind
        || body.parts().iter().any(|part| part::kind(part) == kind)
        || kind == "denial" && ask::is_denial(row)
}

/// The agent of this name. Another is a usage error that says which may be meant.
pub(crate) fn agent_id(plan: &Plan, name: &str) -> Result<AgentId, Problem> {
    let names: Vec<&str> = plan.agents.iter().map(|agent| agent.name.as_str()).collect();
    // One that is gone may have had the name before.
    let found = plan.named(name).or_else(|| plan.agents.iter().rfind(|agent| agent.name == name));
    found.map(|agent| agent.id).ok_or_else(|| unknown("agent", name, &names))
}

/// The error for a word that is none of the known ones, with the nearest of these, or all if they are few.
pub(crate) fn unknown(what: &str, word: &str, known: &[&str]) -> Problem {
    const LISTED: usize = 12;
    let near = known.iter().map(|known| (strsim::damerau_levenshtein(word, known), known));
    let near = near.filter(|(distance, _)| *distance <= 2).min_by_key(|(distance, _)| *distance);
    let help = match near {
        Some((_, known)) => Some(format!("did you mean `{known}`?")),
        None if known.len() <= LISTED => Some(format!("there is `{}`", known.join("`, `"))),
        None => None,
    };
    Problem::usage(format!("there is no {what} `{word}`")).with_help(help)
}
