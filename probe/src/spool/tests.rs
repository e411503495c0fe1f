use std::fs;

use ed25519_dalek::SigningKey;
use kedergi_wire::{Batch, Envelope, FORMAT, Kind, Line, Vantage, limits};
use proptest::prelude::*;
use tempfile::TempDir;

use super::cache::Counts;
use super::*;

const NOW: Timestamp = Timestamp::constant(1_557_378_000, 0);
const ROOMY: u64 = 10_000_000;

/// A report as a measurement would make it, without observations.
pub(crate) fn report(sequence: u64) -> Report {
    Report {
        format: FORMAT,
        sequence,
        started: NOW,
        clock_offset_ms: None,
        target: format!("https://site-{sequence}.example").parse().unwrap(),
        vantage: Vantage::default(),
        line: Line::default(),
        observations: Vec::new(),
        trials: Vec::new(),
        pairs: Vec::new(),
        instrument: None,
    }
}

fn key() -> SigningKey {
    SigningKey::from_bytes(&[5; 32])
}

fn spool(dir: &TempDir, cap: u64) -> Spool {
    Spool::open(&dir.path().join("spool.db"), cap).unwrap()
}

fn fill(spool: &mut Spool, reports: usize) {
    let first = spool.reserve(reports).unwrap();
    let reports: Vec<_> = (first..).take(reports).map(report).collect();
    spool.store(&reports, &[], 0, NOW).unwrap();
}

fn sequences(batch: &Sealed) -> Vec<u64> {
    let batch: Batch = Envelope::parse(&batch.bytes).unwrap().open(Kind::Batch).unwrap();
    batch.reports.iter().map(|report| report.sequence).collect()
}

/// What a crash at this moment would leave: the files as they are on disk, with nobody to close them.
fn crashed_copy(dir: &TempDir) -> TempDir {
    let copy = tempfile::tempdir().unwrap();
    for entry in fs::read_dir(dir.path()).unwrap() {
        let entry = entry.unwrap();
        fs::copy(entry.path(), copy.path().join(entry.file_name())).unwrap();
    }
    copy
}

#[test]
fn what_was_stored_survives_a_crash() {
    let dir = tempfile::tempdir().unwrap();
    let mut before = spool(&dir, ROOMY);
    fill(&mut before, 3);
    assert!(before.seal(&key()).unwrap());
    fill(&mut before, 2);
    let sealed = before.oldest_batch().unwrap();

    let after = crashed_copy(&dir);
    let mut after_spool = spool(&after, ROOMY);
    assert_eq!(after_spool.oldest_batch().unwrap(), sealed, "the very same bytes");
    assert_eq!(after_spool.counts().unwrap(), before.counts().unwrap());
    assert_eq!(after_spool.reserve(1).unwrap(), 6);
}

#[test]
fn a_sequence_number_reserved_before_a_crash_is_not_used_again() {
    let dir = tempfile::tempdir().unwrap();
    let mut before = spool(&dir, ROOMY);
    assert_eq!(before.reserve(40).unwrap(), 1);
    let after = crashed_copy(&dir);
    assert_eq!(spool(&after, ROOMY).reserve(1).unwrap(), 41);
}

#[test]
fn a_batch_holds_the_oldest_and_waits_for_its_receipt() {
    let dir = tempfile::tempdir().unwrap();
    let mut spool = spool(&dir, ROOMY);
    assert!(!spool.seal(&key()).unwrap());
    fill(&mut spool, limits::REPORTS + 4);
    assert!(spool.seal(&key()).unwrap());
    let sealed = spool.oldest_batch().unwrap().unwrap();
    assert_eq!(sequences(&sealed), (1..=256).collect::<Vec<_>>());
    assert_eq!((spool.counts().unwrap().unsealed, spool.counts().unwrap().sealed), (4, 256));
    spool.acknowledged(sealed.id).unwrap();
    spool.acknowledged(sealed.id).unwrap();
    assert_eq!((spool.counts().unwrap().sealed, spool.counts().unwrap().delivered), (0, 256));
}

#[test]
fn a_big_report_travels_alone_and_an_impossible_one_is_counted() {
    let dir = tempfile::tempdir().unwrap();
    let mut spool = spool(&dir, u64::MAX);
    fill(&mut spool, 1);
    let mut noise = vec![0; 1_200_000];
    getrandom::fill(&mut noise).unwrap();
    let text = serde_json::to_string(&data_encoding::BASE64.encode(&noise)).unwrap();
    spool.db.execute("INSERT INTO report (sequence, json) VALUES (2, ?1), (3, '{oops')", [text]).unwrap();
    while spool.seal(&key()).unwrap() {}
    let counts = spool.counts().unwrap();
    assert_eq!((counts.unsealed, counts.sealed, counts.dropped), (0, 1, 2));
}

#[test]
fn a_refused_batch_is_out_of_the_way_but_kept() {
    let dir = tempfile::tempdir().unwrap();
    let mut spool = spool(&dir, ROOMY);
    fill(&mut spool, 2);
    spool.seal(&key()).unwrap();
    let refused = spool.oldest_batch().unwrap().unwrap();
    spool.set_aside(refused.id, "malformed").unwrap();
    spool.set_aside(refused.id, "malformed").unwrap();
    assert_eq!(spool.oldest_batch().unwrap(), None);
    assert_eq!(spool.counts().unwrap(), Counts { refused: 2, ..Counts::default() });
    let kept: i64 = spool.db.query_row("SELECT count(*) FROM batch", [], |row| row.get(0)).unwrap();
    assert_eq!(kept, 1);
}

