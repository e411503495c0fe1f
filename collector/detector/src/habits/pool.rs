//! The mean of many of whom none may drag the others along.

use crate::weights::{EXCESS, Prior};

/// What one of them says, and how much that weighs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Part {
    /// In thousandths.
    pub(crate) share: u32,
    /// In votes.
    pub(crate) weight: u32,
}

/// What they say together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Pool {
    /// Their mean, in thousandths.
    pub(crate) share: u32,
    /// What any of them was taken for at most, in thousandths.
    pub(crate) ceiling: u32,
    pub(crate) weight: u32,
}

impl Pool {
    /// Where one says much more than the median of them (and than what was presumed), it counts as if it said that much.
    pub(crate) fn new(mut parts: Vec<Part>, prior: Prior) -> Self {
        parts.sort_unstable_by_key(|part| part.share);
        let weight: u32 = parts.iter().map(|part| part.weight).sum();
        let mut below = 0;
        let median = parts.iter().find(|part| {
            below += part.weight;
            2 * below >= weight
        });
        let ceiling = EXCESS * median.map_or(0, |part| part.share).max(prior.rate);
        let said: u64 = parts.iter().map(|part| u64::from(part.share.min(ceiling)) * u64::from(part.weight)).sum();
        let all = u64::from(prior.rate) * u64::from(prior.votes) + said;
        let share = all / u64::from(prior.votes + weight);
        Self { share: u32::try_from(share).unwrap_or(prior.rate), ceiling, weight }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PRIOR: Prior = Prior { rate: 20, votes: 100 };

    fn pool(shares: &[u32]) -> u32 {
        Pool::new(shares.iter().map(|&share| Part { share, weight: 1000 }).collect(), PRIOR).share
    }

    #[test]
    fn nobody_says_what_was_presumed() {
        assert_eq!(pool(&[]), 20);
    }

    #[test]
    fn it_is_the_mean_of_those_that_are_alike() {
        assert_eq!(pool(&[60, 80, 100]), (80 * 3000 + 20 * 100) / 3100);
    }

    #[test]
    fn one_that_says_much_more_counts_as_thrice_the_median() {
        assert_eq!(pool(&[10, 10, 990]), pool(&[10, 10, 60]));
        assert!(pool(&[10, 10, 990]) < 30);
        assert_eq!(pool(&[50, 50, 990]), pool(&[50, 50, 150]));
    }
}
