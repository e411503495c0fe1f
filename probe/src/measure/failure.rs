//! The one place where errors of TLS, HTTP and DNS become a [`Failure`]. The system's are mapped by [`Failure::from_io`].

use std::error::Error;
use std::io;

use hickory_net::NetError;
use kedergi_wire::Failure;

/// What an error of a stream means, which may carry one of TLS.
pub(crate) fn of_io(error: &io::Error) -> Failure {
    let inner = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>());
    inner.map_or_else(|| Failure::from_io(error), of_tls)
}

/// What an error of TLS means.
pub(crate) fn of_tls(error: &rustls::Error) -> Failure {
    use rustls::Error as E;
    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "rustls::Error is open; what is not the peer's doing is our own"
    )]
    match error {
        E::AlertReceived(_) => Failure::TlsAlert,
        E::InvalidCertificate(_) | E::NoCertificatesPresented => Failure::Certificate,
        E::InappropriateMessage { .. }
        | E::InappropriateHandshakeMessage { .. }
        | E::InvalidMessage(_)
        | E::DecryptError
        | E::PeerIncompatible(_)
        | E::PeerMisbehaved(_)
        | E::PeerSentOversizedRecord
        | E::NoApplicationProtocol => Failure::TlsProtocol,
        _ => Failure::OwnMachine,
    }
}

/// What an error of HTTP means.
pub(crate) fn of_http(error: &hyper::Error) -> Failure {
    if let Some(failure) = cause(error) {
        return failure;
    }
    if error.is_timeout() {
        Failure::Timeout
    } else if error.is_incomplete_message() || error.is_closed() || error.is_canceled() {
        Failure::Closed
    } else if error.is_user() {
        Failure::OwnMachine
    } else {
        Failure::HttpProtocol
    }
}

/// The error of the stream below, if one is at the bottom of it.
fn cause(error: &hyper::Error) -> Option<Failure> {
    let mut source = error.source();
    while let Some(inner) = source {
        if let Some(io) = inner.downcast_ref::<io::Error>() {
            return Some(of_bytes(io));
        }
        if let Some(h2) = inner.downcast_ref::<h2::Error>() {
            return of_h2(h2);
        }
        source = inner.source();
    }
    None
}

/// What an error means that may be the system's, or one that a decoder found in what came: then it carries no code of the
/// system, and is not this machine's fault.
fn of_bytes(error: &io::Error) -> Failure {
    let failure = of_io(error);
    let tls = error.get_ref().is_some_and(|inner| inner.is::<rustls::Error>());
    if failure != Failure::OwnMachine || error.raw_os_error().is_some() || tls {
        return failure;
    }
    // `Other` is how a decoder says that the stream ended within a frame.
    if error.kind() == io::ErrorKind::Other { Failure::Closed } else { Failure::HttpProtocol }
}

fn of_h2(error: &h2::Error) -> Option<Failure> {
    // RST_STREAM and GOAWAY are frames of a peer that speaks HTTP/2 and ends the exchange: not a TCP reset.
    let ended = error.is_remote() && (error.is_reset() || error.is_go_away());
    error.get_io().map(of_bytes).or(ended.then_some(Failure::Closed))
}

/// What the end of a QUIC connection means.
pub(crate) fn of_quic(error: &quinn::ConnectionError) -> Failure {
    use quinn::ConnectionError as E;
    match error {
        E::TimedOut => Failure::Timeout,
        E::Reset => Failure::Reset,
        E::ConnectionClosed(close) if is_alert(close.error_code) => Failure::TlsAlert,
        E::ConnectionClosed(_) | E::ApplicationClosed(_) => Failure::Closed,
        E::VersionMismatch | E::TransportError(_) => Failure::TlsProtocol,
        E::LocallyClosed | E::CidsExhausted => Failure::OwnMachine,
    }
}

/// Whether a code of QUIC carries an alert of TLS (RFC 9001, 4.8).
fn is_alert(code: quinn::TransportErrorCode) -> bool {
    (0x100..=0x1ff).contains(&u64::from(code))
}

/// What an error of a resolver over HTTPS means.
pub(crate) fn of_doh(error: &NetError) -> Failure {
    #[expect(clippy::wildcard_enum_match_arm, reason = "NetError is open; the rest are answers that are not DNS")]
    match error {
        NetError::Timeout => Failure::Timeout,
        NetError::Io(error) => of_bytes(error),
        NetError::RustlsError(error) => of_tls(error),
        NetError::H2(error) => of_h2(error).unwrap_or(Failure::HttpProtocol),
        // hickory words refusals of the HTTP server ("http unsuccessful code") and a closed connection as text.
        NetError::Msg(_) | NetError::Message(_) | NetError::Decode(_) => Failure::HttpProtocol,
        NetError::Busy | NetError::NoConnections => Failure::OwnMachine,
        _ => Failure::DnsProtocol,
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use rustls::{AlertDescription, CertificateError, InvalidMessage, PeerMisbehaved};

    use super::*;

    #[test]
    fn tls_errors() {
        use rustls::Error as E;
        let cases = [
            (E::AlertReceived(AlertDescription::UnrecognisedName), Failure::TlsAlert),
            (E::InvalidCertificate(CertificateError::BadSignature), Failure::Certificate),
            (E::InvalidMessage(InvalidMessage::InvalidContentType), Failure::TlsProtocol),
            (E::PeerMisbehaved(PeerMisbehaved::TooMuchEarlyDataReceived), Failure::TlsProtocol),
            (E::FailedToGetRandomBytes, Failure::OwnMachine),
        ];
        for (error, failure) in cases {
            assert_eq!(of_tls(&error), failure, "{error}");
            assert_eq!(of_io(&io::Error::new(io::ErrorKind::InvalidData, error)), failure);
        }
    }

    #[test]
    fn stream_errors() {
        assert_eq!(of_io(&io::ErrorKind::ConnectionReset.into()), Failure::Reset);
        assert_eq!(of_io(&io::ErrorKind::UnexpectedEof.into()), Failure::Closed);
        assert_eq!(of_io(&io::ErrorKind::PermissionDenied.into()), Failure::OwnMachine);
    }

    #[test]
    fn what_a_decoder_finds_is_not_this_machines_fault() {
        assert_eq!(of_bytes(&io::Error::new(io::ErrorKind::InvalidInput, "no chunk size")), Failure::HttpProtocol);
        assert_eq!(of_bytes(&io::Error::other("bytes remaining on stream")), Failure::Closed);
        assert_eq!(of_bytes(&io::Error::from_raw_os_error(24)), Failure::OwnMachine);
        assert_eq!(of_bytes(&io::ErrorKind::ConnectionReset.into()), Failure::Reset);
        let own = rustls::Error::FailedToGetRandomBytes;
        assert_eq!(of_bytes(&io::Error::new(io::ErrorKind::InvalidData, own)), Failure::OwnMachine);
    }

    #[test]
    fn resolver_errors() {
        let io = |kind: io::ErrorKind| NetError::Io(Arc::new(kind.into()));
        assert_eq!(of_doh(&NetError::Timeout), Failure::Timeout);
        assert_eq!(of_doh(&io(io::ErrorKind::ConnectionRefused)), Failure::Refused);
        assert_eq!(of_doh(&NetError::Msg("http unsuccessful code: 403".into())), Failure::HttpProtocol);
        assert_eq!(of_doh(&NetError::Busy), Failure::OwnMachine);
    }
}
