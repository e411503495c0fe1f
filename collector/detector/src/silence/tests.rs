//! Shutdowns, and what looks like them.

use std::collections::BTreeSet;

use jiff::Timestamp;
use kedergi_verdict::{Outcome, RuleId, Why};
use kedergi_wire::{Asn, ProbeId};
use proptest::prelude::*;

use crate::{
    Change, Detector, Event, EventState, Heartbeat, Input, Instrument, Kind, Level, Listening, Note, Source, Vote,
};

const DAY: i64 = 24 * 60;
const HOUR: i64 = 60;
const CUT: Outcome = Outcome::Inconclusive { why: Why::NoConnectivity };

/// 2 May 2022, 00:00 UTC.
fn at(minute: i64) -> Timestamp {
    Timestamp::from_second(1_651_449_600 + minute * 60).unwrap()
}

fn beat_in(country: &str, minute: i64, network: u32, probe: u8) -> Input {
    Input::Heartbeat(Heartbeat {
        at: at(minute),
        probe: id(network, probe),
        country: country.parse().unwrap(),
        network: Asn::new(network).unwrap(),
        neighbourhood: None,
        enrolled: None,
    })
}

fn id(network: u32, probe: u8) -> ProbeId {
    let mut id = [probe; 32];
    id[..4].copy_from_slice(&network.to_be_bytes());
    ProbeId(id)
}

fn vote(minute: i64, network: u32, probe: u8, outcome: Outcome) -> Input {
    Input::Vote(Vote {
        at: at(minute),
        country: "KZ".parse().unwrap(),
        network: Asn::new(network).unwrap(),
        service: "facebook".parse().unwrap(),
        source: Source::probe(id(network, probe)),
        outcome,
        rule: RuleId("made-up".into()),
        resolver: None,
        trigger: None,
        slowness: None,
        sureness: None,
        instrument: Instrument::default(),
        report: None,
    })
}

fn listening(minute: i64) -> Input {
    Input::Listening(Listening { at: at(minute), controls: 1 })
}

/// The collector listens all the time, and these probes of these networks give a sign every five minutes where they are on.
fn history(networks: &[(u32, u8)], minutes: i64, on: impl Fn(i64, u32, u8) -> bool) -> Vec<Input> {
    history_in("KZ", networks, minutes, on)
}

fn history_in(country: &str, networks: &[(u32, u8)], minutes: i64, on: impl Fn(i64, u32, u8) -> bool) -> Vec<Input> {
    let mut inputs = Vec::new();
    for minute in 0..minutes {
        for &(network, probes) in networks {
            let due =
                (0..probes).filter(|&probe| (minute + i64::from(probe) * 3) % 5 == 0 && on(minute, network, probe));
            inputs.extend(due.map(|probe| beat_in(country, minute, network, probe)));
        }
        inputs.push(listening(minute));
    }
    inputs
}

fn run<'a>(inputs: impl IntoIterator<Item = &'a Input>) -> (Vec<Event>, Vec<Change>) {
    let mut detector = Detector::default();
    let changes = inputs.into_iter().flat_map(|input| detector.apply(input)).collect();
    (detector.events(), changes)
}

fn news(inputs: &[Input]) -> Vec<Event> {
    run(inputs).0.into_iter().filter(Event::is_news).collect()
}

fn minutes(time: Timestamp) -> i64 {
    (time.as_second() - at(0).as_second()) / 60
}

