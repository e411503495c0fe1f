//! What the detector reads.

use jiff::Timestamp;
use kedergi_verdict::Outcome;
use kedergi_wire::{Asn, CountryCode, ProbeId, ReportRef, ServiceId};
use serde::{Deserialize, Serialize};

/// One thing the detector takes into account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Input {
    /// A probe's verdict.
    Vote(Vote),
    /// A control's.
    Control(ControlVote),
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
    /// Which probe: it votes once a minute, and never alone.
    pub probe: ProbeId,
    /// What it found.
    pub outcome: Outcome,
    /// Where the report is kept.
    pub report: ReportRef,
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
}
