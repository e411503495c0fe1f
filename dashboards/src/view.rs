//! What a page is made from: plain data that the collector fills in. Nothing here is decided, only shown.
//!
//! Every [`Cell`] and every [`PublicEvent`] has already lost what fewer than `PUBLIC_PROBES` probes saw: whoever builds a
//! view gets them from the detector, which owns that rule.

use jiff::{SignedDuration, Timestamp};
use kedergi_detector::{Cell, Change, Level, PublicEvent};
use kedergi_verdict::{Outcome, RuleId};
use kedergi_wire::{Asn, CountryCode, ServiceId};

/// What is happening now, everywhere.
#[derive(Debug, Clone, PartialEq)]
pub struct NowView {
    /// When the page is made.
    pub now: Timestamp,
    /// Countries from which anything was reported lately.
    pub countries: Vec<CountryNow>,
    /// Events that go on, and those that ended last. Any order.
    pub events: Vec<PublicEvent>,
}

/// One country as it is now.
#[derive(Debug, Clone, PartialEq)]
pub struct CountryNow {
    /// Which country.
    pub country: CountryCode,
    /// Networks that reported lately.
    pub networks: u32,
    /// Distinct probes that reported lately.
    pub probes: u32,
    /// The newest report (event time).
    pub last: Timestamp,
    /// What was found of each service lately. Any order.
    pub cells: Vec<(ServiceId, Cell)>,
}

/// One country over a stretch of time.
#[derive(Debug, Clone, PartialEq)]
pub struct CountryView {
    /// Which country.
    pub country: CountryCode,
    /// When the page is made.
    pub now: Timestamp,
    /// Begin of the stretch.
    pub from: Timestamp,
    /// End of the stretch, exclusive.
    pub until: Timestamp,
    /// How long one cell lasts.
    pub step: SignedDuration,
    /// When each cell begins, ascending; as many as every row has cells.
    pub starts: Vec<Timestamp>,
    /// One row a service. Any order.
    pub rows: Vec<Row>,
    /// Events that overlap the stretch. Any order.
    pub events: Vec<PublicEvent>,
}

/// One service over a stretch of time.
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    /// Which service.
    pub service: ServiceId,
    /// One cell for each of [`CountryView::starts`].
    pub cells: Vec<Cell>,
}

/// One event and what it rests on.
#[derive(Debug, Clone, PartialEq)]
pub struct EventView {
    /// The event; if it was taken back, as it was last told.
    pub event: PublicEvent,
    /// When it was taken back, if it was.
    pub taken_back: Option<Timestamp>,
    /// When the page is made.
    pub now: Timestamp,
    /// Reports it rests on. Those of a service on a network that `event` does not tell of are left out of the page.
    pub evidence: Vec<EvidenceView>,
    /// What controls found of the same services in the same minutes.
    pub controls: Vec<ControlView>,
    /// What was known when, oldest first.
    pub history: Vec<HistoryView>,
}

/// One report behind an event, as judged.
#[derive(Debug, Clone, PartialEq)]
pub struct EvidenceView {
    /// When it was measured.
    pub at: Timestamp,
    /// On which network.
    pub network: Asn,
    /// Which service.
    pub service: ServiceId,
    /// What it means.
    pub outcome: Outcome,
    /// The rule that fired.
    pub rule: RuleId,
    /// What it rests on, sentence by sentence.
    pub says: Vec<String>,
}

/// What one control found.
#[derive(Debug, Clone, PartialEq)]
pub struct ControlView {
    /// Of which service.
    pub service: ServiceId,
    /// When.
    pub at: Timestamp,
    /// Whether it reached it.
    pub reachable: bool,
}

/// One step of what became known of an event.
#[derive(Debug, Clone, PartialEq)]
pub struct HistoryView {
    /// When the measurements told it (event time).
    pub at: Timestamp,
    /// What kind of news it was.
    pub news: News,
    /// The event as it was then; `None` where too few probes had seen it to say anything in public.
    pub event: Option<PublicEvent>,
}

/// What kind of news a change was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum News {
    /// It began, or goes on after all.
    Opened,
    /// It reached another network or service.
    Grew,
    /// It reached a higher level.
    Raised,
    /// Something about it is known better.
    Updated,
    /// It is not confirmed, or not any more.
    Suspected,
    /// It is over.
    Closed,
    /// It was none.
    Retracted,
}

impl HistoryView {
    /// What the public may know of a change that the measurements told at `at`.
    pub fn of(at: Timestamp, change: &Change) -> Self {
        let news = match change {
            Change::Grew(event) | Change::Raised(event) | Change::Updated(event) if event.level < Level::Confirmed => {
                News::Suspected
            }
            Change::Opened(_) => News::Opened,
            Change::Grew(_) => News::Grew,
            Change::Raised(_) => News::Raised,
            Change::Updated(_) => News::Updated,
            Change::Closed(_) => News::Closed,
            Change::Retracted(_) => News::Retracted,
        };
        Self { at, news, event: change.event().public() }
    }
}
