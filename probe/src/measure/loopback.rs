//! Servers on the loopback interface for the tests of the steps: TLS with any certificate, HTTP with any bytes, DNS with any
//! answers.

use std::future::Future;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use hickory_proto::op::Message;
use hickory_proto::rr::{RData, Record};
use hyper::body::Bytes;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, date_time_ymd};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::{RootCertStore, ServerConfig};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream, UdpSocket};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use crate::trust::provider;

/// When a certificate is valid.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Dates {
    Now,
    Past,
    Future,
}

/// A certificate with its key.
pub(crate) struct Identity {
    pub(crate) chain: Vec<CertificateDer<'static>>,
    pub(crate) key: PrivateKeyDer<'static>,
}

/// A root that the tests trust.
pub(crate) struct Authority(CertifiedIssuer<'static, KeyPair>);

impl Authority {
    pub(crate) fn new() -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        // Unlike the name of a self-signed certificate, which would then claim to be issued by this root.
        params.distinguished_name.push(DnType::CommonName, "a root of the tests");
        Self(CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap())
    }

    pub(crate) fn roots(&self) -> RootCertStore {
        let mut store = RootCertStore::empty();
        store.add(self.0.der().clone()).unwrap();
        store
    }

    pub(crate) fn issue(&self, name: &str, dates: Dates) -> Identity {
        let key = KeyPair::generate().unwrap();
        let certificate = params(name, dates).signed_by(&key, &self.0).unwrap();
        Identity { chain: vec![certificate.der().clone()], key: private(&key) }
    }
}

/// A certificate that vouches for itself.
pub(crate) fn self_signed(name: &str, dates: Dates) -> Identity {
    let key = KeyPair::generate().unwrap();
    let certificate = params(name, dates).self_signed(&key).unwrap();
    Identity { chain: vec![certificate.der().clone()], key: private(&key) }
}

fn params(name: &str, dates: Dates) -> CertificateParams {
    let mut params = CertificateParams::new(vec![name.to_owned()]).unwrap();
    (params.not_before, params.not_after) = match dates {
        Dates::Now => (date_time_ymd(2020, 1, 1), date_time_ymd(2100, 1, 1)),
        Dates::Past => (date_time_ymd(2019, 1, 1), date_time_ymd(2020, 1, 1)),
        Dates::Future => (date_time_ymd(2090, 1, 1), date_time_ymd(2100, 1, 1)),
    };
    params
}

fn private(key: &KeyPair) -> PrivateKeyDer<'static> {
    PrivatePkcs8KeyDer::from(key.serialize_der()).into()
}

/// A server's side of TLS.
pub(crate) fn acceptor(identity: Identity, alpn: &[&str]) -> TlsAcceptor {
    TlsAcceptor::from(Arc::new(server_tls(identity, alpn)))
}

/// What a server's side of TLS is made with, over TCP or QUIC.
pub(crate) fn server_tls(identity: Identity, alpn: &[&str]) -> ServerConfig {
    let mut config = ServerConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(identity.chain, identity.key)
        .unwrap();
    config.alpn_protocols = alpn.iter().map(|name| name.as_bytes().to_vec()).collect();
    config
}

/// Serves every connection with `serve`, for as long as the test runs.
pub(crate) async fn server<F, Fut>(serve: F) -> SocketAddr
where
    F: Fn(TcpStream) -> Fut + Send + 'static,
    Fut: Future<Output = ()> + Send + 'static,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(serve(stream));
        }
    });
    address
}

/// Resets the connection, as a censor does.
pub(crate) fn reset(stream: TcpStream) {
    socket2::SockRef::from(&stream).set_linger(Some(std::time::Duration::ZERO)).unwrap();
    drop(stream);
}

/// Reads the request and resets.
pub(crate) async fn reset_after_request(mut stream: TcpStream) {
    request(&mut stream).await;
    reset(stream);
}

/// Keeps the connection open and says nothing, until the other side leaves.
pub(crate) async fn silence(mut stream: impl AsyncReadExt + Unpin) {
    let mut buffer = [0; 4096];
    while stream.read(&mut buffer).await.is_ok_and(|length| length > 0) {}
}

