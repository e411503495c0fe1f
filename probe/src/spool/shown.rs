//! What a collector has from this probe of the bytes of certificates and pages, by day: the bytes of each travel once a day, its
//! hash every time.

use std::collections::BTreeSet;

use kedergi_wire::{BatchId, Digest, Observation, Report, Step, StepOutcome};
use rusqlite::{Transaction, params};

use super::SpoolError;

/// Days that are remembered. Reports come in their order, so yesterday's are all there can be beside today's.
const DAYS: i64 = 2;

/// The hash of a certificate or a page, and the day (UTC) of the report that carries its bytes.
pub(super) type Shown = (Digest, String);

/// Leaves out of `reports`, as they are stored, the bytes that an earlier batch or report of the same day carries. Returns what these carry anew.
pub(super) fn leave_out(tx: &Transaction<'_>, reports: &mut [String]) -> Result<BTreeSet<Shown>, SpoolError> {
    let mut known = tx.prepare("SELECT 1 FROM shown WHERE sha256 = ?1 AND day = ?2")?;
    let mut new = BTreeSet::new();
    for json in reports.iter_mut().filter(|json| json.contains("\"der\"") || json.contains("\"kept\"")) {
        // What cannot be read is not made better here.
        let Ok(mut report) = serde_json::from_str::<Report>(json) else { continue };
        let day = report.started.strftime("%F").to_string();
        for (sha256, bytes) in evidence(&mut report).filter(|(_, bytes)| bytes.is_some()) {
            let shown = (sha256, day.clone());
            if new.contains(&shown) || known.exists(params![shown.0.0, shown.1])? {
                *bytes = None;
            } else {
                new.insert(shown);
            }
        }
        *json = serde_json::to_string(&report)?;
    }
    Ok(new)
}

/// Remembers what a batch carries.
pub(super) fn remember(tx: &Transaction<'_>, shown: &BTreeSet<Shown>, batch: BatchId) -> rusqlite::Result<()> {
    for (sha256, day) in shown {
        let row = params![sha256.0, day, batch.0];
        tx.execute("INSERT OR REPLACE INTO shown (sha256, day, batch) VALUES (?1, ?2, ?3)", row)?;
    }
    let old = "DELETE FROM shown WHERE day NOT IN (SELECT DISTINCT day FROM shown ORDER BY day DESC LIMIT ?1)";
    tx.execute(old, [DAYS]).map(|_| ())
}

/// Forgets what a batch carried that no collector will have.
pub(super) fn forget(tx: &Transaction<'_>, batch: &[u8]) -> rusqlite::Result<()> {
    tx.execute("DELETE FROM shown WHERE batch = ?1", [batch]).map(|_| ())
}

/// Everything in a report that may come with its bytes, by its hash.
fn evidence(report: &mut Report) -> impl Iterator<Item = (Digest, &mut Option<Vec<u8>>)> {
    let trials = report.trials.iter_mut().map(|trial| &mut trial.seen);
    report.observations.iter_mut().chain(trials).flat_map(of_step)
}

