//! What goodput pairs say: how many times as long the target took as what it is compared with, and whether that is enough.
//!
//! The measure is d = log10(target's time for a byte / the other's): 0 is no difference, 1 ten times slower.

use kedergi_wire::{Altered, GoodputPair, Report, Transfer};

/// Standard deviation of d between pairs on an ordinary line: with it ten times slower needs 3 pairs and twice slower about
/// 30, as the theory of these pairs has it.
const SPREAD: f64 = 0.35;
/// The slow-down that is tested against none: half a decade, three times slower.
const SLOWER: f64 = 0.5;
/// Most and least that a pair may say. It lies evenly about what speaks for neither, so that one pair, however odd, counts 21
/// to 1 at most, and three are needed.
const MOST: f64 = 1.0;
const LEAST: f64 = SLOWER - MOST;
/// Natural logarithm of the odds for a slow-down at which pairs are enough: 1000 to 1 (Wald, Sequential Tests of Statistical
/// Hypotheses, 1945).
const ENOUGH: f64 = 6.9;
/// The same against it. One pair without a difference ends the trial: pairs cost the volunteer's bytes, and the next round
/// tries anew.
const NO_DIFFERENCE: f64 = -1.0;
/// Bytes by which goodput can be told at all: less may arrive in one go.
const BULK: u32 = 8 * 1024;
/// Kbit/s from which on a transfer of 64 KB shows no throttling: by then it is the round trips that take their time.
const FAST_KBIT_S: u32 = 400;
/// Milliseconds of a handshake below which nobody calls it slow.
const QUICK_HANDSHAKE_MS: u32 = 1500;
/// Milliseconds below which times do not differ: scheduling and one round trip more or less.
const GRAIN_MS: u32 = 100;
/// How much the times of one and the same thing may differ before the line is too uneven for the usual number of pairs.
const UNEVEN: f64 = 3.0;

/// What the pairs of one kind say together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Weight {
    /// The target's bytes are slowed down.
    Slow,
    /// They are not, or so little that it takes too many pairs to tell.
    Alike,
    /// Another pair is needed to tell.
    Open,
}

/// Weighs pairs that alter the same thing, taken one after the other: a sequential test, so that it may be asked after every pair.
///
/// Where the times of what is compared with vary threefold among themselves, or the quickest of the target's is no slower than
/// the slowest of the others', twice the evidence is asked for: packets are being lost.
pub fn weigh<'a>(pairs: impl IntoIterator<Item = &'a GoodputPair>) -> Weight {
    let pairs: Vec<Paces> = pairs.into_iter().filter_map(paces).collect();
    let odds: f64 = pairs.iter().map(Paces::odds).sum();
    let target = Span::of(pairs.iter().map(|pair| pair.target));
    let control = Span::of(pairs.iter().map(|pair| pair.control));
    let uneven = control.most > control.least * UNEVEN || target.least <= control.most;
    let enough = if uneven { 2.0 * ENOUGH } else { ENOUGH };
    if odds >= enough {
        Weight::Slow
    } else if odds <= NO_DIFFERENCE {
        Weight::Alike
    } else {
        Weight::Open
    }
}

/// Of every pair that tells anything, log10 of how many times as long the target took for a byte (or, where only handshakes
/// were compared, for the handshake). 0 is no difference, 1 ten times slower, negative quicker.
pub fn log_ratios(report: &Report) -> Vec<f64> {
    report.pairs.iter().filter_map(log_ratio).collect()
}

/// How slow the target was beside what it was compared with, in thousandths of a decade: 1000 is ten times slower. The median
/// over the pairs that alter the same thing; of several such, the largest. `None` without a pair that tells anything.
///
/// It is what a detector counts with over many reports. A far-away site may be slower than a control host all the time: what
/// tells is the change.
pub fn slowness(report: &Report) -> Option<i32> {
    let of = |altered| median(report.pairs.iter().filter(|pair| pair.altered == altered).filter_map(log_ratio));
    let medians = COMPARED.iter().filter_map(|altered| of(*altered));
    medians.map(thousandths).max()
}

