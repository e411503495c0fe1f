//! What holds of the detector for all inputs.

use jiff::Timestamp;
use kedergi_verdict::{Compared, How, Outcome, Pace, RuleId, TlsManner};
use kedergi_wire::{Altered, Asn, BatchId, ProbeId, ReportRef, ServiceId};
use proptest::prelude::*;

use crate::{
    Affected, Change, ControlVote, Detector, Event, EventState, HORIZON, Input, Instrument, Level, Note, Reasoning,
    Source, Vote,
};

mod mixed;

const BLOCKED: Outcome = Outcome::Blocked { how: How::Tls(TlsManner::Timeout) };

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_557_300_000 + second).unwrap()
}

fn service(number: u8) -> ServiceId {
    format!("service-{number}").parse().unwrap()
}

fn vote(second: i64, network: u8, service_number: u8, probe: u8, outcome: Outcome) -> Input {
    let mut batch = [probe; 32];
    batch[..8].copy_from_slice(&second.to_be_bytes());
    Input::Vote(Vote {
        at: at(second),
        country: "KZ".parse().unwrap(),
        network: Asn::new(u32::from(network) + 1).unwrap(),
        service: service(service_number),
        // A probe is on one network only.
        source: Source::probe(ProbeId([network * 16 + probe; 32])),
        outcome,
        rule: RuleId("made-up".into()),
        trigger: None,
        resolver: None,
        sureness: None,
        slowness: None,
        instrument: Instrument::default(),
        report: Some(ReportRef { batch: BatchId(batch), index: u16::from(service_number) }),
    })
}

fn control(second: i64, service_number: u8, reachable: bool) -> Input {
    Input::Control(ControlVote {
        at: at(second),
        service: service(service_number),
        reachable,
        control: None,
        country: None,
    })
}

fn run<'a>(inputs: impl IntoIterator<Item = &'a Input>) -> (Detector, Vec<Change>) {
    let mut detector = Detector::default();
    let changes = inputs.into_iter().flat_map(|input| detector.apply(input)).collect();
    (detector, changes)
}

/// What events say, but for their names.
fn content(events: &[Event]) -> Vec<(EventState, Vec<Affected>, Option<Reasoning>)> {
    let parts = |event: &Event| (event.state, event.scope.clone(), event.reasoning.clone());
    let mut content: Vec<_> = events.iter().map(parts).collect();
    content.sort_by_key(|(_, scope, _)| scope.iter().map(|a| (a.onset.latest, a.network, a.service.clone())).min());
    content
}

fn any_outcome() -> impl Strategy<Value = Outcome> {
    prop_oneof![4 => Just(BLOCKED), 4 => Just(Outcome::Reachable), 1 => Just(Outcome::Down), 1 => Just(Outcome::Throttled)]
}

/// Times come in clusters of ten minutes, so that alarms begin and end.
fn any_vote() -> impl Strategy<Value = Input> {
    (0i64..80_000, 0u8..3, 0u8..2, 0u8..4, any_outcome()).prop_map(|(second, network, service, probe, noise)| {
        let phase = second / 9000 + i64::from(service);
        let outcome = if second % 7 == 0 {
            noise
        } else if phase % 2 == 0 {
            BLOCKED
        } else {
            Outcome::Reachable
        };
        vote(second, network, service, probe, outcome)
    })
}

/// While one service is slow, its pairs and now and then a verdict say so.
fn any_pace() -> impl Strategy<Value = Input> {
    (0i64..80_000, 0u8..3, 0u8..2, 0u8..4, -200i32..400, 0u8..3).prop_map(
        |(second, network, place, probe, noise, luck)| {
            let slow = (second / 9000 + i64::from(place)) % 3 == 0;
            let outcome = if slow && luck > 0 { Outcome::Throttled } else { Outcome::Reachable };
            let Input::Vote(vote) = vote(second, network, place, probe, outcome) else { unreachable!("it is a vote") };
            let pairs = probe + luck;
            let compared = (pairs > 0).then_some(Compared { altered: Altered::TargetNameElsewhere, pairs });
            let pace = Pace { slowness: noise + if slow { 900 } else { 0 }, regime: None, compared };
            Input::Vote(Vote { slowness: Some(pace), ..vote })
        },
    )
}

