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
    ///
    /// Each further vote of a probe counts half of the one before, together never more than two: votes of one line are not
    /// independent, which the sum presumes. See [`enough`] for what follows.
    pub(crate) fn favour(&mut self, probe: ProbeId, weight: i32) -> bool {
        let counted = self.counted.entry(probe).or_default();
        self.score += weight.checked_shr(u32::from(*counted)).unwrap_or(0);
        *counted = counted.saturating_add(1);
        let enough = self.score >= enough(weight);
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

/// What votes of this weight must add up to: those of three probes, or two each of two. For blocked votes that is 8.67, or
/// 5800 to 1, for others 6.75, or 860 to 1: a false alarm is worse than a late end. A single probe, be it broken or lying,
/// opens and closes nothing, and a lost packet elsewhere does not help it.
const fn enough(weight: i32) -> i32 {
    2 * (weight + weight / 2)
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: ProbeId = ProbeId([1; 32]);
    const B: ProbeId = ProbeId([2; 32]);
    const C: ProbeId = ProbeId([3; 32]);

    #[test]
    fn the_weights_are_the_logarithms_they_say() {
        let thousandths = |ratio: f64| (ratio.ln() * 1000.0).round();
        assert_eq!(thousandths(0.9 / 0.05), f64::from(BLOCKED));
        assert_eq!(thousandths(0.95 / 0.1), f64::from(CLEAR));
    }

    fn is_enough(votes: &[ProbeId]) -> bool {
        let all = |weight| {
            let mut test = Test::default();
            votes.iter().map(|&probe| test.favour(probe, weight)).collect::<Vec<_>>()
        };
        let (blocked, clear) = (all(BLOCKED), all(CLEAR));
        assert_eq!(blocked, clear);
        blocked.contains(&true)
    }

    #[test]
    fn three_probes_or_two_twice_are_enough() {
        assert!(is_enough(&[A, B, C]));
        assert!(is_enough(&[A, A, B, B]));
        assert!(!is_enough(&[A, B]) && !is_enough(&[A, A, B]));
    }

    #[test]
    fn one_probe_is_not_nor_with_a_chance_vote_of_another() {
        assert!(!is_enough(&[A; 300]));
        assert!(!is_enough(&[&[A; 300][..], &[B]].concat()));
    }

    #[test]
    fn what_speaks_against_it_wears_it_down() {
        let mut test = Test::default();
        test.favour(A, BLOCKED);
        assert!(!test.oppose(CLEAR));
        assert!(test.oppose(CLEAR));
    }
}