/// Everything that a pair may alter.
pub(crate) const COMPARED: [Altered; 3] = [Altered::TargetNameElsewhere, Altered::InnocentName, Altered::ControlHost];

#[expect(clippy::cast_possible_truncation, reason = "times of 32 bits differ by less than 20 decades")]
pub(crate) fn thousandths(decades: f64) -> i32 {
    (decades * 1000.0).round() as i32
}

/// The median; of an even number, the lower of the two in the middle, which accuses less.
pub(crate) fn median(values: impl IntoIterator<Item = f64>) -> Option<f64> {
    let mut values: Vec<f64> = values.into_iter().collect();
    values.sort_by(f64::total_cmp);
    values.get(values.len().checked_sub(1)? / 2).copied()
}

/// As [`log_ratios`], of one pair.
pub(crate) fn log_ratio(pair: &GoodputPair) -> Option<f64> {
    paces(pair).map(|paces| paces.log_ratio())
}

/// Milliseconds that both sides of a pair took for the same.
struct Paces {
    target: f64,
    control: f64,
    /// Whether the target took so little time that nobody would call it slow.
    quick: bool,
}

impl Paces {
    fn log_ratio(&self) -> f64 {
        (self.target / self.control).log10()
    }

    /// Natural logarithm of the odds for [`SLOWER`] against no difference, d being normal with [`SPREAD`].
    fn odds(&self) -> f64 {
        let d = self.log_ratio().clamp(LEAST, MOST);
        let d = if self.quick { d.min(0.0) } else { d };
        SLOWER * (d - SLOWER / 2.0) / (SPREAD * SPREAD)
    }
}

/// The least and the most of some times.
struct Span {
    least: f64,
    most: f64,
}

impl Span {
    fn of(times: impl Iterator<Item = f64>) -> Self {
        let start = Self { least: f64::INFINITY, most: 0.0 };
        times.fold(start, |span, time| Self { least: span.least.min(time), most: span.most.max(time) })
    }
}

/// Compares bytes where both sides gave some and one of them enough, else handshakes; `None` where neither can be compared.
fn paces(pair: &GoodputPair) -> Option<Paces> {
    let (target, control) = (&pair.target, &pair.control);
    if target.bytes.max(control.bytes) >= BULK {
        let quick = rate_kbit_s(target).is_none_or(|rate| rate >= FAST_KBIT_S);
        return Some(Paces { target: per_bulk(target)?, control: per_bulk(control)?, quick });
    }
    let (here, there) = (target.handshake_ms?, control.handshake_ms?);
    let time = |ms: u32| f64::from(ms.max(GRAIN_MS));
    Some(Paces { target: time(here), control: time(there), quick: here < QUICK_HANDSHAKE_MS })
}

/// Milliseconds for [`BULK`] bytes.
fn per_bulk(transfer: &Transfer) -> Option<f64> {
    let took = f64::from(transfer.took_ms.max(GRAIN_MS));
    (transfer.bytes > 0).then(|| took * f64::from(BULK) / f64::from(transfer.bytes))
}

