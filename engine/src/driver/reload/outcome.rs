//! What became of a reload.

use std::fmt;

use theater_flow_kernel::record::Counts;
use theater_flow_kernel::reload::Widening;

/// What a run did that was to go over to another plan.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Outcome {
    /// It has that plan already.
    Same {
        /// The plan's number in the run.
        revision: u32,
    },
    /// It went over to it.
    Reloaded {
        /// The plan's number in the run.
        revision: u32,
        /// How much differs.
        counts: Counts,
        /// How long somebody was kept from working, in ms.
        paused_ms: u64,
    },
    /// The plan gives somebody more than they have: it waits for somebody to approve it.
    Proposed {
        /// The record that says so.
        proposal: u64,
        /// The plan's number, once it is approved.
        revision: u32,
        /// How much differs.
        counts: Counts,
        /// What it gives to whom.
        widens: Vec<String>,
    },
}

/// As people and records have it: `agent: grants.http`.
pub(super) fn words(widening: &Widening) -> String {
    match widening.agent.as_str() {
        "" => widening.what.clone(),
        agent => format!("{agent}: {}", widening.what),
    }
}

/// Why a run did not go over to another plan.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Refused {
    /// Another reload is under way.
    Busy,
    /// What was approved waits no more.
    NoProposal,
    /// The run comes to its end, or is let go.
    Ending,
    /// An agent did not come to rest in its time.
    Late {
        /// Who.
        agent: String,
        /// It waits for what it asked.
        asks: bool,
    },
    /// What an agent asked waits for somebody to decide about it.
    Undecided {
        /// Who.
        agent: String,
    },
    /// A supervisor is starting or stopping agents, and did not end in time.
    Supervising {
        /// Who.
        supervisor: String,
    },
    /// A message waits that is no value of its input's new type, or whose input is gone.
    Misfit {
        /// Whose mailbox it is in.
        agent: String,
        /// The input.
        port: String,
        /// The message.
        message: String,
    },
    /// A successor does not begin with the state that there is.
    State {
        /// Who.
        agent: String,
        /// What it said.
        why: String,
    },
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Busy => f.write_str("another reload is under way"),
            Self::NoProposal => f.write_str("that plan does not wait for approval any more"),
            Self::Ending => f.write_str("the run comes to its end"),
            Self::Late { agent, asks: false } => {
                write!(f, "`{agent}` has not come to the end of its event in its `shutdown` time")
            }
            Self::Late { agent, asks: true } => {
                write!(f, "`{agent}` waits for an answer, and that took longer than its `shutdown`")
            }
            Self::Undecided { agent } => {
                write!(
                    f,
                    "`{agent}` waits for somebody to decide about what it asked: `approve` it first"
                )
            }
            Self::Supervising { supervisor } => {
                write!(f, "supervisor `{supervisor}` is starting or stopping agents")
            }
            Self::Misfit { agent, port, message } => write!(
                f,
                "message {message} waits at `{agent}.{port}`, and is no value of the input's new type"
            ),
            Self::State { agent, why } => {
                write!(f, "`{agent}` cannot go on with the state that it has: {why}")
            }
        }
    }
}
