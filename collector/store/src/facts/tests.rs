use std::collections::{BTreeMap, BTreeSet};

use ed25519_dalek::SigningKey;
use jiff::{SignedDuration, Timestamp};
use kedergi_detector::{Counts, Neighbourhood};
use kedergi_verdict::{How, Outcome, RuleId, TlsManner, Verdict, Why};
use kedergi_wire::{
    Asn, Batch, BatchId, ControlEntry, CountryCode, Envelope, FORMAT, Kind, Line, ProbeId, Reached, Report, ReportRef,
    Role, ServiceId, TargetUrl, Vantage, seal,
};
use proptest::prelude::*;
use tempfile::TempDir;

use super::*;
use crate::{Appended, BucketRow, CellRow, Fact, Provenance, StoredBatch};

const BLOCKED: Outcome = Outcome::Blocked { how: How::Tls(TlsManner::Reset) };
const UNKNOWN: Outcome = Outcome::Inconclusive { why: Why::NoControl };

struct Place {
    folder: TempDir,
    facts: Facts,
}

impl Place {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let facts = Facts::open(&folder.path().join("facts.db")).unwrap();
        Self { folder, facts }
    }

    fn reopen(self) -> Self {
        let Self { folder, facts } = self;
        drop(facts);
        let facts = Facts::open(&folder.path().join("facts.db")).unwrap();
        Self { folder, facts }
    }

    fn all(&self) -> Vec<Fact> {
        self.facts.scan_after(0, usize::MAX).unwrap().into_iter().map(|(_, fact)| fact).collect()
    }

    fn rows(&self, table: &str) -> i64 {
        self.facts.connection.query_row(&format!("SELECT count(*) FROM {table}"), [], |row| row.get(0)).unwrap()
    }
}

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(1_557_360_000 + seconds).unwrap()
}

fn kz() -> CountryCode {
    "KZ".parse().unwrap()
}

fn target() -> TargetUrl {
    "https://a.example/".parse().unwrap()
}

fn fact(batch: u8, index: u16, probe: u8, outcome: Outcome, seconds: i64) -> Fact {
    Fact {
        report: ReportRef { batch: BatchId([batch; 32]), index },
        probe: ProbeId([probe; 32]),
        role: Role::Probe,
        sequence: u64::from(batch) * 1000 + u64::from(index),
        at: at(seconds),
        target: target(),
        service: "a".parse().unwrap(),
        network: Asn::new(9198),
        country: Some(kz()),
        provenance: Provenance::default(),
        verdict: Verdict {
            outcome,
            rule: RuleId("a-rule".into()),
            rules_version: 1,
            hindered: Vec::new(),
            quic_trigger: None,
            trigger: None,
            experiments: Vec::new(),
            pace: None,
            evidence: Vec::new(),
        },
    }
}

fn batch(number: u8, probe: u8, facts: Vec<Fact>) -> StoredBatch<'static> {
    StoredBatch { id: BatchId([number; 32]), probe: ProbeId([probe; 32]), bytes: b"bytes", facts, controls: Vec::new() }
}

fn entry(seconds: i64, took_ms: u32) -> ControlEntry {
    ControlEntry {
        target: target(),
        at: at(seconds),
        addresses: Vec::new(),
        connected: Vec::new(),
        certificate: None,
        verification: None,
        extra_root: None,
        first_page: None,
        last_page: None,
        h3: None,
        took_ms,
        handshake_ms: None,
        page_ms: None,
        reached: Reached::Yes,
    }
}

#[test]
fn where_a_fact_came_from_is_forgotten_once_it_was_read() {
    let provenance = |number| Provenance {
        neighbourhood: Some(Neighbourhood(u64::MAX - number)),
        enrolled: Some(at(-5)),
        software: Some(u32::MAX),
        list: Some(7),
    };
    let mut place = Place::new();
    for number in 1..=2 {
        let fact = Fact { provenance: provenance(number.into()), ..fact(number, 0, 1, BLOCKED, 0) };
        place.facts.append(&batch(number, 1, vec![fact])).unwrap();
    }
    let kept = |place: &Place| place.all().iter().map(|fact| fact.provenance).collect::<Vec<_>>();
    assert_eq!(kept(&place), [provenance(1), provenance(2)]);
    place.facts.forget_neighbourhoods(1).unwrap();
    let forgotten = Provenance { neighbourhood: None, ..provenance(1) };
    assert_eq!(kept(&place), [forgotten, provenance(2)]);
    assert_eq!(place.rows("neighbourhood"), 1);
}

