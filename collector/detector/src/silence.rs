//! Who is expected to be heard, and who is: shutdowns.
//!
//! Time passes only while the collector says that it listened, so that its own failure is nobody's silence. Everything follows
//! from the sets of minutes in which it listened and in which each probe gave a sign of life, so the order of facts plays no part.

use std::collections::BTreeMap;

use kedergi_wire::{Asn, CountryCode};
use serde::{Deserialize, Serialize};

use crate::detector::hash;
use crate::newcomers::{self, Word};
use crate::time::Moment;
use crate::{Affected, Bracket};

mod alarm;
mod figures;
mod judge;
mod minutes;
mod probe;
#[cfg(test)]
mod tests;

use alarm::Alarm;
use figures::{FORGET_SUSPICION, HOUR, NEIGHBOURS, WINDOW};
use judge::{Pool, Seat};
use minutes::{Minute, Minutes};
use probe::Probe;

pub(crate) use probe::Life;

/// A sign of life.
#[derive(Debug, Clone, Copy)]
pub(crate) struct SignOfLife {
    pub(crate) at: Moment,
    pub(crate) country: CountryCode,
    pub(crate) network: Asn,
    pub(crate) probe: u64,
    pub(crate) enrolled: Option<Moment>,
    pub(crate) neighbourhood: Option<u64>,
    pub(crate) life: Life,
}

/// Who was heard when.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Silence {
    /// Minutes in which the collector was up, in which it heard a control, and in which it surely could be reached: up, and a control
    /// was heard in the same minute or the one before.
    up: Minutes,
    reached: Minutes,
    listened: Minutes,
    /// The last of them.
    until: Option<Minute>,
    #[serde(with = "crate::pairs")]
    countries: BTreeMap<CountryCode, Country>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Country {
    /// Nothing before it changes any more.
    edge: Minute,
    #[serde(with = "crate::pairs")]
    networks: BTreeMap<Asn, Probes>,
    /// Alarms that began before the edge.
    old: Vec<Alarm>,
    /// All that there are.
    alarms: Vec<Alarm>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Probes(
    /// Boxed, because a map keeps room for more than there is in it.
    #[serde(with = "crate::pairs")]
    BTreeMap<u64, Box<Probe>>,
);

impl Silence {
    /// Takes note of a sign of life. Whether what there is to tell of its country changed.
    pub(crate) fn sign(&mut self, sign: &SignOfLife) -> bool {
        let minute = minute(sign.at);
        let country = self.countries.entry(sign.country).or_default();
        country.settle(self.until.unwrap_or(minute).max(minute), self.until, &self.listened);
        if minute < country.edge {
            return false;
        }
        let probes = country.networks.entry(sign.network).or_default();
        let probe = probes.0.entry(sign.probe).or_default();
        probe.introduce(sign.at, sign.enrolled, sign.neighbourhood);
        let new = probe.note(minute, sign.life);
        let Some(until) = self.until.filter(|_| new) else { return false };
        let ahead = match sign.life {
            Life::Beat | Life::Measured => minute,
            Life::Cut => minute.saturating_sub(figures::RUN),
        };
        if ahead > until {
            return false;
        }
        let changed = probe.read_again(until, &self.listened);
        (changed || !country.alarms.is_empty()) && country.judge(until)
    }

    /// The collector listened in a minute, and heard controls or not. The countries of which there is something else to tell.
    pub(crate) fn listen(&mut self, at: Moment, controls: bool) -> Vec<CountryCode> {
        let minute = minute(at);
        let newest = self.until.map_or(minute, |until| until.max(minute));
        if minute + WINDOW < newest {
            return Vec::new();
        }
        let kept = newest.saturating_sub(WINDOW + 4 * HOUR);
        for minutes in [&mut self.up, &mut self.reached, &mut self.listened] {
            minutes.forget_before(kept);
        }
        if !(self.up.insert(minute) | (controls && self.reached.insert(minute))) {
            return Vec::new();
        }
        for minute in [minute, minute + 1] {
            if self.up.contains(minute) && (self.reached.contains(minute) || self.reached.contains(minute - 1)) {
                self.listened.insert(minute);
            }
        }
        let before = self.until.replace(newest);
        let late = before.is_some_and(|until| until >= minute);
        let listened = &self.listened;
        let countries = self.countries.iter_mut().filter_map(|(&code, country)| {
            country.settle(newest, before, listened);
            let mut changed = false;
            for probe in country.networks.values_mut().flat_map(|probes| probes.0.values_mut()) {
                changed |= if late { probe.read_again(newest, listened) } else { probe.read(newest, listened) };
            }
            ((changed || !country.alarms.is_empty()) && country.judge(newest)).then_some(code)
        });
        countries.collect()
    }

    /// What there is to tell of a country.
    pub(crate) fn words(&self, country: CountryCode) -> Vec<Word> {
        self.countries.get(&country).map(|country| alarm::told(&country.alarms)).unwrap_or_default()
    }

    /// The countries of which there is anything to tell.
    pub(crate) fn told(&self) -> impl Iterator<Item = CountryCode> + '_ {
        self.countries.iter().filter(|(_, country)| !country.alarms.is_empty()).map(|(&code, _)| code)
    }

    /// The time before which nothing changes any more.
    pub(crate) fn edge(&self, country: CountryCode) -> Moment {
        alarm::start(self.countries.get(&country).map_or(0, |country| country.edge))
    }

    /// Forgets what was told of a network and is over.
    pub(crate) fn forget(&mut self, country: CountryCode, affected: &Affected) {
        let Some(country) = self.countries.get_mut(&country) else { return };
        let kept = |alarm: &Alarm| {
            let onset = Bracket::from(alarm.onset).latest;
            let over = affected.end.is_some_and(|end| onset <= end.latest);
            alarm.network != affected.network || onset < affected.onset.latest || !over
        };
        country.old.retain(kept);
        country.alarms.retain(kept);
    }
}

