//! When controls reached a service: without them, a service that died for the whole world would look blocked everywhere.

use jiff::SignedDuration;
use serde::{Deserialize, Serialize};

use crate::HORIZON;
use crate::sparing;
use crate::time::Moment;

/// How long after the last blocked vote a control's success still speaks for that vote. Votes are judged against the
/// control's latest word, and a failure makes probes and controls measure again within a minute.
const ECHO: SignedDuration = SignedDuration::from_mins(1);
/// Times kept per service at most: three days of one control a minute, or of ten controls every ten minutes. The oldest
/// give way.
const KEPT: usize = 4320;

/// Times at which a control reached one service, sorted.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct Controls(Vec<Moment>);

impl Controls {
    /// Takes note that a control reached the service.
    ///
    /// A time is forgotten once a newer one is known that follows it by two to four horizons: then no series asks for it any
    /// more, though its votes be a horizon late and the series a horizon behind the controls. A replay of an old day, years
    /// away from the present, is left alone by it.
    pub(crate) fn reached(&mut self, at: Moment) {
        self.0.drain(self.place(at.before(HORIZON * 4))..self.place(at.before(HORIZON * 2)));
        if let Err(place) = self.0.binary_search(&at) {
            sparing::insert(&mut self.0, place, at);
        }
        self.0.drain(..self.0.len().saturating_sub(KEPT));
    }

    /// The first time a control reached the service while probes found it blocked: not before the first of those votes, for
    /// what was fine before says nothing of a service that died in between.
    pub(crate) fn contradicts(&self, first_blocked: Moment, last_blocked: Moment) -> Option<Moment> {
        self.from(first_blocked).filter(|time| *time <= last_blocked.after(ECHO))
    }

    /// The first time a control reached the service between two votes: the later one was judged against what it saw then.
    pub(crate) fn reached_between(&self, first: Moment, last: Moment) -> Option<Moment> {
        self.from(first).filter(|time| *time < last)
    }

    /// The first from a time on.
    fn from(&self, at: Moment) -> Option<Moment> {
        self.0.get(self.place(at)).copied()
    }

    fn place(&self, at: Moment) -> usize {
        self.0.partition_point(|time| *time < at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(minute: u32) -> Moment {
        Moment(minute * 60)
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