#[test]
fn beyond_the_cap_the_oldest_go_and_are_counted() {
    let dir = tempfile::tempdir().unwrap();
    let one = serde_json::to_string(&report(1)).unwrap().len() as u64;
    let mut spool = spool(&dir, one * 4);
    fill(&mut spool, 9);
    let counts = spool.counts().unwrap();
    assert_eq!((counts.unsealed, counts.dropped), (4, 5));
    spool.seal(&key()).unwrap();
    assert_eq!(sequences(&spool.oldest_batch().unwrap().unwrap()), [6, 7, 8, 9]);
    assert!(bytes_held(&spool.db).unwrap() <= one * 4);
}

#[test]
fn sealed_reports_are_older_than_unsealed_and_refused_ones_go_first() {
    let dir = tempfile::tempdir().unwrap();
    let mut spool = spool(&dir, ROOMY);
    for problem in [None, Some("malformed")] {
        fill(&mut spool, 5);
        spool.seal(&key()).unwrap();
        if let Some(problem) = problem {
            let last = "SELECT id FROM batch ORDER BY number DESC LIMIT 1";
            let id = kedergi_wire::BatchId(spool.db.query_row(last, [], |row| row.get(0)).unwrap());
            spool.set_aside(id, problem).unwrap();
        }
    }
    fill(&mut spool, 5);
    spool.cap = bytes_held(&spool.db).unwrap() - 1;
    spool.store(&[], &[], 0, NOW).unwrap();
    assert_eq!((spool.counts().unwrap().sealed, spool.counts().unwrap().dropped), (5, 0));
    spool.cap = bytes_held(&spool.db).unwrap() - 1;
    spool.store(&[], &[], 0, NOW).unwrap();
    assert_eq!((spool.counts().unwrap().sealed, spool.counts().unwrap().dropped), (0, 5));
    assert_eq!(spool.counts().unwrap().unsealed, 5);
}

#[test]
fn traffic_is_counted_by_day_and_forgotten_after_a_while() {
    let dir = tempfile::tempdir().unwrap();
    let mut spool = spool(&dir, ROOMY);
    let today = day(NOW);
    spool.add_traffic(today, 5, 7).unwrap();
    spool.store(&[], &[], 3, NOW).unwrap();
    assert_eq!(spool.traffic(today).unwrap(), (5, 10));
    let mut later = today;
    for _ in 0..20 {
        later = later.tomorrow().unwrap();
        spool.add_traffic(later, 1, 1).unwrap();
    }
    assert_eq!((spool.traffic(today).unwrap(), spool.traffic(later).unwrap()), ((0, 0), (1, 1)));
}

#[test]
fn it_can_be_looked_at_beside_a_daemon_and_after_one() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("spool.db");
    let mut daemon = spool(&dir, ROOMY);
    fill(&mut daemon, 2);
    assert_eq!(Spool::look(&path).unwrap().counts().unwrap().unsealed, 2);
    drop(daemon);
    let looker = Spool::look(&path).unwrap();
    assert_eq!(looker.counts().unwrap().unsealed, 2);
    assert!(looker.db.execute("DELETE FROM report", []).is_err());
}

#[test]
fn a_file_that_is_no_spool_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("spool.db");
    fs::write(&path, "not a database, but long enough to be taken for one ".repeat(100)).unwrap();
    let error = Spool::open(&path, ROOMY).unwrap_err().to_string();
    assert!(error.contains("cannot open the spool") && error.contains("move it away"), "{error}");
}

/// What can happen to a spool.
#[derive(Debug, Clone)]
enum Op {
    Measure(usize),
    Seal,
    Acknowledge,
    SetAside,
    Crash,
}

fn ops() -> impl Strategy<Value = Vec<Op>> {
    let op = prop_oneof![
        (1usize..5).prop_map(Op::Measure),
        Just(Op::Seal),
        Just(Op::Acknowledge),
        Just(Op::SetAside),
        Just(Op::Crash),
    ];
    prop::collection::vec(op, 1..30)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// Every report ever measured is in exactly one place, whatever happens.
    #[test]
    fn no_report_is_lost_or_doubled(ops in ops(), cap in 500u64..20_000) {
        let mut dir = tempfile::tempdir().unwrap();
        let mut now = spool(&dir, cap);
        let (mut measured, mut last) = (0, 0);
        for op in ops {
            match (op, now.oldest_batch().unwrap()) {
                (Op::Measure(reports), _) => {
                    fill(&mut now, reports);
                    measured += reports as u64;
                }
                (Op::Seal, _) => drop(now.seal(&key()).unwrap()),
                (Op::Acknowledge, Some(batch)) => {
                    let first = *sequences(&batch).first().unwrap();
                    prop_assert!(first > last, "oldest first, none twice");
                    last = first;
                    now.acknowledged(batch.id).unwrap();
                }
                (Op::SetAside, Some(batch)) => now.set_aside(batch.id, "malformed").unwrap(),
                (Op::Acknowledge | Op::SetAside, None) => {}
                (Op::Crash, _) => {
                    let copy = crashed_copy(&dir);
                    now = spool(&copy, cap);
                    dir = copy;
                }
            }
            let counts = now.counts().unwrap();
            let places = counts.unsealed + counts.sealed + counts.dropped + counts.refused + counts.delivered;
            prop_assert_eq!(places, measured);
        }
    }
}
