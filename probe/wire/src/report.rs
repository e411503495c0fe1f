//! A report: one target, one run. A batch: the reports of one probe that travel together.

use jiff::{SignedDuration, Timestamp};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};

use crate::{Asn, CountryCode, GoodputPair, Observation, TargetUrl, Trial, bounded, limits};

/// Version of the report format. A report of another version is refused; a golden report of every version stays in
/// `tests/corpus`.
pub const FORMAT: u16 = 1;

/// One target, one run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    /// [`FORMAT`].
    #[serde(deserialize_with = "format")]
    pub format: u16,
    /// Counts the probe's reports from 1, never repeats, survives restarts. With the probe's id it names the report.
    pub sequence: u64,
    /// When the measurement began, by the probe's own clock (UTC).
    pub started: Timestamp,
    /// The collector's clock minus the probe's, in milliseconds, as last measured. `None` before first contact.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub clock_offset_ms: Option<i64>,
    /// What was measured.
    pub target: TargetUrl,
    /// Where from.
    pub vantage: Vantage,
    /// How the probe's line was during the run.
    pub line: Line,
    /// What was seen, in the order the steps began.
    #[serde(deserialize_with = "bounded::seq::<_, _, { limits::OBSERVATIONS }>")]
    pub observations: Vec<Observation>,
    /// What was tried after a failure, one thing altered at a time; the rules say from it what the obstacle reacts to.
    #[serde(
        default,
        skip_serializing_if = "Vec::is_empty",
        deserialize_with = "bounded::seq::<_, _, { limits::TRIALS }>"
    )]
    pub trials: Vec<Trial>,
    /// How fast the target's bytes came, beside others'.
    #[serde(
        default,
        skip_serializing_if = "Vec::is_empty",
        deserialize_with = "bounded::seq::<_, _, { limits::PAIRS }>"
    )]
    pub pairs: Vec<GoodputPair>,
    /// With what it was measured. `None` in reports from before this was written down, and in those made by hand.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instrument: Option<Instrument>,
}

/// With what a report was measured: a shift that follows a change of it is the instrument's doing, not the network's.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Instrument {
    /// Name and version of the probe's software.
    #[serde(deserialize_with = "bounded::text")]
    pub software: String,
    /// [`crate::list_digest`] of the target's service in the list that the probe held.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub list: Option<u32>,
}

impl Report {
    /// When the measurement began by the collector's clock, as far as the offset is known.
    pub fn at(&self) -> Timestamp {
        let offset = SignedDuration::from_millis(self.clock_offset_ms.unwrap_or(0));
        self.started.checked_add(offset).unwrap_or(self.started)
    }
}

fn format<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u16, D::Error> {
    match u16::deserialize(deserializer)? {
        FORMAT => Ok(FORMAT),
        other => Err(D::Error::custom(format!("report format {other} is not known here, {FORMAT} is"))),
    }
}

/// Where a fact about the vantage comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Source {
    /// The collector saw the connection come from there.
    Collector,
    /// The volunteer wrote it in the configuration.
    Config,
    /// The probe found it on its own machine.
    Machine,
}

/// A fact with its source.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Known<T> {
    /// The fact.
    pub value: T,
    /// Who says so.
    pub source: Source,
}

/// Where a probe measured from, as the probe knows it. The collector files a report under what it sees itself.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Vantage {
    /// Autonomous system.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub network: Option<Known<Asn>>,
    /// Country.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub country: Option<Known<CountryCode>>,
    /// What kind of resolver the system asks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resolver: Option<Known<SystemResolver>>,
    /// Whether what left the machine went through a tunnel, such as a VPN's: then nothing was measured of the provider.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub tunnel: bool,
}

/// What kind of resolver the system asks. Its address would point at the volunteer, so only the kind is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SystemResolver {
    /// On this machine or in the home: a router or a stub.
    Local,
    /// A public address: the provider's or a public service.
    Remote,
}

/// How the probe's line was during the run the report belongs to, over all its targets. It tells a cut line from a
/// blocked site.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Line {
    /// Parties outside the provider's network (public resolvers, DoH, sites by address): how many were tried, how many
    /// answered with anything that a cut cannot fake (a DNS answer, a connection).
    pub outside: Tally,
    /// Names put to the system's resolver, and how many it answered, be it that there is no such name. That it failed or
    /// refuses is no answer.
    pub resolver: Tally,
    /// Targets measured, and how many let themselves be connected to.
    #[serde(default, skip_serializing_if = "Tally::is_empty")]
    pub targets: Tally,
    /// Steps after DNS that met silence and were tried again at once, and how many then worked: the measure of a lossy line.
    #[serde(default, skip_serializing_if = "Tally::is_empty")]
    pub again: Tally,
    /// Questions that the system's resolver was silent on and was asked again, and how many it then answered.
    #[serde(default, skip_serializing_if = "Tally::is_empty")]
    pub asked_again: Tally,
    /// Exchanges that worked in the end and of which it is known whether they lost a packet (connections; names of which a public
    /// resolver answered one question of two), and how many of them lost none.
    #[serde(default, skip_serializing_if = "Tally::is_empty")]
    pub lossless: Tally,
    /// Parties that were to prove by a certificate who they are (DoH, sites over TLS), and how many did, be it out of date.
    /// Behind a log-in page nobody does.
    #[serde(default, skip_serializing_if = "Tally::is_empty")]
    pub proven: Tally,
    /// Targets tried over QUIC, and how many answered. Where none does, UDP is kept from passing, not a name.
    #[serde(default, skip_serializing_if = "Tally::is_empty")]
    pub quic: Tally,
    /// Targets that answered an ordinary ClientHello and were tried with an encrypted one, and how many answered that too. Where
    /// none does, it is the line that minds, not a server.
    #[serde(default, skip_serializing_if = "Tally::is_empty")]
    pub encrypted_hellos: Tally,
    /// Kbit/s at which a control host's bytes came under its own name, the best of the run. `None` where none was asked,
    /// because nothing seemed slow, or it was not reached.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rate_kbit_s: Option<u32>,
    /// The same, the worst of the run; 0 where the control host was silent or late when a target failed. Far below the best, it
    /// shows a line that is crowded now and then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub least_kbit_s: Option<u32>,
}

/// How many were tried, how many answered.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tally {
    /// Tried.
    pub tried: u16,
    /// Answered.
    pub answered: u16,
}

impl Tally {
    /// Whether nobody was tried.
    pub fn is_empty(&self) -> bool {
        self.tried == 0
    }
}

/// The reports of one probe that travel, are stored and are acknowledged together.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Batch {
    /// At most [`limits::REPORTS`], oldest first.
    #[serde(deserialize_with = "bounded::seq::<_, _, { limits::REPORTS }>")]
    pub reports: Vec<Report>,
}
