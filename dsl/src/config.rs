//! An agent's config against what its actor says of it: its schema, and its own word.

use serde_json::Value;

use crate::codes;
use crate::facts::{ActorFacts, ConfigFault};
use crate::fault::Fault;
use crate::json_schema::{self, Spot, Violation};
use crate::notes::Notes;
use crate::pointer;
use crate::span::Span;
use crate::spec::{AgentSpec, ConfigSpec};
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
            let help = slip.and_then(|slip| slip.help.clone());
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
    traced(of, shown, fault).maybe_help(violation.help.clone())
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
