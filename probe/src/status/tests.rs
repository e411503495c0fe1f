use kedergi_verdict::{Outcome, RuleId, Verdict};
use kedergi_wire::ProbeId;

use super::*;
use crate::spool::tests::report;
use crate::state::Facts;

const NOW: Timestamp = Timestamp::constant(1_557_378_000, 0);

fn judged(site: u64) -> Judged {
    let rule = RuleId("reachable".into());
    let verdict = Verdict {
        outcome: Outcome::Reachable,
        rule,
        rules_version: 1,
        hindered: Vec::new(),
        quic_trigger: None,
        trigger: None,
        experiments: Vec::new(),
        pace: None,
        evidence: Vec::new(),
    };
    Judged { target: report(site).target, at: NOW, verdict }
}

/// A data directory as a daemon leaves it.
fn home() -> (tempfile::TempDir, DataDir) {
    let home = tempfile::tempdir().unwrap();
    let dir = DataDir::make(home.path()).unwrap();
    let enrolment = Enrolment {
        collector: "https://collector.example".parse().unwrap(),
        collector_key: ProbeId([7; 32]),
        role: Role::Probe,
        consent: kedergi_wire::CONSENT_VERSION,
        agreed: NOW,
    };
    dir.record(&enrolment).unwrap();
    let mut spool = Spool::open(&dir.spool(), u64::MAX).unwrap();
    spool.store(&[report(1), report(2)], &[judged(1), judged(2)], 0, NOW).unwrap();
    let life = Life {
        collector: None,
        last_contact: Some(NOW),
        facts: Some(Facts { at: NOW, network: Asn::new(9198), country: "KZ".parse().ok(), clock_offset_ms: 0 }),
        last_run: Some((NOW, 2)),
        next_round: Some(NOW),
        measuring: "waiting for the next round".to_owned(),
        delivering: "no collector could be reached".to_owned(),
    };
    spool.keep_json(Kept::Life, &life).unwrap();
    (home, dir)
}

fn printed(status: &Status) -> String {
    let mut text = Vec::new();
    status.print(&mut text).unwrap();
    String::from_utf8(text).unwrap()
}

#[test]
fn it_says_how_the_probe_is_doing_and_names_no_target() {
    let (_home, dir) = home();
    let lock = dir.lock().unwrap();
    let status = Status::read(&dir, false).unwrap();
    insta::assert_snapshot!(printed(&status));
    insta::assert_json_snapshot!(status);
    drop(lock);
    assert!(!Status::read(&dir, false).unwrap().running);
}

#[test]
fn targets_are_named_on_demand() {
    let (_home, dir) = home();
    let status = Status::read(&dir, true).unwrap();
    assert!(printed(&status).contains("reachable     https://site-2.example/ (reachable)"));
    assert_eq!(status.targets.unwrap().len(), 2);
}

#[test]
fn before_enrolment_and_before_the_first_run_there_is_a_status_too() {
    let empty = tempfile::tempdir().unwrap();
    let status = Status::read(&DataDir::at(empty.path()), false).unwrap();
    assert!(printed(&status).starts_with("Not enrolled."));

    let (_home, dir) = home();
    std::fs::remove_file(dir.spool()).unwrap();
    let status = Status::read(&dir, false).unwrap();
    assert!(printed(&status).contains("Last run      never"));
}
