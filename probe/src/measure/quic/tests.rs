use kedergi_wire::Verification;
use quinn::ServerConfig;
use quinn::crypto::rustls::QuicServerConfig;

use super::super::loopback::{self, Authority, Dates};
use super::*;
use crate::Config;

const NAME: &str = "site.example";

/// A server that answers every request over HTTP/3 with this status.
fn server(identity: loopback::Identity, protocol: &str, status: u16) -> SocketAddr {
    let tls = loopback::server_tls(identity, &[protocol]);
    let config = ServerConfig::with_crypto(Arc::new(QuicServerConfig::try_from(tls).unwrap()));
    let endpoint = Endpoint::server(config, "127.0.0.1:0".parse().unwrap()).unwrap();
    let address = endpoint.local_addr().unwrap();
    tokio::spawn(async move {
        while let Some(incoming) = endpoint.accept().await {
            tokio::spawn(answer(incoming, status));
        }
    });
    address
}

async fn answer(incoming: quinn::Incoming, status: u16) {
    let Ok(connection) = incoming.await else { return };
    let Ok(mut connection) =
        h3::server::Connection::<_, hyper::body::Bytes>::new(h3_quinn::Connection::new(connection)).await
    else {
        return;
    };
    while let Ok(Some(resolver)) = connection.accept().await {
        let (_, mut stream) = resolver.resolve_request().await.unwrap();
        stream.send_response(::http::Response::builder().status(status).body(()).unwrap()).await.unwrap();
        stream.finish().await.unwrap();
    }
}

fn tools(authority: &Authority) -> Measurer {
    Measurer::loopback(&Config::default(), Vec::new(), authority.roots())
}

async fn asked(tools: &Measurer, address: SocketAddr) -> Quic {
    let url = format!("https://{NAME}:{}/", address.port()).parse().unwrap();
    get(&tools.handshakes, address, &url).await
}

#[tokio::test]
async fn an_answer_and_who_gave_it() {
    let authority = Authority::new();
    let tools = tools(&authority);
    let quic = asked(&tools, server(authority.issue(NAME, Dates::Now), "h3", 403)).await;
    assert_eq!(quic.outcome, StepOutcome::Ok(QuicAnswer { status: 403 }));
    assert_eq!((quic.verification, quic.server_name.as_str()), (Some(Verification::Valid), NAME));
    assert!(quic.certificate.is_some());
}

#[tokio::test]
async fn a_strangers_certificate_is_noted_and_does_not_end_it() {
    let tools = tools(&Authority::new());
    let quic = asked(&tools, server(loopback::self_signed(NAME, Dates::Now), "h3", 200)).await;
    assert_eq!(quic.verification, Some(Verification::UnknownIssuer));
    assert_eq!(quic.outcome, StepOutcome::Ok(QuicAnswer { status: 200 }));
}

#[tokio::test]
async fn who_speaks_something_else_refuses_with_an_alert() {
    let authority = Authority::new();
    let address = server(authority.issue(NAME, Dates::Now), "else", 200);
    assert_eq!(asked(&tools(&authority), address).await.outcome, StepOutcome::Failed(Failure::TlsAlert));
}

#[test]
fn an_address_that_others_name_too_is_best() {
    let tools = tools(&Authority::new());
    let best = |system: &[&str], control: &[&str]| {
        let ips = |texts: &[&str]| texts.iter().map(|text| text.parse().unwrap()).collect();
        super::best(&Named { system: ips(system), control: ips(control) }, &tools).map(|ip: IpAddr| ip.to_string())
    };
    assert_eq!(best(&["45.80.0.1", "45.80.0.2"], &["45.80.0.2", "45.80.0.3"]).as_deref(), Some("45.80.0.2"));
    assert_eq!(best(&["45.80.0.9"], &["2a00::1", "45.80.0.1"]).as_deref(), Some("45.80.0.1"));
    assert_eq!(best(&["45.80.0.9"], &[]).as_deref(), Some("45.80.0.9"));
    assert_eq!(best(&[], &[]), None);
}

#[test]
fn only_a_name_over_tls_can_be_asked_for() {
    let fits = |url: &str| super::fits(&url.parse().unwrap());
    assert!(fits("https://a.example/") && !fits("http://a.example/"));
    assert!(!fits("https://45.80.0.1/") && !fits("https://[2a00::1]/"));
}
