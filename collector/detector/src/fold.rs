//! The votes of one series, read in order of event time, become alarms.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use kedergi_verdict::How;
use kedergi_wire::{ProbeId, ReportRef};
use serde::{Deserialize, Serialize};

use crate::Bracket;
use crate::controls::Controls;
use crate::sequential::{BLOCKED, CLEAR, Test};

/// Reports named as evidence of one alarm: the first ones, enough to read and few enough to keep.
const EVIDENCE: usize = 8;

/// What one probe says of one service in one minute.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Cast {
    pub(crate) at: Timestamp,
    pub(crate) probe: ProbeId,
    pub(crate) ballot: Ballot,
}

/// The two things a vote can say.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) enum Ballot {
    /// Blocked. It comes first: where targets of one service disagree, this prevails.
    Blocked(How, Option<ReportRef>),
    /// Not blocked: it could be reached, or it is down for everybody.
    Clear,
}

/// A while in which a service was blocked on a network.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Alarm {
    pub(crate) onset: Bracket,
    /// When the votes sufficed.
    pub(crate) reached: Timestamp,
    pub(crate) last_blocked: Timestamp,
    /// When a control first contradicted it: until then it is not shown to anybody.
    pub(crate) contradicted: Option<Timestamp>,
    pub(crate) end: Option<Bracket>,
    pub(crate) cleared: Option<Timestamp>,
    pub(crate) probes: BTreeSet<ProbeId>,
    #[serde(with = "crate::pairs")]
    pub(crate) manners: BTreeMap<How, u32>,
    pub(crate) evidence: Vec<ReportRef>,
}

impl Alarm {
    fn starting(earliest: Option<Timestamp>, latest: Timestamp) -> Self {
        Self {
            onset: Bracket { earliest, latest },
            reached: latest,
            last_blocked: latest,
            contradicted: None,
            end: None,
            cleared: None,
            probes: BTreeSet::new(),
            manners: BTreeMap::new(),
            evidence: Vec::new(),
        }
    }

    fn count(&mut self, at: Timestamp, probe: ProbeId, how: How, report: Option<ReportRef>) {
        self.last_blocked = at;
        self.probes.insert(probe);
        *self.manners.entry(how).or_default() += 1;
        if self.evidence.len() < EVIDENCE {
            self.evidence.extend(report);
        }
    }

    /// When it could first be said: enough votes, and a control that contradicts them.
    pub(crate) fn confirmed(&self) -> Option<Timestamp> {
        self.contradicted.map(|control| control.max(self.reached))
    }

    fn consult(&mut self, controls: &Controls) {
        let found = controls.contradicts(self.onset.latest, self.last_blocked);
        self.contradicted = self.contradicted.into_iter().chain(found).min();
    }
}

/// Where a series stands after the votes read so far.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Fold {
    last_clear: Option<Timestamp>,
    /// For the state that is not the present one.
    test: Test,
    /// The alarm that `test` may lead to.
    coming: Option<Alarm>,
    /// The end that `test` may lead to.
    ending: Option<Bracket>,
    /// Alarms in order of time. Only the last may be going on.
    pub(crate) alarms: Vec<Alarm>,
}

impl Fold {
    /// Reads the next vote.
    pub(crate) fn step(&mut self, cast: &Cast) {
        let going_on = self.alarms.last().is_some_and(|alarm| alarm.end.is_none());
        match (going_on, cast.ballot) {
            (false, Ballot::Blocked(how, report)) => self.suspect(cast.at, cast.probe, how, report),
            (false, Ballot::Clear) => self.stay_calm(),
            (true, Ballot::Blocked(how, report)) => self.go_on(cast.at, cast.probe, how, report),
            (true, Ballot::Clear) => self.relax(cast.at, cast.probe),
        }
        if cast.ballot == Ballot::Clear {
            self.last_clear = Some(cast.at);
        }
    }

    fn suspect(&mut self, at: Timestamp, probe: ProbeId, how: How, report: Option<ReportRef>) {
        let mut alarm = self.coming.take().unwrap_or_else(|| Alarm::starting(self.last_clear, at));
        alarm.count(at, probe, how, report);
        if self.test.favour(probe, BLOCKED) {
            alarm.reached = at;
            self.alarms.push(alarm);
        } else {
            self.coming = Some(alarm);
        }
    }

    fn stay_calm(&mut self) {
        if self.test.oppose(CLEAR) {
            self.coming = None;
        }
    }

    fn go_on(&mut self, at: Timestamp, probe: ProbeId, how: How, report: Option<ReportRef>) {
        if let Some(alarm) = self.alarms.last_mut() {
            alarm.count(at, probe, how, report);
        }
        if self.test.oppose(BLOCKED) {
            self.ending = None;
        }
    }

    fn relax(&mut self, at: Timestamp, probe: ProbeId) {
        let Some(alarm) = self.alarms.last_mut() else { return };
        let end = *self.ending.get_or_insert(Bracket { earliest: Some(alarm.last_blocked), latest: at });
        if self.test.favour(probe, CLEAR) {
            (alarm.end, alarm.cleared, self.ending) = (Some(end), Some(at), None);
        }
    }

    /// Lets the controls have their say about every alarm.
    pub(crate) fn consult(&mut self, controls: &Controls) {
        self.alarms.iter_mut().for_each(|alarm| alarm.consult(controls));
    }
}
