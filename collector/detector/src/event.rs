//! What the detector says: one event for one cause.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use jiff::{SignedDuration, Timestamp};
use kedergi_verdict::How;
use kedergi_wire::{Asn, CountryCode, Layer, ReportRef, ServiceId};
use serde::{Deserialize, Serialize};

/// Fewer probes than this in a cell, and the cell is not shown to anybody: a lone volunteer must not be found by it.
pub const PUBLIC_PROBES: u32 = 3;

/// How long after a page its reader is taken to watch the event.
const AWAKE: SignedDuration = SignedDuration::from_mins(15);

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

/// What kind of thing happened, the graver ones last.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// Services are slowed down.
    Throttling,
    /// Services are kept from being reached.
    #[default]
    Block,
    /// Networks are off for some of their subscribers.
    PartialShutdown,
    /// Networks are off.
    Shutdown,
}

impl Kind {
    /// The word for it, as in JSON.
    pub fn word(self) -> &'static str {
        match self {
            Self::Block => "block",
            Self::Throttling => "throttling",
            Self::Shutdown => "shutdown",
            Self::PartialShutdown => "partial-shutdown",
        }
    }
}

/// How sure it is, and how far it reaches.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// Something seems to begin. Nobody is woken by it and no page shows it.
    Suspected,
    /// Independent probes agree.
    #[default]
    Confirmed,
    /// And it reaches most of the country's measured networks.
    National,
}

impl Level {
    /// The word for it, as in JSON.
    pub fn word(self) -> &'static str {
        match self {
            Self::Suspected => "suspected",
            Self::Confirmed => "confirmed",
            Self::National => "national",
        }
    }
}

/// Why something that looks like an event is not one to wake people for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Note {
    /// The service fails elsewhere in the world too, or for controls.
    Down,
    /// It follows a change of what measures or judges: software, list of targets, rules.
    Instrument,
    /// It has been so for as long as anybody measured.
    Standing,
}

/// How much of a country an event reaches, so that events of two countries can be compared.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Extent {
    /// Networks it affects.
    pub networks: u32,
    /// Networks of the country that are measured.
    pub measured: u32,
    /// The affected networks' share of the measured ones, weighted by their probes, in thousandths.
    pub permille: u16,
}

/// Deliberate or fault: what the measurements say for either, with the numbers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reasoning {
    /// What it comes to.
    pub cause: Cause,
    /// What speaks for or against it.
    pub reasons: Vec<Reason>,
}

impl Sign {
    /// The word for it, as in JSON.
    pub fn word(self) -> &'static str {
        match self {
            Self::Selective => "selective",
            Self::Simultaneous => "simultaneous",
            Self::Alone => "alone",
            Self::OnTheHour => "on-the-hour",
            Self::ControlsFine => "controls-fine",
            Self::SameTechnique => "same-technique",
            Self::Forged => "forged",
            Self::ByName => "by-name",
        }
    }
}

impl Cause {
    /// The word for it, as in JSON.
    pub fn word(self) -> &'static str {
        match self {
            Self::Deliberate => "deliberate",
            Self::Fault => "fault",
            Self::Undecided => "undecided",
        }
    }
}

impl Note {
    /// The word for it, as in JSON.
    pub fn word(self) -> &'static str {
        match self {
            Self::Down => "down",
            Self::Instrument => "instrument",
            Self::Standing => "standing",
        }
    }
}

/// What an event was caused by, as far as the measurements tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Cause {
    /// Somebody meant it.
    Deliberate,
    /// Something broke.
    Fault,
    /// It could be either.
    Undecided,
}

/// One thing that speaks for or against a deliberate cause.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reason {
    /// What was looked at.
    pub sign: Sign,
    /// How many showed it, such as services that stayed reachable.
    pub count: u32,
    /// Of how many looked at.
    pub of: u32,
    /// Within how many minutes: of each other, of [`Sign::Simultaneous`]; to which begins and ends are known (median), of
    /// [`Sign::OnTheHour`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub minutes: Option<u32>,
    /// What it weighs: 1000 * log10 of how much likelier it is if deliberate. Below zero it speaks for a fault.
    pub weight: i32,
}

