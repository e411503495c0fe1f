//! One service on one network of one country.

use jiff::SignedDuration;
use kedergi_wire::{Asn, CountryCode, ServiceId};
use serde::{Deserialize, Serialize};

use crate::alarm::{Alarm, Span};
use crate::base::Base;
use crate::controls::Controls;
use crate::fold::Fold;
use crate::group::{join, joined};
use crate::habits::{Customs, Learned, day};
use crate::newcomers::{Word, are_shared};
use crate::reasoning::Seen;
use crate::slow::Slowdown;
use crate::time::Moment;
use crate::votes::{Ballot, Cast, Put, Votes};
use crate::weights::FROZEN;
use crate::{HORIZON, Kind};

/// How many votes may be read again because of one: a day's of five probes that measure every half hour.
const SOON_READ: usize = 256;
/// Votes beyond the horizon are settled together: where a series stood takes longer to look up than they take to read. It divides a
/// day, so that the habits of no other day are asked for.
const SETTLING: SignedDuration = SignedDuration::from_hours(2);

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
    /// After all votes before a time that lies beyond the horizon: nothing changes it any more.
    base: Base,
    settled: Moment,
    votes: Votes,
    /// After all votes, while it holds more than reading them again would tell, or that would take long.
    #[serde(default)]
    head: Option<Box<Fold>>,
    /// What tells a deliberate cut from a fault.
    #[serde(default)]
    pub(crate) seen: Seen,
}

/// What of an alarm is worth telling when it changes.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Outline {
    onset: Span,
    suspected: Option<Moment>,
    confirmed: Option<Moment>,
    end: Option<Span>,
    cleared: Option<Moment>,
    contested: bool,
    witnesses: usize,
    manners: usize,
    /// Whether it is standing, and whether an instrument explains it: what others say with it depends on that.
    notes: (bool, bool),
}

impl Series {
    /// Reads a vote, however late. What became of it, and whether anything worth telling changed.
    pub(crate) fn cast(&mut self, cast: Cast, controls: &Controls, customs: Customs<'_>) -> (Put, bool) {
        let put = self.votes.put(cast);
        if matches!(put, Put::Nowhere | Put::TooLate) {
            return (put, false);
        }
        // First, because how many votes are left decides whether a head is kept: it must not come and go with each vote.
        self.settle(controls, customs);
        let changed = if put == Put::Last { self.read_on(customs) } else { self.read_again(controls, customs) };
        let contradicted = self.head.as_mut().is_some_and(|head| head.consult(controls));
        self.rest();
        (put, changed || contradicted)
    }

    /// Whether anything is asked, or to be told. Where it is not, there is no alarm as of a day ago either.
    pub(crate) fn is_asked(&self) -> bool {
        self.head.is_some()
    }

    /// Lets the controls have their say, after they said something new. Whether that changed anything.
    pub(crate) fn consult(&mut self, controls: &Controls) -> bool {
        self.base.change(|base| _ = base.consult(controls));
        self.head.as_mut().is_some_and(|head| head.consult(controls))
    }

    /// Reads the newest vote, as it was kept: not every report is.
    fn read_on(&mut self, customs: Customs<'_>) -> bool {
        let Some(newest) = self.votes.newest() else { return false };
        if let Some(head) = &mut self.head {
            return head.step(&newest, customs);
        }
        // Where nothing is asked, one more vote that says "clear" changes nothing.
        if newest.ballot == Ballot::Clear && self.votes.len() <= SOON_READ {
            return false;
        }
        let (head, changed) = self.fold(customs, |_| true);
        self.head = Some(Box::new(head));
        changed
    }

    fn read_again(&mut self, controls: &Controls, customs: Customs<'_>) -> bool {
        let before = self.outline();
        let (mut head, _) = self.fold(customs, |_| true);
        head.consult(controls);
        self.head = Some(Box::new(head));
        before != self.outline()
    }

    /// Where the votes lead of which this holds, up to the first of which it does not; and whether the last changed anything.
    fn fold(&self, customs: Customs<'_>, read: impl Fn(&Cast) -> bool) -> (Fold, bool) {
        let mut fold = self.base.fold();
        let casts = self.votes.iter().take_while(read);
        let changed = casts.fold(false, |_, cast| fold.step(&cast, customs));
        (fold, changed)
    }

    /// Lets go of the head where reading all votes again would soon tell the same.
    fn rest(&mut self) {
        self.head = self.head.take().filter(|head| self.votes.len() > SOON_READ || !head.is_calm());
    }

    fn settle(&mut self, controls: &Controls, customs: Customs<'_>) {
        let until = self.edge().floor(SETTLING);
        if until <= self.settled {
            return;
        }
        self.settled = until;
        let mut base = self.base.fold();
        while let Some(cast) = self.votes.pop_before(until) {
            base.step(&cast, customs);
        }
        base.consult(controls);
        self.forget_unseen(&mut base);
        self.base.set(base);
    }

