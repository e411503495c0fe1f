//! Many runs at once, and what their results say.

use std::fmt;
use std::sync::atomic::{AtomicU32, Ordering};
use std::{panic, thread};

/// Runs seeds 1 to `runs` on all cores; results in the order of the seeds.
pub(crate) fn many<T: Send>(runs: u32, one: impl Fn(u64) -> T + Sync) -> Vec<T> {
    let next = AtomicU32::new(1);
    let work = || {
        let mut done = Vec::new();
        loop {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed > runs {
                return done;
            }
            done.push((seed, one(u64::from(seed))));
        }
    };
    let mut done: Vec<_> = thread::scope(|scope| {
        let threads: Vec<_> =
            (0..thread::available_parallelism().map_or(1, usize::from)).map(|_| scope.spawn(work)).collect();
        threads
            .into_iter()
            .flat_map(|thread| thread.join().unwrap_or_else(|fault| panic::resume_unwind(fault)))
            .collect()
    });
    done.sort_by_key(|(seed, _)| *seed);
    done.into_iter().map(|(_, result)| result).collect()
}

/// Delays in seconds; `None` where nothing was found.
#[derive(Debug)]
pub(crate) struct Delays(Vec<Option<u32>>);

impl Delays {
    pub(crate) fn new(mut delays: Vec<Option<u32>>) -> Self {
        delays.sort_by_key(|delay| delay.unwrap_or(u32::MAX));
        Self(delays)
    }

    pub(crate) fn missed(&self) -> usize {
        self.0.iter().filter(|delay| delay.is_none()).count()
    }

    /// The value below which this many in a hundred lie, with the interval that holds it 19 times of 20.
    pub(crate) fn quantile(&self, percent: u32) -> Quantile {
        let count = u32::try_from(self.0.len()).unwrap_or(u32::MAX);
        let (n, q) = (f64::from(count), f64::from(percent) / 100.0);
        let half = 1.96 * (n * q * (1.0 - q)).sqrt();
        Quantile { value: self.at(n * q), low: self.at(n * q - half), high: self.at(n * q + half) }
    }

    /// The entry at a place; the first or last where there is none.
    fn at(&self, place: f64) -> Option<u32> {
        let last = self.0.len().checked_sub(1)?;
        let found = (0..last).zip(0_u32..).find(|&(_, number)| f64::from(number) + 1.0 > place);
        self.0[found.map_or(last, |(index, _)| index)]
    }
}

/// In seconds; shown in minutes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Quantile {
    pub(crate) value: Option<u32>,
    low: Option<u32>,
    high: Option<u32>,
}

impl fmt::Display for Quantile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = format!("{} [{}, {}]", minutes(self.value), minutes(self.low), minutes(self.high));
        f.pad(&text)
    }
}

/// Seconds as minutes, `-` for never.
pub(crate) fn minutes(seconds: Option<u32>) -> String {
    seconds.map_or("-".to_owned(), |seconds| format!("{:.1}", f64::from(seconds) / 60.0))
}

/// A rate's upper limit that holds 19 times of 20, for `count` things in so much: Poisson, by Wilson and Hilferty.
pub(crate) fn at_most(count: u32, of: f64) -> f64 {
    let k = f64::from(count) + 1.0;
    k * (1.0 - 1.0 / (9.0 * k) + 1.645 / (3.0 * k.sqrt())).powi(3) / of
}

/// Whether a goal is met, as a word.
pub(crate) fn met(holds: bool) -> &'static str {
    if holds { "met" } else { "MISSED" }
}
