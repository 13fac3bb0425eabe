//! Why a value was not sent.

use std::fmt;

use crate::{Fault, TypeMismatch, bindings::theater::flow::outbox};

/// Why a value was not sent. `?` makes a [`Fault`] of it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum EmitError {
    /// The actor has no output of this name.
    UnknownPort(String),
    /// The value does not fit the port's type; no message exists.
    WrongType(TypeMismatch),
    /// The value is longer than a payload may be; holds the bound in bytes.
    TooLarge(u64),
    /// This event has emitted as much as one event may; holds the bound. Answer
    /// [`Next::More`](crate::Next::More) and go on at [`Event::Pull`](crate::Event::Pull).
    Full(u32),
    /// The value cannot be written as JSON: a map whose keys are not strings, for one.
    NotJson(String),
}

impl EmitError {
    /// The error's short name, which is the code of the fault that it becomes.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::UnknownPort(_) => "unknown-port",
            Self::WrongType(_) => "wrong-type",
            Self::TooLarge(_) => "too-large",
            Self::Full(_) => "full",
            Self::NotJson(_) => "not-json",
        }
    }
}

impl fmt::Display for EmitError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnknownPort(port) => write!(f, "there is no output `{port}`"),
            Self::WrongType(mismatch) if mismatch.pointer.is_empty() => {
                write!(f, "the value does not fit its port: {}", mismatch.message)
            }
            Self::WrongType(TypeMismatch { pointer, message }) => {
                write!(f, "the value does not fit its port at {pointer}: {message}")
            }
            Self::TooLarge(bound) => write!(f, "the value is longer than {bound} bytes"),
            Self::Full(bound) => write!(f, "one event may emit {bound} messages"),
            Self::NotJson(why) => write!(f, "the value cannot be written as JSON: {why}"),
        }
    }
}

impl std::error::Error for EmitError {}

impl From<outbox::EmitError> for EmitError {
    fn from(error: outbox::EmitError) -> Self {
        match error {
            outbox::EmitError::UnknownPort(port) => Self::UnknownPort(port),
            outbox::EmitError::WrongType(mismatch) => Self::WrongType(mismatch),
            outbox::EmitError::TooLarge(bound) => Self::TooLarge(bound),
            outbox::EmitError::Full(bound) => Self::Full(bound),
        }
    }
}

impl From<EmitError> for Fault {
    fn from(error: EmitError) -> Self {
        Self::new(error.code(), error.to_string())
    }
}
