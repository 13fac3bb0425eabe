//! What became of a reload.

use std::fmt;

use theater_flow_kernel::record::Counts;

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
        /// Messages that became dead letters with it.
        set_aside: u64,
        /// The names of agents that had ended and are started again.
        again: Vec<String>,
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

/// Why a run did not go over to another plan. Each says what helps.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Refused {
    /// Another reload is under way.
    Busy,
    /// What was approved waits no more.
    NoProposal,
    /// The run comes to its end, or is let go.
    Ending,
    /// An agent that goes on as another instance did not come to rest in its time.
    Late {
        /// Who.
        agent: String,
        /// It waits for what it asked.
        asks: bool,
    },
    /// An agent's state could not be saved in its time.
    Unsaved {
        /// Who.
        agent: String,
    },
    /// An agent that is to go has not handled all that it has in its time.
    Unread {
        /// Who.
        agent: String,
        /// How many messages are left.
        messages: usize,
    },
    /// Not all that an agent wrote that is to go reached its place in its time.
    Unwritten {
        /// Who.
        agent: String,
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
    /// A supervisor has ended, and somebody would live below it.
    Ended {
        /// Who.
        supervisor: String,
    },
    /// Not all who lived when the last process ended were started again in time.
    Resuming,
    /// A message waits that is no value of its input's new type, or whose input is gone.
    Misfit {
        /// Whose mailbox it is in.
        agent: String,
        /// The input.
        port: String,
        /// The message.
        message: String,
    },
    /// A successor does not begin.
    State {
        /// Who.
        agent: String,
        /// Not even anew; else with the state that there is.
        fresh: bool,
        /// What it said.
        why: String,
    },
    /// Whether a successor begins could not be found out.
    Untried {
        /// Who.
        agent: String,
        /// Why not.
        why: String,
    },
    /// The process has no room for the instances of all agents that are new.
    NoRoom {
        /// How many are new.
        added: usize,
        /// For how many there is room.
        room: usize,
    },
}

impl Refused {
    /// True if the same reload may go through a moment later, though nobody changes the file.
    #[must_use]
    pub const fn may_pass(&self) -> bool {
        match self {
            Self::Busy
            | Self::Late { .. }
            | Self::Unsaved { .. }
            | Self::Unread { .. }
            | Self::Unwritten { .. }
            | Self::Resuming
            | Self::Untried { .. }
            | Self::NoRoom { .. }
            | Self::Undecided { .. }
            | Self::Supervising { .. }
            | Self::Misfit { .. } => true,
            Self::NoProposal | Self::Ending | Self::Ended { .. } | Self::State { .. } => false,
        }
    }
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Busy => f.write_str("another reload is under way: try again when it is over"),
            Self::NoProposal => f.write_str(
                "that plan does not wait for approval any more: `reload` to its file asks for it again",
            ),
            Self::Ending => f.write_str(
                "the run comes to its end, or is let go: if it can be resumed then, reload it then",
            ),
            Self::Supervising { supervisor } => write!(
                f,
                "supervisor `{supervisor}` is starting or stopping agents, and `tree` shows which: try again when that is \
                 over"
            ),
            Self::Ended { supervisor } => write!(
                f,
                "supervisor `{supervisor}` has ended, and nobody below it can live: put who is to live below another one"
            ),
            Self::Resuming => f.write_str(
                "the run was taken up and its agents are being started again: try again when they are",
            ),
            Self::NoRoom { added, room } => write!(
                f,
                "{added} agents are new, and this process has room for {room}: `stop` the run, reload it at rest, and \
                 `resume` it"
            ),
            Self::Late { agent, .. }
            | Self::Unsaved { agent }
            | Self::Unread { agent, .. }
            | Self::Unwritten { agent }
            | Self::Undecided { agent }
            | Self::Misfit { agent, .. }
            | Self::State { agent, .. }
            | Self::Untried { agent, .. } => {
                write!(f, "`{agent}")?;
                self.of_agent(f)
            }
        }
    }
}

impl Refused {
    /// What is said of an agent, behind its name.
    fn of_agent(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Late { asks: false, .. } => f.write_str(
                "` has not come to the end of its event in its `shutdown` time: try again, or give it more time",
            ),
            Self::Late { asks: true, .. } => f.write_str(
                "` waits for an answer, and that took longer than its `shutdown`: try again, or give it more time",
            ),
            Self::Unsaved { .. } => f.write_str(
                "` has not given its state in its `shutdown` time: try again, or give it more time",
            ),
            Self::Unread { messages, .. } => {
                match messages {
                    0 => f.write_str("` is to go, and has not sent all that it has to send")?,
                    1 => f.write_str("` is to go, and has not handled 1 message that it has")?,
                    more => write!(f, "` is to go, and has not handled {more} messages that it has")?,
                }
                f.write_str(
                    " in its `shutdown` time: try again, give it more time, or leave them with \
                     `on_type_mismatch = \"dead-letter\"`",
                )
            }
            Self::Unwritten { .. } => f.write_str(
                "` is to go, and not all that it wrote is in its place after its `shutdown` time: see to where it writes, \
                 and try again",
            ),
            Self::Undecided { .. } => {
                f.write_str("` waits for somebody to decide about what it asked: `approve` it first")
            }
            Self::Misfit { port, message, .. } => write!(
                f,
                ".{port}` has message {message} waiting, which is no value of the input's new type: let it be handled \
                 first, or set `on_type_mismatch = \"dead-letter\"`"
            ),
            Self::State { fresh: false, why, .. } => write!(
                f,
                "` cannot go on with the state that it has ({why}): its actor may `migrate` it, or set \
                 `on_state_mismatch = \"fresh\"`"
            ),
            Self::State { fresh: true, why, .. } => {
                write!(f, "` cannot begin, not even anew ({why}): mend its config, limits or component")
            }
            Self::Untried { why, .. } => {
                write!(f, "` could not be tried out ({why}), and keeps its state: try again")
            }
            _ => Ok(()),
        }
    }
}