#[test]
fn facts_of_the_first_layout_are_read() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("facts.db");
    let mut connection = rusqlite::Connection::open(&path).unwrap();
    Migrations::from_slice(&STEPS[..1]).to_latest(&mut connection).unwrap();
    let verdict = serde_json::to_string(&fact(1, 0, 1, BLOCKED, 0).verdict).unwrap();
    let row = "INSERT INTO probe VALUES (1, ?1); INSERT INTO batch VALUES (1, ?1, 1, x'00');";
    for statement in row.split_inclusive(';') {
        connection.execute(statement, [[1_u8; 32]]).unwrap();
    }
    let old = "INSERT INTO fact VALUES (1, 1, 0, 1, 'probe', 1000, ?, 'https://a.example/', 'a', 9198, 'KZ', ?)";
    connection.execute(old, rusqlite::params![crate::columns::micros(at(0)), verdict]).unwrap();
    drop(connection);
    let facts = Facts::open(&path).unwrap().scan_after(0, 10).unwrap();
    assert_eq!(facts, [(1, fact(1, 0, 1, BLOCKED, 0))]);
}

#[test]
fn the_latest_facts_are_the_last_that_came() {
    let mut place = Place::new();
    assert!(place.facts.latest(2).unwrap().is_empty());
    for number in 1..=3 {
        place.facts.append(&batch(number, 1, vec![fact(number, 0, 1, BLOCKED, -i64::from(number))])).unwrap();
    }
    assert_eq!(place.facts.latest(2).unwrap(), place.all()[1..]);
    assert_eq!(place.facts.latest(usize::MAX).unwrap(), place.all());
}

#[test]
fn facts_survive_a_restart_in_the_order_they_came() {
    let mut place = Place::new();
    let first = fact(1, 0, 1, Outcome::Reachable, 0);
    let mut second = fact(2, 0, 1, BLOCKED, -100);
    (second.network, second.country, second.sequence) = (None, None, u64::MAX);
    assert_eq!(place.facts.append(&batch(1, 1, vec![first.clone()])).unwrap(), Appended::New);
    assert_eq!(place.facts.append(&batch(2, 1, vec![second.clone()])).unwrap(), Appended::New);
    let place = place.reopen();
    assert_eq!(place.all(), [first, second.clone()]);
    let cursor = place.facts.scan_after(0, 1).unwrap()[0].0;
    assert_eq!(place.facts.scan_after(cursor, 10).unwrap()[0].1, second);
}

#[test]
fn an_append_waits_for_the_disk() {
    let place = Place::new();
    let pragma = |name| -> String {
        let read = |row: &rusqlite::Row<'_>| {
            Ok(row.get_ref(0)?.as_str().map_or_else(|_| row.get::<_, i64>(0).unwrap().to_string(), str::to_owned))
        };
        place.facts.connection.pragma_query_value(None, name, read).unwrap()
    };
    assert_eq!((pragma("journal_mode").as_str(), pragma("synchronous").as_str()), ("wal", "2"));
}

#[test]
fn a_batch_counts_once() {
    let mut place = Place::new();
    let once = batch(1, 1, vec![fact(1, 0, 1, BLOCKED, 0)]);
    assert_eq!(place.facts.append(&once).unwrap(), Appended::New);
    assert_eq!(place.facts.append(&once).unwrap(), Appended::Duplicate);
    assert_eq!((place.rows("batch"), place.all().len()), (1, 1));
}

#[test]
fn a_report_packed_into_another_batch_counts_once() {
    let mut place = Place::new();
    let mut again = fact(2, 0, 1, BLOCKED, 0);
    again.sequence = 1000;
    place.facts.append(&batch(1, 1, vec![fact(1, 0, 1, BLOCKED, 0)])).unwrap();
    place.facts.append(&batch(2, 1, vec![again, fact(2, 1, 1, BLOCKED, 0)])).unwrap();
    assert_eq!((place.rows("batch"), place.all().len()), (2, 2));
    assert_eq!(place.facts.cells(kz(), at(0), at(60), SignedDuration::from_mins(1)).unwrap()[0].counts.blocked, 2);
    // Another probe counts for itself.
    let mut other = fact(3, 0, 2, BLOCKED, 0);
    other.sequence = 1000;
    place.facts.append(&batch(3, 2, vec![other])).unwrap();
    assert_eq!(place.all().len(), 3);
}

