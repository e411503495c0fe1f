//! What is usual in a country and in the world: what is presumed of a series of which little is known yet.
//!
//! Series may not look at each other's counts as they stand: what is told would depend on which of two facts came first. So a
//! country has a habit for each day. It is taken when the first vote of that day or of the next comes, from what the series had
//! learned by the midnight that lies a horizon before the day. Of the votes until then none is missing any more, if none comes
//! more than a horizon after newer ones; so it is the same in whatever order they came. A vote is judged by the habit of its own
//! day, also when it is read again.

mod pool;
mod sum;

use std::array;
use std::collections::{BTreeMap, BTreeSet};

use kedergi_wire::{CountryCode, Layer};
use serde::{Deserialize, Serialize};

use crate::HORIZON;
use crate::series::{Key, Series};
use crate::time::Moment;
use crate::weights::{COUNTRY_MOST, PRIOR, Prior, SERIES_MOST, WORLD_VOTES};
use pool::{Part, Pool};
use sum::Sum;

const DAY: u32 = 86_400;
/// Times of the day that are told apart: hours.
pub(crate) const TIMES: usize = 24;
pub(crate) const LAYERS: [Layer; 5] = [Layer::Dns, Layer::Tcp, Layer::Tls, Layer::Http, Layer::Quic];

/// Days since 1970.
type Day = u32;

pub(crate) fn day(at: Moment) -> Day {
    at.0 / DAY
}

/// The habits of the days of which votes may still be read.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct Habits(BTreeMap<Day, OfDay>);

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct OfDay {
    world: [u16; LAYERS.len()],
    countries: BTreeMap<CountryCode, [Habit; LAYERS.len()]>,
}

/// How often votes of a country say "blocked" on one layer while nothing is suspected, in thousandths.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct Habit {
    usual: u16,
    /// How much more often at each time of the day.
    rise: [u16; TIMES],
}

/// What is presumed of a series, in thousandths.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Presumed {
    pub(crate) usual: u32,
    /// How much more at this time of the day.
    pub(crate) rise: u32,
}

/// The habits as far as they concern one country.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Customs<'a> {
    habits: &'a Habits,
    country: CountryCode,
}

/// What a test learned while nothing was suspected: blocked votes, and all.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Learned {
    pub(crate) layer: Layer,
    pub(crate) votes: [u32; 2],
    /// With how many votes it counts.
    pub(crate) weight: u32,
    /// By time of the day; `None`: none was blocked, and as many came at any time as at others.
    pub(crate) times: Option<Box<[[u16; 2]; TIMES]>>,
}

impl Learned {
    /// Of a layer that was never found blocked.
    pub(crate) fn clear(layer: Layer, votes: u32) -> Self {
        Self { layer, votes: [0, votes], weight: votes.min(SERIES_MOST), times: None }
    }

    pub(crate) fn new(layer: Layer, votes: [u32; 2], times: [[u16; 2]; TIMES]) -> Self {
        Self { layer, votes, weight: votes[1].min(SERIES_MOST), times: Some(Box::new(times)) }
    }

    fn at_time(&self, time: usize) -> [u32; 2] {
        let even = [0, self.votes[1] / 24];
        self.times.as_ref().and_then(|times| times.get(time)).map_or(even, |counts| counts.map(u32::from))
    }

    fn share(&self) -> u32 {
        let [blocked, votes] = self.votes;
        1000 * blocked / votes.max(1)
    }
}

impl Habits {
    /// Whether those are known by which votes of this day are judged.
    pub(crate) fn are_known(&self, day: Day) -> bool {
        self.0.contains_key(&day)
    }

