use std::collections::BTreeMap;

use axum::extract::rejection::QueryRejection;
use axum::extract::{Path, Query, State};
use axum::response::Html;
use http::Uri;
use jiff::{SignedDuration, Timestamp};
use kedergi_dashboards::{CountryView, Row};
use kedergi_detector::{Cell, Event, PublicEvent};
use kedergi_store::{CellRow, Facts, StoreError};
use kedergi_wire::{CountryCode, ServiceId};
use serde::Deserialize;

use super::NoPage;
use crate::app::App;

const USUAL: SignedDuration = SignedDuration::from_hours(24);
/// A longer stretch would make the collector count for long, at anybody's wish.
const LONGEST: SignedDuration = SignedDuration::from_hours(366 * 24);
/// Cells in a row at most: more are narrower than a line on a telephone.
const CELLS: i64 = 96;
/// Steps in minutes. Probes measure every ten minutes; shorter cells would have holes.
const STEPS: [i64; 11] = [10, 15, 30, 60, 120, 180, 360, 720, 1440, 2880, 5760];
/// Events looked at.
const EVENTS: u32 = 1000;

#[derive(Debug, Default, Deserialize)]
pub(super) struct Wish {
    from: Option<Timestamp>,
    until: Option<Timestamp>,
}

/// A stretch of time cut into steps: whole steps since 1970, so that the same cells come back on every visit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Window {
    from: Timestamp,
    until: Timestamp,
    step: SignedDuration,
}

pub(super) async fn country(
    State(app): State<App>,
    uri: Uri,
    Path(code): Path<String>,
    wish: Result<Query<Wish>, QueryRejection>,
) -> Result<Html<String>, NoPage> {
    let path = uri.path().to_owned();
    let country = code.parse().map_err(|_| NoPage::NotFound(path.clone()))?;
    // A wish that cannot be read is treated as none: the page still says what it shows.
    let wish = wish.map(|Query(wish)| wish).unwrap_or_default();
    match view(&app, country, wish, app.now()).await {
        Ok(Some(view)) => Ok(Html(kedergi_dashboards::country(&view))),
        Ok(None) => Err(NoPage::NotFound(path)),
        Err(error) => Err(NoPage::Unavailable(path, error)),
    }
}

async fn view(app: &App, country: CountryCode, wish: Wish, now: Timestamp) -> Result<Option<CountryView>, StoreError> {
    let found = app.facts(move |facts| rows(facts, country, &wish, now)).await?;
    let Some((window, cells)) = found else { return Ok(None) };
    let events = app.ledger(move |ledger| ledger.events(Some(country), EVENTS)).await?;
    let starts = window.starts();
    Ok(Some(CountryView {
        country,
        now,
        from: window.from,
        until: window.until,
        step: window.step,
        rows: fill(&cells, &starts),
        starts,
        events: events.iter().filter_map(Event::public).filter(|event| window.overlaps(event)).collect(),
    }))
}

/// `None` where nothing was ever measured.
fn rows(
    facts: &Facts,
    country: CountryCode,
    wish: &Wish,
    now: Timestamp,
) -> Result<Option<(Window, Vec<CellRow>)>, StoreError> {
    let Some(last) = last(facts, country, now)? else { return Ok(None) };
    let window = Window::new(wish, last, now);
    let cells = facts.cells(country, window.from, window.until, window.step)?;
    Ok(Some((window, cells)))
}

/// When the country was last heard of. The whole history is searched only where the last day is empty.
fn last(facts: &Facts, country: CountryCode, now: Timestamp) -> Result<Option<Timestamp>, StoreError> {
    for since in [before(now, USUAL), Timestamp::MIN] {
        if let Some(activity) = facts.countries(since)?.into_iter().find(|activity| activity.country == country) {
            return Ok(Some(activity.last));
        }
    }
    Ok(None)
}

