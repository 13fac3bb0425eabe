//! The record for readers: each record as one JSON line, as one line for people, and as all that it says.

mod actor;
mod ask;
pub mod call;
mod diff;
mod filter;
mod fork;
mod human;
pub mod json;
mod letters;
mod line;
mod logs;
mod message;
mod part;
mod progress;
mod reload;
mod remains;
mod replayed;
mod runs;
mod schema;
mod state;
mod summary;
mod table;
#[cfg(test)]
mod tests;
pub mod time;
mod tree;
mod waiting;
mod why;

use std::collections::BTreeMap;
use std::sync::Arc;

use theater_flow_kernel::block::{Damage, Stored};
use theater_flow_kernel::ids::{AgentId, Bytes, Digest, PortId, SupervisorId};
use theater_flow_kernel::plan::Plan;
use theater_flow_kernel::record::{Body, Entry, Part, Record, SinkId, Status, VERSION};

use crate::fork::{OpenFile, OpenFiles};
use crate::render::escape::escape;

pub(crate) use actor::example;
pub use actor::{ActorPorts, ActorView};
pub(crate) use ask::error_code as http_error;
pub use diff::{Side, diff_json, diff_lines};
pub use filter::{Filter, kinds};
pub(crate) use filter::{agent_id, is_about_kind, unknown};
pub use letters::{DeadLetter, Place, letters, letters_left};
pub use logs::{LEVELS, LogLine};
pub use message::message_line;
pub use progress::{AgentFigures, Figures, progress_lines, summary_lines};
pub use reload::{again, change_lines, lost, revision_json, revision_lines, step};
pub use remains::remains_line;
pub use replayed::{ReplayView, Told, others, same_but_fuel};
pub use runs::{run_json, run_lines};
pub use state::StateView;
pub use summary::live_line;
pub use tree::{Branch, Latest, tree, tree_lines};
pub use waiting::{Held, HeldPlan, Undecided, held};
pub use why::Rows;

/// True of the last record of a process that ran a run.
#[must_use]
pub const fn ends_a_process(body: &Body) -> bool {
    matches!(body, Body::Finished(_) | Body::Suspended(_) | Body::Waiting(_))
}

/// Payloads no longer than this, in bytes, stand in a line as a whole.
pub const VALUE_BYTES: usize = 64 << 10;

/// How much to show.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Detail {
    /// What has room in a line: long payloads by their beginning.
    Line,
    /// All.
    Full,
}

/// A record with what lies beside it, as a reader has it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Row {
    /// What it says.
    pub record: Record,
    /// Its hash.
    pub hash: Digest,
    /// The payloads, in the order of [`Body::payloads`](theater_flow_kernel::record::Body::payloads);
    /// `None` for one that was erased.
    pub payloads: Vec<Option<Bytes>>,
}

impl Row {
    /// A record from the store; chunked payloads are fetched before.
    pub fn of_stored(stored: &Stored) -> Result<Self, Damage> {
        let payloads = stored.payloads.iter().map(|payload| payload.bytes().cloned()).collect();
        Ok(Self { record: stored.record()?, hash: stored.hash, payloads })
    }

    /// A record that is still in memory, with its place in the chain.
    #[must_use]
    pub fn of_entry(entry: &Entry, prev: Digest, hash: Digest) -> Self {
        let Entry { seq, at, causes, body, payloads, .. } = entry.clone();
        let payloads = payloads.into_iter().map(Some).collect();
        Self { record: Record { version: VERSION, seq, prev, at, causes, body }, hash, payloads }
    }

    /// The parts, each with its payloads.
    pub(crate) fn parts(&self) -> impl Iterator<Item = (u32, &Part, &[Option<Bytes>])> {
        let mut rest = self.payloads.as_slice();
        (0..).zip(self.record.body.parts()).map(move |(i, part)| {
            let (own, after) = rest.split_at(part.payloads().count().min(rest.len()));
            rest = after;
            (i, part, own)
        })
    }

    /// The record's own payload, which follows those of its parts.
    pub(crate) fn own_payload(&self) -> Option<&Bytes> {
        self.nth_own_payload(0)
    }

    /// One of the record's own payloads.
    fn nth_own_payload(&self, nth: usize) -> Option<&Bytes> {
        let of_parts: usize =
            self.record.body.parts().iter().map(|part| part.payloads().count()).sum();
        self.payloads.get(of_parts + nth).and_then(Option::as_ref)
    }
}

/// Shows the records of one run.
#[derive(Clone, Debug)]
pub struct View<'a> {
    plan: &'a Plan,
    ports: BTreeMap<PortId, &'a str>,
    /// The first plan of the run's log.
    first: &'a Plan,
    /// Files of which no record of the run says what they are.
    open: OpenFiles,
}

impl<'a> View<'a> {
    /// A view of a run of this plan.
    #[must_use]
    pub fn new(plan: &'a Plan) -> Self {
        Self { plan, ports: ports(plan).collect(), first: plan, open: OpenFiles::new() }
    }

    /// A view of a run that has had these plans before, the first one first. They know ports that are gone.
    #[must_use]
    pub fn after(mut self, plans: &'a [Arc<Plan>]) -> Self {
        for plan in plans {
            self.ports.extend(ports(plan));
        }
        Self { first: plans.first().map_or(self.first, |first| first), ..self }
    }

    /// Names these files, which were open before the run's first record.
    #[must_use]
    pub fn naming(self, open: OpenFiles) -> Self {
        Self { open, ..self }
    }

    /// The name of the agent that a record is about, `-` if it is about none.
    #[must_use]
    pub fn about(&self, row: &Row) -> &'a str {
        row.record.body.agent().map_or("-", |id| self.agent(id))
    }

    /// An agent's name. What is not in the plan has none; a damaged log may say anything.
    pub(crate) fn agent(&self, id: AgentId) -> &'a str {
        self.plan.agent(id).map_or("?", |agent| &agent.name)
    }

    pub(crate) fn port(&self, id: PortId) -> &'a str {
        self.ports.get(&id).copied().unwrap_or("?")
    }

    /// What an agent writes to: by its place if no record says what it is, else by its number.
    fn sink(&self, row: &Row, sink: SinkId) -> String {
        match self.open_file(row, sink) {
            _ if sink == SinkId::STDOUT => String::from("stdout"),
            Some(file) => escape(&file.name()).into_owned(),
            None => format!("sink {}", sink.0),
        }
    }

    fn open_file(&self, row: &Row, sink: SinkId) -> Option<&OpenFile> {
        self.open.get(&(row.record.body.agent()?, sink))
    }

    /// A supervisor's name; `?` if there is none.
    #[must_use]
    pub fn supervisor(&self, id: SupervisorId) -> &'a str {
        self.plan.supervisors.get(id.index()).map_or("?", |supervisor| &supervisor.name)
    }
}

/// The names of all ports.
fn ports(plan: &Plan) -> impl Iterator<Item = (PortId, &str)> {
    let inputs = plan.agents.iter().flat_map(|agent| &agent.inputs);
    let outputs = plan.agents.iter().flat_map(|agent| &agent.outputs);
    let inputs = inputs.map(|port| (port.port, port.name.as_str()));
    inputs.chain(outputs.map(|port| (port.port, port.name.as_str())))
}

/// The word for how a run ended.
#[must_use]
pub const fn status(status: Status) -> &'static str {
    match status {
        Status::Completed => "completed",
        Status::Degraded => "degraded",
        Status::Failed => "failed",
    }
}

/// `1 crash`, `2 crashes`.
fn count(number: u64, one: &str, more: &str) -> String {
    format!("{number} {}", if number == 1 { one } else { more })
}
