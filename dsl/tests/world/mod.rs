//! A made-up world for the compiler: a handful of actors, files and variables, and the loop of a shell.

mod stdlib;

use std::collections::BTreeMap;

use serde_json::Value;
use theater_flow_dsl::{
    ActorFacts, ActorProblem, Compiled, ConfigFault, Direction, Facts, Import, Mode, Need, Outcome,
    PortFacts, PortsProblem, Source, compile,
};
use theater_flow_kernel::ids::Digest;

/// What is said beside a file.
#[derive(Default)]
pub(crate) struct Beside {
    pub(crate) set: Vec<(String, String)>,
    pub(crate) env: BTreeMap<String, String>,
    pub(crate) check: bool,
    /// The actors are those of the stdlib, and not made up.
    pub(crate) stdlib: bool,
    /// Other files, by their path beside the pipeline's.
    pub(crate) files: BTreeMap<String, String>,
    pub(crate) test: Option<usize>,
}

/// Compiles as a shell does: answers needs until there are none.
pub(crate) fn settle(text: &str, beside: &Beside) -> Compiled {
    settle_by(text, beside, compile)
}

/// As [`settle`], each round by `compile`.
pub(crate) fn settle_by(
    text: &str,
    beside: &Beside,
    mut compile: impl FnMut(&Source<'_>, &Facts) -> Outcome,
) -> Compiled {
    const ROUNDS: usize = 24;
    let source = source(text, beside);
    let std = if beside.stdlib {
        stdlib::names().collect()
    } else {
        ACTORS.iter().map(|(name, _)| format!("std/{name}")).collect()
    };
    let mut facts = Facts { std, ..Facts::default() };
    for _ in 0..ROUNDS {
        match compile(&source, &facts) {
            Outcome::Done(compiled) => return compiled,
            Outcome::Need(needs) => {
                assert!(!needs.is_empty(), "a need names something");
                for need in needs {
                    answer(need, beside, &mut facts);
                }
            }
        }
    }
    panic!("not settled after {ROUNDS} rounds");
}

/// A file as the compiler takes it.
pub(crate) fn source<'a>(text: &'a str, beside: &'a Beside) -> Source<'a> {
    Source {
        name: "pipeline.toml",
        text,
        folder: "/project/flows",
        cwd: "/home/me",
        set: &beside.set,
        mode: match beside.test {
            Some(nth) => Mode::Test(nth),
            None if beside.check => Mode::Check,
            None => Mode::Run,
        },
    }
}

fn answer(need: Need, beside: &Beside, facts: &mut Facts) {
    match need {
        Need::Actor(name) => {
            let found = if beside.stdlib && name.starts_with("std/") {
                stdlib::actor(&name).ok_or(ActorProblem::NotFound)
            } else {
                actor(&name)
            };
            facts.actors.insert(name, found);
        }
        Need::Ports { component, config } => {
            let said = ports(component, &config);
            facts.ports.insert((component, config), said);
        }
        Need::File(path) => {
            let name = path.strip_prefix("/project/flows/").unwrap_or_default();
            let text = match (name, beside.files.get(name)) {
                (_, Some(text)) => Ok(text.clone()),
                ("prompt.md" | "parts/prompt.md", _) => Ok("Be brief.\n".to_owned()),
                _ => Err("no such file".to_owned()),
            };
            facts.files.insert(path, text);
        }
        Need::Env(name) => {
            let value = beside.env.get(&name).cloned();
            facts.env.insert(name, value);
        }
    }
}

/// Stdlib actors, with the functions that they import.
const ACTORS: &[(&str, &[(&str, &str)])] = &[
    ("file-lines", &[("outbox", "emit"), ("files", "read"), ("files", "stat")]),
    ("match", &[("outbox", "emit"), ("log", "write")]),
    ("file-write", &[("files", "append"), ("files", "replace"), ("files", "close")]),
    ("stdout", &[("stdout", "write")]),
    ("probe", &[("outbox", "emit"), ("wasi:clocks/wall-clock@0.2.0", "now")]),
    ("clock-probe", &[("clock", "now")]),
    ("http-probe", &[("outbox", "emit"), ("http", "send")]),
    ("strict-probe", &[]),
    ("broken-probe", &[]),
    ("odd-probe", &[("acme:db/query@1.0.0", "run")]),
];

fn digest(name: &str) -> Digest {
    Digest::of(name.as_bytes())
}

fn actor(name: &str) -> Result<ActorFacts, ActorProblem> {
    let imports = match name.strip_prefix("std/") {
        Some(std) => ACTORS.iter().find(|(known, _)| *known == std).map(|(_, imports)| *imports),
        None => None,
    };
    if let Some(imports) = imports {
        return Ok(facts(name, imports));
    }
    match name {
        "/project/flows/own.wasm" => Ok(facts("std/probe", &[])),
        "/project/flows/locked.wasm" => {
            Err(ActorProblem::Unreadable("permission denied".to_owned()))
        }
        "/project/flows/core.wasm" => {
            Err(ActorProblem::NotAComponent("it is a core module".to_owned()))
        }
        "/project/flows/other.wasm" => {
            Err(ActorProblem::WrongWorld("it has no theater:flow/actor".to_owned()))
        }
        _ => Err(ActorProblem::NotFound),
    }
}

fn facts(name: &str, imports: &[(&str, &str)]) -> ActorFacts {
    let import = |(interface, function): &(&str, &str)| Import {
        interface: (*interface).to_owned(),
        function: (*function).to_owned(),
    };
    ActorFacts {
        digest: digest(name),
        file: digest(name),
        imports: imports.iter().map(import).collect(),
        doc: format!("What {name} does."),
        config_schema: schema(name).to_owned(),
        stateless: name == "std/match",
    }
}

fn schema(name: &str) -> &'static str {
    match name {
        "std/strict-probe" => include_str!("strict.schema.json"),
        "std/broken-probe" => r##"{ "allOf": [{ "$ref": "#" }] }"##,
        _ => "{}",
    }
}

