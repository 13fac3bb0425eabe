//! An agent's config against what its actor says of it: first the schema, then the actor's own word.

use serde_json::Value;

use crate::codes;
use crate::facts::{ActorFacts, ConfigFault};
use crate::fault::Fault;
use crate::json_schema::{self, Spot, Violation};
use crate::notes::Notes;
use crate::pointer;
use crate::span::Span;
use crate::spec::{AgentSpec, ConfigSpec};

/// Whether the config fits the actor's schema. The actor is not asked about one that does not: it
/// could only say the same again, less well.
pub(crate) fn fits(
    spec: &AgentSpec,
    facts: &ActorFacts,
    config: &str,
    notes: &mut Notes<'_>,
) -> bool {
    // The text was made from a `Value`; nothing is lost by reading it again.
    let config = serde_json::from_str(config).unwrap_or(Value::Null);
    match json_schema::check(&facts.config_schema, &config) {
        Ok(found) => {
            for violation in &found {
                notes.fault(violated(spec, violation));
            }
            found.is_empty()
        }
        Err(error) => {
            let span = spec.actor.as_ref().map_or(spec.name.span, |actor| actor.span);
            let message = format!("the actor's config schema cannot be used: {error}");
            notes.fault(Fault::new(codes::BAD_COMPONENT, message).label(span, "this actor"));
            false
        }
    }
}

fn violated(spec: &AgentSpec, violation: &Violation) -> Fault {
    let path = violation.path.as_slice();
    let (span, shown) = match (&spec.config, violation.spot) {
        (ConfigSpec::Table(config), Spot::Value) => (pointer::value(config, path), path),
        (ConfigSpec::Table(config), Spot::Key) => {
            (pointer::key(config, path), &path[..path.len().saturating_sub(1)])
        }
        (ConfigSpec::Absent | ConfigSpec::Faulty, _) => (spec.name.span, path),
    };
    refused(spec, (&pointer::text(shown), &violation.message), span)
        .maybe_help(violation.help.clone())
}

/// A fault that the actor found.
pub(crate) fn told(spec: &AgentSpec, fault: &ConfigFault, source: &str) -> Fault {
    let span = match &spec.config {
        ConfigSpec::Table(config) => {
            pointer::inside(config, &pointer::steps(&fault.pointer), &fault.message, source)
        }
        ConfigSpec::Absent | ConfigSpec::Faulty => spec.name.span,
    };
    refused(spec, (&fault.pointer, &fault.message), span)
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
