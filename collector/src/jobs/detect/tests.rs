use jiff::SignedDuration;
use kedergi_detector::Listening;
use kedergi_store::{AlertRow, NewInvite, Provenance, SignOfLife, StoredBatch};
use kedergi_verdict::{How, RuleId, TlsManner, Verdict};
use kedergi_wire::{Asn, BatchId, Digest, ProbeId, ReportRef};
use tempfile::TempDir;

use super::*;
use crate::alerts::{AlertSettings, WebhookSettings};
use crate::clock::Clock;
use crate::config::Config;

const BLOCKED: Outcome = Outcome::Blocked { how: How::Tls(TlsManner::Timeout) };

fn at(minute: i64) -> Timestamp {
    "2019-05-09T06:00:00Z".parse::<Timestamp>().unwrap() + SignedDuration::from_mins(minute)
}

/// The fact of one probe (0 for the control) in one minute.
pub(super) fn fact(probe: u8, minute: i64, outcome: Outcome) -> Fact {
    let batch = BatchId(Digest::of(format!("{probe} at {minute}").as_bytes()).0);
    let known = probe != 0;
    Fact {
        report: ReportRef { batch, index: 0 },
        probe: ProbeId([probe; 32]),
        role: if known { Role::Probe } else { Role::Control },
        sequence: minute.unsigned_abs() + 1,
        at: at(minute),
        target: "https://www.facebook.com/".parse().unwrap(),
        service: "facebook".parse().unwrap(),
        network: known.then(|| Asn::new(9198).unwrap()),
        country: known.then(|| "KZ".parse().unwrap()),
        provenance: Provenance::default(),
        verdict: Verdict {
            outcome,
            rule: RuleId("made-up".into()),
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

/// Two hours: blocked for three probes from minute 30 to 80, never for the control.
fn history() -> Vec<Fact> {
    let blocked = |minute| if (30..80).contains(&minute) { BLOCKED } else { Outcome::Reachable };
    let minutes = (0..120).step_by(10);
    minutes
        .flat_map(|minute| {
            let control = fact(0, minute, Outcome::Reachable);
            std::iter::once(control).chain((1..=3).map(move |probe| {
                let minute = minute + i64::from(probe);
                fact(probe, minute, blocked(minute))
            }))
        })
        .collect()
}

fn list() -> TargetList {
    crate::targets::load(None).unwrap()
}

fn open(folder: &TempDir) -> App {
    let secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw".to_owned().try_into().unwrap();
    let webhooks = vec![WebhookSettings { url: "http://127.0.0.1:9/".parse().unwrap(), secret }];
    let alerts = AlertSettings { stdout: true, webhooks };
    App::open(Config { data_dir: folder.path().to_owned(), alerts, ..Config::default() }, Clock::Machine).unwrap()
}

fn append(app: &App, fact: Fact) {
    let (id, probe) = (fact.report.batch, fact.probe);
    app.append(&StoredBatch { id, probe, bytes: b"", facts: vec![fact], controls: Vec::new() }).unwrap();
}

/// What the ledger holds in the end: events, their history, alerts.
async fn outcome(app: &App) -> (Vec<kedergi_detector::Event>, usize, Vec<AlertRow>) {
    app.ledger(|ledger| {
        let events = ledger.events(None, 10)?;
        let history = ledger.history(&events[0].id)?.len();
        let mut alerts = ledger.due_alerts(Timestamp::MAX, 100)?;
        // The wall clock is in the names; what counts is how many there are, of what and where to.
        for alert in &mut alerts {
            alert.id = alert.id.split('.').take(2).collect::<Vec<_>>().join(".");
        }
        Ok((events, history, alerts))
    })
    .await
    .unwrap()
}

async fn step_over_all(follower: &mut Follower, due: bool) {
    let cursor = follower.cursor;
    let facts = follower.app.facts(move |facts| facts.scan_after(cursor, STEP)).await.unwrap();
    follower.step(&facts, &[], at(0), due).await.unwrap();
}

#[test]
fn facts_become_events_and_pages() {
    let mut state = State::default();
    let step = state.apply(history().iter(), &list(), at(0));
    let news: Vec<_> = step.pages.iter().map(|page| page.news.word()).collect();
    assert_eq!(news, ["opened", "closed"]);
    assert!(matches!(step.changes.first(), Some(Change::Opened(_))));
    assert_eq!(step.pages[0].event.services[0].as_str(), "facebook");
}

#[test]
fn what_does_not_tell_where_or_what_is_no_vote() {
    let mut unmapped = fact(1, 0, BLOCKED);
    unmapped.network = None;
    assert_eq!(input(&unmapped), None);
    let no_connectivity = Outcome::Inconclusive { why: kedergi_verdict::Why::NoConnectivity };
    assert_eq!(input(&fact(0, 0, no_connectivity)), None);
    assert!(matches!(input(&fact(0, 0, Outcome::Down)), Some(Input::Control(vote)) if !vote.reachable));
}

#[tokio::test]
async fn killed_anywhere_it_comes_to_the_same() {
    let (smooth, rough) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let app = open(&smooth);
    let mut follower = Follower::load(app.clone()).await.unwrap();
    for fact in history() {
        append(&app, fact);
        step_over_all(&mut follower, true).await;
    }
    let expected = outcome(&app).await;
    assert_eq!((expected.0.len(), expected.2.len()), (1, 4), "opened and closed, to standard output and webhook");
    let (mut again, last) = (0, history().len() - 1);
    for (number, fact) in history().into_iter().enumerate() {
        // Everything is opened anew, as after a kill. What was read is saved where somebody is told, and now and then.
        let app = open(&rough);
        append(&app, fact);
        let mut follower = Follower::load(app).await.unwrap();
        again += i64::try_from(number).unwrap() - follower.cursor;
        step_over_all(&mut follower, number % 7 == 6 || number == last).await;
    }
    assert!(again > 40, "hardly anything was read twice: {again}");
    assert_eq!(outcome(&open(&rough)).await, expected);
}

#[tokio::test]
async fn signs_of_life_are_read_again_after_a_kill_until_they_are_saved() {
    let folder = tempfile::tempdir().unwrap();
    let app = open(&folder);
    let invite = NewInvite { code_hash: [1; 32], role: Role::Probe, uses: 9, expires: None, vouched: true };
    let sign = |probe: u8, minute: i64| SignOfLife {
        probe: ProbeId([probe; 32]),
        at: at(minute),
        network: Asn::new(9198).unwrap(),
        country: "KZ".parse().unwrap(),
        enrolled: None,
    };
    app.ledger_now(|ledger| {
        ledger.add_invite(invite).unwrap();
        for probe in 1..=3 {
            ledger.enroll([1; 32], ProbeId([probe; 32]), 1, at(0)).unwrap();
            ledger.sign(&sign(probe, 1)).unwrap();
        }
    });
    for saved in [false, true] {
        let mut follower = Follower::load(app.clone()).await.unwrap();
        let signs = follower.signs(at(2)).await.unwrap();
        assert_eq!(signs.len(), 3);
        follower.step(&[], &signs, at(2), saved).await.unwrap();
    }
    let mut follower = Follower::load(app.clone()).await.unwrap();
    assert_eq!(follower.signs(at(2)).await.unwrap(), []);
    assert_eq!(app.ledger_now(|ledger| ledger.signs(0, 9)).unwrap(), [], "nothing is kept of who was there when");
}

/// Five probes fall silent while the collector listens; it tells so, and that they are back.
#[test]
fn silence_becomes_a_page() {
    let mut state = State::default();
    let beat = |probe: u8, minute: i64| {
        let (network, country) = (Asn::new(9198).unwrap(), "KZ".parse().unwrap());
        heartbeat(&SignOfLife { probe: ProbeId([probe; 32]), at: at(minute), network, country, enrolled: None })
    };
    let mut news = Vec::new();
    for minute in 0..24 * 60 {
        let on = !(720..840).contains(&minute);
        let beats = (0..5).filter(|probe| on && (minute + i64::from(*probe)) % 5 == 0);
        let mut signs: Vec<_> = beats.map(|probe| Input::Heartbeat(beat(probe, minute))).collect();
        signs.push(Input::Listening(Listening { at: at(minute), controls: 1 }));
        let mut pages = state.hear(&signs, at(minute)).pages;
        pages.extend(state.apply(std::iter::empty(), &list(), at(minute)).pages);
        news.extend(pages.iter().map(|page| (page.news.word(), minute)));
    }
    assert!(matches!(news[..], [("opened", 723..=732), ("closed", 840..=846)]), "{news:?}");
}

#[test]
fn saving_takes_a_twentieth_of_the_time_within_limits() {
    let rest = |ms, behind| rest_between(Duration::from_millis(ms), behind).as_millis();
    assert_eq!((rest(1, false), rest(100, false), rest(9000, false)), (500, 2000, 60_000));
    assert_eq!((rest(100, true), rest(9000, true)), (2000, 10_000));
}

#[tokio::test]
async fn the_job_keeps_up_by_itself() {
    let folder = tempfile::tempdir().unwrap();
    let app = open(&folder);
    let job = tokio::spawn(run(app.clone()));
    for fact in history() {
        append(&app, fact);
    }
    let closed = async {
        loop {
            let events = app.ledger(|ledger| ledger.events(None, 1)).await.unwrap();
            if events.iter().any(|event| event.end().is_some()) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), closed).await.expect("the event opens and closes");
    job.abort();
}