#[test]
fn a_network_that_falls_silent_is_a_shutdown() {
    let cut = 12 * HOUR + 3;
    let off = |minute| (cut..cut + 4 * HOUR).contains(&minute);
    let inputs = history(&[(1, 5), (2, 5)], DAY, |minute, network, _| network != 1 || !off(minute));
    let (events, changes) = run(&inputs);
    assert_eq!(events.len(), 1, "{events:#?}");
    let (event, affected) = (&events[0], &events[0].scope[0]);
    assert_eq!((event.kind, event.level, event.state), (Kind::Shutdown, Level::Confirmed, EventState::Closed));
    assert_eq!((affected.network.get(), affected.service.as_ref(), affected.probes), (1, None, 5));
    let delay = minutes(affected.confirmed.unwrap()) - cut;
    assert!((3..=10).contains(&delay), "{delay}");
    let onset = affected.onset;
    assert!(minutes(onset.earliest.unwrap()) < cut && minutes(onset.latest) > cut && minutes(onset.latest) <= cut + 6);
    let cleared = minutes(affected.cleared.unwrap()) - cut - 4 * HOUR;
    assert!((0..=5).contains(&cleared), "{cleared}");
    let pages: Vec<_> = changes.iter().filter(|change| change.pages()).collect();
    assert!(matches!(pages[..], [Change::Raised(_), Change::Closed(_)]), "{pages:#?}");
}

#[test]
fn three_networks_are_national_and_the_country_counts_as_one() {
    let cut = 12 * HOUR;
    // Networks of one or two probes that say little each.
    let small: Vec<_> = (1..=6).map(|network| (network, 1)).collect();
    let events = news(&history(&small, DAY, |minute, _, _| minute < cut));
    assert_eq!(events.len(), 1, "{events:#?}");
    assert_eq!((events[0].scope.len(), events[0].kind, events[0].state), (6, Kind::Shutdown, EventState::Open));
    assert_eq!(news(&history(&small, DAY, |minute, network, _| minute < cut || network > 2)), []);
}

#[test]
fn a_part_of_a_network_is_a_partial_shutdown() {
    let silent = |cut: i64, on: fn(u8) -> bool| {
        news(&history(&[(1, 10)], cut + 12 * HOUR, |minute, _, probe| minute < cut || on(probe)))
    };
    let events = silent(36 * HOUR, |probe| probe < 3);
    assert_eq!((events.len(), events[0].kind, events[0].scope[0].probes), (1, Kind::PartialShutdown, 7));
    // Three of ten may share a house, and on their first day they may all be laptops that are closed at that time.
    assert_eq!(silent(36 * HOUR, |probe| probe >= 3), []);
    assert_eq!(silent(12 * HOUR, |probe| probe < 3), []);
}

#[test]
fn one_probe_or_a_network_of_one_is_no_event() {
    let cut = 3 * DAY;
    assert_eq!(news(&history(&[(1, 5), (2, 1)], 4 * DAY, |minute, _, probe| minute < cut || probe > 0)), []);
}

#[test]
fn two_well_known_probes_suffice() {
    let history = |days: i64| {
        history(&[(1, 2), (2, 1)], (days + 1) * DAY, move |minute, network, _| network == 2 || minute < days * DAY)
    };
    assert_eq!(news(&history(1)).len(), 0);
    assert_eq!(news(&history(9)).len(), 1);
}

/// Five laptops are closed between 18:00 and 19:00, one after another, and opened in the morning.
#[test]
fn laptops_that_sleep_are_no_shutdown() {
    let asleep = |minute: i64, probe: u8| {
        let (day, time) = (minute / DAY, minute % DAY);
        let bedtime = 18 * HOUR + (i64::from(probe) * 17 + day * 23) % 60;
        time >= bedtime || time < 6 * HOUR + i64::from(probe) * 7
    };
    let inputs = history(&[(1, 5), (2, 3)], 8 * DAY, |minute, _, probe| !asleep(minute, probe));
    assert_eq!(news(&inputs), []);
}

#[test]
fn a_collector_that_was_down_hears_nobody_and_accuses_nobody() {
    let down = |minute: i64| (12 * HOUR..13 * HOUR).contains(&minute);
    // Afterwards the probes find it again one by one.
    let back =
        |minute: i64, probe: u8| !down(minute) && !(13 * HOUR..13 * HOUR + 5 * i64::from(probe)).contains(&minute);
    let mut inputs = history(&[(1, 5), (2, 5)], DAY, |minute, _, probe| back(minute, probe));
    inputs.retain(|input| !matches!(input, Input::Listening(listening) if down(minutes(listening.at))));
    assert_eq!(run(&inputs).0, []);
}

