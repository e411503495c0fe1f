//! The contrast with the world: whether a service that seems blocked is up.
//!
//! What is imported has no controls of ours. What stands in for one: the service found fine from another network, a control of
//! whoever measured, or the word of whoever scored, who told blocked from down.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};
use kedergi_wire::{Asn, CountryCode, ServiceId};

/// How long the scorer's word waits for that of other countries, where there are any; and how far apart an outage may begin in
/// two of them, since it shows at the next measurement only.
const WAIT: SignedDuration = SignedDuration::from_hours(1);
const AT_ONCE: SignedDuration = SignedDuration::from_hours(2);
/// A country counts as measured for so long after a measurement.
const HEARD: SignedDuration = SignedDuration::from_hours(24);
/// So many other countries in which it began to fail at once, and none in which it is fine: the scorer's word is not enough.
const WORLD: usize = 2;
/// While it fails somewhere, it is called up again after so long: the detector may have begun a new test.
const AGAIN: SignedDuration = SignedDuration::from_hours(1);

/// A network of a country.
pub(super) type Place = (CountryCode, Asn);

/// What is known of all services.
#[derive(Debug, Default)]
pub(super) struct Contrast(BTreeMap<ServiceId, World>);

/// What is known of one service.
#[derive(Debug, Default)]
struct World(BTreeMap<Place, Seen>);

/// A service on one network.
#[derive(Debug, Clone, Copy, Default)]
struct Seen {
    last: Timestamp,
    fine: Option<Timestamp>,
    /// Since when it fails, if it does, and when it was last called up meanwhile.
    failing: Option<Timestamp>,
    answered: Option<Timestamp>,
}

impl Contrast {
    /// It was fine there. Whether that says anything new about another network, where it is not.
    pub(super) fn fine(&mut self, service: &ServiceId, place: Place, at: Timestamp) -> bool {
        let world = self.0.entry(service.clone()).or_default();
        world.0.insert(place, Seen { last: at, fine: Some(at), failing: None, answered: None });
        world.wants(at) && world.answer(at)
    }

    /// It was out of order there: neither fine nor blocked.
    pub(super) fn down(&mut self, service: &ServiceId, place: Place, at: Timestamp) {
        let seen = self.0.entry(service.clone()).or_default().0.entry(place).or_default();
        *seen = Seen { last: at, failing: None, answered: None, ..*seen };
    }

    /// It was blocked there; `told` is whether the scorer told that from an outage. Whether it is known to be up all the same,
    /// and that has not just been said.
    pub(super) fn failed(&mut self, service: &ServiceId, place: Place, at: Timestamp, told: bool) -> bool {
        let world = self.0.entry(service.clone()).or_default();
        let seen = world.0.entry(place).or_default();
        seen.last = at;
        let since = *seen.failing.get_or_insert(at);
        seen.wants(at) && world.is_up(place, since, at, told) && world.answer(at)
    }
}

impl Contrast {
    /// It was blocked there, and `up` is whether a control reached it at the same time. Whether that has not just been said.
    pub(super) fn blocked(&mut self, service: &ServiceId, place: Place, at: Timestamp, up: bool) -> bool {
        let world = self.0.entry(service.clone()).or_default();
        let seen = world.0.entry(place).or_default();
        seen.last = at;
        seen.failing.get_or_insert(at);
        up && seen.wants(at) && world.answer(at)
    }
}

impl Seen {
    fn wants(&self, at: Timestamp) -> bool {
        self.failing.is_some() && self.answered.is_none_or(|answered| at.duration_since(answered) >= AGAIN)
    }
}

impl World {
    fn wants(&self, at: Timestamp) -> bool {
        self.0.values().any(|seen| seen.wants(at))
    }

    fn answer(&mut self, at: Timestamp) -> bool {
        self.0.values_mut().filter(|seen| seen.failing.is_some()).for_each(|seen| seen.answered = Some(at));
        true
    }

