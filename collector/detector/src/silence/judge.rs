//! Whether probes that were missed at once were cut off, or went away by themselves.
//!
//! The question is asked of every minute after which somebody was missed: who of those that were there then has not been heard
//! since, and who has? What the silent ones add is how much likelier their silence is if the network is off; what the others
//! take away is how unlikely it is that a shutdown leaves them on.

use std::collections::{BTreeMap, BTreeSet};

use kedergi_wire::Asn;

use super::alarm::{Alarm, Member, end};
use super::figures::{MOVED, NEIGHBOURS, SCHOOL, SHARES, SLACK, VOICES, VOICES_COUNTRY, VOICES_PARTIAL};
use super::minutes::Minute;
use super::probe::{Absence, Probe, hour};
use crate::alarm::Span;
use crate::weights::{CAP, ENOUGH, SUSPICION};

/// A probe among others.
#[derive(Debug, Clone, Copy)]
pub(super) struct Seat<'a> {
    pub(super) network: Asn,
    pub(super) id: u64,
    pub(super) voice: u64,
    pub(super) aged: bool,
    pub(super) probe: &'a Probe,
}

impl Seat<'_> {
    /// Since when it is there again, of a time at which it is there.
    pub(super) fn back(&self, cut: Minute, time: Minute) -> Option<Minute> {
        let untils = self.probe.absences().iter().filter_map(|absence| absence.until);
        untils.filter(|&until| until > cut && until <= time).max()
    }
}

/// Probes that are judged together: a network's or a country's.
pub(super) struct Pool<'a> {
    seats: Vec<Seat<'a>>,
    /// Absences that are no probe's own doing, by network and probe.
    excused: BTreeMap<(Asn, u64), Vec<Member>>,
    /// Nothing before it is judged any more, nor are the absences that older alarms rest on.
    edge: Minute,
    /// The last minute in which the collector listened.
    until: Minute,
}

/// How those stand who were there at a time.
struct Standing<'a> {
    silent: Vec<(&'a Seat<'a>, &'a Absence)>,
    /// Nothing speaks for their being silent; not all of them have been heard since.
    others: Vec<&'a Seat<'a>>,
}

/// When it became likely, and when it was sure.
struct Reached {
    suspected: Minute,
    confirmed: Option<Minute>,
}

impl<'a> Pool<'a> {
    pub(super) fn new(mut seats: Vec<Seat<'a>>, edge: Minute, until: Minute) -> Self {
        seats.sort_by_key(|seat| (seat.network, seat.id));
        Self { seats, excused: BTreeMap::new(), edge, until }
    }

    /// The seats of one network.
    pub(super) fn of(&self, network: Asn) -> Self {
        let seats = self.seats.iter().copied().filter(|seat| seat.network == network).collect();
        Self { seats, excused: self.excused.clone(), edge: self.edge, until: self.until }
    }

    pub(super) fn networks(&self) -> BTreeSet<Asn> {
        self.seats.iter().map(|seat| seat.network).collect()
    }

