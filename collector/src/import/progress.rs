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
    /// When it last said so, and how many there were then.
    told: (Instant, u64),
}

impl Progress {
    pub(super) fn of(what: &'static str) -> Self {
        Self { what, count: 0, told: (Instant::now(), 0) }
    }

    /// One more.
    pub(super) fn tick(&mut self) {
        self.count += 1;
        let (told, before) = self.told;
        if self.count.is_multiple_of(STRIDE) && told.elapsed() >= EVERY {
            let a_second = u128::from(self.count - before) * 1000 / told.elapsed().as_millis().max(1);
            eprintln!("{} {}, {a_second} a second ...", self.count, self.what);
            self.told = (Instant::now(), self.count);
        }
    }
}
