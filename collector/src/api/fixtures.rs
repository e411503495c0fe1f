//! Events for tests, and a collector that knows them.

use jiff::{SignedDuration, Timestamp};
use kedergi_detector::{Affected, Bracket, Change, Event, EventId, EventState, Extent, Kind, Reason, Reasoning, Sign};
use kedergi_store::{Fact, Provenance, StoredBatch};
use kedergi_verdict::{How, Outcome, RuleId, TlsManner, Verdict};
use kedergi_wire::{Asn, BatchId, Digest, ProbeId, ReportRef, Role};
use tempfile::TempDir;

use super::EventBody;
use crate::app::App;
use crate::clock::Clock;
use crate::config::Config;

pub(crate) fn at(minute: i64) -> Timestamp {
    "2019-05-09T07:00:00Z".parse::<Timestamp>().unwrap() + SignedDuration::from_mins(minute)
}

/// An open event: from minute 0, each of these services on each of these networks, seen by three probes.
pub(crate) fn event(networks: &[u32], services: &[&str]) -> Event {
    let affected = |network: u32, service: &str| Affected {
        network: Asn::new(network).unwrap(),
        kind: Kind::Block,
        service: Some(service.parse().unwrap()),
        onset: Bracket { earliest: Some(at(-4)), latest: at(0) },
        suspected: at(3),
        confirmed: Some(at(3)),
        end: None,
        cleared: None,
        probes: 3,
        manners: vec![(How::Tls(TlsManner::Timeout), 3)],
        slowed: None,
        contested: false,
        notes: Vec::new(),
        evidence: Vec::new(),
    };
    let scope = networks.iter().flat_map(|&n| services.iter().map(move |s| affected(n, s))).collect();
    let event = Event::of(EventId("KZ-20190509-7f3a".to_owned()), "KZ".parse().unwrap(), scope);
    let count = u32::try_from(networks.len()).unwrap();
    let extent = Extent { networks: count, measured: 5, permille: u16::try_from(200 * count.min(5)).unwrap() };
    Event { extent, reasoning: Some(reasoning()), ..event }
}

fn reasoning() -> Reasoning {
    let reason = |sign, count, of, minutes, weight| Reason { sign, count, of, minutes, weight };
    Reasoning::of(vec![
        reason(Sign::Selective, 9, 12, None, 1000),
        reason(Sign::OnTheHour, 1, 2, Some(4), -46),
        reason(Sign::ControlsFine, 1, 1, None, 200),
    ])
}

/// The same, over.
pub(crate) fn ended(mut event: Event) -> Event {
    event.state = EventState::Closed;
    for affected in &mut event.scope {
        affected.end = Some(Bracket { earliest: Some(at(418)), latest: at(421) });
        affected.cleared = Some(at(424));
    }
    event
}

pub(crate) fn body(event: &Event) -> EventBody {
    EventBody::from(&event.public().unwrap())
}

/// A blocked report: the first three are of probes of AS9198, others of AS21299.
fn fact(number: u8) -> Fact {
    Fact {
        report: ReportRef { batch: BatchId(Digest::of(&[number]).0), index: 0 },
        probe: ProbeId([number; 32]),
        role: Role::Probe,
        sequence: 1,
        at: at(i64::from(number)),
        target: "https://www.facebook.com/".parse().unwrap(),
        service: "facebook".parse().unwrap(),
        network: Asn::new(if number < 3 { 9198 } else { 21299 }),
        country: "KZ".parse().ok(),
        provenance: Provenance::default(),
        verdict: Verdict {
            outcome: Outcome::Blocked { how: How::Tls(TlsManner::Timeout) },
            rule: RuleId("tls-timeout".into()),
            hindered: Vec::new(),
            quic_trigger: None,
            trigger: None,
            experiments: Vec::new(),
            pace: None,
            rules_version: 1,
            evidence: Vec::new(),
        },
    }
}

/// A collector to which these events and some reports are known, and the folder it lives in.
pub(crate) fn collector(events: &[Event]) -> (TempDir, App) {
    let folder = tempfile::tempdir().unwrap();
    let app = App::open(Config { data_dir: folder.path().to_owned(), ..Config::default() }, Clock::Machine).unwrap();
    let changes: Vec<_> = events.iter().cloned().map(Change::Opened).collect();
    app.ledger_now(|ledger| ledger.commit_detection(0, "{}", &changes, &[])).unwrap();
    for number in 0..4 {
        let fact = fact(number);
        let (id, probe) = (fact.report.batch, fact.probe);
        app.append(&StoredBatch { id, probe, bytes: b"", facts: vec![fact], controls: Vec::new() }).unwrap();
    }
    (folder, app)
}
