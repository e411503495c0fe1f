//! A long list of votes in little room.
//!
//! A vote is a number of eight bytes: its time in the upper half, in the lower half what it says as places in lists. It is kept as
//! what it differs by from the one before, two bytes as a rule; in long lists the newest ones as they are, because facts come
//! late by minutes.

use std::collections::VecDeque;

use data_encoding::BASE64;
use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::sparing;
use crate::time::Moment;

/// Votes that are kept as they are: a sixteenth of all, but so many at most; after packing half of them. None of a short list:
/// to unpack it for one that is late takes less than to read its votes again, which follows.
const MANY: usize = 32;
const RECENT_SHARE: usize = 16;
const SHORT: usize = 256;
/// The first bit of a vote that does not fit into two bytes, and how many bytes it takes at most.
const LONG: u8 = 0x80;
const LONGEST: usize = 12;
/// The bits of what a vote says: who, what, with what.
pub(crate) const PEOPLE: u32 = 12;
pub(crate) const KINDS: u32 = 8;
pub(crate) const INSTRUMENTS: u32 = 8;

/// When a vote was cast.
pub(crate) fn time(entry: u64) -> Moment {
    Moment(u32::try_from(entry >> 32).unwrap_or(u32::MAX))
}

/// Some bits of a vote, as a place in a list.
pub(crate) fn bits(entry: u64, shift: u32, count: u32) -> usize {
    usize::try_from(entry >> shift & ((1 << count) - 1)).unwrap_or(usize::MAX)
}

/// Votes in order of time.
#[derive(Debug, Clone, Default)]
pub(crate) struct Packed {
    bytes: VecDeque<u8>,
    /// How many votes are in `bytes`, the time that the first counts from, and that of the last.
    count: usize,
    start: Moment,
    end: Moment,
    recent: VecDeque<u64>,
    /// The last of all, if there are any.
    last: u64,
}

impl Packed {
    pub(crate) fn iter(&self) -> impl Iterator<Item = u64> {
        let (mut bytes, mut now) = (self.bytes.iter().copied(), self.start);
        let old = std::iter::from_fn(move || decode(&mut bytes, &mut now));
        old.chain(self.recent.iter().copied())
    }

    pub(crate) fn last(&self) -> Option<u64> {
        (self.len() > 0).then_some(self.last)
    }

    pub(crate) fn len(&self) -> usize {
        self.count + self.recent.len()
    }

    /// The votes from a time on, each with its place.
    pub(crate) fn since(&self, from: Moment) -> Vec<(usize, u64)> {
        if self.last().is_none_or(|last| time(last) < from) {
            return Vec::new();
        }
        if self.count == 0 || self.recent.front().is_some_and(|&first| time(first) < from) {
            let first = self.recent.partition_point(|&entry| time(entry) < from);
            return (self.count + first..).zip(self.recent.range(first..).copied()).collect();
        }
        self.iter().enumerate().filter(|&(_, entry)| time(entry) >= from).collect()
    }

    pub(crate) fn push(&mut self, entry: u64) {
        self.last = entry;
        let most = self.most_recent();
        if self.recent.len() >= most {
            self.pack(most / 2);
        }
        if most > 0 { self.recent.push_back(entry) } else { self.append(entry) }
    }

    /// How many votes are kept as they are.
    fn most_recent(&self) -> usize {
        if self.count < SHORT { 0 } else { (self.count / RECENT_SHARE).min(MANY) }
    }

    pub(crate) fn insert(&mut self, place: usize, entry: u64) {
        if place < self.count {
            self.unpack();
        }
        self.recent.insert(place - self.count, entry);
        self.tidy();
    }

    pub(crate) fn remove(&mut self, place: usize) {
        if place < self.count {
            self.unpack();
        }
        self.recent.remove(place - self.count);
        self.tidy();
    }

