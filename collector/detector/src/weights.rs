//! Every number of the test in one place, as data. `README.md` says where they come from.
//!
//! Weights are natural logarithms of likelihood ratios in thousandths, whole numbers, so that a saved state is restored to the
//! digit and every machine comes to the same result.

use jiff::SignedDuration;
use kedergi_verdict::RuleId;
use kedergi_wire::Layer;

/// Shares of attempts that a block may catch, in thousandths: all but some, every second, every fifth. The test for each runs
/// beside the others.
pub(crate) const SHARES: [u32; 3] = [900, 500, 200];
/// For each of these, what share of blocked votes is reckoned with at least, in thousandths, however quiet a line was: an evening
/// on which every twentieth attempt fails must not look like a block of some attempts. (Chosen by simulation: 50 to 80 make little
/// difference to false pages, and each 10 more cost a block of half the attempts half a minute.)
pub(crate) const FLOORS: [u32; 3] = [50, 50, 60];
/// What the sum must reach: ln(ratio) = 14, or 1.2 million to 1.
pub(crate) const ENOUGH: i32 = 14_000;
/// What one probe may add to it at most, or take from it: two must agree, whatever one says how often.
pub(crate) const CAP: i32 = ENOUGH / 2;
/// A probe that supports the change with less than this is not counted among those that agree: about one failure where one in
/// twelve is usual.
pub(crate) const SUPPORT: i32 = 2_500;
/// From here on something is suspected: 1100 to 1.
pub(crate) const SUSPICION: i32 = 7_000;
/// What the sum for an end must reach, and what one probe may add: 400 to 1. A false alarm is worse than a late end, and a false
/// end mends itself by the alarm that follows.
pub(crate) const END: i32 = 6_000;
pub(crate) const END_CAP: i32 = END / 2;
/// Share of attempts that still fail when a block is over, in thousandths, for the test of the end.
pub(crate) const OVER: u32 = 50;

/// What is presumed before anything is known: 2 % of the votes blocked while nothing happens. A series is presumed to be like its
/// country, as if seen in this many votes.
pub(crate) const PRIOR: Prior = Prior { rate: 20, votes: 100 };
/// A country is presumed to be like the world, and the world to be like [`PRIOR`], as if seen in this many votes.
pub(crate) const COUNTRY_VOTES: u32 = 500;
pub(crate) const WORLD_VOTES: u32 = 2000;
/// A time of the day is presumed to be like the whole day in the country, as if seen in this many votes.
pub(crate) const TIME_VOTES: u32 = 50;
/// With how many votes a series, a network, a country counts at most in what is usual around it: four series make a network,
/// and no country is more than half of what the world is taken for.
pub(crate) const SERIES_MOST: u32 = 500;
pub(crate) const NETWORK_MOST: u32 = 2000;
pub(crate) const COUNTRY_MOST: u32 = 2000;
/// How many times the median's share (or what is presumed) one may have at most in what is usual around it.
pub(crate) const EXCESS: u32 = 3;
/// How much worse a time of the day may be for a whole country, in thousandths: beyond that a block is likelier than bad lines.
pub(crate) const GREATEST_RISE: u32 = 150;
/// A probe is presumed to be like the others of its series, as if seen in this many votes.
pub(crate) const PROBE_PRIOR_VOTES: u32 = 32;
/// However quiet a series was, this much is presumed, in thousandths: tomorrow's noise is not in yesterday's votes.
pub(crate) const LEAST_RATE: u32 = 3;
pub(crate) const GREATEST_RATE: u32 = 990;
/// Counts are halved when they reach this many votes, so that the baseline follows the last weeks.
pub(crate) const MEMORY: u32 = 4096;

/// An hour of the day is presumed to be like the series as a whole, as if seen in this many votes; the same hour on one day of
/// the week like that hour of all days.
pub(crate) const DAY_VOTES: u32 = 20;
pub(crate) const WEEK_VOTES: u32 = 60;
/// How many tenths of a standard deviation an hour may be worse than it is known to be.
pub(crate) const MARGIN: u32 = 20;

/// Votes after which a test that led to nothing is given up, and what it saw taken for what is usual.
pub(crate) const PATIENCE: u32 = 256;
/// Where many probes vote it takes so many votes of each: a block of a fifth of the attempts makes a probe a supporter in about 23,
/// and more than a quarter of them must be.
pub(crate) const PATIENCE_EACH: u32 = 32;
/// How long nothing is learned while something is suspected.
pub(crate) const FROZEN: SignedDuration = SignedDuration::from_hours(7 * 24);

/// Clear votes before the first blocked one without which there is no "before": what was blocked from the first sight on is
/// standing. One each of the three probes that a block takes; more would leave a new network untold of for its first half hour.
pub(crate) const BEFORE: u32 = 3;
/// A probe counts as active for this long after a vote: four rounds of half an hour.
pub(crate) const ACTIVE: SignedDuration = SignedDuration::from_hours(2);
/// One in this many active probes, and one more, must agree. Up to a fifth of liars are not enough.
pub(crate) const QUORUM: usize = 4;
/// Sources of an hour that name no probe: so many must agree where nobody else does.
pub(crate) const PASSERS: usize = 3;
/// What such a source must add to be among those that agree. It has one or two votes, and scores are seldom sure; the sum and the
/// cap say the rest.
pub(crate) const PASSING_SUPPORT: i32 = 500;
/// A probe younger than this is not trusted by itself.
pub(crate) const YOUNG: SignedDuration = SignedDuration::from_hours(7 * 24);
/// Young probes that enrolled on one day count as this many on each network, however many they are.
pub(crate) const VOICES_OF_A_DAY: u64 = 3;