#[test]
fn a_collector_that_nobody_reaches_accuses_nobody() {
    let off = |minute: i64| (12 * HOUR..16 * HOUR).contains(&minute);
    let mut inputs = history(&[(1, 5), (2, 5)], DAY, |minute, _, _| !off(minute));
    for input in &mut inputs {
        if let Input::Listening(listening) = input {
            listening.controls = u32::from(!off(minutes(listening.at)));
        }
    }
    assert_eq!(run(&inputs).0, []);
}

#[test]
fn silence_in_three_countries_at_once_is_the_collectors_own() {
    let on = |minute, _, _| !(12 * HOUR..16 * HOUR).contains(&minute);
    let news = |countries: &[&str]| {
        let mut inputs: Vec<_> = countries.iter().flat_map(|country| history_in(country, &[(1, 5)], DAY, on)).collect();
        inputs.sort_by_key(|input| match input {
            Input::Heartbeat(beat) => (beat.at, 0),
            Input::Listening(listening) => (listening.at, 1),
            Input::Vote(_) | Input::Control(_) => unreachable!(),
        });
        let (events, changes) = run(&inputs);
        assert_eq!(changes.iter().any(Change::pages), countries.len() < 3);
        let noted = events.iter().filter(|event| event.notes() == [Note::Down]).count();
        (events.iter().filter(|event| event.is_news()).count(), noted)
    };
    assert_eq!(news(&["KZ", "RU"]), (2, 0));
    assert_eq!(news(&["KZ", "RU", "UA"]), (0, 3));
}

/// Reports that come later say that the line was cut: the brackets narrow. Or that all was well: then it was the way to the
/// collector that was closed.
#[test]
fn reports_that_come_later_refine_it() {
    let cut = 12 * HOUR + 2;
    let off = |minute| (cut..cut + 4 * HOUR).contains(&minute);
    let inputs = history(&[(1, 5), (2, 5)], DAY, |minute, network, _| network != 1 || !off(minute));
    let late = |outcome: Outcome| {
        let measured = (0..24).flat_map(|round| (0..5).map(move |probe| (cut + round * 10 + i64::from(probe), probe)));
        measured.map(|(minute, probe)| vote(minute, 1, probe, outcome)).collect::<Vec<_>>()
    };
    let plain = news(&inputs);
    let known = run(inputs.iter().chain(&late(CUT))).0;
    let (plain, known) = (&plain[0].scope[0], &known[0].scope[0]);
    assert!(known.onset.latest < plain.onset.latest && known.onset.latest >= at(cut), "{known:#?}");
    let (plain, known) = (plain.end.unwrap(), known.end.unwrap());
    assert!(
        known.earliest > plain.earliest && known.earliest <= Some(at(cut + 4 * HOUR)) && known.latest == plain.latest
    );
    let (events, changes) = run(inputs.iter().chain(&late(Outcome::Reachable)));
    assert_eq!(events, []);
    assert!(matches!(changes.last(), Some(Change::Retracted(_))));
}

/// What stands inside the country may answer while the line abroad is cut.
#[test]
fn domestic_sites_that_answer_refute_nothing() {
    let cut = 12 * HOUR + 2;
    let inputs = history(&[(1, 5), (2, 5)], DAY, |minute, network, _| network != 1 || minute < cut);
    let rounds = (0..20).flat_map(|round| {
        let minute = cut + 5 + round * 10;
        (0..5).flat_map(move |probe| [vote(minute, 1, probe, CUT), vote(minute + 1, 1, probe, Outcome::Reachable)])
    });
    let events = run(&inputs.iter().cloned().chain(rounds).collect::<Vec<_>>()).0;
    assert_eq!((events.len(), events[0].kind), (1, Kind::Shutdown));
}

