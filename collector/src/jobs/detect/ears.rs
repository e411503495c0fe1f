//! When the collector listened, and whether a control could reach it. Pure: the time is an argument.
//!
//! Only what is known is said: a minute counts if the process was awake before it began and until it was over. While the process
//! is down, or its machine sleeps, nobody listens, and nobody's silence means anything.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

use jiff::{SignedDuration, Timestamp};
use kedergi_detector::Listening;
use kedergi_wire::ProbeId;

/// Detection looks around more often than this, unless the process was held up.
const AWAKE: SignedDuration = SignedDuration::from_secs(90);
/// What was heard in a minute is in the ledger this long after it.
const SETTLED: SignedDuration = SignedDuration::from_secs(10);
/// Minutes in which controls were heard are kept for so long, should detection have much else to do.
const KEPT: i64 = 120;
const MINUTE: i64 = 60;

/// Which controls were heard in which minute. In memory: what is lost with it was not listened to the end.
#[derive(Debug, Default)]
pub(crate) struct Heard(Mutex<BTreeMap<i64, BTreeSet<ProbeId>>>);

impl Heard {
    /// Notes that a control gave a sign of life.
    pub(crate) fn control(&self, probe: ProbeId, now: Timestamp) {
        let mut heard = self.lock();
        heard.entry(minute(now)).or_default().insert(probe);
        heard.retain(|other, _| *other > minute(now) - KEPT);
    }

    fn controls(&self, minute: i64) -> u32 {
        self.lock().get(&minute).map_or(0, |controls| u32::try_from(controls.len()).unwrap_or(u32::MAX))
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<i64, BTreeSet<ProbeId>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Since when the process has been awake, and what of that was said.
#[derive(Debug, Default)]
pub(super) struct Ears {
    /// When it last looked.
    looked: Option<Timestamp>,
    /// The first minute that was not told of.
    next: i64,
}

impl Ears {
    /// Notes that the process is awake.
    pub(super) fn look(&mut self, now: Timestamp) {
        let since = self.looked.replace(now).map(|looked| now.duration_since(looked));
        if since.is_none_or(|since| since > AWAKE || since < SignedDuration::ZERO) {
            self.next = minute(now) + 1;
        }
    }

    /// The minutes that are over and were listened to.
    pub(super) fn listened(&mut self, now: Timestamp, heard: &Heard) -> Vec<Listening> {
        if self.looked.is_none() {
            return Vec::new();
        }
        let over = minute(now.saturating_sub(SETTLED).unwrap_or(now));
        let minutes = self.next..over.max(self.next);
        self.next = minutes.end;
        let at = |minute: i64| Timestamp::from_second(minute * MINUTE).unwrap_or(now);
        minutes.map(|minute| Listening { at: at(minute), controls: heard.controls(minute) }).collect()
    }
}

fn minute(at: Timestamp) -> i64 {
    at.as_second().div_euclid(MINUTE)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + second).unwrap()
    }

    #[test]
    fn only_whole_minutes_awake_are_listened_to() {
        let (mut ears, heard) = (Ears::default(), Heard::default());
        let mut told = Vec::new();
        // It starts in the middle of a minute, and sleeps from second 300 to 600.
        for second in (30..300).chain(600..800).step_by(20) {
            ears.look(at(second));
            if second < 100 {
                heard.control(ProbeId([1; 32]), at(second));
            }
            let minutes = ears.listened(at(second), &heard);
            told.extend(minutes.iter().map(|one| (one.at.duration_since(at(0)).as_mins(), one.controls)));
        }
        assert_eq!(told, [(1, 1), (2, 0), (3, 0), (11, 0), (12, 0)]);
    }
}
