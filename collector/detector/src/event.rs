//! What the detector says: one event for one cause.

use std::collections::BTreeMap;
use std::fmt;

use jiff::Timestamp;
use kedergi_verdict::How;
use kedergi_wire::{Asn, CountryCode, ReportRef, ServiceId};
use serde::{Deserialize, Serialize};

/// Fewer probes than this in a cell, and the cell is not shown to anybody: a lone volunteer must not be found by it.
pub const PUBLIC_PROBES: u32 = 3;

/// Public name of an event, such as `KZ-20190509-7f3a`. It stays the same while the event grows.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct EventId(pub String);

impl fmt::Display for EventId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// When something happened, as closely as the measurements tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Bracket {
    /// Not before: the last measurement of the state before. `None` if there was none.
    pub earliest: Option<Timestamp>,
    /// Not after: the first measurement of the state after.
    pub latest: Timestamp,
}

/// Whether an event goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum EventState {
    /// It goes on.
    Open,
    /// It is over.
    Closed,
}

/// One service on one network, as far as an event affects it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Affected {
    /// Which network.
    pub network: Asn,
    /// Which service.
    pub service: ServiceId,
    /// When it began.
    pub onset: Bracket,
    /// When the measurements sufficed to say so (event time).
    pub confirmed: Timestamp,
    /// When it ended; `None` while it goes on.
    pub end: Option<Bracket>,
    /// When the measurements sufficed to say that it ended (event time).
    pub cleared: Option<Timestamp>,
    /// Distinct probes that saw it blocked.
    pub probes: u32,
    /// How it was blocked, and how many verdicts say so.
    pub manners: Vec<(How, u32)>,
    /// Some of the reports it rests on, the first ones.
    pub evidence: Vec<ReportRef>,
}

/// One cause, as far as it is seen: services that went together, network by network.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Event {
    /// Public name.
    pub id: EventId,
    /// Where.
    pub country: CountryCode,
    /// Whether it goes on: open while any of `scope` goes on.
    pub state: EventState,
    /// What it affects, in the order it was confirmed. Never empty.
    pub scope: Vec<Affected>,
}

impl Event {
    /// When it began: the earliest onset in its scope.
    pub fn onset(&self) -> Option<Bracket> {
        self.scope.iter().map(|affected| affected.onset).min_by_key(|onset| onset.latest)
    }

    /// When it was opened (event time).
    pub fn opened(&self) -> Option<Timestamp> {
        self.scope.iter().map(|affected| affected.confirmed).min()
    }

    /// When it ended: the latest end in its scope; `None` while it goes on.
    pub fn end(&self) -> Option<Bracket> {
        match self.state {
            EventState::Open => None,
            EventState::Closed => self.scope.iter().filter_map(|affected| affected.end).max_by_key(|end| end.latest),
        }
    }

    /// When it was closed (event time); `None` while it goes on.
    pub fn closed(&self) -> Option<Timestamp> {
        match self.state {
            EventState::Open => None,
            EventState::Closed => self.scope.iter().filter_map(|affected| affected.cleared).max(),
        }
    }

    /// The services affected, each once, sorted.
    pub fn services(&self) -> Vec<&ServiceId> {
        let mut services: Vec<_> = self.scope.iter().map(|affected| &affected.service).collect();
        services.sort_unstable();
        services.dedup();
        services
    }

    /// The networks affected, each once, sorted.
    pub fn networks(&self) -> Vec<Asn> {
        let mut networks: Vec<_> = self.scope.iter().map(|affected| affected.network).collect();
        networks.sort_unstable();
        networks.dedup();
        networks
    }

    /// How it was done, most frequent first.
    pub fn manners(&self) -> Vec<(How, u32)> {
        let mut counts = BTreeMap::<How, u32>::new();
        for &(how, count) in self.scope.iter().flat_map(|affected| &affected.manners) {
            *counts.entry(how).or_default() += count;
        }
        let mut counts: Vec<_> = counts.into_iter().collect();
        counts.sort_by_key(|&(how, count)| (std::cmp::Reverse(count), how));
        counts
    }
}

/// What became known. Each carries the event as it is now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase", tag = "change", content = "event")]
pub enum Change {
    /// An event began, or one that had closed goes on.
    Opened(Event),
    /// It reached another network or service.
    Grew(Event),
    /// Something about it is known better: a network is over, an onset is earlier.
    Updated(Event),
    /// It is over.
    Closed(Event),
    /// Late facts showed that it was none.
    Retracted(Event),
}

impl Change {
    /// The event as it is now.
    pub fn event(&self) -> &Event {
        match self {
            Self::Opened(event)
            | Self::Grew(event)
            | Self::Updated(event)
            | Self::Closed(event)
            | Self::Retracted(event) => event,
        }
    }
}
