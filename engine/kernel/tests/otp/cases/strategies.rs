//! Who goes down with a failed child, who comes back, and when a supervisor gives up.

use theater_flow_kernel::plan::{Shutdown, Strategy};

use super::play::{FAILED, Play, calmly, gives_up, killed, restarts};
use crate::said::Said::{Crashed, Up};
use crate::tree::{Leaf, Tree};

/// An hour, in ms.
const HOUR: u64 = 3_600_000;
/// An agent that is killed when it is to stop, whatever it does.
const BRUTAL: Leaf = Leaf::PERMANENT.shutdown(Shutdown::BrutalKill);

/// Restarts that are further apart than the period are never too many.
#[test]
pub(crate) fn multiple_restarts() {
    let tree = Tree::flat(Strategy::OneForOne, &[Leaf::PERMANENT]).intensity(1, 1_000);
    let mut play = Play::up(&tree);
    for _ in 0..10 {
        play.crash(0);
        play.rest(0);
        play.hears(&[Crashed(0), restarts(0, 1), Up(0)]);
        play.pass(1_001);
    }
    play.crash(0);
    play.rest(0);
    play.pass(1_000);
    play.crash(0);
    play.hears(&[Crashed(0), restarts(0, 1), Up(0), Crashed(0), gives_up(0, 2), FAILED]);
}

/// Only the failed child is restarted, until it is once too often.
#[test]
pub(crate) fn one_for_one() {
    let tree = Tree::flat(Strategy::OneForOne, &[BRUTAL; 2]).intensity(2, HOUR);
    let mut play = Play::up(&tree);
    for count in [1, 2] {
        play.crash(0);
        assert!(play.works(1));
        play.rest(0);
        play.hears(&[Crashed(0), restarts(0, count), Up(0)]);
    }
    play.crash(0);
    play.hears(&[Crashed(0), gives_up(0, 3), killed(1), FAILED]);
}

/// A child that cannot be restarted takes its supervisor down, and that its siblings.
#[test]
pub(crate) fn one_for_one_escalation() {
    let tree = Tree::flat(Strategy::OneForOne, &[BRUTAL; 2]).intensity(4, HOUR);
    let mut play = Play::up(&tree);
    for count in 1..=4 {
        play.crash(0);
        play.hears(&[Crashed(0), restarts(0, count)]);
    }
    play.crash(0);
    play.hears(&[Crashed(0), gives_up(0, 5), killed(1), FAILED]);
}

/// All children are stopped, the youngest first, and started again in order.
#[test]
pub(crate) fn one_for_all() {
    let tree = Tree::flat(Strategy::OneForAll, &[BRUTAL; 3]).intensity(2, HOUR);
    let mut play = Play::up(&tree);
    for count in [1, 2] {
        play.crash(1);
        play.go_on();
        play.hears(&[Crashed(1), restarts(0, count), killed(2), killed(0), Up(0), Up(1), Up(2)]);
    }
    play.crash(1);
    play.hears(&[Crashed(1), gives_up(0, 3), killed(2), killed(0), FAILED]);
}

/// A child that cannot be restarted takes all down each time, and at last its supervisor.
#[test]
pub(crate) fn one_for_all_escalation() {
    let tree = Tree::flat(Strategy::OneForAll, &[BRUTAL; 2]).intensity(4, HOUR);
    let mut play = Play::up(&tree);
    play.crash(0);
    play.hears(&[Crashed(0), restarts(0, 1), killed(1)]);
    play.rest(1);
    for count in 2..=4 {
        play.crash(0);
        play.hears(&[Crashed(0), restarts(0, count)]);
    }
    play.crash(0);
    play.hears(&[Crashed(0), gives_up(0, 5), FAILED]);
}

/// If a sibling cannot be started in a group's restart, those just started are stopped again, and all is tried
/// anew.
#[test]
pub(crate) fn one_for_all_other_child_fails_restart() {
    let tree = Tree::flat(Strategy::OneForAll, &[Leaf::PERMANENT; 3]).intensity(4, HOUR);
    let mut play = Play::up(&tree);
    play.nap_all();
    play.crash_asleep(0);
    play.hears(&[Crashed(0), restarts(0, 1), calmly(2), calmly(1)]);
    play.rest(0);
    play.nap(0);
    play.crash(1);
    play.hears(&[Up(0), Crashed(1), restarts(0, 2), calmly(0)]);
    play.go_on();
    play.hears(&[Up(0), Up(1), Up(2)]);
}

/// Those started after the failed child go down with it, those before do not.
#[test]
pub(crate) fn rest_for_one() {
    let tree = Tree::flat(Strategy::RestForOne, &[BRUTAL; 4]).intensity(2, HOUR);
    let mut play = Play::up(&tree);
    for count in [1, 2] {
        play.crash(1);
        assert!(play.works(0));
        play.go_on();
        play.hears(&[Crashed(1), restarts(0, count), killed(3), killed(2), Up(1), Up(2), Up(3)]);
    }
    play.crash(1);
    play.hears(&[Crashed(1), gives_up(0, 3), killed(3), killed(2), killed(0), FAILED]);
}

/// A child that cannot be restarted takes its supervisor down.
#[test]
pub(crate) fn rest_for_one_escalation() {
    let tree = Tree::flat(Strategy::RestForOne, &[BRUTAL; 2]).intensity(4, HOUR);
    let mut play = Play::up(&tree);
    play.crash(0);
    play.hears(&[Crashed(0), restarts(0, 1), killed(1)]);
    play.rest(1);
    for count in 2..=4 {
        play.crash(0);
        play.hears(&[Crashed(0), restarts(0, count)]);
    }
    play.crash(0);
    play.hears(&[Crashed(0), gives_up(0, 5), FAILED]);
}

/// If a later sibling cannot be started, those started before it stay, and it is tried again from there.
#[test]
pub(crate) fn rest_for_one_other_child_fails_restart() {
    let tree = Tree::flat(Strategy::RestForOne, &[BRUTAL; 3]).intensity(4, HOUR);
    let mut play = Play::up(&tree);
    play.crash(0);
    play.hears(&[Crashed(0), restarts(0, 1), killed(2), killed(1)]);
    play.rest(1);
    play.rest(0);
    play.crash(1);
    play.hears(&[Up(0), Crashed(1), restarts(0, 2)]);
    assert!(play.works(0), "the one before is not restarted once more");
    play.go_on();
    play.hears(&[Up(1), Up(2)]);
}
