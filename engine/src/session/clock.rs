//! The real clock.

use std::time::{SystemTime, UNIX_EPOCH};

use rand::rngs::{StdRng, SysRng};
use rand::{Rng as _, SeedableRng as _};
use theater_flow_kernel::ids::Salt;

use crate::driver::Clock;

/// The wall clock, and the system's randomness.
pub struct RealClock(StdRng);

impl Default for RealClock {
    fn default() -> Self {
        Self(StdRng::try_from_rng(&mut SysRng).expect("the system gives randomness"))
    }
}

impl Clock for RealClock {
    fn now_ms(&mut self) -> u64 {
        now_ms()
    }

    fn salt(&mut self) -> Salt {
        let mut salt = Salt::default();
        self.0.fill_bytes(&mut salt);
        salt
    }
}

/// Milliseconds since 1970.
#[must_use]
pub fn now_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}