    pub(crate) fn of(&self, country: CountryCode) -> Customs<'_> {
        Customs { habits: self, country }
    }

    /// Takes the habits of a day, and of the one before for what is late, and forgets older ones by which no vote will be judged
    /// any more.
    pub(crate) fn take(&mut self, today: Day, series: &BTreeMap<Key, Box<Series>>) {
        let yesterday = today.saturating_sub(1);
        for day in [yesterday, today] {
            if !self.0.contains_key(&day) {
                let habits = self.of_day(day, series);
                self.0.insert(day, habits);
            }
        }
        let unsettled = series.iter().flat_map(|(key, series)| series.days().map(|day| (day, key.country)));
        let needed: BTreeSet<_> = unsettled.collect();
        self.0.retain(|day, habits| {
            let is_new = *day >= yesterday;
            habits.countries.retain(|country, _| is_new || needed.contains(&(*day, *country)));
            is_new || !habits.countries.is_empty()
        });
    }

    fn of_day(&self, day: Day, series: &BTreeMap<Key, Box<Series>>) -> OfDay {
        let by = Moment(day.saturating_mul(DAY)).before(HORIZON);
        let mut countries = BTreeMap::<_, [Sum; LAYERS.len()]>::new();
        let mut series = series.iter().peekable();
        // Network by network, because what all series learned at once takes much room for something that is needed once a day.
        while let Some(&(&Key { country, network, .. }, _)) = series.peek() {
            let mut of_network = Vec::new();
            while let Some((_, one)) = series.next_if(|(key, _)| (key.country, key.network) == (country, network)) {
                one.learned(by, self.of(country), |learned| note(&mut of_network, learned));
            }
            let sums = countries.entry(country).or_default();
            LAYERS.into_iter().zip(sums).for_each(|(layer, sum)| sum.add(&of_network, layer));
        }
        let world: [_; LAYERS.len()] = array::from_fn(|layer| {
            let pools = countries.values().map(|sums| sums[layer].pool(PRIOR.rate));
            let parts = pools.map(|pool| Part { share: pool.share, weight: pool.weight.min(COUNTRY_MOST) });
            Pool::new(parts.collect(), Prior { rate: PRIOR.rate, votes: WORLD_VOTES }).share
        });
        let habits = |sums: &[Sum; LAYERS.len()]| array::from_fn(|layer| sums[layer].habit(world[layer]));
        let countries = countries.iter().map(|(country, sums)| (*country, habits(sums)));
        OfDay { countries: countries.collect(), world: world.map(short) }
    }
}

impl Customs<'_> {
    /// What is presumed then of a series of this country: what is usual in the world where nothing of the country is known.
    pub(crate) fn presumed(self, layer: Layer, at: Moment, time: usize) -> Presumed {
        let Some(habits) = self.habits.0.get(&day(at)) else { return Presumed { usual: PRIOR.rate, rise: 0 } };
        let layer = place(layer);
        match habits.countries.get(&self.country) {
            Some(country) => {
                let Habit { usual, rise } = country[layer];
                Presumed { usual: usual.into(), rise: rise.get(time).copied().unwrap_or(0).into() }
            }
            None => Presumed { usual: habits.world[layer].into(), rise: 0 },
        }
    }
}

/// Takes note of what a test on a network learned. Those that found nothing blocked are one: there are many of them.
fn note(of_network: &mut Vec<Learned>, learned: Learned) {
    let mut alike = of_network.iter_mut().filter(|one| one.layer == learned.layer && one.times.is_none());
    match alike.next().filter(|_| learned.times.is_none()) {
        Some(one) => {
            one.votes[1] = one.votes[1].saturating_add(learned.votes[1]);
            one.weight += learned.weight;
        }
        None => of_network.push(learned),
    }
}

fn place(layer: Layer) -> usize {
    match layer {
        Layer::Dns => 0,
        Layer::Tcp => 1,
        Layer::Tls => 2,
        Layer::Http => 3,
        Layer::Quic => 4,
    }
}

fn short(share: u32) -> u16 {
    u16::try_from(share).unwrap_or(u16::MAX)
}

#[cfg(test)]
mod tests;
