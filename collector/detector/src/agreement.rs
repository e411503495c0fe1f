//! What networks say together: agreement that confirms what one network alone could not, and how much of a country it is.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use kedergi_wire::{Asn, CountryCode};
use serde::{Deserialize, Serialize};

use crate::newcomers::{Word, is_shared};
use crate::time::Moment;
use crate::{Affected, Event, Extent, HORIZON, Level, Note};

/// Suspicions that begin within this time of each other confirm each other.
pub(crate) const AT_ONCE: SignedDuration = SignedDuration::from_mins(30);
/// Voices that must agree across networks: a network that is only suspected has one, a confirmed one two.
const VOICES: u32 = 3;
/// The share of a country's measured networks from which on an event is national, in thousandths, and how many there must be.
const NATIONAL: u32 = 500;
const NATIONAL_NETWORKS: usize = 3;
/// A network weighs as much as it has probes, but no more than this: one with many volunteers is not the country.
const MOST_WEIGHT: usize = 5;

/// Confirms what is suspected on several networks at once. What newcomers say and may not decide is confirmed by nobody, and
/// confirms nothing.
pub(crate) fn agree(words: Vec<Word>) -> Vec<Affected> {
    let (young, old): (Vec<_>, Vec<_>) = words.into_iter().partition(|word| word.newcomers);
    let mut all: Vec<_> = old.into_iter().map(|word| word.affected).collect();
    let confirmed: Vec<_> = all.iter().map(|affected| confirmed_by_others(affected, &all)).collect();
    for (affected, confirmed) in all.iter_mut().zip(confirmed) {
        affected.confirmed = affected.confirmed.or(confirmed);
    }
    all.extend(young.into_iter().map(|word| word.affected));
    all
}

/// When enough other networks had said the same.
fn confirmed_by_others(affected: &Affected, all: &[Affected]) -> Option<Timestamp> {
    if affected.confirmed.is_some() || !affected.notes.is_empty() {
        return None;
    }
    let mut others = BTreeMap::<Asn, Timestamp>::new();
    let mut voices = Vec::new();
    for other in all.iter().filter(|other| is_alike(affected, other)) {
        let told = others.entry(other.network).or_insert(other.suspected);
        *told = other.suspected.min(*told);
        voices.extend(other.confirmed);
    }
    voices.extend(others.into_values());
    voices.sort_unstable();
    let last = usize::try_from(VOICES).ok()?.checked_sub(2)?;
    voices.get(last).map(|&at| at.max(affected.suspected))
}

/// Takes back that an instrument explains it where the same service failed at the same time for those whose instrument had not
/// changed.
pub(crate) fn excuse(all: &mut [Affected]) {
    let elsewhere: Vec<_> =
        all.iter().filter(|other| other.confirmed.is_some() && other.notes.is_empty()).cloned().collect();
    for affected in all {
        if affected.notes == [Note::Instrument] {
            let bare = Affected { notes: Vec::new(), ..affected.clone() };
            if elsewhere.iter().any(|other| is_alike(&bare, other)) {
                affected.notes.clear();
            }
        }
    }
}

pub(crate) fn is_alike(one: &Affected, other: &Affected) -> bool {
    let apart = one.onset.latest.duration_since(other.onset.latest).abs();
    (one.kind, &one.service) == (other.kind, &other.service)
        && one.network != other.network
        && other.notes.is_empty()
        && apart <= AT_ONCE
}

/// Which networks of which countries are measured, by how many probes, and since when.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Measured(#[serde(with = "crate::pairs")] BTreeMap<CountryCode, BTreeMap<Asn, Probes>>);

/// The first and the last vote of each witness, sorted by witness.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
struct Probes(Vec<(u64, Moment, Moment)>);

impl Measured {
    /// Notes that a witness measured. One that was silent for long is forgotten when another comes.
    pub(crate) fn note(&mut self, country: CountryCode, network: Asn, witness: u64, at: Moment) {
        let Probes(probes) = self.0.entry(country).or_default().entry(network).or_default();
        match probes.binary_search_by_key(&witness, |&(witness, ..)| witness) {
            Ok(place) => {
                let (_, first, last) = &mut probes[place];
                (*first, *last) = ((*first).min(at), (*last).max(at));
            }
            Err(_) => {
                let long_ago = at.before(HORIZON * 30);
                probes.retain(|&(_, _, last)| last >= long_ago);
                let place = probes.partition_point(|&(other, ..)| other < witness);
                probes.insert(place, (witness, at, at));
            }
        }
    }