#[test]
fn phones_that_go_home_are_not_silent() {
    let home = 12 * HOUR;
    let mut inputs = Vec::new();
    for minute in 0..DAY {
        for probe in (0..5).filter(|probe| (minute + i64::from(*probe) * 3) % 5 == 0) {
            let moved = Heartbeat {
                at: at(minute),
                probe: id(1, probe),
                country: "KZ".parse().unwrap(),
                network: Asn::new(if minute < home { 1 } else { 2 }).unwrap(),
                neighbourhood: None,
                enrolled: None,
            };
            inputs.push(Input::Heartbeat(moved));
        }
        inputs.push(listening(minute));
    }
    assert_eq!(run(&inputs).0, []);
}

/// Every night from 18:30 to 02:30 for six nights, after thirty hours of silence: none is learned to be usual.
#[test]
fn a_shutdown_and_six_curfews_are_seven_events() {
    let off = |minute: i64| {
        let curfew = (0..6).any(|night| {
            let begins = (5 + night) * DAY + 18 * HOUR + 30;
            (begins..begins + 8 * HOUR).contains(&minute)
        });
        (2 * DAY..2 * DAY + 30 * HOUR).contains(&minute) || curfew
    };
    let inputs = history(&[(1, 4), (2, 3), (3, 3)], 16 * DAY, |minute, _, _| !off(minute));
    let mut detector = Detector::default();
    let changes: Vec<_> = inputs.iter().flat_map(|input| detector.apply(input)).collect();
    let paged = changes.iter().filter(|change| change.pages());
    let told: BTreeSet<_> = paged.clone().map(|change| change.event().id.clone()).collect();
    assert_eq!(told.len(), 7);
    assert_eq!(paged.clone().filter(|change| matches!(change, Change::Closed(_))).count(), 7);
    assert!(paged.clone().all(|change| !matches!(change, Change::Retracted(_))));
    assert!(changes.iter().any(|change| change.event().level == Level::National));
    assert!(detector.events().len() <= 5, "what is long over is forgotten");
    assert!(serde_json::to_string(&detector).unwrap().len() < 40_000);
}

#[test]
fn a_flood_of_new_probes_that_leave_is_no_shutdown() {
    let mut inputs = history(&[(1, 5), (2, 5)], DAY, |_, _, _| true);
    let flood = (0..12 * HOUR).step_by(5).flat_map(|minute| {
        (100..200).map(move |probe| {
            let Input::Heartbeat(beat) = beat_in("KZ", minute, 1, probe) else { unreachable!() };
            Input::Heartbeat(Heartbeat { enrolled: Some(at(0)), ..beat })
        })
    });
    inputs.splice(0..0, flood);
    assert_eq!(news(&inputs), []);
}

/// Nor where nobody else is and they stay for days, as long as somebody older measures in the country.
#[test]
fn a_flood_that_leaves_a_network_of_its_own_is_no_shutdown() {
    let enrolled = |probe: u8| DAY * i64::from(probe % 3);
    let flood = (0..6 * DAY).step_by(5).flat_map(|minute| {
        (100..112).filter(move |probe| minute >= enrolled(*probe)).map(move |probe| {
            let Input::Heartbeat(beat) = beat_in("KZ", minute, 7, probe) else { unreachable!() };
            Input::Heartbeat(Heartbeat { enrolled: Some(at(enrolled(probe))), ..beat })
        })
    });
    let flood: Vec<_> = flood.collect();
    let with =
        |others: &[(u32, u8)]| news(&[flood.clone(), history(others, 6 * DAY + 2 * HOUR, |_, _, _| true)].concat());
    assert_eq!(with(&[]).len(), 1, "nobody is older");
    assert_eq!(with(&[(1, 3)]), []);
}

