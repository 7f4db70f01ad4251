//! Time, so that tests and the stepping executor can own it.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant, SystemTime};

/// The only source of time in the engine.
pub trait Clock: Send + Sync + std::fmt::Debug {
    /// Wall-clock milliseconds since the epoch: Flink's processing time.
    fn now_ms(&self) -> i64;
    /// Nanoseconds since an arbitrary start, never falling: for durations.
    fn nanos(&self) -> u64;
    /// Whether time passes only when the run says so: then nothing may go on beside the run, in a thread of its own.
    fn is_virtual(&self) -> bool {
        false
    }
}

/// The machine's clock.
#[derive(Debug)]
pub struct SystemClock {
    start: Instant,
}

impl SystemClock {
    /// The machine's clock, its [`nanos`](Clock::nanos) counted from now.
    #[must_use]
    #[expect(clippy::disallowed_methods, reason = "this is where Clock meets the machine")]
    pub fn new() -> Self {
        Self { start: Instant::now() }
    }
}

impl Default for SystemClock {
    fn default() -> Self {
        Self::new()
    }
}

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "this is where Clock meets the machine")]
    fn now_ms(&self) -> i64 {
        let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or(Duration::ZERO);
        i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
    }

    fn nanos(&self) -> u64 {
        u64::try_from(self.start.elapsed().as_nanos()).unwrap_or(u64::MAX)
    }
}

/// A clock that moves only when told to.
#[derive(Debug, Clone, Default)]
pub struct VirtualClock {
    now_ms: Arc<AtomicI64>,
}

impl VirtualClock {
    /// A clock that stands at `now_ms`.
    #[must_use]
    pub fn at(now_ms: i64) -> Self {
        Self { now_ms: Arc::new(AtomicI64::new(now_ms)) }
    }

    /// Moves the clock forward.
    pub fn advance(&self, by: Duration) {
        let by = i64::try_from(by.as_millis()).unwrap_or(i64::MAX);
        self.now_ms.fetch_add(by, Ordering::SeqCst);
    }

    /// Moves the clock to `now_ms` unless it is already past it.
    pub fn advance_to(&self, now_ms: i64) {
        self.now_ms.fetch_max(now_ms, Ordering::SeqCst);
    }
}

impl Clock for VirtualClock {
    fn now_ms(&self) -> i64 {
        self.now_ms.load(Ordering::SeqCst)
    }

    fn nanos(&self) -> u64 {
        self.now_ms().max(0).cast_unsigned().saturating_mul(1_000_000)
    }

    fn is_virtual(&self) -> bool {
        true
    }
}
