//! Pipelines as they are run: with real components, on a simulated machine, in as many lives as it takes.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use theater_flow::compile::{Fetcher, Pipeline};
use theater_flow::driver::{DRAIN_MS, Ending, Event};
use theater_flow::journal::Journal;
use theater_flow::memory::MemoryStore;
use theater_flow::recover;
use theater_flow::replay::{NoWorld, Replayed, replay};
use theater_flow::sim::{Dice, End, Fate, How, Machine, Point, Process, Schedule, SimWorld, What};
use theater_flow::workers::{Crew, Troupe};
use theater_flow_dsl::{Compiled, Fault, Mode};
use theater_flow_host::{Actor, Host, HostConfig};
use theater_flow_kernel::gate::World;
use theater_flow_kernel::ids::Digest;
use theater_flow_kernel::plan::Plan;
use theater_flow_kernel::record::Entry;

use super::heard::hear;
use super::make::{LINES, TABLE};

/// More lives than this no run needs.
const LIVES: usize = 12;

/// The engine of all runs.
pub(crate) fn host() -> &'static Arc<Host> {
    static HOST: OnceLock<Arc<Host>> = OnceLock::new();
    HOST.get_or_init(|| {
        let cache = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("proofs");
        let config = HostConfig { cache: Some(cache), instances: 1_024 };
        let host = Host::new(config).expect("an engine");
        Arc::new(host.heard_by(Arc::new(hear)))
    })
}

/// A compiled pipeline.
pub(crate) struct Piece {
    pub(crate) plan: Arc<Plan>,
    pub(crate) actors: HashMap<Digest, Actor>,
}

impl Piece {
    /// Compiles a text that stands in `/sim`.
    #[track_caller]
    pub(crate) fn new(text: &str) -> Self {
        Self::try_new(text).unwrap_or_else(|faults| panic!("{faults:#?}"))
    }

    /// The same of one that may have faults.
    pub(crate) fn try_new(text: &str) -> Result<Self, Vec<Fault>> {
        let (folder, text) = (String::from("/sim"), String::from(text));
        let pipeline =
            Pipeline { name: String::from("made.toml"), text, cwd: folder.clone(), folder };
        Self::compile(&pipeline)
    }

    /// Compiles a file; `None` if it has faults.
    pub(crate) fn read(path: &Path) -> Option<Self> {
        Self::compile(&Pipeline::read(path).expect("a file of text")).ok()
    }

    fn compile(pipeline: &Pipeline) -> Result<Self, Vec<Fault>> {
        let mut fetcher = Fetcher::new(Arc::clone(host()));
        let Compiled { plan, faults, .. } = fetcher.compile(pipeline, &[], Mode::Run);
        let plan = Arc::new(plan.ok_or(faults)?);
        Ok(Self { plan, actors: fetcher.into_actors() })
    }

    pub(crate) fn crew(&self, world: impl Fn() -> Box<dyn World> + Send + Sync + 'static) -> Crew {
        let worlds = Box::new(move |_| Ok(world()));
        Crew::new(Arc::clone(host()), self.actors.clone(), worlds)
    }

    /// Its agents in the world of a machine.
    pub(crate) fn crew_on(&self, machine: &Machine) -> Crew {
        let machine = machine.clone();
        self.crew(move || Box::new(SimWorld(machine.clone())))
    }

    /// Makes all calls of a log again, without a world.
    pub(crate) fn replay(&self, machine: &Machine) -> Replayed {
        replay(&journal(machine), &self.crew(|| Box::new(NoWorld))).expect("the log is read")
    }
}

/// A machine on which nothing has run, with what sources read.
pub(crate) fn machine(seed: u64) -> Machine {
    let machine = Machine::new(seed);
    let line = |n: usize| format!("line {n} {}\n", "x".repeat(n * 5));
    let row = |n: u64| format!("{n},word-{}\n", n % 4);
    let lines: String = (1..=14).map(line).collect();
    let table: String = (1..=11).map(row).collect();
    machine.put(LINES, lines.as_bytes());
    machine.put(TABLE, format!("n,word\n{table}").as_bytes());
    machine.feed(b"from\nstandard\ninput\nfour\nfive\nsix\n");
    machine
}

/// What disturbs a run.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Trouble {
    None,
    /// The process ends at a write point, or the disk is full there.
    Doom(Fate),
    /// It is asked to stop after so many steps.
    Stop(usize),
}

impl Trouble {
    /// What befalls a life. `points` are those that an undisturbed run has: of these, requests are where a
    /// death hurts most.
    pub(crate) fn any(dice: &mut Dice, machine: &Machine, points: &[Point]) -> Self {
        let before = machine.points().len();
        let ahead = (before..points.len()).filter(|at| matches!(points[*at].what, What::Ask(_)));
        let asks: Vec<usize> = ahead.collect();
        let point = if !asks.is_empty() && dice.one_in(2) {
            asks[dice.below(asks.len())]
        } else {
            before + dice.below(points.len().saturating_sub(before).max(8))
        };
        let how = match dice.below(7) {
            0 | 1 => How::Before,
            2 | 3 => How::After,
            4 => How::Full,
            _ => How::Torn(1 + dice.below(3)),
        };
        match dice.below(4) {
            0 => Self::Stop(dice.below(120)),
            _ => Self::Doom(Fate { point, how, power: dice.one_in(2) }),
        }
    }
}

/// What became of a run.
#[derive(Clone, Copy, Default, Debug)]
pub(crate) struct Lives {
    pub(crate) killed: u64,
    pub(crate) stopped: u64,
    pub(crate) full: u64,
}

/// Lives until the run is over; `next` says what befalls each. `crew` makes the guests of one life.
pub(crate) fn finish<T: Troupe>(
    (plan, machine): (&Arc<Plan>, &Machine),
    crew: impl Fn() -> T,
    seed: u64,
    mut next: impl FnMut(&Machine) -> Trouble,
) -> Lives {
    let mut lives = Lives::default();
    for life in 0..LIVES {
        let rough = (seed ^ life as u64) & 1 == 1;
        let schedule = Schedule { seed: seed ^ life as u64, rough };
        let process = Process::start(machine, plan, crew(), schedule).expect("the log adds up");
        let Some(mut process) = process else { return lives };
        let mut early = None;
        match next(machine) {
            Trouble::None => {}
            Trouble::Doom(fate) => machine.doom(fate),
            Trouble::Stop(steps) => {
                early = (0..steps).find_map(|_| process.step());
                if early.is_none() {
                    let (by, within_ms) = (String::from("test"), DRAIN_MS);
                    process.tell(Event::Stop { by, within_ms });
                }
            }
        }
        match early.unwrap_or_else(|| process.run()) {
            End::Ended(Ending::Finished(_)) => return lives,
            End::Ended(Ending::Suspended) => lives.stopped += 1,
            End::Ended(Ending::StoreFailed(_)) => lives.full += 1,
            End::Ended(Ending::Waiting) => panic!("life {life}: it waits for somebody"),
            End::Died => lives.killed += 1,
            End::Stuck(how) => panic!("life {life}: {how:.400}"),
        }
    }
    panic!("not over in {LIVES} lives");
}

/// The log as it is on the disk.
pub(crate) fn journal(machine: &Machine) -> Journal<MemoryStore> {
    Journal::open(machine.log().open()).expect("a log")
}

/// All records of a log.
pub(crate) fn records(machine: &Machine) -> Vec<Entry> {
    let journal = journal(machine);
    let entries = recover::entries(&journal, 0).expect("records");
    entries.map(|entry| entry.expect("a record")).collect()
}
