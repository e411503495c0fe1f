//! What the reasoning says of histories, and of what was made up to mislead it.

use jiff::SignedDuration;
use kedergi_verdict::{DnsManner, How, Outcome, RuleId, TlsManner, Trigger};
use kedergi_wire::{Asn, ProbeId};

use super::*;
use crate::{ControlVote, Detector, Input, Instrument, Scenario, Source};

const SILENCE: How = How::Tls(TlsManner::Timeout);

/// The reasoning as people read it.
fn told(event: &Event) -> String {
    let services: Vec<_> = event.services().into_iter().map(ServiceId::as_str).collect();
    let what = if services.is_empty() { "the line itself".to_owned() } else { services.join(" ") };
    let Some(reasoning) = &event.reasoning else { return format!("{what}: none") };
    let mut lines = vec![format!("{what}: {} ({:+})", reasoning.says(), reasoning.sum())];
    lines.extend(reasoning.reasons.iter().map(|reason| format!("  {:+} {}", reason.weight, reason.says())));
    lines.join("\n")
}

#[test]
fn histories_were_meant() {
    let mut all = Vec::new();
    for id in ["kz-2019-05-09", "kz-2019-06-09", "kz-2019-07-mitm", "ru-2021-03"] {
        let events = Scenario::bundled(id).unwrap().play().events;
        for event in events.iter().filter(|event| event.is_news()) {
            assert_eq!(
                event.reasoning.as_ref().map(|reasoning| reasoning.cause),
                Some(Cause::Deliberate),
                "{event:#?}"
            );
            all.push(told(event));
        }
    }
    insta::assert_snapshot!(all.join("\n"));
}

/// Six services on three networks of three probes each, every ten minutes for five hours; from the second hour on for two
/// hours it is as `cut` says.
fn played(cut: impl Fn(u8, u8) -> Option<How>, trigger: Option<Trigger>) -> Vec<Event> {
    let mut detector = Detector::default();
    let start: jiff::Timestamp = "2026-03-01T00:13:00Z".parse().unwrap();
    for second in (0..5 * 3600).step_by(200) {
        let at = start + SignedDuration::from_secs(second);
        for service in 0..6u8 {
            let id: ServiceId = format!("service-{service}").parse().unwrap();
            for network in 0..3u8 {
                let cut = cut(network, service).filter(|_| (7200..14_400).contains(&second));
                let probe = u8::try_from(second / 200 % 3).unwrap();
                detector.apply(&Input::Vote(Vote {
                    at,
                    country: "KZ".parse().unwrap(),
                    network: Asn::new(u32::from(network) + 1).unwrap(),
                    service: id.clone(),
                    source: Source::probe(ProbeId([network * 16 + probe; 32])),
                    outcome: cut.map_or(Outcome::Reachable, |how| Outcome::Blocked { how }),
                    rule: RuleId("made-up".into()),
                    trigger: cut.and(trigger),
                    resolver: None,
                    sureness: None,
                    slowness: None,
                    instrument: Instrument::default(),
                    report: None,
                }));
            }
            let (control, country) = (None, None);
            detector.apply(&Input::Control(ControlVote { at, service: id, reachable: true, control, country }));
        }
    }
    detector.events()
}

fn only(events: Vec<Event>) -> Event {
    assert_eq!(events.len(), 1, "{events:#?}");
    events.into_iter().next().unwrap()
}

/// All services of one network fail as if each were blocked: a line is cut.
#[test]
fn a_cut_line_was_not_meant() {
    let event = only(played(|network, _| (network == 0).then_some(SILENCE), None));
    let reasoning = event.reasoning.as_ref().unwrap();
    assert_eq!(reasoning.cause, Cause::Fault, "{}", told(&event));
    assert_eq!(
        (reasoning.reasons[0].sign, reasoning.reasons[0].count, reasoning.reasons[0].of),
        (Sign::Selective, 0, 6)
    );
}

/// One service on one network may be somebody's broken cache.
#[test]
fn one_service_on_one_network_is_left_open_unless_its_name_is_the_cause() {
    let cut = |network, service| (network == 0 && service == 0).then_some(SILENCE);
    let plain = only(played(cut, None));
    assert_eq!(plain.reasoning.as_ref().unwrap().cause, Cause::Undecided, "{}", told(&plain));
    let named = only(played(cut, Some(Trigger::Name)));
    assert_eq!(named.reasoning.as_ref().unwrap().cause, Cause::Deliberate, "{}", told(&named));
    let address = only(played(cut, Some(Trigger::Address)));
    assert_eq!(address.reasoning, plain.reasoning);
}

#[test]
fn what_is_answered_by_somebody_else_was_meant() {
    let forged = How::Dns(DnsManner::Injected);
    let event = only(played(|network, service| (network == 0 && service == 0).then_some(forged), None));
    assert_eq!(event.reasoning.as_ref().unwrap().cause, Cause::Deliberate, "{}", told(&event));
}

/// Networks that are off: there is no other service to compare with.
mod shutdowns {
    use super::*;
    use crate::group::tests::{at, blocked};
    use crate::{Bracket, EventId, Extent, Kind};

    /// Networks off from these minutes on; minute 0 is 7:20 UTC.
    fn off(country: &str, minutes: &[i64], width: i64) -> Event {
        let affected = |(network, &minute): (u32, &i64)| Affected {
            kind: Kind::Shutdown,
            service: None,
            onset: Bracket { earliest: Some(at(minute - width)), latest: at(minute) },
            ..blocked(network, "a", minute, None)
        };
        let scope: Vec<_> = (1..).zip(minutes).map(affected).collect();
        let event = Event::of(EventId(String::new()), country.parse().unwrap(), scope);
        Event { extent: Extent { networks: 1, measured: 5, permille: 200 }, ..event }
    }

