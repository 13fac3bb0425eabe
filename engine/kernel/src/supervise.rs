//! Supervision: pure functions over children, a window of restarts, and the time.
//! Semantics: Erlang/OTP `supervisor`.

use alloc::vec::Vec;

use crate::plan::{Child, Strategy};

/// The children that go down with `failed`, in start order, itself included.
#[must_use]
pub fn casualties(strategy: Strategy, children: &[Child], failed: Child) -> &[Child] {
    let at = children.iter().position(|child| *child == failed).unwrap_or(0);
    match strategy {
        Strategy::OneForOne => children.get(at..=at).unwrap_or_default(),
        Strategy::RestForOne => children.get(at..).unwrap_or_default(),
        Strategy::OneForAll => children,
    }
}

/// The restarts in the window that ends now, with the one now asked for.
#[must_use]
pub fn window(recent: &[u64], now: u64, period_ms: u64) -> Vec<u64> {
    let from = now.saturating_sub(period_ms);
    recent.iter().copied().filter(|at| *at >= from).chain([now]).collect()
}
