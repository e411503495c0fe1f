//! Handshakes (df-006).

use std::net::SocketAddr;

use data_encoding::BASE64;
use kedergi_wire::{Certificate, Report, Step, Tls};
use serde::Serialize;

use super::failure;
use super::when::{self, When};

/// One handshake.
#[derive(Debug, Serialize)]
pub(super) struct HandshakeEntry<'a> {
    network: &'static str,
    address: SocketAddr,
    /// Not recorded.
    cipher_suite: &'static str,
    failure: Option<&'static str>,
    negotiated_protocol: &'a str,
    /// `false`: what the roots say of the chain stands in `failure`, although the probe goes on all the same.
    no_tls_verify: bool,
    peer_certificates: Vec<Binary>,
    #[serde(skip_serializing_if = "Option::is_none")]
    server_name: Option<&'a str>,
    tls_version: String,
    #[serde(flatten)]
    when: When,
}

/// Bytes that are no text.
#[derive(Debug, Serialize)]
struct Binary {
    format: &'static str,
    data: String,
}

/// Every handshake.
pub(super) fn handshakes(report: &Report) -> Vec<HandshakeEntry<'_>> {
    let entries = report.observations.iter().enumerate().filter_map(|(index, seen)| {
        let Step::Tls(tls) = &seen.step else { return None };
        Some(entry(tls, when::of(report, index, seen)))
    });
    entries.collect()
}

/// Why a handshake failed in OONI's sense: there a chain that is not valid fails it.
pub(super) fn failure_of(tls: &Tls) -> Option<&'static str> {
    let chain = tls.verification.and_then(failure::of_chain);
    tls.outcome.failure().map(failure::text).or(chain)
}

fn entry(tls: &Tls, when: When) -> HandshakeEntry<'_> {
    let session = tls.outcome.ok();
    HandshakeEntry {
        network: "tcp",
        address: tls.address,
        cipher_suite: "",
        failure: failure_of(tls),
        negotiated_protocol: session.and_then(|session| session.alpn.as_deref()).unwrap_or_default(),
        no_tls_verify: false,
        peer_certificates: tls.chain.iter().filter_map(binary).collect(),
        server_name: tls.server_name.as_deref(),
        tls_version: session.map(|session| format!("TLSv{}", session.version)).unwrap_or_default(),
        when,
    }
}

/// The certificate's bytes, which are kept of chains that are not valid only.
fn binary(certificate: &Certificate) -> Option<Binary> {
    certificate.der.as_ref().map(|der| Binary { format: "base64", data: BASE64.encode(der) })
}
