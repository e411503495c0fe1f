//! When somebody is asked to look again. Pure: the time is an argument, and who is there is the caller's business.
//!
//! A failure is worth most when others look at once. Others fail too: then they are asked again a minute later, and so on, because
//! a probe has one vote a minute. What stays blocked, or a probe that always fails, must not multiply the volunteers' traffic: asks
//! are paid for, by the thing that fails and by the probe that says so.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use kedergi_wire::ProbeId;

/// The same people are asked about the same thing not more often than this.
const SPACING: SignedDuration = SignedDuration::from_mins(1);
/// Asks about one thing that may follow each other, and how many one probe's failures may cause. One becomes free again in
/// [`REFILL`].
const ASKS: u32 = 12;
const ASKS_OF_ONE: u32 = 4;
const REFILL: SignedDuration = SignedDuration::from_mins(30);

/// Who was asked about what, and when. `T` is what fails, with whom it concerns.
#[derive(Debug, Clone)]
pub struct Bursts<T>(BTreeMap<T, Burst>);

#[derive(Debug, Clone)]
struct Burst {
    asked: Option<Timestamp>,
    /// Somebody failed since; the next ask is due once [`SPACING`] has passed.
    pending: bool,
    purse: Purse,
    of: BTreeMap<ProbeId, Purse>,
}

/// What was spent of a sum that grows back.
#[derive(Debug, Clone, Copy)]
struct Purse {
    spent: u32,
    since: Timestamp,
}

impl<T> Default for Bursts<T> {
    fn default() -> Self {
        Self(BTreeMap::new())
    }
}

impl<T: Ord + Clone> Bursts<T> {
    /// A probe failed. Whether to ask now.
    pub fn failed(&mut self, what: &T, probe: ProbeId, now: Timestamp) -> bool {
        let fresh = || Burst { asked: None, pending: false, purse: Purse::full(now), of: BTreeMap::new() };
        let burst = self.0.entry(what.clone()).or_insert_with(fresh);
        if burst.pending {
            return false;
        }
        let of = burst.of.entry(probe).or_insert_with(|| Purse::full(now));
        if !(of.has(ASKS_OF_ONE, now) && burst.purse.has(ASKS, now)) {
            return false;
        }
        of.spent += 1;
        burst.purse.spent += 1;
        burst.pending = true;
        burst.falls_due(now)
    }

    /// As [`Bursts::failed`], of what one more look tells little of: where others are asked now, everybody is asked once more a
    /// minute later, as if it had failed twice.
    pub fn unsure(&mut self, what: &T, probe: ProbeId, now: Timestamp) -> bool {
        let ask = self.failed(what, probe, now);
        if ask {
            // What was just asked is not pending any more, and the next is not due yet.
            self.failed(what, probe, now);
        }
        ask
    }

    /// A probe failed before there was anybody to ask: who is there a minute from now is.
    pub fn failed_before(&mut self, what: &T, probe: ProbeId, now: Timestamp) {
        let fresh = || Burst { asked: Some(now), pending: false, purse: Purse::full(now), of: BTreeMap::new() };
        self.0.entry(what.clone()).or_insert_with(fresh);
        self.failed(what, probe, now);
    }

    /// What is to be asked now because of failures since the last ask.
    pub fn due(&mut self, now: Timestamp) -> Vec<T> {
        let due = self.0.iter_mut().filter_map(|(what, burst)| burst.falls_due(now).then_some(what));
        due.cloned().collect()
    }

    /// Forgets what has been paid off.
    pub fn forget(&mut self, now: Timestamp) {
        for burst in self.0.values_mut() {
            burst.of.retain(|_, purse| !purse.is_full(now));
        }
        self.0.retain(|_, burst| burst.pending || !burst.purse.is_full(now));
    }
}

