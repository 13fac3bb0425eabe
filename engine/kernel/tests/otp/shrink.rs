//! Makes a trial that fails smaller, as long as it fails.

use theater_flow_kernel::ids::{AgentId, SupervisorId};
use theater_flow_kernel::plan::{AutoShutdown, Child, Restart, Restore, Shutdown, Strategy, Wait};

use crate::random::Trial;
use crate::tree::{Tree, Wire, small};

/// How often a trial is tried again while it shrinks, at most.
const TRIES: usize = 20_000;

/// The smallest trial found that still fails.
pub(crate) fn shrink(mut trial: Trial, fails: &dyn Fn(&Trial) -> bool) -> Trial {
    let mut tries = 0;
    loop {
        let mut smaller = candidates(&trial).find(|candidate| {
            tries += 1;
            tries > TRIES || fails(candidate)
        });
        match smaller.take() {
            Some(found) if tries <= TRIES => trial = found,
            _ => return trial,
        }
    }
}

fn candidates(trial: &Trial) -> impl Iterator<Item = Trial> {
    let length = trial.schedule.len();
    let sizes = [length / 2, length / 4, 8, 4, 2, 1];
    let cuts = sizes.into_iter().filter(|size| *size > 0).flat_map(move |size| {
        (0..length).step_by(size).map(move |from| (from, (from + size).min(length)))
    });
    let shorter = cuts.map(|(from, to)| {
        let mut shorter = trial.clone();
        shorter.schedule.drain(from..to);
        shorter
    });
    let leaves = 0..trial.tree.agents.len();
    let branches = 1..trial.tree.supervisors.len();
    let children = branches
        .map(|nth| Child::Supervisor(SupervisorId(small(nth))))
        .chain(leaves.map(|nth| Child::Agent(AgentId(small(nth)))));
    let pruned = children.filter_map(|child| {
        let tree = without(&trial.tree, child)?;
        Some(Trial { tree, schedule: trial.schedule.clone() })
    });
    let silent = (0..trial.tree.wires.len()).map(|nth| {
        let mut silent = trial.clone();
        silent.tree.wires.remove(nth);
        silent
    });
    let plainer = plainer(&trial.tree)
        .map(|tree| Trial { tree, schedule: trial.schedule.clone() })
        .collect::<Vec<_>>();
    shorter.chain(pruned).chain(silent).chain(plainer)
}

/// The tree without this child and all below it. `None` if no agent would be left.
fn without(tree: &Tree, gone: Child) -> Option<Tree> {
    let mut smaller = Tree::new(tree.supervisors[0].strategy);
    let root = tree.supervisors[0].clone();
    smaller.supervisors[0] = theater_flow_kernel::plan::Supervisor { children: Vec::new(), ..root };
    let mut places = vec![None; tree.agents.len()];
    copy(tree, (&mut smaller, &mut places), (0, 0), gone);
    // An agent may stand elsewhere now, but a message goes to a later one.
    let wires = tree.wires.iter().filter_map(|wire| {
        let (from, to) = (places[wire.from]?, places[wire.to]?);
        (from < to).then_some(Wire { from, to })
    });
    smaller.wires = wires.collect();
    (!smaller.agents.is_empty()).then_some(smaller)
}

fn copy(
    tree: &Tree,
    (to, places): (&mut Tree, &mut [Option<usize>]),
    (from, at): (usize, usize),
    gone: Child,
) {
    for child in tree.supervisors[from].children.iter().filter(|child| **child != gone) {
        match child {
            Child::Agent(id) => {
                places[id.index()] = Some(to.agent(at, tree.agents[id.index()]));
            }
            Child::Supervisor(id) => {
                let old = &tree.supervisors[id.index()];
                let nth = to.below(at, old.strategy);
                let (children, id, name) =
                    (Vec::new(), to.supervisors[nth].id, to.supervisors[nth].name.clone());
                to.supervisors[nth] =
                    theater_flow_kernel::plan::Supervisor { children, id, name, ..old.clone() };
                copy(tree, (&mut *to, &mut *places), (old.id.index(), nth), gone);
            }
        }
    }
}

/// Trees of the same shape, one of whose settings is what it would be by default.
fn plainer(tree: &Tree) -> impl Iterator<Item = Tree> {
    let supervisors =
        (0..tree.supervisors.len()).flat_map(|nth| (0..6).map(move |what| (nth, what)));
    let supervisors = supervisors.filter_map(|(nth, what)| {
        let mut plain = tree.clone();
        let supervisor = &mut plain.supervisors[nth];
        match what {
            0 => supervisor.strategy = Strategy::OneForOne,
            1 => supervisor.delay = Wait::NONE,
            2 => supervisor.shutdown = Shutdown::Infinity,
            3 => supervisor.auto_shutdown = AutoShutdown::Never,
            4 => supervisor.significant = false,
            _ => supervisor.restart = Restart::Permanent,
        }
        (*supervisor != tree.supervisors[nth]).then(|| mended(plain))
    });
    let agents = (0..tree.agents.len()).flat_map(|nth| (0..4).map(move |what| (nth, what)));
    let agents = agents.filter_map(|(nth, what)| {
        let mut plain = tree.clone();
        let leaf = &mut plain.agents[nth];
        match what {
            0 => leaf.restart = Restart::Permanent,
            1 => leaf.shutdown = Shutdown::Infinity,
            2 => leaf.significant = false,
            _ => leaf.restore = Restore::Checkpoint,
        }
        (*leaf != tree.agents[nth]).then(|| mended(plain))
    });
    supervisors.chain(agents)
}

/// Without significant children where there may be none.
fn mended(mut tree: Tree) -> Tree {
    for nth in 0..tree.supervisors.len() {
        let never = tree.supervisors[nth].auto_shutdown == AutoShutdown::Never;
        for child in tree.supervisors[nth].children.clone() {
            match child {
                Child::Agent(id) => {
                    let leaf = &mut tree.agents[id.index()];
                    leaf.significant &= !never && leaf.restart != Restart::Permanent;
                }
                Child::Supervisor(id) => {
                    let below = &mut tree.supervisors[id.index()];
                    below.significant &= !never && below.restart != Restart::Permanent;
                }
            }
        }
    }
    tree
}
