//! A run that is played by hand, kernel and model together.

use crate::duel::{Duel, Step};
use crate::kernel::{Ending, Hand};
use crate::said::{How, Said, Stop};
use crate::tree::Tree;

/// See the [module](self).
pub(crate) struct Play<'t> {
    pub(crate) duel: Duel<'t>,
    tree: &'t Tree,
    heard: usize,
}

/// An agent was stopped, and came to rest by itself.
pub(crate) const fn calmly(agent: usize) -> Said {
    Said::Gone { agent, how: Stop::Calmly }
}

/// An agent was killed.
pub(crate) const fn killed(agent: usize) -> Said {
    Said::Gone { agent, how: Stop::Killed }
}

/// The root restarts, for the so-manieth time.
pub(crate) const fn restarts(by: usize, count: u32) -> Said {
    Said::Restarts { by, count }
}

/// A supervisor gives up.
pub(crate) const fn gives_up(by: usize, count: u32) -> Said {
    Said::GivesUp { by, count }
}

/// The run is over, and has failed.
pub(crate) const FAILED: Said = Said::Finished { failed: true };
/// The run is over, and has not failed.
pub(crate) const ENDED: Said = Said::Finished { failed: false };

impl<'t> Play<'t> {
    /// A run that has begun; nothing is started.
    pub(crate) fn new(tree: &'t Tree) -> Self {
        Self { duel: Duel::new(tree).expect("both begin"), tree, heard: 0 }
    }

    /// A run in which all are up, and each handles an event.
    pub(crate) fn up(tree: &'t Tree) -> Self {
        let mut play = Self::new(tree);
        play.go_on();
        play.hears(&(0..tree.agents.len()).map(Said::Up).collect::<Vec<_>>());
        play
    }

    /// Starts succeed as long as there are any.
    pub(crate) fn go_on(&mut self) {
        let begins = |play: &Self, agent: &usize| {
            matches!(play.duel.kernel.hand(*agent), Some(Hand::Begin | Hand::Stale))
        };
        while let Some(agent) = (0..self.tree.agents.len()).find(|agent| begins(self, agent)) {
            self.ends(agent, Ending::More);
        }
    }

    /// What an agent does now ends like this.
    #[track_caller]
    pub(crate) fn ends(&mut self, agent: usize, ending: Ending) {
        assert!(self.duel.kernel.hand(agent).is_some(), "nothing is in hand for a{agent}");
        if let Err(error) = self.duel.ends(agent, ending) {
            panic!("{error}");
        }
    }

    #[track_caller]
    pub(crate) fn crash(&mut self, agent: usize) {
        self.ends(agent, Ending::Crash);
    }

    #[track_caller]
    pub(crate) fn done(&mut self, agent: usize) {
        self.ends(agent, Ending::Done);
    }

    /// The event is over; there is more to do.
    #[track_caller]
    pub(crate) fn rest(&mut self, agent: usize) {
        self.ends(agent, Ending::More);
    }

    /// The event is over, and nothing is to be done for a while.
    #[track_caller]
    pub(crate) fn nap(&mut self, agent: usize) {
        self.ends(agent, Ending::Nap);
    }

    /// Nothing is to be done for a while by anybody.
    pub(crate) fn nap_all(&mut self) {
        (0..self.tree.agents.len()).for_each(|agent| self.nap(agent));
    }

    /// An agent that sleeps wakes up, and crashes.
    #[track_caller]
    pub(crate) fn crash_asleep(&mut self, agent: usize) {
        if let Err(error) = self.duel.step(Step::Due) {
            panic!("{error}");
        }
        for other in (0..self.tree.agents.len()).filter(|other| *other != agent) {
            self.nap(other);
        }
        self.crash(agent);
    }

    /// So many ms pass.
    #[track_caller]
    pub(crate) fn pass(&mut self, ms: u64) {
        if let Err(error) = self.duel.step(Step::Pass(ms)) {
            panic!("{error}");
        }
    }

    /// This was said since the last time, and nothing else.
    #[track_caller]
    pub(crate) fn hears(&mut self, expected: &[Said]) {
        let said: Vec<Said> = self.duel.story[self.heard..].iter().map(|(_, said)| *said).collect();
        self.heard = self.duel.story.len();
        let same = said.len() == expected.len()
            && said.iter().zip(expected).all(|(said, expected)| said.agrees(*expected));
        assert!(same, "heard {said:?}\nnot {expected:?}");
    }

    /// How an agent is over, if it is.
    pub(crate) fn over(&self, agent: usize) -> Option<How> {
        self.duel.kernel.over_how(agent)
    }

    /// True if a worker has an event of this agent in hand.
    pub(crate) fn works(&self, agent: usize) -> bool {
        self.duel.kernel.hand(agent) == Some(Hand::Event)
    }

    /// True if this agent is being started.
    pub(crate) fn starts(&self, agent: usize) -> bool {
        self.duel.kernel.hand(agent) == Some(Hand::Begin)
    }
}
