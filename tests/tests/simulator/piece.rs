//! Pipelines that the simulator runs, with real components.

use std::path::PathBuf;
use std::sync::{Arc, OnceLock};

use theater_flow::compile::{Fetcher, Pipeline};
use theater_flow::driver::Ending;
use theater_flow::sim::{End, Fate, Machine, Process, Schedule, SimWorld};
use theater_flow::workers::Crew;
use theater_flow_dsl::{Compiled, Mode};
use theater_flow_host::{Actor, Host, HostConfig};
use theater_flow_kernel::gate::World;
use theater_flow_kernel::ids::Digest;
use theater_flow_kernel::plan::Plan;
use theater_flow_kernel::record::Status;

/// Where the input of every piece is.
pub(crate) const INPUT: &str = "/sim/in.txt";
/// Where its findings go.
pub(crate) const FOUND: &str = "/sim/out/found.jsonl";

/// Lines of a file through `match` to a file and standard output; `middle` stands between them.
pub(crate) fn find_todos(middle: &str, from: &str) -> String {
    let probe = theater_flow_tests::prebuilt("probe").display().to_string();
    let probe_full = theater_flow_tests::prebuilt("probe-full").display().to_string();
    let middle = middle.replace("PROBE-FULL", &probe_full).replace("PROBE", &probe);
    let children = if middle.is_empty() { "" } else { r#""middle", "# };
    format!(
        r#"
format = 1
name = "simulated"
[supervisors.root]
strategy = "one-for-one"
children = ["lines", {children}"notes", "findings", "print"]
[agents.lines]
actor = "std/file-lines"
config = {{ path = "in.txt" }}
grants = {{ files = {{ read = ["in.txt"] }} }}
[agents.notes]
actor = "std/match"
inputs = "{from}"
config = {{ rules = {{ todo = '\bTODO\b', fixme = '\bFIXME\b' }} }}
[agents.findings]
actor = "std/file-write"
inputs = "notes"
config = {{ path = "out/found.jsonl" }}
grants = {{ files = {{ write = ["out"] }} }}
[agents.print]
actor = "std/stdout"
inputs = "notes"
grants = {{ stdout = true }}
{middle}
"#
    )
}

/// Passes lines on, and misbehaves at some as `on` says.
pub(crate) fn middle(actor: &str, on: &str, more: &str) -> String {
    format!(
        r#"
[agents.middle]
actor = "{actor}"
inputs = "lines"
config = {{ echo = true, on = [{on}], ports = [
  {{ name = "in", direction = "input", type = "{{ path: string, line: u64, text: string }}" }},
  {{ name = "out", direction = "output", type = "{{ path: string, line: u64, text: string }}" }},
] }}
{more}
"#
    )
}

fn host() -> &'static Arc<Host> {
    static HOST: OnceLock<Arc<Host>> = OnceLock::new();
    HOST.get_or_init(|| {
        let cache = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("simulator");
        let config = HostConfig { cache: Some(cache), instances: 256 };
        Arc::new(Host::new(config).expect("an engine"))
    })
}

/// Loads a prebuilt component.
pub(crate) fn actor(name: &str) -> Actor {
    let bytes = std::fs::read(theater_flow_tests::prebuilt(name)).expect("it is there");
    host().load(&bytes).expect("a component")
}

/// A compiled pipeline with its input.
pub(crate) struct Piece {
    pub(crate) plan: Arc<Plan>,
    pub(crate) actors: std::collections::HashMap<Digest, Actor>,
    input: Vec<u8>,
}

impl Piece {
    pub(crate) fn new(text: String, input: Vec<u8>) -> Self {
        Self::on(host(), text, input)
    }

    /// The same, on another engine.
    pub(crate) fn on(host: &Arc<Host>, text: String, input: Vec<u8>) -> Self {
        let folder = String::from("/sim");
        let pipeline =
            Pipeline { name: String::from("sim.toml"), text, cwd: folder.clone(), folder };
        let mut fetcher = Fetcher::new(Arc::clone(host));
        let Compiled { plan, faults, .. } = fetcher.compile(&pipeline, &[], Mode::Run);
        let plan = Arc::new(plan.unwrap_or_else(|| panic!("{faults:#?}")));
        Self { plan, actors: fetcher.into_actors(), input }
    }

    /// `lines` lines of a source file, some with notes, through the pipeline of the workflow.
    pub(crate) fn plain(lines: usize) -> Self {
        Self::new(find_todos("", "lines"), input(lines))
    }

