//! One event for one cause: which alarms belong together.
//!
//! A function of all alarms of a country, taken in order of their onset, so that the order in which facts arrived has no say.

use jiff::{SignedDuration, Timestamp};
use kedergi_wire::ServiceId;

use crate::fold::Alarm;
use crate::series::Key;
use crate::{Affected, Kind};

/// A series that alarms again this soon after its end goes on: blocks that flap are one block.
const FLAP: SignedDuration = SignedDuration::from_hours(1);
/// Onsets this close belong together, whatever the service: ordered blocks start together, often on the hour, and
/// operators carry them out within minutes of each other.
const TOGETHER: SignedDuration = SignedDuration::from_mins(30);
/// A service that is blocked on one network already, and since no longer than this, is blocked on the next one for the
/// same cause: the slowest operators followed after half a day (Kazakhstan, 8 and 9 May 2019).
const FOLLOWING: SignedDuration = SignedDuration::from_hours(12);

/// The alarms of one series as the public knows them, flapping joined up. `alarms` are in order of time.
pub(crate) fn joined<'a>(key: &Key, alarms: impl Iterator<Item = &'a Alarm>) -> Vec<Affected> {
    let mut joined = Vec::<Alarm>::new();
    for alarm in alarms {
        match joined.last_mut() {
            Some(before) if goes_on(before, alarm) => extend(before, alarm),
            _ => joined.push(alarm.clone()),
        }
    }
    joined.iter().filter_map(|alarm| affected(key, alarm)).collect()
}

fn goes_on(before: &Alarm, alarm: &Alarm) -> bool {
    before.end.is_none_or(|end| alarm.onset.latest.duration_since(end.latest) <= FLAP)
}

fn extend(before: &mut Alarm, alarm: &Alarm) {
    (before.end, before.cleared) = (alarm.end, alarm.cleared);
    before.probes.extend(&alarm.probes);
    for (&how, count) in &alarm.manners {
        *before.manners.entry(how).or_default() += count;
    }
}

fn affected(key: &Key, alarm: &Alarm) -> Option<Affected> {
    Some(Affected {
        network: key.network,
        kind: Kind::Block,
        service: Some(key.service.clone()),
        onset: alarm.onset,
        suspected: alarm.confirmed()?,
        confirmed: alarm.confirmed(),
        end: alarm.end,
        cleared: alarm.cleared,
        probes: u32::try_from(alarm.probes.len()).unwrap_or(u32::MAX),
        manners: alarm.manners.iter().map(|(&how, &count)| (how, count)).collect(),
        contested: false,
        notes: Vec::new(),
        evidence: alarm.evidence.clone(),
    })
}

/// Sorts what is affected into groups of one cause each, in order of their first onset.
pub(crate) fn group(mut all: Vec<Affected>) -> Vec<Vec<Affected>> {
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
    after <= TOGETHER || (member.service == next.service && still_on && after <= FOLLOWING)
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
