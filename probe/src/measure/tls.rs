//! One handshake with the target's name. The chain is recorded whole, and kept even where the handshake fails later.

mod arrivals;
mod counted;
mod hello;
mod roots;
mod shaking;

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use kedergi_wire::{Certificate, Digest, Hello, Session, Tls, Verification, limits};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, Error, ProtocolVersion, SignatureScheme};
use tokio::net::TcpStream;
use tokio_rustls::client::TlsStream;

pub(super) use self::arrivals::Arrivals;
pub(super) use self::counted::Counted;
use self::hello::Hellos;
use self::roots::Roots;
pub(crate) use self::shaking::Shaking;
use super::cut::text;
use crate::trust::TrustError;

/// Two round trips and the server's arithmetic; a censor that swallows packets stays silent for minutes.
pub(crate) const TIMEOUT: Duration = Duration::from_secs(6);
/// Of an attempt that is followed by another.
pub(crate) const FIRST: Duration = Duration::from_secs(3);
/// What such an attempt is listened to in all, beside the other: who holds a handshake up on purpose does so for up to 10 seconds
/// (Kazakhstan, 2022).
pub(crate) const LATE: Duration = Duration::from_millis(10_500);

const OVER_TCP: [&[u8]; 2] = [b"h2", b"http/1.1"];

/// A connection after its handshake.
pub(crate) type Secured = TlsStream<Counted>;

/// What measured handshakes are made with. It accepts any certificate and notes what it thinks of it, so nothing secret may
/// ever be sent on it.
pub(crate) struct Handshakes {
    hellos: Hellos,
    roots: Arc<Roots>,
}

impl Handshakes {
    pub(crate) fn new(roots: rustls::RootCertStore) -> Result<Self, TrustError> {
        let roots = Arc::new(Roots::new(roots)?);
        let verifier = Arc::clone(&roots.all) as Arc<dyn ServerCertVerifier>;
        Ok(Self { hellos: Hellos::new(&verifier)?, roots })
    }

    /// Shakes hands on `stream` and sends `host` as the name, unless it is an address; waits for so long at most.
    pub(crate) async fn shake(
        &self,
        stream: TcpStream,
        address: SocketAddr,
        host: &str,
        patience: Duration,
    ) -> (Tls, Option<Secured>) {
        self.begin(stream, address, host).wait(patience).await
    }

    /// As [`Self::shake`], for whoever may wait longer than he first means to.
    pub(crate) fn begin(&self, stream: TcpStream, address: SocketAddr, host: &str) -> Shaking {
        let (config, notes) = self.noting(&OVER_TCP);
        Shaking::begin(config, notes, Hello::Plain, stream, address, host)
    }

    /// Whether this program can send such a ClientHello.
    pub(crate) fn knows(&self, kind: Hello) -> bool {
        self.hellos.of(kind).is_some()
    }

    /// As [`Self::shake`], with another kind of ClientHello, if this program can send it. The connection is not used further.
    pub(crate) async fn shake_as(
        &self,
        hello: Hello,
        stream: TcpStream,
        address: SocketAddr,
        host: &str,
    ) -> Option<Tls> {
        let (config, notes) = self.noting_with(self.hellos.of(hello)?, &OVER_TCP);
        Some(Shaking::begin(config, notes, hello, stream, address, host).wait(TIMEOUT).await.0)
    }

    /// What is noted of `chain`, shown for `host` at the moment `now`; `None` where no handshake would come to that.
    pub(crate) fn describe(
        &self,
        chain: &[CertificateDer<'_>],
        host: &str,
        now: UnixTime,
    ) -> Option<(Vec<Certificate>, Verification)> {
        let (leaf, rest) = chain.split_first()?;
        let name = ServerName::try_from(host).ok()?;
        let recorder = Recorder { roots: Arc::clone(&self.roots), seen: Arc::default() };
        recorder.verify_server_cert(leaf, rest, &name, &[], now).ok()?;
        let mut seen = recorder.seen.lock().unwrap_or_else(PoisonError::into_inner);
        Some((std::mem::take(&mut seen.chain), seen.verification?))
    }

    /// What a handshake over TCP is made with where nothing need be noted of it.
    pub(crate) fn over_tcp(&self) -> ClientConfig {
        self.noting(&OVER_TCP).0
    }

    /// What one handshake is made with, and where it is noted what was shown.
    pub(crate) fn noting(&self, alpn: &[&[u8]]) -> (ClientConfig, Notes) {
        self.noting_with(&self.hellos.plain, alpn)
    }

    fn noting_with(&self, base: &ClientConfig, alpn: &[&[u8]]) -> (ClientConfig, Notes) {
        let notes = Notes::default();
        let recorder = Recorder { roots: Arc::clone(&self.roots), seen: Arc::clone(&notes.0) };
        let mut config = base.clone();
        config.alpn_protocols = alpn.iter().map(|protocol| protocol.to_vec()).collect();
        config.dangerous().set_certificate_verifier(Arc::new(recorder));
        (config, notes)
    }
}

/// What a handshake shows, noted while it runs.
#[derive(Debug, Default)]
pub(crate) struct Notes(Arc<Mutex<Seen>>);

impl Notes {
    /// What was noted so far.
    pub(crate) fn so_far(&self) -> Seen {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

fn session(stream: &Secured) -> Session {
    let (_, connection) = stream.get_ref();
    let version = match connection.protocol_version() {
        Some(ProtocolVersion::TLSv1_2) => "1.2".to_owned(),
        Some(ProtocolVersion::TLSv1_3) => "1.3".to_owned(),
        other => format!("{other:?}"),
    };
    let alpn = connection.alpn_protocol().map(|name| text(&String::from_utf8_lossy(name)));
    Session { version, alpn }
}

/// What was shown, and what the roots say of it.
#[derive(Debug, Default, Clone)]
pub(crate) struct Seen {
    pub(crate) chain: Vec<Certificate>,
    pub(crate) verification: Option<Verification>,
    extra_root: Option<Digest>,
}

/// Notes the chain and what the roots say of it, and lets the handshake go on.
#[derive(Debug)]
struct Recorder {
    roots: Arc<Roots>,
    seen: Arc<Mutex<Seen>>,
}

impl ServerCertVerifier for Recorder {
    fn verify_server_cert(
        &self,
        leaf: &CertificateDer<'_>,
        rest: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        _ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let chain: Vec<_> = std::iter::once(leaf).chain(rest).cloned().collect();
        let (verification, extra_root) = self.roots.judge(&chain, name, now);
        let keep = verification != Verification::Valid;
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        seen.chain = chain.iter().take(limits::CHAIN).map(|der| certificate(der, keep)).collect();
        seen.verification = Some(verification);
        seen.extra_root = extra_root;
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        leaf: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.roots.all.verify_tls12_signature(message, leaf, signature)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        leaf: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.roots.all.verify_tls13_signature(message, leaf, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.roots.all.supported_verify_schemes()
    }
}

fn certificate(der: &[u8], keep: bool) -> Certificate {
    let parsed = x509_parser::parse_x509_certificate(der).ok().map(|(_, certificate)| certificate);
    let name = |pick: fn(&x509_parser::certificate::X509Certificate<'_>) -> String| parsed.as_ref().map(pick);
    Certificate {
        sha256: Digest::of(der),
        subject: text(&name(|certificate| certificate.subject().to_string()).unwrap_or_default()),
        issuer: text(&name(|certificate| certificate.issuer().to_string()).unwrap_or_default()),
        der: (keep && der.len() <= limits::CERTIFICATE).then(|| der.to_vec()),
    }
}

#[cfg(test)]
mod tests;