#[test]
fn an_error_half_way_leaves_nothing_behind() {
    let mut place = Place::new();
    // Two reports at one place cannot be: the second insert fails.
    let mut twice = fact(1, 0, 1, BLOCKED, 0);
    twice.sequence += 1;
    assert!(place.facts.append(&batch(1, 1, vec![fact(1, 0, 1, BLOCKED, 0), twice])).is_err());
    for table in ["batch", "fact", "bucket", "probe", "control"] {
        assert_eq!(place.rows(table), 0, "{table}");
    }
    let whole = batch(1, 1, vec![fact(1, 0, 1, BLOCKED, 0)]);
    assert_eq!(place.facts.append(&whole).unwrap(), Appended::New);
}

#[test]
fn a_reader_sees_what_was_appended_and_waits_for_nobody() {
    let mut place = Place::new();
    let reader = Facts::open_to_read(&place.folder.path().join("facts.db")).unwrap();
    place.facts.append(&batch(1, 1, vec![fact(1, 0, 1, BLOCKED, 0)])).unwrap();
    let open = place.facts.connection.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate).unwrap();
    open.execute("DELETE FROM fact", []).unwrap();
    assert_eq!(reader.scan_after(0, 10).unwrap().len(), 1);
}

#[test]
fn a_report_is_found_again() {
    let mut place = Place::new();
    let report = Report {
        format: FORMAT,
        sequence: 7,
        started: at(0),
        clock_offset_ms: None,
        target: target(),
        vantage: Vantage::default(),
        line: Line::default(),
        observations: Vec::new(),
        trials: Vec::new(),
        pairs: Vec::new(),
        instrument: None,
    };
    let bytes = seal(Kind::Batch, &SigningKey::from_bytes(&[1; 32]), &Batch { reports: vec![report.clone()] }).unwrap();
    let envelope = Envelope::parse(&bytes).unwrap();
    let mut fact = fact(1, 0, 1, BLOCKED, 0);
    (fact.report.batch, fact.probe) = (envelope.id(), envelope.sender());
    let (id, probe) = (envelope.id(), envelope.sender());
    let batch = StoredBatch { id, probe, bytes: &bytes, facts: vec![fact.clone()], controls: Vec::new() };
    place.facts.append(&batch).unwrap();
    assert_eq!(place.facts.report(fact.report).unwrap(), Some((fact.clone(), report)));
    assert_eq!(place.facts.report(ReportRef { index: 1, ..fact.report }).unwrap(), None);
}

#[test]
fn the_control_nearest_in_time_is_found_and_none_beyond_the_window() {
    let mut place = Place::new();
    let hour = 3600;
    let controls = vec![entry(0, 1), entry(10 * hour, 2), entry(20 * hour, 3)];
    place.facts.append(&StoredBatch { controls, ..batch(1, 1, vec![]) }).unwrap();
    let took = |seconds| place.facts.control_for(&target(), at(seconds)).unwrap().map(|entry| entry.took_ms);
    assert_eq!(
        [took(4 * hour), took(6 * hour), took(10 * hour), took(26 * hour)],
        [Some(1), Some(2), Some(2), Some(3)]
    );
    assert_eq!([took(-6 * hour - 1), took(26 * hour + 1)], [None, None]);
    assert_eq!(place.facts.control_for(&"https://b.example/".parse().unwrap(), at(0)).unwrap(), None);
}

#[test]
fn the_latest_control_of_each_target_is_listed() {
    let mut place = Place::new();
    assert!(place.facts.latest_controls().unwrap().is_empty());
    let other = ControlEntry { target: "https://b.example/".parse().unwrap(), ..entry(5, 9) };
    let controls = vec![entry(10, 2), entry(0, 1), other.clone()];
    place.facts.append(&StoredBatch { controls, ..batch(1, 1, vec![]) }).unwrap();
    assert_eq!(place.facts.latest_controls().unwrap(), [entry(10, 2), other]);
}

