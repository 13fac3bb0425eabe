//! The stdlib as the compiler sees it, without its code: what the actors say of themselves, and their ports
//! for a config.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use serde_json::Value;
use theater_flow_dsl::{ActorFacts, ConfigFault, Import, PortFacts, PortsProblem};
use theater_flow_kernel::ids::Digest;

use super::port;

/// Imports and config schemas, as `theater-flow actors NAME --json` prints them.
static FACTS: LazyLock<BTreeMap<String, Value>> =
    LazyLock::new(|| serde_json::from_str(include_str!("stdlib.json")).expect("facts are JSON"));

static DIGESTS: LazyLock<Vec<(Digest, &str)>> = LazyLock::new(|| {
    let digest = |name: &'static String| (digest(name), name.trim_start_matches("std/"));
    FACTS.keys().map(digest).collect()
});

const LINE: &str = "{ path: string, line: u64, text: string }";

/// The names of all actors.
pub(super) fn names() -> impl Iterator<Item = String> {
    FACTS.keys().cloned()
}

/// Another digest than that of the made-up actor of this name.
fn digest(name: &str) -> Digest {
    Digest::of(format!("stdlib {name}").as_bytes())
}

pub(super) fn actor(name: &str) -> Option<ActorFacts> {
    let facts = FACTS.get(name)?;
    let imports = facts["imports"].as_array()?.iter().filter_map(Value::as_str);
    let import = |name: &str| {
        let (interface, function) = name.split_once('.')?;
        Some(Import { interface: interface.to_owned(), function: function.to_owned() })
    };
    Some(ActorFacts {
        digest: digest(name),
        file: digest(name),
        imports: imports.filter_map(import).collect(),
        doc: String::new(),
        config_schema: facts["schema"].to_string(),
        stateless: false,
    })
}

/// The ports of an actor of the stdlib for a config that fits its schema.
pub(super) fn ports(
    component: Digest,
    config: &Value,
) -> Option<Result<Vec<PortFacts>, PortsProblem>> {
    let (_, name) = DIGESTS.iter().find(|(digest, _)| *digest == component)?;
    Some(match broken(name, config) {
        faults if faults.is_empty() => Ok(sound(name, config).iter().map(|it| port(it)).collect()),
        faults => Err(PortsProblem::Config(faults)),
    })
}

fn sound(name: &str, config: &Value) -> Vec<String> {
    let is = |key: &str, value: &str| config[key] == value;
    let mut ports: Vec<String> = match name {
        "file-lines" | "stdin-lines" => vec![format!("out {LINE}")],
        "file-walk" => vec!["out { path: string }".to_owned()],
        "file-read" => {
            vec!["in { path: string }".to_owned(), "out { path: string, text: string }".to_owned()]
        }
        "match" => {
            let input = if is("input", "text") { "{ path: string, text: string }" } else { LINE };
            let out = "out { path: string, line: u64, rule: string, text: string }";
            vec![format!("in {input}"), out.to_owned()]
        }
        "map" => vec!["in json".to_owned(), "out $Out".to_owned()],
        "filter" => vec!["in $T".to_owned(), "out $T".to_owned()],
        "template" => vec!["in json".to_owned(), "out string".to_owned()],
        "timer" => vec!["out { n: u64, at: u64 }".to_owned()],
        "route" => {
            let routes = config["routes"].as_array().into_iter().flatten();
            let names =
                routes.filter_map(|route| route["to"].as_str()).chain(config["else"].as_str());
            let outputs = names.map(|name| format!("out:{name} $T"));
            ["in $T".to_owned()].into_iter().chain(outputs).collect()
        }
        _ => vec!["in json".to_owned()],
    };
    if is("on-error", "reject") {
        ports.push("out:rejected { reason: string, value: json }".to_owned());
    }
    ports
}

/// What no schema can say: that a regular expression or a jq expression is none.
fn broken(name: &str, config: &Value) -> Vec<ConfigFault> {
    let key = match name {
        "match" => "rules",
        "map" => "expr",
        _ => return Vec::new(),
    };
    let texts: Vec<(String, &Value)> = match &config[key] {
        Value::Object(rules) => {
            rules.iter().map(|(rule, text)| (format!("/{key}/{rule}"), text)).collect()
        }
        text => vec![(format!("/{key}"), text)],
    };
    let unclosed = texts.into_iter().filter_map(|(pointer, text)| {
        let column = unclosed(text.as_str()?)?;
        let message = format!("line 1, column {column}: this `(` is not closed");
        Some(ConfigFault { pointer, message })
    });
    unclosed.collect()
}

/// The column of the first `(` without its `)`.
fn unclosed(text: &str) -> Option<usize> {
    let mut open = Vec::new();
    for (at, c) in text.chars().enumerate() {
        match c {
            '(' => open.push(at + 1),
            ')' => drop(open.pop()),
            _ => {}
        }
    }
    open.first().copied()
}
