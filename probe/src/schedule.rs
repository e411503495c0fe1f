//! What to measure when: pure decisions; the time and the dice are arguments.
//!
//! A round goes over every wanted target, in a new random order each time, and is cut into runs. The next round begins one
//! interval (give or take a tenth) after the last one began, so that probes do not fall into step and an observer on the line
//! sees no clockwork. Targets somebody saw fail come first, but none more often than [`RETEST_GAP`] allows.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use jiff::{SignedDuration, Timestamp};
use kedergi_wire::TargetUrl;
use rand::seq::SliceRandom;
use rand::{Rng, RngExt};

use crate::doors::later;
use crate::outbox::tomorrow;

/// Targets in one run. A run's reports are kept once it is over, so this bounds what a stop or a crash costs; enough of them
/// make the run's picture of the line.
pub(crate) const RUN_TARGETS: usize = 64;
/// Least time between a measurement of a target and its re-test: a retest confirms, it does not hammer.
pub(crate) const RETEST_GAP: SignedDuration = SignedDuration::from_mins(1);
/// Bytes that a target is presumed to cost when little is left of a day's budget: a page at the cap, its handshakes and as much
/// again for redirects.
const TARGET_BYTES: u64 = 128 * 1024;
/// How far a round may stray from its interval, either way.
const JITTER: f64 = 0.1;

/// What to do now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Due {
    /// Measure these, now, in one run.
    Measure(Vec<TargetUrl>),
    /// Nothing before this time, for this reason.
    Wait(Timestamp, &'static str),
    /// Nothing until a target list comes; the reason says so.
    Nothing(&'static str),
}

impl Due {
    /// When to ask again and why, if time alone brings it on.
    pub(crate) fn deadline(&self) -> Option<(Timestamp, &'static str)> {
        match self {
            Self::Wait(until, why) => Some((*until, why)),
            Self::Measure(_) | Self::Nothing(_) => None,
        }
    }
}

/// Bytes received by measurements today, and how many there may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Download {
    /// Since midnight (UTC).
    pub(crate) today: u64,
    /// A day.
    pub(crate) budget: u64,
}

impl Download {
    /// Targets that one run may have: as many as what is left will pay for, and one if anything is left.
    fn affords(self) -> usize {
        let left = self.budget.saturating_sub(self.today);
        usize::try_from(left / TARGET_BYTES).unwrap_or(RUN_TARGETS).clamp(1, RUN_TARGETS)
    }
}

/// The schedule of one probe.
#[derive(Debug, Clone)]
pub(crate) struct Schedule {
    interval: SignedDuration,
    next_round: Timestamp,
    /// What the round under way still has to measure.
    round: VecDeque<TargetUrl>,
    retests: BTreeSet<TargetUrl>,
    measured: BTreeMap<TargetUrl, Timestamp>,
}

impl Schedule {
    /// A round every `interval_s` seconds. `next_round` is when the next one is due if that is known from before, so that a
    /// probe that is restarted again and again does not measure again and again.
    pub(crate) fn new(interval_s: u32, next_round: Option<Timestamp>, now: Timestamp) -> Self {
        let interval = SignedDuration::from_secs(i64::from(interval_s));
        let next_round = next_round.unwrap_or(now);
        let (round, retests, measured) = (VecDeque::new(), BTreeSet::new(), BTreeMap::new());
        Self { interval, next_round, round, retests, measured }
    }

    /// Somebody saw these fail.
    pub(crate) fn retest(&mut self, targets: impl IntoIterator<Item = TargetUrl>) {
        self.retests.extend(targets);
    }

    /// What is still to be tested again.
    pub(crate) fn retests(&self) -> &BTreeSet<TargetUrl> {
        &self.retests
    }

    /// When the next round begins.
    pub(crate) fn next_round(&self) -> Timestamp {
        self.next_round
    }

    /// What to do at `now`. `wanted` are the targets this probe may measure: a collector cannot make it measure others.
    pub(crate) fn next(&mut self, wanted: &[TargetUrl], download: Download, now: Timestamp, rng: &mut impl Rng) -> Due {
        self.forget_unwanted(wanted);
        self.follow_clock(now);
        if wanted.is_empty() {
            return Due::Nothing("there is no target list to measure");
        }
        if download.today >= download.budget {
            return Due::Wait(tomorrow(now), "today's download budget is used up");
        }
        let most = download.affords();
        let mut run = self.due_retests(now, most);
        if run.is_empty() {
            self.begin_round(wanted, now, rng);
            run = self.round.drain(..self.round.len().min(most)).collect();
        }
        if run.is_empty() {
            return self.wait();
        }
        for target in &run {
            self.retests.remove(target);
            self.measured.insert(target.clone(), now);
        }
        Due::Measure(run)
    }

    fn forget_unwanted(&mut self, wanted: &[TargetUrl]) {
        let wanted: BTreeSet<&TargetUrl> = wanted.iter().collect();
        self.round.retain(|target| wanted.contains(target));
        self.retests.retain(|target| wanted.contains(target));
        self.measured.retain(|target, _| wanted.contains(target));
    }

    /// A clock set back must not postpone everything by what it was set back.
    fn follow_clock(&mut self, now: Timestamp) {
        self.next_round = self.next_round.min(later(now, self.interval.mul_f64(1.0 + JITTER)));
        for at in self.measured.values_mut() {
            *at = (*at).min(now);
        }
    }

    fn retest_due(&self, target: &TargetUrl) -> Timestamp {
        self.measured.get(target).map_or(Timestamp::MIN, |at| later(*at, RETEST_GAP))
    }

    fn due_retests(&self, now: Timestamp, most: usize) -> Vec<TargetUrl> {
        let due = self.retests.iter().filter(|target| self.retest_due(target) <= now);
        due.take(most).cloned().collect()
    }

    /// A round that takes longer than the interval is finished first: rounds never pile up.
    fn begin_round(&mut self, wanted: &[TargetUrl], now: Timestamp, rng: &mut impl Rng) {
        if !self.round.is_empty() || now < self.next_round {
            return;
        }
        let mut order = wanted.to_vec();
        order.shuffle(rng);
        self.round = order.into();
        self.next_round = later(now, self.interval.mul_f64(rng.random_range(1.0 - JITTER..=1.0 + JITTER)));
    }

    fn wait(&self) -> Due {
        let retest = self.retests.iter().map(|target| self.retest_due(target)).min();
        match retest {
            Some(due) if due < self.next_round => Due::Wait(due, "waiting to test a target again"),
            _ => Due::Wait(self.next_round, "waiting for the next round"),
        }
    }
}

#[cfg(test)]
mod tests;
