//! What a country's habits are taken to be, what comes of them, and that the order of facts plays no part.

use jiff::{SignedDuration, Timestamp};
use kedergi_verdict::{How, Outcome, RuleId, TcpManner};
use kedergi_wire::{Asn, ProbeId};
use proptest::prelude::*;

use super::*;
use crate::scenario::noise::{below, happens};
use crate::{Affected, Change, ControlVote, Detector, Event, EventState, Input, Instrument, Source, Vote};

const BLOCKED: Outcome = Outcome::Blocked { how: How::Tcp(TcpManner::Timeout) };
const MINUTE: i64 = 60;
const HOUR: i64 = 60 * MINUTE;
/// In seconds; the days of the tests are counted from 9 May 2019.
const DAYS: i64 = 24 * HOUR;
const EVENING: std::ops::Range<i64> = 15 * HOUR..20 * HOUR;

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_557_360_000 + second).unwrap()
}

fn moment(second: i64) -> Moment {
    Moment::of(at(second)).unwrap()
}

fn asn(network: u32) -> Asn {
    Asn::new(64_500 + network).unwrap()
}

/// Probes of one network, each once in a while.
#[derive(Clone, Copy)]
struct Crowd {
    country: &'static str,
    network: u32,
    probes: u8,
    period: i64,
    from: i64,
    until: i64,
    /// Share that fails by day, and in the evening.
    noise: [f64; 2],
    /// From when until when it is blocked.
    block: (i64, i64),
}

const CROWD: Crowd = Crowd {
    country: "KZ",
    network: 0,
    probes: 3,
    period: 30 * MINUTE,
    from: 0,
    until: 0,
    noise: [0.01, 0.01],
    block: (0, 0),
};

impl Crowd {
    fn votes(self, seed: u64) -> Vec<(i64, Input)> {
        let phase = |probe: u8| self.period * i64::from(probe) / i64::from(self.probes);
        let times = |probe| (self.from + phase(probe)..self.until).step_by(usize::try_from(self.period).unwrap());
        let all = (0..self.probes).flat_map(|probe| times(probe).map(move |second| (probe, second)));
        all.map(|(probe, second)| (second, self.vote(probe, second, seed))).collect()
    }

    fn vote(self, probe: u8, second: i64, seed: u64) -> Input {
        let evening = EVENING.contains(&(second % DAYS));
        let draw = [second.unsigned_abs(), self.network.into(), probe.into()];
        let cut = (self.block.0..self.block.1).contains(&second);
        let mut id = [probe; 32];
        id[0] = u8::try_from(self.network).unwrap();
        Input::Vote(Vote {
            at: at(second),
            country: self.country.parse().unwrap(),
            network: asn(self.network),
            service: "a".parse().unwrap(),
            source: Source::probe(ProbeId(id)),
            outcome: if cut || happens(self.noise[usize::from(evening)], seed, &draw) {
                BLOCKED
            } else {
                Outcome::Reachable
            },
            rule: RuleId("tcp-timeout".into()),
            trigger: None,
            resolver: None,
            sureness: None,
            slowness: None,
            instrument: Instrument::default(),
            report: None,
        })
    }
}

fn controls(until: i64) -> impl Iterator<Item = (i64, Input)> {
    let up = |second| ControlVote {
        at: at(second),
        service: "a".parse().unwrap(),
        reachable: true,
        control: None,
        country: None,
    };
    (0..until).step_by(600).map(move |second| (second, Input::Control(up(second))))
}

fn run(mut inputs: Vec<(i64, Input)>) -> (Detector, Vec<Change>) {
    inputs.sort_by_key(|&(arrival, _)| arrival);
    let mut detector = Detector::default();
    let changes = inputs.iter().flat_map(|(_, input)| detector.apply(input)).collect();
    (detector, changes)
}

fn presumed(detector: &Detector, country: &str, second: i64) -> Presumed {
    let time = usize::try_from(second.rem_euclid(DAYS) / HOUR).unwrap();
    detector.habits().of(country.parse().unwrap()).presumed(Layer::Tcp, moment(second), time)
}

/// Three networks that are there for long, in a country where much fails in the evening.
fn old_ones(until: i64) -> Vec<(i64, Input)> {
    let old = |network| Crowd { network, until, noise: [0.01, 0.2], ..CROWD };
    (0..3).flat_map(|network| old(network).votes(1)).collect()
}

#[test]
fn a_country_s_evenings_are_presumed_of_a_new_network() {
    const BEFORE: i64 = 8 * DAYS;
    const UNTIL: i64 = 10 * DAYS;
    let new = |network| Crowd {
        network,
        probes: 5,
        period: 10 * MINUTE,
        from: BEFORE,
        until: UNTIL,
        noise: [0.01, 0.2],
        ..CROWD
    };
    let new_ones: Vec<_> = (10..16).flat_map(|network| new(network).votes(1)).chain(controls(UNTIL)).collect();
    let pages = |changes: &[Change]| changes.iter().filter(|change| change.pages()).count();
    let (detector, changes) = run([old_ones(UNTIL), new_ones.clone()].concat());
    let [noon, evening] = [9 * HOUR, 17 * HOUR].map(|time| presumed(&detector, "KZ", 9 * DAYS + time));
    assert!((20..60).contains(&noon.usual) && noon.rise < 10, "{noon:?}");
    assert!(evening.usual == noon.usual && (70..=150).contains(&evening.rise), "{evening:?}");
    assert_eq!(pages(&changes), 0, "{changes:#?}");
    // Without those that were there before, the first evenings look like blocks.
    assert!(pages(&run(new_ones).1) >= 5);
}

