//! In which pieces of time something was seen, kept for as long as an event may ask.

use std::collections::BTreeSet;

use jiff::SignedDuration;
use serde::{Deserialize, Serialize};

use crate::sparing;
use crate::time::Moment;

/// How long a piece is: a round of most probes.
const MINUTES: u32 = 10;
const SECONDS: u32 = MINUTES * 60;
const DAY: u32 = 24 * 60 / MINUTES;
/// Days kept: an event may be confirmed [`crate::weights::FROZEN`] after it began, by facts that are [`crate::HORIZON`] late.
const DAYS: u32 = 9;
/// Room that is made at once, for the days that will be kept and the newest: lists that grow and shrink each day leave holes in
/// the memory, which would take more.
const ROOM: usize = DAYS as usize + 2;
/// How long after an onset it is looked at what else worked: two hours, so that probes that measure every half hour say
/// enough too.
const WINDOW: u32 = 12;

/// A piece of time, counted from 1970.
pub(crate) type Slot = u32;

/// The piece in which a moment lies.
pub(crate) fn slot(at: Moment) -> Slot {
    at.0 / SECONDS
}

fn day(slot: Slot) -> u32 {
    slot / DAY
}

/// The pieces after the one in which something began, up to the one in which it ended, two hours at most.
pub(crate) fn after(onset: Moment, end: Option<Moment>) -> std::ops::Range<Slot> {
    let first = slot(onset) + 1;
    let last = first + WINDOW;
    first..end.map_or(last, |end| slot(end).min(last)).max(first)
}

/// When such a piece begins.
pub(crate) fn begin(slot: Slot) -> Moment {
    Moment(slot.saturating_mul(SECONDS))
}

/// The days that are looked at for something that began then.
pub(crate) fn days(onset: Moment) -> [u32; 2] {
    let window = after(onset, None);
    [day(slot(onset)), day(window.end)]
}

/// Whether what began then is still looked at, or was a moment ago.
pub(crate) fn is_fresh(onset: Moment, now: Moment) -> bool {
    now >= onset && now <= begin(after(onset, None).end).after(SignedDuration::from_mins(MINUTES.into()))
}

/// The bits of one day, so many in a word that a day takes twenty bytes.
type Bits = [u16; 9];
const WORD: u32 = u16::BITS;

/// Pieces of time in which something was seen: a bit each, by day.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct Slots(Vec<(u16, Bits)>);

impl Slots {
    /// Takes note of it. Whether a new day began by it: then it is time to [`Slots::forget`].
    pub(crate) fn note(&mut self, at: Moment) -> bool {
        let slot = slot(at);
        let found = self.find(slot);
        let place = found.unwrap_or_else(|place| {
            if self.0.is_empty() {
                self.0.reserve_exact(ROOM);
            }
            sparing::insert(&mut self.0, place, (short(day(slot)), [0; 9]));
            place
        });
        let (word, bit) = place_of(slot);
        if let Some(word) = self.0[place].1.get_mut(word) {
            *word |= bit;
        }
        found.is_err()
    }

    /// Forgets what is more than [`DAYS`] older than the newest, but for these days.
    pub(crate) fn forget(&mut self, but: &BTreeSet<u32>) {
        let newest = self.0.last().map_or(0, |&(day, _)| u32::from(day));
        self.0.retain(|&(day, _)| u32::from(day) + DAYS >= newest || but.contains(&day.into()));
        self.0.shrink_to(ROOM);
    }

    /// Whether it was seen in any of these pieces.
    pub(crate) fn any(&self, range: std::ops::Range<Slot>) -> bool {
        range.into_iter().any(|slot| self.has(slot))
    }

    fn has(&self, slot: Slot) -> bool {
        let (word, bit) = place_of(slot);
        let found = self.find(slot).ok();
        found.and_then(|place| self.0[place].1.get(word)).is_some_and(|word| word & bit != 0)
    }

    /// The place of the day in which a piece lies, or where it belongs.
    fn find(&self, slot: Slot) -> Result<usize, usize> {
        self.0.binary_search_by_key(&short(day(slot)), |&(day, _)| day)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// A day in two bytes, which do until 2149.
fn short(day: u32) -> u16 {
    u16::try_from(day).unwrap_or(u16::MAX)
}

fn place_of(slot: Slot) -> (usize, u16) {
    let within = slot % DAY;
    (usize::try_from(within / WORD).unwrap_or(usize::MAX), 1 << (within % WORD))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(minute: u32) -> Moment {
        Moment(18_000 * 86_400 + minute * 60)
    }

    #[test]
    fn a_window_leaves_out_the_pieces_of_begin_and_end() {
        let window = after(at(15), Some(at(47)));
        assert_eq!((begin(window.start), begin(window.end)), (at(20), at(40)));
        assert_eq!(after(at(15), None).len(), 12);
        assert!(after(at(15), Some(at(18))).is_empty());
        assert!(is_fresh(at(15), at(149)) && !is_fresh(at(15), at(151)) && !is_fresh(at(15), at(14)));
    }

    #[test]
    fn what_was_seen_is_known_and_old_days_are_not() {
        let mut slots = Slots::default();
        assert!(slots.note(at(1435)) && !slots.note(at(1436)) && slots.note(at(1441)));
        assert!(slots.any(slot(at(1430))..slot(at(1440))) && !slots.any(slot(at(1450))..slot(at(1500))));
        slots.note(at(1440 * 20));
        let mut other = slots.clone();
        slots.forget(&BTreeSet::new());
        other.forget(&days(at(1435)).into());
        assert_eq!((slots.0.len(), other.0.len()), (1, 3));
    }
}
