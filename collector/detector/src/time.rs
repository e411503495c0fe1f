//! Event time in tenths of a second: small, whole, and fine enough for measurements that take seconds.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

/// Tenths of a second since 1970.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct Moment(pub(crate) u64);

impl Moment {
    /// `None` for times before 1970, at which nobody measured.
    pub(crate) fn of(at: Timestamp) -> Option<Self> {
        u64::try_from(at.as_millisecond()).ok().map(|milliseconds| Self(milliseconds / 100))
    }

    /// The time as everybody writes it.
    pub(crate) fn timestamp(self) -> Timestamp {
        let milliseconds = i64::try_from(self.0.saturating_mul(100)).unwrap_or(i64::MAX);
        Timestamp::from_millisecond(milliseconds).unwrap_or(Timestamp::MAX)
    }

    /// No earlier than time begins.
    pub(crate) fn before(self, span: SignedDuration) -> Self {
        Self(self.0.saturating_sub(tenths(span)))
    }

    pub(crate) fn after(self, span: SignedDuration) -> Self {
        Self(self.0.saturating_add(tenths(span)))
    }

    /// The beginning of the piece of time it lies in.
    pub(crate) fn floor(self, span: SignedDuration) -> Self {
        let span = tenths(span).max(1);
        Self(self.0 / span * span)
    }

    /// The beginning of its minute.
    pub(crate) fn minute(self) -> Self {
        self.floor(SignedDuration::from_mins(1))
    }
}

fn tenths(span: SignedDuration) -> u64 {
    u64::try_from(span.as_millis() / 100).unwrap_or(0)
}
