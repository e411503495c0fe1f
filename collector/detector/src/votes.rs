//! The votes of one series that may still get company from late facts.
//!
//! Most of the detector's memory is here, so a vote is a number: when, and as places in the lists beside who, what, with what.

use jiff::SignedDuration;
use kedergi_verdict::How;
use kedergi_wire::ReportRef;
use serde::{Deserialize, Serialize};

use crate::packed::{INSTRUMENTS, KINDS, PEOPLE, Packed, bits, time};
use crate::slow::Pace;
use crate::sparing::Few;
use crate::time::Moment;
use crate::{HORIZON, Instrument, Resolver};

const MINUTE: SignedDuration = SignedDuration::from_mins(1);
const HOUR: SignedDuration = SignedDuration::from_hours(1);
/// The first number of a kind that is a pace; below it are what was found blocked, and 0, nothing.
const PACES: usize = 1 << (KINDS - 1);
/// Reports kept as possible evidence for each hour.
const REPORTS_AN_HOUR: usize = 4;

/// What one probe says of one service in one minute.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Cast {
    pub(crate) at: Moment,
    pub(crate) who: Who,
    pub(crate) ballot: Ballot,
    pub(crate) instrument: Instrument,
}

/// Who votes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) struct Who {
    /// A probe, or several that count as one.
    pub(crate) witness: u64,
    /// Witnesses of one voice are not independent: they live in the same neighbourhood.
    pub(crate) voice: u64,
    /// Whether it has been there for long.
    pub(crate) aged: bool,
    /// Whether it stands for one hour only, and is never heard again: a source that names no probes.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) passing: bool,
}

/// What a vote can say.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Ballot {
    /// Blocked. It comes first: where targets of one service disagree, this prevails.
    Blocked(Found, Option<ReportRef>),
    /// Not blocked, and its pace was measured.
    Paced(Pace, Option<ReportRef>),
    /// Not blocked: it could be reached, or it is down for everybody.
    Clear,
}

/// What was found, and what that is worth.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) struct Found {
    pub(crate) how: How,
    pub(crate) strength: u16,
    pub(crate) resolver: Option<Resolver>,
}

/// One vote per witness and minute, in order of time, then of witness.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Saved")]
pub(crate) struct Votes {
    entries: Packed,
    lists: Lists,
    reports: Few<(Moment, u64, ReportRef)>,
}

/// Votes as they are saved.
#[derive(Deserialize)]
struct Saved {
    entries: Packed,
    lists: Lists,
    reports: Few<(Moment, u64, ReportRef)>,
}

/// A saved state that cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("the votes of a series are damaged, or of another version")]
pub(crate) struct Damaged;

impl TryFrom<Saved> for Votes {
    type Error = Damaged;

    fn try_from(Saved { entries, lists, reports }: Saved) -> Result<Self, Damaged> {
        let votes = Self { entries, lists, reports };
        if votes.is_sound() { Ok(votes) } else { Err(Damaged) }
    }
}

/// What the places in entries stand for.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Lists {
    people: Few<Who>,
    kinds: Few<Found>,
    instruments: Few<Instrument>,
    /// Kinds of votes beyond [`PACES`].
    #[serde(default)]
    paces: Few<Pace>,
}

/// What became of a vote that was put in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Put {
    /// It is the newest.
    Last,
    /// It stands between others, or in the place of one.
    Between,
    /// It says nothing that the probe had not said in that minute, or there is no room for one more probe.
    Nowhere,
    /// It is older than the horizon.
    TooLate,
}

