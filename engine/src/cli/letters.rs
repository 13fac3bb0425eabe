//! The arguments of `dlq`.

use clap::{Args, Subcommand};

use super::values::number;
use crate::letters::Which;

/// See [`Command::Dlq`](super::Command::Dlq).
#[derive(Clone, PartialEq, Eq, Debug, Args)]
pub struct Dlq {
    /// The run: its id, a unique beginning of it, or `@latest`.
    pub run: String,
    /// What to do; by default `list`.
    #[command(subcommand)]
    pub what: Option<Letters>,
}

/// What to do with dead letters.
#[derive(Clone, PartialEq, Eq, Debug, Subcommand)]
pub enum Letters {
    /// List those that the engine keeps, and those that an agent took.
    List {
        /// Only those of this agent.
        #[arg(long, value_name = "AGENT")]
        agent: Option<String>,
    },
    /// Show all of one.
    Show {
        /// Its number in the list: the record that set the message aside.
        #[arg(value_parser = number)]
        seq: u64,
    },
    /// Have some tried again: each waits where it had waited, and counts as never tried.
    Retry(Chosen),
    /// Drop some: they count no more. The record keeps them.
    Drop(Chosen),
}

/// Which dead letters.
#[derive(Clone, PartialEq, Eq, Debug, Args)]
#[group(required = true, multiple = true)]
pub struct Chosen {
    /// Their numbers in the list.
    #[arg(value_name = "SEQ", value_parser = number, conflicts_with_all = ["all", "agent"])]
    pub letters: Vec<u64>,
    /// All that the engine keeps.
    #[arg(long)]
    pub all: bool,
    /// All of this agent.
    #[arg(long, value_name = "AGENT")]
    pub agent: Option<String>,
}

impl Chosen {
    /// Which they are.
    #[must_use]
    pub fn which(&self) -> Which {
        if self.letters.is_empty() {
            Which::All { agent: self.agent.clone() }
        } else {
            Which::These(self.letters.clone())
        }
    }
}