fn any_input() -> impl Strategy<Value = Input> {
    let control = (0i64..80_000, 0u8..2, any::<bool>()).prop_map(|(second, service, up)| control(second, service, up));
    prop_oneof![14 => any_vote(), 6 => any_pace(), 2 => control]
}

fn inputs_in_two_orders() -> impl Strategy<Value = (Vec<Input>, Vec<Input>)> {
    proptest::collection::vec(any_input(), 0..500)
        .prop_flat_map(|inputs| (Just(inputs.clone()), Just(inputs).prop_shuffle()))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_order_gives_the_same_events((one, other) in inputs_in_two_orders()) {
        let (one, _) = run(&one);
        let (other, _) = run(&other);
        prop_assert_eq!(content(&one.events()), content(&other.events()));
        prop_assert_eq!(one.too_late(), 0);
    }

    #[test]
    fn saved_and_restored_it_goes_on_as_before(inputs in proptest::collection::vec(any_input(), 1..300), place in any::<prop::sample::Index>()) {
        let (first, second) = inputs.split_at(place.index(inputs.len()));
        let (mut kept, _) = run(first);
        let mut restored: Detector = serde_json::from_str(&serde_json::to_string(&kept).unwrap()).unwrap();
        prop_assert_eq!(&kept, &restored);
        for input in second {
            prop_assert_eq!(kept.apply(input), restored.apply(input));
        }
        prop_assert_eq!(kept.events(), restored.events());
    }

    #[test]
    fn one_probe_alone_confirms_nothing(inputs in proptest::collection::vec((0i64..80_000, any_outcome()), 0..300)) {
        let votes = inputs.iter().map(|&(second, outcome)| vote(second, 0, 0, 0, outcome));
        let controls = (0..80_000).step_by(300).map(|second| control(second, 0, true));
        let (_, changes) = run(&controls.chain(votes).collect::<Vec<_>>());
        prop_assert!(changes.iter().all(|change| !change.pages() && change.event().level == Level::Suspected), "{changes:#?}");
    }

    #[test]
    fn what_the_changes_tell_is_what_the_events_are(inputs in proptest::collection::vec(any_input(), 0..400)) {
        let (detector, changes) = run(&inputs);
        let mut told = std::collections::BTreeMap::new();
        for change in changes {
            let id = change.event().id.clone();
            let known = told.get(&id).map(|event: &Event| event.state);
            match &change {
                Change::Opened(_) => prop_assert_ne!(known, Some(EventState::Open)),
                Change::Grew(_) | Change::Raised(_) | Change::Updated(_) | Change::Closed(_) | Change::Retracted(_) => prop_assert!(known.is_some()),
            }
            if matches!(change, Change::Retracted(_)) { told.remove(&id) } else { told.insert(id, change.event().clone()) };
        }
        let outline = |event: &Event| (event.id.clone(), event.state, event.scope.len(), event.onset(), event.end());
        let told: Vec<_> = told.values().map(outline).collect();
        let mut events: Vec<_> = detector.events().iter().map(outline).collect();
        events.sort_by(|a, b| a.0.cmp(&b.0));
        prop_assert_eq!(told, events);
    }
}

/// Three probes of each network, each every ten minutes, for `hours`.
fn rounds(hours: i64, mut outcome: impl FnMut(i64, u8) -> Outcome) -> Vec<Input> {
    let mut inputs = Vec::new();
    for second in (0..hours * 3600).step_by(200) {
        let probe = u8::try_from(second / 200 % 3).unwrap();
        inputs.extend((0..3).map(|network| vote(second, network, 0, probe, outcome(second, network))));
        if second % 600 == 0 {
            inputs.push(control(second + 1, 0, true));
        }
    }
    inputs
}

#[test]
fn nothing_blocked_opens_nothing() {
    assert_eq!(run(&rounds(72, |_, _| Outcome::Reachable)).1, []);
}

