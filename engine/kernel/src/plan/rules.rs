//! What a file says of its own changes.

use serde::{Deserialize, Serialize};

/// What becomes of a run whose file changes, see the file's `[reload]`.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug, Serialize, Deserialize)]
pub struct ReloadRules {
    /// Where an agent's successor cannot begin with the state that there is.
    pub on_state_mismatch: OnStateMismatch,
    /// Where a message waits that is no value of its input's new type, or whose input is gone.
    pub on_type_mismatch: OnTypeMismatch,
    /// Where the file itself is gone.
    pub on_delete: OnDelete,
}

/// What happens where an agent's successor cannot begin with the state that there is.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug, Serialize, Deserialize)]
pub enum OnStateMismatch {
    /// The run does not go over to the plan.
    #[default]
    Reject,
    /// The agent begins anew; its mailbox stays.
    Fresh,
}

/// What happens where a message waits that is no value of its input's new type, or whose input is gone.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug, Serialize, Deserialize)]
pub enum OnTypeMismatch {
    /// The run does not go over to the plan.
    #[default]
    Reject,
    /// It becomes a dead letter.
    DeadLetter,
}

/// What happens where the file of a run that follows it is gone.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug, Serialize, Deserialize)]
pub enum OnDelete {
    /// What is under way is handled, nothing new is begun, and the run ends.
    #[default]
    Drain,
    /// The run stops where it is, and can be resumed.
    Stop,
    /// The run goes on.
    Keep,
}
