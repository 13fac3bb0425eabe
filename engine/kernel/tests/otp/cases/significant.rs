//! Children whose end ends their supervisor.

use theater_flow_kernel::plan::{AutoShutdown, Restart, Shutdown, Strategy};

use super::play::{ENDED, Play, killed, restarts};
use crate::kernel::Ending;
use crate::said::Said::{Crashed, Shuts, Up};
use crate::tree::{Leaf, Tree};

const BRUTAL: Leaf = Leaf::PERMANENT.shutdown(Shutdown::BrutalKill);
const AUTOS: [AutoShutdown; 2] = [AutoShutdown::AnySignificant, AutoShutdown::AllSignificant];
const STRATEGIES: [Strategy; 3] = [Strategy::OneForOne, Strategy::OneForAll, Strategy::RestForOne];
/// An agent's ways to end by itself.
const ENDINGS: [Ending; 3] = [Ending::Done, Ending::Nothing, Ending::Crash];

/// A temporary child that is not significant may end in any way.
#[test]
pub(crate) fn nonsignificant_temporary() {
    for (auto, ending) in AUTOS.iter().flat_map(|auto| ENDINGS.map(|ending| (*auto, ending))) {
        let plain = BRUTAL.restart(Restart::Temporary);
        let tree = Tree::flat(Strategy::OneForOne, &[plain, BRUTAL]).auto(auto);
        let mut play = Play::up(&tree);
        play.ends(0, ending);
        play.hears(if ending == Ending::Crash { &[Crashed(0)] } else { &[] });
        assert!(play.over(0).is_some() && play.works(1));
    }
}

/// A transient child that is not significant may end normally.
#[test]
pub(crate) fn nonsignificant_transient() {
    for (auto, ending) in
        AUTOS.iter().flat_map(|auto| [Ending::Done, Ending::Nothing].map(|ending| (*auto, ending)))
    {
        let plain = BRUTAL.restart(Restart::Transient);
        let tree = Tree::flat(Strategy::OneForOne, &[plain, BRUTAL]).auto(auto);
        let mut play = Play::up(&tree);
        play.ends(0, ending);
        play.hears(&[]);
        assert!(play.over(0).is_some() && play.works(1));
    }
}

/// The end of a significant temporary child ends its supervisor however it came about: that of the first, or
/// that of the last.
#[test]
pub(crate) fn significant_temporary() {
    for ending in ENDINGS {
        ends_its_supervisor(Restart::Temporary, ending);
    }
}

/// That of a significant transient child does unless it crashed: then it is restarted.
#[test]
pub(crate) fn significant_transient() {
    for ending in [Ending::Done, Ending::Nothing] {
        ends_its_supervisor(Restart::Transient, ending);
    }
    for auto in AUTOS {
        let vital = BRUTAL.restart(Restart::Transient).significant();
        let tree = Tree::flat(Strategy::OneForOne, &[vital, BRUTAL]).auto(auto);
        let mut play = Play::up(&tree);
        play.crash(0);
        play.go_on();
        play.hears(&[Crashed(0), restarts(0, 1), Up(0)]);
    }
}

fn ends_its_supervisor(restart: Restart, ending: Ending) {
    let vital = BRUTAL.restart(restart).significant();
    for auto in AUTOS {
        let tree = Tree::flat(Strategy::OneForOne, &[vital, BRUTAL, vital]).auto(auto);
        let mut play = Play::up(&tree);
        let crashed = |agent| (ending == Ending::Crash).then_some(Crashed(agent));
        play.ends(0, ending);
        let first: Vec<_> = crashed(0).into_iter().collect();
        if auto == AutoShutdown::AnySignificant {
            play.hears(&[&first[..], &[Shuts(0), killed(2), killed(1), ENDED]].concat());
            continue;
        }
        play.hears(&first);
        play.ends(2, ending);
        let last: Vec<_> = crashed(2).into_iter().collect();
        play.hears(&[&last[..], &[Shuts(0), killed(1), ENDED]].concat());
    }
}

/// A significant child that goes down with a sibling ends nothing.
#[test]
pub(crate) fn significant_bystander() {
    for (auto, strategy) in
        AUTOS.iter().flat_map(|auto| STRATEGIES.map(|strategy| (*auto, strategy)))
    {
        for restart in [Restart::Transient, Restart::Temporary] {
            let vital = BRUTAL.restart(restart).significant();
            let tree = Tree::flat(strategy, &[BRUTAL, vital, BRUTAL]).auto(auto);
            let mut play = Play::up(&tree);
            play.crash(0);
            play.go_on();
            let back: &[_] = match (strategy, restart) {
                (Strategy::OneForOne, _) => &[Up(0)],
                (_, Restart::Temporary) => &[killed(2), killed(1), Up(0), Up(2)],
                _ => &[killed(2), killed(1), Up(0), Up(1), Up(2)],
            };
            play.hears(&[&[Crashed(0), restarts(0, 1)], back].concat());
        }
    }
}

/// A supervisor that shuts itself down is a child that ended by itself: if it is significant, the one above
/// follows.
#[test]
pub(crate) fn significant_escalation() {
    for (restart, significant) in [
        (Restart::Transient, true),
        (Restart::Temporary, true),
        (Restart::Transient, false),
        (Restart::Temporary, false),
    ] {
        let mut tree = Tree::new(Strategy::OneForOne).auto(AutoShutdown::AnySignificant);
        let below = tree.below(0, Strategy::OneForOne);
        tree.supervisors[below].restart = restart;
        tree.supervisors[below].significant = significant;
        tree.supervisors[below].auto_shutdown = AutoShutdown::AnySignificant;
        tree.agent(below, BRUTAL.restart(Restart::Transient).significant());
        tree.agent(below, BRUTAL);
        tree.agent(0, BRUTAL);
        let mut play = Play::up(&tree);
        play.done(0);
        if significant {
            play.hears(&[Shuts(below), killed(1), Shuts(0), killed(2), ENDED]);
        } else {
            play.hears(&[Shuts(below), killed(1)]);
            assert!(play.works(2));
        }
    }
}
