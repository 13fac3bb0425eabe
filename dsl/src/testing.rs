//! What a `[[tests]]` table means, once it is held against the plan.

use serde_json::Value;
use theater_flow_kernel::ids::{AgentId, Fault, PortId};
use theater_flow_kernel::record::Crash;

use crate::facts::Direction;
use crate::span::At;

/// The kinds of record and of part, as `events --kind` has them; sorted.
pub const KINDS: &[&str] = &[
    "answer",
    "checkpoint",
    "closed",
    "confirmed",
    "continued",
    "crashed",
    "dead-lettered",
    "decided",
    "denial",
    "discarded",
    "dropped",
    "emission",
    "ended",
    "escalated",
    "faulted",
    "finished",
    "forked",
    "genesis",
    "incarnation",
    "intent",
    "log",
    "log-dropped",
    "opened",
    "outcome",
    "paused",
    "proposed",
    "pruned",
    "received",
    "refused",
    "reloaded",
    "restarted",
    "rested",
    "resumed",
    "retried",
    "shut-down",
    "snapshot",
    "staged",
    "stopped",
    "stopping",
    "suspended",
    "timer-cancelled",
    "timer-set",
    "transaction",
    "waiting",
];

/// A test of a pipeline: a run of it on a simulated machine, and what is to come of it.
#[derive(Clone, PartialEq, Debug)]
pub struct Test {
    /// What it is called.
    pub name: At<String>,
    /// What order and randomness are drawn from.
    pub seed: u64,
    /// The messages that it begins with, in file order.
    pub given: Vec<Given>,
    /// Agents that do not run themselves.
    pub mocks: Vec<Mock>,
    /// Agents that run although nothing that is given reaches them.
    pub run: Vec<AgentId>,
    /// The files that are there: absolute paths and texts.
    pub files: Vec<(String, String)>,
    /// Standard input.
    pub stdin: String,
    /// The run is asked to stop so long after it began, in ms.
    pub stop_ms: Option<u64>,
    /// What is to come of it.
    pub expect: Expect,
}

/// A port of the plan.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Port {
    /// Whose.
    pub agent: AgentId,
    /// Its id.
    pub id: PortId,
    /// Which way messages go.
    pub direction: Direction,
    /// `<agent>.<port>`, and where the file says so.
    pub name: At<String>,
}

/// Messages that come to an input, or out of an agent in its place.
#[derive(Clone, PartialEq, Debug)]
pub struct Given {
    /// Where.
    pub port: Port,
    /// In order.
    pub values: Vec<Value>,
}

/// An agent that follows a script.
#[derive(Clone, PartialEq, Debug)]
pub struct Mock {
    /// The agent.
    pub agent: At<AgentId>,
    /// One for each message, in order.
    pub replies: Vec<Reply>,
    /// What every message after these gets. `None`: it must not come; but an agent without any
    /// replies takes all and says nothing.
    pub otherwise: Option<Reply>,
}

/// What a mocked agent does with a message.
#[derive(Clone, PartialEq, Debug)]
pub enum Reply {
    /// It sends these, each by the output named beside it.
    Emit(Vec<(String, Value)>),
    /// It answers with a fault.
    Fault(Fault),
    /// It crashes.
    Crash(Crash),
}

/// What is to come of a test.
#[derive(Clone, PartialEq, Debug)]
pub struct Expect {
    /// Messages on ports.
    pub messages: Vec<Messages>,
    /// Records.
    pub records: Vec<Records>,
    /// All dead letters, in order; `None` if they are not looked at.
    pub dead_letters: Option<At<Vec<Letter>>>,
    /// Files: absolute path, name in the file, text.
    pub files: Vec<Written>,
    /// What is printed.
    pub stdout: Option<At<String>>,
    /// How the run ends.
    pub status: At<Ends>,
}

/// Messages expected on a port.
#[derive(Clone, PartialEq, Debug)]
pub struct Messages {
    /// Where. On an output all that is sent counts, on an input all that is handled.
    pub port: Port,
    /// What; each with its place.
    pub values: Vec<At<Value>>,
    /// The values are all there is, in this order; else they are among what is there, and a record
    /// may have more fields than are named.
    pub exact: bool,
    /// How many messages there are.
    pub count: Option<At<u64>>,
}

/// Records expected.
#[derive(Clone, PartialEq, Debug)]
pub struct Records {
    /// Where the file says so.
    pub kind: At<String>,
    /// About this agent.
    pub agent: Option<AgentId>,
    /// How many; `None`: some.
    pub count: Option<u64>,
}

/// A dead letter expected. What is `None` is not looked at.
#[derive(Clone, PartialEq, Debug)]
pub struct Letter {
    /// Who could not handle it.
    pub agent: At<AgentId>,
    /// The fault's code, the kind of crash, or the reason.
    pub code: Option<String>,
    /// What the message says; a record may have more fields.
    pub body: Option<Value>,
}

/// A file that is to be there.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Written {
    /// As the test calls it.
    pub name: At<String>,
    /// Where: absolute.
    pub path: String,
    /// What stands in it.
    pub text: String,
}

/// How a run may end.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Ends {
    /// All agents ended, nothing was set aside unseen.
    Completed,
    /// All agents ended, and the engine keeps dead letters.
    Degraded,
    /// The root supervisor gave up.
    Failed,
    /// It was asked to stop.
    Stopped,
}

impl Ends {
    /// The word for it.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Completed => "completed",
            Self::Degraded => "degraded",
            Self::Failed => "failed",
            Self::Stopped => "stopped",
        }
    }
}
