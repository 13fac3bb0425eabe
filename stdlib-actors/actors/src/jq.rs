//! jq expressions for actors: jaq's evaluator with the functions that need nothing of the world.
//!
//! An expression sees one message and what it computes from it: no clock, no environment, no other
//! input, no modules, no output but its values. So it gives the same values whenever it is run.
//!
//! Numbers: integers have as many digits as they need, on 32 bits too; numbers with a point or an
//! exponent stay as they are written until something is computed from them, which makes doubles.

mod fault;
mod format;
mod functions;
mod literal;
mod pattern;
mod read;
#[cfg(test)]
mod tests;
mod write;

use std::fmt;

use bytes::Bytes;
use jaq_core::data::HasLut;
use jaq_core::load::{self, Arena, File, Loader};
use jaq_core::{Compiler, Ctx, DataT, Filter, Lut, ValT, Vars};
use jaq_json::Val;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use theater_flow_sdk::{Config, ConfigFault, Cx, EmitError, Fault, Message, Typed};

pub(crate) use fault::place;
pub(crate) use write::write;

use fault::start;
use pattern::{HasPatterns, Patterns};

/// Bytes of one expression.
const EXPRESSION_BYTES: usize = 64 << 10;
/// Brackets around brackets in an expression: the parser calls itself for each.
const EXPRESSION_DEPTH: usize = 128;

/// What becomes of a message for which an expression fails.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug, Deserialize, Config)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum OnError {
    /// The event is a fault: tried again by the agent's policy, then a dead letter.
    #[default]
    Fault,
    /// The message is dropped.
    Skip,
    /// The message goes to the output `rejected`.
    Reject,
}

/// The output of [`OnError::Reject`].
pub(crate) const REJECTED: &str = "rejected";

/// What goes there.
#[derive(Serialize, Typed)]
pub(crate) struct Rejected<'a> {
    reason: &'a str,
    value: &'a RawValue,
}

/// A compiled expression.
pub(crate) struct Program {
    filter: Filter<Data>,
    patterns: Patterns,
}

/// Why an expression gave no value, or none that can be sent.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Failure {
    /// The code of the fault.
    pub(crate) code: &'static str,
    /// For people.
    pub(crate) reason: String,
}

/// What natives find in their context.
pub(crate) struct Data;

/// The part of it that lives as long as the program.
#[derive(Clone, Copy)]
pub(crate) struct Reach<'a> {
    lut: &'a Lut<Data>,
    patterns: &'a Patterns,
}

impl DataT for Data {
    type V<'a> = Val;
    type Data<'a> = Reach<'a>;
}

impl<'a> HasLut<'a, Data> for Reach<'a> {
    fn lut(&self) -> &'a Lut<Data> {
        self.lut
    }
}

impl<'a> HasPatterns<'a> for Reach<'a> {
    fn patterns(&self) -> &'a Patterns {
        self.patterns
    }
}

impl Program {
    /// Compiles an expression.
    ///
    /// # Errors
    /// All that is wrong with it, each with its line and column.
    pub(crate) fn compile(text: &str) -> Result<Self, Vec<String>> {
        bounded(text)?;
        let arena = Arena::default();
        let file = File {
            code: text,
            path: (),
        };
        let modules = Loader::new(functions::definitions())
            .load(&arena, file)
            .map_err(|errors| fault::loading(text, errors))?;
        let no_import = |_: load::Import<'_, &str, ()>| Err(String::new());
        load::import(&modules, no_import).map_err(|errors| fault::loading(text, errors))?;
        let filter = Compiler::default()
            .with_funs(functions::natives())
            .compile(modules)
            .map_err(|errors| fault::compiling(text, errors))?;
        Ok(Self {
            filter,
            patterns: Patterns::default(),
        })
    }

    /// Compiles an expression that stands at `steps` of a config.
    pub(crate) fn at(steps: &[&str], text: &str) -> Result<Self, Vec<ConfigFault>> {
        let fault = |message| ConfigFault::at(steps, message);
        let compiled = Self::compile(text).and_then(|program| {
            let faults = literal::faults(text);
            if faults.is_empty() {
                Ok(program)
            } else {
                Err(faults)
            }
        });
        compiled.map_err(|messages| messages.into_iter().map(fault).collect())
    }

    /// The values for an input, up to the first failure.
    pub(crate) fn run(&self, input: Val) -> impl Iterator<Item = Result<Val, Failure>> + '_ {
        let reach = Reach {
            lut: &self.filter.lut,
            patterns: &self.patterns,
        };
        let context = Ctx::<Data>::new(reach, Vars::new([]));
        let values = self.filter.id.run((context, input));
        let mut failed = false;
        values.map_while(move |value| {
            let value = (!failed).then_some(value)?;
            failed = value.is_err();
            Some(value.map_err(Failure::of))
        })
    }

    /// Whether the first value is neither `false` nor `null`; without a value it does not hold.
    pub(crate) fn holds(&self, input: Val) -> Result<bool, Failure> {
        let first = self.run(input).next().transpose()?;
        Ok(first.is_some_and(|value| value.as_bool()))
    }
}

impl OnError {
    /// Does with a message what the config says.
    ///
    /// # Errors
    /// The fault that the event ends in.
    pub(crate) fn take(self, failure: &Failure, message: &str, cx: &mut Cx) -> Result<(), Fault> {
        match self {
            Self::Fault => return Err(failure.fault(message)),
            Self::Skip => {}
            Self::Reject => {
                let value: &RawValue = serde_json::from_str(message)
                    .map_err(|error| Fault::new("bad-message", error.to_string()))?;
                let reason = &failure.reason;
                cx.emit(REJECTED, &Rejected { reason, value })?;
            }
        }
        Ok(())
    }
}

/// What was emitted was not a value of the port's type, or too long.
impl From<EmitError> for Failure {
    fn from(error: EmitError) -> Self {
        Self {
            code: error.code(),
            reason: error.to_string(),
        }
    }
}

impl Failure {
    fn of(exception: jaq_core::Exn<'_, Val>) -> Self {
        let reason = match exception.get_err() {
            Ok(error) => fault::shown(&error.into_val()),
            Err(_) => "it was broken off".into(),
        };
        Self {
            code: "jq-error",
            reason,
        }
    }

    /// The fault for the message that the expression saw.
    pub(crate) fn fault(&self, message: &str) -> Fault {
        Fault::new(
            self.code,
            format!("{}; the message begins {}", self.reason, start(message)),
        )
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.reason)
    }
}

/// A message's body as a value.
pub(crate) fn read(message: &Message) -> Result<Val, Fault> {
    let text = Bytes::copy_from_slice(message.body.as_bytes());
    read::read(text).map_err(|error| {
        Fault::new(
            "bad-message",
            format!("a message on `{}`: {error}", message.port),
        )
    })
}

fn bounded(text: &str) -> Result<(), Vec<String>> {
    if text.len() > EXPRESSION_BYTES {
        let message = format!("an expression has at most {EXPRESSION_BYTES} bytes");
        return Err(vec![message]);
    }
    let mut depth = 0_usize;
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            b'(' | b'[' | b'{' => depth += 1,
            b')' | b']' | b'}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth > EXPRESSION_DEPTH {
            let place = fault::place(text, at);
            return Err(vec![format!(
                "{place}: more than {EXPRESSION_DEPTH} brackets around each other"
            )]);
        }
    }
    Ok(())
}
