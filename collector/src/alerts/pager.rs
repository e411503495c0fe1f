//! Which changes of an event somebody is told of, and when. Pure: the clock is an argument.
//!
//! An alert wakes people, so there should be about one per event that begins and one per event that ends:
//! - An event that opens, closes or is retracted is told at once. What becomes known in the same step goes into the same
//!   alert: a block is confirmed service by service, but nobody wants to read of it that way.
//! - An event that becomes national is told once more, unless that is within a quarter of an hour. Growth short of that wakes nobody: pages show it.
//! - An event that is less than confirmed again, because a late report says otherwise, is taken back if it stays so for
//!   [`DOUBT`]: the next reports may confirm it anew. Who was told that it began hears how it went on, in any case.
//! - An event that opens again after it was told to be closed waits until [`REOPEN_PAUSE`] after that. A block that flaps
//!   is told once in that time, and not at all if it is over again before.
//!
//! What is told is compared with what was told, so that a change which adds nothing for a reader (one more probe, an onset
//! known better) wakes nobody.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use kedergi_detector::{Change, EventId, Level};
use serde::{Deserialize, Serialize};

use crate::api::{EventBody, State};

/// Between an alert that an event is over and one that it is not.
const REOPEN_PAUSE: SignedDuration = SignedDuration::from_mins(30);
/// How long an event may be less than confirmed before it is taken back: as long as it takes until all probes that measure
/// every ten minutes had their say again.
const DOUBT: SignedDuration = SignedDuration::from_mins(10);
/// What was told of a closed event is forgotten after this time, so that the state stays small.
const MEMORY: SignedDuration = SignedDuration::from_hours(7 * 24);

/// What kind of news an alert brings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum News {
    Opened,
    National,
    Closed,
    Retracted,
}

impl News {
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Opened => "opened",
            Self::National => "national",
            Self::Closed => "closed",
            Self::Retracted => "retracted",
        }
    }
}

/// One thing to tell everybody who wants alerts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Page {
    pub(crate) news: News,
    pub(crate) event: EventBody,
}

/// Remembers what was told. It is kept with the detector's state, so that telling is part of the same transaction.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Pager {
    events: BTreeMap<EventId, Track>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Track {
    told: Option<Told>,
    waiting: Option<Waiting>,
}

/// What readers know.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Told {
    news: News,
    national: bool,
    at: Timestamp,
    event: EventBody,
}

/// What they do not know yet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Waiting {
    since: Timestamp,
    national: bool,
    event: EventBody,
    /// It is less than confirmed again; `event` is what was told of it.
    doubted: bool,
}

impl Pager {
    /// Takes a change into account. Returns what has to be told before anything else is.
    pub(crate) fn note(&mut self, change: &Change, now: Timestamp) -> Vec<Page> {
        // What is only suspected, or explained away, is nobody's alert; what was told before is told to its end.
        if !change.event().is_news() && !self.events.contains_key(&change.event().id) {
            return Vec::new();
        }
        let id = &change.event().id;
        let page = match (change, change.event().public().map(|event| EventBody::from(&event))) {
            (Change::Retracted(_), newest) => self.events.get_mut(id).and_then(|track| track.retract(newest, now)),
            (_, Some(event)) => return self.go_on(change, event, now),
            (_, None) => {
                self.events.entry(id.clone()).and_modify(|track| track.doubt(now));
                None
            }
        };
        page.into_iter().collect()
    }

    /// It began, goes on or is over, and is confirmed.
    fn go_on(&mut self, change: &Change, event: EventBody, now: Timestamp) -> Vec<Page> {
        let national = change.event().level >= Level::National;
        let track = self.events.entry(event.id.clone()).or_default();
        if change.event().rose_at_once() {
            track.is_national();
        }
        // A collector that was away meets begin and end in one step; both are told, in order.
        let closed = matches!(change, Change::Closed(_));
        let opening = if closed { track.tell(now) } else { None };
        track.wait(event, national, now);
        let closing = if closed { track.tell(now) } else { None };
        opening.into_iter().chain(closing).collect()
    }

