//! Events for tests.

use jiff::{SignedDuration, Timestamp};
use kedergi_detector::{Affected, Bracket, Event, EventId, EventState};
use kedergi_verdict::{How, TlsManner};
use kedergi_wire::Asn;

use super::EventBody;

pub(crate) fn at(minute: i64) -> Timestamp {
    "2019-05-09T07:00:00Z".parse::<Timestamp>().unwrap() + SignedDuration::from_mins(minute)
}

/// An open event: from minute 0, each of these services on each of these networks, seen by three probes.
pub(crate) fn event(networks: &[u32], services: &[&str]) -> Event {
    let affected = |network: u32, service: &str| Affected {
        network: Asn::new(network).unwrap(),
        service: service.parse().unwrap(),
        onset: Bracket { earliest: Some(at(-4)), latest: at(0) },
        confirmed: at(3),
        end: None,
        cleared: None,
        probes: 3,
        manners: vec![(How::Tls(TlsManner::Timeout), 3)],
        evidence: Vec::new(),
    };
    Event {
        id: EventId("KZ-20190509-7f3a".to_owned()),
        country: "KZ".parse().unwrap(),
        state: EventState::Open,
        scope: networks.iter().flat_map(|&n| services.iter().map(move |s| affected(n, s))).collect(),
    }
}

/// The same, over.
pub(crate) fn ended(mut event: Event) -> Event {
    event.state = EventState::Closed;
    for affected in &mut event.scope {
        affected.end = Some(Bracket { earliest: Some(at(418)), latest: at(421) });
        affected.cleared = Some(at(424));
    }
    event
}

pub(crate) fn body(event: &Event) -> EventBody {
    EventBody::from(&event.public().unwrap())
}
