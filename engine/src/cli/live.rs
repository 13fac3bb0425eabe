//! The arguments of commands that act on a live run, or watch it.

use clap::Args;

/// See [`Command::Send`](super::Command::Send).
#[derive(Clone, PartialEq, Eq, Debug, Args)]
pub struct Send {
    /// The run: its id, a unique beginning of it, or `@latest`.
    pub run: String,
    /// The input: the agent's name, a dot, the port's; the agent's name alone if it has one input.
    #[arg(value_name = "AGENT.PORT")]
    pub to: String,
    /// The value; `-` reads it from standard input.
    #[arg(value_name = "JSON", allow_hyphen_values = true)]
    pub value: String,
}

/// See [`Command::Tap`](super::Command::Tap).
#[derive(Clone, PartialEq, Eq, Debug, Args)]
pub struct Tap {
    /// The run: its id, a unique beginning of it, or `@latest`.
    pub run: String,
    /// Which channels, named `agent.port`: `*` stands for letters within a part of a name, `**` for any letters, also
    /// over `.` and `/`. Without a dot, all outputs of these agents.
    #[arg(value_name = "GLOB")]
    pub channels: String,
}