#[test]
fn what_controls_do_not_reach_either_opens_nothing() {
    let inputs = rounds(12, |second, _| if (20_000..30_000).contains(&second) { BLOCKED } else { Outcome::Reachable });
    let outage = |input: &&Input| match input {
        Input::Control(vote) => !(at(20_000)..at(30_000)).contains(&vote.at),
        Input::Vote(_) | Input::Heartbeat(_) | Input::Listening(_) => true,
    };
    assert_eq!(run(inputs.iter().filter(outage)).1, []);
    assert!(!run(&inputs).1.is_empty());
}

#[test]
fn half_a_block_is_found_and_its_end() {
    let half = |second: i64, network: u8| (second / 200 + i64::from(network)) % 2 == 0;
    let inputs = rounds(24, |second, network| {
        if (20_000..60_000).contains(&second) && half(second, network) { BLOCKED } else { Outcome::Reachable }
    });
    let (detector, changes) = run(&inputs);
    let events: Vec<_> = detector.events().into_iter().filter(Event::is_news).collect();
    assert_eq!((events.len(), events[0].scope.len(), events[0].state), (1, 3, EventState::Closed), "{events:#?}");
    assert!(events[0].opened().unwrap() <= at(24_800));
    assert_eq!((events[0].level, events[0].extent.permille), (Level::National, 1000));
    assert!(changes.iter().filter(|change| change.pages()).count() <= 3);
}

#[test]
fn what_was_blocked_at_first_sight_is_standing_until_it_ends() {
    let inputs =
        rounds(
            24,
            |second, _| {
                if second < 40_000 || (60_000..70_000).contains(&second) { BLOCKED } else { Outcome::Reachable }
            },
        );
    let (detector, changes) = run(&inputs);
    let events = detector.events();
    assert_eq!(events.iter().map(Event::notes).collect::<Vec<_>>(), [vec![Note::Standing], vec![]], "{events:#?}");
    assert!(changes.iter().filter(|change| change.pages()).all(|change| change.event().notes().is_empty()));
}

/// A late look at what was before changes neither begin nor end, and still has to be told.
#[test]
fn what_is_not_standing_after_all_is_told() {
    let mut detector = Detector::default();
    let clear = [(600, 0), (660, 1)].map(|(second, probe)| vote(second, 0, 0, probe, Outcome::Reachable));
    let blocked = (0..12).map(|round| vote(1200 + round * 200, 0, 0, u8::try_from(round % 3).unwrap(), BLOCKED));
    for input in clear.into_iter().chain([control(2000, 0, true)]).chain(blocked) {
        detector.apply(&input);
    }
    assert_eq!(detector.events()[0].notes(), [Note::Standing]);
    let changes = detector.apply(&vote(300, 0, 0, 2, Outcome::Reachable));
    assert!(changes.iter().any(|change| change.event().notes().is_empty()), "{changes:#?}");
    assert_eq!(changes.last().map(Change::event), detector.events().first());
}

/// What was measured before the event was confirmed, and comes after it, may leave too little to confirm it: that is told.
#[test]
fn a_late_report_may_leave_less_than_confirmed() {
    let clear = (0..9).map(|number| vote(600 + 20 * i64::from(number), 0, 0, number % 3, Outcome::Reachable));
    let blocked = [(780, 0), (782, 1), (784, 2), (841, 0), (843, 1)];
    let blocked = blocked.map(|(second, probe)| vote(second, 0, 0, probe, BLOCKED));
    let inputs: Vec<_> = clear.chain([control(845, 0, true)]).chain(blocked).collect();
    let (mut detector, _) = run(&inputs);
    assert_eq!(detector.events()[0].level, Level::Confirmed);
    let changes = detector.apply(&vote(842, 0, 0, 2, Outcome::Reachable));
    assert!(changes.iter().any(|change| change.event().level == Level::Suspected), "{changes:#?}");
}

