//! Which collector to turn to: the first, in the volunteer's order, that is not resting after a failure.
//!
//! Every collector rests by itself, so a failure turns to the next one, and the preferred one is asked again as soon as its rest
//! is over. Pure: the time and the dice are arguments.

use jiff::{SignedDuration, Timestamp};

/// Rest after a first failure. It doubles with each further one.
pub(crate) const BACKOFF_FIRST: SignedDuration = SignedDuration::from_secs(2);
/// Rest at most: a collector that is back finds its probes again within this.
pub(crate) const BACKOFF_CAP: SignedDuration = SignedDuration::from_mins(10);
/// A `Retry-After` beyond a day is a mistake or malice; either would mute the probe for good.
pub(crate) const RETRY_AFTER_CAP: SignedDuration = SignedDuration::from_hours(24);

/// Why a collector wants nothing of this probe, whatever it sends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Bar {
    /// It never heard of the probe.
    UnknownProbe,
    /// It took the probe off its list.
    RevokedProbe,
    /// The volunteer agreed to an older text than the one it asks for.
    ConsentOutdated,
}

impl Bar {
    /// For the volunteer: what it means and what to do.
    pub(crate) fn says(self) -> &'static str {
        match self {
            Self::UnknownProbe => "the collector does not know this probe; enrol again with a new invitation",
            Self::RevokedProbe => "the collector has revoked this probe; ask those who invited you",
            Self::ConsentOutdated => "the collector asks for consent to a newer text; update the probe and enrol again",
        }
    }
}

/// Where to turn now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Pick {
    /// To this collector.
    Open(usize),
    /// To none before this time.
    Resting(Timestamp, &'static str),
    /// To none at all: every collector refuses this probe, the preferred one for this reason.
    Barred(Bar),
    /// There is no collector.
    None,
}

/// The collectors, in order of preference.
#[derive(Debug, Clone)]
pub(crate) struct Doors(Vec<Door>);

#[derive(Debug, Clone, Default)]
struct Door {
    failures: u32,
    rest: Option<Rest>,
    barred: Option<Bar>,
}

#[derive(Debug, Clone, Copy)]
struct Rest {
    since: Timestamp,
    length: SignedDuration,
    why: &'static str,
}

impl Rest {
    fn until(self) -> Timestamp {
        later(self.since, self.length)
    }
}

impl Doors {
    pub(crate) fn new(collectors: usize) -> Self {
        Self(vec![Door::default(); collectors])
    }

    /// Where to turn at `now`.
    pub(crate) fn pick(&mut self, now: Timestamp) -> Pick {
        self.follow_clock(now);
        let resting = |door: &Door| door.rest.is_some_and(|rest| now < rest.until());
        if let Some(open) = self.0.iter().position(|door| door.barred.is_none() && !resting(door)) {
            return Pick::Open(open);
        }
        let rests = self.0.iter().filter(|door| door.barred.is_none()).filter_map(|door| door.rest);
        match (rests.min_by_key(|rest| rest.until()), self.0.first().and_then(|door| door.barred)) {
            (Some(rest), _) => Pick::Resting(rest.until(), rest.why),
            (None, Some(bar)) => Pick::Barred(bar),
            (None, None) => Pick::None,
        }
    }

    /// A clock set back must not turn a rest of seconds into one of years: the rest begins anew.
    fn follow_clock(&mut self, now: Timestamp) {
        for rest in self.0.iter_mut().filter_map(|door| door.rest.as_mut()) {
            rest.since = rest.since.min(now);
        }
    }

    /// The collector answered.
    pub(crate) fn answered(&mut self, collector: usize) {
        if let Some(door) = self.0.get_mut(collector) {
            *door = Door { barred: door.barred, ..Door::default() };
        }
    }

    /// The collector did not answer, or could not serve. `dice` is in 0..1.
    pub(crate) fn failed(&mut self, collector: usize, retry_after: Option<SignedDuration>, now: Timestamp, dice: f64) {
        let Some(door) = self.0.get_mut(collector) else { return };
        let own = backoff(door.failures, dice);
        let asked = retry_after.map(|asked| asked.clamp(SignedDuration::ZERO, RETRY_AFTER_CAP));
        let why = match asked {
            Some(asked) if asked >= own => "the collector asked to be left alone until then",
            _ => "no collector could be reached",
        };
        door.failures = door.failures.saturating_add(1);
        door.rest = Some(Rest { since: now, length: asked.unwrap_or_default().max(own), why });
    }

