//! The laws of order and restart for all that the detector reads at once: verdicts, pairs, signs of life, what was listened to.

use std::collections::BTreeSet;

use kedergi_verdict::{Compared, Outcome, Pace, Why};
use kedergi_wire::{Altered, Asn, ProbeId};
use proptest::prelude::*;

use super::{BLOCKED, at, content, control, run, vote};
use crate::{Detector, Event, Heartbeat, Input, Kind, Listening, Vote};

const MINUTES: i64 = 600;
const NETWORKS: u8 = 2;
const PROBES: u8 = 3;
/// Of one of these a part may be blocked, the other slowed down.
const BLOCKABLE: u8 = 0;
const SLOWABLE: u8 = 1;

/// From which minute on, how many minutes, on which networks (a bit each).
type While = (i64, i64, u8);

/// What happens in ten hours.
#[derive(Debug, Clone, Default)]
struct History {
    blocked: Vec<While>,
    slowed: Vec<While>,
    /// Nobody is heard; what was measured meanwhile found the line cut.
    silent: Vec<While>,
    /// The collector does not listen.
    deaf: Vec<While>,
}

fn holds(whiles: &[While], minute: i64, network: u8) -> bool {
    whiles.iter().any(|&(from, long, which)| (from..from + long).contains(&minute) && which >> network & 1 == 1)
}

impl History {
    /// All that is said, in order.
    fn inputs(&self) -> Vec<Input> {
        let mut inputs = Vec::new();
        for minute in 0..MINUTES {
            for network in 0..NETWORKS {
                for probe in 0..PROBES {
                    self.probe(&mut inputs, minute, network, probe);
                }
            }
            if minute % 10 == 0 {
                inputs.extend([BLOCKABLE, SLOWABLE].map(|service| control(minute * 60, service, true)));
            }
            if !holds(&self.deaf, minute, 0) {
                inputs.push(Input::Listening(Listening { at: at(minute * 60), controls: 1 }));
            }
        }
        inputs
    }

    /// What one probe says in one minute, if it is its turn.
    fn probe(&self, inputs: &mut Vec<Input>, minute: i64, network: u8, probe: u8) {
        let (turn, silent) = (minute + 3 * i64::from(probe), holds(&self.silent, minute, network));
        if turn % 5 == 0 && !silent {
            inputs.push(beat(minute, network, probe));
        }
        if turn % 10 == 0 {
            let blocked = if holds(&self.blocked, minute, network) { BLOCKED } else { Outcome::Reachable };
            let cut = Outcome::Inconclusive { why: Why::NoConnectivity };
            inputs.push(vote(minute * 60, network, BLOCKABLE, probe, if silent { cut } else { blocked }));
            inputs.push(
                self.compared(minute, network, probe)
                    .unwrap_or_else(|| vote(minute * 60, network, SLOWABLE, probe, cut)),
            );
        }
    }

    /// A service compared with a control host.
    fn compared(&self, minute: i64, network: u8, probe: u8) -> Option<Input> {
        let slow = holds(&self.slowed, minute, network);
        let outcome = if slow { Outcome::Throttled } else { Outcome::Reachable };
        let Input::Vote(vote) = vote(minute * 60, network, SLOWABLE, probe, outcome) else { return None };
        let noise = i32::try_from((minute * 37 + i64::from(probe) * 101) % 300).unwrap_or(0) - 150;
        let compared = Some(Compared { altered: Altered::TargetNameElsewhere, pairs: 1 + probe });
        let slowness = Some(Pace { slowness: noise + if slow { 900 } else { 0 }, regime: None, compared });
        (!holds(&self.silent, minute, network)).then_some(Input::Vote(Vote { slowness, ..vote }))
    }
}

/// A sign of life of the probe that votes under this number.
fn beat(minute: i64, network: u8, probe: u8) -> Input {
    Input::Heartbeat(Heartbeat {
        at: at(minute * 60),
        probe: ProbeId([network * 16 + probe; 32]),
        country: "KZ".parse().unwrap(),
        network: Asn::new(u32::from(network) + 1).unwrap(),
        neighbourhood: None,
        enrolled: None,
    })
}

fn whiles() -> impl Strategy<Value = Vec<While>> {
    proptest::collection::vec((0..MINUTES, 20i64..240, 1u8..4), 0..3)
}

fn any_history() -> impl Strategy<Value = History> {
    (whiles(), whiles(), whiles(), proptest::collection::vec((0..MINUTES, 1i64..60, Just(1u8)), 0..3))
        .prop_map(|(blocked, slowed, silent, deaf)| History { blocked, slowed, silent, deaf })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4))]

    #[test]
    fn any_order_and_any_restart_give_the_same_events(
        (inputs, shuffled) in any_history().prop_flat_map(|history| (Just(history.inputs()), Just(history.inputs()).prop_shuffle())),
        restarts in proptest::collection::vec(any::<prop::sample::Index>(), 1..4),
    ) {
        let (in_order, _) = run(&inputs);
        let restarts: BTreeSet<_> = restarts.iter().map(|place| place.index(shuffled.len())).collect();
        let mut detector = Detector::default();
        for (place, input) in shuffled.iter().enumerate() {
            detector.apply(input);
            if restarts.contains(&place) {
                let saved = serde_json::to_string(&detector).unwrap();
                let restored = serde_json::from_str(&saved).unwrap();
                prop_assert_eq!(&detector, &restored);
                detector = restored;
            }
        }
        prop_assert_eq!(content(&detector.events()), content(&in_order.events()));
        prop_assert_eq!(detector.too_late(), 0);
    }
}

/// Such histories do have events of every kind.
#[test]
fn mixed_histories_are_not_idle() {
    let history = History {
        blocked: vec![(200, 90, 3)],
        slowed: vec![(320, 120, 3)],
        silent: vec![(470, 60, 1)],
        deaf: vec![(100, 30, 1)],
    };
    let kinds: BTreeSet<_> = run(&history.inputs())
        .0
        .events()
        .iter()
        .filter(|event| Event::is_news(event))
        .map(|event| event.kind)
        .collect();
    assert_eq!(kinds, BTreeSet::from([Kind::Block, Kind::Throttling, Kind::Shutdown]));
    let deafened = History { deaf: vec![(465, 70, 1)], ..history };
    let events = run(&deafened.inputs()).0.events();
    assert!(events.iter().all(|event| event.kind != Kind::Shutdown), "what nobody listened to is no silence");
}
