//! The one table from our failures to OONI's strings (df-007).

use kedergi_wire::{Failure, Verification};

pub(super) const NO_SUCH_NAME: &str = "dns_nxdomain_error";
pub(super) const NO_ANSWER: &str = "dns_no_answer";
pub(super) const SERVER_FAILURE: &str = "dns_servfail_error";
pub(super) const QUERY_REFUSED: &str = "dns_refused_error";
pub(super) const MISBEHAVING: &str = "dns_server_misbehaving";
/// An answer that is one for us, and a failure for them.
pub(super) const BOGON: &str = "dns_bogon_error";

/// OONI's string for a failure. What their list has no word for begins with `unknown_failure`, as it prescribes.
pub(super) fn text(failure: Failure) -> &'static str {
    match failure {
        Failure::Timeout => "generic_timeout_error",
        Failure::Refused => "connection_refused",
        Failure::Reset => "connection_reset",
        Failure::Closed => "eof_error",
        Failure::HostUnreachable => "host_unreachable",
        Failure::NetworkUnreachable => "network_unreachable",
        Failure::NoSuchName => NO_SUCH_NAME,
        Failure::NoAddress => NO_ANSWER,
        Failure::ServerFailure => SERVER_FAILURE,
        Failure::QueryRefused => QUERY_REFUSED,
        Failure::DnsProtocol => MISBEHAVING,
        Failure::TlsAlert | Failure::TlsProtocol => "ssl_failed_handshake",
        Failure::Certificate => "ssl_invalid_certificate",
        Failure::HttpProtocol => "unknown_failure: not HTTP",
        Failure::TooManyRedirects => "unknown_failure: too many redirects",
        Failure::ForbiddenAddress => "unknown_failure: address is never contacted",
        Failure::OwnMachine => "unknown_failure: own machine",
    }
}

/// OONI's string for what is wrong with a chain; `None` for a valid one.
pub(super) fn of_chain(verification: Verification) -> Option<&'static str> {
    match verification {
        Verification::Valid => None,
        Verification::WrongName => Some("ssl_invalid_hostname"),
        Verification::UnknownIssuer => Some("ssl_unknown_authority"),
        Verification::Expired | Verification::NotYetValid | Verification::Malformed => Some("ssl_invalid_certificate"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MANUAL: &str = include_str!("../../verdict/README.md");

    #[test]
    fn the_manual_tells_every_failure() {
        let names = "timeout refused reset closed host-unreachable network-unreachable no-such-name no-address \
                     server-failure query-refused tls-alert tls-protocol certificate http-protocol dns-protocol \
                     too-many-redirects forbidden-address own-machine";
        for name in names.split_whitespace() {
            let failure: Failure = serde_json::from_value(name.into()).unwrap();
            let theirs = text(failure).split(' ').next().unwrap_or_default();
            let told = |row: &str| row.starts_with('|') && row.contains(&format!("`{name}`")) && row.contains(theirs);
            assert!(MANUAL.lines().any(told), "{name} is not told to be {theirs}");
        }
    }
}