    fn is_up(&self, place: Place, since: Timestamp, at: Timestamp, told: bool) -> bool {
        // Fine before it failed here says nothing of an outage that began in between.
        let is_fine = |(other, seen): (&Place, &Seen)| *other != place && seen.fine.is_some_and(|fine| fine >= since);
        if self.0.iter().any(is_fine) {
            return true;
        }
        let abroad = || self.0.iter().filter(|((country, _), _)| *country != place.0);
        if !abroad().any(|(_, seen)| at.duration_since(seen.last) <= HEARD) {
            return told;
        }
        let at_once = |seen: &Seen| seen.failing.is_some_and(|other| other.duration_since(since).abs() <= AT_ONCE);
        let failing: BTreeSet<_> =
            abroad().filter(|(_, seen)| at_once(seen)).map(|((country, _), _)| *country).collect();
        told && at.duration_since(since) >= WAIT && failing.len() < WORLD
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    type Line = ((&'static str, u32), i64, Result<(), bool>);

    const HERE: (&str, u32) = ("KZ", 64500);

    fn at(minute: i64) -> Timestamp {
        Timestamp::from_second(1_557_300_000 + minute * 60).unwrap()
    }

    fn place((country, network): (&str, u32)) -> Place {
        (country.parse().unwrap(), Asn::new(network).unwrap())
    }

    /// Minutes at which the service is called up, of what was seen: where, when, and whether fine, or failing and told apart
    /// from an outage.
    fn up(seen: &[Line]) -> Vec<i64> {
        let (mut contrast, service) = (Contrast::default(), "a".parse().unwrap());
        let said = seen.iter().filter(|&&(at_place, minute, what)| match what {
            Ok(()) => contrast.fine(&service, place(at_place), at(minute)),
            Err(told) => contrast.failed(&service, place(at_place), at(minute), told),
        });
        said.map(|&(_, minute, _)| minute).collect()
    }

    #[test]
    fn alone_the_scorers_word_is_taken_where_it_told_the_two_apart() {
        assert_eq!(
            up(&[(HERE, 0, Ok(())), (HERE, 10, Err(true)), (HERE, 20, Err(true)), (HERE, 70, Err(true))]),
            [10, 70]
        );
        assert_eq!(up(&[(HERE, 0, Ok(())), (HERE, 10, Err(false)), (HERE, 20, Err(false))]), [0i64; 0]);
    }

    #[test]
    fn fine_on_another_network_it_is_up() {
        let other = ("KZ", 64501);
        let before = [(other, 0, Ok(())), (HERE, 10, Err(false)), (HERE, 20, Err(false))];
        assert_eq!(up(&before), [0i64; 0]);
        assert_eq!(up(&[&before[..], &[(other, 30, Ok(())), (other, 40, Ok(()))]].concat()), [30]);
        assert_eq!(up(&[(HERE, 10, Err(false)), (HERE, 20, Ok(()))]), [0i64; 0], "the same network proves nothing");
    }

    #[test]
    fn other_countries_are_waited_for() {
        let (one, two) = (("RU", 64510), ("UA", 64520));
        let calm = [(one, 0, Ok(())), (two, 0, Ok(()))];
        let here = [(HERE, 10, Err(true)), (HERE, 40, Err(true)), (HERE, 80, Err(true))];
        assert_eq!(up(&[&calm[..], &here].concat()), [80]);
        let fine = [(HERE, 10, Err(true)), (one, 20, Ok(()))];
        assert_eq!(up(&[&calm[..], &fine].concat()), [20]);
        let world = [
            (HERE, 10, Err(true)),
            (one, 20, Err(true)),
            (two, 30, Err(true)),
            (HERE, 80, Err(true)),
            (one, 90, Err(true)),
        ];
        assert_eq!(up(&[&calm[..], &world].concat()), [0i64; 0]);
    }
}
