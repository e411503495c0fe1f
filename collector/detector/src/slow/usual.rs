//! How slow a service is on a network on any day.

use serde::{Deserialize, Serialize};

use super::numbers::{
    GREATEST_SPREAD, KEPT, KEPT_OF_ONE, KNOWN, KNOWN_FROM, LEAST_SPREAD, PRIOR_PAIRS, SPREAD, TELLS_EIGHTHS, WIDENED,
};

/// The last values of d that were seen while nothing was suspected, each with its witness, oldest first.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub(super) struct Usual(Vec<(u64, i16)>);

impl Usual {
    pub(super) fn learn(&mut self, witness: u64, slowness: i16) {
        let of_one = self.0.iter().filter(|(other, _)| *other == witness).count();
        if of_one >= KEPT_OF_ONE {
            let oldest = self.0.iter().position(|(other, _)| *other == witness);
            oldest.map(|place| self.0.remove(place));
        } else if self.0.len() >= KEPT {
            self.0.remove(0);
        }
        self.0.push((witness, slowness));
    }

    /// Whether there is enough of it to call something unusual.
    pub(super) fn is_known(&self) -> bool {
        let mut witnesses = Vec::with_capacity(KNOWN_FROM);
        for (witness, _) in &self.0 {
            if witnesses.len() < KNOWN_FROM && !witnesses.contains(witness) {
                witnesses.push(*witness);
            }
        }
        self.0.len() >= KNOWN && witnesses.len() >= KNOWN_FROM
    }

    /// The middle of the usual values and how far they lie from it at most: median and median deviation, which a few odd ones do
    /// not move, drawn towards what is presumed of every line while they are few.
    pub(super) fn middle_and_spread(&self) -> (i32, i32) {
        let mut values: Vec<_> = self.0.iter().map(|&(_, slowness)| i32::from(slowness)).collect();
        let Some(middle) = median(&mut values) else { return (0, SPREAD) };
        let count = i32::try_from(values.len()).unwrap_or(0);
        values.iter_mut().for_each(|value| *value = (*value - middle).abs());
        // Of a normal distribution the standard deviation is 1.4826 times the median deviation.
        let deviation = median(&mut values).unwrap_or(0) * 1483 / 1000;
        let spread = spread(deviation * WIDENED / 100, count);
        let shrunk = |seen: i32, presumed: i32| (seen * count + presumed * PRIOR_PAIRS) / (count + PRIOR_PAIRS);
        let middle = if self.is_known() { middle } else { shrunk(middle, 0) };
        (middle, spread.clamp(LEAST_SPREAD, GREATEST_SPREAD))
    }

    /// How far the middle may lie from where few values put it: two standard errors of a median.
    pub(super) fn margin(&self, spread: i32) -> i32 {
        let count = i32::try_from(self.0.len()).unwrap_or(1).max(1);
        // 2 * 1.2533 * spread / sqrt(count), the root in thousandths.
        2507 * spread / (1_000_000 * count).isqrt()
    }
}

/// The spread that was seen in so many values, drawn towards what is presumed of every line.
fn spread(seen: i32, count: i32) -> i32 {
    let square = |of: i32| i64::from(of) * i64::from(of);
    let (told, prior) = (i64::from(count * TELLS_EIGHTHS), i64::from(PRIOR_PAIRS * 8));
    let variance = (square(seen) * told + square(SPREAD) * prior) / (told + prior);
    i32::try_from(variance.isqrt()).unwrap_or(GREATEST_SPREAD)
}

/// Of an even number the lower of the two in the middle: what accuses more is not the usual.
pub(super) fn median(values: &mut [i32]) -> Option<i32> {
    let middle = values.len().checked_sub(1)? / 2;
    Some(*values.select_nth_unstable(middle).1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn usual(values: impl IntoIterator<Item = (u64, i16)>) -> Usual {
        let mut usual = Usual::default();
        values.into_iter().for_each(|(witness, slowness)| usual.learn(witness, slowness));
        usual
    }

    #[test]
    fn nothing_seen_is_what_is_presumed() {
        assert_eq!(usual([]).middle_and_spread(), (0, 350));
        assert_eq!(usual([(1, 800)]).middle_and_spread(), (88, 342));
    }

    #[test]
    fn a_site_that_is_far_away_is_slow_every_day() {
        let far = usual((0..40).map(|place| (place % 4, 600 + i16::try_from(place % 3).unwrap() * 100)));
        assert!(far.is_known());
        let (middle, spread) = far.middle_and_spread();
        assert_eq!((middle, spread), (700, 265));
    }

    #[test]
    fn one_probe_does_not_make_the_usual() {
        assert!(!usual((0..100).map(|_| (1, 1000))).is_known());
        let liar = usual((0..12).map(|_| (2, 0)).chain((0..100).map(|_| (1, 1000))));
        assert_eq!((liar.0.len(), liar.middle_and_spread().0), (24, 0));
        assert_eq!((liar.margin(350), usual([(1, 0)]).margin(350)), (179, 877));
    }

    #[test]
    fn a_few_odd_values_move_little() {
        let odd = |count: i16| {
            usual((0..40).map(|place| (u64::try_from(place % 5).unwrap(), if place < count { 2000 } else { 0 })))
        };
        let (middle, spread) = odd(6).middle_and_spread();
        assert_eq!((middle, spread), (0, 250));
    }
}
