//! Who votes in a series: how many are there, how many independent voices, who has been there for long.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::Instrument;
use crate::slow::Pace;
use crate::sparing::Few;
use crate::time::Moment;
use crate::votes::{Ballot, Cast, Who};
use crate::weights::{ACTIVE, PASSERS, QUORUM, YOUNG};

/// Who votes in a series.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct People(Few<Person>);

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct Person {
    witness: u64,
    voice: u64,
    seen: Moment,
    /// When it last reached the service, and with what. The beginning of time if it never did: there are many of these.
    reached: Moment,
    instrument: Instrument,
    aged: bool,
    passing: bool,
}

impl People {
    /// Notes that somebody voted. Whether it used something else than when it last reached the service, a moment ago;
    /// `None` if it did not reach it lately.
    pub(crate) fn note(&mut self, cast: &Cast) -> Option<bool> {
        let Who { witness, voice, aged, passing } = cast.who;
        let known = self.0.iter().position(|person| person.witness == witness);
        let place = known.unwrap_or_else(|| {
            let long_ago = cast.at.before(YOUNG);
            self.0.retain(|person| person.seen >= long_ago);
            let (seen, reached, instrument) = (cast.at, Moment::default(), cast.instrument);
            self.0.push(Person { witness, voice, seen, reached, instrument, aged, passing });
            self.0.len() - 1
        });
        let person = &mut self.0[place];
        (person.voice, person.aged, person.passing, person.seen) = (voice, aged, passing, cast.at);
        match cast.ballot {
            Ballot::Blocked(..) | Ballot::Paced(Pace { throttled: true, .. }, _) => {
                let lately = person.reached > Moment::default() && person.reached >= cast.at.before(ACTIVE);
                lately.then_some(person.instrument != cast.instrument)
            }
            Ballot::Clear | Ballot::Paced(..) => {
                (person.reached, person.instrument) = (cast.at, cast.instrument);
                None
            }
        }
    }

    /// Whether these witnesses are enough of those who were active lately: two voices, and more than one in [`QUORUM`]. Where
    /// there are aged ones among the active, the same must hold of them (one is enough), so that a flood of new ones
    /// decides nothing. Of those who only pass by it takes [`PASSERS`]: it could be one machine at the turn of an hour.
    pub(crate) fn is_quorum(&self, witnesses: &[u64], since: Moment, now: Moment) -> bool {
        let (all, aged) = (self.voices(witnesses, since, now, false), self.voices(witnesses, since, now, true));
        let stays = |person: &Person| !person.passing && witnesses.contains(&person.witness);
        let least = if self.0.iter().any(stays) { 2 } else { PASSERS };
        all.0 >= least.max(all.1 / QUORUM + 1) && (aged.1 == 0 || aged.0 > aged.1 / QUORUM)
    }

    /// Whether these witnesses are most of those who were active lately.
    pub(crate) fn is_majority(&self, witnesses: &[u64], since: Moment, now: Moment) -> bool {
        let (some, all) = self.voices(witnesses, since, now, false);
        2 * some > all
    }

    /// Whether it is known here and may come again.
    pub(crate) fn is_lasting(&self, witness: u64) -> bool {
        self.0.iter().any(|person| person.witness == witness && !person.passing)
    }

    /// Whether anybody who has been there for long was active lately.
    pub(crate) fn has_elders(&self, now: Moment) -> bool {
        self.0.iter().any(|person| person.aged && person.seen >= now.before(ACTIVE))
    }

    /// How many voices these witnesses have, and how many all active ones have together. Who only passes by is active if it
    /// was heard `since` the question came up: it could not be heard before and will not be again.
    pub(crate) fn voices(&self, witnesses: &[u64], since: Moment, now: Moment, aged: bool) -> (usize, usize) {
        let lately = now.before(ACTIVE);
        let is_active =
            |person: &&Person| person.seen >= if person.passing { since } else { lately } && (person.aged || !aged);
        let active = self.0.iter().filter(is_active);
        let (mut some, mut all) = (BTreeSet::new(), BTreeSet::new());
        for person in active {
            all.insert(person.voice);
            if witnesses.contains(&person.witness) {
                some.insert(person.voice);
            }
        }
        (some.len(), all.len())
    }
}