    /// What may be told of it: blocks, then slow-downs.
    pub(crate) fn told(&self, key: &Key) -> Vec<Word> {
        let slow = self.slowdowns().iter();
        let slow = slow.filter_map(|slowdown| Some((slowdown.affected(key)?, slowdown.witnesses())));
        [joined(key, self.alarms()), join(slow)].concat()
    }

    /// Since when it was found blocked or slowed down, by others than newcomers.
    pub(crate) fn onsets(&self) -> impl Iterator<Item = (Kind, Moment)> {
        let blocks = self.alarms().filter(|alarm| alarm.confirmed().is_some() && !are_shared(&alarm.witnesses));
        let slow = self.slowdowns().iter();
        let slow = slow.filter(|slowdown| slowdown.confirmed().is_some() && !are_shared(slowdown.witnesses()));
        let blocks = blocks.map(|alarm| (Kind::Block, alarm.onset.latest));
        blocks.chain(slow.map(|slowdown| (Kind::Throttling, slowdown.onset.latest)))
    }

    /// The alarms that may be shown.
    fn alarms(&self) -> impl Iterator<Item = &Alarm> {
        self.head.iter().flat_map(|head| head.alarms()).filter(|alarm| alarm.contradicted.is_some())
    }

    fn slowdowns(&self) -> &[Slowdown] {
        self.head.as_ref().map_or(&[], |head| head.slowdowns())
    }

    fn outline(&self) -> Vec<Outline> {
        let outline = |alarm: &Alarm| Outline {
            onset: alarm.onset,
            suspected: alarm.suspected(),
            confirmed: alarm.confirmed(),
            end: alarm.end,
            cleared: alarm.cleared,
            contested: alarm.contested,
            witnesses: alarm.witnesses.len(),
            manners: alarm.manners.len(),
            notes: (alarm.standing, alarm.is_instruments()),
        };
        let slow = self.slowdowns().iter().filter(|slowdown| slowdown.contradicted.is_some());
        let slow = slow.map(|slowdown| Outline {
            onset: slowdown.onset,
            suspected: slowdown.suspected(),
            confirmed: slowdown.confirmed(),
            end: slowdown.end,
            cleared: slowdown.cleared,
            contested: slowdown.contested,
            witnesses: slowdown.witnesses().len(),
            manners: 0,
            notes: (slowdown.standing, slowdown.is_instruments()),
        });
        self.alarms().map(outline).chain(slow).collect()
    }

    /// What it had learned from the votes before a time; nothing if votes after it are settled already.
    pub(crate) fn learned(&self, by: Moment, customs: Customs<'_>, each: impl FnMut(Learned)) {
        if self.edge() > by {
            return;
        }
        match &self.head {
            Some(head) if self.votes.newest().is_none_or(|newest| newest.at < by) => head.learned(each),
            _ => self.fold(customs, |cast| cast.at < by).0.learned(each),
        }
    }

    /// The days of which votes may still be read again.
    pub(crate) fn days(&self) -> impl Iterator<Item = u32> {
        let newest = self.votes.newest();
        newest.into_iter().flat_map(|newest| day(self.edge())..=day(newest.at))
    }

    /// The time before which no vote changes anything any more.
    pub(crate) fn edge(&self) -> Moment {
        self.votes.edge()
    }

    /// Forgets what an event rested on: the alarms that began and were cleared within these times.
    pub(crate) fn forget(&mut self, from: Moment, cleared: Moment) {
        let kept = |onset: Moment, end: Option<Moment>| onset < from || end.is_none_or(|time| time > cleared);
        let alarms = |alarm: &Alarm| kept(alarm.onset.latest, alarm.cleared);
        let slowdowns = |slowdown: &Slowdown| kept(slowdown.onset.latest, slowdown.cleared);
        self.base.change(|base| base.retain(alarms, slowdowns));
        if let Some(head) = &mut self.head {
            head.retain(alarms, slowdowns);
        }
    }

    /// Forgets alarms that no control ever contradicted, once none can any more, and suspicions that came to nothing.
    fn forget_unseen(&mut self, base: &mut Fold) {
        let past = self.settled.before(HORIZON);
        // A suspicion may be part of an event by what other networks saw, so it is kept longer.
        let long_past = self.settled.before(FROZEN);
        let kept = |contradicted: bool, cleared: Option<Moment>| {
            cleared.is_none_or(|time| time >= if contradicted { long_past } else { past })
        };
        let alarms = |alarm: &Alarm| alarm.confirmed().is_some() || kept(alarm.contradicted.is_some(), alarm.cleared);
        let slowdowns = |slowdown: &Slowdown| {
            slowdown.confirmed().is_some() || kept(slowdown.contradicted.is_some(), slowdown.cleared)
        };
        base.retain(alarms, slowdowns);
        if let Some(head) = &mut self.head {
            head.retain(alarms, slowdowns);
        }
    }
}