/// What is presumed before anything is known.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Prior {
    /// In thousandths.
    pub(crate) rate: u32,
    /// How many votes it is worth.
    pub(crate) votes: u32,
}

/// What a rule's word is worth: 1000 * log10 of the likelihood ratio, from 126 measurements judged by hand, by name where it was
/// measured and by layer where not.
const RULES: &[(&str, i32)] = &[
    ("tls-reset", 2040),
    ("dns-bogon", 1780),
    ("dns-nxdomain", 1610),
    ("dns-no-answer", 1610),
    ("dns-refused", 1610),
    ("tls-timeout", 1600),
    ("dns-wrong-address", 1550),
    ("tls-intercepted", 1550),
];
/// The same for any other rule of a layer.
fn by_layer(layer: Layer) -> i32 {
    match layer {
        Layer::Dns => 1550,
        Layer::Tcp => 1520,
        Layer::Tls | Layer::Http | Layer::Quic => 1600,
    }
}
/// A rule of this weight counts in full: silence after the name, the most frequent of all.
const FULL: i32 = 1600;

/// How strongly a rule's word counts, in thousandths of the full weight.
pub(crate) fn strength(rule: &RuleId, layer: Layer) -> u16 {
    let known = RULES.iter().find(|(name, _)| *name == rule.as_str()).map(|&(_, weight)| weight);
    let weight = known.unwrap_or_else(|| by_layer(layer)) * 1000 / FULL;
    u16::try_from(weight.clamp(200, 1250)).unwrap_or(1000)
}

/// Share of blocked votes in thousandths, from what was presumed and what was seen.
pub(crate) fn rate(prior: u32, prior_votes: u32, blocked: u32, votes: u32) -> u32 {
    let seen = (prior * prior_votes + 1000 * blocked) / (prior_votes + votes);
    seen.clamp(LEAST_RATE, GREATEST_RATE)
}

/// What a blocked vote weighs for a block that catches the share at `place`, where `base` fail anyway, in thousandths.
pub(crate) fn blocked(place: usize, base: u32, strength: u16) -> i32 {
    let share = SHARES[place];
    (ln(share) - ln(base)).max(0) * i32::from(strength) / 1000
}

/// What any other vote weighs. Below zero.
pub(crate) fn clear(place: usize, base: u32) -> i32 {
    let share = SHARES[place];
    (ln(1000 - share) - ln(1000 - base)).min(0)
}

/// Logarithm of a number of thousandths: only differences of two have a meaning.
pub(crate) fn ln(thousandths: u32) -> i32 {
    usize::try_from(thousandths).ok().and_then(|place| LN.get(place)).copied().unwrap_or(0)
}

/// 1000 * ln of 0 (taken as 1) to 1000.
static LN: [i32; 1001] = table();

const fn table() -> [i32; 1001] {
    let mut table = [0; 1001];
    let (mut place, mut number) = (2, 2);
    while place < table.len() {
        table[place] = thousand_ln(number);
        place += 1;
        number += 1;
    }
    table
}

/// 1000 * ln(number), by squaring: each square tells one more binary digit of the logarithm.
pub(crate) const fn thousand_ln(number: u64) -> i32 {
    const DIGITS: u32 = 24;
    const LN_2: u64 = 693_147_181; // in billionths
    let whole = number.ilog2();
    let mut rest = (number << 31) >> whole; // between 1 and 2, in 31 binary places
    let mut log = whole as u64;
    let mut digit = 0;
    while digit < DIGITS {
        rest = (rest * rest) >> 31;
        let bit = rest >> 32;
        rest >>= bit;
        log = 2 * log + bit;
        digit += 1;
    }
    ((log * (LN_2 / 1000) + (500 << DIGITS)) / (1000 << DIGITS)) as i32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_logarithms_are_right() {
        for number in 1..=1000 {
            let expected = (f64::from(number).ln() * 1000.0).round();
            assert!((f64::from(ln(number)) - expected).abs() <= 1.0, "{number}: {} {expected}", ln(number));
        }
    }

    #[test]
    fn weights_are_what_the_manual_says() {
        assert_eq!(blocked(0, 50, 1000), 2890);
        assert_eq!(clear(0, 50), -2251);
        assert_eq!(blocked(0, 100, 1000), 2197);
        assert_eq!(strength(&RuleId("tls-reset".into()), Layer::Tls), 1250);
        assert_eq!(strength(&RuleId("new-one".into()), Layer::Tcp), 950);
        assert_eq!(blocked(2, 500, 1000), 0);
    }

    #[test]
    fn every_rule_named_is_one() {
        let known: Vec<_> = kedergi_verdict::rules().iter().map(|rule| rule.id.as_str().to_owned()).collect();
        assert!(RULES.iter().all(|(name, _)| known.iter().any(|rule| rule == name)));
    }
}
