//! What probe and collector say to each other besides reports.
//!
//! Requests are [`crate::Envelope`]s sent by POST to an [`ApiPath`]; replies are plain JSON (the connection is TLS and the
//! reply binds nobody), but for the target bundle, which is an envelope signed by the collector because a probe acts on it
//! long after the connection is gone. Refusals are [`Problem`]s (RFC 9457).

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{Asn, BatchId, ControlSnapshot, CountryCode, ProbeId, Target, TargetUrl, bounded, limits};

/// Version of the text a volunteer agrees to. A new text asks again.
pub const CONSENT_VERSION: u16 = 2;

/// Where a request goes, below the collector's URL.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ApiPath;

impl ApiPath {
    /// POST an enroll envelope, get an [`EnrollReply`].
    pub const ENROLL: &str = "/api/v1/enroll";
    /// POST a heartbeat envelope, get an [`Agenda`] at once or, where [`Heartbeat::wait_s`] allows, when there is news.
    pub const HEARTBEAT: &str = "/api/v1/heartbeat";
    /// POST a heartbeat envelope, get a [`TargetBundle`] envelope.
    pub const BUNDLE: &str = "/api/v1/bundle";
    /// POST a batch envelope, get a [`Receipt`].
    pub const REPORTS: &str = "/api/v1/reports";
}

/// What a probe is trusted with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// A volunteer's probe: its reports are judged.
    Probe,
    /// A probe at a trusted vantage: its reports are what others are judged against.
    Control,
}

/// A probe asks to be known.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EnrollRequest {
    /// The code of the invitation.
    #[serde(deserialize_with = "bounded::text")]
    pub invite: String,
    /// [`CONSENT_VERSION`] of the text agreed to.
    pub consent: u16,
    /// Name and version of the probe's software.
    #[serde(deserialize_with = "bounded::text")]
    pub software: String,
}

/// The collector knows the probe from now on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EnrollReply {
    /// The probe, as enrolled.
    pub probe: ProbeId,
    /// What it is trusted with.
    pub role: Role,
    /// The key the collector signs bundles with. The probe pins it.
    pub collector: ProbeId,
}

/// A probe is alive.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Heartbeat {
    /// When it was sent, by the probe's clock.
    pub sent: Timestamp,
    /// Version of the bundle it holds; `None` if it has none.
    pub bundle: Option<u64>,
    /// Reports waiting in its spool.
    pub spooled: u64,
    /// Reports its spool ever dropped for lack of space.
    pub dropped: u64,
    /// Name and version of its software.
    #[serde(deserialize_with = "bounded::text")]
    pub software: String,
    /// Seconds it is willing to wait for news; 0 for an answer at once.
    pub wait_s: u16,
}

/// What a probe should know and do next.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Agenda {
    /// The collector's clock as it wrote this.
    pub server_time: Timestamp,
    /// The network the connection came from, if known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub network: Option<Asn>,
    /// The country the connection came from, if known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub country: Option<CountryCode>,
    /// Version of the current bundle. If the probe's differs it should fetch.
    pub bundle: u64,
    /// Targets to measure now, because somebody saw them fail.
    #[serde(default, deserialize_with = "bounded::seq::<_, _, { limits::RETESTS }>")]
    pub retest: Vec<TargetUrl>,
}

/// What to measure and what to judge it against.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TargetBundle {
    /// Rises with every change; a probe never goes back.
    pub version: u64,
    /// When it was made.
    pub made: Timestamp,
    /// The targets.
    #[serde(deserialize_with = "bounded::seq::<_, _, { limits::TARGETS }>")]
    pub targets: Vec<Target>,
    /// What control probes saw of them.
    pub control: ControlSnapshot,
}

/// The batch is on disk.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Receipt {
    /// Which.
    pub batch: BatchId,
    /// Whether it was new.
    pub stored: Stored,
    /// Reports in it.
    pub reports: u16,
}

/// Whether a batch was new.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Stored {
    /// It is stored now.
    New,
    /// It had been stored before.
    Duplicate,
}

/// A refusal (RFC 9457, `application/problem+json`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Problem {
    /// `urn:kedergi:problem:` and the name of the problem, such as `unknown-probe`.
    #[serde(rename = "type")]
    pub kind: String,
    /// The name in words.
    pub title: String,
    /// The HTTP status.
    pub status: u16,
    /// What is wrong here, and what to do.
    pub detail: String,
}

impl Problem {
    /// Prefix of every [`Problem::kind`].
    pub const PREFIX: &str = "urn:kedergi:problem:";
    /// The sender is not enrolled.
    pub const UNKNOWN_PROBE: &str = "unknown-probe";
    /// The sender was enrolled and is no longer.
    pub const REVOKED_PROBE: &str = "revoked-probe";
    /// The signature does not match.
    pub const BAD_SIGNATURE: &str = "bad-signature";
    /// The envelope or what it carries cannot be read.
    pub const MALFORMED: &str = "malformed";
    /// More bytes than are taken.
    pub const TOO_LARGE: &str = "too-large";
    /// The invitation does not exist, or is used up.
    pub const UNKNOWN_INVITE: &str = "unknown-invite";
    /// The volunteer agreed to another text than the current one.
    pub const CONSENT_OUTDATED: &str = "consent-outdated";
    /// No target bundle yet.
    pub const NOT_FOUND: &str = "not-found";
    /// The collector cannot store now; try later.
    pub const UNAVAILABLE: &str = "unavailable";

    /// The problem's name: [`Problem::kind`] without its prefix.
    pub fn name(&self) -> &str {
        self.kind.strip_prefix(Self::PREFIX).unwrap_or(&self.kind)
    }
}
