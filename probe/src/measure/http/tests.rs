use kedergi_wire::TargetUrl;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use super::super::loopback::{self, response, server};
use super::*;

fn url() -> TargetUrl {
    "http://site.example:8080/path?q=1".parse().unwrap()
}

async fn fetch_from(address: SocketAddr, version: Version) -> StepOutcome<Page> {
    let stream = TcpStream::connect(address).await.unwrap();
    get(stream, version, address, &url()).await.outcome
}

async fn answered_with(bytes: Vec<u8>) -> StepOutcome<Page> {
    let address = server(move |stream| {
        let bytes = bytes.clone();
        async move { loopback::answer(stream, |_| bytes.clone()).await }
    })
    .await;
    fetch_from(address, Version::Http1).await
}

async fn page(bytes: Vec<u8>) -> Page {
    answered_with(bytes).await.ok().unwrap().clone()
}

#[tokio::test]
async fn a_page() {
    let body = "<title>Hello</title>";
    let page = page(response("200 OK", "server: nginx\r\n", body)).await;
    assert_eq!((page.status, page.server.as_deref(), page.title.as_deref()), (200, Some("nginx"), Some("Hello")));
    assert_eq!(
        page.body,
        Body { bytes: 20, truncated: false, sha256: Digest::of(body.as_bytes()), kept: Some(body.into()) }
    );
}

#[tokio::test]
async fn a_redirect_is_an_answer() {
    let page = page(response("302 Found", "location: https://b.example/\r\n", "")).await;
    assert_eq!((page.status, page.location.as_deref()), (302, Some("https://b.example/")));
}

#[tokio::test]
async fn a_big_body_is_read_up_to_the_cap() {
    let whole = "x".repeat(BODY);
    let at_cap = page(response("200 OK", "", &whole)).await.body;
    let kept = Some(vec![b'x'; kedergi_wire::limits::BODY]);
    assert_eq!(at_cap, Body { bytes: BODY as u64, truncated: false, sha256: Digest::of(whole.as_bytes()), kept });
    let beyond = page(response("200 OK", "", &"x".repeat(3 * BODY))).await.body;
    assert_eq!(beyond, Body { truncated: true, ..at_cap });
}

#[tokio::test]
async fn a_header_that_is_no_text_and_far_too_long_fits_the_format() {
    let page = page(response("200 OK", &format!("server: {}\r\n", "я".repeat(3000)), "")).await;
    assert!(page.server.unwrap().len() <= kedergi_wire::limits::TEXT);
}

#[tokio::test]
async fn what_is_no_http() {
    assert_eq!(answered_with(b"SSH-2.0-x\r\n".to_vec()).await, StepOutcome::Failed(Failure::HttpProtocol));
}

#[tokio::test]
async fn an_end_where_more_was_due() {
    assert_eq!(answered_with(Vec::new()).await, StepOutcome::Failed(Failure::Closed));
    let broken_off = b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhalf".to_vec();
    assert_eq!(answered_with(broken_off).await, StepOutcome::Failed(Failure::Closed));
}

#[tokio::test]
async fn a_reset_in_answer_to_the_request() {
    let address = server(loopback::reset_after_request).await;
    assert_eq!(fetch_from(address, Version::Http1).await, StepOutcome::Failed(Failure::Reset));
}

#[tokio::test]
async fn silence_in_answer_to_the_request() {
    let address = server(loopback::silence).await;
    let stream = TcpStream::connect(address).await.unwrap();
    tokio::time::pause();
    let outcome = get(stream, Version::Http1, address, &url()).await.outcome;
    assert_eq!(outcome, StepOutcome::Failed(Failure::Timeout));
}

#[tokio::test]
async fn the_request_is_an_ordinary_browsers() {
    let (told, hears) = tokio::sync::oneshot::channel();
    let told = std::sync::Mutex::new(Some(told));
    let address = server(move |mut stream| {
        let told = told.lock().unwrap().take();
        async move {
            let head = loopback::request(&mut stream).await;
            told.unwrap().send(head).unwrap();
            stream.write_all(&response("200 OK", "", "")).await.unwrap();
        }
    })
    .await;
    fetch_from(address, Version::Http1).await;
    insta::assert_snapshot!(hears.await.unwrap().replace('\r', ""));
}

async fn http2(serve: impl AsyncFnOnce(h2::server::Connection<TcpStream, Bytes>)) -> StepOutcome<Page> {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let serving = async {
        let (stream, _) = listener.accept().await.unwrap();
        serve(h2::server::handshake(stream).await.unwrap()).await;
    };
    tokio::join!(fetch_from(address, Version::Http2), serving).0
}

#[tokio::test]
async fn a_page_over_http2() {
    let outcome = http2(async |mut connection| {
        while let Some(Ok((request, mut respond))) = connection.accept().await {
            assert_eq!(request.uri().to_string(), url().to_string());
            let head = http::Response::builder().status(200).body(()).unwrap();
            respond.send_response(head, false).unwrap().send_data("<title>Two</title>".into(), true).unwrap();
        }
    })
    .await;
    assert_eq!(outcome.ok().unwrap().title.as_deref(), Some("Two"));
}

#[tokio::test]
async fn a_stream_refused_over_http2_is_not_a_reset_connection() {
    let outcome = http2(async |mut connection| {
        while let Some(Ok((_, mut respond))) = connection.accept().await {
            respond.send_reset(h2::Reason::REFUSED_STREAM);
        }
    })
    .await;
    assert_eq!(outcome, StepOutcome::Failed(Failure::Closed));
}

#[tokio::test]
async fn a_reset_over_http2() {
    let address = server(|mut stream| async move {
        // The preface and the first frames; then the censor.
        let mut preface = [0; 64];
        tokio::io::AsyncReadExt::read_exact(&mut stream, &mut preface).await.unwrap();
        loopback::reset(stream);
    })
    .await;
    assert_eq!(fetch_from(address, Version::Http2).await, StepOutcome::Failed(Failure::Reset));
}

#[test]
fn http3_counts_as_offered_where_it_is_the_same_host_and_port() {
    let offered = |url: &str, value: &str| {
        let headers = [(header::ALT_SVC, value.parse().unwrap())].into_iter().collect();
        offers_h3(&url.parse().unwrap(), &headers)
    };
    assert!(offered("https://a.example/", r#"h3=":443"; ma=86400"#));
    assert!(offered("https://a.example/", r#"h3-29=":443"; ma=5, h3=":443"; ma=5"#));
    assert!(!offered("https://a.example:8443/", r#"h3=":443""#));
    assert!(!offered("https://a.example/", r#"h3="b.example:443""#));
    assert!(!offered("https://a.example/", r#"h3-29=":443""#));
    assert!(!offered("http://a.example/", r#"h3=":80""#));
    assert!(!offered("https://a.example/", "clear"));
}
