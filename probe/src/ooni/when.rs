//! What all entries share: when, at which step of the whole, with which tags.

use std::net::SocketAddr;

use kedergi_wire::{Observation, Report, ResolverClass, Step};
use serde::Serialize;

/// When an entry began and ended, in seconds from the start of the measurement, and what it belongs to.
#[derive(Debug, Clone, Serialize)]
pub(super) struct When {
    pub(super) t0: f64,
    pub(super) t: f64,
    pub(super) tags: Vec<String>,
    /// Steps to the same address for the same page share one. It counts from 1: their 0 means unknown.
    pub(super) transaction_id: usize,
}

/// The `index`th observation's times, tags and transaction.
pub(super) fn of(report: &Report, index: usize, seen: &Observation) -> When {
    let mut tags = vec![format!("depth={}", seen.hop), "fetch_body=true".to_owned()];
    if classic(report, seen) {
        tags.insert(0, "classic".to_owned());
    }
    let t = seconds(seen.after_ms.saturating_add(seen.took_ms));
    When { t0: seconds(seen.after_ms), t, tags, transaction_id: transaction(report, index, seen) }
}

/// Seconds from the start to the end of the last step.
pub(super) fn runtime(report: &Report) -> f64 {
    seconds(report.observations.iter().map(|seen| seen.after_ms.saturating_add(seen.took_ms)).max().unwrap_or(0))
}

pub(super) fn seconds(ms: u32) -> f64 {
    f64::from(ms) / 1000.0
}

/// Whether it is what a program on this machine would have done: asked the line's resolver, and gone where that led.
fn classic(report: &Report, seen: &Observation) -> bool {
    match (&seen.step, address(&seen.step)) {
        (Step::Dns(dns), _) => dns.resolver == ResolverClass::System,
        (_, Some(address)) => !was_named_by_others_only(report, seen.hop, address),
        (_, None) => false,
    }
}

fn was_named_by_others_only(report: &Report, hop: u8, address: SocketAddr) -> bool {
    let named_by = |line: bool| {
        let asked = report.observations.iter().filter(|seen| seen.hop == hop).filter_map(|seen| match &seen.step {
            Step::Dns(dns) if (dns.resolver == ResolverClass::System) == line => dns.outcome.ok()?.first(),
            Step::Dns(_) | Step::Tcp(_) | Step::Tls(_) | Step::Http(_) | Step::Quic(_) => None,
        });
        asked.flat_map(|answer| &answer.addresses).any(|ip| *ip == address.ip())
    };
    named_by(false) && !named_by(true)
}

fn transaction(report: &Report, index: usize, seen: &Observation) -> usize {
    let same = |other: &Observation| other.hop == seen.hop && address(&other.step) == address(&seen.step);
    let first = address(&seen.step).and_then(|_| report.observations.iter().position(same));
    first.unwrap_or(index) + 1
}

fn address(step: &Step) -> Option<SocketAddr> {
    match step {
        Step::Dns(_) => None,
        Step::Tcp(tcp) => Some(tcp.address),
        Step::Tls(tls) => Some(tls.address),
        Step::Http(http) => Some(http.address),
        Step::Quic(quic) => Some(quic.address),
    }
}
