//! The votes of one series that may still get company from late facts.

use std::collections::VecDeque;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::HORIZON;
use crate::controls::minus;
use crate::fold::{Ballot, Cast};
use crate::packed::Packed;

/// One vote per probe and minute, in order of time.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "Packed", try_from = "Packed")]
pub(crate) struct Votes(pub(crate) VecDeque<Cast>);

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
