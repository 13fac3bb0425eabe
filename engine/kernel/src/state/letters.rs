//! The dead letters that the engine keeps, and which of them can be tried again.

use alloc::collections::BTreeMap;
use core::fmt;

use serde::{Deserialize, Serialize};

use super::{InputRoute, Phase, Queued, Stage, State};
use crate::ids::{AgentId, PortId, SupervisorId};
use crate::json;
use crate::limits;
use crate::plan::{Agent, Overflow, Restart};
use crate::record::{DeadLetterReason, Next};

/// A message that was set aside, as it stood in its queue.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Letter {
    /// When it was set aside, in ms since 1970.
    pub at: u64,
    /// Whose mailbox it was in.
    pub agent: AgentId,
    /// The input it came by.
    pub port: PortId,
    /// Its queue: the position in [`AgentState::queues`](super::AgentState::queues).
    pub queue: u32,
    /// The message.
    pub message: Queued,
    /// How often it was tried.
    pub attempts: u32,
    /// Why it was set aside.
    pub why: DeadLetterReason,
}

impl Letter {
    /// What it takes of [`limits::LETTER_BYTES`].
    fn cost(&self) -> u64 {
        limits::LETTER_COST + self.message.body.len() as u64
    }
}

/// Letters with their content, by the records that set them aside. What comes when there is no place is only
/// counted: the log has it, but it cannot be tried again.
#[derive(Clone, PartialEq, Eq, Default, Debug, Serialize, Deserialize)]
pub struct Letters {
    kept: BTreeMap<u64, Letter>,
    bytes: u64,
}

impl Letters {
    /// Keeps a letter, if there is a place for it.
    pub fn keep(&mut self, seq: u64, letter: Letter) {
        let bytes = self.bytes + letter.cost();
        if bytes <= limits::LETTER_BYTES && self.kept.insert(seq, letter).is_none() {
            self.bytes = bytes;
        }
    }

    /// Takes a letter out.
    pub fn take(&mut self, seq: u64) -> Option<Letter> {
        let letter = self.kept.remove(&seq)?;
        self.bytes = self.bytes.saturating_sub(letter.cost());
        Some(letter)
    }

    /// Puts letters where their queues are now: `queue` gives it by the agent and the queue that was, if it is
    /// anywhere.
    pub fn relabel(&mut self, queue: impl Fn(AgentId, usize) -> Option<usize>) {
        for letter in self.kept.values_mut() {
            let now = queue(letter.agent, letter.queue as usize);
            letter.queue = now.and_then(|now| u32::try_from(now).ok()).unwrap_or(u32::MAX);
        }
    }

    /// A letter.
    #[must_use]
    pub fn get(&self, seq: u64) -> Option<&Letter> {
        self.kept.get(&seq)
    }

    /// All, by their records, oldest first.
    pub fn iter(&self) -> impl Iterator<Item = (u64, &Letter)> {
        self.kept.iter().map(|(seq, letter)| (*seq, letter))
    }

    /// How many they are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.kept.len()
    }

    /// True if there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.kept.is_empty()
    }
}

/// Why a letter is not put back into its mailbox.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Refusal {
    /// The engine does not keep it, or no longer.
    NotKept,
    /// The run is over, or coming to its end.
    Over,
    /// Its reader has ended.
    Ended,
    /// Its reader was told that nothing more comes by that input.
    Closed,
    /// It has gone round as often as it may.
    Rounds,
    /// Its cycle has come to rest.
    Rested,
    /// Its queue is one that nobody waits for, and is full.
    Full,
    /// The run's plan has no such channel any more.
    Gone,
    /// It is no value of the type that its input has now.
    Unfit,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotKept => "the engine does not keep it",
            Self::Over => "the run is at its end",
            Self::Ended => "its agent has ended",
            Self::Closed => "its agent was told that nothing more comes by that input",
            Self::Rounds => "it has gone round as often as it may",
            Self::Rested => "its cycle has come to rest",
            Self::Gone => "the pipeline has no such channel any more",
            Self::Unfit => "it is no value of the type that its input has now",
            Self::Full => {
                "its queue is full, and its channel's `overflow` would set it aside again"
            }
        })
    }
}

impl State {
    /// True if the run is over, or comes to its end whoever runs it: its root is being stopped for good.
    #[must_use]
    pub fn is_ending(&self) -> bool {
        let root = self.stage(SupervisorId(0));
        matches!(self.kept.phase, Phase::Failing | Phase::Finished(_))
            || matches!(root, Stage::Stopping(_) | Stage::Over)
    }

    /// The letter of record `seq`, if it can be put back where it was.
    ///
    /// # Errors
    /// Why it cannot.
    pub fn retriable(&self, seq: u64) -> Result<&Letter, Refusal> {
        let letter = self.kept.letters.get(seq).ok_or(Refusal::NotKept)?;
        if self.is_ending() {
            return Err(Refusal::Over);
        }
        let agent = self.agent(letter.agent);
        let permanent = |plan: &Agent| plan.restart == Restart::Permanent;
        // One that is done ends without a look at what waits for it.
        let done =
            agent.mode == Next::Done && !self.plan.agent(letter.agent).is_some_and(permanent);
        if agent.life.is_over() || done {
            return Err(Refusal::Ended);
        }
        let mut inputs = self.routes.inputs(letter.agent).iter().zip(&agent.closed);
        let closed = |input: &InputRoute, closed: bool| closed && input.is_wired();
        if inputs.any(|(input, is)| input.port == letter.port && closed(input, *is)) {
            return Err(Refusal::Closed);
        }
        let queue = letter.queue as usize;
        let plan = self.plan.agent(letter.agent);
        let input = plan.and_then(|plan| plan.inputs.iter().find(|port| port.port == letter.port));
        let input = input.filter(|_| queue < agent.queues.len()).ok_or(Refusal::Gone)?;
        // Another plan may have come since.
        let text = core::str::from_utf8(&letter.message.body).ok();
        if text.is_none_or(|text| json::check(&self.plan.types, input.ty, text).is_err()) {
            return Err(Refusal::Unfit);
        }
        let spill = self.routes.spills(letter.agent).iter().find(|spill| spill.queue == queue);
        if let Some(spill) = spill {
            if spill.rounds.is_some_and(|rounds| letter.message.round > rounds) {
                return Err(Refusal::Rounds);
            }
            if spill.rounds.is_some() && self.has_rested(letter.agent) {
                return Err(Refusal::Rested);
            }
            let waiting = agent.queues.get(queue).map_or(0, |queue| queue.items.len());
            if spill.overflow != Overflow::Block && waiting >= spill.places {
                return Err(Refusal::Full);
            }
        }
        Ok(letter)
    }
}
