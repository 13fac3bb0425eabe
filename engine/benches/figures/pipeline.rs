//! Whole pipelines: durable typed hops per second, and a small run from start to end.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use rand::TryRng as _;
use rand::rngs::SysRng;
use tempfile::TempDir;
use theater_flow::compile::{Fetcher, Pipeline};
use theater_flow::runs::{Data, new_id};
use theater_flow::session::{self, Cast, Place, Session, now_ms};
use theater_flow_dsl::Mode;
use theater_flow_host::{Actor, Host, HostConfig};
use theater_flow_kernel::ids::{AgentId, Digest, RunId};
use theater_flow_kernel::plan::Plan;

use super::{Figure, rate};

/// Messages that the source of the long run emits.
const MESSAGES: u64 = 100_000;
/// What the small run reads.
const LINES: &str = "one\nNOTE two\nthree\nNOTE four\n";
/// Hops of one message: each of the three stages after the source handles it.
const HOPS: u64 = 3;
/// Room for the few agents of a run.
const INSTANCES: u32 = 32;

pub(super) fn figures() -> Vec<Figure> {
    let mut times: Vec<Duration> = (0..3).map(|_| ran(&hops(MESSAGES), &[]).took).collect();
    times.sort_unstable();
    let median = times[times.len() / 2];
    let spread = format!(
        "goal of this version: 50 k/s; fastest and slowest of 3 runs: {} and {}",
        rate(MESSAGES * HOPS, times[0]),
        rate(MESSAGES * HOPS, times[2]),
    );
    let mut small: Vec<Duration> =
        (0..21).map(|_| ran(&find(), &[("in.txt", LINES)]).took).collect();
    small.sort_unstable();
    let (first, last) = (small[0].as_secs_f64() * 1e3, small[20].as_secs_f64() * 1e3);
    let p50 = small[10].as_secs_f64() * 1e3;
    vec![
        Figure::new("durable typed hops, 4 stages, 256 B", rate(MESSAGES * HOPS, median), spread),
        Figure::new(
            "a run of `find-todos` on 4 lines, compiled code cached, in process",
            format!("{p50:.1} ms"),
            format!("21 runs: {first:.1} to {last:.1} ms"),
        ),
    ]
}

/// The workspace.
fn root() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
}

/// A source and three stages that pass each message on.
pub(super) fn hops(messages: u64) -> String {
    let probe = root().join("stdlib-actors/prebuilt/probe.wasm");
    let ty = "{ n: u64, pad: string }";
    let input = format!("{{ name = \"in\", direction = \"input\", type = \"{ty}\" }}");
    let output =
        format!("{{ name = \"out\", direction = \"output\", type = \"{ty}\", optional = true }}");
    let source = format!(
        "format = 1\nname = \"hops\"\n[supervisors.root]\nchildren = [\"a\", \"b\", \"c\", \"d\"]\n\
         [agents.a]\nactor = \"{0}\"\nconfig = {{ produce = {messages}, pad = 230, ports = [{output}] }}\n",
        probe.display(),
    );
    let stage = |(name, from): (&str, &str)| {
        format!(
            "[agents.{name}]\nactor = \"{0}\"\ninputs = \"{from}\"\n\
             config = {{ echo = true, ports = [{input}, {output}] }}\n",
            probe.display(),
        )
    };
    let stages = [("b", "a"), ("c", "b"), ("d", "c")].map(stage);
    source + &stages.concat()
}

/// Lines of a file, matched and written to a file.
fn find() -> String {
    String::from(
        "format = 1\nname = \"find\"\n[supervisors.root]\nchildren = [\"lines\", \"notes\", \"out\"]\n\
         [agents.lines]\nactor = \"std/file-lines\"\nconfig = { path = \"in.txt\" }\n\
         grants = { files = { read = [\"in.txt\"] } }\n\
         [agents.notes]\nactor = \"std/match\"\ninputs = \"lines\"\n\
         config = { rules = { note = \"NOTE\" } }\n\
         [agents.out]\nactor = \"std/file-write\"\ninputs = \"notes\"\nconfig = { path = \"out.jsonl\" }\n\
         grants = { files = { write = [\"out.jsonl\"] } }\n",
    )
}

