use kedergi_wire::ControlSnapshot;

use super::house::{House, INVITE, PATIENCE};
use super::sample::{TARGET, reached};
use crate::targets;

#[tokio::test(flavor = "multi_thread")]
async fn a_bundle_is_the_list_signed_by_the_key_that_enrolment_named() {
    let house = House::open().await;
    let probe = house.guest(1);
    let enrolled = probe.enroll(INVITE).await;
    let (bundle, signer) = probe.bundle().await;
    assert_eq!((signer, enrolled.probe), (enrolled.collector, probe.id()));
    assert_eq!(bundle.targets, targets::load(None).unwrap().all());
    assert!(bundle.control.entries.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_control_sees_makes_a_new_bundle_and_wakes_who_waits() {
    let house = House::open().await;
    let (probe, control) = (house.probe(1, "127.91.98.7").await, house.control().await);
    let version = probe.beat(None, 0).await.bundle;
    let (agenda, _) = tokio::join!(probe.beat(Some(version), 45), control.report(vec![reached(1)]));
    assert_eq!(agenda.bundle, version + 1);
    let (bundle, _) = probe.bundle().await;
    assert_eq!(bundle.version, version + 1);
    let entry = bundle.control.entry(&TARGET.parse().unwrap()).unwrap();
    assert!(entry.reached.is_yes());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_control_of_long_ago_is_nobodys_measure_today() {
    let house = House::open().await;
    let mut old = reached(1);
    old.started = "2019-05-09T07:00:00Z".parse().unwrap();
    house.control().await.report(vec![old, reached(2)]).await;
    let mut bundles = house.app.bundle().subscribe();
    tokio::time::timeout(PATIENCE, bundles.wait_for(|bundle| bundle.version > 1)).await.unwrap().unwrap();
    let ControlSnapshot { entries, .. } = house.probe(1, "127.91.98.7").await.bundle().await.0.control;
    assert_eq!(entries.len(), 1);
    assert!(entries[0].at > "2026-01-01T00:00:00Z".parse().unwrap());
}

#[tokio::test(flavor = "multi_thread")]
async fn another_target_list_makes_another_version() {
    let list = tempfile::NamedTempFile::new().unwrap();
    let text = "[[target]]\nurl = \"https://a.example/\"\nservice = \"a\"\ncategory = \"news\"\n";
    std::fs::write(list.path(), text).unwrap();
    let house = House::open().await;
    let house = house.restart_with(|config| config.targets = Some(list.path().to_owned())).await;
    let probe = house.guest(1);
    probe.enroll(INVITE).await;
    let (bundle, _) = probe.bundle().await;
    assert_eq!((bundle.version, bundle.targets.len()), (2, 1));
    assert_eq!(
        house.restart_with(|config| config.targets = Some(list.path().to_owned())).await.app.bundle().borrow().version,
        2
    );
}