impl Window {
    /// The stretch asked for, or the last 24 hours: up to now, or where those are empty (a history was replayed) up to the
    /// newest report.
    fn new(wish: &Wish, last: Timestamp, now: Timestamp) -> Self {
        let latest = if last < before(now, USUAL) { after(last, SignedDuration::from_mins(1)) } else { now };
        // Pages of a future that nobody measured, or of a past before the internet, are of no use and break arithmetic.
        let until = wish.until.unwrap_or(latest).clamp(Timestamp::UNIX_EPOCH, after(now, LONGEST));
        let from = wish.from.filter(|&from| from < until).unwrap_or_else(|| before(until, USUAL));
        let from = from.max(before(until, LONGEST));
        let length = until.duration_since(from).as_mins();
        let minutes = STEPS.into_iter().find(|step| length <= step * CELLS).unwrap_or(STEPS[STEPS.len() - 1]);
        let step = SignedDuration::from_mins(minutes);
        let until = floor(after(until, step - SignedDuration::from_nanos(1)), step);
        // An unaligned stretch may touch one step more at each end.
        let from = floor(from, step).max(before(until, step * i32::try_from(CELLS).unwrap_or(i32::MAX)));
        Self { from, until, step }
    }

    fn starts(&self) -> Vec<Timestamp> {
        std::iter::successors(Some(self.from), |&start| Some(after(start, self.step)))
            .take_while(|&start| start < self.until)
            .collect()
    }

    fn overlaps(&self, event: &PublicEvent) -> bool {
        event.onset.latest < self.until && event.end.is_none_or(|end| end.latest >= self.from)
    }
}

fn floor(at: Timestamp, step: SignedDuration) -> Timestamp {
    let step = step.as_secs().max(1);
    Timestamp::from_second(at.as_second().div_euclid(step) * step).unwrap_or(at)
}

fn before(at: Timestamp, time: SignedDuration) -> Timestamp {
    at.saturating_sub(time).unwrap_or(Timestamp::MIN)
}

fn after(at: Timestamp, time: SignedDuration) -> Timestamp {
    at.saturating_add(time).unwrap_or(Timestamp::MAX)
}

/// One row per service that was measured at all, each with one cell per start.
fn fill(cells: &[CellRow], starts: &[Timestamp]) -> Vec<Row> {
    let mut services = BTreeMap::<&ServiceId, Vec<Cell>>::new();
    for row in cells {
        let Ok(place) = starts.binary_search(&row.start) else { continue };
        let line = services.entry(&row.service).or_insert_with(|| vec![Cell::INSUFFICIENT; starts.len()]);
        line[place] = Cell::of(&row.counts, row.probes);
    }
    services.into_iter().map(|(service, cells)| Row { service: service.clone(), cells }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn window(wish: Wish, last: &str) -> (String, String, i64, usize) {
        let window = Window::new(&wish, at(last), at("2026-11-20T12:03:00Z"));
        (window.from.to_string(), window.until.to_string(), window.step.as_mins(), window.starts().len())
    }

    #[test]
    fn the_last_day_up_to_now() {
        let expected = ("2026-11-19T12:15:00Z".into(), "2026-11-20T12:15:00Z".into(), 15, 96);
        assert_eq!(window(Wish::default(), "2026-11-20T11:00:00Z"), expected);
    }

    #[test]
    fn a_history_ends_at_its_newest_report() {
        let expected = ("2019-05-09T00:00:00Z".into(), "2019-05-10T00:00:00Z".into(), 15, 96);
        assert_eq!(window(Wish::default(), "2019-05-09T23:59:00Z"), expected);
    }

    #[test]
    fn a_wish_is_met_within_bounds() {
        let wish = |from: &str, until: &str| Wish { from: Some(at(from)), until: Some(at(until)) };
        let last = "2026-11-20T11:00:00Z";
        let hours = window(wish("2019-05-09T06:00:00Z", "2019-05-09T16:00:00Z"), last);
        assert_eq!(hours, ("2019-05-09T06:00:00Z".into(), "2019-05-09T16:00:00Z".into(), 10, 60));
        let ages = window(wish("0001-01-01T00:00:00Z", "9999-01-01T00:00:00Z"), last);
        assert_eq!((ages.2, ages.3 <= 96), (5760, true), "{ages:?}");
        let backwards = window(wish("2019-05-09T16:00:00Z", "2019-05-09T06:00:00Z"), last);
        assert_eq!(backwards.3, 96);
    }
}
