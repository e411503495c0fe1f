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

    /// A step that began at `started` and ends now.
    pub(crate) fn observation(&self, started: Instant, hop: u8, step: Step) -> Observation {
        Observation { after_ms: millis(started - self.0), took_ms: millis(started.elapsed()), hop, step }
    }
}

fn millis(duration: Duration) -> u32 {
    u32::try_from(duration.as_millis()).unwrap_or(u32::MAX)
}
