//! The arguments of `fork`.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use theater_flow_kernel::ids::Ref;

use super::values::{duration, number, reference, setting};

/// See [`Command::Fork`](super::Command::Fork).
#[derive(Clone, PartialEq, Eq, Debug, Args)]
pub struct Fork {
    /// The run: its id, a unique beginning of it, or `@latest`.
    pub run: String,
    /// The last record that both have. With `--answer` it follows from that.
    #[arg(long, value_name = "SEQ", value_parser = number, required_unless_present = "answer")]
    pub at: Option<u64>,
    /// Go on with this pipeline file. Agents are matched by name: one with another actor or config begins from the
    /// state that it had, a new one from nothing, one that the file does not have falls away.
    #[arg(long, value_name = "FILE")]
    pub with: Option<PathBuf>,
    /// A value for one of the file's params; the others are as in the run. Paths are against the current folder.
    #[arg(long, value_name = "KEY=VALUE", value_parser = setting, requires = "with")]
    pub set: Vec<(String, String)>,
    /// Give another answer than the recorded one: the part that holds it, or the record of an outcome, and a file.
    ///
    /// The run goes on just before that record. An HTTP answer is a JSON file with `status` and maybe `headers` and
    /// `body`, or with `error` and maybe `message`; the answer to a read is the file's bytes, that of a clock a
    /// number.
    #[arg(long, value_name = "SEQ[.I]=FILE", value_parser = instead, allow_hyphen_values = true)]
    pub answer: Vec<(Ref, PathBuf)>,
    /// Only make it: `resume` runs it.
    #[arg(long)]
    pub hold: bool,
    /// End with 0 even if there are dead letters that no agent takes.
    #[arg(long, conflicts_with = "hold")]
    pub allow_dead_letters: bool,
    /// How long Ctrl-C, SIGTERM and `stop` let sources stop and mailboxes empty: `30s`, `2m`; `0s` does not wait.
    #[arg(long, value_name = "DURATION", value_parser = duration, allow_hyphen_values = true, default_value = "10s")]
    pub drain: Duration,
}

fn instead(text: &str) -> Result<(Ref, PathBuf), String> {
    let wrong = || String::from("write it as `12=answer.json`, or `12.0=answer.json`");
    let (what, file) = text.split_once('=').ok_or_else(wrong)?;
    if file.is_empty() {
        return Err(wrong());
    }
    let of = reference(what).map_err(|_| wrong())?;
    Ok((of, PathBuf::from(file)))
}
