use std::net::SocketAddr;
use std::time::Duration;

use kedergi_wire::{ApiPath, Asn, Kind, Problem, seal};
use reqwest::{StatusCode, Version};
use tokio::net::TcpStream;

use super::house::{Guest, House, INVITE, client, problem, tls};
use super::sample::reset;
use crate::config::{Proxy, TlsSettings};

#[tokio::test(flavor = "multi_thread")]
async fn both_versions_of_http_are_spoken() {
    let house = House::open().await;
    let guest = house.guest(1);
    guest.enroll(INVITE).await;
    for (only_h2, version) in [(false, Version::HTTP_11), (true, Version::HTTP_2)] {
        let guest = Guest { client: client(None, only_h2), ..house.guest(1) };
        let response = guest.post(ApiPath::REPORTS, guest.batch(vec![reset(1)])).await;
        assert_eq!((response.status(), response.version()), (StatusCode::OK, version));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn its_own_certificate_serves_both_versions_too() {
    let issued = rcgen::generate_simple_self_signed(vec!["collector.example".to_owned()]).unwrap();
    let house = House::open_with(|config| {
        let tls = TlsSettings { certificate: config.data_dir.join("cert.pem"), key: config.data_dir.join("key.pem") };
        std::fs::write(&tls.certificate, issued.cert.pem()).unwrap();
        std::fs::write(&tls.key, issued.signing_key.serialize_pem()).unwrap();
        config.tls = Some(tls);
    })
    .await;
    assert!(house.url.starts_with("https://127.0.0.1:"));
    // Somebody who connects and says nothing holds nobody up.
    let address = house.app.config().listen;
    let _silent = TcpStream::connect(address).await.unwrap();
    for (only_h1, version) in [(true, Version::HTTP_11), (false, Version::HTTP_2)] {
        let client = tls_client(issued.cert.der(), address, only_h1);
        let url = format!("https://collector.example:{}", address.port());
        let guest = Guest { url, client, ..house.guest(1) };
        let request = seal(Kind::Enroll, &guest.key, &Guest::request(INVITE)).unwrap();
        let response = guest.post(ApiPath::ENROLL, request).await;
        assert_eq!((response.status(), response.version()), (StatusCode::OK, version));
    }
}

fn tls_client(root: &[u8], address: SocketAddr, only_h1: bool) -> reqwest::Client {
    let mut tls = tls(Some(root));
    tls.alpn_protocols = if only_h1 { vec![b"http/1.1".to_vec()] } else { vec![b"h2".to_vec()] };
    let client = reqwest::Client::builder().tls_backend_preconfigured(tls).no_proxy();
    client.resolve("collector.example", address).build().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_forwarded_address_counts_only_from_a_trusted_proxy() {
    let network = async |house: &House, from: &str| {
        let guest = Guest { client: client(from.parse().ok(), false), ..house.guest(1) };
        guest.enroll(INVITE).await;
        let bytes = seal(Kind::Heartbeat, &guest.key, &Guest::heartbeat(None, 0)).unwrap();
        let url = format!("{}{}", house.url.trim_end_matches('/'), ApiPath::HEARTBEAT);
        let request = guest.client.post(url).header("X-Forwarded-For", "127.206.26.5").body(bytes);
        request.send().await.unwrap().json::<kedergi_wire::Agenda>().await.unwrap().network
    };
    let house = House::open().await;
    assert_eq!(network(&house, "127.91.98.7").await, Asn::new(9198));
    let proxy = Proxy::try_from("127.0.0.9".to_owned()).unwrap();
    let house = House::open_with(|config| config.trusted_proxies = vec![proxy]).await;
    assert_eq!(network(&house, "127.0.0.9").await, Asn::new(206_026));
    assert_eq!(network(&house, "127.91.98.7").await, Asn::new(9198));
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_learns_more_than_the_page_from_an_answer() {
    let house = House::open().await;
    let response = house.guest(1).client.get(format!("{}no/such/page", house.url)).send().await.unwrap();
    for (name, value) in
        [("referrer-policy", "no-referrer"), ("x-content-type-options", "nosniff"), ("x-frame-options", "DENY")]
    {
        assert_eq!(response.headers()[name], value);
    }
    assert!(response.headers()["content-security-policy"].to_str().unwrap().starts_with("default-src 'self'"));
    assert!(!response.headers().contains_key("set-cookie"));
    assert_eq!(problem(response).await.name(), Problem::NOT_FOUND);
}

#[tokio::test(flavor = "multi_thread")]
async fn metrics_name_no_target_and_no_probe() {
    let house = House::open().await;
    let probe = house.probe(1, "127.91.98.7").await;
    probe.report(vec![reset(1)]).await;
    let metrics = probe.client.get(format!("{}metrics", house.url)).send().await.unwrap().text().await.unwrap();
    for name in ["kedergi_reports_total", "kedergi_batches_total", "kedergi_requests_total", "kedergi_probes_present"] {
        assert!(metrics.contains(name), "{name}: {metrics}");
    }
    assert!(!metrics.contains("facebook") && !metrics.contains(&probe.id().to_string()) && !metrics.contains("127."));
}

#[tokio::test(flavor = "multi_thread")]
async fn metrics_may_have_a_door_of_their_own() {
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let house = House::open_with(|config| config.metrics_listen = Some(free)).await;
    let client = client(None, false);
    let get = async |url: String| client.get(url).send().await.unwrap().status();
    assert_eq!(get(format!("{}metrics", house.url)).await, StatusCode::NOT_FOUND);
    assert_eq!(get(format!("http://{free}/metrics")).await, StatusCode::OK);
    assert_eq!(get(format!("{}healthz", house.url)).await, StatusCode::OK);
}

#[tokio::test(flavor = "multi_thread")]
async fn closing_frees_the_port() {
    let house = House::open().await;
    let address = house.app.config().listen;
    house.close().await;
    let connected = tokio::time::timeout(Duration::from_secs(1), TcpStream::connect(address)).await;
    assert!(!matches!(connected, Ok(Ok(_))));
}
