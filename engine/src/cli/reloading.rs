//! The arguments of commands that change what a run runs.

use std::path::PathBuf;

use clap::Args;

use super::values::{revision, setting};

/// See [`Command::Reload`](super::Command::Reload).
#[derive(Clone, PartialEq, Eq, Debug, Args)]
pub struct Reload {
    /// The run: its id, a unique beginning of it, or `@latest`.
    pub run: String,
    /// The pipeline's TOML file.
    pub file: PathBuf,
    /// A value for one of the pipeline's params. Paths are against the current folder. Values that were given before
    /// stay, unless they are given anew.
    #[arg(long, value_name = "KEY=VALUE", value_parser = setting)]
    pub set: Vec<(String, String)>,
    /// Say what would change, and change nothing.
    #[arg(long)]
    pub dry_run: bool,
}

/// See [`Command::Plans`](super::Command::Plans).
#[derive(Clone, PartialEq, Eq, Debug, Args)]
pub struct Plans {
    /// The run: its id, a unique beginning of it, or `@latest`.
    pub run: String,
    /// Show what differs between this revision and the one in force.
    #[arg(value_name = "REV", value_parser = revision)]
    pub from: Option<u32>,
    /// Compare with this revision instead.
    #[arg(value_name = "REV2", value_parser = revision)]
    pub to: Option<u32>,
}

/// See [`Command::Rollback`](super::Command::Rollback).
#[derive(Clone, PartialEq, Eq, Debug, Args)]
pub struct Rollback {
    /// The run: its id, a unique beginning of it, or `@latest`.
    pub run: String,
    /// The revision, as `plans` lists it.
    #[arg(value_name = "REV", value_parser = revision)]
    pub revision: u32,
}
