use kedergi_wire::{Asn, BatchId, ProbeId};

use super::*;
use crate::{Change, ControlVote, Detector, Event, EventState, Input, Instrument, Kind, Note, Source};
use jiff::Timestamp;
use kedergi_verdict as verdict;

const MINUTE: i64 = 60;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;
/// Eight times slower.
const EIGHT: i32 = 903;

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_557_270_000 + second).unwrap()
}

/// What one report says: nothing of a pace, or how slow it was and whether that sufficed.
#[derive(Debug, Clone, Copy)]
enum Says {
    Quick,
    Pair(i32),
    /// So many pairs whose sides differ in nothing but the name.
    Named(i32, u8),
    Throttled(i32),
    Blocked,
}

fn vote(second: i64, network: u8, probe: u8, says: Says) -> Input {
    use verdict::{Compared, How, Pace, Regime, TlsManner};
    let pace = |slowness, regime| Some(Pace { slowness, regime, compared: None });
    let named = |slowness, pairs| {
        let compared = Some(Compared { altered: Altered::TargetNameElsewhere, pairs });
        Some(Pace { slowness, regime: None, compared })
    };
    let (outcome, rule, slowness) = match says {
        Says::Quick => (Outcome::Reachable, "answered-over-tls", None),
        Says::Pair(slowness) => (Outcome::Reachable, "answered-over-tls", pace(slowness, None)),
        Says::Named(slowness, pairs) => (Outcome::Reachable, "answered-over-tls", named(slowness, pairs)),
        Says::Throttled(slowness) => (Outcome::Throttled, "throttled-name", pace(slowness, Some(Regime::Policed))),
        Says::Blocked => (Outcome::Blocked { how: How::Tls(TlsManner::Timeout) }, "tls-timeout", None),
    };
    let mut batch = [probe; 32];
    batch[..8].copy_from_slice(&second.to_be_bytes());
    Input::Vote(Vote {
        at: at(second),
        country: "KZ".parse().unwrap(),
        network: Asn::new(u32::from(network) + 1).unwrap(),
        service: "news".parse().unwrap(),
        source: Source::probe(ProbeId([network * 16 + probe; 32])),
        outcome,
        rule: RuleId(rule.into()),
        resolver: None,
        slowness,
        sureness: None,
        trigger: None,
        instrument: Instrument::default(),
        report: Some(kedergi_wire::ReportRef { batch: BatchId(batch), index: 0 }),
    })
}

/// Votes of so many probes of one network, each every ten minutes, with controls that reach the service.
fn rounds(probes: u8, seconds: i64, says: impl Fn(i64, u8) -> Says) -> Vec<Input> {
    let mut inputs = Vec::new();
    for second in (0..seconds).step_by(600) {
        for probe in 0..probes {
            let second = second + i64::from(probe) * 61;
            inputs.push(vote(second, 0, probe, says(second, probe)));
        }
        inputs.push(control(second + 1));
    }
    inputs
}

fn control(second: i64) -> Input {
    let service = "news".parse().unwrap();
    Input::Control(ControlVote { at: at(second), service, reachable: true, control: None, country: None })
}

fn run(inputs: &[Input]) -> (Vec<Event>, usize) {
    let mut detector = Detector::default();
    let changes: Vec<_> = inputs.iter().flat_map(|input| detector.apply(input)).collect();
    (detector.events(), changes.iter().filter(|change| Change::pages(change)).count())
}

#[test]
fn the_rules_named_are_rules() {
    for rule in ["throttled-name", "throttled-address"] {
        assert!(verdict::rules().iter().any(|known| known.id.as_str() == rule) && by(&RuleId(rule.into())).is_some());
    }
}

#[test]
fn two_probes_that_find_it_throttled_suffice_and_the_event_says_how() {
    let throttled = 6 * HOUR..10 * HOUR;
    let inputs =
        rounds(2, DAY, |second, _| if throttled.contains(&second) { Says::Throttled(EIGHT) } else { Says::Quick });
    let (events, pages) = run(&inputs);
    assert_eq!((events.len(), pages), (1, 2), "{events:#?}");
    let [affected] = &events[0].scope[..] else { panic!("{events:#?}") };
    assert_eq!((affected.kind, affected.probes, events[0].state), (Kind::Throttling, 2, EventState::Closed));
    assert_eq!(affected.confirmed, Some(at(6 * HOUR + 61)));
    let slowed = affected.slowed.unwrap();
    assert_eq!((slowed.slowness, slowed.shaped, slowed.by_address), (900, 0, 0));
    assert_eq!((slowed.policed, slowed.by_name), (48, 48));
    assert!(affected.cleared.unwrap() <= at(10 * HOUR + 30 * MINUTE), "{affected:#?}");
    assert_eq!(affected.onset.earliest, Some(at(6 * HOUR - 600 + 61)));
    assert_eq!(affected.evidence.len(), 8);
}

#[test]
fn one_probe_accuses_nobody_and_neither_does_a_lone_moment() {
    let one = rounds(
        4,
        DAY,
        |second, probe| {
            if probe == 0 && second > 6 * HOUR { Says::Throttled(1500) } else { Says::Quick }
        },
    );
    assert_eq!(run(&one), (vec![], 0));
    let moment = rounds(3, DAY, |second, probe| {
        let hour = i64::from(probe) + 6;
        if (hour * HOUR..hour * HOUR + 600).contains(&second) { Says::Throttled(EIGHT) } else { Says::Quick }
    });
    assert_eq!(run(&moment).1, 0);
}

