use std::os::unix::fs::PermissionsExt;

use jiff::Timestamp;
use kedergi_detector::{Affected, Bracket, Change, Event, EventId, Kind};
use kedergi_wire::{Asn, ProbeId, Role};
use tempfile::TempDir;

use super::*;

const CODE: [u8; 32] = [1; 32];

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(1_557_360_000 + seconds).unwrap()
}

fn ledger() -> (TempDir, Ledger) {
    let folder = tempfile::tempdir().unwrap();
    let ledger = Ledger::open(&folder.path().join("ledger.db")).unwrap();
    (folder, ledger)
}

fn reopen(folder: &TempDir, ledger: Ledger) -> Ledger {
    drop(ledger);
    Ledger::open(&folder.path().join("ledger.db")).unwrap()
}

fn invite(uses: u32, expires: Option<Timestamp>) -> NewInvite {
    NewInvite { code_hash: CODE, role: Role::Control, uses, expires, vouched: false }
}

fn probe(number: u8) -> ProbeId {
    ProbeId([number; 32])
}

fn event(seconds: i64, cleared: Option<i64>) -> Event {
    let bracket = |seconds| Bracket { earliest: None, latest: at(seconds) };
    let affected = Affected {
        network: Asn::new(9198).unwrap(),
        kind: Kind::Block,
        service: Some("a".parse().unwrap()),
        onset: bracket(seconds),
        suspected: at(seconds + 60),
        confirmed: Some(at(seconds + 60)),
        end: cleared.map(bracket),
        cleared: cleared.map(at),
        probes: 2,
        manners: Vec::new(),
        slowed: None,
        contested: false,
        notes: Vec::new(),
        evidence: Vec::new(),
    };
    Event::of(EventId(format!("KZ-{seconds}")), "KZ".parse().unwrap(), vec![affected])
}

fn alert(id: &str, due: i64) -> NewAlert {
    let (event, channel, body) = (EventId("KZ-0".into()), "stdout".into(), format!("body of {id}"));
    NewAlert { id: id.into(), event, channel, body, due: at(due) }
}

#[test]
fn an_invitation_is_used_up_and_not_by_who_is_enrolled() {
    let (folder, mut ledger) = ledger();
    ledger.add_invite(invite(2, None)).unwrap();
    for (number, expected) in [(1, Enrolled::As(Role::Control)), (1, Enrolled::As(Role::Control))] {
        assert_eq!(ledger.enroll(CODE, probe(number), 1, at(0)).unwrap(), expected);
    }
    let mut ledger = reopen(&folder, ledger);
    assert_eq!(ledger.enroll(CODE, probe(2), 1, at(0)).unwrap(), Enrolled::As(Role::Control));
    assert_eq!(ledger.enroll(CODE, probe(3), 1, at(0)).unwrap(), Enrolled::UnknownInvite);
    assert_eq!(ledger.probe(probe(3)).unwrap(), None);
    assert_eq!(
        ledger.probe(probe(2)).unwrap(),
        Some(ProbeRow { role: Role::Control, revoked: false, enrolled: at(0), vouched: false })
    );
}

#[test]
fn who_vouches_is_remembered_of_the_invited() {
    let (_folder, mut ledger) = ledger();
    ledger.add_invite(NewInvite { vouched: true, ..invite(1, None) }).unwrap();
    ledger.enroll(CODE, probe(1), 1, at(3)).unwrap();
    let row = ProbeRow { role: Role::Control, revoked: false, enrolled: at(3), vouched: true };
    assert_eq!(ledger.probe(probe(1)).unwrap(), Some(row));
}

#[test]
fn an_invitation_expires() {
    let (_folder, mut ledger) = ledger();
    ledger.add_invite(invite(2, Some(at(10)))).unwrap();
    assert_eq!(ledger.enroll(CODE, probe(1), 1, at(9)).unwrap(), Enrolled::As(Role::Control));
    assert_eq!(ledger.enroll(CODE, probe(2), 1, at(10)).unwrap(), Enrolled::UnknownInvite);
    assert_eq!(ledger.enroll([2; 32], probe(2), 1, at(0)).unwrap(), Enrolled::UnknownInvite);
}

