//! Every number of the test for throttling in one place. `README.md` says where they come from.
//!
//! Slowness is d = 1000 * log10(how many times as long), weights are natural logarithms of likelihood ratios in thousandths:
//! whole numbers, as in [`crate::weights`].

use jiff::SignedDuration;

/// Slow-downs that are tested for side by side: twice, four and eight times slower than usual.
pub(super) const SLOWER: [i32; 3] = [301, 602, 903];
/// Spread of d between pairs on an ordinary line, as the rules on single reports presume it, and what that is worth in pairs.
pub(super) const SPREAD: i32 = 350;
pub(super) const PRIOR_PAIRS: i32 = 8;
/// Eighths of a pair that a value tells of the spread: a median deviation makes use of 37 in 100 of what normal values tell.
pub(super) const TELLS_EIGHTHS: i32 = 3;
/// Hundredths of a standard deviation seen that the spread is taken to be: what comes out too small by chance makes chance look
/// like a change. The excess is two standard errors where 34 values tell of it.
pub(super) const WIDENED: i32 = 140;
/// Whatever was seen, a spread is taken to be no smaller and no greater.
pub(super) const LEAST_SPREAD: i32 = 250;
pub(super) const GREATEST_SPREAD: i32 = 700;
/// What one report may weigh whose pairs did not suffice for a verdict: 20 to 1, however odd. Tails are heavy.
pub(super) const PAIR_CAP: i32 = 3_000;
/// Pairs without which no report is called throttled: a verdict weighs as much as so many.
pub(super) const PAIRS_OF_A_VERDICT: i32 = 3;
/// What pairs that sufficed for no verdict weigh together, in halves of a pair: one for each, because of what is slow and no
/// verdict the times were uneven, but no less than one pair and no more than five halves.
pub(super) const MOST_HALVES: u8 = 5;
/// A report of a target that did not seem slow, so that nothing was compared: half of what is slowed down shows so little of it.
pub(super) const QUICK: i32 = -693;
/// What the sum must reach: 1.2 million to 1, as for blocks.
pub(super) const ENOUGH: i32 = 14_000;
/// What one probe may add to it: two must agree.
pub(super) const CAP: i32 = ENOUGH / 2;
/// A probe that supports the change with less is not counted among those that agree.
pub(super) const SUPPORT: i32 = CAP / 2;
/// From here on something is suspected: 1100 to 1.
pub(super) const SUSPICION: i32 = 7_000;
/// What the sum for an end must reach, and what one probe may add, as for blocks.
pub(super) const END: i32 = 6_000;
pub(super) const END_CAP: i32 = END / 2;
/// What one look may add to it: two looks of each of two probes, or one odd pair each would end it before the others had their turn.
pub(super) const END_LOOK: i32 = END_CAP * 3 / 4;

/// Values of d kept as the usual ones, in all and of one probe: what one probe says does not become the usual.
pub(super) const KEPT: usize = 48;
pub(super) const KEPT_OF_ONE: usize = 12;
/// Values, and probes they come from, without which the usual is not known: a far-away site may be slower than a control host
/// on every day of the year.
pub(super) const KNOWN: usize = 16;
pub(super) const KNOWN_FROM: usize = 2;

/// A slow-down that begins at an hour at which it began on so many of the days before is a habit: it is told, and wakes nobody.
pub(super) const HABIT_DAYS: usize = 2;
pub(super) const HABIT_WITHIN: i64 = 7;
pub(super) const HABIT_HOUR: SignedDuration = SignedDuration::from_mins(90);

/// What a report weighs for a slow-down by `slower`, whose pairs are `d` slower than usual, give or take `spread`: d is normal.
pub(super) fn weight(slower: i32, d: i32, spread: i32) -> i32 {
    let ratio =
        i64::from(slower) * (2 * i64::from(d) - i64::from(slower)) * 500 / (i64::from(spread) * i64::from(spread));
    i32::try_from(ratio).unwrap_or(if ratio < 0 { i32::MIN / 8 } else { i32::MAX / 8 })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weights_are_what_the_manual_says() {
        assert_eq!(weight(903, 903, SPREAD), 3_328);
        assert_eq!(weight(602, 602, SPREAD), 1_479);
        assert_eq!(weight(301, 301, SPREAD), 369);
        assert_eq!(weight(903, 0, SPREAD), -3_328);
    }
}
