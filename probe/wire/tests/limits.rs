//! Each limit of the format: what fills it decodes, one more is refused.

use kedergi_wire::{
    Agenda, Batch, ControlEntry, ControlSnapshot, Envelope, Heartbeat, Kind, MAX_ENVELOPE, MAX_PAYLOAD, OpenError,
    Report, SealError, TargetBundle, TargetUrl, limits, seal,
};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

const DIGEST: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
const TIME: &str = "2019-05-09T07:00:00Z";
const URL: &str = "https://a.example/";

/// `limit` of what `make` counts decode, and one more does not.
fn assert_limit<T: DeserializeOwned>(limit: usize, make: impl Fn(usize) -> Value) {
    assert_decodes::<T>(make(limit));
    let error = serde_json::from_value::<T>(make(limit + 1)).err().map(|error| error.to_string());
    assert!(error.is_some_and(|text| text.contains("at most")), "more than {limit} were taken");
}

fn assert_decodes<T: DeserializeOwned>(value: Value) {
    if let Err(error) = serde_json::from_value::<T>(value) {
        panic!("what fills the limit is refused: {error}");
    }
}

fn report(observations: Value) -> Value {
    let none = json!({ "tried": 0, "answered": 0 });
    json!({
        "format": 1, "sequence": 1, "started": TIME, "target": URL, "vantage": {},
        "line": { "outside": none, "resolver": none }, "observations": observations,
    })
}

fn tcp() -> Value {
    json!({ "after_ms": 0, "took_ms": 0, "tcp": { "address": "45.80.1.1:443", "outcome": { "ok": null } } })
}

fn dns(answers: Value) -> Value {
    let dns = json!({ "resolver": "system", "name": "a.example", "query": "A", "outcome": { "ok": answers } });
    report(json!([{ "after_ms": 0, "took_ms": 0, "dns": dns }]))
}

fn answer(addresses: usize, aliases: usize) -> Value {
    let (addresses, aliases) = (vec!["45.80.1.1"; addresses], vec!["b.example"; aliases]);
    json!({ "after_ms": 0, "rcode": "noerror", "addresses": addresses, "aliases": aliases })
}

fn tls(chain: Value) -> Value {
    let tls = json!({ "address": "45.80.1.1:443", "chain": chain, "outcome": { "failed": "reset" } });
    report(json!([{ "after_ms": 0, "took_ms": 0, "tls": tls }]))
}

fn certificate(subject: usize, der: usize) -> Value {
    let der = data_encoding::BASE64.encode(&vec![0; der]);
    json!({ "sha256": DIGEST, "subject": "s".repeat(subject), "issuer": "i", "der": der })
}

fn http(url: usize, title: usize) -> Value {
    let body = json!({ "bytes": 0, "sha256": DIGEST });
    let page = json!({ "status": 200, "title": "t".repeat(title), "body": body });
    let http = json!({ "address": "45.80.1.1:443", "url": "u".repeat(url), "outcome": { "ok": page } });
    report(json!([{ "after_ms": 0, "took_ms": 0, "http": http }]))
}

fn body(kept: usize) -> Value {
    let kept = data_encoding::BASE64.encode(&vec![0; kept]);
    let page = json!({ "status": 200, "body": { "bytes": 0, "sha256": DIGEST, "kept": kept } });
    let http = json!({ "address": "45.80.1.1:80", "url": URL, "outcome": { "ok": page } });
    report(json!([{ "after_ms": 0, "took_ms": 0, "http": http }]))
}

fn entry(addresses: usize) -> Value {
    json!({ "target": URL, "at": TIME, "addresses": vec!["45.80.1.1"; addresses], "took_ms": 0, "reached": "yes" })
}

fn bundle(targets: usize) -> Value {
    let target = json!({ "url": URL, "service": "a", "category": "news" });
    json!({ "version": 1, "made": TIME, "targets": vec![target; targets], "control": { "made": TIME, "entries": [] } })
}

#[test]
fn lists_of_a_report() {
    assert_limit::<Report>(limits::OBSERVATIONS, |count| report(vec![tcp(); count].into()));
    assert_limit::<Report>(limits::ANSWERS, |count| dns(vec![answer(1, 0); count].into()));
    assert_limit::<Report>(limits::ADDRESSES, |count| dns(json!([answer(count, 0)])));
    assert_limit::<Report>(limits::ALIASES, |count| dns(json!([answer(1, count)])));
    assert_limit::<Report>(limits::CHAIN, |count| tls(vec![certificate(1, 1); count].into()));
    assert_limit::<Report>(limits::CERTIFICATE, |bytes| tls(json!([certificate(1, bytes)])));
    assert_limit::<Report>(limits::BODY, body);
}

#[test]
fn texts_of_a_report() {
    assert_limit::<Report>(limits::TEXT, |bytes| tls(json!([certificate(bytes, 1)])));
    assert_limit::<Report>(limits::TEXT, |bytes| http(bytes, 1));
    assert_limit::<Report>(limits::TEXT, |bytes| http(1, bytes));
    let url = |bytes: usize| format!("{URL}{}", "x".repeat(bytes - URL.len())).parse::<TargetUrl>();
    assert!(url(limits::TEXT).is_ok() && url(limits::TEXT + 1).is_err());
}

#[test]
fn an_exchange_without_an_answer_is_a_failure_and_not_an_empty_list() {
    assert!(serde_json::from_value::<Report>(dns(json!([]))).is_err());
}

#[test]
fn lists_that_travel() {
    assert_limit::<Batch>(limits::REPORTS, |count| json!({ "reports": vec![report(json!([])); count] }));
    assert_limit::<ControlEntry>(limits::ADDRESSES, entry);
    assert_limit::<ControlSnapshot>(limits::TARGETS, |count| json!({ "made": TIME, "entries": vec![entry(0); count] }));
    assert_limit::<TargetBundle>(limits::TARGETS, bundle);
    assert_limit::<Agenda>(
        limits::RETESTS,
        |count| json!({ "server_time": TIME, "bundle": 1, "retest": vec![URL; count] }),
    );
}

#[test]
fn texts_that_travel() {
    assert_limit::<Heartbeat>(
        limits::TEXT,
        |bytes| json!({ "sent": TIME, "bundle": null, "spooled": 0, "dropped": 0, "software": "s".repeat(bytes), "wait_s": 0 }),
    );
}

#[test]
fn bytes_of_an_envelope() {
    let key = ed25519_dalek::SigningKey::from_bytes(&[9; 32]);
    let heavy = "x".repeat(MAX_PAYLOAD + 1);
    assert!(matches!(seal(Kind::Batch, &key, &heavy), Err(SealError::TooLarge(_))));
    assert!(matches!(Envelope::parse(&vec![0; MAX_ENVELOPE + 1]), Err(OpenError::TooLarge(_))));
    assert!(matches!(Envelope::parse(&vec![0; MAX_ENVELOPE]), Err(OpenError::NotAnEnvelope)));
}
