use std::net::TcpListener;

use ed25519_dalek::SigningKey;
use kedergi_wire::{Batch, Envelope, Kind, seal};

use super::*;
use crate::fake_collector::{FakeCollector, INVITE, Mood, collector_key, id};
use crate::spool::tests::report;

fn key() -> SigningKey {
    SigningKey::from_bytes(&[5; 32])
}

fn batch() -> Sealed {
    let bytes = seal(Kind::Batch, &key(), &Batch { reports: vec![report(1)] }).unwrap();
    Sealed { id: Envelope::parse(&bytes).unwrap().id(), reports: 1, bytes }
}

fn courier() -> Courier {
    Courier::new(None).unwrap()
}

/// A port of this machine on which nobody listens.
fn deserted() -> Url {
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    format!("http://127.0.0.1:{port}").parse().unwrap()
}

#[tokio::test]
async fn a_batch_is_acknowledged() {
    let collector = FakeCollector::start().await;
    let delivery = courier().deliver(&collector.url, batch()).await;
    assert_eq!(delivery.answer, Answer::Acknowledged);
    assert_eq!(delivery.sent, batch().bytes.len() as u64);
    assert_eq!(collector.sequences(), [1]);
}

#[tokio::test]
async fn a_duplicate_receipt_is_an_acknowledgement() {
    let collector = FakeCollector::start().await;
    for _ in 0..2 {
        assert_eq!(courier().deliver(&collector.url, batch()).await.answer, Answer::Acknowledged);
    }
    assert_eq!((collector.sequences().len(), collector.books(|books| books.duplicates)), (1, 1));
}

#[tokio::test]
async fn what_a_collector_says_is_understood() {
    let collector = FakeCollector::start().await;
    let refused = |name: &str| Answer::BatchRefused(name.to_owned());
    for (mood, expected) in [
        (Mood::Busy(90), Answer::NotNow(Some(SignedDuration::from_secs(90)))),
        (Mood::LosesReceipt, Answer::NotNow(None)),
        (Mood::Refuses(400, Problem::MALFORMED), refused("malformed")),
        (Mood::Refuses(401, Problem::BAD_SIGNATURE), refused("bad-signature")),
        (Mood::Refuses(413, Problem::TOO_LARGE), refused("too-large")),
        (Mood::Refuses(401, Problem::UNKNOWN_PROBE), Answer::ProbeRefused(Bar::UnknownProbe)),
        (Mood::Refuses(403, Problem::REVOKED_PROBE), Answer::ProbeRefused(Bar::RevokedProbe)),
        (Mood::Refuses(403, Problem::CONSENT_OUTDATED), Answer::ProbeRefused(Bar::ConsentOutdated)),
        (Mood::Refuses(404, "elsewhere"), Answer::NotNow(None)),
    ] {
        collector.books(|books| books.moods.push_back(mood));
        assert_eq!(courier().deliver(&collector.url, batch()).await.answer, expected, "{mood:?}");
    }
}

#[tokio::test]
async fn nobody_there_costs_no_budget() {
    let delivery = courier().deliver(&deserted(), batch()).await;
    assert_eq!((delivery.answer, delivery.sent), (Answer::NotNow(None), 0));
}

#[tokio::test]
async fn enrolment_is_answered_or_refused_with_a_reason() {
    let collector = FakeCollector::start().await;
    let request = |invite: &str| {
        let (invite, software) = (invite.to_owned(), "test".to_owned());
        let request = kedergi_wire::EnrollRequest { invite, consent: 1, software };
        seal(Kind::Enroll, &key(), &request).unwrap()
    };
    let reply = courier().enroll(&collector.url, request(INVITE)).await.unwrap();
    assert_eq!((reply.probe, reply.collector), (id(&key()), id(&collector_key())));
    let error = courier().enroll(&collector.url, request("guessed")).await.unwrap_err();
    assert_eq!(error.to_string(), "the collector refuses: unknown-invite (as ordered)");
}

#[tokio::test]
async fn the_bundle_is_fetched_only_when_it_changed() {
    let collector = FakeCollector::start().await;
    let beat = async |held| {
        let (sent, software) = (Timestamp::now(), "test".to_owned());
        let heartbeat = Heartbeat { sent, bundle: held, spooled: 0, dropped: 0, software, wait_s: 0 };
        let envelope = seal(Kind::Heartbeat, &key(), &heartbeat).unwrap();
        courier().heartbeat(&collector.url, &heartbeat, envelope).await.unwrap().bundle
    };
    assert!(matches!(beat(None).await, Bundle::NotYet));
    collector.books(|books| books.list = Some((3, Vec::new())));
    assert!(matches!(beat(Some(2)).await, Bundle::New(_)));
    assert!(matches!(beat(Some(3)).await, Bundle::Held));
}

#[test]
fn a_collector_may_live_below_a_path() {
    let url = |text: &str| endpoint(&text.parse().unwrap(), ApiPath::REPORTS).to_string();
    assert_eq!(url("https://c.example"), "https://c.example/api/v1/reports");
    assert_eq!(url("https://c.example/kedergi/?x=1"), "https://c.example/kedergi/api/v1/reports");
}

#[test]
fn retry_after_is_seconds_or_a_date() {
    let now: Timestamp = "2019-05-09T05:00:00Z".parse().unwrap();
    let parse = |text: &str| retry_after(&HeaderMap::from_iter([(RETRY_AFTER, text.parse().unwrap())]), now);
    assert_eq!(parse("120"), Some(SignedDuration::from_secs(120)));
    assert_eq!(parse("Thu, 09 May 2019 05:01:00 GMT"), Some(SignedDuration::from_secs(60)));
    assert_eq!(parse("Thu, 09 May 2019 04:00:00 GMT"), Some(SignedDuration::ZERO));
    assert_eq!(parse("soon"), None);
}
