//! The control socket of a live run: HTTP/1.1 and JSON over a Unix socket.
//!
//! Only the process that runs a run can read its log, so that process shows it to others, and takes their
//! wish to stop:
//!
//! | request | answer |
//! |---|---|
//! | `GET /v1/hello` | who this is: `{"protocol":1,"run":…,"name":…,"pid":…,"engine":…,"status":…}` |
//! | `GET /v1/events?from=SEQ[&follow=1]` | stored records from `SEQ` on, a JSON line each; with `follow` until the run ends |
//! | `GET /v1/pairs?from=HEX&to=HEX[&last=1]` | keys and values of the log, a few at a time, postcard |
//! | `GET /v1/show?seq=SEQ[&part=I][&width=COLUMNS][&colour=1]` | one record, or a part of it, in full |
//! | `GET /v1/why?seq=SEQ[&part=I][&impact=1][&json=1][&width=COLUMNS][&colour=1]` | what a record follows from, or what follows from it |
//! | `GET /v1/verify` | what a check of the whole log finds |
//! | `GET /v1/tree` | the supervision tree |
//! | `GET /v1/waiting` | what waits for somebody to decide |
//! | `POST /v1/approve?id=SEQ[&fail=1]` | once it is durable `{"recorded":true}`; or `{"recorded":false,"why":…}` |
//! | `POST /v1/letters?do=retry\|drop&letter=SEQ…` | what became of each dead letter, once that is durable; `all=1[&agent=NAME]` for all |
//! | `GET /v1/tap?channels=PATTERN` | messages as they are emitted, a JSON line each, until the run ends |
//! | `POST /v1/send?to=AGENT.PORT`, the value as body | once the message is durable `{"recorded":true,"seq":…}`; or `{"recorded":false,"why":…,"help":…,"wrong":…}` |
//! | `POST /v1/pause`, `POST /v1/resume` | once it is durable `{"recorded":true,"seq":…}`; or `{"recorded":false,"already":…,"why":…}` |
//! | `POST /v1/stop[?within=MS]` or `?now=1` | 202; the run drains and stops |
//!
//! Whatever else is asked gets an error status and `{"error":"…"}`. All of it is on a page of its own,
//! `docs/control-socket.md`.
//!
//! The socket lies in a short folder of its own, as a socket's path may not be longer than 107 bytes, and
//! the file `socket` in the run's folder holds that path. Both go when the [`Server`] does. After a kill
//! they stay, but nobody listens: connecting fails, which is how a [`Client`] tells.
//!
//! Nothing that a client does or leaves undone holds up the run: the socket has a thread of its own, and
//! connections, requests and waits are bounded.

mod client;
mod feed;
mod place;
mod routes;
mod server;
mod span;
#[cfg(test)]
mod tests;
mod wire;

use std::path::{Path, PathBuf};
use std::{fmt, io};

use serde::{Deserialize, Serialize};
use theater_flow_kernel::ids::{Digest, Ref};

pub use client::{Client, Heard};
pub use server::Server;
pub use span::{Span, pairs};

use crate::causes::Question;
use crate::channels::Pattern;
use crate::letters::Order;
use crate::render::Look;
use crate::store::Pair;

/// The version of what is said over the socket, which [`Shown::hello`] states as `protocol`.
pub const PROTOCOL: u32 = 1;
/// The name of the file in a run's folder that holds the socket's path.
pub const POINTER: &str = "socket";

