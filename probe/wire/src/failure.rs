//! Why a step failed: one closed list for all layers.

use std::io;

use serde::{Deserialize, Serialize};

/// Why a step of a measurement failed, as the probe's own machine saw it.
///
/// The list is closed. The probe maps every error of the operating system, TLS, HTTP and DNS into it in one place
/// (`kedergi-probe`, `measure/failure.rs`; the system's part is [`Failure::from_io`]).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Failure {
    /// Nothing came back within the step's time.
    Timeout,
    /// A reset (or ICMP port unreachable) in answer to the first packet.
    Refused,
    /// A reset on an exchange that had begun.
    Reset,
    /// The other side ended the stream where more was due.
    Closed,
    /// A router answered that the host cannot be reached.
    HostUnreachable,
    /// This machine has no route to the address's network.
    NetworkUnreachable,
    /// The name does not exist (NXDOMAIN).
    NoSuchName,
    /// The name exists but has no address of the kind asked for, by any resolver.
    NoAddress,
    /// The resolver answered SERVFAIL.
    ServerFailure,
    /// The resolver answered REFUSED.
    QueryRefused,
    /// A TLS alert from the other side.
    TlsAlert,
    /// Bytes that are not TLS, or not the handshake that was due.
    TlsProtocol,
    /// A certificate that no trusted root vouches for, for this name, now.
    Certificate,
    /// Bytes that are not HTTP.
    HttpProtocol,
    /// Bytes that are not a DNS answer.
    DnsProtocol,
    /// More redirects than are followed.
    TooManyRedirects,
    /// The address is one a probe never contacts: loopback, private, link-local, reserved.
    ForbiddenAddress,
    /// This machine refused: permission, no free port, no memory, too many files.
    OwnMachine,
}

impl Failure {
    /// Maps an error of the operating system.
    pub fn from_io(error: &io::Error) -> Self {
        use io::ErrorKind as K;
        #[expect(clippy::wildcard_enum_match_arm, reason = "ErrorKind is open; what is not of the network is our own")]
        match error.kind() {
            K::TimedOut => Self::Timeout,
            K::ConnectionRefused => Self::Refused,
            K::ConnectionReset | K::ConnectionAborted | K::BrokenPipe => Self::Reset,
            K::UnexpectedEof | K::NotConnected | K::WriteZero => Self::Closed,
            K::HostUnreachable => Self::HostUnreachable,
            K::NetworkUnreachable | K::NetworkDown | K::AddrNotAvailable => Self::NetworkUnreachable,
            _ => Self::OwnMachine,
        }
    }
}
