//! How sure an event is, how far it reaches, and why it is taken for deliberate or for a fault.

use jiff::Timestamp;
use kedergi_detector::{Cause, PublicEvent, Sign, Slowed};
use kedergi_wire::CountryCode;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::Span;

/// When the event reached each level (time of measurement). A level that it did not reach is absent.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub(crate) struct Reached {
    /// Something seemed to begin.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) suspected: Option<Timestamp>,
    /// Independent probes agreed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) confirmed: Option<Timestamp>,
    /// It reached most of the country's measured networks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) national: Option<Timestamp>,
}

/// How much of the country the event reaches, so that events of two countries can be compared.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub(crate) struct Extent {
    /// Networks it affects.
    #[schema(example = 3)]
    pub(crate) networks: u32,
    /// Networks of the country that were measured in the 24 hours before it reached the last of them.
    #[schema(example = 5)]
    pub(crate) measured: u32,
    /// The affected networks' share of those, weighted by their probes (five at most), in thousandths.
    #[schema(example = 620)]
    pub(crate) permille: u16,
}

/// How a service is slowed down.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = Slowed)]
pub(crate) struct SlowedBody {
    /// 1000 * log10 of how many times as long it took as what it was compared with, in the median: 903 is eight times.
    #[schema(example = 903)]
    pub(crate) slowness: i32,
    /// Verdicts whose bytes came at once and then at a rate: what exceeds it is dropped.
    pub(crate) policed: u32,
    /// Verdicts whose bytes came at an even pace: what exceeds the rate waits.
    pub(crate) shaped: u32,
    /// Verdicts that found the service's name slowed down, wherever it is.
    pub(crate) by_name: u32,
    /// Verdicts that found its address slowed down.
    pub(crate) by_address: u32,
}

/// Deliberate or fault: what the measurements say for either. It names nobody; all numbers are counts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub(crate) struct Reasoning {
    /// `deliberate`, `fault` or `undecided`.
    #[schema(value_type = String, example = "deliberate")]
    pub(crate) cause: Cause,
    /// What the reasons weigh together: 1000 * log10 of how much likelier all this is if somebody meant it. 1000 and more is
    /// `deliberate`, -1000 and less `fault`.
    #[schema(example = 2708)]
    pub(crate) sum: i32,
    /// The conclusion as a sentence.
    pub(crate) says: String,
    /// What speaks for or against it.
    pub(crate) reasons: Vec<Reason>,
}

/// One thing that speaks for or against a deliberate cause.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub(crate) struct Reason {
    /// `selective`, `simultaneous`, `alone`, `on-the-hour`, `controls-fine`, `same-technique`, `forged` or `by-name`.
    #[schema(value_type = String, example = "selective")]
    pub(crate) sign: Sign,
    /// How many showed it ...
    #[schema(example = 9)]
    pub(crate) count: u32,
    /// ... of how many looked at.
    #[schema(example = 12)]
    pub(crate) of: u32,
    /// Within how many minutes, of `simultaneous`; to how many minutes begins and ends are known (median), of `on-the-hour`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) minutes: Option<u32>,
    /// 1000 * log10 of how much likelier this is if somebody meant it. Below zero it speaks for a fault.
    #[schema(example = 1000)]
    pub(crate) weight: i32,
    /// The same as a sentence.
    #[schema(example = "9 of 12 services measured on the same networks worked in the two hours after it began there.")]
    pub(crate) says: String,
}

/// Begin and end by the clock on the wall: RFC 3339 with the distance from UTC.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub(crate) struct Local {
    /// Where this clock hangs. Other parts of the country may have another.
    #[schema(example = "Almaty")]
    pub(crate) place: String,
    /// When it began.
    pub(crate) onset: LocalSpan,
    /// When it ended; absent while it goes on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) end: Option<LocalSpan>,
}

/// A bracket by a local clock.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = LocalBracket)]
pub(crate) struct LocalSpan {
    /// Not before. Absent if there was no measurement of the state before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = "2019-05-09T11:27:00+06:00")]
    pub(crate) earliest: Option<String>,
    /// Not after.
    #[schema(example = "2019-05-09T11:34:00+06:00")]
    pub(crate) latest: String,
}

impl Local {
    /// Nothing where the country's clock is not known.
    pub(super) fn of(country: CountryCode, onset: Span, end: Option<Span>) -> Option<Self> {
        let read = |at: Timestamp| {
            let (place, local) = kedergi_dashboards::local_time(country, at)?;
            Some((place, local.strftime("%Y-%m-%dT%H:%M:%S%:z").to_string()))
        };
        let span = |span: Span| {
            let earliest = span.earliest.and_then(read).map(|(_, time)| time);
            read(span.latest).map(|(place, latest)| (place, LocalSpan { earliest, latest }))
        };
        let (place, onset) = span(onset)?;
        Some(Self { place: place.to_owned(), onset, end: end.and_then(span).map(|(_, end)| end) })
    }
}

impl From<&PublicEvent> for Reached {
    fn from(event: &PublicEvent) -> Self {
        let kedergi_detector::Reached { suspected, confirmed, national } = event.reached;
        Self { suspected, confirmed, national }
    }
}

impl From<Reached> for kedergi_detector::Reached {
    fn from(Reached { suspected, confirmed, national }: Reached) -> Self {
        Self { suspected, confirmed, national }
    }
}

impl From<kedergi_detector::Extent> for Extent {
    fn from(kedergi_detector::Extent { networks, measured, permille }: kedergi_detector::Extent) -> Self {
        Self { networks, measured, permille }
    }
}

impl From<Extent> for kedergi_detector::Extent {
    fn from(Extent { networks, measured, permille }: Extent) -> Self {
        Self { networks, measured, permille }
    }
}

impl From<Slowed> for SlowedBody {
    fn from(Slowed { slowness, policed, shaped, by_name, by_address }: Slowed) -> Self {
        Self { slowness, policed, shaped, by_name, by_address }
    }
}

impl From<SlowedBody> for Slowed {
    fn from(SlowedBody { slowness, policed, shaped, by_name, by_address }: SlowedBody) -> Self {
        Self { slowness, policed, shaped, by_name, by_address }
    }
}

impl From<&kedergi_detector::Reasoning> for Reasoning {
    fn from(reasoning: &kedergi_detector::Reasoning) -> Self {
        Self {
            cause: reasoning.cause,
            sum: reasoning.sum(),
            says: reasoning.says(),
            reasons: reasoning.reasons.iter().map(Reason::from).collect(),
        }
    }
}

impl From<&kedergi_detector::Reason> for Reason {
    fn from(reason: &kedergi_detector::Reason) -> Self {
        let kedergi_detector::Reason { sign, count, of, minutes, weight } = *reason;
        Self { sign, count, of, minutes, weight, says: reason.says() }
    }
}

impl From<&Reasoning> for kedergi_detector::Reasoning {
    fn from(reasoning: &Reasoning) -> Self {
        let reason = |&Reason { sign, count, of, minutes, weight, .. }: &Reason| kedergi_detector::Reason {
            sign,
            count,
            of,
            minutes,
            weight,
        };
        Self { cause: reasoning.cause, reasons: reasoning.reasons.iter().map(reason).collect() }
    }
}
