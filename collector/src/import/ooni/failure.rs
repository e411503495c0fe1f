//! From OONI's failure strings to ours (df-007): the way back of what `kedergi-probe measure --ooni` writes.

use kedergi_wire::{Failure, Rcode, Verification};

/// Our failure; `None` for what their list has no word for, or what says nothing of the network.
pub(super) fn failure(text: &str) -> Option<Failure> {
    Some(match text {
        "generic_timeout_error" | "timed_out" | "connection_timed_out" | "TIMEOUT" => Failure::Timeout,
        "connection_refused" | "connection_refused_error" => Failure::Refused,
        "connection_reset" | "connection_aborted" | "broken_pipe" => Failure::Reset,
        "eof_error" | "connection_already_closed" | "not_connected" => Failure::Closed,
        "host_unreachable" => Failure::HostUnreachable,
        "network_unreachable" | "network_down" | "address_not_available" => Failure::NetworkUnreachable,
        "dns_nxdomain_error" => Failure::NoSuchName,
        "dns_no_answer" => Failure::NoAddress,
        "dns_servfail_error" | "dns_temporary_failure" => Failure::ServerFailure,
        "dns_refused_error" => Failure::QueryRefused,
        "dns_server_misbehaving" | "dns_reply_with_wrong_query_id" => Failure::DnsProtocol,
        "ssl_failed_handshake" => Failure::TlsAlert,
        "ssl_invalid_hostname" | "ssl_unknown_authority" | "ssl_invalid_certificate" => Failure::Certificate,
        "interrupted" | "permission_denied" | "operation_not_supported" => Failure::OwnMachine,
        _ => return None,
    })
}

/// What a failed question was answered, where it was answered.
pub(super) fn rcode(text: &str) -> Option<Rcode> {
    Some(match text {
        "dns_nxdomain_error" => Rcode::NxDomain,
        "dns_no_answer" | "dns_bogon_error" => Rcode::NoError,
        "dns_servfail_error" => Rcode::ServFail,
        "dns_refused_error" => Rcode::Refused,
        _ => return None,
    })
}

/// What is wrong with a chain, where that is the failure: with us the handshake is then carried on.
pub(super) fn of_chain(text: &str) -> Option<Verification> {
    Some(match text {
        "ssl_invalid_hostname" => Verification::WrongName,
        "ssl_unknown_authority" => Verification::UnknownIssuer,
        // Mostly its dates; those accuse nobody.
        "ssl_invalid_certificate" => Verification::Expired,
        _ => return None,
    })
}
