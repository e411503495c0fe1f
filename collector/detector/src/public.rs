//! What the public gets to see of an event: nothing that would single out a lone volunteer.

use std::collections::BTreeSet;

use jiff::Timestamp;
use kedergi_verdict::How;
use kedergi_wire::{Asn, CountryCode, ServiceId};
use serde::{Deserialize, Serialize};

use crate::{
    Affected, Bracket, Event, EventId, EventState, Extent, Kind, Level, Note, PUBLIC_PROBES, Reached, Reasoning,
};

/// An event as pages, API and alerts show it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PublicEvent {
    /// Public name.
    pub id: EventId,
    /// Where.
    pub country: CountryCode,
    /// What kind of thing it is.
    pub kind: Kind,
    /// The highest level it reached.
    pub level: Level,
    /// When it reached each level.
    pub reached: Reached,
    /// Whether it goes on.
    pub state: EventState,
    /// When it began, over the whole country.
    pub onset: Bracket,
    /// When it was opened (event time).
    pub opened: Timestamp,
    /// When it ended; `None` while it goes on.
    pub end: Option<Bracket>,
    /// When it was closed (event time); `None` while it goes on.
    pub closed: Option<Timestamp>,
    /// The services affected, each once, sorted.
    pub services: Vec<ServiceId>,
    /// How it was done, most frequent first.
    pub manners: Vec<(How, u32)>,
    /// What it affects, network by network, where [`PUBLIC_PROBES`] probes or more saw it. May be empty: then the event is
    /// shown for the country as a whole.
    pub scope: Vec<Affected>,
    /// Networks affected of which nothing else may be told, because fewer than [`PUBLIC_PROBES`] probes saw it there.
    pub unnamed_networks: u32,
    /// How much of the country it reaches.
    pub extent: Extent,
    /// Whether probes that have been trusted for long disagree about any of it.
    pub contested: bool,
    /// Why nobody was woken for it, if there is a reason.
    pub notes: Vec<Note>,
    /// Deliberate or fault, with the numbers.
    pub reasoning: Option<Reasoning>,
}

impl PublicEvent {
    /// The networks that may be named, each once, sorted.
    pub fn networks(&self) -> Vec<Asn> {
        let networks: BTreeSet<_> = self.scope.iter().map(|affected| affected.network).collect();
        networks.into_iter().collect()
    }
}

impl Event {
    /// The event without what could single out a volunteer. `None` while it is only suspected: that may be one volunteer's
    /// word.
    pub fn public(&self) -> Option<PublicEvent> {
        if self.level < Level::Confirmed {
            return None;
        }
        let shown = |affected: &&Affected| affected.confirmed.is_some() && affected.probes >= PUBLIC_PROBES;
        let scope: Vec<_> = self.scope.iter().filter(shown).cloned().collect();
        let named: BTreeSet<_> = scope.iter().map(|affected| affected.network).collect();
        let unnamed = self.networks().iter().filter(|network| !named.contains(network)).count();
        Some(PublicEvent {
            id: self.id.clone(),
            country: self.country,
            kind: self.kind,
            level: self.level,
            reached: self.reached,
            state: self.state,
            onset: self.onset()?,
            opened: self.opened()?,
            end: self.end(),
            closed: self.closed(),
            services: self.services().into_iter().cloned().collect(),
            manners: self.manners(),
            unnamed_networks: u32::try_from(unnamed).unwrap_or(u32::MAX),
            scope,
            extent: self.extent,
            contested: self.contested(),
            notes: self.notes(),
            reasoning: self.reasoning.clone(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use kedergi_wire::{BatchId, ReportRef};

    fn affected(network: u32, service: &str, probes: u32) -> Affected {
        let at: Timestamp = "2019-05-09T06:00:00Z".parse().unwrap();
        Affected {
            network: Asn::new(network).unwrap(),
            kind: Kind::Block,
            service: Some(service.parse().unwrap()),
            onset: Bracket { earliest: None, latest: at },
            suspected: at,
            confirmed: Some(at),
            end: None,
            cleared: None,
            probes,
            manners: Vec::new(),
            slowed: None,
            contested: false,
            notes: Vec::new(),
            evidence: vec![ReportRef { batch: BatchId([1; 32]), index: 0 }],
        }
    }

    fn event(scope: Vec<Affected>) -> Event {
        Event::of(EventId("KZ-20190509-0000".into()), "KZ".parse().unwrap(), scope)
    }

    #[test]
    fn a_network_with_two_probes_is_counted_but_not_named() {
        let event = event(vec![affected(1, "a", 3), affected(1, "b", 2), affected(2, "a", 2)]);
        let public = event.public().unwrap();
        assert_eq!(public.scope, [affected(1, "a", 3)]);
        assert_eq!(public.unnamed_networks, 1);
        assert_eq!(public.services.len(), 2);
    }

    #[test]
    fn with_nothing_to_name_the_country_remains() {
        let public = event(vec![affected(1, "a", 2)]).public().unwrap();
        assert_eq!((public.scope.len(), public.unnamed_networks), (0, 1));
        assert!(!serde_json::to_string(&public).unwrap().contains("batch"));
    }
}
