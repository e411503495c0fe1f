//! Events as JSON: what the API answers with and what alerts are made from.

mod judged;

use jiff::Timestamp;
use kedergi_detector::{Affected, Bracket, Event, EventId, EventState, Kind, Level, Note, PublicEvent, Slowed};
use kedergi_verdict::How;
use kedergi_wire::{Asn, CountryCode, ServiceId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

pub(crate) use judged::{Extent, Local, Reached, Reasoning, SlowedBody};

/// One cause, as far as it is seen: what became unreachable or slow together, network by network.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = Event)]
pub(crate) struct EventBody {
    /// Name of the event. It stays the same while the event grows.
    #[schema(value_type = String, example = "KZ-20190509-7f3a")]
    pub(crate) id: EventId,
    /// Where (ISO 3166-1 alpha-2).
    #[schema(value_type = String, example = "KZ")]
    pub(crate) country: CountryCode,
    /// `block`, `throttling`, `partial-shutdown` (networks are off for some of their subscribers) or `shutdown`: the gravest in
    /// its scope.
    #[serde(default)]
    #[schema(value_type = String, example = "block")]
    pub(crate) kind: Kind,
    /// The highest level it reached: `confirmed` or `national`.
    #[serde(default)]
    #[schema(value_type = String, example = "national")]
    pub(crate) level: Level,
    /// When it reached each level.
    #[serde(default)]
    pub(crate) reached: Reached,
    /// Whether it goes on.
    pub(crate) state: State,
    /// Whether probes that have been trusted for long disagree about any of it.
    #[serde(default)]
    pub(crate) contested: bool,
    /// Why nobody was woken for it, if there is a reason: `standing` (it has been so for as long as anybody measured), `down` (the
    /// service fails in other countries too), `instrument` (it follows a change of what measures or judges).
    #[serde(default)]
    #[schema(value_type = Vec<String>, example = json!([]))]
    pub(crate) notes: Vec<Note>,
    /// How much of the country it reaches.
    #[serde(default)]
    pub(crate) extent: Extent,
    /// When it began, over the whole country.
    pub(crate) onset: Span,
    /// When it ended; absent while it goes on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) end: Option<Span>,
    /// Begin and end by the clock on the wall there; absent where it is not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) local: Option<Local>,
    /// When the measurements sufficed to open the event (time of measurement).
    pub(crate) opened: Timestamp,
    /// When the measurements sufficed to close it; absent while it goes on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) closed: Option<Timestamp>,
    /// The services affected, each once, sorted.
    #[schema(value_type = Vec<String>, example = json!(["facebook", "instagram"]))]
    pub(crate) services: Vec<ServiceId>,
    /// AS numbers of the networks affected, each once, sorted; only those where three probes or more saw it.
    #[schema(value_type = Vec<u32>, example = json!([9198, 21299]))]
    pub(crate) networks: Vec<Asn>,
    /// How many more networks are affected, which are not named because fewer than three probes saw it there.
    pub(crate) unnamed_networks: u32,
    /// How it is done, most frequent first. Of a shutdown there is nothing to tell; of what is slowed down see `slowed` in
    /// `scope`.
    pub(crate) manners: Vec<Manner>,
    /// Deliberate or fault, with the numbers; absent of what a note explains.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) reasoning: Option<Reasoning>,
    /// What is affected, network by network, in the order it was confirmed; only where three probes or more saw it.
    pub(crate) scope: Vec<Scope>,
}

/// Whether an event goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
#[schema(as = EventState)]
pub(crate) enum State {
    /// It goes on.
    Open,
    /// It is over.
    Closed,
}

/// When something happened, as closely as the measurements tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = Bracket)]
pub(crate) struct Span {
    /// Not before: the last measurement of the state before. Absent if there was none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) earliest: Option<Timestamp>,
    /// Not after: the first measurement of the state after.
    pub(crate) latest: Timestamp,
}

/// A layer and a manner of blocking.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub(crate) struct Manner {
    /// `dns`, `tcp`, `tls` or `http`.
    #[schema(example = "tls")]
    pub(crate) layer: String,
    /// What is done there.
    #[schema(example = "timeout")]
    pub(crate) manner: String,
    /// How many verdicts say so.
    pub(crate) verdicts: u32,
}

/// One service on one network, as far as the event affects it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = Affected)]
pub(crate) struct Scope {
    /// What happened to it: words as in the event's `kind`.
    #[serde(default)]
    #[schema(value_type = String, example = "block")]
    pub(crate) kind: Kind,
    /// AS number of the network.
    #[schema(value_type = u32, example = 9198)]
    pub(crate) network: Asn,
    /// The service; absent where the whole network is off.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, example = "facebook")]
    pub(crate) service: Option<ServiceId>,
    /// When it began there.
    pub(crate) onset: Span,
    /// When the measurements sufficed to say so.
    pub(crate) confirmed: Timestamp,
    /// When it ended there; absent while it goes on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) end: Option<Span>,
    /// When the measurements sufficed to say that it ended; absent while it goes on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) cleared: Option<Timestamp>,
    /// Distinct probes that saw it.
    pub(crate) probes: u32,
    /// How it is done there.
    pub(crate) manners: Vec<Manner>,
    /// How much it is slowed down there; absent where that is not what happens.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) slowed: Option<SlowedBody>,
    /// Whether probes that have been trusted for long disagree.
    #[serde(default)]
    pub(crate) contested: bool,
    /// Words as in the event's `notes`.
    #[serde(default)]
    #[schema(value_type = Vec<String>, example = json!([]))]
    pub(crate) notes: Vec<Note>,
}

