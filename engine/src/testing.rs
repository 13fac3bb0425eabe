//! `[[tests]]`: the real loop, kernel and components on a [simulated machine](crate::sim), and what came of
//! it beside what was expected.
//!
//! The `stage` is the plan with what the test changes in it; its `cast` are the real agents and those that
//! follow a script; what was `seen` is read from the run's log as it was written; `compare` finds the
//! differences.

mod cast;
mod compare;
mod same;
mod script;
mod seen;
mod stage;

use std::collections::HashMap;
use std::sync::Arc;

use theater_flow_dsl::Span;
use theater_flow_dsl::testing::{Ends, Test};
use theater_flow_host::{Actor, Host};
use theater_flow_kernel::gate::World;
use theater_flow_kernel::ids::Digest;
use theater_flow_kernel::plan::Plan;
use theater_flow_kernel::record::Status;

use crate::driver::Ending;
use crate::recover::RecoverError;
use crate::sim::{End, Machine, Process, Schedule, SimWorld};
use crate::workers::Crew;
use cast::Players;
use seen::Seen;
use stage::Stage;

/// What a test is run with.
#[derive(Clone)]
pub struct House {
    /// The engine that runs guests.
    pub host: Arc<Host>,
    /// Every component that the plan names.
    pub actors: HashMap<Digest, Actor>,
}

/// What came of a test.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Verdict {
    /// What is not as expected; none if all is.
    pub differences: Vec<Difference>,
    /// What went wrong in the run, one line each: where to look if there are differences.
    pub troubles: Vec<String>,
    /// How many records the run has.
    pub records: u64,
    /// How long it took by its own clock, in ms.
    pub took_ms: u64,
}

/// Something that is not as expected.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Difference {
    /// Where the file says what is expected.
    pub span: Span,
    /// What differs, in one sentence without a full stop.
    pub what: String,
    /// What was expected, if that is not said yet.
    pub expected: Option<String>,
    /// What was seen instead.
    pub seen: Option<String>,
}

/// How the run of a test came to its end.
#[derive(Clone, PartialEq, Eq, Debug)]
enum Came {
    To(Ends),
    /// It waits for what will never come, or goes on for ever.
    Nowhere,
}

/// Runs a test of `plan`. Equal arguments give equal verdicts.
///
/// # Errors
/// If the log of the run adds up to nothing, which is a fault of the engine.
pub fn run(test: &Test, plan: Plan, house: House) -> Result<Verdict, RecoverError> {
    let stage = Stage::set(plan, test);
    let machine = Machine::new(test.seed);
    machine.unplug();
    for (path, text) in &test.files {
        machine.put(path, text.as_bytes());
    }
    machine.feed(test.stdin.as_bytes());
    let began = machine.now();
    let world = machine.clone();
    let worlds = Box::new(move |_| Ok(Box::new(SimWorld(world.clone())) as Box<dyn World>));
    let crew = Crew::new(house.host, house.actors, worlds);
    let players = Players::new(crew, &stage, machine.clone());
    let scripts = players.scripts();
    let schedule = Schedule { seed: test.seed, rough: false };
    let came = match Process::start(&machine, &stage.plan, players, schedule)? {
        None => Came::Nowhere,
        Some(mut process) => {
            if let Some(ms) = test.stop_ms {
                process.stop_at(began + ms);
            }
            came(&process.run())
        }
    };
    let seen = Seen::of(&machine, &stage)?;
    let differences = compare::differences(test, &stage, (&seen, &came), &scripts);
    let troubles = if differences.is_empty() { Vec::new() } else { seen.troubles() };
    let took_ms = machine.now() - began;
    Ok(Verdict { differences, troubles, records: seen.records(), took_ms })
}

fn came(end: &End) -> Came {
    match end {
        End::Ended(Ending::Finished(Status::Completed)) => Came::To(Ends::Completed),
        End::Ended(Ending::Finished(Status::Degraded)) => Came::To(Ends::Degraded),
        End::Ended(Ending::Finished(Status::Failed)) => Came::To(Ends::Failed),
        End::Ended(Ending::Suspended) => Came::To(Ends::Stopped),
        End::Ended(Ending::StoreFailed(_) | Ending::Waiting) | End::Died | End::Stuck(_) => {
            Came::Nowhere
        }
    }
}

#[cfg(test)]
mod tests {
    use theater_flow_dsl::testing::KINDS;

    use crate::view;

    #[test]
    fn every_kind_of_record_can_be_expected() {
        let mut kinds = view::kinds();
        kinds.sort_unstable();
        assert_eq!(kinds, KINDS);
    }
}
