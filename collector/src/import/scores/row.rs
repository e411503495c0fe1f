//! One line of a file of scores.

use csv::ByteRecord;
use jiff::Timestamp;
use kedergi_wire::{Asn, CountryCode, Digest, ProbeId, ServiceId};
use serde::{Deserialize, Serialize};

use super::super::services::Services;
use super::belief::{Belief, Scores};

/// One measurement.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Row {
    pub(super) at: Timestamp,
    pub(super) country: CountryCode,
    pub(super) network: Asn,
    pub(super) service: ServiceId,
    /// Several targets may stand for one service.
    pub(super) target: String,
    pub(super) probe: Option<ProbeId>,
    pub(super) resolver_network: Option<Asn>,
    pub(super) scores: Scores,
}

/// Why a line is not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum RowRefusal {
    #[error("more or fewer fields than the first line names")]
    Fields,
    #[error("not UTF-8")]
    Text,
    #[error("the time is not RFC 3339, such as 2024-03-01T12:00:00Z")]
    Time,
    #[error("the time is before 1970 or after 2106")]
    Era,
    #[error("the country is not two letters (ISO 3166-1)")]
    Country,
    #[error("the network is no AS number, such as AS64500 or 64500")]
    Network,
    #[error("the resolver's network is no AS number; leave it empty if it is not known")]
    ResolverNetwork,
    #[error("the target is neither a URL nor the name of a host")]
    Target,
    #[error("a score is no number from 0 to 1")]
    Score,
    #[error("no layer was judged: all scores are 0")]
    Unjudged,
}

/// The columns, each at its place in the line.
#[derive(Debug)]
pub(super) struct Columns {
    fields: usize,
    time: usize,
    country: usize,
    network: usize,
    target: usize,
    probe: Option<usize>,
    resolver_network: Option<usize>,
    scores: [[usize; 3]; 3],
    /// The names of the others.
    pub(super) unused: Vec<String>,
}

const SCORES: [[&str; 3]; 3] = [
    ["dns_blocked", "dns_down", "dns_ok"],
    ["tcp_blocked", "tcp_down", "tcp_ok"],
    ["tls_blocked", "tls_down", "tls_ok"],
];
const NEEDED: [&str; 4] = ["time", "country", "network", "target"];
const OPTIONAL: [&str; 2] = ["probe", "resolver_network"];

impl Columns {
    /// Finds the columns in the first line. The error names those that are missing.
    pub(super) fn of(header: &ByteRecord) -> Result<Self, String> {
        let names: Vec<_> = header.iter().map(name).collect();
        let find = |wanted: &str| names.iter().position(|name| name == wanted);
        let missing: Vec<_> =
            NEEDED.iter().chain(SCORES.iter().flatten()).filter(|wanted| find(wanted).is_none()).copied().collect();
        if !missing.is_empty() {
            return Err(format!("{} {}", missing.join(", "), if missing.len() == 1 { "is" } else { "are" }));
        }
        let known =
            |name: &&String| NEEDED.iter().chain(&OPTIONAL).chain(SCORES.iter().flatten()).any(|known| known == name);
        let unused = names.iter().filter(|name| !known(name)).cloned().collect();
        // None of these is missing.
        let place = |wanted: &str| find(wanted).unwrap_or_default();
        let [time, country, network, target] = NEEDED.map(place);
        let [probe, resolver_network] = OPTIONAL.map(find);
        let scores = SCORES.map(|layer| layer.map(place));
        Ok(Self { fields: names.len(), time, country, network, target, probe, resolver_network, scores, unused })
    }

    /// All names, for messages.
    pub(super) fn names() -> String {
        let scores: Vec<_> = SCORES.concat();
        format!("{}, optional {}, {}", NEEDED.join(", "), OPTIONAL.join(" and "), scores.join(", "))
    }

    /// The measurement in a line, whole or not at all.
    pub(super) fn row(&self, record: &ByteRecord, services: &Services<'_>) -> Result<Row, RowRefusal> {
        if record.len() != self.fields {
            return Err(RowRefusal::Fields);
        }
        let text = |place: usize| {
            let text = std::str::from_utf8(record.get(place).unwrap_or_default());
            text.map(str::trim).map_err(|_| RowRefusal::Text)
        };
        let optional = |place: Option<usize>| Ok(place.map(text).transpose()?.filter(|text| !text.is_empty()));
        let at: Timestamp = text(self.time)?.parse().map_err(|_| RowRefusal::Time)?;
        if u32::try_from(at.as_second()).is_err() {
            return Err(RowRefusal::Era);
        }
        let country = text(self.country)?.to_ascii_uppercase().parse().map_err(|_| RowRefusal::Country)?;
        let network = asn(text(self.network)?).ok_or(RowRefusal::Network)?;
        let target = text(self.target)?.to_owned();
        let service = services.find(&target).ok_or(RowRefusal::Target)?;
        let probe = optional(self.probe)?.map(|name| ProbeId(Digest::of(name.as_bytes()).0));
        let resolver_network = optional(self.resolver_network)?;
        let resolver_network = resolver_network.map(|text| asn(text).ok_or(RowRefusal::ResolverNetwork)).transpose()?;
        let mut scores = [Belief::default(); 3];
        for (belief, places) in scores.iter_mut().zip(self.scores) {
            let mut parts = [0; 3];
            for (part, place) in parts.iter_mut().zip(places) {
                *part = permille(text(place)?).ok_or(RowRefusal::Score)?;
            }
            *belief = Belief::of(parts);
        }
        let scores = Scores(scores);
        if !scores.is_judged() {
            return Err(RowRefusal::Unjudged);
        }
        Ok(Row { at, country, network, service, target, probe, resolver_network, scores })
    }
}

/// A column's name as it is meant: a byte order mark and blanks are not.
fn name(field: &[u8]) -> String {
    String::from_utf8_lossy(field).trim_start_matches('\u{feff}').trim().to_ascii_lowercase()
}

/// `AS64500` or `64500`.
fn asn(text: &str) -> Option<Asn> {
    let digits = text.strip_prefix("AS").or_else(|| text.strip_prefix("as")).unwrap_or(text);
    // A sign is no part of a number here.
    let number = digits.parse().ok().filter(|_| digits.bytes().all(|byte| byte.is_ascii_digit()))?;
    Asn::new(number)
}

/// A score in thousandths; nothing written is 0.
fn permille(text: &str) -> Option<u16> {
    if text.is_empty() {
        return Some(0);
    }
    let score: f64 = text.parse().ok().filter(|score| (0.0..=1.0).contains(score))?;
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "from 0 to 1000, as was just checked")]
    let permille = (score * 1000.0).round() as u16;
    Some(permille)
}
