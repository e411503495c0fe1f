//! One event for one cause: which alarms belong together.
//!
//! A function of all alarms of a country, taken in order of their onset, so that the order in which facts arrived has no say.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};
use kedergi_wire::ServiceId;

use crate::alarm::{Alarm, EVIDENCE, Span};
use crate::newcomers::{self, Word};
use crate::series::Key;
use crate::time::Moment;
use crate::{Affected, Bracket, Kind, Note, Slowed};

/// A series that alarms again this soon after its end goes on: blocks that flap are one block.
const FLAP: SignedDuration = SignedDuration::from_hours(1);
/// Onsets this close belong together, whatever the service: ordered blocks start together, often on the hour, and
/// operators carry them out within minutes of each other.
const TOGETHER: SignedDuration = SignedDuration::from_mins(30);
/// A service that is blocked on one network already, and since no longer than this, is blocked on the next one for the
/// same cause: the slowest operators followed after half a day (Kazakhstan, 8 and 9 May 2019).
const FOLLOWING: SignedDuration = SignedDuration::from_hours(12);

/// The alarms of one series as the public knows them, those of its layers and flapping joined up.
pub(crate) fn joined<'a>(key: &Key, alarms: impl Iterator<Item = &'a Alarm>) -> Vec<Word> {
    join(alarms.filter_map(|alarm| Some((affected(key, alarm)?, alarm.witnesses.as_slice()))))
}

/// What is told of one series with its witnesses, joined up where it goes on.
pub(crate) fn join<'a>(told: impl Iterator<Item = (Affected, &'a [u64])>) -> Vec<Word> {
    let mut told: Vec<_> = told.collect();
    told.sort_by_key(|(affected, _)| affected.onset.latest);
    let mut joined = Vec::<(Affected, BTreeSet<u64>)>::new();
    for (next, seen_by) in told {
        match joined.last_mut() {
            Some((before, witnesses)) if goes_on(before, &next) => {
                witnesses.extend(seen_by);
                extend(before, next, witnesses.len());
            }
            _ => joined.push((next, seen_by.iter().copied().collect())),
        }
    }
    let word = |(affected, witnesses): (Affected, BTreeSet<u64>)| Word {
        affected,
        newcomers: witnesses.into_iter().all(newcomers::is_shared),
    };
    joined.into_iter().map(word).collect()
}

fn goes_on(before: &Affected, next: &Affected) -> bool {
    before.end.is_none_or(|end| next.onset.latest.duration_since(end.latest) <= FLAP)
}

fn extend(before: &mut Affected, next: Affected, witnesses: usize) {
    before.suspected = before.suspected.min(next.suspected);
    before.confirmed = before.confirmed.into_iter().chain(next.confirmed).min();
    before.cleared = before.cleared.zip(next.cleared).map(|(one, other)| one.max(other));
    before.end = before.end.zip(next.end).map(|(one, other)| if one.latest < other.latest { other } else { one });
    before.probes = count(witnesses);
    before.contested |= next.contested;
    before.notes.retain(|note| next.notes.contains(note));
    let mut manners: BTreeMap<_, _> = before.manners.iter().copied().collect();
    for (how, count) in next.manners {
        *manners.entry(how).or_default() += count;
    }
    before.manners = manners.into_iter().collect();
    before.slowed = before.slowed.into_iter().chain(next.slowed).reduce(Slowed::and);
    before.evidence.extend(next.evidence);
    before.evidence.truncate(EVIDENCE);
}

fn affected(key: &Key, alarm: &Alarm) -> Option<Affected> {
    let notes = [(alarm.standing, Note::Standing), (alarm.is_instruments(), Note::Instrument)];
    Some(Affected {
        kind: Kind::Block,
        network: key.network,
        service: Some(key.service.clone()),
        onset: alarm.onset.into(),
        suspected: alarm.suspected()?.timestamp(),
        confirmed: alarm.confirmed().map(Moment::timestamp),
        end: alarm.end.map(Bracket::from),
        cleared: alarm.cleared.map(Moment::timestamp),
        probes: count(alarm.witnesses.len()),
        manners: alarm.manners.iter().map(|(&how, &count)| (how, count)).collect(),
        slowed: None,
        contested: alarm.contested,
        notes: notes.into_iter().filter(|(holds, _)| *holds).map(|(_, note)| note).collect(),
        evidence: alarm.evidence.clone(),
    })
}

fn count(witnesses: usize) -> u32 {
    u32::try_from(witnesses).unwrap_or(u32::MAX)
}

