//! The clock behind timeouts: it moves the engine's epoch on every [`TICK`] while guests run.
//!
//! It is the outer net only. What a guest may compute is bounded by fuel, which is exact; the epoch
//! catches what fuel cannot see, and its traps are never repeated by a replay.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use wasmtime::Engine;

use crate::error::HostError;

/// How long one tick is.
const TICK: Duration = Duration::from_millis(10);
/// Ticks without a guest after which the thread sleeps until the next guest wakes it.
const QUIET_TICKS: u32 = 100;

/// The thread that ticks. Dropping it ends the thread.
pub(crate) struct Ticker {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Default)]
struct Shared {
    ticks: AtomicU64,
    running: AtomicUsize,
    asleep: AtomicBool,
    stop: AtomicBool,
}

/// While this lives, the ticker ticks.
pub(crate) struct Running<'a>(&'a Shared);

impl Ticker {
    pub(crate) fn start(engine: Engine) -> Result<Self, HostError> {
        let shared = Arc::new(Shared::default());
        let theirs = Arc::clone(&shared);
        let thread = std::thread::Builder::new()
            .name(String::from("epoch"))
            .spawn(move || theirs.tick(&engine))
            .map_err(|error| HostError::Engine(format!("no thread for timeouts: {error}")))?;
        Ok(Self { shared, thread: Some(thread) })
    }

    /// Ticks so far.
    pub(crate) fn now(&self) -> u64 {
        self.shared.ticks.load(Ordering::Relaxed)
    }

    /// Notes that a guest runs. A guest woken a moment too late would only have its timeout later by
    /// that moment.
    pub(crate) fn enter(&self) -> Running<'_> {
        self.shared.running.fetch_add(1, Ordering::SeqCst);
        if self.shared.asleep.load(Ordering::SeqCst)
            && let Some(thread) = &self.thread
        {
            thread.thread().unpark();
        }
        Running(&self.shared)
    }
}

/// Ticks that are at least `ms`: the tick under way when a call begins does not count.
pub(crate) fn ticks(ms: u64) -> u64 {
    let tick = u64::try_from(TICK.as_millis()).unwrap_or(1);
    ms.div_ceil(tick).saturating_add(1)
}

impl Shared {
    fn tick(&self, engine: &Engine) {
        let mut quiet = 0;
        while !self.stop.load(Ordering::SeqCst) {
            if quiet >= QUIET_TICKS {
                self.sleep();
                quiet = 0;
                continue;
            }
            std::thread::park_timeout(TICK);
            if self.running.load(Ordering::SeqCst) == 0 {
                quiet += 1;
            } else {
                quiet = 0;
                self.ticks.fetch_add(1, Ordering::Relaxed);
                engine.increment_epoch();
            }
        }
    }

    /// Parks until a guest comes or the end. `asleep` is set before `running` is read, and a guest
    /// does it the other way round, so that one of the two sees the other.
    fn sleep(&self) {
        self.asleep.store(true, Ordering::SeqCst);
        while self.running.load(Ordering::SeqCst) == 0 && !self.stop.load(Ordering::SeqCst) {
            std::thread::park();
        }
        self.asleep.store(false, Ordering::SeqCst);
    }
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        self.0.running.fetch_sub(1, Ordering::SeqCst);
    }
}

impl Drop for Ticker {
    fn drop(&mut self) {
        self.shared.stop.store(true, Ordering::SeqCst);
        if let Some(thread) = self.thread.take() {
            thread.thread().unpark();
            // The thread does not panic, and if it had there would be nothing to do about it here.
            drop(thread.join());
        }
    }
}
