//! The sequential test: how many votes of how many probes it takes.
//!
//! Page's CUSUM over log likelihood ratios, the quickest test there is for a given rate of false alarms (Lorden). Two
//! hypotheses: a probe finds a service blocked with probability 0.05 while nothing happens (what bad lines and odd resolvers
//! leave after the verdict rules), and with 0.9 while it is blocked. Every vote adds the logarithm of how much likelier it is
//! under the one than under the other; below zero the test starts anew.

use std::collections::BTreeMap;

use kedergi_wire::ProbeId;
use serde::{Deserialize, Serialize};

/// What a blocked vote weighs: ln(0.9 / 0.05). In thousandths, and whole, so that a saved state is restored to the digit.
pub(crate) const BLOCKED: i32 = 2890;
/// What any other vote weighs against it: ln(0.95 / 0.1).
pub(crate) const CLEAR: i32 = 2251;
/// What it takes: e^6.5, or 665 to 1. Three votes of either kind suffice, two never do.
const ENOUGH: i32 = 6500;
/// Votes of one probe that count in one test. Two of the heavier kind stay below [`ENOUGH`]: a single probe, be it broken or
/// lying, opens and closes nothing. Its votes are not independent either, which the theory asks for.
const VOTES_PER_PROBE: u8 = 2;

/// One test under way.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Test {
    score: i32,
    counted: BTreeMap<ProbeId, u8>,
}

impl Test {
    /// Whether nothing speaks for the change.
    pub(crate) fn is_idle(&self) -> bool {
        self.counted.is_empty()
    }

    /// A vote for the change. Returns whether that is enough; the test then starts anew.
    pub(crate) fn favour(&mut self, probe: ProbeId, weight: i32) -> bool {
        let counted = self.counted.entry(probe).or_default();
        if *counted < VOTES_PER_PROBE {
            *counted += 1;
            self.score += weight;
        }
        let enough = self.score >= ENOUGH;
        if enough {
            *self = Self::default();
        }
        enough
    }

    /// A vote against it. Returns whether nothing is left of the test.
    pub(crate) fn oppose(&mut self, weight: i32) -> bool {
        self.score -= weight;
        if self.score <= 0 {
            *self = Self::default();
        }
        self.is_idle()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: ProbeId = ProbeId([1; 32]);
    const B: ProbeId = ProbeId([2; 32]);

    #[test]
    fn the_weights_are_the_logarithms_they_say() {
        let thousandths = |ratio: f64| (ratio.ln() * 1000.0).round();
        assert_eq!(thousandths(0.9 / 0.05), f64::from(BLOCKED));
        assert_eq!(thousandths(0.95 / 0.1), f64::from(CLEAR));
    }

    #[test]
    fn three_votes_of_two_probes_suffice_and_a_hundred_of_one_do_not() {
        for weight in [BLOCKED, CLEAR] {
            let mut test = Test::default();
            assert!(!(0..100).any(|_| test.favour(A, weight)));
            assert!(test.favour(B, weight));
            assert!(!test.favour(A, weight) && !test.favour(B, weight));
        }
    }

    #[test]
    fn what_speaks_against_it_wears_it_down() {
        let mut test = Test::default();
        test.favour(A, BLOCKED);
        assert!(!test.oppose(CLEAR));
        assert!(test.oppose(CLEAR));
    }
}
