//! What can be seen of supervision from outside, in the words of the model: the kernel's records are put into
//! them, and compared.

/// Something that happened, or was decided.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) enum Said {
    /// A life of an agent began.
    Up(usize),
    /// An agent crashed, or could not be started.
    Crashed(usize),
    /// A supervisor decided to restart, for the so-manieth time in its window.
    Restarts { by: usize, count: u32 },
    /// A supervisor gave up, with so many restarts in its window; with 0, since it could not be started.
    GivesUp { by: usize, count: u32 },
    /// A supervisor shuts itself down, since significant children have ended.
    Shuts(usize),
    /// An agent that lived was stopped.
    Gone { agent: usize, how: Stop },
    /// The run is over; it failed, or not.
    Finished { failed: bool },
}

/// How an agent came to be stopped.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) enum Stop {
    /// It came to rest by itself.
    Calmly,
    /// It was killed.
    Killed,
    /// The record does not say.
    Unsaid,
}

impl Said {
    /// True if both say the same, as far as they say it.
    pub(crate) fn agrees(self, other: Self) -> bool {
        match (self, other) {
            (Self::Gone { agent, how: Stop::Unsaid }, Self::Gone { agent: also, .. })
            | (Self::Gone { agent, .. }, Self::Gone { agent: also, how: Stop::Unsaid }) => {
                agent == also
            }
            _ => self == other,
        }
    }
}

/// How an agent came to be over for good.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) enum How {
    /// It answered `done`.
    Done,
    /// Nothing was left for it to do.
    Finished,
    /// It crashed, and is temporary.
    Crashed,
    /// It was stopped, and does not come again.
    Stopped,
}

/// What the world has yet to do before a run can be over.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Outside {
    /// Nothing.
    Calm,
    /// To answer somebody, or to put a byte in its place.
    Busy,
    /// Nothing that it can: a byte could not be put in its place.
    Broken,
}