impl Burst {
    fn falls_due(&mut self, now: Timestamp) -> bool {
        let due = self.pending && self.asked.is_none_or(|asked| now.duration_since(asked) >= SPACING);
        if due {
            (self.asked, self.pending) = (Some(now), false);
        }
        due
    }
}

impl Purse {
    fn full(now: Timestamp) -> Self {
        Self { spent: 0, since: now }
    }

    fn refill(&mut self, now: Timestamp) {
        while self.spent > 0 && now.duration_since(self.since) >= REFILL {
            self.spent -= 1;
            self.since += REFILL;
        }
        if self.spent == 0 {
            self.since = now;
        }
    }

    fn has(&mut self, most: u32, now: Timestamp) -> bool {
        self.refill(now);
        self.spent < most
    }

    fn is_full(&mut self, now: Timestamp) -> bool {
        self.refill(now);
        self.spent == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + second).unwrap()
    }

    fn probe(number: u8) -> ProbeId {
        ProbeId([number; 32])
    }

    /// Minutes at which is asked, while these probes fail every minute.
    fn asked(bursts: &mut Bursts<&'static str>, probes: &[u8], minutes: std::ops::Range<i64>) -> Vec<i64> {
        let mut asked = Vec::new();
        for minute in minutes {
            let mut now = !bursts.due(at(minute * 60)).is_empty();
            for &number in probes {
                now |= bursts.failed(&"a", probe(number), at(minute * 60));
            }
            asked.extend(now.then_some(minute));
        }
        asked
    }

    #[test]
    fn while_all_fail_all_are_asked_each_minute_and_then_now_and_then() {
        let mut bursts = Bursts::default();
        let minutes = asked(&mut bursts, &[1, 2, 3, 4, 5], 0..200);
        assert_eq!(minutes[..14], [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 30, 60]);
    }

    #[test]
    fn one_that_always_fails_leaves_the_others_their_word() {
        let mut bursts = Bursts::default();
        assert_eq!(asked(&mut bursts, &[1], 0..30), [0, 1, 2, 3]);
        assert_eq!(asked(&mut bursts, &[1, 2], 31..40), [31, 32, 33, 34, 35]);
    }

    #[test]
    fn of_what_one_look_tells_little_everybody_takes_two() {
        let mut bursts = Bursts::default();
        assert!(bursts.unsure(&"a", probe(1), at(0)));
        assert!(!bursts.unsure(&"a", probe(2), at(20)));
        assert_eq!(bursts.due(at(60)), ["a"]);
        assert!(bursts.due(at(120)).is_empty());
        // It was paid for as two.
        assert!(bursts.unsure(&"a", probe(1), at(180)));
        assert_eq!(bursts.due(at(240)), ["a"]);
        assert!(!bursts.unsure(&"a", probe(1), at(300)));
    }

    #[test]
    fn a_failure_within_the_minute_is_not_forgotten() {
        let mut bursts = Bursts::default();
        assert!(bursts.failed(&"a", probe(1), at(0)));
        assert!(!bursts.failed(&"a", probe(2), at(20)));
        assert!(bursts.due(at(59)).is_empty());
        assert_eq!(bursts.due(at(60)), ["a"]);
        assert!(bursts.due(at(120)).is_empty());
    }

    #[test]
    fn a_failure_from_before_is_asked_about_a_minute_later() {
        let mut bursts = Bursts::default();
        bursts.failed_before(&"a", probe(1), at(0));
        bursts.failed_before(&"a", probe(2), at(0));
        assert!(bursts.due(at(59)).is_empty());
        assert_eq!(bursts.due(at(60)), ["a"]);
    }

    #[test]
    fn what_is_paid_off_is_forgotten() {
        let mut bursts = Bursts::default();
        bursts.failed(&"a", probe(1), at(0));
        bursts.forget(at(29 * 60));
        assert_eq!(bursts.0.len(), 1);
        bursts.forget(at(30 * 60));
        assert!(bursts.0.is_empty());
    }
}