    pub(super) fn seat(&self, network: Asn, id: u64) -> Option<&Seat<'a>> {
        let place = self.seats.binary_search_by_key(&(network, id), |seat| (seat.network, seat.id));
        place.ok().map(|place| &self.seats[place])
    }

    /// Takes note that an alarm explains its members' absences.
    pub(super) fn excuse(&mut self, alarm: &Alarm) {
        for member in alarm.members.iter().filter(|_| alarm.confirmed.is_some()) {
            let excused = self.excused.entry((alarm.network, member.id)).or_default();
            if !excused.contains(member) {
                excused.push(*member);
            }
        }
    }

    /// The alarms of one network.
    pub(super) fn alarms(mut self, everybody: &Pool<'a>) -> Vec<Alarm> {
        let mut alarms = Vec::new();
        for cut in self.cuts(everybody) {
            let standing = self.standing(cut, everybody);
            if self.is_explained(&standing) {
                continue;
            }
            let Some(reached) = self.reached(&standing, VOICES, 1) else { continue };
            let alarm = alarm(cut, &standing, &reached);
            self.excuse(&alarm);
            alarms.push(alarm);
        }
        alarms
    }

    /// The alarms of networks of a country that fell silent together, where each alone may have too few probes.
    pub(super) fn national(&mut self, networks: &[Alarm]) -> Vec<Alarm> {
        networks.iter().for_each(|alarm| self.excuse(alarm));
        // What one network's silence explains still counts here: only what is older is excused, which weights see to.
        let mut alarms: Vec<Alarm> = Vec::new();
        for cut in self.cuts(self) {
            let standing = self.standing(cut, self);
            if alarms.iter().any(|alarm| alarm.cut.abs_diff(cut) <= NEIGHBOURS) {
                continue;
            }
            let Some(reached) = self.reached(&standing, VOICES_COUNTRY, 2) else { continue };
            alarms.extend(standing.by_network().into_values().filter(Standing::is_most).map(|standing| {
                let cut = standing.silent.iter().map(|(_, absence)| absence.from).max().unwrap_or(cut);
                alarm(cut, &standing, &reached)
            }));
        }
        alarms
    }

    /// Minutes after which somebody was missed; of those close together the one that explains most.
    fn cuts(&self, everybody: &Pool<'a>) -> Vec<Minute> {
        let absences = self.seats.iter().flat_map(|seat| seat.probe.absences());
        let froms: BTreeSet<_> = absences
            .filter(|absence| absence.from >= self.edge && absence.is_evident())
            .map(|absence| absence.from)
            .collect();
        let mut scored = Vec::<(Minute, i32)>::new();
        for cut in froms {
            let standing = self.standing(cut, everybody);
            if standing.silent.len() < 2 {
                continue;
            }
            let sum = self.sums(&standing, Minute::MAX).into_iter().max().unwrap_or(0);
            match scored.last_mut() {
                _ if sum < SUSPICION => {}
                Some(last) if cut - last.0 <= NEIGHBOURS => {
                    if sum >= last.1 {
                        *last = (cut, sum);
                    }
                }
                _ => scored.push((cut, sum)),
            }
        }
        scored.into_iter().map(|(cut, _)| cut).collect()
    }

    fn standing(&self, cut: Minute, everybody: &Pool<'a>) -> Standing<'_> {
        let mut standing = Standing { silent: Vec::new(), others: Vec::new() };
        for seat in self.seats.iter().filter(|seat| seat.probe.is_known(cut)) {
            match seat.probe.absent(cut) {
                None => standing.others.push(seat),
                Some(absence)
                    if absence.from + absence.due >= cut
                        && absence.is_evident()
                        && !everybody.has_moved(seat, absence) =>
                {
                    standing.silent.push((seat, absence));
                }
                // Away for longer, or nobody knows why: it says nothing.
                Some(_) => {}
            }
        }
        standing
    }

    fn has_moved(&self, seat: &Seat<'_>, absence: &Absence) -> bool {
        let mut elsewhere = self.seats.iter().filter(|other| other.id == seat.id && other.network != seat.network);
        elsewhere.any(|other| other.probe.is_heard(absence.from + 1, (absence.known + MOVED).min(self.until)))
    }

    /// Whether most of the silent are so because of an alarm that was found already.
    fn is_explained(&self, standing: &Standing<'_>) -> bool {
        let explained = standing.silent.iter().filter(|(seat, absence)| {
            self.excused
                .get(&(seat.network, seat.id))
                .is_some_and(|all| all.iter().any(|member| member.from == absence.from))
        });
        2 * explained.count() > standing.silent.len()
    }

    fn weight(&self, seat: &Seat<'_>, absence: &Absence) -> i32 {
        let excused = self.excused.get(&(seat.network, seat.id)).into_iter().flatten();
        let before = excused.filter(|member| member.known >= self.edge && member.from < absence.from);
        let (mut all, mut now) = (0, 0);
        for member in before {
            let apart = hour(member.from).abs_diff(hour(absence.from));
            (all, now) = (all + 1, now + u32::from(apart <= 1 || apart == 23));
        }
        absence.weight(all, now)
    }

    /// What speaks for a shutdown at a time, for each share of probes that it may silence.
    fn sums(&self, standing: &Standing<'_>, time: Minute) -> [i32; 2] {
        let (mut silent, others) = (BTreeMap::<u64, i32>::new(), standing.others_at(time));
        for (seat, absence) in standing.silent_at(time) {
            let weight = silent.entry(seat.voice).or_default();
            *weight = self.weight(seat, absence).max(*weight);
        }
        let others = others.iter().filter(|voice| !silent.contains_key(voice)).count();
        SHARES.map(|share| {
            // The cap is on what a voice may add; two that are quite sure suffice where nobody is heard.
            let added: i32 = silent.values().map(|weight| (weight + share.silent).min(CAP)).sum();
            added + share.heard * i32::try_from(others).unwrap_or(i32::MAX / 8192)
        })
    }

    fn reached(&self, standing: &Standing<'_>, voices: usize, networks: usize) -> Option<Reached> {
        let times: BTreeSet<_> = standing.silent.iter().map(|(_, absence)| absence.known).collect();
        let (mut suspected, mut confirmed) = (None, None);
        for time in times {
            let quorum = standing.quorum(time);
            let enough = quorum.silent >= voices && quorum.networks >= networks && quorum.is_most;
            let sum = self.sums(standing, time).into_iter().max().unwrap_or(0);
            if !enough || sum < SUSPICION {
                continue;
            }
            suspected = suspected.or(Some(time));
            let few = quorum.others > 0 && quorum.schooled < VOICES_PARTIAL;
            if sum >= ENOUGH && !few {
                confirmed = Some(time);
                break;
            }
        }
        suspected.map(|suspected| Reached { suspected, confirmed })
    }
}

