//! The time, as an argument for everybody else.
//!
//! The only file that asks the operating system for the time. Everything else takes a `Time` or a
//! [`Clock`], so that tests, imports and simulations move time by hand.

use crate::domain::Time;
use std::fmt::Debug;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant};

/// Tells the time.
pub trait Clock: Send + Sync + Debug {
    /// Wall-clock time.
    fn now(&self) -> Time;

    /// Milliseconds since some fixed moment, never going back: for time that passed, not for dates.
    fn monotonic_ms(&self) -> i64;
}

/// The machine's clock.
#[derive(Debug)]
pub struct SystemClock {
    started: Instant,
}

impl Default for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "this file is the one that asks")]
    fn default() -> Self {
        Self { started: Instant::now() }
    }
}

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "this file is the one that asks")]
    fn now(&self) -> Time {
        Time(jiff::Timestamp::now().as_millisecond())
    }

    fn monotonic_ms(&self) -> i64 {
        i64::try_from(self.started.elapsed().as_millis()).unwrap_or(i64::MAX)
    }
}

/// When waiting for somebody outside ends. It goes by the machine's clock also where time is moved by hand: the
/// other side doesn't know of that.
#[derive(Debug, Clone, Copy)]
pub struct Deadline(Instant);

impl Deadline {
    /// So long from now.
    #[expect(clippy::disallowed_methods, reason = "this file is the one that asks")]
    pub fn after(time: Duration) -> Self {
        Self(Instant::now() + time)
    }

    /// What is left; `None` where it is over.
    #[expect(clippy::disallowed_methods, reason = "this file is the one that asks")]
    pub fn left(self) -> Option<Duration> {
        Some(self.0.saturating_duration_since(Instant::now())).filter(|left| !left.is_zero())
    }
}

/// A clock that stands until it is moved.
#[derive(Debug)]
pub struct ManualClock {
    wall_ms: AtomicI64,
    monotonic_ms: AtomicI64,
}

impl ManualClock {
    /// A clock that shows `now`.
    pub const fn new(now: Time) -> Self {
        Self { wall_ms: AtomicI64::new(now.0), monotonic_ms: AtomicI64::new(0) }
    }

    /// Lets time pass.
    pub fn advance(&self, ms: i64) {
        self.wall_ms.fetch_add(ms, Ordering::SeqCst);
        self.monotonic_ms.fetch_add(ms.max(0), Ordering::SeqCst);
    }

    /// Sets the wall clock without any time passing: a clock step.
    pub fn step_to(&self, now: Time) {
        self.wall_ms.store(now.0, Ordering::SeqCst);
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Time {
        Time(self.wall_ms.load(Ordering::SeqCst))
    }

    fn monotonic_ms(&self) -> i64 {
        self.monotonic_ms.load(Ordering::SeqCst)
    }
}