/// Facts that come up to 20 hours late, over days, make the same events in the end.
#[test]
fn lateness_changes_nothing() {
    let off = |minute: i64| (DAY..DAY + 30 * HOUR).contains(&minute) || (66 * HOUR..66 * HOUR + 90).contains(&minute);
    let mut inputs = history(&[(1, 4), (2, 3)], 3 * DAY, |minute, network, probe| {
        !(off(minute) && network == 1) && (minute / 97 + i64::from(probe)) % 11 != 0
    });
    let stored =
        (DAY..DAY + 30 * HOUR).step_by(10).map(|minute| vote(minute, 1, u8::try_from(minute / 10 % 4).unwrap(), CUT));
    inputs.extend(stored);
    let moment = |input: &Input| match input {
        Input::Heartbeat(beat) => minutes(beat.at),
        Input::Listening(listening) => minutes(listening.at),
        Input::Vote(vote) => minutes(vote.at),
        Input::Control(_) => unreachable!(),
    };
    inputs.sort_by_key(moment);
    let (in_order, _) = run(&inputs);
    assert_eq!(in_order.iter().filter(|event| event.is_news()).count(), 2, "{in_order:#?}");
    let mut numbered: Vec<_> = (0_i64..).zip(inputs).collect();
    numbered.sort_by_key(|(number, input)| {
        let latest = if matches!(input, Input::Listening(_)) { 5 } else { 20 * HOUR };
        moment(input) + number * 7919 % latest
    });
    let late: Vec<_> = numbered.into_iter().map(|(_, input)| input).collect();
    let scopes = |events: Vec<Event>| events.into_iter().map(|event| (event.state, event.scope)).collect::<Vec<_>>();
    assert_eq!(scopes(run(&late).0), scopes(in_order));
}

fn any_input() -> impl Strategy<Value = Input> {
    let minute = 0_i64..600;
    let beat = (minute.clone(), 1u32..3, 0u8..3)
        .prop_map(|(minute, network, probe)| beat_in("KZ", minute / 5 * 5, network, probe));
    let outcome = prop_oneof![Just(CUT), Just(Outcome::Reachable)];
    let vote = (minute.clone(), 1u32..3, 0u8..3, outcome)
        .prop_map(|(minute, network, probe, outcome)| vote(minute, network, probe, outcome));
    let listening =
        (minute, 0u32..2).prop_map(|(minute, controls)| Input::Listening(Listening { at: at(minute), controls }));
    prop_oneof![1 => beat, 1 => vote, 1 => listening]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(6))]

    /// A whole history with holes, and some facts more, in two orders; saved and restored on the way.
    #[test]
    fn any_order_gives_the_same_silence(
        cuts in proptest::collection::vec((0i64..600, 10i64..300, 1u32..4), 0..4),
        more in proptest::collection::vec(any_input(), 0..60),
        gaps in proptest::collection::vec(0i64..600, 0..3),
        seed in any::<u64>(),
    ) {
        let off = |minute: i64, network: u32| cuts.iter().any(|&(from, long, which)| (from..from + long).contains(&minute) && which & network != 0);
        let mut inputs = history(&[(1, 3), (2, 4)], 700, |minute, network, _| !off(minute, network));
        inputs.retain(|input| !matches!(input, Input::Listening(listening) if gaps.iter().any(|gap| (*gap..gap + 9).contains(&minutes(listening.at)))));
        inputs.extend(more);
        let (in_order, _) = run(&inputs);
        let mut shuffled: Vec<_> = (0u64..).zip(&inputs).collect();
        shuffled.sort_by_key(|(number, _)| number.wrapping_mul(0x9e37_79b9_7f4a_7c15 ^ seed << 1).rotate_left(29));
        let mut detector = Detector::default();
        for (place, (_, input)) in shuffled.into_iter().enumerate() {
            detector.apply(input);
            if place % 997 == 500 {
                let restored: Detector = serde_json::from_str(&serde_json::to_string(&detector).unwrap()).unwrap();
                prop_assert_eq!(&restored, &detector);
                detector = restored;
            }
        }
        let content = |events: Vec<Event>| events.into_iter().map(|event| (event.state, event.scope)).collect::<Vec<_>>();
        prop_assert_eq!(content(detector.events()), content(in_order));
    }
}
