//! What to do next with the reports that wait: pure decisions. `upload.rs` carries them out, `spool.rs` holds the reports.
//!
//! The laws, each held by a property test below: a batch goes only once a collector acknowledged it (or is set aside once one
//! refused it for good); while any collector answers, every batch is offered; no wait is longer than its cap; a
//! `Retry-After` is never undercut.

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use crate::doors::{Bar, Doors, Pick, later};

/// What waits, and what was sent today.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Waiting {
    /// Reports in no batch yet.
    pub(crate) reports: u64,
    /// Bytes of the oldest sealed batch, if there is one.
    pub(crate) batch: Option<u64>,
    /// Bytes sent since midnight (UTC).
    pub(crate) sent_today: u64,
}

/// What to do next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Next {
    /// Make a batch of the oldest reports.
    Seal,
    /// Offer the oldest batch to this collector.
    Send(usize),
    /// Nothing before this time, for this reason.
    Wait(Timestamp, &'static str),
    /// Nothing until reports come, or a collector takes this probe again; the reason says which.
    Idle(&'static str),
}

impl Next {
    /// When to ask again and why, if time alone brings it on.
    pub(crate) fn deadline(self) -> Option<(Timestamp, &'static str)> {
        match self {
            Self::Wait(until, why) => Some((until, why)),
            Self::Seal | Self::Send(_) | Self::Idle(_) => None,
        }
    }
}

/// What came of offering a batch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Answer {
    /// The collector has it on disk.
    Acknowledged,
    /// It will never take this batch, whoever sends it: the name of the problem.
    BatchRefused(String),
    /// It will take nothing from this probe.
    ProbeRefused(Bar),
    /// Not now: no connection, no answer, or one that says to come back later.
    NotNow(Option<SignedDuration>),
}

/// What becomes of the batch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Fate {
    /// Delivered: delete it.
    Delete,
    /// Never to be taken: keep it out of the way and count it.
    SetAside(String),
    /// Offer it again.
    Keep,
}

/// Upload decisions.
#[derive(Debug, Clone)]
pub(crate) struct Outbox {
    doors: Doors,
    collectors: usize,
    bytes_per_day: u64,
    /// Offers in a row that no collector answered, since the day's first.
    unanswered: usize,
}

impl Outbox {
    /// For so many collectors, and at most so many bytes a day.
    pub(crate) fn new(collectors: usize, bytes_per_day: u64) -> Self {
        Self { doors: Doors::new(collectors), collectors, bytes_per_day, unanswered: 0 }
    }

    /// What to do at `now`. It seals only when the batch could be sent at once: what waits longer shares a batch, and
    /// a shared batch compresses better.
    pub(crate) fn next(&mut self, waiting: Waiting, now: Timestamp) -> Next {
        if waiting.reports == 0 && waiting.batch.is_none() {
            return Next::Idle("every report is delivered");
        }
        if waiting.sent_today == 0 {
            self.unanswered = 0;
        }
        match self.doors.pick(now) {
            Pick::None => Next::Idle("there is no collector to send to"),
            Pick::Barred(bar) => Next::Idle(bar.says()),
            Pick::Resting(until, why) => Next::Wait(until, why),
            Pick::Open(_) if self.used_up(waiting) => Next::Wait(tomorrow(now), "today's upload budget is used up"),
            Pick::Open(collector) => waiting.batch.map_or(Next::Seal, |_| Next::Send(collector)),
        }
    }

    /// The first batch of a day always fits, and a batch that some collectors left unanswered may go on to the others. So a
    /// budget smaller than one batch slows delivery down but never ends it, dead collectors in front or not.
    fn used_up(&self, waiting: Waiting) -> bool {
        let begun = (1..self.collectors).contains(&self.unanswered);
        let next = waiting.batch.unwrap_or(0);
        waiting.sent_today > 0 && !begun && waiting.sent_today.saturating_add(next) > self.bytes_per_day
    }

    /// Takes in what a collector answered to a batch. `dice` is in 0..1.
    pub(crate) fn answered(&mut self, collector: usize, answer: &Answer, now: Timestamp, dice: f64) -> Fate {
        self.unanswered = if matches!(answer, Answer::NotNow(_)) { self.unanswered.saturating_add(1) } else { 0 };
        match answer {
            Answer::NotNow(retry_after) => self.doors.failed(collector, *retry_after, now, dice),
            Answer::ProbeRefused(bar) => self.doors.bar(collector, Some(*bar)),
            Answer::Acknowledged | Answer::BatchRefused(_) => self.doors.answered(collector),
        }
        match answer {
            Answer::Acknowledged => Fate::Delete,
            Answer::BatchRefused(problem) => Fate::SetAside(problem.clone()),
            Answer::ProbeRefused(_) | Answer::NotNow(_) => Fate::Keep,
        }
    }

    /// A heartbeat told whether the collector knows this probe.
    pub(crate) fn set_bar(&mut self, collector: usize, bar: Option<Bar>) {
        self.doors.bar(collector, bar);
    }

    /// Why no collector takes anything from this probe, if none does.
    pub(crate) fn stopped(&self) -> Option<Bar> {
        self.doors.all_barred()
    }
}

/// The day (UTC) budgets are counted by.
pub(crate) fn day(now: Timestamp) -> Date {
    now.to_zoned(TimeZone::UTC).date()
}

/// The next midnight (UTC), when budgets begin anew.
pub(crate) fn tomorrow(now: Timestamp) -> Timestamp {
    let midnight = day(now).tomorrow().ok().and_then(|date| date.to_zoned(TimeZone::UTC).ok());
    midnight.map_or_else(|| later(now, SignedDuration::from_hours(24)), |zoned| zoned.timestamp())
}

#[cfg(test)]
mod tests;