    /// With a probe in between that traps at two lines.
    pub(crate) fn trapping() -> Self {
        let on = r#"{ match = "line 7 ", do = "trap" }, { match = "line 40 ", do = "trap" }"#;
        Self::new(find_todos(&middle("PROBE", on, ""), "middle"), input(60))
    }

    /// With a probe in between that faults at a line until it has been tried often enough.
    pub(crate) fn retrying() -> Self {
        let on = r#"{ match = "line 9 ", do = "fault" }"#;
        let retry = r#"retry = { max = 3, backoff = "exponential", base = "100ms", cap = "10s" }"#;
        Self::new(find_todos(&middle("PROBE", on, retry), "middle"), input(60))
    }

    /// With a probe in between that traps until it is 300 ms later, and sets a timer.
    pub(crate) fn waiting() -> Self {
        Self::new(waiting_text(), input(60))
    }

    /// Each line goes round a cycle three times, or as often as it may, and then in one order to a file and standard
    /// output.
    pub(crate) fn cycling(lines: usize) -> Self {
        let text = r#"
format = 1
name = "cycling"
[supervisors.root]
strategy = "one-for-one"
children = ["lines", "begin", "desk", "ordered", "findings", "print", "unfinished"]
[supervisors.desk]
strategy = "rest-for-one"
children = ["writer", "verdict"]
[errors]
dead_letter = "unfinished"
[types]
Draft = { line = "u32", rounds = "u32" }
[agents.lines]
actor = "std/file-lines"
config = { path = "in.txt" }
grants = { files = { read = ["in.txt"] } }
[agents.begin]
actor = "std/map"
inputs = "lines"
outputs = { out = "Draft" }
config = { expr = "{ line: .line, rounds: 0 }" }
[agents.writer]
actor = "std/map"
inputs = ["begin", { from = "verdict.revise", feedback = true, rounds = 4 }]
outputs = { out = "Draft" }
config = { expr = ".rounds += 1" }
[agents.verdict]
actor = "std/route"
inputs = "writer"
config = { routes = [{ to = "revise", when = ".rounds < 3 or .line % 5 == 0" }], else = "accept" }
[agents.ordered]
actor = "std/sort"
inputs = "verdict.accept"
config = { by = ["line"] }
[agents.findings]
actor = "std/file-write"
inputs = "ordered"
config = { path = "out/found.jsonl" }
grants = { files = { write = ["out"] } }
[agents.print]
actor = "std/stdout"
inputs = "ordered"
grants = { stdout = true }
[agents.unfinished]
actor = "std/file-write"
config = { path = "out/unfinished.jsonl" }
grants = { files = { write = ["out"] } }
"#;
        Self::new(String::from(text), input(lines))
    }

    /// All agents are restarted again and again, since one of them traps.
    pub(crate) fn restarting(lines: usize) -> Self {
        Self::new(restarting_text(lines), input(lines))
    }

    /// A source that counts, to a file that is appended to: with so much in each message that the log
    /// needs checkpoints.
    pub(crate) fn producing(messages: usize) -> Self {
        Self::new(producing_text(messages), Vec::new())
    }

    /// A request for each line, and the answers to a file.
    pub(crate) fn asking(on_unknown: &str) -> Self {
        Self::new(asking_text(on_unknown), input(6))
    }

    /// A machine on which nothing has run.
    pub(crate) fn machine(&self) -> Machine {
        let machine = Machine::new(1);
        machine.put(INPUT, &self.input);
        machine
    }

    /// How many findings there are to be.
    pub(crate) fn findings(&self) -> usize {
        let text = String::from_utf8_lossy(&self.input);
        text.lines().filter(|line| line.contains("TODO") || line.contains("FIXME")).count()
    }

    pub(crate) fn crew(&self, world: impl Fn() -> Box<dyn World> + Send + Sync + 'static) -> Crew {
        let worlds = Box::new(move |_| Ok(world()));
        Crew::new(Arc::clone(host()), self.actors.clone(), worlds)
    }

    /// A process that has not run; `None` if the run is over.
    pub(crate) fn process(&self, machine: &Machine, schedule: Schedule) -> Option<Process<Crew>> {
        let theirs = machine.clone();
        let crew = self.crew(move || Box::new(SimWorld(theirs.clone())));
        Process::start(machine, &self.plan, crew, schedule).expect("the log adds up")
    }

    /// One life; `None` if the run was over before it.
    pub(crate) fn live(&self, machine: &Machine, schedule: Schedule) -> Option<End> {
        self.process(machine, schedule).map(Process::run)
    }

