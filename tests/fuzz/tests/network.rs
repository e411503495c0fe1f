//! Whatever the network sends, a step of a measurement ends, and a report can hold what came of it.

use std::sync::LazyLock;

use bolero::check;
use jiff::Timestamp;
use kedergi_fuzz::{Wound, seed, survives, wounded};
use kedergi_probe::{Config, Measurer, decode_answer, fetch_page, page_title, redirect_target};
use kedergi_wire::{Digest, Failure, Query, StepOutcome, TargetUrl, Verification, limits};
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};
use tokio::runtime::{Builder, Runtime};

const NAME: &str = "site.example";
const ADDRESS: &str = "45.80.0.1";
/// Bytes of a body that a probe keeps in memory.
const BODY: u64 = 64 * 1024;
/// Characters of a title that a probe keeps.
const TITLE: usize = 300;

fn answer(message: &[u8]) {
    for query in [Query::A, Query::Aaaa] {
        let Some(answer) = decode_answer(message, NAME, query) else { continue };
        survives(&answer);
    }
}

fn title(body: &[u8]) {
    let first_line = String::from_utf8_lossy(body.split(|byte| *byte == b'\n').next().unwrap_or_default());
    for kind in [None, Some("text/html; charset=windows-1251"), Some(&*first_line)] {
        let Some(title) = page_title(body, kind) else { continue };
        assert!(!title.is_empty() && title.trim() == title, "a title of nothing, or with space around: {title:?}");
        assert!(title.chars().count() <= TITLE, "a title too long: {title:?}");
    }
}

/// A runtime whose clock moves on by itself when everybody waits: an exchange that never ends times out at once.
fn runtime() -> Runtime {
    Builder::new_current_thread().enable_time().start_paused(true).build().expect("a runtime starts")
}

/// Reads what a browser sends first, says `bytes` and hangs up.
async fn server(mut stream: DuplexStream, bytes: Vec<u8>) {
    let mut request = [0; 4096];
    let _ = stream.read(&mut request).await;
    let _ = stream.write_all(&bytes).await;
    let _ = stream.shutdown().await;
    while stream.read(&mut request).await.is_ok_and(|length| length > 0) {}
}

fn fetch(bytes: &[u8], alpn: Option<&str>) {
    let url: TargetUrl = "https://site.example/a/b?c".parse().expect("a target");
    let address = "45.80.0.1:443".parse().expect("an address");
    let (ours, theirs) = tokio::io::duplex(1024);
    let bytes = bytes.to_vec();
    let http = runtime().block_on(async {
        let served = tokio::spawn(server(theirs, bytes));
        let http = fetch_page(ours, alpn, address, &url).await;
        served.abort();
        http
    });
    survives(&http);
    match http.outcome {
        StepOutcome::Ok(page) => {
            assert!(page.body.bytes <= BODY, "{} bytes kept", page.body.bytes);
            redirect_target(&url, &page).iter().for_each(survives);
        }
        StepOutcome::Failed(failure) => {
            assert!(!matches!(failure, Failure::Timeout | Failure::OwnMachine), "{failure:?} after the end");
        }
    }
}

fn http1(bytes: &[u8]) {
    fetch(bytes, None);
}

fn http2(bytes: &[u8]) {
    fetch(bytes, Some("h2"));
}

/// Trusts the root beside this file.
static MEASURER: LazyLock<Measurer> = LazyLock::new(|| {
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/chain-root.pem");
    Measurer::new(&Config { extra_roots: Some(root.into()), ..Config::default() }).expect("the root can be read")
});

/// Certificates, each behind its length in two bytes.
fn unframed(mut bytes: &[u8]) -> Vec<Vec<u8>> {
    let mut chain = Vec::new();
    while let Some((length, rest)) = bytes.split_first_chunk() {
        let (der, rest) = rest.split_at(rest.len().min(u16::from_be_bytes(*length).into()));
        chain.push(der.to_vec());
        bytes = rest;
    }
    chain
}

/// The leaves that were issued, each with what for.
static LEAVES: LazyLock<[(&str, Vec<u8>); 2]> = LazyLock::new(|| {
    [(NAME, "valid"), (ADDRESS, "valid-for-an-address")]
        .map(|(host, name)| (host, unframed(&seed("certificate_chain", name)).remove(0)))
});

fn chain(bytes: &[u8]) {
    let now: Timestamp = "2030-01-01T00:00:00Z".parse().expect("a time");
    let chain = unframed(bytes);
    for (host, issued) in LEAVES.iter() {
        let Some((seen, verification)) = MEASURER.describe_chain(&chain, host, now) else { continue };
        seen.iter().for_each(survives);
        assert_eq!(seen.len(), chain.len().min(limits::CHAIN));
        assert_eq!(seen[0].sha256, Digest::of(&chain[0]));
        let valid = verification == Verification::Valid;
        assert!(!valid || chain[0] == *issued, "a forged leaf passed for valid");
        assert!(!valid || seen.iter().all(|certificate| certificate.der.is_none()));
    }
}

fn for_wounded(target: &str, name: &str, decode: impl Fn(&[u8]) + std::panic::RefUnwindSafe) {
    let whole = seed(target, name);
    check!().with_type::<Vec<Wound>>().for_each(|wounds| decode(&wounded(&whole, wounds)));
}

#[test]
fn dns_answer() {
    check!().for_each(answer);
}

#[test]
fn dns_answer_wounded() {
    let good = seed("dns_answer", "alias-and-two-addresses");
    assert_eq!(decode_answer(&good, NAME, Query::A).expect("an answer").addresses.len(), 2);
    for_wounded("dns_answer", "alias-and-two-addresses", answer);
}

#[test]
fn page_title_text() {
    check!().for_each(title);
}

#[test]
fn page_title_text_wounded() {
    for_wounded("page_title_text", "references", title);
}

#[test]
fn http1_answer() {
    check!().for_each(http1);
}

#[test]
fn http1_answer_wounded() {
    for_wounded("http1_answer", "page-in-chunks", http1);
}

#[test]
fn http2_answer() {
    check!().for_each(http2);
}

#[test]
fn http2_answer_wounded() {
    for_wounded("http2_answer", "page", http2);
}

#[test]
fn certificate_chain() {
    check!().for_each(chain);
}

#[test]
fn certificate_chain_wounded() {
    let good = unframed(&seed("certificate_chain", "valid"));
    let now = "2030-01-01T00:00:00Z".parse().expect("a time");
    let said = MEASURER.describe_chain(&good, NAME, now).map(|(_, verification)| verification);
    assert_eq!(said, Some(Verification::Valid));
    for_wounded("certificate_chain", "valid", chain);
}
