//! A while in which a network was silent.

use std::collections::{BTreeMap, BTreeSet};

use kedergi_wire::Asn;
use serde::{Deserialize, Serialize};

use super::figures::{BACK, FLAP, VOICES};
use super::judge::Pool;
use super::minutes::Minute;
use crate::alarm::Span;
use crate::newcomers::{self, Word};
use crate::time::Moment;
use crate::{Affected, Bracket, Kind};

/// A while in which a network was silent, or part of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Alarm {
    pub(super) network: Asn,
    /// The last minute in which any of the silent was heard.
    pub(super) cut: Minute,
    pub(super) onset: Span,
    pub(super) suspected: Minute,
    pub(super) confirmed: Option<Minute>,
    /// Whether somebody was still heard on this network.
    pub(super) partial: bool,
    pub(super) members: Vec<Member>,
    pub(super) end: Option<End>,
}

/// A probe that fell silent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(super) struct Member {
    pub(super) id: u64,
    pub(super) voice: u64,
    pub(super) from: Minute,
    pub(super) known: Minute,
}

/// How it ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct End {
    /// Between when.
    pub(super) span: Span,
    /// When enough were heard again.
    pub(super) cleared: Minute,
}

impl Alarm {
    /// Whether and when it ended: at the first time at which enough of those that fell silent were there.
    pub(super) fn find_end(&mut self, pool: &Pool<'_>) {
        let seats: Vec<_> =
            self.members.iter().filter_map(|member| Some((member, pool.seat(self.network, member.id)?))).collect();
        let back = |absence: &super::probe::Absence| absence.until.filter(|&until| until > self.cut);
        let times: BTreeSet<_> =
            seats.iter().flat_map(|(_, seat)| seat.probe.absences().iter().filter_map(back)).collect();
        let voices: BTreeSet<_> = self.members.iter().map(|member| member.voice).collect();
        let quorum = VOICES.max(voices.len() / BACK + 1).min(voices.len());
        self.end = times.into_iter().find_map(|time| {
            let there = seats.iter().filter(|(_, seat)| seat.probe.absent(time).is_none());
            let there: Vec<_> = there.map(|(member, seat)| (member.voice, seat.back(self.cut, time))).collect();
            let voices: BTreeSet<_> = there.iter().map(|(voice, _)| voice).collect();
            let first = there.iter().filter_map(|(_, back)| *back).min()?;
            (voices.len() >= quorum).then(|| {
                let cut =
                    seats.iter().filter_map(|(_, seat)| seat.probe.cut(self.cut, first)).map(|(_, last)| start(last));
                let earliest = cut.chain([self.onset.latest]).max().map(|earliest| earliest.min(end(first)));
                End { span: Span { earliest, latest: end(first) }, cleared: time }
            })
        });
    }

    fn affected(&self) -> Affected {
        let told = |minute: Minute| end(minute).timestamp();
        Affected {
            kind: if self.partial { Kind::PartialShutdown } else { Kind::Shutdown },
            network: self.network,
            service: None,
            onset: self.onset.into(),
            suspected: told(self.suspected),
            confirmed: self.confirmed.map(told),
            end: self.end.map(|end| end.span.into()),
            cleared: self.end.map(|found| end(found.cleared).timestamp()),
            probes: 0,
            manners: Vec::new(),
            slowed: None,
            contested: false,
            notes: Vec::new(),
            evidence: Vec::new(),
        }
    }
}

/// Alarms as they are told, those of a network that follow each other closely as one.
pub(super) fn told(alarms: &[Alarm]) -> Vec<Word> {
    let mut networks = BTreeMap::<Asn, Vec<(Affected, BTreeSet<(u64, u64)>)>>::new();
    let mut alarms: Vec<_> = alarms.iter().collect();
    alarms.sort_by_key(|alarm| (alarm.onset.latest, alarm.cut));
    for alarm in alarms {
        let next = alarm.affected();
        let told = networks.entry(alarm.network).or_default();
        let members = alarm.members.iter().map(|member| (member.id, member.voice));
        match told.last_mut() {
            Some((before, silent)) if goes_on(before, &next) => {
                extend(before, &next);
                silent.extend(members);
            }
            _ => told.push((next, members.collect())),
        }
    }
    let told = networks.into_values().flatten();
    let word = |(affected, silent): (Affected, BTreeSet<(u64, u64)>)| {
        let ids: BTreeSet<_> = silent.iter().map(|(id, _)| *id).collect();
        Word {
            affected: Affected { probes: u32::try_from(ids.len()).unwrap_or(u32::MAX), ..affected },
            newcomers: silent.iter().all(|(_, voice)| newcomers::is_shared(*voice)),
        }
    };
    told.map(word).collect()
}

fn goes_on(before: &Affected, next: &Affected) -> bool {
    let flap = jiff::SignedDuration::from_mins(FLAP.into());
    before.end.is_none_or(|end| next.onset.latest.duration_since(end.latest) <= flap)
}

fn extend(before: &mut Affected, next: &Affected) {
    before.kind = before.kind.max(next.kind);
    before.suspected = before.suspected.min(next.suspected);
    before.confirmed = before.confirmed.into_iter().chain(next.confirmed).min();
    before.cleared = before.cleared.zip(next.cleared).map(|(one, other)| one.max(other));
    before.end = before
        .end
        .zip(next.end)
        .map(|(one, other): (Bracket, Bracket)| if one.latest < other.latest { other } else { one });
}

pub(super) fn start(minute: Minute) -> Moment {
    Moment(minute.saturating_mul(60))
}

pub(super) fn end(minute: Minute) -> Moment {
    Moment(minute.saturating_add(1).saturating_mul(60))
}
