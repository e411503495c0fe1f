//! The keys of `test_keys` (ts-017).

use kedergi_verdict::Verdict;
use kedergi_wire::{ControlEntry, Report, Step};
use serde::Serialize;

use super::control::{self, Comparison, Control};
use super::dns::{self, QueryEntry};
use super::http::{self, Transaction};
use super::summary::{self, Own, Summary};
use super::tcp::{self, ConnectEntry};
use super::tls::{self, HandshakeEntry};
use super::{NO_RESOLVER_ADDRESS, failure};

/// What was seen, what the control saw, and what follows.
#[derive(Debug, Serialize)]
pub(super) struct TestKeys<'a> {
    agent: &'static str,
    client_resolver: &'static str,
    retries: Option<u32>,
    socksproxy: Option<&'static str>,
    /// Single reads and writes are not recorded.
    network_events: [(); 0],
    queries: Vec<QueryEntry<'a>>,
    x_dns_duplicate_responses: Vec<QueryEntry<'a>>,
    dns_experiment_failure: Option<&'static str>,
    dns_consistency: Option<&'static str>,
    control_failure: Option<&'static str>,
    control: Option<Control<'a>>,
    tcp_connect: Vec<ConnectEntry>,
    tls_handshakes: Vec<HandshakeEntry<'a>>,
    requests: Vec<Transaction<'a>>,
    http_experiment_failure: Option<&'static str>,
    #[serde(flatten)]
    comparison: Comparison,
    #[serde(flatten)]
    summary: Summary,
    x_kedergi: Own<'a>,
}

pub(super) fn test_keys<'a>(
    report: &'a Report,
    verdict: &'a Verdict,
    control: Option<&'a ControlEntry>,
) -> TestKeys<'a> {
    TestKeys {
        agent: "redirect",
        client_resolver: NO_RESOLVER_ADDRESS,
        retries: None,
        socksproxy: None,
        network_events: [],
        queries: dns::queries(report),
        x_dns_duplicate_responses: dns::late(report),
        dns_experiment_failure: dns::line_failure(report),
        dns_consistency: summary::dns_consistency(verdict.outcome),
        control_failure: control.is_none().then_some("unknown_failure: no control at hand"),
        control: control.map(Control::from),
        tcp_connect: tcp::connects(report, verdict),
        tls_handshakes: tls::handshakes(report),
        requests: http::requests(report),
        http_experiment_failure: experiment_failure(report),
        comparison: control::compare(report, control),
        summary: summary::summary(verdict.outcome),
        x_kedergi: Own::of(verdict, report.line),
    }
}

/// Why no page came at the end of the redirects: the first failure of the highest layer that was reached there.
fn experiment_failure(report: &Report) -> Option<&'static str> {
    if control::last_page(report).is_some() {
        return None;
    }
    let last = report.observations.iter().map(|seen| seen.hop).max()?;
    let steps = report.observations.iter().filter(|seen| seen.hop == last).map(|seen| &seen.step);
    let failures = steps.filter_map(|step| Some((step.layer(), failure_of(step)?)));
    failures.rev().max_by_key(|(layer, _)| *layer).map(|(_, failure)| failure)
}

fn failure_of(step: &Step) -> Option<&'static str> {
    match step {
        Step::Dns(dns) => dns::failure_of(dns),
        Step::Tcp(tcp) => tcp.outcome.failure().map(failure::text),
        Step::Tls(tls) => tls::failure_of(tls),
        Step::Http(http) => http.outcome.failure().map(failure::text),
        // Web Connectivity knows no HTTP/3.
        Step::Quic(_) => None,
    }
}
