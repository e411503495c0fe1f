//! One field of a timeline: what a service was like somewhere during a while.

use std::ops::AddAssign;

use kedergi_verdict::Outcome;
use serde::{Deserialize, Serialize};

use crate::PUBLIC_PROBES;

/// How many reports said what.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// Reachable.
    pub ok: u32,
    /// Blocked, in whatever manner.
    pub blocked: u32,
    /// Throttled.
    pub throttled: u32,
    /// Down for everybody.
    pub down: u32,
    /// Without a verdict.
    pub inconclusive: u32,
}

impl Counts {
    /// Counts one report.
    pub fn add(&mut self, outcome: Outcome) {
        let count = match outcome {
            Outcome::Reachable => &mut self.ok,
            Outcome::Blocked { .. } => &mut self.blocked,
            Outcome::Throttled => &mut self.throttled,
            Outcome::Down => &mut self.down,
            Outcome::Inconclusive { .. } => &mut self.inconclusive,
        };
        *count = count.saturating_add(1);
    }

    /// Reports that tell something.
    pub fn conclusive(&self) -> u32 {
        self.ok.saturating_add(self.blocked).saturating_add(self.throttled).saturating_add(self.down)
    }

    /// All reports.
    pub fn reports(&self) -> u32 {
        self.conclusive().saturating_add(self.inconclusive)
    }
}

impl AddAssign for Counts {
    fn add_assign(&mut self, other: Self) {
        self.ok = self.ok.saturating_add(other.ok);
        self.blocked = self.blocked.saturating_add(other.blocked);
        self.throttled = self.throttled.saturating_add(other.throttled);
        self.down = self.down.saturating_add(other.down);
        self.inconclusive = self.inconclusive.saturating_add(other.inconclusive);
    }
}

/// What a cell is shown as.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum CellState {
    /// It could be reached.
    Ok,
    /// It was blocked.
    Blocked,
    /// It was slowed down.
    Throttled,
    /// It was down for everybody.
    Down,
    /// Too few probes, or nothing conclusive: not known, which is not the same as fine.
    Insufficient,
}

impl CellState {
    /// Every state, for legends.
    pub const ALL: [Self; 5] = [Self::Ok, Self::Blocked, Self::Throttled, Self::Down, Self::Insufficient];

    /// The state's word.
    pub fn word(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Blocked => "blocked",
            Self::Throttled => "throttled",
            Self::Down => "down",
            Self::Insufficient => "insufficient",
        }
    }
}

/// One field of a public timeline.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cell {
    /// What it is shown as.
    pub state: CellState,
    /// Distinct probes behind it, as far as that may be told: 0 where they are fewer than [`PUBLIC_PROBES`].
    pub probes: u32,
    /// Reports behind it, as far as that may be told: 0 where `probes` is.
    pub reports: u32,
}

impl Cell {
    /// A cell that nothing is known of, or about which nothing may be told.
    pub const INSUFFICIENT: Self = Self { state: CellState::Insufficient, probes: 0, reports: 0 };

    /// The cell for these reports of `probes` distinct probes.
    ///
    /// With fewer than [`PUBLIC_PROBES`] probes nothing is told, not even how many there were. Otherwise the state is what
    /// at least half of the conclusive reports say, obstacles together: a block that catches every second attempt keeps
    /// people out, while a minority of failures is what bad lines produce all day.
    pub fn of(counts: &Counts, probes: u32) -> Self {
        if probes < PUBLIC_PROBES {
            return Self::INSUFFICIENT;
        }
        Self { state: state(counts), probes, reports: counts.reports() }
    }
}

fn state(counts: &Counts) -> CellState {
    let conclusive = u64::from(counts.conclusive());
    let half = |count: u64| 2 * count >= conclusive;
    let obstructed = u64::from(counts.blocked) + u64::from(counts.throttled);
    if conclusive == 0 {
        CellState::Insufficient
    } else if half(obstructed) {
        // On a tie the graver word: a slow-down often shows as a block to those it slows down enough.
        if counts.blocked >= counts.throttled { CellState::Blocked } else { CellState::Throttled }
    } else if half(u64::from(counts.down)) {
        CellState::Down
    } else {
        CellState::Ok
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counts(ok: u32, blocked: u32, throttled: u32, down: u32) -> Counts {
        Counts { ok, blocked, throttled, down, inconclusive: 1 }
    }

    #[test]
    fn half_of_what_is_conclusive_decides() {
        assert_eq!(Cell::of(&counts(3, 2, 0, 0), 3).state, CellState::Ok);
        assert_eq!(Cell::of(&counts(3, 3, 0, 0), 3).state, CellState::Blocked);
        assert_eq!(Cell::of(&counts(3, 1, 2, 0), 3).state, CellState::Throttled);
        assert_eq!(Cell::of(&counts(1, 0, 0, 2), 3).state, CellState::Down);
    }

    #[test]
    fn nothing_conclusive_is_not_ok() {
        assert_eq!(Cell::of(&counts(0, 0, 0, 0), 5), Cell { state: CellState::Insufficient, probes: 5, reports: 1 });
    }

    #[test]
    fn two_probes_are_not_shown() {
        assert_eq!(Cell::of(&counts(0, 90, 0, 0), 2), Cell::INSUFFICIENT);
    }
}