    /// What is to be told by now.
    pub(crate) fn due(&mut self, now: Timestamp) -> Vec<Page> {
        let pages = self.events.values_mut().filter_map(|track| track.tell(now)).collect();
        self.events.retain(|_, track| !track.forgettable(now));
        pages
    }

    /// When something is to be told next.
    pub(crate) fn next(&self) -> Option<Timestamp> {
        self.events.values().filter_map(|track| Some(track.news()?.1)).min()
    }
}

impl Track {
    /// Who was told that it began is taken to know that it is national.
    fn is_national(&mut self) {
        if let Some(told) = &mut self.told {
            told.national = true;
        }
    }

    fn wait(&mut self, event: EventBody, national: bool, now: Timestamp) {
        let since = self.waiting.as_ref().filter(|waiting| !waiting.doubted).map_or(now, |waiting| waiting.since);
        self.waiting = Some(Waiting { since, national, event, doubted: false });
        if self.news().is_none() {
            self.waiting = None;
        }
    }

    /// It is less than confirmed: nothing of it is told any more, but that.
    fn doubt(&mut self, now: Timestamp) {
        let since = self.waiting.take().filter(|waiting| waiting.doubted).map_or(now, |waiting| waiting.since);
        let told = self.told.as_ref().filter(|told| told.open());
        self.waiting =
            told.map(|told| Waiting { since, national: told.national, event: told.event.clone(), doubted: true });
    }

    /// What kind of news is waiting, and when it may be told.
    fn news(&self) -> Option<(News, Timestamp)> {
        let Waiting { since, national, event, doubted } = self.waiting.as_ref()?;
        match (&self.told, event.state) {
            _ if *doubted => Some((News::Retracted, after(*since, DOUBT))),
            (None, State::Open) => Some((News::Opened, *since)),
            // Over before anybody was told: nothing to call off.
            (None, State::Closed) => None,
            (Some(told), State::Open) if !told.open() => {
                Some((News::Opened, (*since).max(after(told.at, REOPEN_PAUSE))))
            }
            (Some(told), State::Open) if *national && !told.national => Some((News::National, *since)),
            (Some(told), State::Closed) if told.open() => Some((News::Closed, *since)),
            (Some(_), State::Open | State::Closed) => None,
        }
    }

    fn tell(&mut self, now: Timestamp) -> Option<Page> {
        let (news, _) = self.news().filter(|&(_, due)| due <= now)?;
        let Waiting { national, event, .. } = self.waiting.take()?;
        Some(self.remember(news, national, event, now))
    }

    /// It is none; `newest` is what was last known of it, unless it was less than confirmed by then.
    fn retract(&mut self, newest: Option<EventBody>, now: Timestamp) -> Option<Page> {
        self.waiting = None;
        let told = self.told.as_ref().filter(|told| told.news != News::Retracted)?;
        let event = newest.unwrap_or_else(|| told.event.clone());
        Some(self.remember(News::Retracted, false, event, now))
    }

    fn remember(&mut self, news: News, national: bool, event: EventBody, now: Timestamp) -> Page {
        self.told = Some(Told { news, national, at: now, event: event.clone() });
        Page { news, event }
    }

    fn forgettable(&self, now: Timestamp) -> bool {
        let over = self.told.as_ref().is_none_or(|told| !told.open() && after(told.at, MEMORY) < now);
        self.waiting.is_none() && over
    }
}

impl Told {
    fn open(&self) -> bool {
        matches!(self.news, News::Opened | News::National)
    }
}

fn after(at: Timestamp, wait: SignedDuration) -> Timestamp {
    at.saturating_add(wait).unwrap_or(Timestamp::MAX)
}

#[cfg(test)]
mod tests;
