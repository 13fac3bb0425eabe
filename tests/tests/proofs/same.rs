//! The same run again, by the real program: what may differ is listed here, and nothing else does, whatever the
//! time zone, the language, the cache of compiled code and the number of processors are.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use theater_flow::journal::Journal;
use theater_flow::recover;
use theater_flow::store::SledStore;
use theater_flow_kernel::ids::{AgentId, Bytes, Ref};
use theater_flow_kernel::record::{Body, Consumed, Entry, Origin, Part};
use theater_flow_tests::{LIMIT, Scene, finish};

/// One line after another, so that no order is left to chance: some fail, one crashes its reader.
const PIPELINE: &str = r#"format = 1
name = "same"
[supervisors.root]
children = ["lines", "halves", "once", "odd", "figures", "print", "keep"]
[defaults.agent]
retry = { max = 1, backoff = "constant", base = "1ms", cap = "1ms" }
[agents.lines]
actor = "std/file-lines"
config = { path = "in.txt" }
grants = { files = { read = ["in.txt"] } }
[agents.halves]
actor = "std/map"
inputs = "lines"
outputs = { out = "json" }
config = { expr = 'if .line % 40 == 9 then error("nine") else { n: .line, half: (.line / 2), text: (.text | ascii_upcase) } end' }
[agents.once]
actor = "std/dedupe"
inputs = "halves"
config = { by = ["half"] }
[agents.odd]
actor = "PROBE"
inputs = "once"
config = { echo = true, ports = [{ name = "in", direction = "input", type = "json" }, { name = "out", direction = "output", type = "json" }], on = [{ match = '"n":77,', do = "trap" }] }
[agents.figures]
actor = "std/aggregate"
inputs = "odd"
outputs = { out = "json" }
config = { take = { n = "count", sum = { sum = "half" }, mean = { mean = "half" } } }
[agents.print]
actor = "std/stdout"
inputs = "figures"
grants = { stdout = true }
[agents.keep]
actor = "std/file-write"
inputs = "odd"
config = { path = "out.jsonl" }
grants = { files = { write = ["out.jsonl"] } }
"#;

/// What each agent did, record by record.
type Deeds = BTreeMap<AgentId, Vec<String>>;

/// What an agent did, by the log of a run. Not in it, since it may differ: the run's id in the first record;
/// `seq`, `prev`, `at` and `causes` of a record, as agents overtake each other; its salt, and the digests of
/// payloads that are made with it; and when staged bytes are confirmed, in how many pieces.
fn deeds(run: &Path) -> Deeds {
    let journal = Journal::open(SledStore::open_copy(&run.join("db")).expect("a store"));
    let journal = journal.expect("a log");
    let entries = recover::entries(&journal, 0).expect("records");
    let (mut deeds, mut emitted) = (Deeds::new(), BTreeMap::new());
    for entry in entries.map(|entry| entry.expect("a record")) {
        emissions(&entry, &mut emitted);
        if let Some((agent, deed)) = deed(&entry, &emitted) {
            deeds.entry(agent).or_default().push(deed);
        }
    }
    deeds
}

/// Notes what was emitted, by its place.
fn emissions(entry: &Entry, emitted: &mut BTreeMap<Ref, Bytes>) {
    let mut payloads = entry.payloads.iter();
    for (nth, part) in (0..).zip(entry.body.parts()) {
        let own = payloads.by_ref().take(part.payloads().count()).next();
        if let (Part::Emission { .. }, Some(body)) = (part, own) {
            emitted.insert(Ref::part(entry.seq, nth), body.clone());
        }
    }
}

fn deed(entry: &Entry, emitted: &BTreeMap<Ref, Bytes>) -> Option<(AgentId, String)> {
    let what = match &entry.body {
        Body::Incarnation(life) => {
            let from = match life.from {
                Origin::Fresh => (false, 0),
                Origin::Checkpoint { snapshot, redone } => (snapshot.is_some(), redone),
            };
            format!("{} {from:?} {} {} {}", life.n, life.component, life.config, life.fuel)
        }
        Body::Transaction(body) => {
            let handled = handled(&body.consumed, emitted);
            format!("{handled} try {} {:?} fuel {}", body.by.attempt, body.next, body.fuel)
        }
        Body::Faulted(body) => {
            let handled = handled(&body.consumed, emitted);
            format!("{handled} try {} {:?} fuel {}", body.by.attempt, body.fault, body.fuel)
        }
        Body::Crashed(body) => {
            let handled = body.consumed.as_ref().map(|consumed| handled(consumed, emitted));
            format!("{handled:?} try {} {:?} fuel {}", body.by.attempt, body.crash, body.fuel)
        }
        Body::DeadLettered(body) => format!("{} {:?}", body.attempts, body.why),
        Body::Ended(body) => format!("{:?} {}", body.how, body.unread),
        Body::Confirmed(_) => return None,
        _ => String::new(),
    };
    let parts: Vec<String> = entry.body.parts().iter().map(part).collect();
    let payloads: Vec<_> = entry.payloads.iter().map(|bytes| bytes.escape_ascii()).collect();
    let payloads: Vec<String> = payloads.iter().map(ToString::to_string).collect();
    let kind = entry.body.kind();
    Some((entry.body.agent()?, format!("{kind} {what} {parts:?} {payloads:?}")))
}