#[test]
fn where_nothing_of_a_country_is_known_the_world_is_presumed() {
    let until = 6 * DAYS;
    let country = |country, network| Crowd { country, network, until, noise: [0.08, 0.08], ..CROWD };
    let crowds = [country("KZ", 0), country("RU", 1), country("UA", 2)];
    let (detector, _) = run(crowds.iter().flat_map(|crowd| crowd.votes(1)).collect());
    let new = presumed(&detector, "UZ", 5 * DAYS + HOUR);
    assert!((22..50).contains(&new.usual) && new.rise == 0, "{new:?}");
    assert_eq!(presumed(&detector, "KZ", 50 * DAYS), Presumed { usual: PRIOR.rate, rise: 0 }, "of no known day");
}

#[test]
fn one_that_fails_all_the_time_does_not_drag_the_others_along() {
    let learned = |blocked: u32| {
        let times = [[u16::try_from(blocked * 40 / 24).unwrap(), 4000 / 24]; TIMES];
        Learned::new(Layer::Tcp, [blocked * 40, 4000], times)
    };
    let usual = |blocked: &[u32]| {
        let mut sum = Sum::default();
        blocked.iter().for_each(|&blocked| sum.add(&[learned(blocked)], Layer::Tcp));
        sum.habit(20)
    };
    assert!(usual(&[1, 1, 1]).usual < 20);
    assert!(usual(&[1, 1, 100]).usual < 40);
    assert_eq!(usual(&[1, 1, 100]).rise, [0; TIMES]);
    assert!(usual(&[20, 20, 20]).usual > 120);
}

#[test]
fn what_is_long_past_is_forgotten_and_what_is_quiet_is_kept() {
    let quiet = Crowd { network: 9, until: 3 * DAYS, ..CROWD };
    let (detector, _) = run([old_ones(20 * DAYS), quiet.votes(1)].concat());
    let days: Vec<_> = detector.habits().0.keys().map(|known| known - day(moment(0))).collect();
    assert_eq!(days, [1, 2, 17, 18, 19]);
}

/// The events that went on after a time, but for their names: what is long over is forgotten sooner or later.
fn content(detector: &Detector, after: Timestamp) -> Vec<(EventState, Vec<Affected>)> {
    let goes_on = |event: &Event| event.scope.iter().any(|one| one.cleared.is_none_or(|cleared| cleared >= after));
    let events = detector.events().into_iter().filter(goes_on);
    let mut content: Vec<_> = events.map(|event| (event.state, event.scope)).collect();
    content.sort_by_key(|(_, scope)| scope.iter().map(|one| (one.onset.latest, one.network)).min());
    content
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    /// Each fact comes up to a horizon late.
    #[test]
    fn lateness_changes_nothing(seed in any::<u64>(), late in prop_oneof![Just(HOUR), Just(8 * HOUR), Just(DAYS)], place in any::<prop::sample::Index>()) {
        let until = 5 * DAYS;
        let crowd = |country, network, block| Crowd { country, network, until, noise: [0.02, 0.25], block, ..CROWD };
        let block = 3 * DAYS + i64::try_from(below(40, seed, &[0])).unwrap() * HOUR;
        let crowds = [crowd("KZ", 0, (block, block + 9 * HOUR)), crowd("KZ", 1, (0, 0)), crowd("RU", 2, (0, 0))];
        let on_time: Vec<_> = crowds.iter().flat_map(|crowd| crowd.votes(seed)).chain(controls(until)).collect();
        let mut delayed: Vec<_> = (1..).zip(&on_time).map(|(number, (second, input))| {
            let late = below(late.unsigned_abs(), seed, &[number]);
            (second + i64::try_from(late).unwrap(), input.clone())
        }).collect();
        delayed.sort_by_key(|&(arrival, _)| arrival);
        let (in_order, _) = run(on_time);
        let mut detector = Detector::default();
        let saved = place.index(delayed.len());
        for (number, (_, input)) in delayed.iter().enumerate() {
            if number == saved {
                detector = serde_json::from_str(&serde_json::to_string(&detector).unwrap()).unwrap();
            }
            detector.apply(input);
        }
        prop_assert_eq!(detector.too_late(), 0);
        for country in ["KZ", "RU", "UZ"] {
            for second in [4 * DAYS - HOUR, 4 * DAYS + HOUR, 4 * DAYS + 17 * HOUR] {
                prop_assert_eq!(presumed(&detector, country, second), presumed(&in_order, country, second));
            }
        }
        // Any one hour may have been spared by chance.
        let mut evening = (4 * DAYS + EVENING.start..4 * DAYS + EVENING.end).step_by(3600);
        prop_assert!(evening.any(|hour| presumed(&detector, "KZ", hour).rise > 0));
        prop_assert_eq!(content(&detector, at(3 * DAYS)), content(&in_order, at(3 * DAYS)));
    }
}

/// A series may be behind the others: what it learned then is left out.
#[test]
fn a_stray_vote_of_long_ago_changes_no_habit() {
    let (mut detector, _) = run(old_ones(5 * DAYS));
    let before = presumed(&detector, "KZ", 4 * DAYS + 17 * HOUR);
    let stray = Crowd { network: 7, from: -40 * DAYS, until: -39 * DAYS, ..CROWD };
    stray.votes(1).iter().for_each(|(_, input)| drop(detector.apply(input)));
    assert_eq!(presumed(&detector, "KZ", 4 * DAYS + 17 * HOUR), before);
    assert_eq!(detector.too_late(), 0);
    let long_ago = presumed(&detector, "KZ", -40 * DAYS + SignedDuration::from_hours(17).as_secs());
    assert_eq!(long_ago, Presumed { usual: PRIOR.rate, rise: 0 });
}
