use kedergi_wire::{Failure, StepOutcome};
use rustls::server::ResolvesServerCert;
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio_rustls::TlsAcceptor;

use super::super::loopback::{self, Authority, Dates, Identity, acceptor, self_signed, server};
use super::*;
use crate::trust::provider;

const NAME: &str = "site.example";

async fn shake(roots: rustls::RootCertStore, address: SocketAddr, host: &str) -> Tls {
    let stream = TcpStream::connect(address).await.unwrap();
    Handshakes::new(roots).unwrap().shake(stream, address, host, TIMEOUT).await.0
}

async fn with(authority: &Authority, identity: Identity) -> Tls {
    let address = loopback::https(identity, |_| Vec::new()).await;
    shake(authority.roots(), address, NAME).await
}

async fn against(serve: impl Fn(TcpStream) + Clone + Send + 'static) -> Tls {
    let address = server(move |mut stream| {
        let serve = serve.clone();
        async move {
            // The whole ClientHello: the kernel resets a connection that is closed with bytes unread.
            let mut head = [0; 5];
            stream.read_exact(&mut head).await.unwrap();
            let mut hello = vec![0; usize::from(u16::from_be_bytes([head[3], head[4]]))];
            stream.read_exact(&mut hello).await.unwrap();
            serve(stream);
        }
    })
    .await;
    shake(Authority::new().roots(), address, NAME).await
}

#[tokio::test]
async fn a_valid_chain_is_recorded_without_its_bytes() {
    let authority = Authority::new();
    let identity = authority.issue(NAME, Dates::Now);
    let digest = Digest::of(&identity.chain[0]);
    let tls = with(&authority, identity).await;
    assert_eq!(tls.verification, Some(Verification::Valid));
    assert_eq!(tls.outcome.ok().unwrap(), &Session { version: "1.3".into(), alpn: Some("http/1.1".into()) });
    assert_eq!((tls.chain.len(), tls.chain[0].sha256, &tls.chain[0].der), (1, digest, &None));
    assert_eq!(tls.server_name.as_deref(), Some(NAME));
}

#[tokio::test]
async fn a_chain_that_fails_is_kept_and_the_handshake_finishes() {
    let authority = Authority::new();
    let cases = [
        (authority.issue(NAME, Dates::Past), Verification::Expired),
        (authority.issue(NAME, Dates::Future), Verification::NotYetValid),
        (authority.issue("other.example", Dates::Now), Verification::WrongName),
        (self_signed(NAME, Dates::Now), Verification::UnknownIssuer),
        (self_signed(NAME, Dates::Past), Verification::UnknownIssuer),
        // As an interceptor does who copies the name of the true issuer.
        (Authority::new().issue(NAME, Dates::Past), Verification::Malformed),
    ];
    for (identity, verification) in cases {
        let der = identity.chain[0].to_vec();
        let tls = with(&authority, identity).await;
        assert_eq!(tls.verification, Some(verification));
        assert!(tls.outcome.ok().is_some(), "{verification:?}");
        assert_eq!(tls.chain[0].der.as_ref(), Some(&der));
    }
}

#[tokio::test]
async fn which_of_the_added_roots_vouches_is_recorded() {
    let (one, other) = (Authority::new(), Authority::new());
    let mut both = one.roots();
    both.roots.extend(other.roots().roots);
    both.roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
    let mut seen = Vec::new();
    for authority in [&one, &other, &one] {
        let address = loopback::https(authority.issue(NAME, Dates::Now), |_| Vec::new()).await;
        seen.push(shake(both.clone(), address, NAME).await.extra_root);
    }
    assert!(seen[0].is_some() && seen[0] == seen[2] && seen[0] != seen[1], "{seen:?}");
    let flawed = with(&one, one.issue("other.example", Dates::Now)).await;
    assert_eq!(flawed.extra_root, None, "nobody vouches for it");
}

#[tokio::test]
async fn an_address_is_not_sent_as_a_name() {
    let authority = Authority::new();
    let address = loopback::https(authority.issue("127.0.0.1", Dates::Now), |_| Vec::new()).await;
    let tls = shake(authority.roots(), address, "127.0.0.1").await;
    assert_eq!((tls.server_name, tls.verification), (None, Some(Verification::Valid)));
}