fn ports(component: Digest, config: &str) -> Result<Vec<PortFacts>, PortsProblem> {
    let config: Value = serde_json::from_str(config).expect("a config is JSON");
    if let Some(said) = stdlib::ports(component, &config) {
        return said;
    }
    let is = |name: &str| component == digest(&format!("std/{name}"));
    if is("file-lines") {
        need_string(&config, "path")?;
        return Ok(vec![port("out { path: string, line: u32, text: string }")]);
    }
    if is("match") {
        let rules = rules(&config)?;
        let out = format!("out {{ path: string, line: u32, text: string, rule: enum{{{rules}}} }}");
        return Ok(vec![port("in { path: string, line: u32, text: string }"), port(&out)]);
    }
    if is("file-write") {
        need_string(&config, "path")?;
        return Ok(vec![port("in $T")]);
    }
    if is("stdout") {
        return Ok(vec![port("in json")]);
    }
    said_by_config(&config)
}

/// The probes have the ports that their config names: `"in? left: list<$T>"`.
fn said_by_config(config: &Value) -> Result<Vec<PortFacts>, PortsProblem> {
    if let Some(reason) = config.get("crash").and_then(Value::as_str) {
        return Err(PortsProblem::Crashed(reason.to_owned()));
    }
    if let Some(faults) = config.get("faults").and_then(Value::as_object) {
        let fault = |(pointer, message): (&String, &Value)| ConfigFault {
            pointer: pointer.clone(),
            message: message.as_str().unwrap_or_default().to_owned(),
        };
        return Err(PortsProblem::Config(faults.iter().map(fault).collect()));
    }
    let ports = config.get("ports").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    Ok(ports.iter().filter_map(Value::as_str).map(port).collect())
}

/// `in <type>`, `out? <type>`, `in:<name> <type>`.
fn port(text: &str) -> PortFacts {
    let (head, ty) = text.split_once(' ').unwrap_or((text, ""));
    let (side, name) = match head.split_once(':') {
        Some((side, name)) => (side, name),
        None => (head, head.trim_end_matches('?')),
    };
    PortFacts {
        name: name.to_owned(),
        direction: if side.starts_with("in") { Direction::Input } else { Direction::Output },
        ty: ty.to_owned(),
        optional: side.ends_with('?'),
        doc: String::new(),
    }
}

fn need_string(config: &Value, key: &str) -> Result<(), PortsProblem> {
    match config.get(key) {
        Some(Value::String(_)) => Ok(()),
        Some(_) => Err(one(&format!("/{key}"), "must be a string")),
        None => Err(one("", &format!("`{key}` is missing"))),
    }
}

fn rules(config: &Value) -> Result<String, PortsProblem> {
    let rules = config.get("rules").and_then(Value::as_object);
    let rules = rules.ok_or_else(|| one("", "`rules` is missing"))?;
    for (name, pattern) in rules {
        let pattern = pattern.as_str().unwrap_or_default();
        if pattern.matches('(').count() != pattern.matches(')').count() {
            return Err(one(&format!("/rules/{name}"), "unclosed group"));
        }
    }
    Ok(rules.keys().map(String::as_str).collect::<Vec<&str>>().join(", "))
}

fn one(pointer: &str, message: &str) -> PortsProblem {
    PortsProblem::Config(vec![ConfigFault {
        pointer: pointer.to_owned(),
        message: message.to_owned(),
    }])
}
