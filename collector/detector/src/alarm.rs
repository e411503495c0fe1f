//! A while in which a service was blocked on a network, or seemed to be.

use std::collections::BTreeMap;

use kedergi_verdict::How;
use kedergi_wire::ReportRef;
use serde::{Deserialize, Serialize};

use crate::controls::Controls;
use crate::streaks::Streaks;
use crate::time::Moment;
use crate::track::Tally;
use crate::weights::SHARES;

/// Reports named as evidence of one alarm: the first ones, enough to read and few enough to keep.
pub(crate) const EVIDENCE: usize = 8;

/// Votes in an alarm from which on they alone say how many attempts it catches.
const FEW: u32 = 20;

/// When something happened, as closely as the votes tell: see [`crate::Bracket`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Span {
    pub(crate) earliest: Option<Moment>,
    pub(crate) latest: Moment,
}

/// One vote that says "blocked".
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Accusation {
    pub(crate) at: Moment,
    pub(crate) witness: u64,
    pub(crate) how: How,
    pub(crate) report: Option<ReportRef>,
    /// Whether the probe measured with something else than when it last reached the service; `None` if it never did.
    pub(crate) changed: Option<bool>,
}

/// A while in which a service was blocked on a network, or seemed to be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Alarm {
    pub(crate) onset: Span,
    /// When it became likely.
    pub(crate) suspected: Moment,
    /// When the votes of independent probes sufficed.
    pub(crate) reached: Option<Moment>,
    pub(crate) last_blocked: Moment,
    /// When a control first contradicted it: until then it is not shown to anybody.
    pub(crate) contradicted: Option<Moment>,
    pub(crate) end: Option<Span>,
    pub(crate) cleared: Option<Moment>,
    /// Place in [`crate::weights::SHARES`] of the share of attempts it catches.
    pub(crate) share: usize,
    /// Votes since, but for those that may belong to its end.
    pub(crate) tally: Tally,
    /// It was so from the first sight on.
    pub(crate) standing: bool,
    pub(crate) contested: bool,
    /// Probes that saw it after their instrument had changed, and whether any saw it without.
    pub(crate) changed: u16,
    pub(crate) unchanged: bool,
    /// Sorted.
    pub(crate) witnesses: Vec<u64>,
    #[serde(with = "crate::pairs")]
    pub(crate) manners: BTreeMap<How, u32>,
    pub(crate) evidence: Vec<ReportRef>,
    /// While it is confirmed.
    #[serde(default)]
    pub(crate) streaks: Streaks,
}

impl Alarm {
    pub(crate) fn starting(onset: Span, at: Moment, share: usize, standing: bool) -> Self {
        Self {
            onset,
            suspected: at,
            reached: None,
            last_blocked: at,
            contradicted: None,
            end: None,
            cleared: None,
            share,
            tally: Tally::default(),
            standing,
            contested: false,
            changed: 0,
            unchanged: false,
            witnesses: Vec::new(),
            manners: BTreeMap::new(),
            evidence: Vec::new(),
            streaks: Streaks::default(),
        }
    }

    pub(crate) fn is_open(&self) -> bool {
        self.end.is_none()
    }

    pub(crate) fn count(&mut self, accusation: &Accusation) {
        self.last_blocked = accusation.at;
        if let Err(place) = self.witnesses.binary_search(&accusation.witness) {
            self.witnesses.insert(place, accusation.witness);
            match accusation.changed {
                Some(true) => self.changed = self.changed.saturating_add(1),
                Some(false) => self.unchanged = true,
                None => {}
            }
        }
        let count = self.manners.entry(accusation.how).or_default();
        *count = count.saturating_add(1);
        if self.evidence.len() < EVIDENCE {
            self.evidence.extend(accusation.report);
        }
    }

    /// The share of attempts that it catches, in thousandths: what the votes say, and while they are few no more than what the
    /// test found likeliest. A few blocked votes in a row do
    /// not prove that it catches all, and an end is the sooner mistaken the higher this is.
    pub(crate) fn caught(&self) -> u32 {
        let (blocked, votes) = (u32::from(self.tally.blocked), u32::from(self.tally.votes));
        let seen = (blocked + 2) * 1000 / (votes + 4);
        let place = usize::from(seen <= 800) + usize::from(seen <= 350);
        SHARES[if votes < FEW { place.max(self.share) } else { place }]
    }

    /// When it could first be suspected: votes, and a control that contradicts them.
    pub(crate) fn suspected(&self) -> Option<Moment> {
        self.contradicted.map(|control| control.max(self.suspected))
    }

    /// When it could first be said: enough votes, and a control that contradicts them.
    pub(crate) fn confirmed(&self) -> Option<Moment> {
        self.contradicted.zip(self.reached).map(|(control, reached)| control.max(reached))
    }

    /// Lets the controls have their say. Whether that changed anything.
    pub(crate) fn consult(&mut self, controls: &Controls) -> bool {
        let before = self.contradicted;
        let found = controls.contradicts(self.onset.latest, self.last_blocked);
        self.contradicted = before.into_iter().chain(found).min();
        self.contradicted != before
    }

    /// Whether it looks as if the instrument had changed, not the world.
    pub(crate) fn is_instruments(&self) -> bool {
        self.changed >= 2 && !self.unchanged
    }
}