    /// Takes out the first vote if it lies before `edge`.
    pub(crate) fn pop_before(&mut self, edge: Moment) -> Option<u64> {
        if self.count == 0 {
            return self.recent.pop_front_if(|entry| time(*entry) < edge);
        }
        let (mut bytes, mut now, mut length) = (self.bytes.iter().copied(), self.start, 0);
        let entry =
            decode(&mut bytes.by_ref().inspect(|_| length += 1), &mut now).filter(|entry| time(*entry) < edge)?;
        self.bytes.drain(..length);
        (self.count, self.start) = (self.count - 1, now);
        Some(entry)
    }

    /// Packs all but the newest `kept`.
    fn pack(&mut self, kept: usize) {
        while self.recent.len() > kept {
            let Some(entry) = self.recent.pop_front() else { return };
            self.append(entry);
        }
    }

    /// Adds one to those that are packed.
    fn append(&mut self, entry: u64) {
        if self.count == 0 {
            (self.start, self.end) = (time(entry), time(entry));
        }
        if self.bytes.capacity() - self.bytes.len() < LONGEST {
            self.bytes.reserve_exact(LONGEST * sparing::step(self.bytes.len() / LONGEST));
        }
        encode(&mut self.bytes, entry, self.end);
        (self.count, self.end) = (self.count + 1, time(entry));
    }

    /// Packs what [`Packed::unpack`] may have unpacked, and gives the room back.
    fn tidy(&mut self) {
        self.last = self.recent.back().copied().or_else(|| self.iter().last()).unwrap_or_default();
        // How many are packed decides how many more are.
        self.pack(self.most_recent());
        self.recent.shrink_to(self.most_recent());
    }

    fn unpack(&mut self) {
        *self = Self { recent: self.iter().collect(), last: self.last, ..Self::default() };
    }
}

impl FromIterator<u64> for Packed {
    fn from_iter<I: IntoIterator<Item = u64>>(entries: I) -> Self {
        let mut packed = Self::default();
        entries.into_iter().for_each(|entry| packed.push(entry));
        packed
    }
}

/// How much is packed makes no difference.
impl PartialEq for Packed {
    fn eq(&self, other: &Self) -> bool {
        self.len() == other.len() && self.iter().eq(other.iter())
    }
}

impl Eq for Packed {}

/// As a rule two bytes: a bit 0, eleven bits of seconds since the vote before, four bits of who; it was clear and the instrument
/// the first one. Otherwise a byte of 0x80, plus 1 if an instrument other than the first follows and 2 if a kind does; then
/// seconds, who, kind, instrument.
fn encode(bytes: &mut VecDeque<u8>, entry: u64, before: Moment) {
    let who = bits(entry, KINDS + INSTRUMENTS, PEOPLE);
    let (kind, instrument) = (bits(entry, INSTRUMENTS, KINDS), bits(entry, 0, INSTRUMENTS));
    let seconds = time(entry).0.saturating_sub(before.0);
    if let (0, 0, 0..2048, Ok(who @ 0..16)) = (kind, instrument, seconds, u32::try_from(who)) {
        let [_, _, high, low] = (seconds << 4 | who).to_be_bytes();
        bytes.extend([high, low]);
        return;
    }
    bytes.push_back(LONG + 2 * u8::from(kind > 0) + u8::from(instrument > 0));
    write(bytes, seconds.into());
    write(bytes, number(who));
    if kind > 0 {
        write(bytes, number(kind));
    }
    if instrument > 0 {
        write(bytes, number(instrument));
    }
}

fn decode(bytes: &mut impl Iterator<Item = u8>, now: &mut Moment) -> Option<u64> {
    let first = bytes.next()?;
    if first & LONG == 0 {
        let both = u32::from(first) << 8 | u32::from(bytes.next()?);
        *now = Moment(now.0.checked_add(both >> 4)?);
        return Some(u64::from(now.0) << 32 | u64::from(both & 15) << (KINDS + INSTRUMENTS));
    }
    let after = u32::try_from(read(bytes)?).ok()?;
    *now = Moment(now.0.checked_add(after)?);
    let who = read(bytes)?;
    let kind = if first & 2 > 0 { read(bytes)? } else { 0 };
    let instrument = if first & 1 > 0 { read(bytes)? } else { 0 };
    let fits = who < 1 << PEOPLE && kind < 1 << KINDS && instrument < 1 << INSTRUMENTS;
    let said = who << (KINDS + INSTRUMENTS) | kind << INSTRUMENTS | instrument;
    fits.then_some(u64::from(now.0) << 32 | said)
}

