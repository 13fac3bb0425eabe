//! A trial in a few lines, for whoever has to find out why it fails.

use std::fmt;

use theater_flow_kernel::plan::{AutoShutdown, Child, Restore, Supervisor, Wait};

use crate::duel::Step;
use crate::random::Trial;
use crate::tree::Tree;

impl fmt::Display for Trial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        supervisor(f, &self.tree, 0, 0)?;
        for wire in &self.tree.wires {
            writeln!(f, "a{} -> a{}", wire.from, wire.to)?;
        }
        for (nth, step) in (1..).zip(&self.schedule) {
            match step {
                Step::Work { nth: hand, ending } => {
                    writeln!(f, "{nth}. {ending:?} of hand {hand}")?;
                }
                Step::Pass(ms) => writeln!(f, "{nth}. {ms} ms pass")?,
                Step::Due => writeln!(f, "{nth}. until something is due")?,
                Step::Fail(up) => writeln!(f, "{nth}. a write of living agent {up} fails")?,
                Step::Stop => writeln!(f, "{nth}. the run is asked to stop")?,
                Step::Kill => writeln!(f, "{nth}. the process is killed")?,
            }
        }
        Ok(())
    }
}

fn supervisor(f: &mut fmt::Formatter<'_>, tree: &Tree, nth: usize, depth: usize) -> fmt::Result {
    let Supervisor { strategy, intensity, period_ms, restart, shutdown, .. } =
        &tree.supervisors[nth];
    let supervisor = &tree.supervisors[nth];
    write!(f, "{:1$}s{nth} {strategy:?} {intensity} in {period_ms} ms", "", 2 * depth)?;
    if nth > 0 {
        write!(f, ", {restart:?}, shutdown {shutdown:?}")?;
    }
    if supervisor.significant {
        write!(f, ", significant")?;
    }
    if supervisor.auto_shutdown != AutoShutdown::Never {
        write!(f, ", {:?}", supervisor.auto_shutdown)?;
    }
    if supervisor.delay != Wait::NONE {
        write!(f, ", delay {:?}", supervisor.delay)?;
    }
    writeln!(f)?;
    for child in &supervisor.children {
        match child {
            Child::Supervisor(id) => self::supervisor(f, tree, id.index(), depth + 1)?,
            Child::Agent(id) => {
                let leaf = tree.agents[id.index()];
                let (nth, indent) = (id.0, 2 * depth + 2);
                write!(f, "{:indent$}a{nth} {:?}", "", leaf.restart)?;
                write!(f, ", shutdown {:?}", leaf.shutdown)?;
                if leaf.significant {
                    write!(f, ", significant")?;
                }
                if leaf.restore == Restore::Fresh {
                    write!(f, ", fresh")?;
                }
                writeln!(f)?;
            }
        }
    }
    Ok(())
}
