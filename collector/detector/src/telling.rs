//! What became known: events before and after, and the names they keep.

use std::collections::BTreeSet;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use kedergi_wire::{Asn, CountryCode, Digest, ServiceId};

use crate::{Affected, Change, Event, EventId, EventState, Level};

/// Makes events of groups. A group that overlaps an event known before keeps its name.
pub(crate) fn named(country: CountryCode, groups: Vec<Vec<Affected>>, known: &[Event]) -> Vec<Event> {
    let mut taken: BTreeSet<EventId> = BTreeSet::new();
    let kept: Vec<_> = groups.iter().map(|group| keep(group, known, &mut taken)).collect();
    taken.extend(known.iter().map(|event| event.id.clone()));
    let named = groups.into_iter().zip(kept).map(|(mut scope, kept)| {
        let id = kept.unwrap_or_else(|| fresh(country, &scope, &mut taken));
        scope.sort_by(|a, b| (a.told(), a.network, &a.service).cmp(&(b.told(), b.network, &b.service)));
        Event::of(id, country, scope)
    });
    let mut named: Vec<_> = named.collect();
    named.sort_by_key(|event| event.onset().map(|onset| onset.latest));
    named
}

/// The name of the known event, not yet taken, that shares most with the group.
fn keep(group: &[Affected], known: &[Event], taken: &mut BTreeSet<EventId>) -> Option<EventId> {
    let free = known.iter().filter(|event| !taken.contains(&event.id));
    let (shared, event) = free.map(|event| (shared(group, event), event)).rev().max_by_key(|(shared, _)| *shared)?;
    if shared == 0 {
        return None;
    }
    taken.insert(event.id.clone());
    Some(event.id.clone())
}

fn shared(group: &[Affected], event: &Event) -> usize {
    let overlaps = |affected: &&Affected| event.scope.iter().any(|other| overlap(affected, other));
    group.iter().filter(overlaps).count()
}

fn overlap(a: &Affected, b: &Affected) -> bool {
    let until = |affected: &Affected| affected.end.map_or(Timestamp::MAX, |end| end.latest);
    (a.network, &a.service) == (b.network, &b.service) && a.onset.latest <= until(b) && b.onset.latest <= until(a)
}

/// Country, date and four digits that follow from where and when it began; another four where those are taken.
fn fresh(country: CountryCode, scope: &[Affected], taken: &mut BTreeSet<EventId>) -> EventId {
    let Some(first) = scope.first() else { return EventId(country.to_string()) };
    let date = first.onset.latest.to_zoned(TimeZone::UTC).strftime("%Y%m%d").to_string();
    let service = first.service.as_ref().map_or("", ServiceId::as_str);
    let origin = format!("{country} {} {service} {}", first.network, first.onset.latest);
    let mut names = (0u64..).map(|attempt| {
        let digest = Digest::of(format!("{origin} {attempt}").as_bytes()).to_string();
        EventId(format!("{country}-{date}-{}", &digest[..if attempt < 1000 { 4 } else { 16 }]))
    });
    let id = names.find(|id| !taken.contains(id)).unwrap_or_else(|| EventId(origin.clone()));
    taken.insert(id.clone());
    id
}

/// What changed between two lists of a country's events.
pub(crate) fn changes(before: &[Event], after: &[Event]) -> Vec<Change> {
    let gone = before.iter().filter(|event| after.iter().all(|other| other.id != event.id));
    let retracted = gone.cloned().map(Change::Retracted);
    let told = after.iter().flat_map(|event| {
        let old = before.iter().find(|other| other.id == event.id);
        old.map_or_else(|| began(event), |old| went_on(old, event))
    });
    retracted.chain(told).collect()
}

/// An event that late facts tell of may be over by the time it is known.
fn began(event: &Event) -> Vec<Change> {
    let closed = (event.state == EventState::Closed).then(|| Change::Closed(event.clone()));
    std::iter::once(Change::Opened(event.clone())).chain(closed).collect()
}