    /// Leaves a collector alone for `length`.
    pub(crate) fn rest(&mut self, collector: usize, length: SignedDuration, now: Timestamp, why: &'static str) {
        if let Some(door) = self.0.get_mut(collector) {
            door.rest = Some(Rest { since: now, length, why });
        }
    }

    /// The collector wants nothing of this probe (or, with `None`, takes it again).
    pub(crate) fn bar(&mut self, collector: usize, bar: Option<Bar>) {
        if let Some(door) = self.0.get_mut(collector) {
            door.barred = bar;
        }
    }

    /// Why every collector refuses this probe, if every one does.
    pub(crate) fn all_barred(&self) -> Option<Bar> {
        let first = self.0.first()?.barred?;
        self.0.iter().all(|door| door.barred.is_some()).then_some(first)
    }
}

/// Between half and the whole of the doubled time, so that probes cut off together do not come back together.
fn backoff(failures: u32, dice: f64) -> SignedDuration {
    let doubled = BACKOFF_FIRST.checked_mul(1 << failures.min(16)).unwrap_or(BACKOFF_CAP).min(BACKOFF_CAP);
    doubled.mul_f64(0.5 + dice.clamp(0.0, 1.0) / 2.0)
}

/// `from` plus `length`; the end of time where that overflows.
pub(crate) fn later(from: Timestamp, length: SignedDuration) -> Timestamp {
    from.checked_add(length).unwrap_or(Timestamp::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::constant(1_557_378_000, 0);

    fn at(seconds: i64) -> Timestamp {
        later(NOW, SignedDuration::from_secs(seconds))
    }

    #[test]
    fn a_failure_turns_to_the_next_and_later_back_to_the_preferred() {
        let mut doors = Doors::new(2);
        assert_eq!(doors.pick(NOW), Pick::Open(0));
        doors.failed(0, None, NOW, 1.0);
        assert_eq!(doors.pick(NOW), Pick::Open(1));
        doors.failed(1, Some(SignedDuration::from_secs(30)), NOW, 1.0);
        assert_eq!(doors.pick(NOW), Pick::Resting(at(2), "no collector could be reached"));
        assert_eq!(doors.pick(at(2)), Pick::Open(0));
    }

    #[test]
    fn retry_after_is_never_undercut_and_never_endless() {
        let mut doors = Doors::new(1);
        doors.failed(0, Some(SignedDuration::from_secs(90)), NOW, 0.0);
        assert_eq!(doors.pick(at(89)), Pick::Resting(at(90), "the collector asked to be left alone until then"));
        doors.failed(0, Some(SignedDuration::MAX), NOW, 0.0);
        assert_eq!(doors.pick(at(24 * 3600)), Pick::Open(0));
    }

    #[test]
    fn a_clock_set_back_does_not_prolong_a_rest() {
        let mut doors = Doors::new(1);
        doors.failed(0, None, at(1_000_000), 1.0);
        assert!(matches!(doors.pick(NOW), Pick::Resting(until, _) if until == at(2)));
        assert_eq!(doors.pick(at(2)), Pick::Open(0));
    }

    #[test]
    fn only_when_all_refuse_the_probe_it_is_barred() {
        let mut doors = Doors::new(2);
        doors.bar(0, Some(Bar::RevokedProbe));
        assert_eq!((doors.pick(NOW), doors.all_barred()), (Pick::Open(1), None));
        doors.bar(1, Some(Bar::UnknownProbe));
        assert_eq!((doors.pick(NOW), doors.all_barred()), (Pick::Barred(Bar::RevokedProbe), Some(Bar::RevokedProbe)));
        doors.bar(1, None);
        assert_eq!(doors.pick(NOW), Pick::Open(1));
    }

    #[test]
    fn no_collector_is_no_place_to_turn_to() {
        assert_eq!(Doors::new(0).pick(NOW), Pick::None);
    }

    proptest::proptest! {
        #[test]
        fn rests_stay_within_their_bounds(failures in 0u32..1000, dice in 0.0f64..1.0) {
            let rest = backoff(failures, dice);
            proptest::prop_assert!(rest >= BACKOFF_FIRST.mul_f64(0.5) && rest <= BACKOFF_CAP);
        }
    }
}