impl From<&PublicEvent> for EventBody {
    fn from(event: &PublicEvent) -> Self {
        let (onset, end) = (event.onset.into(), event.end.map(Span::from));
        Self {
            id: event.id.clone(),
            country: event.country,
            kind: event.kind,
            level: event.level,
            reached: event.into(),
            state: event.state.into(),
            contested: event.contested,
            notes: event.notes.clone(),
            extent: event.extent.into(),
            onset,
            end,
            local: Local::of(event.country, onset, end),
            opened: event.opened,
            closed: event.closed,
            services: event.services.clone(),
            networks: event.networks(),
            unnamed_networks: event.unnamed_networks,
            manners: event.manners.iter().map(Manner::from).collect(),
            reasoning: event.reasoning.as_ref().map(Reasoning::from),
            scope: event.scope.iter().map(Scope::from).collect(),
        }
    }
}

impl EventBody {
    /// How many networks are affected, named or not.
    pub(crate) fn network_count(&self) -> usize {
        self.networks.len().saturating_add(usize::try_from(self.unnamed_networks).unwrap_or(usize::MAX))
    }

    /// The event as the detector writes it, as far as the public knows it.
    pub(crate) fn to_event(&self) -> Event {
        Event {
            id: self.id.clone(),
            country: self.country,
            kind: self.kind,
            level: self.level,
            reached: self.reached.into(),
            state: self.state.into(),
            scope: self.scope.iter().map(Scope::to_affected).collect(),
            extent: self.extent.into(),
            reasoning: self.reasoning.as_ref().map(kedergi_detector::Reasoning::from),
        }
    }
}

impl Scope {
    fn to_affected(&self) -> Affected {
        Affected {
            network: self.network,
            kind: self.kind,
            service: self.service.clone(),
            onset: self.onset.into(),
            suspected: self.confirmed,
            confirmed: Some(self.confirmed),
            end: self.end.map(Bracket::from),
            cleared: self.cleared,
            probes: self.probes,
            manners: self.manners.iter().filter_map(|manner| Some((manner.how()?, manner.verdicts))).collect(),
            slowed: self.slowed.map(Slowed::from),
            contested: self.contested,
            notes: self.notes.clone(),
            evidence: Vec::new(),
        }
    }
}

impl From<&Affected> for Scope {
    fn from(affected: &Affected) -> Self {
        Self {
            kind: affected.kind,
            network: affected.network,
            service: affected.service.clone(),
            onset: affected.onset.into(),
            confirmed: affected.told(),
            end: affected.end.map(Span::from),
            cleared: affected.cleared,
            probes: affected.probes,
            manners: affected.manners.iter().map(Manner::from).collect(),
            slowed: affected.slowed.map(SlowedBody::from),
            contested: affected.contested,
            notes: affected.notes.clone(),
        }
    }
}

impl Manner {
    fn how(&self) -> Option<How> {
        serde_json::from_value(serde_json::json!({ "layer": self.layer, "manner": self.manner })).ok()
    }
}

impl From<&(How, u32)> for Manner {
    fn from(&(how, verdicts): &(How, u32)) -> Self {
        Self { layer: how.layer().to_string(), manner: how.manner().to_owned(), verdicts }
    }
}

impl From<Bracket> for Span {
    fn from(bracket: Bracket) -> Self {
        Self { earliest: bracket.earliest, latest: bracket.latest }
    }
}

impl From<Span> for Bracket {
    fn from(span: Span) -> Self {
        Self { earliest: span.earliest, latest: span.latest }
    }
}

impl From<EventState> for State {
    fn from(state: EventState) -> Self {
        match state {
            EventState::Open => Self::Open,
            EventState::Closed => Self::Closed,
        }
    }
}

impl From<State> for EventState {
    fn from(state: State) -> Self {
        match state {
            State::Open => Self::Open,
            State::Closed => Self::Closed,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::fixtures::{body, ended, event};

    #[test]
    fn an_event_survives_its_public_form() {
        let mut slow = event(&[9198], &["twitter"]);
        slow.kind = Kind::Throttling;
        slow.scope[0].kind = Kind::Throttling;
        slow.scope[0].slowed = Some(Slowed { slowness: 903, policed: 4, shaped: 0, by_name: 3, by_address: 1 });
        for event in [event(&[9198, 21299], &["facebook"]), ended(event(&[9198], &["facebook", "youtube"])), slow] {
            let json = serde_json::to_string(&body(&event)).unwrap();
            let read: EventBody = serde_json::from_str(&json).unwrap();
            assert_eq!(read.to_event(), event);
        }
    }
}
