//! An event as sentences and names.

use jiff::{SignedDuration, Timestamp};
use kedergi_detector::{Affected, Bracket, EventState, Kind, Note, PublicEvent};
use kedergi_wire::{Asn, ServiceId};

use crate::clock::{Clock, exact, moved};
use crate::names::{country_name, network_name, service_name};
use crate::texts;

const AROUND: SignedDuration = SignedDuration::from_hours(2);

/// The sentence an event is known by.
pub(crate) fn headline(event: &PublicEvent, clock: &Clock) -> String {
    let (services, named, country) = (services(event), network_names(event), country_name(event.country));
    let (kind, unnamed) = (event.kind, event.unnamed_networks);
    let affects = texts::Affects { kind, services: &services, named: &named, unnamed, country: &country };
    match event.end {
        None => {
            let since = texts::moment(clock, event.onset.latest);
            let since = if is_standing(event) { texts::at_least(&since) } else { since };
            texts::headline_open(&affects, &since)
        }
        Some(end) => {
            let during = texts::stretch(clock, event.onset.latest, end.latest);
            texts::headline_closed(&affects, &during)
        }
    }
}

/// Whether it has been so for as long as anybody measured, so that nobody knows when it began.
pub(crate) fn is_standing(event: &PublicEvent) -> bool {
    event.notes.contains(&Note::Standing)
}

/// When it began, or since when it is known.
pub(crate) fn began(event: &PublicEvent, clock: &Clock) -> String {
    match is_standing(event) {
        true => texts::first_seen(&texts::moment(clock, event.onset.latest)),
        false => bracket(clock, event.onset),
    }
}

/// The services by name.
pub(crate) fn services(event: &PublicEvent) -> Vec<String> {
    event.services.iter().map(|service| service_name(service).to_owned()).collect()
}

/// The networks that may be named.
pub(crate) fn network_names(event: &PublicEvent) -> Vec<String> {
    event.networks().into_iter().map(network_name).collect()
}

/// The most frequent manner in a few words.
pub(crate) fn manner(event: &PublicEvent) -> Option<&'static str> {
    event.manners.first().map(|&(how, _)| texts::how(how).short)
}

/// A bracket in words.
pub(crate) fn bracket(clock: &Clock, bracket: Bracket) -> String {
    texts::bracket(clock, bracket.earliest, bracket.latest)
}

/// Whether it goes on.
pub(crate) fn is_open(event: &PublicEvent) -> bool {
    event.state == EventState::Open
}

/// How long it lasted, or has lasted by `now`.
pub(crate) fn lasted(event: &PublicEvent, now: Timestamp) -> SignedDuration {
    let end = event.end.map_or(now.max(event.onset.latest), |end| end.latest);
    end.duration_since(event.onset.latest)
}

/// The events that go on, then those that are over; each group latest first.
pub(crate) fn latest_first(events: &[PublicEvent]) -> (Vec<&PublicEvent>, Vec<&PublicEvent>) {
    let (mut open, mut over): (Vec<_>, Vec<_>) = events.iter().partition(|event| is_open(event));
    open.sort_by_key(|event| std::cmp::Reverse((event.onset.latest, event.id.clone())));
    over.sort_by_key(|event| std::cmp::Reverse((event.end.map(|end| end.latest), event.id.clone())));
    (open, over)
}

/// The country's page at the time of the event, with some hours around it, below the way up `root`.
pub(crate) fn timeline_href(event: &PublicEvent, now: Timestamp, root: &str) -> String {
    let end = event.end.map_or(now, |end| moved(end.latest, AROUND));
    window_href(&format!("{root}country/{}", event.country), hour(moved(event.onset.latest, -AROUND)), hour(end))
}

/// A country's page for a stretch of time.
pub(crate) fn window_href(page: &str, from: Timestamp, until: Timestamp) -> String {
    format!("{page}?from={}&until={}", exact(from), exact(until))
}

/// The full hour after, so that links stay the same for a while.
fn hour(at: Timestamp) -> Timestamp {
    Timestamp::from_second((at.as_second() + 3599).div_euclid(3600) * 3600).unwrap_or(at)
}

/// When the event kept a service from being reached, on whichever networks; `None` if it did not.
pub(crate) fn hold_on(event: &PublicEvent, service: &ServiceId) -> Option<(Timestamp, Option<Timestamp>)> {
    let is_told = event.scope.iter().any(|affected| affected.service.as_ref() == Some(service));
    let is_held = |affected: &&Affected| affected.kind == Kind::Block && affected.service.as_ref() == Some(service);
    let told = event.scope.iter().filter(is_held);
    let (mut from, mut until) = (None::<Timestamp>, Some(Timestamp::MIN));
    for affected in told {
        from = Some(from.map_or(affected.onset.latest, |from| from.min(affected.onset.latest)));
        until = until.zip(affected.end).map(|(until, end)| until.max(end.latest));
    }
    // Where too few probes saw each part of it, only the event's own begin and end may be told.
    let hidden = event.kind == Kind::Block && event.services.contains(service) && !is_told;
    let whole = hidden.then(|| (event.onset.latest, event.end.map(|end| end.latest)));
    from.map(|from| (from, until)).or(whole)
}

/// Whether the event tells of this service on this network.
pub(crate) fn tells_of(event: &PublicEvent, network: Asn, service: &ServiceId) -> bool {
    event.scope.iter().any(|affected| affected.network == network && affected.service.as_ref() == Some(service))
}