#[test]
fn a_revoked_probe_stays_out() {
    let (_folder, mut ledger) = ledger();
    ledger.add_invite(invite(5, None)).unwrap();
    ledger.enroll(CODE, probe(1), 1, at(0)).unwrap();
    assert!(ledger.revoke(probe(1)).unwrap() && !ledger.revoke(probe(2)).unwrap());
    assert!(ledger.probe(probe(1)).unwrap().unwrap().revoked);
    assert_eq!(ledger.enroll(CODE, probe(1), 1, at(0)).unwrap(), Enrolled::Revoked);
}

#[test]
fn heartbeats_tell_who_is_alive() {
    let (_folder, mut ledger) = ledger();
    ledger.add_invite(invite(5, None)).unwrap();
    ledger.enroll(CODE, probe(1), 1, at(0)).unwrap();
    assert_eq!(ledger.alive(at(0)).unwrap(), 0);
    ledger.heartbeat(probe(1), Asn::new(9198), "KZ".parse().ok(), at(100)).unwrap();
    assert_eq!((ledger.alive(at(100)).unwrap(), ledger.alive(at(101)).unwrap()), (1, 0));
}

#[test]
fn one_sign_of_life_in_five_minutes_is_kept_until_it_is_read() {
    let (folder, mut ledger) = ledger();
    ledger.add_invite(invite(5, None)).unwrap();
    ledger.enroll(CODE, probe(1), 1, at(0)).unwrap();
    let sign = |second, network| SignOfLife {
        probe: probe(1),
        at: at(second),
        network: Asn::new(network).unwrap(),
        country: "KZ".parse().unwrap(),
        enrolled: Some(at(0)),
    };
    let kept: Vec<_> = (0..15).map(|poll| ledger.sign(&sign(poll * 50, 9198)).unwrap()).collect();
    assert_eq!(kept.iter().filter(|kept| **kept).count(), 3, "{kept:?}");
    assert!(ledger.sign(&sign(710, 29355)).unwrap(), "it moved");
    assert!(!ledger.sign(&SignOfLife { probe: probe(2), ..sign(0, 9198) }).unwrap(), "it never enrolled");
    let mut ledger = reopen(&folder, ledger);
    let signs = ledger.signs(0, 10).unwrap();
    assert_eq!(
        signs.iter().map(|(_, sign)| *sign).collect::<Vec<_>>(),
        [sign(0, 9198), sign(300, 9198), sign(600, 9198), sign(710, 29355)]
    );
    ledger.forget_signs(signs[2].0).unwrap();
    assert_eq!(ledger.signs(0, 10).unwrap(), signs[3..]);
    ledger.forget_signs(signs[3].0).unwrap();
    assert!(
        ledger.sign(&sign(2000, 9198)).unwrap() && ledger.signs(signs[3].0, 10).unwrap().len() == 1,
        "numbers grow"
    );
}

