use kedergi_wire::{ApiPath, CONSENT_VERSION, EnrollRequest, Kind, MAX_ENVELOPE, Problem, seal};

use super::house::{Guest, House, INVITE};
use super::sample::reset;

/// Everything that can be refused at the door for reports, in one house, and that nothing of it is kept.
#[tokio::test(flavor = "multi_thread")]
async fn a_refused_batch_says_why_and_leaves_nothing() {
    let house = House::open().await;
    let (stranger, revoked, probe) = (house.guest(1), house.guest(2), house.guest(3));
    revoked.enroll(INVITE).await;
    probe.enroll(INVITE).await;
    let gone = revoked.id();
    assert!(house.app.ledger(move |ledger| ledger.revoke(gone)).await.unwrap());

    let mut unsigned = probe.batch(vec![reset(1)]);
    *unsigned.last_mut().unwrap() ^= 1;
    let mut changed = probe.batch(vec![reset(1)]);
    changed[100] ^= 1;
    let mut unsigned_revoked = revoked.batch(vec![reset(1)]);
    *unsigned_revoked.last_mut().unwrap() ^= 1;
    let nonsense = seal(Kind::Batch, &probe.key, &"reports").unwrap();
    let other_kind = seal(Kind::Heartbeat, &probe.key, &Guest::heartbeat(None, 0)).unwrap();
    let cases = [
        ("unknown probe", stranger.batch(vec![reset(1)])),
        ("revoked probe", revoked.batch(vec![reset(1)])),
        ("revoked probe, not signed by it", unsigned_revoked),
        ("bad signature", unsigned),
        ("changed on the way", changed),
        ("no envelope", b"hello".to_vec()),
        ("nothing", Vec::new()),
        ("payload of another shape", nonsense),
        ("another kind", other_kind),
        ("too large", vec![0; MAX_ENVELOPE + 1]),
    ];
    let mut answers = Vec::new();
    for (case, bytes) in cases {
        answers.push((case, probe.refused(ApiPath::REPORTS, bytes).await));
    }
    insta::assert_json_snapshot!("refused-batches", answers);
    assert_eq!((house.batches(), house.facts().await.len()), (0, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_enrolment_is_refused_with_a_reason() {
    let house = House::open().await;
    let (guest, gone) = (house.guest(1), house.guest(2));
    gone.enroll(INVITE).await;
    let id = gone.id();
    house.app.ledger(move |ledger| ledger.revoke(id)).await.unwrap();
    let sealed = |guest: &Guest, request: &EnrollRequest| seal(Kind::Enroll, &guest.key, request).unwrap();
    let old = EnrollRequest { consent: CONSENT_VERSION - 1, ..Guest::request(INVITE) };
    let mut unsigned = sealed(&guest, &Guest::request(INVITE));
    *unsigned.last_mut().unwrap() ^= 1;
    let cases = [
        ("unknown invitation", sealed(&guest, &Guest::request("GUESSED"))),
        ("consent to an old text", sealed(&guest, &old)),
        ("bad signature", unsigned),
        ("revoked", sealed(&gone, &Guest::request(INVITE))),
    ];
    let mut answers = Vec::new();
    for (case, bytes) in cases {
        answers.push((case, guest.refused(ApiPath::ENROLL, bytes).await));
    }
    insta::assert_json_snapshot!("refused-enrolments", answers);
    let stranger = guest.id();
    assert_eq!(house.app.ledger(move |ledger| ledger.probe(stranger)).await.unwrap(), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn strangers_get_neither_agenda_nor_bundle() {
    let house = House::open().await;
    let stranger = house.guest(1);
    for path in [ApiPath::HEARTBEAT, ApiPath::BUNDLE] {
        let bytes = seal(Kind::Heartbeat, &stranger.key, &Guest::heartbeat(None, 0)).unwrap();
        assert_eq!(stranger.refused(path, bytes).await.name(), Problem::UNKNOWN_PROBE, "{path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_fails_is_no_receipt() {
    let house = House::open().await;
    let probe = house.guest(1);
    probe.enroll(INVITE).await;
    let database = house.database();
    database.execute_batch("ALTER TABLE batch RENAME TO gone").unwrap();
    let response = probe.post(ApiPath::REPORTS, probe.batch(vec![reset(1)])).await;
    assert_eq!(response.headers()["retry-after"], "30");
    assert_eq!(super::house::problem(response).await.name(), Problem::UNAVAILABLE);
    database.execute_batch("ALTER TABLE gone RENAME TO batch").unwrap();
    assert_eq!(probe.report(vec![reset(1)]).await.reports, 1);
}