    /// Whether anybody who was there for more than a week measured in a country in the day before.
    pub(crate) fn has_elders(&self, country: CountryCode, at: Timestamp) -> bool {
        let now = Moment::of(at).unwrap_or_default();
        let since = now.before(HORIZON);
        let mut all = self.0.get(&country).into_iter().flat_map(BTreeMap::values).flat_map(|Probes(probes)| probes);
        all.any(|&(witness, first, last)| !is_shared(witness) && first <= now && last >= since)
    }

    /// How much of its country an event reaches, and when it became national.
    pub(crate) fn assess(&self, event: &mut Event) {
        let mut reached = BTreeMap::<Asn, Timestamp>::new();
        for affected in &event.scope {
            if let Some(at) = affected.confirmed {
                let first = reached.entry(affected.network).or_insert(at);
                *first = at.min(*first);
            }
        }
        let mut times: Vec<_> = reached.values().copied().collect();
        times.sort_unstable();
        let at = |time: Timestamp| {
            self.extent(event.country, time, |network| reached.get(&network).is_some_and(|at| *at <= time))
        };
        let national = |extent: &Extent| {
            u32::from(extent.permille) >= NATIONAL
                && usize::try_from(extent.networks).is_ok_and(|count| count >= NATIONAL_NETWORKS)
        };
        event.reached.national = times.iter().copied().find(|&time| national(&at(time)));
        event.extent = times.last().map(|&last| at(last)).unwrap_or_default();
        if event.reached.national.is_some() {
            event.level = Level::National;
        }
    }

    fn extent(&self, country: CountryCode, at: Timestamp, is_reached: impl Fn(Asn) -> bool) -> Extent {
        let now = Moment::of(at).unwrap_or_default();
        let (since, until) = (now.before(HORIZON), now);
        let (mut extent, mut weight, mut all) = (Extent::default(), 0, 0);
        for (&network, Probes(probes)) in self.0.get(&country).into_iter().flatten() {
            let active = probes.iter().filter(|&&(_, first, last)| first <= until && last >= since).count();
            if active == 0 {
                continue;
            }
            let heavy = active.min(MOST_WEIGHT);
            (extent.measured, all) = (extent.measured + 1, all + heavy);
            if is_reached(network) {
                (extent.networks, weight) = (extent.networks + 1, weight + heavy);
            }
        }
        extent.permille = u16::try_from((1000 * weight).checked_div(all).unwrap_or(0)).unwrap_or(1000);
        extent
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::EventId;
    use crate::group::tests::{at, blocked};

    fn suspected(network: u32, from: i64) -> Affected {
        Affected { confirmed: None, ..blocked(network, "a", from, None) }
    }

    fn said(all: Vec<Affected>) -> Vec<Affected> {
        agree(all.into_iter().map(|affected| Word { affected, newcomers: false }).collect())
    }

    #[test]
    fn three_networks_at_once_confirm_each_other() {
        let mut three = vec![suspected(1, 0), suspected(2, 10), suspected(3, 20)];
        three = said(three);
        assert!(three.iter().all(|affected| affected.confirmed == Some(at(22))), "{three:#?}");
        let mut two = vec![suspected(1, 0), suspected(2, 10)];
        two = said(two);
        assert!(two.iter().all(|affected| affected.confirmed.is_none()));
        let mut late = vec![suspected(1, 0), suspected(2, 10), suspected(3, 45)];
        late = said(late);
        assert!(late.iter().all(|affected| affected.confirmed.is_none()));
    }

    #[test]
    fn a_confirmed_network_confirms_a_suspicion() {
        let mut both = vec![blocked(1, "a", 0, None), suspected(2, 10)];
        both = said(both);
        assert_eq!(both[1].confirmed, Some(at(12)));
    }

    #[test]
    fn national_is_half_of_the_probes_on_three_networks() {
        let mut measured = Measured::default();
        let country = "KZ".parse().unwrap();
        for (network, probes) in [(1, 9), (2, 3), (3, 3), (4, 5), (5, 5)] {
            for probe in 0..probes {
                measured.note(country, Asn::new(network).unwrap(), probe, Moment::of(at(0)).unwrap());
            }
        }
        let extent = |networks: &[u32]| {
            let scope = (0..).zip(networks).map(|(minute, &network)| blocked(network, "a", minute, None)).collect();
            let mut event = Event::of(EventId(String::new()), country, scope);
            measured.assess(&mut event);
            (event.extent.networks, event.extent.measured, event.extent.permille, event.level, event.reached.national)
        };
        assert_eq!(extent(&[1, 4]), (2, 5, 476, Level::Confirmed, None));
        assert_eq!(extent(&[1, 2, 3]), (3, 5, 523, Level::National, Some(at(4))));
    }
}