fn host(instances: u32) -> Arc<Host> {
    let cache = std::env::temp_dir().join("theater-flow-bench-cache");
    Arc::new(Host::new(HostConfig { cache: Some(cache), instances }).expect("an engine"))
}

fn compiled(host: &Arc<Host>, folder: &Path, text: &str) -> Cast {
    let file = folder.join("pipeline.toml");
    std::fs::write(&file, text).expect("a file");
    let pipeline = Pipeline::read(&file).expect("a pipeline");
    let mut fetcher = Fetcher::new(Arc::clone(host));
    let compiled = fetcher.compile(&pipeline, &[], Mode::Run);
    let plan = compiled.plan.unwrap_or_else(|| panic!("{:?}", compiled.faults));
    Cast { host: Arc::clone(host), plan: Arc::new(plan), actors: fetcher.into_actors() }
}

/// A plan with one `std/match` that no rule of which matches what the benchmark sends.
pub(super) fn match_plan(host: &Arc<Host>) -> (Plan, AgentId) {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("in.txt"), LINES).expect("a file");
    let cast = compiled(host, folder.path(), &find());
    let agent =
        cast.plan.agents.iter().find(|agent| agent.name == "notes").expect("it is there").id;
    (Arc::unwrap_or_clone(cast.plan), agent)
}

/// Ten bytes that differ from run to run.
fn random() -> [u8; 10] {
    let mut bytes = [0; 10];
    SysRng.try_fill_bytes(&mut bytes).expect("the system gives randomness");
    bytes
}

/// A run that is over.
pub(super) struct Ran {
    /// What is kept of it.
    pub(super) run: PathBuf,
    pub(super) host: Arc<Host>,
    pub(super) actors: HashMap<Digest, Actor>,
    /// The time from the plan to the last durable record.
    pub(super) took: Duration,
    _folder: TempDir,
}

/// A pipeline in a folder of its own, compiled and ready to begin.
pub(super) struct Stage {
    cast: Option<Cast>,
    id: RunId,
    place: Place,
    host: Arc<Host>,
    actors: HashMap<Digest, Actor>,
    folder: TempDir,
}

impl Stage {
    /// With these files, and room for so many instances.
    pub(super) fn new(text: &str, files: &[(&str, &str)], instances: u32) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        for (name, content) in files {
            std::fs::write(folder.path().join(name), content).expect("a file");
        }
        let probe = root().join("stdlib-actors/prebuilt/probe.wasm");
        std::fs::copy(probe, folder.path().join("probe.wasm")).expect("a file");
        let host = host(instances);
        let cast = compiled(&host, folder.path(), text);
        let (data, id) = (folder.path().join("data"), new_id(now_ms(), random()));
        let run = Data::new(&data).create(id).expect("a run");
        let (place, actors) = (session::place(&data, run.path), cast.actors.clone());
        Self { cast: Some(cast), id, place, host, actors, folder }
    }

    /// Where its files are.
    pub(super) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Where the run is kept.
    pub(super) fn place(&self) -> &Place {
        &self.place
    }

    /// What runs guests.
    pub(super) fn host(&self) -> Arc<Host> {
        Arc::clone(&self.host)
    }

    /// Begins the run, once.
    pub(super) fn begin(&mut self) -> Session {
        let cast = self.cast.take().expect("it has not begun");
        let stdout = Box::new(std::io::sink());
        Session::begin(&self.place, cast, self.id, stdout).expect("a session")
    }
}

/// Runs a pipeline in a folder with these files.
pub(super) fn ran(text: &str, files: &[(&str, &str)]) -> Ran {
    let mut stage = Stage::new(text, files, INSTANCES);
    let start = Instant::now();
    let ended = stage.begin().serve(&mut |_, _| {});
    assert!(matches!(ended.0, theater_flow::driver::Ending::Finished(_)), "{:?}", ended.0);
    let took = start.elapsed();
    let Stage { place, host, actors, folder, .. } = stage;
    Ran { run: place.folder, host, actors, took, _folder: folder }
}
