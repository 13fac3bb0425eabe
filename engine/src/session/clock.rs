//! The real clock.

use std::time::{Instant, SystemTime, UNIX_EPOCH};

use rand::rngs::{StdRng, SysRng};
use rand::{Rng as _, SeedableRng as _};
use theater_flow_kernel::ids::Salt;

use crate::driver::Clock;

/// The time of a run, and the system's randomness.
pub struct RealClock {
    time: Time,
    random: StdRng,
}

impl RealClock {
    /// One for a run whose last record is of this time, in ms since 1970; 0 if it has none.
    ///
    /// # Panics
    /// If the system gives no randomness.
    #[must_use]
    pub fn after(last: u64) -> Self {
        let random = StdRng::try_from_rng(&mut SysRng).expect("the system gives randomness");
        Self { time: Time { last, at: Instant::now() }, random }
    }
}

impl Clock for RealClock {
    fn now_ms(&mut self) -> u64 {
        self.time.pass(now_ms(), Instant::now())
    }

    fn salt(&mut self) -> Salt {
        let mut salt = Salt::default();
        self.random.fill_bytes(&mut salt);
        salt
    }
}

/// Time that goes on. It is that of the wall clock, unless that is set back, or is behind the run's records when the run
/// is taken up: then it goes on from what it was at its usual pace, and nobody waits for the wall clock to get there.
struct Time {
    /// What it was, in ms since 1970 …
    last: u64,
    /// … at this instant.
    at: Instant,
}

impl Time {
    /// What it is now, when the wall clock says this.
    fn pass(&mut self, wall_ms: u64, now: Instant) -> u64 {
        let passed = now.saturating_duration_since(self.at).as_millis();
        let steady = self.last.saturating_add(u64::try_from(passed).unwrap_or(u64::MAX));
        if wall_ms > steady {
            (self.last, self.at) = (wall_ms, now);
        }
        steady.max(wall_ms)
    }
}

/// Milliseconds since 1970, by the wall clock.
#[must_use]
pub fn now_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    /// What the time is when the wall clock says these, each so many ms after the beginning.
    fn times<const N: usize>(last: u64, walls: [(u64, u64); N]) -> [u64; N] {
        let at = Instant::now();
        let mut time = Time { last, at };
        walls.map(|(passed, wall)| time.pass(wall, at + Duration::from_millis(passed)))
    }

    #[test]
    fn it_is_that_of_the_wall_clock() {
        let walls = [(0, 5_000), (10, 5_010), (20, 5_020), (21, 90_000), (30, 90_009)];
        assert_eq!(times(0, walls), [5_000, 5_010, 5_020, 90_000, 90_009]);
    }

    #[test]
    fn it_goes_on_when_the_wall_clock_is_set_back() {
        let walls = [(0, 5_000), (10, 1_000), (20, 1_010), (30, 1_020), (40, 6_000)];
        assert_eq!(times(0, walls), [5_000, 5_010, 5_020, 5_030, 6_000]);
    }

    #[test]
    fn it_goes_on_from_a_last_record_that_is_ahead() {
        assert_eq!(times(9_000, [(0, 5_000), (700, 5_700), (800, 9_900)]), [9_000, 9_700, 9_900]);
    }
}