/// Kbit/s of a transfer; `None` where no bytes came.
pub(crate) fn rate_kbit_s(transfer: &Transfer) -> Option<u32> {
    // Bits in a millisecond are kilobits in a second.
    (transfer.bytes > 0).then(|| transfer.bytes.saturating_mul(8) / transfer.took_ms.max(GRAIN_MS))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::example::{HTTPS, named};

    fn transfer(bytes: u32, took_ms: u32) -> Transfer {
        Transfer { after_ms: 0, handshake_ms: Some(60), bytes, took_ms, early_bytes: None }
    }

    /// 64 KB on both sides, which took so long.
    fn pair(target_ms: u32, control_ms: u32) -> GoodputPair {
        let (target, control) = (transfer(65_536, target_ms), transfer(65_536, control_ms));
        GoodputPair { altered: Altered::TargetNameElsewhere, target, control }
    }

    fn handshakes(target_ms: u32, control_ms: u32) -> GoodputPair {
        let of = |ms| Transfer { handshake_ms: Some(ms), ..transfer(0, 0) };
        GoodputPair { altered: Altered::InnocentName, target: of(target_ms), control: of(control_ms) }
    }

    /// How many equal pairs it takes until they are enough, if ever.
    fn needed(pair: GoodputPair) -> Option<usize> {
        (1..200).find(|count| weigh(&vec![pair; *count]) == Weight::Slow)
    }

    #[test]
    fn the_slower_the_fewer_pairs() {
        assert_eq!(needed(pair(20_000, 2_000)), Some(3));
        assert_eq!(needed(pair(60_000, 200)), Some(3), "one pair does not count for more than 21 to 1");
        assert_eq!(needed(pair(16_000, 2_000)), Some(3));
        assert_eq!(needed(pair(8_000, 2_000)), Some(5));
        assert_eq!(needed(pair(4_000, 2_000)), Some(34));
        assert_eq!(needed(handshakes(5_000, 60)), Some(3));
    }

    #[test]
    fn one_pair_without_a_difference_ends_it() {
        assert_eq!(weigh(&[pair(2_000, 2_000)]), Weight::Alike);
        assert_eq!(weigh(&[handshakes(80, 60)]), Weight::Alike);
        assert_eq!(weigh(&[pair(20_000, 2_000)]), Weight::Open);
        assert_eq!(weigh(&[]), Weight::Open);
    }

    #[test]
    fn what_is_quick_by_itself_is_not_slow_beside_something_quicker() {
        assert_eq!(needed(pair(1_300, 100)), None, "400 kbit/s");
        assert_eq!(needed(handshakes(1_400, 100)), None);
    }

    #[test]
    fn an_uneven_line_needs_twice_the_evidence() {
        let even = [pair(20_000, 2_000), pair(20_000, 2_000), pair(20_000, 2_000)];
        assert_eq!(weigh(&even), Weight::Slow);
        let uneven = [pair(20_000, 500), pair(20_000, 2_000), pair(20_000, 2_000)];
        assert_eq!(weigh(&uneven), Weight::Open);
        assert_eq!(weigh(uneven.iter().chain(&even)), Weight::Slow);
        // The times overlap.
        assert_eq!(weigh(&[pair(90_000, 9_000), pair(90_000, 9_000), pair(9_000, 900)]), Weight::Open);
    }

    #[test]
    fn bytes_that_stopped_coming_count_by_the_time_waited_for_more() {
        let cut = GoodputPair { target: transfer(2_000, 6_000), ..pair(1, 200) };
        assert!(log_ratio(&cut).unwrap() > 2.9);
        let nothing = GoodputPair { target: transfer(0, 0), ..pair(1, 200) };
        assert_eq!(log_ratio(&nothing), None, "what does not come at all is not slow but gone");
    }

    #[test]
    fn a_report_is_as_slow_as_the_median_of_its_pairs() {
        let mut report = named(HTTPS).done();
        assert_eq!((slowness(&report), log_ratios(&report)), (None, vec![]));
        report.pairs = vec![pair(20_000, 2_000), pair(2_000, 2_000), pair(40_000, 2_000), handshakes(200, 100)];
        assert_eq!(slowness(&report), Some(1000));
        assert_eq!(log_ratios(&report).len(), 4);
    }

    proptest! {
        #[test]
        fn the_order_of_pairs_does_not_matter(times in proptest::collection::vec((1u32..60_000, 1u32..60_000), 0..12)) {
            let mut pairs: Vec<_> = times.into_iter().map(|(target, control)| pair(target, control)).collect();
            let forth = weigh(&pairs);
            pairs.reverse();
            prop_assert_eq!(forth, weigh(&pairs));
        }

        #[test]
        fn fewer_than_three_pairs_never_accuse(
            times in proptest::collection::vec((any::<u32>(), any::<u32>(), any::<u32>(), any::<u32>()), 0..3),
        ) {
            let pairs: Vec<_> = times.into_iter().map(|(bytes, took, other, quick)| GoodputPair {
                altered: Altered::ControlHost, target: transfer(bytes, took), control: transfer(other, quick),
            }).collect();
            prop_assert_ne!(weigh(&pairs), Weight::Slow);
        }
    }
}
