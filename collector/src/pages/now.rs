use axum::extract::State;
use axum::response::Html;
use jiff::{SignedDuration, Timestamp};
use kedergi_dashboards::{CountryNow, NowView};
use kedergi_detector::{Cell, Event};
use kedergi_store::{CountryActivity, Facts, StoreError};

use super::NoPage;
use crate::app::App;

/// A country that said nothing for so long is no longer news.
const RECENT: SignedDuration = SignedDuration::from_hours(24);
/// What was measured within this time of a country's newest report counts as now: a round of probes and a late one.
const LATELY: SignedDuration = SignedDuration::from_mins(20);
/// Events looked at.
const EVENTS: u32 = 200;

pub(super) async fn now(State(app): State<App>) -> Result<Html<String>, NoPage> {
    let view = view(&app, app.now()).await.map_err(|error| NoPage::Unavailable("/".to_owned(), error))?;
    Ok(Html(kedergi_dashboards::now(&view)))
}

async fn view(app: &App, now: Timestamp) -> Result<NowView, StoreError> {
    let countries = app.facts(move |facts| countries(facts, now)).await?;
    let events = app.ledger(|ledger| ledger.events(None, EVENTS)).await?;
    Ok(NowView { now, countries, events: events.iter().filter_map(Event::public).collect() })
}

/// The countries heard of lately. Where there is none, all: a collector that holds a history only shows how that ended.
fn countries(facts: &Facts, now: Timestamp) -> Result<Vec<CountryNow>, StoreError> {
    let mut active = facts.countries(now.saturating_sub(RECENT).unwrap_or(Timestamp::MIN))?;
    if active.is_empty() {
        active = facts.countries(Timestamp::MIN)?;
    }
    active.into_iter().map(|activity| country(facts, activity)).collect()
}

fn country(facts: &Facts, activity: CountryActivity) -> Result<CountryNow, StoreError> {
    let CountryActivity { country, networks, probes, last } = activity;
    let minute = SignedDuration::from_mins(1);
    let until = last.saturating_add(minute).unwrap_or(last);
    let from = until.saturating_sub(LATELY).unwrap_or(last);
    let cells = facts.cells(country, from, until, LATELY)?;
    let cells = cells.into_iter().map(|row| (row.service, Cell::of(&row.counts, row.probes))).collect();
    Ok(CountryNow { country, networks, probes, last, cells })
}
