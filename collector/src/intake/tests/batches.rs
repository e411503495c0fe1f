use jiff::{SignedDuration, Timestamp};
use kedergi_verdict::{How, Outcome, TlsManner, Why};
use kedergi_wire::{Asn, Known, Report, ReportRef, Role, Source, Stored, Vantage};

use super::house::{CONTROL_INVITE, House, id};
use super::sample::{TARGET, reached, reset};

const BLOCKED: Outcome = Outcome::Blocked { how: How::Tls(TlsManner::Reset) };

#[tokio::test(flavor = "multi_thread")]
async fn a_report_becomes_a_fact_filed_under_the_connections_network() {
    let house = House::open().await;
    house.control().await.report(vec![reached(1)]).await;
    let probe = house.probe(1, "127.91.98.7").await;
    let batch = probe.batch(vec![reset(1)]);
    let receipt = probe.report(vec![reset(1)]).await;
    assert_eq!((receipt.stored, receipt.reports), (Stored::New, 1));
    assert_ne!(receipt.batch, id(&batch), "another moment, another batch");
    let facts = house.facts().await;
    let (control, fact) = (&facts[0], &facts[1]);
    assert_eq!((control.role, control.verdict.outcome, control.network), (Role::Control, Outcome::Reachable, None));
    assert_eq!((fact.role, fact.verdict.outcome, fact.probe), (Role::Probe, BLOCKED, probe.id()));
    assert_eq!((fact.network, fact.country), (Asn::new(9198), "KZ".parse().ok()));
    assert_eq!((fact.target.as_str(), fact.service.as_str()), (TARGET, "facebook"));
    let (_, report) = house
        .app
        .facts(move |facts| facts.report(ReportRef { batch: receipt.batch, index: 0 }))
        .await
        .unwrap()
        .unwrap();
    assert_eq!(report.observations, reset(1).observations);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_sent_again_is_a_duplicate() {
    let house = House::open().await;
    let probe = house.probe(1, "127.91.98.7").await;
    let reports = vec![reset(1), reset(2)];
    assert_eq!(probe.report(reports.clone()).await.stored, Stored::New);
    assert_eq!(probe.report(reports).await.stored, Stored::Duplicate);
    assert_eq!((house.facts().await.len(), house.batches()), (2, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restart_keeps_everything() {
    let house = House::open().await;
    let probe = house.probe(1, "127.91.98.7").await;
    let reports = vec![reset(1)];
    probe.report(reports.clone()).await;
    let (bundle, signer) = probe.bundle().await;
    let (facts, house) = (house.facts().await, house.restart().await);
    assert_eq!(house.facts().await, facts);
    let probe = house.guest(1);
    assert_eq!(probe.report(reports).await.stored, Stored::Duplicate);
    let (again, same) = probe.bundle().await;
    assert_eq!((again, same), (bundle, signer));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_report_without_a_control_accuses_nobody() {
    let house = House::open().await;
    house.probe(1, "127.91.98.7").await.report(vec![reset(1)]).await;
    assert_eq!(house.facts().await[0].verdict.outcome, Outcome::Inconclusive { why: Why::NoControl });
}

#[tokio::test(flavor = "multi_thread")]
async fn a_report_is_judged_by_a_control_of_its_own_time() {
    let house = House::open().await;
    let long_ago: Timestamp = "2019-05-09T07:00:00Z".parse().unwrap();
    let dated = |mut report: kedergi_wire::Report, at| {
        report.started = at;
        report
    };
    house.control().await.report(vec![reached(1)]).await;
    let probe = house.probe(1, "127.91.98.7").await;
    probe.report(vec![dated(reset(1), long_ago)]).await;
    house.control().await.report(vec![dated(reached(2), long_ago)]).await;
    probe.report(vec![dated(reset(2), long_ago)]).await;
    let outcomes: Vec<_> = house.facts().await.iter().map(|fact| (fact.role, fact.verdict.outcome)).collect();
    assert_eq!(outcomes[1], (Role::Probe, Outcome::Inconclusive { why: Why::NoControl }));
    assert_eq!(outcomes[3], (Role::Probe, BLOCKED));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_unlisted_or_of_the_future_is_set_aside_and_costs_the_others_nothing() {
    let house = House::open().await;
    let probe = house.probe(1, "127.91.98.7").await;
    let mut unlisted = reset(1);
    unlisted.target = "https://unlisted.example/".parse().unwrap();
    let (mut early, mut ahead) = (reset(2), reset(3));
    early.clock_offset_ms = Some(11 * 60 * 1000);
    ahead.started += SignedDuration::from_mins(9);
    let receipt = probe.report(vec![unlisted, early, ahead, reset(4)]).await;
    assert_eq!((receipt.stored, receipt.reports), (Stored::New, 4));
    let sequences: Vec<_> = house.facts().await.iter().map(|fact| (fact.sequence, fact.report.index)).collect();
    assert_eq!(sequences, [(3, 2), (4, 3)]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_control_whose_line_is_cut_is_no_measure() {
    let house = House::open().await;
    let control = house.guest(200);
    assert_eq!(control.enroll(CONTROL_INVITE).await.role, Role::Control);
    let mut cut = reset(1);
    cut.line = kedergi_wire::Line::default();
    cut.line.outside.tried = 9;
    cut.line.resolver.tried = 9;
    cut.observations.clear();
    control.report(vec![cut]).await;
    assert_eq!(house.facts().await[0].verdict.outcome, Outcome::Inconclusive { why: Why::NoConnectivity });
    assert!(house.app.facts(|facts| facts.latest_controls()).await.unwrap().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_measured_elsewhere_is_no_vote_for_the_network_it_came_from() {
    let house = House::open().await;
    house.control().await.report(vec![reached(1)]).await;
    let probe = house.probe(1, "127.91.98.7").await;
    let told = |asn| Some(Known { value: Asn::new(asn).unwrap(), source: Source::Collector });
    let from = |report: Report, network, tunnel| Report {
        vantage: Vantage { network, tunnel, ..report.vantage.clone() },
        ..report
    };
    // A VPN is on: the blocked site is reached, and that says nothing of the provider, to whom the report is sent past it.
    let stored = probe.report(vec![from(reached(1), None, true), from(reached(2), told(64501), false)]).await;
    assert_eq!((stored.stored, stored.reports), (Stored::New, 2), "kept as evidence");
    assert_eq!(house.facts().await.len(), 1, "the control's alone");
    probe.report(vec![from(reset(3), told(9198), false)]).await;
    let facts = house.facts().await;
    assert_eq!((facts.len(), facts[1].verdict.outcome), (2, BLOCKED));
}