#[tokio::test]
async fn the_chain_outlives_a_handshake_that_fails_after_it() {
    let identity = self_signed(NAME, Dates::Now);
    let foreign = self_signed(NAME, Dates::Now).key;
    let key = rustls::crypto::ring::sign::any_supported_type(&foreign).unwrap();
    let lying: Arc<dyn ResolvesServerCert> =
        Arc::new(SingleCertAndKey::from(CertifiedKey::new(identity.chain.clone(), key)));
    let config = rustls::ServerConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_cert_resolver(lying);
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let address = server(move |stream| {
        let accepting = acceptor.accept(stream);
        async move {
            let _ = accepting.await;
        }
    })
    .await;
    let tls = shake(Authority::new().roots(), address, NAME).await;
    assert_eq!(tls.outcome, StepOutcome::Failed(Failure::Certificate));
    assert_eq!(tls.chain[0].der.as_deref(), Some(&identity.chain[0][..]));
}

#[tokio::test]
async fn a_reset_after_the_name() {
    let tls = against(loopback::reset).await;
    assert_eq!((tls.outcome, tls.verification), (StepOutcome::Failed(Failure::Reset), None));
    // The server read all of it before it reset the connection.
    assert!(tls.hello_bytes.is_some_and(|bytes| (200..600).contains(&bytes)), "{:?}", tls.hello_bytes);
}

#[tokio::test]
async fn an_end_after_the_name() {
    assert_eq!(against(drop).await.outcome, StepOutcome::Failed(Failure::Closed));
}

#[tokio::test]
async fn bytes_that_are_not_tls() {
    let address = server(|mut stream| async move {
        stream.write_all(b"HTTP/1.1 403 Forbidden\r\n\r\n").await.unwrap();
        loopback::silence(stream).await;
    })
    .await;
    let tls = shake(Authority::new().roots(), address, NAME).await;
    assert_eq!(tls.outcome, StepOutcome::Failed(Failure::TlsProtocol));
}

#[tokio::test]
async fn an_alert() {
    let authority = Authority::new();
    let acceptor = acceptor(authority.issue(NAME, Dates::Now), &["no-such-protocol"]);
    let address = server(move |stream| {
        let accepting = acceptor.accept(stream);
        async move {
            let _ = accepting.await;
        }
    })
    .await;
    let tls = shake(authority.roots(), address, NAME).await;
    assert_eq!(tls.outcome, StepOutcome::Failed(Failure::TlsAlert));
}

#[tokio::test]
async fn silence_after_the_name() {
    let address = server(loopback::silence).await;
    let stream = TcpStream::connect(address).await.unwrap();
    let handshakes = Handshakes::new(Authority::new().roots()).unwrap();
    tokio::time::pause();
    let (tls, _) = handshakes.shake(stream, address, NAME, TIMEOUT).await;
    assert_eq!(tls.outcome, StepOutcome::Failed(Failure::Timeout));
}

#[tokio::test]
async fn a_handshake_that_met_silence_can_be_waited_for_again() {
    let authority = Authority::new();
    let acceptor = acceptor(authority.issue(NAME, Dates::Now), &[]);
    let release = std::sync::Arc::new(tokio::sync::Notify::new());
    let held = std::sync::Arc::clone(&release);
    let address = server(move |stream| {
        let (acceptor, held) = (acceptor.clone(), std::sync::Arc::clone(&held));
        async move {
            held.notified().await;
            let _ = acceptor.accept(stream).await;
        }
    })
    .await;
    let handshakes = Handshakes::new(authority.roots()).unwrap();
    let mut shaking = handshakes.begin(TcpStream::connect(address).await.unwrap(), address, NAME);
    let (tls, _) = shaking.wait(Duration::from_millis(20)).await;
    assert_eq!((tls.outcome, tls.verification), (StepOutcome::Failed(Failure::Timeout), None));
    release.notify_one();
    let (late, stream) = shaking.wait(TIMEOUT).await;
    assert_eq!((late.verification, late.hello_bytes), (Some(Verification::Valid), tls.hello_bytes));
    assert!(late.outcome.ok().is_some() && stream.is_some());
}

#[cfg(feature = "pq")]
#[tokio::test]
async fn other_kinds_of_hello_are_answered_as_well() {
    let authority = Authority::new();
    let address = loopback::https(authority.issue(NAME, Dates::Now), |_| Vec::new()).await;
    let handshakes = Handshakes::new(authority.roots()).unwrap();
    for (kind, sizes) in [(Hello::PostQuantum, 1400..1800), (Hello::GreaseEch, 300..900)] {
        let stream = TcpStream::connect(address).await.unwrap();
        let tls = handshakes.shake_as(kind, stream, address, NAME).await.unwrap();
        assert_eq!((tls.hello, tls.verification), (kind, Some(Verification::Valid)), "{:?}", tls.outcome);
        assert!(tls.hello_bytes.is_some_and(|bytes| sizes.contains(&bytes)), "{:?}", tls.hello_bytes);
    }
}
