//! The arguments of commands that run a run, or stop it.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum};

use super::values::{duration, setting};
use crate::watch::Watcher;

/// Until when a run goes on.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug, ValueEnum)]
pub enum Until {
    /// Until nothing is queued, running, asked or timed.
    #[default]
    Idle,
    /// Until somebody stops it: inputs stay open, so that messages can be sent.
    Forever,
}

/// See [`Command::Run`](super::Command::Run).
#[derive(Clone, PartialEq, Eq, Debug, Args)]
pub struct Run {
    /// The pipeline's TOML file.
    #[arg(required_unless_present = "resume")]
    pub file: Option<PathBuf>,
    /// A value for one of the pipeline's params. Paths are against the current folder.
    #[arg(long, value_name = "KEY=VALUE", value_parser = setting)]
    pub set: Vec<(String, String)>,
    /// Follow the file: go over to what it says whenever it, or what it is made of, is saved.
    #[arg(long, conflicts_with = "resume")]
    pub watch: bool,
    /// How changes are noticed.
    #[arg(long, value_enum, default_value_t, requires = "watch")]
    pub watcher: Watcher,
    /// End with 0 even if there are dead letters that no agent takes.
    #[arg(long)]
    pub allow_dead_letters: bool,
    /// How long Ctrl-C, SIGTERM and `stop` let sources stop and mailboxes empty: `30s`, `2m`; `0s` does not wait.
    #[arg(long, value_name = "DURATION", value_parser = duration, allow_hyphen_values = true, default_value = "10s")]
    pub drain: Duration,
    /// Until when it goes on.
    #[arg(long, value_enum, default_value_t, value_name = "WHEN")]
    pub until: Until,
    /// Go on with this run instead, as `resume` does.
    #[arg(long, value_name = "RUN", conflicts_with_all = ["file", "set"])]
    pub resume: Option<String>,
}

/// See [`Command::Watch`](super::Command::Watch).
#[derive(Clone, PartialEq, Eq, Debug, Args)]
pub struct Watch {
    /// The folder.
    pub dir: PathBuf,
    /// How changes are noticed.
    #[arg(long, value_enum, default_value_t)]
    pub watcher: Watcher,
    /// How long Ctrl-C and SIGTERM let sources stop and mailboxes empty: `30s`, `2m`; `0s` does not wait.
    #[arg(long, value_name = "DURATION", value_parser = duration, allow_hyphen_values = true, default_value = "10s")]
    pub drain: Duration,
}

/// See [`Command::Resume`](super::Command::Resume).
#[derive(Clone, PartialEq, Eq, Debug, Args)]
pub struct Resume {
    /// The run: its id, a unique beginning of it, or `@latest`.
    pub run: String,
    /// End with 0 even if there are dead letters that no agent takes.
    #[arg(long)]
    pub allow_dead_letters: bool,
    /// How long Ctrl-C, SIGTERM and `stop` let sources stop and mailboxes empty: `30s`, `2m`; `0s` does not wait.
    #[arg(long, value_name = "DURATION", value_parser = duration, allow_hyphen_values = true, default_value = "10s")]
    pub drain: Duration,
    /// Until when it goes on.
    #[arg(long, value_enum, default_value_t, value_name = "WHEN")]
    pub until: Until,
}

/// See [`Command::Stop`](super::Command::Stop).
#[derive(Clone, PartialEq, Eq, Debug, Args)]
pub struct Stop {
    /// The run: its id, a unique beginning of it, or `@latest`.
    pub run: String,
    /// Do not wait for anything that is under way, as at a second Ctrl-C.
    #[arg(long, conflicts_with = "drain")]
    pub now: bool,
    /// How long sources may take to stop and mailboxes to empty: `30s`, `2m`.
    #[arg(long, value_name = "DURATION", value_parser = duration, allow_hyphen_values = true)]
    pub drain: Option<Duration>,
}
