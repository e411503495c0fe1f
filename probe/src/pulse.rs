//! When to send a heartbeat, to which collector, and how long to let it wait for news. Pure.

use jiff::{SignedDuration, Timestamp};

use crate::doors::{Doors, Pick, later};

/// Seconds a heartbeat waits for news. Home routers forget a silent connection after a minute or so.
const WAIT_S: u16 = 50;
/// Least time from one heartbeat to the next, should a collector answer every one at once.
const GAP: SignedDuration = SignedDuration::from_secs(5);
/// Until a collector without a target list is asked again.
const NO_LIST: SignedDuration = SignedDuration::from_secs(10);
/// Until a collector is asked again whose list cannot be used: it must be mended there first.
const BAD_LIST: SignedDuration = SignedDuration::from_mins(10);
/// Until a collector is asked again that wants nothing of this probe.
const UNWELCOME: SignedDuration = SignedDuration::from_hours(1);

/// What to do now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Turn {
    /// Send a heartbeat that waits for so many seconds.
    Beat { collector: usize, wait_s: u16 },
    /// Nothing before this time, for this reason.
    Wait(Timestamp, &'static str),
    /// Never.
    Never,
}

/// What came of a heartbeat.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Heard {
    /// The agenda, and a list if one was due.
    News,
    /// The agenda, but the collector has no list yet.
    NoList,
    /// The agenda, and a list that cannot be used.
    BadList,
    /// The collector wants nothing of this probe.
    Unwelcome,
    /// No answer, or one that says to come back later.
    Nothing(Option<SignedDuration>),
}

/// The rhythm of heartbeats.
#[derive(Debug, Clone)]
pub(crate) struct Pulse {
    doors: Doors,
    last: Option<Timestamp>,
    /// The collector that answered last. Only one that did is asked to wait for news: the first answer should come at once.
    met: Option<usize>,
}

impl Pulse {
    pub(crate) fn new(collectors: usize) -> Self {
        Self { doors: Doors::new(collectors), last: None, met: None }
    }

    /// What to do at `now`.
    pub(crate) fn next(&mut self, now: Timestamp) -> Turn {
        let earliest = self.last.map_or(now, |last| later(last.min(now), GAP));
        match self.doors.pick(now) {
            Pick::Open(_) if now < earliest => Turn::Wait(earliest, "a heartbeat was sent a moment ago"),
            Pick::Open(collector) => self.beat(collector, now),
            Pick::Resting(until, why) => Turn::Wait(until, why),
            Pick::Barred(_) | Pick::None => Turn::Never,
        }
    }

    fn beat(&mut self, collector: usize, now: Timestamp) -> Turn {
        self.last = Some(now);
        Turn::Beat { collector, wait_s: if self.met == Some(collector) { WAIT_S } else { 0 } }
    }

    /// Takes in what came of a heartbeat. `dice` is in 0..1.
    pub(crate) fn heard(&mut self, collector: usize, heard: Heard, now: Timestamp, dice: f64) {
        self.met = Some(collector).filter(|_| heard == Heard::News);
        match heard {
            Heard::News => self.doors.answered(collector),
            Heard::NoList => self.doors.rest(collector, NO_LIST, now, "the collector has no target list yet"),
            Heard::BadList => self.doors.rest(collector, BAD_LIST, now, "the collector's target list cannot be used"),
            Heard::Unwelcome => self.doors.rest(collector, UNWELCOME, now, "the collector wants nothing of this probe"),
            Heard::Nothing(retry_after) => self.doors.failed(collector, retry_after, now, dice),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::constant(1_557_378_000, 0);

    fn at(seconds: i64) -> Timestamp {
        later(NOW, SignedDuration::from_secs(seconds))
    }

    #[test]
    fn the_first_answer_comes_at_once_and_the_next_may_wait() {
        let mut pulse = Pulse::new(1);
        assert_eq!(pulse.next(NOW), Turn::Beat { collector: 0, wait_s: 0 });
        pulse.heard(0, Heard::News, NOW, 0.5);
        assert_eq!(pulse.next(NOW), Turn::Wait(at(5), "a heartbeat was sent a moment ago"));
        assert_eq!(pulse.next(at(5)), Turn::Beat { collector: 0, wait_s: WAIT_S });
    }

    #[test]
    fn silence_turns_to_the_next_collector_without_a_long_wait() {
        let mut pulse = Pulse::new(2);
        assert_eq!(pulse.next(NOW), Turn::Beat { collector: 0, wait_s: 0 });
        pulse.heard(0, Heard::Nothing(Some(SignedDuration::from_secs(60))), NOW, 0.5);
        assert_eq!(pulse.next(at(5)), Turn::Beat { collector: 1, wait_s: 0 });
        pulse.heard(1, Heard::News, at(5), 0.5);
        assert_eq!(pulse.next(at(10)), Turn::Beat { collector: 1, wait_s: WAIT_S });
        pulse.heard(1, Heard::News, at(60), 0.5);
        assert_eq!(pulse.next(at(60)), Turn::Beat { collector: 0, wait_s: 0 }, "back to the preferred one");
    }

    #[test]
    fn lists_and_refusals_have_their_rests() {
        for (heard, rest) in [(Heard::NoList, 10), (Heard::BadList, 600), (Heard::Unwelcome, 3600)] {
            let mut pulse = Pulse::new(1);
            pulse.next(NOW);
            pulse.heard(0, heard, NOW, 0.5);
            assert!(matches!(pulse.next(at(rest - 1)), Turn::Wait(until, _) if until == at(rest)), "{heard:?}");
            assert_eq!(pulse.next(at(rest)), Turn::Beat { collector: 0, wait_s: 0 });
        }
        assert_eq!(Pulse::new(0).next(NOW), Turn::Never);
    }
}
