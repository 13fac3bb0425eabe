//! What is told of a reload: one line for people, one object for programs, and the same over the control socket.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use theater_flow_kernel::record::Counts;

use super::{Done, ReloadError};
use crate::compile::Pipeline;
use crate::driver::Outcome;
use crate::exit::Exit;
use crate::render::escape::escape;
use crate::render::{self, Look, SourceText};
use crate::view;

/// What became of a reload.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(tag = "outcome", rename_all = "kebab-case")]
pub enum Told {
    /// The run went over to another plan.
    Reloaded {
        /// The plan's number in the run.
        revision: u32,
        /// Agents and supervisors that are new.
        added: u32,
        /// Those that go on otherwise.
        changed: u32,
        /// Those that are gone.
        removed: u32,
        /// Messages that became dead letters with it: they do not fit the plan, or who was to handle them is gone.
        #[serde(default)]
        dead_letters: u64,
        /// Agents that had ended and are started again.
        #[serde(default)]
        again: Vec<String>,
        /// From when it was asked for until it was durable, in ms.
        took_ms: u64,
        /// How long somebody was kept from working, in ms.
        paused_ms: u64,
    },
    /// It has that plan already.
    Same {
        /// The plan's number in the run.
        revision: u32,
    },
    /// The plan gives somebody more than they have, and waits for somebody to approve it.
    Proposed {
        /// The record that says so, which is what `approve` calls it.
        proposal: u64,
        /// The plan's number, once it is approved.
        revision: u32,
        /// Agents and supervisors that are new.
        added: u32,
        /// Those that go on otherwise.
        changed: u32,
        /// Those that are gone.
        removed: u32,
        /// What it gives to whom: `agent: grants.http + GET https://api.example.org/`.
        widens: Vec<String>,
    },
    /// The run goes on as it did.
    Refused {
        /// Why.
        why: String,
    },
    /// The file has faults: the run goes on as it did.
    Faults {
        /// As `check --json` prints them.
        faults: Vec<Value>,
        /// As people read them.
        text: Vec<String>,
        /// The first, in a line.
        why: String,
    },
}

impl Told {
    /// What became of the reload to a file, or to a plan of the log. `look` is for the text of faults.
    #[must_use]
    pub fn of(done: &Result<Done, ReloadError>, file: Option<&Pipeline>, look: Look) -> Self {
        match done {
            Ok(done) => Self::of_outcome(done),
            Err(error) => {
                let why = error.to_string();
                match (error, file) {
                    (ReloadError::Faults(compiled), Some(file)) => {
                        let modules = compiled.modules.iter();
                        let modules = modules
                            .map(|module| SourceText { name: &module.name, text: &module.text });
                        let own = SourceText { name: &file.name, text: &file.text };
                        let sources: Vec<_> = std::iter::once(own).chain(modules).collect();
                        let text = render::fault_lines(&sources, &compiled.faults, look);
                        let faults = render::fault_values(&sources, &compiled.faults);
                        Self::Faults { faults, text, why }
                    }
                    _ => Self::Refused { why },
                }
            }
        }
    }

    fn of_outcome(done: &Done) -> Self {
        match done.outcome.clone() {
            Outcome::Same { revision } => Self::Same { revision },
            Outcome::Reloaded { revision, counts, set_aside: dead_letters, again, paused_ms } => {
                let Counts { added, changed, removed } = counts;
                let took_ms = u64::try_from(done.took.as_millis()).unwrap_or(u64::MAX);
                Self::Reloaded {
                    revision,
                    added,
                    changed,
                    removed,
                    dead_letters,
                    again,
                    took_ms,
                    paused_ms,
                }
            }
            Outcome::Proposed { proposal, revision, counts, widens } => {
                let Counts { added, changed, removed } = counts;
                Self::Proposed { proposal, revision, added, changed, removed, widens }
            }
        }
    }

    /// In one line: `reload ok rev 7→8 (+1 ~2 -0) in 41 ms`.
    #[must_use]
    pub fn line(&self) -> String {
        match self {
            Self::Reloaded {
                revision,
                added,
                changed,
                removed,
                dead_letters,
                again,
                took_ms,
                ..
            } => {
                let (added, changed, removed) = (*added, *changed, *removed);
                let step = view::step(*revision, Counts { added, changed, removed });
                let (lost, again) = (view::lost(*dead_letters), view::again(again));
                format!("reload ok {step} in {took_ms} ms{lost}{again}")
            }
            Self::Same { revision } => {
                format!("reload ok rev {revision}: nothing differs in meaning")
            }
            Self::Proposed { proposal, revision, added, changed, removed, widens } => {
                let (added, changed, removed) = (*added, *changed, *removed);
                let step = view::step(*revision, Counts { added, changed, removed });
                let widens = escape(&widens.join(", ")).into_owned();
                format!("reload waits {step} for approval of {widens} (record {proposal})")
            }
            Self::Refused { why } | Self::Faults { why, .. } => format!("reload refused: {why}"),
        }
    }

    /// What a command ends with.
    #[must_use]
    pub const fn exit(&self) -> Exit {
        match self {
            Self::Reloaded { .. } | Self::Same { .. } => Exit::Ok,
            Self::Proposed { .. } => Exit::Waiting,
            Self::Refused { .. } => Exit::Failed,
            Self::Faults { .. } => Exit::Faults,
        }
    }
}
