//! What the series of one country say together.

use std::array;
use std::collections::BTreeMap;

use kedergi_wire::Layer;

use super::pool::{Part, Pool};
use super::{Habit, Learned, TIMES, short};
use crate::weights::{COUNTRY_VOTES, GREATEST_RISE, NETWORK_MOST, Prior, TIME_VOTES};

/// In thousandths of a vote, because a part counts at each time of the day as it does in the whole.
type Times = [u64; TIMES];

/// What the tests on one layer say.
#[derive(Debug, Default)]
pub(super) struct Sum {
    parts: Vec<Part>,
    votes: Times,
    /// Those that were blocked, by the share of whom they are from: what one says beyond the ceiling does not count, and where that
    /// is, is known only when all are.
    blocked: BTreeMap<u32, Times>,
}

impl Sum {
    /// Adds what the tests of one network say, all together no more than so many votes.
    pub(super) fn add(&mut self, of_network: &[Learned], layer: Layer) {
        let of_layer = || of_network.iter().filter(|one| one.layer == layer);
        let all: u32 = of_layer().map(|one| one.weight).sum();
        for one in of_layer() {
            let weight = u64::from(one.weight) * u64::from(NETWORK_MOST) / u64::from(all.max(NETWORK_MOST));
            self.parts.push(Part { share: one.share(), weight: u32::try_from(weight).unwrap_or(NETWORK_MOST) });
            for time in 0..TIMES {
                let counted = |count: u32| 1000 * u64::from(count) * weight / u64::from(one.votes[1].max(1));
                let [blocked, votes] = one.at_time(time).map(counted);
                self.votes[time] += votes;
                if blocked > 0 {
                    self.blocked.entry(one.share().max(1)).or_default()[time] += blocked;
                }
            }
        }
    }

    pub(super) fn pool(&self, presumed: u32) -> Pool {
        Pool::new(self.parts.clone(), Prior { rate: presumed, votes: COUNTRY_VOTES })
    }

    /// The habit of a country, where so much is presumed of it.
    pub(super) fn habit(&self, presumed: u32) -> Habit {
        let pool = self.pool(presumed);
        let rise = array::from_fn(|time| {
            let counted = |(share, blocked): (&u32, &Times)| {
                blocked[time] * u64::from(*share.min(&pool.ceiling)) / u64::from(*share)
            };
            let blocked: u64 = self.blocked.iter().map(counted).sum();
            let presumed = u64::from(pool.share) * u64::from(TIME_VOTES);
            let share = 1000 * (presumed + blocked) / (1000 * u64::from(TIME_VOTES) + self.votes[time]);
            short(u32::try_from(share).unwrap_or(0).saturating_sub(pool.share).min(GREATEST_RISE))
        });
        Habit { usual: short(pool.share), rise }
    }
}