impl Votes {
    pub(crate) fn iter(&self) -> impl Iterator<Item = Cast> {
        self.entries.iter().map(|entry| self.cast(entry))
    }

    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }

    pub(crate) fn newest(&self) -> Option<Cast> {
        self.entries.last().map(|entry| self.cast(entry))
    }

    /// The minute before which nothing changes any more: whole minutes, because a probe's vote is a minute's.
    pub(crate) fn edge(&self) -> Moment {
        self.entries.last().map_or(Moment::default(), |newest| time(newest).minute().before(HORIZON))
    }

    /// Puts a vote in its place. The result is the same in whatever order votes come: where a probe votes twice in a
    /// minute, blocked prevails, then throttled, then what was compared, then the earlier one.
    pub(crate) fn put(&mut self, cast: Cast) -> Put {
        if cast.at < self.edge() {
            return Put::TooLate;
        }
        let rival = self.rival(&cast);
        if let Some((place, other)) = rival {
            if rank(&other) <= rank(&cast) {
                return Put::Nowhere;
            }
            self.entries.remove(place);
            self.reports.retain(|&(at, witness, _)| (at, witness) != (other.at, other.who.witness));
        }
        let Some(entry) = self.entry(&cast) else { return Put::Nowhere };
        self.keep_report(&cast);
        let place = self.place(&cast);
        if place == self.entries.len() {
            self.entries.push(entry);
            return if rival.is_none() { Put::Last } else { Put::Between };
        }
        self.entries.insert(place, entry);
        Put::Between
    }

    /// Takes out the oldest vote, if it was cast before this.
    pub(crate) fn pop_before(&mut self, until: Moment) -> Option<Cast> {
        let entry = self.entries.pop_before(until)?;
        let cast = self.cast(entry);
        if self.reports.first().is_some_and(|&(at, ..)| at <= cast.at) {
            self.reports.retain(|&(at, ..)| at > cast.at);
        }
        Some(cast)
    }

    /// The vote by the same witness in the same minute, and its place.
    fn rival(&self, cast: &Cast) -> Option<(usize, Cast)> {
        let start = cast.at.minute();
        let end = start.after(MINUTE);
        let minute = self.entries.since(start).into_iter().take_while(|&(_, entry)| time(entry) < end);
        let mut same = minute.filter(|&(_, entry)| self.who(entry).witness == cast.who.witness);
        same.next().map(|(place, entry)| (place, self.cast(entry)))
    }

    fn place(&self, cast: &Cast) -> usize {
        let later = self.entries.since(cast.at);
        let after = |&&(_, entry): &&(usize, u64)| (time(entry), self.who(entry).witness) > (cast.at, cast.who.witness);
        later.iter().find(after).map_or(self.entries.len(), |&(place, _)| place)
    }

    /// The first few reports of each hour are kept: which they are does not depend on the order in which they come.
    fn keep_report(&mut self, cast: &Cast) {
        let report = match cast.ballot {
            Ballot::Blocked(_, report) => report,
            Ballot::Paced(pace, report) => report.filter(|_| pace.throttled),
            Ballot::Clear => None,
        };
        let Some(report) = report else { return };
        let new = (cast.at, cast.who.witness, report);
        let place = self.reports.partition_point(|other| *other < new);
        let hour = cast.at.floor(HOUR);
        let end = hour.after(HOUR);
        let start = self.reports.partition_point(|&(at, ..)| at < hour);
        if place >= start + REPORTS_AN_HOUR {
            return;
        }
        self.reports.insert(place, new);
        let beyond = start + REPORTS_AN_HOUR;
        if self.reports.get(beyond).is_some_and(|&(at, ..)| at < end) {
            self.reports.remove(beyond);
        }
    }

    fn who(&self, entry: u64) -> Who {
        self.lists.people[bits(entry, KINDS + INSTRUMENTS, PEOPLE)]
    }

    fn cast(&self, entry: u64) -> Cast {
        let (at, who) = (time(entry), self.who(entry));
        let report = || {
            let place = self.reports.binary_search_by_key(&(at, who.witness), |&(at, witness, _)| (at, witness));
            place.ok().map(|place| self.reports[place].2)
        };
        let ballot = match bits(entry, INSTRUMENTS, KINDS) {
            0 => Ballot::Clear,
            kind if kind < PACES => Ballot::Blocked(self.lists.kinds[kind - 1], report()),
            kind => Ballot::Paced(self.lists.paces[kind - PACES], report()),
        };
        Cast { at, who, ballot, instrument: self.lists.instruments[bits(entry, 0, INSTRUMENTS)] }
    }

    /// The eight bytes of a vote. `None` if a list is full.
    fn entry(&mut self, cast: &Cast) -> Option<u64> {
        if self.lists.grows(cast) {
            let casts: Vec<_> = self.iter().collect();
            self.lists = Lists::default();
            self.entries = casts.iter().filter_map(|cast| self.lists.entry(cast)).collect();
        }
        self.lists.entry(cast)
    }

    /// Whether every entry refers to something listed: a saved state may be damaged.
    fn is_sound(&self) -> bool {
        let listed = |entry: u64| {
            bits(entry, KINDS + INSTRUMENTS, PEOPLE) < self.lists.people.len()
                && match bits(entry, INSTRUMENTS, KINDS) {
                    kind if kind < PACES => kind <= self.lists.kinds.len(),
                    kind => kind - PACES < self.lists.paces.len(),
                }
                && bits(entry, 0, INSTRUMENTS) < self.lists.instruments.len()
        };
        self.entries.iter().all(listed)
    }
}