/// An event, with what came instead of where from.
fn handled(consumed: &Consumed, emitted: &BTreeMap<Ref, Bytes>) -> String {
    match consumed {
        Consumed::Message { id, port } => {
            let body = emitted.get(id).map(|body| body.escape_ascii().to_string());
            format!("{port:?} {body:?}")
        }
        other => format!("{other:?}"),
    }
}

/// A part without the digests of its payloads, which stand beside it.
fn part(part: &Part) -> String {
    match part {
        Part::Emission { port, .. } => format!("emission {port:?}"),
        Part::Answer { call, .. } => format!("answer {call:?}"),
        Part::Denial { call, .. } => format!("denial {call:?}"),
        Part::Staged { sink, offset, .. } => format!("staged {sink:?} {offset}"),
        Part::Log { level, .. } => format!("log {level:?}"),
        other => format!("{other:?}"),
    }
}

/// Runs the pipeline, and says what its agents did.
fn run(scene: &Scene, change: impl FnOnce(Command) -> Command) -> Deeds {
    // What stands in the way of a file is a part of the world, and told to who replaces it.
    let _ = std::fs::remove_file(scene.path().join("out.jsonl"));
    let command = scene.command(["run", "p.toml", "--allow-dead-letters"]);
    let ran = finish(&mut change(command), LIMIT).ends(0);
    assert!(!ran.text().is_empty());
    deeds(scene.runs().last().expect("a run"))
}

/// The same command on one processor.
fn on_one_processor(command: &Command) -> Command {
    let mut one = Command::new("taskset");
    one.args(["-c", "0"]).arg(command.get_program()).args(command.get_args());
    one.current_dir(command.get_current_dir().expect("it has one"));
    for (name, value) in command.get_envs() {
        match value {
            Some(value) => one.env(name, value),
            None => one.env_remove(name),
        };
    }
    one
}

#[test]
fn a_run_is_the_same_wherever_it_runs() {
    let scene = Scene::new();
    let probe = theater_flow_tests::prebuilt("probe").display().to_string();
    scene.file("p.toml", PIPELINE.replace("PROBE", &probe));
    let line = |nth: usize| format!("{nth} {}\n", "x".repeat(nth % 20));
    scene.file("in.txt", (1..=800).map(line).collect::<String>());
    let first = run(&scene, |command| command);
    let all: Vec<&String> = first.values().flatten().collect();
    assert!(all.len() > 3_000, "{}", all.len());
    // It comes between batches, wherever those end, and what follows it may take other fuel.
    assert!(!all.iter().any(|deed| deed.starts_with("snapshot")), "the run is short enough");
    assert!(all.iter().any(|deed| deed.starts_with("crashed")));
    assert!(all.iter().any(|deed| deed.starts_with("faulted")));
    let same = |what: &str, again: Deeds| {
        for (agent, deeds) in &first {
            let others = &again[agent];
            let differs = deeds.iter().zip(others).find(|(one, other)| one != other);
            assert_eq!(differs, None, "{what}: {agent:?}");
            assert_eq!(deeds.len(), others.len(), "{what}: {agent:?}");
        }
        println!("the same {what}");
    };
    same("again", run(&scene, |command| command));
    let with = |name: &'static str, value: String| {
        run(&scene, move |mut command| {
            command.env(name, value);
            command
        })
    };
    same("in another time zone", with("TZ", String::from("Pacific/Kiritimati")));
    same("in another language", with("LC_ALL", String::from("tr_TR.UTF-8")));
    same("on one processor", run(&scene, |command| on_one_processor(&command)));
    // Compiling takes its time.
    if theater_flow_tests::is_full() {
        let cold = scene.path().join("cold").display().to_string();
        same("with nothing compiled yet", with("XDG_CACHE_HOME", cold.clone()));
        same("with what was just compiled", with("XDG_CACHE_HOME", cold));
        same("without a cache", with("XDG_CACHE_HOME", String::from("/proc/none")));
    }
}
