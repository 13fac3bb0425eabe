//! The arguments of commands that look into a record.

use std::path::PathBuf;

use clap::Args;
use clap::builder::PossibleValuesParser;
use theater_flow_kernel::ids::Ref;

use super::values::{days, number, reference};
use crate::view;

/// See [`Command::Events`](super::Command::Events).
#[derive(Clone, PartialEq, Eq, Debug, Args)]
pub struct Events {
    /// The run: its id, a unique beginning of it, or `@latest`.
    pub run: String,
    /// Go on with new records until the run ends.
    #[arg(long, short)]
    pub follow: bool,
    /// Only what is about this agent.
    #[arg(long, value_name = "AGENT")]
    pub agent: Option<String>,
    /// Only records of this kind, or with a part of this kind.
    #[arg(long, value_parser = PossibleValuesParser::new(view::kinds()))]
    pub kind: Option<String>,
}

/// See [`Command::Logs`](super::Command::Logs).
#[derive(Clone, PartialEq, Eq, Debug, Args)]
pub struct Logs {
    /// The run: its id, a unique beginning of it, or `@latest`.
    pub run: String,
    /// Go on with new lines until the run ends.
    #[arg(long, short)]
    pub follow: bool,
    /// Only what is about this agent.
    #[arg(long, value_name = "AGENT")]
    pub agent: Option<String>,
    /// Only what is at least as urgent.
    #[arg(long, default_value = "debug", value_parser = PossibleValuesParser::new(view::LEVELS))]
    pub level: String,
}

/// See [`Command::Why`](super::Command::Why).
#[derive(Clone, PartialEq, Eq, Debug, Args)]
pub struct Why {
    /// The run: its id, a unique beginning of it, or `@latest`.
    pub run: String,
    /// The record's number, or `SEQ.I` for one of its parts.
    #[arg(value_name = "SEQ[.I]", value_parser = reference)]
    pub what: Ref,
    /// Say instead what followed from it.
    #[arg(long)]
    pub impact: bool,
}

/// See [`Command::Tree`](super::Command::Tree).
#[derive(Clone, PartialEq, Eq, Debug, Args)]
pub struct Tree {
    /// The run: its id, a unique beginning of it, or `@latest`.
    pub run: String,
    /// After this record. By default now.
    #[arg(long, value_name = "SEQ", value_parser = number)]
    pub at: Option<u64>,
}

/// See [`Command::State`](super::Command::State).
#[derive(Clone, PartialEq, Eq, Debug, Args)]
pub struct State {
    /// The run: its id, a unique beginning of it, or `@latest`.
    pub run: String,
    /// The agent.
    pub agent: String,
    /// After this record. By default after the last.
    #[arg(long, value_name = "SEQ", value_parser = number)]
    pub at: Option<u64>,
    /// Print the bytes as they are, and nothing else.
    #[arg(long, conflicts_with = "json")]
    pub raw: bool,
}

/// See [`Command::Approve`](super::Command::Approve).
#[derive(Clone, PartialEq, Eq, Debug, Args)]
pub struct Approve {
    /// The run: its id, a unique beginning of it, or `@latest`.
    pub run: String,
    /// What to decide about: its number in the list.
    #[arg(value_parser = number)]
    pub id: Option<u64>,
    /// Do not make it again: the agent is told that nobody knows whether it was made.
    #[arg(long, requires = "id")]
    pub fail: bool,
}

/// See [`Command::Diff`](super::Command::Diff).
#[derive(Clone, PartialEq, Eq, Debug, Args)]
pub struct Diff {
    /// A run: its id, a unique beginning of it, or `@latest`.
    #[arg(value_name = "RUN1")]
    pub left: String,
    /// The run to compare it with.
    #[arg(value_name = "RUN2")]
    pub right: String,
}

/// See [`Command::Replay`](super::Command::Replay).
#[derive(Clone, PartialEq, Eq, Debug, Args)]
pub struct Replay {
    /// The run: its id, a unique beginning of it, or `@latest`.
    pub run: String,
    /// Begin with this record: the agents are brought there from their snapshots.
    #[arg(long, value_name = "SEQ", value_parser = number)]
    pub from: Option<u64>,
    /// End with this record.
    #[arg(long, value_name = "SEQ", value_parser = number)]
    pub until: Option<u64>,
    /// Compare with what the components and configs of this pipeline file do.
    #[arg(long, value_name = "FILE")]
    pub with: Option<PathBuf>,
}

/// See [`Command::Prune`](super::Command::Prune).
#[derive(Clone, PartialEq, Eq, Debug, Args)]
pub struct Prune {
    /// The run: its id, a unique beginning of it, or `@latest`.
    pub run: String,
    /// Only payloads of records before this one.
    #[arg(long, value_name = "SEQ", value_parser = number, conflicts_with_all = ["keep_days", "payload"])]
    pub before: Option<u64>,
    /// Only payloads that are older than this many days.
    #[arg(long, value_name = "DAYS", value_parser = days, conflicts_with = "payload")]
    pub keep_days: Option<u32>,
    /// Only the payloads of this record or part: a secret, or somebody's data. Can be given several times. Where else
    /// the same bytes stand is said.
    #[arg(long, value_name = "SEQ[.I]", value_parser = reference)]
    pub payload: Vec<Ref>,
    /// Say what would be erased, and erase nothing.
    #[arg(long)]
    pub dry_run: bool,
}