/// How many voices there are.
struct Quorum {
    silent: usize,
    /// Of them those that were there a day before: what they do at this time of day was seen once.
    schooled: usize,
    others: usize,
    networks: usize,
    /// Half of all at least, and of those that have been there for long.
    is_most: bool,
}

impl<'a> Standing<'a> {
    /// Those overdue and not back yet at a time.
    fn silent_at(&self, time: Minute) -> impl Iterator<Item = &(&'a Seat<'a>, &'a Absence)> {
        self.silent.iter().filter(move |(_, absence)| {
            absence.known <= time && (time == Minute::MAX || absence.until.is_none_or(|until| until > time))
        })
    }

    /// The voices of all others.
    fn others_at(&self, time: Minute) -> BTreeSet<u64> {
        let silent: BTreeSet<_> = self.silent_at(time).map(|(seat, _)| seat.id).collect();
        let waited_for = self.silent.iter().map(|(seat, _)| *seat).filter(|seat| !silent.contains(&seat.id));
        self.others.iter().copied().chain(waited_for).map(|seat| seat.voice).collect()
    }

    fn quorum(&self, time: Minute) -> Quorum {
        let silent: BTreeSet<_> = self.silent_at(time).map(|(seat, _)| (seat.voice, seat.aged)).collect();
        let a_day_ago = |absence: &Absence| absence.from.saturating_sub(SCHOOL);
        let schooled: BTreeSet<_> = self
            .silent_at(time)
            .filter(|(seat, absence)| seat.probe.is_known(a_day_ago(absence)))
            .map(|(seat, _)| seat.voice)
            .collect();
        let networks: BTreeSet<_> = self.silent_at(time).map(|(seat, _)| seat.network).collect();
        let all: BTreeSet<_> = self
            .silent
            .iter()
            .map(|(seat, _)| *seat)
            .chain(self.others.iter().copied())
            .map(|seat| (seat.voice, seat.aged))
            .collect();
        let aged = |voices: &BTreeSet<(u64, bool)>| voices.iter().filter(|(_, aged)| *aged).count();
        Quorum {
            silent: silent.len(),
            schooled: schooled.len(),
            others: all.len() - silent.len(),
            networks: networks.len(),
            is_most: 2 * silent.len() >= all.len() && 2 * aged(&silent) >= aged(&all),
        }
    }

    fn by_network(self) -> BTreeMap<Asn, Standing<'a>> {
        let mut networks = BTreeMap::<Asn, Standing<'a>>::new();
        let empty = || Standing { silent: Vec::new(), others: Vec::new() };
        for entry in self.silent {
            networks.entry(entry.0.network).or_insert_with(empty).silent.push(entry);
        }
        for seat in self.others {
            networks.entry(seat.network).or_insert_with(empty).others.push(seat);
        }
        networks
    }

    /// Whether most of a network's probes are silent.
    fn is_most(&self) -> bool {
        self.silent.len() > self.others.len()
    }

    /// No earlier than the last sign of any, no later than the first that failed to come, or the first measurement that found the
    /// line cut.
    fn onset(&self, cut: Minute) -> Span {
        let missed = self.silent.iter().map(|(_, absence)| absence.from + absence.due - SLACK).min().unwrap_or(cut);
        let found = self.silent.iter().filter_map(|(seat, absence)| seat.probe.cut(cut, absence.known));
        let latest = found.map(|(first, _)| first).chain([missed]).min().unwrap_or(cut).max(cut);
        Span { earliest: Some(super::alarm::start(cut)), latest: end(latest) }
    }
}

fn alarm(cut: Minute, standing: &Standing<'_>, reached: &Reached) -> Alarm {
    let member = |(seat, absence): &(&Seat<'_>, &Absence)| Member {
        id: seat.id,
        voice: seat.voice,
        from: absence.from,
        known: absence.known,
    };
    let mut members: Vec<_> = standing.silent.iter().map(member).collect();
    members.sort_unstable();
    Alarm {
        network: standing.silent[0].0.network,
        cut,
        onset: standing.onset(cut),
        suspected: reached.suspected,
        confirmed: reached.confirmed,
        partial: standing.others.iter().any(|seat| seat.probe.last() > cut),
        members,
        end: None,
    }
}
