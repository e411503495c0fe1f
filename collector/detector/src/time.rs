//! Event time in whole seconds: small, and fine enough for measurements that take seconds themselves.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

/// Seconds since 1970.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct Moment(pub(crate) u32);

impl Moment {
    /// `None` for times before 1970, at which nobody measured, and after 2106.
    pub(crate) fn of(at: Timestamp) -> Option<Self> {
        u32::try_from(at.as_second()).ok().map(Self)
    }

    /// The time as everybody writes it.
    pub(crate) fn timestamp(self) -> Timestamp {
        Timestamp::from_second(self.0.into()).unwrap_or(Timestamp::MAX)
    }

    /// No earlier than time begins.
    pub(crate) fn before(self, span: SignedDuration) -> Self {
        Self(self.0.saturating_sub(seconds(span)))
    }

    pub(crate) fn after(self, span: SignedDuration) -> Self {
        Self(self.0.saturating_add(seconds(span)))
    }

    /// The beginning of the piece of time it lies in.
    pub(crate) fn floor(self, span: SignedDuration) -> Self {
        let span = seconds(span).max(1);
        Self(self.0 / span * span)
    }

    /// The beginning of its minute.
    pub(crate) fn minute(self) -> Self {
        self.floor(SignedDuration::from_mins(1))
    }
}

fn seconds(span: SignedDuration) -> u32 {
    u32::try_from(span.as_secs()).unwrap_or(0)
}