/// The same in three countries: the service is down, whatever the controls say; in two, it is blocked in both.
#[test]
fn what_fails_in_three_countries_at_once_is_down() {
    let day = rounds(12, |second, _| if (10_000..30_000).contains(&second) { BLOCKED } else { Outcome::Reachable });
    let elsewhere = |country: &str| {
        let moved = |input: &Input| match input.clone() {
            Input::Vote(vote) => Input::Vote(Vote { country: country.parse().unwrap(), ..vote }),
            other @ (Input::Control(_) | Input::Heartbeat(_) | Input::Listening(_)) => other,
        };
        day.iter().map(moved).collect::<Vec<_>>()
    };
    let news = |countries: &[&str]| {
        let mut inputs: Vec<_> = countries.iter().flat_map(|country| elsewhere(country)).collect();
        inputs.sort_by_key(|input| match input {
            Input::Vote(vote) => vote.at,
            Input::Control(vote) => vote.at,
            Input::Heartbeat(beat) => beat.at,
            Input::Listening(listening) => listening.at,
        });
        let events = run(&inputs).0.events();
        (events.len(), events.iter().filter(|event| event.is_news()).count())
    };
    assert_eq!(news(&["KZ", "RU"]), (2, 2));
    assert_eq!(news(&["KZ", "RU", "UA"]), (3, 0));
}

#[test]
fn a_new_version_that_fails_is_the_instruments_fault() {
    let version = |second: i64| u32::from(second > 20_000);
    let inputs = |broken: bool| -> Vec<Input> {
        let blocked = |second| if broken { version(second) == 1 } else { second > 15_000 };
        let inputs = rounds(12, |second, _| if blocked(second) { BLOCKED } else { Outcome::Reachable });
        let updated = inputs.into_iter().map(|input| match input {
            Input::Vote(vote) => {
                let second = vote.at.as_second() - at(0).as_second();
                Input::Vote(Vote {
                    instrument: Instrument { software: version(second), ..Instrument::default() },
                    ..vote
                })
            }
            other @ (Input::Control(_) | Input::Heartbeat(_) | Input::Listening(_)) => other,
        });
        updated.collect()
    };
    let notes = |broken| run(&inputs(broken)).0.events().iter().map(Event::notes).collect::<Vec<_>>();
    assert_eq!(notes(true), [[Note::Instrument]]);
    assert_eq!(notes(false), [[]]);
}

#[test]
fn a_flood_of_new_probes_decides_nothing() {
    let flood = |second: i64, probe: u8, outcome: Outcome| {
        let Input::Vote(vote) = vote(second, 0, 0, 0, outcome) else { unreachable!() };
        let source = Source::Probe { id: ProbeId([100 + probe; 32]), neighbourhood: None, enrolled: Some(at(0)) };
        Input::Vote(Vote { source, ..vote })
    };
    let both = [(BLOCKED, Outcome::Reachable), (Outcome::Reachable, BLOCKED)];
    for ((told, true_outcome), elders) in both.into_iter().flat_map(|both| [(both, 2), (both, 3)]) {
        let mut inputs = rounds(24, |second, network| {
            if (30_000..60_000).contains(&second) && network == 0 { true_outcome } else { Outcome::Reachable }
        });
        inputs.retain(|input| {
            !matches!(input, Input::Vote(Vote { source: Source::Probe { id, .. }, .. }) if id.0[0] % 16 >= elders)
        });
        inputs.extend(
            (30_000..60_000).step_by(60).flat_map(|second| (0..100).map(move |probe| flood(second + 1, probe, told))),
        );
        inputs.sort_by_key(|input| if let Input::Vote(vote) = input { vote.at } else { at(0) });
        let (_, changes) = run(&inputs);
        let pages = changes.iter().filter(|change| change.pages());
        let here = pages.filter(|change| change.event().networks().contains(&Asn::new(1).unwrap())).count();
        assert_eq!(here > 0, true_outcome == BLOCKED, "{told:?}, {elders} probes");
    }
}

#[test]
fn a_flood_of_new_probes_keeps_nothing_open() {
    let blocked = |second, network| (30_000..60_000).contains(&second) && network == 0;
    let mut inputs = rounds(24, |second, network| if blocked(second, network) { BLOCKED } else { Outcome::Reachable });
    let flood = (30_000..24 * 3600).step_by(60).flat_map(|second| (0..20).map(move |probe| (second + 1, probe)));
    inputs.extend(flood.map(|(second, probe)| {
        let Input::Vote(vote) = vote(second, 0, 0, 0, BLOCKED) else { unreachable!("it is a vote") };
        let source = Source::Probe { id: ProbeId([100 + probe; 32]), neighbourhood: None, enrolled: Some(at(0)) };
        Input::Vote(Vote { source, ..vote })
    }));
    inputs.sort_by_key(|input| if let Input::Vote(vote) = input { vote.at } else { at(0) });
    let events = run(&inputs).0.events();
    let ends: Vec<_> = events.iter().filter(|event| event.is_news()).map(|event| event.end().is_some()).collect();
    assert_eq!(ends, [true], "{events:#?}");
}

