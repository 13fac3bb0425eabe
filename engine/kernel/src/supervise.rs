//! Supervision: pure functions over children, a window of restarts, and the time.
//! Semantics: Erlang/OTP `supervisor`. What a supervisor is doing is in [`Stage`](crate::state::Stage).

use alloc::vec::Vec;
use core::ops::Range;

use crate::plan::{AutoShutdown, Restart, Shutdown, Strategy, Supervisor};

/// The places of the children that go down with the one at `failed`, in start order, itself included.
#[must_use]
pub fn casualties(strategy: Strategy, children: usize, failed: usize) -> Range<usize> {
    match strategy {
        Strategy::OneForOne => failed..children.min(failed.saturating_add(1)),
        Strategy::RestForOne => failed..children,
        Strategy::OneForAll => 0..children,
    }
}

/// The restarts in the window that ends now, with the one now asked for.
#[must_use]
pub fn window(recent: &[u64], now: u64, period_ms: u64) -> Vec<u64> {
    let from = now.saturating_sub(period_ms);
    recent.iter().copied().filter(|at| *at >= from).chain([now]).collect()
}

/// What a supervisor does about a child that it has to start again.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Verdict {
    /// It starts it again.
    Restart {
        /// Restarts in the window.
        count: u32,
    },
    /// It gives up.
    GiveUp {
        /// Restarts in the window, the one that was too many among them.
        count: u32,
    },
}

/// Decides about a child that is to be started again. `counted` is false if that adds nothing to the window.
#[must_use]
pub fn verdict(supervisor: &Supervisor, recent: &[u64], now: u64, counted: bool) -> Verdict {
    let window = window(recent, now, supervisor.period_ms).len();
    let count = u32::try_from(window - usize::from(!counted)).unwrap_or(u32::MAX);
    if count > supervisor.intensity {
        Verdict::GiveUp { count }
    } else {
        Verdict::Restart { count }
    }
}

/// True if a child that has ended by itself without a crash is started again.
#[must_use]
pub const fn returns_after_normal(restart: Restart) -> bool {
    matches!(restart, Restart::Permanent)
}

/// True if the end of a significant child, after which so many others are active, ends its supervisor.
#[must_use]
pub const fn shuts_down(auto: AutoShutdown, active: u32) -> bool {
    match auto {
        AutoShutdown::Never => false,
        AutoShutdown::AnySignificant => true,
        AutoShutdown::AllSignificant => active == 0,
    }
}

/// When the time of a child is up that is asked to stop now, in ms since 1970; `None` for never.
#[must_use]
pub const fn deadline(shutdown: Shutdown, now: u64) -> Option<u64> {
    match shutdown {
        Shutdown::BrutalKill => Some(now),
        Shutdown::After(ms) => Some(now.saturating_add(ms)),
        Shutdown::Infinity => None,
    }
}

/// The earlier of two times, of which `None` is never.
#[must_use]
pub fn earlier(one: Option<u64>, other: Option<u64>) -> Option<u64> {
    one.into_iter().chain(other).min()
}
