//! What somebody does with the dead letters that the engine keeps.

use serde::{Deserialize, Serialize};
use theater_flow_kernel::input::Input;
use theater_flow_kernel::record::Person;
use theater_flow_kernel::state::{Refusal, State};

/// What is to be done with a letter.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Deed {
    /// It is tried again.
    Retry,
    /// It is dropped.
    Drop,
}

impl Deed {
    /// As the command line and the control socket say it.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Retry => "retry",
            Self::Drop => "drop",
        }
    }

    /// Why it cannot be done with the letter of record `seq`.
    #[must_use]
    pub fn refused(self, state: &State, seq: u64) -> Option<Refusal> {
        match self {
            Self::Retry => state.retriable(seq).err(),
            Self::Drop => state.kept.letters.get(seq).is_none().then_some(Refusal::NotKept),
        }
    }

    /// What the kernel is told.
    #[must_use]
    pub fn input(self, letter: u64, by: Person) -> Input {
        match self {
            Self::Retry => Input::Retry { letter, by },
            Self::Drop => Input::Discard { letter, by },
        }
    }
}

/// Which letters.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Which {
    /// Those of these records.
    These(Vec<u64>),
    /// All that the engine keeps, or all of this agent.
    All {
        /// By name.
        agent: Option<String>,
    },
}

impl Which {
    /// The records, in the order in which they are dealt with: that of the log, unless they were named.
    #[must_use]
    pub fn seqs(&self, state: &State) -> Vec<u64> {
        match self {
            Self::These(seqs) => {
                let mut seen = std::collections::BTreeSet::new();
                seqs.iter().copied().filter(|seq| seen.insert(*seq)).collect()
            }
            Self::All { agent } => {
                let wanted = |id| {
                    let name = state.plan.agent(id).map(|agent| agent.name.as_str());
                    agent.is_none() || agent.as_deref() == name
                };
                let letters = state.kept.letters.iter();
                letters.filter(|(_, letter)| wanted(letter.agent)).map(|(seq, _)| seq).collect()
            }
        }
    }
}

/// Something to be done with some letters.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Order {
    /// What.
    pub deed: Deed,
    /// With which.
    pub which: Which,
}

/// What became of an order, for one letter.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Fate {
    /// The record that set the message aside.
    pub letter: u64,
    /// Whose message it is, if the engine keeps it.
    pub agent: Option<String>,
    /// It was done.
    pub done: bool,
    /// Why not.
    pub why: Option<String>,
    /// The engine does not keep it.
    pub unknown: bool,
}

impl Order {
    /// Carries an order out: `tell` gives an input to the kernel and takes what follows into the state that `state`
    /// shows.
    pub fn carry_out<K>(
        &self,
        kernel: &mut K,
        by: &Person,
        state: fn(&K) -> &State,
        tell: fn(&mut K, Input),
    ) -> Vec<Fate> {
        let mut fates = Vec::new();
        for letter in self.which.seqs(state(kernel)) {
            let now = state(kernel);
            let agent = now.kept.letters.get(letter).and_then(|kept| now.plan.agent(kept.agent));
            let agent = agent.map(|agent| agent.name.clone());
            let refused = self.deed.refused(now, letter);
            if refused.is_none() {
                tell(kernel, self.deed.input(letter, by.clone()));
            }
            let why = refused.map(|refused| refused.to_string());
            let unknown = refused == Some(Refusal::NotKept);
            fates.push(Fate { letter, agent, done: refused.is_none(), why, unknown });
        }
        fates
    }
}
