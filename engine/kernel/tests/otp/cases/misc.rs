//! Trees, bystanders, long lists, and restarts that never come to an end.

use theater_flow_kernel::plan::{Restart, Shutdown, Strategy};
use theater_flow_kernel::record::Body;

use super::play::{FAILED, Play, calmly, gives_up, killed, restarts};
use crate::kernel::{Ending, Hand, Kernel};
use crate::said::Said::{Crashed, Up};
use crate::said::{How, Said};
use crate::tree::{Leaf, Tree};

const BRUTAL: Leaf = Leaf::PERMANENT.shutdown(Shutdown::BrutalKill);
const STRATEGIES: [Strategy; 3] = [Strategy::OneForOne, Strategy::OneForAll, Strategy::RestForOne];

/// Failures below stay below until they are too many; then the one above starts all of it again.
#[test]
pub(crate) fn tree() {
    let mut tree = Tree::new(Strategy::OneForAll).intensity(4, 3_600_000);
    for strategy in [Strategy::OneForOne, Strategy::RestForOne] {
        let below = tree.below(0, strategy);
        tree.supervisors[below].intensity = 1;
        tree.agent(below, BRUTAL);
        tree.agent(below, BRUTAL);
    }
    let mut play = Play::up(&tree);
    play.crash(1);
    play.go_on();
    play.hears(&[Crashed(1), restarts(1, 1), Up(1)]);
    play.crash(2);
    play.go_on();
    play.hears(&[Crashed(2), restarts(2, 1), killed(3), Up(2), Up(3)]);
    // Each supervisor counts for itself, and anew in each of its lives.
    for count in [1, 2] {
        play.crash(1);
        play.go_on();
        play.hears(&[
            Crashed(1),
            gives_up(1, 2),
            killed(0),
            restarts(0, count),
            killed(3),
            killed(2),
            Up(0),
            Up(1),
            Up(2),
            Up(3),
        ]);
        play.crash(1);
        play.go_on();
        play.hears(&[Crashed(1), restarts(1, 1), Up(1)]);
    }
}

/// A temporary child does not come back after any end of its own, or one with a sibling.
#[test]
pub(crate) fn do_not_save_child_specs_for_temporary_children() {
    let brief = BRUTAL.restart(Restart::Temporary);
    for strategy in STRATEGIES {
        for (ending, how) in [
            (Ending::Done, How::Done),
            (Ending::Nothing, How::Finished),
            (Ending::Crash, How::Crashed),
        ] {
            let tree = Tree::flat(strategy, &[BRUTAL, brief]);
            let mut play = Play::up(&tree);
            play.ends(1, ending);
            assert_eq!(play.over(1), Some(how));
            play.crash(0);
            play.go_on();
            let first = (ending == Ending::Crash).then_some(Crashed(1));
            let first: Vec<Said> = first.into_iter().collect();
            play.hears(&[&first[..], &[Crashed(0), restarts(0, 1), Up(0)]].concat());
        }
    }
}

/// A temporary child that goes down with a sibling does not come back with it.
#[test]
pub(crate) fn temporary_bystander() {
    let brief = BRUTAL.restart(Restart::Temporary);
    for strategy in [Strategy::OneForAll, Strategy::RestForOne] {
        let tree = Tree::flat(strategy, &[BRUTAL, brief, BRUTAL]);
        let mut play = Play::up(&tree);
        play.crash(0);
        play.go_on();
        play.hears(&[Crashed(0), restarts(0, 1), killed(2), killed(1), Up(0), Up(2)]);
        assert_eq!(play.over(1), Some(How::Stopped));
    }
}

/// Children are started in order and stopped in the opposite one, some of them or all.
#[test]
pub(crate) fn order_of_children() {
    let tree = Tree::flat(Strategy::RestForOne, &[Leaf::PERMANENT; 5]).intensity(1, 3_600_000);
    let mut play = Play::up(&tree);
    play.nap_all();
    play.crash_asleep(2);
    play.go_on();
    play.hears(&[Crashed(2), restarts(0, 1), calmly(4), calmly(3), Up(2), Up(3), Up(4)]);
    play.crash_asleep(3);
    play.hears(&[Crashed(3), gives_up(0, 2), calmly(4), calmly(2), calmly(1), calmly(0), FAILED]);
}

/// Who has very many children starts and stops them all, in order, and each without a look at all others.
#[test]
pub(crate) fn scale_start_stop_many_children() {
    const MANY: usize = 20_000;
    let tree = Tree::flat(Strategy::OneForAll, &vec![BRUTAL; MANY]).intensity(1, 3_600_000);
    let mut kernel = Kernel::new(&tree);
    for round in 1..=2 {
        for agent in 0..MANY {
            if kernel.hand(agent) == Some(Hand::Stale) {
                kernel.report(agent, Ending::Aborted);
            }
            assert_eq!(kernel.hand(agent), Some(Hand::Begin));
            kernel.report(agent, Ending::More);
        }
        kernel.take();
        kernel.report(0, Ending::Crash);
        let said = kernel.take();
        let gone = said.iter().filter_map(|said| match said {
            Said::Gone { agent, .. } => Some(*agent),
            _ => None,
        });
        assert!(gone.eq((1..MANY).rev()), "round {round}");
        assert_eq!(said[0], Crashed(0));
    }
    assert!(kernel.is_finished());
    let lives = kernel.entries.iter().filter(|entry| matches!(entry.body, Body::Incarnation(_)));
    assert_eq!(lives.count(), 2 * MANY);
    // The work is in proportion to their number.
    assert!(kernel.looks < 20 * MANY, "{} looks", kernel.looks);
}

/// A root over a supervisor of this strategy with two agents, whose restarts are hardly ever too many, and an agent that
/// takes all down.
fn patient(strategy: Strategy) -> Tree {
    let mut tree = Tree::new(Strategy::OneForAll);
    let below = tree.below(0, strategy);
    tree.supervisors[below].intensity = 100;
    tree.agent(below, BRUTAL);
    tree.agent(below, BRUTAL);
    tree.agent(0, BRUTAL);
    tree
}

/// Whatever else comes in is heard between the tries of a restart that always fails: a stop from above, too.
#[test]
pub(crate) fn hanging_restart_loop() {
    let tree = patient(Strategy::OneForOne);
    let mut play = Play::up(&tree);
    for count in 1..=8 {
        play.crash(0);
        play.hears(&[Crashed(0), restarts(1, count)]);
    }
    play.crash(1);
    play.hears(&[Crashed(1)]);
    play.crash(0);
    play.hears(&[Crashed(0), restarts(1, 9)]);
    assert!(play.starts(1), "a sibling's end is dealt with between two tries");
    play.crash(2);
    play.hears(&[Crashed(2), restarts(0, 1)]);
    play.go_on();
    play.hears(&[Up(0), Up(1), Up(2)]);
}

/// The same if others go down with it.
#[test]
pub(crate) fn hanging_restart_loop_rest_for_one() {
    let tree = patient(Strategy::RestForOne);
    let mut play = Play::up(&tree);
    play.crash(0);
    play.hears(&[Crashed(0), restarts(1, 1), killed(1)]);
    play.rest(1);
    for count in 2..=8 {
        play.crash(0);
        play.hears(&[Crashed(0), restarts(1, count)]);
    }
    play.crash(2);
    play.hears(&[Crashed(2), restarts(0, 1)]);
    play.go_on();
    play.hears(&[Up(0), Up(1), Up(2)]);
}
