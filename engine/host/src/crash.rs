//! From wasmtime's errors to the kernel's words for the end of a call.

use theater_flow_kernel::gate::{Stop, clip};
use theater_flow_kernel::limits;
use theater_flow_kernel::record::{Crash, CrashKind};
use wasmtime::{Error, Trap};

/// A [`Stop`] on its way through the guest's frames.
#[derive(Clone, Debug, thiserror::Error)]
#[error("the call ended: {0:?}")]
struct Ended(Stop);

/// What wasmtime says when a guest hands over more than [`set_hostcall_fuel`] allows; the error's type
/// is not public. A test keeps the two together.
///
/// [`set_hostcall_fuel`]: wasmtime::Store::set_hostcall_fuel
const HANDED_TOO_MUCH: &str = "too much data is being copied between the host and the guest";

/// The error that carries `stop` out of a host call.
pub(crate) fn ending(stop: Stop) -> Error {
    Error::new(Ended(stop))
}

/// The error of a crash.
pub(crate) fn crashing(kind: CrashKind, message: impl Into<String>) -> Error {
    ending(crash(kind, message))
}

/// A crash with a message of bounded length.
pub(crate) fn crash(kind: CrashKind, message: impl Into<String>) -> Stop {
    Stop::Crash(Crash { kind, message: bounded(message.into(), limits::MESSAGE_BYTES) })
}

/// What an error out of a guest's call means.
pub(crate) fn stop(error: &Error) -> Stop {
    if let Some(Ended(stop)) = error.downcast_ref::<Ended>() {
        return stop.clone();
    }
    match error.downcast_ref::<Trap>() {
        Some(Trap::OutOfFuel) => crash(CrashKind::Fuel, "the fuel of one event is used up"),
        Some(Trap::Interrupt) => {
            crash(CrashKind::Timeout, "the event took longer than its timeout")
        }
        Some(trap) => crash(CrashKind::Trap, trap.to_string()),
        None => {
            let text = format!("{error:#}");
            let kind =
                if text.contains(HANDED_TOO_MUCH) { CrashKind::Limit } else { CrashKind::Trap };
            crash(kind, text)
        }
    }
}

/// `text`, cut at a character within `bytes`.
pub(crate) fn bounded(mut text: String, bytes: usize) -> String {
    let end = clip(&text, bytes).len();
    text.truncate(end);
    text
}
