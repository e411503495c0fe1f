//! What every measurement says, whatever the test.

use jiff::Timestamp;
use kedergi_verdict::{Outcome, RuleId};
use kedergi_wire::{Asn, CountryCode, Report, ServiceId};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::super::services::Services;
use super::documents::NoJson;
use super::fields::text;
use super::{messengers, web};

/// What was learned from a measurement.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Found {
    pub(super) at: Timestamp,
    pub(super) country: CountryCode,
    pub(super) network: Asn,
    pub(super) resolver_network: Option<Asn>,
    pub(super) seen: Seen,
}

/// What was seen, judged where it could be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Seen {
    /// A site, against the control of the measurement; `is_up` is whether that reached it.
    Site { service: ServiceId, outcome: Outcome, rule: RuleId, is_up: bool },
    /// A messenger's endpoints, which are judged against other measurements.
    Endpoints(Vec<Report>),
}

/// Why a measurement is not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum OoniRefusal {
    #[error("not JSON")]
    Syntax,
    #[error("longer than 64 MB")]
    TooLong,
    #[error("JSON, but no measurement: it names no test and has no test_keys")]
    Foreign,
    #[error(
        "a test that is not judged here; those are web_connectivity, telegram, whatsapp, signal and facebook_messenger"
    )]
    Test,
    #[error("measurement_start_time is no time, such as 2024-03-01 12:00:00")]
    Time,
    #[error("probe_cc is no country")]
    Country,
    #[error("probe_asn is no AS number")]
    Network,
    #[error("the input is no http or https URL of a host")]
    Target,
    #[error("nothing was observed of the target")]
    Empty,
}

impl From<NoJson> for OoniRefusal {
    fn from(why: NoJson) -> Self {
        match why {
            NoJson::Syntax => Self::Syntax,
            NoJson::TooLong => Self::TooLong,
        }
    }
}

/// What a measurement says.
pub(super) fn found(json: &Value, services: &Services<'_>) -> Result<Found, OoniRefusal> {
    let test = text(json, "test_name").ok_or(OoniRefusal::Foreign)?;
    let keys = json.get("test_keys").filter(|keys| keys.is_object()).ok_or(OoniRefusal::Foreign)?;
    let at = text(json, "measurement_start_time").and_then(time).ok_or(OoniRefusal::Time)?;
    let country = text(json, "probe_cc").and_then(|text| text.parse().ok()).ok_or(OoniRefusal::Country)?;
    let network = asn(json, "probe_asn").ok_or(OoniRefusal::Network)?;
    let resolver_network = asn(json, "resolver_asn");
    let seen = match test {
        "web_connectivity" => {
            let judged = web::judged(json, keys, at, resolver_network.is_some())?;
            let service = services.find(judged.target.as_str()).ok_or(OoniRefusal::Target)?;
            let web::Judged { outcome, rule, is_up, .. } = judged;
            Seen::Site { service, outcome, rule, is_up }
        }
        "telegram" | "whatsapp" | "signal" | "facebook_messenger" => {
            let endpoints = messengers::endpoints(keys, at, services.list());
            if endpoints.is_empty() {
                return Err(OoniRefusal::Empty);
            }
            Seen::Endpoints(endpoints)
        }
        _ => return Err(OoniRefusal::Test),
    };
    Ok(Found { at, country, network, resolver_network, seen })
}

/// UTC, which their format leaves out.
fn time(text: &str) -> Option<Timestamp> {
    let at: Timestamp = format!("{}Z", text.trim_end_matches('Z')).parse().ok()?;
    u32::try_from(at.as_second()).is_ok().then_some(at)
}

/// `AS64500`; `AS0` is their word for unknown.
fn asn(json: &Value, key: &str) -> Option<Asn> {
    Asn::new(text(json, key)?.strip_prefix("AS")?.parse().ok()?)
}