fn of_step(seen: &mut Observation) -> Vec<(Digest, &mut Option<Vec<u8>>)> {
    match &mut seen.step {
        Step::Tls(tls) => tls.chain.iter_mut().map(|shown| (shown.sha256, &mut shown.der)).collect(),
        Step::Http(http) => match &mut http.outcome {
            StepOutcome::Ok(page) => vec![(page.body.sha256, &mut page.body.kept)],
            StepOutcome::Failed(_) => Vec::new(),
        },
        Step::Dns(_) | Step::Tcp(_) | Step::Quic(_) => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use ed25519_dalek::SigningKey;
    use kedergi_wire::{Batch, Body, Certificate, Envelope, Failure, Hello, Http, Kind, Page, Tls};

    use super::super::Spool;
    use super::super::tests::report;
    use super::*;

    fn forged(sequence: u64, day: i64) -> Report {
        let certificate = |name: &[u8]| Certificate {
            sha256: Digest::of(name),
            subject: "CN=a".into(),
            issuer: "CN=b".into(),
            der: Some(name.to_vec()),
        };
        let tls = Tls {
            address: "45.80.0.1:443".parse().unwrap(),
            server_name: None,
            hello_bytes: None,
            hello: Hello::Plain,
            chain: vec![certificate(b"leaf"), certificate(b"root")],
            verification: None,
            extra_root: None,
            outcome: StepOutcome::Failed(Failure::Certificate),
        };
        let seen = Observation { after_ms: 0, took_ms: 1, hop: 0, step: Step::Tls(tls) };
        let started = "2026-01-01T12:00:00Z".parse::<jiff::Timestamp>().unwrap();
        let started = started + jiff::SignedDuration::from_hours(24 * day);
        Report { started, observations: vec![seen], ..report(sequence) }
    }

    fn blocked(sequence: u64) -> Report {
        let body = Body { bytes: 4, truncated: false, sha256: Digest::of(b"stop"), kept: Some(b"stop".to_vec()) };
        let page = Page { status: 200, location: None, server: None, title: None, offers_h3: false, body };
        let http = Http {
            address: "45.80.0.1:80".parse().unwrap(),
            url: "http://a.example/".to_owned(),
            outcome: StepOutcome::Ok(page),
        };
        let seen = Observation { after_ms: 0, took_ms: 1, hop: 0, step: Step::Http(http) };
        Report { observations: vec![seen], ..forged(sequence, 0) }
    }

    /// How many certificates and pages travel with their bytes in each report of the batch sealed next.
    fn sealed(spool: &mut Spool, reports: &[Report]) -> Vec<usize> {
        let key = SigningKey::from_bytes(&[5; 32]);
        spool.store(reports, &[], 0, reports[0].started).unwrap();
        assert!(spool.seal(&key).unwrap());
        let newest: Vec<u8> =
            spool.db.query_row("SELECT bytes FROM batch ORDER BY number DESC LIMIT 1", [], |row| row.get(0)).unwrap();
        let mut batch: Batch = Envelope::parse(&newest).unwrap().open(Kind::Batch).unwrap();
        batch.reports.iter_mut().map(|report| evidence(report).filter(|(_, bytes)| bytes.is_some()).count()).collect()
    }

    #[test]
    fn the_bytes_of_a_certificate_travel_once_a_day() {
        let dir = tempfile::tempdir().unwrap();
        let mut spool = Spool::open(&dir.path().join("spool.db"), 10_000_000).unwrap();
        assert_eq!(sealed(&mut spool, &[forged(1, 0), forged(2, 0)]), [2, 0]);
        assert_eq!(sealed(&mut spool, &[forged(3, 0)]), [0]);
        assert_eq!(sealed(&mut spool, &[forged(4, 1), forged(5, 1)]), [2, 0]);
    }

    #[test]
    fn so_do_those_of_a_page() {
        let dir = tempfile::tempdir().unwrap();
        let mut spool = Spool::open(&dir.path().join("spool.db"), 10_000_000).unwrap();
        assert_eq!(sealed(&mut spool, &[blocked(1), blocked(2)]), [1, 0]);
        assert_eq!(sealed(&mut spool, &[blocked(3)]), [0]);
    }

    #[test]
    fn what_no_collector_will_have_travels_again() {
        let dir = tempfile::tempdir().unwrap();
        let mut spool = Spool::open(&dir.path().join("spool.db"), 10_000_000).unwrap();
        assert_eq!(sealed(&mut spool, &[forged(1, 0)]), [2]);
        let batch = spool.oldest_batch().unwrap().unwrap();
        spool.set_aside(batch.id, "malformed").unwrap();
        assert_eq!(sealed(&mut spool, &[forged(2, 0)]), [2]);
        let batch = spool.oldest_batch().unwrap().unwrap();
        spool.acknowledged(batch.id).unwrap();
        assert_eq!(sealed(&mut spool, &[forged(3, 0)]), [0]);
    }

    #[test]
    fn a_batch_dropped_for_lack_of_space_takes_its_certificates_along() {
        let dir = tempfile::tempdir().unwrap();
        let mut spool = Spool::open(&dir.path().join("spool.db"), 10_000_000).unwrap();
        assert_eq!(sealed(&mut spool, &[forged(1, 0)]), [2]);
        spool.cap = 0;
        spool.store(&[report(2)], &[], 0, forged(1, 0).started).unwrap();
        spool.cap = 10_000_000;
        assert_eq!(sealed(&mut spool, &[forged(3, 0)]), [2]);
    }
}
