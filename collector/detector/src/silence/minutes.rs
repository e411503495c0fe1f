//! Sets of minutes that lie close together: a day takes 180 bytes.

use std::ops::RangeInclusive;

use serde::{Deserialize, Serialize};

/// A minute, counted from 1970.
pub(crate) type Minute = u32;

const BITS: u32 = u64::BITS;

/// Some minutes, as bits.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Minutes {
    /// The minute that the first bit stands for, divided by [`BITS`].
    start: u32,
    words: Vec<u64>,
}

impl Minutes {
    /// Whether it is new. Whoever adds minutes far apart forgets the old ones first: what lies between takes room.
    pub(crate) fn insert(&mut self, minute: Minute) -> bool {
        let word = minute / BITS;
        if self.words.is_empty() {
            self.start = word;
        }
        if let Some(missing) = self.start.checked_sub(word) {
            self.words.splice(0..0, (0..missing).map(|_| 0));
            self.start = word;
        }
        let place = place(word - self.start);
        if place >= self.words.len() {
            self.words.resize(place + 1, 0);
        }
        let bit = 1 << (minute % BITS);
        let new = self.words[place] & bit == 0;
        self.words[place] |= bit;
        new
    }

    pub(crate) fn contains(&self, minute: Minute) -> bool {
        self.word(minute / BITS) >> (minute % BITS) & 1 == 1
    }

    /// Those within a range, in order.
    pub(crate) fn within(&self, range: RangeInclusive<Minute>) -> impl Iterator<Item = Minute> + '_ {
        self.words_within(range).flatten()
    }

    pub(crate) fn any(&self, range: RangeInclusive<Minute>) -> bool {
        self.words_within(range).any(|bits| bits.word != 0)
    }

    /// How many are within a range.
    pub(crate) fn count(&self, range: RangeInclusive<Minute>) -> u32 {
        self.words_within(range).map(|bits| bits.word.count_ones()).sum()
    }

    /// The words of a range, without the bits that lie beyond it.
    fn words_within(&self, range: RangeInclusive<Minute>) -> impl Iterator<Item = Bits> + '_ {
        let (from, to) = range.into_inner();
        let last = self.start + u32::try_from(self.words.len()).unwrap_or(0);
        let words = (from / BITS).max(self.start)..(to / BITS + 1).min(last);
        words.map(move |word| {
            let base = word * BITS;
            let from_on = u64::MAX << from.saturating_sub(base);
            let up_to = u64::MAX >> (BITS - 1).saturating_sub(to - base);
            Bits { word: self.word(word) & from_on & up_to, base }
        })
    }

    /// Forgets all before a minute.
    pub(crate) fn forget_before(&mut self, minute: Minute) {
        let gone = (minute / BITS).saturating_sub(self.start);
        let gone = place(gone).min(self.words.len());
        self.words.drain(..gone);
        self.start += u32::try_from(gone).unwrap_or(0);
        if self.start == minute / BITS
            && let Some(first) = self.words.first_mut()
        {
            *first &= u64::MAX << (minute % BITS);
        }
    }

    fn word(&self, word: u32) -> u64 {
        let place = word.checked_sub(self.start).map(place);
        place.and_then(|place| self.words.get(place)).copied().unwrap_or(0)
    }
}

/// The bits set in a word, lowest first.
struct Bits {
    word: u64,
    base: u32,
}

impl Iterator for Bits {
    type Item = Minute;

    fn next(&mut self) -> Option<Minute> {
        let bit = self.word.trailing_zeros();
        (bit < BITS).then(|| {
            self.word &= self.word - 1;
            self.base + bit
        })
    }
}

fn place(word: u32) -> usize {
    usize::try_from(word).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn it_is_a_set(minutes in proptest::collection::vec(1000u32..4000, 0..200), edge in 1000u32..4000, range in (900u32..4100, 900u32..4100)) {
            let (mut set, mut model) = (Minutes::default(), BTreeSet::new());
            for &minute in &minutes {
                prop_assert_eq!(set.insert(minute), model.insert(minute));
            }
            set.forget_before(edge);
            model.retain(|&minute| minute >= edge);
            let (from, to) = (range.0.min(range.1), range.0.max(range.1));
            prop_assert_eq!(set.within(from..=to).collect::<Vec<_>>(), model.range(from..=to).copied().collect::<Vec<_>>());
            prop_assert_eq!(set.count(from..=to), u32::try_from(model.range(from..=to).count()).unwrap());
            prop_assert_eq!(set.contains(from), model.contains(&from));
        }
    }
}
