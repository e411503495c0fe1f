//! When bytes arrive on a stream, below TLS: a record is only read once it is whole, which takes a second where bytes are few.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// Time from the first byte in which bytes count as early.
const EARLY: Duration = Duration::from_millis(250);

/// What arrived since it was last asked for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Arrived {
    /// How many bytes.
    pub(crate) bytes: u64,
    /// When the first of them, and the last.
    pub(crate) between: Option<(Instant, Instant)>,
    /// Those within [`EARLY`] of the first.
    pub(crate) early: u64,
}

/// Notes arrivals; every copy of it is the same one.
#[derive(Debug, Clone, Default)]
pub(crate) struct Arrivals(Arc<Mutex<Arrived>>);

impl Arrivals {
    pub(super) fn note(&self, bytes: usize, now: Instant) {
        if bytes == 0 {
            return;
        }
        let mut arrived = self.lock();
        let (first, bytes) =
            (arrived.between.map_or(now, |(first, _)| first), u64::try_from(bytes).unwrap_or(u64::MAX));
        arrived.between = Some((first, now));
        arrived.bytes += bytes;
        arrived.early += if now.saturating_duration_since(first) <= EARLY { bytes } else { 0 };
    }

    /// What arrived since this was last asked.
    pub(crate) fn take(&self) -> Arrived {
        std::mem::take(&mut *self.lock())
    }

    fn lock(&self) -> MutexGuard<'_, Arrived> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_bytes_are_counted_and_the_early_ones() {
        let (arrivals, start) = (Arrivals::default(), Instant::now());
        let at = |ms| start + Duration::from_millis(ms);
        for (bytes, ms) in [(100, 0), (0, 50), (30, 250), (200, 300), (50, 400)] {
            arrivals.note(bytes, at(ms));
        }
        let arrived = arrivals.take();
        assert_eq!((arrived.bytes, arrived.early, arrived.between), (380, 130, Some((at(0), at(400)))));
        assert_eq!(arrivals.take(), Arrived::default());
    }
}
