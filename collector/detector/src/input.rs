//! What the detector reads.

use jiff::Timestamp;
use kedergi_verdict::{Outcome, Pace, RuleId, Trigger};
use kedergi_wire::{Asn, CountryCode, Layer, ProbeId, ReportRef, ResolverClass, ServiceId};
use serde::{Deserialize, Serialize};

/// One thing the detector takes into account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Input {
    /// A probe's verdict.
    Vote(Vote),
    /// A control's.
    Control(ControlVote),
    /// A sign of life.
    Heartbeat(Heartbeat),
    /// The collector was there to hear them.
    Listening(Listening),
}

/// What one probe found of one service.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Vote {
    /// When it measured, by the collector's clock.
    pub at: Timestamp,
    /// Where.
    pub country: CountryCode,
    /// On which network.
    pub network: Asn,
    /// Which service.
    pub service: ServiceId,
    /// Who says so.
    pub source: Source,
    /// What was found.
    pub outcome: Outcome,
    /// The rule that fired: evidence of different rules weighs differently.
    pub rule: RuleId,
    /// What a block reacts to, where trials told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trigger: Option<Trigger>,
    /// Which resolver answered, where the verdict is about names: false answers of one say nothing of another.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resolver: Option<Resolver>,
    /// How sure whoever judged it is, in thousandths, where that is said: an imported score. `None`: as sure as the rule.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sureness: Option<u16>,
    /// How much slower than the control, where a pair was measured.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub slowness: Option<Pace>,
    /// With what it was measured and judged.
    #[serde(default)]
    pub instrument: Instrument,
    /// Where the report is kept; `None` for what was imported.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub report: Option<ReportRef>,
}

/// Who made a measurement.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Source {
    /// A probe: it votes once a minute, and never alone.
    Probe {
        /// Which.
        id: ProbeId,
        /// Where its line lies, as far as the collector tells.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        neighbourhood: Option<Neighbourhood>,
        /// When it enrolled.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        enrolled: Option<Timestamp>,
    },
    /// Somebody of whom nothing is known but where the names were resolved: imported data name no probes. Measurements of
    /// one hour through the same resolver's network count as one source's.
    Anonymous {
        /// The network of the resolver.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        resolver_network: Option<Asn>,
    },
}

impl Source {
    /// A probe of which nothing else is known.
    pub fn probe(id: ProbeId) -> Self {
        Self::Probe { id, neighbourhood: None, enrolled: None }
    }
}

/// A piece of a network, such as a /24: a keyed hash, the key in memory only and new each day, so that nobody can find the
/// address. The same within a day for the same piece.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Neighbourhood(pub u64);

/// Which resolver a verdict about names is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Resolver {
    /// One of a kind.
    Class(ResolverClass),
    /// One on this network (imported data).
    Network(Asn),
}

impl Resolver {
    /// The resolver that a probe's verdict is about: whenever the rules call a name blocked, they accuse the resolver that the
    /// line uses. `None` where the verdict is not about names.
    pub fn of_probe(outcome: Outcome) -> Option<Self> {
        let about_names = outcome.how().is_some_and(|how| how.layer() == Layer::Dns);
        about_names.then_some(Self::Class(ResolverClass::System))
    }
}

/// With what something was measured and judged. Only whether two are the same matters, so that names of software stay out of
/// the detector's state: each part is a digest, or 0 where it is not known.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(default)]
pub struct Instrument {
    /// The probe's software and its version.
    pub software: u32,
    /// The version of the list of targets it held.
    pub list: u32,
    /// The version of the rules that judged.
    pub rules: u16,
}

/// What a control found of one service.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ControlVote {
    /// When it measured, by the collector's clock.
    pub at: Timestamp,
    /// Which service.
    pub service: ServiceId,
    /// Whether it reached it.
    pub reachable: bool,
    /// Which control; `None` where it is not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub control: Option<ProbeId>,
    /// Where it stands, if known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub country: Option<CountryCode>,
}

/// A probe was alive and could reach the collector.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Heartbeat {
    /// When, by the collector's clock.
    pub at: Timestamp,
    /// Which.
    pub probe: ProbeId,
    /// Where.
    pub country: CountryCode,
    /// On which network.
    pub network: Asn,
    /// Where its line lies, as far as the collector tells.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub neighbourhood: Option<Neighbourhood>,
    /// When it enrolled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub enrolled: Option<Timestamp>,
}

/// The collector was up and took heartbeats for a whole minute. What it heard until then is told before. Where it says nothing,
/// nobody's silence is judged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Listening {
    /// The minute, by any time in it.
    pub at: Timestamp,
    /// Distinct controls it heard from in this minute: that it could be reached.
    pub controls: u32,
}
