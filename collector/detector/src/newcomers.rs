//! Probes in their first week: how many they count as, and why they say nothing by themselves where others have been for longer.
//!
//! Anybody can enroll a hundred probes today, on networks where nobody else measures too. So those that enrolled on one day have
//! a few names together, and what only such names stand for is not believed while somebody older is there to see it.

use jiff::{SignedDuration, Timestamp};

use crate::Affected;
use crate::agreement::is_alike;
use crate::detector::hash;
use crate::time::Moment;
use crate::weights::{VOICES_OF_A_DAY, YOUNG};

/// The lowest bit of a name tells newcomers from others.
const NEWCOMER: u64 = 1;

/// Whether a probe that enrolled then is in its first week; of one that somebody vouched for no time is known.
pub(crate) fn is_young(enrolled: Option<Moment>, at: Moment) -> Option<Moment> {
    enrolled.filter(|enrolled| *enrolled >= at.before(YOUNG))
}

/// The name that a newcomer shares with others of its day.
pub(crate) fn shared(enrolled: Moment, id: u64) -> u64 {
    let day = enrolled.floor(SignedDuration::from_hours(24)).0;
    hash(&[1, day.into(), id % VOICES_OF_A_DAY]) | NEWCOMER
}

/// A name of somebody else.
pub(crate) fn lasting(name: u64) -> u64 {
    name & !NEWCOMER
}

/// Whether newcomers share it.
pub(crate) fn is_shared(name: u64) -> bool {
    name & NEWCOMER != 0
}

/// Whether newcomers share all of them.
pub(crate) fn are_shared(names: &[u64]) -> bool {
    names.iter().copied().all(is_shared)
}

/// What is told of a network, and by whom.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Word {
    pub(crate) affected: Affected,
    /// Whether none but newcomers say so.
    pub(crate) newcomers: bool,
}

/// Leaves what only newcomers say at a suspicion, wherever somebody older measures in the country (`elders` says when), until what
/// older ones see elsewhere in the country confirms it. Returns what counts, and what is only repeated.
pub(crate) fn heed_elders(words: Vec<Word>, elders: impl Fn(Timestamp) -> bool) -> Vec<Word> {
    let unheeded = |word: &Word| word.newcomers && elders(word.affected.told());
    let (mut young, mut all): (Vec<_>, Vec<_>) = words.into_iter().partition(unheeded);
    for word in &mut all {
        word.newcomers = false;
    }
    for Word { affected, .. } in &mut young {
        let alike = all.iter().filter(|word| is_alike(affected, &word.affected));
        let seen = alike.filter_map(|word| word.affected.confirmed).min();
        affected.confirmed = affected.confirmed.zip(seen).map(|(own, seen)| own.max(seen));
    }
    all.extend(young);
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::group::tests::{at, blocked};

    fn word(network: u32, from: i64, newcomers: bool) -> Word {
        Word { affected: blocked(network, "a", from, None), newcomers }
    }

    fn told(words: Vec<Word>, elders: bool) -> Vec<(bool, Option<Timestamp>)> {
        let words = heed_elders(words, |_| elders);
        words.into_iter().map(|word| (word.newcomers, word.affected.confirmed)).collect()
    }

    #[test]
    fn newcomers_are_believed_where_nobody_is_older() {
        assert_eq!(told(vec![word(1, 0, true), word(2, 5, true)], false), [(false, Some(at(2))), (false, Some(at(7)))]);
        assert_eq!(told(vec![word(1, 0, true), word(2, 5, true)], true), [(true, None), (true, None)]);
    }

    #[test]
    fn what_older_ones_see_elsewhere_confirms_it() {
        assert_eq!(told(vec![word(1, 0, true), word(2, 5, false)], true), [(false, Some(at(7))), (true, Some(at(7)))]);
        let late = told(vec![word(1, 0, true), word(2, 90, false)], true);
        assert_eq!(late, [(false, Some(at(92))), (true, None)]);
    }

    #[test]
    fn names_tell_who_is_new() {
        let enrolled = Moment::of(at(0)).unwrap();
        assert!((0..9).all(|id| is_shared(shared(enrolled, id)) && !is_shared(lasting(id))));
        let names: std::collections::BTreeSet<_> = (0..100).map(|id| shared(enrolled, id)).collect();
        assert_eq!(names.len(), 3);
        assert_eq!(is_young(Some(enrolled), Moment::of(at(8 * 24 * 60)).unwrap()), None);
    }
}
