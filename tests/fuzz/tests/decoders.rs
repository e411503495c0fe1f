//! Whatever bytes arrive, a decoder answers; and what it took in, it can write and read again.

use bolero::check;
use kedergi_detector::Scenario;
use kedergi_fuzz::{Wound, golden, survives, wounded};
use kedergi_verdict::{Verdict, control_entry, judge};
use kedergi_wire::{Batch, ControlSnapshot, Envelope, Kind, ListFile, Report, TargetBundle, TargetList};
use serde::Serialize;
use serde::de::DeserializeOwned;

/// Decodes JSON; what decodes must survive being written and read again.
fn round_trip<T: Serialize + DeserializeOwned + PartialEq>(bytes: &[u8]) -> Option<T> {
    let value: T = serde_json::from_slice(bytes).ok()?;
    survives(&value);
    Some(value)
}

fn open(bytes: &[u8]) {
    let Ok(envelope) = Envelope::parse(bytes) else { return };
    let _ = envelope.decode::<TargetBundle>(Kind::Targets);
    let _ = envelope.decode::<Batch>(Kind::Batch);
    let opened = envelope.open::<Batch>(Kind::Batch).is_ok();
    // The signature covers every byte: only the frozen batch itself was ever signed with its key.
    assert!(!opened || bytes == golden("batch-v1.kdg"), "a changed batch passed for signed");
}

fn judge_report(bytes: &[u8]) {
    let Some(report) = round_trip::<Report>(bytes) else { return };
    let own = control_entry(&report);
    assert!(
        round_trip::<kedergi_wire::ControlEntry>(&serde_json::to_vec(&own).expect("an entry can be written")).is_some()
    );
    for control in [None, Some(&own)] {
        let verdict = judge(&report, control);
        let inside = |index: u16| usize::from(index) < report.observations.len();
        assert!(verdict.evidence.iter().filter_map(|evidence| evidence.observation).all(inside), "{verdict:?}");
        let written = serde_json::to_vec(&verdict).expect("a verdict can be written");
        assert!(round_trip::<Verdict>(&written).as_ref() == Some(&verdict), "{verdict:?}");
    }
}

/// Bounded, because a history may be as long as its author likes.
fn play(text: &str) {
    if let Ok(scenario) = Scenario::parse(text) {
        assert!(scenario.rounds().take(2).all(|round| !round.reports.is_empty()), "an empty round");
    }
}

fn snapshot() -> Vec<u8> {
    let report: Report = serde_json::from_slice(&golden("report-v1.json")).expect("the frozen report decodes");
    let snapshot = ControlSnapshot { made: report.started, entries: vec![control_entry(&report)] };
    serde_json::to_vec(&snapshot).expect("a snapshot can be written")
}

fn bundle() -> Vec<u8> {
    let control: serde_json::Value = serde_json::from_slice(&snapshot()).expect("a snapshot decodes");
    let targets = serde_json::json!([{ "url": "https://a.example/", "service": "a", "category": "news" }]);
    let bundle =
        serde_json::json!({ "version": 3, "made": "2019-05-09T07:00:00Z", "targets": targets, "control": control });
    assert!(round_trip::<TargetBundle>(bundle.to_string().as_bytes()).is_some());
    bundle.to_string().into_bytes()
}

fn scenario() -> Vec<u8> {
    include_bytes!("../../../collector/detector/scenarios/kz-2019-05-09.toml").to_vec()
}

fn for_wounded(whole: &[u8], decode: impl Fn(&[u8]) + std::panic::RefUnwindSafe) {
    decode(whole);
    check!().with_type::<Vec<Wound>>().for_each(|wounds| decode(&wounded(whole, wounds)));
}

#[test]
fn envelope() {
    check!().for_each(|bytes: &[u8]| open(bytes));
}

#[test]
fn envelope_wounded() {
    for_wounded(&golden("batch-v1.kdg"), open);
}

#[test]
fn report() {
    check!().for_each(|bytes: &[u8]| judge_report(bytes));
}

#[test]
fn report_wounded() {
    for_wounded(&golden("report-v1.json"), judge_report);
}

#[test]
fn control_snapshot() {
    check!().for_each(|bytes: &[u8]| drop(round_trip::<ControlSnapshot>(bytes)));
}

#[test]
fn control_snapshot_wounded() {
    for_wounded(&snapshot(), |bytes| drop(round_trip::<ControlSnapshot>(bytes)));
}

#[test]
fn target_bundle() {
    check!().for_each(|bytes: &[u8]| drop(round_trip::<TargetBundle>(bytes)));
}

#[test]
fn target_bundle_wounded() {
    for_wounded(&bundle(), |bytes| drop(round_trip::<TargetBundle>(bytes)));
}

/// A list that was taken in can be met: every service has as many targets as must be blocked, each listed once.
fn list(text: &str) {
    let Ok(file) = toml::from_str::<ListFile>(text) else { return };
    survives(&file);
    let Ok(list) = TargetList::try_from(file) else { return };
    for (service, blocked_when) in list.services() {
        assert!((1..=list.endpoints(service).count()).contains(&blocked_when), "{service}: {blocked_when}");
    }
    assert!(list.all().iter().all(|target| list.service(&target.url) == Some(&target.service)));
}

#[test]
fn target_list() {
    check!().for_each(|bytes: &[u8]| list(&String::from_utf8_lossy(bytes)));
}

#[test]
fn target_list_wounded() {
    let bundled = include_bytes!("../../../collector/data/targets.toml");
    for_wounded(bundled, |bytes| list(&String::from_utf8_lossy(bytes)));
}

#[test]
fn replay_scenario() {
    check!().for_each(|bytes: &[u8]| play(&String::from_utf8_lossy(bytes)));
}

#[test]
fn replay_scenario_wounded() {
    for_wounded(&scenario(), |bytes| play(&String::from_utf8_lossy(bytes)));
}
