//! A while in which a service was slowed down on a network, or seemed to be.

use kedergi_verdict::Regime;
use kedergi_wire::ReportRef;
use serde::{Deserialize, Serialize};

use super::By;
use super::numbers::SLOWER;
use super::usual::median;
use crate::alarm::{EVIDENCE, Span};
use crate::controls::Controls;
use crate::series::Key;
use crate::slow::Pace;
use crate::streaks::Streaks;
use crate::time::Moment;
use crate::{Affected, Kind, Note, Slowed};

/// Values of d kept of one slow-down: enough for their median.
const VALUES: usize = 32;

/// One vote that says "slow".
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Slowness {
    pub(crate) at: Moment,
    pub(crate) witness: u64,
    pub(crate) pace: Pace,
    pub(crate) report: Option<ReportRef>,
    /// As of [`crate::alarm::Accusation`].
    pub(crate) changed: Option<bool>,
}

/// What one probe's pairs said since a slow-down was confirmed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct Looks {
    witness: u64,
    /// Reports whose pairs spoke against it, and whether those of any spoke for it.
    clear: u16,
    slow: bool,
}

/// A while in which a service was slowed down.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Slowdown {
    pub(crate) onset: Span,
    /// When it became likely, and when the votes of independent probes sufficed.
    pub(crate) suspected: Moment,
    pub(crate) reached: Option<Moment>,
    pub(crate) last_slow: Moment,
    /// The last vote that found it at least half as slow as the slowest before.
    last_alike: Moment,
    /// When a control first reached the service meanwhile.
    pub(crate) contradicted: Option<Moment>,
    pub(crate) end: Option<Span>,
    pub(crate) cleared: Option<Moment>,
    /// Votes since: slow ones, and those of targets that did not seem slow.
    pub(super) slow: u16,
    pub(super) quick: u16,
    pub(crate) standing: bool,
    /// Whether aged probes contradict it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) contested: bool,
    /// Who compared it since it was confirmed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    looks: Vec<Looks>,
    /// While it is confirmed.
    #[serde(default)]
    pub(super) streaks: Streaks,
    changed: u16,
    unchanged: bool,
    /// Sorted.
    witnesses: Vec<u64>,
    /// What its first votes said, and when.
    values: Vec<(Moment, i16)>,
    policed: u32,
    shaped: u32,
    by_name: u32,
    by_address: u32,
    evidence: Vec<ReportRef>,
}

impl Slowdown {
    pub(super) fn starting(onset: Span, at: Moment, standing: bool) -> Self {
        Self {
            onset,
            suspected: at,
            reached: None,
            last_slow: at,
            last_alike: onset.latest,
            contradicted: None,
            end: None,
            cleared: None,
            slow: 0,
            quick: 0,
            standing,
            contested: false,
            looks: Vec::new(),
            streaks: Streaks::default(),
            changed: 0,
            unchanged: false,
            witnesses: Vec::new(),
            values: Vec::new(),
            policed: 0,
            shaped: 0,
            by_name: 0,
            by_address: 0,
            evidence: Vec::new(),
        }
    }

    pub(super) fn is_open(&self) -> bool {
        self.end.is_none()
    }

    /// Takes a slow vote in. Whether anything worth telling changed.
    pub(super) fn count(&mut self, seen: &Slowness) -> bool {
        self.last_slow = seen.at;
        if self.is_alike(seen.pace.slowness) {
            self.last_alike = seen.at;
        }
        self.slow = self.slow.saturating_add(1);
        let place = self.witnesses.binary_search(&seen.witness);
        if let Err(place) = place {
            self.witnesses.insert(place, seen.witness);
            match seen.changed {
                Some(true) => self.changed = self.changed.saturating_add(1),
                Some(false) => self.unchanged = true,
                None => {}
            }
        }
        if self.values.len() < VALUES {
            self.values.push((seen.at, seen.pace.slowness));
        }
        if self.evidence.len() < EVIDENCE {
            self.evidence.extend(seen.report);
        }
        match seen.pace.by {
            Some(By::Name) => self.by_name += 1,
            Some(By::Address) => self.by_address += 1,
            None => {}
        }
        match seen.pace.regime {
            Some(Regime::Policed) => self.policed += 1,
            Some(Regime::Shaped) => self.shaped += 1,
            None => {}
        }
        place.is_err()
    }

