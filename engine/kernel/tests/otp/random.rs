//! Trees and schedules made from a seed.

use theater_flow_kernel::plan::{
    AutoShutdown, Backoff, Restart, Restore, Shutdown, Strategy, Supervisor, Wait,
};

use crate::dice::Dice;
use crate::duel::Step;
use crate::kernel::Ending;
use crate::tree::{Leaf, Tree, Wire};

/// Agents and supervisors of a tree, at most.
const CHILDREN: usize = 40;
/// Supervisors above one another, at most.
const DEPTH: usize = 5;

const STRATEGIES: [Strategy; 3] = [Strategy::OneForOne, Strategy::OneForAll, Strategy::RestForOne];
const RESTARTS: [Restart; 4] =
    [Restart::Permanent, Restart::Permanent, Restart::Transient, Restart::Temporary];

/// A tree, and what happens to it.
#[derive(Clone, Debug)]
pub(crate) struct Trial {
    pub(crate) tree: Tree,
    pub(crate) schedule: Vec<Step>,
}

/// The trial of a seed. Most are small, since small ones go wrong in more ways in the same time.
pub(crate) fn trial(seed: u64) -> Trial {
    let mut dice = Dice(seed.wrapping_mul(0x2545_f491_4f6c_dd1d));
    let most = *dice.pick(&[3, 5, 8, 12, CHILDREN]);
    let mut made = 1;
    let mut tree = Tree::new(*dice.pick(&STRATEGIES));
    furnish(&mut dice, &mut tree.supervisors[0], true);
    fill(&mut dice, &mut tree, (0, 1), (&mut made, most));
    if tree.agents.is_empty() {
        tree.agent(0, Leaf::PERMANENT);
    }
    if dice.once_in(2) {
        wire(&mut dice, &mut tree);
    }
    let happenings = 5 + dice.below(20 + 10 * tree.agents.len());
    let calm = dice.below(2) * tree.agents.len();
    let schedule = (0..calm + happenings).map(|nth| step(&mut dice, nth < calm)).collect();
    Trial { tree, schedule }
}

/// Gives a supervisor children, and these theirs.
fn fill(
    dice: &mut Dice,
    tree: &mut Tree,
    (at, depth): (usize, usize),
    (made, most): (&mut usize, usize),
) {
    for _ in 0..=dice.below(5) {
        if *made > most {
            return;
        }
        *made += 1;
        let auto = tree.supervisors[at].auto_shutdown != AutoShutdown::Never;
        if depth < DEPTH && dice.once_in(3) {
            let below = tree.below(at, *dice.pick(&STRATEGIES));
            let supervisor = &mut tree.supervisors[below];
            furnish(dice, supervisor, false);
            let may = auto && supervisor.restart != Restart::Permanent;
            supervisor.significant = may && dice.once_in(2);
            fill(dice, tree, (below, depth + 1), (&mut *made, most));
        } else {
            let restart = *dice.pick(&RESTARTS);
            let significant = auto && restart != Restart::Permanent && dice.once_in(2);
            let restore = if dice.once_in(3) { Restore::Fresh } else { Restore::Checkpoint };
            tree.agent(at, Leaf { restart, shutdown: shutdown(dice), significant, restore });
        }
    }
}

/// Gives most agents messages of earlier ones.
fn wire(dice: &mut Dice, tree: &mut Tree) {
    for to in 1..tree.agents.len() {
        let mut from: Vec<usize> = (0..dice.below(3)).map(|_| dice.below(to)).collect();
        from.sort_unstable();
        from.dedup();
        tree.wires.extend(from.into_iter().map(|from| Wire { from, to }));
    }
}

fn furnish(dice: &mut Dice, supervisor: &mut Supervisor, root: bool) {
    supervisor.intensity = *dice.pick(&[0, 1, 1, 2, 3, 5]);
    supervisor.period_ms = *dice.pick(&[1, 50, 700, 1_400, 5_000, 1_000_000]);
    supervisor.auto_shutdown = *dice.pick(&[
        AutoShutdown::Never,
        AutoShutdown::Never,
        AutoShutdown::AnySignificant,
        AutoShutdown::AllSignificant,
    ]);
    if dice.once_in(4) {
        let backoff = *dice.pick(&[Backoff::Constant, Backoff::Linear, Backoff::Exponential]);
        let base_ms = 1 + dice.roll() % 300;
        supervisor.delay = Wait { backoff, base_ms, cap_ms: 1 + dice.roll() % 2_000 };
    }
    if !root {
        supervisor.restart = *dice.pick(&RESTARTS);
        supervisor.shutdown = if dice.once_in(2) { Shutdown::Infinity } else { shutdown(dice) };
    }
}

fn shutdown(dice: &mut Dice) -> Shutdown {
    match dice.below(4) {
        0 => Shutdown::BrutalKill,
        1 => Shutdown::Infinity,
        _ => Shutdown::After(1 + dice.roll() % 3_000),
    }
}

fn step(dice: &mut Dice, calm: bool) -> Step {
    let nth = if dice.once_in(2) { 0 } else { dice.below(100) };
    if calm {
        return Step::Work { nth, ending: Ending::More };
    }
    match dice.below(100) {
        0 => Step::Stop,
        1 | 2 => Step::Kill,
        3 | 4 => Step::Fail(nth),
        5..12 => Step::Pass(dice.roll() % 2_000),
        12..24 => Step::Due,
        _ => {
            let endings = [
                Ending::More,
                Ending::More,
                Ending::Nap,
                Ending::Ask,
                Ending::Ask,
                Ending::Nothing,
                Ending::Done,
                Ending::Write,
                Ending::Crash,
                Ending::Crash,
                Ending::Slow,
                Ending::Slow,
            ];
            Step::Work { nth, ending: *dice.pick(&endings) }
        }
    }
}