impl Lists {
    fn entry(&mut self, cast: &Cast) -> Option<u64> {
        let who = listed(&mut self.people, cast.who, 1 << PEOPLE)?;
        let kind = match cast.ballot {
            Ballot::Clear => 0,
            Ballot::Blocked(found, _) => 1 + listed(&mut self.kinds, found, PACES - 1)?,
            Ballot::Paced(pace, _) => u64::try_from(PACES).ok()? + listed(&mut self.paces, pace, PACES)?,
        };
        // Whoever names a new instrument each time leaves no room for others'; one place is kept for all that do not fit.
        let instrument = listed(&mut self.instruments, cast.instrument, (1 << INSTRUMENTS) - 1)
            .or_else(|| listed(&mut self.instruments, Instrument::default(), 1 << INSTRUMENTS))?;
        Some(u64::from(cast.at.0) << 32 | who << (KINDS + INSTRUMENTS) | kind << INSTRUMENTS | instrument)
    }

    /// Whether a list would outgrow another 16 places: then those that nobody refers to any more make room.
    fn grows(&self, cast: &Cast) -> bool {
        const STEP: usize = 16;
        let full = |length: usize| length >= STEP && length.is_multiple_of(STEP);
        let who = full(self.people.len()) && !self.people.contains(&cast.who);
        let with = full(self.instruments.len()) && !self.instruments.contains(&cast.instrument);
        let found =
            full(self.kinds.len()) && matches!(cast.ballot, Ballot::Blocked(found, _) if !self.kinds.contains(&found));
        let paced =
            full(self.paces.len()) && matches!(cast.ballot, Ballot::Paced(pace, _) if !self.paces.contains(&pace));
        who || with || found || paced
    }
}

/// The place of a thing in a list, to which it is added if it is not there.
fn listed<T: PartialEq>(list: &mut Few<T>, thing: T, most: usize) -> Option<u64> {
    let place = list.iter().position(|other| *other == thing).unwrap_or(list.len());
    if place == list.len() {
        if place >= most {
            return None;
        }
        list.push(thing);
    }
    u64::try_from(place).ok()
}

/// Which of two votes of a probe in one minute counts: what says most, then the earlier one.
fn rank(cast: &Cast) -> (u8, Moment, Ballot) {
    let says = match cast.ballot {
        Ballot::Blocked(..) => 0,
        Ballot::Paced(pace, _) if pace.throttled => 1,
        Ballot::Paced(..) => 2,
        Ballot::Clear => 3,
    };
    (says, cast.at, cast.ballot)
}
