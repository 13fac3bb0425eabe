//! minijinja, set up for messages.

use std::io;

use minijinja::value::ValueKind;
use minijinja::{
    AutoEscape, Environment, Error, ErrorKind, Output, State, UndefinedBehavior, Value, context,
    escape_formatter,
};
use theater_flow_sdk::{ConfigFault, Fault};

use super::{Config, Escape, Undefined};
use crate::jq::place;

/// The names of the two templates, which are those of their keys.
pub(crate) const TEXT: &str = "template";
pub(crate) const PATH: &str = "path";

/// Bytes of one text: those of a message, without its quotes.
const TEXT_BYTES: usize = 16 << 20;
/// Calls in calls; each takes some of the stack that an instance has.
const RECURSION: usize = 100;
/// Characters shown of the piece of template that failed.
const SHOWN: usize = 80;

/// The compiled templates.
pub(crate) struct Engine(Environment<'static>);

impl Engine {
    pub(crate) fn new(config: &Config) -> Result<Self, Vec<ConfigFault>> {
        let mut environment = Environment::new();
        // Only so do errors know their place.
        environment.set_debug(true);
        environment.set_recursion_limit(RECURSION);
        environment.set_formatter(print);
        environment.set_undefined_behavior(match config.undefined {
            Undefined::Fault => UndefinedBehavior::Strict,
            Undefined::Empty => UndefinedBehavior::Chainable,
        });
        let html = config.escape == Escape::Html;
        environment.set_auto_escape_callback(move |name| {
            if html && name == TEXT {
                AutoEscape::Html
            } else {
                AutoEscape::None
            }
        });
        environment.remove_global("debug");
        let mut faults = Vec::new();
        for (name, source) in [(TEXT, Some(&config.template)), (PATH, config.path.as_ref())] {
            let Some(source) = source else { continue };
            if let Err(error) = environment.add_template_owned(name, source.clone()) {
                faults.push(ConfigFault::at(&[name], said(&error, source)));
            }
        }
        if faults.is_empty() {
            Ok(Self(environment))
        } else {
            Err(faults)
        }
    }

    /// Finds unknown filters, tests and functions where they are reached without any variable:
    /// minijinja looks them up when they are called.
    pub(crate) fn names_nothing_unknown(mut self) -> Result<(), Vec<ConfigFault>> {
        self.0.set_undefined_behavior(UndefinedBehavior::Chainable);
        let templates = self.0.templates();
        let faults: Vec<ConfigFault> = templates
            .filter_map(|(name, template)| {
                let error = template
                    .render_captured_to(context! {}, Bounded::default())
                    .err()?;
                let unknown = matches!(
                    error.kind(),
                    ErrorKind::UnknownFilter | ErrorKind::UnknownTest | ErrorKind::UnknownFunction
                );
                unknown.then(|| ConfigFault::at(&[name], said(&error, template.source())))
            })
            .collect();
        if faults.is_empty() {
            Ok(())
        } else {
            Err(faults)
        }
    }

    /// The text for a value. The fields of an object are variables, and `this` is the whole.
    pub(crate) fn render(&self, name: &str, value: &Value) -> Result<String, Fault> {
        let template = self.0.get_template(name);
        let template = template.map_err(|error| Fault::new("bad-template", error.to_string()))?;
        let variables = if value.kind() == ValueKind::Map {
            context! { this => value, ..value.clone() }
        } else {
            context! { this => value }
        };
        let mut text = Bounded::default();
        let rendered = template.render_captured_to(variables, &mut text);
        if text.full {
            let message = format!("the text of `{name}` has more than {TEXT_BYTES} bytes");
            return Err(Fault::new("too-large", message));
        }
        rendered.map_err(|error| {
            let code = match error.kind() {
                ErrorKind::UndefinedError => "undefined",
                _ => "template-error",
            };
            Fault::new(
                code,
                format!("`{name}`, {}", said(&error, template.source())),
            )
        })?;
        String::from_utf8(text.bytes)
            .map_err(|error| Fault::new("template-error", error.to_string()))
    }
}

/// Prints what is no string as JSON: `true` and `null` as messages have them, no digit lost.
fn print(out: &mut Output<'_>, state: &mut State<'_, '_>, value: &Value) -> Result<(), Error> {
    match value.kind() {
        ValueKind::None
        | ValueKind::Bool
        | ValueKind::Number
        | ValueKind::Seq
        | ValueKind::Iterable
        | ValueKind::Map => {
            let json = serde_json::to_string(value)
                .map_err(|error| Error::new(ErrorKind::BadSerialization, error.to_string()))?;
            escape_formatter(out, state, &Value::from(json))
        }
        _ => escape_formatter(out, state, value),
    }
}

/// "line 2, column 4: `item.nme` is undefined".
fn said(error: &Error, source: &str) -> String {
    let range = error
        .range()
        .filter(|range| source.get(range.clone()).is_some());
    let place = match (&range, error.line()) {
        (Some(range), _) => format!("{}: ", place(source, range.start)),
        (None, Some(line)) => format!("line {line}: "),
        (None, None) => String::new(),
    };
    let what = match error.detail() {
        Some(detail) => detail.to_owned(),
        None => error.kind().to_string(),
    };
    let piece = range.map(|range| source[range].chars().take(SHOWN).collect::<String>());
    match piece.filter(|piece| !piece.trim().is_empty() && !what.contains(piece)) {
        Some(piece) => format!("{place}{what}: `{piece}`"),
        None => format!("{place}{what}"),
    }
}

/// Text that does not grow without end.
#[derive(Default)]
struct Bounded {
    bytes: Vec<u8>,
    full: bool,
}

impl io::Write for Bounded {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.bytes.len() + bytes.len() > TEXT_BYTES {
            self.full = true;
            return Err(io::Error::other("the text is too long"));
        }
        self.bytes.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
