//! What the kernel knows of one supervisor: a process of its own, as in OTP. It does one thing at a time, and
//! what its children do meanwhile waits for it.

use alloc::collections::VecDeque;
use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use crate::plan::Child;

/// What the kernel knows of one supervisor.
#[derive(Clone, PartialEq, Eq, Default, Debug, Serialize, Deserialize)]
pub struct SupervisorState {
    /// What it is doing.
    pub stage: Stage,
    /// When it restarted children, in ms, within the window; oldest first.
    pub recent: Vec<u64>,
    /// What happened to its children that it has not dealt with, in the order of the records.
    pub exits: VecDeque<Exit>,
    /// Significant children whose end it has not seen.
    pub significant: u32,
    /// It gave up, and was not started again since.
    pub gave_up: bool,
    /// How often it has decided to start children again, however often it was started again itself.
    pub restarts: u64,
    /// The record of its last decision: to start children again, to give up, or to shut itself down.
    pub last: Option<u64>,
}

/// What a supervisor is doing. Positions are those of its children, in start order.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug, Serialize, Deserialize)]
pub enum Stage {
    /// Nothing: it is not started, or stopped. The one above starts it when its turn comes.
    #[default]
    Off,
    /// It starts its children, each once the one before is up.
    Starting(Start),
    /// Its children were started. It deals with what happens to them.
    Up,
    /// It stops children that go down with a failed one, youngest first, in order to start them again.
    Clearing {
        /// The first of them.
        from: u32,
        /// The one after the last of them.
        to: u32,
        /// Those from this one on are down.
        left: u32,
        /// Restarts in the window, which the wait before the start grows with.
        count: u32,
        /// The record of the decision.
        why: u64,
    },
    /// It starts children again.
    Restarting {
        /// How far it is.
        start: Start,
        /// The one after the last.
        to: u32,
    },
    /// It stops all its children for its own end, youngest first.
    Stopping(Stop),
    /// It is down, by the decision in this record. The one above has not dealt with it.
    Down {
        /// The record.
        why: u64,
        /// One of its children could not be started while it started.
        at_start: bool,
    },
    /// It does not come back, nor does anything below it.
    Over,
}

/// How far a supervisor is that starts children.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Start {
    /// The one whose turn it is.
    pub at: u32,
    /// Not before this time, in ms since 1970.
    pub due: u64,
    /// The record that it follows from.
    pub why: u64,
}

/// How far a supervisor is that stops all its children.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Stop {
    /// Those from this position on are down.
    pub left: u32,
    /// When all that is left is killed, in ms since 1970; `None` for never.
    pub due: Option<u64>,
    /// The record of the decision.
    pub why: u64,
    /// The one above has asked for it; else it is down by its own decision.
    pub asked: bool,
    /// It does not come back.
    pub last: bool,
    /// One of its children could not be started while it started.
    pub at_start: bool,
}

/// Something happened to a child.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Exit {
    /// It went down in this record, and may have to be started again.
    Down {
        /// The child.
        child: Child,
        /// The record.
        seq: u64,
    },
    /// A significant child ended by itself in this record.
    Ended {
        /// The record.
        seq: u64,
    },
    /// With that, the supervisor shuts itself down.
    ShutDown {
        /// The record.
        seq: u64,
    },
}

impl Stage {
    /// True if its children were started, and it has not begun to stop them all.
    #[must_use]
    pub const fn is_up(self) -> bool {
        matches!(self, Self::Up | Self::Clearing { .. } | Self::Restarting { .. })
    }

    /// The position of the child that it starts or stops now.
    #[must_use]
    pub const fn turn(self) -> Option<u32> {
        match self {
            Self::Starting(start) | Self::Restarting { start, .. } => Some(start.at),
            Self::Clearing { left, .. } | Self::Stopping(Stop { left, .. }) => left.checked_sub(1),
            Self::Off | Self::Up | Self::Down { .. } | Self::Over => None,
        }
    }
}
