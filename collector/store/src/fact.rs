use jiff::Timestamp;
use kedergi_detector::{Counts, Neighbourhood};
use kedergi_verdict::Verdict;
use kedergi_wire::{Asn, BatchId, ControlEntry, CountryCode, ProbeId, ReportRef, Role, ServiceId, TargetUrl};

/// One report, judged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fact {
    /// Where the report itself is kept.
    pub report: ReportRef,
    /// Who measured.
    pub probe: ProbeId,
    /// What the probe was trusted with when the report came.
    pub role: Role,
    /// The report's number at the probe.
    pub sequence: u64,
    /// When it was measured, by the collector's clock; kept to the microsecond.
    pub at: Timestamp,
    /// What was measured.
    pub target: TargetUrl,
    /// The service the target stands for.
    pub service: ServiceId,
    /// The network the report came from, if known.
    pub network: Option<Asn>,
    /// The country the report came from, if known.
    pub country: Option<CountryCode>,
    /// What else is known of how it came about.
    pub provenance: Provenance,
    /// What the report means. A control's report is judged against itself.
    pub verdict: Verdict,
}

/// What tells a new probe from an old one, neighbours from strangers, and one instrument from another. Each may be unknown;
/// in facts from before it was kept, all are.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Provenance {
    /// The piece of the network that the report came from. Kept until [`crate::Facts::forget_neighbourhoods`].
    pub neighbourhood: Option<Neighbourhood>,
    /// When the probe enrolled; `None` too if whoever invited it vouched for it.
    pub enrolled: Option<Timestamp>,
    /// Digest of the name and version of the software that measured.
    pub software: Option<u32>,
    /// Digest of the targets of the service that the probe knew.
    pub list: Option<u32>,
}

/// A verified batch with what was made of it.
#[derive(Debug, Clone)]
pub struct StoredBatch<'a> {
    /// Which.
    pub id: BatchId,
    /// Who signed it.
    pub probe: ProbeId,
    /// The envelope, byte for byte.
    pub bytes: &'a [u8],
    /// One per report.
    pub facts: Vec<Fact>,
    /// What the reports say about how targets look to the world; empty unless a control sent the batch.
    pub controls: Vec<ControlEntry>,
}

/// What became of a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Appended {
    /// It is on disk now.
    New,
    /// It had been before.
    Duplicate,
}

/// What one network's probes found of one service in one span of time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BucketRow {
    /// Where the span begins.
    pub start: Timestamp,
    /// The network; `None` gathers the probes whose network is unknown.
    pub network: Option<Asn>,
    /// The service.
    pub service: ServiceId,
    /// Reports by outcome.
    pub counts: Counts,
    /// Distinct probes.
    pub probes: u32,
}

/// What a whole country's probes found of one service in one span of time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CellRow {
    /// Where the span begins.
    pub start: Timestamp,
    /// The service.
    pub service: ServiceId,
    /// Reports by outcome.
    pub counts: Counts,
    /// Distinct probes over all networks.
    pub probes: u32,
}

/// How much is measured in a country.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CountryActivity {
    /// Which.
    pub country: CountryCode,
    /// Distinct known networks.
    pub networks: u32,
    /// Distinct probes.
    pub probes: u32,
    /// The minute of the newest report.
    pub last: Timestamp,
}
