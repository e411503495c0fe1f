//! A report in OONI's data format 0.2.0, as a `web_connectivity` measurement. Pure.
//!
//! The names and types are those of OONI's public specification (github.com/ooni/spec: data-formats df-000 to df-007 and
//! nettests ts-017); how our words map onto theirs is told in `probe/verdict/README.md`, "Names in OONI's data". What their
//! format has no place for stands under keys that begin with `x_`, as they do it themselves.

mod control;
mod dns;
mod failure;
mod http;
mod keys;
mod summary;
mod tcp;
mod tls;
mod when;

use std::collections::BTreeMap;

use jiff::Timestamp;
use kedergi_verdict::Verdict;
use kedergi_wire::{ControlEntry, Report, TargetUrl};
use serde::Serialize;

use keys::TestKeys;

const DATA_FORMAT: &str = "0.2.0";
const TEST_NAME: &str = "web_connectivity";
/// Their version from which on what the line's resolver led to is told from the rest by tags.
const TEST_VERSION: &str = "0.5.0";
/// What their own programs write in place of the volunteer's address, and of the resolver's.
const NO_PROBE_ADDRESS: &str = "127.0.0.1";
const NO_RESOLVER_ADDRESS: &str = "127.0.0.2";
/// Their words for "unknown". Ours is `None`; these two exist at this edge only.
const NO_NETWORK: &str = "AS0";
const NO_COUNTRY: &str = "ZZ";

/// One measurement, as OONI's specification has it.
#[derive(Debug, Serialize)]
pub(crate) struct Measurement<'a> {
    annotations: BTreeMap<&'static str, String>,
    data_format_version: &'static str,
    /// Versions of the parts of the format that are used.
    extensions: BTreeMap<&'static str, u8>,
    input: &'a TargetUrl,
    measurement_start_time: String,
    probe_asn: String,
    probe_cc: String,
    probe_ip: &'static str,
    probe_network_name: &'static str,
    report_id: &'static str,
    resolver_asn: &'static str,
    resolver_ip: &'static str,
    resolver_network_name: &'static str,
    software_name: &'static str,
    software_version: &'static str,
    test_helpers: BTreeMap<&'static str, String>,
    test_keys: TestKeys<'a>,
    test_name: &'static str,
    test_runtime: f64,
    test_start_time: String,
    test_version: &'static str,
}

/// `report`, judged as `verdict` against `control`, as OONI's format has it. It names no address and no resolver of the
/// volunteer, and network and country only where the report does.
pub(crate) fn measurement<'a>(
    report: &'a Report,
    verdict: &'a Verdict,
    control: Option<&'a ControlEntry>,
) -> Measurement<'a> {
    let (network, country) = (report.vantage.network, report.vantage.country);
    Measurement {
        annotations: BTreeMap::new(),
        data_format_version: DATA_FORMAT,
        extensions: ["dnst", "httpt", "tcpconnect", "tlshandshake"].map(|part| (part, 0)).into(),
        input: &report.target,
        measurement_start_time: utc(report.at()),
        probe_asn: network.map_or_else(|| NO_NETWORK.to_owned(), |known| known.value.to_string()),
        probe_cc: country.map_or_else(|| NO_COUNTRY.to_owned(), |known| known.value.to_string()),
        probe_ip: NO_PROBE_ADDRESS,
        probe_network_name: "",
        report_id: "",
        resolver_asn: NO_NETWORK,
        resolver_ip: NO_RESOLVER_ADDRESS,
        resolver_network_name: "",
        software_name: env!("CARGO_PKG_NAME"),
        software_version: env!("CARGO_PKG_VERSION"),
        test_helpers: BTreeMap::new(),
        test_keys: keys::test_keys(report, verdict, control),
        test_name: TEST_NAME,
        test_runtime: when::runtime(report),
        test_start_time: utc(report.at()),
        test_version: TEST_VERSION,
    }
}

fn utc(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M:%S").to_string()
}

#[cfg(test)]
mod example;
#[cfg(test)]
mod tests;
