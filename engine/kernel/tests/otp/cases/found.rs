//! What the model found, in the smallest form.

use theater_flow_kernel::plan::{AutoShutdown, Restart, Strategy};

use super::play::{ENDED, FAILED, Play, calmly, gives_up, restarts};
use crate::kernel::Ending;
use crate::said::Said::{Crashed, Shuts, Up};
use crate::tree::{Leaf, Tree};

const VITAL: Leaf = Leaf::PERMANENT.restart(Restart::Transient).significant();

/// A supervisor that has stopped some of its children for a time is told to stop for good: they all end.
#[test]
fn a_stop_for_good_overtakes_one_for_a_time() {
    let mut tree = Tree::new(Strategy::OneForOne).intensity(0, 1);
    let below = tree.below(0, Strategy::OneForOne);
    tree.supervisors[below].auto_shutdown = AutoShutdown::AnySignificant;
    tree.agent(below, VITAL);
    tree.agent(below, Leaf::PERMANENT);
    tree.agent(below, Leaf::PERMANENT);
    tree.agent(0, Leaf::PERMANENT);
    let mut play = Play::up(&tree);
    play.nap(2);
    play.done(0);
    play.hears(&[Shuts(below), calmly(2)]);
    play.crash(3);
    play.hears(&[Crashed(3), gives_up(0, 1)]);
    play.rest(1);
    play.hears(&[calmly(1), FAILED]);
}

/// A significant child that ends by itself while its sibling is restarted does not come back: its supervisor follows it
/// once it has time.
#[test]
fn an_end_in_the_middle_of_a_restart_counts() {
    for late in [false, true] {
        let tree = Tree::flat(Strategy::RestForOne, &[Leaf::PERMANENT, VITAL, Leaf::PERMANENT])
            .auto(AutoShutdown::AllSignificant);
        let mut play = Play::up(&tree);
        play.crash(0);
        play.hears(&[Crashed(0), restarts(0, 1)]);
        if late {
            play.rest(2);
            play.hears(&[calmly(2)]);
        }
        play.ends(1, Ending::Done);
        if !late {
            play.rest(2);
            play.hears(&[calmly(2)]);
        }
        play.rest(0);
        play.rest(2);
        play.hears(&[Up(0), Up(2), Shuts(0), calmly(2)]);
        play.rest(0);
        play.hears(&[calmly(0), ENDED]);
    }
}