/// What tells a deliberate cut from a fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Sign {
    /// Services measured on the same networks that went on working.
    Selective,
    /// Networks on which it began within minutes of each other.
    Simultaneous,
    /// The only network of those measured.
    Alone,
    /// Begins and ends on the hour or the half hour.
    OnTheHour,
    /// Affected services that controls reached meanwhile.
    ControlsFine,
    /// Networks on which it is done in the most frequent manner.
    SameTechnique,
    /// Measurements that were answered by something made up.
    Forged,
    /// Trials that showed that the name is what it reacts to.
    ByName,
}

/// One service on one network, or a whole network, as far as an event affects it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Affected {
    /// What happened to it.
    #[serde(default)]
    pub kind: Kind,
    /// Which network.
    pub network: Asn,
    /// Which service; `None` if the network is off for everything.
    pub service: Option<ServiceId>,
    /// When it began.
    pub onset: Bracket,
    /// When the measurements first made it likely (event time).
    pub suspected: Timestamp,
    /// When they sufficed to say so (event time); `None` while it is only suspected.
    pub confirmed: Option<Timestamp>,
    /// When it ended; `None` while it goes on.
    pub end: Option<Bracket>,
    /// When the measurements sufficed to say that it ended (event time).
    pub cleared: Option<Timestamp>,
    /// Distinct probes that saw it blocked, or slowed down.
    pub probes: u32,
    /// How it was blocked, and how many verdicts say so.
    pub manners: Vec<(How, u32)>,
    /// How much it was slowed down, and in what manner; `None` if it was not slowed down but worse.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub slowed: Option<Slowed>,
    /// Whether probes that have been trusted for long disagree about it.
    #[serde(default)]
    pub contested: bool,
    /// Why nobody should be woken for it, if there is a reason.
    #[serde(default)]
    pub notes: Vec<Note>,
    /// Some of the reports it rests on, the first ones.
    pub evidence: Vec<ReportRef>,
}

impl Slowed {
    /// Of two whiles the greater slow-down, and all that was seen of how it was done.
    pub(crate) fn and(self, other: Self) -> Self {
        Self {
            slowness: self.slowness.max(other.slowness),
            policed: self.policed.saturating_add(other.policed),
            shaped: self.shaped.saturating_add(other.shaped),
            by_name: self.by_name.saturating_add(other.by_name),
            by_address: self.by_address.saturating_add(other.by_address),
        }
    }
}

impl Affected {
    /// When it was first told: confirmed, or else suspected.
    pub fn told(&self) -> Timestamp {
        self.confirmed.unwrap_or(self.suspected)
    }

    /// The layers on which it happens, lowest first.
    pub fn layers(&self) -> Vec<Layer> {
        let layers: BTreeSet<_> = self.manners.iter().map(|(how, _)| how.layer()).collect();
        layers.into_iter().collect()
    }
}

/// How a service was slowed down.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Slowed {
    /// 1000 * log10 of how many times as long it took as what it was compared with, in the median: 903 is eight times.
    pub slowness: i32,
    /// Verdicts whose bytes came at once and then at a rate: what exceeds the rate is dropped.
    pub policed: u32,
    /// Verdicts whose bytes came at an even pace: what exceeds the rate waits in a queue.
    pub shaped: u32,
    /// Verdicts that found the service's name slowed down, wherever it is.
    pub by_name: u32,
    /// Verdicts that found its address slowed down.
    pub by_address: u32,
}

/// When each level was reached, in the time of the measurements.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Reached {
    /// [`Level::Suspected`].
    pub suspected: Option<Timestamp>,
    /// [`Level::Confirmed`].
    pub confirmed: Option<Timestamp>,
    /// [`Level::National`].
    pub national: Option<Timestamp>,
}

