use std::time::{Duration, Instant};

use kedergi_wire::{ApiPath, Asn, Kind, Role, seal};

use super::super::agenda::Sign;
use super::house::{Guest, House, PATIENCE};
use super::sample::{TARGET, reached, reset};

/// Longer than any test waits: an answer before it came early.
const LONG: u16 = 45;

#[tokio::test(flavor = "multi_thread")]
async fn an_agenda_tells_what_the_collector_sees() {
    let house = House::open().await;
    let agenda = house.probe(1, "127.212.99.3").await.beat(None, 0).await;
    assert_eq!((agenda.network, agenda.country), (Asn::new(21_299), "KZ".parse().ok()));
    assert_eq!((agenda.bundle, agenda.retest.len()), (1, 0));
    assert!(agenda.server_time.duration_until(jiff::Timestamp::now()).abs().as_secs() < 10);
    let unknown = house.probe(2, "127.0.0.1").await.beat(None, 0).await;
    assert_eq!((unknown.network, unknown.country), (None, None));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_poll_waits_and_no_longer_than_asked() {
    let house = House::open().await;
    let probe = house.probe(1, "127.91.98.7").await;
    let version = probe.beat(None, LONG).await.bundle;
    let asked = Instant::now();
    assert!(probe.beat(Some(version), 1).await.retest.is_empty());
    assert!(asked.elapsed() >= Duration::from_secs(1) && asked.elapsed() < PATIENCE);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failure_wakes_the_others_on_that_network_the_controls_and_some_elsewhere() {
    let house = House::open().await;
    let (control, first) = (house.control().await, house.probe(1, "127.91.98.1").await);
    let (near, far) = (house.probe(2, "127.91.98.2").await, house.probe(3, "127.212.99.3").await);
    control.report(vec![reached(1)]).await;
    let version = settled(&house, &first).await;
    let (sent, near_beat) = tokio::join!(
        async {
            wait_until_present(&house, &[&near, &control, &far]).await;
            first.report(vec![reset(1)]).await;
            Instant::now()
        },
        async {
            tokio::join!(
                near.beat(Some(version), LONG),
                control.beat(Some(version), LONG),
                far.beat(Some(version), LONG)
            )
        }
    );
    let (near, control, far) = near_beat;
    assert!(sent.elapsed() < PATIENCE);
    assert_eq!(near.retest, [TARGET.parse().unwrap()]);
    assert_eq!(control.retest, [TARGET.parse().unwrap()]);
    assert_eq!(far.retest, [TARGET.parse().unwrap()]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restart_does_not_lose_what_is_to_be_tested_again() {
    let house = House::open().await;
    house.control().await.report(vec![reached(1)]).await;
    house.probe(1, "127.91.98.1").await.report(vec![reset(1)]).await;
    let near = house.probe(2, "127.91.98.2").await.id();
    let house = house.restart().await;
    let heard = |minutes| {
        let now = jiff::Timestamp::now() + jiff::SignedDuration::from_mins(minutes);
        house.app.retests().heard(Sign { probe: near, role: Role::Probe, network: Asn::new(9198) }, now)
    };
    assert_eq!((heard(0), heard(2)), (Vec::new(), vec![TARGET.parse().unwrap()]));
}

#[tokio::test(flavor = "multi_thread")]
async fn closing_ends_a_poll() {
    let house = House::open().await;
    let probe = house.probe(1, "127.91.98.7").await;
    let version = house.app.bundle().borrow().version;
    let (_, agenda) = tokio::join!(
        async {
            wait_until_present(&house, &[&probe]).await;
            house.app.close();
        },
        probe.beat(Some(version), LONG)
    );
    assert_eq!(agenda.bundle, version);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_poll_ends_when_the_probe_hangs_up() {
    let house = House::open().await;
    let probe = house.probe(1, "127.91.98.7").await;
    let version = probe.beat(None, 0).await.bundle;
    let bytes = seal(Kind::Heartbeat, &probe.key, &Guest::heartbeat(Some(version), LONG)).unwrap();
    let hung_up = tokio::time::timeout(Duration::from_millis(300), probe.post(ApiPath::HEARTBEAT, bytes)).await;
    assert!(hung_up.is_err());
    drop(probe);
    let asked = Instant::now();
    house.close().await;
    assert!(asked.elapsed() < Duration::from_secs(9), "closing waited for a poll nobody listens to");
}

/// The bundle's version once it holds what the control saw.
async fn settled(house: &House, probe: &Guest) -> u64 {
    let mut bundle = house.app.bundle().subscribe();
    let news = bundle.wait_for(|bundle| bundle.version > 1);
    tokio::time::timeout(PATIENCE, news).await.unwrap().unwrap();
    probe.beat(None, 0).await.bundle
}

/// Waits until each guest's poll has reached the house.
async fn wait_until_present(house: &House, guests: &[&Guest]) {
    let deadline = Instant::now() + PATIENCE;
    while !guests.iter().all(|guest| house.app.retests().is_present(guest.id())) {
        assert!(Instant::now() < deadline, "a poll never arrived");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}