/// Networks where nobody else measures are no better for it, unless in the whole country nobody has been there for longer.
#[test]
fn a_flood_on_networks_of_its_own_decides_nothing() {
    let flood = |second: i64, network: u8, probe: u8| {
        let outcome = if second < 30_000 { Outcome::Reachable } else { BLOCKED };
        let Input::Vote(vote) = vote(second, network, 0, 0, outcome) else { unreachable!() };
        let source = Source::Probe { id: ProbeId([100 + probe; 32]), neighbourhood: None, enrolled: Some(at(0)) };
        Input::Vote(Vote { source, ..vote })
    };
    let flood: Vec<_> = (0..40_000)
        .step_by(60)
        .flat_map(|second| (0..100).map(move |probe| flood(second + 1, 5 + probe % 4, probe)))
        .collect();
    let news = |honest: Vec<Input>| {
        let mut inputs = flood.clone();
        inputs.extend(honest);
        let events = run(&inputs).0.events();
        let networks = events.iter().filter(|event| event.is_news()).flat_map(Event::networks);
        networks.map(Asn::get).collect::<Vec<_>>()
    };
    let controls = (0..40_000).step_by(300).map(|second| control(second, 0, true)).collect();
    assert_eq!(news(controls), [6, 7, 8, 9], "there is nobody else");
    assert_eq!(news(rounds(12, |_, _| Outcome::Reachable)), [0; 0]);
    let blocked =
        rounds(12, |second, network| if second >= 30_000 && network == 0 { BLOCKED } else { Outcome::Reachable });
    assert_eq!(news(blocked), [1, 6, 7, 8, 9], "somebody older sees it too");
}

#[test]
fn one_liar_among_three_or_more_creates_and_hides_nothing() {
    for (probes, blocked) in [3, 4, 5, 6].into_iter().flat_map(|probes| [(probes, false), (probes, true)]) {
        let votes = (0..24 * 3600).step_by(120).map(|second| {
            let probe = u8::try_from(second / 120 % probes).unwrap();
            let honest = if blocked && (40_000..60_000).contains(&second) { BLOCKED } else { Outcome::Reachable };
            let lie = if honest == BLOCKED { Outcome::Reachable } else { BLOCKED };
            let lies = i64::from(probe) == probes - 1 && second > 20_000;
            vote(second, 0, 0, probe, if lies { lie } else { honest })
        });
        let controls = (0..24 * 3600).step_by(300).map(|second| control(second, 0, true));
        let mut inputs: Vec<_> = votes.chain(controls).collect();
        inputs.sort_by_key(|input| if let Input::Vote(vote) = input { vote.at } else { at(0) });
        let events = run(&inputs).0.events();
        let news: Vec<_> = events.iter().filter(|event| event.is_news()).collect();
        assert_eq!(news.len(), usize::from(blocked), "of {probes} probes");
        let right = |event: &Event| event.end().is_some_and(|end| (at(59_700)..at(60_300)).contains(&end.latest));
        assert!(news.iter().all(|event| right(event)), "of {probes} probes: {news:#?}");
    }
}

#[test]
fn single_probes_on_three_networks_confirm_each_other() {
    let alone = |networks: u8| {
        let inputs = rounds(
            12,
            |second, network| {
                if second > 20_000 && network < networks { BLOCKED } else { Outcome::Reachable }
            },
        );
        let one_each = |input: &&Input| !matches!(input, Input::Vote(vote) if vote.at.as_second() / 200 % 3 != at(0).as_second() / 200 % 3);
        run(inputs.iter().filter(one_each)).0.events()
    };
    assert!(alone(2).iter().all(|event| event.level == Level::Suspected));
    let events = alone(3);
    assert_eq!((events.len(), events[0].level, events[0].scope.len()), (1, Level::National, 3), "{events:#?}");
}