impl Country {
    /// Moves the edge on, hour by hour, so that it plays no part how far facts are apart. So far, the collector listened up to
    /// `until`.
    fn settle(&mut self, newest: Minute, until: Option<Minute>, listened: &Minutes) {
        let target = newest.saturating_sub(WINDOW) / HOUR * HOUR;
        if target <= self.edge {
            return;
        }
        // After a gap nothing is left to settle.
        let mut edge = self.edge.max(target.saturating_sub(3 * WINDOW) / HOUR * HOUR);
        while edge < target {
            edge += HOUR;
            self.move_edge(edge, listened);
        }
        for probe in self.networks.values_mut().flat_map(|probes| probes.0.values_mut()) {
            probe.read_again(until.unwrap_or(0), listened);
        }
    }

    fn move_edge(&mut self, edge: Minute, listened: &Minutes) {
        for alarm in self.alarms.iter().filter(|alarm| alarm.cut < edge) {
            let found = self.old.iter_mut().find(|old| (old.network, old.cut) == (alarm.network, alarm.cut));
            match found {
                Some(old) => {
                    old.end = alarm.end.filter(|end| end.cleared < edge);
                }
                None => self.old.push(Alarm { end: alarm.end.filter(|end| end.cleared < edge), ..alarm.clone() }),
            }
        }
        self.old.retain(|alarm| {
            let over = alarm.end.is_some_and(|end| end.cleared + WINDOW < edge) || alarm.cut + FORGET_SUSPICION < edge;
            alarm.confirmed.is_some() || !over
        });
        let confirmed: Vec<_> = self.alarms.iter().filter(|alarm| alarm.confirmed.is_some()).collect();
        let mut networks = std::mem::take(&mut self.networks);
        for (&network, probes) in &mut networks {
            probes.0.retain(|_, probe| !probe.is_forgotten(edge));
            for (&id, probe) in &mut probes.0 {
                let mine = |alarm: &&&Alarm| alarm.network == network;
                let members = confirmed.iter().filter(mine).flat_map(|alarm| &alarm.members);
                probe.settle(edge, listened, |from| {
                    members.clone().any(|member| (member.id, member.from) == (id, from))
                });
            }
        }
        self.networks = networks;
        self.edge = edge;
    }

    /// Finds the alarms anew. Whether there is anything else to tell.
    fn judge(&mut self, until: Minute) -> bool {
        let edge = self.edge;
        let seats = self
            .networks
            .iter()
            .flat_map(|(&network, probes)| probes.0.iter().map(move |(&id, probe)| seat(network, id, probe, edge)));
        let mut pool = Pool::new(seats.collect(), edge, until);
        self.old.iter().for_each(|alarm| pool.excuse(alarm));
        let mut alarms: Vec<_> =
            pool.networks().into_iter().flat_map(|network| pool.of(network).alarms(&pool)).collect();
        for national in pool.national(&alarms.clone()) {
            let same = |alarm: &&mut Alarm| {
                alarm.network == national.network && alarm.cut.abs_diff(national.cut) <= NEIGHBOURS
            };
            match alarms.iter_mut().find(same) {
                Some(alarm) => {
                    alarm.suspected = alarm.suspected.min(national.suspected);
                    alarm.confirmed = alarm.confirmed.into_iter().chain(national.confirmed).min();
                }
                None => alarms.push(national),
            }
        }
        alarms.extend(self.old.iter().cloned());
        for alarm in &mut alarms {
            if alarm.end.is_none() {
                alarm.find_end(&pool);
            }
        }
        let before = alarm::told(&self.alarms);
        self.alarms = alarms;
        before != alarm::told(&self.alarms)
    }
}

/// Young probes that enrolled on one day are a few voices, and neighbours are one.
fn seat(network: Asn, id: u64, probe: &Probe, edge: Minute) -> Seat<'_> {
    let now = alarm::start(edge + WINDOW);
    let young = newcomers::is_young(probe.enrolled, now);
    let voice = match (young, probe.neighbourhood) {
        (Some(enrolled), _) => newcomers::shared(enrolled, id),
        (None, Some(neighbourhood)) => newcomers::lasting(hash(&[2, network.get().into(), neighbourhood])),
        (None, None) => newcomers::lasting(id),
    };
    Seat { network, id, voice, aged: young.is_none(), probe }
}

fn minute(at: Moment) -> Minute {
    at.0 / 60
}
