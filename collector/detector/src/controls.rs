//! When controls reached a service: without them, a service that died for the whole world would look blocked everywhere.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::HORIZON;

/// How long after the last blocked vote a control's success still speaks for that vote. Votes are judged against the
/// control's latest word, and a failure makes probes and controls measure again within a minute.
const ECHO: SignedDuration = SignedDuration::from_mins(1);
/// Times kept per service at most: three days of one control a minute, or of ten controls every ten minutes. The oldest
/// give way.
const KEPT: usize = 4320;

/// Times at which a control reached one service.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct Controls(BTreeSet<Timestamp>);

impl Controls {
    /// Takes note that a control reached the service.
    ///
    /// A time is forgotten once a newer one is known that follows it by two to four horizons: then no series asks for it any
    /// more, though its votes be a horizon late and the series a horizon behind the controls. A replay of an old day, years
    /// away from the present, is left alone by it.
    pub(crate) fn reached(&mut self, at: Timestamp) {
        let outdated: Vec<_> = self.0.range(minus(at, HORIZON * 4)..minus(at, HORIZON * 2)).copied().collect();
        for time in outdated {
            self.0.remove(&time);
        }
        self.0.insert(at);
        while self.0.len() > KEPT {
            self.0.pop_first();
        }
    }

    /// The first time a control reached the service while probes found it blocked: not before the first of those votes, for
    /// what was fine before says nothing of a service that died in between.
    pub(crate) fn contradicts(&self, first_blocked: Timestamp, last_blocked: Timestamp) -> Option<Timestamp> {
        let until = last_blocked.checked_add(ECHO).unwrap_or(Timestamp::MAX);
        self.0.range(first_blocked..=until).next().copied()
    }
}

/// `at` minus `span`, no earlier than time begins.
pub(crate) fn minus(at: Timestamp, span: SignedDuration) -> Timestamp {
    at.checked_sub(span).unwrap_or(Timestamp::MIN)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(minute: i64) -> Timestamp {
        Timestamp::from_second(minute * 60).unwrap()
    }

    #[test]
    fn only_a_success_during_the_failure_counts() {
        let mut controls = Controls::default();
        controls.reached(at(9));
        controls.reached(at(40));
        assert_eq!(controls.contradicts(at(10), at(30)), None);
        assert_eq!(controls.contradicts(at(10), at(39)), Some(at(40)));
        assert_eq!(controls.contradicts(at(9), at(30)), Some(at(9)));
    }

    #[test]
    fn the_present_does_not_push_out_a_replay_of_the_past() {
        let mut controls = Controls::default();
        controls.reached(at(10));
        for day in 2000..2010 {
            controls.reached(at(day * 24 * 60));
        }
        assert_eq!(controls.contradicts(at(10), at(10)), Some(at(10)));
        assert!(controls.0.len() <= 4, "{controls:?}");
    }
}
