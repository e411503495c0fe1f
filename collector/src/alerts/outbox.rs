//! When an alert is tried again, and when it is given up. Pure: clock and chance are arguments.

use jiff::{SignedDuration, Timestamp};

/// Waits before the second, third, ... attempt: quick at first, for a receiver that restarts, then over hours, for one whose
/// owner sleeps. Their sum is a little over three days. Whoever comes back later reads the page: an alert of last week
/// tells nobody what to do.
const WAITS: [SignedDuration; 11] = [
    SignedDuration::from_secs(5),
    SignedDuration::from_secs(30),
    SignedDuration::from_mins(2),
    SignedDuration::from_mins(10),
    SignedDuration::from_mins(30),
    SignedDuration::from_hours(2),
    SignedDuration::from_hours(5),
    SignedDuration::from_hours(10),
    SignedDuration::from_hours(14),
    SignedDuration::from_hours(20),
    SignedDuration::from_hours(24),
];

/// Share of a wait by which chance may lengthen it, so that receivers that failed together are not asked together.
const JITTER_PERCENT: i32 = 20;

/// Longest pause that a receiver can ask for: a wrong header must not silence a channel.
const LONGEST_REQUEST: SignedDuration = SignedDuration::from_hours(6);

/// How an attempt ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Attempt {
    /// The receiver has it.
    Accepted,
    /// Not this time.
    Failed {
        /// What happened, for the operator. It names no receiver: a webhook's address is often a secret.
        error: String,
        /// How long the receiver asked to be left alone.
        pause: Option<SignedDuration>,
    },
    /// The receiver wants no more alerts, ever (410 Gone), or is no longer configured.
    Unwanted(String),
}

/// What to do with the alert now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Next {
    /// It is delivered.
    Sent,
    /// Try again, not before then.
    Again(Timestamp, String),
    /// Never mind.
    GiveUp(String),
}

/// What follows from an attempt. `failed_before` counts the attempts that failed before this one; `chance` is uniform.
pub(crate) fn next(attempt: Attempt, failed_before: u32, now: Timestamp, chance: u8) -> Next {
    let (error, pause) = match attempt {
        Attempt::Accepted => return Next::Sent,
        Attempt::Unwanted(error) => return Next::GiveUp(error),
        Attempt::Failed { error, pause } => (error, pause),
    };
    let wait = usize::try_from(failed_before).ok().and_then(|failed| WAITS.get(failed));
    let Some(&wait) = wait else {
        return Next::GiveUp(format!("given up after {} attempts: {error}", failed_before.saturating_add(1)));
    };
    let asked = pause.unwrap_or_default().min(LONGEST_REQUEST);
    Next::Again(now.saturating_add(jittered(wait, chance).max(asked)).unwrap_or(Timestamp::MAX), error)
}

fn jittered(wait: SignedDuration, chance: u8) -> SignedDuration {
    wait + wait * JITTER_PERCENT * i32::from(chance) / (100 * i32::from(u8::MAX))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn failed() -> Attempt {
        Attempt::Failed { error: "no".to_owned(), pause: None }
    }

    fn now() -> Timestamp {
        Timestamp::UNIX_EPOCH
    }

    #[test]
    fn a_dead_receiver_is_given_up_after_three_days() {
        let (mut at, mut attempts) = (now(), 0);
        while let Next::Again(next, _) = next(failed(), attempts, at, 0) {
            assert!(next > at);
            (at, attempts) = (next, attempts + 1);
        }
        let days = at.duration_since(now()).as_hours() / 24;
        assert_eq!((attempts, days), (11, 3));
    }

    #[test]
    fn gone_is_gone() {
        assert!(matches!(next(Attempt::Unwanted("410".into()), 0, now(), 0), Next::GiveUp(_)));
    }

    #[test]
    fn a_receiver_may_ask_for_a_pause_but_not_for_silence() {
        let ask = |pause| Attempt::Failed { error: String::new(), pause: Some(pause) };
        let wait = |attempt| match next(attempt, 0, now(), 0) {
            Next::Again(at, _) => at.duration_since(now()),
            Next::Sent | Next::GiveUp(_) => panic!("it was to be tried again"),
        };
        assert_eq!(wait(ask(SignedDuration::from_mins(1))), SignedDuration::from_mins(1));
        assert_eq!(wait(ask(SignedDuration::from_hours(9000))), LONGEST_REQUEST);
        assert_eq!(wait(ask(SignedDuration::from_secs(1))), WAITS[0]);
    }

    proptest! {
        #[test]
        fn jitter_lengthens_by_a_fifth_at_most(chance: u8, attempt in 0usize..11) {
            let (wait, plain) = (jittered(WAITS[attempt], chance), WAITS[attempt]);
            prop_assert!(wait >= plain && wait <= plain + plain / 5);
        }
    }
}