/// What the socket shows of a run. The calls may block; they come from threads that may.
pub trait Shown: Send + Sync + 'static {
    /// Who this is: an object with `protocol`, `run`, `name`, `pid`, `engine` and `status`.
    fn hello(&self) -> serde_json::Value;

    /// The durable records from seq `from` on, at most `most`, a line of JSON each. None if there are none
    /// yet.
    fn events(&self, from: u64, most: usize) -> Result<Lines, String>;

    /// What is stored there: the first pairs of the span, as many as are read without keeping the run waiting, or
    /// its last one. None if there are none.
    fn pairs(&self, span: &Span) -> Result<Vec<Pair>, String>;

    /// What a check of the whole log finds, and which record has the hash `head`. An error if it cannot be made.
    fn verify(&self, head: Option<Digest>) -> Result<serde_json::Value, String>;

    /// The supervision tree.
    fn tree(&self) -> Result<serde_json::Value, String>;

    /// One durable record, or a part of it, in full: an object with `json` (its line of JSON as text) and
    /// `text` (for people, as `look` has it), each null if the record has no such part, and `records`, how
    /// many there are. Without the first two if there is no such record yet.
    fn show(&self, what: Ref, look: Look) -> Result<serde_json::Value, String>;

    /// What a durable record follows from, or what follows from it: an object with `lines`, as
    /// `why` prints them, and `records`, how many there are. Without `lines` if there is no such record
    /// yet, or it has no such part.
    fn why(&self, question: Question, look: Look) -> Result<serde_json::Value, String>;

    /// What waits for somebody to decide.
    fn waiting(&self) -> Result<serde_json::Value, String>;

    /// The user `uid` decides about what was asked in record `id`: an object with `recorded`, once that is durable;
    /// if it is false, with `why`.
    fn approve(&self, id: u64, repeat: bool, uid: u32) -> Result<serde_json::Value, String>;

    /// The user `uid` wants something done with dead letters: what became of each, once that is durable.
    fn letters(&self, order: Order, uid: u32) -> Result<serde_json::Value, String>;

    /// The user `uid` wants the run to go over to another plan: what became of it, as
    /// [`Told`](crate::reload::Told) has it.
    fn reload(&self, ask: ReloadAsk, uid: u32) -> Result<serde_json::Value, String>;

    /// The user `uid` wants the run to stand still, or to go on: an object with `recorded`, once that is durable; if
    /// it is false, with `already` and `why`.
    fn pause(&self, still: bool, uid: u32) -> Result<serde_json::Value, String>;

    /// The user `uid` sends `value` to the input `to`: an object with `recorded` and `seq`, once that is durable; if
    /// it is false, with `why`, `help` or null, and `wrong`: that it can never be sent so.
    fn send(&self, to: &str, value: String, uid: u32) -> Result<serde_json::Value, String>;

    /// The names of the channels that there are, and the seq of the next record.
    fn channels(&self) -> Result<(Vec<String>, u64), String>;

    /// The messages of channels that the pattern means, of the durable records from seq `from` on, of which at most
    /// `most` are read; a line of JSON each.
    fn messages(&self, from: u64, most: usize, pattern: &Pattern) -> Result<Lines, String>;

    /// `by` wishes the run to stop. Returns at once.
    fn stop(&self, by: &str, haste: Haste);
}

/// To which plan a run is to go over.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum ReloadAsk {
    /// What a file says now.
    File {
        /// Its absolute path.
        path: PathBuf,
        /// As whoever asks names it.
        name: String,
        /// Values of its parameters.
        set: Vec<(String, String)>,
        /// Columns for the text of faults, if there is a bound.
        width: Option<usize>,
        /// Whether that is coloured.
        colour: bool,
    },
    /// One that the run had before.
    Revision(u32),
}

/// How long a run that stops may take.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Haste {
    /// As long as whoever began it said.
    Usual,
    /// So many ms.
    Within(u64),
    /// No time.
    Now,
}

/// Some records.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Lines {
    /// A line of JSON a record, without a line feed.
    pub lines: Vec<String>,
    /// The seq after the last of them; what was asked for if there are none.
    pub next: u64,
    /// The run is over: once there are no more lines, there will be none.
    pub over: bool,
}

/// Why there is no socket, or no answer.
#[derive(Debug, thiserror::Error)]
pub enum SocketError {
    /// The folder for sockets must not be used.
    #[error("{} cannot hold a control socket: {what}", .path.display())]
    Folder {
        /// The folder.
        path: PathBuf,
        /// What is wrong with it.
        what: &'static str,
    },
    /// The socket's path is longer than a socket's may be.
    #[error("{} is too long for a socket's path", .path.display())]
    TooLong {
        /// The path.
        path: PathBuf,
    },
    /// The file system or the network refused.
    #[error("{}: {source}", .path.display())]
    Io {
        /// The file, folder or socket.
        path: PathBuf,
        /// What it said.
        source: io::Error,
    },
    /// Whoever listens is another user.
    #[error("{} belongs to another user ({uid})", .path.display())]
    Stranger {
        /// The socket.
        path: PathBuf,
        /// The user's id.
        uid: u32,
    },
    /// The owner of the run is no longer there.
    #[error("the process that runs this run is gone")]
    Gone,
    /// There was no answer in time.
    #[error("the process that runs this run does not answer")]
    TimedOut,
    /// The answer is an error.
    #[error("{what}")]
    Refused {
        /// The HTTP status.
        status: u16,
        /// Its text.
        what: String,
    },
    /// The answer ended before its end. What came before it is right.
    #[error("the process that runs this run broke off its answer")]
    Cut,
    /// The answer is not one that this program gives.
    #[error("the answer on the control socket is not understood: {what}")]
    Garbled {
        /// What is wrong with it.
        what: String,
    },
}

impl SocketError {
    fn io(path: &Path, source: io::Error) -> Self {
        let path = path.to_owned();
        Self::Io { path, source }
    }

    fn garbled(what: &dyn fmt::Display) -> Self {
        let what = what.to_string();
        Self::Garbled { what }
    }
}
