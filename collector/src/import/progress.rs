//! Signs of life on standard error while a long file is read.

use std::time::{Duration, Instant};

/// How often.
const EVERY: Duration = Duration::from_secs(5);
/// Looking at the clock for every line would take longer than the line.
const STRIDE: u64 = 4096;

/// What was done so far.
pub(super) struct Progress {
    what: &'static str,
    count: u64,
    told: Instant,
}

impl Progress {
    pub(super) fn of(what: &'static str) -> Self {
        Self { what, count: 0, told: Instant::now() }
    }

    /// One more.
    pub(super) fn tick(&mut self) {
        self.count += 1;
        if self.count.is_multiple_of(STRIDE) && self.told.elapsed() >= EVERY {
            eprintln!("{} {} ...", self.count, self.what);
            self.told = Instant::now();
        }
    }
}