#[test]
fn one_event_for_networks_that_follow_each_other() {
    let inputs = rounds(12, |second, network| {
        let cut = 10_000 + 3600 * i64::from(network);
        if (cut..36_000).contains(&second) { BLOCKED } else { Outcome::Reachable }
    });
    let (detector, changes) = run(&inputs);
    let events = detector.events();
    assert_eq!(events.len(), 1, "{events:#?}");
    assert_eq!((events[0].scope.len(), events[0].state), (3, EventState::Closed));
    for (affected, cut) in events[0].scope.iter().zip([10_000, 13_600, 17_200]) {
        assert!(affected.onset.earliest.unwrap() < at(cut) && affected.onset.latest >= at(cut));
        assert!(affected.told() <= at(cut + 1000), "{affected:#?}");
        assert_eq!((affected.probes, affected.evidence.len()), (3, 8));
    }
    let opened = changes.iter().filter(|change| matches!(change, Change::Opened(_))).count();
    let closed = changes.iter().filter(|change| matches!(change, Change::Closed(_))).count();
    assert_eq!((opened, closed), (1, 1));
}

#[test]
fn a_service_that_flaps_stays_one_event() {
    let blocked = |second: i64| (10_000..20_000).contains(&second) || (22_000..30_000).contains(&second);
    let (detector, changes) = run(&rounds(12, |second, _| if blocked(second) { BLOCKED } else { Outcome::Reachable }));
    let events = detector.events();
    assert_eq!((events.len(), events[0].scope.len()), (1, 3));
    assert!(events[0].onset().unwrap().latest <= at(10_200) && events[0].end().unwrap().latest >= at(30_000));
    assert_eq!(changes.iter().filter(|change| matches!(change, Change::Opened(_))).count(), 2);
}

#[test]
fn what_is_long_over_is_forgotten_and_too_late_is_counted() {
    let (mut detector, changes) =
        run(&rounds(120, |second, _| if (10_000..20_000).contains(&second) { BLOCKED } else { Outcome::Reachable }));
    assert!(matches!(changes.last(), Some(Change::Closed(_))));
    let late = vote(120 * 3600 - HORIZON.as_secs() - 600, 0, 0, 0, BLOCKED);
    assert_eq!(detector.apply(&late), []);
    assert_eq!(detector.too_late(), 1);
    let again: Vec<_> = rounds(130, |second, _| if second > 120 * 3600 { BLOCKED } else { Outcome::Reachable });
    let changes: Vec<_> = again.iter().flat_map(|input| detector.apply(input)).collect();
    assert!(changes.iter().all(|change| !matches!(change, Change::Retracted(_))), "forgetting is not retracting");
    let events = detector.events();
    assert_eq!((events.len(), events[0].state), (1, EventState::Open));
}

#[test]
fn the_past_and_the_present_do_not_disturb_each_other() {
    let day = rounds(12, |second, _| if (10_000..30_000).contains(&second) { BLOCKED } else { Outcome::Reachable });
    let (alone, _) = run(&day);
    let later = day.iter().map(|input| match input.clone() {
        Input::Vote(vote) => Input::Vote(Vote { at: vote.at + HORIZON * 2000, country: "RU".parse().unwrap(), ..vote }),
        Input::Control(vote) => Input::Control(ControlVote { at: vote.at + HORIZON * 2000, ..vote }),
        other @ (Input::Heartbeat(_) | Input::Listening(_)) => other,
    });
    let later: Vec<_> = later.collect();
    let mixed: Vec<_> = later.iter().zip(&day).flat_map(|(later, day)| [later, day]).collect();
    let (mixed, _) = run(mixed);
    let here: Vec<_> = mixed.events().into_iter().filter(|event| event.country.to_string() == "KZ").collect();
    assert_eq!(here, alone.events());
    assert_eq!((mixed.events().len(), mixed.too_late()), (2, 0));
}

#[test]
fn a_hundred_thousand_votes_do_not_take_long() {
    let (detector, _) =
        run(&rounds(24 * 77, |second, _| if second / 9000 % 5 == 0 { BLOCKED } else { Outcome::Reachable }));
    let saved = serde_json::to_string(&detector).unwrap().len();
    assert!(saved < 300_000, "{saved} bytes");
}
