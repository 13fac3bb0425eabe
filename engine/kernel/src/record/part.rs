//! What a guest was called for, and what it did.

use alloc::string::String;

use serde::{Deserialize, Serialize};

use super::Payload;
use crate::ids::{PortId, Ref};

/// The event a guest call was about.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Consumed {
    /// See `event` in `wit/types.wit`.
    Start,
    /// See `event` in `wit/types.wit`.
    Pull,
    /// A message.
    Message {
        /// The part that emitted it, or the dead letter's record.
        id: Ref,
        /// The input it came by.
        port: PortId,
    },
    /// An input closed.
    Closed {
        /// The input.
        port: PortId,
    },
    /// A timer came due.
    Timer {
        /// Its name.
        name: String,
    },
}

/// What a guest answered to an event.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Next {
    /// For the next event.
    Wait,
    /// For a `pull`, once every output has room.
    More,
    /// It is done.
    Done,
}

/// One thing a guest did.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Part {
    /// It emitted a value, which is one message to each reader of the port.
    Emission {
        /// The output.
        port: PortId,
        /// The value.
        payload: Payload,
    },
    /// It asked the world and got an answer.
    Answer {
        /// What it called.
        call: Call,
        /// With what, in the encoding of the [gate](crate::gate).
        args: Payload,
        /// What it got.
        answer: Payload,
    },
    /// It was refused.
    Denial {
        /// What it called.
        call: Call,
        /// With what; for an emission the port and the first bytes of the value.
        args: Payload,
        /// What it got: an error.
        answer: Payload,
    },
    /// It opened a file for writing.
    Opened {
        /// Its number among the agent's sinks, from 1.
        sink: SinkId,
        /// What the guest calls it.
        name: String,
        /// Where it is: absolute.
        path: String,
        /// Bytes that stood there before; 0 for a replacement.
        base: u64,
        /// True if what is written replaces the old content when the file is closed.
        replace: bool,
    },
    /// It wrote bytes, which reach their place after the record is durable.
    Staged {
        /// Where to.
        sink: SinkId,
        /// The first byte's offset there.
        offset: u64,
        /// The bytes.
        payload: Payload,
    },
    /// It closed a file.
    Closed {
        /// Which.
        sink: SinkId,
    },
    /// It logged a line.
    Log {
        /// How loud.
        level: Level,
        /// The line, UTF-8.
        payload: Payload,
    },
    /// Log lines beyond the bound were dropped.
    LogDropped {
        /// How many.
        lines: u32,
    },
    /// It set a timer.
    TimerSet {
        /// Its name.
        name: String,
        /// Due this long after the record's time, in ms.
        after_ms: u64,
    },
    /// It cancelled a timer.
    TimerCancelled {
        /// Its name.
        name: String,
    },
}

/// Where an agent's staged bytes go: 0 is standard output, files count from 1 and are never reused.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub struct SinkId(pub u32);

impl SinkId {
    /// Standard output.
    pub const STDOUT: Self = Self(0);
}

/// How loud a log line is.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Level {
    /// For the author.
    Debug,
    /// For the curious.
    Info,
    /// For the user.
    Warn,
    /// For the user, at once.
    Error,
}

/// A function that a guest may call and that is answered or denied.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Call {
    /// `outbox.emit`; only its denials are recorded under this name.
    Emit,
    /// `clock.now`.
    ClockNow,
    /// `random.bytes`.
    RandomBytes,
    /// `files.read`.
    FilesRead,
    /// `files.stat`.
    FilesStat,
    /// `files.list`.
    FilesList,
    /// `files.append`.
    FilesAppend,
    /// `files.replace`.
    FilesReplace,
    /// `files.close`.
    FilesClose,
    /// `stdin.read`.
    StdinRead,
    /// `http.send`.
    HttpSend,
}

impl Call {
    /// The call in words: ``a call of `clock.now` ``.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Emit => "a call of `outbox.emit`",
            Self::ClockNow => "a call of `clock.now`",
            Self::RandomBytes => "a call of `random.bytes`",
            Self::FilesRead => "a call of `files.read`",
            Self::FilesStat => "a call of `files.stat`",
            Self::FilesList => "a call of `files.list`",
            Self::FilesAppend => "a call of `files.append`",
            Self::FilesReplace => "a call of `files.replace`",
            Self::FilesClose => "a call of `files.close`",
            Self::StdinRead => "a call of `stdin.read`",
            Self::HttpSend => "a call of `http.send`",
        }
    }
}

impl Part {
    /// What was done, in words, without what it was done with.
    #[must_use]
    pub const fn deed(&self) -> &'static str {
        match self {
            Self::Emission { .. } => "an emission",
            Self::Answer { call, .. } => call.name(),
            Self::Denial { .. } => "a denied call",
            Self::Opened { .. } => "a file that is opened",
            Self::Staged { .. } => "a write",
            Self::Closed { .. } => "a file that is closed",
            Self::Log { .. } => "a log line",
            Self::LogDropped { .. } => "log lines that are dropped",
            Self::TimerSet { .. } => "a timer that is set",
            Self::TimerCancelled { .. } => "a timer that is cancelled",
        }
    }

    /// The part's payloads, in the order of their bytes.
    pub fn payloads(&self) -> impl Iterator<Item = &Payload> {
        let (first, second) = match self {
            Self::Emission { payload, .. }
            | Self::Staged { payload, .. }
            | Self::Log { payload, .. } => (Some(payload), None),
            Self::Answer { args, answer, .. } | Self::Denial { args, answer, .. } => {
                (Some(args), Some(answer))
            }
            Self::Opened { .. }
            | Self::Closed { .. }
            | Self::LogDropped { .. }
            | Self::TimerSet { .. }
            | Self::TimerCancelled { .. } => (None, None),
        };
        first.into_iter().chain(second)
    }
}
