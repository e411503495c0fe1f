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
use crate::nibbles::{self, Nibbles};
use crate::time::Moment;
use crate::track::Tally;
use crate::weights::{DAY_VOTES, GREATEST_RATE, MARGIN, WEEK_VOTES};

/// Hours of a week.
const HOURS: usize = 7 * TIMES;
/// Bytes by which the list grows: a list that grows by little each time leaves holes in the memory.
const ROOM: usize = 32;

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

/// Votes of each hour of the week, then the hours in which any were blocked and how many, in pairs by hour; nothing is kept before
/// the first.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Hours(Vec<u8>);

impl Hours {
    pub(crate) fn add(&mut self, hour: Hour, tally: Tally) {
        if self.0.is_empty() {
            self.0.reserve_exact(HOURS + ROOM);
            self.0.resize(HOURS, 0);
        }
        let [blocked, votes] = self.get(hour);
        let (mut more_blocked, mut more) = (blocked + u32::from(tally.blocked), votes + u32::from(tally.votes));
        while more > u32::from(u8::MAX) {
            (more_blocked, more) = (more_blocked.div_ceil(2), more / 2);
        }
        let byte = |count: u32| u8::try_from(count).unwrap_or(u8::MAX);
        self.0[hour.place()] = byte(more);
        if more_blocked > 0 {
            self.note_blocked(hour, byte(more_blocked.min(more)));
        }
    }

    fn note_blocked(&mut self, hour: Hour, count: u8) {
        match self.0[HOURS..].as_chunks_mut().0.iter_mut().find(|[other, _]| *other == hour.0) {
            Some([_, blocked]) => *blocked = count,
            None => {
                if self.0.len() == self.0.capacity() {
                    self.0.reserve_exact(ROOM);
                }
                let place = HOURS + 2 * self.blocked().take_while(|[other, _]| *other < hour.0).count();
                self.0.splice(place..place, [hour.0, count]);
            }
        }
    }

    /// How each hour's votes differ from those of the one before, then how many hours are listed, and of each how far it lies
    /// from the one before and its count.
    fn nibbles(&self) -> Vec<u8> {
        let Some(votes) = self.0.first_chunk::<HOURS>() else { return Vec::new() };
        let mut nibbles = Nibbles::with_room(self.0.len() + 1);
        let mut last = 0;
        for count in votes {
            nibbles.push(zigzag(count.wrapping_sub(last)));
            last = *count;
        }
        nibbles.push(u8::try_from(self.blocked().count()).unwrap_or(0));
        last = 0;
        for [hour, count] in self.blocked() {
            nibbles.push(hour - last);
            nibbles.push(count);
            last = hour;
        }
        nibbles.into_bytes()
    }

    fn of_nibbles(bytes: &[u8]) -> Option<Self> {
        if bytes.is_empty() {
            return Some(Self::default());
        }
        let mut numbers = nibbles::read(bytes);
        let mut hours = Vec::with_capacity(HOURS + ROOM);
        let mut last: u8 = 0;
        for _ in 0..HOURS {
            last = last.wrapping_add(unzigzag(numbers.next()?));
            hours.push(last);
        }
        last = 0;
        let listed = numbers.next()?;
        hours.reserve_exact(2 * usize::from(listed));
        for _ in 0..listed {
            last = last.checked_add(numbers.next()?)?;
            hours.extend([last, numbers.next()?]);
        }
        Some(Self(hours))
    }

    /// Hours in which votes were blocked, and how many.
    fn blocked(&self) -> impl Iterator<Item = [u8; 2]> {
        self.0.get(HOURS..).unwrap_or_default().as_chunks().0.iter().copied()
    }

    fn get(&self, hour: Hour) -> [u32; 2] {
        let blocked = self.blocked().find(|[other, _]| *other == hour.0).map_or(0, |[_, count]| count);
        [blocked, self.0.get(hour.place()).copied().unwrap_or(0)].map(u32::from)
    }

    /// The share of blocked votes that must be reckoned with in an hour, in thousandths, where the series as a whole has `usual`
    /// and the country `rise` more than usual at this time of the day.
    pub(crate) fn rate(&self, hour: Hour, usual: u32, rise: u32) -> u32 {
        let day = self.daily(hour.time());
        let mean = shrunk(usual + rise, DAY_VOTES, day);
        let own = self.get(hour);
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
        let votes = self.0.iter().take(HOURS).skip(time).step_by(TIMES).map(|&count| u32::from(count));
        let blocked = self.blocked().filter(|[hour, _]| usize::from(*hour) % TIMES == time);
        [blocked.map(|[_, count]| u32::from(count)).sum(), votes.sum()]
    }

    /// Whether it can have come of votes: a saved state may be damaged.
    fn is_sound(&self) -> bool {
        let Some((votes, pairs)) = self.0.split_at_checked(HOURS) else { return self.0.is_empty() };
        let counted = |[hour, blocked]: [u8; 2]| votes.get(usize::from(hour)).is_some_and(|votes| blocked <= *votes);
        pairs.len().is_multiple_of(2)
            && self.blocked().all(counted)
            && self.blocked().is_sorted_by(|[one, _], [next, _]| one < next)
    }
}

/// A difference as a number that is small if it is close to 0 from either side.
fn zigzag(difference: u8) -> u8 {
    (difference << 1) ^ if difference < 0x80 { 0 } else { 0xff }
}

fn unzigzag(number: u8) -> u8 {
    (number >> 1) ^ if number & 1 == 0 { 0 } else { 0xff }
}

fn shrunk(prior: u32, weight: u32, [blocked, votes]: [u32; 2]) -> u32 {
    (prior * weight + 1000 * blocked) / (weight + votes)
}

/// As saved: the bytes in base64; in memory, as part of what is put aside, in nibbles.
impl Serialize for Hours {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if serializer.is_human_readable() {
            BASE64.encode(&self.0).serialize(serializer)
        } else {
            self.nibbles().serialize(serializer)
        }
    }
}

impl<'de> Deserialize<'de> for Hours {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        if !deserializer.is_human_readable() {
            let bytes = Vec::<u8>::deserialize(deserializer)?;
            return Self::of_nibbles(&bytes).ok_or_else(|| D::Error::custom("not the hours of a series"));
        }
        let text = String::deserialize(deserializer)?;
        let hours = Self(BASE64.decode(text.as_bytes()).map_err(D::Error::custom)?);
        if hours.is_sound() {
            Ok(hours)
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
