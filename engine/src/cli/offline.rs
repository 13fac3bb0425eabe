//! The arguments of commands that look at pipeline files and run nothing.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

/// How a pipeline is drawn.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug, ValueEnum)]
pub enum GraphFormat {
    /// Mermaid, as GitHub shows it.
    #[default]
    Mermaid,
    /// The DOT language of Graphviz.
    Dot,
    /// A picture that browsers show.
    Svg,
    /// One JSON object.
    Json,
}

/// See [`Command::Check`](super::Command::Check).
#[derive(Clone, PartialEq, Eq, Debug, Args)]
pub struct Check {
    /// The pipelines' TOML files.
    #[arg(required = true, value_name = "FILE")]
    pub files: Vec<PathBuf>,
    /// Take warnings for faults.
    #[arg(long)]
    pub deny_warnings: bool,
}

/// See [`Command::Fmt`](super::Command::Fmt).
#[derive(Clone, PartialEq, Eq, Debug, Args)]
pub struct Fmt {
    /// The pipelines' TOML files; `-` reads standard input and prints what comes of it.
    #[arg(required = true, value_name = "FILE")]
    pub files: Vec<PathBuf>,
    /// Change nothing: print the names of files that are not laid out so, and end with 1.
    #[arg(long)]
    pub check: bool,
}

/// See [`Command::Test`](super::Command::Test).
#[derive(Clone, PartialEq, Eq, Debug, Args)]
pub struct Test {
    /// The pipelines' TOML files.
    #[arg(required = true, value_name = "FILE")]
    pub files: Vec<PathBuf>,
    /// Only tests with this in their names.
    #[arg(long, value_name = "TEXT")]
    pub filter: Option<String>,
}
