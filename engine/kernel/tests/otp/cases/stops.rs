//! How supervisors stop what is below them, when they are told to stop.

use theater_flow_kernel::plan::{Restart, Shutdown, Strategy};

use super::play::{Play, calmly, killed, restarts};
use crate::kernel::Ending;
use crate::said::{How, Said};
use crate::tree::{Leaf, Tree};

/// A root over a supervisor with these agents, and an agent that takes both down when it crashes: the last.
fn told(leaves: &[Leaf]) -> Tree {
    let mut tree = Tree::new(Strategy::OneForAll);
    let below = tree.below(0, Strategy::OneForOne);
    for leaf in leaves {
        tree.agent(below, *leaf);
    }
    tree.agent(0, Leaf::PERMANENT);
    tree
}

/// Whoever has all the time in the world gets it.
#[test]
pub(crate) fn sup_stop_infinity() {
    let tree = told(&[Leaf::PERMANENT; 2]);
    let mut play = Play::up(&tree);
    play.crash(2);
    play.hears(&[Said::Crashed(2), restarts(0, 1)]);
    play.pass(100_000_000);
    play.hears(&[]);
    play.rest(1);
    play.hears(&[calmly(1)]);
    play.pass(100_000_000);
    play.rest(0);
    play.hears(&[calmly(0)]);
    play.go_on();
    play.hears(&[Said::Up(0), Said::Up(1), Said::Up(2)]);
}

/// One that obeys is stopped, one that sleeps is killed when its time is up.
#[test]
pub(crate) fn sup_stop_timeout() {
    let tree = told(&[Leaf::PERMANENT.shutdown(Shutdown::After(1_000)); 2]);
    let mut play = Play::up(&tree);
    play.crash(2);
    play.pass(999);
    play.hears(&[Said::Crashed(2), restarts(0, 1)]);
    play.pass(1);
    play.hears(&[killed(1)]);
    play.pass(500);
    play.rest(0);
    play.hears(&[calmly(0)]);
    play.go_on();
    play.hears(&[Said::Up(0), Said::Up(1), Said::Up(2)]);
}

/// Whoever is given no time is killed at once, obedient or not.
#[test]
pub(crate) fn sup_stop_brutal_kill() {
    let tree = told(&[Leaf::PERMANENT.shutdown(Shutdown::BrutalKill); 2]);
    let mut play = Play::up(&tree);
    play.crash(2);
    play.hears(&[Said::Crashed(2), restarts(0, 1), killed(1), killed(0)]);
    play.go_on();
    play.hears(&[Said::Up(0), Said::Up(1), Said::Up(2)]);
}

/// Children that end by themselves while they are stopped end in their own way, and change nothing of the stop.
#[test]
pub(crate) fn sup_stop_race() {
    let restarts_of = [Restart::Permanent, Restart::Transient, Restart::Temporary];
    let endings = [Ending::More, Ending::Nap, Ending::Done, Ending::Crash];
    let pairs = restarts_of.iter().flat_map(|restart| endings.map(|ending| (*restart, ending)));
    let pairs: Vec<_> = pairs.collect();
    let leaves: Vec<Leaf> =
        pairs.iter().map(|(restart, _)| Leaf::PERMANENT.restart(*restart)).collect();
    let tree = told(&leaves);
    let mut play = Play::up(&tree);
    play.crash(leaves.len());
    play.hears(&[Said::Crashed(leaves.len()), restarts(0, 1)]);
    let mut back = Vec::new();
    for (agent, (restart, ending)) in pairs.iter().enumerate().rev() {
        play.ends(agent, *ending);
        let over = match (restart, ending) {
            (Restart::Transient | Restart::Temporary, Ending::Done) => Some(How::Done),
            (Restart::Temporary, Ending::Crash) => Some(How::Crashed),
            _ => None,
        };
        assert_eq!(play.over(agent), over, "a{agent} {restart:?} {ending:?}");
        match (ending, over) {
            (Ending::Crash, _) => play.hears(&[Said::Crashed(agent)]),
            (Ending::Done, _) => play.hears(&[]),
            _ => play.hears(&[calmly(agent)]),
        }
        back.extend(over.is_none().then_some(Said::Up(agent)));
    }
    play.go_on();
    back.reverse();
    back.push(Said::Up(leaves.len()));
    play.hears(&back);
}