#[test]
fn a_secret_is_made_once_and_kept_from_others() {
    let (folder, mut ledger) = ledger();
    assert_eq!(ledger.secret("key", || [7; 32]).unwrap(), [7; 32]);
    let mut ledger = reopen(&folder, ledger);
    assert_eq!(ledger.secret("key", || [8; 32]).unwrap(), [7; 32]);
    for name in ["ledger.db", "ledger.db-wal"] {
        let mode = std::fs::metadata(folder.path().join(name)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{name}");
    }
}

#[test]
fn a_bundle_never_goes_back() {
    let (folder, mut ledger) = ledger();
    assert_eq!(ledger.bundle().unwrap(), None);
    let bundle = |version| StoredBundle { version, made: at(0), bytes: vec![1, 2, 3] };
    ledger.set_bundle(&bundle(2)).unwrap();
    ledger.set_bundle(&bundle(1)).unwrap();
    assert_eq!(reopen(&folder, ledger).bundle().unwrap(), Some(bundle(2)));
}

#[test]
fn detection_moves_on_as_one() {
    let (folder, mut ledger) = ledger();
    assert_eq!(ledger.detection().unwrap(), Detection::default());
    let (opened, closed) = (event(0, None), event(0, Some(600)));
    ledger.commit_detection(5, "{}", &[Change::Opened(opened.clone())], &[alert("one", 0)]).unwrap();
    ledger.commit_detection(9, "[]", &[Change::Closed(closed.clone())], &[alert("one", 0), alert("two", 0)]).unwrap();
    let ledger = reopen(&folder, ledger);
    assert_eq!(ledger.detection().unwrap(), Detection { cursor: 9, state: Some("[]".into()) });
    assert_eq!(ledger.detection_cursor().unwrap(), 9);
    assert_eq!(ledger.event(&opened.id).unwrap(), Some(closed.clone()));
    let history = ledger.history(&opened.id).unwrap();
    assert_eq!(history, [(at(60), Change::Opened(opened)), (at(600), Change::Closed(closed))]);
    assert_eq!(ledger.due_alerts(at(0), 10).unwrap().len(), 2);
}

#[test]
fn what_comes_late_was_not_known_before() {
    let (_folder, mut ledger) = ledger();
    let late = event(0, None);
    let changes = [Change::Closed(event(0, Some(600))), Change::Updated(late.clone())];
    ledger.commit_detection(1, "{}", &changes, &[]).unwrap();
    let moments: Vec<_> = ledger.history(&late.id).unwrap().into_iter().map(|(at, _)| at).collect();
    assert_eq!(moments, [at(600), at(600)]);
}

#[test]
fn detection_that_fails_moves_nothing() {
    let (_folder, mut ledger) = ledger();
    ledger.connection.execute_batch("DROP TABLE alert").unwrap();
    assert!(ledger.commit_detection(5, "{}", &[Change::Opened(event(0, None))], &[alert("one", 0)]).is_err());
    assert_eq!(ledger.detection().unwrap(), Detection::default());
    assert!(ledger.events(None, 10).unwrap().is_empty());
}

#[test]
fn events_are_listed_last_first_and_without_retracted_ones() {
    let (_folder, mut ledger) = ledger();
    let changes = [0, 100, 50].map(|seconds| Change::Opened(event(seconds, None)));
    ledger.commit_detection(1, "", &changes, &[]).unwrap();
    let ids = |ledger: &Ledger, country: &str, limit| -> Vec<String> {
        ledger.events(country.parse().ok(), limit).unwrap().into_iter().map(|event| event.id.0).collect()
    };
    assert_eq!(ids(&ledger, "", 10), ["KZ-100", "KZ-50", "KZ-0"]);
    assert_eq!(ids(&ledger, "KZ", 1), ["KZ-100"]);
    assert!(ids(&ledger, "RU", 10).is_empty());
    ledger.commit_detection(2, "", &[Change::Retracted(event(100, None))], &[]).unwrap();
    assert_eq!(ids(&ledger, "", 10), ["KZ-50", "KZ-0"]);
    let retracted = EventId("KZ-100".into());
    assert_eq!(ledger.event(&retracted).unwrap(), None);
    assert_eq!(ledger.history(&retracted).unwrap().len(), 2);
}

#[test]
fn an_alert_leaves_the_outbox_only_when_sent_or_given_up() {
    let (folder, mut ledger) = ledger();
    let alerts = [alert("late", 50), alert("first", 0), alert("second", 1)];
    ledger.commit_detection(1, "", &[], &alerts).unwrap();
    let ids = |ledger: &Ledger, now| -> Vec<String> {
        ledger.due_alerts(at(now), 10).unwrap().into_iter().map(|row| row.id).collect()
    };
    assert_eq!(ids(&ledger, 10), ["first", "second"]);
    ledger.alert_sent("first").unwrap();
    ledger.alert_failed("second", at(100), "no route").unwrap();
    let mut ledger = reopen(&folder, ledger);
    assert!(ids(&ledger, 10).is_empty());
    assert_eq!(ledger.next_alert().unwrap(), Some(at(50)));
    assert_eq!(ids(&ledger, 100), ["late", "second"]);
    assert_eq!(ledger.due_alerts(at(100), 10).unwrap()[1].attempts, 1);
    ledger.alert_gave_up("second", "gone").unwrap();
    ledger.alert_sent("late").unwrap();
    assert_eq!((ids(&ledger, 1000).len(), ledger.next_alert().unwrap()), (0, None));
    // An alert that was sent is not sent again because detection says it again.
    ledger.commit_detection(2, "", &[], &[alert("first", 0)]).unwrap();
    assert!(ids(&ledger, 1000).is_empty());
}

/// A ledger with probes 1 to 9, and answers given to it.
fn canaries() -> (TempDir, Ledger) {
    let (folder, mut ledger) = ledger();
    ledger.add_invite(invite(9, None)).unwrap();
    (1..=9).for_each(|number| _ = ledger.enroll(CODE, probe(number), 1, at(0)).unwrap());
    (folder, ledger)
}

fn answer(number: u8, seconds: i64, said: Said, answers: bool) -> CanaryAnswer {
    let (target, network) = ("https://a.example/".parse().unwrap(), Asn::new(9198));
    CanaryAnswer { probe: probe(number), target, network, at: at(seconds), said, answers }
}

const DAY: i64 = 24 * 60 * 60;

#[test]
fn what_answers_nobody_was_reached_by_a_liar() {
    let (_folder, mut ledger) = canaries();
    assert!(ledger.answer_canary(&answer(1, 0, Said::Reached, false)).unwrap());
    assert!(ledger.answer_canary(&answer(1, 60, Said::Reached, false)).unwrap());
    assert!(!ledger.is_distrusted(probe(1), at(60)).unwrap(), "one day is not enough");
    ledger.answer_canary(&answer(1, DAY, Said::Reached, false)).unwrap();
    assert!(!ledger.answer_canary(&answer(2, DAY, Said::Blocked, false)).unwrap());
    assert!(ledger.is_distrusted(probe(1), at(DAY)).unwrap() && !ledger.is_distrusted(probe(2), at(DAY)).unwrap());
    assert_eq!((ledger.distrusted(at(DAY)).unwrap(), ledger.distrusted(at(7 * DAY + 61)).unwrap()), (1, 0));
    assert!(!ledger.is_distrusted(probe(1), at(7 * DAY + 61)).unwrap(), "it is forgiven");
}

#[test]
fn who_alone_finds_blocked_what_answers_everybody_lies() {
    let (_folder, mut ledger) = canaries();
    ledger.answer_canary(&answer(2, 0, Said::Reached, true)).unwrap();
    assert!(!ledger.answer_canary(&answer(1, 60, Said::Blocked, true)).unwrap(), "one other is not enough");
    ledger.answer_canary(&answer(3, 120, Said::Reached, true)).unwrap();
    assert!(ledger.answer_canary(&answer(1, 180, Said::Blocked, true)).unwrap());
    assert!(!ledger.answer_canary(&answer(4, 240, Said::Blocked, true)).unwrap(), "another finds it blocked too");
    let later = answer(1, 2 * 60 * 60 + 200, Said::Blocked, true);
    assert!(!ledger.answer_canary(&later).unwrap(), "nobody looked at that time");
    let elsewhere = CanaryAnswer { network: Asn::new(1), ..answer(1, 180, Said::Blocked, true) };
    assert!(!ledger.answer_canary(&elsewhere).unwrap());
}
