//! Who is restarted after which end.

use theater_flow_kernel::plan::{AutoShutdown, Restart, Shutdown, Strategy};
use theater_flow_kernel::record::Body;

use super::play::{ENDED, FAILED, Play, gives_up, killed, restarts};
use crate::kernel::Ending;
use crate::said::Said::{Crashed, Shuts, Up};
use crate::said::{How, Said};
use crate::tree::{Leaf, Tree};

/// An agent of this type, and a permanent one.
fn pair(restart: Restart) -> Tree {
    Tree::flat(Strategy::OneForOne, &[Leaf::PERMANENT.restart(restart), Leaf::PERMANENT])
}

#[track_caller]
fn comes_back(restart: Restart, ending: Ending, end: &[Said]) {
    let tree = pair(restart);
    let mut play = Play::up(&tree);
    play.ends(0, ending);
    play.go_on();
    play.hears(&[end, &[restarts(0, 1), Up(0)]].concat());
    assert!(play.over(0).is_none() && play.works(1));
}

#[track_caller]
fn stays_away(restart: Restart, ending: Ending, (end, how): (&[Said], How)) {
    let tree = pair(restart);
    let mut play = Play::up(&tree);
    play.ends(0, ending);
    play.go_on();
    play.hears(end);
    assert_eq!(play.over(0), Some(how));
    assert!(play.works(1));
}

#[test]
pub(crate) fn permanent_normal() {
    comes_back(Restart::Permanent, Ending::Done, &[]);
}

#[test]
pub(crate) fn transient_normal() {
    stays_away(Restart::Transient, Ending::Done, (&[], How::Done));
}

#[test]
pub(crate) fn temporary_normal() {
    stays_away(Restart::Temporary, Ending::Done, (&[], How::Done));
}

#[test]
pub(crate) fn permanent_abnormal() {
    comes_back(Restart::Permanent, Ending::Crash, &[Crashed(0)]);
}

#[test]
pub(crate) fn transient_abnormal() {
    comes_back(Restart::Transient, Ending::Crash, &[Crashed(0)]);
}

#[test]
pub(crate) fn temporary_abnormal() {
    stays_away(Restart::Temporary, Ending::Crash, (&[Crashed(0)], How::Crashed));
}

/// What exits with `shutdown` is a supervisor, that gave up or shut itself down: both are tried.
#[track_caller]
fn shutdown(restart: Restart) {
    let brutal = Leaf::PERMANENT.shutdown(Shutdown::BrutalKill);
    for auto in [false, true] {
        let mut tree = Tree::new(Strategy::OneForOne);
        let below = tree.below(0, Strategy::OneForOne);
        tree.supervisors[below].restart = restart;
        tree.supervisors[below].intensity = 0;
        let first = if auto {
            tree.supervisors[below].auto_shutdown = AutoShutdown::AnySignificant;
            brutal.restart(Restart::Temporary).significant()
        } else {
            brutal
        };
        tree.agent(below, first);
        tree.agent(below, brutal);
        tree.agent(0, Leaf::PERMANENT);
        let mut play = Play::up(&tree);
        play.crash(0);
        let end = if auto { Shuts(below) } else { gives_up(below, 1) };
        let down = [Crashed(0), end, killed(1)];
        if restart == Restart::Permanent {
            play.go_on();
            let first = if auto { &[][..] } else { &[Up(0)] };
            play.hears(&[&down, &[restarts(0, 1)][..], first, &[Up(1)]].concat());
        } else {
            play.hears(&down);
            assert_eq!(play.over(1), Some(How::Stopped));
            assert!(play.over(0).is_some());
        }
        assert!(play.works(2));
    }
}

#[test]
pub(crate) fn permanent_shutdown() {
    shutdown(Restart::Permanent);
}

#[test]
pub(crate) fn transient_shutdown() {
    shutdown(Restart::Transient);
}

#[test]
pub(crate) fn temporary_shutdown() {
    shutdown(Restart::Temporary);
}

/// If a child deep below cannot be started, the end of the run names it: each record follows from the one below.
#[test]
pub(crate) fn faulty_application_shutdown() {
    let mut tree = Tree::new(Strategy::OneForOne);
    let below = tree.below(0, Strategy::OneForOne);
    let deeper = tree.below(below, Strategy::OneForOne);
    tree.agent(deeper, Leaf::PERMANENT);
    let mut play = Play::new(&tree);
    play.crash(0);
    play.hears(&[Crashed(0), gives_up(deeper, 0), gives_up(below, 0), gives_up(0, 0), FAILED]);
    let entries = &play.duel.kernel.entries;
    let mut at = entries
        .iter()
        .rev()
        .find(|entry| matches!(&entry.body, Body::Escalated(body) if body.supervisor.0 == 0));
    let mut kinds = Vec::new();
    while let Some(entry) = at.filter(|_| kinds.len() < 10) {
        kinds.push(entry.body.kind());
        at = entry.causes.last().map(|cause| &entries[usize::try_from(cause.seq).unwrap()]);
    }
    assert_eq!(kinds[..4], ["escalated", "escalated", "escalated", "crashed"]);
}

/// A run whose agents have all ended is over, whatever their types.
#[test]
fn a_run_ends_with_its_last_agent() {
    for restart in [Restart::Permanent, Restart::Transient, Restart::Temporary] {
        let tree = Tree::flat(Strategy::OneForAll, &[Leaf::PERMANENT.restart(restart)]);
        let mut play = Play::up(&tree);
        play.ends(0, Ending::Nothing);
        play.hears(&[ENDED]);
        assert_eq!(play.over(0), Some(How::Finished));
    }
}
