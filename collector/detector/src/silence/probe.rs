//! One probe on one network: when it was heard, what it usually does, and when it was missed.

use serde::{Deserialize, Serialize};

use super::figures::{AWAY_ONCE_IN, DAY_LONG, FORGET_PROBE, KNOWN, MEMORY, RAREST, RUN, SLACK, USUAL, WINDOW};
use super::minutes::{Minute, Minutes};
use crate::time::Moment;
use crate::weights::thousand_ln;

/// Fractions of a minute in which the usual time between two signs is kept.
const FINE: u32 = 64;

/// What is known of a probe on a network.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Probe {
    /// When it enrolled and where its line lies, as last told, and when that was.
    pub(super) enrolled: Option<Moment>,
    pub(super) neighbourhood: Option<u64>,
    told: Moment,
    /// Heard by the collector; measured with a line that worked; measured with one that was cut.
    beats: Minutes,
    measured: Minutes,
    cut: Minutes,
    /// As far as no fact changes it any more, and as far as the collector listened.
    base: Course,
    head: Course,
}

/// What became of a probe so far.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Course {
    /// Everything up to this minute is read.
    read: Minute,
    /// The first sign of life, and the last.
    first: Option<Minute>,
    last: Minute,
    /// Its usual time between two signs, in [`FINE`] parts of a minute, beyond [`USUAL`].
    slower: u32,
    habit: Habit,
    absences: Vec<Absence>,
}

/// What a probe does by itself, by hour of day (UTC): minutes it was there, and how often it went away.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Habit {
    there: [u32; 24],
    falls: [u32; 24],
}

/// A while in which a probe was missed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Absence {
    /// Its last sign before.
    pub(super) from: Minute,
    /// When it was overdue.
    pub(super) known: Minute,
    /// Its first sign after.
    pub(super) until: Option<Minute>,
    /// How long it was waited for.
    pub(super) due: Minute,
    /// Minutes it had been there before, how often it had gone away, and both around this hour.
    there: u32,
    falls: u32,
    there_now: u32,
    falls_now: u32,
}

/// What is heard of a probe.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Life {
    /// A heartbeat: it reaches the collector.
    Beat,
    /// A measurement with a line that worked.
    Measured,
    /// A measurement with a line on which nothing outside answered.
    Cut,
}

impl Probe {
    /// Notes a sign of life. Whether it is a new one.
    pub(super) fn note(&mut self, minute: Minute, life: Life) -> bool {
        match life {
            Life::Beat => self.beats.insert(minute),
            Life::Measured => self.measured.insert(minute),
            Life::Cut => self.cut.insert(minute),
        }
    }

    /// Notes who it is, if that is the newest that was told of it.
    pub(super) fn introduce(&mut self, at: Moment, enrolled: Option<Moment>, neighbourhood: Option<u64>) {
        if at >= self.told {
            (self.told, self.enrolled) = (at, enrolled.or(self.enrolled));
            self.neighbourhood = neighbourhood.or(self.neighbourhood);
        }
    }

    /// Reads on, now that the collector listened up to a minute. Whether it was missed or found.
    pub(super) fn read(&mut self, upto: Minute, listened: &Minutes) -> bool {
        let (absences, open) = (self.head.absences.len(), self.head.open().is_some());
        let mut head = std::mem::take(&mut self.head);
        head.read(self, upto, listened, |_| false);
        self.head = head;
        (absences, open) != (self.head.absences.len(), self.head.open().is_some())
    }

    /// Reads again from where nothing changes any more. Whether it was missed or found otherwise than before.
    pub(super) fn read_again(&mut self, upto: Minute, listened: &Minutes) -> bool {
        let mut head = self.base.clone();
        head.read(self, upto, listened, |_| false);
        let changed = head.absences != self.head.absences;
        self.head = head;
        changed
    }

    /// Nothing before `edge` changes any more. `excused` says which absences are not the probe's own doing.
    pub(super) fn settle(&mut self, edge: Minute, listened: &Minutes, excused: impl Fn(Minute) -> bool) {
        let mut base = std::mem::take(&mut self.base);
        base.read(self, edge - 1, listened, excused);
        base.absences.retain(|absence| absence.until.is_none_or(|until| until >= edge));
        base.habit.fade();
        self.base = base;
        self.beats.forget_before(edge);
        self.measured.forget_before(edge);
        // The last that found the line cut says when an end was not there yet, and that may be long before it.
        self.cut.forget_before(edge.saturating_sub(WINDOW));
    }

    /// Whether it has not been heard for so long that it need not be remembered.
    pub(super) fn is_forgotten(&self, edge: Minute) -> bool {
        let silent = |minutes: &Minutes| !minutes.any(edge..=Minute::MAX);
        self.head.last + FORGET_PROBE < edge && [&self.beats, &self.measured, &self.cut].into_iter().all(silent)
    }

    pub(super) fn absences(&self) -> &[Absence] {
        &self.head.absences
    }

    /// Whether it had been heard by then.
    pub(super) fn is_known(&self, minute: Minute) -> bool {
        self.head.first.is_some_and(|first| first <= minute)
    }

    /// The last sign that was read.
    pub(super) fn last(&self) -> Minute {
        self.head.last
    }

    /// The absence that a minute lies in: after the last sign before it, before the next.
    pub(super) fn absent(&self, minute: Minute) -> Option<&Absence> {
        let before = self.head.absences.partition_point(|absence| absence.from <= minute);
        let absence = before.checked_sub(1).map(|place| &self.head.absences[place])?;
        absence.until.is_none_or(|until| until > minute).then_some(absence)
    }

