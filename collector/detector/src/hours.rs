//! How often votes say "blocked" in each hour of the week while nothing is suspected: lines are worse in the evening.
//!
//! A beta-binomial estimate in steps, each shrunk towards the one before: what is usual in the country (see `habits`), the series
//! as a whole, the hour of the day, the hour of that day of the week. What an hour is taken to be is an upper bound, not the mean: how little is known of it is part of
//! the estimate, and an evening that is worse than the last must not look like a block.

use data_encoding::BASE64;
use jiff::SignedDuration;
use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::habits::TIMES;
use crate::time::Moment;
use crate::track::Tally;
use crate::weights::{DAY_VOTES, GREATEST_RATE, MARGIN, WEEK_VOTES};

/// Hours of a week.
const HOURS: usize = 7 * TIMES;

/// An hour of the week, 0 to 167. In UTC: what counts is only that the same time of another week has the same number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct Hour(u8);

impl Hour {
    pub(crate) fn of(at: Moment) -> Self {
        const HOUR: SignedDuration = SignedDuration::from_hours(1);
        let hours = i64::from(at.0) / HOUR.as_secs();
        Self(u8::try_from(hours.rem_euclid(168)).unwrap_or(0))
    }

    fn place(self) -> usize {
        usize::from(self.0)
    }

    /// The hour of the day, 0 to 23.
    pub(crate) fn time(self) -> usize {
        self.place() % TIMES
    }
}

/// Blocked votes and votes of each hour of the week; nothing is kept before the first.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Hours(Vec<[u8; 2]>);

impl Hours {
    pub(crate) fn add(&mut self, hour: Hour, tally: Tally) {
        if self.0.is_empty() {
            self.0 = vec![[0; 2]; HOURS];
        }
        let [blocked, votes] = &mut self.0[hour.place()];
        let (mut more_blocked, mut more) =
            (u32::from(*blocked) + u32::from(tally.blocked), u32::from(*votes) + u32::from(tally.votes));
        while more > u32::from(u8::MAX) {
            (more_blocked, more) = (more_blocked.div_ceil(2), more / 2);
        }
        (*blocked, *votes) =
            (u8::try_from(more_blocked.min(more)).unwrap_or(u8::MAX), u8::try_from(more).unwrap_or(u8::MAX));
    }

    /// The share of blocked votes that must be reckoned with in an hour, in thousandths, where the series as a whole has `usual`
    /// and the country `rise` more than usual at this time of the day.
    pub(crate) fn rate(&self, hour: Hour, usual: u32, rise: u32) -> u32 {
        let day = self.daily(hour.time());
        let mean = shrunk(usual + rise, DAY_VOTES, day);
        let own = self.0.get(hour.place()).copied().unwrap_or_default().map(u32::from);
        let mean = shrunk(mean, WEEK_VOTES, own);
        // The standard deviation of a beta distribution, in thousandths.
        let variance = mean * 1000_u32.saturating_sub(mean) / (WEEK_VOTES + own[1] + 1);
        (mean + MARGIN * variance.isqrt() / 10).min(GREATEST_RATE)
    }

    /// The same for each time of the day.
    pub(crate) fn times(&self) -> [[u16; 2]; TIMES] {
        std::array::from_fn(|time| self.daily(time).map(|count| u16::try_from(count).unwrap_or(u16::MAX)))
    }

    fn daily(&self, time: usize) -> [u32; 2] {
        let days = self.0.iter().skip(time).step_by(TIMES);
        days.fold([0; 2], |[blocked, votes], day| [blocked + u32::from(day[0]), votes + u32::from(day[1])])
    }
}

fn shrunk(prior: u32, weight: u32, [blocked, votes]: [u32; 2]) -> u32 {
    (prior * weight + 1000 * blocked) / (weight + votes)
}

/// As saved: the bytes, in base64.
impl Serialize for Hours {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        BASE64.encode(self.0.as_flattened()).serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Hours {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let bytes = BASE64.decode(text.as_bytes()).map_err(D::Error::custom)?;
        let (hours, rest) = bytes.as_chunks::<2>();
        let sound = rest.is_empty() && (hours.is_empty() || hours.len() == HOURS);
        let sound = sound && hours.iter().all(|[blocked, votes]| blocked <= votes);
        if sound {
            Ok(Self(hours.to_vec()))
        } else {
            Err(D::Error::custom("the hours of a series are damaged, or of another version"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An hour of the evening, on some day.
    fn evening(day: u32) -> Hour {
        Hour::of(Moment(day * 86_400 + 20 * 3600))
    }

    fn tally(blocked: u16, votes: u16) -> Tally {
        Tally { blocked, votes }
    }

    #[test]
    fn an_hour_that_nobody_knows_is_taken_to_be_worse_than_the_rest() {
        assert_eq!(Hours::default().rate(evening(0), 10, 0), 34);
    }

    #[test]
    fn evenings_are_learned_apart_from_the_day() {
        let (mut hours, noon) = (Hours::default(), Hour::of(Moment(12 * 3600)));
        for day in 0..5 {
            hours.add(evening(day), tally(3, 40));
            hours.add(noon, tally(0, 40));
        }
        assert!(hours.rate(evening(6), 20, 0) > 100, "another day of the week");
        assert!(hours.rate(noon, 20, 0) < 30);
        assert_eq!(hours.rate(evening(7), 20, 0), hours.rate(evening(0), 20, 0), "a week later");
    }

    #[test]
    fn old_counts_fade_and_are_saved() {
        let mut hours = Hours::default();
        for _ in 0..100 {
            hours.add(evening(1), tally(1, 10));
        }
        let rate = hours.rate(evening(1), 20, 0);
        assert!((90..180).contains(&rate), "{rate}");
        let saved = serde_json::to_string(&hours).unwrap();
        assert_eq!(serde_json::from_str::<Hours>(&saved).unwrap(), hours);
        assert!(serde_json::from_str::<Hours>("\"AQI=\"").is_err());
    }
}