fn went_on(old: &Event, event: &Event) -> Vec<Change> {
    let mut changes = Vec::new();
    let reopened = old.state == EventState::Closed && event.state == EventState::Open;
    let closed = old.state == EventState::Open && event.state == EventState::Closed;
    if reopened {
        changes.push(Change::Opened(event.clone()));
    } else if series(event).difference(&series(old)).next().is_some() {
        changes.push(Change::Grew(event.clone()));
    }
    let known = old.level >= Level::Confirmed && event.rose_at_once();
    if event.level > old.level && !known {
        changes.push(Change::Raised(event.clone()));
    }
    if closed {
        changes.push(Change::Closed(event.clone()));
    }
    if changes.is_empty() && old != event {
        changes.push(Change::Updated(event.clone()));
    }
    changes
}

fn series(event: &Event) -> BTreeSet<(Asn, Option<&ServiceId>)> {
    event.scope.iter().map(|affected| (affected.network, affected.service.as_ref())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::group::tests::blocked;

    fn events(groups: Vec<Vec<Affected>>, known: &[Event]) -> Vec<Event> {
        named("KZ".parse().unwrap(), groups, known)
    }

    fn words(changes: &[Change]) -> Vec<&'static str> {
        let word = |change: &Change| match change {
            Change::Opened(_) => "opened",
            Change::Grew(_) => "grew",
            Change::Raised(_) => "raised",
            Change::Updated(_) => "updated",
            Change::Closed(_) => "closed",
            Change::Retracted(_) => "retracted",
        };
        changes.iter().map(word).collect()
    }

    #[test]
    fn a_name_says_where_and_when_and_stays() {
        let first = events(vec![vec![blocked(1, "a", 0, None)]], &[]);
        assert!(first[0].id.0.starts_with("KZ-20190508-") && first[0].id.0.len() == 16, "{}", first[0].id);
        // A late fact: it began earlier, and elsewhere too.
        let group = vec![blocked(2, "a", -9, None), blocked(1, "a", -5, Some(60))];
        let then = events(vec![group], &first);
        assert_eq!(then[0].id, first[0].id);
        assert_eq!(words(&changes(&first, &then)), ["grew"]);
    }

    #[test]
    fn of_two_that_were_one_the_greater_keeps_its_name() {
        let (small, great) =
            (vec![blocked(1, "a", 0, None)], vec![blocked(1, "b", 90, None), blocked(2, "b", 91, None)]);
        let two = events(vec![small.clone(), great.clone()], &[]);
        assert_ne!(two[0].id, two[1].id);
        let one = events(vec![[small, great].concat()], &two);
        assert_eq!(one[0].id, two[1].id);
        assert_eq!(words(&changes(&two, &one)), ["retracted", "grew"]);
    }

    #[test]
    fn two_that_began_alike_have_names_of_their_own() {
        let twice = events(vec![vec![blocked(1, "a", 0, None)], vec![blocked(1, "a", 0, None)]], &[]);
        assert_ne!(twice[0].id, twice[1].id);
    }

    #[test]
    fn an_event_opens_closes_and_opens_again() {
        let state =
            |until| events(vec![vec![blocked(1, "a", 0, until)]], &events(vec![vec![blocked(1, "a", 0, None)]], &[]));
        let (open, closed) = (state(None), state(Some(60)));
        assert_eq!(words(&changes(&[], &open)), ["opened"]);
        assert_eq!(words(&changes(&[], &closed)), ["opened", "closed"]);
        assert_eq!(words(&changes(&open, &closed)), ["closed"]);
        assert_eq!(words(&changes(&closed, &open)), ["opened"]);
        assert_eq!(words(&changes(&closed, &state(Some(61)))), ["updated"]);
        assert_eq!(words(&changes(&open, &open)), [""; 0]);
    }
}
