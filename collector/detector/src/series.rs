//! One service on one network of one country.

use jiff::Timestamp;
use kedergi_wire::{Asn, CountryCode, ServiceId};
use serde::{Deserialize, Serialize};

use crate::controls::{Controls, minus};
use crate::fold::{Alarm, Cast, Fold};
use crate::votes::{Put, Votes};
use crate::{Bracket, HORIZON};

/// What a series is of.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) struct Key {
    pub(crate) country: CountryCode,
    pub(crate) network: Asn,
    pub(crate) service: ServiceId,
}

/// Its votes and what follows from them. It moves by its own event time.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Series {
    /// After all votes beyond the horizon: nothing changes it any more.
    base: Fold,
    votes: Votes,
    /// After all votes.
    head: Fold,
}

/// What of an alarm is worth telling when it changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Outline {
    onset: Bracket,
    confirmed: Timestamp,
    end: Option<Bracket>,
    cleared: Option<Timestamp>,
    probes: usize,
    manners: usize,
}

impl Series {
    /// Reads a vote, however late.
    pub(crate) fn cast(&mut self, cast: Cast, controls: &Controls) -> Put {
        let put = self.votes.put(cast);
        match put {
            Put::Last => self.head.step(&cast),
            Put::Between => self.read_again(),
            Put::Nowhere | Put::TooLate => return put,
        }
        self.head.consult(controls);
        self.settle(controls);
        put
    }

    /// Lets the controls have their say, after they said something new.
    pub(crate) fn consult(&mut self, controls: &Controls) {
        self.base.consult(controls);
        self.head.consult(controls);
    }

    fn read_again(&mut self) {
        self.head = self.base.clone();
        self.votes.iter().for_each(|cast| self.head.step(cast));
    }

    fn settle(&mut self, controls: &Controls) {
        while let Some(cast) = self.votes.pop_settled() {
            self.base.step(&cast);
            self.base.consult(controls);
        }
        if !self.base.alarms.is_empty() {
            self.forget_unseen();
        }
    }

    /// The alarms that may be shown.
    pub(crate) fn alarms(&self) -> impl Iterator<Item = &Alarm> {
        self.head.alarms.iter().filter(|alarm| alarm.contradicted.is_some())
    }

    /// What is worth telling of them.
    pub(crate) fn outline(&self) -> Vec<Outline> {
        let outline = |alarm: &Alarm| {
            let (probes, manners) = (alarm.probes.len(), alarm.manners.len());
            let (onset, confirmed) = (alarm.onset, alarm.confirmed()?);
            Some(Outline { onset, confirmed, end: alarm.end, cleared: alarm.cleared, probes, manners })
        };
        self.head.alarms.iter().filter_map(outline).collect()
    }

    /// The time before which no vote changes anything any more.
    pub(crate) fn edge(&self) -> Timestamp {
        self.votes.edge()
    }

    /// Forgets what an event rested on: the alarms that began and were cleared within these times.
    pub(crate) fn forget(&mut self, from: Timestamp, cleared: Timestamp) {
        let kept = |alarm: &Alarm| alarm.onset.latest < from || alarm.cleared.is_none_or(|time| time > cleared);
        self.base.alarms.retain(kept);
        self.head.alarms.retain(kept);
    }

    /// Forgets alarms that no control ever contradicted, once none can any more.
    fn forget_unseen(&mut self) {
        let past = minus(self.edge(), HORIZON);
        let kept = |alarm: &Alarm| alarm.contradicted.is_some() || alarm.cleared.is_none_or(|time| time >= past);
        self.base.alarms.retain(kept);
        self.head.alarms.retain(kept);
    }
}
