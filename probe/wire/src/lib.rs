//! The vocabulary of Kedergi and the format in which probes and collectors speak.
//!
//! Everything here is data: no files, no sockets, no clock, no randomness, no logging. What a probe saw is a
//! [`Report`]; reports travel in a signed [`Envelope`]; what a report means is decided elsewhere, by the verdict rules.

#![warn(missing_docs)]

mod bounded;
mod control;
mod envelope;
mod exchange;
mod failure;
mod ids;
mod list;
mod observation;
mod report;
mod target;
mod trial;

pub use control::{ControlEntry, ControlSnapshot, Reached};
pub use envelope::{Envelope, Kind, MAX_ENVELOPE, MAX_PAYLOAD, OpenError, SealError, seal};
pub use exchange::{
    Agenda, ApiPath, CONSENT_VERSION, EnrollReply, EnrollRequest, Heartbeat, Problem, Receipt, Role, Stored,
    TargetBundle,
};
pub use failure::Failure;
pub use ids::{Asn, BatchId, CountryCode, Digest, IdError, ProbeId, ReportRef, ServiceId};
pub use list::{ListError, ListFile, ServiceRule, TargetList, list_digest};
pub use observation::{
    Answer, Answers, Body, Certificate, Dns, Hello, Http, Layer, Observation, Page, Query, Quic, QuicAnswer, Rcode,
    ResolverClass, Session, Step, StepOutcome, Tcp, Tls, Verification,
};
pub use report::{Batch, FORMAT, Instrument, Known, Line, Report, Source, SystemResolver, Tally, Vantage};
pub use target::{Category, Target, TargetError, TargetUrl};
pub use trial::{Altered, GoodputPair, Transfer, Trial};

/// Limits of the format. A decoder refuses what exceeds one of them; the probe cuts before it sends.
pub mod limits {
    /// Reports in one batch.
    pub const REPORTS: usize = 256;
    /// Observations in one report.
    pub const OBSERVATIONS: usize = 96;
    /// Steps of trials in one report.
    pub const TRIALS: usize = 48;
    /// Goodput pairs in one report.
    pub const PAIRS: usize = 16;
    /// Datagrams recorded for one DNS question.
    pub const ANSWERS: usize = 8;
    /// Addresses in one DNS answer, and in one control entry.
    pub const ADDRESSES: usize = 32;
    /// Canonical names in one DNS answer.
    pub const ALIASES: usize = 16;
    /// Certificates in one chain.
    pub const CHAIN: usize = 8;
    /// Bytes of one certificate (DER).
    pub const CERTIFICATE: usize = 8 * 1024;
    /// Bytes kept of one body.
    pub const BODY: usize = 16 * 1024;
    /// Bytes of any one text: a URL, a title, a name.
    pub const TEXT: usize = 2048;
    /// Targets in one list.
    pub const TARGETS: usize = 4096;
    /// Targets that one agenda asks to test again.
    pub const RETESTS: usize = 64;
}