#[test]
fn a_line_that_is_slow_for_everything_and_a_far_site_are_no_event() {
    // Congestion: both sides of each pair are slow, and differ at random.
    let uneven = |second: i64, probe: u8| (second / 600 * 7 + i64::from(probe) * 5) % 11 - 5;
    let congested = rounds(3, 2 * DAY, |second, probe| Says::Pair(i32::try_from(uneven(second, probe)).unwrap() * 100));
    assert_eq!(run(&congested), (vec![], 0));
    let far = rounds(3, 2 * DAY, |second, probe| Says::Pair(700 + i32::try_from(uneven(second, probe)).unwrap() * 60));
    assert_eq!(run(&far), (vec![], 0));
}

#[test]
fn pairs_that_suffice_for_no_verdict_add_up_where_the_usual_is_known() {
    let slower =
        |slower: i32| rounds(3, 2 * DAY, move |second, _| Says::Pair(if second > DAY { 600 + slower } else { 600 }));
    let (events, pages) = run(&slower(600));
    assert_eq!((events.len(), pages, events[0].kind), (1, 1, Kind::Throttling));
    assert!(events[0].opened().unwrap() <= at(DAY + 30 * MINUTE), "{events:#?}");
    assert_eq!(run(&slower(0)).1, 0);
}

#[test]
fn what_differs_in_the_name_only_accuses_before_anything_is_usual() {
    let slow = |says: Says| rounds(2, DAY, move |second, _| if second < 12 * HOUR { Says::Quick } else { says });
    let minutes = |pairs| {
        let (events, pages) = run(&slow(Says::Named(EIGHT, pairs)));
        assert_eq!((events.len(), pages), (1, 1), "{events:#?}");
        events[0].opened().unwrap().duration_since(at(12 * HOUR)).as_mins()
    };
    // The more pairs a report holds, the fewer reports it takes.
    assert_eq!((minutes(1), minutes(3), minutes(5)), (21, 11, 1));
    assert_eq!(run(&slow(Says::Pair(EIGHT))), (vec![], 0), "of another host's bytes it is not known what is usual");
}

#[test]
fn what_suffices_for_no_verdict_does_not_speak_against_one() {
    // Of every second report the pairs did not suffice.
    let inputs = rounds(2, DAY, |second, probe| match (second / 600 + i64::from(probe)) % 2 {
        _ if second < 12 * HOUR => Says::Quick,
        0 => Says::Pair(700),
        _ => Says::Throttled(EIGHT),
    });
    let (events, pages) = run(&inputs);
    assert_eq!((events.len(), pages), (1, 1), "{events:#?}");
    assert!(events[0].opened().unwrap() <= at(12 * HOUR + 11 * MINUTE + 60), "{events:#?}");
}

#[test]
fn a_slow_down_is_contested_by_those_who_compare_and_find_nothing() {
    let with = |others: Says, count: u8| {
        let inputs = rounds(7, DAY, move |second, probe| match probe {
            _ if second < 12 * HOUR => Says::Quick,
            _ if probe < count => others,
            _ => Says::Throttled(EIGHT),
        });
        let (events, _) = run(&inputs);
        assert_eq!((events.len(), events[0].state), (1, EventState::Open), "{events:#?}");
        events[0].contested()
    };
    assert!(with(Says::Pair(0), 2));
    assert!(!with(Says::Pair(0), 1), "one contradicts nobody");
    assert!(!with(Says::Quick, 2), "what does not seem slow was not compared");
}

#[test]
fn one_of_three_does_not_keep_it_open() {
    let inputs = rounds(3, DAY, |second, probe| match second / HOUR {
        10..14 => Says::Throttled(EIGHT),
        14.. if probe == 0 => Says::Throttled(EIGHT),
        14.. => Says::Pair(0),
        _ => Says::Quick,
    });
    let (events, pages) = run(&inputs);
    assert_eq!((events.len(), pages, events[0].state), (1, 2, EventState::Closed), "{events:#?}");
    let end = events[0].end().unwrap();
    assert!(end.earliest.unwrap() < at(14 * HOUR) && (at(14 * HOUR)..at(14 * HOUR + 600)).contains(&end.latest));
}

#[test]
fn from_throttled_to_blocked_and_back_is_one_event() {
    let inputs = rounds(3, 2 * DAY, |second, _| match second / HOUR {
        6..20 | 26..30 => Says::Throttled(EIGHT),
        20..26 => Says::Blocked,
        _ => Says::Quick,
    });
    let (events, pages) = run(&inputs);
    assert_eq!((events.len(), pages), (1, 2), "{events:#?}");
    let kinds: Vec<_> = events[0].scope.iter().map(|affected| affected.kind).collect();
    assert_eq!((kinds, events[0].kind), (vec![Kind::Throttling, Kind::Block], Kind::Block));
}

#[test]
fn what_was_slow_at_first_sight_is_standing() {
    let inputs = rounds(3, DAY, |_, _| Says::Throttled(EIGHT));
    let (events, pages) = run(&inputs);
    assert_eq!((events.len(), pages, events[0].notes()), (1, 0, vec![Note::Standing]));
}

#[test]
fn an_evenings_habit_pages_twice_and_what_comes_at_noon_pages() {
    let evening = |second: i64| (14..16).contains(&(second / HOUR % 24));
    let noon = |second: i64| second / DAY == 6 && (5..7).contains(&(second / HOUR % 24));
    let inputs = rounds(
        3,
        8 * DAY,
        |second, _| {
            if evening(second) || noon(second) { Says::Throttled(EIGHT) } else { Says::Quick }
        },
    );
    let (mut detector, mut pages) = (Detector::default(), Vec::new());
    for change in inputs.iter().flat_map(|input| detector.apply(input)) {
        if change.pages() && matches!(change, Change::Opened(_)) {
            pages.extend(change.event().onset().map(|onset| onset.latest.duration_since(at(0)).as_hours()));
        }
    }
    assert_eq!(pages, [14, 24 + 14, 6 * 24 + 5]);
}
