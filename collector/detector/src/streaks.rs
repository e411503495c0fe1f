//! What each probe saw of late in an alarm or a slow-down: whether all but one are so sure of its end that this one is outvoted.
//!
//! Among few the sum that tells of an end may be held down by one for ever: each of its votes weighs more than those of two
//! others. So the others may also be believed without it, if each of them by itself is as sure as all would have to be together.

use serde::{Deserialize, Serialize};

use crate::alarm::Span;
use crate::people::People;
use crate::time::Moment;
use crate::weights::END;

/// By probe.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct Streaks(Vec<Streak>);

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Streak {
    witness: u64,
    last_blocked: Option<Moment>,
    /// The first vote that was not blocked after it.
    since: Option<Moment>,
    /// What these weigh for an end.
    weight: i32,
}

impl Streaks {
    pub(crate) fn blocked(&mut self, witness: u64, at: Moment) {
        *self.of(witness) = Streak { witness, last_blocked: Some(at), since: None, weight: 0 };
    }

    pub(crate) fn clear(&mut self, witness: u64, at: Moment, weight: i32) {
        let streak = self.of(witness);
        streak.since.get_or_insert(at);
        streak.weight = (streak.weight + weight).min(END);
    }

    /// The end that all voices but one saw, each by itself; two at least.
    pub(crate) fn end(&self, people: &People, now: Moment) -> Option<Span> {
        let sure = || self.0.iter().filter(|streak| streak.weight >= END);
        let witnesses: Vec<_> = sure().map(|streak| streak.witness).collect();
        let (some, all) = people.voices(&witnesses, now, now, false);
        if all < 3 || some + 1 < all {
            return None;
        }
        let earliest = sure().filter_map(|streak| streak.last_blocked).max();
        let latest = sure().filter_map(|streak| streak.since).filter(|since| Some(*since) > earliest).min()?;
        people.is_quorum(&witnesses, latest, now).then_some(Span { earliest, latest })
    }

    fn of(&mut self, witness: u64) -> &mut Streak {
        let place = self.0.iter().position(|streak| streak.witness == witness).unwrap_or_else(|| {
            self.0.push(Streak { witness, last_blocked: None, since: None, weight: 0 });
            self.0.len() - 1
        });
        &mut self.0[place]
    }
}
