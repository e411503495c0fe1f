//! Sources that name no probes: what it takes until they are believed.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use kedergi_verdict::{How, Outcome, RuleId, TlsManner};
use kedergi_wire::Asn;

use crate::scenario::noise::{below, happens};
use crate::{Change, ControlVote, Detector, Event, EventState, Input, Instrument, Level, Source, Vote};

const BLOCKED: Outcome = Outcome::Blocked { how: How::Tls(TlsManner::Timeout) };

/// What is measured of one service on one network: so many an hour, at random seconds, all through one resolver's network.
#[derive(Clone, Copy)]
struct Crowd {
    hours: i64,
    an_hour: u32,
    /// Share that fails by chance.
    noise: f64,
    /// How sure the source is of what it calls blocked.
    sureness: u16,
    /// Blocked from this hour to that.
    block: (i64, i64),
}

const QUIET: Crowd = Crowd { hours: 24 * 14, an_hour: 2, noise: 0.02, sureness: 900, block: (0, 0) };

fn at(hour: i64, second: i64) -> Timestamp {
    Timestamp::from_second(1_557_300_000).unwrap() + SignedDuration::from_secs(hour * 3600 + second)
}

fn vote(at: Timestamp, blocked: bool, sureness: u16) -> Input {
    Input::Vote(Vote {
        at,
        country: "KZ".parse().unwrap(),
        network: Asn::new(64500).unwrap(),
        service: "a".parse().unwrap(),
        source: Source::Anonymous { resolver_network: Asn::new(64501) },
        outcome: if blocked { BLOCKED } else { Outcome::Reachable },
        rule: RuleId("score".into()),
        trigger: None,
        resolver: None,
        sureness: blocked.then_some(sureness),
        slowness: None,
        instrument: Instrument::default(),
        report: None,
    })
}

fn play(crowd: Crowd, seed: u64) -> (Detector, Vec<Change>) {
    let (mut detector, mut changes) = (Detector::default(), Vec::new());
    for hour in 0..crowd.hours {
        let place = |which: u32, what: u64| [hour.unsigned_abs(), which.into(), what];
        let draw = |which| i64::try_from(below(3600, seed, &place(which, 0))).unwrap();
        let mut seconds: Vec<i64> = (0..crowd.an_hour).map(draw).collect();
        seconds.sort_unstable();
        for (which, second) in (0..).zip(seconds) {
            let cut = (crowd.block.0..crowd.block.1).contains(&hour) && happens(0.9, seed, &place(which, 1));
            let blocked = cut || happens(crowd.noise, seed, &place(which, 2));
            let at = at(hour, second);
            changes.extend(detector.apply(&vote(at, blocked, crowd.sureness)));
            changes.extend(detector.apply(&up(at)));
        }
    }
    (detector, changes)
}

fn up(at: Timestamp) -> Input {
    Input::Control(ControlVote { at, service: "a".parse().unwrap(), reachable: true, control: None, country: None })
}

/// The events as last told, forgotten ones too.
fn told(changes: Vec<Change>) -> Vec<Event> {
    let mut events = BTreeMap::new();
    for change in changes {
        let event = change.event().clone();
        match change {
            Change::Retracted(_) => events.remove(&event.id),
            Change::Opened(_) | Change::Grew(_) | Change::Raised(_) | Change::Updated(_) | Change::Closed(_) => {
                events.insert(event.id.clone(), event)
            }
        };
    }
    events.into_values().filter(|event| event.level >= Level::Confirmed).collect()
}

#[test]
fn a_block_is_confirmed_by_hours_through_one_resolver() {
    for (an_hour, sureness, within) in [(1, 1000, 5), (1, 600, 8), (2, 900, 3), (2, 500, 5), (3, 700, 3)] {
        let mut late = Vec::new();
        for seed in 0..20 {
            let (_, changes) = play(Crowd { an_hour, sureness, block: (200, 224), ..QUIET }, seed);
            let events = told(changes);
            assert_eq!(events.len(), 1, "{an_hour} an hour, {sureness}: {events:#?}");
            let confirmed = events[0].reached.confirmed.unwrap();
            late.push(confirmed.duration_since(at(200, 0)).as_secs());
            assert!(
                events[0].state == EventState::Closed && events[0].end().unwrap().latest >= at(221, 0),
                "{an_hour} {sureness} {seed} {:?}",
                events[0].scope
            );
        }
        late.sort_unstable();
        assert!(late[10] <= within * 3600 && late[19] <= 2 * within * 3600, "{an_hour} an hour, {sureness}: {late:?}");
    }
}

#[test]
fn noise_confirms_nothing() {
    for (noise, sureness) in [(0.02, 900), (0.05, 900), (0.05, 300), (0.1, 600)] {
        for seed in 0..10 {
            let (_, changes) = play(Crowd { noise, sureness, hours: 24 * 60, ..QUIET }, seed);
            assert!(!changes.iter().any(Change::pages), "{noise}, {sureness}, seed {seed}: {changes:#?}");
        }
    }
}

/// One machine that fails for a quarter of an hour is one or two sources, by where the hour turns.
#[test]
fn one_bad_line_at_the_turn_of_an_hour_confirms_nothing() {
    let calm = (0..100).flat_map(|hour| [(hour, 300), (hour, 2000)]).map(|(hour, second)| (at(hour, second), false));
    let bad = [3300, 3360, 3420, 3480, 3540, 3610, 3670, 3730].map(|second| (at(100, second), true));
    let mut detector = Detector::default();
    let inputs = calm.chain(bad).flat_map(|(at, blocked)| [vote(at, blocked, 1000), up(at)]);
    let changes: Vec<_> = inputs.flat_map(|input| detector.apply(&input)).collect();
    assert!(!changes.iter().any(Change::pages), "{changes:#?}");
}

/// Who is heard for an hour and never again leaves nothing behind.
#[test]
fn months_take_no_more_room_than_weeks() {
    let size = |hours| serde_json::to_string(&play(Crowd { hours, noise: 0.05, ..QUIET }, 1).0).unwrap().len();
    let (weeks, months) = (size(24 * 90), size(24 * 180));
    assert!(months < weeks * 6 / 5, "{weeks} {months}");
}