    /// As many lives as it takes. The last one's status, if it was not over before it.
    pub(crate) fn finish(&self, machine: &Machine, schedule: Schedule) -> Option<Status> {
        for _ in 0..10 {
            match self.live(machine, schedule) {
                None => return None,
                Some(End::Ended(Ending::Finished(status))) => return Some(status),
                Some(End::Ended(_) | End::Died) => {}
                Some(End::Stuck(how)) => panic!("{schedule:?}: {how}"),
            }
        }
        panic!("not finished in ten lives");
    }

    /// A life that ends as `fate` has it. The machine, unless that point was never reached.
    pub(crate) fn doomed(&self, schedule: Schedule, fate: Fate) -> (Machine, Option<End>) {
        let machine = self.machine();
        machine.doom(fate);
        let end = self.live(&machine, schedule);
        (machine, end)
    }
}

/// See [`Piece::producing`].
pub(crate) fn producing_text(messages: usize) -> String {
    let probe = theater_flow_tests::prebuilt("probe").display().to_string();
    format!(
        r#"
format = 1
name = "producing"
[supervisors.root]
strategy = "one-for-one"
children = ["source", "findings"]
[agents.source]
actor = "{probe}"
config = {{ produce = {messages}, pad = 4000 }}
[agents.findings]
actor = "std/file-write"
inputs = "source"
config = {{ path = "out/found.jsonl", mode = "append" }}
grants = {{ files = {{ write = ["out"] }} }}
"#
    )
}

/// See [`Piece::waiting`].
pub(crate) fn waiting_text() -> String {
    let on = r#"{ match = "line 5 ", do = "trap-before", n = 1700000000300 },
  { event = "start", do = "set-timer", text = "later", n = 5000 }"#;
    let more = r#"grants = { files = { read = ["in.txt"], write = ["elsewhere"] }, clock = true, random = true, stdin = true, stdout = true, timer = true }
retry = { max = 20, backoff = "constant", base = "100ms", cap = "100ms" }"#;
    find_todos(&middle("PROBE-FULL", on, more), "middle")
}

/// See [`Piece::restarting`].
pub(crate) fn restarting_text(lines: usize) -> String {
    let traps = (1..=lines).filter(|nth| nth % 3 == 0);
    let on = traps.map(|nth| format!("{{ match = \"line {nth} \", do = \"trap\" }}"));
    let on = on.collect::<Vec<_>>().join(", ");
    let text = find_todos(&middle("PROBE", &on, ""), "middle");
    text.replace("\"one-for-one\"", "\"one-for-all\"\nintensity = 100")
}

/// See [`Piece::asking`].
pub(crate) fn asking_text(on_unknown: &str) -> String {
    format!(
        r#"
format = 1
name = "asking"
[supervisors.root]
strategy = "one-for-one"
children = ["lines", "ask", "findings", "refused"]
[agents.lines]
actor = "std/file-lines"
config = {{ path = "in.txt" }}
grants = {{ files = {{ read = ["in.txt"] }} }}
[agents.ask]
actor = "std/http"
inputs = "lines"
config = {{ url = "https://a.test/v1/x", body = "json", on-error = "reject" }}
grants = {{ http = [{{ host = "a.test", methods = ["POST"], on_unknown = "{on_unknown}" }}] }}
[agents.findings]
actor = "std/file-write"
inputs = "ask.out"
config = {{ path = "out/found.jsonl" }}
grants = {{ files = {{ write = ["out"] }} }}
[agents.refused]
actor = "std/stdout"
inputs = "ask.rejected"
grants = {{ stdout = true }}
"#
    )
}

/// Source text with a note in every fourth line.
pub(crate) fn input(lines: usize) -> Vec<u8> {
    let line = |nth: usize| {
        let note = ["", "", " // TODO mend it", ""][nth % 4];
        let note = if nth % 8 == 2 { " // FIXME now" } else { note };
        format!("line {nth} {}{note}\n", "x".repeat(200 + nth * 7 % 160))
    };
    (1..=lines).map(line).collect::<String>().into_bytes()
}

/// A schedule without roughness.
pub(crate) const fn calm(seed: u64) -> Schedule {
    Schedule { seed, rough: false }
}

/// A schedule that cuts batches and lets time pass, so that a file is written in several jobs.
pub(crate) const fn rough(seed: u64) -> Schedule {
    Schedule { seed, rough: true }
}
