//! The stopwatch of one report.

use kedergi_wire::{Observation, Step};
use tokio::time::{Duration, Instant};

/// Counts from the start of a report.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Watch(Instant);

impl Watch {
    pub(crate) fn start() -> Self {
        Self(Instant::now())
    }

    pub(crate) fn elapsed(&self) -> Duration {
        self.0.elapsed()
    }

    /// Milliseconds from the start of the report to `then`.
    pub(crate) fn at(&self, then: Instant) -> u32 {
        millis(then.saturating_duration_since(self.0))
    }

    /// A step that began at `started` and ends now.
    pub(crate) fn observation(&self, started: Instant, hop: u8, step: Step) -> Observation {
        Observation { after_ms: self.at(started), took_ms: millis(started.elapsed()), hop, step }
    }
}

/// Whole milliseconds.
pub(crate) fn millis(duration: Duration) -> u32 {
    u32::try_from(duration.as_millis()).unwrap_or(u32::MAX)
}