impl From<Span> for Bracket {
    fn from(span: Span) -> Self {
        Self { earliest: span.earliest.map(Moment::timestamp), latest: span.latest.timestamp() }
    }
}

/// Sorts what is affected into groups of one cause each: what is confirmed, then what is only suspected and has nothing to do
/// with that, each in order of their first onset.
pub(crate) fn groups(all: Vec<Affected>) -> Vec<Vec<Affected>> {
    let (confirmed, suspected): (Vec<_>, Vec<_>) = all.into_iter().partition(|affected| affected.confirmed.is_some());
    let alone = |affected: &Affected| {
        !confirmed.iter().any(|member| same_cause(member, affected) || same_cause(affected, member))
    };
    let suspected = suspected.into_iter().filter(alone).collect();
    let mut groups = group(confirmed.clone());
    groups.extend(group(suspected));
    groups
}

fn group(mut all: Vec<Affected>) -> Vec<Vec<Affected>> {
    all.sort_by(|a, b| order(a).cmp(&order(b)));
    let mut groups = Vec::<Vec<Affected>>::new();
    for affected in all {
        match groups.iter_mut().find(|group| group.iter().any(|member| same_cause(member, &affected))) {
            Some(group) => group.push(affected),
            None => groups.push(vec![affected]),
        }
    }
    groups
}

fn order(affected: &Affected) -> (Timestamp, u32, Option<&ServiceId>) {
    (affected.onset.latest, affected.network.get(), affected.service.as_ref())
}

/// Whether `next`, which began no earlier than `member`, has the same cause.
fn same_cause(member: &Affected, next: &Affected) -> bool {
    let after = next.onset.latest.duration_since(member.onset.latest);
    let still_on = member.end.is_none_or(|end| end.latest >= next.onset.latest);
    if after < SignedDuration::ZERO {
        return false;
    }
    let turned = (member.network, &member.service) == (next.network, &next.service) && member.kind != next.kind;
    after <= TOGETHER || (member.service == next.service && still_on && (after <= FOLLOWING || turned))
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::Bracket;
    use kedergi_wire::Asn;

    pub(crate) fn at(minute: i64) -> Timestamp {
        Timestamp::from_second(1_557_300_000 + minute * 60).unwrap()
    }

    /// A service blocked on a network from one minute to another.
    pub(crate) fn blocked(network: u32, service: &str, from: i64, until: Option<i64>) -> Affected {
        Affected {
            network: Asn::new(network).unwrap(),
            kind: Kind::Block,
            service: Some(service.parse().unwrap()),
            onset: Bracket { earliest: None, latest: at(from) },
            suspected: at(from + 2),
            confirmed: Some(at(from + 2)),
            end: until.map(|minute| Bracket { earliest: None, latest: at(minute) }),
            cleared: until.map(|minute| at(minute + 5)),
            probes: 3,
            manners: Vec::new(),
            slowed: None,
            contested: false,
            notes: Vec::new(),
            evidence: Vec::new(),
        }
    }

    fn sizes(all: Vec<Affected>) -> Vec<usize> {
        group(all).iter().map(Vec::len).collect()
    }

    #[test]
    fn what_begins_together_belongs_together() {
        assert_eq!(sizes(vec![blocked(1, "a", 0, None), blocked(2, "b", 30, None)]), [2]);
        assert_eq!(sizes(vec![blocked(1, "a", 0, None), blocked(2, "b", 31, None)]), [1, 1]);
        let chain = vec![blocked(1, "a", 0, None), blocked(2, "b", 30, None), blocked(3, "c", 60, None)];
        assert_eq!(sizes(chain), [3]);
    }

    #[test]
    fn networks_that_follow_belong_together_while_it_goes_on() {
        assert_eq!(sizes(vec![blocked(1, "a", 0, None), blocked(2, "a", 720, None)]), [2]);
        assert_eq!(sizes(vec![blocked(1, "a", 0, None), blocked(2, "a", 721, None)]), [1, 1]);
        assert_eq!(sizes(vec![blocked(1, "a", 0, Some(60)), blocked(2, "a", 90, None)]), [1, 1]);
    }

    #[test]
    fn another_service_hours_later_is_another_event() {
        let evening = [blocked(1, "news", 0, None), blocked(2, "news", 300, None)];
        let morning = [blocked(1, "social", 870, None), blocked(2, "social", 880, None)];
        assert_eq!(sizes([morning, evening].concat()), [2, 2]);
    }
}