/// Reads the head of a request and returns it as text.
pub(crate) async fn request(stream: &mut (impl AsyncReadExt + Unpin)) -> String {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") && stream.read(&mut byte).await.is_ok_and(|length| length > 0) {
        head.push(byte[0]);
    }
    String::from_utf8(head).unwrap()
}

/// Answers one request with the bytes that `page` makes of its path.
pub(crate) async fn answer(mut stream: impl AsyncReadExt + AsyncWriteExt + Unpin, page: impl Fn(&str) -> Vec<u8>) {
    let head = request(&mut stream).await;
    let path = head.split(' ').nth(1).unwrap_or_default();
    let _ = stream.write_all(&page(path)).await;
    let _ = stream.shutdown().await;
}

/// A site on HTTPS that answers with what `page` makes of a path.
pub(crate) async fn https(identity: Identity, page: impl Fn(&str) -> Vec<u8> + Clone + Send + 'static) -> SocketAddr {
    let acceptor = acceptor(identity, &["http/1.1"]);
    server(move |stream| {
        let (acceptor, page) = (acceptor.clone(), page.clone());
        async move {
            if let Ok(stream) = acceptor.accept(stream).await {
                answer(stream, page).await;
            }
        }
    })
    .await
}

/// A response as bytes.
pub(crate) fn response(status: &str, headers: &str, body: &str) -> Vec<u8> {
    format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\n{headers}\r\n{body}", body.len()).into_bytes()
}

/// A reply that names `addresses`.
pub(crate) fn reply(question: &Message, addresses: &[IpAddr]) -> Message {
    let mut message = question.clone().into_response();
    let name = question.queries[0].name().clone();
    let v4 = question.queries[0].query_type() == hickory_proto::rr::RecordType::A;
    for ip in addresses.iter().filter(|ip| ip.is_ipv4() == v4) {
        let data = match ip {
            IpAddr::V4(ip) => RData::A((*ip).into()),
            IpAddr::V6(ip) => RData::AAAA((*ip).into()),
        };
        message.add_answer(Record::from_rdata(name.clone(), 60, data));
    }
    message
}

/// A resolver that answers with the datagrams `answers` makes of a question.
pub(crate) async fn resolver(answers: impl Fn(&Message) -> Vec<Vec<u8>> + Send + 'static) -> SocketAddr {
    let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let address = socket.local_addr().unwrap();
    tokio::spawn(async move {
        let mut buffer = [0; 1500];
        while let Ok((length, from)) = socket.recv_from(&mut buffer).await {
            for datagram in answers(&Message::from_vec(&buffer[..length]).unwrap()) {
                socket.send_to(&datagram, from).await.unwrap();
            }
        }
    });
    address
}

/// A resolver over HTTPS (POST of RFC 8484) that names `addresses`, or answers with another status.
pub(crate) async fn doh(identity: Identity, status: u16, addresses: &'static [IpAddr]) -> SocketAddr {
    let acceptor = acceptor(identity, &["h2"]);
    server(move |stream| {
        let acceptor = acceptor.clone();
        async move {
            if let Ok(stream) = acceptor.accept(stream).await {
                serve_doh(stream, status, addresses).await;
            }
        }
    })
    .await
}

async fn serve_doh(stream: TlsStream<TcpStream>, status: u16, addresses: &'static [IpAddr]) {
    let mut connection = h2::server::handshake(stream).await.unwrap();
    while let Some(Ok((request, respond))) = connection.accept().await {
        // In a task of its own: only accepting brings the body.
        tokio::spawn(answer_doh(request, respond, status, addresses));
    }
}

async fn answer_doh(
    request: http::Request<h2::RecvStream>,
    mut respond: h2::server::SendResponse<Bytes>,
    status: u16,
    addresses: &[IpAddr],
) {
    assert_eq!((request.method().as_str(), request.uri().path()), ("POST", "/dns-query"));
    let bytes = request.into_body().data().await.unwrap().unwrap();
    let reply = reply(&Message::from_vec(&bytes).unwrap(), addresses).to_vec().unwrap();
    let head = http::Response::builder().status(status).header("content-type", "application/dns-message");
    let mut sending = respond.send_response(head.body(()).unwrap(), false).unwrap();
    sending.send_data(reply.into(), true).unwrap();
}
