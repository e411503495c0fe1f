//! What time it is. The collector asks one clock, whatever for: the machine's, or in a replay one that is told the time of the
//! history.

use std::sync::Arc;

use jiff::Timestamp;
use tokio::sync::watch;

/// A clock. Cloning it copies a pointer.
#[derive(Debug, Clone, Default)]
pub(crate) enum Clock {
    /// The machine's.
    #[default]
    Machine,
    /// One that stands still until it is set.
    Told(Arc<Told>),
}

/// A clock that is told the time.
#[derive(Debug)]
pub(crate) struct Told {
    now: watch::Sender<Timestamp>,
    /// Up to when all that came in is in the events.
    taken_in: watch::Sender<Timestamp>,
}

impl Clock {
    /// A clock that says this until it is set.
    pub(crate) fn told(now: Timestamp) -> (Self, Arc<Told>) {
        let told = Arc::new(Told { now: watch::Sender::new(now), taken_in: watch::Sender::new(Timestamp::MIN) });
        (Self::Told(told.clone()), told)
    }

    /// The time.
    pub(crate) fn now(&self) -> Timestamp {
        match self {
            Self::Machine => Timestamp::now(),
            Self::Told(told) => *told.now.borrow(),
        }
    }

    /// Whether somebody waits for all that came in before the clock goes on: then nothing may be put off.
    pub(crate) fn waits(&self) -> bool {
        match self {
            Self::Machine => false,
            Self::Told(_) => true,
        }
    }

    /// Notes that all that came in until then is in the events.
    pub(crate) fn taken_in(&self, until: Timestamp) {
        match self {
            Self::Machine => {}
            Self::Told(told) => _ = told.taken_in.send_replace(until),
        }
    }

    /// Returns when the clock was set to another time than this; never where it goes by itself.
    pub(crate) async fn set_after(&self, time: Timestamp) {
        match self {
            Self::Machine => std::future::pending().await,
            // The sender lives as long as `self`, so waiting cannot fail.
            Self::Told(told) => _ = told.now.subscribe().wait_for(|now| *now != time).await,
        }
    }
}

impl Told {
    /// Sets the clock. Returns when all that came in until then is in the events.
    pub(crate) async fn set(&self, now: Timestamp) {
        self.now.send_replace(now);
        let _ = self.taken_in.subscribe().wait_for(|until| *until == now).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_clock_that_is_told_waits_for_those_who_go_by_it() {
        let at = |second| Timestamp::from_second(second).unwrap();
        let (clock, told) = Clock::told(at(0));
        let goer = clock.clone();
        let went = tokio::spawn(async move {
            goer.set_after(at(0)).await;
            let seen = goer.now();
            goer.taken_in(seen);
            seen
        });
        told.set(at(60)).await;
        assert_eq!((went.await.unwrap(), clock.now()), (at(60), at(60)));
    }
}
