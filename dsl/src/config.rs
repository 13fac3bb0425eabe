//! An agent's config against what its actor says of it: its schema, and its own word.

use serde_json::Value;

use crate::codes;
use crate::facts::{ActorFacts, ConfigFault};
use crate::fault::Fault;
use crate::foreign;
use crate::json_schema::{self, Spot, Violation};
use crate::notes::Notes;
use crate::pointer;
use crate::slip::{self, BOOLEAN, INTEGER};
use crate::span::Span;
use crate::spec::{AgentSpec, ConfigSpec};
use crate::tree::{Entry, Node, Tree};
use crate::units;
use crate::values::Values;

/// An agent's config, and whence the values in it are.
#[derive(Clone, Copy)]
pub(crate) struct Config<'a> {
    pub(crate) spec: &'a AgentSpec,
    pub(crate) scope: usize,
    pub(crate) values: &'a Values,
}

/// What the config does that the actor's schema does not allow; `None` if the schema is of no use.
pub(crate) fn slips(
    spec: &AgentSpec,
    facts: &ActorFacts,
    config: &str,
    notes: &mut Notes<'_>,
) -> Option<Vec<Violation>> {
    // The text was made from a `Value`; nothing is lost by reading it again.
    let config = serde_json::from_str(config).unwrap_or(Value::Null);
    json_schema::check(&facts.config_schema, &config)
        .inspect_err(|error| {
            let span = spec.actor.as_ref().map_or(spec.name.span, |actor| actor.span);
            let message = format!("the actor's config schema cannot be used: {error}");
            notes.fault(Fault::new(codes::BAD_COMPONENT, message).label(span, "this actor"));
        })
        .ok()
}

/// Tells each slip once. The actor knows best what it wants, so its word stands before its schema's;
/// but a key that it does not know is the schema's matter, which has the keys that were meant.
pub(crate) fn tell(
    of: Config<'_>,
    slips: &[Violation],
    faults: &[ConfigFault],
    notes: &mut Notes<'_>,
) {
    let said: Vec<Vec<String>> =
        faults.iter().map(|fault| pointer::steps(&fault.pointer)).collect();
    for (fault, path) in faults.iter().zip(&said) {
        let slip = slips.iter().find(|slip| slip.path == *path);
        if slip.is_none_or(|slip| slip.spot == Spot::Value) {
            let help = slip.and_then(|slip| mend(of.spec, slip));
            let source = notes.text(of.spec.name.span.file);
            notes.fault(told(of, fault, source).maybe_help(help));
        }
    }
    let same = |a: &[String], b: &[String]| a.starts_with(b) || b.starts_with(a);
    for slip in slips {
        if slip.spot == Spot::Key || !said.iter().any(|path| same(path, &slip.path)) {
            notes.fault(violated(of, slip));
        }
    }
}

fn violated(of: Config<'_>, violation: &Violation) -> Fault {
    let spec = of.spec;
    let path = violation.path.as_slice();
    let (span, shown) = match (&spec.config, violation.spot) {
        (ConfigSpec::Table(config), Spot::Value) => (pointer::value(config, path), path),
        (ConfigSpec::Table(config), Spot::Key) => {
            (pointer::key(config, path), &path[..path.len().saturating_sub(1)])
        }
        (ConfigSpec::Absent | ConfigSpec::Faulty, _) => (spec.name.span, path),
    };
    let fault = refused(spec, (&pointer::text(shown), &violation.message), span);
    traced(of, shown, fault).maybe_help(mend(spec, violation))
}

/// How to mend it: what was probably meant, and what the schema says of the place.
fn mend(spec: &AgentSpec, violation: &Violation) -> Option<String> {
    let meant = match &spec.config {
        ConfigSpec::Table(config) => meant(config, violation),
        ConfigSpec::Absent | ConfigSpec::Faulty => None,
    };
    match (meant, &violation.help) {
        (Some(meant), Some(help)) if violation.spot == Spot::Value => {
            Some(format!("{meant}{} {help}", if meant.ends_with('?') { "" } else { "." }))
        }
        (Some(home), Some(known)) => Some(format!("{home}; {known}")),
        (meant, help) => meant.or_else(|| help.clone()),
    }
}

/// What the file's author probably had in mind.
fn meant(config: &Node, violation: &Violation) -> Option<String> {
    if violation.spot == Spot::Key {
        let is_near = violation.help.as_ref().is_some_and(|help| help.starts_with("did you"));
        let home = violation.path.last().and_then(|key| foreign::home(key));
        return home.filter(|_| !is_near && violation.path.len() == 1);
    }
    let node = pointer::whole_way(config, &violation.path)?;
    let wants = |what: &str| violation.message.contains(what);
    match &node.tree {
        Tree::Table(entries) if wants("found a table") && !wants("a table with") => {
            reference(entries)
        }
        Tree::String(text) if wants("expected an integer") => {
            let of_bytes = violation.help.as_ref().is_some_and(|help| help.contains("ytes"));
            let bytes = || units::meant_bytes(text).filter(|_| of_bytes);
            slip::of(INTEGER, node).or_else(|| bytes().map(|bytes| format!("in bytes: {bytes}")))
        }
        Tree::String(_) if wants(BOOLEAN) => slip::of(BOOLEAN, node),
        Tree::String(text) if wants("does not match") && wants("(ms|s|m|h)") => {
            units::meant_duration(text).map(|meant| format!("did you mean \"{meant}\"?"))
        }
        _ => None,
    }
}

/// The reference that a table was probably meant to be.
fn reference(entries: &[Entry]) -> Option<String> {
    const OTHERS: &[(&str, &[&str])] = &[
        ("param", &["param", "params", "parameter", "var", "variable"]),
        ("env", &["env", "environment"]),
        ("secret", &["secret", "secrets"]),
        ("file", &["file", "include"]),
    ];
    let kind = |key: &str| OTHERS.iter().find(|(_, others)| others.contains(&key));
    let (entry, kind) =
        entries.iter().find_map(|entry| Some((entry, kind(&entry.key.value.to_lowercase())?.0)))?;
    let Tree::String(name) = &entry.value.tree else { return None };
    let only =
        if entries.len() > 1 { "a reference has one key" } else { "did you mean a reference" };
    Some(format!("{only}: {{ {kind} = \"{name}\" }}"))
}

/// A fault that the actor found.
fn told(of: Config<'_>, fault: &ConfigFault, source: &str) -> Fault {
    let (spec, steps) = (of.spec, pointer::steps(&fault.pointer));
    let span = match &spec.config {
        ConfigSpec::Table(config) => pointer::inside(config, &steps, &fault.message, source),
        ConfigSpec::Absent | ConfigSpec::Faulty => spec.name.span,
    };
    traced(of, &steps, refused(spec, (&fault.pointer, &fault.message), span))
}

/// With the place where the user of a module gives the value, if it is the user's.
fn traced(of: Config<'_>, steps: &[String], fault: Fault) -> Fault {
    let ConfigSpec::Table(config) = &of.spec.config else { return fault };
    match of.values.given(of.scope, pointer::node(config, steps)) {
        Some(span) => fault.label(span, "given here"),
        None => fault,
    }
}

fn refused(spec: &AgentSpec, (pointer, message): (&str, &str), span: Span) -> Fault {
    let name = &spec.name.value;
    let place = match pointer {
        "" => String::new(),
        pointer => format!(" at {pointer}"),
    };
    let whole = format!("the config of `{name}` is not accepted{place}: {message}");
    Fault::new(codes::CONFIG, whole).label(span, message)
}
