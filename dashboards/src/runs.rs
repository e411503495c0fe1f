//! Cells of a row joined where the state stays the same.

use jiff::{SignedDuration, Timestamp};
use kedergi_detector::{Cell, CellState};

use crate::view::{CountryView, Row};

/// A stretch of one state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Run {
    pub(crate) from: Timestamp,
    pub(crate) until: Timestamp,
    pub(crate) state: CellState,
    /// Fewest and most probes behind one of its cells.
    pub(crate) probes: (u32, u32),
    /// Reports behind all its cells.
    pub(crate) reports: u32,
}

impl Run {
    fn of(cell: &Cell, from: Timestamp, until: Timestamp) -> Self {
        Self { from, until, state: cell.state, probes: (cell.probes, cell.probes), reports: cell.reports }
    }

    fn take_in(&mut self, next: &Self) {
        self.until = next.until;
        self.probes = (self.probes.0.min(next.probes.0), self.probes.1.max(next.probes.1));
        self.reports = self.reports.saturating_add(next.reports);
    }

    pub(crate) fn lasts(&self) -> SignedDuration {
        self.until.duration_since(self.from)
    }
}

/// The row's runs, up to now: what is still to come has no state.
pub(crate) fn runs(view: &CountryView, row: &Row) -> Vec<Run> {
    let mut runs: Vec<Run> = Vec::new();
    for (&start, cell) in view.starts.iter().zip(&row.cells).filter(|&(&start, _)| start < view.now) {
        let end = start.checked_add(view.step).unwrap_or(view.until).min(view.until);
        let next = Run::of(cell, start.max(view.from), end);
        match runs.last_mut() {
            Some(run) if run.state == next.state && run.until == next.from => run.take_in(&next),
            _ => runs.push(next),
        }
    }
    runs
}

/// How long a state lasted over all the runs.
pub(crate) fn total(runs: &[Run], state: CellState) -> SignedDuration {
    let lengths = runs.iter().filter(|run| run.state == state).map(|run| run.lasts().as_secs());
    SignedDuration::from_secs(lengths.sum())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const STEP: SignedDuration = SignedDuration::from_mins(10);

    fn view(states: &[CellState], now: &str) -> CountryView {
        let from: Timestamp = "2019-05-09T05:00:00Z".parse().unwrap();
        let starts: Vec<_> = (0..).take(states.len()).map(|n| from + STEP * n).collect();
        let cells = states.iter().map(|&state| Cell { state, probes: 5, reports: 7 }).collect();
        let rows = vec![Row { service: "vk".parse().unwrap(), cells }];
        let until = from + STEP * i32::try_from(states.len()).unwrap();
        CountryView {
            country: "KZ".parse().unwrap(),
            now: now.parse().unwrap(),
            from,
            until,
            step: STEP,
            starts,
            rows,
            events: Vec::new(),
        }
    }

    #[test]
    fn equal_neighbours_are_one_run() {
        let view = view(&[CellState::Ok, CellState::Ok, CellState::Blocked], "2019-05-10T00:00:00Z");
        let runs = runs(&view, &view.rows[0]);
        assert_eq!(runs.len(), 2);
        assert_eq!((runs[0].lasts(), runs[0].reports), (STEP * 2, 14));
        assert_eq!(total(&runs, CellState::Blocked), STEP);
    }

    #[test]
    fn the_future_has_no_state() {
        let view = view(&[CellState::Ok, CellState::Insufficient, CellState::Insufficient], "2019-05-09T05:10:00Z");
        assert_eq!(runs(&view, &view.rows[0]).len(), 1);
    }

    proptest! {
        #[test]
        fn runs_cover_the_past_without_gap_or_overlap(
            states in proptest::collection::vec(proptest::sample::select(&CellState::ALL[..]), 1..50),
            past in 0i32..60,
        ) {
            let mut view = view(&states, "2019-05-10T00:00:00Z");
            view.now = view.from + STEP * past;
            let runs = runs(&view, &view.rows[0]);
            let cells = usize::try_from(past).unwrap().min(states.len());
            let lasts: i64 = runs.iter().map(|run| run.lasts().as_secs()).sum();
            prop_assert_eq!(lasts, STEP.as_secs() * i64::try_from(cells).unwrap());
            for pair in runs.windows(2) {
                prop_assert_eq!(pair[0].until, pair[1].from);
                prop_assert_ne!(pair[0].state, pair[1].state);
            }
        }
    }
}