/// One cause, as far as it is seen: services that went together, network by network.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Event {
    /// Public name.
    pub id: EventId,
    /// Where.
    pub country: CountryCode,
    /// What kind of thing it is: the gravest in its scope.
    #[serde(default)]
    pub kind: Kind,
    /// The highest level it reached.
    #[serde(default)]
    pub level: Level,
    /// When it reached each level.
    #[serde(default)]
    pub reached: Reached,
    /// Whether it goes on: open while any of `scope` goes on.
    pub state: EventState,
    /// What it affects, in the order it was told. Never empty.
    pub scope: Vec<Affected>,
    /// How much of the country it reaches.
    #[serde(default)]
    pub extent: Extent,
    /// Deliberate or fault, with the numbers.
    #[serde(default)]
    pub reasoning: Option<Reasoning>,
}

impl Event {
    /// The event that this scope makes, as far as the scope alone tells: nothing of how much of the country that is.
    pub fn of(id: EventId, country: CountryCode, scope: Vec<Affected>) -> Self {
        let open = scope.iter().any(|affected| affected.end.is_none());
        let reached = Reached {
            suspected: scope.iter().map(|affected| affected.suspected).min(),
            confirmed: scope.iter().filter_map(|affected| affected.confirmed).min(),
            national: None,
        };
        Self {
            id,
            country,
            kind: scope.iter().map(|affected| affected.kind).max().unwrap_or_default(),
            level: if reached.confirmed.is_some() { Level::Confirmed } else { Level::Suspected },
            reached,
            state: if open { EventState::Open } else { EventState::Closed },
            scope,
            extent: Extent::default(),
            reasoning: None,
        }
    }

    /// When it began: the earliest onset in its scope.
    pub fn onset(&self) -> Option<Bracket> {
        self.scope.iter().map(|affected| affected.onset).min_by_key(|onset| onset.latest)
    }

    /// When it was opened (event time).
    pub fn opened(&self) -> Option<Timestamp> {
        self.scope.iter().map(Affected::told).min()
    }

    /// Whether probes that have been trusted for long disagree about any of it.
    pub fn contested(&self) -> bool {
        self.scope.iter().any(|affected| affected.contested)
    }

    /// Why nobody should be woken for it: what holds of all of its scope.
    pub fn notes(&self) -> Vec<Note> {
        let all = |note: &Note| self.scope.iter().all(|affected| affected.notes.contains(note));
        [Note::Down, Note::Instrument, Note::Standing].into_iter().filter(all).collect()
    }

    /// The layers on which it happens, lowest first.
    pub fn layers(&self) -> Vec<Layer> {
        let layers: BTreeSet<_> = self.scope.iter().flat_map(Affected::layers).collect();
        layers.into_iter().collect()
    }

    /// Whether it became national so soon after it was confirmed that who was woken then still sits before it: nobody is woken
    /// twice in a quarter of an hour by one cut that reaches network after network. (Both may have been at once, and known one
    /// after the other.)
    pub fn rose_at_once(&self) -> bool {
        let steps = self.reached.confirmed.zip(self.reached.national);
        steps.is_some_and(|(confirmed, national)| confirmed <= national && national.duration_since(confirmed) < AWAKE)
    }

    /// Whether anybody is to be told of it at all: independent probes agree, and nothing explains it away.
    pub fn is_news(&self) -> bool {
        self.level >= Level::Confirmed && self.notes().is_empty()
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
        let mut services: Vec<_> = self.scope.iter().filter_map(|affected| affected.service.as_ref()).collect();
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
    /// It reached a higher level; not told where it became national soon after it was confirmed, see [`Event::rose_at_once`].
    Raised(Event),
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
            | Self::Raised(event)
            | Self::Updated(event)
            | Self::Closed(event)
            | Self::Retracted(event) => event,
        }
    }
    /// Whether anybody is to be woken by it: a step up to confirmed or national wakes people, and so
    /// does the end of what was told, or that it was none.
    pub fn pages(&self) -> bool {
        match self {
            Self::Opened(event) | Self::Raised(event) | Self::Closed(event) | Self::Retracted(event) => event.is_news(),
            Self::Grew(_) | Self::Updated(_) => false,
        }
    }
}