    /// The first and the last measurement in a range that found the line cut.
    pub(super) fn cut(&self, from: Minute, to: Minute) -> Option<(Minute, Minute)> {
        let mut cut = self.cut.within(from..=to);
        let first = cut.next()?;
        Some((first, cut.last().unwrap_or(first)))
    }

    /// Whether it gave a sign in a range.
    pub(super) fn is_heard(&self, from: Minute, to: Minute) -> bool {
        self.signs(from, to).next().is_some()
    }

    /// Signs of a line that works. A measurement within [`RUN`] of one that found the line cut is none.
    fn signs(&self, from: Minute, to: Minute) -> impl Iterator<Item = Minute> + '_ {
        let mut beats = self.beats.within(from..=to).peekable();
        let works = |minute: &Minute| !self.cut.any(minute.saturating_sub(RUN)..=minute + RUN);
        let mut measured = self.measured.within(from..=to).filter(works).peekable();
        std::iter::from_fn(move || {
            let next = beats.peek().into_iter().chain(measured.peek()).min().copied()?;
            let _ = (beats.next_if_eq(&next), measured.next_if_eq(&next));
            Some(next)
        })
    }
}

impl Course {
    fn read(&mut self, probe: &Probe, upto: Minute, listened: &Minutes, excused: impl Fn(Minute) -> bool) {
        for minute in probe.signs(self.read + 1, upto) {
            self.miss(minute - 1, listened, &excused);
            self.hear(minute, listened);
        }
        self.miss(upto, listened, &excused);
        self.read = self.read.max(upto);
    }

    fn open(&self) -> Option<&Absence> {
        self.absences.last().filter(|absence| absence.until.is_none())
    }

    fn due(&self) -> Minute {
        USUAL + self.slower.div_ceil(FINE) + SLACK
    }

    /// Nothing was heard up to a minute: is it overdue?
    fn miss(&mut self, upto: Minute, listened: &Minutes, excused: impl Fn(Minute) -> bool) {
        let due = self.due();
        if self.first.is_none() || self.open().is_some() || upto < self.last + due {
            return;
        }
        let Some(known) = listened.within(self.last + 1..=upto).nth(usize::try_from(due - 1).unwrap_or(0)) else {
            return;
        };
        let from = self.last;
        let ((there, falls), (there_now, falls_now)) = (self.habit.all(), self.habit.around(from));
        self.absences.push(Absence { from, known, until: None, due, there, falls, there_now, falls_now });
        if !excused(from) {
            self.habit.falls[hour(from)] += 1;
        }
    }

    fn hear(&mut self, minute: Minute, listened: &Minutes) {
        if self.first.is_none() {
            (self.first, self.last) = (Some(minute), minute);
            return;
        }
        let gap = minute - self.last;
        let away = self.absences.last_mut().filter(|absence| absence.until.is_none());
        let known = listened.count(self.last + 1..=minute - 1) + 1;
        if let Some(away) = away {
            away.until = Some(minute);
        }
        // Time in which the collector did not listen tells nothing of the probe.
        if known == gap {
            self.learn(gap, minute);
        }
        self.last = minute;
    }

    /// Its usual time between signs follows the longest lately, and hours in which it was away not at all.
    fn learn(&mut self, gap: Minute, minute: Minute) {
        let beyond = FINE * gap.saturating_sub(USUAL);
        if gap <= self.due() {
            self.slower = beyond.max(self.slower - self.slower.saturating_sub(beyond).div_ceil(FINE));
            self.habit.there[hour(minute)] += gap;
        } else if gap <= RAREST {
            self.slower += beyond.saturating_sub(self.slower) / 4;
        }
    }
}

impl Habit {
    fn all(&self) -> (u32, u32) {
        (self.there.iter().sum(), self.falls.iter().sum())
    }

    /// In the hour of a minute, the one before and the one after, on all days.
    fn around(&self, minute: Minute) -> (u32, u32) {
        let hour = hour(minute);
        let hours = [(hour + 23) % 24, hour, (hour + 1) % 24];
        (hours.iter().map(|&hour| self.there[hour]).sum(), hours.iter().map(|&hour| self.falls[hour]).sum())
    }

    fn fade(&mut self) {
        if self.all().0 > MEMORY {
            self.there.iter_mut().chain(&mut self.falls).for_each(|count| *count /= 2);
        }
    }
}

impl Absence {
    /// Whether the collector listened all the while until it was overdue, to a probe that it knew.
    pub(super) fn is_evident(&self) -> bool {
        self.known - self.from == self.due && self.there >= KNOWN
    }

    /// How much likelier the silence is if the network is off than if the probe went away by itself just then: log ratio. Some of
    /// its absences before were not its own doing: `excused`, and of these those around this hour.
    pub(super) fn weight(&self, excused: u32, excused_now: u32) -> i32 {
        let falls = u64::from(self.falls.saturating_sub(excused)) + 1;
        let there = u64::from(self.there) + AWAY_ONCE_IN;
        let falls_now = u64::from(self.falls_now.saturating_sub(excused_now));
        let there_now = u64::from(self.there_now) + DAY_LONG;
        // The rate of all the day, and that of this hour, which is presumed to be like it.
        let all = (falls * there_now, there * there_now);
        let now = (falls_now * there + falls * DAY_LONG, there_now * there);
        let rate = (all.0.max(now.0) * u64::from(self.due)).min(all.1);
        thousand_ln(all.1) - thousand_ln(rate)
    }
}

/// Hour of day.
pub(super) fn hour(minute: Minute) -> usize {
    usize::try_from(minute / 60 % 24).unwrap_or(0)
}