    /// Notes what a report with pairs said since it was confirmed.
    pub(super) fn look(&mut self, witness: u64, slow: bool) {
        let place = self.looks.iter().position(|looks| looks.witness == witness).unwrap_or_else(|| {
            self.looks.push(Looks { witness, clear: 0, slow: false });
            self.looks.len() - 1
        });
        let looks = &mut self.looks[place];
        looks.clear = looks.clear.saturating_add(u16::from(!slow));
        looks.slow |= slow;
    }

    /// Who compared it at least so often since it was confirmed, and never found it slow.
    pub(super) fn never_slow(&self, least: u16) -> Vec<u64> {
        let never = self.looks.iter().filter(|looks| !looks.slow && looks.clear >= least);
        never.map(|looks| looks.witness).collect()
    }

    /// When it could first be suspected: votes, and a control that reached the service.
    pub(crate) fn suspected(&self) -> Option<Moment> {
        self.contradicted.map(|control| control.max(self.suspected))
    }

    /// When it could first be said.
    pub(crate) fn confirmed(&self) -> Option<Moment> {
        self.contradicted.zip(self.reached).map(|(control, reached)| control.max(reached))
    }

    /// Lets the controls have their say. Whether that changed anything.
    pub(super) fn consult(&mut self, controls: &Controls) -> bool {
        let before = self.contradicted;
        // Where a name is slowed down, the same server gives the same bytes under another. Otherwise the server may have become
        // slow since a control looked, and only what was found after it looked again accuses; pairs that are a little slow, as one
        // in a few is by chance, are neither before nor after.
        let found = if self.by_name > 0 {
            controls.contradicts(self.onset.latest, self.last_slow)
        } else {
            let first = self.values.iter().find(|(_, slowness)| self.is_alike(*slowness));
            controls.reached_between(first.map_or(self.onset.latest, |(at, _)| *at), self.last_alike)
        };
        self.contradicted = before.into_iter().chain(found).min();
        self.contradicted != before
    }

    pub(crate) fn witnesses(&self) -> &[u64] {
        &self.witnesses
    }

    /// Whether it looks as if the instrument had changed, not the world.
    pub(crate) fn is_instruments(&self) -> bool {
        self.changed >= 2 && !self.unchanged
    }

    fn slowed(&self) -> Slowed {
        let &Self { policed, shaped, by_name, by_address, .. } = self;
        Slowed { slowness: self.slowness(), policed, shaped, by_name, by_address }
    }

    /// Whether this is at least half as slow as the slowest: what is a little slow by chance may be most of what came first.
    fn is_alike(&self, slowness: i16) -> bool {
        let slowest = self.values.iter().map(|(_, slowness)| *slowness).max().unwrap_or(0);
        2 * i32::from(slowness) >= slowest.into()
    }

    /// Which of the slow-downs tested for it is most like: their sums reach the cap together, so they do not tell.
    pub(super) fn slower(&self) -> i32 {
        let slowness = self.slowness();
        SLOWER.into_iter().min_by_key(|slower| (slowness - slower).abs()).unwrap_or(slowness)
    }

    /// What most found, in the unit of [`Slowness`]'s pace.
    fn slowness(&self) -> i32 {
        let mut values: Vec<_> = self.values.iter().map(|&(_, slowness)| i32::from(slowness)).collect();
        median(&mut values).unwrap_or(0)
    }

    /// What the public knows of it; `None` where no control reached the service.
    pub(crate) fn affected(&self, key: &Key) -> Option<Affected> {
        let notes = [(self.standing, Note::Standing), (self.is_instruments(), Note::Instrument)];
        Some(Affected {
            kind: Kind::Throttling,
            network: key.network,
            service: Some(key.service.clone()),
            onset: self.onset.into(),
            suspected: self.suspected()?.timestamp(),
            confirmed: self.confirmed().map(Moment::timestamp),
            end: self.end.map(Into::into),
            cleared: self.cleared.map(Moment::timestamp),
            probes: u32::try_from(self.witnesses.len()).unwrap_or(u32::MAX),
            manners: Vec::new(),
            slowed: Some(self.slowed()),
            contested: self.contested,
            notes: notes.into_iter().filter(|(holds, _)| *holds).map(|(_, note)| note).collect(),
            evidence: self.evidence.clone(),
        })
    }
}
