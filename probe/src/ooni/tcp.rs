//! Connections (df-005; `blocked` is ts-017's).

use std::net::IpAddr;

use kedergi_verdict::{How, Verdict};
use kedergi_wire::{Report, Step};
use serde::Serialize;

use super::failure;
use super::when::{self, When};

/// One connection attempt.
#[derive(Debug, Serialize)]
pub(super) struct ConnectEntry {
    ip: IpAddr,
    port: u16,
    status: Status,
    #[serde(flatten)]
    when: When,
}

#[derive(Debug, Serialize)]
struct Status {
    blocked: bool,
    failure: Option<&'static str>,
    success: bool,
}

/// Every attempt. `blocked` are those that failed and that a verdict of blocking on this layer rests on.
pub(super) fn connects(report: &Report, verdict: &Verdict) -> Vec<ConnectEntry> {
    let accused = matches!(verdict.outcome.how(), Some(How::Tcp(_)));
    let rests_on = |index| verdict.evidence.iter().any(|one| one.observation.map(usize::from) == Some(index));
    let entries = report.observations.iter().enumerate().filter_map(|(index, seen)| {
        let Step::Tcp(tcp) = &seen.step else { return None };
        let failure = tcp.outcome.failure().map(failure::text);
        let blocked = accused && failure.is_some() && rests_on(index);
        let status = Status { blocked, failure, success: failure.is_none() };
        let when = when::of(report, index, seen);
        Some(ConnectEntry { ip: tcp.address.ip(), port: tcp.address.port(), status, when })
    });
    entries.collect()
}
