//! How often something that failed is tried again, and after how long.

use serde::{Deserialize, Serialize};

/// What happens after a fault or a crash at an event.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Retry {
    /// Further attempts after the first.
    pub max: u32,
    /// The wait before each.
    pub wait: Wait,
}

/// A wait that grows with the number of failures.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Wait {
    /// How it grows.
    pub backoff: Backoff,
    /// The first wait, in ms.
    pub base_ms: u64,
    /// The longest wait, in ms.
    pub cap_ms: u64,
}

impl Wait {
    /// No wait at all.
    pub const NONE: Self = Self { backoff: Backoff::Constant, base_ms: 0, cap_ms: 0 };

    /// The wait after `failed` failures (from 1), in ms.
    #[must_use]
    pub fn after_ms(&self, failed: u32) -> u64 {
        let factor = match self.backoff {
            Backoff::Constant => 1,
            Backoff::Linear => u64::from(failed),
            Backoff::Exponential => 1_u64.checked_shl(failed.saturating_sub(1)).unwrap_or(u64::MAX),
        };
        self.base_ms.saturating_mul(factor).min(self.cap_ms)
    }
}

/// How the wait between attempts grows.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Backoff {
    /// The same each time.
    Constant,
    /// By `base` each time.
    Linear,
    /// Twice as long each time.
    Exponential,
}