fn number(place: usize) -> u64 {
    u64::try_from(place).unwrap_or(u64::MAX)
}

/// Seven bits a byte, the lowest first; the highest bit says that more follow (LEB128).
fn write(bytes: &mut VecDeque<u8>, mut number: u64) {
    while number >= 0x80 {
        bytes.push_back(number.to_le_bytes()[0] | 0x80);
        number >>= 7;
    }
    bytes.push_back(number.to_le_bytes()[0]);
}

fn read(bytes: &mut impl Iterator<Item = u8>) -> Option<u64> {
    let mut number = 0;
    for shift in (0..63).step_by(7) {
        let byte = bytes.next()?;
        number |= u64::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            return Some(number);
        }
    }
    None
}

/// As saved: the bytes of all in base64, how many there are, and the time the first counts from.
#[derive(Serialize, Deserialize)]
struct Saved(String, usize, Moment);

impl Serialize for Packed {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut all = self.clone();
        all.pack(0);
        Saved(BASE64.encode(all.bytes.make_contiguous()), all.count, all.start).serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Packed {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let Saved(text, count, mut now) = Saved::deserialize(deserializer)?;
        let mut bytes = BASE64.decode(text.as_bytes()).map_err(D::Error::custom)?.into_iter();
        let votes: Self = std::iter::from_fn(|| decode(&mut bytes, &mut now)).collect();
        if votes.len() != count || bytes.next().is_some() {
            return Err(D::Error::custom("the votes of a series are damaged, or of another version"));
        }
        Ok(votes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn entry((second, who, kind, instrument): (u32, u64, u64, u64)) -> u64 {
        u64::from(1_557_300_000 + second) << 32 | who << 16 | kind << 8 | instrument
    }

    fn any_entry() -> impl Strategy<Value = u64> {
        (
            0u32..90_000,
            0u64..4096,
            prop_oneof![3 => Just(0u64), 1 => 0u64..256],
            prop_oneof![3 => Just(0u64), 1 => 0u64..256],
        )
            .prop_map(entry)
    }

    proptest! {
        #[test]
        fn it_is_a_list(mut entries in proptest::collection::vec(any_entry(), 0..200), extra in any_entry(), edge in 0u32..90_000) {
            entries.sort_unstable();
            let mut packed: Packed = entries.iter().copied().collect();
            prop_assert_eq!(packed.iter().collect::<Vec<_>>(), entries.clone());
            let saved = serde_json::to_string(&packed).unwrap();
            prop_assert_eq!(&serde_json::from_str::<Packed>(&saved).unwrap(), &packed);
            let place = entries.partition_point(|other| *other < extra);
            packed.insert(place, extra);
            entries.insert(place, extra);
            prop_assert_eq!(packed.iter().collect::<Vec<_>>(), entries.clone());
            let edge = time(entry((edge, 0, 0, 0)));
            let tail: Vec<_> = packed.since(edge);
            prop_assert_eq!(tail, entries.iter().copied().enumerate().filter(|(_, entry)| time(*entry) >= edge).collect::<Vec<_>>());
            packed.remove(place);
            entries.remove(place);
            while let Some(entry) = packed.pop_before(edge) {
                prop_assert_eq!(entry, entries.remove(0));
            }
            prop_assert_eq!(packed.iter().collect::<Vec<_>>(), entries.clone());
            prop_assert!(entries.iter().all(|entry| time(*entry) >= edge));
        }

        #[test]
        fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..100)) {
            let saved = serde_json::to_string(&(BASE64.encode(&bytes), 10, 1_557_300_000)).unwrap();
            let _ = serde_json::from_str::<Packed>(&saved);
        }
    }
}
