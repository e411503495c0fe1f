//! The votes of one series that may still get company from late facts.

use std::collections::VecDeque;

use jiff::{SignedDuration, Timestamp};
use kedergi_verdict::How;
use kedergi_wire::{ProbeId, ReportRef};
use serde::{Deserialize, Serialize};

use crate::HORIZON;
use crate::controls::minus;
use crate::fold::{Ballot, Cast};

/// One vote per probe and minute, in order of time.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "Packed", from = "Packed")]
pub(crate) struct Votes(VecDeque<Cast>);

/// What became of a vote that was put in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Put {
    /// It is the newest.
    Last,
    /// It stands between others, or in the place of one.
    Between,
    /// It says nothing that the probe had not said in that minute.
    Nowhere,
    /// It is older than the horizon.
    TooLate,
}

impl Votes {
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Cast> {
        self.0.iter()
    }

    /// The minute before which nothing changes any more: whole minutes, because a probe's vote is a minute's.
    pub(crate) fn edge(&self) -> Timestamp {
        self.0.back().map_or(Timestamp::MIN, |newest| minus(minute(newest.at), HORIZON))
    }

    /// Puts a vote in its place. The result is the same in whatever order votes come: where a probe votes twice in a
    /// minute, blocked prevails, then the earlier one.
    pub(crate) fn put(&mut self, cast: Cast) -> Put {
        if cast.at < self.edge() {
            return Put::TooLate;
        }
        if let Some(rival) = self.rival(&cast) {
            if rank(&self.0[rival]) <= rank(&cast) {
                return Put::Nowhere;
            }
            self.0.remove(rival);
            self.insert(cast);
            return Put::Between;
        }
        self.insert(cast)
    }

    /// Takes out the oldest vote, if it lies beyond the edge.
    pub(crate) fn pop_settled(&mut self) -> Option<Cast> {
        let edge = self.edge();
        self.0.pop_front_if(|cast| cast.at < edge)
    }

    /// The place of the vote by the same probe in the same minute.
    fn rival(&self, cast: &Cast) -> Option<usize> {
        let start = minute(cast.at);
        let first = self.0.partition_point(|other| other.at < start);
        let same_minute = self.0.iter().skip(first).take_while(|other| minute(other.at) == start);
        same_minute.zip(first..).find(|(other, _)| other.probe == cast.probe).map(|(_, place)| place)
    }

    fn insert(&mut self, cast: Cast) -> Put {
        let place = self.0.partition_point(|other| (other.at, other.probe) < (cast.at, cast.probe));
        self.0.insert(place, cast);
        if place + 1 == self.0.len() { Put::Last } else { Put::Between }
    }
}

fn rank(cast: &Cast) -> (bool, Timestamp, Ballot) {
    (cast.ballot == Ballot::Clear, cast.at, cast.ballot)
}

fn minute(at: Timestamp) -> Timestamp {
    let into = at.as_millisecond().rem_euclid(60_000);
    minus(at, SignedDuration::from_millis(into))
}

/// As [`Votes`] are saved: the state of the detector is written with every step, and most of it are votes. Each names its
/// probe by its place in a list and its time by the milliseconds since the vote before.
#[derive(Serialize, Deserialize)]
struct Packed {
    first: Timestamp,
    probes: Vec<ProbeId>,
    votes: Vec<PackedVote>,
}

/// Milliseconds passed, place of the probe, and what was found if it was blocked.
type PackedVote = (i64, usize, Option<(How, ReportRef)>);

impl From<Votes> for Packed {
    fn from(Votes(casts): Votes) -> Self {
        let first = casts.front().map_or(Timestamp::UNIX_EPOCH, |cast| cast.at);
        let mut probes: Vec<_> = casts.iter().map(|cast| cast.probe).collect();
        probes.sort_unstable();
        probes.dedup();
        let mut before = first.as_millisecond();
        let votes = casts.iter().map(|cast| {
            let now = cast.at.as_millisecond();
            let passed = now - std::mem::replace(&mut before, now);
            let ballot = match cast.ballot {
                Ballot::Blocked(how, report) => Some((how, report)),
                Ballot::Clear => None,
            };
            (passed, probes.partition_point(|probe| *probe < cast.probe), ballot)
        });
        let votes = votes.collect();
        Self { first, probes, votes }
    }
}

impl From<Packed> for Votes {
    /// A vote that names no probe of the list, or no time there is, is left out: only a file tampered with has one.
    fn from(packed: Packed) -> Self {
        let mut now = packed.first.as_millisecond();
        let casts = packed.votes.into_iter().filter_map(|(passed, probe, ballot)| {
            now = now.saturating_add(passed);
            let at = Timestamp::from_millisecond(now).ok()?;
            let ballot = ballot.map_or(Ballot::Clear, |(how, report)| Ballot::Blocked(how, report));
            Some(Cast { at, probe: *packed.probes.get(probe)?, ballot })
        });
        Self(casts.collect())
    }
}