    fn reasoned(event: &Event) -> Reasoning {
        let (seen, controls) = (BTreeMap::new(), BTreeMap::new());
        reasoning(event, &Around { now: Moment(0), alarmed: &event.scope, seen, controls: &controls }).unwrap()
    }

    #[test]
    fn one_network_may_have_broken() {
        let one = reasoned(&off("KZ", &[3], 4));
        assert_eq!((one.cause, one.reasons[0].sign, one.reasons[0].of), (Cause::Undecided, Sign::Alone, 5));
    }

    #[test]
    fn many_networks_at_once_and_on_the_hour_were_ordered() {
        // 7:30 and some minutes, as far as is known.
        let many = reasoned(&off("KZ", &[11, 12, 14], 3));
        assert_eq!(many.cause, Cause::Deliberate, "{many:#?}");
        let [together, hour] = many.reasons[..] else { panic!("{many:#?}") };
        assert_eq!((together.sign, together.count, together.of, together.minutes), (Sign::Simultaneous, 3, 3, Some(3)));
        assert_eq!((hour.sign, hour.count, hour.of, hour.minutes), (Sign::OnTheHour, 3, 3, Some(3)));
        // At any other time, or where the clocks are a quarter off, it is left open.
        assert_eq!(reasoned(&off("KZ", &[1, 2, 4], 3)).cause, Cause::Undecided);
        assert_eq!(reasoned(&off("NP", &[11, 12, 14], 3)).cause, Cause::Undecided);
        // So it is where nobody knows the minute.
        assert!(reasoned(&off("KZ", &[11, 12, 14], 25)).reasons.iter().all(|reason| reason.sign != Sign::OnTheHour));
    }

    #[test]
    fn what_is_suspected_or_explained_has_no_reasoning() {
        let mut event = off("KZ", &[11], 3);
        event.scope[0].notes = vec![Note::Instrument];
        let (seen, controls) = (BTreeMap::new(), BTreeMap::new());
        let around = Around { now: Moment(0), alarmed: &[], seen, controls: &controls };
        assert_eq!(reasoning(&event, &around), None);
        event.scope[0].notes = vec![Note::Standing];
        assert_eq!(reasoning(&event, &around).unwrap().reasons.len(), 1, "when it began is not known");
        event.level = Level::Suspected;
        assert_eq!(reasoning(&event, &around), None);
    }
}

/// Of what is slowed down the pairs tell in which manner, and whether the name is the cause.
#[test]
fn slowed_alike_by_name_was_meant() {
    use crate::group::tests::blocked;
    use crate::{EventId, Kind, Slowed};

    let slowed = Slowed { slowness: 900, policed: 5, shaped: 1, by_name: 4, by_address: 2 };
    let affected = |network| Affected {
        kind: Kind::Throttling,
        slowed: Some(slowed),
        ..blocked(network, "twitter", i64::from(network) * 3, None)
    };
    let scope: Vec<_> = (1..=3).map(affected).collect();
    let event = Event::of(EventId(String::new()), "RU".parse().unwrap(), scope.clone());
    let (seen, controls) = (BTreeMap::new(), BTreeMap::new());
    let found = reasoning(&event, &Around { now: Moment(0), alarmed: &scope, seen, controls: &controls }).unwrap();
    let counts: Vec<_> = found.reasons.iter().map(|reason| (reason.sign, reason.count, reason.of)).collect();
    assert_eq!(counts, [(Sign::Simultaneous, 3, 3), (Sign::SameTechnique, 3, 3), (Sign::ByName, 12, 18)]);
    assert_eq!(found.cause, Cause::Deliberate);
}

/// What else worked is looked at for two hours; after that nothing new is told of an event that only goes on.
#[test]
fn reasoning_alone_is_news_for_two_hours_at_most() {
    let (mut detector, mut known) = (Detector::default(), BTreeMap::new());
    let mut grown = 0;
    for input in Scenario::bundled("kz-2019-05-09").unwrap().inputs() {
        let changes = detector.apply(&input);
        let Input::Vote(vote) = &input else { continue };
        for change in changes {
            let event = change.event();
            let counts = |affected: &Affected| (affected.probes, affected.manners.len(), affected.contested);
            let brackets = |affected: &Affected| (affected.onset, affected.confirmed, affected.end, affected.cleared);
            let outline: Vec<_> = event.scope.iter().map(|one| (counts(one), brackets(one))).collect();
            let worked = |reason: &&Reason| matches!(reason.sign, Sign::Selective | Sign::ControlsFine);
            let reasons = event.reasoning.iter().flat_map(|reasoning| reasoning.reasons.iter().filter(worked).copied());
            let reasons: Vec<_> = reasons.collect();
            let old = known.insert(event.id.clone(), (outline.clone(), reasons.clone()));
            if old.is_some_and(|(old, known)| old == outline && known != reasons) {
                let last = event.scope.iter().map(|affected| affected.onset.latest).max().unwrap();
                assert!(vote.at.duration_since(last) <= SignedDuration::from_mins(150), "{} {last}", vote.at);
                grown += 1;
            }
        }
    }
    assert!((1..40).contains(&grown), "{grown}");
}
