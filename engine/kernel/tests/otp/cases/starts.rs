//! How supervisors start.

use theater_flow_kernel::plan::{Restart, Strategy};

use super::play::{FAILED, Play, calmly, gives_up, killed, restarts};
use crate::said::Said;
use crate::tree::{Leaf, Tree};
use theater_flow_kernel::plan::Shutdown;

/// Children start in list order, each once the one before is up; supervisors once all below them are.
#[test]
pub(crate) fn sup_start_normal() {
    let mut tree = Tree::flat(Strategy::OneForOne, &[Leaf::PERMANENT; 2]);
    let below = tree.below(0, Strategy::OneForOne);
    let deeper = tree.below(below, Strategy::OneForAll);
    tree.agent(deeper, Leaf::PERMANENT);
    tree.agent(below, Leaf::PERMANENT);
    tree.agent(0, Leaf::PERMANENT);
    let mut play = Play::new(&tree);
    for agent in 0..5 {
        assert!((0..5).all(|other| play.starts(other) == (other == agent)));
        play.rest(agent);
        play.hears(&[Said::Up(agent)]);
    }
}

/// A child that cannot be started is not kept, and nothing is tried again.
#[test]
pub(crate) fn sup_start_child_returns_error() {
    for restart in [Restart::Permanent, Restart::Transient, Restart::Temporary] {
        let bad = Leaf::PERMANENT.restart(restart);
        let brutal = Leaf::PERMANENT.shutdown(Shutdown::BrutalKill);
        let tree = Tree::flat(
            Strategy::OneForOne,
            &[Leaf::PERMANENT, brutal, Leaf::PERMANENT, bad, Leaf::PERMANENT],
        );
        let mut play = Play::new(&tree);
        (0..3).for_each(|agent| play.rest(agent));
        play.nap(2);
        play.hears(&[Said::Up(0), Said::Up(1), Said::Up(2)]);
        play.crash(3);
        // Those already started are stopped, the youngest first, each in its way.
        play.hears(&[Said::Crashed(3), gives_up(0, 0), calmly(2), killed(1)]);
        play.rest(0);
        play.hears(&[calmly(0), FAILED]);
    }
}

/// A child that cannot be started again stays, and is tried again; each try counts.
#[test]
pub(crate) fn sup_start_restart_child_returns_error() {
    let tree = Tree::flat(Strategy::OneForOne, &[Leaf::PERMANENT; 2]).intensity(3, 5_000);
    let mut play = Play::up(&tree);
    play.crash(0);
    play.crash(0);
    play.crash(0);
    play.hears(&[
        Said::Crashed(0),
        restarts(0, 1),
        Said::Crashed(0),
        restarts(0, 2),
        Said::Crashed(0),
        restarts(0, 3),
    ]);
    assert!(play.starts(0) && play.works(1) && play.over(0).is_none());
    play.rest(0);
    play.hears(&[Said::Up(0)]);
}