#[test]
fn controls_and_reports_from_nowhere_stand_in_no_cell() {
    let mut place = Place::new();
    let control = Fact { role: Role::Control, ..fact(1, 0, 1, BLOCKED, 0) };
    let nowhere = Fact { country: None, ..fact(1, 1, 1, BLOCKED, 0) };
    let no_network = Fact { network: None, ..fact(1, 2, 1, BLOCKED, 0) };
    place.facts.append(&batch(1, 1, vec![control, nowhere, no_network])).unwrap();
    let rows = place.facts.buckets(kz(), at(0), at(60), SignedDuration::from_mins(1)).unwrap();
    assert_eq!((rows.len(), rows[0].network, rows[0].counts.blocked), (1, None, 1));
    let activity = place.facts.countries(at(0)).unwrap();
    assert_eq!((activity.len(), activity[0].networks, activity[0].probes, activity[0].last), (1, 0, 1, at(0)));
    assert!(place.facts.countries(at(60)).unwrap().is_empty());
}

/// One report of the property: probe, network, service, outcome, second.
type Sketch = (u8, u32, u8, Outcome, i64);

fn sketch() -> impl Strategy<Value = Sketch> {
    let outcome = prop_oneof![
        Just(Outcome::Reachable),
        Just(BLOCKED),
        Just(Outcome::Throttled),
        Just(Outcome::Down),
        Just(UNKNOWN)
    ];
    (0u8..4, 0u32..3, 0u8..2, outcome, -300i64..900)
}

fn sketched(index: usize, &(probe, network, service, outcome, seconds): &Sketch) -> Fact {
    let number = u8::try_from(index).unwrap();
    let service: ServiceId = ["a", "b"][usize::from(service)].parse().unwrap();
    Fact { network: Asn::new(network), service, ..fact(number, 0, probe, outcome, seconds) }
}

/// What is known of one cell: counts, and who counted.
type Cells<K> = BTreeMap<K, (Counts, BTreeSet<ProbeId>)>;

fn counted<K: Ord>(facts: &[Fact], key: impl Fn(&Fact, i64) -> K) -> Cells<K> {
    let mut cells = Cells::new();
    for fact in facts.iter().filter(|fact| fact.at >= at(0) && fact.at < at(600)) {
        let slot = fact.at.duration_since(at(0)).as_mins() / 2;
        let (counts, probes) = cells.entry(key(fact, slot)).or_insert((Counts::default(), BTreeSet::new()));
        counts.add(fact.verdict.outcome);
        probes.insert(fact.probe);
    }
    cells
}

fn summed<K: Ord>(cells: Cells<K>) -> Vec<(K, Counts, u32)> {
    cells.into_iter().map(|(key, (counts, probes))| (key, counts, u32::try_from(probes.len()).unwrap())).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, ..ProptestConfig::default() })]

    #[test]
    fn buckets_equal_counting_the_facts(sketches in proptest::collection::vec(sketch(), 0..60)) {
        let mut place = Place::new();
        let facts: Vec<_> = sketches.iter().enumerate().map(|(index, sketch)| sketched(index, sketch)).collect();
        for fact in &facts {
            let (id, probe) = (fact.report.batch, fact.probe);
            let one = StoredBatch { id, probe, bytes: b"", facts: vec![fact.clone()], controls: Vec::new() };
            place.facts.append(&one).unwrap();
        }
        let step = SignedDuration::from_mins(2);
        let start = |slot| at(slot * 120);
        let rows = place.facts.buckets(kz(), at(0), at(600), step).unwrap();
        let rows: Vec<_> = rows.into_iter().map(|BucketRow { start, network, service, counts, probes }| {
            ((start, service, network), counts, probes)
        }).collect();
        prop_assert_eq!(rows, summed(counted(&facts, |fact, slot| (start(slot), fact.service.clone(), fact.network))));
        let cells = place.facts.cells(kz(), at(0), at(600), step).unwrap();
        let cells: Vec<_> = cells.into_iter().map(|CellRow { start, service, counts, probes }| {
            ((start, service), counts, probes)
        }).collect();
        prop_assert_eq!(cells, summed(counted(&facts, |fact, slot| (start(slot), fact.service.clone()))));
    }
}
