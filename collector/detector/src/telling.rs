//! What became known: events before and after, and the names they keep.

use std::collections::BTreeSet;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use kedergi_wire::{Asn, CountryCode, Digest, ServiceId};

use crate::{Affected, Change, Event, EventId, EventState};

/// Makes events of groups. A group that overlaps an event known before keeps its name.
pub(crate) fn named(country: CountryCode, groups: Vec<Vec<Affected>>, known: &[Event]) -> Vec<Event> {
    let mut taken: BTreeSet<EventId> = BTreeSet::new();
    let kept: Vec<_> = groups.iter().map(|group| keep(group, known, &mut taken)).collect();
    taken.extend(known.iter().map(|event| event.id.clone()));
    let named = groups.into_iter().zip(kept).map(|(mut scope, kept)| {
        let id = kept.unwrap_or_else(|| fresh(country, &scope, &mut taken));
        scope.sort_by(|a, b| (a.confirmed, a.network, &a.service).cmp(&(b.confirmed, b.network, &b.service)));
        let open = scope.iter().any(|affected| affected.end.is_none());
        Event { id, country, state: if open { EventState::Open } else { EventState::Closed }, scope }
    });
    named.collect()
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
    let origin = format!("{country} {} {} {}", first.network, first.service, first.onset.latest);
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
    if closed {
        changes.push(Change::Closed(event.clone()));
    }
    if changes.is_empty() && old != event {
        changes.push(Change::Updated(event.clone()));
    }
    changes
}

fn series(event: &Event) -> BTreeSet<(Asn, &ServiceId)> {
    event.scope.iter().map(|affected| (affected.network, &affected.service)).collect()
}
